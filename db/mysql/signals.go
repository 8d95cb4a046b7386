package mysql

import (
	"context"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
)

var _ db.Gauger = (*conn)(nil)

// Gauge reads a signal. What SHOW answers has its columns by name: the lag is in
// one of two, and none while the replica does not copy.
func (c *conn) Gauge(ctx context.Context, s dialect.Signal) ([]db.Reading, error) {
	if !strings.HasPrefix(s.Query, "SHOW ") {
		return db.Gauge(ctx, c, s)
	}
	rows, err := c.Query(ctx, s.Query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []db.Reading
	for rows.Next() {
		values := make([]*string, len(rows.Columns()))
		into := make([]any, len(values))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		r := db.Reading{Hidden: true}
		for i, name := range rows.Columns() {
			if (name == "Seconds_Behind_Master" || name == "Seconds_Behind_Source") && values[i] != nil {
				n, err := strconv.ParseFloat(*values[i], 64)
				r.Amount, r.Hidden = n, err != nil
			}
		}
		all = append(all, r)
	}
	return all, rows.Err()
}
