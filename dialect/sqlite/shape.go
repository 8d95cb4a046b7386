package sqlite

import (
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

var _ dialect.Shaper = Dialect{}

// Comparison is what a comparison must know of this version.
func (d Dialect) Comparison() diff.Language { return Language{Dialect: d} }

// Filling is the same without losses and hazards.
func (d Dialect) Filling() diff.Language { return Language{Dialect: d, Bare: true} }

// Empty has nothing.
func (d Dialect) Empty() schema.Schema { return schema.New(d.Name(), d.Version(), nil) }
