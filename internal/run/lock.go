package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
)

// locked takes the lock, does the work and gives the lock back. The work's
// context outlives ctx by the grace time, and ends at once when the lease is lost.
func (w *work) locked(ctx context.Context, do func(context.Context) error) error {
	fence, err := w.acquire(ctx)
	if isGone(err) && w.o.Open != nil && ctx.Err() == nil {
		// Nothing was begun: the session broke while nobody used it.
		if again := w.reconnect(ctx, err); again != nil {
			return again
		}
		fence, err = w.acquire(ctx)
	}
	if err != nil {
		return err
	}
	w.by = ledger.By{Run: w.o.Run, Actor: w.o.Owner, Tool: w.o.Tool, Tag: w.o.Tag, Fence: fence}
	w.point("lock taken")
	held, lose := context.WithCancelCause(ctx)
	stop := w.beat(held, fence, lose)
	err = do(held)
	stop()
	if cause := context.Cause(held); cause != nil && fault.Has(cause, fault.LockLost) {
		err = cause
	}
	lose(nil)
	if !isGone(err) {
		err = w.unsettled(err, w.release(ctx, fence))
	}
	return err
}

// ownSession is how long, at least, a run waits for the server to notice that
// its broken session is gone.
const ownSession = 5 * time.Second

// acquire polls for the lock; it never waits inside the server, because a
// waiting session and a concurrent index build block each other.
func (w *work) acquire(ctx context.Context) (ledger.Fence, error) {
	if n, ok := w.conn.(db.Namer); ok {
		// An earlier call on this session had another run, or another verb.
		if err := n.Named(ctx, w.app("")); err != nil {
			return ledger.Fence{}, explainUnlessGone(err, "telling the server who it is")
		}
	}
	w.leaseOnly = w.leaseOnly || w.shared()
	wait := w.o.LockWait
	if w.by.Fence != (ledger.Fence{}) {
		wait = max(wait, ownSession) // our own broken session may still hold it
	}
	until, patient := time.Now().Add(wait), wait > 0
	var seen string
	var free time.Time
	for wait := 20 * time.Millisecond; ; wait = min(wait*3/2, 500*time.Millisecond) {
		fence, held, err := w.tryLock(ctx)
		if err == nil && held == nil {
			return fence, nil
		}
		if err != nil && !isWait(err) {
			return fence, whileLocking(w.orInterrupted(ctx, err))
		}
		if held == nil {
			held = w.writer(ctx)
		}
		if held != nil && held.Run != seen && (patient && seen == "" || time.Now().Before(until)) { // the first look may have taken all the time
			seen = held.Run
			w.emit(event.LockWaiting{Holder: held.Holder})
		}
		if w.leaked(&free, held, err) {
			continue
		}
		if time.Now().After(until) {
			return fence, lockedOut(held, err)
		}
		if ctx.Err() != nil {
			return fence, interrupted(ctx, 0)
		}
		if sleep(ctx, jitter(wait)); ctx.Err() != nil {
			return fence, interrupted(ctx, 0)
		}
	}
}

// shared tells whether a proxy may give our session to others between two
// transactions: then a lock of the session would stay with them.
func (r *Runner) shared() bool {
	_, locks := r.conn.(db.Locker)
	return locks && r.conn.Session() == db.Session{}
}

// leaked tells whether the session's lock is in the hands of a session that has
// no use for it: a proxy gives sessions to whoever comes, with the locks that
// others took. It is so when nobody took the lease for as long as a lease lives;
// then the lease alone decides. free is since when nobody has the lease.
func (w *work) leaked(free *time.Time, held *ledger.Holding, err error) bool {
	switch {
	case err != nil || !held.Free() || w.leaseOnly:
		*free = time.Time{}
	case free.IsZero():
		*free = time.Now()
	case time.Since(*free) > w.o.Lease:
		w.leaseOnly = true
		w.emit(event.Warning{Code: "lock.leaked", Text: "a session that runs no migration holds the lock; going on with the lease in the ledger alone",
			Hint: "a proxy that shares sessions does that: use a URL that goes to the server itself"})
		return true
	}
	return false
}

// whileLocking explains an error that is not explained yet.
func whileLocking(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	return explainUnlessGone(err, "taking the lock")
}

