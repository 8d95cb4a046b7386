package dialect

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/sqltext"
)

// Sync is what keeps the two sides of a change in step while both are written:
// all that a dialect makes its triggers of. Expressions name the table's columns
// bare, or behind the table's name; the server binds them, nobody replaces text.
type Sync struct {
	// Name begins the names of all objects that are made for the change. It is
	// short enough for what a dialect appends to it (16 bytes).
	Name     string
	Revision string
	Table    plan.Name // with its schema, where there are schemas
	// Key is the primary key, or another key whose values are there and unique.
	Key []string
	// Columns are the names of all columns of the table, so that expressions may
	// name others than those of the two sides; none: they name only those of the
	// sides and of the key.
	Columns  []string
	Old, New []SyncColumn
	// Into is where the new side is when it is in another table; its zero value says
	// that both sides are in Table.
	Into Into
	// Forward gives New by Old, Backward Old by New. Backward may be empty: then a
	// write to the new side leaves the old one as it is.
	Forward, Backward []Assignment
	Policy            Policy
	// Writes is the ledger's table of evidence, spelled as SQL; "" counts nothing.
	// SyncOn makes it where it is not there. Its columns are revision, side,
	// application (all of Traits.Key) and at (Traits.Time): a row says that, around
	// then, that application wrote that side of that revision. It stands for every
	// such write of a second. What bellows itself writes is not told.
	Writes string
	// Written: the new side may have been written by itself. Without Backward the
	// old side does not follow, so Agrees then takes any new side that is filled.
	Written bool
}

// Into is the other table of a change that moves columns there. A row of it
// belongs to the row of Table that has the same key, and no two to the same one.
// A row of Table needs none there as long as Forward gives nothing for it: NULL, or
// the columns' defaults.
type Into struct {
	Table plan.Name
	// Key are its columns that hold the key of Table's row, in the order of Sync.Key.
	Key []string
	// Columns are the names of all its columns; none: expressions name only those of
	// the new side and of the key.
	Columns []string
}

// Moves tells whether the two sides are in two tables.
func (s Sync) Moves() bool { return s.Into.Table.Name != "" }

// Far is the change as the other table sees it: that table, its key and its columns
// stand where those of the first stood.
func (s Sync) Far() Sync {
	f := s
	f.Table, f.Key, f.Columns = s.Into.Table, s.Into.Key, s.Into.Columns
	if len(f.Columns) == 0 {
		f.Columns = slices.Clone(f.Key)
		for _, c := range s.New {
			f.Columns = append(f.Columns, c.Name)
		}
	}
	return f
}

// Mover is a Syncer that also keeps sides in step that are in two tables. All
// dialects of this house are.
type Mover interface {
	// Has is a condition on a row of Table, whose columns it names behind the table's
	// name: a row of the other table belongs to it.
	Has(s Sync) string
	// Stray is a condition on a row of the other table, whose columns it names
	// behind the table's name: no row of Table belongs to it.
	Stray(s Sync) string
	// Keyed is a query: a row for each column of each unique key of a table, with the
	// key's name, the column and "true" where it is never null; "" where db.Keyer
	// tells of all such keys.
	Keyed(table plan.Name) string
	// Unmovable is a query: a row with a reason for each thing that keeps the two
	// tables from being kept in step.
	Unmovable(s Sync) string
}

// SyncColumn is a column of one side as the catalog has it. Type is spelled as
// SQL with its length and the like; "" not known yet.
type SyncColumn struct {
	Name    string
	Type    string
	NotNull bool
	// Default is what the column gets when an INSERT leaves it out, as SQL; "" for
	// NULL. A value that is the default counts as not given, where the default is a
	// constant or the time of the transaction; a counter, chance and the like cannot
	// be told from a value that was given.
	Default string
	// Made says why its values are the database's own making: "generated",
	// "identity"; "" for a plain column.
	Made string
	// Unequal: its type has no equality; values are compared by how they are written.
	Unequal bool
}

// Assignment is one column and the expression that gives its value.
type Assignment struct {
	Column string
	SQL    string
	Pos    fault.Pos // of the expression's first byte
}

// Policy says what a write is that gives both sides values that do not agree.
type Policy string

const (
	// Refuse makes it an error of the statement.
	Refuse Policy = "refuse"
	// OldWins and NewWins keep that side and compute the other.
	OldWins Policy = "old"
	NewWins Policy = "new"
)

// Side is one side of a change.
type Side string

const (
	Old Side = "old"
	New Side = "new"
)

