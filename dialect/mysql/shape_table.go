package mysql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/sqltext"
)

// The keys of the attributes of the facts of a database. A key that is there
// without anything to say has the value [Yes]. schema.Owner is the definer.
const (
	Yes = "yes"

	// Of a table.
	Engine      = "engine"
	Collation   = "collation" // of a column, too, where it has one: always the one that counts
	Options     = "options"   // the others, as NAME=VALUE
	PartitionBy = "partition by"
	Versioning  = "system versioning"
	Periods     = "periods"

	// Of a column. Check is the CHECK that MariaDB keeps with the column; More is
	// what no other key says.
	Type          = "type"
	NotNull       = "not null"
	Default       = "default"
	OnUpdateNow   = "on update"
	AutoIncrement = "auto increment"
	Generated     = "generated"
	Stored        = "stored"
	Invisible     = "invisible" // of an index, too
	Check         = "check"
	More          = "more"

	// Of an index, with More. Columns are spelled as SQL.
	Columns = "columns"
	Unique  = "unique"
	Sort    = "sort" // FULLTEXT, SPATIAL, VECTOR
	Using   = "using"
	Parser  = "parser"

	// Of a constraint, with Type (the three below, or Check) and Columns, which of
	// a foreign key are names. Named is its name again: there is no renaming it.
	Named            = "named"
	Expr             = "expr"
	References       = "references"
	ReferencesIn     = "references in" // another database
	ReferenceColumns = "reference columns"
	OnDelete         = "on delete"
	OnUpdate         = "on update"
	NotEnforced      = "not enforced"
	PrimaryKey       = "primary key"
	ForeignKey       = "foreign key"

	// Of views, routines, triggers, events and sequences.
	Definition = "definition"
	Algorithm  = "algorithm"
	Security   = "security"
	Aggregate  = "aggregate"
	Mode       = "sql mode"
	Timing     = "timing"
	Follows    = "follows"
	Schedule   = "schedule"
	Preserve   = "preserve"
	Disabled   = "disabled"
)

// tableReader reads what SHOW CREATE TABLE says.
type tableReader struct {
	text     string
	database string
	table    string
	facts    []schema.Fact
	err      error
}

// readTable makes facts of a table's text.
func readTable(database, name, text string) ([]schema.Fact, error) {
	r := &tableReader{text: text, database: database, table: name, facts: []schema.Fact{{ID: schema.ID{Kind: schema.Table, Name: name}}}}
	c := codeOf(text)
	open := slices.IndexFunc(c, func(w word) bool { return w.is("(") })
	if open < 0 || !c.starts("CREATE") {
		return nil, fmt.Errorf("its text is not understood")
	}
	body := c[open+1:]
	end := body.closing()
	count := 0
	for _, item := range body[:end].split() {
		if len(item) > 1 && item[0].kind == sqltext.Quoted {
			count++
			r.column(item, count)
		} else {
			r.key(item)
		}
	}
	if end < len(body) {
		r.options(body[end+1:])
	} else {
		r.fail("its column list has no end")
	}
	return r.facts, r.err
}

func (r *tableReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *tableReader) span(c code) string { return span(r.text, c, r.database) }

func (r *tableReader) add(kind schema.Kind, name string, order int, pairs ...string) {
	r.facts = append(r.facts, schema.Fact{ID: schema.ID{Kind: kind, On: r.table, Name: name}, Of: schema.Table, Order: order, Attrs: schema.NewAttrs(pairs...)})
}

// columnClauses are what may stand behind a column's type, each with how it is read.
var columnClauses = [][]string{
	{"CHARACTER", "SET"}, {"COLLATE"}, {"NOT", "NULL"}, {"NULL"}, {"DEFAULT"}, {"AUTO_INCREMENT"}, {"ON", "UPDATE"}, {"COMMENT"}, {"GENERATED", "ALWAYS", "AS"},
	{"VIRTUAL"}, {"STORED"}, {"PERSISTENT"}, {"INVISIBLE"}, {"VISIBLE"}, {"CHECK"}, {"WITHOUT", "SYSTEM", "VERSIONING"}, {"WITH", "SYSTEM", "VERSIONING"}, {"SRID"}, {"REF_SYSTEM_ID"},
	{"COLUMN_FORMAT"}, {"STORAGE"}, {"COMPRESSED"}, {"ENGINE_ATTRIBUTE"}, {"SECONDARY_ENGINE_ATTRIBUTE"},
}

// clause is the number of words of the clause that begins c; 0 for none.
func clause(c code) int {
	for _, words := range columnClauses {
		if c.starts(words...) {
			return len(words)
		}
	}
	return 0
}

// until takes words up to the next clause, the first of them whatever it is.
func until(c code) (taken, rest code) {
	for n := 0; n < len(c); n++ {
		if n > 0 && clause(c[n:]) > 0 {
			return c[:n], c[n:]
		}
		if c[n].is("(") {
			n += 1 + c[n+1:].closing()
		}
	}
	return c, nil
}

