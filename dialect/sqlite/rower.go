package sqlite

import (
	"encoding/hex"
	"strings"

	"github.com/bellowsdb/bellows/dialect"
)

var _ dialect.Rower = Dialect{}

// Travel are the facts of rows that travel. Who writes has the whole file, so rows
// need no lock. A column of an expression has no declared type by which the Go
// driver would make a time of a text.
func (d Dialect) Travel() dialect.Travel { return dialect.Travel{Kept: "+%s"} }

// TypeOf: each value tells its own kind. A column's affinity says what it usually
// holds (Datatypes In SQLite, section 3.1).
func (d Dialect) TypeOf(declared string) (dialect.Type, bool) {
	t := dialect.Type{Kind: dialect.Own}
	name := strings.ToUpper(declared)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(name, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("INT"):
		t.Name = "integer"
	case !has("CHAR", "CLOB", "TEXT", "BLOB") && has("REAL", "FLOA", "DOUB"):
		t.Name = "real"
	}
	return t, true
}

func (d Dialect) Spell(c dialect.Cell) string {
	text := string(c.Text)
	switch {
	case c.Null:
		return "NULL"
	case c.Kind == dialect.Bytes:
		return "X'" + hex.EncodeToString(c.Text) + "'"
	case c.Kind == dialect.Real && (text == "Infinity" || text == "-Infinity"):
		return strings.Replace(text, "Infinity", "9e999", 1)
	case c.Kind == dialect.Real && text == "NaN":
		return "NULL" // as SQLite itself keeps it
	case c.Kind == dialect.Integer, c.Kind == dialect.Real:
		return text
	}
	return d.Literal(text)
}

// There are no lists.

func (d Dialect) ListText([]dialect.Cell) string          { return "" }
func (d Dialect) ListCells([]byte) ([]dialect.Cell, bool) { return nil, false }
