package postgres

import (
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
)

var _ dialect.Mover = Dialect{}

// moved spells the triggers of a change whose sides are in two tables. They run
// behind the rows and look at what both tables hold then, not at what the statement
// gave: whatever else has changed a row meanwhile, the sides agree at the end, and a
// trigger that another one's write has fired finds nothing to do. Whoever changes a
// side holds the rows of both tables until his transaction ends.
type moved struct {
	synced        // the table that columns leave
	far    synced // the one they come to
}

func (d Dialect) move(s dialect.Sync) moved { return moved{d.sync(s), d.sync(s.Far())} }

// Triggers and functions of a move. Nothing changes them.
var (
	nearTriggers  = [...]string{"_move"}
	farTriggers   = [...]string{"_check", "_into"}
	moveFunctions = [...]string{"_move", "_into"}
)

func (m moved) on() []string {
	var out []string
	if m.Writes != "" {
		out = append(out,
			"CREATE TABLE IF NOT EXISTS "+m.Writes+" (revision text NOT NULL, side text NOT NULL, application text NOT NULL, at timestamptz NOT NULL)",
			"CREATE INDEX IF NOT EXISTS bellows_writes_at ON "+m.Writes+" (revision, side, application, at)")
	}
	out = append(out, m.functions()...)
	add := func(table, suffix, when, function string) {
		out = append(out, "CREATE OR REPLACE TRIGGER "+m.trigger(suffix)+" "+when+" ON "+table+" FOR EACH ROW EXECUTE FUNCTION "+m.object(function)+"()",
			"ALTER TABLE "+table+" ENABLE ALWAYS TRIGGER "+m.trigger(suffix))
	}
	add(m.table, "_move", "AFTER INSERT OR UPDATE OR DELETE", "_move")
	add(m.far.table, "_check", "BEFORE INSERT", "_into")
	add(m.far.table, "_into", "AFTER INSERT OR UPDATE OR DELETE", "_into")
	return out
}

// functions have the rights of who makes them: an application that may write one
// table need not have any right on the other.
func (m moved) functions() []string {
	var out []string
	for i, body := range []string{m.nearBody(), m.farBody()} {
		name := m.object(moveFunctions[i]) + "()"
		out = append(out, "CREATE OR REPLACE FUNCTION "+name+" RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS "+dollars(body),
			"REVOKE ALL ON FUNCTION "+name+" FROM PUBLIC")
	}
	return out
}

func (m moved) off() []string {
	var out []string
	for _, suffix := range nearTriggers {
		out = append(out, "DROP TRIGGER IF EXISTS "+m.trigger(suffix)+" ON "+m.table)
	}
	for _, suffix := range farTriggers {
		out = append(out, "DROP TRIGGER IF EXISTS "+m.trigger(suffix)+" ON "+m.far.table)
	}
	for _, suffix := range moveFunctions {
		out = append(out, "DROP FUNCTION IF EXISTS "+m.object(suffix)+"()")
	}
	return out
}

func (m moved) seen() string {
	of := func(s dialect.Sync, suffixes []string) string {
		var names []string
		for _, suffix := range suffixes {
			names = append(names, m.d.Literal(m.triggerName(suffix)))
		}
		return "(n.nspname = " + m.d.Literal(s.Table.Schema) + " AND c.relname = " + m.d.Literal(s.Table.Name) + " AND t.tgname IN (" + strings.Join(names, ", ") + "))"
	}
	var functions []string
	for _, suffix := range moveFunctions {
		functions = append(functions, m.d.Literal(m.Name+suffix))
	}
	return "SELECT t.tgname::text, pg_catalog.pg_get_triggerdef(t.oid), CASE t.tgenabled WHEN 'A' THEN 'on' WHEN 'D' THEN 'it is disabled' " +
		"WHEN 'R' THEN 'it fires only for rows that replication applies' ELSE 'it does not fire for rows that replication applies' END " +
		"FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal AND (" +
		of(m.Sync, nearTriggers[:]) + " OR " + of(m.far.Sync, farTriggers[:]) + ")" +
		" UNION ALL SELECT p.proname::text, pg_catalog.pg_get_functiondef(p.oid), 'on' FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = " +
		m.d.Literal(m.Table.Schema) + " AND p.proname IN (" + strings.Join(functions, ", ") + ") ORDER BY 1"
}

// row is the first table as expressions read it, whatever its columns are called now.
func (m moved) row() string {
	if len(m.away) == 0 {
		return m.table + " AS " + m.alias
	}
	return "(SELECT " + m.image("bellows_r") + " FROM " + m.table + " AS bellows_r) AS " + m.alias
}

