package postgres

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

// quiet are, by kind, the attributes whose change is nothing to what needs the fact,
// beside those of every kind.
var quiet = map[schema.Kind][]string{
	schema.Column: {"not null", "not null name", "not null not valid", "not null inherited", "statistics", "storage", "compression", "options"},
	schema.Table:  {"options", "toast options", "row security", "row security forced"},
	schema.Enum:   {"labels"},
}

// Waits tells whether something must wait for a change. What takes long on a large
// table, a column that becomes NOT NULL, would hold up all that needs the column.
func (l Language) Waits(c *diff.Change, f *schema.Fact, w *diff.World) bool {
	for _, key := range c.Keys {
		switch {
		case key == schema.Comment || key == schema.ACL:
		case !slices.Contains(quiet[c.ID().Kind], key):
			return true
		case strings.HasPrefix(key, "not null") && needsNotNull(f, w):
			return true
		case key == "labels" && (!onlyAdds(c) || speaksOf(f, added(c))):
			return true
		}
	}
	return false
}

// needsNotNull tells whether the server wants a column to be NOT NULL for a fact.
func needsNotNull(f *schema.Fact, w *diff.World) bool {
	switch f.ID.Kind {
	case schema.Constraint:
		return f.Get("type") == "primary key"
	case schema.Index:
		return len(w.Before.On(replicaIdentity, f.ID.Schema, f.ID.On))+len(w.After.On(replicaIdentity, f.ID.Schema, f.ID.On)) > 0
	case schema.Partition, schema.Column, replicaIdentity:
		return true
	}
	return false
}

// added are the labels that an enum gets.
func added(c *diff.Change) []string {
	old := schema.Items(c.Before.Get("labels"))
	return slices.DeleteFunc(schema.Items(c.After.Get("labels")), func(label string) bool { return slices.Contains(old, label) })
}

// speaksOf tells whether one of some words may be in what a fact says.
func speaksOf(f *schema.Fact, words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool {
		return strings.ContainsAny(word, "'\\\"\n") || slices.ContainsFunc(f.Attrs, func(a schema.Attr) bool { return strings.Contains(a.Value, word) })
	})
}
