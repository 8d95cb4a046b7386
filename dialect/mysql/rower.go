package mysql

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/dialect"
)

var (
	_ dialect.Rower  = Dialect{}
	_ dialect.Lister = Dialect{}
)

// Travel are the facts of rows that travel. There is no version of a row to ask for,
// so what was read is read again, and locked.
func (d Dialect) Travel() dialect.Travel { return dialect.Travel{Hold: " FOR UPDATE"} }

// TypeOf knows a type by the Go driver's name for it.
func (d Dialect) TypeOf(name string) (dialect.Type, bool) {
	kind := dialect.Chars
	switch strings.TrimPrefix(name, "UNSIGNED ") {
	case "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "YEAR":
		kind = dialect.Integer
	case "FLOAT", "DOUBLE":
		kind = dialect.Real
	case "DECIMAL":
		kind = dialect.Decimal
	case "JSON":
		kind = dialect.JSON
	case "DATETIME":
		kind = dialect.Moment
	case "TIMESTAMP":
		kind = dialect.Zoned
	case "BLOB", "TINYBLOB", "MEDIUMBLOB", "LONGBLOB", "BINARY", "VARBINARY", "BIT", "GEOMETRY", "VECTOR":
		kind = dialect.Bytes
	}
	return dialect.Type{Kind: kind}, true
}

// Spell spells a number bare, for beside a number a text is read as a double.
func (d Dialect) Spell(c dialect.Cell) string {
	switch {
	case c.Null:
		return "NULL"
	case c.Kind == dialect.Bytes:
		return "X'" + hex.EncodeToString(c.Text) + "'"
	case c.Kind == dialect.Integer || c.Kind == dialect.Decimal || c.Kind == dialect.Real:
		if isDecimal(string(c.Text)) {
			return string(c.Text)
		}
	case c.Kind == dialect.Zoned:
		return d.Literal(strings.TrimSuffix(string(c.Text), "Z")) // sessions are in UTC
	}
	return d.Literal(string(c.Text))
}

// isDecimal tells whether a text is a number as SQL spells it.
func isDecimal(text string) bool {
	mantissa, exponent, has := strings.Cut(strings.ToLower(text), "e")
	return isNumber(mantissa) && (!has || isNumber(strings.TrimPrefix(exponent, "+")))
}

// There are no lists.

func (d Dialect) ListText([]dialect.Cell) string          { return "" }
func (d Dialect) ListCells([]byte) ([]dialect.Cell, bool) { return nil, false }

// Values is a UNION, a column of which has one type for all its values. So they are
// of one class, whole numbers, texts, or bytes, and none is made another. Numbers
// with a fraction would have one precision for all, and are texts therefore.
func (d Dialect) Values(name string, rows [][]dialect.Cell) (string, bool) {
	classes := make([]string, len(rows[0]))
	var b strings.Builder
	b.WriteString("(SELECT ")
	for i, row := range rows {
		if i > 0 {
			b.WriteString(" UNION ALL SELECT ")
		}
		for j, c := range row {
			text, class := d.listed(c)
			if classes[j] == "" {
				classes[j] = class
			}
			if class != "" && class != classes[j] {
				return "", false
			}
			if j > 0 {
				b.WriteString(", ")
			}
			b.WriteString(text)
			if i == 0 {
				b.WriteString(" AS " + listedColumn + strconv.Itoa(j+1))
			}
		}
	}
	b.WriteString(") AS " + name)
	return b.String(), true
}

// listed is a value of such a table, and its class; "" of NULL, which is of any.
func (d Dialect) listed(c dialect.Cell) (text, class string) {
	number := c.Kind == dialect.Integer || c.Kind == dialect.Decimal || c.Kind == dialect.Real
	switch {
	case c.Null:
		return d.Spell(c), ""
	case c.Kind == dialect.Bytes:
		return d.Spell(c), "bytes"
	case number && isNumber(string(c.Text)) && !strings.Contains(string(c.Text), "."):
		return d.Spell(c), "number"
	case number:
		return d.Literal(string(c.Text)), "text"
	}
	return d.Spell(c), "text"
}

// Value is a column of that table.
func (d Dialect) Value(name string, n int) string { return name + "." + listedColumn + strconv.Itoa(n) }

// listedColumn begins the names of such a table's columns, which no table has.
const listedColumn = "bellows_c"
