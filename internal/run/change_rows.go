package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/change"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/revision"
)

// plan plans the backfill of a change.
func (c *changing) plan(ctx context.Context) error {
	if err := c.sound(ctx); err != nil {
		return err
	}
	step := c.step(revision.Fill, nil)
	script := c.spec.Filling(c.lang, c.st, c.sides(), c.spec.Change.Table)
	o := c.fillOptions()
	o.By = c.by
	var f ledger.Fill
	err := c.insist(ctx, func() (err error) {
		f, err = fill.Plan(ctx, c.conn, script, revision.Up, o)
		return err
	})
	if err != nil {
		return c.fillFailed(ctx, &step, err)
	}
	next := c.st
	next.Fill = f.ID
	return c.save(ctx, next, "backfill", fmt.Sprintf("the backfill of the %s side is planned", c.st.Side))
}

// filled ends the backfill once its rows are done, and asks for the work on them
// before.
func (c *changing) filled(ctx context.Context) error {
	f, err := insisting(ctx, c.Runner, func() (ledger.Fill, error) { return c.led.ReadFill(ctx, c.conn, c.st.Fill) })
	if err != nil && !fault.Has(err, fault.Missing) {
		return explainUnlessGone(err, "reading the ledger")
	}
	if err != nil || f.State == ledger.FillCancelled {
		next := c.st
		next.Fill = ""
		return c.save(ctx, next, "backfill", "the backfill was given up; another one takes its place")
	}
	if err := c.sound(ctx); err != nil {
		return err
	}
	o := c.fillOptions()
	o.By = c.by
	var sqls []string
	err = c.insist(ctx, func() (err error) {
		sqls, err = fill.Finish(ctx, c.conn, f.ID, o)
		return err
	})
	if fault.Has(err, fault.Partial) {
		return &toFill{id: f.ID, sound: c.soundly()}
	}
	if err != nil {
		return explainUnlessGone(err, "ending the backfill")
	}
	next := change.Fold(c.st, c.spec, change.Fill)
	if err = c.knows(ctx, &next); err != nil {
		return explainUnlessGone(err, "looking at the table")
	}
	c.point("change filled")
	return c.save(ctx, next, "backfill", "every row is filled", sqls...)
}

// require gives the old columns their NOT NULL back after an undo.
func (c *changing) require(ctx context.Context) error {
	if err := c.sound(ctx); err != nil {
		return err
	}
	columns, err := c.columns(ctx, c.st.Table)
	if err != nil {
		return explainUnlessGone(err, "looking at the table")
	}
	var left []dialect.Column
	for _, was := range c.st.Old {
		if now, ok := change.Find(columns, was.Name); ok && was.NotNull && !now.NotNull {
			left = append(left, was)
		}
	}
	if err := c.intends(ctx, change.Restore, nil); err != nil {
		return err
	}
	if err := c.oneByOne(ctx, revision.Verify, c.lang.Require(c.st.Table, left)); err != nil {
		return err
	}
	next := change.Fold(c.st, c.spec, change.Restore)
	if err = c.knows(ctx, &next); err != nil {
		return explainUnlessGone(err, "looking at the table")
	}
	return c.save(ctx, next, "undo", "the old side is as it was")
}

// toTally ends a turn under the lock: rows are to be counted, which takes long
// and needs no lock.
type toTally struct {
	id       revision.ID
	question fill.Question
	look     change.Look
	from     fill.Tally
	of       string
	strict   bool // nobody was known to have written the new side by itself
	// Of a change with two tables: which of the rows that disagree have no row in the
	// other table, and which rows there belong to none. The first is asked only where
	// there are some.
	missing, stray *fill.Question
	// unexplained asks for rows whose new side an application may have written.
	unexplained *fill.Question
}

func (t *toTally) Error() string {
	return "rows of " + t.question.Table.String() + " are to be counted"
}

// tallied is a count, and what the database said of the table before it.
type tallied struct {
	look           change.Look
	tally          fill.Tally
	missing, stray fill.Tally
	unexplained    fill.Tally
	strict         bool
}

// prove records the proof that rows were counted for, or asks for the count.
func (c *changing) prove(ctx context.Context, goal change.Goal) error {
	now, err := c.look(ctx, c.st)
	if err != nil {
		return explainUnlessGone(err, "looking whether sync is as it was made")
	}
	if wrong, _ := change.Tampered(c.st, c.spec, now); len(wrong) > 0 {
		return c.meddled(ctx, wrong[0])
	}
	got := c.tallies[c.rev.ID]
	if got == nil {
		if again, err := c.renews(ctx, now); err != nil || again {
			return err
		}
		return c.toCount(ctx, now, goal)
	}
	delete(c.tallies, c.rev.ID)
	if got.look.Identity != now.Identity || got.look.Into.Identity != now.Into.Identity || !slices.Equal(got.look.Objects, now.Objects) {
		return fault.At(c.spec.Change.At, fault.Partial, "%s was altered while its rows were counted", c.st.Table).Try("the same command counts them again")
	}
	if got.strict && c.solo && got.tally.Found > 0 { // somebody has written the new side since
		return c.toCount(ctx, now, goal)
	}
	return c.proven(ctx, got, now, goal)
}

