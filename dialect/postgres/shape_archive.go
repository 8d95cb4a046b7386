package postgres

import (
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/sqltext"
)

var _ diff.Archiver = Language{}

// longest is how many bytes a name can have.
const longest = 63

// Aside is a schema made for the tables of one schema that go at one time, with
// what goes with them; a column stays in its table under another name. A column
// whose values follow from others has none to be kept.
func (l Language) Aside(f *schema.Fact, tag string) (schema.ID, bool) {
	id := f.ID
	if id.Kind == schema.Column {
		id.Name = diff.Shortened(diff.ArchivePrefix+tag+"_"+id.Name, longest)
		return id, generated(f) == "" && f.Get("inherited") == ""
	}
	id.Schema = diff.Shortened(diff.ArchivePrefix+tag+"_"+id.Schema, longest)
	return id, true
}

// Goes: foreign keys would bind others, and code is not run there.
func (l Language) Goes(f *schema.Fact) bool {
	switch f.ID.Kind {
	case schema.Constraint:
		return f.Get("type") != "foreign key"
	case schema.Column, schema.Default, schema.Index, schema.Partition, replicaIdentity, clusterOn:
		return true
	}
	return false
}

// Idle lets go of the parents of a table, and of the NOT NULL of a column that
// nobody gives a value any more.
func (l Language) Idle(f schema.Fact, aside schema.ID, before schema.Schema) schema.Fact {
	if aside.Kind == schema.Table {
		for _, key := range []string{"inherited", "parent", "not null inherited"} {
			set(&f, key, "")
		}
		return f
	}
	value := f.ID
	value.Kind = schema.Default
	if _, ok := before.Find(value); f.ID.Kind == schema.Column && !ok && f.Get("identity") == "" {
		for _, key := range []string{"not null", "not null name", "not null no inherit", "not null not valid", "not null inherited"} {
			set(&f, key, "")
		}
	}
	return f
}

// Marks are not needed: no statement names a column that it is not about.
func (l Language) Marks(schema.ID) []schema.Fact { return nil }

// Along are the sequences of columns, which move to another schema with the table.
func (l Language) Along(f *schema.Fact) bool { return f.ID.Kind == schema.Sequence }

// resettled writes the new schema before a name that has moved there.
func resettled(sql string, from, to schema.ID) string {
	old := dotted(from.Schema, from.Name)
	if !strings.Contains(sql, from.Name) || from.Schema == "" {
		return sql
	}
	var tokens []sqltext.Token
	for t := range Tokens(sql, sqltext.Options{}) {
		if t.Kind != sqltext.Space && t.Kind != sqltext.Comment {
			tokens = append(tokens, t)
		}
	}
	word := func(i int) string { return sql[tokens[i].Start:tokens[i].End] }
	plain := func(i int) string { return strings.ReplaceAll(strings.Trim(word(i), `"`), `""`, `"`) }
	var b strings.Builder
	at := 0
	for i := range tokens {
		switch {
		case word(i) == text(old):
			b.WriteString(sql[at:tokens[i].Start] + text(dotted(to.Schema, to.Name)))
			at = tokens[i].End
		case i+2 < len(tokens) && plain(i) == from.Schema && word(i+1) == "." && plain(i+2) == from.Name && (i == 0 || word(i-1) != "."):
			b.WriteString(sql[at:tokens[i].Start] + Ident(to.Schema))
			at = tokens[i].End
		}
	}
	return b.String() + sql[at:]
}
