package mysql

import (
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
)

var _ dialect.Mover = Dialect{}

// moved spells the triggers of a change whose sides are in two tables. A trigger may
// not write a table that the statement it fires for uses: so each looks whether the
// two rows agree and writes only where they do not, and one that another one's write
// has fired finds nothing to write. It looks at the other row as it is now, not as
// the transaction saw it first, and holds it; at one that is not there it does not
// look that way, because the gap where it would be is held then, and two who fill
// gaps wait for each other. A query within an IF or a SET looks that way, too, so
// that what must not hold a gap is asked by SELECT … INTO.
type moved struct {
	synced        // the table that columns leave
	far    synced // the one they come to
}

func (d Dialect) move(s dialect.Sync) moved { return moved{d.sync(s), d.sync(s.Far())} }

// moveTrigger is one of the triggers of a move.
type moveTrigger struct{ suffix, when, table, body string }

func (m moved) triggers() []moveTrigger {
	return []moveTrigger{
		{"_insert", "AFTER INSERT", m.table, m.inserted()},
		{"_update", "AFTER UPDATE", m.table, m.updated()},
		{"_delete", "AFTER DELETE", m.table, "BEGIN\n  DELETE FROM " + m.far.table + " WHERE " + m.far.keyed(m.far.alias, "OLD", m.Key) + ";\nEND"},
		{"_into_check", "BEFORE INSERT", m.far.table, m.checked()},
		{"_into_insert", "AFTER INSERT", m.far.table, "BEGIN\n" + declares + m.back() + "END"},
		{"_into_update", "AFTER UPDATE", m.far.table, "BEGIN\n" + declares + "  IF " + m.far.differ(m.New) + " OR " + m.rekeyed(m.far.Key) + " THEN\n    IF " + m.rekeyed(m.far.Key) + " THEN\n" + m.emptied() + "    END IF;\n" + m.back() + "  END IF;\nEND"},
		{"_into_delete", "AFTER DELETE", m.far.table, "BEGIN\n" + declares + m.emptied() + "END"},
	}
}

const declares = "  DECLARE bellows_there BIGINT DEFAULT 0;\n  DECLARE bellows_agree BOOLEAN DEFAULT FALSE;\n  DECLARE bellows_gives BOOLEAN DEFAULT FALSE;\n"

func (m moved) moveName(suffix, more string) string { return m.schema + m.d.Quote(m.Name+suffix+more) }

// made makes the triggers anew; there is no moment without them.
func (m moved) made() []string {
	var out []string
	for _, t := range m.triggers() {
		name, body := m.moveName(t.suffix, ""), " "+t.when+" ON "+t.table+" FOR EACH ROW\n"+t.body
		if m.d.Flavour() == MariaDB {
			out = append(out, "CREATE OR REPLACE TRIGGER "+name+body)
			continue
		}
		other := m.moveName(t.suffix, "2")
		out = append(out, "CREATE TRIGGER IF NOT EXISTS "+other+body, "DROP TRIGGER IF EXISTS "+name, "CREATE TRIGGER "+name+body, "DROP TRIGGER IF EXISTS "+other)
	}
	return out
}

func (m moved) off() []string {
	var out []string
	for _, t := range m.triggers() {
		out = append(out, "DROP TRIGGER IF EXISTS "+m.moveName(t.suffix, ""))
		if m.d.Flavour() != MariaDB {
			out = append(out, "DROP TRIGGER IF EXISTS "+m.moveName(t.suffix, "2"))
		}
	}
	return out
}

func (m moved) seen() string {
	schema := "DATABASE()"
	if m.Table.Schema != "" {
		schema = m.d.Literal(m.Table.Schema)
	}
	var names []string
	for _, t := range m.triggers() {
		names = append(names, m.d.Literal(m.Name+t.suffix))
	}
	of := func(table string) string {
		return "SELECT t.trigger_name, CONCAT(t.action_timing, ' ', t.event_manipulation, ' ', t.sql_mode, ' ', t.definer, ' ', t.action_statement), 'on' FROM information_schema.triggers t WHERE t.event_object_schema = " + schema +
			" AND t.event_object_table = " + m.d.Literal(table) + " AND t.trigger_name IN (" + strings.Join(names, ", ") + ")"
	}
	return of(m.Table.Name) + " UNION ALL " + of(m.far.Table.Name) + " ORDER BY 1"
}

