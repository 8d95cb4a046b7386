package backfill

import "github.com/bellowsdb/bellows/dialect"

// Reaction is what a worker does about a chunk that failed. The chunk was
// rolled back: nothing of it is there.
type Reaction int

const (
	// Stop: every worker stops; all is kept, and the same command goes on.
	Stop Reaction = iota
	// Retry: the same chunk again, after a pause.
	Retry
	// Split: the chunk becomes several; one that has a single row is set aside
	// when it is the row's fault, and tried again when it was too much.
	Split
)

// patience is how often a chunk meets a passing trouble before it is split, so
// that the rows that are in the way of nobody can be done.
const patience = 3

// lonely is how often the load of a single row is tried.
const lonely = 3

// React tells what to do about a trouble that a chunk of that many rows has met
// for the tries-th time in a row, counted from 1.
func React(t dialect.Trouble, rows int64, tries int) Reaction {
	switch t {
	case dialect.Row:
		return Split
	case dialect.Load:
		if rows > 1 {
			return Split
		}
		if tries < lonely {
			return Retry
		}
	case dialect.Transient:
		if rows > 1 && tries >= patience {
			return Split
		}
		return Retry
	}
	return Stop
}

// Pieces tells into how many ranges a chunk with that many keys is cut: a small
// one into its rows, a large one into halves.
func Pieces(keys int64) int64 {
	if keys <= rowByRow {
		return keys
	}
	return 2
}

// rowByRow is how small a chunk is that is cut into single rows at once.
const rowByRow = 16

// TooMany tells whether the rows set aside are more than the limit allows.
func TooMany(open, limit int64) bool { return open > limit }
