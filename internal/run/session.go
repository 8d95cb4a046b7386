package run

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
)

// isSession tells whether a statement sets something of the session. Dumps do
// that with a query, too.
func isSession(s *plan.Statement) bool {
	c := s.Effect.Class
	return c == plan.Session || c == plan.Query && strings.Contains(strings.ToLower(s.SQL), "set_config")
}

// resets are the statements that give a session its first settings again; none
// where the database has no such statement.
func resets(c db.Conn) []string {
	if lent, ok := c.(db.Resetter); ok && len(lent.Resets()) > 0 {
		return lent.Resets()
	}
	if t := c.Dialect().Traits(); t.ResetSession != "" {
		return strings.Split(t.ResetSession, "; ")
	}
	return nil
}

// resets are those that our own writes need before them, because one of the
// first n units set something of the session.
func (e *stepwise) resets(n int) []string {
	for _, u := range e.units[:min(n, len(e.units))] {
		for i := range u {
			if isSession(&u[i]) {
				return resets(e.conn)
			}
		}
	}
	return nil
}

// again sets what the done statements had set, after our own write reset it.
func (e *stepwise) again(ctx context.Context) error {
	if len(e.resets(e.done)) == 0 {
		return nil
	}
	return e.replay(ctx)
}

// clean gives the session its first settings again.
func (w *work) clean(ctx context.Context) error {
	for _, sql := range resets(w.conn) {
		if _, err := w.conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// cleanAnyway is clean, whatever became of the context.
func (w *work) cleanAnyway(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return w.clean(ctx)
}

// freshAnyway is freshSession after a failure, whatever became of the context:
// who uses this session next must not see what the failed step set.
func (w *work) freshAnyway(ctx context.Context, failure error, steps []plan.Step) {
	if isGone(failure) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = w.freshSession(ctx, steps)
}

func setsSession(s plan.Step) bool {
	for i := range s.Statements {
		if isSession(&s.Statements[i]) {
			return true
		}
	}
	return false
}

// freshSession takes another session after steps that set something of this
// one, where the database has no statement that resets it. The lease stays
// ours all the while, so nobody comes between.
func (w *work) freshSession(ctx context.Context, steps []plan.Step) error {
	if w.conn.Dialect().Traits().ResetSession != "" || !slices.ContainsFunc(steps, setsSession) {
		return nil
	}
	if w.o.Open == nil {
		return w.restore(ctx)
	}
	fresh, err := w.o.Open(ctx, w.app(""))
	if err != nil {
		return err
	}
	// A database in memory is not the same one for another session.
	if ok, err := w.led.Exists(ctx, fresh); err != nil || !ok {
		_ = fresh.Close()
		if err == nil {
			err = w.restore(ctx)
		}
		return err
	}
	old := w.conn
	if locker, ok := old.(db.Locker); ok {
		if err := locker.Unlock(ctx, w.led.LockKey()); err != nil {
			_ = fresh.Close()
			return err
		}
	}
	w.conn = fresh
	if err := w.led.Move(ctx, fresh, w.by.Fence, fresh.Session()); err != nil {
		_ = old.Close()
		return explainUnlessGone(err, "moving the lock to another session")
	}
	_ = old.Close()
	return w.relock(ctx)
}

// restore gives a session that cannot be replaced its first settings again.
func (w *work) restore(ctx context.Context) error {
	r, ok := w.conn.(db.Restorer)
	if !ok {
		return nil
	}
	return explainUnlessGone(r.Restore(ctx), "giving the session its settings again")
}

// relockEvery is how long to wait between two tries for a lock that is free in
// a moment.
const relockEvery = 20 * time.Millisecond

// relock takes the session's lock again. Whoever tries for it at this moment
// finds the lease held and gives it back.
func (w *work) relock(ctx context.Context) error {
	locker, ok := w.conn.(db.Locker)
	if !ok || w.leaseOnly {
		return nil
	}
	for ctx.Err() == nil {
		got, err := locker.TryLock(ctx, w.led.LockKey())
		if err != nil || got {
			return err
		}
		sleep(ctx, jitter(relockEvery))
	}
	return w.interrupted(ctx)
}

// refuseStatements refuses what would pull the ledger from under us, or what
// this version of the server does wrong.
func refuseStatements(p plan.Plan, t dialect.Traits) error {
	for _, s := range p.Steps {
		for i := range s.Statements {
			st := &s.Statements[i]
			switch ix := st.Effect.Index; {
			case st.Effect.Verb == "USE":
				return fault.At(st.Pos, fault.Unsupported, "USE would take the rest of the migration, and its record, to another database").
					Try("leave it out, the URL names the database; tables of others can be named with their database in front")
			case ix != nil && !ix.Drop && !t.ConcurrentIndex:
				return fault.At(st.Pos, fault.Unsupported, "this version of the server can damage an index that it builds concurrently").
					Try("update the server to the newest release of its major version")
			}
		}
	}
	return nil
}
