package fill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
)

// errChanged tells that rows are not as they were read, so that they are to be read
// again under a lock.
var errChanged = errors.New("rows were changed since they were read")

// thinkShare is how much longer than the target a chunk may be worked out: no row
// is locked then.
const thinkShare = 10

// writeBatch writes a batch that is worked out, in one transaction with the mark
// that its chunk is done.
func (w *worker) writeBatch(ctx context.Context, b *batch) (outcome, error) {
	r := w.rows.rowing
	b.sure = b.sure || !r.quick
	for _, x := range b.rows {
		b.sure = b.sure || x.verdict != writes
	}
	begun := time.Now()
	at, err := w.tryWrite(ctx, b, begun)
	if errors.Is(err, errChanged) {
		rollback(ctx, w.Conn)
		w.yield.Store(resting)
		b.sure = true
		at, err = w.tryWrite(ctx, b, begun)
	}
	if err != nil && w.inquires(b, err) {
		at, err = w.tryApart(ctx, b, begun, at, err)
	}
	yielded := w.yield.Swap(resting) == yielding
	c := b.k.Chunk
	switch {
	case errors.Is(err, errLost):
		rollback(ctx, w.Conn)
		return w.lost(b)
	case err != nil:
		return w.notWritten(ctx, b, at, err, yielded)
	}
	w.point("committed")
	w.forget(c.Seq)
	w.worked()
	w.rows.kept = b.rest
	w.rate.add(c.Rows, time.Since(w.rows.since))
	w.rows.since = time.Now()
	if b.k.Waiting-2 <= w.behind()*max(b.k.Workers, 1) {
		if _, _, err := w.refill(ctx); err != nil {
			return w.outside(ctx, err)
		}
	}
	p, took := w.press(ctx), time.Since(begun)
	w.doing = p.why
	if pause := max(b.k.Pause, w.rest(took), p.effort.Pause(took)); pause > 0 {
		sleep(ctx, pause)
	}
	return worked, nil
}

// notWritten is about a batch whose transaction failed and is rolled back. Its
// answers are kept for the time when the chunk, or a piece of it, is tried again.
func (w *worker) notWritten(ctx context.Context, b *batch, at *backfill.Statement, err error, yielded bool) (outcome, error) {
	rollback(ctx, w.Conn)
	w.rows.kept = make(map[string]*record, len(b.rows))
	for _, x := range b.rows {
		if x.verdict == writes || x.verdict == skipped {
			w.rows.kept[x.key.String()] = x
		}
	}
	if isGone(err) {
		return nothing, err
	}
	w.write(ctx, w.led.EndLease(b.lease))
	if yielded {
		return w.giveWay(ctx, b.k.Chunk)
	}
	return w.trouble(ctx, b.k, at, err)
}

// tryWrite is one try. at is the statement that failed.
func (w *worker) tryWrite(ctx context.Context, b *batch, begun time.Time) (at *backfill.Statement, err error) {
	statement := chunkTime
	if b.k.Chunk.Rows <= 1 {
		statement = rowTime
	}
	if w.task.Limit > 0 {
		statement = w.task.Limit
	}
	if err := w.begin(ctx, statement); err != nil {
		return nil, err
	}
	var f ledger.Fill
	if b.sure { // pieces may be made, which are counted there
		if f, err = w.led.WaitFill(ctx, w.Conn, w.id); err != nil {
			return nil, err
		}
	}
	if err := w.fence(ctx, b.lease); err != nil {
		return nil, err
	}
	w.point("fenced")
	w.yield.Store(busy)
	written := &backfill.Statement{Text: w.task.Logic.Write.Text, Pos: w.task.Logic.Write.Pos}
	var n int64
	if b.sure {
		if err := w.rows.rowing.compare(ctx, b.part, b.k.Chunk.Range, b.rows); err != nil {
			return &w.task.Body[0], err
		}
		if err := w.limit(ctx, b, f); err != nil {
			return nil, err
		}
		n, err = w.writeSure(ctx, b, f, begun)
	} else {
		n, err = w.rows.rowing.writeQuick(ctx, b.k.Chunk.Range, b.rows)
	}
	if err != nil {
		return written, err
	}
	w.point("written")
	b.k.Chunk.Changed += n
	return written, w.markBatch(ctx, b, f, begun)
}

// fence locks the chunk's row and makes sure that the chunk is still ours: nobody
// can take it from then on until the transaction ends.
func (w *worker) fence(ctx context.Context, lease ledger.Lease) error {
	_, ok, err := w.led.LockChunk(ctx, w.Conn, w.id, lease.Seq)
	if err == nil && ok {
		ok, err = w.led.HasLease(ctx, w.Conn, lease)
	}
	if err == nil && !ok {
		err = errLost
	}
	return err
}

