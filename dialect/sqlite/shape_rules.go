package sqlite

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/sqltext"
)

// Language tells a comparison of shapes what it must know of SQLite. The zero
// value is of the newest version.
//
// All that changes in one table is one action: native ALTERs where the version
// has them, else the table is written anew under its name. See [Language.Around]
// for what must then happen outside the transaction.
type Language struct {
	Dialect Dialect
	// Bare leaves out what statements lock, lose and risk.
	Bare bool
}

var (
	_ diff.Language = Language{}
	_ diff.Renamer  = Language{}
	_ diff.Loose    = Language{}
)

// How: parts of a table change in the table's action; all else has no ALTER.
func (l Language) How(c *diff.Change, _ *diff.World) diff.How {
	switch c.After.ID.Kind {
	case schema.Table, schema.Column, schema.Constraint:
		return diff.Alter
	}
	return diff.Replace
}

// Affects: names are looked up late, so hardly anything that needs something is
// touched when that changes. But dropping a column reads all views and triggers,
// and fails on those that name a view which is away at that moment.
func (l Language) Affects(c *diff.Change, f *schema.Fact, w *diff.World) diff.Effect {
	if c.Before.ID.Kind == schema.View && w.Drops(c.ID()) && (f.ID.Kind == schema.View || f.ID.Kind == schema.Trigger) && l.dropsColumns(w) {
		return diff.Rebuilds
	}
	return diff.Keeps
}

// dropsColumns tells whether some table loses a column by ALTER TABLE.
func (l Language) dropsColumns(w *diff.World) bool {
	facts := w.Before.Facts()
	for i := range facts {
		id := facts[i].ID
		if id.Kind != schema.Column || facts[i].Of != schema.Table {
			continue
		}
		if _, stays := w.After.Find(schema.ID{Kind: schema.Table, Name: id.On}); !stays {
			continue
		}
		if _, ok := w.After.Find(id); !ok && !l.rebuilds(w, id.On) {
			return true
		}
	}
	return false
}

// Home: the table's action makes, changes and drops its columns and constraints,
// and what is on it goes with it.
func (l Language) Home(f *schema.Fact, v diff.Verb, _ *diff.World) diff.Home {
	switch {
	case f.ID.Kind == schema.Column || f.ID.Kind == schema.Constraint:
		return diff.InParentsAlter
	case v == diff.Drop:
		return diff.WithParentIfFree
	}
	return diff.Own
}

// Simple is never asked of a part that could go with its table or not.
func (l Language) Simple(*schema.Fact) bool { return false }

// Loose are foreign keys: the table they point at need not be there.
func (l Language) Loose(f *schema.Fact) bool { return f.ID.Kind == schema.Constraint }

// Names: tables, views and indexes share names, in which case does not count.
func (l Language) Names(f *schema.Fact) []string {
	switch lower := strings.ToLower(f.ID.Name); f.ID.Kind {
	case schema.Table, VirtualTable, schema.View, schema.Index:
		return []string{"object " + lower}
	case schema.Trigger:
		return []string{"trigger " + lower}
	}
	return nil
}

// Weight orders kinds as people read a schema.
func (l Language) Weight(k schema.Kind) int {
	return slices.Index([]schema.Kind{schema.Table, VirtualTable, schema.Column, schema.Constraint, schema.Index, schema.View, schema.Trigger}, k)
}

// Rename spells a rename. A table whose name changes in its case only is renamed
// twice; indexes and views, which have no rename, are made anew.
func (l Language) Rename(f *schema.Fact, to schema.ID) []diff.Statement {
	d := l.Dialect
	from := d.ident(f.ID.Name)
	switch f.ID.Kind {
	case schema.Table, VirtualTable:
		if !strings.EqualFold(f.ID.Name, to.Name) {
			return l.say("ALTER TABLE " + from + " RENAME TO " + d.ident(to.Name))
		}
		between := d.ident(f.ID.Name + "__")
		return l.say("ALTER TABLE "+from+" RENAME TO "+between, "ALTER TABLE "+between+" RENAME TO "+d.ident(to.Name))
	case schema.Column:
		return l.say("ALTER TABLE " + d.ident(f.ID.On) + " RENAME COLUMN " + from + " TO " + d.ident(to.Name))
	}
	renamed := *f
	renamed.ID = to
	return l.say("DROP "+strings.ToUpper(string(f.ID.Kind))+" "+from, d.create(schema.Schema{}, &renamed))
}

