package mysql

import (
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/bellowsdb/bellows/dialect"
)

var _ dialect.Syncer = Dialect{}

// events are those that a trigger is made for.
var events = [...]string{"INSERT", "UPDATE"}

// SyncOn makes two BEFORE triggers. Making one takes the table's metadata lock,
// as every DDL here: it waits for transactions that have used the table, and those
// that come wait for it. The new triggers are the last in their order.
func (d Dialect) SyncOn(s dialect.Sync) []string {
	var out []string
	if s.Writes != "" {
		t := d.Traits()
		out = append(out, "CREATE TABLE IF NOT EXISTS "+s.Writes+" (revision "+t.Key+" NOT NULL, side "+t.Key+" NOT NULL, application "+t.Key+" NOT NULL, at "+t.Time+
			" NOT NULL, KEY bellows_writes_at (revision(64), side(8), application(64), at))"+t.TableTail)
	}
	return append(out, d.SyncPolicy(s)...)
}

// SyncPolicy makes the triggers anew. There is no moment without them: MariaDB
// replaces a trigger under one lock; on MySQL a second trigger stands in for the
// first while that is dropped and made again.
func (d Dialect) SyncPolicy(s dialect.Sync) []string {
	if s.Moves() {
		return d.move(s).made()
	}
	return d.sync(s).triggers()
}

func (y synced) triggers() []string {
	d := y.d
	var out []string
	for _, event := range events {
		name, body := y.trigger(event, ""), " BEFORE "+event+" ON "+y.table+" FOR EACH ROW\n"+y.body(event == "INSERT")
		if d.Flavour() == MariaDB {
			out = append(out, "CREATE OR REPLACE TRIGGER "+name+body)
			continue
		}
		other := y.trigger(event, "2")
		out = append(out, "CREATE TRIGGER IF NOT EXISTS "+other+body, "DROP TRIGGER IF EXISTS "+name, "CREATE TRIGGER "+name+body, "DROP TRIGGER IF EXISTS "+other)
	}
	return out
}

// SyncOff drops the triggers.
func (d Dialect) SyncOff(s dialect.Sync) []string {
	if s.Moves() {
		return d.move(s).off()
	}
	y := d.sync(s)
	var out []string
	for _, event := range events {
		out = append(out, "DROP TRIGGER IF EXISTS "+y.trigger(event, ""))
		if d.Flavour() != MariaDB {
			out = append(out, "DROP TRIGGER IF EXISTS "+y.trigger(event, "2"))
		}
	}
	return out
}

// SyncSeen reads information_schema, which shows triggers only to who may make
// one on the table.
func (d Dialect) SyncSeen(s dialect.Sync) string {
	if s.Moves() {
		return d.move(s).seen()
	}
	y := d.sync(s)
	schema := "DATABASE()"
	if s.Table.Schema != "" {
		schema = d.Literal(s.Table.Schema)
	}
	var names []string
	for _, event := range events {
		names = append(names, d.Literal(y.name(event, "")))
	}
	// The server opens one table for constants, and every table of every schema for what comes from another row.
	later := "(SELECT MIN(u.trigger_name) FROM information_schema.triggers u WHERE u.event_object_schema = " + schema + " AND u.event_object_table = " + d.Literal(s.Table.Name) +
		" AND u.event_manipulation = t.event_manipulation AND u.action_timing = t.action_timing AND u.action_order > t.action_order)"
	return "SELECT t.trigger_name, CONCAT(t.action_timing, ' ', t.event_manipulation, ' ', t.sql_mode, ' ', t.definer, ' ', t.action_statement), " +
		"COALESCE(CONCAT('the trigger ', " + later + ", ' runs after it'), 'on') FROM information_schema.triggers t WHERE t.event_object_schema = " + schema +
		" AND t.event_object_table = " + d.Literal(s.Table.Name) + " AND t.trigger_name IN (" + strings.Join(names, ", ") + ") ORDER BY 1"
}

// Agrees compares byte for byte what the column would store. A name other than
// the table's is bound by the key.
func (d Dialect) Agrees(s dialect.Sync, name string) string {
	y := d.sync(s)
	agrees := y.agrees
	if s.Moves() {
		agrees = d.move(s).agrees
	}
	if name == "" || name == y.alias {
		return agrees()
	}
	var terms []string
	for _, k := range s.Key {
		terms = append(terms, y.alias+"."+d.Quote(k)+" = "+name+"."+d.Quote(k))
	}
	return "EXISTS (SELECT 1 FROM " + y.table + " WHERE " + strings.Join(terms, " AND ") + " AND " + agrees() + ")"
}

