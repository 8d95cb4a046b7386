package mysql

import (
	"strings"

	"github.com/bellowsdb/bellows/schema"
)

// idents spells a list of identifiers.
func (d Dialect) idents(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = d.Quote(n)
	}
	return strings.Join(quoted, ", ")
}

// create spells what makes a fact that is made by a statement of its own. A
// table is made without its foreign keys.
func (l Language) create(s schema.Schema, f *schema.Fact) string {
	d := l.Dialect
	name := d.Quote(f.ID.Name)
	switch f.ID.Kind {
	case schema.Table:
		return l.createTable(s, f)
	case schema.Sequence:
		return "CREATE SEQUENCE " + name + " " + f.Get(Definition)
	case schema.View:
		return "CREATE " + l.viewBody(f)
	case schema.Function, schema.Procedure:
		aggregate := ""
		if f.Get(Aggregate) != "" {
			aggregate = "AGGREGATE "
		}
		return "CREATE " + l.definer(f) + aggregate + strings.ToUpper(string(f.ID.Kind)) + " " + name + f.Get(Definition)
	case schema.Trigger:
		follows := ""
		if f.Get(Follows) != "" {
			follows = " FOLLOWS " + d.Quote(f.Get(Follows))
		}
		return "CREATE " + l.definer(f) + "TRIGGER " + name + " " + f.Get(Timing) + " ON " + d.Quote(f.ID.On) + " FOR EACH ROW" + follows + " " + f.Get(Definition)
	case schema.Event:
		return "CREATE " + l.definer(f) + "EVENT " + name + " " + l.eventBody(f)
	}
	return "ALTER TABLE " + d.Quote(f.ID.On) + " ADD " + l.constraint(f)
}

func (l Language) viewBody(f *schema.Fact) string {
	text := ""
	if f.Get(Algorithm) != "" {
		text += "ALGORITHM = " + f.Get(Algorithm) + " "
	}
	text += l.definer(f)
	if f.Get(Security) != "" {
		text += "SQL SECURITY " + f.Get(Security) + " "
	}
	text += "VIEW " + l.Dialect.Quote(f.ID.Name)
	if f.Get(Columns) != "" {
		text += " (" + l.Dialect.idents(schema.Items(f.Get(Columns))) + ")"
	}
	return text + " AS " + f.Get(Definition)
}

func (l Language) eventBody(f *schema.Fact) string {
	text := "ON SCHEDULE " + f.Get(Schedule)
	if f.Get(Preserve) != "" {
		text += " ON COMPLETION PRESERVE"
	}
	if f.Get(Disabled) != "" {
		text += " DISABLE"
	}
	if f.Get(schema.Comment) != "" {
		text += " COMMENT " + l.Dialect.text(f.Get(schema.Comment))
	}
	return text + " DO " + f.Get(Definition)
}

// definer spells who something runs as, when the fact says it.
func (l Language) definer(f *schema.Fact) string {
	user, host, ok := cutLast(f.Get(schema.Owner), "@")
	if user == "" {
		return ""
	}
	if !ok {
		return "DEFINER = " + l.Dialect.Quote(user) + " " // a role
	}
	return "DEFINER = " + l.Dialect.Quote(user) + "@" + l.Dialect.Quote(host) + " "
}

func cutLast(s, sep string) (before, after string, found bool) {
	if at := strings.LastIndex(s, sep); at >= 0 {
		return s[:at], s[at+len(sep):], true
	}
	return s, "", false
}

func (l Language) createTable(s schema.Schema, f *schema.Fact) string {
	table := f.ID.Name
	var lines []string
	for _, c := range s.On(schema.Column, "", table) {
		lines = append(lines, l.column(s, c))
	}
	lines = append(lines, schema.Items(f.Get(Periods))...)
	for _, c := range keysFirst(s, table) {
		lines = append(lines, l.constraint(c))
	}
	text := "CREATE TABLE " + l.Dialect.Quote(table) + " (\n\t" + strings.Join(lines, ",\n\t") + "\n)" + l.tableTail(f)
	if f.Get(PartitionBy) != "" {
		text += "\nPARTITION BY " + f.Get(PartitionBy)
	}
	return text
}

// keysFirst are the keys and checks of a table: the primary key, indexes, checks.
func keysFirst(s schema.Schema, table string) (all []*schema.Fact) {
	for _, kind := range []string{PrimaryKey, "", Check} {
		if kind == "" {
			all = append(all, s.On(schema.Index, "", table)...)
			continue
		}
		for _, c := range s.On(schema.Constraint, "", table) {
			if c.Get(Type) == kind {
				all = append(all, c)
			}
		}
	}
	return all
}

