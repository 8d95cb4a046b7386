package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/change"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// settle tells sync that the new side is the one that counts, once people have
// said so.
func (c *changing) settle(ctx context.Context) error {
	if c.st.Doing != change.Settle {
		if err := c.sound(ctx); err != nil {
			return err
		}
	}
	next := change.Fold(c.st, c.spec, change.Settle)
	return c.perform(ctx, deed{action: change.Settle, phase: revision.Hold, ours: c.lang.SyncPolicy(c.spec.Sync(next, c.led.Writes())),
		then: func(ctx context.Context) (_ change.State, err error) {
			next.Objects, err = c.objects(ctx, next)
			return next, err
		}, verb: "change", text: "where a write gives both sides, the new one counts"})
}

// retire is the contract. Everything that it rests on was looked at in this turn,
// and every row in this run.
func (c *changing) retire(ctx context.Context) error {
	if c.st.Doing != change.Retire {
		if err := c.sound(ctx); err != nil {
			return err
		}
		if err := c.quiet(ctx); err != nil {
			return err
		}
		if err := c.explained(); err != nil {
			return err
		}
	}
	if c.spec.Wide() {
		return c.widen(ctx)
	}
	d := deed{action: change.Retire, phase: revision.Contract, off: append(c.unguarded(), c.lang.SyncOff(c.sides())...), verb: "contract", text: "the old columns are out of the way"}
	if err := c.contract(ctx, &d); err != nil {
		return err
	}
	d.then = func(ctx context.Context) (_ change.State, err error) {
		next := change.Fold(c.st, c.spec, change.Retire)
		if !next.Written {
			next.Retired = c.retiredNames()
		}
		next.At, err = c.led.Now(ctx, c.conn)
		return next, err
	}
	return c.perform(ctx, d)
}

// contract adds what makes an end of the old side: the author's statements, or
// other names for its columns.
func (c *changing) contract(ctx context.Context, d *deed) (err error) {
	if sec := c.spec.Change.Contract; sec != nil {
		d.text = "the contract was run as written"
		if d.step, err = plan.Section(c.rev, c.spec.Script, *sec, Reader(c.lang)); err != nil {
			return err
		}
		return c.agreeTo(ctx, d.step)
	}
	columns, err := c.columns(ctx, c.st.Table)
	if err != nil {
		return explainUnlessGone(err, "looking at the table")
	}
	var left []dialect.Column
	var names []string
	for i, was := range c.st.Old {
		if now, there := change.Find(columns, was.Name); there {
			was.NotNull, was.Default, was.Indexes = now.NotNull, now.Default, now.Indexes
			left, names = append(left, was), append(names, c.retiredNames()[i])
		}
	}
	d.ours = append(d.ours, c.lang.Retire(c.st.Table, left, names)...)
	return nil
}

// retiredNames are the names that the old columns get, in the order of the state.
func (c *changing) retiredNames() []string { return c.spec.Names() }

// quiet demands that nobody has written the old side for as long as holds say.
func (c *changing) quiet(ctx context.Context) error {
	if c.o.Auto || c.st.Empty {
		return nil
	}
	writes, err := c.writes(ctx, c.rev.ID)
	if err != nil {
		return explainUnlessGone(err, "reading who wrote the old side")
	}
	now, err := c.led.Now(ctx, c.conn)
	if err != nil {
		return explainUnlessGone(err, "reading the clock")
	}
	for _, h := range c.spec.Holds {
		if last, loud := change.Loud(h, c.st, writes, now); loud {
			return fault.At(h.At, fault.Confirm, "%s waits: %s", c.rev.ID, change.Noise(h, last)).Try("bellows change status %s tells who writes the old side", c.rev.ID)
		}
	}
	return nil
}

// explained demands that somebody has named the number of the rows of which the
// count could not tell whether their new side is right.
func (c *changing) explained() error {
	p := c.st.Proof
	if p.Unexplained <= c.ask.Unexplained || c.o.Auto || c.st.Empty {
		return nil
	}
	return fault.At(c.spec.Change.At, fault.Confirm, "%s", c.unexplained(p)).
		Try("look at them; when they are right, name their number, or a greater one where applications go on writing: bellows change contract %s --unexplained %d", c.rev.ID, p.Unexplained)
}

