// Package sqltext cuts SQL into statements without losing where they stood.
//
// Charter: the shared words of the three cutters (dialect/*/split.go): tokens,
// statements, and the places of both in the text they came from.
// Invariant: the spans of the statements of a text, joined, are that text, byte
// for byte.
// Example: for st, err := range dialect.Split(text, sqltext.Options{}) { … st.Text … }
package sqltext

import "iter"

// Kind says what has to be done with a statement.
type Kind int

const (
	// SQL is sent to the server as it is.
	SQL Kind = iota
	// Copy is a COPY … FROM STDIN; its rows are in Data.
	Copy
	// Note is text that is skipped and said: a harmless client command such as
	// psql's \restrict, or a DELIMITER line.
	Note
	// Blank is white space, comments and empty statements with no statement
	// behind them; it can only be the last piece of a text.
	Blank
)

// Statement is one piece of a text.
type Statement struct {
	Kind Kind
	// Text is what the server gets: the comments directly before the statement,
	// the statement, without its terminator and without blanks at either end. A
	// comment is directly before when no empty line lies between, and when it
	// does not end the line of the statement before it. Of a Note it is the
	// client command; of a Blank it is empty.
	Text string
	// Start and End are the byte offsets of the whole piece: text[Start:End]
	// holds leading blanks, comments, the statement, its terminator and, for
	// Copy, the data up to and with its end mark. One piece ends where the next
	// begins.
	Start, End int
	// TextAt is the byte offset of Text in the whole text.
	TextAt int
	// Code is the byte offset of the first byte that is neither blank nor
	// comment; for a Blank piece it equals End.
	Code int
	// Line and Column are the place of Code, counted from 1, Column in characters.
	Line, Column int
	// DataStart and DataEnd are the byte offsets of COPY data, without the end
	// mark line; both zero unless Kind is Copy.
	DataStart, DataEnd int
}

// Options change how text is read. The zero value is each server's default.
type Options struct {
	// File is the name that errors carry.
	File string
	// FirstLine is the line number in File of the first line of the text; 0 means 1.
	FirstLine int
	// BackslashQuotes: PostgreSQL with standard_conforming_strings off.
	BackslashQuotes bool
	// NoBackslashEscapes and ANSIQuotes: the sql_mode flags of MySQL and MariaDB.
	NoBackslashEscapes bool
	ANSIQuotes         bool
}

// Pieces is what a cutter gives: statement by statement, in order, as the text
// is read. After an error nothing more comes. Errors are *fault.Error with code
// fault.SQLText and the place of what was left open.
type Pieces = iter.Seq2[Statement, error]

// TokenKind is the class of a token.
type TokenKind int

const (
	Word    TokenKind = iota // keyword or plain identifier
	Quoted                   // quoted identifier
	String                   // string literal of any form, dollar quotes too
	Number                   // numeric literal
	Param                    // $1, ?, :name, @var
	Punct                    // one of ( ) [ ] , ; . and every operator
	Comment                  // a comment that is not executed
	Space                    // white space
	Marker                   // the opening or closing of a comment that is executed: /*!50003 and its */
)

// Silent tells that a token says nothing to a reader of the statement: white
// space, a comment, or the marker of a comment that is executed.
func (k TokenKind) Silent() bool { return k == Comment || k == Space || k == Marker }

// Token is one lexical unit: text[Start:End].
type Token struct {
	Kind       TokenKind
	Start, End int
}