// compare reads the rows again, locks them, and notes which are no longer as they
// were when they were worked out.
func (r *rowing) compare(ctx context.Context, part Part, in backfill.Range, rows []*record) error {
	if err := r.plainRows(ctx); err != nil {
		return err
	}
	now, _, _, err := r.read(ctx, part, in, reading{hold: r.travel.Hold, bare: true})
	if err != nil {
		return err
	}
	versions := make(map[string]string, len(now))
	for _, x := range now {
		versions[x.key.String()] = x.version
	}
	for _, x := range rows {
		version, ok := versions[x.key.String()]
		switch {
		case !ok:
			x.verdict = gone
		case version != x.version:
			x.verdict = changed
		}
	}
	return nil
}

// limit stops the backfill when more rows are set aside than may be.
func (w *worker) limit(ctx context.Context, b *batch, f ledger.Fill) error {
	var first *record
	n := int64(0)
	for _, x := range b.rows {
		if x.verdict == bad {
			if n++; first == nil {
				first = x
			}
		}
	}
	if n == 0 {
		return nil
	}
	open, err := w.others(ctx, b.k.Chunk.Seq)
	if err != nil {
		return err
	}
	if !backfill.TooMany(open+n, f.Poison) {
		return nil
	}
	why := fault.New(fault.Failed, "row %s of %s: %s", keyText(w.key, first.key), w.table, first.reason)
	why.Hint = "correct the row, or what works it out, and run the same command again"
	if f.Poison == 0 {
		why.Hint += "; poison:N in the directive sets up to N such rows aside"
	} else {
		why.Msg = fmt.Sprintf("more than %s failed; one of them: %s", fault.Count(int(f.Poison), "row"), why.Msg)
	}
	return why
}

// writeQuick writes all rows with one statement, which passes over those that are
// not as they were read. errChanged when there is one.
func (r *rowing) writeQuick(ctx context.Context, in backfill.Range, rows []*record) (int64, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	args := r.lists(rows)
	versions := make([]dialect.Cell, len(rows))
	for i, x := range rows {
		versions[i] = dialect.Cell{Kind: dialect.Integer, Text: []byte(x.version)}
	}
	sql, _ := r.many(in, asRead)
	n, err := r.Exec(ctx, sql, append(args, r.lang.ListText(versions))...)
	if err == nil && n != int64(len(rows)) {
		err = errChanged
	}
	return n, err
}

// lists are the values for each parameter, as lists.
func (r *rowing) lists(rows []*record) []any {
	args := make([]any, 0, len(r.params)+1)
	cells := make([]dialect.Cell, len(rows))
	for p, t := range r.params {
		for i, x := range rows {
			cells[i] = x.values[p]
			if cells[i].Kind == dialect.List || t.Kind == dialect.List || t.Kind != dialect.Integer && cells[i].Kind == dialect.Integer {
				cells[i].Kind = dialect.Chars // to be quoted
			}
		}
		args = append(args, r.lang.ListText(cells))
	}
	return args
}

// toWrite are the rows that are to be written.
func toWrite(rows []*record) (some []*record) {
	for _, x := range rows {
		if x.verdict == writes {
			some = append(some, x)
		}
	}
	return some
}

// writeRows writes the rows that are to be, which are locked.
func (r *rowing) writeRows(ctx context.Context, in backfill.Range, rows []*record, point func(string)) (int64, error) {
	some := toWrite(rows)
	if len(some) == 0 {
		return 0, nil
	}
	if r.set {
		sql, _ := r.many(in, lasting)
		return r.Exec(ctx, sql, r.lists(some)...)
	}
	if r.listed && len(some) > 1 {
		if n, ok, err := r.writeList(ctx, in, some, point); ok {
			return n, err
		}
	}
	items := make([]db.Item, len(some))
	values := make([]string, len(r.params))
	for i, x := range some {
		for p, c := range x.values {
			values[p] = r.lang.Spell(c)
		}
		items[i].SQL = r.task.Logic.Write.One(values)
	}
	var n int64
	err := r.Send(ctx, items, func(i int, rows int64) {
		n += max(rows, 0)
		if i == 0 {
			point("row")
		}
	})
	return n, err
}

// markBatch marks what was done, and commits. Rows that were set aside, and those
// that are to be worked out again, get chunks of their own.
func (w *worker) markBatch(ctx context.Context, b *batch, f ledger.Fill, begun time.Time) error {
	c := b.k.Chunk
	c.Took = max(time.Since(begun), b.took/thinkShare, time.Duration(float64(w.target(b))*float64(b.bytes)/float64(w.o.Logic.Bytes)))
	more := []string{w.led.EndLease(b.lease)}
	pieces := piecesOf(c, b.rows)
	if len(pieces) == 1 && pieces[0].worst == writes {
		return w.done(ctx, c, more...)
	}
	sqls := w.cutUp(c, pieces, f)
	for _, p := range pieces {
		if p.worst == changed {
			w.leave[p.chunk.Seq] = time.Now().Add(jitter(idleTime))
			w.tries[p.chunk.Seq]++
		}
	}
	return w.markPieces(ctx, pieces, append(more, sqls...))
}

