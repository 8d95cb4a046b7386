package sqlite

import (
	"iter"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/sqltext"
)

var _ dialect.Filler = Dialect{}

// KeyMoves is the kind of a rowid that VACUUM may change, because no column is
// its name.
const KeyMoves = "moves"

// Fill are the facts by which rows are changed in chunks. The file has one
// writer, so nobody's lock is passed over.
func (d Dialect) Fill() dialect.Fill {
	return dialect.Fill{Begin: []string{"BEGIN IMMEDIATE"}, RowCompare: true, Alone: true}
}

// Tokens reads SQL as the server does.
func (d Dialect) Tokens(sql string) iter.Seq[sqltext.Token] { return Tokens(sql, sqltext.Options{}) }

// KeyText is the literal of the value, whatever its type: a column here may hold
// any. A text with a NUL byte, at which quote() ends, is spelled by its bytes; the
// + takes the affinity of the CAST away, so that it compares as a literal does.
func (d Dialect) KeyText(column, _ string) string {
	return "CASE WHEN typeof(" + column + ") = 'text' AND instr(CAST(" + column + " AS BLOB), X'00') > 0 THEN '+CAST(X''' || hex(" + column +
		") || ''' AS TEXT)' ELSE quote(" + column + ") END"
}

// KeyValue is the literal that KeyText gave.
func (d Dialect) KeyValue(text, _ string) string { return text }

// Identity is the table's own text; nothing else moves its rows, but for VACUUM
// where rows have no number of their own: that changes the number of the schema.
func (d Dialect) Identity(table plan.Name, key []string) []string {
	schema, arg := "", ""
	if table.Schema != "" {
		schema, arg = d.Quote(table.Schema)+".", ", "+d.Literal(table.Schema)
	}
	storage := "''"
	if len(key) == 1 && key[0] == KeyMoves {
		storage = "(SELECT schema_version FROM pragma_schema_version)" // the main file's: there is no asking for another's
	}
	columns := "(SELECT coalesce(group_concat(i.cid || ' ' || i.type, ','), '') FROM pragma_table_info(" + d.Literal(table.Name) + arg + ") i WHERE lower(i.name) IN ("
	for i, k := range key {
		if i > 0 {
			columns += ", "
		}
		columns += d.Literal(strings.ToLower(k))
	}
	return []string{"(SELECT m.name || '/' || " + storage + " || '/' || " + columns + ")) FROM " + schema + "sqlite_master m WHERE m.type = 'table' AND lower(m.name) = lower(" +
		d.Literal(table.Name) + "))"}
}

// Trouble follows the result codes of sqlite3.h. SQLITE_ERROR, by itself, is a
// statement that cannot be prepared or a value that cannot be worked with: only
// the message tells which.
func (d Dialect) Trouble(code fault.Code, message string) dialect.Trouble {
	_, number, _ := strings.Cut(string(code), ".")
	n, err := strconv.Atoi(number)
	if err != nil {
		return dialect.Fatal
	}
	switch n & 0xff {
	case 5, 6, 15: // BUSY, LOCKED, PROTOCOL
		return dialect.Transient
	case 7, 9: // NOMEM, INTERRUPT
		return dialect.Load
	case 18, 19, 20: // TOOBIG, CONSTRAINT, MISMATCH
		return dialect.Row
	case 1:
		if message == "integer overflow" || strings.HasPrefix(message, "malformed JSON") || strings.HasPrefix(message, "bad JSON path") {
			return dialect.Row
		}
	}
	return dialect.Fatal
}
