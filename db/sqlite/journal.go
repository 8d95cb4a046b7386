package sqlite

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// journal is what a connection does with its rollback journal after a commit.
type journal int

const (
	untouched journal = iota // not asked yet: it has not written
	kept                     // its header is wiped, and the file stays for the next one
	others                   // as the file or the URL says
)

// keepJournal lets this connection, from its first transaction on, end each by
// wiping the journal's header instead of removing the file. A commit is as
// durable: the header is flushed. But a file that is made anew and removed each
// time costs the file system two changes of a folder, and the commit waits for
// them. Only the usual mode is replaced, which is not stored in the database; so
// a file in WAL mode stays in it, also when it is put into it at this moment.
func (c *conn) keepJournal(ctx context.Context) {
	c.journal = others
	mode := c.journalMode(ctx, "PRAGMA journal_mode")
	if mode == "off" {
		c.shares = false // a rollback would leave anything
	}
	if mode == "delete" && c.journalMode(ctx, "PRAGMA journal_mode = persist") == "persist" {
		c.journal = kept
	}
}

// dropJournal goes back to the usual mode, which removes the file unless another
// connection is using it. A file that is left behind has no header and is none.
func (c *conn) dropJournal() {
	ctx := context.Background()
	if c.journal == kept && c.journalMode(ctx, "PRAGMA journal_mode") == "persist" {
		c.journalMode(ctx, "PRAGMA journal_mode = delete")
	}
}

// glance gives the session a small page cache until its first transaction: who
// only looks reads each page once. Who writes must not run out of room, for then
// the file is locked for readers early. A size that the URL names stays.
func (c *conn) glance(ctx context.Context, f file) {
	const pages = 64
	if f.sizesCache() || c.sql.QueryRowContext(ctx, "PRAGMA cache_size").Scan(&c.cache) != nil {
		return
	}
	c.path = f.path
	c.setCache(ctx, pages)
}

// A page in SQLite's cache takes twice its size in memory here. In a file of this
// size a page that has left it is read again from the system's cache in no time;
// so it holds half of what is usual, in KiB, as long as the file is no larger.
const (
	smallFile  = 32 << 20
	smallCache = -1024
)

// widen gives the session the page cache that it begins a transaction with. What
// the transaction itself changes may fill as much as ever before it has to leave.
func (c *conn) widen(ctx context.Context) {
	info, err := os.Stat(c.path)
	switch small := err == nil && info.Size() <= smallFile && c.cache < smallCache; {
	case !small:
		c.setCache(ctx, c.cache)
		c.cache = 0
	case !c.narrow:
		_, _ = c.sql.ExecContext(ctx, fmt.Sprintf("PRAGMA cache_spill = %d", c.cache)) // it is only about speed
		c.setCache(ctx, smallCache)
		c.narrow = true
	}
}

func (c *conn) setCache(ctx context.Context, size int) {
	_, _ = c.sql.ExecContext(ctx, fmt.Sprintf("PRAGMA cache_size = %d", size)) // it is only about speed
}

// sizesCache tells whether the URL says how large the page cache is.
func (f file) sizesCache() bool {
	for key, values := range f.params {
		if strings.Contains(key+strings.Join(values, " "), "cache_size") {
			return true
		}
	}
	return false
}

// journalMode is the answer to a pragma, "" where there is none.
func (c *conn) journalMode(ctx context.Context, pragma string) string {
	var mode string
	if err := c.sql.QueryRowContext(ctx, pragma).Scan(&mode); err != nil {
		return ""
	}
	return mode
}
