package backfill

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bellowsdb/bellows/dialect"
)

// AppendJSON appends a value as a program reads it: see docs/backfill.md. No line
// ends are in it.
func AppendJSON(b []byte, l dialect.Rower, t dialect.Type, c dialect.Cell) []byte {
	if c.Null {
		return append(b, "null"...)
	}
	kind := t.Kind
	if kind == dialect.Own {
		kind = c.Kind
	}
	switch kind {
	case dialect.Integer:
		if safe(c.Text) {
			return append(b, c.Text...)
		}
	case dialect.Real:
		if isPlainNumber(c.Text) {
			return append(b, c.Text...)
		}
	case dialect.Bool:
		return strconv.AppendBool(b, isTrue(c.Text))
	case dialect.Bytes:
		return appendBytes(b, c.Text)
	case dialect.JSON:
		return appendDocument(b, c.Text)
	case dialect.Moment, dialect.Zoned:
		return appendString(b, isoTime(c.Text, kind))
	case dialect.List:
		if elems, ok := l.ListCells(c.Text); ok {
			return appendList(b, l, t, elems)
		}
	}
	return appendString(b, c.Text)
}

func appendList(b []byte, l dialect.Rower, t dialect.Type, elems []dialect.Cell) []byte {
	b = append(b, '[')
	for i, e := range elems {
		if i > 0 {
			b = append(b, ',')
		}
		of := *t.Elem
		if e.Kind == dialect.List {
			of = t
		} else if of.Kind == dialect.Bytes && !e.Null {
			e = fromHex(e)
		}
		b = AppendJSON(b, l, of, e)
	}
	return append(b, ']')
}

// fromHex makes bytes of \x…, which is how they stand in a list.
func fromHex(c dialect.Cell) dialect.Cell {
	out := make([]byte, 0, len(c.Text)/2)
	for i := 2; i+1 < len(c.Text); i += 2 {
		n, err := strconv.ParseUint(string(c.Text[i:i+2]), 16, 8)
		if err != nil {
			return c
		}
		out = append(out, byte(n))
	}
	return dialect.Cell{Kind: dialect.Bytes, Text: out}
}

