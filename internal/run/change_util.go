package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// textRows reads a small result, every value as text; NULL reads as "".
func textRows(ctx context.Context, c db.Conn, sql string) ([][]string, error) {
	rows, err := c.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all [][]string
	for rows.Next() {
		values := make([]*string, len(rows.Columns()))
		into := make([]any, len(values))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		line := make([]string, len(values))
		for i, v := range values {
			if v != nil {
				line[i] = *v
			}
		}
		all = append(all, line)
	}
	return all, rows.Err()
}

// drained runs a query and drops what it gives.
func drained(ctx context.Context, c db.Conn, sql string) error {
	rows, err := c.Query(ctx, sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func budgetOf(d dialect.Dialect, lock, statement time.Duration) string {
	return dialect.Budget(d.Traits().BudgetSession, lock, statement)
}

// columns reads a table's columns.
func (r *Runner) columns(ctx context.Context, table plan.Name) ([]dialect.Column, error) {
	columner, ok := r.conn.(db.Columner)
	if !ok {
		return nil, fault.New(fault.Unsupported, "this session cannot tell the columns of a table")
	}
	return columner.Columns(ctx, table)
}

// shape reads a table's keys.
func (r *Runner) shape(ctx context.Context, table plan.Name) (db.Shape, bool, error) {
	keyer, ok := r.conn.(db.Keyer)
	if !ok {
		return db.Shape{}, false, fault.New(fault.Unsupported, "this session cannot tell the keys of a table")
	}
	return keyer.Shape(ctx, table)
}

// Phases is what a change runs, phase by phase, to be read.
func Phases(d dialect.Dialect, all []plan.Statement) string {
	s := script{d: d, t: d.Traits()}
	phase := revision.Phase("")
	for _, st := range all {
		if st.Phase != phase {
			phase = st.Phase
			s.line("-- " + string(phase))
		}
		s.statement(strings.TrimSpace(st.SQL))
	}
	return s.b.String()
}
