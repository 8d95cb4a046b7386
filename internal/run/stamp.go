package run

import (
	"context"
	"slices"
	"time"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/revision"
)

// Stamp records revisions as applied or not, without running anything, so that
// the target is current. With purge everything recorded is forgotten first.
func (r *Runner) Stamp(ctx context.Context, target string, forget Forget) (Report, error) {
	begun := time.Now()
	rep := Report{Run: r.o.Run}
	w := &work{Runner: r, report: &rep, ask: Ask{Target: target, Action: "stamp"}}
	err := w.locked(ctx, func(ctx context.Context) error { return w.stamp(ctx, target, forget) })
	rep.Duration = time.Since(begun)
	return rep, broken(err)
}

// Forget says what Stamp forgets first.
type Forget int

const (
	// Nothing is forgotten.
	Nothing Forget = iota
	// Everything is: the journal alone stays.
	Everything
)

func (w *work) stamp(ctx context.Context, target string, forget Forget) error {
	v, err := w.lookOnce(ctx, w.led.Read)
	if err != nil {
		return err
	}
	var sqls []string
	done, seq := v.done, v.State.LastSeq()
	if forget == Everything {
		sqls, done, seq = w.led.Purge(w.by), revision.Set{}, 0
	}
	t, err := v.Graph.Target(orElse(target, "heads"), v.done)
	if err != nil {
		return err
	}
	want := v.Graph.Ancestors(t.IDs)
	for id := range t.IDs {
		want.Add(id)
	}
	for _, id := range v.Graph.Order() {
		switch {
		case forget == Everything && !want.Has(id) && v.done.Has(id):
			w.report.Reverted = append(w.report.Reverted, id) // forgotten with all the others
		case want.Has(id) && !done.Has(id):
			seq++
			more, err := w.stampOne(v, id, seq)
			if err != nil {
				return err
			}
			sqls = append(sqls, more...)
			w.report.Applied = append(w.report.Applied, id)
		case !want.Has(id) && done.Has(id):
			sqls = append(sqls, w.led.Reverted(id, "stamp", "not applied", w.by)...)
			for _, old := range v.HeldFor(id) {
				sqls = append(sqls, w.led.Reverted(old, "stamp", "not applied, as part of "+string(id), w.by)...)
			}
			w.report.Reverted = append(w.report.Reverted, id)
		}
	}
	w.point("stamp")
	return w.record(ctx, sqls)
}

// HeldFor is what the ledger holds of the revisions that a squash stands in for.
func (v *View) HeldFor(id revision.ID) []revision.ID {
	return slices.DeleteFunc(v.Graph.Covered(id), func(old revision.ID) bool { return !v.State.Entries[old].Holds() })
}

func (w *work) stampOne(v *View, id revision.ID, seq int64) ([]string, error) {
	rev, _ := v.find(id)
	s, err := w.scriptOf(rev)
	if err != nil {
		return nil, err
	}
	return append(w.led.Record(ledger.Done{Revision: rev, Script: s, State: ledger.Applied, Seq: seq, Action: "stamp", Detail: "applied"}, w.by),
		w.led.ClearProgress(id)), nil
}

// scriptOf reads a revision's file; a revision without one has no script.
func (r *Runner) scriptOf(rev revision.Revision) (revision.Script, error) {
	if _, ok := r.o.Go[rev.ID]; ok || rev.File == "" {
		return revision.Script{Revision: rev.ID, Kind: rev.Kind, Go: ok}, nil
	}
	return r.o.Files.Script(rev.ID)
}

// record writes statements of ours in one transaction.
func (w *work) record(ctx context.Context, sqls []string) error {
	if len(sqls) == 0 {
		return nil
	}
	if err := w.commit(ctx, sqls); err != nil {
		if isGone(err) {
			return fault.New(fault.Lost, "the connection broke; whether it was recorded is not known").Because(err).
				Try("look with `bellows status`, then run the same command again: it is safe to repeat")
		}
		w.rollback(ctx)
		return w.recordFailed(err)
	}
	return nil
}
