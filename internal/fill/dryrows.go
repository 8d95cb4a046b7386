package fill

import (
	"context"
	"errors"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
)

const (
	// dryLogic is how many rows a chunk has that is tried with a program or a
	// function, and dryTime how long they are tried.
	dryLogic = 20
	dryTime  = 5 * time.Second
)

// dryRows is how many rows a chunk has that is tried.
func (p *planner) dryRows() int64 {
	if p.task.Logic != nil {
		return dryLogic
	}
	return dryRows
}

// readyRows learns what the two statements are made of. Its errors have a place.
func (p *planner) readyRows(ctx context.Context) error {
	var err error
	sink := func(e event.Event) {
		if p.limits.Sink != nil {
			p.limits.Sink.Event(e)
		}
	}
	if p.mind, err = newMind(p.limits, p.task, p.run, "try", sink); err != nil {
		return err
	}
	p.rowing = &rowing{session: p.session, order: p.order, run: p.run}
	if err := p.begin(ctx, planTime); err != nil {
		return err
	}
	defer rollback(ctx, p)
	err = p.rowing.learn(ctx)
	var a *attempt
	if errors.As(err, &a) && !isGone(err) {
		return p.refuse(a, "")
	}
	return err
}

// tryRows reads rows, has them worked out, and writes them in a transaction that is
// rolled back.
func (p *planner) tryRows(ctx context.Context, part Part, in backfill.Range) (trial, error) {
	begun := time.Now()
	rows, full, err := p.readRows(ctx, part, in)
	if err != nil {
		return trial{}, err
	}
	if full && len(rows) > 0 {
		in.High = rows[len(rows)-1].key
	}
	if err := p.mind.think(ctx, p.rowing, rows); err != nil {
		return trial{}, p.notThought(err)
	}
	t := trial{rows: int64(len(rows))}
	for _, x := range rows {
		if x.verdict != bad {
			continue
		}
		t.bad, t.why = keyText(p.key, x.key), x.reason
		if p.task.Spec.Poison == 0 {
			at := p.task.Spec.At
			return t, fault.At(at, fault.Failed, "row %s of %s: %s", t.bad, p.task.Spec.Table, t.why).
				Try("correct the row, or what works it out; or poison:N in the directive sets up to N such rows aside")
		}
	}
	t.log, err = p.writeTried(ctx, part, in, rows)
	t.took = time.Since(begun)
	return t, err
}

func (p *planner) readRows(ctx context.Context, part Part, in backfill.Range) (rows []*record, full bool, err error) {
	if err := p.begin(ctx, chunkTime); err != nil {
		return nil, false, err
	}
	defer rollback(ctx, p)
	if err := p.rowing.plainRows(ctx); err != nil {
		return nil, false, err
	}
	how := reading{most: p.limits.Logic.Bytes, limit: dryLogic, lines: p.mind.function == nil}
	if rows, _, full, err = p.rowing.read(ctx, part, in, how); err != nil {
		var f *fault.Error
		if !errors.As(err, &f) {
			err = &attempt{at: &p.task.Body[0], err: err}
		}
	}
	return rows, full, err
}

// notThought is the error of a program or function that failed when it was tried.
func (p *planner) notThought(err error) error {
	f := fault.New(fault.Failed, "%v", err).Because(err)
	var cause *fault.Error
	if errors.As(err, &cause) {
		f.Code, f.Err = cause.Code, cause.Err
		f.Hint = cause.Hint
	}
	at := p.task.Spec.At
	f.Pos = &at
	return f
}

func (p *planner) writeTried(ctx context.Context, part Part, in backfill.Range, rows []*record) (log int64, err error) {
	if err := p.begin(ctx, chunkTime); err != nil {
		return 0, err
	}
	defer rollback(ctx, p)
	before, err := p.written(ctx)
	if err != nil {
		return 0, err
	}
	if err := p.rowing.compare(ctx, part, in, rows); err != nil {
		return 0, &attempt{at: &p.task.Body[0], err: err}
	}
	w := p.task.Logic.Write
	at := &backfill.Statement{Text: w.Text, Pos: w.Pos}
	if _, err := p.rowing.writeRows(ctx, in, rows, func(string) {}); err != nil {
		return 0, &attempt{at: at, err: err}
	}
	if sql := p.lang.Fill().Deferred; sql != "" {
		if _, err := p.Exec(ctx, sql); err != nil {
			return 0, &attempt{at: at, err: err}
		}
	}
	after, err := p.written(ctx)
	return after - before, err
}