// keyed is a condition: a table's key is that of a record of the other, or of itself.
func (y synced) keyed(name, record string, key []string) string {
	var terms []string
	for i, k := range y.Key {
		terms = append(terms, name+"."+y.d.Quote(k)+" = "+record+"."+y.d.Quote(key[i]))
	}
	return strings.Join(terms, " AND ")
}

func (m moved) rekeyed(key []string) string {
	var terms []string
	for _, k := range key {
		terms = append(terms, "NOT (OLD."+m.d.Quote(k)+" <=> NEW."+m.d.Quote(k)+")")
	}
	return "(" + strings.Join(terms, " OR ") + ")"
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

// gives is a condition: of what expressions give for the new side, some is neither
// null nor the column's default. spell binds an expression.
func (m moved) gives(spell func(string) string) string {
	columns, exprs := m.Side(dialect.New)
	var terms []string
	for i, c := range columns {
		k := m.kind(c)
		term := spell(exprs[i]) + " IS NOT NULL"
		if c.Default != "" && dialect.Constant(m.d, c.Default) {
			term += " AND NOT " + k.same(k.as(spell(exprs[i])), k.as(inner(c.Default)))
		}
		terms = append(terms, term)
	}
	return "(" + strings.Join(terms, " OR ") + ")"
}

// alike is a condition: columns of a record are what expressions give.
func (m moved) alike(record string, side dialect.Side, spell func(string) string) string {
	columns, exprs := m.Side(side)
	var terms []string
	for i, c := range columns {
		terms = append(terms, m.kind(c).same(record+"."+m.d.Quote(c.Name), m.kind(c).as(spell(exprs[i]))))
	}
	return strings.Join(terms, " AND ")
}

// agrees is a condition on a row of the first table, never null.
func (m moved) agrees() string {
	from, keys := m.held()
	columns, exprs := m.Side(dialect.New)
	text := "(CASE WHEN EXISTS (SELECT 1 FROM " + from + " WHERE " + keys
	for i, c := range columns {
		text += " AND " + m.kind(c).same("bellows_b.bellows_n"+strconv.Itoa(i), m.kind(c).as(inner(exprs[i])))
	}
	text += ") THEN TRUE"
	other := "EXISTS (SELECT 1 FROM " + m.far.table + " WHERE " + m.far.keyed(m.far.alias, m.alias, m.Key) + " AND "
	switch {
	case len(m.Backward) > 0:
		text += " WHEN " + other + m.alike(m.alias, dialect.Old, inner) + ") THEN TRUE"
	case m.Written:
		text += " WHEN " + other + m.far.given(m.far.alias+".", m.New) + ") THEN TRUE"
	}
	return text + " WHEN NOT EXISTS (SELECT 1 FROM " + from + " WHERE " + keys + ") AND NOT " + m.gives(inner) + " THEN TRUE ELSE FALSE END)"
}

// Has is a condition on a row of the first table.
func (d Dialect) Has(s dialect.Sync) string {
	m := d.move(s)
	return "EXISTS (SELECT 1 FROM " + m.far.table + " WHERE " + m.far.keyed(m.far.alias, m.alias, m.Key) + ")"
}

// Stray is a condition on a row of the other table.
func (d Dialect) Stray(s dialect.Sync) string {
	m := d.move(s)
	return "NOT EXISTS (SELECT 1 FROM " + m.table + " WHERE " + m.keyed(m.alias, m.far.alias, m.far.Key) + ")"
}

// hold is a query of one row that holds it. A trigger that another one's write has
// fired may not ask that way of a table whose row is held already: it asks as it may.
// To hold a row for reading first and for writing then would not do: who waits for
// the row in between waits for us, and we for him.
func hold(query string) string {
	return "    BEGIN\n      DECLARE EXIT HANDLER FOR 1442 " + query + " LOCK IN SHARE MODE;\n      " + query + " FOR UPDATE;\n    END;\n"
}

// put writes the row of the other table; one that is there gets the values, unless
// only a missing one is to be made.
func (m moved) put(missing bool) string {
	columns, exprs := m.Side(dialect.New)
	var names, values, sets []string
	for i, k := range m.far.Key {
		names, values = append(names, m.d.Quote(k)), append(values, "NEW."+m.d.Quote(m.Key[i]))
	}
	first := names[0]
	for i, c := range columns {
		name := m.d.Quote(c.Name)
		names, values, sets = append(names, name), append(values, m.bound(exprs[i])), append(sets, name+" = VALUES("+name+")")
	}
	if missing {
		sets = []string{first + " = " + m.far.table + "." + first}
	}
	return "INSERT INTO " + m.far.table + " (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(values, ", ") + ") ON DUPLICATE KEY UPDATE " + strings.Join(sets, ", ") + ";\n"
}

