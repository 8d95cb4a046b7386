package dialect

import (
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

// Shaper is a Dialect of a database whose shapes can be compared and written
// as SQL.
type Shaper interface {
	// Comparison is what a comparison must know to plan changes of a live database.
	Comparison() diff.Language
	// Filling is the same for scripts that fill an empty database: nothing is
	// told of locks and hazards, which costs time.
	Filling() diff.Language
	// Empty is the shape of a database that was just created.
	Empty() schema.Schema
}
