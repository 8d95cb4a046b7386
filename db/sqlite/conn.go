package sqlite

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	own "github.com/bellowsdb/bellows/dialect/sqlite"
)

// conn is one pinned connection.
type conn struct {
	sql     *sql.Conn
	private *sql.DB // closed with the connection; nil for an adopted one
	dialect own.Dialect
	session db.Session
	restore []string // statements that bring an adopted connection's settings back
	lent    state    // what a connection was set to that cannot be replaced by a fresh one
	patient bool     // it may wait so long for a lock that even a brief statement must be watched
	journal journal
	path    string // of the file, where cache is not 0
	cache   int    // the size of the page cache in a large file, from the next transaction on; 0: as it is
	narrow  bool   // it is that of a small file
	shares  bool   // see Shares
	closed  bool
}

var (
	_ db.Conn    = (*conn)(nil)
	_ db.Watcher = (*conn)(nil)
)

func (c *conn) Session() db.Session      { return c.session }
func (c *conn) Dialect() dialect.Dialect { return c.dialect }

// Exec runs one statement. ROLLBACK without a transaction is no error: SQLite
// itself rolls back after some failures, and the caller cannot know.
func (c *conn) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	n, err := c.exec(ctx, text, false, args...)
	if err != nil {
		return -1, c.fail(ctx, text, err)
	}
	return n, nil
}

func (c *conn) exec(ctx context.Context, text string, brief bool, args ...any) (int64, error) {
	verb := firstWord(text)
	before := int64(-1)
	if verb == "WITH" {
		before = c.total(ctx)
	}
	if err := ctx.Err(); err != nil {
		return -1, err
	}
	if wait, ok := strings.CutPrefix(text, "PRAGMA busy_timeout = "); ok {
		ms, err := strconv.Atoi(wait)
		c.patient = err != nil || time.Duration(ms)*time.Millisecond > longWait
	}
	if verb == "BEGIN" && c.journal == untouched {
		c.keepJournal(ctx)
	}
	if verb == "BEGIN" && c.cache != 0 {
		c.widen(ctx)
	}
	watched := ctx
	if !c.patient && (brief || short(verb, text)) {
		watched = context.WithoutCancel(ctx)
	}
	result, err := c.sql.ExecContext(watched, text, args...)
	if err != nil {
		if verb == "ROLLBACK" && strings.Contains(err.Error(), "no transaction is active") {
			return -1, nil
		}
		return -1, err
	}
	switch verb {
	case "WITH":
		if before == c.total(ctx) {
			return 0, nil
		}
	case "INSERT", "UPDATE", "DELETE", "REPLACE":
	default:
		return -1, nil // the count would be an earlier statement's
	}
	return result.RowsAffected()
}

// short tells of a statement that ends by itself at once: a few rows spelled
// out, a new table, the ends of a transaction. The driver starts a goroutine to
// watch a context during each statement, which would make a file of such
// statements half as fast.
func short(verb, text string) bool {
	const few = 4096
	switch verb {
	case "BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE":
		return true
	case "INSERT", "REPLACE":
	case "CREATE":
		rest := text[skipBlank(text)+len(verb):]
		if w := firstWord(rest); w != "TABLE" && w != "VIEW" && w != "TRIGGER" {
			return false
		}
	default:
		return false
	}
	return len(text) < few && !strings.Contains(strings.ToUpper(text), "SELECT")
}

// total is how many rows this connection has changed so far.
func (c *conn) total(ctx context.Context) int64 {
	var n int64
	if err := c.sql.QueryRowContext(ctx, "SELECT total_changes()").Scan(&n); err != nil {
		return -1
	}
	return n
}

func (c *conn) Query(ctx context.Context, text string, args ...any) (db.Rows, error) {
	rows, err := c.sql.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, c.fail(ctx, text, err)
	}
	return db.FromSQL(rows, func(err error) error { return c.fail(ctx, "", err) }, nil)
}

// Send runs the items one by one: there is no network to save a trip on.
func (c *conn) Send(ctx context.Context, items []db.Item, done func(item int, rows int64)) error {
	for i, item := range items {
		if item.Copy {
			return noCopy(i)
		}
		n, err := c.exec(ctx, item.SQL, item.Brief)
		if err != nil {
			failure := c.fail(ctx, item.SQL, err)
			failure.Item = i
			return failure
		}
		if done != nil {
			done(i, n)
		}
	}
	return nil
}

// Close ends the connection; what was open is rolled back.
func (c *conn) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	if c.private != nil {
		c.dropJournal()
		c.sql.Close()
		return c.private.Close()
	}
	ctx := context.Background()
	c.exec(ctx, "ROLLBACK", true) // there may be none
	c.dropJournal()
	failed := c.Restore(ctx)
	for _, text := range c.restore {
		if _, err := c.exec(ctx, text, true); err != nil {
			failed = c.fail(ctx, text, err)
		}
	}
	if err := c.sql.Close(); err != nil {
		return c.fail(ctx, "", err)
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
func skipBlank(text string) int {
	i := 0
	for i < len(text) {
		switch rest := text[i:]; {
		case strings.IndexByte(" \t\r\n\f;", text[i]) >= 0:
			i++
		case strings.HasPrefix(rest, "--"):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				return len(text)
			}
			i += n + 1
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
