package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// stepwise is a migration whose statements are applied one by one.
type stepwise struct {
	*work
	step  *plan.Step
	key   revision.ID // under which the progress is kept
	units [][]plan.Statement
	hash  []string // of the first n units, for every n
	done  int
	// before is the witness of an index build whose name the server chooses, while
	// something of it may be left.
	before string
	// held goes around all units, or around the last where it cannot.
	held *held
}

// around are the items of a statement with what holds the tables.
func (h *held) around(t *transaction, traits dialect.Traits) {
	if h == nil || traits.HoldTable == "" {
		return
	}
	items, from := t.items, t.from
	t.items, t.from = nil, nil
	t.add(h.lock(traits), origin{})
	t.items, t.from = append(t.items, items...), append(t.from, from...)
	for _, sql := range append(h.after[:len(h.after):len(h.after)], traits.ReleaseTable) {
		t.add(sql, origin{})
	}
}

func (w *work) stepwise(s *plan.Step) *stepwise {
	units := plan.Units(s.Statements)
	return &stepwise{work: w, step: s, units: units, hash: hashes(units, w.conn.Dialect()), key: s.Move.ID}
}

// each carries out a step without a transaction around it. Before and after
// each unit the ledger knows how far it is.
func (w *work) each(ctx context.Context, s *plan.Step) error {
	begun := time.Now()
	if err := w.stepwise(s).carry(ctx, begun); err != nil {
		return err
	}
	w.finished(s.Move, s.Revision.Name, time.Since(begun))
	return nil
}

// carry is [work.each] without the report.
func (e *stepwise) carry(ctx context.Context, begun time.Time) error {
	if err := e.begin(ctx); err != nil {
		return err
	}
	if e.done < len(e.units) && e.heldWhole() {
		switch err := e.carryHeld(ctx); {
		case e.held.mistrusts():
			return err
		case err != nil:
			return e.stumbled(ctx, err)
		}
	}
	for e.done < len(e.units) {
		if ctx.Err() != nil {
			return e.stopped(ctx)
		}
		if err := e.unit(ctx); err != nil {
			return e.stumbled(ctx, err)
		}
		e.done++
		e.before = ""
		e.point("unit done")
	}
	if err := e.checks(ctx); err != nil {
		return e.stumbled(ctx, err)
	}
	return e.finish(ctx, time.Since(begun))
}

// begin finds where an earlier run stopped, or records that this one starts.
func (e *stepwise) begin(ctx context.Context) error {
	e.point("each begin")
	if p, ok := e.view.Progress[e.key]; ok && p.Direction == e.step.Move.Direction {
		return e.resume(ctx, p)
	}
	if ok := e.view.Progress[e.key]; ok.Direction != "" {
		return fault.New(fault.Repair, "%s %s is half done in the other direction", e.step.Move.ID, e.step.Revision.Name).
			Try("see `bellows repair`")
	}
	var sqls []string
	id := e.step.Move.ID
	if e.act != nil {
		sqls = e.act.begins()
	} else if e.step.Move.Direction == revision.Down {
		sqls = e.led.SetState(id, ledger.Running, "", "start", "down, statement by statement", e.by)
	} else {
		sqls = e.led.Record(ledger.Done{Revision: e.step.Revision, Script: e.step.Script, State: ledger.Running, Seq: e.seq + 1, Action: "start", Detail: "up, statement by statement"}, e.by)
	}
	err := e.commit(ctx, append(sqls, e.led.SetProgress(e.progress(false, ""), e.by)))
	if err != nil {
		e.rollback(ctx)
		return explainUnlessGone(err, "recording the start")
	}
	e.point("each begun")
	return nil
}

func (e *stepwise) progress(started bool, witness string) ledger.Progress {
	return ledger.Progress{Revision: e.key, Direction: e.step.Move.Direction, Done: e.done, Started: started, Hash: e.hash[e.done], Witness: witness}
}

// hashes tell whether the statements that were done are still the ones in the
// file, whatever their comments: of the first 0, 1, 2, … units.
func hashes(units [][]plan.Statement, d dialect.Dialect) []string {
	h := sha256.New()
	out := []string{hex.EncodeToString(h.Sum(nil))}
	for _, u := range units {
		for _, s := range u {
			_, _ = io.WriteString(h, d.Bare(s.SQL)+"\x00"+s.Data+"\x00")
		}
		out = append(out, hex.EncodeToString(h.Sum(nil)))
	}
	return out
}