// cutUp gives the statements by which a chunk becomes its pieces, which get their
// numbers, and their bad rows are set aside. f is the backfill's row, which is locked.
func (w *worker) cutUp(c backfill.Chunk, pieces []piece, f ledger.Fill) []string {
	chunks := make([]backfill.Chunk, len(pieces))
	for i, p := range pieces {
		if i > 0 {
			p.chunk.Seq = f.NextSeq
			f.NextSeq++
		}
		chunks[i] = *p.chunk
	}
	sqls := append(w.led.AddPieces(w.id, chunks), w.led.NextSeq(w.id, f.NextSeq))
	for _, p := range pieces {
		if p.worst == bad {
			sqls = append(sqls, w.led.SetAside(ledger.Poisoned{Run: w.id, Seq: p.chunk.Seq, Key: p.row.key, Code: p.row.fault(), Reason: p.row.reason, Tries: int64(c.Tries) + 1})...)
			sqls = append(sqls, w.led.ChunkTries(w.id, p.chunk.Seq))
		}
	}
	return sqls
}

// fault is the code of what is wrong with a row.
func (x *record) fault() fault.Code {
	if x.code == "" {
		return fault.Failed
	}
	return x.code
}

// markPieces marks the first of a chunk's pieces done, where it is, and commits.
func (w *worker) markPieces(ctx context.Context, pieces []piece, sqls []string) (err error) {
	w.point("pieces")
	if pieces[0].worst == writes {
		err = w.done(ctx, *pieces[0].chunk, sqls...)
	} else {
		err = w.commit(ctx, sqls...)
	}
	if err != nil {
		return err
	}
	for _, p := range pieces {
		if p.worst == bad {
			w.emit(event.FillPoison{ID: string(w.task.Revision), Table: w.table, Key: keyText(w.key, p.row.key), Code: string(p.row.fault()), Reason: p.row.reason})
		}
	}
	return nil
}

func (w *worker) target(b *batch) time.Duration {
	if b.k.Target > 0 {
		return b.k.Target
	}
	return backfill.UsualTarget
}

// piece is a part of a chunk whose rows have the same fate.
type piece struct {
	chunk *backfill.Chunk
	worst verdict // writes, bad or changed
	row   *record // the last one
}

// piecesOf cuts a chunk by what becomes of its rows, end to end. The first piece
// has the chunk's number; a row that was set aside before keeps it.
func piecesOf(c backfill.Chunk, rows []*record) []piece {
	var pieces []piece
	low, left := c.Range.Low, c.Rows
	add := func(high backfill.Bound, fate verdict, n, wrote int64, last *record) {
		p := c
		p.Range = backfill.Range{Low: low, High: high}
		p.Rows, p.Changed, p.State, p.Merged = n, wrote, backfill.Todo, 1
		if fate == writes {
			p.State = backfill.Done
		}
		pieces = append(pieces, piece{&p, fate, last})
		low = high
		left -= n
	}
	i := 0
	for i < len(rows) {
		j := i + 1
		for j < len(rows) && rows[j].fate() == rows[i].fate() && rows[i].fate() != bad {
			j++
		}
		if j == len(rows) && rows[i].fate() == writes {
			break // to the end of the chunk
		}
		n, wrote := sumOf(rows[i:j])
		add(rows[j-1].key, rows[i].fate(), n, wrote, rows[j-1])
		i = j
	}
	if !low.Equal(c.Range.High) || len(pieces) == 0 {
		_, wrote := sumOf(rows[i:])
		add(c.Range.High, writes, max(left, 0), wrote, nil)
	}
	return inOrder(c, pieces)
}

// fate is what becomes of a row's piece of its chunk.
func (x *record) fate() verdict {
	if x.verdict == bad || x.verdict == changed {
		return x.verdict
	}
	return writes
}

// sumOf is how many rows there are, and were written.
func sumOf(rows []*record) (n, wrote int64) {
	for _, x := range rows {
		wrote += x.wrote
		if !x.end {
			n++
		}
	}
	return n, wrote
}

// inOrder puts the piece first that gets the chunk's number, and shares out the
// time that the chunk took.
func inOrder(c backfill.Chunk, pieces []piece) []piece {
	want := writes
	if c.Tries > 0 {
		want = bad
	}
	rows := int64(0)
	for _, p := range pieces {
		rows += p.chunk.Rows
	}
	first := slices.IndexFunc(pieces, func(p piece) bool { return p.worst == want })
	for i, p := range pieces {
		p.chunk.Took = c.Took * time.Duration(p.chunk.Rows) / time.Duration(max(rows, 1))
		if p.worst == writes {
			pieces[i].chunk.Changed += c.Changed
			c.Changed = 0
		}
	}
	if first > 0 {
		p := pieces[first]
		copy(pieces[1:first+1], pieces[:first])
		pieces[0] = p
	}
	return pieces
}
