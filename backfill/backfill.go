// Package backfill is the next chunk and the next pace of a change of many rows.
//
// Charter: which way through a table, where one chunk ends and the next begins,
// how large it is, what its statement reads like, and what to do when it fails;
// all as functions on values, without a database.
// Invariant: the chunks of a sweep are half-open ranges, low < row <= high, each
// of which begins where another ends; so every row is in exactly one of them,
// whatever is inserted, deleted or given another key meanwhile.
// Example: where := backfill.Condition(d, "p", key, backfill.Range{High: backfill.Bound{"4000"}})
package backfill

import (
	"encoding/json"
	"slices"
	"time"
)

// Column is one column of a key. Kind is for the dialect's KeyText and KeyValue.
type Column struct {
	Name    string
	Kind    string `json:",omitempty"`
	Integer bool   `json:",omitempty"`
	Desc    bool   `json:",omitempty"`
}

// Key is an order in which the rows of a table can be gone through: no value is
// null, and no two rows are equal in all columns.
type Key struct {
	Name    string
	Primary bool `json:",omitempty"`
	Columns []Column
	// Correlation tells how much the key's order is the order of storage, from
	// -1 to 1; 2 unknown.
	Correlation float64 `json:"-"`
	// Moves: upkeep of the database may give rows other keys.
	Moves bool `json:",omitempty"`
}

// Names are the columns' names.
func (k Key) Names() []string {
	names := make([]string, len(k.Columns))
	for i, c := range k.Columns {
		names[i] = c.Name
	}
	return names
}

// Bound is a place in a key's order, as the texts of the columns' values. nil is
// the place before all rows when it is low, behind all when it is high.
type Bound []string

// String is the bound as it is kept: JSON, "" for nil.
func (b Bound) String() string {
	if b == nil {
		return ""
	}
	text, err := json.Marshal([]string(b))
	if err != nil {
		return "" // strings can always be marshalled
	}
	return string(text)
}

// ReadBound reads what [Bound.String] wrote; nil for what it cannot have written.
func ReadBound(text string) Bound {
	var b Bound
	if text == "" || json.Unmarshal([]byte(text), &b) != nil {
		return nil
	}
	return b
}

// Equal tells whether two bounds are the same text.
func (b Bound) Equal(other Bound) bool {
	return (b == nil) == (other == nil) && slices.Equal(b, other)
}

// Range are the rows behind Low, up to and with High.
type Range struct{ Low, High Bound }

// Equal tells whether both ends are the same.
func (r Range) Equal(other Range) bool { return r.Low.Equal(other.Low) && r.High.Equal(other.High) }

// The states of a chunk.
const (
	Todo   = "todo"
	Done   = "done"
	Poison = "poison" // its only row fails; it is set aside
)

// The kinds of a chunk.
const (
	Rows  = "rows"  // rows to change
	Check = "check" // the question whether all is well
)

// Whole is the part of a check that is asked of the whole table at once.
const Whole = -1

// Again is the part of a check that asks once more, of the whole table at once,
// what was asked of it chunk by chunk.
const Again = -2

// Chunk is one part of the work: a range of a leaf of the table, in one sweep
// over it.
type Chunk struct {
	Seq   int64
	Kind  string
	Sweep int
	Part  int // the leaf's number, 0 where there is only one; Whole or Again of a check
	Range Range
	State string
	// Rows is how many it has, as far as was known when it was planned; Changed
	// how many its statements changed.
	Rows, Changed int64
	Took          time.Duration
	Tries         int
	// Merged is how many chunks were made into this one.
	Merged int64
	Note   string // what a check found
}
