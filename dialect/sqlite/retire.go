package sqlite

import (
	"strings"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/sqltext"
)

var (
	_ dialect.Retirer = Dialect{}
	_ dialect.Hider   = Dialect{}
	_ dialect.Clinger = Dialect{}
)

// Clings are constraints of the table, which go with the table only.
func (d Dialect) Clings(table plan.Name, columns []string) string {
	arg := d.Literal(table.Name)
	if table.Schema != "" {
		arg += ", " + d.Literal(table.Schema)
	}
	within := ", " + d.Literal(table.Schema)
	if table.Schema == "" {
		within = ""
	}
	var names []string
	for _, c := range columns {
		names = append(names, d.Literal(strings.ToLower(c)))
	}
	in := " IN (" + strings.Join(names, ", ") + ")"
	return "SELECT x.name, 'a UNIQUE constraint' FROM pragma_index_list(" + arg + ") i JOIN pragma_index_info(i.name" + within + ") x WHERE i.origin = 'u' AND lower(x.name)" + in +
		" UNION ALL SELECT c.name, 'the PRIMARY KEY' FROM pragma_table_info(" + arg + ") c WHERE c.pk > 0 AND lower(c.name)" + in +
		" UNION ALL SELECT f.\"from\", 'a FOREIGN KEY' FROM pragma_foreign_key_list(" + arg + ") f WHERE lower(f.\"from\")" + in
}

// Made reads the schema, which keeps the statement as text.
func (d Dialect) Made(table plan.Name) string {
	from := "sqlite_master"
	if table.Schema != "" {
		from = d.Quote(table.Schema) + "." + from
	}
	return "SELECT sql FROM " + from + " WHERE type = 'table' AND lower(name) = lower(" + d.Literal(table.Name) + ")"
}

// Without makes a temporary table of what stands behind the name; the columns go the
// last first, since all but the last one of a table can.
func (d Dialect) Without(made string, columns []string) []string {
	const name = `temp."bellows_without"`
	for t := range Tokens(made, sqltext.Options{}) {
		if made[t.Start:t.End] != "(" {
			continue
		}
		out := []string{"CREATE TABLE " + name + " " + made[t.Start:]}
		for _, c := range columns {
			out = append(out, "ALTER TABLE "+name+" DROP COLUMN "+d.Quote(c))
		}
		return out
	}
	return nil
}

// Retire renames columns. One that must not be null and has no default would
// make an INSERT that does not know it fail, so that is taken from it first.
func (d Dialect) Retire(table plan.Name, columns []dialect.Column, names []string) []string {
	var out []string
	for i, c := range columns {
		if c.Default == "" && c.Made == "" {
			out = append(out, d.nullable(d.qualified(table), c.Name)) // also where sync has done so: its end undoes it
		}
		out = append(out, d.Rename(table, []string{c.Name}, names[i:i+1])...)
	}
	return out
}

// nullable changes the text of the schema only; it may be said again.
func (d Dialect) nullable(table, column string) string {
	return "ALTER TABLE " + table + " ALTER COLUMN " + d.Quote(column) + " DROP NOT NULL"
}

// Recall renames them back.
func (d Dialect) Recall(table plan.Name, columns []dialect.Column, names []string) []string {
	var out []string
	for i, c := range columns {
		out = append(out, d.Rename(table, names[i:i+1], []string{c.Name})...)
	}
	return out
}

// Hide renames the columns, in the triggers too: the database does that.
func (d Dialect) Hide(s dialect.Sync, columns, names []string) []string {
	return d.Rename(s.Table, columns, names)
}

// Unhide makes the triggers anew, because a rename spells them otherwise.
func (d Dialect) Unhide(s dialect.Sync, columns, names []string) []string {
	return append(d.Rename(s.Table, names, columns), d.SyncPolicy(s)...)
}

// Unhideable: nobody else follows the names of columns.
func (d Dialect) Unhideable(dialect.Sync) string { return "" }

// Require gives nothing: as long as sync is on its triggers demand values of the
// old side, and its end makes the columns NOT NULL again.
func (d Dialect) Require(plan.Name, []dialect.Column) []string { return nil }

// Discard drops the indexes over the columns first, which would stop it.
func (d Dialect) Discard(table plan.Name, columns []dialect.Column) []string {
	var out []string
	gone := map[string]bool{}
	for _, c := range columns {
		for _, x := range c.Indexes {
			if !gone[x.Name] {
				out = append(out, "DROP INDEX IF EXISTS "+d.qualified(plan.Name{Schema: table.Schema, Name: x.Name}))
			}
			gone[x.Name] = true
		}
	}
	for _, c := range columns {
		out = append(out, "ALTER TABLE "+d.qualified(table)+" DROP COLUMN "+d.Quote(c.Name))
	}
	return out
}

// Rename renames one column a statement.
func (d Dialect) Rename(table plan.Name, from, to []string) []string {
	var out []string
	for i := range from {
		out = append(out, "ALTER TABLE "+d.qualified(table)+" RENAME COLUMN "+d.Quote(from[i])+" TO "+d.Quote(to[i]))
	}
	return out
}

func (d Dialect) qualified(n plan.Name) string {
	if n.Schema == "" {
		return d.Quote(n.Name)
	}
	return d.Quote(n.Schema) + "." + d.Quote(n.Name)
}
