package postgres

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/dialect"
)

var _ dialect.Syncer = Dialect{}

// SyncOn makes a function and two BEFORE ROW triggers. Their names sort last, so
// that they see what other triggers made of the row; they are enabled ALWAYS, so
// that they fire for rows that logical replication applies; that of UPDATE calls its
// function only where there is something to do. A third one, whose function has the
// rights of who made it, records evidence; it is called when the others have set a
// flag of the session, once in a second.
func (d Dialect) SyncOn(s dialect.Sync) []string {
	if s.Moves() {
		return d.move(s).on()
	}
	y := d.sync(s)
	out := []string{}
	if s.Writes != "" {
		out = append(out,
			"CREATE TABLE IF NOT EXISTS "+s.Writes+" (revision text NOT NULL, side text NOT NULL, application text NOT NULL, at timestamptz NOT NULL)",
			"CREATE INDEX IF NOT EXISTS bellows_writes_at ON "+s.Writes+" (revision, side, application, at)",
			y.countFunction(), "REVOKE ALL ON FUNCTION "+y.object("_count")+"() FROM PUBLIC")
	}
	out = append(out, y.syncFunction(),
		"CREATE OR REPLACE TRIGGER "+y.trigger("_insert")+" BEFORE INSERT ON "+y.table+" FOR EACH ROW EXECUTE FUNCTION "+y.object("_sync")+"()",
		"ALTER TABLE "+y.table+" ENABLE ALWAYS TRIGGER "+y.trigger("_insert"),
		"CREATE OR REPLACE TRIGGER "+y.trigger("_update")+" BEFORE UPDATE ON "+y.table+" FOR EACH ROW WHEN ("+y.differ("OLD.", "NEW.", slices.Concat(s.Old, s.New))+
			" OR NOT "+y.given("NEW.", s.New)+") EXECUTE FUNCTION "+y.object("_sync")+"()",
		"ALTER TABLE "+y.table+" ENABLE ALWAYS TRIGGER "+y.trigger("_update"))
	if s.Writes == "" {
		return out
	}
	return append(out,
		"CREATE OR REPLACE TRIGGER "+y.trigger("_write")+" BEFORE INSERT OR UPDATE ON "+y.table+" FOR EACH ROW WHEN (pg_catalog.current_setting('"+y.flag("due")+
			"', true) <> '') EXECUTE FUNCTION "+y.object("_count")+"()",
		"ALTER TABLE "+y.table+" ENABLE ALWAYS TRIGGER "+y.trigger("_write"),
		"CREATE OR REPLACE TRIGGER "+y.trigger("_used")+" BEFORE UPDATE OF "+y.names(s.Old)+" ON "+y.table+" FOR EACH STATEMENT EXECUTE FUNCTION "+y.object("_count")+"('old')")
}

// SyncPolicy replaces the function, which takes no lock on the table.
func (d Dialect) SyncPolicy(s dialect.Sync) []string {
	if s.Moves() {
		return d.move(s).functions()
	}
	return []string{d.sync(s).syncFunction()}
}

// SyncOff drops triggers and functions; each DROP TRIGGER locks readers out for
// a moment.
func (d Dialect) SyncOff(s dialect.Sync) []string {
	if s.Moves() {
		return d.move(s).off()
	}
	y := d.sync(s)
	var out []string
	for _, suffix := range syncTriggers {
		out = append(out, "DROP TRIGGER IF EXISTS "+y.trigger(suffix)+" ON "+y.table)
	}
	return append(out, "DROP FUNCTION IF EXISTS "+y.object("_sync")+"()", "DROP FUNCTION IF EXISTS "+y.object("_count")+"()")
}

