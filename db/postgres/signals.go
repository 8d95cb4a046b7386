package postgres

import (
	"context"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
)

var _ db.Gauger = (*conn)(nil)

// Gauge reads a signal in text, so that numbers of any type can be read.
func (c *conn) Gauge(ctx context.Context, s dialect.Signal) ([]db.Reading, error) {
	s.Query = "SELECT s.a::text, s.b::text, s.c::text FROM (" + s.Query + ") s (a, b, c)"
	return db.Gauge(ctx, c, s)
}
