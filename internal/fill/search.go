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
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
)

const (
	// searchable is how many rows a chunk may have whose bad ones are found out in
	// one transaction. It reads their keys; how long it holds rows its time bounds.
	searchable = 1000
	// mostKept is how many savepoints of one transaction are kept. PostgreSQL
	// remembers 64 of a session where everyone can see them; of more, who reads has
	// to ask for each.
	mostKept = 60
)

// errEnough ends a search between two ranges: what was found is committed, and the
// rest of the chunk is another one.
var errEnough = errors.New("the search has taken its time")

// search finds out which rows fail, by halving, within one transaction. Each try
// is made under a savepoint, and what failed is undone before the next.
type search struct {
	session
	point func(name string)
	until time.Time // after which it ends, once something was found
	found bool
	kept  int  // tries that are to stay
	undo  bool // the last try is still to be undone
	full  bool // there are more bad rows than may be

	// try changes the rows of a range of them, and alone finds out about one row
	// whose range fails. Both judge by [search.under].
	try   func(ctx context.Context, from, to int) (failed, err error)
	alone func(ctx context.Context, i int) error
}

// halve settles the rows of a range. failing tells that they are known to fail when
// they are changed together; whole that they did not. That is only where to look:
// a row is judged by itself.
func (s *search) halve(ctx context.Context, from, to int, failing bool) (whole bool, err error) {
	if s.found && (s.full || s.kept >= mostKept || time.Now().After(s.until)) {
		return false, errEnough
	}
	if !failing {
		failed, err := s.try(ctx, from, to)
		if failed == nil || err != nil {
			s.found = true
			return true, err
		}
	}
	if to-from == 1 {
		s.found = true
		return false, s.alone(ctx, from)
	}
	half := (from + to) / 2
	left, err := s.halve(ctx, from, half, false)
	if err == nil {
		_, err = s.halve(ctx, half, to, left)
	}
	return false, err
}

const savepoint = "bellows_search"

// before are the statements that undo the last try, where it failed, and begin
// another.
func (s *search) before() []db.Item {
	var items []db.Item
	if s.undo {
		items = append(items, db.Item{SQL: "ROLLBACK TO SAVEPOINT " + savepoint, Brief: true}, db.Item{SQL: "RELEASE SAVEPOINT " + savepoint, Brief: true})
	}
	return append(items, db.Item{SQL: "SAVEPOINT " + savepoint, Brief: true})
}

// after are the statements that ask for what is put off until COMMIT, and leave it
// put off as it was.
func (s *search) after() []db.Item {
	sql := s.lang.Fill().Deferred
	if sql == "" {
		return nil
	}
	const inner = savepoint + "_end"
	return []db.Item{{SQL: "SAVEPOINT " + inner}, {SQL: sql}, {SQL: "ROLLBACK TO SAVEPOINT " + inner}}
}

// under makes a try: do sends what it is given before and after its statements.
// failed is the error of a row, which is to be undone; err any other, with which
// the transaction is over. What succeeds stays if it is to be kept.
func (s *search) under(ctx context.Context, judge func(error) dialect.Trouble, keep bool, do func(before, after []db.Item) error) (failed, err error) {
	before, after := s.before(), s.after()
	release := []db.Item{{SQL: "RELEASE SAVEPOINT " + savepoint, Brief: true}}
	sharer, asks := s.Conn.(db.Sharer) // of what is put off until COMMIT the session knows
	if keep && !asks {
		after = append(after, release...)
	}
	s.undo = true
	err = do(before, after)
	if err == nil && asks {
		err = sharer.Settled(ctx)
		if err == nil && keep {
			err = s.Send(ctx, release, nil)
		}
	}
	if err == nil && keep {
		s.undo = false
		s.kept++
	}
	s.point("tried")
	if err != nil && judge(err) == dialect.Row {
		return err, nil
	}
	return nil, err
}

// clear undoes a try that failed, when no other follows.
func (s *search) clear(ctx context.Context) error {
	if !s.undo {
		return nil
	}
	items := s.before()
	s.undo = false
	return s.Send(ctx, items[:2], nil)
}

