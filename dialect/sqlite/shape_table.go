package sqlite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/sqltext"
)

// The keys of the attributes of the facts of a database. A key that is there
// without anything to say has the value [Yes].
const (
	Yes = "yes"

	// Strict and WithoutRowid are of a table.
	Strict       = "strict"
	WithoutRowid = "without rowid"

	// Type, Default, NotNull, Collate, Generated and Stored are of a column.
	// NotNullName and NotNullConflict are the name of its NOT NULL and what it
	// does on conflict.
	Type            = "type"
	Default         = "default"
	NotNull         = "not null"
	NotNullName     = "not null name"
	NotNullConflict = "not null on conflict"
	Collate         = "collate"
	Generated       = "generated"
	Stored          = "stored"

	// Type is of a constraint, too: one of the four below. Named is the name that
	// a constraint or an index was given, for there is no renaming them; without
	// it the name of a constraint is only ours. Columns are those of
	// a constraint, an index, or a view that names them; of a key or an index
	// they are spelled as SQL, elsewhere they are names.
	Named            = "named"
	Columns          = "columns"
	Expr             = "expr" // of a CHECK
	Conflict         = "on conflict"
	Autoincrement    = "autoincrement"
	NoAlias          = "no alias" // INTEGER PRIMARY KEY DESC: not the rowid, by an old slip
	References       = "references"
	ReferenceColumns = "reference columns"
	OnDelete         = "on delete"
	OnUpdate         = "on update"
	Deferred         = "deferred"
	PrimaryKey       = "primary key"
	Unique           = "unique"
	Check            = "check"
	ForeignKey       = "foreign key"

	// Unique is of an index, too, and so is Where.
	Where = "where"

	// Definition is the text of a view behind AS, of a trigger behind its name,
	// of a virtual table behind USING, as it was written.
	Definition = "definition"
)

// VirtualTable is the kind of a table that a module keeps.
const VirtualTable schema.Kind = "virtual table"

// tableReader reads one CREATE TABLE.
type tableReader struct {
	speller
	c      code
	at     int
	table  string
	facts  []schema.Fact
	count  int    // of the columns
	behind int    // the number of the column that is being read, 0 outside
	named  string // by the CONSTRAINT that comes before what is read
	key    int    // the number of the foreign key read last, which DEFERRABLE is about; -1 for none
	err    error
}

// readTable makes facts of the text that SQLite keeps of a table. It fails where
// the text is not understood.
func (d Dialect) readTable(name, text string) ([]schema.Fact, error) {
	r := &tableReader{speller: speller{d: d, columns: map[string]string{}}, c: codeOf(text), table: name, key: -1}
	r.take("CREATE")
	r.take("TABLE")
	r.facts = append(r.facts, schema.Fact{ID: schema.ID{Kind: schema.Table, Name: name}})
	r.name()
	r.want("(")
	body := r.at
	r.findColumns()
	r.at = body
	for r.err == nil && !r.take(")") {
		if r.end() {
			r.fail("its column list has no end")
		} else if r.tableConstraint() {
			continue
		} else if !r.take(",") {
			r.column()
		}
	}
	r.options()
	return r.facts, r.err
}

// findColumns learns the names of the columns before any expression is spelled.
func (r *tableReader) findColumns() {
	for r.err == nil && !r.end() && !r.peek(")") && !r.startsConstraint() {
		name := r.name()
		r.columns[strings.ToLower(name)] = name
		for !r.end() && !r.peek(")") && !r.take(",") {
			r.skip()
		}
	}
}

func (r *tableReader) startsConstraint() bool {
	return r.peek("CONSTRAINT") || r.peek("PRIMARY") || r.peek("UNIQUE") || r.peek("CHECK") || r.peek("FOREIGN")
}

func (r *tableReader) column() {
	name := r.name()
	r.count++
	f := schema.Fact{ID: r.id(schema.Column, name), Of: schema.Table, Order: r.count}
	from := r.at
	for !r.end() && !r.peek(",") && !r.peek(")") && !r.startsClause() {
		r.skip()
	}
	f.Attrs = schema.NewAttrs(Type, r.d.typeName(r.c[from:r.at]))
	r.facts = append(r.facts, f)
	at := len(r.facts) - 1
	r.key, r.behind = -1, r.count
	for r.err == nil && !r.end() && !r.peek(",") && !r.peek(")") {
		r.clause(at, name)
	}
	r.named, r.behind = "", 0
}

