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

// Idle lets a column have no value, where nobody gives it one any more.
func (l Language) Idle(f schema.Fact, aside schema.ID, _ schema.Schema) schema.Fact {
	if aside.Kind == schema.Column && f.ID.Kind == schema.Column && f.Get(Default) == "" {
		f.Attrs = f.Attrs.With(NotNull, "").With(NotNullName, "").With(NotNullConflict, "")
	}
	return f
}

// Along is nothing: a table takes along what is on it.
func (l Language) Along(*schema.Fact) bool { return false }
