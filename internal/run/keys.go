package run

import (
	"context"
	"strings"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
)

// loosely does what drops tables while foreign keys are switched off, where
// dropping a table would otherwise delete the rows that refer to it, as when a
// table is made anew under its old name. Whether all rows still refer to
// something is asked before the commit, against what it was before.
func (w *work) loosely(ctx context.Context, steps []plan.Step, do func() error) error {
	t := w.conn.Dialect().Traits()
	if t.KeysOff == "" || firstDrop(steps) == nil {
		return do()
	}
	if on, err := w.sample(ctx, t.KeysAsk, 1); err != nil || len(on) == 0 {
		return do() // what stands in the way will tell
	}
	before, err := w.dangling(ctx)
	if err != nil {
		return do()
	}
	if _, err := w.conn.Exec(ctx, t.KeysOff); err != nil {
		return err
	}
	w.before = &before
	defer func() {
		w.before = nil
		_, _ = w.conn.Exec(context.WithoutCancel(ctx), t.KeysOn)
	}()
	if err := do(); err != nil || steps[0].Tx != plan.TxEach {
		return err
	}
	if err := w.keepsKeys(ctx, steps); err != nil {
		w.emit(event.Warning{Code: string(fault.Check), Text: err.Error(), Hint: "it cannot be rolled back any more: correct those rows"})
	}
	return nil
}

// firstDrop is the first statement that drops a table.
func firstDrop(steps []plan.Step) *plan.Statement {
	for i := range steps {
		for n := range steps[i].Statements {
			if s := &steps[i].Statements[n]; s.Effect.Verb == "DROP TABLE" {
				return s
			}
		}
	}
	return nil
}

// dangling is how many references lead nowhere.
func (w *work) dangling(ctx context.Context) (n int64, err error) {
	rows, err := w.conn.Query(ctx, "SELECT count(*) FROM ("+w.conn.Dialect().Traits().Dangling+") AS d")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, err
		}
	}
	return n, rows.Err()
}

// keepsKeys refuses steps that leave more references without an end than there
// were before.
func (w *work) keepsKeys(ctx context.Context, steps []plan.Step) error {
	drop := firstDrop(steps)
	if w.before == nil || drop == nil {
		return nil
	}
	now, err := w.dangling(ctx)
	if err != nil {
		return locateUnlessGone(err, drop)
	}
	if now <= *w.before {
		return nil
	}
	found, err := w.sample(ctx, w.conn.Dialect().Traits().Dangling, 5)
	if err != nil {
		return locateUnlessGone(err, drop)
	}
	return fault.At(drop.Pos, fault.Check, "after it %d more rows would refer to what is not there: %s", now-*w.before, strings.Join(found, "; ")).
		Try("delete those rows first, or keep what they refer to")
}

// sample gives the first n rows of a query as text.
func (w *work) sample(ctx context.Context, sql string, n int) ([]string, error) {
	rows, err := w.conn.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out, _, err := sampleRows(rows, n)
	return out, err
}
