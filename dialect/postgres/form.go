package postgres

import (
	"fmt"
	"strings"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/sqltext"
)

var _ dialect.Former = Dialect{}

// Form writes an everyday change. All expressions are immutable, so that a
// constraint can prove the sides alike.
func (d Dialect) Form(f dialect.Form) (dialect.Steps, error) {
	if f.Kind == dialect.FormMove {
		return dialect.Move(f, "bigint"), nil
	}
	s, ok := dialect.Everyday(f, "text", dialect.Texts{
		Join:  "nullif(btrim(coalesce(%[1]s, '') || ' ' || coalesce(%[2]s, '')), '')",
		First: "nullif(split_part(%[1]s, ' ', 1), '')",
		Rest:  "nullif(substr(%[1]s, strpos(%[1]s || ' ', ' ') + 1), '')",
	})
	switch {
	case !ok:
		return d.keyForm(f), nil
	case f.Kind == dialect.FormType, f.Kind == dialect.FormNotNull:
		s.Contract = swapNames(f, "")
	}
	return s, nil
}

// swapNames gives the new column the old one's name and drops the old one.
func swapNames(f dialect.Form, between string) string {
	was := dialect.Beside(f.Old[0], "_was")
	return "ALTER TABLE " + f.Table + " RENAME COLUMN " + f.Old[0] + " TO " + was + ";\n" +
		"ALTER TABLE " + f.Table + " RENAME COLUMN " + f.New[0] + " TO " + f.Old[0] + ";\n" + between +
		"ALTER TABLE " + f.Table + " DROP COLUMN " + was + ";"
}

// keyForm widens a key that a sequence counts, by the names that serial gives. The
// column is there from the start with a default that no key has, so that making it
// NOT NULL later reads nothing.
func (d Dialect) keyForm(f dialect.Form) dialect.Steps {
	kind := f.Type
	if kind == "" {
		kind = "bigint"
	}
	table, old, new := sqltext.Name(lastPart(f.Table)), sqltext.Name(f.Old[0]), sqltext.Name(f.New[0])
	schema := strings.TrimSuffix(f.Table, lastPart(f.Table))
	plain := func(name string) string { return schema + plainName(d, name) }
	sequence, key, index := plain(table+"_"+old+"_seq"), plainName(d, table+"_pkey"), plainName(d, table+"_"+new+"_key")
	var drop, add string
	for _, r := range f.References {
		at := strings.LastIndex(r, ".")
		child, column := r[:at], r[at+1:]
		constraint := plainName(d, sqltext.Name(lastPart(child))+"_"+sqltext.Name(column)+"_fkey")
		drop += fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s;\n", child, constraint)
		add += fmt.Sprintf("\nALTER TABLE %s ADD CONSTRAINT %s FOREIGN KEY (%s) REFERENCES %s (%s) NOT VALID;", child, constraint, column, f.Table, f.Old[0])
	}
	alter := "ALTER TABLE " + f.Table + " "
	s := dialect.Steps{
		Expand:   alter + "ADD COLUMN " + f.New[0] + " " + kind + " NOT NULL DEFAULT 0;",
		Forward:  f.New[0] + " = " + f.Old[0],
		Backward: f.Old[0] + " = " + f.New[0],
		Hold:     "every instance takes " + f.Old[0] + " as " + kind,
		Contract: drop +
			alter + "ALTER COLUMN " + f.New[0] + " DROP DEFAULT;\n" +
			"ALTER SEQUENCE " + sequence + " AS " + kind + " OWNED BY " + f.Table + "." + f.New[0] + ";\n" +
			alter + "ALTER COLUMN " + f.New[0] + " SET DEFAULT nextval(" + d.Literal(sequence) + ");\n" +
			alter + "DROP CONSTRAINT " + key + ";\n" +
			alter + "ADD CONSTRAINT " + key + " PRIMARY KEY USING INDEX " + index + ";\n" +
			alter + "ALTER COLUMN " + f.Old[0] + " DROP DEFAULT;\n" +
			swapNames(f, "") + add,
		Notes: []string{
			"Before the contract the new column wants its index, in a migration of its own that begins with -- migrate:needs and this one's id and :backfill: " +
				"CREATE UNIQUE INDEX CONCURRENTLY " + index + " ON " + f.Table + " (" + f.New[0] + ");",
			"The names are those that serial and PRIMARY KEY give; \\d " + f.Table + " tells whether yours are others. An identity column is counted otherwise: DROP IDENTITY, ADD GENERATED and setval take the place of the sequence's lines.",
		},
	}
	if len(f.References) > 0 {
		s.Notes = append(s.Notes, "After the contract a migration of its own proves the references: ALTER TABLE … VALIDATE CONSTRAINT …; until then they hold for new rows only. "+
			"The columns that refer here may be changed by the form type, each by itself, before the key outgrows them.")
	}
	return s
}

// lastPart is a name without its schema.
func lastPart(name string) string {
	if at := strings.LastIndex(name, "."); at >= 0 && strings.Count(name[at:], `"`)%2 == 0 {
		return name[at+1:]
	}
	return name
}

// plainName quotes a name only where it must be.
func plainName(d Dialect, name string) string {
	if name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == "" && (name[0] < '0' || name[0] > '9') {
		return name
	}
	return d.Quote(name)
}
