package fill

import (
	"context"
	"errors"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/internal/ledger"
)

// inquires tells whether the rows that the server refuses are to be found out of a
// batch that failed.
func (w *worker) inquires(b *batch, err error) bool {
	n := int64(len(toWrite(b.rows)))
	return n > 1 && n <= w.o.Search && b.k.Chunk.Tries == 0 && w.judge(err) == dialect.Row && w.yield.Load() != yielding
}

// tryApart is one more try of a batch of which the server has refused a row: within
// one transaction the good ones are written, the bad ones set aside. When nothing
// comes of it what is told is what was before, and the chunk is split.
func (w *worker) tryApart(ctx context.Context, b *batch, begun time.Time, at *backfill.Statement, refused error) (*backfill.Statement, error) {
	rollback(ctx, w.Conn)
	w.point("rolled back")
	w.yield.Store(resting)
	before := make([]record, len(b.rows))
	for i, x := range b.rows {
		before[i] = *x
	}
	b.sure, b.apart = true, true
	at2, err := w.tryWrite(ctx, b, begun)
	b.apart = false
	if err == nil || isGone(err) || ctx.Err() != nil || errors.Is(err, errLost) {
		return at2, err
	}
	for i, x := range b.rows {
		*x = before[i]
	}
	return at, refused
}

// writeSure writes the rows of a batch, which are locked.
func (w *worker) writeSure(ctx context.Context, b *batch, f ledger.Fill, begun time.Time) (int64, error) {
	r, in := w.rows.rowing, b.k.Chunk.Range
	some := toWrite(b.rows)
	if !b.apart || len(some) == 0 {
		return r.writeRows(ctx, in, b.rows, w.point)
	}
	var all int64
	settled := make([]bool, len(some))
	s := &search{session: w.session, point: w.point, until: begun.Add(w.target(b))}
	s.try = func(ctx context.Context, from, to int) (error, error) {
		var n int64
		failed, err := s.under(ctx, w.judge, true, func(before, after []db.Item) error {
			err := s.Send(ctx, before, nil)
			if err == nil {
				n, err = r.writeRows(ctx, in, some[from:to], w.point)
			}
			if err == nil {
				err = s.Send(ctx, after, nil)
			}
			return err
		})
		if failed == nil && err == nil {
			all += n
			for i := from; i < to; i++ {
				settled[i] = true
			}
		}
		return failed, err
	}
	s.alone = func(ctx context.Context, i int) error {
		failed, err := s.try(ctx, i, i+1)
		settled[i] = true
		if failed != nil {
			refused := placed(nil, failed)
			some[i].verdict, some[i].code, some[i].reason = bad, refused.Code, refused.Msg
		}
		return err
	}
	if _, err := s.halve(ctx, 0, len(some), true); err != nil && !errors.Is(err, errEnough) {
		return 0, err
	}
	if err := s.clear(ctx); err != nil {
		return 0, err
	}
	b.rest = map[string]*record{}
	for i, x := range some {
		if !settled[i] { // its answer is kept for its next try
			answer := *x
			b.rest[x.key.String()], x.verdict = &answer, changed
		}
	}
	return all, w.refused(ctx, b, f)
}

// refused tells by an error that more rows were refused than may be: the splits
// stop at the one with which there are too many.
func (w *worker) refused(ctx context.Context, b *batch, f ledger.Fill) error {
	n := int64(0)
	for _, x := range b.rows {
		if x.verdict == bad {
			n++
		}
	}
	open, err := w.others(ctx, b.k.Chunk.Seq)
	if err == nil && backfill.TooMany(open+n, f.Poison) {
		err = errUnfit
	}
	return err
}
