package sqlite

import (
	"strings"

	"github.com/bellowsdb/bellows/dialect"
)

var _ dialect.Syncer = Dialect{}

// SyncOn makes two AFTER triggers, because a BEFORE trigger cannot change a row
// here. NOT NULL is asked before them, so that an INSERT of the new side alone
// would fail by the old one's: as long as sync is on the triggers ask instead.
// Each changes the row only where its sides do not agree; after that they do,
// so that the triggers come to rest, also with recursive_triggers on.
func (d Dialect) SyncOn(s dialect.Sync) []string {
	if s.Moves() {
		return d.move(s).on()
	}
	var out []string
	if s.Writes != "" {
		out = append(out,
			"CREATE TABLE IF NOT EXISTS "+s.Writes+" (revision TEXT NOT NULL, side TEXT NOT NULL, application TEXT NOT NULL, at TEXT NOT NULL)",
			"CREATE INDEX IF NOT EXISTS bellows_writes_at ON "+s.Writes+" (revision, side, application, at)")
	}
	y := d.sync(s)
	for _, c := range y.loose() {
		out = append(out, d.nullable(y.schema+y.alias, c.Name))
	}
	return append(out, d.SyncPolicy(s)...)
}

// SyncPolicy makes the triggers anew; in one transaction nobody sees the table
// without them.
func (d Dialect) SyncPolicy(s dialect.Sync) []string {
	if s.Moves() {
		return d.move(s).triggers()
	}
	y := d.sync(s)
	var out []string
	for _, t := range [][2]string{{"_insert", y.onInsert()}, {"_update", y.onUpdate()}} {
		name := y.schema + d.Quote(s.Name+t[0])
		out = append(out, "DROP TRIGGER IF EXISTS "+name, "CREATE TRIGGER "+name+" "+t[1])
	}
	return out
}

// SyncOff drops the triggers, and makes NOT NULL again what was.
func (d Dialect) SyncOff(s dialect.Sync) []string {
	if s.Moves() {
		return d.move(s).off()
	}
	y := d.sync(s)
	out := []string{"DROP TRIGGER IF EXISTS " + y.schema + d.Quote(s.Name+"_insert"), "DROP TRIGGER IF EXISTS " + y.schema + d.Quote(s.Name+"_update")}
	for _, c := range y.loose() {
		out = append(out, "ALTER TABLE "+y.schema+y.alias+" ALTER COLUMN "+d.Quote(c.Name)+" SET NOT NULL")
	}
	return out
}

// SyncSeen reads the schema's own table.
func (d Dialect) SyncSeen(s dialect.Sync) string {
	if s.Moves() {
		return d.move(s).seen()
	}
	return "SELECT name, sql, 'on' FROM " + d.sync(s).schema + "sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = lower(" + d.Literal(s.Table.Name) + ") AND name IN (" +
		d.Literal(s.Name+"_insert") + ", " + d.Literal(s.Name+"_update") + ") ORDER BY name"
}

// Agrees compares byte for byte, with the affinity of the column.
func (d Dialect) Agrees(s dialect.Sync, name string) string {
	y := d.sync(s)
	agrees := y.agrees
	if s.Moves() {
		agrees = d.move(s).agrees
	}
	if name == "" || name == y.alias && s.Moves() {
		return agrees()
	}
	var list []string
	for _, c := range s.All() {
		list = append(list, name+"."+d.Quote(c)+" AS "+d.Quote(c))
	}
	return "(SELECT " + agrees() + " FROM (SELECT " + strings.Join(list, ", ") + ") AS " + y.alias + ")"
}

// Fills is one UPDATE.
func (d Dialect) Fills(s dialect.Sync, side dialect.Side) string {
	if s.Moves() {
		return d.move(s).fills(side)
	}
	y := d.sync(s)
	where := "NOT " + y.agrees()
	if side == dialect.New && len(s.Backward) == 0 {
		where += " AND NOT " + y.given("", s.New)
	}
	return "UPDATE " + y.schema + y.alias + " SET " + s.Sets(d.Quote, inner, side) + " WHERE " + where + " AND :chunk"
}