func (l Language) tableTail(f *schema.Fact) string {
	text := ""
	if f.Get(Engine) != "" {
		text += " ENGINE=" + f.Get(Engine)
	}
	if f.Get(Collation) != "" {
		text += " " + charset(f.Get(Collation), " DEFAULT")
	}
	for _, option := range schema.Items(f.Get(Options)) {
		text += " " + option
	}
	if f.Get(schema.Comment) != "" {
		text += " COMMENT=" + l.Dialect.text(f.Get(schema.Comment))
	}
	if f.Get(Versioning) != "" {
		text += " WITH SYSTEM VERSIONING"
	}
	return text
}

// charset spells a collation with its character set, which its name begins with.
func charset(collation, before string) string {
	set, _, _ := strings.Cut(collation, "_")
	return strings.TrimSpace(before + " CHARACTER SET " + set + " COLLATE " + collation)
}

// column spells a column's definition.
func (l Language) column(s schema.Schema, c *schema.Fact) string {
	table, _ := s.Find(schema.ID{Kind: schema.Table, Name: c.ID.On})
	text := l.Dialect.Quote(c.ID.Name) + " " + c.Get(Type)
	if c.Get(Collation) != "" && (table == nil || table.Get(Collation) != c.Get(Collation)) {
		text += " " + charset(c.Get(Collation), "")
	}
	row := strings.HasPrefix(c.Get(More), "GENERATED ALWAYS AS ROW")
	switch {
	case c.Get(Generated) != "":
		text += " GENERATED ALWAYS AS (" + c.Get(Generated) + ")"
		if c.Get(Stored) != "" {
			text += " STORED"
		}
		if c.Get(NotNull) != "" {
			text += " NOT NULL"
		}
	case row:
	case c.Get(NotNull) != "":
		text += " NOT NULL"
	default:
		text += " NULL"
	}
	if c.Get(Default) != "" {
		text += " DEFAULT " + c.Get(Default)
	}
	if c.Get(OnUpdateNow) != "" {
		text += " ON UPDATE " + c.Get(OnUpdateNow)
	}
	if c.Get(AutoIncrement) != "" {
		text += " AUTO_INCREMENT"
	}
	if c.Get(More) != "" {
		text += " " + c.Get(More)
	}
	if c.Get(Invisible) != "" {
		text += " INVISIBLE"
	}
	if c.Get(schema.Comment) != "" {
		text += " COMMENT " + l.Dialect.text(c.Get(schema.Comment))
	}
	if c.Get(Check) != "" {
		text += " CHECK (" + c.Get(Check) + ")"
	}
	return text
}

// constraint spells a key, an index or a constraint as a line of a table.
func (l Language) constraint(c *schema.Fact) string {
	d := l.Dialect
	if c.ID.Kind == schema.Index {
		return l.index(c)
	}
	name := ""
	if c.Get(Named) != "" {
		name = "CONSTRAINT " + d.Quote(c.Get(Named)) + " "
	}
	switch c.Get(Type) {
	case PrimaryKey:
		text := "PRIMARY KEY (" + strings.Join(schema.Items(c.Get(Columns)), ", ") + ")"
		if c.Get(More) != "" {
			text += " " + c.Get(More)
		}
		return text
	case Check:
		text := name + "CHECK (" + c.Get(Expr) + ")"
		if c.Get(NotEnforced) != "" {
			text += " NOT ENFORCED"
		}
		return text
	}
	to := d.Quote(c.Get(References))
	if c.Get(ReferencesIn) != "" {
		to = d.Quote(c.Get(ReferencesIn)) + "." + to
	}
	text := name + "FOREIGN KEY (" + d.idents(schema.Items(c.Get(Columns))) + ") REFERENCES " + to + " (" + d.idents(schema.Items(c.Get(ReferenceColumns))) + ")"
	if c.Get(OnDelete) != "" {
		text += " ON DELETE " + c.Get(OnDelete)
	}
	if c.Get(OnUpdate) != "" {
		text += " ON UPDATE " + c.Get(OnUpdate)
	}
	return text
}

func (l Language) index(c *schema.Fact) string {
	text := ""
	if c.Get(Unique) != "" {
		text = "UNIQUE "
	}
	if c.Get(Sort) != "" {
		text = c.Get(Sort) + " "
	}
	text += "KEY " + l.Dialect.Quote(c.ID.Name) + " (" + strings.Join(schema.Items(c.Get(Columns)), ", ") + ")"
	if c.Get(Using) != "" {
		text += " USING " + c.Get(Using)
	}
	if c.Get(Parser) != "" {
		text += " WITH PARSER " + l.Dialect.Quote(c.Get(Parser))
	}
	if c.Get(More) != "" {
		text += " " + c.Get(More)
	}
	if c.Get(Invisible) != "" {
		text += " " + l.hiddenWord()
	}
	if c.Get(schema.Comment) != "" {
		text += " COMMENT " + l.Dialect.text(c.Get(schema.Comment))
	}
	return text
}

// hiddenWord is what an index is called that the optimizer passes over.
func (l Language) hiddenWord() string {
	if l.Dialect.Flavour() == MariaDB {
		return "IGNORED"
	}
	return "INVISIBLE"
}