// is is a condition: a table's key is that of a record of the other, or of itself.
func (y synced) is(name, record string, key []string) string {
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
	return "(SELECT " + strings.Join(list, ", ") + " FROM " + m.far.table + ") AS bellows_b", strings.Join(terms, " AND ")
}

// gives is a condition on a row of the first table: what it gives the other is
// something.
func (m moved) gives() string {
	columns, exprs := m.Side(dialect.New)
	return "EXISTS (SELECT FROM (SELECT " + strings.Join(m.far.typed(columns, exprs, " AS "), ", ") + ") AS bellows_f WHERE " + m.far.given("bellows_f.", m.New) + ")"
}

// agrees is a condition on a row of the first table, never null.
func (m moved) agrees() string {
	from, keys := m.held()
	columns, exprs := m.Side(dialect.New)
	var has []string
	for i := range columns {
		has = append(has, "bellows_b.bellows_n"+strconv.Itoa(i))
	}
	text := "(CASE WHEN EXISTS (SELECT FROM " + from + " WHERE " + keys + " AND pg_catalog.record_image_eq(ROW(" + strings.Join(has, ", ") + "), ROW(" + strings.Join(m.typed(columns, exprs, ""), ", ") + "))) THEN true"
	other := "EXISTS (SELECT FROM " + m.far.table + " AS " + m.far.alias + " WHERE " + m.far.is(m.far.alias, m.alias, m.Key) + " AND "
	if columns, exprs := m.Side(dialect.Old); len(columns) > 0 {
		var old []string
		for _, c := range columns {
			old = append(old, m.alias+"."+m.d.Quote(c.Name))
		}
		text += " WHEN " + other + "pg_catalog.record_image_eq(ROW(" + strings.Join(old, ", ") + "), ROW(" + strings.Join(m.typed(columns, exprs, ""), ", ") + "))) THEN true"
	} else if m.Written {
		text += " WHEN " + other + m.far.given(m.far.alias+".", m.New) + ") THEN true"
	}
	return text + " WHEN NOT EXISTS (SELECT FROM " + from + " WHERE " + keys + ") AND NOT " + m.gives() + " THEN true ELSE false END)"
}

// Has is a condition on a row of the first table.
func (d Dialect) Has(s dialect.Sync) string {
	m := d.move(s)
	return "EXISTS (SELECT FROM " + m.far.table + " AS " + m.far.alias + " WHERE " + m.far.is(m.far.alias, m.alias, m.Key) + ")"
}

// Stray is a condition on a row of the other table.
func (d Dialect) Stray(s dialect.Sync) string {
	m := d.move(s)
	return "NOT EXISTS (SELECT FROM " + m.table + " AS " + m.alias + " WHERE " + m.is(m.alias, m.far.alias, m.far.Key) + ")"
}

// nearBody: the first table was written, and the other follows.
func (m moved) nearBody() string {
	columns, exprs := m.Side(dialect.New)
	var into, sets, found, names []string
	for i, c := range columns {
		v := "bellows_f.bellows_n" + strconv.Itoa(i)
		found, into = append(found, cast(exprs[i], c)+" AS bellows_n"+strconv.Itoa(i)), append(into, v)
		sets, names = append(sets, m.d.Quote(c.Name)+" = "+v), append(names, m.d.Quote(c.Name))
	}
	follow := ""
	for i, k := range m.far.Key {
		follow += sep(i) + m.d.Quote(k) + " = NEW." + m.d.Quote(m.Key[i])
	}
	other := m.far.table + " AS bellows_b"
	values := append(behind("NEW.", m.d.quoted(m.Key)), into...)
	insert := "INSERT INTO " + m.far.table + " (" + strings.Join(append(m.d.quoted(m.far.Key), names...), ", ") + ") VALUES (" + strings.Join(values, ", ") + ") ON CONFLICT (" + strings.Join(m.d.quoted(m.far.Key), ", ") + ") DO "
	read := "SELECT " + strings.Join(found, ", ") + ", " + m.gives() + " AS bellows_gives, " + m.agrees() + " AS bellows_agrees INTO bellows_f FROM " + m.row() + " WHERE " + m.is(m.alias, "NEW", m.Key) + ";\n"
	return "\n#variable_conflict use_column\nDECLARE\n  bellows_f record; -- what the row gives the other table\n  bellows_there boolean;\n" + m.declared() + "BEGIN\n" +
		"  IF TG_OP = 'DELETE' THEN\n    DELETE FROM " + other + " WHERE " + m.far.is("bellows_b", "OLD", m.Key) + ";\n    RETURN NULL;\n  END IF;\n" +
		"  IF TG_OP = 'UPDATE' THEN\n" +
		"    IF NOT (" + m.is("OLD", "NEW", m.Key) + ") THEN\n      UPDATE " + other + " SET " + follow + " WHERE " + m.far.is("bellows_b", "OLD", m.Key) + ";\n" +
		"    ELSIF NOT " + m.differ("OLD.", "NEW.", m.Old) + " THEN -- touched: it is filled, if that can be\n" +
		"      IF NOT EXISTS (SELECT FROM " + other + " WHERE " + m.far.is("bellows_b", "NEW", m.Key) + ") THEN\n        BEGIN\n          " + read +
		"          IF FOUND AND bellows_f.bellows_gives THEN\n            " + insert + "NOTHING;\n          END IF;\n        EXCEPTION WHEN OTHERS THEN\n          NULL;\n        END;\n      END IF;\n      RETURN NULL;\n    END IF;\n  END IF;\n" +
		"  PERFORM FROM " + other + " WHERE " + m.far.is("bellows_b", "NEW", m.Key) + " FOR NO KEY UPDATE;\n  bellows_there := FOUND;\n  " + read +
		"  IF NOT FOUND OR bellows_f.bellows_agrees THEN\n    RETURN NULL;\n  END IF;\n" + m.note(dialect.Old) +
		"  IF bellows_there THEN\n    UPDATE " + other + " SET " + strings.Join(sets, ", ") + " WHERE " + m.far.is("bellows_b", "NEW", m.Key) + ";\n" +
		"  ELSE\n    " + insert + "UPDATE SET " + strings.Join(sets, ", ") + ";\n  END IF;\n  RETURN NULL;\nEND\n"
}

