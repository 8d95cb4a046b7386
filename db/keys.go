package db

import (
	"context"

	"github.com/bellowsdb/bellows/plan"
)

// Keyer is a Conn that can tell by which keys the rows of a table can be gone
// through. All hands of this house are.
type Keyer interface {
	// Shape looks a table up by a name as the server folds it; without a schema
	// as the session finds it. ok is false when there is no such table.
	Shape(ctx context.Context, table plan.Name) (s Shape, ok bool, err error)
	// Blocked lists the sessions that wait for one of ours; nil where the server
	// does not tell.
	Blocked(ctx context.Context, ours []Session) ([]Waiting, error)
	// Cancel ends what another session is doing now, but not the session.
	Cancel(ctx context.Context, s Session) error
}

// Waiting is a session that waits for one of ours.
type Waiting struct {
	PID  int64 // who waits
	For  int64 // the one of ours
	User string
	App  string
}

// Shape is what a table is for those who go through all its rows.
type Shape struct {
	Table plan.Name // with its schema
	SQL   string    // quoted and qualified
	// Kind is "table", or another word for what cannot be gone through: "view".
	Kind string
	// Keys are those whose values are there, unique and ordered, the best first.
	Keys []Key
	// Pages addresses rows by where they are stored; nil where that cannot be done.
	Pages *Key
	// Parts are the leaves of a partitioned table, in a fixed order; nil otherwise.
	Parts []Part
	Rows  int64 // as the server estimates, 0 unknown
	// Blocks and BlockSize, in bytes, tell the size of the storage; 0 unknown.
	Blocks, BlockSize int64
	// Why says of the keys that are there why they cannot be used; "" when none is.
	Why string
}

// Part is a leaf of a partitioned table.
type Part struct {
	Table plan.Name
	SQL   string
}

// Key is a way through the rows.
type Key struct {
	Name    string // of the index or constraint
	Primary bool
	Columns []KeyColumn
	// Correlation tells how much the order of the key is the order of storage,
	// from -1 to 1; 2 unknown.
	Correlation float64
	// Moves: upkeep of the database may give rows other keys.
	Moves bool
}

// KeyColumn is one column of a key. Kind is for the dialect's KeyText and KeyValue.
type KeyColumn struct {
	Name, Kind string
	Integer    bool
	Desc       bool
}
