package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unicode/utf8"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
	"github.com/go-sql-driver/mysql"
)

// fail is what an error of the driver means; text is the statement, if any.
func (c *conn) fail(ctx context.Context, text string, err error) *db.Error {
	var already *db.Error
	if errors.As(err, &already) {
		return already
	}
	e := &db.Error{Class: db.Bad, Code: "mysql.client", Message: fault.Redact(err.Error()), Offset: -1, Err: err}
	var server *mysql.MySQLError
	switch {
	case errors.As(err, &server):
		e.Code = fault.Code("mysql." + strconv.Itoa(int(server.Number)))
		e.Class = class(server.Number)
		e.Message = fault.Redact(server.Message)
		e.Hint = hint(server.Number)
		e.Offset = locate(text, server.Message)
	case gone(err):
		e.Class, e.Code = db.Gone, "mysql.gone"
		e.Message = "the connection to the server is gone: " + e.Message
	case ctx.Err() != nil:
		e.Class, e.Code, e.Message = db.Canceled, "mysql.1317", "canceled before it was sent"
	}
	if ctx.Err() != nil && (e.Class == db.Canceled || e.Class == db.Gone) {
		e.Err = errors.Join(ctx.Err(), err)
	}
	return e
}

func gone(err error) bool {
	var network net.Error
	for _, known := range []error{driver.ErrBadConn, mysql.ErrInvalidConn, mysql.ErrMalformPkt, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, known) {
			return true
		}
	}
	return errors.As(err, &network) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// class follows the servers' lists of error numbers.
func class(number uint16) db.Class {
	switch number {
	case 1205, 1213, 1614, 3058, 3572: // lock wait, deadlock, XA deadlock, user lock deadlock, NOWAIT
		return db.Wait
	case 1317, 1969, 3024, 1028: // interrupted; time-outs of MariaDB and MySQL; sort aborted
		return db.Canceled
	case 1053, 1077, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 3169, 4031: // shutdown, aborted, killed
		return db.Gone
	case 1044, 1045, 1049, 1095, 1142, 1143, 1227, 1290, 1370, 1698, 1792, 1836, 1410, 1419, 3118:
		return db.Refused
	case 1021, 1037, 1038, 1040, 1041, 1114, 1135, 1203, 1226: // disk, memory, connections
		return db.Full
	}
	return db.Bad
}

func hint(number uint16) string {
	switch number {
	case 1290, 1792, 1836:
		return "the server or this session is read-only"
	case 1046:
		return "name the database in the URL: mysql://user@host/DATABASE"
	case 1419:
		return "ask for the right SUPER, or for log_bin_trust_function_creators"
	case 1114, 1021:
		return "make room on the disk, then run the same command again"
	}
	return ""
}

var near = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s) near '(.*)' at line (\d+)$`)
})

var named = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile("^(?:Unknown column|Table|Unknown table|Can't DROP(?: COLUMN| INDEX)?|Key column|Duplicate column name|Duplicate key name) [`'](?:[^'`]*\\.)?([^'`]+)['`]")
})

// quotedLength is how many characters of the text a syntax error quotes.
const quotedLength = 80

// locate finds the byte offset of an error in a statement, -1 when unsure. A
// syntax error quotes the text from where it could not go on, up to
// [quotedLength] characters of it, and the line.
func locate(text, message string) int {
	m := near().FindStringSubmatch(message)
	if m == nil {
		if m = named().FindStringSubmatch(message); m != nil {
			return onlyWord(text, m[1])
		}
		return -1
	}
	line, _ := strconv.Atoi(m[2])
	from := 0
	for ; line > 1; line-- {
		n := strings.IndexByte(text[from:], '\n')
		if n < 0 {
			break
		}
		from += n + 1
	}
	if m[1] == "" {
		return len(text)
	}
	quoted := m[1]
	if !strings.Contains(text[from:], quoted) {
		quoted = strings.TrimSuffix(quoted, "...")
	}
	for len(quoted) > 0 && !utf8.ValidString(quoted) {
		quoted = quoted[:len(quoted)-1] // cut inside a character
	}
	if strings.HasSuffix(text, quoted) && utf8.RuneCountInString(quoted) < quotedLength {
		return len(text) - len(quoted)
	}
	if i := strings.Index(text[from:], quoted); i >= 0 {
		return from + i
	}
	return -1
}