// Trial computes the old side by what the new side is computed to be.
func (d Dialect) Trial(s dialect.Sync, side dialect.Side, rows int) string {
	y, far := d.sync(s), d.sync(s.Far())
	return s.TrialOf(dialect.Words{Filler: d, Quote: d.Quote, Table: y.table(), Alias: y.alias, Other: far.table(), OtherAlias: far.alias, Listed: y.listed}, side, rows)
}

// synced spells the parts of a change's triggers.
type synced struct {
	dialect.Sync
	d             Dialect
	schema, alias string // the schema with its dot, or ""
}

func (d Dialect) sync(s dialect.Sync) synced {
	y := synced{Sync: s, d: d, alias: d.Quote(s.Table.Name)}
	if s.Table.Schema != "" {
		y.schema = d.Quote(s.Table.Schema) + "."
	}
	return y
}

// inner is an expression as part of another; a comment at its end ends there.
func inner(sql string) string {
	if strings.Contains(sql, "--") {
		sql += "\n"
	}
	return "(" + sql + ")"
}

// loose are the columns of the old side of which an INSERT must give a value, and
// which a write of the new side gives one.
func (y synced) loose() []dialect.SyncColumn {
	var out []dialect.SyncColumn
	for _, c := range y.Old {
		if c.NotNull && c.Default == "" && c.Made == "" && len(y.Backward) > 0 {
			out = append(out, c)
		}
	}
	return out
}

func (y synced) listed(columns []dialect.SyncColumn, exprs []string) []string {
	var list []string
	for i, c := range columns {
		list = append(list, inner(exprs[i])+" AS "+y.d.Quote(c.Name))
	}
	return list
}

// is compares a column with an expression: the + takes the expression's own
// affinity away, so that the column's is applied to it as on storing.
func (y synced) is(column, sql string) string { return column + " COLLATE BINARY IS +" + inner(sql) }

// computed is a condition on the row: a side is what its expressions give.
func (y synced) computed(side dialect.Side) string {
	columns, exprs := y.Side(side)
	var terms []string
	for i, c := range columns {
		name := y.d.Quote(c.Name)
		terms = append(terms, y.is(name, exprs[i]))
		if keepsTypes(c.Type) { // 1 and 1.0 are the same here, and are not
			terms = append(terms, "typeof("+name+") = typeof("+inner(exprs[i])+")")
		}
	}
	if len(terms) == 0 {
		return "0"
	}
	return "(" + strings.Join(terms, " AND ") + ")"
}

func (y synced) agrees() string {
	text := "(CASE WHEN " + y.computed(dialect.New) + " THEN 1"
	switch {
	case len(y.Backward) > 0:
		text += " WHEN " + y.computed(dialect.Old) + " THEN 1"
	case y.Written:
		text += " WHEN " + y.given("", y.New) + " THEN 1"
	}
	return text + " ELSE 0 END)"
}

// given is a condition: a column of a row is neither null nor its default.
func (y synced) given(row string, columns []dialect.SyncColumn) string {
	var terms []string
	for _, c := range columns {
		name := row + y.d.Quote(c.Name)
		if c.Default == "" || !dialect.Constant(y.d, c.Default) {
			terms = append(terms, name+" IS NOT NULL")
		} else {
			terms = append(terms, name+" IS NOT NULL AND NOT "+y.is(name, c.Default))
		}
	}
	return "(" + strings.Join(terms, " OR ") + ")"
}

// keepsTypes tells whether a column of a declared type has no affinity, so that
// values are stored as they are.
func keepsTypes(declared string) bool {
	declared = strings.ToUpper(declared)
	for _, word := range []string{"INT", "CHAR", "CLOB", "TEXT"} {
		if strings.Contains(declared, word) {
			return false
		}
	}
	return declared == "" || strings.Contains(declared, "BLOB")
}
