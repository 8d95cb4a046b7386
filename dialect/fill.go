package dialect

import (
	"iter"
	"time"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/sqltext"
)

// Fill are the facts by which rows are changed in chunks. Templates are filled
// by [fmt.Sprintf].
type Fill struct {
	// Begin are the statements that begin a transaction in which each statement
	// sees what others have committed before it.
	Begin []string
	// Pass is the suffix of a SELECT that locks the row it reads and passes over
	// rows that others have locked; "" where there is no such thing or no need.
	Pass string
	// Refuse is the suffix of a SELECT that locks the row it reads and fails at
	// once when another has it, or "".
	Refuse string
	// Within: time-outs can be set for one transaction, and must be, because a
	// proxy may give each transaction another session.
	Within bool
	// Idle is a statement with one %d: how many milliseconds the session may
	// leave a transaction open without working, after which the server ends it;
	// "" where the server cannot.
	Idle string
	// Plain are statements that, until the transaction ends, make the server
	// write keys as text in the way that it reads back alike in every session.
	Plain []string
	// RowCompare: (a, b) > (x, y) is answered from an index over (a, b).
	RowCompare bool
	// Tidy is a statement with one %s, a table: makes the space of old row
	// versions usable again without locking out readers or writers; "" for none.
	Tidy string
	// Company is a query for the number of sessions of others, not of this tool,
	// that are at work or were in the last seconds; of those that the role does not
	// see everyone counts. "" where nobody asks.
	Company string
	// Written is an expression: how many bytes of log the server has written so
	// far, as an integer; "" where it does not tell.
	Written string
	// Deferred is a statement that makes deferred constraints be checked now, or "".
	Deferred string
	// Lazy is a statement after which the transaction's COMMIT is answered before
	// it is on disk, where nobody has asked the server to wait for a standby; a
	// crash of the server may then undo the last of them, whole and in order. ""
	// where a transaction has no say in that.
	Lazy string
	// Or is what means OR beside the word itself, or "".
	Or string
	// Waits is a query for the number of sessions that wait for a row's lock now,
	// which costs less than the list of them, and is never old; "" where the list
	// is to be asked at once.
	Waits string
	// Alone: one process has no use for a second worker.
	Alone bool
	// Stale is how long nobody may have read the server's list of who waits for
	// whom before it is made anew; who reads it more often sees an old one. 0 where
	// it is made for each who reads it.
	Stale time.Duration
}

// Trouble is what an error of the server says about a chunk of work.
type Trouble int

const (
	// Fatal: it will not get better by itself.
	Fatal Trouble = iota
	// Transient: the same again may succeed.
	Transient
	// Load: it was too much at once; less may succeed.
	Load
	// Row: a row's data is at fault.
	Row
)

// Filler is a dialect that can change rows in chunks. All dialects of this
// house are.
type Filler interface {
	Fill() Fill
	// Tokens reads SQL as the server does.
	Tokens(sql string) iter.Seq[sqltext.Token]
	// KeyText is an expression: the value of a key's column as text, from which
	// KeyValue makes the value again. Kind is what the catalog says of the
	// column, as db.Keyer tells it.
	KeyText(column, kind string) string
	// KeyValue spells a value of a key's column.
	KeyValue(text, kind string) string
	// Identity are expressions, of which the first that the session may ask is
	// used: a text that stays the same while the table of that name is the same,
	// its rows are kept where they are, and its key's columns stay as they are.
	// It is NULL when there is no such table. Parts are separated by "/": the
	// table, its storage, its columns.
	Identity(table plan.Name, key []string) []string
	// Trouble judges an error by its code and message.
	Trouble(code fault.Code, message string) Trouble
}
