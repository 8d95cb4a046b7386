package sqlite

import (
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
)

var _ dialect.Signaller = Dialect{}

// Signals tell of the one thing that grows beside the file: the write-ahead log,
// which readers that stay keep from being written back. Asking writes back what
// can be without waiting.
func (d Dialect) Signals([]plan.Name) []dialect.Signal {
	return []dialect.Signal{{Limit: "wal_size", Query: "PRAGMA wal_checkpoint(PASSIVE)"}}
}

// Lag is nothing: a file has no replicas that it knows of.
func (d Dialect) Lag() dialect.Signal { return dialect.Signal{} }
