package fill

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
)

// batch is a chunk whose rows are worked out beyond the database.
type batch struct {
	k      ledger.Claimed
	part   Part
	lease  ledger.Lease
	rows   []*record
	bytes  int
	sure   bool               // the rows are read again, and locked, before they are written
	apart  bool               // those that the server refuses are found out
	rest   map[string]*record // answers that are still to be written
	took   time.Duration
	err    error
	cancel context.CancelFunc
	done   chan struct{} // closed when took and err are set
}

// leased is what a worker needs for rows that are worked out beyond the database.
type leased struct {
	rowing *rowing
	mind   *mind
	hand   *batch             // that is worked out
	turn   chan struct{}      // one batch is worked out at a time
	kept   map[string]*record // answers of a chunk that could not be written whole
	since  time.Time          // the last chunk was done
	freed  time.Time          // when the leases of others were last looked at
	whole  context.Context    // ends with the worker
	end    context.CancelFunc
}

// rowStep takes a chunk and hands its rows to be worked out; meanwhile the one
// before it is written.
func (w *worker) rowStep(ctx context.Context) (outcome, error) {
	ctx, cancel := w.grace(ctx)
	defer cancel()
	if err := w.ready(ctx); err != nil {
		return w.trouble0(ctx, err)
	}
	hand := w.rows.hand
	next, got, err := w.takeUnlessHeld(ctx)
	switch {
	case isGone(err):
		return got, err
	case next != nil:
		w.rows.hand = next
	default:
		w.rows.hand = nil
	}
	switch {
	case hand == nil && next != nil:
		return worked, nil
	case hand == nil:
		if got == nothing && err == nil {
			err = w.freeLeases(ctx)
		}
		return got, err
	case got == over || err != nil:
		w.drop(ctx, hand)
		return got, err
	}
	did, err := w.settle(ctx, hand)
	if isGone(err) {
		w.giveUp(hand)
	}
	if did == nothing && next != nil && err == nil {
		did = worked
	}
	if got == paused && did == worked && err == nil {
		did = paused
	}
	return did, err
}

// trouble0 is about an error before any chunk was taken.
func (w *worker) trouble0(ctx context.Context, err error) (outcome, error) {
	rollback(ctx, w.Conn)
	var a *attempt
	if errors.As(err, &a) && !isGone(err) {
		return over, w.stop(ctx, placed(a.at, a.err))
	}
	return w.outside(ctx, err)
}

// ready learns, once, what the two statements are made of.
func (w *worker) ready(ctx context.Context) error {
	if w.rows == nil {
		m, err := newMind(w.o, w.task, w.id, w.name(), w.emit)
		if err != nil {
			return err
		}
		m.most = answersShare * w.o.Logic.Bytes
		w.rows = &leased{mind: m, turn: make(chan struct{}, 1), since: time.Now()}
		w.rows.whole, w.rows.end = context.WithCancel(context.WithoutCancel(ctx))
	}
	if w.rows.rowing != nil {
		w.rows.rowing.session = w.session
		return nil
	}
	r := &rowing{session: w.session, order: w.order, run: w.id}
	if err := w.begin(ctx, planTime); err != nil {
		return err
	}
	err := r.learn(ctx)
	rollback(ctx, w.Conn)
	if err == nil {
		w.rows.rowing = r
	}
	return err
}

// leaveRows ends what a worker has going beyond the database.
func (w *worker) leaveRows(ctx context.Context) {
	if w.rows == nil {
		return
	}
	if hand := w.rows.hand; hand != nil {
		w.rows.hand = nil
		w.drop(ctx, hand)
	}
	w.rows.end()
	w.rows.turn <- struct{}{} // the last one has left the program alone
	w.rows.mind.leave()
}

// finishRows writes what is in hand when the worker is told to end, if it is worked
// out within the grace.
func (w *worker) finishRows(ctx context.Context) {
	if w.rows == nil || w.rows.hand == nil {
		return
	}
	hand := w.rows.hand
	w.rows.hand = nil
	ctx, cancel := w.grace(ctx)
	defer cancel()
	if _, err := w.settle(ctx, hand); err != nil {
		w.giveUp(hand)
	}
}

// drop gives a chunk back.
func (w *worker) drop(ctx context.Context, b *batch) {
	w.giveUp(b)
	rollback(ctx, w.Conn)
	w.write(ctx, w.led.EndLease(b.lease))
}

// giveUp ends the work on a batch, and leaves its lease to run out.
func (w *worker) giveUp(b *batch) {
	b.cancel()
	<-b.done
}

