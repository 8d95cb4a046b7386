package run

import (
	"context"
	"slices"

	"github.com/bellowsdb/bellows/change"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// caughtUp is how many rows are filled at once that came without a number.
const caughtUp = 1000

// widenable refuses a change of form:key where the column is no key that counts by
// itself, or where what refers to it cannot be changed with it.
func (c *changing) widenable(ctx context.Context, st change.State) error {
	w, ok := c.lang.(dialect.Widener)
	if !c.spec.Wide() || !ok {
		return nil
	}
	if old := st.Old[0]; old.Made != "identity" || len(st.Key) != 1 || st.Key[0] != old.Name {
		return fault.At(c.spec.Change.At, fault.Unsupported, "column %s of %s is no primary key that counts by itself", old.Name, c.spec.Change.Table).
			Try("leave form:key out: bellows new --form type changes any other column")
	}
	_, err := c.references(ctx, w, st)
	return err
}

// references are the foreign keys to the column that has the old one's name.
func (c *changing) references(ctx context.Context, w dialect.Widener, st change.State) ([]dialect.Reference, error) {
	rows, err := c.texts(ctx, w.References(st.Table, st.Old[0].Name))
	if err != nil {
		return nil, explainUnlessGone(err, "looking who refers to the key")
	}
	out := referencesOf(rows)
	for i, r := range rows {
		if r[8] != "" {
			return nil, fault.At(c.spec.Change.At, fault.Unsupported, "the foreign key %s of %s refers to %s of %s, and %s", out[i].Name, out[i].Table, st.Old[0].Name, c.spec.Change.Table, r[8]).
				Try("drop it in a migration of its own before, and make it again behind the contract")
		}
	}
	return out, nil
}

func referencesOf(rows [][]string) []dialect.Reference {
	var out []dialect.Reference
	for _, r := range rows {
		out = append(out, dialect.Reference{Table: plan.Name{Schema: r[0], Name: r[1]}, Name: r[2], Column: r[3], Type: r[4], Rest: r[5], OnUpdate: r[6], OnDrop: r[7]})
	}
	return out
}

// widen is the contract of a key: everybody waits while the new column takes the
// old one's name, counter and place, and those that refer to it get its type.
func (c *changing) widen(ctx context.Context) error {
	w, ok := c.lang.(dialect.Widener)
	if !ok {
		return fault.New(fault.Internal, "a key is changed where that cannot be")
	}
	y, name := c.sides(), c.retiredNames()[0]
	there, swapped, err := c.swapping(ctx, w, name)
	if err != nil {
		return err
	}
	refs := c.st.Refs
	if c.st.Doing != change.Retire {
		refs = there
	}
	d := deed{action: change.Retire, phase: revision.Contract, off: c.lang.SyncOff(y), also: tablesOf(refs), verb: "contract",
		text: "the key has its new type; the old column is out of the way", begun: func(next *change.State) { next.Refs = refs }}
	if !swapped {
		if err := c.catchUp(ctx, w.Lagging(y, dialect.New, "", caughtUp)); err != nil {
			return err
		}
		d.inside = c.equals(w.Lagging(y, dialect.New, "", 0), w.Unequal(y, dialect.New, ""),
			"the two numbers of row %s of %s are not the same", "write the side that is wrong, and the other follows: bellows change verify "+string(c.rev.ID))
		d.ours = append(w.Loosen(there), w.Widen(y, name)...)
		there = nil
	}
	d.ours = append(d.ours, w.Fasten(y, without(refs, there), dialect.New)...)
	d.then = func(ctx context.Context) (_ change.State, err error) {
		next := change.Fold(c.st, c.spec, change.Retire)
		next.Retired = c.retiredNames()
		next.At, err = c.led.Now(ctx, c.conn)
		return next, err
	}
	return c.perform(ctx, d)
}

// swapping tells which foreign keys are there, and whether the columns have
// changed places.
func (c *changing) swapping(ctx context.Context, w dialect.Widener, name string) (there []dialect.Reference, swapped bool, _ error) {
	columns, err := c.columns(ctx, c.st.Table)
	if err != nil {
		return nil, false, explainUnlessGone(err, "looking at the table")
	}
	_, swapped = change.Find(columns, name)
	there, err = c.references(ctx, w, c.st)
	return there, swapped, err
}

func tablesOf(refs []dialect.Reference) []plan.Name {
	var out []plan.Name
	for _, r := range refs {
		out = append(out, r.Table)
	}
	return out
}

func without(all, some []dialect.Reference) []dialect.Reference {
	return slices.DeleteFunc(slices.Clone(all), func(r dialect.Reference) bool {
		return slices.ContainsFunc(some, func(o dialect.Reference) bool { return o.Name == r.Name && o.Table.Key() == r.Table.Key() })
	})
}

// catchUp fills the rows that came without a number while nobody waits for us, so
// that few are left to do with the table held.
func (c *changing) catchUp(ctx context.Context, sql string) error {
	for {
		if ctx.Err() != nil {
			return c.interrupted(ctx)
		}
		var n int64
		err := c.insist(ctx, func() (err error) {
			if _, err = c.conn.Exec(ctx, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"); err == nil {
				n, err = c.conn.Exec(ctx, sql)
			}
			return err
		})
		if err != nil {
			return explainUnlessGone(err, "filling the rows that came last")
		}
		c.point("change caught up")
		if n < caughtUp {
			return nil
		}
	}
}

// equals fills, with the tables held, what is left to fill, and then demands that
// no row has two numbers.
func (c *changing) equals(fills, asks, wrong, hint string) func(context.Context) error {
	return func(ctx context.Context) error {
		if _, err := c.conn.Exec(ctx, fills); isGone(err) || isWait(err) {
			return err
		} else if err != nil {
			return fault.At(c.spec.Change.At, fault.Confirm, "a number of %s cannot be written to the other column", c.st.Table).Because(err).Try("%s", hint)
		}
		rows, err := db.Texts(ctx, c.conn, asks)
		if err != nil {
			return explainUnlessGone(err, "comparing the numbers")
		}
		if len(rows) > 0 {
			return fault.At(c.spec.Change.At, fault.Confirm, wrong, rows[0][0], c.st.Table).Try("%s", hint)
		}
		return nil
	}
}

// narrow is the undo of a key.
func (c *changing) narrow(ctx context.Context) error {
	w, ok := c.lang.(dialect.Widener)
	if !ok {
		return fault.New(fault.Internal, "a key is changed where that cannot be")
	}
	next := change.Fold(c.st, c.spec, change.Undo)
	y, name := c.spec.Sync(next, c.led.Writes()), c.retiredNames()[0]
	there, wide, err := c.swapping(ctx, w, name)
	if err != nil {
		return err
	}
	d := deed{action: change.Undo, phase: revision.Hold, holds: true, also: tablesOf(c.st.Refs), verb: "undo", text: "the key is as it was, and both sides are kept in step",
		then: func(ctx context.Context) (change.State, error) { return c.undone(ctx, next) },
		more: func(change.State) []string { return []string{c.led.VoidHolds(c.rev.ID)} }}
	if wide {
		d.inside = c.equals(w.Lagging(y, dialect.Old, name, 0), w.Unequal(y, dialect.Old, name),
			"the number of row %s of %s does not fit its old type any more", "there is no way back with such rows")
		d.ours = append(w.Loosen(there), w.Narrow(y, name)...)
		there = nil
	}
	d.ours = append(append(d.ours, c.lang.SyncPolicy(y)...), w.Fasten(y, without(c.st.Refs, there), dialect.Old)...)
	if err := c.perform(ctx, d); err != nil {
		return err
	}
	c.st.Approved = nil
	return nil
}
