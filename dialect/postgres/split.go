package postgres

import (
	"strings"

	"github.com/bellowsdb/bellows/sqltext"
)

// Split cuts text the way psql does: at each ; outside literals, comments,
// parentheses and BEGIN ATOMIC bodies. The rows behind COPY … FROM STDIN come
// with it. \restrict and \unrestrict, which pg_dump writes, are notes; every
// other psql command is an error.
func Split(text string, o sqltext.Options) sqltext.Pieces {
	return sqltext.Cut(text, o, func(b *sqltext.Builder) func() (sqltext.Statement, bool, error) {
		c := &cutter{text: text, lex: newLexer(text, o), out: b, backslash: o.BackslashQuotes}
		return c.next
	})
}

type cutter struct {
	text      string
	lex       *lexer
	out       *sqltext.Builder
	backslash bool // what standard_conforming_strings was at the start
	statement
}

// next gives the next piece; false at the end of the text.
func (c *cutter) next() (sqltext.Statement, bool, error) {
	c.statement = statement{}
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
		case c.text[t.Start] == '\\':
			return c.command(t)
		case c.out.Empty() && c.text[t.Start] == ';':
			c.out.Skip(t)
		case c.step(c.text, t):
			return c.end(t)
		default:
			c.out.Code(t)
		}
	}
}

// end finishes a statement at its semicolon.
func (c *cutter) end(semicolon sqltext.Token) (sqltext.Statement, bool, error) {
	switch c.strings {
	case stringsStandard:
		c.lex.backslash = false
	case stringsBackslash:
		c.lex.backslash = true
	case stringsDefault:
		c.lex.backslash = c.backslash
	}
	if !c.stdin {
		return c.out.End(sqltext.SQL, semicolon.Start, semicolon.End), true, nil
	}
	return c.copyData(semicolon)
}

// last finishes the text, where a statement may lack its semicolon but not
// anything else.
func (c *cutter) last() (sqltext.Statement, bool, error) {
	var none sqltext.Statement
	switch {
	case c.atomic:
		return none, false, c.out.Unclosed(sqltext.Open{At: c.atomicAt, What: "BEGIN ATOMIC", Hint: "close it with END; (each CASE inside needs its own END, too)"})
	case c.parens > 0:
		return none, false, c.out.Unclosed(sqltext.Open{At: c.parenAt, What: "(", Hint: "close it with )"})
	case c.stdin:
		return none, false, c.noData()
	}
	return c.out.Last(len(c.text))
}

func (c *cutter) noData() error {
	return c.out.Fail(c.out.CodeAt(), "COPY … FROM STDIN has no end of data").
		Try(`put ; behind it, its rows on the lines below, and \. on a line of its own after them`)
}

// copyData takes the rows that begin on the line below the semicolon and end
// with a line \.
func (c *cutter) copyData(semicolon sqltext.Token) (sqltext.Statement, bool, error) {
	var none sqltext.Statement
	line := sqltext.Line(c.text, semicolon.End)
	rest := strings.TrimSpace(c.text[semicolon.End:line])
	if rest != "" && !strings.HasPrefix(rest, "--") {
		at := semicolon.End + strings.Index(c.text[semicolon.End:line], rest)
		return none, false, c.out.Fail(at, "text behind COPY … FROM STDIN on its line").
			Try("put it on a line of its own, below the rows and their \\.")
	}
	data := min(line+1, len(c.text))
	mark := endMark(c.text, data)
	if mark < 0 {
		return none, false, c.noData()
	}
	c.lex.at = mark + len(`\.`)
	st := c.out.End(sqltext.Copy, semicolon.Start, c.lex.at)
	st.DataStart, st.DataEnd = data, mark
	return st, true, nil
}

// endMark is the offset of the first line from at on that is \. and nothing
// else, or -1.
func endMark(text string, at int) int {
	for at < len(text) {
		if strings.HasPrefix(text[at:], `\.`) {
			end := sqltext.Line(text, at)
			if strings.TrimSuffix(text[at:end], "\r") == `\.` {
				return at
			}
		}
		n := strings.Index(text[at:], "\n\\.")
		if n < 0 {
			return -1
		}
		at += n + 1
	}
	return -1
}

// command takes a psql command, which reaches to the end of its line.
func (c *cutter) command(t sqltext.Token) (sqltext.Statement, bool, error) {
	end := sqltext.Line(c.text, t.Start)
	if name := commandName(c.text[t.Start:end]); !c.out.Empty() || name != `\restrict` && name != `\unrestrict` {
		return sqltext.Statement{}, false, c.out.Fail(t.Start, "%s is a command of psql, not SQL", name).Try("%s", commandHint(name))
	}
	c.lex.at = end
	c.out.Code(t)
	return c.out.End(sqltext.Note, end, end), true, nil
}

