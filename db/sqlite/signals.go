package sqlite

import (
	"context"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
)

var _ db.Gauger = (*conn)(nil)

// Gauge reads a signal. A checkpoint answers whether it was held up, how many
// pages the log has, or -1 where there is none, and how many were written back.
func (c *conn) Gauge(ctx context.Context, s dialect.Signal) ([]db.Reading, error) {
	if !strings.HasPrefix(s.Query, "PRAGMA ") {
		return db.Gauge(ctx, c, s)
	}
	rows, err := db.Texts(ctx, c, s.Query)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	size, err := db.Texts(ctx, c, "PRAGMA page_size")
	if err != nil || len(size) == 0 {
		return nil, err
	}
	log, _ := strconv.ParseFloat(rows[0][1], 64)
	back, _ := strconv.ParseFloat(rows[0][2], 64)
	page, _ := strconv.ParseFloat(size[0][0], 64)
	return []db.Reading{{Who: "the write-ahead log", Amount: max(log-back, 0) * page}}, nil
}
