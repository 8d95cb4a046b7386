package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
	"github.com/jackc/pgx/v5/pgconn"
)

// fail is what an error of the driver means; sql is the statement, when the
// error's position counts from its start.
func (c *conn) fail(ctx context.Context, sql string, err error) *db.Error {
	var already *db.Error
	if errors.As(err, &already) {
		return already
	}
	var server *pgconn.PgError
	if errors.As(err, &server) {
		e := serverError(server)
		if server.Position > 0 && sql != "" {
			e.Offset = c.byteOffset(sql, int(server.Position))
		}
		if ctx.Err() != nil && e.Class == db.Canceled {
			e.Err = errors.Join(ctx.Err(), err)
		}
		return e
	}
	e := &db.Error{Class: db.Bad, Code: "postgres.client", Message: fault.Redact(err.Error()), Offset: -1, Err: err}
	if ctx.Err() != nil {
		e.Err = errors.Join(ctx.Err(), err)
	}
	var network net.Error
	switch {
	case c.pg != nil && c.pg.IsClosed(), errors.Is(err, pgconn.ErrConnClosed), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		e.Class, e.Code = db.Gone, "postgres.gone"
		e.Message = "the connection to the server is gone: " + e.Message
	case ctx.Err() != nil:
		e.Class, e.Code, e.Message = db.Canceled, "postgres.57014", "canceled before it was sent"
	case errors.As(err, &network):
		e.Class, e.Code = db.Gone, "postgres.gone"
	}
	return e
}

func serverError(server *pgconn.PgError) *db.Error {
	e := &db.Error{
		Class: class(server), Code: fault.Code("postgres." + server.Code),
		Message: fault.Redact(server.Message), Detail: fault.Redact(server.Detail), Hint: fault.Redact(server.Hint),
		Offset: -1, Err: server,
	}
	if e.Hint == "" && server.Code == "25006" {
		e.Hint = "the server takes no writes (is it a standby?), or this user's sessions do not: use the URL of one that does"
	}
	if e.Detail == "" && server.InternalQuery != "" {
		e.Detail = "in " + server.InternalQuery
	}
	return e
}

// class follows PostgreSQL's appendix of error codes.
func class(server *pgconn.PgError) db.Class {
	switch server.Code {
	case "55P03", "40P01", "40001":
		return db.Wait
	case "57014":
		return db.Canceled
	case "57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04":
		return db.Gone
	case "42501", "25006", "3D000":
		return db.Refused
	}
	switch server.Code[:min(2, len(server.Code))] {
	case "08":
		return db.Gone
	case "28":
		return db.Refused
	case "53":
		return db.Full
	}
	return db.Bad
}

func badURL(why string) *fault.Error {
	return fault.New(fault.Config, "the PostgreSQL URL is off: %s", why).Try("write postgres://host:5432/database, with user:password@ before the host")
}

// reason is why a URL cannot be read. The driver's own words may quote a piece
// of the password, so only its parameters' names are told.
func reason(rawURL string, err error) string {
	u, parseErr := url.Parse(rawURL)
	switch {
	case parseErr != nil && strings.Contains(parseErr.Error(), "invalid URL escape"):
		return "a % that is no escape; in a password write it as %25"
	case parseErr != nil && strings.Contains(parseErr.Error(), "port"):
		return "its port is not a number; in a password write : as %3A, @ as %40, / as %2F"
	case parseErr != nil:
		return "it cannot be read; in a password write @ as %40, : as %3A, / as %2F, # as %23, ? as %3F"
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return "its port is not between 1 and 65535"
		}
	}
	text := fault.Redact(err.Error())
	if i := strings.Index(text, "`: "); i >= 0 {
		text = text[i+3:] // what comes before is the URL
	}
	if password, ok := u.User.Password(); ok && password != "" && strings.Contains(text, password) {
		return "one of its parameters cannot be used"
	}
	return text
}

// connectError is why there is no session. It names host, database and user,
// never the URL.
func connectError(ctx context.Context, config *pgconn.Config, err error) error {
	where := config.Host
	if !strings.HasPrefix(where, "/") {
		where = net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	}
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return refusal(config, where, server)
	}
	cause := errors.New(summary(err))
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return fault.New(fault.Interrupted, "connecting to %s was interrupted", where).Because(ctx.Err())
	}
	f := fault.New(fault.Connect, "cannot reach PostgreSQL at %s: %s", where, cause).Because(cause)
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return f.Try("check the host name in the URL")
	case strings.Contains(err.Error(), "refused TLS"), strings.Contains(err.Error(), "tls:"):
		return f.Try("check sslmode in the URL")
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Connect, "PostgreSQL at %s did not answer in time", where).
			Try("is the server running, and not behind a firewall? bellows db wait waits for it")
	case strings.Contains(err.Error(), "expected at most"), strings.Contains(err.Error(), "unexpected message"):
		return fault.New(fault.Connect, "what answers at %s does not speak as PostgreSQL does", where).Try("check host and port in the URL")
	}
	return f.Try("is the server running? bellows db wait waits for it")
}

func refusal(config *pgconn.Config, where string, server *pgconn.PgError) error {
	cause := serverError(server)
	f := fault.New(fault.Connect, "PostgreSQL at %s: %s", where, cause.Message).Because(cause)
	switch {
	case server.Code == "3D000":
		return f.Try("bellows db create makes the database %s", config.Database)
	case strings.HasPrefix(server.Code, "28"):
		f.Code = fault.Denied
		return f.Try("check user (%s) and password in the URL", config.User)
	case server.Code == "42501":
		f.Code = fault.Denied
		return f.Try("user %s may not connect to %s: GRANT CONNECT ON DATABASE", config.User, config.Database)
	case server.Code == "57P03":
		return f.Try("bellows db wait waits for the server")
	case strings.Contains(server.Message, "startup parameter"):
		return f.Try("a proxy stands before the server and lets no such setting through: take it out of the URL, or use a URL that goes to the server itself")
	case server.Code == "42704" && strings.Contains(server.Message, "parameter"):
		return f.Try("take it out of the URL: what another tool reads there (x-…, schema) is no setting of the server; search_path is one")
	case strings.HasPrefix(server.Code, "53"):
		return f.Try("the server has no connection left: close some, or raise max_connections")
	}
	f.Hint = cause.Hint
	return f
}

// summary is the last reason of a connection that failed, without the frames
// around it.
func summary(err error) string {
	var call *os.SyscallError
	var number syscall.Errno
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return dns.Err
	case errors.As(err, &number):
		return number.Error()
	case errors.As(err, &call):
		return call.Err.Error()
	}
	text := fault.Redact(err.Error())
	if i := strings.LastIndex(text, ": "); i >= 0 && strings.HasPrefix(text, "failed to connect") {
		text = text[i+2:]
	}
	return text
}
