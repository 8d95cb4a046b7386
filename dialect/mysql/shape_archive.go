package mysql

import (
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

var _ diff.Archiver = Language{}

// longest is how many characters a name can have; bytes are no fewer.
const longest = 64

// Aside is another name beside the others. A column whose values follow from
// others, or are the server's own, has none to be kept.
func (l Language) Aside(f *schema.Fact, tag string) (schema.ID, bool) {
	id := f.ID
	id.Name = diff.Shortened(diff.ArchivePrefix+tag+"_"+id.Name, longest)
	switch id.Kind {
	case schema.Table:
		return id, true
	case schema.Column:
		return id, f.Get(Generated) == "" && !strings.Contains(f.Get(More), "ROW")
	}
	return id, false
}

// Goes: foreign keys would bind others, and code is not run there. The names of
// MySQL's checks are those of the whole database, and may be wanted again.
func (l Language) Goes(f *schema.Fact) bool {
	switch f.ID.Kind {
	case schema.Constraint:
		return f.Get(Type) != ForeignKey && (l.Dialect.Flavour() == MariaDB || f.Get(Type) == PrimaryKey)
	case schema.Column, schema.Index:
		return true
	}
	return false
}

// Idle lets a column have no value, where nobody gives it one any more, and lets
// nothing change those that it has.
func (l Language) Idle(f schema.Fact, aside schema.ID, _ schema.Schema) schema.Fact {
	if aside.Kind != schema.Column || f.ID.Kind != schema.Column {
		return f
	}
	f.Attrs = f.Attrs.With(AutoIncrement, "").With(OnUpdateNow, "").With(Check, "")
	if f.Get(Default) == "" {
		f.Attrs = f.Attrs.With(NotNull, "")
	}
	return f
}

// Marks are not needed: no statement names a column that it is not about.
func (l Language) Marks(schema.ID) []schema.Fact { return nil }

// Along is nothing: a table takes along what is on it.
func (l Language) Along(*schema.Fact) bool { return false }