func (r *tableReader) column(c code, order int) {
	name := c[0].name()
	declared, rest := until(c[1:])
	pairs := []string{Type, usualType(r.span(declared))}
	var more []string
	for len(rest) > 0 {
		n := clause(rest)
		if n == 0 {
			r.fail("column %s: %q is not understood", name, rest[0].text)
			return
		}
		key := rest[:n]
		var value code
		switch {
		case key.starts("NOT", "NULL"), key.starts("NULL"), key.starts("AUTO_INCREMENT"), key.starts("VIRTUAL"), key.starts("STORED"), key.starts("PERSISTENT"),
			key.starts("INVISIBLE"), key.starts("VISIBLE"), key.starts("WITHOUT"), key.starts("WITH"):
			rest = rest[n:]
		default:
			value, rest = until(rest[n:])
		}
		pairs = append(pairs, r.clausePairs(key, value)...)
		if clauseIsMore(key) {
			more = append(more, r.span(append(key[:len(key):len(key)], value...)))
		}
	}
	r.add(schema.Column, name, order, append(pairs, More, strings.Join(more, " "))...)
}

// clausePairs are the attributes that a clause gives; none for those of
// [clauseIsMore] and for those that say what is so anyway.
func (r *tableReader) clausePairs(key, value code) []string {
	text := r.span(value)
	switch {
	case key.starts("COLLATE"):
		return []string{Collation, text}
	case key.starts("NOT"):
		return []string{NotNull, Yes}
	case key.starts("DEFAULT"):
		if strings.EqualFold(text, "NULL") {
			return nil
		}
		return []string{Default, text}
	case key.starts("AUTO_INCREMENT"):
		return []string{AutoIncrement, Yes}
	case key.starts("ON"):
		return []string{OnUpdateNow, text}
	case key.starts("COMMENT"):
		return []string{schema.Comment, unescaped(text)}
	case key.starts("GENERATED") && len(value) > 2 && value[0].is("("):
		return []string{Generated, r.span(value[1 : len(value)-1])}
	case key.starts("STORED"), key.starts("PERSISTENT"):
		return []string{Stored, Yes}
	case key.starts("INVISIBLE"):
		return []string{Invisible, Yes}
	case key.starts("CHECK") && len(value) > 2:
		return []string{Check, r.span(value[1 : len(value)-1])}
	}
	return nil
}

func clauseIsMore(key code) bool {
	for _, plain := range []string{"CHARACTER", "COLLATE", "NOT", "NULL", "DEFAULT", "AUTO_INCREMENT", "ON", "COMMENT", "VIRTUAL", "STORED", "PERSISTENT", "INVISIBLE", "VISIBLE", "CHECK"} {
		if key[0].is(plain) {
			return false
		}
	}
	return !key.starts("GENERATED")
}

// key reads what is no column: keys, constraints, periods.
func (r *tableReader) key(c code) {
	switch {
	case c.starts("PRIMARY", "KEY"):
		columns, more, _ := r.parts(c[2:])
		r.add(schema.Constraint, "PRIMARY", 0, Type, PrimaryKey, Columns, columns, More, more)
	case c.starts("CONSTRAINT") && len(c) > 3:
		r.constraint(c[1].name(), c[2:])
	case c.starts("CHECK"):
		r.constraint("", c)
	case c.starts("PERIOD"):
		f := &r.facts[0]
		f.Attrs = f.Attrs.With(Periods, schema.List(append(schema.Items(f.Get(Periods)), r.span(c))))
	default:
		r.index(c)
	}
}

func (r *tableReader) index(c code) {
	unique, sort := "", ""
	switch {
	case c.starts("UNIQUE"):
		unique, c = Yes, c[1:]
	case c.starts("FULLTEXT"), c.starts("SPATIAL"), c.starts("VECTOR"):
		sort, c = strings.ToUpper(c[0].text), c[1:]
	}
	if !c.starts("KEY") || len(c) < 4 {
		r.fail("%q is not understood", r.span(c))
		return
	}
	columns, more, pairs := r.parts(c[2:])
	r.add(schema.Index, c[1].name(), 0, append(pairs, Columns, columns, Unique, unique, Sort, sort, More, more)...)
}

