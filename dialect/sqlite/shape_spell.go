package sqlite

import (
	"strings"

	"github.com/bellowsdb/bellows/sqltext"
)

// keywords are the words of src/parse.y that cannot always be names without
// quotes (https://sqlite.org/lang_keywords.html).
var keywords = wordSet(`ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT BEFORE BEGIN BETWEEN BY CASCADE
	CASE CAST CHECK COLLATE COLUMN COMMIT CONFLICT CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DATABASE
	DEFAULT DEFERRABLE DEFERRED DELETE DESC DETACH DISTINCT DO DROP EACH ELSE END ESCAPE EXCEPT EXCLUDE EXCLUSIVE EXISTS EXPLAIN FAIL
	FILTER FIRST FOLLOWING FOR FOREIGN FROM FULL GENERATED GLOB GROUP GROUPS HAVING IF IGNORE IMMEDIATE IN INDEX INDEXED INITIALLY INNER
	INSERT INSTEAD INTERSECT INTO IS ISNULL JOIN KEY LAST LEFT LIKE LIMIT MATCH MATERIALIZED NATURAL NO NOT NOTHING NOTNULL NULL NULLS OF
	OFFSET ON OR ORDER OTHERS OUTER OVER PARTITION PLAN PRAGMA PRECEDING PRIMARY QUERY RAISE RANGE RECURSIVE REFERENCES REGEXP REINDEX
	RELEASE RENAME REPLACE RESTRICT RETURNING RIGHT ROLLBACK ROW ROWS SAVEPOINT SELECT SET TABLE TEMP TEMPORARY THEN TIES TO TRANSACTION
	TRIGGER TRUE FALSE UNBOUNDED UNION UNIQUE UPDATE USING VACUUM VALUES VIEW VIRTUAL WHEN WHERE WINDOW WITH WITHIN WITHOUT`)

// inExpression are the keywords an expression is made of.
var inExpression = wordSet(`ALL AND AS BETWEEN CASE CAST COLLATE CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DISTINCT ELSE END ESCAPE
	EXISTS FALSE FILTER FROM GLOB IN IS ISNULL LIKE MATCH NOT NOTNULL NULL OR OVER RAISE REGEXP SELECT THEN TRUE VALUES WHEN WHERE`)

// operands are those of them that stand for a value, so that a sign behind them
// takes two sides.
var operands = wordSet(`CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP END FALSE ISNULL NOTNULL NULL TRUE`)

// called are those of them behind which the parenthesis stands close.
var called = wordSet(`CAST RAISE`)

