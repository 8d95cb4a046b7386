package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	own "github.com/bellowsdb/bellows/dialect/mysql"
	"github.com/bellowsdb/bellows/fault"
)

// conn is one session.
type conn struct {
	pool     *sql.DB // where it is from, and where the connection that kills is from
	private  bool    // the pool is ours
	sql      *sql.Conn
	dialect  own.Dialect
	session  db.Session
	database string
	notice   func(severity, text string)
	restore  []string // statements that bring an adopted connection's settings back
	lent     state    // what an adopted connection was set to when our settings were made
	closed   bool
}

var (
	_ db.Conn    = (*conn)(nil)
	_ db.Locker  = (*conn)(nil)
	_ db.Watcher = (*conn)(nil)
	_ db.Killer  = (*conn)(nil)
)

func (c *conn) Session() db.Session      { return c.session }
func (c *conn) Dialect() dialect.Dialect { return c.dialect }

// Exec runs one statement. The number of rows is told of statements that change
// rows only.
func (c *conn) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	n, err := c.exec(ctx, text, args...)
	if err != nil {
		return -1, c.fail(ctx, text, err)
	}
	return n, nil
}

func (c *conn) exec(ctx context.Context, text string, args ...any) (int64, error) {
	if err := ctx.Err(); err != nil {
		return -1, err
	}
	inner, stop := c.guard(ctx)
	result, err := c.sql.ExecContext(inner, text, args...)
	stop()
	if err != nil {
		return -1, err
	}
	if !slices.Contains(changing[:], firstWord(text)) {
		return -1, nil
	}
	return result.RowsAffected()
}

// changing are the verbs whose count is one of rows.
var changing = [...]string{"INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "WITH", "CALL"}

func (c *conn) Query(ctx context.Context, text string, args ...any) (db.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, c.fail(ctx, text, err)
	}
	inner, stop := c.guard(ctx)
	rows, err := c.sql.QueryContext(inner, text, args...)
	if err != nil {
		stop()
		return nil, c.fail(ctx, text, err)
	}
	return db.FromSQL(rows, func(err error) error { return c.fail(ctx, "", err) }, stop)
}

// Send runs the items one by one; see the package comment.
func (c *conn) Send(ctx context.Context, items []db.Item, done func(item int, rows int64)) error {
	for i, item := range items {
		if item.Copy {
			return &db.Error{
				Class: db.Bad, Code: fault.Unsupported, Item: i, Offset: -1,
				Message: "this database has no COPY", Hint: "write the rows as INSERT statements",
			}
		}
		n, err := c.exec(ctx, item.SQL)
		if err != nil {
			failure := c.fail(ctx, item.SQL, err)
			failure.Item = i
			return failure
		}
		if c.notice != nil {
			if err := c.warnings(ctx); err != nil {
				return err
			}
		}
		if done != nil {
			done(i, n)
		}
	}
	return nil
}

// warnings hands on what the server remarked on the last statement.
func (c *conn) warnings(ctx context.Context) error {
	rows, err := c.Query(ctx, "SHOW WARNINGS")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var level, text string
		var number int64
		if err := rows.Scan(&level, &number, &text); err != nil {
			return c.fail(ctx, "", err)
		}
		c.notice(strings.ToUpper(level), fault.Redact(text))
	}
	return rows.Err()
}

// guard gives a context for the Go driver that outlives ctx: the driver would
// close the connection at once when its context ends. Instead the statement is
// killed; only when it does not end then is the connection given up. stop must
// be called when the statement has ended.
func (c *conn) guard(ctx context.Context) (context.Context, func()) {
	if ctx.Done() == nil {
		return ctx, func() {}
	}
	inner, drop := context.WithCancel(context.WithoutCancel(ctx))
	killed := make(chan struct{})
	var giveUp *time.Timer
	unhook := context.AfterFunc(ctx, func() {
		defer close(killed)
		giveUp = time.AfterFunc(answerTime, drop)
		c.kill()
	})
	return inner, func() {
		if !unhook() {
			<-killed
			giveUp.Stop()
			// A kill that came too late is kept for the next statement; this is it.
			c.sql.ExecContext(inner, "DO 0")
		}
		drop()
	}
}

// kill ends the running statement from a second connection.
func (c *conn) kill() {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	c.pool.ExecContext(ctx, fmt.Sprintf("KILL QUERY %d", c.session.PID))
}

// Close ends the session; an adopted connection is given back instead.
func (c *conn) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	if c.private {
		if c.sql != nil {
			c.sql.Close()
		}
		return c.pool.Close()
	}
	if c.sql == nil {
		return nil
	}
	ctx := context.Background()
	_, failed := c.Exec(ctx, "ROLLBACK")
	if err := c.Restore(ctx); err != nil && failed == nil {
		failed = err
	}
	for _, text := range c.restore {
		if _, err := c.Exec(ctx, text); err != nil && failed == nil {
			failed = err
		}
	}
	if err := c.sql.Close(); err != nil && failed == nil {
		failed = c.fail(ctx, "", err)
	}
	return failed
}

// firstWord is the first keyword of a statement, in upper case.
func firstWord(text string) string {
	start := skipBlank(text)
	end := start
	for end < len(text) && (text[end]|0x20 >= 'a' && text[end]|0x20 <= 'z') {
		end++
	}
	return strings.ToUpper(text[start:end])
}

// skipBlank is the offset of the first byte that is neither blank nor comment.
// What stands in /*! … */ is code.
func skipBlank(text string) int {
	i := 0
	for i < len(text) {
		switch rest := text[i:]; {
		case strings.IndexByte(" \t\r\n\f;(", text[i]) >= 0:
			i++
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "#"):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				return len(text)
			}
			i += n + 1
		case strings.HasPrefix(rest, "/*!"), strings.HasPrefix(rest, "/*M!"):
			i += 3
			for i < len(text) && (text[i] >= '0' && text[i] <= '9' || text[i] == '!') {
				i++
			}
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return len(text)
			}
			i += n + 4
		default:
			return i
		}
	}
	return i
}
