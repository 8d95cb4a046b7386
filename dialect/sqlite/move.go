package sqlite

import (
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
)

var _ dialect.Mover = Dialect{}

// moved spells the triggers of a change whose sides are in two tables. Each writes
// the other table only where the two rows do not agree; after that they do, so that
// a trigger that another one's write has fired finds nothing to do.
type moved struct {
	synced        // the table that columns leave
	far    synced // the one they come to
}

func (d Dialect) move(s dialect.Sync) moved { return moved{d.sync(s), d.sync(s.Far())} }

func (y synced) table() string { return y.schema + y.alias }

// moveTriggers end the names of the triggers, first those of the first table.
// Nothing changes them.
var moveTriggers = [...]string{"_insert", "_update", "_delete", "_into_check", "_into_insert", "_into_update", "_into_delete"}

func (m moved) triggers() []string {
	bodies := [...]string{
		"AFTER INSERT ON " + m.alias + " FOR EACH ROW BEGIN\n" + m.follow("", m.note(dialect.Old, m.wrote("NEW", m.Key))) + "END",
		"AFTER UPDATE ON " + m.alias + " FOR EACH ROW BEGIN\n" + m.rekey() + m.follow(m.differ(m.Old), m.note(dialect.Old, m.differ(m.Old)+" AND "+m.wrote("NEW", m.Key))) + "END",
		"AFTER DELETE ON " + m.alias + " FOR EACH ROW BEGIN\n  DELETE FROM " + m.far.alias + " WHERE " + m.far.keyed(m.far.alias, "OLD", m.Key) + ";\nEND",
		"BEFORE INSERT ON " + m.far.alias + " FOR EACH ROW BEGIN\n" + m.lonely("1") + "END",
		"AFTER INSERT ON " + m.far.alias + " FOR EACH ROW BEGIN\n" + m.filled() + m.back("NEW", "1") + "END",
		"AFTER UPDATE ON " + m.far.alias + " FOR EACH ROW WHEN " + m.far.differ(m.New) + " OR " + m.rekeyed() + " BEGIN\n" + m.lonely(m.rekeyed()) + m.emptied(m.rekeyed()) + m.back("NEW", "1") + "END",
		"AFTER DELETE ON " + m.far.alias + " FOR EACH ROW BEGIN\n" + m.emptied("1") + "  SELECT 1;\nEND",
	}
	var out []string
	for i, suffix := range moveTriggers {
		name := m.schema + m.d.Quote(m.Name+suffix)
		out = append(out, "DROP TRIGGER IF EXISTS "+name, "CREATE TRIGGER "+name+" "+bodies[i])
	}
	return out
}

func (m moved) on() []string {
	var out []string
	if m.Writes != "" {
		out = append(out,
			"CREATE TABLE IF NOT EXISTS "+m.Writes+" (revision TEXT NOT NULL, side TEXT NOT NULL, application TEXT NOT NULL, at TEXT NOT NULL)",
			"CREATE INDEX IF NOT EXISTS bellows_writes_at ON "+m.Writes+" (revision, side, application, at)")
	}
	return append(out, m.triggers()...)
}

func (m moved) off() []string {
	var out []string
	for _, suffix := range moveTriggers {
		out = append(out, "DROP TRIGGER IF EXISTS "+m.schema+m.d.Quote(m.Name+suffix))
	}
	return out
}

func (m moved) seen() string {
	var names []string
	for _, suffix := range moveTriggers {
		names = append(names, m.d.Literal(m.Name+suffix))
	}
	return "SELECT name, sql, 'on' FROM " + m.schema + "sqlite_master WHERE type = 'trigger' AND lower(tbl_name) IN (lower(" + m.d.Literal(m.Table.Name) + "), lower(" + m.d.Literal(m.far.Table.Name) +
		")) AND name IN (" + strings.Join(names, ", ") + ") ORDER BY name"
}

// keyed is a condition: a table's key is that of a record of the other, or of itself.
func (y synced) keyed(name, record string, key []string) string {
	var terms []string
	for i, k := range y.Key {
		terms = append(terms, name+"."+y.d.Quote(k)+" = "+record+"."+y.d.Quote(key[i]))
	}
	return strings.Join(terms, " AND ")
}

// held are the rows of the other table under names that no expression has, so that
// names in the expressions beside them are those of the first.
func (m moved) held() (from, keys string) {
	var list, terms []string
	for i, k := range m.far.Key {
		name := "bellows_k" + strconv.Itoa(i)
		list, terms = append(list, m.d.Quote(k)+" AS "+name), append(terms, "bellows_b."+name+" = "+m.alias+"."+m.d.Quote(m.Key[i]))
	}
	columns, _ := m.Side(dialect.New)
	for i, c := range columns {
		list = append(list, m.d.Quote(c.Name)+" AS bellows_n"+strconv.Itoa(i))
	}
	return "(SELECT " + strings.Join(list, ", ") + " FROM " + m.far.table() + ") AS bellows_b", strings.Join(terms, " AND ")
}

