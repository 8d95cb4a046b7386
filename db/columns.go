package db

import (
	"context"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
)

// Columner is a Conn that can tell the columns of a table. All hands of this
// house are.
type Columner interface {
	// Columns are the columns of a table in their order, none when there is no such
	// table. It may be asked inside a transaction.
	Columns(ctx context.Context, table plan.Name) ([]dialect.Column, error)
}
