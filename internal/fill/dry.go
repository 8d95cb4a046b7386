package fill

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/event"
)

const (
	// dryRows is how many rows a chunk has that is tried.
	dryRows = 100
	// dryRandom is how many chunks are tried beside the first and the last.
	dryRandom = 3
	// dryFar is how far into an index a random place is looked for.
	dryFar = 100000
)

// dry tries the first, the last and some other chunks in transactions that are
// rolled back. What the application has locked is left out.
func (p *planner) dry(ctx context.Context) (event.FillTried, error) {
	if p.task.Logic != nil {
		if err := p.readyRows(ctx); err != nil {
			return event.FillTried{}, err
		}
		defer p.mind.leave()
	}
	d := p.task.Spec
	t := event.FillTried{ID: string(p.task.Revision), Table: d.Table, RowsTotal: p.rows, Strategy: p.strategy, Reason: p.choice.Reason, Repeatable: p.task.Repeats()}
	var took time.Duration
	var log int64
	for i, part := range p.parts {
		if i > 0 && i < len(p.parts)-1 {
			continue // the first and the last leaf
		}
		ranges, err := p.samples(ctx, part)
		if err != nil {
			return t, err
		}
		for _, r := range ranges {
			if p.task.Logic != nil && took > dryTime {
				break // each row may cost the author money
			}
			got, err := p.try(ctx, part, r)
			if err != nil {
				if err = p.excuse(ctx, &t, part, r, err); err != nil {
					return t, err
				}
				continue
			}
			if t.BadRow == "" {
				t.BadRow, t.BadReason = got.bad, got.why
			}
			t.Chunks++
			t.Rows += got.rows
			took += got.took
			log += got.log
		}
	}
	p.estimate(&t, took, log)
	return t, p.checks(ctx)
}

// checks has the server read the checks, without running them.
func (p *planner) checks(ctx context.Context) error {
	for _, q := range p.task.Checks {
		_, err := db.Texts(ctx, p, "EXPLAIN "+question(p.lang, p.key, q, backfill.Range{}, nil))
		if isGone(err) {
			return err
		}
		if err != nil {
			f := placed(nil, err).Try("correct the check; nothing was changed")
			f.Pos = &q.Pos
			return f
		}
	}
	return nil
}

// estimate makes of the tried chunks what the whole will take.
func (p *planner) estimate(t *event.FillTried, took time.Duration, log int64) {
	if t.Rows == 0 || took <= 0 {
		return
	}
	t.Rate = float64(t.Rows) / took.Seconds()
	t.ETA = time.Duration(float64(p.rows) / t.Rate * float64(time.Second))
	if log > 0 {
		t.LogPerRow = log / t.Rows
		t.Log = t.LogPerRow * p.rows
	}
	if p.lang.Fill().Tidy != "" {
		t.Disk = p.shape.Blocks * p.shape.BlockSize * 3 / 10
	}
}

// samples are the ranges to try in a part.
func (p *planner) samples(ctx context.Context, part Part) ([]backfill.Range, error) {
	if err := p.begin(ctx, planTime); err != nil {
		return nil, err
	}
	defer rollback(ctx, p)
	if err := p.plainly(ctx); err != nil {
		return nil, err
	}
	if p.strategy == backfill.Pages {
		return p.samplePages(), nil
	}
	r := reader{p.session, p.key, part}
	first, err := r.at(ctx, backfill.Range{}, p.dryRows()-1)
	if err != nil {
		return nil, err
	}
	if first == nil {
		return []backfill.Range{{}}, nil // a small table is one chunk
	}
	all := []backfill.Range{{High: first}}
	last, err := r.bound(ctx, backfill.Range{Low: first}, backfill.Reverse(p.lang, row, p.key), p.dryRows())
	if err != nil {
		return nil, err
	}
	if last != nil {
		all = append(all, backfill.Range{Low: last})
	}
	for range dryRandom {
		low, err := r.at(ctx, backfill.Range{}, rand.N(min(max(p.rows, 1), dryFar)))
		if err != nil {
			return nil, err
		}
		if low == nil {
			continue
		}
		high, err := r.at(ctx, backfill.Range{Low: low}, p.dryRows()-1)
		if err != nil {
			return nil, err
		}
		if high != nil {
			all = append(all, backfill.Range{Low: low, High: high})
		}
	}
	return all, nil
}

func (p *planner) samplePages() []backfill.Range {
	at := func(n int64) backfill.Bound { return backfill.Bound{fmt.Sprintf("(%d,0)", n)} }
	all := []backfill.Range{{High: at(1)}}
	for range dryRandom {
		n := rand.N(max(p.shape.Blocks, 1))
		all = append(all, backfill.Range{Low: at(n), High: at(n + 1)})
	}
	return all
}

// trial is what came of a chunk that was tried.
type trial struct {
	rows, log int64
	took      time.Duration
	bad, why  string // a row that would be set aside, and why
}

