package run

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/change"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// held keeps tables from everybody while statements run of which each commits:
// nobody sees one done and another not, and what was true of the rows when the
// tables were had is true until the last.
type held struct {
	tables []string // as SQL
	// looks is asked once the tables are held; its error gives them back.
	looks func(context.Context) error
	// after runs behind the statements.
	after []string
	// wrong is what a look has found that somebody did to sync, declined why nothing
	// can be done; nothing was done then.
	wrong    *fault.Error
	declined error
}

// mistrusts tells whether somebody has meddled with sync, or whether there is
// another reason to do nothing.
func (h *held) mistrusts() bool { return h != nil && (h.wrong != nil || h.declined != nil) }

// lock is the statement that takes the tables.
func (h *held) lock(traits dialect.Traits, more ...string) string {
	return fmt.Sprintf(traits.HoldTable, strings.Join(append(h.tables[:len(h.tables):len(h.tables)], more...), traits.HoldNext))
}

// take has the tables, and looks.
func (h *held) take(ctx context.Context, w *work, more ...string) error {
	t := transaction{work: w}
	t.add(h.lock(w.conn.Dialect().Traits(), more...), origin{})
	if err := t.flush(ctx); err != nil {
		return err
	}
	w.point("change tables held")
	if h.looks == nil {
		return nil
	}
	err := h.looks(ctx)
	if err != nil {
		h.release(ctx, w)
	}
	return err
}

// end runs what comes behind, and gives the tables back.
func (h *held) end(ctx context.Context, w *work) error {
	t := transaction{work: w}
	for _, sql := range append(h.after[:len(h.after):len(h.after)], w.conn.Dialect().Traits().ReleaseTable) {
		t.add(sql, origin{})
	}
	return t.flush(ctx)
}

// release gives the tables back after a failure; a session that is broken has
// done so.
func (h *held) release(ctx context.Context, w *work) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, _ = w.conn.Exec(ctx, w.conn.Dialect().Traits().ReleaseTable)
}

// whileHeld runs statements of which each can be repeated, or is left out once it
// is done, with the tables held from before the first to behind the last.
func (c *changing) whileHeld(ctx context.Context, phase revision.Phase, sqls []string, h *held) error {
	s := c.step(phase, sqls)
	if len(s.Statements) == 0 {
		return nil
	}
	err := c.patiently(ctx, s.Move, touches([]plan.Step{s}), c.o.LockTimeout, func(extra time.Duration) error {
		if _, err := c.conn.Exec(ctx, budgetOf(c.lang, c.o.LockTimeout+extra, c.o.StatementTimeout)); err != nil {
			return explainUnlessGone(err, "setting the time-outs")
		}
		if err := h.take(ctx, c.work); err != nil {
			return err
		}
		err := c.inHold(ctx, &s, h)
		if err != nil && !isGone(err) {
			h.release(ctx, c.work)
		}
		return err
	})
	if err == nil || isGone(err) || h.mistrusts() {
		return err
	}
	return c.failed(ctx, s, c.orInterrupted(ctx, err), "what was done before stays, and the same command continues")
}

// inHold sends the statements. Whoever waits then is no reason to begin anew: some
// are done.
func (c *changing) inHold(ctx context.Context, s *plan.Step, h *held) error {
	e := c.stepwise(s)
	t := transaction{work: c.work}
	var err error
	for i := range s.Statements {
		st := &s.Statements[i]
		e.done = i
		t.items, t.from = append(t.items, item(st)), append(t.from, e.origin(st))
		if err = t.flush(ctx); err != nil {
			break
		}
		c.point("change statement")
	}
	if err == nil {
		err = h.end(ctx, c.work)
	}
	if isWait(err) {
		err = fault.New(fault.Busy, "a lock was not to be had while %s was held", c.st.Table).Because(err).Try("run the same command again: it continues")
	}
	return err
}

