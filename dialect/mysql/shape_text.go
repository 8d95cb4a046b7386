package mysql

import (
	"strings"

	"github.com/bellowsdb/bellows/sqltext"
)

// code are the tokens of a text of the server that say something. What stands
// in a comment that is executed, does.
type code []word

type word struct {
	kind       sqltext.TokenKind
	text       string
	start, end int
}

// codeOf reads a text as the server writes it under an empty sql_mode.
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

// name is the identifier that a word or a quoted name spells.
func (w word) name() string { return sqltext.Name(w.text) }

// starts tells whether the words begin with those.
func (c code) starts(words ...string) bool {
	if len(c) < len(words) {
		return false
	}
	for i, w := range words {
		if !c[i].is(w) {
			return false
		}
	}
	return true
}

// closing is the number of the ")" whose "(" stands before the first word; the
// number of words when there is none.
func (c code) closing() int {
	depth := 0
	for i, w := range c {
		switch {
		case w.is("("):
			depth++
		case w.is(")"):
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return len(c)
}

// split cuts at the commas outside parentheses.
func (c code) split() (parts []code) {
	from, depth := 0, 0
	for i, w := range c {
		switch {
		case w.is("("):
			depth++
		case w.is(")"):
			depth--
		case w.is(",") && depth == 0:
			parts, from = append(parts, c[from:i]), i+1
		}
	}
	return append(parts, c[from:])
}

// unescaped is what a string literal of the server spells.
func unescaped(literal string) string {
	text := literal
	if at := strings.IndexAny(text, `'"`); at >= 0 && len(text) >= at+2 {
		quote := text[at : at+1]
		text = strings.ReplaceAll(text[at+1:len(text)-1], quote+quote, quote)
	}
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\\' && i+1 < len(text) {
			i++
			c = text[i]
			if to := strings.IndexByte("0nrtbZ", c); to >= 0 {
				c = "\x00\n\r\t\b\x1a"[to]
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// text spells a string where only a literal may stand, as in COMMENT.
func (d Dialect) text(s string) string {
	s = strings.ReplaceAll(s, "'", "''")
	if !d.noBackslashEscapes {
		s = strings.ReplaceAll(s, `\`, `\\`)
	}
	return "'" + s + "'"
}

// span is the part of a text that words make up, without what in it names the
// database itself.
func span(text string, c code, database string) string {
	if len(c) == 0 {
		return ""
	}
	var b strings.Builder
	from := c[0].start
	for i := 0; i+1 < len(c); i++ {
		if c[i].kind == sqltext.Quoted && c[i+1].is(".") && c[i].name() == database && !(i > 0 && c[i-1].is(".")) {
			b.WriteString(text[from:c[i].start])
			from = c[i+1].end
		}
	}
	b.WriteString(text[from:c[len(c)-1].end])
	return b.String()
}

// widths are the display widths that say nothing: those a server writes when
// nobody gave one. Newer servers do not write them.
var widths = map[string]string{
	"tinyint": "4", "smallint": "6", "mediumint": "9", "int": "11", "bigint": "20", "year": "4",
	"tinyint unsigned": "3", "smallint unsigned": "5", "mediumint unsigned": "8", "int unsigned": "10", "bigint unsigned": "20",
}

// usualType is a type without a display width that says nothing.
func usualType(declared string) string {
	name, rest, ok := strings.Cut(declared, "(")
	if !ok {
		return declared
	}
	width, tail, _ := strings.Cut(rest, ")")
	if widths[strings.ToLower(name+tail)] == width {
		return name + tail
	}
	return declared
}
