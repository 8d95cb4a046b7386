package mysql

import (
	"encoding/hex"
	"strings"

	"github.com/bellowsdb/bellows/dialect"
)

var _ dialect.Rower = Dialect{}

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