// trusts asks, with the tables held, whether sync still is as it was made.
func (c *changing) trusts(ctx context.Context, h *held) error {
	if c.st.Phase != revision.Hold || len(c.st.Objects) == 0 {
		return nil
	}
	now, err := c.look(ctx, c.st)
	if err != nil {
		return explainUnlessGone(err, "looking whether sync is as it was made")
	}
	if found, _ := change.Tampered(c.st, c.spec, now); len(found) > 0 {
		h.wrong = found[0]
		return found[0]
	}
	return nil
}

// undoes records that an action was begun of which nothing was done, and is why.
func (c *changing) undoes(ctx context.Context, h *held) error {
	c.st.Doing = change.Nothing
	if h.wrong != nil && c.st.Proof.Made && c.st.Proof.Void == "" {
		return c.meddled(ctx, h.wrong)
	}
	err := h.declined
	if h.wrong != nil {
		err = h.wrong
	}
	if saved := c.save(ctx, c.st, "change", "nothing was done: "+fault.Redact(err.Error())); saved != nil {
		return saved
	}
	return err
}

// carryHeld is the middle of carry where the tables of a contract are held around
// all of its statements.
func (e *stepwise) carryHeld(ctx context.Context) error {
	h := e.held
	more := []string{e.led.ProgressTable()}
	err := e.patiently(ctx, e.step.Move, unitTouches(e.step.Statements), e.o.LockTimeout, func(extra time.Duration) error {
		if _, err := e.conn.Exec(ctx, budgetOf(e.conn.Dialect(), e.o.LockTimeout+extra, e.o.StatementTimeout)); err != nil {
			return explainUnlessGone(err, "setting the time-outs")
		}
		return h.take(ctx, e.work, more...)
	})
	if err != nil {
		return err
	}
	for e.done < len(e.units) && err == nil {
		if err = e.unitHeld(ctx); err == nil {
			e.done++
			e.point("unit done")
		}
	}
	if err == nil {
		err = h.end(ctx, e.work)
	}
	if err != nil && !isGone(err) {
		h.release(ctx, e.work)
	}
	if isWait(err) {
		err = fault.New(fault.Busy, "a lock was not to be had while the tables of the contract were held").Because(err)
	}
	return err
}

// unitHeld carries out the next unit with the tables held. How far it is stands in
// the ledger as ever; but the lease is not asked for it, whose table others write
// all the while: who has the tables has them by his session, and loses them with it.
func (e *stepwise) unitHeld(ctx context.Context) error {
	u := e.units[e.done]
	by := e.by
	by.Fence.Epoch = 0
	next := e.progress(false, "")
	next.Done, next.Hash = e.done+1, e.hash[e.done+1]
	t := transaction{work: e.work}
	rows := u[0].Effect.Class == plan.Rows
	if rows { // a transaction that is begun by saying so would give the tables back
		t.add("SET autocommit = 0", origin{})
	} else {
		witness, err := e.witness(ctx, &u[0])
		if err != nil {
			return err
		}
		t.add(e.led.SetProgress(e.progress(true, witness), by), origin{record: true})
	}
	if err := t.flush(ctx); err != nil {
		return err
	}
	e.point("intent recorded")
	for i := range u {
		t.items, t.from = append(t.items, item(&u[i])), append(t.from, e.origin(&u[i]))
	}
	if rows {
		t.add(e.led.SetProgress(next, by), origin{record: true})
		t.add("COMMIT", origin{commit: true})
		t.add("SET autocommit = 1", origin{})
		err := t.flush(ctx)
		if err != nil && !isGone(err) {
			e.rollback(ctx)
			_, _ = e.conn.Exec(context.WithoutCancel(ctx), "SET autocommit = 1")
		}
		return err
	}
	if err := t.flush(ctx); err != nil {
		return err
	}
	e.point("statement done")
	t.add(e.led.SetProgress(next, by), origin{record: true})
	return t.flush(ctx)
}

// heldWhole tells whether the tables can be held around all units of a step, and
// around which: under such a lock no other table can be touched or made.
func (e *stepwise) heldWhole() bool { return e.held != nil && change.Holdable(e.step.Statements) }