// resume goes on where an earlier run was killed or failed.
func (e *stepwise) resume(ctx context.Context, p ledger.Progress) error {
	if p.Done > len(e.units) || e.hash[p.Done] != p.Hash {
		return e.editedPrefix(ctx, p)
	}
	e.done = p.Done
	if p.Started && e.done < len(e.units) {
		took, err := e.tookEffect(ctx, p)
		if err != nil {
			return err
		}
		if took {
			e.done++
			if err := e.commit(ctx, []string{e.led.SetProgress(e.progress(false, ""), e.by)}); err != nil {
				e.rollback(ctx)
				return explainUnlessGone(err, "recording progress")
			}
		}
	}
	if err := e.commit(ctx, []string{e.led.Note("resume", p.Revision, fmt.Sprintf("%s, after statement %d of %d", p.Direction, e.done, len(e.units)), e.by)}); err != nil {
		e.rollback(ctx)
		return explainUnlessGone(err, "recording progress")
	}
	return e.replay(ctx)
}

// replay sets again what the done statements had set in the session that is gone.
func (e *stepwise) replay(ctx context.Context) error {
	for _, u := range e.units[:e.done] {
		for i := range u {
			if !isSession(&u[i]) {
				continue
			}
			if _, err := e.conn.Exec(ctx, u[i].SQL); err != nil {
				return locateUnlessGone(err, &u[i])
			}
		}
	}
	return nil
}

// tookEffect finds out whether the statement that was under way when an earlier
// run ended took effect: its objects do, or do not, look as they did before.
func (e *stepwise) tookEffect(ctx context.Context, p ledger.Progress) (bool, error) {
	s := &e.units[e.done][0]
	watcher, ok := e.conn.(db.Watcher)
	if ok && s.Effect.Index != nil {
		if !s.Effect.Index.Drop {
			if strings.HasPrefix(p.Witness, unnamed) {
				return e.builtUnnamed(ctx, s, p)
			}
			return false, nil // a concurrent build looks for itself what is there
		}
		if st, known, err := e.index(ctx, s); err != nil || known {
			return !st.Exists, err // a drop that was interrupted leaves an invalid index
		}
	}
	if a, detaches, err := e.attachment(ctx, s); err != nil || detaches {
		return a == db.Detached, err
	}
	if p.Witness == "" || !ok {
		switch s.Effect.Class {
		case plan.Session, plan.Query, plan.Admin:
			return false, nil
		}
		return false, fault.At(s.Pos, fault.Repair, "the process ended while this statement ran, and it cannot be told whether it took effect").
			Try("look, then say so: bellows repair --statement-done %s, or bellows repair --statement-undone %s", e.step.Move.ID, e.step.Move.ID)
	}
	now, err := watcher.Fingerprint(ctx, s.Effect.Objects)
	if err != nil {
		return false, explainUnlessGone(err, "looking whether a statement took effect")
	}
	return now != p.Witness, nil
}

// editedPrefix refuses to go on with other statements than those that were done.
func (e *stepwise) editedPrefix(ctx context.Context, p ledger.Progress) error {
	stored, err := e.led.Script(ctx, e.conn, e.step.Move.ID)
	if err != nil {
		return explainUnlessGone(err, "reading the ledger")
	}
	before := stored.Up
	if p.Direction == revision.Down {
		before = stored.Down
	}
	old := "(not recorded)"
	if before != nil {
		old = strings.TrimSpace(before.SQL)
	}
	var now []string
	for _, u := range e.units[:min(p.Done, len(e.units))] {
		for _, s := range u {
			now = append(now, s.SQL+";")
		}
	}
	return fault.At(fault.Pos{File: e.step.Revision.File}, fault.Edited, "%s %s is half done, and what was done was edited since", e.step.Move.ID, e.step.Revision.Name).
		Because(fault.New(fault.Edited, "the migration was begun as:\n%s\nthe file begins now:\n%s", old, strings.Join(now, "\n"))).
		Try("bring the old text back as far as it was done (statements: %d from the top; what follows may change), or see `bellows repair`", p.Done)
}

// unit carries out the next unit in the way that suits it.
func (e *stepwise) unit(ctx context.Context) error {
	u := e.units[e.done]
	held := orTime(u[0].LockTimeout, e.o.LockTimeout)
	alone := func(time.Duration) error { return e.runAlone(ctx, &u[0]) }
	if e.alone(u) {
		return e.patiently(ctx, e.step.Move, unitTouches(u), held, alone)
	}
	err := e.patiently(ctx, e.step.Move, unitTouches(u), held, func(extra time.Duration) error { return e.runTogether(ctx, u, extra) })
	if len(u) == 1 && commitsItself(err) {
		return e.patiently(ctx, e.step.Move, unitTouches(u), held, alone)
	}
	return err
}

