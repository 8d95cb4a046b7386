package run

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// toFill ends a turn under the lock: the backfill is planned, and its rows are
// worked on without the lock, beside whoever else does.
type toFill struct {
	id    string
	sound func(context.Context, db.Conn) error // asked of each chunk
}

func (f *toFill) Error() string { return "backfill " + f.id + " is to be worked on" }

// chunks plans a backfill, or ends one whose rows are done and whose check holds.
func (w *work) chunks(ctx context.Context, s *plan.Step) error {
	o := w.fillOptions()
	o.By = w.by
	var f ledger.Fill
	err := w.insist(ctx, func() (err error) {
		f, err = fill.Plan(ctx, w.conn, s.Script, s.Move.Direction, o)
		return err
	})
	if err != nil {
		return w.fillFailed(ctx, s, err)
	}
	w.point("fill planned")
	var sqls []string
	err = w.insist(ctx, func() (err error) {
		sqls, err = fill.Finish(ctx, w.conn, f.ID, o)
		return err
	})
	if fault.Has(err, fault.Partial) {
		return w.markFill(ctx, s, f)
	}
	if err != nil {
		return explainUnlessGone(err, "ending the backfill")
	}
	w.point("fill finish")
	sqls = append(sqls, w.records(s, 1, ledger.Done{Duration: lasted(f)})...)
	if err := w.commit(ctx, append(sqls, w.led.ClearProgress(s.Move.ID))); err != nil {
		if isGone(err) {
			return err
		}
		w.rollback(ctx)
		return w.recordFailed(err)
	}
	w.point("fill finished")
	w.finished(s.Move, s.Revision.Name, lasted(f))
	return nil
}

// lasted is how long a backfill took from its plan to its check.
func lasted(f ledger.Fill) time.Duration {
	end := f.FinishedAt
	if end.IsZero() {
		end = time.Now()
	}
	return max(end.Sub(f.StartedAt), 0)
}

// fillFailed records why a backfill cannot begin.
func (w *work) fillFailed(ctx context.Context, s *plan.Step, err error) error {
	if isGone(err) || isWait(err) {
		return err
	}
	if fault.Has(err, fault.Edited) {
		return err
	}
	return w.failed(ctx, *s, err, "no row was changed")
}

// markFill records that a backfill is under way, once, and asks for the work on
// its rows.
func (w *work) markFill(ctx context.Context, s *plan.Step, f ledger.Fill) error {
	if w.view.State.Entries[s.Move.ID].State != ledger.Running {
		if err := w.record(ctx, w.fillBegins(s)); err != nil {
			return err
		}
	}
	w.point("fill marked")
	return &toFill{id: f.ID}
}

// fillBegins gives the statements that record the beginning. Progress downwards
// is what makes a half reverted revision known as one.
func (w *work) fillBegins(s *plan.Step) []string {
	id := s.Move.ID
	if s.Move.Direction == revision.Down {
		return append(w.led.SetState(id, ledger.Running, "", "start", "down, chunk by chunk", w.by),
			w.led.SetProgress(ledger.Progress{Revision: id, Direction: revision.Down}, w.by))
	}
	return w.led.Record(ledger.Done{Revision: s.Revision, Script: s.Script, State: ledger.Running, Seq: w.seq + 1, Action: "start", Detail: "up, chunk by chunk"}, w.by)
}

// fillOptions are what workers of this process work with.
func (r *Runner) fillOptions() fill.Options {
	return fill.Options{
		Limits: r.o.Limits, Beside: r.o.Beside,
		Ledger: r.o.Ledger, Open: r.patientOpen(), Conn: r.conn, Sink: event.SinkFunc(r.emit),
		Logic: r.o.Logic, Process: r.o.Run, Host: r.o.Host, PID: r.o.PID, Grace: r.o.Grace, Point: r.o.Point,
		By: ledger.By{Run: r.o.Run, Actor: r.o.Owner, Tool: r.o.Tool, Tag: r.o.Tag},
	}
}

