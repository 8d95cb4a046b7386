// Package words reads a statement from the left, word by word.
//
// Charter: what the classifiers of the dialects share: a cursor over the code
// tokens of one statement, and the names and kinds of objects in it.
// Invariant: a [Cursor] never fails and never moves back; at the end every
// question is answered with no.
// Example: c := words.Read(sql, tokens, 0, strings.ToLower); c.Take("DROP", "TABLE")
package words

import (
	"iter"
	"strings"

	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/sqltext"
)

// Cursor is a place between two code tokens of a statement.
type Cursor struct {
	sql  string
	toks []sqltext.Token
	at   int
	fold func(string) string
}

// Read begins at the first code token. At most limit tokens are read, all when
// limit is 0. fold is what the server does to a name without quotes.
func Read(sql string, tokens iter.Seq[sqltext.Token], limit int, fold func(string) string) *Cursor {
	c := &Cursor{sql: sql, fold: fold}
	for t := range tokens {
		if t.Kind.Silent() {
			continue
		}
		c.toks = append(c.toks, t)
		if len(c.toks) == limit {
			break
		}
	}
	return c
}

// End tells whether no token is left.
func (c *Cursor) End() bool { return c.at >= len(c.toks) }

// Text is the token at the cursor as written; "" at the end.
func (c *Cursor) Text() string { return c.text(c.at) }

// Kind is the kind of the token at the cursor; Space at the end.
func (c *Cursor) Kind() sqltext.TokenKind {
	if c.End() {
		return sqltext.Space
	}
	return c.toks[c.at].Kind
}

func (c *Cursor) text(i int) string {
	if i >= len(c.toks) {
		return ""
	}
	return c.sql[c.toks[i].Start:c.toks[i].End]
}

// Peek tells whether the next tokens are these words or signs, words in
// capitals; a quoted name is no word.
func (c *Cursor) Peek(words ...string) bool {
	for i, w := range words {
		at := c.at + i
		if at >= len(c.toks) || !strings.EqualFold(c.text(at), w) {
			return false
		}
		if k := c.toks[at].Kind; k != sqltext.Word && k != sqltext.Punct {
			return false
		}
	}
	return true
}

// Take moves behind the words when they are next.
func (c *Cursor) Take(words ...string) bool {
	if !c.Peek(words...) {
		return false
	}
	c.at += len(words)
	return true
}

// TakeAny moves behind one of the words, each of which may be several with
// blanks between, and gives it; "" when none is next. The first that fits counts.
func (c *Cursor) TakeAny(words ...string) string {
	for _, w := range words {
		if !strings.Contains(w, " ") {
			if c.Take(w) {
				return w
			}
		} else if c.Take(strings.Fields(w)...) {
			return w
		}
	}
	return ""
}

// Word moves behind a word and gives it in capitals; "" when no word is next.
func (c *Cursor) Word() string {
	if c.Kind() != sqltext.Word {
		return ""
	}
	c.at++
	return strings.ToUpper(c.text(c.at - 1))
}

// Skip moves behind the next token, or behind a whole group in parentheses.
func (c *Cursor) Skip() {
	depth := 0
	for !c.End() {
		switch c.Text() {
		case "(":
			depth++
		case ")":
			depth--
		}
		c.at++
		if depth <= 0 {
			return
		}
	}
}

// Next moves behind the next token, a parenthesis too.
func (c *Cursor) Next() {
	if !c.End() {
		c.at++
	}
}

// Seek moves behind the first place where the words stand outside parentheses
// and tells whether there is one; else it is at the end.
func (c *Cursor) Seek(words ...string) bool {
	for !c.End() {
		if c.Take(words...) {
			return true
		}
		c.Skip()
	}
	return false
}

// Find moves behind the first place where the words stand, in parentheses or
// not, and tells whether there is one; else it is at the end.
func (c *Cursor) Find(words ...string) bool {
	for ; !c.End(); c.at++ {
		if c.Take(words...) {
			return true
		}
	}
	return false
}

// Name moves behind a name of one to three parts and gives its last two.
func (c *Cursor) Name() (plan.Name, bool) {
	part, ok := c.Ident()
	if !ok {
		return plan.Name{}, false
	}
	n := plan.Name{Name: part}
	for c.Peek(".") {
		c.at++
		if part, ok = c.Ident(); !ok {
			break
		}
		n = plan.Name{Schema: n.Name, Name: part}
	}
	return n, true
}

// Names moves behind a list of names with commas between.
func (c *Cursor) Names() []plan.Name {
	var out []plan.Name
	for {
		c.Take("ONLY")
		n, ok := c.Name()
		if !ok {
			return out
		}
		out = append(out, n)
		c.Take("*")
		if c.Peek("(") {
			c.Skip()
		}
		if !c.Take(",") {
			return out
		}
	}
}

// Ident moves behind one identifier and gives it without quotes, folded.
func (c *Cursor) Ident() (string, bool) {
	switch c.Kind() {
	case sqltext.Word:
		c.at++
		return c.fold(c.text(c.at - 1)), true
	case sqltext.Quoted:
		c.at++
		return sqltext.Name(c.text(c.at - 1)), true
	case sqltext.Number:
		// 1st_table and the like, where names may begin with a digit.
		if word := c.Text(); strings.Trim(word, "0123456789.") != "" {
			c.at++
			return c.fold(word), true
		}
	}
	return "", false
}

// IfExists moves behind IF EXISTS or IF NOT EXISTS and tells whether one was there.
func (c *Cursor) IfExists() bool {
	return c.Take("IF", "EXISTS") || c.Take("IF", "NOT", "EXISTS")
}

// Object gives the kind in lower case with the name that follows.
func Object(kind string, n plan.Name) plan.Object {
	return plan.Object{Kind: strings.ToLower(kind), Name: n}
}