// SyncSeen reads pg_trigger and pg_proc.
func (d Dialect) SyncSeen(s dialect.Sync) string {
	if s.Moves() {
		return d.move(s).seen()
	}
	y := d.sync(s)
	of := "n.nspname = " + d.Literal(s.Table.Schema) + " AND c.relname = " + d.Literal(s.Table.Name)
	var names []string
	for _, suffix := range syncTriggers {
		names = append(names, d.Literal(y.triggerName(suffix)))
	}
	ours := "(" + strings.Join(names, ", ") + ")"
	later := "(SELECT min(u.tgname) FROM pg_catalog.pg_trigger u WHERE t.tgfoid = f.oid AND u.tgrelid = t.tgrelid AND u.tgtype & 3 = 3 AND u.tgtype & t.tgtype & 20 > 0 AND NOT u.tgisinternal" +
		" AND u.tgenabled <> 'D' AND u.tgname::text COLLATE \"C\" > t.tgname::text COLLATE \"C\" AND u.tgname NOT IN " + ours + ")"
	part := "(SELECT min(u.tgrelid::pg_catalog.regclass::text) FROM pg_catalog.pg_trigger u WHERE u.tgname = t.tgname AND t.tgtype & 1 = 1 AND u.tgenabled <> 'A'" +
		" AND u.tgrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree(t.tgrelid)))"
	child := "(SELECT min(i.inhrelid::pg_catalog.regclass::text) FROM pg_catalog.pg_inherits i WHERE i.inhparent = t.tgrelid AND c.relkind = 'r' AND t.tgfoid = f.oid" +
		" AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger u WHERE u.tgrelid = i.inhrelid AND u.tgfoid = t.tgfoid AND u.tgtype = t.tgtype AND u.tgenabled = 'A'))"
	return "SELECT t.tgname::text, pg_catalog.pg_get_triggerdef(t.oid), CASE WHEN t.tgenabled = 'D' THEN 'it is disabled'" +
		" WHEN t.tgenabled = 'R' THEN 'it fires only for rows that replication applies'" +
		" WHEN t.tgtype & 1 = 1 AND t.tgenabled <> 'A' THEN 'it does not fire for rows that replication applies'" +
		" WHEN " + part + " IS NOT NULL THEN 'it is not enabled on ' || " + part +
		" WHEN " + child + " IS NOT NULL THEN 'it is not on ' || " + child + " || ', which inherits from the table'" +
		" WHEN " + later + " IS NOT NULL THEN 'the trigger ' || " + later + " || ' runs after it'" +
		" ELSE 'on' END FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace" +
		" LEFT JOIN pg_catalog.pg_proc f ON f.pronamespace = n.oid AND f.proname = " + d.Literal(s.Name+"_sync") + " WHERE " + of + " AND NOT t.tgisinternal AND t.tgname IN " + ours +
		" UNION ALL SELECT p.proname::text, pg_catalog.pg_get_functiondef(p.oid), 'on' FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = " +
		d.Literal(s.Table.Schema) + " AND p.proname IN (" + d.Literal(s.Name+"_sync") + ", " + d.Literal(s.Name+"_count") + ") ORDER BY 1"
}

// syncTriggers end the names of the triggers, in the order in which they are
// dropped. Nothing changes them. Of those for rows "_write" sorts last.
var syncTriggers = [...]string{"_used", "_write", "_insert", "_update"}

// Agrees compares images, bit by bit, which works for every type. With no name it
// has no subquery, so that a constraint can be made of it.
func (d Dialect) Agrees(s dialect.Sync, name string) string {
	y := d.sync(s)
	agrees := y.agrees
	if s.Moves() {
		agrees = d.move(s).agrees
	}
	if name == "" || name == y.alias && s.Moves() {
		return agrees()
	}
	return "(SELECT " + agrees() + " FROM (SELECT " + name + ".*) AS " + y.alias + ")"
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
	return "UPDATE " + y.table + " SET " + s.Sets(d.Quote, inner, side) + " WHERE " + where + " AND :chunk"
}

// Trial computes the old side by what the new side is computed to be.
func (d Dialect) Trial(s dialect.Sync, side dialect.Side, rows int) string {
	y, far := d.sync(s), d.sync(s.Far())
	return s.TrialOf(dialect.Words{Filler: d, Quote: d.Quote, Table: y.table, Alias: y.alias, Other: far.table, OtherAlias: far.alias, Listed: func(c []dialect.SyncColumn, exprs []string) []string { return y.typed(c, exprs, " AS ") }}, side, rows)
}

func (d Dialect) quoted(names []string) []string {
	var list []string
	for _, n := range names {
		list = append(list, d.Quote(n))
	}
	return list
}

