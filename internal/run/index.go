package run

import (
	"context"
	"fmt"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
)

// watchEvery is how often the progress of a concurrent build is looked at.
const watchEvery = time.Second

// index is what the catalog says of the index a statement builds; ok is false
// for any other statement, and for an index without a name.
func (e *stepwise) index(ctx context.Context, s *plan.Statement) (st db.IndexState, ok bool, err error) {
	watcher, can := e.conn.(db.Watcher)
	ix := s.Effect.Index
	if !can || ix == nil || ix.Name.Name == "" {
		return st, false, nil
	}
	st, err = watcher.Index(ctx, *ix)
	if err != nil {
		return st, false, explainUnlessGone(err, "looking for the index")
	}
	return st, true, nil
}

// prepareIndex clears what an interrupted build left behind. ready tells that
// the index is there already, because our own interrupted build finished.
func (e *stepwise) prepareIndex(ctx context.Context, s *plan.Statement) (ready bool, err error) {
	st, ok, err := e.index(ctx, s)
	if err != nil || !ok || s.Effect.Index.Drop {
		return false, err
	}
	if st.Building {
		return false, fault.At(s.Pos, fault.Busy, "index %s is being built by another session", s.Effect.Index.Name).
			Try("wait until it is built, then run the same command again")
	}
	for _, name := range st.Leftovers {
		if err := e.dropIndex(ctx, s, name); err != nil {
			return false, err
		}
	}
	if s.Effect.Index.Rebuild || !st.Exists {
		return false, nil
	}
	if !st.Valid {
		return false, e.dropIndex(ctx, s, e.quoted(st, s.Effect.Index.Name))
	}
	return e.resumed(), nil
}

// resumed tells whether this very unit was started by an earlier run.
func (e *stepwise) resumed() bool {
	p, ok := e.view.Progress[e.step.Move.ID]
	return ok && p.Started && p.Done == e.done
}

// quoted spells the index's name; an index lives in its table's schema.
func (e *stepwise) quoted(st db.IndexState, n plan.Name) string {
	d := e.conn.Dialect()
	schema := orElse(n.Schema, st.Table.Schema)
	if schema == "" {
		return d.Quote(n.Name)
	}
	return d.Quote(schema) + "." + d.Quote(n.Name)
}

// dropIndex removes an invalid index, concurrently, and journals that.
func (e *stepwise) dropIndex(ctx context.Context, s *plan.Statement, name string) error {
	e.emit(event.Warning{Code: "index.invalid", Text: "index " + name + " is invalid; it is dropped and built again", File: s.Pos.File, Line: s.Pos.Line})
	sqls := []string{"DROP INDEX CONCURRENTLY IF EXISTS " + name}
	if !e.shared() {
		sqls = append([]string{dialect.Budget(e.conn.Dialect().Traits().BudgetSession, 0, 0)}, sqls...)
	}
	for _, sql := range sqls {
		if _, err := e.conn.Exec(ctx, sql); err != nil {
			return locateUnlessGone(err, s)
		}
	}
	e.write(ctx, []string{e.led.Note("repair", e.step.Move.ID, "dropped the invalid index "+name, e.by)})
	return nil
}

// confirmIndex demands that what was built is valid.
func (e *stepwise) confirmIndex(ctx context.Context, s *plan.Statement) error {
	st, ok, err := e.index(ctx, s)
	if err != nil || !ok || s.Effect.Index.Drop {
		return err
	}
	if st.Exists && st.Valid {
		return nil
	}
	return e.cleanIndex(ctx, s, fault.At(s.Pos, fault.Failed, "index %s is not valid after it was built", s.Effect.Index.Name).
		Try("run the same command again: it drops the invalid index and builds it anew"))
}

// cleanIndex drops what a failed build left invalid, so that it neither slows
// writes nor refuses them, and gives the build's error back.
func (e *stepwise) cleanIndex(ctx context.Context, s *plan.Statement, cause error) error {
	if isGone(cause) {
		return cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	st, ok, err := e.index(ctx, s)
	if err != nil || !ok || s.Effect.Index.Drop {
		return cause
	}
	names := st.Leftovers
	if st.Exists && !st.Valid && !st.Building && !s.Effect.Index.Rebuild {
		names = append(names, e.quoted(st, s.Effect.Index.Name))
	}
	for _, name := range names {
		if err := e.dropIndex(ctx, s, name); err != nil {
			return cause
		}
	}
	return cause
}

// watchIndex shows how far a concurrent build is, from a session of its own.
func (e *stepwise) watchIndex(ctx context.Context, s *plan.Statement) (stop func()) {
	if s.Effect.Index == nil || e.o.Open == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	session := e.conn.Session()
	go func() {
		defer close(done)
		e.watch(ctx, s, session)
	}()
	return func() { cancel(); <-done }
}

func (e *stepwise) watch(ctx context.Context, s *plan.Statement, session db.Session) {
	sleep(ctx, watchEvery)
	if ctx.Err() != nil {
		return
	}
	c, err := e.o.Open(ctx, e.app("watch"))
	if err != nil {
		return
	}
	defer c.Close()
	watcher, ok := c.(db.Watcher)
	for ok && ctx.Err() == nil {
		work, found, err := watcher.Work(ctx, session)
		if err != nil {
			return
		}
		if found {
			e.emit(event.IndexProgress{ID: string(e.step.Move.ID), Index: fmt.Sprint(s.Effect.Index.Name), Phase: work.Phase, Done: work.Done, Total: work.Total, WaitsFor: work.WaitsFor})
		}
		sleep(ctx, watchEvery)
	}
}