// writer is who holds the lease while nobody else may write, as in a file with
// one writer; nil when the ledger names nobody who may be alive.
func (w *work) writer(ctx context.Context) *ledger.Holding {
	h, err := w.led.Holder(ctx, w.conn)
	if err != nil || h.Free() || w.maySucceed(ctx, *h) {
		return nil
	}
	return h
}

// lockedOut names the holder.
func lockedOut(h *ledger.Holding, err error) error {
	switch {
	case h.Free() && err != nil:
		return fault.New(fault.Locked, "the lock cannot be had").Because(err).
			Try("another program, or another run, writes to this database: wait longer with --lock-wait, or look: bellows unlock")
	case h.Free():
		return fault.New(fault.Locked, "another run holds the lock, and has not said its name yet").
			Try("wait longer with --lock-wait, or look who it is: bellows unlock")
	}
	return fault.New(fault.Locked, "another run holds the lock: %s", holderText(h.Holder)).
		Try("wait longer with --lock-wait, or look whether it is still alive: bellows unlock")
}

func holderText(h event.Holder) string {
	s := fmt.Sprintf("%s (process %d on %s", h.Owner, h.PID, h.Host)
	if !h.Since.IsZero() {
		s += ", since " + h.Since.UTC().Format(time.RFC3339)
	}
	if h.Doing != "" {
		s += ", " + h.Doing
	}
	return s + ", run " + h.Run + ")"
}

// tryLock tries once. Two guards are taken in order: the lock of the session,
// where there is such a thing, and the lease in the ledger, which holds behind
// any proxy. held is who is in the way.
func (w *work) tryLock(ctx context.Context) (f ledger.Fence, held *ledger.Holding, err error) {
	locker, ok := w.conn.(db.Locker)
	if ok && !w.leaseOnly {
		got, tryErr := locker.TryLock(ctx, w.led.LockKey())
		if tryErr != nil {
			return f, nil, tryErr
		}
		if !got {
			h, err := w.led.Holder(ctx, w.conn)
			if ledger.Outdated(err) {
				err = nil // whoever has the lock is about to upgrade it
			}
			if err == nil {
				err = h.Ended(w.by.Fence)
			}
			if h == nil {
				h = &ledger.Holding{}
			}
			return f, h, err
		}
		defer func() {
			if err != nil || held != nil {
				_ = locker.Unlock(context.WithoutCancel(ctx), w.led.LockKey())
			}
		}()
	}
	if err := w.ensureLedger(ctx); err != nil {
		return f, nil, err
	}
	if !ok {
		// To take the lease of a file one waits for whoever writes to it; that it is
		// held can be read.
		if h := w.writer(ctx); h != nil && h.Run != w.o.Run {
			return f, h, nil
		}
	}
	f, other, took, err := w.led.Take(ctx, w.conn, w.claim(), w.o.Lease, func(h ledger.Holding) bool {
		// Where sessions have locks, that of a live holder would have stopped us:
		// his is shared by a proxy, and tells nothing.
		return ok && h.Expired || w.maySucceed(ctx, h)
	})
	if err != nil || !took {
		return f, other, err
	}
	if other != nil {
		w.emit(event.LockTakenOver{Holder: other.Holder})
		detail := "took the lock over from " + holderText(other.Holder)
		if _, err := w.conn.Exec(ctx, w.led.Note("unlock", "", detail, ledger.By{Run: w.o.Run, Actor: w.o.Owner, Tool: w.o.Tool, Tag: w.o.Tag, Fence: f})); err != nil {
			return f, nil, err
		}
	}
	return f, nil, nil
}

func (w *work) claim() ledger.Claim {
	return ledger.Claim{Run: w.o.Run, Owner: w.o.Owner, Host: w.o.Host, PID: w.o.PID, Doing: w.o.Verb, Session: w.conn.Session(), Had: w.by.Fence}
}

// maySucceed tells whether a holder's lease may be taken over: his session is
// provably gone, or his lease ran out and nothing shows that he lives.
func (r *Runner) maySucceed(ctx context.Context, h ledger.Holding) bool {
	watcher, ok := r.conn.(db.Watcher)
	if !ok {
		return h.Expired
	}
	life, err := watcher.Life(ctx, h.Session)
	if err != nil {
		return false
	}
	return life == db.Dead || life == db.Unknown && h.Expired
}