// takeUnlessHeld takes a chunk unless a limit keeps this worker from work.
func (w *worker) takeUnlessHeld(ctx context.Context) (*batch, outcome, error) {
	if p := w.press(ctx); w.number >= p.effort.Working() {
		got, err := w.held(ctx, p.why)
		return nil, got, err
	}
	return w.take(ctx)
}

// take leases a chunk and reads its rows, in one transaction that locks none of
// them. Without a batch the outcome says why there is none.
func (w *worker) take(ctx context.Context) (*batch, outcome, error) {
	if err := w.begin(ctx, chunkTime); err != nil {
		got, err := w.outside(ctx, err)
		return nil, got, err
	}
	w.point("begun")
	k, ok, err := w.led.ClaimFree(ctx, w.Conn, w.id, w.left())
	if err != nil || !ok {
		rollback(ctx, w.Conn)
		if err == nil && w.rows.hand != nil {
			_, err = w.enough(ctx)
			return nil, nothing, err
		}
		got, err := w.outside(ctx, err)
		if err == nil && !ok && got == nothing {
			got, err = w.without(ctx)
		}
		return nil, got, err
	}
	w.point("claimed")
	switch {
	case k.State != ledger.FillRunning:
		rollback(ctx, w.Conn)
		return nil, over, nil
	case k.Want == ledger.WantPause, int64(w.number) >= w.crewOf(k.Workers):
		rollback(ctx, w.Conn)
		got, err := w.pause(ctx)
		return nil, got, err
	case k.Chunk.Kind == backfill.Check:
		got, err := w.check(ctx, k)
		return nil, got, err
	case w.tooLarge(k):
		rollback(ctx, w.Conn)
		got, err := w.shrink(ctx, k.Chunk)
		return nil, got, err
	}
	w.warned = false
	b, err := w.lease(ctx, k)
	if err != nil || b == nil {
		rollback(ctx, w.Conn)
		if err == nil {
			return nil, nothing, nil // another was quicker
		}
		var at *backfill.Statement
		var a *attempt
		if errors.As(err, &a) {
			at, err = a.at, a.err
		}
		got, err := w.trouble(ctx, k, at, err)
		return nil, got, err
	}
	return b, worked, nil
}

// enough plans more chunks while there is one in hand, when there are none left.
func (w *worker) enough(ctx context.Context) (outcome, error) {
	if _, _, err := w.refill(ctx); err != nil {
		return w.outside(ctx, err)
	}
	return nothing, nil
}

// lease leases a chunk whose row is locked, and reads it. nil when it is leased.
func (w *worker) lease(ctx context.Context, k ledger.Claimed) (*batch, error) {
	r, c := w.rows.rowing, &k.Chunk
	owner := fmt.Sprintf("%s %016x", w.name(), rand.Uint64())
	lease, ok, err := w.led.TakeLease(ctx, w.Conn, w.id, c.Seq, owner, w.Session(), w.o.Logic.Lease)
	if err != nil || !ok {
		return nil, err
	}
	part, err := w.partOf(ctx, c.Part)
	if err != nil {
		return nil, err
	}
	if err := r.plainRows(ctx); err != nil {
		return nil, err
	}
	b := &batch{k: k, part: part, lease: lease, done: make(chan struct{})}
	var full bool
	b.rows, b.bytes, full, err = r.read(ctx, part, c.Range, reading{most: w.o.Logic.Bytes, lines: w.rows.mind.function == nil})
	if err != nil {
		return nil, &attempt{at: &w.task.Body[0], err: err}
	}
	sqls, err := w.shorten(ctx, b, full)
	if err != nil {
		return nil, err
	}
	w.point("read")
	if err := w.commit(ctx, sqls...); err != nil {
		return nil, err
	}
	w.point("leased")
	w.startThinking(b)
	return b, nil
}

// shorten makes a chunk end where its reading did, and another one of the rest.
func (w *worker) shorten(ctx context.Context, b *batch, full bool) ([]string, error) {
	c := &b.k.Chunk
	if !full {
		return nil, nil
	}
	f, err := w.led.WaitFill(ctx, w.Conn, w.id)
	if err != nil {
		return nil, err
	}
	pieces := cutAt(*c, []backfill.Bound{b.rows[len(b.rows)-1].key}, c.Rows)
	if len(pieces) < 2 {
		return nil, nil // it ends there anyhow
	}
	pieces[0].Rows = int64(len(b.rows))
	pieces[1].Rows = max(c.Rows-pieces[0].Rows, 1)
	pieces[1].Seq, pieces[1].Tries = f.NextSeq, 0
	*c = pieces[0]
	return append(w.led.AddPieces(w.id, pieces), w.led.NextSeq(w.id, f.NextSeq+1)), nil
}