// parts reads the columns of a key and what stands behind them. USING BTREE is
// how keys are anyway.
func (r *tableReader) parts(c code) (columns, more string, pairs []string) {
	if !c.starts("(") {
		r.fail("the columns of a key are not understood")
		return "", "", nil
	}
	end := c[1:].closing()
	var list []string
	for _, part := range c[1 : 1+end].split() {
		list = append(list, r.span(part))
	}
	var others []string
	for rest := c[min(len(c), end+2):]; len(rest) > 0; {
		n := 2
		switch {
		case rest.starts("USING") && len(rest) > 1:
			if !rest[1].is("BTREE") {
				pairs = append(pairs, Using, strings.ToUpper(rest[1].text))
			}
		case rest.starts("COMMENT") && len(rest) > 1:
			pairs = append(pairs, schema.Comment, unescaped(rest[1].text))
		case rest.starts("WITH", "PARSER") && len(rest) > 2:
			pairs, n = append(pairs, Parser, rest[2].name()), 3
		case rest.starts("IGNORED"), rest.starts("INVISIBLE"):
			pairs, n = append(pairs, Invisible, Yes), 1
		default:
			if n = 1; len(rest) > 2 && rest[1].is("=") {
				n = 3
			}
			others = append(others, r.span(rest[:n]))
		}
		rest = rest[min(n, len(rest)):]
	}
	return schema.List(list), strings.Join(others, " "), pairs
}

func (r *tableReader) constraint(name string, c code) {
	switch {
	case c.starts("CHECK", "("):
		end := 2 + c[2:].closing()
		enforced := ""
		if rest := c[min(len(c), end+1):]; rest.starts("NOT", "ENFORCED") {
			enforced = Yes
		}
		r.add(schema.Constraint, name, 0, Type, Check, Named, name, Expr, r.span(c[2:end]), NotEnforced, enforced)
	case c.starts("FOREIGN", "KEY", "("):
		r.foreignKey(name, c[3:])
	default:
		r.fail("constraint %s is not understood", name)
	}
}

func (r *tableReader) foreignKey(name string, c code) {
	end := c.closing()
	pairs := []string{Type, ForeignKey, Named, name, Columns, names(c[:end])}
	c = c[min(len(c), end+1):]
	if !c.starts("REFERENCES") || len(c) < 5 {
		r.fail("foreign key %s is not understood", name)
		return
	}
	in, to := "", c[1].name()
	if c = c[2:]; c.starts(".") {
		if in, to = to, c[1].name(); in == r.database {
			in = ""
		}
		c = c[2:]
	}
	end = 1 + c[1:].closing()
	pairs = append(pairs, References, to, ReferencesIn, in, ReferenceColumns, names(c[1:end]))
	for c = c[min(len(c), end+1):]; len(c) >= 3; {
		key, n := OnDelete, 3
		if c.starts("ON", "UPDATE") {
			key = OnUpdate
		}
		if c[2].is("SET") || c[2].is("NO") {
			n = 4
		}
		if action := strings.ToUpper(r.span(c[2:min(n, len(c))])); action != "NO ACTION" && action != "RESTRICT" {
			pairs = append(pairs, key, action)
		}
		c = c[min(n, len(c)):]
	}
	r.add(schema.Constraint, name, 0, pairs...)
}

// names are those of a list in parentheses.
func names(c code) string {
	var list []string
	for _, part := range c.split() {
		if len(part) > 0 {
			list = append(list, part[0].name())
		}
	}
	return schema.List(list)
}

// options reads what stands behind the column list. What AUTO_INCREMENT has
// counted to is no part of the shape.
func (r *tableReader) options(c code) {
	f := &r.facts[0]
	set := func(key, value string) { f.Attrs = f.Attrs.With(key, value) }
	var others []string
	for len(c) > 0 {
		n := 3
		switch {
		case c.starts("PARTITION", "BY"):
			set(PartitionBy, oneLine(r.span(c[2:])))
			n = len(c)
		case c.starts("WITH", "SYSTEM", "VERSIONING"):
			set(Versioning, Yes)
		case c.starts("DEFAULT", "CHARSET"), c.starts("DEFAULT", "CHARACTER"):
			n = 4
		case len(c) < 3 || !c[1].is("="):
			r.fail("the table option %q is not understood", r.span(c[:min(2, len(c))]))
			return
		case c.starts("ENGINE"):
			set(Engine, c[2].name())
		case c.starts("COLLATE"):
			set(Collation, c[2].name())
		case c.starts("COMMENT"):
			set(schema.Comment, unescaped(c[2].text))
		case c.starts("CONNECTION"):
			r.fail("its connection may hold a password")
		case !c.starts("AUTO_INCREMENT"):
			n = optionEnd(c)
			others = append(others, strings.ToUpper(c[0].name())+"="+r.span(c[2:n]))
		}
		c = c[min(n, len(c)):]
	}
	slices.Sort(others)
	set(Options, schema.List(others))
}

// optionEnd is how many words an option has: UNION=(`a`,`b`) has more than three.
func optionEnd(c code) int {
	if c[2].is("(") {
		return min(len(c), 4+c[3:].closing())
	}
	return 3
}

// oneLine is a text of the server without its line feeds, which are all outside
// of literals: in those they are escaped.
func oneLine(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\n ", " "), "\n", " ")
}