func sep(i int) string {
	if i == 0 {
		return ""
	}
	return ", "
}

func behind(prefix string, names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, prefix+n)
	}
	return out
}

// farBody: the other table was written, and the first follows. Before a row comes
// its own row there is locked, so that both applications lock in one order.
func (m moved) farBody() string {
	columns, exprs := m.Side(dialect.New)
	var filled []string
	fill := ""
	for i, c := range columns {
		name := "bellows_n" + strconv.Itoa(i)
		filled = append(filled, cast(exprs[i], c)+" AS "+name)
		fill += "        IF NOT " + m.far.given("NEW.", columns[i:i+1]) + " THEN\n          NEW." + m.d.Quote(c.Name) + " := coalesce(bellows_f." + name + ", NEW." + m.d.Quote(c.Name) + ");\n        END IF;\n"
	}
	lock := func(record string) string {
		return "PERFORM FROM " + m.table + " AS bellows_a WHERE " + m.is("bellows_a", record, m.far.Key) + " FOR NO KEY UPDATE;\n"
	}
	lonely := "RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, MESSAGE = " + m.d.Literal(m.Lonely()) + ", HINT = " + m.d.Literal(dialect.LonelyRemedy) + ";\n"
	judge := func(record string) string {
		return "SELECT " + m.agrees() + " INTO bellows_agree FROM " + m.row() + " WHERE " + m.is(m.alias, record, m.far.Key) + ";\n"
	}
	there := func(record string) string {
		return "EXISTS (SELECT FROM " + m.far.table + " AS bellows_b WHERE " + m.far.is("bellows_b", record, m.far.Key) + ")"
	}
	text := "\n#variable_conflict use_column\nDECLARE\n  bellows_agree boolean;\n  bellows_f record; -- what the row of the first table gives\n" + m.declared() + "BEGIN\n" +
		"  IF TG_WHEN = 'BEFORE' THEN\n    " + lock("NEW") + "    IF NOT FOUND THEN\n      " + lonely + "    END IF;\n" +
		"    IF NOT (" + strings.Join(m.each("NEW."), " AND ") + ") AND NOT " + there("NEW") + " THEN -- what it does not give is filled, if that can be\n      BEGIN\n        SELECT " + strings.Join(filled, ", ") + " INTO STRICT bellows_f" +
		" FROM " + m.row() + " WHERE " + m.is(m.alias, "NEW", m.far.Key) + ";\n" + fill + "      EXCEPTION WHEN OTHERS THEN\n        NULL;\n      END;\n    END IF;\n    RETURN NEW;\n  END IF;\n"
	moves := "NOT (" + m.far.is("OLD", "NEW", m.far.Key) + ")"
	text += "  IF TG_OP = 'UPDATE' THEN\n    IF NOT " + m.far.differ("OLD.", "NEW.", m.New) + " AND " + m.far.is("OLD", "NEW", m.far.Key) + " THEN\n      RETURN NULL;\n    END IF;\n  END IF;\n"
	if len(m.Backward) > 0 {
		text += "  IF TG_OP = 'DELETE' THEN\n    bellows_gone := true;\n  ELSIF TG_OP = 'UPDATE' THEN\n    bellows_gone := " + moves + ";\n  END IF;\n" +
			"  IF bellows_gone THEN -- the row that it belonged to has none any more\n    " + lock("OLD") + "    IF FOUND AND NOT " + there("OLD") + " THEN\n      " + judge("OLD") +
			"      IF NOT bellows_agree THEN\n" + indented(m.note(dialect.New), "      ") + "        UPDATE " + m.table + " AS bellows_a SET " + strings.Join(m.emptied(), ", ") + " WHERE " + m.is("bellows_a", "OLD", m.far.Key) + ";\n      END IF;\n    END IF;\n  END IF;\n"
		text = strings.Replace(text, "  bellows_agree boolean;\n", "  bellows_agree boolean;\n  bellows_gone boolean := false;\n", 1)
	}
	text += "  IF TG_OP = 'DELETE' THEN\n    RETURN NULL;\n  END IF;\n  " + lock("NEW") +
		"  IF NOT FOUND THEN\n    IF " + there("NEW") + " THEN\n      " + lonely + "    END IF;\n    RETURN NULL;\n  END IF;\n  " + judge("NEW") +
		"  IF NOT bellows_agree THEN\n" + indented(m.note(dialect.New), "  ")
	if back, by := m.Side(dialect.Old); len(back) > 0 {
		var names []string
		for _, c := range back {
			names = append(names, m.now(c.Name))
		}
		text += "    UPDATE " + m.table + " AS bellows_a SET (" + strings.Join(names, ", ") + ") = (SELECT " + strings.Join(m.typed(back, by, ""), ", ") + " FROM " + m.far.table + " AS " + m.far.alias +
			" WHERE " + m.far.is(m.far.alias, "NEW", m.far.Key) + ") WHERE " + m.is("bellows_a", "NEW", m.far.Key) + " AND " + there("NEW") + ";\n"
	}
	return text + "  END IF;\n  RETURN NULL;\nEND\n"
}