// chunkSearch is the search in a chunk whose rows the statements change.
type chunkSearch struct {
	search
	w       *worker
	chunk   backfill.Chunk
	part    Part
	rows    []*record // the last may be where the chunk ends
	allowed int64     // how many more rows may be bad
	last    *fault.Error
}

// errTaken tells that a chunk is another's, is cut, or is done.
var errTaken = errors.New("another worker has the chunk")

// errUnfit tells that a chunk cannot be searched, or that nothing came of it.
var errUnfit = errors.New("the chunk is to be split")

// inquire finds out the bad rows of a small chunk within one transaction: the good
// ones are changed, the bad ones set aside. ok is false when nothing came of it:
// then the chunk is as it was, and is to be split.
func (w *worker) inquire(ctx context.Context, k ledger.Claimed) (got outcome, ok bool, err error) {
	if w.task.Logic != nil || k.Chunk.Rows <= 1 || k.Chunk.Rows > w.o.Search || k.Chunk.Tries > 0 {
		return nothing, false, nil
	}
	s := &chunkSearch{w: w, chunk: k.Chunk}
	got, err = s.run(ctx, k.Target)
	yielded := w.yield.Swap(resting) == yielding
	if err == nil {
		return got, true, nil
	}
	rollback(ctx, w.Conn)
	var f *fault.Error
	switch {
	case isGone(err):
		return nothing, true, err
	case ctx.Err() != nil:
		return over, true, nil
	case yielded:
		got, err = w.giveWay(ctx, k.Chunk)
		return got, true, err
	case errors.Is(err, errTaken):
		w.forget(k.Chunk.Seq)
		return worked, true, nil
	case errors.As(err, &f):
		return over, true, w.stop(ctx, f)
	}
	return nothing, false, nil
}

func (s *chunkSearch) run(ctx context.Context, target time.Duration) (outcome, error) {
	w, begun := s.w, time.Now()
	if target <= 0 {
		target = backfill.UsualTarget
	}
	s.search = search{session: w.session, point: w.point, until: begun.Add(w.pressed.Load().effort.Target(target)), try: s.some, alone: s.one}
	if err := s.take(ctx); err != nil {
		return nothing, err
	}
	w.point("searching")
	w.yield.Store(busy)
	if _, err := s.halve(ctx, 0, len(s.rows), true); err != nil && !errors.Is(err, errEnough) {
		return nothing, err
	}
	if err := s.clear(ctx); err != nil {
		return nothing, err
	}
	w.point("searched")
	return s.end(ctx, begun)
}

// take locks the chunk's row, if the chunk still is what it was, and reads its keys.
func (s *chunkSearch) take(ctx context.Context) (err error) {
	w := s.w
	if s.part, err = w.partOf(ctx, s.chunk.Part); err != nil {
		return err
	}
	if err = w.begin(ctx, chunkTime); err != nil {
		return err
	}
	now, ok, err := w.led.LockChunk(ctx, w.Conn, w.id, s.chunk.Seq)
	if err != nil {
		return err
	}
	if !ok || !now.Range.Equal(s.chunk.Range) {
		return errTaken
	}
	if err = w.plainly(ctx); err != nil {
		return err
	}
	keys, err := reader{w.session, w.key, s.part}.all(ctx, s.chunk.Range, w.o.Search+1)
	if err != nil {
		return err
	}
	if len(keys) < 2 || int64(len(keys)) > w.o.Search {
		return errUnfit
	}
	for _, key := range keys {
		s.rows = append(s.rows, &record{key: key})
	}
	s.chunk.Rows = int64(len(keys))
	if last := keys[len(keys)-1]; !last.Equal(s.chunk.Range.High) {
		s.rows = append(s.rows, &record{key: s.chunk.Range.High, end: true})
	}
	return nil
}

// span are the keys of some of the rows, from the one before them on.
func (s *chunkSearch) span(from, to int) backfill.Range {
	in := backfill.Range{Low: s.chunk.Range.Low, High: s.rows[to-1].key}
	if from > 0 {
		in.Low = s.rows[from-1].key
	}
	return in
}

// some changes some of the rows.
func (s *chunkSearch) some(ctx context.Context, from, to int) (failed, err error) {
	failed, n, err := s.change(ctx, s.span(from, to), nil)
	if failed == nil && err == nil {
		s.rows[from].wrote = n
		for _, x := range s.rows[from:to] {
			x.verdict = writes
		}
	}
	return failed, err
}