// ensureLedger creates the ledger where it is not there. Behind a proxy two runs
// may do so at once; the one that fails looks again.
func (w *work) ensureLedger(ctx context.Context) error {
	ok, err := w.led.Exists(ctx, w.conn)
	if ledger.Outdated(err) {
		return w.led.Upgrade(ctx, w.conn, ledger.By{Run: w.o.Run, Actor: w.o.Owner, Tool: w.o.Tool, Tag: w.o.Tag})
	}
	if err != nil || ok {
		return err
	}
	if err := w.trapped(ctx); err != nil {
		return err
	}
	items := []db.Item{{SQL: w.conn.Dialect().Traits().BeginWrite}}
	for _, sql := range w.led.Create() {
		items = append(items, db.Item{SQL: sql})
	}
	items = append(items, db.Item{SQL: "COMMIT"})
	if err := w.conn.Send(ctx, items, nil); err != nil {
		w.rollback(ctx)
		if ok, again := w.led.Exists(ctx, w.conn); ok && again == nil {
			return nil
		}
		if isWait(err) || isGone(err) {
			return err
		}
		return explain(err, "creating the ledger")
	}
	w.point("ledger created")
	return nil
}

// trapped refuses to make a schema for the ledger that would draw in every table
// which is named without a schema: that of a user who is called like it.
func (w *work) trapped(ctx context.Context) error {
	d, name := w.conn.Dialect(), orElse(w.o.Ledger, ledger.DefaultName)
	if d.Traits().SchemaTraps == "" {
		return nil
	}
	rows, err := w.conn.Query(ctx, fmt.Sprintf(d.Traits().SchemaTraps, d.Literal(name)))
	if err != nil {
		return err
	}
	defer rows.Close()
	if rows.Next() {
		return fault.New(fault.Config, "the user is called %s like the ledger's schema, and search_path begins with \"$user\": your tables would be made among the ledger's", name).
			Try("say where they belong, with ?search_path=public in the URL; or give the ledger another name: ledger_schema = \"…\"")
	}
	return rows.Err()
}

// rollback ends a transaction that failed, whatever became of the context.
func (w *work) rollback(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, _ = w.conn.Exec(ctx, "ROLLBACK")
}

// release gives the lock back; what cannot be given back dies with the session.
// Its error is that of [work.settleLast].
func (w *work) release(ctx context.Context, f ledger.Fence) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := w.settleLast(ctx, func() error { return w.led.Release(ctx, w.conn, f) })
	if locker, ok := w.conn.(db.Locker); ok && !w.leaseOnly {
		_ = locker.Unlock(ctx, w.led.LockKey())
	}
	w.point("lock released")
	return err
}

// beat keeps the lease alive from a session of its own, which is opened only
// when the run is long enough to need it. stop waits for it to end.
func (w *work) beat(ctx context.Context, f ledger.Fence, lose context.CancelCauseFunc) (stop func()) {
	if w.o.Open == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.beats(ctx, f, lose)
	}()
	return func() { cancel(); <-done }
}

func (w *work) beats(ctx context.Context, f ledger.Fence, lose context.CancelCauseFunc) {
	var c db.Conn
	defer func() {
		if c != nil {
			_ = c.Close()
		}
	}()
	for {
		sleep(ctx, w.o.Lease/3)
		if ctx.Err() != nil {
			return
		}
		if c == nil {
			fresh, err := w.o.Open(ctx, w.app("beat"))
			if err != nil {
				continue
			}
			c = fresh
		}
		err := w.led.Beat(ctx, c, f, w.o.Lease, w.o.Verb)
		if isWait(err) {
			// The row, or the file, is held by a transaction, our own as a rule:
			// then nobody takes it over, but somebody may have before.
			err = w.led.Held(ctx, c, f)
		}
		switch {
		case fault.Has(err, fault.LockLost):
			lose(err)
			return
		case isGone(err):
			_ = c.Close()
			c = nil
		}
	}
}

// isGone tells whether the connection broke.
func isGone(err error) bool { return classOf(err) == db.Gone }

// isWait tells whether the same transaction may succeed when tried again.
// One that was explained already is final.
func isWait(err error) bool {
	var f *fault.Error
	return !errors.As(err, &f) && classOf(err) == db.Wait
}

// classOf is the class of a server's error; -1 for any other.
func classOf(err error) db.Class {
	var e *db.Error
	if errors.As(err, &e) {
		return e.Class
	}
	return -1
}