// commitsItself tells whether a routine failed because it ends transactions of
// its own, which it may not do in ours (SQLSTATE 2D000). It was rolled back.
func commitsItself(err error) bool {
	var e *db.Error
	return asError(err, &e) && strings.HasSuffix(string(e.Code), ".2D000")
}

// alone tells whether a unit cannot share a transaction with the ledger.
func (e *stepwise) alone(u []plan.Statement) bool {
	if len(u) > 1 {
		return false
	}
	f := u[0].Effect
	if f.NoTx != "" || f.Class == plan.Session {
		return true
	}
	return !e.conn.Dialect().Traits().TransactionalDDL && f.Class != plan.Rows && f.Class != plan.Query
}

func unitTouches(u []plan.Statement) []plan.Touch {
	return touches([]plan.Step{{Statements: u}})
}

// runTogether runs a unit and the record of its progress in one transaction.
func (e *stepwise) runTogether(ctx context.Context, u []plan.Statement, extra time.Duration) error {
	if err := e.again(ctx); err != nil {
		return err
	}
	traits := e.conn.Dialect().Traits()
	t := transaction{work: e.work}
	t.add(traits.BeginWrite, origin{})
	lock, statement := orTime(u[0].LockTimeout, e.o.LockTimeout), orTime(u[0].Timeout, e.o.StatementTimeout)
	t.add(dialect.Budget(traits.BudgetTx, lock+extra, statement), origin{})
	locks, err := e.lockable(ctx, unitTouches(u))
	if err != nil {
		return err
	}
	for _, sql := range locks {
		t.add(sql, origin{})
	}
	for i := range u {
		if c := u[i].Effect.Class; c != plan.Begin && c != plan.Commit {
			t.items = append(t.items, item(&u[i]))
			t.from = append(t.from, e.origin(&u[i]))
		}
	}
	next := e.progress(false, "")
	next.Done, next.Hash = e.done+1, e.hash[e.done+1]
	for _, sql := range e.resets(e.done + 1) {
		t.add(sql, origin{})
	}
	t.add(e.led.SetProgress(next, e.by), origin{record: true})
	t.add("COMMIT", origin{commit: true})
	if err := t.flush(ctx); err != nil {
		if !isGone(err) {
			e.rollback(ctx)
		}
		return err
	}
	return nil
}

func (e *stepwise) origin(s *plan.Statement) origin {
	return origin{statement: s, id: string(e.step.Move.ID), number: e.done + 1, of: len(e.units)}
}

// runAlone runs a statement that no transaction can hold: the intent is
// recorded before, with what its objects look like, the outcome after.
func (e *stepwise) runAlone(ctx context.Context, s *plan.Statement) error {
	if ready, err := e.prepareIndex(ctx, s); err != nil || ready {
		return err
	}
	witness, err := e.witness(ctx, s)
	if err != nil {
		return err
	}
	if err := e.note(ctx, e.progress(true, witness)); err != nil {
		return err
	}
	e.point("intent recorded")
	if err := e.again(ctx); err != nil {
		return err
	}
	if s, err = e.finishing(ctx, s); err != nil {
		return err
	}
	if err := e.execAlone(ctx, s); err != nil {
		return e.cleanIndex(ctx, s, err)
	}
	e.point("statement done")
	if err := e.confirmIndex(ctx, s); err != nil {
		return err
	}
	next := e.progress(false, "")
	next.Done, next.Hash = e.done+1, e.hash[e.done+1]
	return e.note(ctx, next)
}

