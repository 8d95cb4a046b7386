package db

import (
	"context"

	"github.com/bellowsdb/bellows/schema"
)

// Inspection says what to look at. The zero value looks at everything that is
// not the server's own.
type Inspection struct {
	// Leave are tables to pass over with all that lives on them, spelled as SQL:
	// our ledger's own. A schema that holds nothing else is passed over too.
	Leave []string
	// Schemas narrows to those schemas; nil looks at all.
	Schemas []string
}

// Inspector is a Conn that can read the shape of its database: every hand of
// this module is one.
type Inspector interface {
	// Inspect reads the shape as of one moment: in one snapshot where the server
	// has them. It must be called outside a transaction, changes nothing and
	// leaves the session's settings as they were. What it finds and cannot
	// describe is in Unmodelled.
	Inspect(ctx context.Context, o Inspection) (schema.Schema, error)
}

// Measurer is a Conn whose server knows how large its tables are without counting.
type Measurer interface {
	// Sizes are those of the tables and materialized views, as the server last
	// estimated them; a partitioned table is as large as its parts together.
	Sizes(ctx context.Context) (map[schema.ID]schema.Size, error)
}