// asked is what agrees while rows are counted. Without backward the old side does
// not follow the new one; but as long as no application has written the new side by
// itself, every row is to be what forward gives.
func (c *changing) asked() dialect.Sync {
	y := c.sides()
	y.Written = y.Written && c.solo
	return y
}

// toCount asks for the count of the rows that disagree. Rows that were set aside,
// and of which somebody has said that they may stay so, do not count.
func (c *changing) toCount(ctx context.Context, now change.Look, goal change.Goal) error {
	q := fill.Question{Table: c.st.Table, At: c.spec.Change.At, SQL: c.lang.Agrees(c.asked(), "")}
	if c.st.Fill != "" {
		waived, err := c.led.Poisoned(ctx, c.conn, c.st.Fill, ledger.PoisonWaived)
		if err != nil {
			return explainUnlessGone(err, "reading the ledger")
		}
		for _, p := range waived {
			q.Except = append(q.Except, p.Key)
		}
	}
	t := &toTally{id: c.rev.ID, look: now, question: q, strict: !c.solo}
	if y := c.sides(); c.spec.Moves() {
		missing, stray := q, fill.Question{Table: c.st.Into.Table, At: q.At, SQL: "(NOT " + c.lang.Stray(y) + ")"}
		missing.SQL = "(" + q.SQL + " OR " + c.lang.Has(y) + ")"
		t.missing, t.stray = &missing, &stray
	}
	if lax := c.asked(); lax.Written {
		own, strict := q, lax
		strict.Written = false
		own.SQL = "(" + c.lang.Agrees(strict, "") + " OR NOT " + q.SQL + ")"
		t.unexplained = &own
	}
	if goal != change.Held || c.st.Phase != revision.Verify {
		return t // the contract counts all by itself
	}
	t.of = digest(fmt.Sprint(q.SQL, now.Identity, now.Objects, now.Into.Identity))
	var saved savedTally
	if json.Unmarshal([]byte(c.rec.Tally), &saved) == nil && saved.Of == t.of && !saved.Tally.Done {
		t.from = saved.Tally
	}
	return t
}

// savedTally is how far a count is, and of what: the question, the table and sync.
type savedTally struct {
	Of    string
	Tally fill.Tally
}

// proven records what a count has found.
func (c *changing) proven(ctx context.Context, got *tallied, now change.Look, goal change.Goal) error {
	t := got.tally
	contracts := goal == change.Contracted || goal == change.Purged
	if contracts && t.Rows == 0 && c.st.Proof.Valid() && c.st.Proof.Rows > 0 {
		return c.emptied(ctx)
	}
	poison, err := c.poison(ctx)
	if err != nil {
		return err
	}
	next := c.st
	next.Identity, next.Into.Identity = now.Identity, now.Into.Identity
	next.Proof = change.Proof{Made: true, Run: c.o.Run, Rows: t.Rows, Mismatches: t.Found + got.stray.Found, Poison: poison, Sample: append(t.Sample, got.stray.Sample...),
		Unexplained: got.unexplained.Found, Strange: got.unexplained.Sample}
	if next.Proof.At, err = c.led.Now(ctx, c.conn); err != nil {
		return explainUnlessGone(err, "reading the clock")
	}
	text := fmt.Sprintf("proven: none of %s rows disagrees", fault.Thousands(t.Rows))
	if got.unexplained.Found > 0 {
		text += "; " + c.unexplained(next.Proof)
	}
	if !next.Proof.Valid() {
		text = c.disagree(got)
	}
	next = change.Fold(next, c.spec, change.Prove)
	if err := c.save(ctx, next, "verify", text); err != nil {
		return err
	}
	if next.Proof.Valid() && !contracts {
		return c.watched(ctx)
	}
	if next.Proof.Valid() {
		return nil
	}
	f := fault.At(c.spec.Change.At, fault.Check, "%s", text)
	if contracts {
		f.Code = fault.Confirm
	}
	if poison > 0 && next.Proof.Mismatches == 0 {
		f.Msg = fmt.Sprintf("%s rows of %s are set aside", fault.Thousands(poison), c.st.Table)
		return f.Try("bellows backfill poison list %s", c.rev.ID)
	}
	return f.Try("write the side that is wrong, and the other follows; or go over all rows again: bellows change resync %s --keep old, or --keep new", c.rev.ID)
}

