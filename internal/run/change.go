package run

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/change"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// changing is one change in one turn under the lock.
type changing struct {
	*work
	lang change.Language
	rev  revision.Revision
	spec change.Spec
	st   change.State
	rec  ledger.Change // as the ledger has it; no Revision when it never began
	due  bool          // the retention counts as over
	// solo: an application has written the new side by itself since sync was set on.
	// It is only looked for where there is no backward.
	solo bool
}

// act is what an action of a change adds to the transactions of its statements.
type act struct {
	begins  func() []string
	inside  func(ctx context.Context, t *transaction) error
	records func() []string
}

// change carries a change out as a step of a plan: up as far as it can be worked
// on by anybody, down to where it never was.
func (w *work) change(ctx context.Context, s *plan.Step) error {
	c, err := w.changing(ctx, s.Revision, s.Script)
	if err != nil {
		return w.failed(ctx, *s, err, "nothing was changed")
	}
	goal := change.Planned
	if s.Move.Direction == revision.Down {
		goal = change.Aborted
	}
	return c.toward(ctx, goal)
}

// changing reads what a change is and how far it is.
func (w *work) changing(ctx context.Context, rev revision.Revision, script revision.Script) (*changing, error) {
	lang, ok := w.conn.Dialect().(change.Language)
	if !ok {
		return nil, fault.New(fault.Unsupported, "this build carries out no changes on %s", w.conn.Dialect().Name())
	}
	c := &changing{work: w, lang: lang, rev: rev}
	all, err := insisting(ctx, w.Runner, func() ([]ledger.Change, error) { return w.led.Changes(ctx, w.conn) })
	if err != nil {
		return nil, explainUnlessGone(err, "reading the ledger")
	}
	if i := slices.IndexFunc(all, func(ch ledger.Change) bool { return ch.Revision == rev.ID }); i >= 0 {
		c.rec = all[i]
	}
	if script.Change == nil {
		if script, err = scriptOfChange(c.rec); err != nil {
			return nil, err
		}
	}
	if c.spec, err = change.Read(lang, script); err != nil {
		return nil, err
	}
	return c, c.restore(ctx)
}

// scriptOfChange is what a change was when it began.
func scriptOfChange(rec ledger.Change) (revision.Script, error) {
	var s revision.Script
	if rec.Spec == "" {
		return s, fault.New(fault.Missing, "what %s is cannot be found: it has no file, and never began", rec.Revision)
	}
	if err := json.Unmarshal([]byte(rec.Spec), &s); err != nil {
		return s, ledger.Damaged(err)
	}
	return s, nil
}

// restore reads the state, and refuses another spec than the one that began.
func (c *changing) restore(ctx context.Context) error {
	if c.rec.State == "" || c.rec.Phase == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(c.rec.State), &c.st); err != nil {
		return ledger.Damaged(err)
	}
	if c.rec.Hash != c.spec.Hash(c.lang) {
		return fault.At(c.spec.Change.At, fault.Edited, "change %s was edited after it had begun", c.rev.ID).
			Try("put the old text back, and end it first: bellows change abort %s; or write a new change", c.rev.ID)
	}
	approved, err := insisting(ctx, c.Runner, func() ([]ledger.Approval, error) { return c.led.Approvals(ctx, c.conn) })
	if err != nil {
		return explainUnlessGone(err, "reading the ledger")
	}
	c.st.Approved = approvedOf(approved, c.rev.ID)
	if len(c.spec.Backward) == 0 && len(c.st.Objects) > 0 {
		writes, err := c.writes(ctx, c.rev.ID)
		if err != nil {
			return explainUnlessGone(err, "reading who wrote the new side")
		}
		c.solo = slices.ContainsFunc(writes, func(w change.Write) bool { return w.Side == dialect.New && !w.Last.Before(c.st.Since) })
	}
	if c.st.Doing != change.Nothing {
		// How far its statements are is kept apart from the state of the revision.
		if c.view.Progress, err = insisting(ctx, c.Runner, func() (map[revision.ID]ledger.Progress, error) { return c.led.Progress(ctx, c.conn) }); err != nil {
			return explainUnlessGone(err, "reading the ledger")
		}
	}
	return nil
}

func approvedOf(all []ledger.Approval, id revision.ID) []string {
	var names []string
	for _, a := range all {
		if a.Revision == id && a.State == ledger.HoldApproved {
			names = append(names, a.Hold)
		}
	}
	return names
}

