package sqlite

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/sqltext"
)

// create spells what makes a fact that is made by a statement of its own.
func (d Dialect) create(s schema.Schema, f *schema.Fact) string {
	name := d.ident(f.ID.Name)
	switch f.ID.Kind {
	case schema.Table:
		return d.createTable(s, f, f.ID.Name)
	case VirtualTable:
		return "CREATE VIRTUAL TABLE " + name + " USING " + f.Get(Definition)
	case schema.View:
		columns := ""
		if f.Get(Columns) != "" {
			columns = " (" + d.idents(schema.Items(f.Get(Columns))) + ")"
		}
		return "CREATE VIEW " + name + columns + " AS " + f.Get(Definition)
	case schema.Trigger:
		return "CREATE TRIGGER " + name + " " + f.Get(Definition)
	}
	unique, where := "", ""
	if f.Get(Unique) != "" {
		unique = "UNIQUE "
	}
	if f.Get(Where) != "" {
		where = " WHERE " + f.Get(Where)
	}
	return "CREATE " + unique + "INDEX " + name + " ON " + d.ident(f.ID.On) + " (" + list(f.Get(Columns)) + ")" + where
}

// list is a list of terms as SQL.
func list(value string) string { return strings.Join(schema.Items(value), ", ") }

// createTable spells a table of the shape under a name.
func (d Dialect) createTable(s schema.Schema, f *schema.Fact, name string) string {
	var lines []string
	inline := map[int][]*schema.Fact{}
	var apart []*schema.Fact
	for _, c := range constraintsOf(s, f.ID.Name) {
		if column := inlineOf(c); column > 0 {
			inline[column] = append(inline[column], c)
		} else {
			apart = append(apart, c)
		}
	}
	for _, c := range s.On(schema.Column, "", f.ID.Name) {
		lines = append(lines, d.column(c, inline[c.Order]))
	}
	for _, c := range apart {
		lines = append(lines, d.constraint(c))
	}
	var options []string
	if f.Get(Strict) != "" {
		options = append(options, "STRICT")
	}
	if f.Get(WithoutRowid) != "" {
		options = append(options, "WITHOUT ROWID")
	}
	tail := ""
	if len(options) > 0 {
		tail = " " + strings.Join(options, ", ")
	}
	return "CREATE TABLE " + d.ident(name) + " (\n\t" + strings.Join(lines, ",\n\t") + "\n)" + tail
}

// constraintsOf are the constraints of a table: its primary key, what is
// unique, foreign keys, checks; by name among themselves.
func constraintsOf(s schema.Schema, table string) []*schema.Fact {
	all := s.On(schema.Constraint, "", table)
	slices.SortStableFunc(all, func(a, b *schema.Fact) int {
		return slices.Index(constraintOrder[:], a.Get(Type)) - slices.Index(constraintOrder[:], b.Get(Type))
	})
	return all
}

var constraintOrder = [...]string{PrimaryKey, Unique, ForeignKey, Check}

// inlineOf is the number of the column behind which a constraint is written; 0
// for one on a line of its own.
func inlineOf(c *schema.Fact) int {
	switch columns := schema.Items(c.Get(Columns)); {
	case c.Get(Type) == Check, c.Get(NoAlias) != "":
		return c.Order
	case len(columns) != 1 || c.Order == 0:
		return 0
	case c.Get(Type) == ForeignKey, len(codeOf(columns[0])) == 1:
		return c.Order
	}
	return 0
}

// column spells a column's definition, with those constraints behind it.
func (d Dialect) column(c *schema.Fact, inline []*schema.Fact) string {
	b := strings.Builder{}
	b.WriteString(d.ident(c.ID.Name))
	put := func(parts ...string) {
		for _, p := range parts {
			b.WriteByte(' ')
			b.WriteString(p)
		}
	}
	if c.Get(Type) != "" {
		put(c.Get(Type))
	}
	var keys []*schema.Fact
	for _, f := range inline {
		if f.Get(Type) == PrimaryKey {
			put(d.inline(f))
		} else {
			keys = append(keys, f)
		}
	}
	if c.Get(NotNull) != "" {
		if c.Get(NotNullName) != "" {
			put("CONSTRAINT", d.ident(c.Get(NotNullName)))
		}
		put("NOT NULL" + conflict(c.Get(NotNullConflict)))
	}
	if c.Get(Default) != "" {
		put("DEFAULT", parenthesised(c.Get(Default)))
	}
	if c.Get(Collate) != "" {
		put("COLLATE", c.Get(Collate))
	}
	if c.Get(Generated) != "" {
		put("GENERATED ALWAYS AS (" + c.Get(Generated) + ")")
		if c.Get(Stored) != "" {
			put("STORED")
		}
	}
	for _, f := range keys {
		put(d.inline(f))
	}
	return b.String()
}

// parenthesised puts parentheses around a default that is no literal.
func parenthesised(expr string) string {
	c := codeOf(expr)
	if len(c) == 2 && (c[0].is("-") || c[0].is("+")) {
		c = c[1:]
	}
	if len(c) == 1 && (c[0].kind == sqltext.String || c[0].kind == sqltext.Number || operands.Of(c[0].text)) {
		return expr
	}
	return "(" + expr + ")"
}

// inline spells a constraint behind its column.
func (d Dialect) inline(c *schema.Fact) string {
	name := d.named(c)
	switch c.Get(Type) {
	case PrimaryKey:
		text := "PRIMARY KEY"
		if strings.HasSuffix(c.Get(Columns), " DESC") {
			text += " DESC"
		}
		text += conflict(c.Get(Conflict))
		if c.Get(Autoincrement) != "" {
			text += " AUTOINCREMENT"
		}
		return name + text
	case Unique:
		return name + "UNIQUE" + conflict(c.Get(Conflict))
	case Check:
		return name + "CHECK (" + c.Get(Expr) + ")"
	}
	return name + d.reference(c)
}

// constraint spells a constraint on a line of its own.
func (d Dialect) constraint(c *schema.Fact) string {
	name := d.named(c)
	switch c.Get(Type) {
	case PrimaryKey:
		auto := ""
		if c.Get(Autoincrement) != "" {
			auto = " AUTOINCREMENT"
		}
		return name + "PRIMARY KEY (" + list(c.Get(Columns)) + auto + ")" + conflict(c.Get(Conflict))
	case Unique:
		return name + "UNIQUE (" + list(c.Get(Columns)) + ")" + conflict(c.Get(Conflict))
	case Check:
		return name + "CHECK (" + c.Get(Expr) + ")"
	}
	return name + "FOREIGN KEY (" + d.idents(schema.Items(c.Get(Columns))) + ") " + d.reference(c)
}

func (d Dialect) reference(c *schema.Fact) string {
	text := "REFERENCES " + d.ident(c.Get(References))
	if c.Get(ReferenceColumns) != "" {
		text += " (" + d.idents(schema.Items(c.Get(ReferenceColumns))) + ")"
	}
	if c.Get(OnDelete) != "" {
		text += " ON DELETE " + c.Get(OnDelete)
	}
	if c.Get(OnUpdate) != "" {
		text += " ON UPDATE " + c.Get(OnUpdate)
	}
	if c.Get(Deferred) != "" {
		text += " DEFERRABLE INITIALLY DEFERRED"
	}
	return text
}

// named spells the beginning of a constraint that has a name.
func (d Dialect) named(c *schema.Fact) string {
	if c.Get(Named) == "" {
		return ""
	}
	return "CONSTRAINT " + d.ident(c.Get(Named)) + " "
}

func conflict(how string) string {
	if how == "" {
		return ""
	}
	return " ON CONFLICT " + how
}
