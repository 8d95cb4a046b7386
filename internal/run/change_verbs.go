package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/change"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/revision"
)

// Shift brings one change to a goal, as far as its gates let it.
func (r *Runner) Shift(ctx context.Context, id revision.ID, goal change.Goal, ask Ask) (Report, error) {
	return r.shift(ctx, id, ask, func(ctx context.Context, c *changing) error {
		c.due = ask.Due
		return c.toward(ctx, goal)
	})
}

// shift does something to one change, turn by turn under the lock.
func (r *Runner) shift(ctx context.Context, id revision.ID, ask Ask, do func(context.Context, *changing) error) (Report, error) {
	begun := time.Now()
	rep := Report{Run: r.o.Run}
	w := &work{Runner: r, ask: ask, report: &rep, planned: revision.Set{}}
	if err := r.putBack(ctx); err != nil {
		return rep, err
	}
	err := w.persist(ctx, func(ctx context.Context) error {
		c, err := w.opened(ctx, id)
		if err != nil {
			return err
		}
		if c.st.Away != (change.Absence{}) {
			if err := c.unhide(ctx); err != nil {
				return err
			}
		}
		if err := c.prune(ctx); err != nil {
			return err
		}
		return do(ctx, c)
	})
	rep.Duration = time.Since(begun)
	return rep, err
}

// opened is a change that has begun, in a turn of its own.
func (w *work) opened(ctx context.Context, id revision.ID) (*changing, error) {
	v, err := w.lookOnce(ctx, w.led.Read)
	if err != nil {
		return nil, err
	}
	w.view, w.seq = v, v.State.LastSeq()
	for _, p := range v.Problems {
		if of, ok := p.(problem); ok && of.id == id && fault.Has(p, fault.Edited) {
			return nil, p
		}
	}
	rev, ok := v.find(id)
	if !ok {
		rev = revision.Revision{ID: id, Kind: revision.Change}
	}
	if rev.Kind != revision.Change {
		return nil, fault.New(fault.Target, "%s %s is no change but of kind %s", id, rev.Name, rev.Kind).Try("bellows change status lists the changes")
	}
	var script revision.Script
	if rev.File != "" {
		if script, err = w.o.Files.Script(id); err != nil {
			return nil, err
		}
	}
	c, err := w.changing(ctx, rev, script)
	if err != nil {
		return nil, err
	}
	if c.rec.Phase == "" {
		return nil, fault.New(fault.Target, "%s %s has not begun", id, rev.Name).Try("bellows up begins it")
	}
	return c, nil
}

// Approve records that somebody says that a hold is so.
func (r *Runner) Approve(ctx context.Context, id revision.ID, hold, why string) error {
	_, err := r.shift(ctx, id, Ask{Action: "approve"}, func(ctx context.Context, c *changing) error {
		if err := c.approve(ctx, hold, why); err != nil {
			return err
		}
		return c.toward(ctx, change.Planned)
	})
	return err
}

func (c *changing) approve(ctx context.Context, hold, why string) error {
	var names []string
	for _, h := range c.spec.Holds {
		names = append(names, h.Name)
	}
	switch {
	case len(names) == 0:
		return fault.New(fault.Usage, "%s has no hold", c.rev.ID).Try("bellows change contract %s", c.rev.ID)
	case !slices.Contains(names, hold):
		f := fault.New(fault.Usage, "%s has no hold %q", c.rev.ID, hold)
		if near := fault.Nearest(hold, names); near != "" {
			return f.Try("did you mean %q?", near)
		}
		return f.Try("it has %q", names)
	case c.st.Phase == revision.Contract || c.st.Phase == revision.Purge:
		return fault.New(fault.Usage, "%s is past its holds", c.rev.ID).Try("bellows change status %s", c.rev.ID)
	case slices.Contains(c.st.Approved, hold):
		return nil
	}
	text := "approved: " + hold
	if why != "" {
		text += ": " + why
	}
	err := c.commit(ctx, []string{c.led.Approve(c.rev.ID, hold, why, c.by), c.led.Note("approve", c.rev.ID, text, c.by)})
	if err != nil {
		if isGone(err) {
			return err
		}
		c.rollback(ctx)
		return c.recordFailed(err)
	}
	c.st.Approved = append(c.st.Approved, hold)
	c.point("change approved")
	return nil
}

