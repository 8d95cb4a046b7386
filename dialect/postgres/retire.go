package postgres

import (
	"strings"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
)

var (
	_ dialect.Retirer = Dialect{}
	_ dialect.Hider   = Dialect{}
)

// Retire is done in the catalog alone: no row is read or written.
func (d Dialect) Retire(table plan.Name, columns []dialect.Column, names []string) []string {
	var changes []string
	for _, c := range columns {
		q := d.Quote(c.Name)
		if c.NotNull {
			changes = append(changes, "ALTER COLUMN "+q+" DROP NOT NULL")
		}
		if c.Default != "" && c.Made == "" {
			changes = append(changes, "ALTER COLUMN "+q+" DROP DEFAULT")
		}
	}
	return append(d.alter(table, changes), d.Rename(table, namesOf(columns), names)...)
}

// Recall is done in the catalog alone.
func (d Dialect) Recall(table plan.Name, columns []dialect.Column, names []string) []string {
	var changes []string
	for _, c := range columns {
		if c.Default != "" && c.Made == "" {
			changes = append(changes, "ALTER COLUMN "+d.Quote(c.Name)+" SET DEFAULT "+c.Default)
		}
	}
	return append(d.Rename(table, names, namesOf(columns)), d.alter(table, changes)...)
}

// Hide renames the columns, and replaces the function by one that knows the names
// they have meanwhile; the triggers know columns by number.
func (d Dialect) Hide(s dialect.Sync, columns, names []string) []string {
	y := d.sync(s)
	y.away = map[string]string{}
	for i, c := range columns {
		y.away[c] = names[i]
	}
	if s.Moves() {
		return append(d.Rename(s.Table, columns, names), moved{y, d.sync(s.Far())}.functions()...)
	}
	return append(d.Rename(s.Table, columns, names), y.syncFunction())
}

// Unhide renames them back.
func (d Dialect) Unhide(s dialect.Sync, columns, names []string) []string {
	return append(d.Rename(s.Table, names, columns), d.SyncPolicy(s)...)
}

// Unhideable are publications: what is written meanwhile reaches subscribers under
// the other names, also after the columns are back, and stops them.
func (d Dialect) Unhideable(s dialect.Sync) string {
	return "SELECT 'it is in the publication ' || p.pubname || ', whose subscribers stop at the other names' FROM pg_catalog.pg_publication_tables p WHERE p.schemaname = " +
		d.Literal(s.Table.Schema) + " AND p.tablename = " + d.Literal(s.Table.Name) + " ORDER BY 1"
}

// Require lets a constraint look at the rows without stopping anybody; SET NOT
// NULL then believes it.
func (d Dialect) Require(table plan.Name, columns []dialect.Column) []string {
	var adds, validates, sets []string
	for _, c := range columns {
		if !c.NotNull {
			continue
		}
		q, check := d.Quote(c.Name), d.Quote(d.checkName(c.Name))
		adds = append(adds, "DROP CONSTRAINT IF EXISTS "+check, "ADD CONSTRAINT "+check+" CHECK ("+q+" IS NOT NULL) NOT VALID")
		validates = append(validates, "VALIDATE CONSTRAINT "+check)
		sets = append(sets, "ALTER COLUMN "+q+" SET NOT NULL", "DROP CONSTRAINT "+check)
	}
	return append(append(d.alter(table, adds), d.alter(table, validates)...), d.alter(table, sets)...)
}

// checkName is the name of a constraint that is there for a moment, no longer
// than a name may be.
func (d Dialect) checkName(column string) string {
	if len(column) > 40 {
		column = strings.ToValidUTF8(column[:40], "")
	}
	return "bellows_required_" + column
}

// Discard takes along what hangs on the columns alone: their indexes.
func (d Dialect) Discard(table plan.Name, columns []dialect.Column) []string {
	var changes []string
	for _, c := range columns {
		changes = append(changes, "DROP COLUMN "+d.Quote(c.Name))
	}
	return d.alter(table, changes)
}

// Rename renames one column a statement, as the language has it.
func (d Dialect) Rename(table plan.Name, from, to []string) []string {
	var out []string
	for i := range from {
		out = append(out, "ALTER TABLE "+d.qualified(table)+" RENAME COLUMN "+d.Quote(from[i])+" TO "+d.Quote(to[i]))
	}
	return out
}

func (d Dialect) alter(table plan.Name, changes []string) []string {
	if len(changes) == 0 {
		return nil
	}
	return []string{"ALTER TABLE " + d.qualified(table) + " " + strings.Join(changes, ", ")}
}

func (d Dialect) qualified(n plan.Name) string {
	if n.Schema == "" {
		return d.Quote(n.Name)
	}
	return d.Quote(n.Schema) + "." + d.Quote(n.Name)
}

func namesOf(columns []dialect.Column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}
