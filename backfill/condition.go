package backfill

import (
	"strings"

	"github.com/bellowsdb/bellows/dialect"
)

// Language is a dialect that can change rows in chunks.
type Language interface {
	dialect.Dialect
	dialect.Filler
	dialect.Rower
}

// Condition is the text that stands for :chunk: true for the rows of the range,
// in parentheses. name qualifies the key's columns, spelled as SQL; "" leaves
// them bare. A range without bounds is every row.
func Condition(l Language, name string, key Key, r Range) string {
	c := condition{l, name, key}
	var parts []string
	if r.Low != nil {
		parts = append(parts, c.beyond(r.Low))
	}
	if r.High != nil {
		parts = append(parts, c.upTo(r.High))
	}
	if len(parts) == 0 {
		return "(1 = 1)"
	}
	return "(" + strings.Join(parts, " AND ") + ")"
}

// Order is the key's order as an ORDER BY list; Reverse is its opposite. name
// qualifies the columns.
func Order(l Language, name string, key Key) string { return order(l, name, key, false) }

// Reverse is the opposite of [Order].
func Reverse(l Language, name string, key Key) string { return order(l, name, key, true) }

func order(l Language, name string, key Key, back bool) string {
	mixed := isMixed(key)
	parts := make([]string, len(key.Columns))
	for i, c := range key.Columns {
		parts[i] = condition{l, name, key}.column(i)
		if (mixed && c.Desc) != back {
			parts[i] += " DESC"
		}
	}
	return strings.Join(parts, ", ")
}

// Texts are the key's columns as text, for a SELECT list.
func Texts(l Language, name string, key Key) string {
	parts := make([]string, len(key.Columns))
	for i, c := range key.Columns {
		parts[i] = l.KeyText(condition{l, name, key}.column(i), c.Kind)
	}
	return strings.Join(parts, ", ")
}

// isMixed tells whether the key's columns run in different directions. When all
// run the same way the index is simply read forwards or backwards.
func isMixed(key Key) bool {
	for _, c := range key.Columns {
		if c.Desc != key.Columns[0].Desc {
			return true
		}
	}
	return false
}

type condition struct {
	l    Language
	name string
	key  Key
}

func (c condition) column(i int) string {
	q := c.l.Quote(c.key.Columns[i].Name)
	if c.name == "" {
		return q
	}
	return c.name + "." + q
}

func (c condition) value(b Bound, i int) string {
	return c.l.KeyValue(b[i], c.key.Columns[i].Kind)
}

func (c condition) beyond(b Bound) string { return c.compare(b, ">", ">") }
func (c condition) upTo(b Bound) string   { return c.compare(b, "<", "<=") }

// compare spells "row <op> bound"; last is the operator of the last column.
func (c condition) compare(b Bound, op, last string) string {
	n := len(c.key.Columns)
	if n == 1 {
		return c.column(0) + " " + last + " " + c.value(b, 0)
	}
	if c.l.Fill().RowCompare && !isMixed(c.key) {
		columns, values := make([]string, n), make([]string, n)
		for i := range n {
			columns[i], values[i] = c.column(i), c.value(b, i)
		}
		return "(" + strings.Join(columns, ", ") + ") " + last + " (" + strings.Join(values, ", ") + ")"
	}
	return c.expanded(b, op, last)
}

// expanded spells a comparison of rows as (a > x OR a = x AND b > y), with
// a >= x before it, by which servers that do not see through the OR find the
// place in the index.
func (c condition) expanded(b Bound, op, last string) string {
	n := len(c.key.Columns)
	var alternatives []string
	for i := range n {
		var terms []string
		for j := range i {
			terms = append(terms, c.column(j)+" = "+c.value(b, j))
		}
		is := op
		if i == n-1 {
			is = last
		}
		if isMixed(c.key) && c.key.Columns[i].Desc {
			is = turned(is)
		}
		terms = append(terms, c.column(i)+" "+is+" "+c.value(b, i))
		alternatives = append(alternatives, strings.Join(terms, " AND "))
	}
	first := op + "="
	if isMixed(c.key) && c.key.Columns[0].Desc {
		first = turned(first)
	}
	return c.column(0) + " " + first + " " + c.value(b, 0) + " AND (" + strings.Join(alternatives, " OR ") + ")"
}

func turned(op string) string {
	if op[0] == '<' {
		return ">" + op[1:]
	}
	return "<" + op[1:]
}

// Exactly is the condition for the one row of that key.
func Exactly(l Language, name string, key Key, b Bound) string {
	c := condition{l, name, key}
	terms := make([]string, len(key.Columns))
	for i := range terms {
		terms[i] = c.column(i) + " = " + c.value(b, i)
	}
	return "(" + strings.Join(terms, " AND ") + ")"
}