// same is a condition: a column is what an expression gives.
func (y synced) same(column, sql, declared string) string {
	text := column + " COLLATE BINARY IS +" + inner(sql)
	if keepsTypes(declared) {
		text += " AND typeof(" + column + ") = typeof(" + inner(sql) + ")"
	}
	return text
}

// gives is a condition on a row of the first table: what it gives the other is
// something.
func (m moved) gives() string {
	columns, exprs := m.Side(dialect.New)
	var terms []string
	for i, c := range columns {
		term := inner(exprs[i]) + " IS NOT NULL"
		if c.Default != "" && dialect.Constant(m.d, c.Default) {
			term += " AND NOT " + inner(exprs[i]) + " COLLATE BINARY IS +" + inner(c.Default)
		}
		terms = append(terms, term)
	}
	return "(" + strings.Join(terms, " OR ") + ")"
}

// agrees is a condition on a row of the first table, never null.
func (m moved) agrees() string {
	from, keys := m.held()
	columns, exprs := m.Side(dialect.New)
	text := "(CASE WHEN EXISTS (SELECT 1 FROM " + from + " WHERE " + keys
	for i, c := range columns {
		text += " AND " + m.same("bellows_b.bellows_n"+strconv.Itoa(i), exprs[i], c.Type)
	}
	text += ") THEN 1"
	other := "EXISTS (SELECT 1 FROM " + m.far.table() + " WHERE " + m.far.keyed(m.far.alias, m.alias, m.Key)
	if columns, exprs := m.Side(dialect.Old); len(columns) > 0 {
		text += " WHEN " + other
		for i, c := range columns {
			text += " AND " + m.same(m.alias+"."+m.d.Quote(c.Name), exprs[i], c.Type)
		}
		text += ") THEN 1"
	} else if m.Written {
		text += " WHEN " + other + " AND " + m.far.given(m.far.alias+".", m.New) + ") THEN 1"
	}
	return text + " WHEN NOT EXISTS (SELECT 1 FROM " + from + " WHERE " + keys + ") AND NOT " + m.gives() + " THEN 1 ELSE 0 END)"
}

// Has is a condition on a row of the first table.
func (d Dialect) Has(s dialect.Sync) string {
	m := d.move(s)
	return "EXISTS (SELECT 1 FROM " + m.far.table() + " WHERE " + m.far.keyed(m.far.alias, m.alias, m.Key) + ")"
}

// Stray is a condition on a row of the other table.
func (d Dialect) Stray(s dialect.Sync) string {
	m := d.move(s)
	return "NOT EXISTS (SELECT 1 FROM " + m.table() + " WHERE " + m.keyed(m.alias, m.far.alias, m.far.Key) + ")"
}

// wrote is a condition: the row of the first table with that key and its row in the
// other do not agree.
func (m moved) wrote(record string, key []string) string {
	return "EXISTS (SELECT 1 FROM " + m.alias + " WHERE " + m.keyed(m.alias, record, key) + " AND NOT " + m.agrees() + ")"
}

func (m moved) differs(key []string) string {
	var terms []string
	for _, k := range key {
		terms = append(terms, "OLD."+m.d.Quote(k)+" IS NOT NEW."+m.d.Quote(k))
	}
	return "(" + strings.Join(terms, " OR ") + ")"
}

func (m moved) rekeyed() string { return m.differs(m.far.Key) }

// rekey takes the row of the other table along when the key changes.
func (m moved) rekey() string {
	var sets []string
	for i, k := range m.far.Key {
		sets = append(sets, m.d.Quote(k)+" = NEW."+m.d.Quote(m.Key[i]))
	}
	return "  UPDATE " + m.far.alias + " SET " + strings.Join(sets, ", ") + " WHERE " + m.far.keyed(m.far.alias, "OLD", m.Key) + " AND " + m.differs(m.Key) + ";\n"
}