// toward does one action after another until the goal is reached, or until what
// is next is done without the lock.
func (c *changing) toward(ctx context.Context, goal change.Goal) error {
	for {
		if ctx.Err() != nil {
			return c.interrupted(ctx)
		}
		a := change.Next(c.st, c.spec, goal, c.o.Run)
		if a == change.Nothing {
			return nil
		}
		if err := c.do(ctx, a, goal); err != nil {
			return err
		}
		c.point("change " + string(a))
	}
}

func (c *changing) do(ctx context.Context, a change.Action, goal change.Goal) error {
	switch a {
	case change.Expand:
		return c.expand(ctx)
	case change.SyncOn:
		return c.sync(ctx)
	case change.Plan:
		return c.plan(ctx)
	case change.Fill:
		return c.filled(ctx)
	case change.Restore:
		return c.require(ctx)
	case change.Prove:
		return c.prove(ctx, goal)
	case change.Settle:
		return c.settle(ctx)
	case change.Wait:
		return c.waits(ctx)
	case change.Retire:
		return c.retire(ctx)
	case change.Purge:
		return c.purge(ctx)
	case change.Undo:
		return c.undo(ctx)
	case change.Resync:
		return c.resync(ctx, c.st.Side)
	case change.Abort:
		return c.abort(ctx)
	case change.Unhide:
		return c.unhide(ctx)
	}
	return c.refuses(goal)
}

// refuses says why there is no way to a goal.
func (c *changing) refuses(goal change.Goal) error {
	way := "abort"
	if goal == change.Undone {
		way = "undo"
	}
	why := "its old columns were dropped"
	if c.st.Written {
		why = "its contract was run as written"
	}
	return fault.At(c.spec.Change.At, fault.Irreversible, "there is no %s of %s any more: %s", way, c.rev.ID, why).
		Try("write a new migration that makes again what is missing")
}

// saved are the statements that record a state that follows from an action, and
// journal it.
func (c *changing) saved(next change.State, action, detail string) []string {
	rec := c.record(next)
	return []string{c.led.PutChange(rec, c.by), c.led.SetPhase(c.rev.ID, next.Phase, c.by), c.led.Note(action, c.rev.ID, detail, c.by)}
}

// record is a state as the ledger keeps it.
func (c *changing) record(next change.State) ledger.Change {
	rec := c.rec
	rec.Revision, rec.Phase, rec.Doing, rec.Table = c.rev.ID, string(next.Phase), string(next.Doing), c.spec.Change.Table
	rec.Hash = c.spec.Hash(c.lang)
	if rec.Phase == "" && next.Doing != change.Nothing {
		rec.Phase = string(revision.Expand)
	}
	text, err := json.Marshal(next)
	if err == nil {
		rec.State = string(text)
	}
	if text, err = json.Marshal(c.spec.Script); err == nil {
		rec.Spec = string(text)
	}
	return rec
}

// became takes over a state that is recorded.
func (c *changing) became(next change.State, text string) {
	next.Approved = c.st.Approved
	c.rec = c.record(next)
	c.rec.Tally = "" // the record has ended it
	c.rec.Began = orNow(c.rec.Began)
	c.st = next
	if !slices.Contains(c.report.Changed, c.rev.ID) {
		c.report.Changed = append(c.report.Changed, c.rev.ID)
	}
	c.emit(event.ChangePhase{ID: string(c.rev.ID), Name: c.rev.Name, Table: c.spec.Change.Table, Phase: string(next.Phase), Text: text})
}

func orNow(t time.Time) time.Time {
	if t.IsZero() {
		return time.Now()
	}
	return t
}

// save records a state by itself.
func (c *changing) save(ctx context.Context, next change.State, action, detail string, more ...string) error {
	if err := c.commit(ctx, append(more, c.saved(next, action, detail)...)); err != nil {
		if isGone(err) {
			return err
		}
		c.rollback(ctx)
		return c.recordFailed(err)
	}
	c.became(next, detail)
	return nil
}

// step makes a step of statements of ours.
func (c *changing) step(phase revision.Phase, sqls []string) plan.Step {
	s := plan.Step{Move: revision.Move{ID: c.rev.ID, Direction: revision.Up}, Revision: c.rev, Script: c.spec.Script, Tx: plan.TxOne}
	s.Statements = c.spec.Statements(c.lang, phase, sqls)
	return s
}