// Fills is one UPDATE. Of several columns each is set by what the earlier ones
// were set to, which is why none of a side may name another of it.
func (d Dialect) Fills(s dialect.Sync, side dialect.Side) string {
	if s.Moves() {
		return d.move(s).fills(side)
	}
	y := d.sync(s)
	where := "NOT " + y.strict()
	if side == dialect.Old && y.late() { // a row that waits for its number says nothing
		where += " AND " + y.given("", s.New)
	}
	if side == dialect.New && len(s.Backward) == 0 {
		where += " AND NOT " + y.given("", s.New)
	}
	return "UPDATE " + y.table + " SET " + s.Sets(d.Quote, inner, side) + " WHERE " + where + " AND :chunk"
}

// Trial computes the old side by what the new side is computed to be.
func (d Dialect) Trial(s dialect.Sync, side dialect.Side, rows int) string {
	y, far := d.sync(s), d.sync(s.Far())
	return s.TrialOf(dialect.Words{Filler: d, Quote: d.Quote, Table: y.table, Alias: y.alias, Other: far.table, OtherAlias: far.alias, Listed: y.listed}, side, rows)
}

// inner is an expression as part of another; a comment at its end ends there.
func inner(sql string) string {
	if strings.Contains(sql, "--") || strings.Contains(sql, "#") {
		sql += "\n"
	}
	return "(" + sql + ")"
}

// synced spells the parts of a change's triggers.
type synced struct {
	dialect.Sync
	d            Dialect
	schema       string // with its dot, or ""
	table, alias string
	away         map[string]string // the names that columns have meanwhile, by their own
}

// column is a column's name as SQL, the one that it has now.
func (y synced) column(name string) string {
	if now, is := y.away[name]; is {
		name = now
	}
	return y.d.Quote(name)
}

func (d Dialect) sync(s dialect.Sync) synced {
	y := synced{Sync: s, d: d, alias: d.Quote(s.Table.Name)}
	if s.Table.Schema != "" {
		y.schema = d.Quote(s.Table.Schema) + "."
	}
	y.table = y.schema + y.alias
	return y
}

func (y synced) name(event, more string) string {
	return y.Name + "_" + strings.ToLower(event) + more
}

func (y synced) trigger(event, more string) string {
	return y.schema + y.d.Quote(y.name(event, more))
}

// flag is the name of a variable of the session.
func (y synced) flag(side dialect.Side) string {
	h := fnv.New64a()
	h.Write([]byte(y.Name))
	return fmt.Sprintf("@bellows_%s_%x", side, h.Sum64())
}

func (y synced) listed(columns []dialect.SyncColumn, exprs []string) []string {
	var list []string
	for i, c := range columns {
		list = append(list, y.kind(c).as(inner(exprs[i]))+" AS "+y.d.Quote(c.Name))
	}
	return list
}

// computed is a condition on the row: a side is what its expressions give.
func (y synced) computed(side dialect.Side) string {
	columns, exprs := y.Side(side)
	var terms []string
	for i, c := range columns {
		terms = append(terms, y.kind(c).same(y.d.Quote(c.Name), y.kind(c).as(inner(exprs[i]))))
	}
	return strings.Join(terms, " AND ")
}

func (y synced) agrees() string {
	text := "(CASE WHEN " + y.computed(dialect.New) + " THEN TRUE"
	switch {
	case len(y.Backward) > 0:
		text += " WHEN " + y.computed(dialect.Old) + " THEN TRUE"
	case y.Written:
		text += " WHEN " + y.given("", y.New) + " THEN TRUE"
	}
	if y.late() {
		text += " WHEN NOT " + y.given("", y.New) + " THEN TRUE"
	}
	return text + " ELSE FALSE END)"
}

// given is a condition: a column of a row is neither null nor its default.
func (y synced) given(row string, columns []dialect.SyncColumn) string {
	var terms []string
	for _, c := range columns {
		name := row + y.column(c.Name)
		if c.Made == "identity" { // 0 asks for a number
			terms = append(terms, name+" IS NOT NULL AND "+name+" <> 0")
			continue
		}
		if c.Default == "" || !dialect.Constant(y.d, c.Default) {
			terms = append(terms, name+" IS NOT NULL")
		} else {
			terms = append(terms, name+" IS NOT NULL AND NOT "+y.kind(c).same(name, y.kind(c).as(inner(c.Default))))
		}
	}
	return "(" + strings.Join(terms, " OR ") + ")"
}
