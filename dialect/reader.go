package dialect

import "github.com/bellowsdb/bellows/plan"

// Reader is the dialect as plans are built with it.
func Reader(d Dialect) plan.Reader { return reader{d} }

type reader struct{ Dialect }

func (r reader) RollsBackDDL() bool { return r.Traits().TransactionalDDL }