// atomic tells whether DDL and the ledger's record can share a transaction.
func (c *changing) atomic() bool { return c.lang.Traits().TransactionalDDL }

// whole carries out a step and the record of what follows from it in one
// transaction. inside is called in it, behind the statements; it may change next.
func (c *changing) whole(ctx context.Context, s plan.Step, inside func(ctx context.Context, t *transaction) error, records func() []string) error {
	c.act = &act{inside: inside, records: records}
	defer func() { c.act = nil }()
	return c.atOnce(ctx, []plan.Step{s}, time.Now())
}

// oneByOne runs statements of which each can be repeated, or is found done,
// under the lock protocol. That they were begun is recorded before.
func (c *changing) oneByOne(ctx context.Context, phase revision.Phase, sqls []string) error {
	s := c.step(phase, sqls)
	for i := range s.Statements {
		if ctx.Err() != nil {
			return c.interrupted(ctx)
		}
		e := c.stepwise(&s)
		st := &s.Statements[i]
		held := c.o.LockTimeout
		err := c.patiently(ctx, s.Move, st.Effect.Touches, held, func(extra time.Duration) error { return c.alone(ctx, e, st, held+extra) })
		if isGone(err) {
			return err
		}
		if err != nil {
			return c.failed(ctx, s, c.orInterrupted(ctx, err), "what was done before stays, and the same command continues")
		}
		c.point("change statement")
	}
	return nil
}

// alone runs one statement outside a transaction.
func (c *changing) alone(ctx context.Context, e *stepwise, st *plan.Statement, lock time.Duration) error {
	if _, err := c.conn.Exec(ctx, budgetOf(c.lang, lock, c.o.StatementTimeout)); err != nil {
		return explainUnlessGone(err, "setting the time-outs")
	}
	t := transaction{work: c.work}
	t.items, t.from = append(t.items, item(st)), append(t.from, e.origin(st))
	return t.flush(ctx)
}

// intends records that statements of an action are begun that no transaction
// can hold.
func (c *changing) intends(ctx context.Context, a change.Action, more func(next *change.State)) error {
	if c.st.Doing == a {
		return nil
	}
	next := c.st
	next.Doing = a
	if more != nil {
		more(&next)
	}
	if err := c.save(ctx, next, "change", a.Begins()); err != nil {
		return err
	}
	c.point("change intent")
	return nil
}

// look reads what the database says of the table now.
func (c *changing) look(ctx context.Context, st change.State) (change.Look, error) {
	var l change.Look
	columns, err := c.columns(ctx, st.Table)
	if err != nil {
		return l, err
	}
	l.Columns = columns
	if l.Objects, err = c.objects(ctx, st); err != nil {
		return l, err
	}
	if l.Identity, err = c.identity(ctx, st.Table, st.Key); err != nil {
		return l, err
	}
	if l.Identity != "" && l.Identity != st.Identity {
		if l.Empty, err = c.empty(ctx, st.Table); err != nil {
			return l, err
		}
	}
	if !c.spec.Moves() {
		return l, nil
	}
	if l.Into.Identity, err = c.identity(ctx, st.Into.Table, st.Into.Key); err != nil || l.Into.Identity == "" {
		return l, err
	}
	if l.Into.Identity != st.Into.Identity {
		if l.Into.Empty, err = c.empty(ctx, st.Into.Table); err != nil {
			return l, err
		}
	}
	l.Into.Columns, err = c.columns(ctx, st.Into.Table)
	return l, err
}

// empty tells whether a table has no row.
func (c *changing) empty(ctx context.Context, table plan.Name) (bool, error) {
	rows, err := c.texts(ctx, "SELECT 1 FROM "+c.quoted(table)+" LIMIT 1")
	return len(rows) == 0, err
}

// knows notes what the catalog calls the tables by now.
func (c *changing) knows(ctx context.Context, st *change.State) (err error) {
	if st.Identity, err = c.identity(ctx, st.Table, st.Key); err != nil || !c.spec.Moves() {
		return err
	}
	st.Into.Identity, err = c.identity(ctx, st.Into.Table, st.Into.Key)
	return err
}

// objects reads what keeps the sides in step.
func (c *changing) objects(ctx context.Context, st change.State) ([]change.Object, error) {
	rows, err := c.texts(ctx, c.lang.SyncSeen(c.spec.Sync(st, c.led.Writes())))
	if err != nil {
		return nil, err
	}
	return objectsOf(rows), nil
}

