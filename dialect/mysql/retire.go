package mysql

import (
	"strings"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
)

var (
	_ dialect.Retirer = Dialect{}
	_ dialect.Hider   = Dialect{}
)

// Hide renames the columns and makes the triggers anew for the names that they have
// meanwhile. Between the two every write fails, so the table has to be held.
func (d Dialect) Hide(s dialect.Sync, columns, names []string) []string {
	y := d.sync(s)
	y.away = map[string]string{}
	for i, c := range columns {
		y.away[c] = names[i]
	}
	return append(d.Rename(s.Table, columns, names), y.triggers()...)
}

// Unhide renames them back, and makes the triggers as SyncOn does.
func (d Dialect) Unhide(s dialect.Sync, columns, names []string) []string {
	return append(d.Rename(s.Table, names, columns), d.SyncPolicy(s)...)
}

// Unhideable: replicas follow columns by number. Triggers of two tables are not made
// anew for other names.
func (d Dialect) Unhideable(s dialect.Sync) string {
	if s.Moves() {
		return "SELECT 'the triggers on the other table read these columns by their names'"
	}
	return ""
}

// Retire is one ALTER TABLE, which takes effect as a whole or not at all.
func (d Dialect) Retire(table plan.Name, columns []dialect.Column, names []string) []string {
	var changes []string
	for i, c := range columns {
		changes = append(changes, "CHANGE COLUMN "+d.Quote(c.Name)+" "+d.Quote(names[i])+" "+c.Type+" NULL")
	}
	return d.alterTable(table, changes)
}

// Recall gives the columns back what was said of them, but for NOT NULL.
func (d Dialect) Recall(table plan.Name, columns []dialect.Column, names []string) []string {
	var changes []string
	for i, c := range columns {
		changes = append(changes, "CHANGE COLUMN "+d.Quote(names[i])+" "+d.Quote(c.Name)+" "+d.definition(c, "NULL"))
	}
	return d.alterTable(table, changes)
}

// Require writes the table anew beside the writers.
func (d Dialect) Require(table plan.Name, columns []dialect.Column) []string {
	var changes []string
	for _, c := range columns {
		if c.NotNull {
			changes = append(changes, "MODIFY COLUMN "+d.Quote(c.Name)+" "+d.definition(c, "NOT NULL"))
		}
	}
	return d.alterTable(table, changes)
}

// definition is what stands behind a column's name.
func (d Dialect) definition(c dialect.Column, null string) string {
	s := c.Type + " " + null
	if c.Default != "" && c.Made == "" {
		s += " DEFAULT " + c.Default
	}
	if c.Extra != "" {
		s += " " + c.Extra
	}
	return s
}

// Discard is one ALTER TABLE.
func (d Dialect) Discard(table plan.Name, columns []dialect.Column) []string {
	var changes []string
	for _, c := range columns {
		changes = append(changes, "DROP COLUMN "+d.Quote(c.Name))
	}
	return d.alterTable(table, changes)
}

// Rename is one ALTER TABLE.
func (d Dialect) Rename(table plan.Name, from, to []string) []string {
	var changes []string
	for i := range from {
		changes = append(changes, "RENAME COLUMN "+d.Quote(from[i])+" TO "+d.Quote(to[i]))
	}
	return d.alterTable(table, changes)
}

func (d Dialect) alterTable(table plan.Name, changes []string) []string {
	if len(changes) == 0 {
		return nil
	}
	name := d.Quote(table.Name)
	if table.Schema != "" {
		name = d.Quote(table.Schema) + "." + name
	}
	return []string{"ALTER TABLE " + name + " " + strings.Join(changes, ", ")}
}
