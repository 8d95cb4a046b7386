package mysql

import "github.com/bellowsdb/bellows/dialect"

var _ dialect.Former = Dialect{}

// Form writes an everyday change. What a contract does is one ALTER TABLE, which
// takes effect as a whole.
func (d Dialect) Form(f dialect.Form) (dialect.Steps, error) {
	if f.Kind == dialect.FormMove {
		return dialect.Move(f, "bigint"), nil
	}
	s, ok := dialect.Everyday(f, "varchar(255)", dialect.Texts{
		Join:  "NULLIF(TRIM(CONCAT(COALESCE(%[1]s, ''), ' ', COALESCE(%[2]s, ''))), '')",
		First: "NULLIF(SUBSTRING_INDEX(%[1]s, ' ', 1), '')",
		Rest:  "NULLIF(SUBSTRING(%[1]s, LOCATE(' ', CONCAT(%[1]s, ' ')) + 1), '')",
	})
	switch {
	case !ok:
		return d.keyForm(f), nil
	case f.Kind == dialect.FormType, f.Kind == dialect.FormNotNull:
		s.Contract = "ALTER TABLE " + f.Table + " DROP COLUMN " + f.Old[0] + ", RENAME COLUMN " + f.New[0] + " TO " + f.Old[0] + ";"
	}
	return s, nil
}

// keyForm widens a key that counts by itself. There is no contract section: the
// counter, the primary key and the foreign keys to it are found in the catalog when
// the contract comes.
func (d Dialect) keyForm(f dialect.Form) dialect.Steps {
	kind := f.Type
	if kind == "" {
		kind = "bigint"
	}
	native := "ALTER TABLE " + f.Table + " MODIFY " + f.Old[0] + " " + kind + " NOT NULL AUTO_INCREMENT, ALGORITHM=COPY, LOCK=SHARED;"
	s := dialect.Steps{
		Form:     "key",
		Expand:   "ALTER TABLE " + f.Table + " ADD COLUMN " + f.New[0] + " " + kind + " NOT NULL DEFAULT 0;",
		Forward:  f.New[0] + " = " + f.Old[0],
		Backward: f.Old[0] + " = " + f.New[0],
		Hold:     "every instance takes " + f.Old[0] + " as " + kind,
		Notes: []string{
			"At the contract the database copies " + f.Table + ", and each table that refers to it by a foreign key, whose column gets the new type with it. " +
				"Readers and writers of these tables wait as long as that takes: no column begins to count without a copy, and none of them may be seen half done. " +
				"Until the purge bellows change undo takes it back the same way.",
			"Where no foreign key refers to " + f.Table + " the database's own statement is the better one, because readers go on while it copies: " + native +
				" From MariaDB 11.2 on it takes LOCK=NONE instead, and writers go on, too. This change is for keys that others refer to, which that statement refuses, and for a way back.",
			"If " + f.Old[0] + " is unsigned, so should be the new type: --type 'bigint unsigned'.",
		},
	}
	return s
}