// emptied refuses once a contract whose rows are all gone since they were proven.
func (c *changing) emptied(ctx context.Context) error {
	return c.meddled(ctx, fault.New(fault.Confirm, "%s had %s rows when it was proven that none disagrees, and has none now: somebody has deleted them all", c.st.Table, fault.Thousands(c.st.Proof.Rows)).
		Try("when that is as it should be: bellows change verify %s", c.rev.ID))
}

// disagree tells how many rows disagree, and some of them.
func disagree(t fill.Tally, table string) string {
	rows := "rows"
	if t.Found == 1 {
		rows = "row"
	}
	return fmt.Sprintf("%s of %s %s of %s disagree: %s", fault.Thousands(t.Found), fault.Thousands(t.Rows), rows, table, some(t.Sample, t.Found))
}

// some are a few of so many rows, by their keys.
func some(sample []string, of int64) string {
	text := strings.Join(sample, "; ")
	if int64(len(sample)) < of {
		text += "; …"
	}
	return text
}

// unexplained tells of rows whose new side an application may have written.
func (c *changing) unexplained(p change.Proof) string {
	whose := "rows have"
	if p.Unexplained == 1 {
		whose = "row has"
	}
	return fmt.Sprintf("%s of %s %s a new side that forward does not give, and without backward nobody can tell whether an application wrote it or it is wrong: %s",
		fault.Thousands(p.Unexplained), fault.Thousands(p.Rows), whose, some(p.Strange, p.Unexplained))
}

// disagree tells what a count has found, each kind in words of its own.
func (c *changing) disagree(got *tallied) string {
	var parts []string
	if got.tally.Found > 0 || got.stray.Found == 0 {
		parts = append(parts, disagree(got.tally, c.st.Table.String()))
	}
	if got.missing.Found > 0 {
		parts = append(parts, fmt.Sprintf("%d of them have no row in %s: %s", got.missing.Found, c.st.Into.Table, some(got.missing.Sample, got.missing.Found)))
	}
	if got.stray.Found > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d rows of %s belong to no row of %s: %s", got.stray.Found, got.stray.Rows, c.st.Into.Table, c.st.Table, some(got.stray.Sample, got.stray.Found)))
	}
	return strings.Join(parts, "; and ")
}

// poison counts the rows of the backfill that are set aside and undecided.
func (c *changing) poison(ctx context.Context) (int64, error) {
	if c.st.Fill == "" {
		return 0, nil
	}
	n, err := insisting(ctx, c.Runner, func() (int64, error) { return c.led.CountPoison(ctx, c.conn, c.st.Fill) })
	return n, explainUnlessGone(err, "reading the ledger")
}

// tally counts rows without the lock, on a session of its own where there is one.
func (w *work) tally(ctx context.Context, p *toTally) (again bool, _ error) {
	conn := w.conn
	if w.o.Open != nil {
		own, err := w.patientOpen()(ctx, w.app("verify"))
		if err != nil {
			return false, err
		}
		defer own.Close()
		conn = own
	}
	t, err := fill.Count(ctx, conn, p.question, p.from, w.fillOptions(), func(t fill.Tally) error {
		if text, err := json.Marshal(savedTally{p.of, t}); err == nil && p.of != "" {
			if _, err := conn.Exec(ctx, w.led.SaveTally(p.id, string(text))); isGone(err) {
				return err
			}
		}
		w.point("change tallied")
		return nil
	})
	if errors.Is(err, context.Canceled) || ctx.Err() != nil {
		return false, w.interrupted(ctx)
	}
	if err != nil {
		return false, explainUnlessGone(err, "counting the rows that disagree")
	}
	if w.tallies == nil {
		w.tallies = map[revision.ID]*tallied{}
	}
	got := &tallied{look: p.look, tally: t, strict: p.strict}
	if err := w.tallyMore(ctx, conn, p, got); err != nil {
		return false, err
	}
	w.tallies[p.id] = got
	return true, nil
}

// tallyMore counts what two tables may lack.
func (w *work) tallyMore(ctx context.Context, conn db.Conn, p *toTally, got *tallied) (err error) {
	keep := func(fill.Tally) error { return nil }
	if p.unexplained != nil {
		got.unexplained, err = fill.Count(ctx, conn, *p.unexplained, fill.Tally{}, w.fillOptions(), keep)
	}
	if p.stray != nil && err == nil {
		if got.stray, err = fill.Count(ctx, conn, *p.stray, fill.Tally{}, w.fillOptions(), keep); err == nil && got.tally.Found > 0 {
			got.missing, err = fill.Count(ctx, conn, *p.missing, fill.Tally{}, w.fillOptions(), keep)
		}
	}
	if errors.Is(err, context.Canceled) || ctx.Err() != nil {
		return w.interrupted(ctx)
	}
	return explainUnlessGone(err, "counting the rows that belong to none")
}