// inner is an expression as part of another; a comment at its end ends there.
func inner(sql string) string {
	if strings.Contains(sql, "--") {
		sql += "\n"
	}
	return "(" + sql + ")"
}

// synced spells the parts of a change's triggers.
type synced struct {
	dialect.Sync
	d            Dialect
	table, alias string
	schema       string            // with its dot, or ""
	away         map[string]string // the names that columns have meanwhile
}

func (d Dialect) sync(s dialect.Sync) synced {
	y := synced{Sync: s, d: d, alias: d.Quote(s.Table.Name)}
	if s.Table.Schema != "" {
		y.schema = d.Quote(s.Table.Schema) + "."
	}
	y.table = y.schema + y.alias
	return y
}

func (y synced) object(suffix string) string      { return y.schema + y.d.Quote(y.Name+suffix) }
func (y synced) triggerName(suffix string) string { return "zzzz_" + y.Name + suffix }
func (y synced) trigger(suffix string) string     { return y.d.Quote(y.triggerName(suffix)) }

// flag is the name of a setting of the session.
func (y synced) flag(what string) string {
	h := fnv.New64a()
	h.Write([]byte(y.Name))
	return fmt.Sprintf("bellows.%s_%x", what, h.Sum64())
}

func (y synced) names(columns []dialect.SyncColumn) string {
	var list []string
	for _, c := range columns {
		list = append(list, y.d.Quote(c.Name))
	}
	return strings.Join(list, ", ")
}

// now is the name that a column has now, spelled as SQL.
func (y synced) now(column string) string {
	if name, ok := y.away[column]; ok {
		return y.d.Quote(name)
	}
	return y.d.Quote(column)
}

// image is a record as a row that expressions read: whatever its columns are
// called now, they find them under the names they know.
func (y synced) image(record string) string {
	text := record + ".*"
	for _, c := range y.Old {
		if name, ok := y.away[c.Name]; ok {
			text += ", " + record + "." + y.d.Quote(name) + " AS " + y.d.Quote(c.Name)
		}
	}
	return text
}

// fields are columns of a record.
func (y synced) fields(record string, columns []dialect.SyncColumn) string {
	var list []string
	for _, c := range columns {
		list = append(list, record+y.now(c.Name))
	}
	return strings.Join(list, ", ")
}

// typed are expressions, cast to the types of their columns.
func (y synced) typed(columns []dialect.SyncColumn, exprs []string, as string) []string {
	var list []string
	for i, c := range columns {
		text := cast(exprs[i], c)
		if as != "" {
			text += as + y.d.Quote(c.Name)
		}
		list = append(list, text)
	}
	return list
}

func cast(sql string, c dialect.SyncColumn) string {
	if c.Type == "" {
		return inner(sql)
	}
	return inner(sql) + "::" + c.Type
}

func (y synced) agrees() string {
	text := "(CASE"
	for _, side := range []dialect.Side{dialect.New, dialect.Old} {
		columns, exprs := y.Side(side)
		if len(columns) > 0 {
			text += " WHEN pg_catalog.record_image_eq(ROW(" + y.names(columns) + "), ROW(" + strings.Join(y.typed(columns, exprs, ""), ", ") + ")) THEN true"
		}
	}
	if len(y.Backward) == 0 && y.Written {
		text += " WHEN " + y.given("", y.New) + " THEN true"
	}
	return text + " ELSE false END)"
}

// given is a condition: a column of a record is neither null nor its default.
func (y synced) given(record string, columns []dialect.SyncColumn) string {
	var plain, terms []string
	for _, c := range columns {
		name := record + y.now(c.Name)
		if c.Default == "" || c.Type == "" || !dialect.Constant(y.d, c.Default) {
			plain = append(plain, name)
			continue
		}
		terms = append(terms, "(pg_catalog.num_nonnulls("+name+") > 0 AND pg_catalog.record_image_ne(ROW("+name+"), ROW("+cast(c.Default, c)+")))")
	}
	if len(plain) > 0 {
		terms = append([]string{"pg_catalog.num_nonnulls(" + strings.Join(plain, ", ") + ") > 0"}, terms...)
	}
	return "(" + strings.Join(terms, " OR ") + ")"
}