// startThinking has a batch worked out beside the session, after the one before it.
func (w *worker) startThinking(b *batch) {
	var ctx context.Context
	ctx, b.cancel = context.WithCancel(w.rows.whole)
	r, m, kept := *w.rows.rowing, w.rows.mind, w.rows.kept
	for _, x := range b.rows {
		if k := kept[x.key.String()]; k != nil && k.version == x.version {
			x.verdict, x.values, x.reason, x.line, x.row = k.verdict, k.values, k.reason, nil, nil
		}
	}
	go func() {
		defer close(b.done)
		select {
		case w.rows.turn <- struct{}{}:
		case <-ctx.Done():
			b.err = ctx.Err()
			return
		}
		defer func() { <-w.rows.turn }()
		begun := time.Now()
		b.err = m.think(ctx, &r, b.rows)
		b.took = time.Since(begun)
	}()
}

// errLost tells that a lease is another's.
var errLost = errors.New("the lease of the chunk ran out, and another worker has it")

// errMuch tells that the answers for a chunk are too large to be held in memory.
var errMuch = errors.New("the program's answers for the chunk are larger than what is held in memory")

// answersShare is how many times as much memory the answers for a chunk may take
// as its rows.
const answersShare = 2

// await waits until a batch is worked out. Its lease, and that of the one behind
// it, are renewed meanwhile.
func (w *worker) await(ctx context.Context, b *batch) error {
	t := time.NewTicker(w.o.Logic.Lease / 4)
	defer t.Stop()
	for {
		select {
		case <-b.done:
			return b.err
		case <-ctx.Done():
			w.giveUp(b)
			return ctx.Err()
		case <-t.C:
			if err := w.renewLeases(ctx, b); err != nil {
				w.giveUp(b)
				return err
			}
		}
	}
}

func (w *worker) renewLeases(ctx context.Context, b *batch) error {
	for _, have := range []*batch{b, w.rows.hand} {
		if have == nil {
			continue
		}
		ok, err := w.led.RenewLease(ctx, w.Conn, have.lease, w.o.Logic.Lease)
		if err != nil && w.judge(err) != dialect.Transient {
			return err
		}
		if err == nil && !ok && have == b {
			return errLost
		}
	}
	w.worked()
	return w.idleBeat(ctx)
}

// settle waits until a batch is worked out, and writes it.
func (w *worker) settle(ctx context.Context, b *batch) (outcome, error) {
	w.doing = ""
	err := w.await(ctx, b)
	w.point("computed")
	switch {
	case errors.Is(err, errLost):
		return w.lost(b)
	case ctx.Err() != nil:
		w.drop(ctx, b)
		return over, nil
	case isGone(err):
		return nothing, err
	case errors.Is(err, errMuch):
		w.drop(ctx, b)
		return w.trouble(ctx, b.k, nil, err)
	case err != nil:
		w.drop(ctx, b)
		return w.failed(ctx, err)
	}
	return w.writeBatch(ctx, b)
}

// failed stops the backfill because of a program or a function.
func (w *worker) failed(ctx context.Context, err error) (outcome, error) {
	f := fault.New(fault.Failed, "%v", err).Because(err)
	var cause *fault.Error
	if errors.As(err, &cause) {
		f.Hint = cause.Hint
		f.Code = cause.Code
		f.Err = cause.Err
	}
	at := w.task.Spec.At
	f.Pos = &at
	if f.Hint != "" {
		f.Hint += ". "
	}
	f.Hint += "What was done is kept; run the same command again to go on"
	return over, w.stop(ctx, f)
}

// lost is about a chunk that is another's now: nothing of it was written.
func (w *worker) lost(b *batch) (outcome, error) {
	w.told(b.k.Chunk, "retry", errLost)
	return nothing, nil
}

// freeTime is how often it is looked whether who holds a lease is gone.
const freeTime = 500 * time.Millisecond

// freeLeases ends the leases of sessions that are provably gone.
func (w *worker) freeLeases(ctx context.Context) error {
	watcher, ok := w.Conn.(db.Watcher)
	if !ok || time.Since(w.rows.freed) < freeTime {
		return nil
	}
	w.rows.freed = time.Now()
	all, err := w.led.Leases(ctx, w.Conn, w.id)
	for lease, s := range all {
		life, e := watcher.Life(ctx, s)
		if e == nil && life == db.Dead {
			_, e = w.Exec(ctx, w.led.EndLease(lease))
		}
		err = errors.Join(err, e)
	}
	if err != nil {
		_, err = w.outside(ctx, err)
	}
	return err
}
