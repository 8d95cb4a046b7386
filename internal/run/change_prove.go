package run

import (
	"context"
	"time"

	"github.com/bellowsdb/bellows/change"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// toCheck ends a turn under the lock: the server is to look whether every row
// keeps a constraint, which takes long and needs no lock of ours.
type toCheck struct {
	id   revision.ID
	step plan.Step
}

func (t *toCheck) Error() string { return "the rows of change " + string(t.id) + " are to be checked" }

// prover is the dialect, where its database can watch that both sides agree.
func (c *changing) prover() (dialect.Prover, bool) {
	return c.spec.Prover(c.lang)
}

func (c *changing) sides() dialect.Sync { return c.spec.Sync(c.st, c.led.Writes()) }

// guaranteed tells whether a constraint that every row was checked by stands.
func (c *changing) guaranteed(ctx context.Context) (there, valid bool, err error) {
	p, ok := c.prover()
	if !ok {
		return false, false, nil
	}
	rows, err := c.texts(ctx, p.ProofSeen(c.sides()))
	if err != nil {
		return false, false, explainUnlessGone(err, "looking at the constraint that proves the change")
	}
	return len(rows) > 0, len(rows) > 0 && rows[0][0] == "true", nil
}

// watched lets the database watch from now on that both sides agree, where it
// can, once every row was counted and agrees. What stands against it is no
// failure: rows are counted before the contract then.
func (c *changing) watched(ctx context.Context) error {
	p, ok := c.prover()
	if !ok || !c.st.Proof.Valid() || c.checked[c.rev.ID] || c.aside(ctx) {
		return nil
	}
	there, valid, err := c.guaranteed(ctx)
	if err != nil || valid {
		return err
	}
	if !there {
		if can, err := c.provable(ctx, p); err != nil || !can {
			return err
		}
		if err := c.guard(ctx, p); err != nil {
			return err
		}
	}
	return &toCheck{id: c.rev.ID, step: c.step(revision.Verify, []string{p.ProofCheck(c.sides())})}
}

// aside tells whether rows were set aside, which a constraint would refuse.
func (c *changing) aside(ctx context.Context) bool {
	rows, err := c.led.Poisoned(ctx, c.conn, c.st.Fill, "")
	return err != nil || len(rows) > 0
}

// provable tries, in a transaction that is rolled back, whether a constraint can
// be made of the expressions.
func (c *changing) provable(ctx context.Context, p dialect.Prover) (bool, error) {
	items := []db.Item{{SQL: c.lang.Traits().BeginWrite}}
	for _, sql := range p.ProofTry(c.sides()) {
		items = append(items, db.Item{SQL: sql})
	}
	err := c.conn.Send(ctx, items, nil)
	if isGone(err) {
		return false, err
	}
	c.rollback(ctx)
	return err == nil, nil
}

// guard makes the constraint for rows that are written from now on. That a lock
// was not to be had for it is no failure.
func (c *changing) guard(ctx context.Context, p dialect.Prover) error {
	s := c.step(revision.Verify, p.ProofOn(c.sides()))
	t := transaction{work: c.work}
	err := c.patiently(ctx, s.Move, touches([]plan.Step{s}), c.o.LockTimeout, func(extra time.Duration) error {
		t.add(c.lang.Traits().BeginWrite, origin{})
		t.add(dialect.Budget(c.lang.Traits().BudgetTx, c.o.LockTimeout+extra, c.o.StatementTimeout), origin{})
		for i := range s.Statements {
			t.items, t.from = append(t.items, item(&s.Statements[i])), append(t.from, origin{statement: &s.Statements[i], id: string(c.rev.ID), number: 1, of: 1})
		}
		t.add(c.led.Note("verify", c.rev.ID, "a constraint is to keep both sides in agreement", c.by), origin{record: true})
		t.add("COMMIT", origin{commit: true})
		err := t.flush(ctx)
		if err != nil && !isGone(err) {
			c.rollback(ctx)
		}
		return err
	})
	c.point("change guarded")
	return err
}

// check has the server look at every row, on a session of its own. A row that
// disagrees takes the constraint away again: it is counted then.
func (w *work) check(ctx context.Context, p *toCheck) (again bool, _ error) {
	if w.checked == nil {
		w.checked = map[revision.ID]bool{}
	}
	conn := w.conn
	if w.o.Open != nil {
		own, err := w.patientOpen()(ctx, w.app("check"))
		if err != nil {
			return false, err
		}
		defer own.Close()
		conn = own
	}
	until := time.Now().Add(w.o.RetryBudget)
	for {
		if _, err := conn.Exec(ctx, budgetOf(conn.Dialect(), w.o.LockTimeout, 0)); err != nil {
			return false, explainUnlessGone(err, "setting the time-outs")
		}
		_, err := conn.Exec(ctx, p.step.Statements[0].SQL)
		switch {
		case ctx.Err() != nil:
			return false, w.interrupted(ctx)
		case isGone(err):
			return false, err
		case isWait(err) && time.Now().Before(until):
			sleep(ctx, jitter(rest*w.o.LockTimeout))
			continue
		}
		w.point("change checked")
		w.checked[p.id] = true // whatever came of it: the catalog tells
		return true, nil
	}
}

// unguarded are the statements that take the constraint away, if there may be one.
func (c *changing) unguarded() []string {
	if p, ok := c.prover(); ok {
		return p.ProofOff(c.sides())
	}
	return nil
}

// renews makes a proof of this run without counting, by the constraint that has
// kept every row in agreement since they were counted.
func (c *changing) renews(ctx context.Context, now change.Look) (bool, error) {
	if !c.st.Proof.Valid() {
		return false, nil
	}
	_, valid, err := c.guaranteed(ctx)
	if err != nil || !valid {
		return false, err
	}
	if none, err := c.empty(ctx, c.st.Table); err != nil || none && c.st.Proof.Rows > 0 {
		return false, explainUnlessGone(err, "looking whether the table has rows") // no constraint tells of rows that are gone
	}
	next := c.st
	next.Identity, next.Into.Identity = now.Identity, now.Into.Identity
	next.Proof.Run, next.Proof.Constraint = c.o.Run, true
	if next.Proof.At, err = c.led.Now(ctx, c.conn); err != nil {
		return false, explainUnlessGone(err, "reading the clock")
	}
	return true, c.save(ctx, change.Fold(next, c.spec, change.Prove), "verify", "proven by the constraint: no row disagrees")
}
