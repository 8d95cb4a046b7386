package sqlite

import (
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

var _ diff.Archiver = Language{}

// Aside is another name beside the others. A column whose values follow from
// others has none to be kept.
func (l Language) Aside(f *schema.Fact, tag string) (schema.ID, bool) {
	id := f.ID
	id.Name = diff.ArchivePrefix + tag + "_" + id.Name
	switch id.Kind {
	case schema.Table:
		return id, true
	case schema.Column:
		return id, f.Get(Generated) == ""
	}
	return id, false
}

// Goes: foreign keys would bind others, code is not run there, and the names of
// indexes are those of the whole file, and may be wanted again.
func (l Language) Goes(f *schema.Fact) bool {
	return f.ID.Kind == schema.Column || f.ID.Kind == schema.Constraint && f.Get(Type) != ForeignKey
}

// Idle lets a column have no value: nobody gives it one any more, and it has none
// when it is purged.
func (l Language) Idle(f schema.Fact, aside schema.ID, _ schema.Schema) schema.Fact {
	if aside.Kind == schema.Column && f.ID.Kind == schema.Column {
		f.Attrs = f.Attrs.With(NotNull, "").With(NotNullName, "").With(NotNullConflict, "")
	}
	return f
}

// Marks is an empty table: a table is written anew with all of its columns by name,
// so that none may be gone in one database and not in another.
func (l Language) Marks(column schema.ID) []schema.Fact {
	name := column.Name + " of " + column.On
	return []schema.Fact{{ID: schema.ID{Kind: schema.Table, Name: name}},
		{ID: schema.ID{Kind: schema.Column, On: name, Name: "kept"}, Of: schema.Table, Order: 1}}
}

// Along is nothing: a table takes along what is on it.
func (l Language) Along(*schema.Fact) bool { return false }
