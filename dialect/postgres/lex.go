package postgres

import (
	"iter"
	"strings"

	"github.com/bellowsdb/bellows/sqltext"
)

// Tokens reads SQL as PostgreSQL's scanner does. It never fails: what is left
// open reaches to the end. Of o only BackslashQuotes counts.
func Tokens(sql string, o sqltext.Options) iter.Seq[sqltext.Token] {
	return sqltext.All(func() func() (sqltext.Token, bool) { return newLexer(sql, o).next })
}

// lexer follows src/backend/parser/scan.l of PostgreSQL.
type lexer struct {
	text      string
	at        int
	backslash bool         // a backslash escapes in '…', not only in E'…'
	open      sqltext.Open // what the last token left open
}

func newLexer(text string, o sqltext.Options) *lexer {
	return &lexer{text: text, backslash: o.BackslashQuotes}
}

// next gives the token at l.at and moves behind it; false at the end.
func (l *lexer) next() (sqltext.Token, bool) {
	if l.at >= len(l.text) {
		return sqltext.Token{}, false
	}
	t := sqltext.Token{Start: l.at}
	if end := sqltext.Blanks(l.text, l.at); end > l.at {
		t.Kind, l.at = sqltext.Space, end
	} else {
		t.Kind = l.token(l.text[l.at], l.peek(1))
	}
	t.End = l.at
	return t, true
}

// peek is the byte n behind the current one; 0 behind the end.
func (l *lexer) peek(n int) byte {
	if l.at+n < len(l.text) {
		return l.text[l.at+n]
	}
	return 0
}

// token moves behind a token that begins with c and d.
func (l *lexer) token(c, d byte) sqltext.TokenKind {
	switch {
	case c == '\'':
		return l.str(0, l.backslash)
	case c == '"':
		return l.identifier(0)
	case c == '-' && d == '-':
		l.at = lineEnd(l.text, l.at)
		return sqltext.Comment
	case c == '/' && d == '*':
		return l.comment()
	case c == '$':
		return l.dollar(d)
	case sqltext.IsLetter(c):
		return l.word(c, d)
	case sqltext.IsDigit(c), sqltext.Fraction(l.text, l.at):
		l.at = sqltext.Numeral(l.text, l.at)
		return sqltext.Number
	case c == ':':
		return l.colon(d)
	case isOperator(c):
		l.operator()
		return sqltext.Punct
	}
	l.at++
	return sqltext.Punct
}

// word reads an identifier, or a literal that a letter introduces.
func (l *lexer) word(c, d byte) sqltext.TokenKind {
	switch lower := c | 0x20; {
	case d == '\'' && lower == 'e':
		return l.str(1, true)
	case d == '\'' && lower == 'n':
		return l.str(1, l.backslash)
	case d == '\'' && (lower == 'b' || lower == 'x'):
		return l.str(1, false)
	case d == '&' && lower == 'u' && l.peek(2) == '\'':
		return l.str(2, false)
	case d == '&' && lower == 'u' && l.peek(2) == '"':
		return l.identifier(2)
	}
	for l.at < len(l.text) && sqltext.IsName(l.text[l.at]) {
		l.at++
	}
	return sqltext.Word
}

// str reads a string whose quote stands prefix bytes on, with all the parts
// that continue it on later lines.
func (l *lexer) str(prefix int, backslash bool) sqltext.TokenKind {
	quoted := sqltext.Doubled
	if backslash {
		quoted = sqltext.Backslashed
	}
	for part := l.at + prefix; part >= 0; part = continued(l.text, l.at) {
		end, closed := quoted(l.text, part+1, '\'')
		l.at = end
		if !closed {
			l.open = sqltext.Open{At: part, What: "string", Hint: "close it with ' (inside a string a ' is written twice)"}
			break
		}
	}
	return sqltext.String
}

