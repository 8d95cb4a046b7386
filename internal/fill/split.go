package fill

import (
	"context"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/internal/ledger"
)

// cut is what became of a chunk that was to be made smaller.
type cut struct {
	pieces int            // into how many it was cut; 0 it cannot be
	taken  bool           // another worker has it or has cut it, or it is done
	row    backfill.Bound // the key of its only row, nil when it has none
}

// tooLarge tells whether a chunk has more rows than are to be done at once now.
func (w *worker) tooLarge(k ledger.Claimed) bool {
	return k.Size > 0 && k.Chunk.Rows > 2*k.Size && k.Chunk.Rows > 2 && !w.few[k.Chunk.Seq]
}

// shrink cuts a chunk that is too large. How many rows it has was an estimate: one
// that cannot be cut is done as it is.
func (w *worker) shrink(ctx context.Context, c backfill.Chunk) (outcome, error) {
	got, err := w.split(ctx, c)
	if err != nil {
		return w.outside(ctx, err)
	}
	if got.pieces == 0 && !got.taken {
		w.few[c.Seq] = true
	}
	return worked, nil
}

// split cuts a chunk at real keys: a small one into its rows, a large one into
// halves. It is a transaction of its own, so that what is found out is kept, and
// no rows stay locked while it is found out.
func (w *worker) split(ctx context.Context, c backfill.Chunk) (cut, error) {
	if c.Part < 0 {
		return cut{}, nil
	}
	if err := w.begin(ctx, planTime); err != nil {
		return cut{}, err
	}
	f, err := w.led.WaitFill(ctx, w.Conn, w.id)
	if err != nil {
		rollback(ctx, w.Conn)
		return cut{}, err
	}
	chunk, ok, err := w.led.LockChunk(ctx, w.Conn, w.id, c.Seq)
	if err != nil || !ok {
		rollback(ctx, w.Conn)
		return cut{taken: err == nil}, err
	}
	if !chunk.Range.Equal(c.Range) {
		rollback(ctx, w.Conn)
		return cut{taken: true}, nil // another has cut it: what is left of it is not what failed
	}
	pieces, only, err := w.pieces(ctx, chunk)
	if err != nil || len(pieces) < 2 {
		rollback(ctx, w.Conn)
		return cut{row: only}, err
	}
	for i := 1; i < len(pieces); i++ {
		pieces[i].Seq = f.NextSeq
		f.NextSeq++
	}
	w.point("split")
	sqls := append(w.led.AddPieces(w.id, pieces), w.led.NextSeq(w.id, f.NextSeq))
	if w.task.Logic != nil {
		sqls = append(sqls, w.led.BreakLease(w.id, c.Seq))
	}
	err = w.commit(ctx, sqls...)
	w.point("split committed")
	if err != nil {
		rollback(ctx, w.Conn)
		return cut{}, err
	}
	w.forget(c.Seq)
	return cut{pieces: len(pieces)}, nil
}

// pieces are the chunks that take the place of one. With fewer than two rows
// there are none, and only is the key of that row.
func (w *worker) pieces(ctx context.Context, c backfill.Chunk) (pieces []backfill.Chunk, only backfill.Bound, err error) {
	part, err := w.partOf(ctx, c.Part)
	if err != nil {
		return nil, nil, err
	}
	if err := w.plainly(ctx); err != nil {
		return nil, nil, err
	}
	if c.Kind == backfill.Check {
		part = w.order.table(w.lang, []Part{part})
	}
	r := reader{w.session, w.key, part}
	n, err := r.count(ctx, c.Range)
	if err != nil {
		return nil, nil, err
	}
	size := backfill.Pieces(n)
	var inner []backfill.Bound
	switch {
	case n <= 1:
		only, err = r.last(ctx, c.Range)
		return nil, only, err
	case size == n:
		inner, err = r.all(ctx, c.Range, n-1)
	default:
		var mid backfill.Bound
		mid, err = r.at(ctx, c.Range, n/2-1)
		inner = []backfill.Bound{mid}
	}
	if err != nil {
		return nil, nil, err
	}
	return cutAt(c, inner, n), nil, nil
}

// cutAt cuts a chunk behind each of the keys.
func cutAt(c backfill.Chunk, keys []backfill.Bound, rows int64) []backfill.Chunk {
	var pieces []backfill.Chunk
	rest := c
	each := max(rows/int64(len(keys)+1), 1)
	for _, key := range keys {
		if key == nil || key.Equal(rest.Range.Low) || key.Equal(rest.Range.High) {
			continue // it was deleted, or inserted, meanwhile
		}
		piece := rest
		piece.Range.High, piece.Rows = key, each
		pieces = append(pieces, piece)
		rest.Range.Low = key
	}
	rest.Rows = max(rows-each*int64(len(pieces)), 1)
	return append(pieces, rest)
}
