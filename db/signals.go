package db

import (
	"context"
	"strconv"

	"github.com/bellowsdb/bellows/dialect"
)

// Gauger is a Conn that can tell how hard its server is pressed. All hands of
// this house are.
type Gauger interface {
	// Gauge reads a signal: a reading for each thing that is to be within its
	// limit, none where there is nothing.
	Gauge(ctx context.Context, s dialect.Signal) ([]Reading, error)
}

// Reading is how much there is of something that has a limit.
type Reading struct {
	Who    string // what it is, as people read it; "" where there is only one
	Amount float64
	Hidden bool    // the session may not see how much there is
	Most   float64 // what there should be at most; 0 when the server does not say
}

// Gauge reads a signal whose query has the columns that [dialect.Signal] names.
func Gauge(ctx context.Context, c Conn, s dialect.Signal) ([]Reading, error) {
	rows, err := c.Query(ctx, s.Query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Reading
	for rows.Next() {
		var who, amount, most *string
		if err := rows.Scan(&who, &amount, &most); err != nil {
			return nil, err
		}
		all = append(all, reading(who, amount, most))
	}
	return all, rows.Err()
}

func reading(who, amount, most *string) Reading {
	r := Reading{Hidden: true}
	if who != nil {
		r.Who = *who
	}
	if amount != nil {
		n, err := strconv.ParseFloat(*amount, 64)
		r.Amount, r.Hidden = n, err != nil
	}
	if most != nil {
		if n, err := strconv.ParseFloat(*most, 64); err == nil {
			r.Most = n
		}
	}
	return r
}
