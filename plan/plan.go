// Package plan is what will be done, in order, with its locks and its losses,
// before anything is done.
//
// Charter: statements with their effects, grouped into steps; nothing here has
// seen a database.
// Invariant: a [Plan] is a value: two builds from the same files and dialect are equal.
// Example: p, err := plan.Build(moves, scripts, reader, plan.Options{})
package plan

import (
	"strings"
	"time"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/sqltext"
)

// Lock is a lock mode, spelled as the database spells it; "" is none.
type Lock string

// Name is a possibly qualified name, without quotes, folded as the database folds it.
type Name struct{ Schema, Name string }

// String joins the parts with a dot; it is for reading, not for SQL.
func (n Name) String() string {
	if n.Schema == "" {
		return n.Name
	}
	return n.Schema + "." + n.Name
}

// Class is what a statement is, as far as the rule "schema and data do not mix"
// and the runner are concerned.
type Class int

const (
	// Other: nothing of the below, or not understood.
	Other Class = iota
	// DDL changes the shape of the database, its routines, rights or comments.
	DDL
	// Rows changes rows: INSERT, UPDATE, DELETE, MERGE, COPY … FROM, LOAD DATA, REPLACE.
	Rows
	// Query reads; a SELECT that calls a function may still change rows.
	Query
	// Session sets something of the session: SET, RESET, USE, PRAGMA without effect on the file.
	Session
	// Begin, Commit and Rollback control transactions; Savepoint is their inner form.
	Begin
	Commit
	Rollback
	Savepoint
	// Routine runs code whose effect cannot be seen: DO, CALL.
	Routine
	// Admin is upkeep: VACUUM, ANALYZE, REINDEX, CHECKPOINT, CLUSTER.
	Admin
)

// Touch is an existing object that a statement locks.
type Touch struct {
	Table    Name
	Lock     Lock
	Scans    bool // reads the whole table under the lock
	Rewrites bool // writes the whole table anew under the lock
	// StopsReads and StopsWrites tell what the lock makes the application wait
	// for. A lock that stops reads stops writes.
	StopsReads, StopsWrites bool
	Index                   bool // Table names an index: its table is locked, which only the catalog knows
	// Of is the kind of an object that is no table, which Table names: "schema",
	// "type", "function". It goes with all that is in it and depends on it, and the
	// tables of those are locked, which only the catalog knows.
	Of string
	// Keys are the foreign keys at whose other ends tables are locked, too.
	Keys []Keys
}

// Keys are foreign keys that a statement drops, checks or makes anew with a table.
// It locks the tables at their other ends, which only the catalog knows.
type Keys struct {
	Lock Lock // on those tables
	// Constraint and Column choose those of that name, or over that column; with
	// neither it is all of the table's.
	Constraint, Column string
	Refer              Refer
}

// Refer says which way keys lead.
type Refer int

const (
	// Out: from the table to others.
	Out Refer = iota
	// Both: from others to the table, too.
	Both
	// In: from others to the table, and from others again to those.
	In
	// Dependents: not keys alone, but all that depends on the table, and on that again.
	Dependents
)

// Loss is what a statement destroys: a column, or the whole table when Column is
// "", or a whole schema when only Table.Schema is set. The zero Loss is
// something that the statement does not name, as in DROP DATABASE or DROP OWNED.
type Loss struct {
	Table  Name
	Column string
	// Rows: the rows go but the table stays (TRUNCATE, DELETE without WHERE).
	Rows bool
}

// Object is a thing in the catalog that a statement makes, changes or drops.
type Object struct {
	Kind string // "table", "index", "view", "function", "trigger", "type", "schema", "database", …
	Name Name
	On   Name // the table of an index or trigger, when the statement names it
}

// Index is concurrent index work, which cannot be undone by a rollback.
type Index struct {
	Name    Name // "" when the server chooses the name
	Table   Name
	Drop    bool
	Rebuild bool // REINDEX
	// Trusting: IF NOT EXISTS or IF EXISTS was said, which takes an unfinished index for a good one.
	Trusting bool
}

// Detach is a partition that is detached in two transactions, the second of which
// waits for everybody who uses the table: so it may be left begun.
type Detach struct {
	Table, Partition Name
	Finish           string // the statement that ends what was begun
}

