package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/sqltext"
)

// pastVacuum is added to the lock budget when an autovacuum is all that is in
// the way: the server cancels it for a waiter, but only after a second
// (deadlock_timeout), so a shorter wait would never get past it.
const pastVacuum = time.Second

// rest is how many times longer than we may have blocked others we stay away.
const rest = 5

// patiently tries until the locks were had or the budget is spent. Before each
// try it looks, without queueing, whether somebody holds what the try needs.
// held is how long others may wait for us in one try.
func (w *work) patiently(ctx context.Context, m revision.Move, wants []plan.Touch, held time.Duration, try func(extra time.Duration) error) error {
	until := time.Now().Add(w.o.RetryBudget)
	var last error
	for n := 1; ; n++ {
		in, err := w.blockers(ctx, wants)
		if err != nil {
			return err
		}
		var extra time.Duration
		if onlyVacuum(in) {
			in, extra = nil, pastVacuum
		}
		if len(in) == 0 {
			if last = try(extra); last == nil || !isWait(last) {
				return last
			}
			if in, err = w.blockers(ctx, wants); err != nil {
				return err
			}
		}
		pause := pauseBefore(n, held+extra, len(in) > 0 && last == nil)
		w.emit(blocked(m, wants, n, pause, in))
		if time.Now().Add(pause).After(until) {
			return outOfPatience(last, wants, in, w.o.RetryBudget)
		}
		if ctx.Err() != nil {
			return w.interrupted(ctx)
		}
		last = nil
		sleep(ctx, pause)
	}
}

// pauseBefore is how long to stay away before the next try: at least [rest]
// times as long as others may have waited for us. It is shorter while we only
// looked and so held nobody up.
func pauseBefore(n int, held time.Duration, onlyLooked bool) time.Duration {
	if onlyLooked {
		return jitter(min(time.Duration(n)*100*time.Millisecond, time.Second))
	}
	return rest*held + rand.N(max(rest*held/2, time.Millisecond))
}

func blocked(m revision.Move, wants []plan.Touch, n int, pause time.Duration, in []event.Blocker) event.Blocked {
	e := event.Blocked{ID: string(m.ID), Attempt: n, Wait: pause, Blockers: in}
	if len(wants) > 0 {
		e.Table, e.Lock = wants[0].Table.String(), string(wants[0].Lock)
	}
	return e
}

// outOfPatience is the end of the budget; the application keeps its locks.
func outOfPatience(last error, wants []plan.Touch, in []event.Blocker, budget time.Duration) error {
	what := "the locks it needs"
	if len(wants) > 0 {
		what = fmt.Sprintf("%s on %s", orElse(string(wants[0].Lock), "its lock"), wants[0].Table)
	}
	f := fault.New(fault.Busy, "could not get %s within %s%s", what, fault.Span(budget), blockerText(in)).Because(last)
	return f.Try("end or wait for those sessions, raise --lock-timeout, or run the same command at a calmer time")
}

// prepared is the state of a blocker that has no session any more.
const prepared = "prepared transaction"

func blockerText(in []event.Blocker) string {
	var parts []string
	for _, b := range in[:min(len(in), 3)] {
		if b.State == prepared {
			parts = append(parts, fmt.Sprintf("%s %s (%s, for %s)", prepared, b.Query, orElse(b.User, "?"), fault.Span(b.Age)))
			continue
		}
		parts = append(parts, fmt.Sprintf("pid %d (%s, %s, %s for %s)", b.PID, orElse(b.User, "?"), orElse(b.App, "no application name"), orElse(b.State, "busy"), fault.Span(b.Age)))
	}
	if len(parts) == 0 {
		return ""
	}
	return "; in the way: " + strings.Join(parts, ", ")
}

// blockers looks who is in the way; nobody where it cannot be told.
func (w *work) blockers(ctx context.Context, wants []plan.Touch) ([]event.Blocker, error) {
	watcher, ok := w.conn.(db.Watcher)
	if !ok || len(wants) == 0 {
		return nil, nil
	}
	in, err := watcher.Blockers(ctx, wants, w.o.LockTimeout)
	if err != nil && !isGone(err) {
		// A look that fails (no right to see other sessions) must not stop a
		// migration that keeps its lock budget anyway.
		return nil, nil
	}
	return in, err
}

// onlyVacuum tells whether autovacuums that give way are all there is.
func onlyVacuum(in []event.Blocker) bool {
	return len(in) > 0 && !slices.ContainsFunc(in, func(b event.Blocker) bool { return !b.Vacuum || b.Wrap })
}

// lockable are the statements that take the locks of a transaction up front.
func (w *work) lockable(ctx context.Context, wants []plan.Touch) ([]string, error) {
	watcher, ok := w.conn.(db.Watcher)
	if !ok || len(wants) == 0 {
		return nil, nil
	}
	return watcher.Lockable(ctx, wants)
}

// touches are the locks on tables that were there before the steps began.
func touches(steps []plan.Step) []plan.Touch {
	made := map[string]bool{}
	var out []plan.Touch
	for _, s := range steps {
		for _, st := range s.Statements {
			for _, t := range st.Effect.Touches {
				if t.Lock != "" && !made[t.Table.Key()] {
					out = append(out, t)
				}
			}
			for _, n := range st.Effect.Creates {
				made[n.Key()] = true
			}
			for _, o := range st.Effect.Objects {
				made[o.Name.Key()] = made[o.Name.Key()] || st.Effect.Verb == "CREATE INDEX"
			}
		}
	}
	return out
}

func isCopy(s *plan.Statement) bool { return s.Kind == sqltext.Copy }

func asError(err error, e **db.Error) bool { return errors.As(err, e) }