// startsClause tells whether a clause of a column begins, so that its type ends.
func (r *tableReader) startsClause() bool {
	for _, w := range [...]string{"CONSTRAINT", "DEFAULT", "NULL", "NOT", "PRIMARY", "UNIQUE", "CHECK", "REFERENCES", "COLLATE", "AS", "DEFERRABLE"} {
		if r.peek(w) {
			return true
		}
	}
	return r.peek("GENERATED", "ALWAYS", "AS")
}

// clause reads one clause of the column whose fact has that number.
func (r *tableReader) clause(at int, column string) {
	set := func(key, value string) { r.facts[at].Attrs = r.facts[at].Attrs.With(key, value) }
	switch {
	case r.take("CONSTRAINT"):
		r.named = r.name()
		return
	case r.take("DEFAULT"):
		if value := r.defaultValue(); value != "NULL" {
			set(Default, value)
		}
	case r.take("NOT", "NULL"):
		set(NotNull, Yes)
		set(NotNullName, r.named)
		set(NotNullConflict, r.conflict())
	case r.take("NULL"):
		r.conflict()
	case r.take("COLLATE"):
		if collation := r.d.collation(r.name()); collation != "BINARY" {
			set(Collate, collation)
		}
	case r.take("PRIMARY", "KEY"):
		r.primaryOf(column, r.facts[at].Get(Type))
	case r.take("UNIQUE"):
		r.constraint(Unique, Columns, r.d.ident(column), Conflict, r.conflict())
	case r.take("CHECK"):
		r.constraint(Check, Expr, r.expression(r.group()))
	case r.take("REFERENCES"):
		r.references(schema.List([]string{column}))
	case r.peek("DEFERRABLE"), r.peek("NOT", "DEFERRABLE"):
		r.deferrable()
	case r.take("GENERATED", "ALWAYS", "AS"), r.take("AS"):
		text := r.group()
		set(Generated, r.expression(text))
		r.facts[at].Needs = r.mentioned(text)
		if r.take("STORED") {
			set(Stored, Yes)
		} else {
			r.take("VIRTUAL")
		}
	default:
		r.fail("column %s: %q is not understood", column, r.text())
	}
	r.named = ""
}

func (r *tableReader) primaryOf(column, declared string) {
	desc := r.take("DESC")
	if !desc {
		r.take("ASC")
	}
	term, noAlias := r.d.ident(column), ""
	if desc && declared == "INTEGER" {
		noAlias = Yes
	}
	if desc {
		term += " DESC"
	}
	conflict := r.conflict()
	auto := ""
	if r.take("AUTOINCREMENT") {
		auto = Yes
	}
	r.constraint(PrimaryKey, Columns, term, Conflict, conflict, Autoincrement, auto, NoAlias, noAlias)
}

// tableConstraint reads a constraint of the table, if one begins.
func (r *tableReader) tableConstraint() bool {
	for r.take("CONSTRAINT") {
		r.named = r.name()
	}
	switch {
	case r.take("PRIMARY", "KEY"):
		terms, auto := r.terms()
		r.constraint(PrimaryKey, Columns, terms, Conflict, r.conflict(), Autoincrement, auto)
	case r.take("UNIQUE"):
		terms, _ := r.terms()
		r.constraint(Unique, Columns, terms, Conflict, r.conflict())
	case r.take("CHECK"):
		r.constraint(Check, Expr, r.expression(r.group()))
		r.conflict() // SQLite reads it and does nothing about it
	case r.take("FOREIGN", "KEY"):
		columns := r.names()
		if !r.take("REFERENCES") {
			r.fail("a foreign key says nothing behind its columns")
		}
		r.references(columns)
		r.deferrable()
	default:
		if r.named == "" {
			return false
		}
		if !r.peek(",") && !r.peek(")") {
			r.fail("constraint %s: %q is not understood", r.named, r.text())
		}
		r.named = "" // a name for nothing, which SQLite accepts
	}
	r.named = ""
	return true
}

