package dialect

import (
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
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
	Key      []string
	Old, New []SyncColumn
	// Forward gives New by Old, Backward Old by New. Backward may be empty: then a
	// write to the new side leaves the old one as it is.
	Forward, Backward []Assignment
	Policy            Policy
	// Writes is the ledger's table of evidence, spelled as SQL; "" counts nothing.
	// A row says which side of which revision was written, by which application,
	// and when.
	Writes string
}

// SyncColumn is a column of one side as the catalog has it. Type is spelled as
// SQL with its length and the like; "" not known yet.
type SyncColumn struct {
	Name    string
	Type    string
	NotNull bool
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
	// Fills is the statement of a backfill, with :chunk, that computes that side
	// where the sides do not agree.
	Fills(s Sync, side Side) string
	// Trial is a query that computes a side for at most so many rows; it fails as
	// the trigger would fail. Its columns are the key's and the side's.
	Trial(s Sync, side Side, rows int) string
}