// purge drops the old columns for good.
func (c *changing) purge(ctx context.Context) error {
	if c.st.Doing != change.Purge {
		now, err := c.led.Now(ctx, c.conn)
		if err != nil {
			return explainUnlessGone(err, "reading the clock")
		}
		if over := c.st.At.Add(c.spec.Retention); now.Before(over) && !c.due {
			return fault.At(c.spec.Change.At, fault.Confirm, "the old columns of %s are kept until %s", c.rev.ID, over.UTC().Format(time.RFC3339)).
				Try("to drop them now: bellows change purge %s --now", c.rev.ID)
		}
	}
	columns, err := c.columns(ctx, c.st.Table)
	if err != nil {
		return explainUnlessGone(err, "looking at the table")
	}
	left := slices.DeleteFunc(columns, func(col dialect.Column) bool { return !slices.Contains(c.st.Retired, col.Name) })
	step := c.step(revision.Purge, c.lang.Discard(c.st.Table, left))
	if c.st.Doing != change.Purge && !c.st.Empty && !c.o.Auto {
		if err := c.agreeTo(ctx, step); err != nil {
			return err
		}
	}
	err = c.perform(ctx, deed{action: change.Purge, phase: revision.Purge, ours: c.lang.Discard(c.st.Table, left),
		then: func(context.Context) (change.State, error) { return change.Fold(c.st, c.spec, change.Purge), nil },
		verb: "purge", text: "the old columns are gone"})
	if f := (*fault.Error)(nil); errors.As(err, &f) && strings.Contains(string(f.Code), ".") { // the database's own
		f.Hint = fmt.Sprintf("what rests on the old columns, such as a view, a check or a constraint, has to go first: drop it, or make it anew without them, in a migration of its own; then bellows change purge %s", c.rev.ID)
	}
	return err
}

// undo brings the old columns back and sets sync on again; their values follow
// in a backfill.
func (c *changing) undo(ctx context.Context) error {
	if c.st.Doing != change.Undo {
		if err := c.mayUndo(ctx); err != nil {
			return err
		}
	}
	if c.spec.Wide() {
		return c.narrow(ctx)
	}
	columns, err := c.columns(ctx, c.st.Table)
	if err != nil {
		return explainUnlessGone(err, "looking at the table")
	}
	var left []dialect.Column
	var names []string
	for i, was := range c.st.Old {
		retired := c.retiredNames()[i]
		_, there := change.Find(columns, retired)
		_, back := change.Find(columns, was.Name)
		if !there && !back {
			return fault.At(c.spec.Change.At, fault.Irreversible, "column %s of %s, which keeps the values of %s, is gone", retired, c.st.Table, was.Name).
				Try("write a new migration that makes again what is missing")
		}
		if there && !back {
			left, names = append(left, was), append(names, retired)
		}
	}
	next := change.Fold(c.st, c.spec, change.Undo)
	sqls := append(c.lang.Recall(c.st.Table, left, names), c.lang.SyncOn(c.spec.Sync(next, c.led.Writes()))...)
	err = c.perform(ctx, deed{action: change.Undo, phase: revision.Hold, ours: sqls, verb: "undo", text: "the old columns are back, and both sides are kept in step",
		then: func(ctx context.Context) (change.State, error) { return c.undone(ctx, next) },
		more: func(change.State) []string { return []string{c.led.VoidHolds(c.rev.ID)} }})
	if err == nil {
		c.st.Approved = nil
	}
	return err
}

// undone is the state once the old columns are back.
func (c *changing) undone(ctx context.Context, next change.State) (change.State, error) {
	now, err := c.look(ctx, next)
	if err != nil {
		return next, err
	}
	next.Objects, next.Identity, next.Into.Identity = now.Objects, now.Identity, now.Into.Identity
	for i, was := range next.Old {
		if is, ok := change.Find(now.Columns, was.Name); ok {
			next.Old[i].Known = is.Known
		}
	}
	next.Since, err = c.led.Now(ctx, c.conn)
	return next, err
}

