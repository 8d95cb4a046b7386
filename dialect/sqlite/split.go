package sqlite

import (
	"strings"

	"github.com/bellowsdb/bellows/sqltext"
)

// Split cuts text at each ; that sqlite3_complete takes for the end of a
// statement: one outside literals and comments, and of CREATE TRIGGER the one
// behind an END that itself stands behind a semicolon. A command of the sqlite3
// shell is an error.
func Split(text string, o sqltext.Options) sqltext.Pieces {
	return sqltext.Cut(text, o, func(b *sqltext.Builder) func() (sqltext.Statement, bool, error) {
		c := &cutter{text: text, lex: &lexer{text: text}, out: b}
		return c.next
	})
}

type cutter struct {
	text  string
	lex   *lexer
	out   *sqltext.Builder
	state state
}

// state says how far a statement has come, by the names and transitions of
// sqlite3_complete in src/complete.c of SQLite.
type state int

const (
	start    state = iota
	normal         // some statement
	explain        // EXPLAIN, which can stand before CREATE TRIGGER
	create         // CREATE, perhaps TEMP
	trigger        // in CREATE TRIGGER
	semi           // in CREATE TRIGGER, behind a semicolon
	afterEnd       // in CREATE TRIGGER, behind a semicolon and END
)

// next gives the next piece; false at the end of the text.
func (c *cutter) next() (sqltext.Statement, bool, error) {
	c.state = start
	for {
		t, more := c.lex.next()
		if c.lex.open.What != "" {
			return sqltext.Statement{}, false, c.out.Unclosed(c.lex.open)
		}
		switch {
		case !more:
			return c.last()
		case t.Kind == sqltext.Space:
			c.out.Space(t)
		case t.Kind == sqltext.Comment:
			c.out.Comment(t)
		case c.out.Empty() && c.text[t.Start] == ';':
			c.out.Skip(t)
		case c.out.Empty() && c.text[t.Start] == '.':
			return sqltext.Statement{}, false, c.shell(t)
		case c.step(t):
			return c.out.End(sqltext.SQL, t.Start, t.End), true, nil
		default:
			c.out.Code(t)
		}
	}
}

// last finishes the text, where a statement may lack its semicolon but not
// anything else.
func (c *cutter) last() (sqltext.Statement, bool, error) {
	if c.state == trigger || c.state == semi {
		return sqltext.Statement{}, false, c.out.Unclosed(sqltext.Open{
			At: c.out.CodeAt(), What: "CREATE TRIGGER", Hint: "end each statement of its body with ; and the body with END;",
		})
	}
	return c.out.Last(len(c.text))
}

func (c *cutter) shell(t sqltext.Token) error {
	line := c.text[t.Start:sqltext.Line(c.text, t.Start)]
	name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	return c.out.Fail(t.Start, "%s is a command of the sqlite3 shell, not SQL", name).
		Try("remove the line, or write what it does in SQL")
}

// step takes the next token that is neither blank nor comment and tells whether
// it is the semicolon that ends the statement.
func (c *cutter) step(t sqltext.Token) bool {
	word := ""
	if t.Kind == sqltext.Word {
		word = c.text[t.Start:t.End]
	}
	semicolon := c.text[t.Start] == ';'
	switch c.state {
	case start, explain:
		c.begin(word)
	case create:
		if sqltext.Same(word, "TRIGGER") {
			c.state = trigger
		} else if !sqltext.Same(word, "TEMP") && !sqltext.Same(word, "TEMPORARY") {
			c.state = normal
		}
	case trigger, semi, afterEnd:
		return c.trigger(semicolon, word)
	}
	return semicolon
}

func (c *cutter) begin(word string) {
	switch {
	case sqltext.Same(word, "CREATE"):
		c.state = create
	case c.state == start && sqltext.Same(word, "EXPLAIN"):
		c.state = explain
	case c.state == start || sqltext.Same(word, "EXPLAIN"):
		c.state = normal
	}
}

func (c *cutter) trigger(semicolon bool, word string) bool {
	switch {
	case semicolon && c.state == afterEnd:
		return true
	case semicolon:
		c.state = semi
	case c.state == semi && sqltext.Same(word, "END"):
		c.state = afterEnd
	default:
		c.state = trigger
	}
	return false
}
