package mysql

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/sqltext"
)

// Language tells a comparison of shapes what it must know of MySQL or MariaDB.
// The zero value is of the newest MySQL.
//
// What changes in one table is one ALTER TABLE, which says how much it may lock
// and copy, so that the server refuses it rather than do more. Foreign keys are
// dropped before all of them and added after.
type Language struct {
	Dialect Dialect
	// Bare leaves out what statements lock, lose and risk, and what an ALTER may do.
	Bare bool
}

var (
	_ diff.Language = Language{}
	_ diff.Renamer  = Language{}
	_ diff.Folder   = Language{}
)

// How: parts of a table change in the table's ALTER. What has no ALTER that can
// do it all is made anew.
func (l Language) How(c *diff.Change, w *diff.World) diff.How {
	switch c.After.ID.Kind {
	case schema.Column:
		if virtual(c.Before) != virtual(c.After) {
			return diff.Replace // no MODIFY makes a virtual column a real one
		}
		return diff.Alter
	case schema.Table, schema.Index, schema.Sequence:
		return diff.Alter
	case schema.View:
		// It cannot be altered both before a column goes and after one comes.
		if slices.ContainsFunc(c.Before.Needs, w.Drops) {
			return diff.Replace
		}
		return diff.Alter
	case schema.Constraint:
		if c.Before.Get(Type) == ForeignKey || c.After.Get(Type) == ForeignKey {
			return diff.Replace
		}
		return diff.Alter
	}
	return diff.Replace
}

func virtual(f *schema.Fact) bool { return f.Get(Generated) != "" && f.Get(Stored) == "" }

// Affects: a foreign key is taken off while a column changes that it is about.
// A trigger whose forerunner is made anew must be, too, to come behind it.
func (l Language) Affects(c *diff.Change, f *schema.Fact, w *diff.World) diff.Effect {
	kind := c.ID().Kind
	switch {
	case f.ID.Kind == schema.Trigger && kind == schema.Trigger && w.Drops(c.ID()):
		return diff.Rebuilds
	case kind == schema.Column && w.Creates(c.ID()) && (f.ID.Kind == schema.Index || f.ID.Kind == schema.Constraint):
		return diff.Rebuilds // the column goes and comes again, and is in no index then
	case f.ID.Kind != schema.Constraint || f.Get(Type) != ForeignKey:
	case kind == schema.Column && (w.Drops(c.ID()) || c.Has(Type) || c.Has(Collation) || c.Has(NotNull) || c.Has(Generated)):
		return diff.Rebuilds
	}
	return diff.Keeps
}

// Home: see [Language].
func (l Language) Home(f *schema.Fact, v diff.Verb, w *diff.World) diff.Home {
	switch f.ID.Kind {
	case schema.Column, schema.Index:
		return diff.InParentsAlter
	case schema.Constraint:
		if f.Get(Type) != ForeignKey {
			return diff.InParentsAlter
		}
		// A table cannot go while others point at it: of those that point at each
		// other, the keys go first.
		return diff.Own
	case schema.Trigger:
		if v == diff.Drop {
			return diff.WithParent
		}
	}
	return diff.Own
}

// Simple is never asked of a part that could go with its table or not.
func (l Language) Simple(*schema.Fact) bool { return false }

// Names: tables, views and sequences share names; so do triggers, foreign keys,
// routines of a kind, and events, each among themselves.
func (l Language) Names(f *schema.Fact) []string {
	switch f.ID.Kind {
	case schema.Table, schema.View, schema.Sequence:
		return []string{"relation " + f.ID.Name}
	case schema.Trigger, schema.Event, schema.Function, schema.Procedure:
		return []string{string(f.ID.Kind) + " " + strings.ToLower(f.ID.Name)}
	case schema.Constraint:
		if f.Get(Type) == ForeignKey {
			return []string{"foreign key " + f.ID.Name}
		}
	}
	return nil
}

// Weight orders kinds as people read a schema.
func (l Language) Weight(k schema.Kind) int {
	return slices.Index([]schema.Kind{schema.Sequence, schema.Table, schema.Column, schema.Index, schema.Constraint, schema.Function, schema.Procedure,
		schema.View, schema.Trigger, schema.Event}, k)
}