// renamedMark says of a view or trigger that a rename has changed its text. The
// server does so in its own way, so the text is written anew.
const renamedMark = "renamed"

// Renamed is a fact after a rename: SQLite keeps the texts of tables and indexes
// up to date, and we know how. In views and triggers we cannot know which of
// several columns of a name is meant.
func (l Language) Renamed(f schema.Fact, from, to schema.ID) schema.Fact {
	switch f.ID.Kind {
	case schema.View, schema.Trigger:
		if f.ID != to {
			f.Attrs = f.Attrs.With(renamedMark, Yes)
		}
		return f
	}
	if from.Kind == schema.Column {
		f.Attrs = l.renamedColumn(f, from, to)
	} else if f.Get(References) == from.Name && from.Kind == schema.Table {
		f.Attrs = f.Attrs.With(References, to.Name)
	}
	if f.ID.Kind == schema.Constraint && f.Get(Named) == "" {
		f.ID.Name = ownName(f.Attrs)
	}
	return f
}

// renamedColumn are the attributes of a fact after a column's rename.
func (l Language) renamedColumn(f schema.Fact, from, to schema.ID) schema.Attrs {
	a := f.Attrs
	names := func(key string) {
		items := schema.Items(a.Get(key))
		for i := range items {
			if strings.EqualFold(items[i], from.Name) {
				items[i] = to.Name
			}
		}
		a = a.With(key, schema.List(items))
	}
	if f.Get(References) == from.On {
		names(ReferenceColumns)
	}
	switch {
	case f.ID.On != from.On:
	case f.Get(Type) == ForeignKey && f.ID.Kind == schema.Constraint:
		names(Columns)
	default:
		for _, key := range []string{Columns, Expr, Where, Generated} {
			if a.Get(key) != "" {
				a = a.With(key, l.renamedIn(a.Get(key), key, from.Name, to.Name))
			}
		}
	}
	return a
}

// renamedIn spells an expression, or a list of them, with another name for a column.
func (l Language) renamedIn(value, key, from, to string) string {
	one := func(text string) string {
		c := codeOf(text)
		return joined(c, func(i int) string {
			plain := c[i].kind == sqltext.Word && !inExpression.Of(c[i].text) || c[i].kind == sqltext.Quoted
			call := i+1 < len(c) && c[i+1].is("(")
			if plain && !call && strings.EqualFold(c[i].name(), from) && !(i > 0 && c[i-1].is("COLLATE")) {
				return l.Dialect.ident(to)
			}
			return c[i].text
		})
	}
	if key != Columns {
		return one(value)
	}
	items := schema.Items(value)
	for i := range items {
		items[i] = one(items[i])
	}
	return schema.List(items)
}

// Around parts a plan: what must be run before its transaction begins, what is
// run in it, and what must be run after its end. Foreign keys cannot be switched
// off inside a transaction, and with them on, a table that is written anew would
// take the rows of its children with it. The last statements inside then fail
// when rows point nowhere.
func (l Language) Around(p diff.Plan) (before, inside, after []diff.Statement) {
	var checks []diff.Statement
	for _, s := range p.Statements {
		switch {
		case s.SQL == keysOff:
			before, after = append(before, s), l.say(keysOn)
		case strings.HasPrefix(s.SQL, keysCheck):
			checks = append(checks, s)
		default:
			inside = append(inside, s)
		}
	}
	return before, append(inside, l.guarded(checks)...), after
}

// guarded writes each look at foreign keys so that it fails when rows point
// nowhere: a table for a moment whose CHECK no such row passes.
func (l Language) guarded(statements []diff.Statement) []diff.Statement {
	var out []diff.Statement
	for _, s := range statements {
		table, ok := strings.CutPrefix(s.SQL, keysCheck+" (")
		if !ok {
			out = append(out, s)
			continue
		}
		table = strings.TrimSuffix(table, ")")
		guard := l.say(`CREATE TEMP TABLE bellows_guard (row_points_nowhere CHECK (row_points_nowhere IS NULL))`,
			`INSERT INTO bellows_guard SELECT 1 FROM pragma_foreign_key_check(`+l.Dialect.Literal(codeOf(table)[0].name())+`)`,
			`DROP TABLE bellows_guard`)
		out = append(out, guard...)
	}
	return out
}

const (
	keysOff   = "PRAGMA foreign_keys = OFF"
	keysOn    = "PRAGMA foreign_keys = ON"
	keysCheck = "PRAGMA foreign_key_check"
)
