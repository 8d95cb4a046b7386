package run

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/plan"
)

// index is what the catalog says of the index a statement builds, or of what one
// that names none has left on its table; ok is false for any other statement.
func (e *stepwise) index(ctx context.Context, s *plan.Statement) (st db.IndexState, ok bool, err error) {
	watcher, can := e.conn.(db.Watcher)
	ix := s.Effect.Index
	if !can || ix == nil || ix.Name.Name == "" && ix.Table.Name == "" {
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
	if p := e.view.Progress[e.step.Move.ID]; st.Chosen != nil && e.before == "" && p.Done == e.done {
		e.before = p.Witness // of an earlier try, until what it has left is gone
	}
	_, unfinished := newOnes(st, e.before)
	for _, name := range append(st.Leftovers, unfinished...) {
		if err := e.dropIndex(ctx, s, name); err != nil {
			return false, err
		}
		delete(st.Chosen, name)
	}
	e.before = allChosen(st)
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
	drop := dropInvalid + name
	err := e.watched(ctx, s, drop, func(ctx context.Context, lock time.Duration) error { return e.execDrop(ctx, drop, lock) })
	if err != nil {
		return leftBehind(locateUnlessGone(err, s), []string{name})
	}
	e.dropped(ctx, name)
	return nil
}

const dropInvalid = "DROP INDEX CONCURRENTLY IF EXISTS "

func (e *stepwise) execDrop(ctx context.Context, drop string, lock time.Duration) error {
	if !e.shared() {
		if _, err := e.conn.Exec(ctx, dialect.Budget(e.conn.Dialect().Traits().BudgetSession, lock, 0)); err != nil {
			return err
		}
	}
	_, err := e.conn.Exec(ctx, drop)
	return err
}

func (e *stepwise) dropped(ctx context.Context, name string) {
	e.write(ctx, []string{e.led.Note("repair", e.step.Move.ID, "dropped the invalid index "+name, e.by)})
}

// confirmIndex demands that what was built is valid.
func (e *stepwise) confirmIndex(ctx context.Context, s *plan.Statement) error {
	st, ok, err := e.index(ctx, s)
	if err != nil || !ok || s.Effect.Index.Drop {
		return err
	}
	switch {
	case st.Exists && st.Valid, st.Chosen == nil && s.Effect.Index.Name.Name == "":
		return nil
	case st.Chosen != nil:
		if valid, invalid := newOnes(st, e.before); len(valid) > 0 && len(invalid) == 0 {
			return nil
		}
	}
	return e.cleanIndex(ctx, s, fault.At(s.Pos, fault.Failed, "index %s is not valid after it was built", s.Effect.Index.Name).
		Try("run the same command again: it drops the invalid index and builds it anew"))
}

// cleanIndex drops what a failed build left invalid, so that it neither slows
// writes nor refuses them, and gives the build's error back. After a build that
// was given up because others are in the way it only tries, and says what stays.
func (e *stepwise) cleanIndex(ctx context.Context, s *plan.Statement, cause error) error {
	if isGone(cause) {
		return cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	st, ok, err := e.index(ctx, s)
	if err != nil || !ok {
		return cause
	}
	_, chosen := newOnes(st, e.before)
	names := append(st.Leftovers, chosen...)
	if st.Exists && !st.Valid && !st.Building && !s.Effect.Index.Rebuild {
		names = append(names, e.quoted(st, s.Effect.Index.Name))
	}
	busy := fault.Has(cause, fault.Busy)
	for i, name := range names {
		switch {
		case s.Effect.Index.Drop:
		case busy:
			err = e.dropNow(ctx, name)
		default:
			err = e.dropIndex(ctx, s, name)
		}
		if s.Effect.Index.Drop || err != nil {
			return leftBehind(cause, names[i:])
		}
	}
	return cause
}

// dropNow drops an invalid index if nobody is in the way.
func (e *stepwise) dropNow(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := e.execDrop(ctx, dropInvalid+name, e.o.LockTimeout)
	if err == nil {
		e.dropped(ctx, name)
	}
	return err
}

// leftBehind adds to the error of a statement that was given up which invalid indexes
// it has left behind.
func leftBehind(cause error, names []string) error {
	var f *fault.Error
	if !errors.As(cause, &f) || f.Code != fault.Busy {
		return cause
	}
	told := *f
	told.Hint += "; until then " + strings.Join(names, " and ") + " stays invalid: no query uses it, and the next run drops it"
	return &told
}

// unnamed begins the witness of a build of an index whose name the server chooses:
// behind it stand those that its table had before, one in a line.
const unnamed = "indexes:\n"

// allChosen is that witness, "" for any other statement.
func allChosen(st db.IndexState) string {
	if st.Chosen == nil {
		return ""
	}
	return unnamed + strings.Join(slices.Sorted(maps.Keys(st.Chosen)), "\n")
}

// newOnes are the indexes that were not there when that witness was taken.
func newOnes(st db.IndexState, witness string) (valid, invalid []string) {
	old, ok := strings.CutPrefix(witness, unnamed)
	if !ok {
		return nil, nil
	}
	before := strings.Split(old, "\n")
	for _, name := range slices.Sorted(maps.Keys(st.Chosen)) {
		switch {
		case slices.Contains(before, name):
		case st.Chosen[name]:
			valid = append(valid, name)
		default:
			invalid = append(invalid, name)
		}
	}
	return valid, invalid
}

// builtUnnamed tells whether an index that was begun, and whose name the server
// chose, is there.
func (e *stepwise) builtUnnamed(ctx context.Context, s *plan.Statement, p ledger.Progress) (bool, error) {
	st, _, err := e.index(ctx, s)
	valid, _ := newOnes(st, p.Witness)
	return len(valid) > 0, err
}
