package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// fail is what an error of the Go driver means; text is the statement, if any.
func (c *conn) fail(ctx context.Context, text string, err error) *db.Error {
	e := &db.Error{Class: db.Bad, Message: plain(err), Offset: -1, Err: err}
	var server *sqlite.Error
	switch {
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		e.Class, e.Code = db.Canceled, "sqlite.9"
		e.Message = "the statement was interrupted"
	case errors.As(err, &server):
		e.Code = code(server.Code())
		e.Class = class(server.Code())
		e.Hint = hint(server.Code())
		if server.Code() == lib.SQLITE_ERROR {
			e.Offset = c.locate(text, e.Message)
		}
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, driver.ErrBadConn):
		e.Class, e.Code = db.Gone, "sqlite.closed"
	default:
		e.Code = "sqlite.driver"
	}
	return e
}

func code(n int) fault.Code { return fault.Code("sqlite." + strconv.Itoa(n)) }

// class follows the primary result codes of sqlite3.h.
func class(n int) db.Class {
	switch n & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_PROTOCOL:
		return db.Wait
	case lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_AUTH, lib.SQLITE_CANTOPEN:
		return db.Refused
	case lib.SQLITE_FULL, lib.SQLITE_NOMEM:
		return db.Full
	case lib.SQLITE_INTERRUPT, lib.SQLITE_ABORT:
		return db.Canceled
	case lib.SQLITE_IOERR:
		return db.Gone
	}
	return db.Bad
}

func hint(n int) string {
	switch n & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return "another process is writing to the file; try again, or wait longer with --lock-timeout"
	case lib.SQLITE_READONLY:
		return "the file, its folder or this session is read-only"
	case lib.SQLITE_FULL:
		return "make room on the disk, then run the same command again"
	case lib.SQLITE_IOERR:
		return "the disk under the file fails, is full, or has a limit: mend that, then run the same command again"
	case lib.SQLITE_NOTADB:
		return "check that the URL names the right file"
	case lib.SQLITE_CORRUPT:
		return "run PRAGMA integrity_check on a copy of the file"
	}
	return ""
}

var tail = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(: [^:]*)? \(\d+\)( \(SQLITE_BUSY\))?$`)
})

// plain is SQLite's message without the driver's frame around it: the text of
// the result code before it and its number behind it.
func plain(err error) string {
	var server *sqlite.Error
	text := fault.Redact(err.Error())
	if !errors.As(err, &server) {
		return text
	}
	text = tail().ReplaceAllString(text, "$1")
	for _, frame := range []string{"SQL logic error: ", "constraint failed: ", "datatype mismatch: ", "attempt to write a readonly database: "} {
		if rest, ok := strings.CutPrefix(text, frame); ok {
			return rest
		}
	}
	return text
}

var (
	nearToken = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^near "((?s:.*))": syntax error$`)
	})
	badToken = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^unrecognized token: "((?s:.*))"$`)
	})
	unknown = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^no such (?:column|table|index|trigger|view|function|module|collation sequence): (?:.*\.)?([^.]+)$`)
	})
)

// locate finds the byte offset of an error in a statement, -1 when unsure. The
// driver gives no offset, but the parser stops at the token it names: the first
// one with which the text up to its end fails alike is the one. Only preparing
// is tried, which changes nothing.
func (c *conn) locate(text, message string) int {
	if message == "incomplete input" {
		return len(strings.TrimRight(text, " \t\r\n"))
	}
	m := nearToken().FindStringSubmatch(message)
	if m == nil {
		if m = badToken().FindStringSubmatch(message); m != nil {
			return strings.Index(text, m[1])
		}
		if m = unknown().FindStringSubmatch(message); m != nil {
			return onlyWord(text, strings.Trim(m[1], "\"`[]"))
		}
		return -1
	}
	places := occurrences(text, m[1])
	n := sort.Search(len(places), func(i int) bool {
		prefix := text[:places[i]+len(m[1])]
		st, err := c.sql.PrepareContext(context.Background(), prefix)
		if err == nil {
			st.Close()
			return false
		}
		return plain(err) == message
	})
	if n == len(places) {
		return -1
	}
	return places[n]
}

func occurrences(text, part string) []int {
	var places []int
	if part == "" {
		return nil
	}
	for from := 0; ; {
		i := strings.Index(text[from:], part)
		if i < 0 {
			return places
		}
		places = append(places, from+i)
		from += i + len(part)
	}
}

// onlyWord is where a word stands, when it stands in just one place.
func onlyWord(text, word string) int {
	found := regexp.MustCompile(`(?i)(?:^|[^\w$])(`+regexp.QuoteMeta(word)+`)(?:[^\w$]|$)`).FindAllStringSubmatchIndex(text, 2)
	if len(found) != 1 {
		return -1
	}
	return found[0][2]
}

func noCopy(item int) *db.Error {
	return &db.Error{
		Class: db.Bad, Code: fault.Unsupported, Item: item, Offset: -1,
		Message: "SQLite has no COPY", Hint: "write the rows as INSERT statements",
	}
}

// connectError is why a file cannot be opened.
func connectError(err error, path string) error {
	var server *sqlite.Error
	if !errors.As(err, &server) {
		return fault.New(fault.Connect, "cannot open %s: %s", path, fault.Redact(err.Error())).Because(err)
	}
	n := server.Code()
	cause := &db.Error{Class: class(n), Code: code(n), Message: plain(err), Hint: hint(n), Offset: -1, Err: err}
	f := fault.New(fault.Connect, "cannot open %s: %s", path, cause.Message).Because(cause)
	switch n & 0xff {
	case lib.SQLITE_CANTOPEN:
		if dir := filepath.Dir(path); !exists(dir) {
			return f.Try("there is no folder %s: make it, or correct the URL", dir)
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return f.Try("the path is a folder: name a file in it")
		} else if err == nil {
			return f.Try("does the user who runs bellows have the right to read it, and to write to its folder?")
		}
		return f.Try("check the path and the rights of its folder; bellows db create makes the file")
	case lib.SQLITE_PERM, lib.SQLITE_AUTH, lib.SQLITE_READONLY:
		f.Code = fault.Denied
	}
	f.Hint = cause.Hint
	return f
}

// wrap makes a fault of an error of the file system.
func wrap(err error, doing string, path string) error {
	return fault.New(fault.File, "cannot %s %s", doing, path).Because(fmt.Errorf("%s", fault.Redact(err.Error())))
}