// Verify looks at every row anew.
func (r *Runner) Verify(ctx context.Context, id revision.ID) error {
	counted := false
	_, err := r.shift(ctx, id, Ask{Action: "verify"}, func(ctx context.Context, c *changing) error {
		switch c.st.Phase {
		case revision.Verify, revision.Hold:
		case revision.Contract, revision.Purge:
			return fault.New(fault.Usage, "%s is past its contract: there are no two sides to compare", c.rev.ID).Try("bellows change status %s", c.rev.ID)
		default:
			return fault.New(fault.Partial, "the rows of %s are not all filled yet", c.st.Table).Try("bellows backfill run %s", c.rev.ID)
		}
		if !counted || c.tallies[id] != nil {
			counted = true
			if err := c.prove(ctx, change.Held); err != nil {
				return err
			}
		}
		return c.toward(ctx, change.Held)
	})
	return err
}

// Contract is [Runner.Shift] to the contract, which also tells of a change that is
// not so far how many rows disagree.
func (r *Runner) Contract(ctx context.Context, id revision.ID, ask Ask) (Report, error) {
	return r.shift(ctx, id, ask, func(ctx context.Context, c *changing) error {
		switch c.st.Phase {
		case revision.Fill, revision.Verify:
			if c.st.Doing == change.Nothing {
				return c.unready(ctx)
			}
		case revision.Contract, revision.Purge:
			return nil
		case revision.Hold:
			if open := change.Open(c.st, c.spec); len(open) > 0 && !c.o.Auto && !c.st.Empty {
				return c.waits(ctx)
			}
			if c.tallies[id] == nil && c.st.Proof.Run != c.o.Run && c.st.Doing == change.Nothing {
				if err := c.sound(ctx); err != nil { // before a fresh proof hides it
					return err
				}
			}
		}
		return c.toward(ctx, change.Contracted)
	})
}

// unready refuses a contract without a proof, with the count of the rows that
// disagree.
func (c *changing) unready(ctx context.Context) error {
	if err := c.sound(ctx); err != nil {
		return err
	}
	got := c.tallies[c.rev.ID]
	if got == nil {
		now, err := c.look(ctx, c.st)
		if err != nil {
			return explainUnlessGone(err, "looking at the table")
		}
		return c.toCount(ctx, now, change.Contracted)
	}
	delete(c.tallies, c.rev.ID)
	f := fault.At(c.spec.Change.At, fault.Confirm, "%s has no proof yet that every row is right", c.rev.ID)
	if got.tally.Found > 0 || got.stray.Found > 0 {
		f = fault.At(c.spec.Change.At, fault.Confirm, "%s", c.disagree(got))
	}
	if c.st.Phase == revision.Fill {
		return f.Try("fill them first: bellows backfill run %s", c.rev.ID)
	}
	return f.Try("bellows change verify %s", c.rev.ID)
}

// Advance brings every change that has begun, or those of ids, as far as the
// goal, and tells whether any has moved.
func (r *Runner) Advance(ctx context.Context, ids []revision.ID, goal change.Goal, ask Ask, rep *Report) (moved bool, _ error) {
	all, err := r.Changes(ctx)
	if err != nil {
		return false, err
	}
	for _, ch := range all {
		if ch.State.Away == (change.Absence{}) {
			continue
		}
		if err := r.putBack(ctx); err != nil {
			return false, err
		}
		break
	}
	for _, ch := range all {
		own := goal
		if (ch.State.Empty || r.o.Auto) && !ask.Exact {
			own = change.Purged
		}
		if r.o.Kept[ch.Revision] {
			own = change.Contracted
		}
		if ids != nil && !slices.Contains(ids, ch.Revision) || ctx.Err() != nil {
			continue
		}
		next := change.Next(ch.State, ch.Spec, own, r.o.Run)
		if next == change.Nothing || next == change.Refuse || next == change.Wait && own < change.Contracted {
			continue
		}
		ask.Due = own == change.Purged
		one, err := r.Shift(ctx, ch.Revision, own, ask)
		rep.add(one)
		moved = true
		if err != nil {
			return moved, err
		}
	}
	return moved, nil
}

