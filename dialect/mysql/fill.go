package mysql

import (
	"iter"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/sqltext"
)

var _ dialect.Filler = Dialect{}

// The kinds of a key's column.
const (
	KeyNumber = "number" // integers and decimals: spelled as they are
	KeyChars  = "text"   // character strings: compared in the column's collation
	KeyBytes  = "bytes"  // byte strings
	KeyOther  = "other"  // dates, times, UUID, INET6: read from text
)

// Fill are the facts by which rows are changed in chunks.
func (d Dialect) Fill() dialect.Fill {
	f := dialect.Fill{
		Begin: []string{"SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "START TRANSACTION READ WRITE"},
		Stale: 100 * time.Millisecond,
	}
	if !d.pipesAsConcat {
		f.Or = "||"
	}
	if d.Flavour() == MariaDB {
		f.Waits = "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status WHERE variable_name = 'Innodb_row_lock_current_waits'"
		if d.Version() >= 100600 {
			f.Pass = " FOR UPDATE SKIP LOCKED"
		}
		if d.Version() >= 100300 {
			f.Refuse = " FOR UPDATE NOWAIT"
			f.Idle = "SET SESSION idle_transaction_timeout = (%d + 999) DIV 1000"
		}
		return f
	}
	f.Waits = "SELECT CAST(variable_value AS SIGNED) FROM performance_schema.global_status WHERE variable_name = 'Innodb_row_lock_current_waits'"
	if d.Version() >= 80001 {
		f.Pass, f.Refuse = " FOR UPDATE SKIP LOCKED", " FOR UPDATE NOWAIT"
	}
	return f
}

// Tokens reads SQL as the server does under the session's sql_mode.
func (d Dialect) Tokens(sql string) iter.Seq[sqltext.Token] {
	return Tokens(sql, d.options(sqltext.Options{}))
}

// KeyText is a text of any value that can be a key.
func (d Dialect) KeyText(column, kind string) string {
	switch kind {
	case KeyBytes:
		return "HEX(" + column + ")"
	case KeyChars:
		return column
	}
	return "CAST(" + column + " AS CHAR)"
}

// KeyValue spells numbers as numbers: the server compares a number with a
// string as floating point, which has no room for a BIGINT.
func (d Dialect) KeyValue(text, kind string) string {
	switch {
	case kind == KeyNumber && isNumber(text):
		return text
	case kind == KeyBytes:
		return "X'" + text + "'"
	}
	return d.Literal(text)
}

func isNumber(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	return digits != "" && strings.Trim(digits, "0123456789.") == ""
}

// Identity is made of the storage's number, which TRUNCATE and a rebuild change
// and which only a user with the right PROCESS may see, of when the table was
// made, which most changes of it change too, and of the key's columns.
func (d Dialect) Identity(table plan.Name, key []string) []string {
	schema := "DATABASE()"
	if table.Schema != "" {
		schema = d.Literal(table.Schema)
	}
	columns := "''"
	if len(key) > 0 {
		names := make([]string, len(key))
		for i, k := range key {
			names[i] = d.Literal(k)
		}
		columns = "(SELECT COALESCE(GROUP_CONCAT(CONCAT(c.column_name, ' ', c.column_type, ' ', COALESCE(c.collation_name, '')) ORDER BY c.ordinal_position), '') " +
			"FROM information_schema.columns c WHERE c.table_schema = " + schema + " AND c.table_name = " + d.Literal(table.Name) +
			" AND c.column_name IN (" + strings.Join(names, ", ") + "))"
	}
	of := func(storage string) string {
		return "(SELECT CONCAT(t.table_name, '/', " + storage + ", '/', " + columns + ") FROM information_schema.tables t WHERE t.table_schema = " +
			schema + " AND t.table_name = " + d.Literal(table.Name) + ")"
	}
	made := "COALESCE(t.create_time, '')"
	if !isPlain(table.Schema) || !isPlain(table.Name) {
		return []string{of(made)} // the engine spells such names in its own way
	}
	tables := "information_schema.innodb_sys_tables"
	if d.Flavour() == MySQL && d.Version() >= 80000 {
		tables = "information_schema.innodb_tables"
	}
	return []string{of("COALESCE((SELECT i.table_id FROM " + tables + " i WHERE i.name = CONCAT(" + schema + ", '/', " + d.Literal(table.Name) + ")), " + made + ")"), of(made)}
}

func isPlain(name string) bool {
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// troubles are the servers' error numbers that are not fatal.
var troubles = map[string]dialect.Trouble{
	// lock wait, deadlock, NOWAIT, connections, shutdown, read-only (a failover), changed since last read
	"1205": dialect.Transient, "1213": dialect.Transient, "1614": dialect.Transient, "3572": dialect.Transient, "1020": dialect.Transient,
	"1040": dialect.Transient, "1203": dialect.Transient, "1053": dialect.Transient, "1077": dialect.Transient, "1079": dialect.Transient,
	"1290": dialect.Transient, "1836": dialect.Transient, "1792": dialect.Transient, "1927": dialect.Transient, "2006": dialect.Transient,
	"2013": dialect.Transient, "3169": dialect.Transient, "4031": dialect.Transient, "gone": dialect.Transient, "1412": dialect.Transient,
	// time-outs, memory, lock table, binlog cache, packet
	"1969": dialect.Load, "3024": dialect.Load, "1317": dialect.Load, "1028": dialect.Load, "1037": dialect.Load, "1038": dialect.Load,
	"1041": dialect.Load, "1206": dialect.Load, "1197": dialect.Load, "1153": dialect.Load,
	// constraints and values
	"1048": dialect.Row, "1062": dialect.Row, "1169": dialect.Row, "1216": dialect.Row, "1217": dialect.Row, "1242": dialect.Row,
	"1264": dialect.Row, "1265": dialect.Row, "1292": dialect.Row, "1364": dialect.Row, "1365": dialect.Row, "1366": dialect.Row,
	"1367": dialect.Row, "1369": dialect.Row, "1406": dialect.Row, "1411": dialect.Row, "1416": dialect.Row, "1441": dialect.Row,
	"1451": dialect.Row, "1452": dialect.Row, "1526": dialect.Row, "1586": dialect.Row, "1644": dialect.Row, "1690": dialect.Row,
	"3140": dialect.Row, "3141": dialect.Row, "3156": dialect.Row, "3819": dialect.Row, "4025": dialect.Row, "4038": dialect.Row,
}

// Trouble follows the servers' lists of error numbers.
func (d Dialect) Trouble(code fault.Code, _ string) dialect.Trouble {
	_, number, _ := strings.Cut(string(code), ".")
	return troubles[number]
}