// each are conditions: a record gives each new column.
func (m moved) each(record string) []string {
	columns, _ := m.Side(dialect.New)
	var terms []string
	for i := range columns {
		terms = append(terms, m.far.given(record, columns[i:i+1]))
	}
	return terms
}

// emptied are the old columns as they are when they hold nothing.
func (m moved) emptied() []string {
	var sets []string
	for _, c := range m.Old {
		to := "NULL"
		if c.NotNull && c.Default != "" {
			to = inner(c.Default)
		}
		sets = append(sets, m.now(c.Name)+" = "+to)
	}
	return sets
}

func (m moved) declared() string {
	if m.Writes == "" {
		return ""
	}
	return "  bellows_app text := pg_catalog.current_setting('application_name');\n"
}

func indented(text, by string) string {
	if text == "" {
		return ""
	}
	return by + strings.TrimSuffix(strings.ReplaceAll(text, "\n", "\n"+by), by)
}

// note appends to the table of evidence, at most once in a second of a session. It
// never waits and never fails, as countFunction.
func (m moved) note(side dialect.Side) string {
	if m.Writes == "" {
		return ""
	}
	flag, word := m.flag(string(side)), m.d.Literal(string(side))
	return "  IF bellows_app NOT LIKE 'bellows/%' AND pg_catalog.current_setting('" + flag + "', true) IS DISTINCT FROM " + stamp + " THEN\n" +
		"    PERFORM pg_catalog.set_config('" + flag + "', " + stamp + ", false);\n    BEGIN\n      LOCK TABLE " + m.Writes + " IN ROW EXCLUSIVE MODE NOWAIT;\n" +
		"      IF pg_catalog.current_setting('transaction_isolation') = 'serializable' OR NOT EXISTS (SELECT FROM " + m.Writes + " w WHERE w.revision = " + m.d.Literal(m.Revision) +
		" AND w.side = " + word + " AND w.application = bellows_app AND w.at > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => 1)) THEN\n" +
		"        INSERT INTO " + m.Writes + " (revision, side, application, at) VALUES (" + m.d.Literal(m.Revision) + ", " + word + ", bellows_app, pg_catalog.clock_timestamp());\n      END IF;\n" +
		"    EXCEPTION WHEN OTHERS THEN\n      NULL;\n    END;\n  END IF;\n"
}