// inserted: a row of the first table came, and the other gets one if it gives it
// something.
func (m moved) inserted() string {
	return "BEGIN\n  IF " + m.gives(m.bound) + " THEN\n" + m.note(dialect.Old) + "    " + m.put(false) + "  END IF;\nEND"
}

// updated: the other row follows the key, and what has changed; one that is missing
// is filled when its row here is touched, if that can be.
func (m moved) updated() string {
	var follow, sets []string
	for i, k := range m.far.Key {
		follow = append(follow, m.d.Quote(k)+" = NEW."+m.d.Quote(m.Key[i]))
	}
	columns, exprs := m.Side(dialect.New)
	for i, c := range columns {
		sets = append(sets, m.d.Quote(c.Name)+" = "+m.bound(exprs[i]))
	}
	agree := m.alike(m.far.alias, dialect.New, m.bound)
	if len(m.Backward) > 0 {
		agree = "CASE WHEN " + agree + " THEN 1 WHEN " + m.alike("NEW", dialect.Old, inner) + " THEN 1 ELSE 0 END"
	}
	mine := m.far.keyed(m.far.alias, "NEW", m.Key)
	return "BEGIN\n" + declares +
		"  IF " + m.rekeyed(m.Key) + " THEN\n    UPDATE " + m.far.table + " SET " + strings.Join(follow, ", ") + " WHERE " + m.far.keyed(m.far.alias, "OLD", m.Key) + ";\n  END IF;\n" +
		"  SELECT COUNT(*) INTO bellows_there FROM " + m.far.table + " WHERE " + mine + ";\n" +
		"  IF " + m.differ(m.Old) + " OR " + m.rekeyed(m.Key) + " THEN\n    SET bellows_gives = " + m.gives(m.bound) + ";\n" +
		"    IF bellows_there > 0 OR NOT bellows_gives THEN\n" + hold("SELECT COUNT(*), COALESCE(MAX("+agree+"), 0) INTO bellows_there, bellows_agree FROM "+m.far.table+" WHERE "+mine) + "    END IF;\n" +
		"    IF bellows_there > 0 AND NOT bellows_agree THEN\n" + m.note(dialect.Old) + "      UPDATE " + m.far.table + " SET " + strings.Join(sets, ", ") + " WHERE " + mine + ";\n" +
		"    ELSEIF bellows_there = 0 AND bellows_gives THEN\n" + m.note(dialect.Old) + "      " + m.put(false) + "    END IF;\n" +
		"  ELSEIF bellows_there = 0 THEN\n    BEGIN\n      DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN END;\n      IF " + m.gives(m.bound) + " THEN\n        " + m.put(true) + "      END IF;\n    END;\n  END IF;\nEND"
}

func (m moved) lonely() string {
	message := []rune(m.Lonely())
	return "SIGNAL SQLSTATE '23000' SET MESSAGE_TEXT = " + m.d.Literal(string(message[:min(len(message), 128)])) + ", MYSQL_ERRNO = 1644;\n"
}