// change runs the statements on a range of the chunk, or on the one row of it that
// has the key; then nothing of it stays.
func (s *chunkSearch) change(ctx context.Context, in backfill.Range, key backfill.Bound) (failed error, changed int64, err error) {
	w := s.w
	c := s.chunk
	c.Range = in
	items := make([]db.Item, len(w.task.Body))
	for i, st := range w.task.Body {
		items[i].SQL = w.text(st, s.part, c, key)
	}
	ctx, stop, limit, unlimit := w.limited(ctx, len(items))
	defer stop()
	at := 0
	failed, err = s.under(ctx, w.judge, key == nil, func(before, after []db.Item) error {
		before = append(before, limit...)
		n := len(before)
		err := w.Send(ctx, slices.Concat(before, items, unlimit, after), func(i int, rows int64) {
			if i >= n && i < n+len(items) {
				changed += max(rows, 0)
			}
		})
		at = min(max(itemOf(err, n+len(items))-n, 0), len(items)-1)
		return err
	})
	if failed != nil {
		failed = placed(&w.task.Body[at], failed)
	}
	return failed, changed, err
}

// one judges a row that is the only one of a range that fails: it is bad when the
// statements fail for it and no other, and no other row has come into the range.
// Else the range is left to be tried again.
func (s *chunkSearch) one(ctx context.Context, i int) error {
	x := s.rows[i]
	x.verdict = changed
	if x.end {
		return nil
	}
	failed, _, err := s.change(ctx, s.span(i, i+1), x.key)
	if failed == nil || err != nil {
		return err
	}
	if err := s.clear(ctx); err != nil {
		return err
	}
	n, err := reader{s.session, s.w.key, s.part}.count(ctx, s.span(i, i+1))
	if err != nil || n != 1 {
		return err
	}
	return s.aside(ctx, x, failed)
}

// aside notes that a row is bad. When there are more than may be the search ends.
func (s *chunkSearch) aside(ctx context.Context, x *record, failed error) error {
	w := s.w
	f := placed(nil, failed)
	x.verdict, x.code, x.reason, x.refused = bad, f.Code, f.Msg, f
	if s.last == nil {
		run, err := w.led.ReadFill(ctx, w.Conn, w.id)
		if err != nil {
			return err
		}
		open, err := w.led.CountPoison(ctx, w.Conn, w.id)
		if err != nil {
			return err
		}
		s.allowed = run.Poison - open
	}
	s.last = f
	s.allowed--
	s.full = s.allowed < 0
	return nil
}

// end records what was found, and commits. Of rows beyond the limit, should other
// workers have found some meanwhile, nothing is recorded.
func (s *chunkSearch) end(ctx context.Context, begun time.Time) (outcome, error) {
	w := s.w
	run, err := w.led.WaitFill(ctx, w.Conn, w.id)
	if err != nil {
		return nothing, err
	}
	open, err := w.led.CountPoison(ctx, w.Conn, w.id)
	if err != nil {
		return nothing, err
	}
	var beyond *record
	for _, x := range s.rows {
		switch {
		case x.verdict == unanswered, x.verdict == bad && beyond != nil:
			x.verdict = changed
		case x.verdict == bad:
			if open++; backfill.TooMany(open, run.Poison) {
				beyond = x
			}
		}
	}
	s.chunk.Took = time.Since(begun)
	pieces := piecesOf(s.chunk, s.rows)
	for _, p := range pieces {
		if p.worst == writes && w.counts() {
			p.chunk.Rows = p.chunk.Changed
		}
	}
	sqls := w.cutUp(s.chunk, pieces, run)
	var f *fault.Error
	if beyond != nil {
		f = beyond.refused
		f.Msg = fmt.Sprintf("row %s of %s: %s", keyText(w.key, beyond.key), w.table, f.Msg)
		sqls = append(sqls, w.led.StopFill(w.id, fault.Failed, f.Msg))
	}
	if err := w.markPieces(ctx, pieces, sqls); err != nil {
		return nothing, err
	}
	w.point("search committed")
	w.forget(s.chunk.Seq)
	w.worked()
	if beyond != nil {
		return over, tooMany(f, run.Poison)
	}
	return worked, nil
}