// renamesSince tells whether the server renames columns and indexes by name.
func (l Language) renamesSince() bool {
	if l.Dialect.Flavour() == MariaDB {
		return l.Dialect.Version() >= 100502
	}
	return l.Dialect.Version() >= 80000
}

// Rename spells a rename.
func (l Language) Rename(f *schema.Fact, to schema.ID) []diff.Statement {
	d := l.Dialect
	from, name := d.Quote(f.ID.Name), d.Quote(to.Name)
	switch f.ID.Kind {
	case schema.Table, schema.View, schema.Sequence:
		return l.say("RENAME TABLE " + from + " TO " + name)
	case schema.Column:
		if l.renamesSince() {
			return l.say("ALTER TABLE " + d.Quote(f.ID.On) + " RENAME COLUMN " + from + " TO " + name)
		}
		renamed := *f
		renamed.ID = to
		return l.say("ALTER TABLE " + d.Quote(f.ID.On) + " CHANGE COLUMN " + from + " " + l.column(schema.Schema{}, &renamed))
	case schema.Index:
		if l.renamesSince() {
			return l.say("ALTER TABLE " + d.Quote(f.ID.On) + " RENAME INDEX " + from + " TO " + name)
		}
		renamed := *f
		renamed.ID = to
		return l.say("ALTER TABLE " + d.Quote(f.ID.On) + " DROP KEY " + from + ", ADD " + l.index(&renamed))
	}
	renamed := *f
	renamed.ID = to
	return l.say("DROP "+strings.ToUpper(string(f.ID.Kind))+" "+from, l.create(schema.Schema{}, &renamed))
}

// renamedMark says of a view or trigger that it names what was renamed: the
// server leaves its text alone, so it must be written anew.
const renamedMark = "renamed"

// Renamed is a fact after a rename, as the server keeps it.
func (l Language) Renamed(f schema.Fact, from, to schema.ID) schema.Fact {
	switch {
	case f.ID.Kind == schema.View && f.ID != to:
		f.Attrs = f.Attrs.With(renamedMark, Yes)
	case from.Kind == schema.Table && f.ID.Kind == schema.Constraint:
		if f.Get(References) == from.Name && f.Get(ReferencesIn) == "" {
			f.Attrs = f.Attrs.With(References, to.Name)
		}
		// InnoDB keeps the names that it made itself in step with the table's.
		if rest, ok := strings.CutPrefix(f.ID.Name, from.Name+"_ibfk_"); ok && f.ID.On == to.Name {
			f.ID.Name = to.Name + "_ibfk_" + rest
			f.Attrs = f.Attrs.With(Named, f.ID.Name)
		}
	case from.Kind == schema.Column:
		f.Attrs = renamedColumn(f, from, to)
	}
	return f
}

// renamedColumn are the attributes of a fact after a column's rename.
func renamedColumn(f schema.Fact, from, to schema.ID) schema.Attrs {
	a := f.Attrs
	swap := func(key string, one func(string) string) {
		items := schema.Items(a.Get(key))
		for i := range items {
			items[i] = one(items[i])
		}
		a = a.With(key, schema.List(items))
	}
	name := func(item string) string {
		if item == from.Name {
			return to.Name
		}
		return item
	}
	if f.Get(References) == from.On {
		swap(ReferenceColumns, name)
	}
	switch {
	case f.ID.On != from.On:
	case f.Get(Type) == ForeignKey:
		swap(Columns, name)
	default:
		for _, key := range []string{Columns, Expr, Generated, Check} {
			swap(key, func(text string) string { return renamedIn(text, from.Name, to.Name) })
		}
	}
	return a
}

// renamedIn is an expression with another name for a column; the server quotes
// all names in it.
func renamedIn(text, from, to string) string {
	var b strings.Builder
	at := 0
	for _, w := range codeOf(text) {
		if w.kind == sqltext.Quoted && w.name() == from {
			b.WriteString(text[at:w.start])
			b.WriteString(Dialect{}.Quote(to))
			at = w.end
		}
	}
	return b.String() + text[at:]
}