func wordSet(words string) sqltext.Words[bool] {
	set := sqltext.Words[bool]{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// ident spells an identifier, with quotes only where it needs them.
func (d Dialect) ident(name string) string {
	plain := name != "" && !sqltext.IsDigit(name[0]) && !keywords.Of(name)
	for i := 0; i < len(name) && plain; i++ {
		c := name[i]
		plain = c == '_' || sqltext.IsDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z'
	}
	if plain {
		return name
	}
	return d.Quote(name)
}

func (d Dialect) idents(names []string) string {
	var b strings.Builder
	for i, n := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(d.ident(n))
	}
	return b.String()
}

// code are the tokens of a text that say something, with their text.
type code []word

type word struct {
	kind       sqltext.TokenKind
	text       string
	start, end int
}

func codeOf(text string) code {
	var c code
	for t := range Tokens(text, sqltext.Options{}) {
		if !t.Kind.Silent() {
			c = append(c, word{t.Kind, text[t.Start:t.End], t.Start, t.End})
		}
	}
	return c
}

// is tells whether the word is that keyword, or sign, and not a quoted name.
func (w word) is(keyword string) bool {
	return (w.kind == sqltext.Word || w.kind == sqltext.Punct) && sqltext.Same(w.text, keyword)
}

// name is the identifier that a word, a quoted name, or by old custom a string
// spells.
func (w word) name() string {
	if w.kind == sqltext.String {
		return sqltext.Literal(w.text)
	}
	return sqltext.Name(w.text)
}

// unwrap takes off parentheses that hold the whole.
func (c code) unwrap() code {
	for len(c) > 2 && c[0].is("(") && c[1:].closing() == len(c)-2 {
		c = c[1 : len(c)-1]
	}
	return c
}

// closing is the number of the ")" whose "(" stands before the first word; the
// number of words when there is none.
func (c code) closing() int {
	depth := 0
	for i, w := range c {
		if w.kind != sqltext.Punct {
			continue
		}
		switch w.text {
		case "(":
			depth++
		case ")":
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return len(c)
}

// speller spells the expressions of one table so that equal ones are spelled
// alike: blanks, comments, the case of words and the quotes of the table's own
// columns are gone. A name in double quotes that is no column stays: SQLite
// takes it for a string.
type speller struct {
	d       Dialect
	columns map[string]string // by their names in lower case
}

// expression spells an expression without parentheses around it.
func (s speller) expression(c code) string { return s.join(c.unwrap()) }

func (s speller) join(c code) string {
	return joined(c, func(i int) string { return s.word(c, i) })
}

// joined spells words with the blanks they need.
func joined(c code, spell func(i int) string) string {
	var b strings.Builder
	sign := false // the word before is a sign that belongs to one side only
	for i, w := range c {
		prefix := w.kind == sqltext.Punct && strings.Contains("+-~", w.text) && startsOperand(c, i)
		if i > 0 && spaced(c[i-1], w, sign) {
			b.WriteByte(' ')
		}
		b.WriteString(spell(i))
		sign = prefix
	}
	return b.String()
}

// startsOperand tells whether an operand may begin at i.
func startsOperand(c code, i int) bool {
	if i == 0 {
		return true
	}
	switch prev := c[i-1]; prev.kind {
	case sqltext.Punct:
		return prev.text != ")"
	case sqltext.Word:
		return inExpression.Of(prev.text) && !operands.Of(prev.text)
	}
	return false
}

// spaced tells whether a blank stands between two words. sign says that prev is
// a sign with one side; two of them must not become a comment.
func spaced(prev, w word, sign bool) bool {
	switch {
	case w.is(","), w.is(")"), prev.is("("):
		return false
	case w.is("."), prev.is("."):
		return w.kind == sqltext.Number || prev.kind == sqltext.Number
	case sign:
		return prev.text == "-" && strings.HasPrefix(w.text, "-")
	case w.is("("):
		return !(prev.kind == sqltext.Quoted || prev.kind == sqltext.Word && (!inExpression.Of(prev.text) || called.Of(prev.text)))
	}
	return true
}

func (s speller) word(c code, i int) string {
	w := c[i]
	call := i+1 < len(c) && c[i+1].is("(")
	afterCollate := i > 0 && c[i-1].is("COLLATE")
	switch {
	case w.kind != sqltext.Word && w.kind != sqltext.Quoted:
		return w.text
	case afterCollate:
		return s.d.collation(w.name())
	case w.kind == sqltext.Word && inExpression.Of(w.text):
		return strings.ToUpper(w.text)
	}
	if column, ok := s.columns[strings.ToLower(w.name())]; ok && !call {
		return s.d.ident(column)
	}
	switch {
	case w.kind == sqltext.Quoted:
		return w.text
	case i > 0 && c[i-1].is("AS"):
		return strings.ToUpper(w.text)
	}
	return strings.ToLower(w.text)
}

// collation spells the name of a collation; case does not count in it.
func (d Dialect) collation(name string) string {
	switch upper := strings.ToUpper(name); upper {
	case "BINARY", "NOCASE", "RTRIM":
		return upper
	}
	return d.ident(strings.ToLower(name))
}

// term spells one column of an index or key: a column or an expression, its
// collation, and DESC.
func (s speller) term(c code) string {
	desc := ""
	if n := len(c); n > 1 {
		switch last := c[n-1]; {
		case last.is("DESC"):
			c, desc = c[:n-1], " DESC"
		case last.is("ASC"):
			c = c[:n-1]
		}
	}
	c = c.unwrap()
	if c[0].kind == sqltext.String && (len(c) == 1 || c[1].is("COLLATE")) {
		if column, ok := s.columns[strings.ToLower(c[0].name())]; ok {
			named := append(code{{kind: sqltext.Quoted, text: s.d.Quote(column)}}, c[1:]...)
			return s.join(named) + desc
		}
	}
	return s.join(c) + desc
}

// typeName spells a declared type. Of one that begins with a quote SQLite keeps
// what is in the quotes.
func (d Dialect) typeName(c code) string {
	if len(c) > 0 && c[0].kind != sqltext.Word {
		return d.Quote(c[0].name())
	}
	var b strings.Builder
	sign := false
	for i, w := range c {
		if i > 0 && spaced(c[i-1], w, sign) {
			b.WriteByte(' ')
		}
		if w.kind == sqltext.Word {
			b.WriteString(strings.ToUpper(w.text))
		} else {
			b.WriteString(w.text)
		}
		sign = w.is("-") || w.is("+")
	}
	return b.String()
}