func objectsOf(rows [][]string) []change.Object {
	var out []change.Object
	for _, r := range rows {
		out = append(out, change.Object{Name: r[0], Definition: digest(r[1]), Fires: r[2]})
	}
	return out
}

// soundly asks the same of each chunk of the change's backfill, on the session that
// works on it: one read of the catalog, while the chunk keeps its triggers from
// being altered.
func (c *changing) soundly() func(context.Context, db.Conn) error {
	st, spec, sql := c.st, c.spec, c.lang.SyncSeen(c.sides())
	return func(ctx context.Context, conn db.Conn) error {
		rows, err := db.Texts(ctx, conn, sql)
		if err != nil {
			return err
		}
		if wrong := change.Unsound(st, spec, objectsOf(rows)); wrong != nil {
			return wrong
		}
		return nil
	}
}

// identity is what the catalog calls a table by; "" when it is gone.
func (c *changing) identity(ctx context.Context, table plan.Name, key []string) (string, error) {
	var err error
	for _, expression := range c.lang.Identity(table, key) {
		var rows [][]string
		if rows, err = c.texts(ctx, "SELECT "+expression); err == nil && len(rows) > 0 {
			return rows[0][0], nil
		}
		if classOf(err) != db.Refused {
			return "", err
		}
	}
	return "", err
}

// sound demands that nobody has meddled with what the change rests on.
func (c *changing) sound(ctx context.Context) error {
	now, err := c.look(ctx, c.st)
	if err != nil {
		return explainUnlessGone(err, "looking whether sync is as it was made")
	}
	wrong, void := change.Tampered(c.st, c.spec, now)
	if len(wrong) > 0 {
		return c.meddled(ctx, wrong[0])
	}
	if len(void) > 0 && c.st.Proof.Made && c.st.Proof.Void == "" {
		return c.meddled(ctx, void[0])
	}
	return nil
}

// meddled voids the proof, records why, and is the error.
func (c *changing) meddled(ctx context.Context, f *fault.Error) error {
	if c.st.Proof.Made && c.st.Proof.Void == "" {
		next := c.st
		next.Proof.Void = f.Msg
		if err := c.save(ctx, next, "change", "the proof is void: "+f.Msg); err != nil {
			return err
		}
	}
	at := c.spec.Change.At
	f.Pos = &at
	return f
}

// agreeTo asks for a confirmation of what statements destroy.
func (c *changing) agreeTo(ctx context.Context, s plan.Step) error {
	losses, err := c.losses(ctx, s)
	if err != nil || c.ask.Approve == nil || c.agreed {
		return err
	}
	if err := c.ask.Approve(losses); err != nil {
		return err
	}
	c.agreed = true
	return nil
}

func (c *changing) losses(ctx context.Context, s plan.Step) ([]event.Destroys, error) {
	for i := range s.Statements {
		s.Statements[i].Phase = ""
	}
	losses, err := c.Losses(ctx, plan.Plan{Steps: []plan.Step{s}})
	for _, l := range losses {
		c.emit(l)
	}
	return losses, err
}

// waits says for whom a change waits; where holds are approved by themselves
// they are.
func (c *changing) waits(ctx context.Context) error {
	open := change.Open(c.st, c.spec)
	if !c.o.Auto && !c.st.Empty {
		var names, verbs []string
		for _, h := range open {
			names = append(names, fmt.Sprintf("%q", h.Name))
			verbs = append(verbs, fmt.Sprintf("bellows change approve %s %q", c.rev.ID, h.Name))
		}
		return fault.At(c.spec.Change.At, fault.Confirm, "%s waits for %s", c.rev.ID, strings.Join(names, " and ")).
			Try("when it is so: %s", strings.Join(verbs, "; "))
	}
	why := "holds = auto"
	if c.st.Empty {
		why = "the table had no rows when the change began"
	}
	var sqls []string
	next := c.st
	for _, h := range open {
		sqls = append(sqls, c.led.Approve(c.rev.ID, h.Name, why, c.by))
	}
	if err := c.save(ctx, next, "approve", why, sqls...); err != nil {
		return err
	}
	for _, h := range open {
		c.st.Approved = append(c.st.Approved, h.Name)
	}
	return nil
}