func (p *planner) try(ctx context.Context, part Part, r backfill.Range) (trial, error) {
	if p.task.Logic != nil {
		return p.tryRows(ctx, part, r)
	}
	if err := p.begin(ctx, chunkTime); err != nil {
		return trial{}, err
	}
	defer rollback(ctx, p)
	rd := reader{p.session, p.key, part}
	rows, err := rd.count(ctx, r)
	if err != nil {
		return trial{}, err
	}
	before, err := p.written(ctx)
	if err != nil {
		return trial{}, err
	}
	begun := time.Now()
	for i := range p.task.Body {
		st := &p.task.Body[i]
		if _, err := p.Exec(ctx, p.text(*st, part, r)); err != nil {
			return trial{}, &attempt{at: st, err: err}
		}
	}
	if sql := p.lang.Fill().Deferred; sql != "" {
		if _, err := p.Exec(ctx, sql); err != nil {
			return trial{}, &attempt{at: &p.task.Body[0], err: err}
		}
	}
	took := time.Since(begun)
	after, err := p.written(ctx)
	return trial{rows: rows, log: after - before, took: took}, err
}

func (p *planner) text(s backfill.Statement, part Part, r backfill.Range) string {
	leaf := ""
	if part.Leaf {
		leaf = part.SQL
	}
	return s.SQL(backfill.Condition(p.lang, s.Name(), p.key, r), leaf)
}

// written is how much log the server has written, 0 where it does not tell us.
func (p *planner) written(ctx context.Context) (int64, error) {
	expression := p.lang.Fill().Written
	if expression == "" {
		return 0, nil
	}
	line, err := firstLine(ctx, p, "SELECT "+expression)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(line[0], 10, 64)
}

// attempt is a statement that failed in a chunk that was tried.
type attempt struct {
	at  *backfill.Statement
	err error
}

func (a *attempt) Error() string { return words(a.err) }
func (a *attempt) Unwrap() error { return a.err }

// excuse decides about a chunk that failed when it was tried: what passes, and
// what is too much for a whole chunk, will be seen to; a bad row is named, and is
// an error when none may be set aside; all else is an error.
func (p *planner) excuse(ctx context.Context, t *event.FillTried, part Part, r backfill.Range, err error) error {
	var a *attempt
	if !errors.As(err, &a) {
		return err
	}
	var e *db.Error
	if !errors.As(err, &e) {
		return err
	}
	trouble := p.lang.Trouble(e.Code, e.Message)
	switch {
	case e.Class == db.Gone:
		return err
	case e.Class == db.Wait, trouble == dialect.Transient, trouble == dialect.Load:
		return nil
	case trouble == dialect.Row:
		key, worse := p.bad(ctx, part, r)
		if worse != nil {
			return worse
		}
		if p.task.Spec.Poison > 0 {
			t.BadRow, t.BadReason = key, words(err)
			return nil
		}
		return p.refuse(a, key)
	}
	return p.refuse(a, "")
}

// refuse is the error of a statement that failed when it was tried.
func (p *planner) refuse(a *attempt, key string) error {
	f := placed(a.at, a.err)
	if offset, ok := p.offset(a); ok {
		pos := a.at.At(offset)
		f.Pos = &pos
	}
	f.Hint = "chunks were tried and rolled back; nothing was changed"
	if key != "" {
		f.Msg = fmt.Sprintf("row %s of %s: %s", key, p.task.Spec.Table, f.Msg)
		f.Hint += ". Correct the row or the statement; or poison:N in the directive sets up to N such rows aside"
	}
	return f
}

// offset is where in the statement's own text an error lies, if before the
// condition that stands for the placeholder.
func (p *planner) offset(a *attempt) (int, bool) {
	var e *db.Error
	if !errors.As(a.err, &e) || e.Offset < 0 || a.at.At == nil || !a.at.Before(e.Offset) {
		return 0, false
	}
	return e.Offset, true
}

// bad finds the first row of a range that fails by itself, by halving.
func (p *planner) bad(ctx context.Context, part Part, r backfill.Range) (string, error) {
	keys, err := p.keysOf(ctx, part, r)
	if err != nil {
		return "", err
	}
	for low := r.Low; len(keys) > 0; {
		half := max(len(keys)/2, 1)
		_, err := p.try(ctx, part, backfill.Range{Low: low, High: keys[half-1]})
		switch {
		case classOf(err) == db.Gone:
			return "", err
		case err != nil && half == 1:
			return keyText(p.key, keys[0]), nil
		case err != nil:
			keys = keys[:half]
		default:
			low, keys = keys[half-1], keys[half:]
		}
	}
	return "", nil
}

func (p *planner) keysOf(ctx context.Context, part Part, r backfill.Range) ([]backfill.Bound, error) {
	if err := p.begin(ctx, planTime); err != nil {
		return nil, err
	}
	defer rollback(ctx, p)
	if err := p.plainly(ctx); err != nil {
		return nil, err
	}
	return reader{p.session, p.key, part}.all(ctx, r, 10*dryRows)
}