// mayUndo refuses where values could not be brought back, or where others rest
// on the contract.
func (c *changing) mayUndo(ctx context.Context) error {
	if len(c.spec.Backward) == 0 {
		return fault.At(c.spec.Change.At, fault.Irreversible, "%s has no backward section: the old values of rows written since the contract cannot be told", c.rev.ID).
			Try("write a new migration that makes again what is missing")
	}
	for _, id := range c.view.Applied {
		rev, _ := c.view.find(id)
		for _, n := range rev.Needs {
			if n.ID == c.rev.ID && (n.Phase == revision.Contract || n.Phase == revision.Purge) {
				return fault.New(fault.Graph, "%s %s is applied and needs the contract of %s", id, rev.Name, c.rev.ID).Try("revert it first: bellows down")
			}
		}
	}
	columns, err := c.columns(ctx, c.st.Table)
	if err != nil {
		return explainUnlessGone(err, "looking at the table")
	}
	table := c.st.Table
	if c.spec.Moves() {
		if table = c.st.Into.Table; table.Name != "" {
			if columns, err = c.columns(ctx, table); err != nil {
				return explainUnlessGone(err, "looking at the table")
			}
		}
	}
	for i, was := range c.st.New {
		if c.spec.Wide() {
			was.Name = c.st.Old[i].Name // which it has had since the contract
		}
		now, ok := change.Find(columns, was.Name)
		if !ok || now.Type != was.Type {
			return fault.At(c.spec.Change.At, fault.Irreversible, "column %s of %s is not what it was at the contract, so the old side cannot be computed of it", was.Name, table).
				Try("bring it back as it was: %s", was.Type)
		}
	}
	return nil
}

// abort takes away what the change has added. The old side was complete all the
// while.
func (c *changing) abort(ctx context.Context) error {
	d := deed{action: change.Abort, phase: revision.Expand, verb: orElse(c.ask.Action, "abort"), text: "aborted: what the change added is gone"}
	if c.st.Phase != "" && c.st.Phase != revision.Sync || c.st.Doing == change.SyncOn || c.st.Doing == change.Abort {
		d.ours = append(c.unguarded(), c.lang.SyncOff(c.sides())...)
	}
	if err := c.reverts(ctx, &d); err != nil {
		return err
	}
	d.then = func(context.Context) (change.State, error) { return change.Fold(c.st, c.spec, change.Abort), nil }
	d.more = func(change.State) []string { return c.aborts(ctx) }
	if c.st.Phase == "" && c.st.Doing == change.Expand {
		c.st.Phase = revision.Sync // so that the intent to abort finds a phase
	}
	if err := c.perform(ctx, d); err != nil {
		return err
	}
	c.work.finished(revision.Move{ID: c.rev.ID, Direction: revision.Down}, c.rev.Name, 0)
	return nil
}

// reverts adds what takes expand back: the author's statements, or the columns,
// tables and indexes that were seen to come.
func (c *changing) reverts(ctx context.Context, d *deed) (err error) {
	if down := c.spec.Script.Down; down != nil {
		if d.step, err = plan.Section(c.rev, c.spec.Script, *down, Reader(c.lang)); err != nil {
			return err
		}
		return c.agreeTo(ctx, d.step)
	}
	if len(c.st.Others) > 0 {
		return fault.At(c.spec.Change.Expand.At, fault.Irreversible, "how to take this back cannot be told: %s", strings.Join(c.st.Others, "; ")).
			Try(`say it in a "-- migrate:down" section of the file, then: bellows repair --accept-edit %s`, c.rev.ID)
	}
	columns, err := c.columns(ctx, c.st.Table)
	if err != nil {
		return explainUnlessGone(err, "looking at the table")
	}
	added := slices.DeleteFunc(columns, func(col dialect.Column) bool { return slices.Contains(c.st.Before, col.Name) || len(c.st.Before) == 0 })
	added = slices.DeleteFunc(added, func(col dialect.Column) bool { return !c.expandMade(col) })
	d.ours = append(d.ours, c.lang.Discard(c.st.Table, added)...)
	if c.spec.Moves() {
		if d.ours, err = c.leaves(ctx, d.ours); err != nil {
			return err
		}
	}
	for _, t := range slices.Backward(c.st.Tables) {
		d.ours = append(d.ours, "DROP TABLE IF EXISTS "+c.quoted(t))
	}
	if c.atomic() {
		for _, x := range c.st.Indexes {
			d.ours = append(d.ours, "DROP INDEX IF EXISTS "+c.quoted(x))
		}
	}
	return c.agreeTo(ctx, c.step(revision.Expand, d.ours))
}

