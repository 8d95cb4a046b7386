package mysql

import (
	"strings"

	"github.com/bellowsdb/bellows/sqltext"
)

// Split cuts text the way the mysql and mariadb clients do, and beyond them
// knows the bodies of routines, triggers, events and packages, so that those
// need no DELIMITER. DELIMITER lines are notes. While another delimiter is set,
// a semicolon still ends a statement that can have no body; the others end at
// the delimiter only. A setting of sql_mode in the text changes how the rest
// of it is read.
func Split(text string, o sqltext.Options) sqltext.Pieces {
	return sqltext.Cut(text, o, func(b *sqltext.Builder) func() (sqltext.Statement, bool, error) {
		c := &cutter{text: text, lex: newLexer(text, o), out: b, options: o}
		return c.next
	})
}

type cutter struct {
	text    string
	lex     *lexer
	out     *sqltext.Builder
	options sqltext.Options
	body    body
	mode    mode
	code    sqltext.Token // last token of code
}

// next gives the next piece; false at the end of the text.
func (c *cutter) next() (sqltext.Statement, bool, error) {
	c.body.reset()
	c.mode = mode{}
	for {
		c.lex.fresh = c.out.Empty()
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
			c.comment(t)
		case t.Kind == sqltext.Marker:
			if c.sandbox(t) {
				return c.line(t, c.lex.at)
			}
			c.out.Code(t)
		case c.ends(t):
			if c.out.Empty() {
				c.out.Skip(t)
				continue
			}
			return c.end(t)
		case c.text[t.Start] == '\\' && t.Kind == sqltext.Punct:
			return sqltext.Statement{}, false, c.clientCommand(t, c.text[t.Start:min(t.End+1, len(c.text))])
		case c.out.Empty() && t.Kind == sqltext.Word && c.command(t) != "":
			return c.client(t)
		default:
			c.out.Code(t)
			c.code = t
		}
	}
}

// comment keeps a comment with its statement, unless only the client takes it
// for one: -- with no blank behind it.
func (c *cutter) comment(t sqltext.Token) {
	text := c.text[t.Start:t.End]
	if strings.HasPrefix(text, "--") && len(text) > 2 && text[2] > ' ' {
		c.out.Skip(t)
		return
	}
	c.out.Comment(t)
}

// ends takes the next token of code and tells whether it ends the statement.
func (c *cutter) ends(t sqltext.Token) bool {
	delimiter := c.lex.delimiter
	if delimiter != "" && !c.lex.executed && c.text[t.Start:t.End] == delimiter {
		return true
	}
	if c.out.Empty() && c.text[t.Start] == ';' {
		return true
	}
	c.mode.step(c.text, t)
	ended := c.body.step(c.text, t)
	return ended && !c.lex.executed && (delimiter == "" || c.body.routine == kwNone && c.body.stage == plain)
}

// end finishes a statement at its terminator.
func (c *cutter) end(t sqltext.Token) (sqltext.Statement, bool, error) {
	c.mode.apply(c.lex, c.options)
	return c.out.End(sqltext.SQL, c.textEnd(t.Start), t.End), true, nil
}

// textEnd leaves out a semicolon that stands before the delimiter.
func (c *cutter) textEnd(at int) int {
	if c.lex.delimiter != "" && !c.out.Empty() && c.code.Start > c.out.CodeAt() && c.text[c.code.Start:c.code.End] == ";" {
		return c.code.Start
	}
	return at
}

// last finishes the text, where a statement may lack its terminator but not
// anything else.
func (c *cutter) last() (sqltext.Statement, bool, error) {
	if open := c.body.unclosed(c.out.CodeAt()); open.What != "" && c.lex.delimiter == "" {
		return sqltext.Statement{}, false, c.out.Unclosed(open)
	}
	return c.out.Last(c.textEnd(len(c.text)))
}

// sandbox takes /*M!999999\- … */, with which mariadb-dump forbids its client
// to run commands, and moves behind it.
func (c *cutter) sandbox(t sqltext.Token) bool {
	if !c.out.Empty() || !strings.HasPrefix(c.text[t.End:], `\-`) {
		return false
	}
	end, closed := sqltext.Block(c.text, t.End)
	if closed {
		c.lex.at, c.lex.executed = end, false
	}
	return closed
}

// line finishes a note.
func (c *cutter) line(t sqltext.Token, end int) (sqltext.Statement, bool, error) {
	c.out.Code(t)
	return c.out.End(sqltext.Note, end, end), true, nil
}