// note records progress by itself.
func (e *stepwise) note(ctx context.Context, p ledger.Progress) error {
	err := e.insist(ctx, func() error {
		for _, sql := range append(e.resets(e.done+1), e.led.SetProgress(p, e.by)) {
			if _, err := e.conn.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil || isGone(err) {
		return err
	}
	return e.recordFailed(err)
}

func (e *stepwise) witness(ctx context.Context, s *plan.Statement) (string, error) {
	watcher, ok := e.conn.(db.Watcher)
	if !ok || len(s.Effect.Objects) == 0 || e.before != "" {
		return e.before, nil
	}
	w, err := watcher.Fingerprint(ctx, s.Effect.Objects)
	if err != nil {
		return "", explainUnlessGone(err, "looking at what the statement will change")
	}
	return w, nil
}

// execAlone runs the statement under its own time-outs. One that waits for others
// has no lock time-out, which would count each of those waits and leave it half
// done: see [stepwise.watched]. Through a proxy nothing is set of a session that
// others get.
func (e *stepwise) execAlone(ctx context.Context, s *plan.Statement) error {
	if !waits(s) {
		return e.execTimed(ctx, s, orTime(s.LockTimeout, e.o.LockTimeout))
	}
	return e.watched(ctx, s, s.SQL, func(ctx context.Context, lock time.Duration) error { return e.execTimed(ctx, s, lock) })
}

func (e *stepwise) execTimed(ctx context.Context, s *plan.Statement, lock time.Duration) error {
	traits := e.conn.Dialect().Traits()
	if s.Effect.Class != plan.Session && !e.shared() {
		if _, err := e.conn.Exec(ctx, dialect.Budget(traits.BudgetSession, lock, orTime(s.Timeout, e.o.StatementTimeout))); err != nil {
			return explainUnlessGone(err, "setting the time-outs")
		}
	}
	t := transaction{work: e.work}
	t.items = append(t.items, item(s))
	t.from = append(t.from, e.origin(s))
	h := e.held
	if e.done+1 < len(e.units) {
		h = nil
	}
	h.around(&t, traits)
	err := t.flush(ctx)
	if h != nil && err != nil && !isGone(err) {
		h.release(ctx, e.work)
	}
	return err
}

// checks are the queries that must return no rows.
func (e *stepwise) checks(ctx context.Context) error {
	if err := e.again(ctx); err != nil {
		return err
	}
	t := transaction{work: e.work}
	for i := range e.step.Checks {
		s := &e.step.Checks[i]
		err := e.patiently(ctx, e.step.Move, s.Effect.Touches, e.o.LockTimeout, func(time.Duration) error { return t.check(ctx, s) })
		if err != nil {
			return err
		}
	}
	return nil
}

// finish records that the whole step is done.
func (e *stepwise) finish(ctx context.Context, took time.Duration) error {
	e.point("each finish")
	if err := e.clean(ctx); err != nil {
		return explainUnlessGone(err, "resetting the session")
	}
	if err := e.commit(ctx, e.records(e.step, 1, ledger.Done{Duration: took})); err != nil {
		if isGone(err) {
			return err
		}
		e.rollback(ctx)
		return e.recordFailed(err)
	}
	e.point("each finished")
	return nil
}

// stumbled records a failure part-way.
func (e *stepwise) stumbled(ctx context.Context, err error) error {
	if isGone(err) {
		return err
	}
	err = e.orInterrupted(ctx, err)
	if again := e.cleanAnyway(ctx); isGone(again) {
		return again
	}
	f := locate(err, &plan.Statement{})
	if f.Code == fault.LockLost {
		return err
	}
	if f.Code == fault.Interrupted {
		// The server answered, so the outcome is known: it was undone.
		e.write(ctx, []string{e.led.SetProgress(e.progress(false, e.before), e.by)})
		return e.stopped(ctx)
	}
	if f.Pos == nil && e.step.Revision.File != "" {
		f.Pos = &fault.Pos{File: e.step.Revision.File}
	}
	state := fmt.Sprintf("%d of %d statements are done and stay", e.done, len(e.units))
	if e.done == 0 {
		state = "no statement was done"
	}
	if f.Code != fault.Busy { // then the statement is in order
		state += "; correct this one and run the same command again"
	}
	if f.Hint != "" {
		state += ". " + f.Hint
	}
	f.Hint = state
	m := e.step.Move
	state = ledger.Failed
	if e.view.State.Entries[m.ID].Holds() && e.act != nil {
		state = ledger.Applied // it is a later phase of it that failed
	}
	e.write(ctx, append(e.led.SetState(m.ID, state, f.Error(), "failure", string(m.Direction)+": "+f.Error(), e.by),
		e.led.SetProgress(e.progress(false, e.before), e.by)))
	e.emit(event.MigrationFailed{ID: string(m.ID), Name: e.step.Revision.Name, Direction: string(m.Direction), Err: f})
	return f
}

// stopped is the end of an interrupted step.
func (e *stepwise) stopped(ctx context.Context) error {
	if cause := context.Cause(ctx); fault.Has(cause, fault.LockLost) {
		return cause
	}
	return fault.New(fault.Partial, "interrupted; %d of %d statements of %s %s are done", e.done, len(e.units), e.step.Move.ID, e.step.Revision.Name).
		Because(context.Cause(ctx)).Try("the same command continues at the next statement")
}