// follow: the first table was written, and the other follows. A row that is only
// touched is filled where it is missing there.
func (m moved) follow(changed, note string) string {
	if changed == "" {
		changed = "1"
	} else {
		changed = "(" + changed + " OR " + m.differs(m.Key) + ")"
	}
	columns, exprs := m.Side(dialect.New)
	var sets, names, values []string
	for i, c := range columns {
		sets = append(sets, m.d.Quote(c.Name)+" = (SELECT "+inner(exprs[i])+" FROM "+m.alias+" WHERE "+m.keyed(m.alias, "NEW", m.Key)+")")
		names, values = append(names, m.d.Quote(c.Name)), append(values, inner(exprs[i]))
	}
	var keys, from []string
	for i, k := range m.far.Key {
		keys, from = append(keys, m.d.Quote(k)), append(from, m.alias+"."+m.d.Quote(m.Key[i]))
	}
	mine := m.far.keyed(m.far.alias, "NEW", m.Key)
	return note + "  UPDATE " + m.far.alias + " SET " + strings.Join(sets, ", ") + " WHERE " + mine + " AND " + changed + " AND " + m.wrote("NEW", m.Key) + ";\n" +
		"  INSERT INTO " + m.far.alias + " (" + strings.Join(append(keys, names...), ", ") + ") SELECT " + strings.Join(append(from, values...), ", ") + " FROM " + m.alias + " WHERE " + m.keyed(m.alias, "NEW", m.Key) +
		" AND " + m.gives() + " AND NOT EXISTS (SELECT 1 FROM " + m.far.alias + " WHERE " + mine + ");\n"
}

// lonely refuses a row of the other table that belongs to none.
func (m moved) lonely(when string) string {
	return "  SELECT RAISE(ABORT, " + m.d.Literal(m.Lonely()+"; "+dialect.LonelyRemedy) + ") WHERE " + when + " AND NOT EXISTS (SELECT 1 FROM " + m.alias + " WHERE " + m.keyed(m.alias, "NEW", m.far.Key) + ");\n"
}

// filled fills the new columns that a row came without while the first table has
// values for them.
func (m moved) filled() string {
	columns, exprs := m.Side(dialect.New)
	var sets, each []string
	for i, c := range columns {
		name, is := m.d.Quote(c.Name), m.far.given("NEW.", columns[i:i+1])
		each = append(each, is)
		sets = append(sets, name+" = CASE WHEN "+is+" THEN "+name+" ELSE coalesce((SELECT "+inner(exprs[i])+" FROM "+m.alias+" WHERE "+m.keyed(m.alias, "NEW", m.far.Key)+"), "+name+") END")
	}
	return "  UPDATE " + m.far.alias + " SET " + strings.Join(sets, ", ") + " WHERE " + m.far.keyed(m.far.alias, "NEW", m.far.Key) + " AND NOT (" + strings.Join(each, " AND ") + ") AND " + m.wrote("NEW", m.far.Key) + ";\n"
}

// back: the other table was written, and the first follows.
func (m moved) back(record, when string) string {
	text := m.note(dialect.New, m.wrote(record, m.far.Key)+" AND "+when)
	columns, exprs := m.Side(dialect.Old)
	if len(columns) == 0 {
		return text + "  SELECT 1;\n"
	}
	var sets []string
	for i, c := range columns {
		sets = append(sets, m.d.Quote(c.Name)+" = (SELECT "+inner(exprs[i])+" FROM "+m.far.alias+" WHERE "+m.far.keyed(m.far.alias, record, m.far.Key)+")")
	}
	return text + "  UPDATE " + m.alias + " SET " + strings.Join(sets, ", ") + " WHERE " + m.keyed(m.alias, record, m.far.Key) + " AND NOT " + m.agrees() + " AND " + when + ";\n"
}

// emptied: the row that a row of the other table belonged to has none any more.
func (m moved) emptied(when string) string {
	if len(m.Backward) == 0 {
		return ""
	}
	none := "NOT EXISTS (SELECT 1 FROM " + m.far.alias + " WHERE " + m.far.keyed(m.far.alias, "OLD", m.far.Key) + ")"
	return m.note(dialect.New, when+" AND "+none+" AND "+m.wrote("OLD", m.far.Key)) +
		"  UPDATE " + m.alias + " SET " + strings.Join(m.nothing(), ", ") + " WHERE " + m.keyed(m.alias, "OLD", m.far.Key) + " AND " + when + " AND " + none + " AND NOT " + m.agrees() + ";\n"
}

// nothing are the old columns as they are when they hold nothing.
func (m moved) nothing() []string {
	var sets []string
	for _, c := range m.Old {
		to := "NULL"
		if c.NotNull && c.Default != "" {
			to = inner(c.Default)
		}
		sets = append(sets, m.d.Quote(c.Name)+" = "+to)
	}
	return sets
}

// note appends to the table of evidence, once in a second.
func (m moved) note(side dialect.Side, when string) string {
	if m.Writes == "" {
		return ""
	}
	return "  INSERT INTO " + m.Writes + " (revision, side, application, at) SELECT " + m.d.Literal(m.Revision) + ", " + m.d.Literal(string(side)) + ", '', strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE " + when +
		" AND NOT EXISTS (SELECT 1 FROM " + m.Writes + " AS bellows_w WHERE bellows_w.revision = " + m.d.Literal(m.Revision) + " AND bellows_w.side = " + m.d.Literal(string(side)) +
		" AND bellows_w.application = '' AND bellows_w.at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 seconds'));\n"
}

