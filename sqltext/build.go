package sqltext

import (
	"strings"
	"unicode/utf8"

	"github.com/bellowsdb/bellows/fault"
)

// blanks are the characters that are cut off a statement's ends.
const blanks = " \t\r\n\f\v"

// Builder puts one piece after the other together while a cutter hands it every
// token of a text, in order.
type Builder struct {
	text   string
	places *Places

	start  int  // where the piece begins
	run    int  // where the comments directly before the code begin; -1: none
	pinned bool // the run holds an optimizer hint, which an empty line cannot part
	code   int  // first byte that is neither blank nor comment; -1: none yet
	tail   bool // still on the line where the piece before ended
}

// Open is what a token that reaches the end of the text has left open: where it
// was opened, what it is, and how to close it. Without What nothing is open.
type Open struct {
	At         int
	What, Hint string
}

// Cut makes pieces out of a text. For each walk over them it checks that the
// text is UTF-8 without NUL bytes, calls begin, and then the function begin
// gave, until that says false (the text is at its end) or gives an error.
func Cut(text string, o Options, begin func(*Builder) func() (Statement, bool, error)) Pieces {
	return func(yield func(Statement, error) bool) {
		b := &Builder{text: text, places: NewPlaces(text, o), run: -1, code: -1}
		if err := b.readable(); err != nil {
			yield(Statement{}, err)
			return
		}
		next := begin(b)
		for {
			st, more, err := next()
			if err != nil {
				yield(Statement{}, err)
				return
			}
			if !more || !yield(st, nil) {
				return
			}
		}
	}
}

func (b *Builder) readable() error {
	at := invalid(b.text)
	if at < 0 {
		return nil
	}
	if strings.HasPrefix(b.text, "\xff\xfe") || strings.HasPrefix(b.text, "\xfe\xff") {
		return b.Fail(0, "the text is UTF-16").Try("save the file as UTF-8")
	}
	if b.text[at] == 0 {
		return b.Fail(at, "NUL byte in the text").Try("remove it: no server takes NUL inside SQL; save the file as plain UTF-8 text")
	}
	return b.Fail(at, "byte 0x%02x is not valid UTF-8", b.text[at]).Try("save the file as UTF-8")
}

// invalid is the offset of the first NUL byte or byte that is not UTF-8, or -1.
func invalid(text string) int {
	nul := strings.IndexByte(text, 0)
	if utf8.ValidString(text) {
		return nul
	}
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		if r == utf8.RuneError && size == 1 || r == 0 {
			return at
		}
		at += size
	}
	return nul
}

// Empty tells that the piece has no code yet.
func (b *Builder) Empty() bool { return b.code < 0 }

// CodeAt is the offset of the first code of the piece; -1 when it is empty.
func (b *Builder) CodeAt() int { return b.code }

// Space takes a token of white space.
func (b *Builder) Space(t Token) {
	if b.code >= 0 {
		return
	}
	lines := strings.Count(b.text[t.Start:t.End], "\n")
	if (lines > 1 || lines > 0 && b.tail) && !b.pinned {
		b.run = -1
	}
	if lines > 0 {
		b.tail = false
	}
}

// Comment takes a comment that belongs to the statement.
func (b *Builder) Comment(t Token) {
	if b.code >= 0 {
		return
	}
	if b.run < 0 {
		b.run = t.Start
	}
	b.pinned = b.pinned || strings.HasPrefix(b.text[t.Start:t.End], "/*+")
}

// Skip takes a token before any code that the server must not see: an empty
// statement, or a comment that only a client knows.
func (b *Builder) Skip(Token) { b.run, b.pinned = -1, false }

// Code takes any other token.
func (b *Builder) Code(t Token) {
	if b.code < 0 {
		b.code = t.Start
	}
}

// End finishes the piece at offset end. The statement's text ends at textEnd,
// where its terminator stands.
func (b *Builder) End(kind Kind, textEnd, end int) Statement {
	st := Statement{Kind: kind, Start: b.start, End: end, Code: b.code}
	switch {
	case kind == Blank:
		st.Code, st.TextAt = end, end
	case kind == Note || b.run < 0:
		st.TextAt = b.code
	default:
		st.TextAt = b.run
	}
	if kind != Blank {
		st.Text = strings.TrimRight(b.text[st.TextAt:textEnd], blanks)
	}
	st.Line, st.Column = b.places.Of(st.Code)
	b.start, b.run, b.code, b.pinned, b.tail = end, -1, -1, false, true
	return st
}

// Last finishes the text: what is left is a statement without a terminator, or
// blank, or nothing (false).
func (b *Builder) Last(textEnd int) (Statement, bool, error) {
	switch {
	case b.start == len(b.text):
		return Statement{}, false, nil
	case b.code < 0:
		return b.End(Blank, len(b.text), len(b.text)), true, nil
	}
	return b.End(SQL, textEnd, len(b.text)), true, nil
}

// Fail is an error at an offset.
func (b *Builder) Fail(offset int, format string, args ...any) *fault.Error {
	return fault.At(b.places.Pos(offset), fault.SQLText, format, args...)
}

// Unclosed is the error for what has been left open.
func (b *Builder) Unclosed(o Open) *fault.Error {
	return b.Fail(o.At, "%s is never closed", o.What).Try("%s", o.Hint)
}
