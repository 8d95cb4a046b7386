package run

import (
	"context"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// Clearing is something that nobody needs any more, and the statements that drop it.
type Clearing struct {
	// ID is the revision it is about, Note what the journal says.
	ID   revision.ID
	Note string
	// Statements are run in one transaction where the database can.
	Statements []plan.Statement
}

// Clear drops things under the lock, each as a whole where the database can, and
// notes each in the journal. It asks for all of them before the first.
func (r *Runner) Clear(ctx context.Context, all []Clearing, ask Ask) (Report, error) {
	begun := time.Now()
	rep := Report{Run: r.o.Run}
	w := &work{Runner: r, report: &rep, ask: ask}
	err := w.locked(ctx, func(ctx context.Context) error {
		var p plan.Plan
		for _, c := range all {
			p.Steps = append(p.Steps, plan.Step{Move: revision.Move{ID: c.ID}, Statements: c.Statements})
		}
		losses, err := w.Losses(ctx, p)
		if err != nil {
			return err
		}
		for _, l := range losses {
			w.emit(l)
		}
		if ask.Approve != nil {
			if err := ask.Approve(losses); err != nil {
				return err
			}
		}
		for i, c := range all {
			if err := w.clear(ctx, c, p.Steps[i].Move); err != nil {
				return err
			}
			rep.Changed = append(rep.Changed, c.ID)
		}
		return nil
	})
	rep.Duration = time.Since(begun)
	return rep, broken(err)
}

// clear drops one thing.
func (w *work) clear(ctx context.Context, c Clearing, m revision.Move) error {
	var wants []plan.Touch
	var items []db.Item
	for _, s := range c.Statements {
		wants = append(wants, s.Effect.Touches...)
		items = append(items, db.Item{SQL: s.SQL})
	}
	note := db.Item{SQL: w.led.Note("purge", c.ID, c.Note, w.by), Brief: true}
	traits := w.conn.Dialect().Traits()
	if traits.TransactionalDDL {
		items = append([]db.Item{{SQL: traits.BeginWrite, Brief: true}}, append(items, note, db.Item{SQL: "COMMIT", Brief: true})...)
	} else {
		items = append(items, note)
	}
	return w.patiently(ctx, m, wants, w.o.LockTimeout, func(time.Duration) error {
		done := 0
		err := w.conn.Send(ctx, items, func(int, int64) { done++ })
		if traits.TransactionalDDL {
			w.tidy(ctx, err)
		} else {
			items = items[done:] // they committed by themselves
		}
		return err
	})
}

// tidy ends the transaction that an error has left open.
func (w *work) tidy(ctx context.Context, err error) {
	if err != nil && !isGone(err) {
		w.rollback(ctx)
	}
}