// Syncer is a dialect that can keep two sides of a change in step. All dialects
// of this house are. Statements are sent one by one; each can be repeated.
type Syncer interface {
	// SyncOn makes the triggers, or replaces them: on INSERT the side that is not
	// null decides, on UPDATE the side that differs from before; the other side is
	// computed from it. A row that no side of changed and that is not filled yet is
	// filled when it is touched.
	SyncOn(s Sync) []string
	// SyncPolicy changes the policy only, without a lock on the table where the
	// database can.
	SyncPolicy(s Sync) []string
	// SyncOff removes everything SyncOn made.
	SyncOff(s Sync) []string
	// SyncSeen is a query: a row for each object of SyncOn that is there, with its
	// name, its definition as the database has it, and "on" or why it does not fire.
	SyncSeen(s Sync) string
	// Agrees is a condition on a row of the table, in parentheses, never null: New
	// is what Forward gives, or Old is what Backward gives. name qualifies the
	// columns, spelled as SQL; "" leaves them bare.
	Agrees(s Sync, name string) string
	// Fills are the statements of a backfill, each with :chunk, that compute that
	// side where the sides do not agree; a semicolon and a line's end stand between them.
	Fills(s Sync, side Side) string
	// Trial is a query that computes a side for at most so many rows; it fails as
	// the trigger would fail. Its columns are the key's and the side's.
	Trial(s Sync, side Side, rows int) string
}

// Columns of a side.
func (s Sync) side(side Side) []SyncColumn {
	if side == Old {
		return s.Old
	}
	return s.New
}

// Side is what computes a side: its columns that have an expression, and for each
// the expression, in one order.
func (s Sync) Side(side Side) ([]SyncColumn, []string) {
	list := s.Forward
	if side == Old {
		list = s.Backward
	}
	var columns []SyncColumn
	var exprs []string
	for _, a := range list {
		c := SyncColumn{Name: a.Column}
		if i := slices.IndexFunc(s.side(side), func(c SyncColumn) bool { return c.Name == a.Column }); i >= 0 {
			c = s.side(side)[i]
		}
		columns, exprs = append(columns, c), append(exprs, a.SQL)
	}
	return columns, exprs
}

// All are the columns that expressions may name.
func (s Sync) All() []string {
	if len(s.Columns) > 0 {
		return s.Columns
	}
	all, sides := slices.Clone(s.Key), slices.Concat(s.Old, s.New)
	if s.Moves() {
		sides = s.Old
	}
	for _, c := range sides {
		if !slices.Contains(all, c.Name) {
			all = append(all, c.Name)
		}
	}
	return all
}

// Constant tells whether a column's default is the same each time within a
// transaction, so that the value of a row can be compared with it: it calls
// nothing but what tells the transaction's time.
func Constant(f Filler, sql string) bool {
	before := ""
	for t := range f.Tokens(sql) {
		text := strings.ToLower(sql[t.Start:t.End])
		switch {
		case t.Kind.Silent():
			continue
		case text == "(" && before != "" && !slices.Contains(steady, before):
			return false
		}
		before = ""
		if t.Kind == sqltext.Word || t.Kind == sqltext.Quoted {
			before = text
		}
	}
	return true
}

// steady are words before a parenthesis that are no calls, or calls of which each
// in a transaction gives the same.
var steady = []string{"now", "current_timestamp", "localtimestamp", "transaction_timestamp", "varchar", "varying", "character", "char", "numeric",
	"decimal", "bit", "timestamp", "time", "float"}

// Complaint is the error of a write that gives both sides values that do not
// agree, and Remedy is what to do about it.
func (s Sync) Complaint() string {
	names := func(columns []SyncColumn) string {
		var list []string
		for _, c := range columns {
			list = append(list, c.Name)
		}
		return strings.Join(list, ", ")
	}
	return "the change " + s.Revision + " keeps " + names(s.New) + " of " + s.Table.Name + " in step with " + names(s.Old) + ": this write gives both sides, and they do not agree"
}

// Lonely is the error of a row of the other table that belongs to none, and
// LonelyRemedy is what to do about it.
func (s Sync) Lonely() string {
	return "the change " + s.Revision + " keeps " + s.Into.Table.Name + " in step with " + s.Table.Name + ": this row belongs to no row of " + s.Table.Name
}

// LonelyRemedy is what to do about a row that is Lonely.
const LonelyRemedy = "insert the row that it belongs to first"

// Remedy is what to do about a Complaint.
const Remedy = "write one side only, or give both sides the same value"

// Named are those columns that expressions name, or may name.
func (s Sync) Named(f Filler, exprs ...string) []string {
	words := map[string]bool{}
	for _, sql := range exprs {
		for t := range f.Tokens(sql) {
			if t.Kind == sqltext.Word || t.Kind == sqltext.Quoted {
				words[bareName(sql[t.Start:t.End])] = true
			}
		}
	}
	var found []string
	for _, name := range s.All() {
		if words[strings.ToLower(name)] {
			found = append(found, name)
		}
	}
	return found
}

// bareName is a name without its quotes, in small letters.
func bareName(text string) string {
	for _, q := range []string{"``", `""`, "[]"} {
		if len(text) > 1 && text[0] == q[0] && text[len(text)-1] == q[1] {
			text = strings.ReplaceAll(text[1:len(text)-1], q[1:]+q[1:], q[1:])
			break
		}
	}
	return strings.ToLower(text)
}

// Pruner is a dialect whose triggers may note more than one write of an application
// in a second, where each request has a session of its own.
type Pruner interface {
	// Prune is a statement that leaves of the evidence of a revision the last of each
	// second; nobody who writes waits for it.
	Prune(writes, revision string) []string
}