// safe tells whether an integer is one that every language's numbers hold.
func safe(text []byte) bool {
	if len(text) <= 15 {
		return true
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	return err == nil && n >= -(1<<53-1) && n <= 1<<53-1
}

// isPlainNumber tells whether a floating point number can be a JSON number and
// come back as itself.
func isPlainNumber(text []byte) bool {
	c := text[len(text)-1]
	return c >= '0' && c <= '9' && text[0] != '.' && !bytes.Equal(text, []byte("-0"))
}

func isTrue(text []byte) bool { return len(text) > 0 && (text[0] == 't' || text[0] == '1') }

func appendBytes(b, value []byte) []byte {
	b = append(b, `{"base64":"`...)
	b = base64.StdEncoding.AppendEncode(b, value)
	return append(b, `"}`...)
}

// wrapped is how a JSON document is given that would be taken for something else:
// null for NULL, or an object with that only key for a wrapped one.
const wrapped = `{"json":`

func appendDocument(b, text []byte) []byte {
	var tight bytes.Buffer
	if json.Compact(&tight, text) != nil {
		return appendString(b, text)
	}
	doc := tight.Bytes()
	if bytes.Equal(doc, []byte("null")) || bytes.HasPrefix(doc, []byte(wrapped)) && soleMember(doc) {
		b = append(b, wrapped...)
		return append(append(b, doc...), '}')
	}
	return append(b, doc...)
}

// soleMember tells whether an object, without blanks, has one member.
func soleMember(doc []byte) bool {
	var o map[string]json.RawMessage
	return json.Unmarshal(doc, &o) == nil && len(o) == 1
}

// isoTime makes 2026-11-19T09:30:00.5Z of 2026-11-19 09:30:00.5+00. What is
// spelled otherwise, as infinity or a date before our era, stays as it is.
func isoTime(text []byte, kind dialect.Kind) []byte {
	if len(text) < 19 || text[10] != ' ' || text[4] != '-' || text[13] != ':' || text[len(text)-1] == 'C' {
		return text
	}
	out := append([]byte(nil), text...)
	out[10] = 'T'
	if kind == dialect.Zoned {
		out = append(bytes.TrimSuffix(out, []byte("+00")), 'Z')
	}
	return out
}

// Told is the text of a value as it is told outside, for telling rows apart.
func Told(t dialect.Type, c dialect.Cell) string {
	if t.Kind == dialect.Moment || t.Kind == dialect.Zoned {
		return string(isoTime(c.Text, t.Kind))
	}
	return string(c.Text)
}

const hexDigits = "0123456789abcdef"

// appendString appends a JSON string; what is no text as bytes.
func appendString(b, text []byte) []byte {
	if !utf8.Valid(text) {
		return appendBytes(b, text)
	}
	b = append(b, '"')
	from := 0
	for i, c := range text {
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, text[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(b, text[from:]...), '"')
}

// ReadJSON reads a value of a program's answer for a parameter of that type. raw
// is valid JSON.
func ReadJSON(raw []byte, l dialect.Rower, t dialect.Type) (dialect.Cell, error) {
	if raw[0] == 'n' {
		return dialect.Cell{Null: true}, nil
	}
	if t.Kind == dialect.JSON {
		if bytes.HasPrefix(raw, []byte("{")) {
			var o map[string]json.RawMessage
			if json.Unmarshal(raw, &o) == nil && len(o) == 1 && o["json"] != nil {
				raw = o["json"]
			}
		}
		return dialect.Cell{Kind: dialect.JSON, Text: bytes.Clone(raw)}, nil
	}
	switch raw[0] {
	case '"':
		return readString(raw, t)
	case 't', 'f':
		return truth(raw[0] == 't', t), nil
	case '[':
		return readArray(raw, l, t)
	case '{':
		return readObject(raw, t)
	}
	return number(string(raw), t)
}

func readString(raw []byte, t dialect.Type) (dialect.Cell, error) {
	if t.Kind == dialect.Bytes {
		return dialect.Cell{}, fmt.Errorf(`bytes are given as {"base64": "…"}`)
	}
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') >= 0 || !utf8.Valid(text) {
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return dialect.Cell{}, err
		}
		text = []byte(s)
	}
	return chars(string(text), t), nil
}

// chars is a text as the type wants it.
func chars(text string, t dialect.Type) dialect.Cell {
	kind := dialect.Chars
	switch t.Kind {
	case dialect.Integer, dialect.Real, dialect.Decimal, dialect.Moment, dialect.Zoned:
		kind = t.Kind
	case dialect.Own:
		if t.Name == ownReal && (text == "Infinity" || text == "-Infinity" || text == "NaN" || text == "-0") {
			kind = dialect.Real
		}
		if t.Name == ownInteger && isInteger(text) {
			kind = dialect.Integer
		}
	}
	return dialect.Cell{Kind: kind, Text: []byte(text)}
}

// The names of types of kind Own: what a column usually holds.
const (
	ownReal    = "real"
	ownInteger = "integer"
)

