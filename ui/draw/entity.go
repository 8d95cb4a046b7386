package draw

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/schema"
)

// entity is a table as a picture shows it.
type entity struct {
	id      schema.ID
	title   string
	columns []entityColumn
}

type entityColumn struct {
	name, kind       string
	key, ref, filled bool // part of the primary key, of a foreign key; never null
}

// reference is a foreign key, from the table that has it to the one it is about.
type reference struct {
	from, to         int
	columns          []string
	single, optional bool // at most one row refers to a row; a row need not refer to any
}

// entities are the tables of a schema and what refers to what.
func entities(s schema.Schema) ([]entity, []reference) {
	var all []entity
	at, schemas := map[schema.ID]int{}, map[string]bool{}
	facts := s.Facts()
	for i := range facts {
		if id := facts[i].ID; id.Kind == schema.Table || id.Kind == schema.ForeignTable {
			at[id] = len(all)
			schemas[id.Schema] = true
			all = append(all, entity{id: id, title: id.Name})
		}
	}
	for i := range all {
		e := &all[i]
		if len(schemas) > 1 {
			e.title = e.id.Path()
		}
		for _, c := range s.On(schema.Column, e.id.Schema, e.id.Name) {
			e.columns = append(e.columns, entityColumn{name: c.ID.Name, kind: c.Get("type"), filled: c.Get("not null") != ""})
		}
	}
	unique := map[schema.ID][][]string{}
	var keys []*schema.Fact
	for i := range facts {
		f := &facts[i]
		n, ok := at[f.Parent()]
		switch kind := f.Get("type"); {
		case !ok || f.ID.Kind != schema.Constraint && f.ID.Kind != schema.Index:
		case kind == "foreign key":
			keys = append(keys, f)
		case kind == "primary key" || kind == "unique" || f.Get("unique") != "":
			unique[f.Parent()] = append(unique[f.Parent()], columnsOf(f))
			if kind == "primary key" {
				all[n].each(columnsOf(f), func(c *entityColumn) { c.key, c.filled = true, true })
			}
		}
	}
	var refs []reference
	for _, f := range keys {
		from := at[f.Parent()]
		r := reference{from: from, to: from, columns: columnsOf(f)}
		for _, need := range f.Needs {
			if n, ok := at[schema.ID{Kind: schema.Table, Schema: need.Schema, Name: tableOf(need)}]; ok && n != from {
				r.to = n
			}
		}
		r.single = slices.ContainsFunc(unique[f.Parent()], func(u []string) bool { return slices.Equal(u, r.columns) })
		all[from].each(r.columns, func(c *entityColumn) { c.ref = true; r.optional = r.optional || !c.filled })
		refs = append(refs, r)
	}
	return all, refs
}

// tableOf is the table that an object is, or lives on.
func tableOf(id schema.ID) string {
	if id.On != "" {
		return id.On
	}
	return id.Name
}

// columnsOf are the columns of a key, which a dialect lists, or has in a definition.
func columnsOf(f *schema.Fact) []string {
	list := schema.Items(f.Get("columns"))
	if list == nil {
		_, rest, _ := strings.Cut(f.Get("definition"), "(")
		inside, _, _ := strings.Cut(rest, ")")
		list = strings.Split(inside, ", ")
	}
	names := make([]string, len(list))
	for i, name := range list {
		names[i] = strings.Trim(name, "`\"")
	}
	return names
}

// each calls do for the columns of those names.
func (e *entity) each(names []string, do func(*entityColumn)) {
	for i := range e.columns {
		if slices.Contains(names, e.columns[i].name) {
			do(&e.columns[i])
		}
	}
}

// marks are the letters beside a column.
func (c entityColumn) marks() []string {
	var m []string
	if c.key {
		m = append(m, "PK")
	}
	if c.ref {
		m = append(m, "FK")
	}
	return m
}

// EntityMermaid draws the tables of a schema as a Mermaid entity diagram, with
// their columns, keys and foreign keys. Views and all else are left out.
func EntityMermaid(s schema.Schema) string {
	all, refs := entities(s)
	var b strings.Builder
	b.WriteString("erDiagram\n")
	for i, e := range all {
		fmt.Fprintf(&b, "  t%d[\"%s\"]", i, mermaidText(e.title))
		if len(e.columns) == 0 {
			b.WriteByte('\n')
			continue
		}
		b.WriteString(" {\n")
		for _, c := range e.columns {
			kind := mermaidWord(c.kind)
			if kind == "" {
				kind = "any"
			}
			line := "    " + kind + " " + mermaidWord(c.name)
			if m := c.marks(); m != nil {
				line += " " + strings.Join(m, ", ")
			}
			if mermaidWord(c.name) != c.name {
				line += " \"" + strings.NewReplacer(`"`, "'", "\\", "/").Replace(clean(c.name)) + "\""
			}
			b.WriteString(line + "\n")
		}
		b.WriteString("  }\n")
	}
	for _, r := range refs {
		parent, child := "||", "o{"
		if r.optional {
			parent = "|o"
		}
		if r.single {
			child = "o|"
		}
		fmt.Fprintf(&b, "  t%d %s--%s t%d : \"%s\"\n", r.to, parent, child, r.from, mermaidText(strings.Join(r.columns, ", ")))
	}
	return b.String()
}

// mermaidWord is a text as Mermaid takes it for a type or an attribute.
func mermaidWord(text string) string {
	word := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-()[]", r):
			return r
		}
		return '_'
	}, text)
	if word != "" && (word[0] < 'A' || word[0] > 'z' || word[0] == '[') {
		word = "_" + word
	}
	return word
}
