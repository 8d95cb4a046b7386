package mysql

import (
	"iter"
	"strings"

	"github.com/bellowsdb/bellows/sqltext"
)

// Tokens reads SQL as the scanners of MySQL and MariaDB do. It never fails:
// what is left open reaches to the end. Comments that are executed
// (/*!50003 … */, /*M! … */) come as two Markers with the tokens inside between
// them. Of o NoBackslashEscapes and ANSIQuotes count.
func Tokens(sql string, o sqltext.Options) iter.Seq[sqltext.Token] {
	return sqltext.All(func() func() (sqltext.Token, bool) { return newLexer(sql, o).next })
}

// lexer follows sql/sql_lex.cc of MySQL and MariaDB, and of their client the
// delimiter.
type lexer struct {
	text      string
	at        int
	delimiter string // ends a statement, beside ";"; "" when it is ";"
	noEscapes bool   // sql_mode NO_BACKSLASH_ESCAPES
	ansi      bool   // sql_mode ANSI_QUOTES
	fresh     bool   // before a statement, where the client takes any -- for a comment
	executed  bool   // inside a comment that is executed
	marker    sqltext.Token
	previous  sqltext.Token // last token that is not Silent
	open      sqltext.Open  // what the last token left open
}

func newLexer(text string, o sqltext.Options) *lexer {
	return &lexer{text: text, noEscapes: o.NoBackslashEscapes, ansi: o.ANSIQuotes}
}

// next gives the token at l.at and moves behind it; false at the end.
func (l *lexer) next() (sqltext.Token, bool) {
	if l.at >= len(l.text) {
		if l.executed {
			l.open = sqltext.Open{At: l.marker.Start, What: "executed comment " + l.text[l.marker.Start:l.marker.End], Hint: "close it with */"}
		}
		return sqltext.Token{}, false
	}
	t := sqltext.Token{Start: l.at}
	if end := sqltext.Blanks(l.text, l.at); end > l.at {
		t.Kind, l.at = sqltext.Space, end
	} else {
		t.Kind = l.token(l.text[l.at], l.peek(1))
	}
	t.End = l.at
	if !t.Kind.Silent() {
		l.previous = t
	}
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
	case l.delimited():
		l.at += len(l.delimiter)
		return sqltext.Punct
	case c == '\'', c == '"', c == '`':
		return l.quoted(0)
	case c == '#':
		l.at = sqltext.Line(l.text, l.at)
		return sqltext.Comment
	case c == '-' && d == '-' && (l.fresh || l.at+2 == len(l.text) || l.peek(2) <= ' '):
		l.at = sqltext.Line(l.text, l.at)
		return sqltext.Comment
	case c == '/' && d == '*':
		return l.comment()
	case c == '*' && d == '/' && l.executed:
		l.executed = false
		l.at += 2
		return sqltext.Marker
	case d == '\'' && strings.IndexByte("nNxXbB", c) >= 0:
		return l.quoted(1)
	case c == '$':
		return l.dollar()
	case sqltext.IsLetter(c):
		l.name()
		return sqltext.Word
	case sqltext.IsDigit(c), sqltext.Fraction(l.text, l.at):
		return l.number()
	case c == '@':
		return l.variable(d)
	}
	return l.sign(c, d)
}

// delimited tells whether the delimiter stands here. One of letters must not be
// a part of a longer word.
func (l *lexer) delimited() bool {
	if l.delimiter == "" || l.executed || !strings.HasPrefix(l.text[l.at:], l.delimiter) {
		return false
	}
	return !sqltext.IsLetter(l.delimiter[0]) || !sqltext.IsName(l.peek(len(l.delimiter)))
}

// name moves to the end of an identifier. A delimiter such as $$ ends it too.
func (l *lexer) name() {
	for l.at < len(l.text) && sqltext.IsName(l.text[l.at]) {
		if c := l.text[l.at]; (c == '$' || c >= 0x80) && l.delimited() {
			return
		}
		l.at++
	}
}

// quoted reads a literal or identifier whose quote stands prefix bytes on.
func (l *lexer) quoted(prefix int) sqltext.TokenKind {
	start, quote := l.at, l.text[l.at+prefix]
	kind, what, read := sqltext.String, "string", sqltext.Backslashed
	if quote == '`' || quote == '"' && l.ansi {
		kind, what, read = sqltext.Quoted, "quoted identifier", sqltext.Doubled
	} else if l.noEscapes {
		read = sqltext.Doubled
	}
	end, closed := read(l.text, start+prefix+1, quote)
	l.at = end
	if !closed {
		l.open = sqltext.Open{At: start, What: what, Hint: "close it with " + string(quote) + " (inside it, that character is written twice)"}
	}
	return kind
}