// Changed is a change as it stands.
type Changed struct {
	Revision revision.ID
	Name     string
	Record   ledger.Change
	Spec     change.Spec
	State    change.State
	Gate     change.Gate
	Writes   []change.Write
	Holds    []ledger.Approval
	Trouble  error // somebody has meddled with it, or its file was edited
}

// Changes reads every change that has begun; it takes no lock.
func (r *Runner) Changes(ctx context.Context) (all []Changed, err error) {
	err = r.reading(ctx, func() error {
		return r.insist(ctx, func() error {
			all, err = r.changes(ctx)
			return err
		})
	})
	return all, explainUnlessGone(err, "reading the ledger")
}

func (r *Runner) changes(ctx context.Context) ([]Changed, error) {
	ok, err := r.led.Exists(ctx, r.conn)
	if err != nil || !ok {
		if ledger.Outdated(err) {
			return nil, nil
		}
		return nil, err
	}
	recs, err := r.led.Changes(ctx, r.conn)
	if err != nil || len(recs) == 0 {
		return nil, err
	}
	v, err := r.lookOnce(ctx, r.led.Read)
	if err != nil {
		return nil, err
	}
	now, err := r.led.Now(ctx, r.conn)
	if err != nil {
		return nil, err
	}
	approvals, err := r.led.Approvals(ctx, r.conn)
	if err != nil {
		return nil, err
	}
	var out []Changed
	for _, rec := range recs {
		if rec.Phase == "" {
			continue
		}
		one, err := r.changed(ctx, v, rec, approvals, now)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// changed reads one change.
func (r *Runner) changed(ctx context.Context, v *View, rec ledger.Change, approvals []ledger.Approval, now time.Time) (Changed, error) {
	w := &work{Runner: r, view: v}
	rev, ok := v.find(rec.Revision)
	if !ok {
		rev = revision.Revision{ID: rec.Revision, Kind: revision.Change}
	}
	out := Changed{Revision: rec.Revision, Name: rev.Name, Record: rec}
	c, err := w.changing(ctx, rev, revision.Script{})
	if err != nil {
		return out, err
	}
	out.Spec, out.State = c.spec, c.st
	for _, a := range approvals {
		if a.Revision == rec.Revision {
			out.Holds = append(out.Holds, a)
		}
	}
	if out.Writes, err = r.writes(ctx, rec.Revision); err != nil {
		return out, err
	}
	if (c.st.Phase == revision.Fill || c.st.Phase == revision.Verify || c.st.Phase == revision.Hold) && c.st.Away == (change.Absence{}) {
		look, err := c.look(ctx, c.st)
		if err != nil {
			return out, err
		}
		wrong, void := change.Tampered(c.st, c.spec, look)
		if len(wrong) == 0 && c.st.Proof.Made {
			wrong = void
		}
		if len(wrong) > 0 {
			out.Trouble = wrong[0]
			out.State.Proof.Void = wrong[0].Msg
		}
	}
	out.Gate = change.At(out.State, c.spec, out.Writes, now)
	if f := (*fault.Error)(nil); errors.As(out.Trouble, &f) { // a proof alone does not help then
		for i, text := range out.Gate.Waiting {
			if strings.HasPrefix(text, change.WantsProof) {
				out.Gate.Waiting[i] = f.Hint
			}
		}
	}
	return out, nil
}

// writes reads the evidence who writes which side of a change.
func (r *Runner) writes(ctx context.Context, id revision.ID) ([]change.Write, error) {
	d := r.conn.Dialect()
	text := fmt.Sprintf(d.Traits().TimeText, "MAX("+d.Quote("at")+")")
	second := "substr(" + fmt.Sprintf(d.Traits().TimeText, d.Quote("at")) + ", 1, 19)"
	rows, err := r.texts(ctx, "SELECT side, application, COUNT(DISTINCT "+second+"), "+text+" FROM "+r.led.Writes()+" WHERE revision = "+d.Literal(string(id))+
		" GROUP BY side, application ORDER BY side, application")
	if err != nil {
		return nil, err
	}
	var out []change.Write
	for _, row := range rows {
		at, _ := time.Parse(time.RFC3339Nano, row[3])
		n, _ := strconv.ParseInt(row[2], 10, 64)
		out = append(out, change.Write{Side: dialect.Side(row[0]), Application: row[1], Writes: n, Last: at})
	}
	return out, nil
}

// prune takes what is too much from the evidence. That it cannot be done is no
// reason to stop.
func (c *changing) prune(ctx context.Context) error {
	p, ok := c.lang.(dialect.Pruner)
	if !ok {
		return nil
	}
	for _, sql := range p.Prune(c.led.Writes(), string(c.rev.ID)) {
		if _, err := c.conn.Exec(ctx, sql); isGone(err) {
			return err
		}
	}
	return nil
}

// Abort takes a change back that has not come to its contract.
func (r *Runner) Abort(ctx context.Context, id revision.ID, ask Ask) (Report, error) {
	return r.shift(ctx, id, ask, func(ctx context.Context, c *changing) error {
		if c.st.Phase == revision.Contract && c.st.Doing == change.Nothing {
			return fault.At(c.spec.Change.At, fault.Usage, "%s is past its contract", c.rev.ID).Try("undo that first: bellows change undo %s", c.rev.ID)
		}
		if err := c.undepended(); err != nil {
			return err
		}
		return c.toward(ctx, change.Aborted)
	})
}

// Undo brings the old columns of a contracted change back.
func (r *Runner) Undo(ctx context.Context, id revision.ID, ask Ask) (Report, error) {
	return r.shift(ctx, id, ask, func(ctx context.Context, c *changing) error {
		if c.st.Doing == change.Nothing && c.st.Side != dialect.Old && !change.Reached(c.st, revision.Contract) {
			return fault.At(c.spec.Change.At, fault.Usage, "%s has not come to its contract: there is nothing to undo", c.rev.ID).Try("to take away what it has added: bellows change abort %s", c.rev.ID)
		}
		return c.toward(ctx, change.Undone)
	})
}

// undepended refuses to take a change back on which applied revisions rest.
func (c *changing) undepended() error {
	for id := range c.view.Graph.Descendants(revision.NewSet(c.rev.ID)) {
		if id != c.rev.ID && c.view.Has(id) {
			return fault.New(fault.Graph, "%s %s is applied and comes after %s", id, c.view.name(id), c.rev.ID).
				Try("revert it first: bellows down %s", c.rev.ID)
		}
	}
	return nil
}

// Purge drops the old columns of a contracted change.
func (r *Runner) Purge(ctx context.Context, id revision.ID, ask Ask) (Report, error) {
	return r.shift(ctx, id, ask, func(ctx context.Context, c *changing) error {
		if c.st.Phase != revision.Contract && c.st.Phase != revision.Purge {
			return fault.At(c.spec.Change.At, fault.Confirm, "%s has not come to its contract: there is nothing to drop", c.rev.ID).
				Try("bellows change contract %s", c.rev.ID)
		}
		c.due = ask.Due
		return c.toward(ctx, change.Purged)
	})
}

// Resync sets sync on anew and begins another backfill.
func (r *Runner) Resync(ctx context.Context, id revision.ID, keep dialect.Side, ask Ask) (Report, error) {
	done := false
	return r.shift(ctx, id, ask, func(ctx context.Context, c *changing) error {
		if !done && (c.st.Doing == change.Nothing || c.st.Doing == change.Resync) {
			switch c.st.Phase {
			case revision.Fill, revision.Verify, revision.Hold:
			default:
				return fault.New(fault.Usage, "%s is not where both sides are kept in step", c.rev.ID).Try("bellows change status %s", c.rev.ID)
			}
			side := dialect.New
			if keep == dialect.New {
				side = dialect.Old
			}
			if err := c.resync(ctx, side); err != nil {
				return err
			}
			done = true
		}
		return c.toward(ctx, change.Planned)
	})
}
