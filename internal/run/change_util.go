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
	return insisting(ctx, r, func() ([]dialect.Column, error) { return columner.Columns(ctx, table) })
}

// insisting reads something again while others hold what it needs: where readers
// wait for writers, nothing is read at once on a busy database.
func insisting[T any](ctx context.Context, r *Runner, read func() (T, error)) (T, error) {
	var got T
	err := r.insist(ctx, func() (err error) {
		got, err = read()
		return err
	})
	return got, err
}

// texts is textRows, insisting.
func (r *Runner) texts(ctx context.Context, sql string) ([][]string, error) {
	return insisting(ctx, r, func() ([][]string, error) { return db.Texts(ctx, r.conn, sql) })
}

// shape reads a table's keys.
func (r *Runner) shape(ctx context.Context, table plan.Name) (db.Shape, bool, error) {
	keyer, ok := r.conn.(db.Keyer)
	if !ok {
		return db.Shape{}, false, fault.New(fault.Unsupported, "this session cannot tell the keys of a table")
	}
	var there bool
	s, err := insisting(ctx, r, func() (s db.Shape, err error) {
		s, there, err = keyer.Shape(ctx, table)
		return s, err
	})
	return s, there, err
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
