package sqlite

import (
	"iter"
	"strings"

	"github.com/bellowsdb/bellows/sqltext"
)

// Tokens reads SQL as SQLite's tokenizer does. It never fails: what is left
// open reaches to the end. Nothing of o counts.
func Tokens(sql string, _ sqltext.Options) iter.Seq[sqltext.Token] {
	return sqltext.All(func() func() (sqltext.Token, bool) { return (&lexer{text: sql}).next })
}

// lexer follows src/tokenize.c of SQLite.
type lexer struct {
	text string
	at   int
	open sqltext.Open // what the last token left open
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
		return l.quoted(0, sqltext.String, "string")
	case c == '"' || c == '`':
		return l.quoted(0, sqltext.Quoted, "quoted identifier")
	case c == '[':
		return l.bracketed()
	case c == '-' && d == '-':
		l.at = sqltext.Line(l.text, l.at)
		return sqltext.Comment
	case c == '/' && d == '*':
		return l.comment()
	case d == '\'' && c|0x20 == 'x':
		return l.quoted(1, sqltext.String, "blob")
	case sqltext.IsLetter(c):
		l.name()
		return sqltext.Word
	case sqltext.IsDigit(c), sqltext.Fraction(l.text, l.at):
		l.at = sqltext.Numeral(l.text, l.at)
		return sqltext.Number
	case c == '?', strings.IndexByte("$@:#", c) >= 0 && sqltext.IsName(d):
		l.at++
		l.name()
		return sqltext.Param
	}
	l.at += operator(l.text[l.at:])
	return sqltext.Punct
}

func (l *lexer) name() {
	for l.at < len(l.text) && sqltext.IsName(l.text[l.at]) {
		l.at++
	}
}

func (l *lexer) quoted(prefix int, kind sqltext.TokenKind, what string) sqltext.TokenKind {
	start, quote := l.at, l.text[l.at+prefix]
	end, closed := sqltext.Doubled(l.text, start+prefix+1, quote)
	l.at = end
	if !closed {
		l.open = sqltext.Open{At: start, What: what, Hint: "close it with " + string(quote) + " (inside it, that character is written twice)"}
	}
	return kind
}

func (l *lexer) bracketed() sqltext.TokenKind {
	n := strings.IndexByte(l.text[l.at:], ']')
	if n < 0 {
		l.open = sqltext.Open{At: l.at, What: "identifier in brackets", Hint: "close it with ]"}
		l.at = len(l.text)
	} else {
		l.at += n + 1
	}
	return sqltext.Quoted
}

func (l *lexer) comment() sqltext.TokenKind {
	start := l.at
	end, closed := sqltext.Block(l.text, start+2)
	l.at = end
	if !closed {
		l.open = sqltext.Open{At: start, What: "comment", Hint: "close it with */"}
	}
	return sqltext.Comment
}

// operator is the length of the operator or other sign that text begins with.
func operator(text string) int {
	if strings.IndexByte("<>-=!|&:", text[0]) < 0 {
		return 1
	}
	for _, op := range [...]string{"->>", "->", "<=", "<>", "<<", ">=", ">>", "==", "!=", "||"} {
		if strings.HasPrefix(text, op) {
			return len(op)
		}
	}
	return 1
}