// checked: before a row of the other table comes its own row in the first is held,
// so that both applications lock in one order. New columns that it does not give get
// what the first table has.
func (m moved) checked() string {
	columns, exprs := m.Side(dialect.New)
	var fill string
	for i, c := range columns {
		name := "NEW." + m.d.Quote(c.Name)
		fill += "      IF NOT " + m.far.given("NEW.", columns[i:i+1]) + " THEN\n        SET " + name + " = COALESCE((SELECT " + inner(exprs[i]) + " FROM " + m.table + " WHERE " + m.keyed(m.alias, "NEW", m.far.Key) + "), " + name + ");\n      END IF;\n"
	}
	return "BEGIN\n" + declares + hold("SELECT COUNT(*), COALESCE(MAX("+m.gives(inner)+"), 0) INTO bellows_there, bellows_gives FROM "+m.table+" WHERE "+m.keyed(m.alias, "NEW", m.far.Key)) +
		"  IF bellows_there = 0 THEN\n    " + m.lonely() + "  END IF;\n" +
		"  SELECT COUNT(*) INTO bellows_there FROM " + m.far.table + " WHERE " + m.far.keyed(m.far.alias, "NEW", m.far.Key) + ";\n  IF bellows_gives AND bellows_there = 0 THEN\n    BEGIN\n      DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN END;\n" + fill + "    END;\n  END IF;\nEND"
}

// back: the other table was written, and the first follows.
func (m moved) back() string {
	agree := m.alikeNew()
	var sets []string
	if columns, exprs := m.Side(dialect.Old); len(columns) > 0 {
		agree = "CASE WHEN " + agree + " THEN 1 WHEN " + m.alike(m.alias, dialect.Old, m.far.bound) + " THEN 1 ELSE 0 END"
		for i, c := range columns {
			sets = append(sets, m.d.Quote(c.Name)+" = "+m.far.bound(exprs[i]))
		}
	}
	mine := m.keyed(m.alias, "NEW", m.far.Key)
	text := hold("SELECT COUNT(*), COALESCE(MAX("+agree+"), 0) INTO bellows_there, bellows_agree FROM "+m.table+" WHERE "+mine) +
		"    IF bellows_there = 0 THEN\n      " + m.lonely() + "    ELSEIF NOT bellows_agree THEN\n" + m.note(dialect.New)
	if len(sets) > 0 {
		text += "      UPDATE " + m.table + " SET " + strings.Join(sets, ", ") + " WHERE " + mine + ";\n"
	} else {
		text += "      SET bellows_agree = TRUE;\n"
	}
	return text + "    END IF;\n"
}

// alikeNew is a condition on a row of the first table: the row of the other that was
// written is what it gives.
func (m moved) alikeNew() string { return m.alike("NEW", dialect.New, inner) }