func commandName(line string) string {
	end := 1
	for end < len(line) && (sqltext.IsName(line[end]) || end == 1 && !sqltext.IsSpace(line[end])) {
		end++
	}
	return strings.ToValidUTF8(line[:end], "")
}

func commandHint(name string) string {
	switch name {
	case `\.`:
		return "it ends the rows of a COPY … FROM STDIN; that COPY must stand above them and end with ;"
	case `\c`, `\connect`:
		return "remove it: the database is chosen by the URL, and one text runs in one database"
	case `\i`, `\ir`, `\include`, `\include_relative`:
		return "put the statements of that file here, or make it a migration of its own"
	case `\copy`:
		return `use COPY … FROM STDIN; with the rows below it and \. after them`
	case `\g`, `\gx`, `\gset`, `\gexec`, `\gdesc`, `\crosstabview`, `\;`:
		return "end the statement with ; instead"
	}
	return "remove the line, or write what it does in SQL"
}

// Values of SET standard_conforming_strings.
const (
	stringsUnsaid = iota
	stringsStandard
	stringsBackslash
	stringsDefault
)

// statement is what the tokens of a statement, read so far, say about where it
// ends. The zero value stands before the first token.
type statement struct {
	first    sqltext.Token // first token
	second   sqltext.Token
	previous sqltext.Token // last token
	count    int           // tokens read

	parens   int // open parentheses
	parenAt  int // offset of the outermost
	atomic   bool
	atomicAt int  // offset of BEGIN
	cases    int  // open CASE inside BEGIN ATOMIC
	stdin    bool // COPY … FROM STDIN
	setting  bool // SET standard_conforming_strings
	strings  int  // what it sets
}

// step takes the next token that is neither blank nor comment and tells whether
// it is the semicolon that ends the statement.
func (s *statement) step(text string, t sqltext.Token) bool {
	ended := false
	switch t.Kind {
	case sqltext.Punct:
		ended = s.punct(text[t.Start], t.Start)
	case sqltext.Word:
		s.word(text, t)
	case sqltext.String:
		if s.setting {
			s.value(sqltext.Literal(text[t.Start:t.End]))
		}
	}
	switch s.count {
	case 0:
		s.first = t
	case 1:
		s.second = t
	}
	s.count++
	s.previous = t
	return ended
}

func (s *statement) punct(c byte, at int) bool {
	switch {
	case c == '(':
		if s.parens == 0 {
			s.parenAt = at
		}
		s.parens++
	case c == ')' && s.parens > 0:
		s.parens--
	}
	return c == ';' && s.parens == 0 && !s.atomic
}

func (s *statement) word(text string, t sqltext.Token) {
	word := text[t.Start:t.End]
	switch {
	case s.count == 0:
	case s.atomic:
		s.body(text, word)
	case s.is(text, s.first, "CREATE"):
		if s.parens == 0 && sqltext.Same(word, "ATOMIC") && s.is(text, s.previous, "BEGIN") {
			s.atomic, s.atomicAt = true, s.previous.Start
		}
	case s.is(text, s.first, "COPY"):
		query := text[s.second.Start] == '(' // COPY (SELECT …) has no rows to come
		if s.parens == 0 && !query && s.is(text, s.previous, "FROM") && (sqltext.Same(word, "STDIN") || sqltext.Same(word, "STDOUT")) {
			s.stdin = true // the server takes either word for the client's end
		}
	case s.is(text, s.first, "SET"):
		if s.count < 3 && sqltext.Same(word, "STANDARD_CONFORMING_STRINGS") {
			s.setting = true
		} else if s.setting {
			s.value(word)
		}
	}
}

// body follows a BEGIN ATOMIC body. END and CASE are reserved words, so they
// can be a name only behind AS or a point; the END of the body begins a statement.
func (s *statement) body(text, word string) {
	if s.is(text, s.previous, "AS") || text[s.previous.Start:s.previous.End] == "." {
		return
	}
	switch {
	case sqltext.Same(word, "CASE"):
		s.cases++
	case !sqltext.Same(word, "END"):
	case s.cases > 0:
		s.cases--
	case text[s.previous.Start] == ';' || s.is(text, s.previous, "ATOMIC"):
		s.atomic = false
	}
}

// value takes a word or string of SET standard_conforming_strings.
func (s *statement) value(v string) {
	switch strings.ToLower(v) {
	case "on", "true", "yes", "1":
		s.strings = stringsStandard
	case "off", "false", "no", "0":
		s.strings = stringsBackslash
	case "default":
		s.strings = stringsDefault
	}
}

func (s *statement) is(text string, t sqltext.Token, keyword string) bool {
	return t.Kind == sqltext.Word && sqltext.Same(text[t.Start:t.End], keyword)
}