// Rename is a table's name before and after.
type Rename struct{ From, To Name }

// Constraint is a rule about the rows of an existing table that a statement
// adds or, with Validates, finally looks at.
type Constraint struct {
	Table Name
	Name  string // "" when the server chooses it
	Kind  string // "check", "foreign key", "unique", "primary key", "exclude", "not null"; "" when validating
	// Later: it is added without looking at the rows that are there (NOT VALID).
	Later     bool
	Validates bool
}

// Effect is what is known of a statement without a database. The zero value
// means nothing is known.
type Effect struct {
	Verb     string // as people say it: "ALTER TABLE", "CREATE INDEX CONCURRENTLY"
	Class    Class
	Touches  []Touch
	Creates  []Name // tables it makes
	Changes  []Name // tables whose rows it changes
	Destroys []Loss
	Objects  []Object
	// Renames are the tables it gives another name.
	Renames []Rename
	// Constraints are those it adds to existing tables or validates.
	Constraints []Constraint
	// NoTx says why it cannot run inside a transaction; "" means it can.
	NoTx string
	// Ignored: inside a transaction it gives no error but does nothing; NoTx says why.
	Ignored bool
	// Skip says why it is left out and only said; "" means it is run.
	Skip     string
	Index    *Index
	Detach   *Detach
	Unparsed bool // the classifier did not understand it; it still runs
}

// Strongest is the touch with the strongest lock; the zero Touch when there is
// none. Classifiers put the strongest first.
func (e Effect) Strongest() Touch {
	if len(e.Touches) == 0 {
		return Touch{}
	}
	return e.Touches[0]
}

// Destructive tells whether something is lost for good.
func (e Effect) Destructive() bool { return len(e.Destroys) > 0 }

// Statement is one statement to be sent.
type Statement struct {
	SQL  string
	Kind sqltext.Kind
	Data string // COPY data
	// Pos is the place of the statement's first code character; At is the place
	// of SQL's first byte, from which error offsets are counted.
	Pos, At     fault.Pos
	Effect      Effect
	LockTimeout time.Duration // zero: the run's
	Timeout     time.Duration // zero: the run's
	// Phase is the one of a change in which it runs; "" in every other migration.
	Phase revision.Phase
	// Derived: no file says it, it was made of what the file says.
	Derived bool
}

// Tx is how the statements of a step share transactions.
type Tx string

const (
	// TxOne: all statements and the ledger's record in one transaction.
	TxOne Tx = "one"
	// TxEach: each statement alone, progress recorded per statement.
	TxEach Tx = "each"
	// TxChunks: rows change chunk by chunk, each chunk in a transaction of its own,
	// by any number of workers and without the lock.
	TxChunks Tx = "chunks"
	// TxChange: a change, whose phases have transactions of their own, weeks apart
	// perhaps.
	TxChange Tx = "change"
	// TxNone is a step without statements, or written in Go without a transaction.
	TxNone Tx = "none"
)

// Step is one migration in one direction.
type Step struct {
	Move       revision.Move
	Revision   revision.Revision
	Tx         Tx
	TxWhy      string // why that mode, when it is not the usual one
	Statements []Statement
	Done       int         // statements that an earlier run has done: it goes on behind them
	Checks     []Statement // queries that must return no rows
	Notes      []string    // what was skipped or changed on the way, with places
	Script     revision.Script
}

// Plan is the whole, in order.
type Plan struct {
	Steps []Step
	// From and To are the sets of current revisions before and after.
	From, To []revision.ID
}

// Reader is what a plan needs to know of a database's language.
type Reader interface {
	Split(text string, o sqltext.Options) sqltext.Pieces
	Classify(sql string) Effect
	// RollsBackDDL tells whether DDL can be rolled back.
	RollsBackDDL() bool
}

// Key is the name in a form that compares equal for equal tables when one of
// them may be unqualified: the last part in lower case.
func (n Name) Key() string { return strings.ToLower(n.Name) }

// In tells whether one of names is the same table, as far as names without a
// schema can tell.
func (n Name) In(names []Name) bool {
	for _, m := range names {
		if m.Key() == n.Key() && (m.Schema == "" || n.Schema == "" || strings.EqualFold(m.Schema, n.Schema)) {
			return true
		}
	}
	return false
}
