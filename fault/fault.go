// Package fault is how this program says what went wrong and what to do next.
//
// Charter: one error type with a stable code, a place and a hint, and the exit
// code that belongs to each code.
// Invariant: a fault never holds a password; whoever builds one from text that
// could hold a connection string passes it through [Redact] first.
// Example: fault.At(pos, fault.Syntax, "unknown directive %q", word).Try("did you mean %q?", near)
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Code names a kind of failure. Codes are stable: scripts compare them. A code
// that comes from a server is spelled "<database>.<its own code>".
type Code string

// The codes of this program. The exit code of each is told by [Code.Exit].
const (
	Usage        Code = "usage"             // the command line is off
	Config       Code = "config"            // bellows.toml, .env or an environment variable is off
	Syntax       Code = "file.syntax"       // a migration file cannot be read as one
	File         Code = "file.unreadable"   // a file or folder cannot be opened, or is not one
	Exists       Code = "file.exists"       // would overwrite something
	SQLText      Code = "sql.text"          // text cannot be cut into statements
	Graph        Code = "graph"             // unknown parent, cycle, duplicate id
	Target       Code = "target"            // a target expression names nothing, or too much
	Finding      Code = "finding"           // a finding refuses
	Unsupported  Code = "unsupported"       // this build, or this database, cannot do that
	Pending      Code = "pending"           // something is pending, or different
	Locked       Code = "locked"            // another run holds the lock
	LockLost     Code = "locked.lost"       // our lease was taken over
	Edited       Code = "integrity.edited"  // an applied migration was edited
	Missing      Code = "integrity.missing" // an applied migration's file vanished
	LedgerNewer  Code = "integrity.newer"   // the ledger is newer than this build
	Order        Code = "integrity.order"   // out of order, and strict
	Partial      Code = "partial"           // stopped part-way; the same command continues
	Confirm      Code = "confirm"           // waits for a person
	Interrupted  Code = "interrupted"       // a signal ended it
	Connect      Code = "connect"           // no connection to the database
	Lost         Code = "connect.lost"      // the connection broke while in use
	Denied       Code = "denied"            // the database refuses the right
	Busy         Code = "busy"              // a lock budget ran out while waiting for the application
	Check        Code = "check"             // a migrate:check query returned rows
	Failed       Code = "failed"            // a statement or command failed
	Irreversible Code = "irreversible"      // there is no way back
	Repair       Code = "repair"            // half-done work needs a decision
	Internal     Code = "internal"          // a defect of this program
)

// Exit is the process exit code that belongs to the code, as documented for the
// command line tool: 0 done, 1 failed, 2 usage, 3 pending or different,
// 4 findings refuse, 5 locked, 6 integrity, 7 part-way, 8 waits for a person,
// 130 interrupted. An unknown code is 1.
func (c Code) Exit() int {
	switch c {
	case "":
		return 0
	case Usage, Config, Target:
		return 2
	case Pending:
		return 3
	case Finding:
		return 4
	case Locked, LockLost:
		return 5
	case Edited, Missing, LedgerNewer, Order:
		return 6
	case Partial, Repair:
		return 7
	case Confirm:
		return 8
	case Interrupted:
		return 130
	}
	return 1
}

// Pos is a place in a file. Line and Column count from 1, Column in characters;
// zero means unknown. Text is the source line, when known, without its end.
type Pos struct {
	File   string
	Line   int
	Column int
	Text   string
}

// String gives file:line:column, leaving out what is unknown.
func (p Pos) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	for _, n := range []int{p.Line, p.Column} {
		if n <= 0 {
			break
		}
		if b.Len() > 0 {
			b.WriteByte(':')
		}
		fmt.Fprint(&b, n)
	}
	return b.String()
}

// Error is a failure: what (Msg), while doing what (Op), where (Pos), what to
// do next (Hint), and the cause (Err). Only Code and Msg are always set.
type Error struct {
	Code Code
	Op   string
	Msg  string
	Pos  *Pos
	Hint string
	Err  error
}

// New makes an error with a code and a message.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Msg: fmt.Sprintf(format, args...)}
}

// At makes an error with a place.
func At(pos Pos, code Code, format string, args ...any) *Error {
	e := New(code, format, args...)
	e.Pos = &pos
	return e
}

// Try sets the hint: what to do next. It changes e and returns it.
func (e *Error) Try(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Because sets the cause. It changes e and returns it.
func (e *Error) Because(err error) *Error {
	e.Err = err
	return e
}

// While sets what was being done. It changes e and returns it.
func (e *Error) While(format string, args ...any) *Error {
	e.Op = fmt.Sprintf(format, args...)
	return e
}

// Error is one line: place, operation, message, cause.
func (e *Error) Error() string {
	var parts []string
	if e.Pos != nil {
		if s := e.Pos.String(); s != "" {
			parts = append(parts, s)
		}
	}
	if e.Op != "" {
		parts = append(parts, e.Op)
	}
	if e.Msg != "" {
		parts = append(parts, e.Msg)
	}
	if e.Err != nil && !strings.Contains(e.Msg, e.Err.Error()) {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is compares codes, so that errors.Is(err, &fault.Error{Code: fault.Locked}) works.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// CodeOf is the code of the first fault in err's chain; [Failed] for an error
// that is none of ours, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Failed
}

// Has tells whether a fault with that code is anywhere in err's chain.
func Has(err error, code Code) bool { return errors.Is(err, &Error{Code: code}) }
