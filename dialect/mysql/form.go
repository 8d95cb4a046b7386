package mysql

import (
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
)

var _ dialect.Former = Dialect{}

// Form writes an everyday change. What a contract does is one ALTER TABLE, which
// takes effect as a whole.
func (d Dialect) Form(f dialect.Form) (dialect.Steps, error) {
	s, ok := dialect.Everyday(f, "varchar(255)", dialect.Texts{
		Join:  "NULLIF(TRIM(CONCAT(COALESCE(%[1]s, ''), ' ', COALESCE(%[2]s, ''))), '')",
		First: "NULLIF(SUBSTRING_INDEX(%[1]s, ' ', 1), '')",
		Rest:  "NULLIF(SUBSTRING(%[1]s, LOCATE(' ', CONCAT(%[1]s, ' ')) + 1), '')",
	})
	switch {
	case !ok:
		return s, fault.New(fault.Unsupported, "a key that counts by itself cannot be changed in steps on %s: a trigger that runs before the row is written does not know the number yet", d.Name()).
			Try("ALTER TABLE %s MODIFY %s BIGINT AUTO_INCREMENT copies the table while writers wait; or change it on a replica that takes over", f.Table, f.Old[0])
	case f.Kind == dialect.FormType, f.Kind == dialect.FormNotNull:
		s.Contract = "ALTER TABLE " + f.Table + " DROP COLUMN " + f.Old[0] + ", RENAME COLUMN " + f.New[0] + " TO " + f.Old[0] + ";"
	}
	return s, nil
}
