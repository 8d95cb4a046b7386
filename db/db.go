// Package db is a hand on one database.
//
// Charter: one pinned session, what can be asked of it, and what its errors mean.
// Invariant: a [Conn] is one session from Open to Close; it is never swapped for
// another behind the caller's back, so a setting, a lock or a transaction on it
// is where the caller left it.
// Example: c, err := driver.Open(ctx, "scheme://…", db.Options{}); defer c.Close()
package db

import (
	"context"
	"time"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
)

// Options are how a session is opened. The zero value is good.
type Options struct {
	// App is shown to other sessions: "bellows/up/<run>".
	App string
	// LockTimeout bounds each wait for a lock by default; 0 means 500 ms.
	LockTimeout time.Duration
	// StatementTimeout bounds each statement by default; 0 means none.
	StatementTimeout time.Duration
	// ReadOnly: the session must not be able to write (dry runs).
	ReadOnly bool
	// Notice receives the server's messages to people; nil drops them.
	Notice func(severity, text string)
	// ConnectTimeout bounds the opening; 0 means 10 s.
	ConnectTimeout time.Duration
}

// Session is how the server knows a session: enough to tell, later and from
// another session, whether it is still there.
type Session struct {
	PID   int64
	Start string // when it began, by the server's clock, as text; "" unknown
	Host  string // of the process, where the database is a file
}

// Item is one statement of a script. Copy data goes with a COPY … FROM STDIN.
type Item struct {
	SQL  string
	Copy bool
	Data string
	// Brief: it ends at once, like the ledger's own rows, so that nobody need
	// watch whether the context ends meanwhile.
	Brief bool
}