// fills locks the rows of the first table that it is about, which stops whoever
// changes a side of them, and looks anew then.
func (m moved) fills(side dialect.Side) string {
	where := "NOT " + m.agrees()
	if side == dialect.Old {
		where = "(" + where + " OR " + m.lacking() + ")"
	} else if len(m.Backward) == 0 {
		where += " AND NOT EXISTS (SELECT FROM " + m.far.table + " AS " + m.far.alias + " WHERE " + m.far.is(m.far.alias, m.alias, m.Key) + " AND " + m.far.given(m.far.alias+".", m.New) + ")"
	}
	first := "SELECT 1 FROM " + m.table + " WHERE " + where + " AND :chunk FOR NO KEY UPDATE;\n"
	if side == dialect.Old {
		columns, exprs := m.Side(dialect.Old)
		var names []string
		for _, c := range columns {
			names = append(names, m.d.Quote(c.Name))
		}
		other := m.far.table + " AS " + m.far.alias + " WHERE " + m.far.is(m.far.alias, m.alias, m.Key)
		return first + "UPDATE " + m.table + " SET (" + strings.Join(names, ", ") + ") = (SELECT " + strings.Join(m.typed(columns, exprs, ""), ", ") + " FROM " + other + ") WHERE " + where + " AND EXISTS (SELECT FROM " + other + ") AND :chunk;\n" +
			"UPDATE " + m.table + " SET " + strings.Join(m.emptied(), ", ") + " WHERE " + where + " AND NOT EXISTS (SELECT FROM " + other + ") AND :chunk"
	}
	columns, exprs := m.Side(dialect.New)
	var names, values, sets []string
	for i, c := range columns {
		names, values = append(names, m.d.Quote(c.Name)), append(values, cast(exprs[i], c))
		sets = append(sets, m.d.Quote(c.Name)+" = excluded."+m.d.Quote(c.Name))
	}
	keys := m.d.quoted(m.far.Key)
	return first + "INSERT INTO " + m.far.table + " (" + strings.Join(append(keys, names...), ", ") + ") SELECT " + strings.Join(append(behind(m.alias+".", m.d.quoted(m.Key)), values...), ", ") +
		" FROM " + m.table + " WHERE " + where + " AND :chunk ON CONFLICT (" + strings.Join(m.d.quoted(m.far.Key), ", ") + ") DO UPDATE SET " + strings.Join(sets, ", ")
}

// lacking is a condition: an old column that must not be null is.
func (m moved) lacking() string {
	text := "false"
	for _, c := range m.Old {
		if c.NotNull {
			text += " OR " + m.alias + "." + m.d.Quote(c.Name) + " IS NULL"
		}
	}
	return "(" + text + ")"
}

// Keyed is nothing: the keys of a table are all told.
func (d Dialect) Keyed(plan.Name) string { return "" }

// Unmovable tells of what triggers for rows do not see as what it is, and of a
// foreign key that keeps a row from being deleted.
func (d Dialect) Unmovable(s dialect.Sync) string {
	m := d.move(s)
	of := func(s dialect.Sync) string {
		return "(n.nspname = " + d.Literal(s.Table.Schema) + " AND c.relname = " + d.Literal(s.Table.Name) + ")"
	}
	tables := "pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE (" + of(m.Sync) + " OR " + of(m.far.Sync) + ")"
	return "SELECT 'the table ' || c.relname || ' is partitioned, or inherits from another, and a row that moves between its parts is deleted and inserted' FROM " + tables +
		" AND (c.relkind = 'p' OR c.relispartition OR EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent)))" +
		" UNION ALL SELECT 'the foreign key ' || k.conname || ' of ' || c.relname || ' is not ON DELETE CASCADE, so an application that knows nothing of ' || c.relname || ' could delete no row of ' || " + d.Literal(s.Table.Name) +
		" FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace" +
		" WHERE k.contype = 'f' AND k.confdeltype <> 'c' AND " + of(m.far.Sync) + " AND k.confrelid = (SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE " + of(m.Sync) + ")" +
		" UNION ALL SELECT 'column ' || a.attname || ' of ' || " + d.Literal(s.Table.Name) + " || ' must not be null and has no default, so an application that knows nothing of it could insert no row' FROM pg_catalog.pg_attribute a WHERE a.attrelid = (SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE " + of(m.Sync) +
		") AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND NOT a.attisdropped AND a.attname IN (" + d.literals(m.Old) + ") ORDER BY 1"
}

func (d Dialect) literals(columns []dialect.SyncColumn) string {
	var names []string
	for _, c := range columns {
		names = append(names, d.Literal(c.Name))
	}
	return strings.Join(names, ", ")
}