// onlyWord is where a word stands, when it stands in just one place.
func onlyWord(text, word string) int {
	found := regexp.MustCompile(`(?i)(?:^|[^\w$])(`+regexp.QuoteMeta(word)+`)(?:[^\w$]|$)`).FindAllStringSubmatchIndex(text, 2)
	if len(found) != 1 {
		return -1
	}
	return found[0][2]
}

func badURL(why string) *fault.Error {
	return fault.New(fault.Config, "the MySQL URL is off: %s", why).Try("write mysql://host:3306/database, with user:password@ before the host")
}

// reason is why a URL cannot be read. The reader's own words may quote a piece
// of the password, so they are not told.
func reason(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "invalid URL escape"):
		return "a % that is no escape; in a password write it as %25"
	case strings.Contains(text, "port"):
		return "its port is not a number; in a password write : as %3A, @ as %40, / as %2F"
	}
	return "it cannot be read; in a password write @ as %40, : as %3A, / as %2F, # as %23, ? as %3F"
}

// connectError is why there is no session. It names host, database and user,
// never the URL.
func connectError(ctx context.Context, config *mysql.Config, err error) error {
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return fault.New(fault.Interrupted, "connecting to %s was interrupted", config.Addr).Because(ctx.Err())
	}
	var server *mysql.MySQLError
	if errors.As(err, &server) {
		return refusal(config, server)
	}
	text := fault.Redact(err.Error())
	var number syscall.Errno
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return fault.New(fault.Connect, "cannot reach the server at %s: %s", config.Addr, dns.Err).Try("check the host name in the URL")
	case ctx.Err() != nil:
		text = "no answer in time"
	case errors.As(err, &number):
		text = number.Error()
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, mysql.ErrInvalidConn):
		return fault.New(fault.Connect, "the server at %s broke the connection off, or did not answer", config.Addr).
			Try("is it MySQL or MariaDB that runs there? check host and port in the URL; bellows db wait waits for it")
	case strings.Contains(text, "tls:"), strings.Contains(text, "x509:"), errors.Is(err, mysql.ErrNoTLS):
		return fault.New(fault.Connect, "cannot reach the server at %s: %s", config.Addr, text).Try("check tls in the URL: true, skip-verify, preferred or false")
	}
	cause := errors.New(text)
	return fault.New(fault.Connect, "cannot reach the server at %s: %s", config.Addr, text).Because(cause).
		Try("is the server running? bellows db wait waits for it")
}

func refusal(config *mysql.Config, server *mysql.MySQLError) error {
	cause := &db.Error{
		Class: class(server.Number), Code: fault.Code("mysql." + strconv.Itoa(int(server.Number))),
		Message: fault.Redact(server.Message), Offset: -1, Err: server,
	}
	f := fault.New(fault.Connect, "the server at %s: %s", config.Addr, cause.Message).Because(cause)
	switch server.Number {
	case 1193, 1064: // while the session's variables are set
		return f.Try("take it out of the URL: its parameters are those of the Go driver and variables of the server, not another tool's (x-…)")
	case 1049:
		return f.Try("bellows db create makes the database %s", config.DBName)
	case 1045, 1698, 1251, 1524, 1862:
		f.Code = fault.Denied
		return f.Try("check user (%s) and password in the URL", config.User)
	case 1044, 1130, 1142, 1227:
		f.Code = fault.Denied
		return f.Try("user %s has no right to that: ask for a GRANT", config.User)
	case 1040, 1203, 1226:
		return f.Try("the server has no connection left: close some, or raise max_connections")
	}
	return f
}