// leaves adds what takes the new columns out of a table again that was there.
func (c *changing) leaves(ctx context.Context, sqls []string) ([]string, error) {
	into := c.st.Into
	if len(into.Before) == 0 {
		return sqls, nil // it goes as a whole
	}
	columns, err := c.columns(ctx, into.Table)
	if err != nil {
		return nil, explainUnlessGone(err, "looking at the table")
	}
	added := slices.DeleteFunc(columns, func(col dialect.Column) bool {
		_, ours := change.Find(into.Added, col.Name)
		return slices.Contains(into.Before, col.Name) || c.st.Phase != "" && !ours
	})
	return append(sqls, c.lang.Discard(into.Table, added)...), nil
}

// expandMade tells whether expand has added a column; while it is half done
// every new one counts.
func (c *changing) expandMade(col dialect.Column) bool {
	if c.st.Phase == "" {
		return true
	}
	_, ok := change.Find(c.st.Added, col.Name)
	return ok
}

func (c *changing) quoted(n plan.Name) string {
	if n.Schema == "" {
		return c.lang.Quote(n.Name)
	}
	return c.lang.Quote(n.Schema) + "." + c.lang.Quote(n.Name)
}

// aborts are the records of a change that is taken back.
func (c *changing) aborts(ctx context.Context) []string {
	s := &plan.Step{Move: revision.Move{ID: c.rev.ID, Direction: revision.Down}, Revision: c.rev, Script: c.spec.Script}
	act := c.act
	c.act = nil
	out := c.work.reverts(s)
	c.act = act
	out = append(out, c.led.VoidHolds(c.rev.ID), c.led.ClearProgress(c.rev.ID))
	if c.st.Fill == "" {
		return out
	}
	if f, err := c.led.ReadFill(ctx, c.conn, c.st.Fill); err == nil && f.Active() {
		out = append(out, c.led.EndFill(c.st.Fill, ledger.FillCancelled))
	}
	return out
}

// resync sets sync on anew; a backfill of that side follows.
func (c *changing) resync(ctx context.Context, side dialect.Side) error {
	if side == dialect.Old && len(c.spec.Backward) == 0 {
		return fault.At(c.spec.Change.At, fault.Usage, "%s has no backward section: the old side cannot be computed", c.rev.ID).Try("--keep old")
	}
	st, err := c.sees(ctx, c.st)
	if err != nil {
		return explainUnlessGone(err, "looking at the table")
	}
	for i, col := range st.Old { // what is to be restored is what was there at first
		if was, ok := change.Find(c.st.Old, col.Name); ok {
			st.Old[i].NotNull, st.Old[i].Default = was.NotNull, was.Default
		}
	}
	st.Added, st.Into.Added = c.st.Added, c.st.Into.Added
	if err := c.insist(ctx, func() error { return c.tryOut(ctx, st) }); err != nil {
		return explainUnlessGone(err, "trying the expressions")
	}
	before := c.st.Fill
	st.Side, c.st.Side = side, side
	next := change.Fold(st, c.spec, change.Resync)
	err = c.perform(ctx, deed{action: change.Resync, phase: revision.Sync, ours: append(c.unguarded(), c.lang.SyncOn(c.spec.Sync(next, c.led.Writes()))...), verb: "resync",
		text: fmt.Sprintf("sync is set on anew, and the %s side is computed where both disagree", side),
		then: func(ctx context.Context) (change.State, error) { return c.undone(ctx, next) },
		more: func(change.State) []string {
			out := []string{c.led.VoidHolds(c.rev.ID)}
			if f, err := c.led.ReadFill(ctx, c.conn, before); before != "" && err == nil && f.Active() {
				out = append(out, c.led.EndFill(before, ledger.FillCancelled))
			}
			return out
		}})
	if err == nil {
		c.st.Approved = nil
	}
	return err
}