// terms reads the columns of a constraint, and whether AUTOINCREMENT stands
// behind the last.
func (r *tableReader) terms() (list, auto string) {
	group := r.group()
	if n := len(group); n > 1 && group[n-1].is("AUTOINCREMENT") {
		group, auto = group[:n-1], Yes
	}
	var terms []string
	for _, c := range group.split() {
		if len(c) == 0 {
			r.fail("a list of columns has an empty place")
			break
		}
		terms = append(terms, r.term(c))
	}
	return schema.List(terms), auto
}

// names reads the columns of a foreign key.
func (r *tableReader) names() string {
	names := schema.Items(r.theirNames())
	for i, name := range names {
		if declared, ok := r.columns[strings.ToLower(name)]; ok {
			names[i] = declared
		}
	}
	return schema.List(names)
}

// theirNames reads names of columns that may be of another table.
func (r *tableReader) theirNames() string {
	var names []string
	for _, c := range r.group().split() {
		if len(c) == 0 {
			r.fail("a list of columns has an empty place")
			break
		}
		names = append(names, c[0].name())
	}
	return schema.List(names)
}

// split cuts at the commas outside parentheses.
func (c code) split() (parts []code) {
	from, depth := 0, 0
	for i, w := range c {
		switch {
		case w.is("("):
			depth++
		case w.is(")"):
			depth--
		case w.is(",") && depth == 0:
			parts, from = append(parts, c[from:i]), i+1
		}
	}
	return append(parts, c[from:])
}

// references reads what stands behind REFERENCES. MATCH and ON INSERT are read
// and do nothing in SQLite.
func (r *tableReader) references(columns string) {
	pairs := []string{Columns, columns, References, r.name()}
	if r.peek("(") {
		pairs = append(pairs, ReferenceColumns, r.theirNames())
	}
	for r.err == nil {
		switch {
		case r.take("ON", "DELETE"):
			pairs = append(pairs, OnDelete, r.action())
		case r.take("ON", "UPDATE"):
			pairs = append(pairs, OnUpdate, r.action())
		case r.take("ON", "INSERT"):
			r.action()
		case r.take("MATCH"):
			r.name()
		default:
			r.constraint(ForeignKey, pairs...)
			r.key = len(r.facts) - 1
			return
		}
	}
}

// action reads what a foreign key does; "" for nothing.
func (r *tableReader) action() string {
	switch {
	case r.take("NO", "ACTION"):
		return ""
	case r.take("SET", "NULL"):
		return "SET NULL"
	case r.take("SET", "DEFAULT"):
		return "SET DEFAULT"
	}
	return strings.ToUpper(r.name())
}

// deferrable reads when the foreign key before it is checked.
func (r *tableReader) deferrable() {
	not := r.take("NOT", "DEFERRABLE")
	if !not && !r.take("DEFERRABLE") {
		return
	}
	deferred := r.take("INITIALLY", "DEFERRED")
	if !deferred {
		r.take("INITIALLY", "IMMEDIATE")
	}
	if r.key < 0 {
		return // SQLite ignores it where there is no foreign key
	}
	value := ""
	if deferred && !not {
		value = Yes
	}
	r.facts[r.key].Attrs = r.facts[r.key].Attrs.With(Deferred, value)
}

// conflict reads ON CONFLICT; "" for none and for what happens without it.
func (r *tableReader) conflict() string {
	if !r.take("ON", "CONFLICT") {
		return ""
	}
	if how := strings.ToUpper(r.name()); how != "ABORT" {
		return how
	}
	return ""
}

// defaultValue spells the value of a DEFAULT. A bare name is a string, but for
// true and false.
func (r *tableReader) defaultValue() string {
	if r.peek("(") {
		return r.expression(r.group())
	}
	sign := ""
	if r.take("-") {
		sign = "-"
	} else {
		r.take("+")
	}
	if r.end() {
		r.fail("a default has no value")
		return ""
	}
	w := r.c[r.at]
	r.at++
	switch {
	case w.kind == sqltext.Word && inExpression.Of(w.text):
		return sign + strings.ToUpper(w.text)
	case w.kind == sqltext.Word || w.kind == sqltext.Quoted:
		return r.d.Literal(w.name())
	}
	return sign + w.text
}

