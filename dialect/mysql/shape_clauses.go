package mysql

import (
	"slices"

	"github.com/bellowsdb/bellows/schema"
)

// sort is what a clause does, in the order in which clauses that cannot share an
// ALTER TABLE follow each other.
type sort int

const (
	dropsKey sort = iota
	dropsColumn
	addsColumn
	changes
	sets // options of the table's own
	sorts
)

// piece is a part of an ALTER TABLE. place is where a new column stands.
type piece struct {
	sort       sort
	effort     effort
	sql, place string
}

// clauses are parts of an ALTER TABLE, those first that take something away.
type clauses struct {
	drops, specs []piece
}

func (c *clauses) effort() effort {
	most := atOnce
	for _, one := range append(c.drops[:len(c.drops):len(c.drops)], c.specs...) {
		most = max(most, one.effort)
	}
	return most
}

// atLeast makes all of them as dear as that.
func (c *clauses) atLeast(e effort) {
	for _, some := range [][]piece{c.drops, c.specs} {
		for i := range some {
			some[i].effort = max(some[i].effort, e)
		}
	}
}

func (c *clauses) do(e effort, spec string) { c.add(piece{sort: changes, effort: e, sql: spec}) }

func (c *clauses) add(one piece) { c.specs = append(c.specs, one) }

func (c *clauses) drop(sort sort, e effort, spec string) {
	c.drops = append(c.drops, piece{sort: sort, effort: e, sql: spec})
}

// take adds what others do.
func (c *clauses) take(others *clauses) {
	c.drops, c.specs = append(c.drops, others.drops...), append(c.specs, others.specs...)
	*others = clauses{}
}

// apart are the clauses of each sort by themselves.
func (c *clauses) apart() []clauses {
	all := make([]clauses, sorts)
	for _, one := range c.drops {
		all[one.sort].drops = append(all[one.sort].drops, one)
	}
	for _, one := range c.specs {
		all[one.sort].specs = append(all[one.sort].specs, one)
	}
	return all
}

// steps are the parts of an ALTER TABLE that cannot share one with each other.
func (t *tableChange) steps() []clauses {
	e := t.main.effort()
	switch all := t.main.apart(); {
	case t.bent() && e < copies:
		t.places(append(all, t.virtual))
		all[changes].take(&all[sets])
		return all
	case t.l.Dialect.Flavour() == MySQL && e == atOnce && len(all[dropsColumn].drops)+len(all[addsColumn].specs) > 0:
		var rest clauses // what comes or goes at once does not with the table's own options
		for i := range sets {
			rest.take(&all[i])
		}
		return []clauses{rest, all[sets]}
	}
	return []clauses{t.main}
}

// columns are the table's columns in both shapes of which something is true.
func (t *tableChange) columns(is func(*schema.Fact) bool) []*schema.Fact {
	var some []*schema.Fact
	for _, s := range []schema.Schema{t.w.Before, t.w.After} {
		for _, f := range s.On(schema.Column, "", t.after.ID.Name) {
			if is(f) {
				some = append(some, f)
			}
		}
	}
	return some
}

// bent tells whether the table has virtual columns: where they are added or
// dropped, or move because columns before them are, MariaDB does nothing else in
// the same ALTER TABLE but by a copy.
func (t *tableChange) bent() bool {
	return t.l.Dialect.Flavour() == MariaDB && len(t.columns(virtual)) > 0
}

// places leaves new columns at the end of the table when virtual ones stay in it:
// those would move, for which MariaDB copies the table.
func (t *tableChange) places(steps []clauses) {
	if !slices.ContainsFunc(t.columns(virtual), func(f *schema.Fact) bool { return t.w.Stays(f.ID) }) {
		return
	}
	for _, step := range steps {
		for i := range step.specs {
			step.specs[i].place = ""
		}
	}
}

// computed makes clauses dearer for what MariaDB cannot do in place on a table
// with computed columns: those that are stored forbid that a column may be null
// no more, and an index over a virtual one that stays forbids all by which the
// table is written anew, real columns that come or go among it.
func (t *tableChange) computed() {
	stored := func(f *schema.Fact) bool { return f.Get(Generated) != "" && f.Get(Stored) != "" }
	if t.demands && len(t.columns(stored)) > 0 {
		t.main.atLeast(copies)
	}
	indexed := slices.ContainsFunc(t.columns(virtual), func(f *schema.Fact) bool {
		return slices.ContainsFunc(t.w.Users(f.ID), func(user *schema.Fact) bool { return user.ID.Kind == schema.Index && t.w.Stays(user.ID) })
	})
	if indexed && (t.resized || t.main.effort() >= inPlace) {
		t.main.atLeast(copies)
	}
}

// tunes makes clauses dearer where the table's own options change and a column's
// type or an index does, too: each is done at once, but not both.
func (t *tableChange) tunes() {
	if t.optioned && t.tuned {
		t.main.atLeast(noCopy)
	}
}
