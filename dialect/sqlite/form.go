package sqlite

import (
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
)

var _ dialect.Former = Dialect{}

// Form writes an everyday change.
func (d Dialect) Form(f dialect.Form) (dialect.Steps, error) {
	if f.Kind == dialect.FormMove {
		return dialect.Move(f, "INTEGER"), nil
	}
	s, ok := dialect.Everyday(f, "TEXT", dialect.Texts{
		Join:  "nullif(trim(coalesce(%[1]s, '') || ' ' || coalesce(%[2]s, '')), '')",
		First: "nullif(substr(%[1]s, 1, instr(%[1]s || ' ', ' ') - 1), '')",
		Rest:  "nullif(substr(%[1]s, instr(%[1]s || ' ', ' ') + 1), '')",
	})
	switch {
	case !ok:
		return s, fault.New(fault.Unsupported, "%s of %s needs no wider type: SQLite keeps every integer with 64 bits, a key too, whatever its column's type is called", f.Old[0], f.Table).
			Try("there is nothing to change in the database; look that applications read it into 64 bits")
	case f.Kind == dialect.FormType, f.Kind == dialect.FormNotNull:
		s.Contract = "ALTER TABLE " + f.Table + " DROP COLUMN " + f.Old[0] + ";\nALTER TABLE " + f.Table + " RENAME COLUMN " + f.New[0] + " TO " + f.Old[0] + ";"
	}
	return s, nil
}
