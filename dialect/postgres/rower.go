package postgres

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/dialect"
)

var _ dialect.Tabler = Dialect{}

// Travel are the facts of rows that travel. A row has another xmin after each
// change (system columns, PostgreSQL documentation); locks leave it as it is.
func (d Dialect) Travel() dialect.Travel {
	return dialect.Travel{
		Version:     "%s.xmin::pg_catalog.text",
		SameVersion: "%s.xmin = %s",
		VersionType: dialect.Type{Kind: dialect.Integer, Name: "pg_catalog.xid"},
		Hold:        " FOR NO KEY UPDATE OF %s",
		Plain:       []string{"SET LOCAL TimeZone = 'UTC'"},
		Types:       "SELECT t.oid::pg_catalog.text, " + shortName + " FROM pg_catalog.pg_type t" + elements + " WHERE t.oid IN (%s)",
	}
}

// shortName is what TypeOf knows a type by: a domain by what it is made of, an
// array by its elements.
const (
	shortName = "CASE WHEN t.typcategory = 'A' THEN '_' || e.typname WHEN t.typtype = 'd' THEN b.typname ELSE t.typname END"
	elements  = " LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype"
)

// TypeOf knows a type by its name in pg_type. Names made of digits are to be asked for.
func (d Dialect) TypeOf(name string) (dialect.Type, bool) {
	if elem, ok := strings.CutPrefix(name, "_"); ok {
		t, _ := d.TypeOf(elem)
		return dialect.Type{Kind: dialect.List, Elem: &t}, true
	}
	return dialect.Type{Kind: kindOf(name)}, name == "" || strings.Trim(name, "0123456789") != ""
}

func kindOf(name string) dialect.Kind {
	switch name {
	case "int2", "int4", "int8", "oid", "xid":
		return dialect.Integer
	case "float4", "float8":
		return dialect.Real
	case "numeric":
		return dialect.Decimal
	case "bool":
		return dialect.Bool
	case "bytea":
		return dialect.Bytes
	case "json", "jsonb":
		return dialect.JSON
	case "timestamp":
		return dialect.Moment
	case "timestamptz":
		return dialect.Zoned
	}
	return dialect.Chars
}

// Spell spells every value as a text of unknown type: the server reads it as the
// type that it needs there.
func (d Dialect) Spell(c dialect.Cell) string {
	switch {
	case c.Null:
		return "NULL"
	case c.Kind == dialect.Bytes:
		return `E'\\x` + hex.EncodeToString(c.Text) + "'"
	}
	return d.Literal(string(c.Text))
}

// ListText writes an array: every element quoted, so that none is taken for NULL.
func (d Dialect) ListText(elems []dialect.Cell) string {
	b := make([]byte, 0, 16*len(elems))
	b = append(b, '{')
	for i, e := range elems {
		if i > 0 {
			b = append(b, ',')
		}
		switch {
		case e.Null:
			b = append(b, "NULL"...)
		case e.Kind == dialect.List, e.Kind == dialect.Integer:
			b = append(b, e.Text...)
		case e.Kind == dialect.Bytes:
			b = append(b, `"\\x`...)
			b = hex.AppendEncode(b, e.Text)
			b = append(b, '"')
		default:
			b = appendQuoted(b, e.Text)
		}
	}
	return string(append(b, '}'))
}

func appendQuoted(b, text []byte) []byte {
	b = append(b, '"')
	for len(text) > 0 {
		i := bytes.IndexAny(text, `"\`)
		if i < 0 {
			b = append(b, text...)
			break
		}
		b = append(b, text[:i]...)
		b = append(b, '\\', text[i])
		text = text[i+1:]
	}
	return append(b, '"')
}

// ListCells reads an array as array_out writes it, with commas between the
// elements. One with bounds of its own, [0:2]={…}, is no plain list.
func (d Dialect) ListCells(text []byte) ([]dialect.Cell, bool) {
	elems, rest, ok := readList(text)
	return elems, ok && len(rest) == 0
}

func readList(text []byte) (elems []dialect.Cell, rest []byte, ok bool) {
	if len(text) < 2 || text[0] != '{' {
		return nil, nil, false
	}
	elems = []dialect.Cell{}
	if text[1] == '}' {
		return elems, text[2:], true
	}
	for text = text[1:]; ; text = text[1:] {
		var e dialect.Cell
		if e, text, ok = readElement(text); !ok || len(text) == 0 {
			return nil, nil, false
		}
		elems = append(elems, e)
		switch text[0] {
		case '}':
			return elems, text[1:], true
		case ',':
		default:
			return nil, nil, false
		}
	}
}

func readElement(text []byte) (e dialect.Cell, rest []byte, ok bool) {
	if len(text) == 0 {
		return e, nil, false
	}
	switch text[0] {
	case '{':
		_, rest, ok := readList(text)
		return dialect.Cell{Kind: dialect.List, Text: text[:len(text)-len(rest)]}, rest, ok
	case '"':
		var value []byte
		for i := 1; i < len(text); i++ {
			switch text[i] {
			case '\\':
				if i++; i < len(text) {
					value = append(value, text[i])
				}
			case '"':
				return dialect.Cell{Text: value}, text[i+1:], true
			default:
				value = append(value, text[i])
			}
		}
		return e, nil, false
	}
	end := bytes.IndexAny(text, ",}")
	if end <= 0 {
		return e, nil, false
	}
	if bytes.EqualFold(text[:end], []byte("NULL")) {
		return dialect.Cell{Null: true}, text[end:], true
	}
	return dialect.Cell{Text: text[:end]}, text[end:], true
}

// Params has the server find out the types of parameters from where they stand.
func (d Dialect) Params(sql string) []string {
	return []string{
		"PREPARE bellows_write AS " + sql,
		"SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname), " + shortName +
			" FROM pg_catalog.pg_prepared_statements p CROSS JOIN LATERAL pg_catalog.unnest(p.parameter_types) WITH ORDINALITY u (type, n)" +
			" JOIN pg_catalog.pg_type t ON t.oid = u.type JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace" + elements +
			" WHERE p.name = 'bellows_write' ORDER BY u.n",
		"DEALLOCATE bellows_write",
	}
}

func (d Dialect) Param(n int) string { return "$" + strconv.Itoa(n) }

// Table unnests arrays side by side, which only the bare name does, and always the
// server's own. Lists are texts in it, for an array of
// arrays would come apart.
func (d Dialect) Table(name string, types []dialect.Type) string {
	arrays, columns := make([]string, len(types)), make([]string, len(types))
	for i, t := range types {
		of := t.Name
		if t.Kind == dialect.List {
			of = "pg_catalog.text"
		}
		arrays[i] = d.Param(i+1) + "::" + of + "[]"
		columns[i] = "bellows_" + strconv.Itoa(i+1)
	}
	return "unnest(" + strings.Join(arrays, ", ") + ") AS " + name + " (" + strings.Join(columns, ", ") + ")"
}

func (d Dialect) Column(name string, n int, t dialect.Type) string {
	column := name + ".bellows_" + strconv.Itoa(n)
	if t.Kind == dialect.List {
		return "CAST(" + column + " AS " + t.Name + ")"
	}
	return column
}
