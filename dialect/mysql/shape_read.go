package mysql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/sqltext"
)

// Catalog is what a server tells of one database, under an empty sql_mode.
type Catalog struct {
	Database string
	Tables   []Text   // base tables, by SHOW CREATE TABLE
	Views    []Text   // by SHOW CREATE VIEW
	Routines []Text   // by SHOW CREATE FUNCTION and PROCEDURE
	Counters []Text   // sequences, by SHOW CREATE SEQUENCE
	Columns  []Column // of base tables, in their order
	Triggers []Trigger
	Events   []Event
	// Rest is what was found and could not be read.
	Rest []schema.Unmodelled
	// Collations are the default collations of the tables.
	Collations map[string]string
}

// Text is an object with what SHOW CREATE says of it.
type Text struct {
	Kind, Name, SQL string
	Mode            string // the sql_mode it runs under
}

// Column is a row of information_schema.COLUMNS.
type Column struct {
	Table, Name, Type, Collation string
	Nullable                     bool
}

// Trigger is a row of information_schema.TRIGGERS; they are in the order in
// which those of the same time and event run.
type Trigger struct{ Name, Table, Timing, Event, Body, Definer, Mode string }

// Event is a row of information_schema.EVENTS.
type Event struct {
	Name, Definer, Body, Comment, Mode           string
	At, Every, Unit, Starts, Ends, Created, Kept string
	Status                                       string
}

// Shape makes facts of a catalog. A table whose text we read differently from
// information_schema, or not at all, is unmodelled with its triggers.
//
// No facts: where AUTO_INCREMENT stands; display widths that nobody asked for;
// the character set of the client that made a view or a routine; the time zone
// of an event, and the start of one that was to start when it was made.
func (d Dialect) Shape(c Catalog) schema.Schema {
	b := &builder{d: d, c: c, rest: c.Rest, objects: map[string]schema.ID{}, functions: map[string]schema.ID{}, tables: map[string]bool{}}
	columns := map[string][]Column{}
	for _, col := range c.Columns {
		columns[col.Table] = append(columns[col.Table], col)
	}
	for _, t := range c.Tables {
		b.table(t, columns[t.Name])
	}
	for _, s := range c.Counters {
		b.sequence(s)
	}
	for _, r := range c.Routines {
		b.routine(r)
	}
	for _, v := range c.Views {
		b.view(v)
	}
	b.triggers()
	for _, e := range c.Events {
		b.event(e)
	}
	b.needs()
	return schema.New(d.Name(), d.Version(), b.facts, b.rest...)
}

// builder makes the facts of one catalog.
type builder struct {
	d         Dialect
	c         Catalog
	facts     []schema.Fact
	rest      []schema.Unmodelled
	objects   map[string]schema.ID // tables, views and sequences
	functions map[string]schema.ID // by their names in lower case
	tables    map[string]bool
}

func (b *builder) unmodelled(kind, name, why string) {
	b.rest = append(b.rest, schema.Unmodelled{Kind: kind, Name: name, Why: why})
}

func (b *builder) table(t Text, columns []Column) {
	facts, err := readTable(b.c.Database, t.Name, t.SQL)
	if err == nil {
		err = checked(facts, columns)
	}
	if err != nil {
		b.unmodelled("table", t.Name, "with its triggers: "+err.Error())
		return
	}
	if facts[0].Get(Collation) == "" {
		facts[0].Attrs = facts[0].Attrs.With(Collation, b.c.Collations[t.Name])
	}
	b.tables[t.Name] = true
	b.objects[t.Name] = facts[0].ID
	b.facts = append(b.facts, facts...)
}

// checked compares the columns we read with those of information_schema, and
// takes their collations from there: the text leaves out what is the table's.
func checked(facts []schema.Fact, columns []Column) error {
	n := 0
	for i := range facts {
		f := &facts[i]
		if f.ID.Kind != schema.Column {
			continue
		}
		if n == len(columns) {
			return fmt.Errorf("we read more than the %d columns that there are", n)
		}
		c := columns[n]
		n++
		switch {
		case f.ID.Name != c.Name:
			return fmt.Errorf("we read a column %s where there is %s", f.ID.Name, c.Name)
		case !strings.EqualFold(bareType(f.Get(Type)), bareType(c.Type)):
			return fmt.Errorf("column %s: we read the type %s where it is %s", c.Name, f.Get(Type), c.Type)
		case (f.Get(NotNull) != "") == c.Nullable && f.Get(Generated) == "" && !strings.Contains(f.Get(More), "ROW"):
			return fmt.Errorf("column %s: we read differently from the server whether it may be NULL", c.Name)
		}
		f.Attrs = f.Attrs.With(Collation, c.Collation)
	}
	if n != len(columns) {
		return fmt.Errorf("we read %d of the %d columns that there are", n, len(columns))
	}
	return nil
}