// commands are the client commands that are words. SQL has no statement that
// begins with any of them.
var commands = sqltext.Words[string]{
	"DELIMITER": "delimiter", "SOURCE": "source", "SYSTEM": "system", "TEE": "tee", "NOTEE": "notee",
	"PAGER": "pager", "NOPAGER": "nopager", "PROMPT": "prompt", "CONNECT": "connect", "EXIT": "exit",
	"QUIT": "quit", "REHASH": "rehash",
}

// command is the client command that a statement's first word is, or "". Before
// a colon the word is a label.
func (c *cutter) command(t sqltext.Token) string {
	name := commands.Of(c.text[t.Start:t.End])
	if name != "" && strings.HasPrefix(c.text[sqltext.Blanks(c.text, t.End):], ":") {
		return ""
	}
	return name
}

// client takes a DELIMITER line; every other client command is an error.
func (c *cutter) client(t sqltext.Token) (sqltext.Statement, bool, error) {
	var none sqltext.Statement
	if name := c.command(t); name != "delimiter" {
		return none, false, c.clientCommand(t, name)
	}
	end := sqltext.Line(c.text, t.Start)
	fields := strings.Fields(c.text[t.End:end])
	if len(fields) == 0 || len(fields[0]) > 15 || strings.Contains(fields[0], `\`) {
		return none, false, c.out.Fail(t.Start, "DELIMITER needs a delimiter of at most 15 characters without a backslash").
			Try("write DELIMITER // or DELIMITER ;")
	}
	delimiter := fields[0]
	if q := delimiter[0]; len(delimiter) > 2 && (q == '\'' || q == '"' || q == '`') && delimiter[len(delimiter)-1] == q {
		delimiter = delimiter[1 : len(delimiter)-1]
	}
	if delimiter == ";" {
		delimiter = ""
	}
	c.lex.at, c.lex.delimiter = end, delimiter
	return c.line(t, end)
}

func (c *cutter) clientCommand(t sqltext.Token, name string) error {
	hint := "remove it, or write what it does in SQL"
	switch strings.ToLower(name) {
	case "source", `\.`:
		hint = "put the statements of that file here, or make it a migration of its own"
	case "connect", `\u`, `\r`:
		hint = "remove it: the database is chosen by the URL, and one text runs in one database"
	case `\g`:
		hint = "end the statement with ; instead"
	}
	return c.out.Fail(t.Start, "%s is a command of the mysql client, not SQL", strings.ToValidUTF8(name, "")).Try("%s", hint)
}

// mode follows a SET of sql_mode, which says how literals are read after it.
type mode struct {
	count  int
	set    bool // the statement is a SET
	global bool // this assignment is not for the session
	named  bool // the last token was sql_mode
	equal  bool // and then =
	value  sqltext.Token
	text   string
}

func (m *mode) step(text string, t sqltext.Token) {
	word := text[t.Start:t.End]
	m.count++
	if m.count == 1 {
		m.set = sqltext.Same(word, "SET")
		return
	}
	if !m.set {
		return
	}
	named := m.named
	m.named = false
	switch {
	case m.equal:
		m.equal = false
		if !m.global {
			m.value, m.text = t, word
		}
	case named && (word == "=" || word == ":="):
		m.equal = true
	case word == ",":
		m.global = false
	case sqltext.Same(word, "GLOBAL"), sqltext.Same(word, "PERSIST"), sqltext.Same(word, "PERSIST_ONLY"), sqltext.Same(word, "@@GLOBAL"):
		m.global = true
	default:
		m.named = sqltext.Same(word, "SQL_MODE") || sqltext.Same(word, "@@SQL_MODE")
	}
}

// apply changes how l reads from here on. A variable or DEFAULT stands for the
// mode that was there at the start; what an expression gives cannot be known.
func (m *mode) apply(l *lexer, o sqltext.Options) {
	switch {
	case m.text == "":
	case m.value.Kind == sqltext.Param, sqltext.Same(m.text, "DEFAULT"):
		l.noEscapes, l.ansi = o.NoBackslashEscapes, o.ANSIQuotes
	case m.value.Kind == sqltext.String, m.value.Kind == sqltext.Quoted:
		l.noEscapes, l.ansi = false, false
		for _, name := range strings.Split(strings.ToUpper(sqltext.Literal(m.text)), ",") {
			switch strings.TrimSpace(name) {
			case "NO_BACKSLASH_ESCAPES":
				l.noEscapes = true
			case "ANSI_QUOTES", "ANSI", "ORACLE", "MSSQL", "DB2", "MAXDB", "POSTGRESQL":
				l.ansi = true
			}
		}
	}
}