// patientOpen opens sessions for workers. Where others are writing without a
// pause the first look at the file may have to wait longer than a statement does.
func (r *Runner) patientOpen() func(ctx context.Context, app string) (db.Conn, error) {
	if r.o.Open == nil {
		return nil
	}
	return func(ctx context.Context, app string) (db.Conn, error) {
		until := time.Now().Add(ledgerPatience)
		for {
			c, err := r.o.Open(ctx, app)
			if classOf(err) != db.Wait || ctx.Err() != nil || time.Now().After(until) {
				return c, err
			}
			sleep(ctx, jitter(100*time.Millisecond))
		}
	}
}

// workOn works on the rows of a backfill that the turn under the lock planned.
// again tells that there may be more to do under the lock.
func (w *work) workOn(ctx context.Context, err error) (again bool, _ error) {
	var p *toTally
	if errors.As(err, &p) {
		return w.tally(ctx, p)
	}
	var k *toCheck
	if errors.As(err, &k) {
		return w.check(ctx, k)
	}
	var f *toFill
	if !errors.As(err, &f) {
		return false, err
	}
	o := w.fillOptions()
	o.Workers, o.Sound = w.ask.Workers, f.sound
	rep, err := fill.Work(ctx, f.id, o)
	if rep.Fill.State == ledger.FillCancelled {
		// It may have been given up before this run recorded that it is under way.
		w.write(ctx, w.led.GiveUpFill(rep.Fill))
	}
	if err != nil {
		return false, explainUnlessGone(err, "working on the backfill")
	}
	switch rep.Fill.State {
	case ledger.FillChecked, ledger.FillApplied:
		return true, nil
	}
	return false, fault.New(fault.Partial, "the backfill of %s was given up", rep.Fill.Table).
		Try("what was done is kept; the same command begins it anew")
}

// waits tells whether a step has to wait for a backfill that was only planned.
func (w *work) waits(id revision.ID) bool {
	if len(w.planned) == 0 {
		return false
	}
	if isRepeatable(id) {
		return true
	}
	for before := range w.view.Graph.Ancestors(revision.NewSet(id)) {
		if w.planned.Has(before) {
			return true
		}
	}
	return false
}

// Fills tells how far every backfill is, oldest first.
func (r *Runner) Fills(ctx context.Context) (all []fill.Status, err error) {
	err = r.reading(ctx, func() error {
		return r.insist(ctx, func() error {
			ok, err := r.led.Exists(ctx, r.conn)
			if err != nil || !ok {
				return err
			}
			all, err = fill.Read(ctx, r.conn, r.fillOptions())
			slices.SortStableFunc(all, olderFill)
			return err
		})
	})
	return all, explainUnlessGone(err, "reading the ledger")
}

// olderFill orders backfills by when they began, those that have not begun last.
func olderFill(a, b fill.Status) int {
	if a.StartedAt.IsZero() != b.StartedAt.IsZero() {
		return map[bool]int{true: 1, false: -1}[a.StartedAt.IsZero()]
	}
	return a.StartedAt.Compare(b.StartedAt)
}

// Fill does something to the newest backfill of a revision; with "" to the only
// one that is under way.
func (r *Runner) Fill(ctx context.Context, id revision.ID, do func(context.Context, db.Conn, string, fill.Options) error) error {
	all, err := r.Fills(ctx)
	if err != nil {
		return err
	}
	var chosen []fill.Status
	for _, s := range all {
		if s.Revision == id || id == "" && s.State != ledger.FillApplied && s.State != ledger.FillCancelled {
			chosen = append(chosen, s)
		}
	}
	switch {
	case len(chosen) == 0 && id == "":
		return fault.New(fault.Target, "no backfill is under way").Try("bellows backfill status lists them")
	case len(chosen) == 0:
		return fault.New(fault.Target, "%s has no backfill that has begun", id).Try("bellows up plans it; bellows backfill status lists them")
	case len(chosen) > 1 && id == "":
		return fault.New(fault.Target, "%d backfills are under way", len(chosen)).Try("name the revision; bellows backfill status lists them")
	}
	newest := chosen[len(chosen)-1]
	for _, s := range chosen {
		if s.State != ledger.FillApplied && s.State != ledger.FillCancelled {
			newest = s // at most one is under way
		}
	}
	return do(ctx, r.conn, newest.ID, r.fillOptions())
}