func isInteger(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

func truth(is bool, t dialect.Type) dialect.Cell {
	switch t.Kind {
	case dialect.Integer, dialect.Own, dialect.Real, dialect.Decimal:
		text := "0"
		if is {
			text = "1"
		}
		return dialect.Cell{Kind: dialect.Integer, Text: []byte(text)}
	}
	return dialect.Cell{Kind: dialect.Bool, Text: strconv.AppendBool(nil, is)}
}

// number reads a number. One without a fraction, however it is spelled, is an integer.
func number(text string, t dialect.Type) (dialect.Cell, error) {
	if isInteger(text) {
		kind := dialect.Integer
		if t.Kind == dialect.Own && (text == "-0" || t.Name == ownReal) {
			kind, text = dialect.Real, text+".0"
		}
		return dialect.Cell{Kind: kind, Text: []byte(text)}, nil
	}
	if t.Kind == dialect.Integer {
		f, err := strconv.ParseFloat(text, 64)
		if err == nil && f == math.Trunc(f) && math.Abs(f) <= 1<<53 {
			return dialect.Cell{Kind: dialect.Integer, Text: strconv.AppendFloat(nil, f, 'f', 0, 64)}, nil
		}
	}
	return dialect.Cell{Kind: dialect.Real, Text: []byte(text)}, nil
}

func readArray(raw []byte, l dialect.Rower, t dialect.Type) (dialect.Cell, error) {
	switch t.Kind {
	case dialect.Own, dialect.Chars:
		if t.Name == "" || t.Kind == dialect.Own {
			return dialect.Cell{Text: bytes.Clone(raw)}, nil // JSON kept as text
		}
		fallthrough
	default:
		return dialect.Cell{}, fmt.Errorf("it is a list, and the statement takes %s there", typeName(t))
	case dialect.List:
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return dialect.Cell{}, err
	}
	elems := make([]dialect.Cell, len(items))
	for i, item := range items {
		var err error
		if item[0] == '[' && t.Elem.Kind != dialect.JSON {
			elems[i], err = readArray(item, l, t)
		} else {
			elems[i], err = ReadJSON(item, l, *t.Elem)
		}
		if err != nil {
			return dialect.Cell{}, err
		}
	}
	return dialect.Cell{Kind: dialect.List, Text: []byte(l.ListText(elems))}, nil
}

func typeName(t dialect.Type) string {
	if t.Name == "" {
		return "another type"
	}
	return strings.TrimPrefix(t.Name, "pg_catalog.")
}

func readObject(raw []byte, t dialect.Type) (dialect.Cell, error) {
	var o map[string]json.RawMessage
	if err := json.Unmarshal(raw, &o); err != nil {
		return dialect.Cell{}, err
	}
	if text, ok := o["base64"]; ok && len(o) == 1 {
		var s string
		if err := json.Unmarshal(text, &s); err != nil {
			return dialect.Cell{}, fmt.Errorf("base64 is no text")
		}
		value, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return dialect.Cell{}, fmt.Errorf("its base64 cannot be read: %w", err)
		}
		return dialect.Cell{Kind: dialect.Bytes, Text: value}, nil
	}
	if t.Kind == dialect.Own || t.Name == "" {
		return dialect.Cell{Text: bytes.Clone(raw)}, nil // JSON kept as text
	}
	return dialect.Cell{}, fmt.Errorf("it is an object, and the statement takes %s there", typeName(t))
}

// Value is a value as a function in Go reads it: nil, bool, int64, float64,
// string, []byte, time.Time, json.RawMessage or []any. Exact numbers, and numbers
// and times that their Go type does not hold, are strings.
func Value(l dialect.Rower, t dialect.Type, c dialect.Cell) any {
	if c.Null {
		return nil
	}
	kind := t.Kind
	if kind == dialect.Own {
		kind = c.Kind
	}
	switch kind {
	case dialect.Integer:
		if n, err := strconv.ParseInt(string(c.Text), 10, 64); err == nil {
			return n
		}
	case dialect.Real:
		if f, err := strconv.ParseFloat(string(c.Text), 64); err == nil {
			return f
		}
	case dialect.Bool:
		return isTrue(c.Text)
	case dialect.Bytes:
		return append([]byte{}, c.Text...)
	case dialect.JSON:
		return json.RawMessage(bytes.Clone(c.Text))
	case dialect.Moment, dialect.Zoned:
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
			if at, err := time.Parse(layout, string(isoTime(c.Text, kind))); err == nil {
				return at
			}
		}
	case dialect.List:
		if elems, ok := l.ListCells(c.Text); ok {
			list := make([]any, len(elems))
			for i, e := range elems {
				of := *t.Elem
				if e.Kind == dialect.List {
					of = t
				} else if of.Kind == dialect.Bytes && !e.Null {
					e = fromHex(e)
				}
				list[i] = Value(l, of, e)
			}
			return list
		}
	}
	return string(c.Text)
}