// emptied: the row that a row of the other table belonged to has none any more.
func (m moved) emptied() string {
	if len(m.Backward) == 0 {
		return "    SET bellows_agree = TRUE;\n"
	}
	mine := m.keyed(m.alias, "OLD", m.far.Key)
	return hold("SELECT COUNT(*), COALESCE(MAX("+m.gives(inner)+"), 0) INTO bellows_there, bellows_gives FROM "+m.table+" WHERE "+mine) +
		"    IF bellows_there > 0 AND bellows_gives THEN\n" + m.note(dialect.New) + "      UPDATE " + m.table + " SET " + strings.Join(m.nothing(), ", ") + " WHERE " + mine + ";\n    END IF;\n"
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

// note appends to the table of evidence, once in a second of a session, as counting.
func (m moved) note(side dialect.Side) string {
	if m.Writes == "" {
		return ""
	}
	flag := m.flag(side)
	return "      IF @bellows IS NULL AND NOT (" + flag + " <=> UNIX_TIMESTAMP()) THEN\n        BEGIN\n          DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;\n" +
		"          SET " + flag + " = UNIX_TIMESTAMP();\n" +
		"          INSERT INTO " + m.Writes + " (revision, side, application, at) VALUES (" + m.d.Literal(m.Revision) + ", " + m.d.Literal(string(side)) + ", LEFT(USER(), 190), UTC_TIMESTAMP(6));\n" +
		"        END;\n      END IF;\n"
}

// fills locks the rows of the first table that it is about, which stops whoever
// changes a side of them, and looks anew then.
func (m moved) fills(side dialect.Side) string {
	where := "NOT " + m.agrees()
	columns, exprs := m.Side(side)
	other := m.far.table + " WHERE " + m.far.keyed(m.far.alias, m.alias, m.Key)
	if side == dialect.Old {
		where = "(" + where + " OR " + m.lacking() + ")"
	} else if len(m.Backward) == 0 {
		where += " AND NOT EXISTS (SELECT 1 FROM " + other + " AND " + m.far.given(m.far.alias+".", m.New) + ")"
	}
	first := "SELECT 1 FROM " + m.table + " WHERE " + where + " AND :chunk FOR UPDATE;\n"
	if side == dialect.Old {
		var sets []string
		for i, c := range columns {
			sets = append(sets, m.d.Quote(c.Name)+" = (SELECT "+inner(exprs[i])+" FROM "+other+")")
		}
		update := "UPDATE " + m.table + " SET "
		return first + update + strings.Join(sets, ", ") + " WHERE " + where + " AND EXISTS (SELECT 1 FROM " + other + ") AND :chunk;\n" +
			update + strings.Join(m.nothing(), ", ") + " WHERE " + where + " AND NOT EXISTS (SELECT 1 FROM " + other + ") AND :chunk"
	}
	var names, values, sets []string
	for i, k := range m.far.Key {
		names, values = append(names, m.d.Quote(k)), append(values, m.alias+"."+m.d.Quote(m.Key[i]))
	}
	for i, c := range columns {
		name := m.d.Quote(c.Name)
		names, values, sets = append(names, name), append(values, inner(exprs[i])), append(sets, name+" = VALUES("+name+")")
	}
	return first + "INSERT INTO " + m.far.table + " (" + strings.Join(names, ", ") + ") SELECT " + strings.Join(values, ", ") + " FROM " + m.table + " WHERE " + where + " AND :chunk ON DUPLICATE KEY UPDATE " + strings.Join(sets, ", ")
}

// lacking is a condition: an old column that must not be null is.
func (m moved) lacking() string {
	text := "FALSE"
	for _, c := range m.Old {
		if c.NotNull {
			text += " OR " + m.alias + "." + m.d.Quote(c.Name) + " IS NULL"
		}
	}
	return "(" + text + ")"
}

// Keyed is nothing: the keys of a table are all told.
func (d Dialect) Keyed(plan.Name) string { return "" }

// Unmovable tells of foreign keys that keep a row from being deleted, of rows that
// go without a trigger, and of an old column that every insert must give.
func (d Dialect) Unmovable(s dialect.Sync) string {
	m := d.move(s)
	schema := "DATABASE()"
	if s.Table.Schema != "" {
		schema = d.Literal(s.Table.Schema)
	}
	near, far := d.Literal(s.Table.Name), d.Literal(m.far.Table.Name)
	var old []string
	for _, c := range s.Old {
		old = append(old, d.Literal(c.Name))
	}
	rules := "information_schema.referential_constraints r WHERE r.constraint_schema = " + schema
	return "SELECT CONCAT('the foreign key ', r.constraint_name, ' of ', r.table_name, ' is not ON DELETE CASCADE, so an application that knows nothing of ', r.table_name, ' could delete no row of ', r.referenced_table_name) FROM " +
		rules + " AND r.table_name = " + far + " AND r.referenced_table_name = " + near + " AND r.delete_rule <> 'CASCADE'" +
		" UNION ALL SELECT CONCAT('rows of ', r.table_name, ' are deleted by the foreign key ', r.constraint_name, ', for which no trigger fires, and ', " + far + ", ' has no foreign key that takes its rows along') FROM " +
		rules + " AND r.table_name = " + near + " AND r.delete_rule = 'CASCADE' AND NOT EXISTS (SELECT 1 FROM information_schema.referential_constraints o WHERE o.constraint_schema = " + schema +
		" AND o.table_name = " + far + " AND o.referenced_table_name = " + near + ")" +
		" UNION ALL SELECT CONCAT('column ', c.column_name, ' of ', c.table_name, ' must not be null and has no default, so an application that knows nothing of it could insert no row') FROM information_schema.columns c WHERE c.table_schema = " +
		schema + " AND c.table_name = " + near + " AND c.is_nullable = 'NO' AND c.column_default IS NULL AND c.column_name IN (" + strings.Join(old, ", ") + ")"
}