// comment reads a comment, or the marker that opens one that is executed.
func (l *lexer) comment() sqltext.TokenKind {
	start := l.at
	head := 2
	if l.peek(2) == 'M' && l.peek(3) == '!' {
		head = 3
	}
	if l.peek(head) == '!' {
		l.at += head + 1
		for n := 0; n < 6 && sqltext.IsDigit(l.peek(0)); n++ {
			l.at++
		}
		l.executed = true
		l.marker = sqltext.Token{Kind: sqltext.Marker, Start: start, End: l.at}
		return sqltext.Marker
	}
	end, closed := sqltext.Block(l.text, start+2)
	l.at = end
	if !closed {
		l.open = sqltext.Open{At: start, What: "comment", Hint: "close it with */"}
	}
	return sqltext.Comment
}

// dollar reads the $$ or $tag$ body that follows AS in a routine of another
// language (MySQL 9), or an identifier.
func (l *lexer) dollar() sqltext.TokenKind {
	as := sqltext.Same(l.text[l.previous.Start:l.previous.End], "AS")
	end := l.at + 1
	for end < len(l.text) && l.text[end] != '$' && sqltext.IsName(l.text[end]) {
		end++
	}
	if !as || end >= len(l.text) || l.text[end] != '$' {
		l.name()
		return sqltext.Word
	}
	tag := l.text[l.at : end+1]
	n := strings.Index(l.text[end+1:], tag)
	if n < 0 {
		l.open = sqltext.Open{At: l.at, What: "dollar-quoted string " + tag, Hint: "close it with " + tag}
		l.at = len(l.text)
		return sqltext.String
	}
	l.at = end + 1 + n + len(tag)
	return sqltext.String
}

// number reads a numeric literal, or an identifier that begins with a digit.
func (l *lexer) number() sqltext.TokenKind {
	start := l.at
	l.at = sqltext.Numeral(l.text, start)
	if l.at == len(l.text) || !sqltext.IsName(l.text[l.at]) || strings.ContainsAny(l.text[start:l.at], ".+-") {
		return sqltext.Number
	}
	l.name()
	return sqltext.Word
}

// variable reads @name, @'name', @@name, or the @ of an account.
func (l *lexer) variable(d byte) sqltext.TokenKind {
	switch {
	case d == '\'' || d == '"' || d == '`':
		l.quoted(1)
		return sqltext.Param
	case d == '@':
		l.at += 2
		l.name()
		return sqltext.Param
	case !sqltext.IsName(d):
		l.at++
		return sqltext.Punct
	}
	l.at++
	for l.name(); l.peek(0) == '.' && sqltext.IsName(l.peek(1)) && !l.delimited(); l.name() {
		l.at++
	}
	return sqltext.Param
}

// sign reads an operator, ?, or :name. A colon behind a name ends a label.
func (l *lexer) sign(c, d byte) sqltext.TokenKind {
	switch {
	case c == '?':
		l.at++
		return sqltext.Param
	case c == '\\' && d == 'N':
		l.at += 2
		return sqltext.Word
	case c == ':' && sqltext.IsLetter(d) && !l.label():
		l.at++
		l.name()
		return sqltext.Param
	}
	l.at += operator(l.text[l.at:])
	return sqltext.Punct
}

// label tells whether the colon here ends a label: it stands directly behind a
// name, or a statement that can have a label follows it.
func (l *lexer) label() bool {
	p := l.previous
	if p.End == l.at && (p.Kind == sqltext.Word || p.Kind == sqltext.Quoted) {
		return true
	}
	end := l.at + 1
	for end < len(l.text) && sqltext.IsName(l.text[end]) {
		end++
	}
	switch keywords.Of(l.text[l.at+1 : end]) {
	case kwBegin, kwLoop, kwRepeat, kwWhile, kwFor:
		return true
	}
	return false
}

// operator is the length of the operator or other sign that text begins with.
func operator(text string) int {
	if strings.IndexByte("<>-=!|&:", text[0]) < 0 {
		return 1
	}
	for _, op := range [...]string{"<=>", "->>", "->", ":=", "<=", "<>", "<<", ">=", ">>", "!=", "||", "&&"} {
		if strings.HasPrefix(text, op) {
			return len(op)
		}
	}
	return 1
}
