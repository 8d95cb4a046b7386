package sqlite

import (
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
)

var _ dialect.Retirer = Dialect{}

// Retire renames columns. One that must not be null and has no default would
// make an INSERT that does not know it fail, and its NOT NULL cannot be taken
// away: its values move into a new column, and it is dropped, which writes the
// table twice.
func (d Dialect) Retire(table plan.Name, columns []dialect.Column, names []string) []string {
	var out []string
	for i, c := range columns {
		if !c.NotNull || c.Default != "" {
			out = append(out, d.Rename(table, []string{c.Name}, names[i:i+1])...)
			continue
		}
		out = append(out, d.move(table, c.Name, names[i], c)...)
	}
	return out
}

// move copies a column's values into a new column, and drops it.
func (d Dialect) move(table plan.Name, from, to string, c dialect.Column) []string {
	t := d.qualified(table)
	out := []string{"ALTER TABLE " + t + " ADD COLUMN " + d.Quote(to) + " " + c.Type, "UPDATE " + t + " SET " + d.Quote(to) + " = " + d.Quote(from)}
	for _, x := range c.Indexes {
		out = append(out, "DROP INDEX "+d.qualified(plan.Name{Schema: table.Schema, Name: x.Name}))
	}
	return append(out, "ALTER TABLE "+t+" DROP COLUMN "+d.Quote(from))
}

// Recall renames them back, and makes again the indexes that were in the way.
func (d Dialect) Recall(table plan.Name, columns []dialect.Column, names []string) []string {
	var out []string
	made := map[string]bool{}
	for i, c := range columns {
		out = append(out, d.Rename(table, names[i:i+1], []string{c.Name})...)
	}
	for _, c := range columns {
		if !c.NotNull || c.Default != "" {
			continue
		}
		for _, x := range c.Indexes {
			if !made[x.Name] {
				out = append(out, x.SQL)
			}
			made[x.Name] = true
		}
	}
	return out
}

// Require gives nothing: a column that is there cannot be made NOT NULL here
// without a new table.
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