// OfValue is a value that a function in Go gives for a parameter of that type.
func OfValue(v any, l dialect.Rower, t dialect.Type) (dialect.Cell, error) {
	switch v := v.(type) {
	case nil:
		return dialect.Cell{Null: true}, nil
	case string:
		if t.Kind == dialect.JSON {
			return dialect.Cell{Kind: dialect.JSON, Text: []byte(v)}, nil
		}
		return chars(v, t), nil
	case []byte:
		if v == nil {
			return dialect.Cell{Null: true}, nil
		}
		return dialect.Cell{Kind: dialect.Bytes, Text: v}, nil
	case bool:
		return truth(v, t), nil
	case int:
		return dialect.Cell{Kind: dialect.Integer, Text: strconv.AppendInt(nil, int64(v), 10)}, nil
	case int64:
		return dialect.Cell{Kind: dialect.Integer, Text: strconv.AppendInt(nil, v, 10)}, nil
	case float64:
		return ofFloat(v, t)
	case time.Time:
		return ofTime(v, t), nil
	case json.RawMessage:
		if len(v) == 0 {
			return dialect.Cell{Null: true}, nil
		}
		return dialect.Cell{Kind: dialect.JSON, Text: v}, nil
	}
	if list, ok := v.([]any); ok && t.Kind == dialect.List {
		return ofList(list, l, t)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return dialect.Cell{}, fmt.Errorf("a %T cannot be written: %w", v, err)
	}
	if t.Kind == dialect.JSON {
		return dialect.Cell{Kind: dialect.JSON, Text: raw}, nil
	}
	return ReadJSON(raw, l, t)
}

func ofList(list []any, l dialect.Rower, t dialect.Type) (dialect.Cell, error) {
	elems := make([]dialect.Cell, len(list))
	for i, v := range list {
		of := *t.Elem
		if _, nested := v.([]any); nested && of.Kind != dialect.JSON {
			of = t
		}
		var err error
		if elems[i], err = OfValue(v, l, of); err != nil {
			return dialect.Cell{}, err
		}
	}
	return dialect.Cell{Kind: dialect.List, Text: []byte(l.ListText(elems))}, nil
}

func ofFloat(v float64, t dialect.Type) (dialect.Cell, error) {
	switch {
	case math.IsNaN(v):
		return dialect.Cell{Kind: dialect.Real, Text: []byte("NaN")}, nil
	case math.IsInf(v, 1):
		return dialect.Cell{Kind: dialect.Real, Text: []byte("Infinity")}, nil
	case math.IsInf(v, -1):
		return dialect.Cell{Kind: dialect.Real, Text: []byte("-Infinity")}, nil
	}
	text := strconv.FormatFloat(v, 'g', -1, 64)
	if t.Kind == dialect.Own && isInteger(text) {
		text += ".0"
	}
	return dialect.Cell{Kind: dialect.Real, Text: []byte(text)}, nil
}

func ofTime(v time.Time, t dialect.Type) dialect.Cell {
	v = v.UTC()
	switch t.Kind {
	case dialect.Moment:
		return dialect.Cell{Kind: dialect.Moment, Text: v.AppendFormat(nil, "2006-01-02T15:04:05.999999")}
	case dialect.Own:
		return dialect.Cell{Text: v.AppendFormat(nil, "2006-01-02 15:04:05.999999")}
	}
	return dialect.Cell{Kind: dialect.Zoned, Text: v.AppendFormat(nil, "2006-01-02T15:04:05.999999Z")}
}