// Rows is a result that is read row by row.
type Rows interface {
	Columns() []string
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// Conn is one session. It is used by one goroutine at a time, but for Close.
type Conn interface {
	// Exec runs one statement; it gives the number of rows changed, -1 when the
	// server does not tell. Arguments are marked as the database marks them.
	Exec(ctx context.Context, sql string, args ...any) (int64, error)
	// Query runs one query. Rows must be closed before the next call.
	Query(ctx context.Context, sql string, args ...any) (Rows, error)
	// Send runs statements in order in as few round trips as the protocol
	// allows and stops at the first failure. It calls done after each one that
	// is known to have succeeded (number counted from 0, rows changed or -1).
	// The error is an *Error whose Item is the number of the one that failed.
	// Transaction control is the caller's: BEGIN and COMMIT are items.
	Send(ctx context.Context, items []Item, done func(item int, rows int64)) error
	// Session is how the server knows this session. It is the zero Session where a
	// proxy stands before the server and may give the session to others between
	// two transactions: then a lock or a setting of the session is worth nothing.
	Session() Session
	// Dialect is the database's language, at the server's version.
	Dialect() dialect.Dialect
	// Close ends the session; what was open is rolled back by the server.
	Close() error
}

// Locker is a Conn whose session can hold a lock by name while it lives.
type Locker interface {
	// TryLock never waits.
	TryLock(ctx context.Context, key string) (bool, error)
	Unlock(ctx context.Context, key string) error
}

// Life is what can be known of another session.
type Life int

const (
	// Unknown: the server does not tell us.
	Unknown Life = iota
	// Alive: it is there.
	Alive
	// Dead: it is provably gone.
	Dead
)

// IndexState is what the catalog says of an index.
type IndexState struct {
	Exists, Valid, Building bool
	Table                   plan.Name
	Definition              string
	// Leftovers are invalid helpers of a failed rebuild, quoted and qualified.
	Leftovers []string
	// Chosen are, for an index whose name the server chooses, those of its table that
	// are called so and that nobody builds now, quoted and qualified; true for a valid one.
	Chosen map[string]bool
}

// IndexWork is how far a concurrent build is.
type IndexWork struct {
	Phase       string
	Done, Total int64
	WaitsFor    int64
}

// Count is how many rows or values a loss would lose. Exact is false for an estimate.
type Count struct {
	Rows  int64
	Exact bool
	// Gone: there is no such table or column.
	Gone bool
}

// Watcher is a Conn that can look at the catalog and at other sessions.
type Watcher interface {
	// Life tells whether a session seen earlier is still there.
	Life(ctx context.Context, s Session) (Life, error)
	// Blockers are the sessions that conflict with what a step will lock and
	// have been at it for longer than the budget. It takes no lock.
	Blockers(ctx context.Context, touches []plan.Touch, budget time.Duration) ([]event.Blocker, error)
	// Lockable are those of the touched tables that exist, quoted and qualified
	// for use in SQL, in the order in which they must be locked, each with the
	// statement that locks it. Empty where the database has no such statement.
	Lockable(ctx context.Context, touches []plan.Touch) ([]string, error)
	// Fingerprint changes when, and only when, the named objects change: it
	// tells whether an interrupted statement took effect.
	Fingerprint(ctx context.Context, objects []plan.Object) (string, error)
	// Index tells the state of an index.
	Index(ctx context.Context, ix plan.Index) (IndexState, error)
	// Work tells how far the index build of a session is; ok is false when there is none.
	Work(ctx context.Context, s Session) (w IndexWork, ok bool, err error)
	// Count counts a loss, for at most budget, then estimates.
	Count(ctx context.Context, loss plan.Loss, budget time.Duration) (Count, error)
}

// Attachment is what the catalog says of a partition.
type Attachment int

const (
	// Detached: it is no partition of that table.
	Detached Attachment = iota
	// Attached: it is one.
	Attached
	// Detaching: that it goes was begun and not ended.
	Detaching
)

// Detacher is a Conn of a database that can leave the detaching of a partition begun.
type Detacher interface {
	Attachment(ctx context.Context, table, partition plan.Name) (Attachment, error)
}

// Awaiter is a Conn of a database with statements that wait inside the server
// until transactions of others end.
type Awaiter interface {
	// Awaited are those for whom a session waits now; none while it works.
	Awaited(ctx context.Context, s Session) ([]event.Blocker, error)
	// Running is the one other session of this user that runs a statement now; ok
	// is false when there is none, or several. It finds ours behind a proxy.
	Running(ctx context.Context, sql string) (s Session, ok bool, err error)
}

// Driver opens sessions of one kind of database.
type Driver interface {
	// Schemes are the URL schemes it answers to, the main one first.
	Schemes() []string
	Open(ctx context.Context, url string, o Options) (Conn, error)
	// Create and Drop make and remove the database a URL names; Drop ends the
	// sessions in it. Create tells in made whether it was not there before.
	Create(ctx context.Context, url string) (made bool, err error)
	Drop(ctx context.Context, url string) (dropped bool, err error)
}

// Class is what to do about an error.
type Class int

const (
	// Bad: the statement is wrong, or the data is.
	Bad Class = iota
	// Wait: a lock was not to be had in time, a deadlock, a serialization
	// failure: roll back, wait, do the whole transaction again.
	Wait
	// Gone: the connection is gone and the outcome unknown.
	Gone
	// Refused: rights, read-only, not there.
	Refused
	// Full: disk full, out of memory, too many connections.
	Full
	// Canceled: we, or somebody, cancelled it; or its time ran out.
	Canceled
)

// Error is a failure told by a server or by the connection to it.
type Error struct {
	Class Class
	// Code is "<database>.<server's code>".
	Code    fault.Code
	Message string
	Detail  string
	Hint    string
	// Item is the number of the failed statement in Send, 0 otherwise.
	Item int
	// Offset is the byte offset of the error in that statement's text, -1 unknown.
	Offset int
	Err    error
}

// Error is the server's message; it never holds a password.
func (e *Error) Error() string {
	if e.Detail != "" {
		return e.Message + " (" + e.Detail + ")"
	}
	return e.Message
}

// Unwrap gives the driver's own error.
func (e *Error) Unwrap() error { return e.Err }

// Resetter is a Conn that somebody lent us, with settings of his own.
type Resetter interface {
	// Resets are the statements that bring the session's settings back to what
	// they were when it was lent; none when it was not.
	Resets() []string
}

// Restorer is a Conn of a database that has no statement which resets a session.
type Restorer interface {
	// Restore brings a session that cannot be replaced by a fresh one, because it
	// was lent or because its database lives in it, back to the settings it had at
	// first. It is called outside transactions, and does nothing to any other session.
	Restore(ctx context.Context) error
}

// Namer is a Conn whose session can be given another name than it was opened with.
type Namer interface {
	// Named gives it, and keeps it when the session is reset. It does nothing to a
	// session that is lent, that a proxy shares, or that was opened without a name.
	Named(ctx context.Context, app string) error
}

// Sharer is a Conn of a database in which a commit waits for the disk and for
// nothing else, so that small migrations may share one. Its locks are the file's.
type Sharer interface {
	// Shares tells whether they may on this session: nobody else counts its
	// transactions.
	Shares() bool
	// Little tells whether the whole database is so small that no ordinary
	// statement takes long in it.
	Little(ctx context.Context) bool
	// Settled is nil, within a transaction, when COMMIT would find every reference
	// in order whose check is put off until then.
	Settled(ctx context.Context) error
}

// Killer is a Conn that can end another session.
type Killer interface {
	// Kill ends a session; no error when it was gone already.
	Kill(ctx context.Context, s Session) error
}
