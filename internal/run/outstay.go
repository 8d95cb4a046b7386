package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
)

// watchEvery is how often a statement that may wait for others is looked at.
const watchEvery = time.Second

// watch looks, from a session of its own, at a statement that waits inside the
// server for others' transactions to end: a concurrent build or drop of an
// index, or the concurrent detaching of a partition. It tells how far it is, and
// ends it when it did nothing but wait for longer than the retry budget.
type watch struct {
	e *stepwise
	s *plan.Statement
	// sql is what runs, and how it is found where a proxy hides the session.
	sql  string
	conn db.Conn // nil: there is no second session, so nothing is seen
	end  context.CancelCauseFunc

	since time.Time // it has done nothing but wait; zero while it works
	phase string
	told  int64 // the pid of the one it was last said to wait for

	mu   sync.Mutex
	over *outstayed
}

// outstayed is why a statement was ended: it waited for others for too long. It
// is a cause of the context in which the statement runs; see [work.grace].
type outstayed struct {
	in     []event.Blocker
	budget time.Duration
}

func (o *outstayed) Error() string {
	return fmt.Sprintf("it waited for %s until others' transactions end%s", fault.Span(o.budget), blockerText(o.in))
}

// waits tells whether a statement waits for others' transactions, however long.
func waits(s *plan.Statement) bool { return s.Effect.Index != nil || s.Effect.Detach != nil }

// watched does something that waits for others, and is the fault [outstayed]
// where it was ended for that. do gets the lock time-out that it must run under:
// none where it is watched, because a statement that works between two waits may
// go on; the whole budget for each wait where nobody can watch.
func (e *stepwise) watched(ctx context.Context, s *plan.Statement, sql string, do func(ctx context.Context, lock time.Duration) error) error {
	w := &watch{e: e, s: s, sql: sql}
	lock := max(e.o.RetryBudget, time.Millisecond)
	if e.o.Open != nil {
		if c, err := e.o.Open(ctx, e.app("watch")); err == nil {
			w.conn, lock = c, 0
		}
	}
	inner, end := context.WithCancelCause(ctx)
	w.end = end
	stop := w.start(ctx)
	err := do(inner, lock)
	stop()
	end(nil)
	return w.judge(ctx, err)
}

// start looks until stop is called, which waits for the end of it.
func (w *watch) start(ctx context.Context) (stop func()) {
	if w.conn == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer w.conn.Close()
		w.look(ctx)
	}()
	return func() { cancel(); <-done }
}

// judge makes the fault of an error that our end, or the lock time-out in the
// place of it, has caused.
func (w *watch) judge(ctx context.Context, err error) error {
	w.mu.Lock()
	over := w.over
	w.mu.Unlock()
	switch {
	case err == nil || isGone(err) || ctx.Err() != nil:
		return err
	case over != nil && (classOf(err) == db.Canceled || errors.Is(err, context.Canceled) || fault.Has(err, fault.Interrupted)):
		err = nil // which only says that we ended it
	case w.conn == nil && waits(w.s) && timedOut(err):
		over = &outstayed{budget: w.e.o.RetryBudget}
	default:
		return err
	}
	what := "this statement"
	if w.s.SQL != w.sql {
		what = w.sql
	}
	return fault.At(w.s.Pos, fault.Busy, "%s waited for %s for transactions of others to end, and was given up%s", what, fault.Span(over.budget), blockerText(over.in)).
		Because(err).Try("%s; lock_budget is how long it waits", remedy(over.in, w.e.conn.Dialect()))
}

// remedy is what to do about who is in the way.
func remedy(in []event.Blocker, d dialect.Dialect) string {
	for _, b := range in {
		switch {
		case b.State == prepared:
			return fmt.Sprintf("end it (COMMIT PREPARED or ROLLBACK PREPARED %s), then run the same command again", d.Literal(b.Query))
		case b.PID != 0:
			return fmt.Sprintf("wait for it, or end it (SELECT pg_terminate_backend(%d)), then run the same command again", b.PID)
		}
	}
	return "end the oldest transactions (pg_stat_activity shows them), or wait for them, then run the same command again"
}

func (w *watch) look(ctx context.Context) {
	watcher, watches := w.conn.(db.Watcher)
	awaiter, awaits := w.conn.(db.Awaiter)
	every := min(watchEvery, max(w.e.o.RetryBudget/10, 20*time.Millisecond))
	for watches && awaits {
		sleep(ctx, every)
		if ctx.Err() != nil {
			return
		}
		session := w.e.conn.Session()
		if session == (db.Session{}) {
			found, ok, err := awaiter.Running(ctx, w.sql)
			if err != nil {
				return
			}
			if !ok {
				continue
			}
			session = found
		}
		work, found, err := watcher.Work(ctx, session)
		if err != nil {
			return
		}
		if found {
			w.e.emit(event.IndexProgress{ID: string(w.e.step.Move.ID), Index: w.index(), Phase: work.Phase, Done: work.Done, Total: work.Total, WaitsFor: work.WaitsFor})
		}
		in, err := awaiter.Awaited(ctx, session)
		if err != nil {
			return
		}
		if !found {
			w.tell(in)
		}
		w.count(work.Phase, in)
	}
}

func (w *watch) index() string {
	if w.s.Effect.Index == nil {
		return ""
	}
	return w.s.Effect.Index.Name.Name
}

// tell says who is in the way of what the server tells no phase of.
func (w *watch) tell(in []event.Blocker) {
	if len(in) == 0 || in[0].PID == w.told {
		return
	}
	w.told = in[0].PID
	e := blocked(w.e.step.Move, w.s.Effect.Touches, 1, 0, in)
	e.Lock = ""
	w.e.emit(e)
}

// count ends the statement when it has done nothing but wait for longer than the
// budget. Whatever it did in between lets it begin to count anew.
func (w *watch) count(phase string, in []event.Blocker) {
	if len(in) == 0 || phase != w.phase {
		w.since = time.Time{}
	}
	w.phase = phase
	switch {
	case len(in) == 0:
		return
	case w.since.IsZero():
		w.since = time.Now()
	}
	if time.Since(w.since) < w.e.o.RetryBudget {
		return
	}
	over := &outstayed{in: in, budget: w.e.o.RetryBudget}
	w.mu.Lock()
	w.over = over
	w.mu.Unlock()
	w.end(over)
}

// timedOut tells whether a lock time-out ended a statement (SQLSTATE 55P03).
func timedOut(err error) bool {
	var e *db.Error
	return asError(err, &e) && strings.HasSuffix(string(e.Code), ".55P03")
}