// continued looks behind the end of a string for its next part, which must
// begin on a later line with only blanks and -- comments between. It gives the
// offset of the part's quote, or -1.
func continued(text string, at int) int {
	later := false
	for at < len(text) {
		switch c := text[at]; {
		case c == '\'' && later:
			return at
		case c == '-' && strings.HasPrefix(text[at:], "--"):
			at = lineEnd(text, at)
		case sqltext.IsSpace(c):
			later = later || c == '\n' || c == '\r'
			at++
		default:
			return -1
		}
	}
	return -1
}

// lineEnd is where a -- comment ends: PostgreSQL takes a carriage return, too,
// for the end of a line.
func lineEnd(text string, at int) int {
	end := sqltext.Line(text, at)
	if n := strings.IndexByte(text[at:end], '\r'); n >= 0 {
		return at + n
	}
	return end
}

func (l *lexer) identifier(prefix int) sqltext.TokenKind {
	start := l.at
	end, closed := sqltext.Doubled(l.text, start+prefix+1, '"')
	l.at = end
	if !closed {
		l.open = sqltext.Open{At: start, What: "quoted identifier", Hint: `close it with " (inside an identifier a " is written twice)`}
	}
	return sqltext.Quoted
}

func (l *lexer) comment() sqltext.TokenKind {
	start := l.at
	end, closed := sqltext.Nested(l.text, start+2)
	l.at = end
	if !closed {
		l.open = sqltext.Open{At: start, What: "comment", Hint: "close it with */ (comments nest: each /* needs its own)"}
	}
	return sqltext.Comment
}

// dollar reads a dollar-quoted string, a parameter, or a stray dollar sign.
func (l *lexer) dollar(d byte) sqltext.TokenKind {
	if sqltext.IsDigit(d) {
		for l.at++; l.at < len(l.text) && sqltext.IsDigit(l.text[l.at]); {
			l.at++
		}
		return sqltext.Param
	}
	tag := dollarTag(l.text, l.at)
	if tag == "" {
		l.at++
		return sqltext.Punct
	}
	body := l.at + len(tag)
	if n := strings.Index(l.text[body:], tag); n >= 0 {
		l.at = body + n + len(tag)
		return sqltext.String
	}
	l.open = sqltext.Open{At: l.at, What: "dollar-quoted string " + tag, Hint: "close it with " + tag}
	l.at = len(l.text)
	return sqltext.String
}

// dollarTag is the $tag$ at at, or "".
func dollarTag(text string, at int) string {
	for end := at + 1; end < len(text); end++ {
		c := text[end]
		switch {
		case c == '$':
			return text[at : end+1]
		case !sqltext.IsLetter(c) && (end == at+1 || !sqltext.IsDigit(c)):
			return ""
		}
	}
	return ""
}

// colon reads :: and := and a :name.
func (l *lexer) colon(d byte) sqltext.TokenKind {
	switch {
	case d == ':' || d == '=':
		l.at += 2
		return sqltext.Punct
	case !sqltext.IsLetter(d):
		l.at++
		return sqltext.Punct
	}
	for l.at++; l.at < len(l.text) && sqltext.IsName(l.text[l.at]); {
		l.at++
	}
	return sqltext.Param
}

func isOperator(c byte) bool { return strings.IndexByte("~!@#^&|`?+-*/%<>=", c) >= 0 }

// operator reads the longest operator that holds no comment. One of several
// characters ends in + or - only if it holds one of ~!@#^&|`?%.
func (l *lexer) operator() {
	start, special := l.at, false
	for l.at < len(l.text) && isOperator(l.text[l.at]) {
		if c, d := l.text[l.at], l.peek(1); c == '-' && d == '-' || c == '/' && d == '*' {
			break
		}
		special = special || strings.IndexByte("~!@#^&|`?%", l.text[l.at]) >= 0
		l.at++
	}
	for !special && l.at > start+1 && (l.text[l.at-1] == '+' || l.text[l.at-1] == '-') {
		l.at--
	}
}
