package postgres

import (
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/sqltext"
)

// Rename gives something another name in place.
func (l Language) Rename(f *schema.Fact, to schema.ID) []diff.Statement {
	s := &spelling{l: l, w: &diff.World{}, a: &diff.Action{}}
	from := f.ID
	switch {
	case from.Kind == schema.Column && f.Of == schema.Composite:
		s.say("ALTER TYPE", on(f), "RENAME ATTRIBUTE", Ident(from.Name), "TO", Ident(to.Name))
	case from.Kind == schema.Column:
		s.say("ALTER", word(f.Of), on(f), "RENAME COLUMN", Ident(from.Name), "TO", Ident(to.Name))
	case from.Kind == schema.Constraint && f.Of == schema.Domain:
		s.say("ALTER DOMAIN", on(f), "RENAME CONSTRAINT", Ident(from.Name), "TO", Ident(to.Name))
	case from.Kind == schema.Constraint:
		s.say("ALTER TABLE", on(f), "RENAME CONSTRAINT", Ident(from.Name), "TO", Ident(to.Name))
	default:
		if from.Schema != to.Schema && from.Schema != "" {
			s.say("ALTER", object(f), "SET SCHEMA", Ident(to.Schema))
			g := *f
			g.ID.Schema = to.Schema
			f = &g
		}
		if from.Name != to.Name {
			s.say("ALTER", object(f), "RENAME TO", Ident(to.Name))
		}
	}
	for i := range s.out {
		s.out[i].About = to
		if !l.Bare {
			s.out[i].Effect = l.Dialect.Classify(s.out[i].SQL)
		}
	}
	return s.out
}

// textual are the attributes in which the server keeps names up to date.
var textual = map[string]bool{"definition": true, "expression": true, "using": true, "check": true, "column": true, "parent": true,
	"type": true, "generated stored": true, "generated virtual": true, "default": true, "bound": true, "partition key": true, "index": true}

// Renamed writes the new name where the server would. Views, rules and the
// bodies of functions keep the names they were written with.
func (l Language) Renamed(f schema.Fact, from, to schema.ID) schema.Fact {
	if f.ID.Args != "" && to.On == "" {
		f.ID.Args = renamedArgs(f.ID.Args, from, to)
	}
	if f.ID.Kind == schema.Column {
		l.keepNames(&f, from)
	}
	switch f.ID.Kind {
	case schema.View, schema.MatView, schema.Function, schema.Procedure, schema.Rule:
		return f
	case schema.Partition:
		if f.ID.Name == dotted(from.Schema, from.Name) {
			f.ID.Name = dotted(to.Schema, to.Name)
		}
	}
	attrs := make(schema.Attrs, 0, len(f.Attrs))
	for _, a := range f.Attrs {
		switch {
		case a.Key == "parent" && from.Schema != to.Schema:
			a.Value = parentOf(&f, a.Value, from, to)
		case textual[a.Key] && from.Schema != to.Schema:
			a.Value = replaceNames(resettled(a.Value, from, to), from, to)
		case textual[a.Key]:
			a.Value = replaceNames(a.Value, from, to)
		}
		attrs = append(attrs, a)
	}
	f.Attrs = attrs
	return f
}

// parentOf is the name of the index that one is attached to, after its table has
// moved to another schema. The needs of the fact are moved already.
func parentOf(f *schema.Fact, name string, from, to schema.ID) string {
	for _, id := range f.Needs {
		if id.Schema == to.Schema && id.On == to.Name && name == dotted(from.Schema, id.Name) {
			return dotted(to.Schema, id.Name)
		}
	}
	return name
}

// keepNames says the names that the server once chose after the names of the
// table and the column, and keeps when those change. The fact's ID is new.
func (l Language) keepNames(f *schema.Fact, from schema.ID) {
	table, column := f.ID.On, f.ID.Name
	switch from.Kind {
	case schema.Column:
		column = from.Name
	case schema.Table:
		table = from.Name
	default:
		return
	}
	keep := func(key, name, usual string) {
		switch {
		case name == usual && f.Get(key) == "":
		case f.Get(key) == usual:
			set(f, key, "")
		case f.Get(key) == "":
			set(f, key, name)
		}
	}
	if f.Get("not null") != "" && l.Dialect.Version() >= 180000 {
		keep("not null name", table+"_"+column+"_not_null", f.ID.On+"_"+f.ID.Name+"_not_null")
	}
	if f.Get("identity") != "" {
		if rest, ok := strings.CutPrefix(f.Get("identity sequence"), Ident(from.Schema)+"."); ok && from.Kind == schema.Table {
			set(f, "identity sequence", Ident(f.ID.Schema)+"."+rest) // it moves with the table
		}
		keep("identity sequence", dotted(f.ID.Schema, table+"_"+column+"_seq"), dotted(f.ID.Schema, f.ID.On+"_"+f.ID.Name+"_seq"))
	}
}

// renamedArgs are argument types after a type got another name.
func renamedArgs(args string, from, to schema.ID) string {
	list := strings.Split(args, ", ")
	for i, arg := range list {
		base := strings.TrimSuffix(arg, "[]")
		if base == dotted(from.Schema, from.Name) {
			list[i] = dotted(to.Schema, to.Name) + arg[len(base):]
		}
	}
	return strings.Join(list, ", ")
}

// replaceNames writes a new name for each identifier that is the old one.
func replaceNames(sql string, from, to schema.ID) string {
	old, new := from.Name, to.Name
	if !strings.Contains(sql, old) {
		return sql
	}
	var b strings.Builder
	at := 0
	for t := range Tokens(sql, sqltext.Options{}) {
		word := sql[t.Start:t.End]
		plain := strings.ReplaceAll(strings.Trim(word, `"`), `""`, `"`)
		if from.Kind == schema.Sequence && word == text(dotted(from.Schema, old)) {
			b.WriteString(sql[at:t.Start])
			b.WriteString(text(dotted(to.Schema, new)))
			at = t.End
			continue
		}
		if plain == old && (t.Kind == sqltext.Word || strings.HasPrefix(word, `"`)) {
			b.WriteString(sql[at:t.Start])
			b.WriteString(Ident(new))
			at = t.End
		}
	}
	b.WriteString(sql[at:])
	return b.String()
}

// Script is SQL that makes the shape in an empty database, in an order in which
// it loads.
func Script(s schema.Schema) (diff.Plan, error) {
	return diff.Make(Empty(s.Version), s, Language{Dialect: New(s.Version), Bare: true}, diff.Options{})
}

// Empty is the shape of a database that was just created.
func Empty(version int) schema.Schema {
	return schema.New("postgres", version, []schema.Fact{{ID: schema.ID{Kind: schema.Namespace, Name: "public"}}})
}