// bareType is a type without blanks and what is told in different places.
func bareType(t string) string {
	t, _, _ = strings.Cut(usualType(t), " /*")
	return strings.NewReplacer(" ", "", `\\`, `\`).Replace(t)
}

func (b *builder) sequence(s Text) {
	c := codeOf(s.SQL)
	if !c.starts("CREATE", "SEQUENCE") || len(c) < 4 {
		b.unmodelled("sequence", s.Name, "its text is not understood")
		return
	}
	end := slices.IndexFunc(c, func(w word) bool { return w.is("ENGINE") })
	if end < 0 {
		end = len(c)
	}
	id := schema.ID{Kind: schema.Sequence, Name: s.Name}
	b.objects[s.Name] = id
	b.facts = append(b.facts, schema.Fact{ID: id, Attrs: schema.NewAttrs(Definition, span(s.SQL, c[3:end], ""))})
}

// routine keeps what stands behind the name.
func (b *builder) routine(r Text) {
	c := codeOf(r.SQL)
	definer, rest := definerOf(c)
	aggregate := ""
	if rest.starts("AGGREGATE") {
		aggregate, rest = Yes, rest[1:]
	}
	kind := schema.Kind(strings.ToLower(r.Kind))
	if kind != schema.Function && kind != schema.Procedure || len(rest) < 4 || !rest.starts(strings.ToUpper(r.Kind)) {
		b.unmodelled(strings.ToLower(r.Kind), r.Name, "its text is not understood, or may not be read")
		return
	}
	id := schema.ID{Kind: kind, Name: r.Name}
	if kind == schema.Function {
		b.functions[strings.ToLower(r.Name)] = id
	}
	b.facts = append(b.facts, schema.Fact{ID: id, Attrs: schema.NewAttrs(schema.Owner, definer, Aggregate, aggregate, Mode, r.Mode,
		Definition, strings.TrimRight(r.SQL[rest[2].start:], " \n\t"))})
}

// definerOf reads CREATE DEFINER=`user`@`host` and gives what follows.
func definerOf(c code) (definer string, rest code) {
	for i := 0; i+2 < len(c); i++ {
		if !c[i].is("DEFINER") {
			continue
		}
		end := i + 3
		definer = c[i+2].name()
		for end < len(c) && (strings.HasPrefix(c[end].text, "@") || c[end-1].text == "@") {
			if host := strings.TrimPrefix(c[end].text, "@"); host != "" {
				definer += "@" + sqltext.Name(host)
			}
			end++
		}
		return definer, c[end:]
	}
	return "", c[min(1, len(c)):]
}

// view keeps what stands behind AS.
func (b *builder) view(v Text) {
	c := codeOf(v.SQL)
	definer, rest := definerOf(c)
	algorithm, security := "", ""
	for i := range c {
		if c[i].is("ALGORITHM") && i+2 < len(c) && !c[i+2].is("UNDEFINED") {
			algorithm = strings.ToUpper(c[i+2].text)
		}
		if c[i].is("VIEW") {
			break
		}
	}
	if rest.starts("SQL", "SECURITY", "INVOKER") {
		security = "INVOKER"
	}
	at := slices.IndexFunc(rest, func(w word) bool { return w.is("VIEW") })
	if at < 0 || len(rest) < at+4 {
		b.unmodelled("view", v.Name, "its text is not understood, or may not be read")
		return
	}
	rest = rest[at+2:]
	columns := ""
	if rest.starts("(") {
		end := rest[1:].closing()
		columns, rest = names(rest[1:1+end]), rest[min(len(rest), end+2):]
	}
	if !rest.starts("AS") || len(rest) < 2 {
		b.unmodelled("view", v.Name, "its text is not understood")
		return
	}
	id := schema.ID{Kind: schema.View, Name: v.Name}
	b.objects[v.Name] = id
	b.facts = append(b.facts, schema.Fact{ID: id, Attrs: schema.NewAttrs(schema.Owner, definer, Algorithm, algorithm, Security, security, Columns, columns,
		Definition, span(v.SQL, rest[1:], b.c.Database))})
}

// triggers says of each which one runs before it.
func (b *builder) triggers() {
	last := map[string]string{}
	for _, t := range b.c.Triggers {
		if !b.tables[t.Table] {
			continue // it is named with its table
		}
		key := t.Table + "\x00" + t.Timing + "\x00" + t.Event
		f := schema.Fact{ID: schema.ID{Kind: schema.Trigger, On: t.Table, Name: t.Name}, Of: schema.Table,
			Attrs: schema.NewAttrs(schema.Owner, t.Definer, Mode, t.Mode, Timing, t.Timing+" "+t.Event, Follows, last[key], Definition, t.Body)}
		if before := last[key]; before != "" {
			f.Needs = []schema.ID{{Kind: schema.Trigger, On: t.Table, Name: before}}
		}
		last[key] = t.Name
		b.facts = append(b.facts, f)
	}
}

func (b *builder) event(e Event) {
	schedule := "AT " + b.d.text(e.At)
	if e.At == "" {
		schedule = "EVERY " + interval(e.Every) + " " + e.Unit
		if e.Starts != "" && e.Starts != e.Created {
			schedule += " STARTS " + b.d.text(e.Starts)
		}
		if e.Ends != "" {
			schedule += " ENDS " + b.d.text(e.Ends)
		}
	}
	preserve, disabled := "", ""
	if e.Kept == "PRESERVE" {
		preserve = Yes
	}
	if e.Status != "ENABLED" {
		disabled = Yes
	}
	b.facts = append(b.facts, schema.Fact{ID: schema.ID{Kind: schema.Event, Name: e.Name}, Attrs: schema.NewAttrs(schema.Owner, e.Definer, Mode, e.Mode,
		Schedule, schedule, Preserve, preserve, Disabled, disabled, schema.Comment, e.Comment, Definition, e.Body)})
}

// interval spells the number of an interval, which is quoted when it has parts.
func interval(every string) string {
	if strings.Trim(every, "0123456789") == "" {
		return every
	}
	return "'" + strings.Trim(every, "'") + "'"
}

// needs finds what facts need: columns, tables, views, sequences and functions
// that their texts name.
func (b *builder) needs() {
	columns := map[schema.ID]bool{}
	for i := range b.facts {
		if b.facts[i].ID.Kind == schema.Column {
			columns[b.facts[i].ID] = true
		}
	}
	for i := range b.facts {
		f := &b.facts[i]
		switch f.ID.Kind {
		case schema.Column:
			f.Needs = append(b.columnsIn(f.ID.On, f.Get(Generated)+" "+f.Get(Check), columns, f.ID), b.objectsIn(f.Get(Default), f.ID)...)
		case schema.Index:
			f.Needs = b.columnsIn(f.ID.On, f.Get(Columns), columns, f.ID)
		case schema.Constraint:
			b.constraintNeeds(f, columns)
		case schema.View:
			f.Needs = b.objectsIn(f.Get(Definition), f.ID)
			for _, id := range slices.Clone(f.Needs) {
				f.Needs = append(f.Needs, b.columnsIn(id.Name, f.Get(Definition), columns, f.ID)...)
			}
		}
	}
}

func (b *builder) constraintNeeds(f *schema.Fact, columns map[schema.ID]bool) {
	if f.Get(Type) != ForeignKey {
		f.Needs = b.columnsIn(f.ID.On, f.Get(Columns)+" "+f.Get(Expr), columns, f.ID)
		return
	}
	for _, name := range schema.Items(f.Get(Columns)) {
		f.Needs = append(f.Needs, schema.ID{Kind: schema.Column, On: f.ID.On, Name: name})
	}
	if id, ok := b.objects[f.Get(References)]; ok && f.Get(ReferencesIn) == "" {
		if id.Name != f.ID.On {
			f.Needs = append(f.Needs, id)
		}
		for _, name := range schema.Items(f.Get(ReferenceColumns)) {
			f.Needs = append(f.Needs, schema.ID{Kind: schema.Column, On: id.Name, Name: name})
		}
	}
}

// columnsIn are the columns of a table that a text names.
func (b *builder) columnsIn(table, text string, columns map[schema.ID]bool, but schema.ID) (ids []schema.ID) {
	for _, w := range codeOf(text) {
		id := schema.ID{Kind: schema.Column, On: table, Name: w.name()}
		if w.kind == sqltext.Quoted && columns[id] && id != but && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// objectsIn are the tables, views, sequences and functions that a text names.
// The server quotes all of them.
func (b *builder) objectsIn(text string, but schema.ID) (ids []schema.ID) {
	c := codeOf(text)
	for i, w := range c {
		if w.kind != sqltext.Quoted || i > 0 && (c[i-1].is(".") || c[i-1].is("AS")) {
			continue
		}
		id, ok := b.objects[w.name()]
		if i+1 < len(c) && c[i+1].is("(") {
			id, ok = b.functions[strings.ToLower(w.name())]
		}
		if ok && id != but && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}