// fills computes a side. The file has one writer: nothing changes meanwhile.
func (m moved) fills(side dialect.Side) string {
	where := "NOT " + m.agrees()
	columns, exprs := m.Side(side)
	other := m.far.table() + " WHERE " + m.far.keyed(m.far.alias, m.alias, m.Key)
	if side == dialect.Old {
		where = "(" + where + " OR " + m.lacking() + ")"
		var sets []string
		for i, c := range columns {
			sets = append(sets, m.d.Quote(c.Name)+" = (SELECT "+inner(exprs[i])+" FROM "+other+")")
		}
		update := "UPDATE " + m.table() + " SET "
		return update + strings.Join(sets, ", ") + " WHERE " + where + " AND EXISTS (SELECT 1 FROM " + other + ") AND :chunk;\n" +
			update + strings.Join(m.nothing(), ", ") + " WHERE " + where + " AND NOT EXISTS (SELECT 1 FROM " + other + ") AND :chunk"
	}
	if len(m.Backward) == 0 {
		where += " AND NOT EXISTS (SELECT 1 FROM " + other + " AND " + m.far.given(m.far.alias+".", m.New) + ")"
	}
	var keys, values, sets []string
	for i, k := range m.far.Key {
		keys, values = append(keys, m.d.Quote(k)), append(values, m.alias+"."+m.d.Quote(m.Key[i]))
	}
	target := strings.Join(keys, ", ")
	for i, c := range columns {
		keys, values = append(keys, m.d.Quote(c.Name)), append(values, inner(exprs[i]))
		sets = append(sets, m.d.Quote(c.Name)+" = excluded."+m.d.Quote(c.Name))
	}
	return "INSERT INTO " + m.far.table() + " (" + strings.Join(keys, ", ") + ") SELECT " + strings.Join(values, ", ") + " FROM " + m.table() + " WHERE " + where +
		" AND :chunk ON CONFLICT (" + target + ") DO UPDATE SET " + strings.Join(sets, ", ")
}

// lacking is a condition: an old column that must not be null is.
func (m moved) lacking() string {
	text := "0"
	for _, c := range m.Old {
		if c.NotNull {
			text += " OR " + m.alias + "." + m.d.Quote(c.Name) + " IS NULL"
		}
	}
	return "(" + text + ")"
}

// Keyed reads unique indexes, because the key by which rows are stored is the rowid
// where they have one.
func (d Dialect) Keyed(table plan.Name) string {
	arg, schema := d.Literal(table.Name), ""
	if table.Schema != "" {
		schema = ", " + d.Literal(table.Schema)
	}
	return "SELECT i.name, coalesce(x.name, ''), CASE WHEN c.\"notnull\" THEN 'true' ELSE 'false' END FROM pragma_index_list(" + arg + schema + ") i JOIN pragma_index_xinfo(i.name" + schema +
		") x ON x.key = 1 LEFT JOIN pragma_table_info(" + arg + schema + ") c ON c.name = x.name WHERE i.\"unique\" = 1 AND i.partial = 0 ORDER BY i.seq, x.seqno"
}

// Unmovable tells of a foreign key that keeps a row from being deleted, and of an
// old column that every insert must give.
func (d Dialect) Unmovable(s dialect.Sync) string {
	m := d.move(s)
	arg := func(s dialect.Sync) string {
		if s.Table.Schema == "" {
			return d.Literal(s.Table.Name)
		}
		return d.Literal(s.Table.Name) + ", " + d.Literal(s.Table.Schema)
	}
	var old []string
	for _, c := range s.Old {
		old = append(old, "lower("+d.Literal(c.Name)+")")
	}
	return "SELECT 'a foreign key of ' || " + d.Literal(m.far.Table.Name) + " || ' is not ON DELETE CASCADE, so an application that knows nothing of ' || " + d.Literal(m.far.Table.Name) + " || ' could delete no row of ' || " + d.Literal(s.Table.Name) +
		" FROM pragma_foreign_key_list(" + arg(m.far.Sync) + ") WHERE lower(\"table\") = lower(" + d.Literal(s.Table.Name) + ") AND on_delete <> 'CASCADE'" +
		" UNION ALL SELECT 'column ' || name || ' of ' || " + d.Literal(s.Table.Name) + " || ' must not be null and has no default, so an application that knows nothing of it could insert no row' FROM pragma_table_info(" + arg(s) +
		") WHERE \"notnull\" AND dflt_value IS NULL AND lower(name) IN (" + strings.Join(old, ", ") + ")"
}