// constraint adds a constraint under the name that was read, or one of ours. Its
// place is the number of the column it is written behind, or 0.
func (r *tableReader) constraint(kind string, pairs ...string) {
	a := schema.NewAttrs(append([]string{Type, kind, Named, r.named}, pairs...)...)
	f := schema.Fact{ID: r.id(schema.Constraint, r.named), Of: schema.Table, Attrs: a, Order: r.behind}
	r.named = ""
	if f.ID.Name == "" {
		f.ID.Name = ownName(a)
	}
	switch kind {
	case ForeignKey:
		for _, name := range schema.Items(a.Get(Columns)) {
			f.Needs = append(f.Needs, r.id(schema.Column, name))
		}
	case Check:
		f.Needs = r.mentioned(codeOf(a.Get(Expr)))
	default:
		f.Needs = r.mentioned(codeOf(strings.Join(schema.Items(a.Get(Columns)), ", ")))
	}
	r.facts = append(r.facts, f)
}

// mentioned are the table's columns that an expression names.
func (r *tableReader) mentioned(c code) (ids []schema.ID) {
	for _, w := range c {
		if w.kind != sqltext.Word && w.kind != sqltext.Quoted {
			continue
		}
		if column, ok := r.columns[strings.ToLower(w.name())]; ok && !slices.Contains(ids, r.id(schema.Column, column)) {
			ids = append(ids, r.id(schema.Column, column))
		}
	}
	return ids
}

// ownName is how we call a constraint without a name.
func ownName(a schema.Attrs) string {
	columns := strings.Join(schema.Items(a.Get(Columns)), ", ")
	switch kind := a.Get(Type); kind {
	case Check:
		return "check (" + a.Get(Expr) + ")"
	case PrimaryKey:
		return PrimaryKey
	case ForeignKey:
		return ForeignKey + " (" + columns + ") to " + a.Get(References)
	default:
		return kind + " (" + columns + ")"
	}
}

func (r *tableReader) options() {
	for r.err == nil && !r.end() {
		switch {
		case r.take("WITHOUT", "ROWID"):
			r.facts[0].Attrs = r.facts[0].Attrs.With(WithoutRowid, Yes)
		case r.take("STRICT"):
			r.facts[0].Attrs = r.facts[0].Attrs.With(Strict, Yes)
		case !r.take(","):
			r.fail("the table option %q is not understood", r.text())
		}
	}
}

func (r *tableReader) id(kind schema.Kind, name string) schema.ID {
	return schema.ID{Kind: kind, On: r.table, Name: name}
}

func (r *tableReader) end() bool { return r.at >= len(r.c) }

func (r *tableReader) peek(words ...string) bool {
	for i, w := range words {
		if r.at+i >= len(r.c) || !r.c[r.at+i].is(w) {
			return false
		}
	}
	return true
}

func (r *tableReader) take(words ...string) bool {
	if !r.peek(words...) {
		return false
	}
	r.at += len(words)
	return true
}

func (r *tableReader) want(sign string) {
	if !r.take(sign) {
		r.fail("%q stands where %q is expected", r.text(), sign)
	}
}

// text is the next word as written.
func (r *tableReader) text() string {
	if r.end() {
		return ""
	}
	return r.c[r.at].text
}

// name moves behind a name.
func (r *tableReader) name() string {
	if r.end() || r.c[r.at].kind == sqltext.Punct || r.c[r.at].kind == sqltext.Number {
		r.fail("%q stands where a name is expected", r.text())
		return ""
	}
	r.at++
	return r.c[r.at-1].name()
}

// skip moves behind a word, or behind a group in parentheses.
func (r *tableReader) skip() {
	if r.peek("(") {
		r.group()
		return
	}
	r.at++
}

// group moves behind a group in parentheses and gives what is in it.
func (r *tableReader) group() code {
	r.want("(")
	if r.err != nil {
		return code{{kind: sqltext.Punct, text: "?"}}
	}
	n := r.c[r.at:].closing()
	group := r.c[r.at : r.at+n]
	r.at += n
	r.want(")")
	if len(group) == 0 {
		r.fail("there is nothing in the parentheses")
		return code{{kind: sqltext.Punct, text: "?"}}
	}
	return group
}

// fail keeps the first thing that was not understood, and stops the reading.
func (r *tableReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
	r.at = len(r.c)
}
