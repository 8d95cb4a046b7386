// Package sqlite is a hand on one SQLite database file.
//
// Charter: opens a file as one pinned connection, and tells what its errors mean.
// Invariant: nothing of the file is changed by opening it: not its journal
// mode, not its synchronous setting; a read-only opening makes no file. How a
// connection ends a transaction in its rollback journal is its own affair.
// Example: c, err := sqlite.Driver{}.Open(ctx, "sqlite:app.db", db.Options{}); defer c.Close()
//
// Why it is safe: SQLite has one writer at a time, and the file itself is the
// lock. There is no lock by name that a session could hold, so a Conn here is no
// db.Locker; the ledger's lease, written under BEGIN IMMEDIATE, keeps runs apart.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	dialect "github.com/bellowsdb/bellows/dialect/sqlite"
	"github.com/bellowsdb/bellows/fault"
	"modernc.org/sqlite"
)

const (
	defaultLock    = 500 * time.Millisecond
	defaultConnect = 10 * time.Second
	memory         = ":memory:"
	// longWait is how long somebody who interrupts may be kept waiting for a
	// lock that a brief statement waits for.
	longWait = time.Second
)

// Driver opens SQLite database files. The zero value is ready.
type Driver struct{}

var _ db.Driver = Driver{}

// Schemes are sqlite and sqlite3, and file, which is SQLite's own.
func (Driver) Schemes() []string { return []string{"sqlite", "sqlite3", "file"} }

// Meant is how to write a text that other programs take for
// such a file; "" when it is none.
func Meant(path string) string {
	named := func(end string) bool { return strings.HasSuffix(strings.ToLower(path), end) }
	if path == memory || !strings.Contains(path, "://") && (named(".db") || named(".sqlite") || named(".sqlite3")) {
		return "sqlite:" + path
	}
	return ""
}

// There tells whether the file that a URL names exists, so that opening it
// makes none.
func There(rawURL string) bool {
	f, err := parse(rawURL)
	return err == nil && f.path != memory && exists(f.path)
}

// Open opens the file that a URL such as sqlite:app.db, sqlite:///var/app.db or
// sqlite::memory: names. A file that does not exist is made, but for
// o.ReadOnly: then it reads as an empty database, if its folder is there.
func (Driver) Open(ctx context.Context, rawURL string, o db.Options) (db.Conn, error) {
	f, err := parse(rawURL)
	if err != nil {
		return nil, err
	}
	if o.ReadOnly && f.path != memory && !exists(f.path) && exists(filepath.Dir(f.path)) {
		f = file{path: memory, params: url.Values{}}
	}
	connector, err := sqlite.NewConnector(f.dsn(o))
	if err != nil {
		return nil, badURL(fault.Redact(err.Error()))
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(1)
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(o.ConnectTimeout, defaultConnect))
	defer cancel()
	c, err := pin(ctx, pool, o)
	if err != nil {
		pool.Close()
		return nil, connectError(err, f.path)
	}
	c.private, c.shares = pool, f.path != memory
	if f.path != memory {
		c.glance(ctx, f)
	} else if !o.ReadOnly {
		if err := c.remember(ctx); err != nil {
			c.Close()
			return nil, connectError(err, f.path)
		}
	}
	return c, nil
}

// FromSQL is a hand on one connection of the caller's own pool, which must be of
// the driver modernc.org/sqlite. Close gives it back with the settings it had.
func FromSQL(ctx context.Context, pool *sql.DB, o db.Options) (db.Conn, error) {
	c, err := pin(ctx, pool, o)
	if err != nil {
		return nil, connectError(err, "the caller's database")
	}
	if err = c.adopt(ctx, o); err == nil {
		err = c.remember(ctx)
	}
	if err != nil {
		c.Close()
		return nil, connectError(err, "the caller's database")
	}
	return c, nil
}

// pin takes one connection of the pool and reads its version, which also proves
// that the file is a database.
func pin(ctx context.Context, pool *sql.DB, o db.Options) (*conn, error) {
	sc, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	c := &conn{sql: sc, session: self(), patient: o.LockTimeout > longWait}
	var version string
	var schema int64
	row := sc.QueryRowContext(ctx, "SELECT sqlite_version(), (SELECT count(*) FROM sqlite_master)")
	if err := row.Scan(&version, &schema); err != nil {
		sc.Close()
		return nil, err
	}
	c.dialect = dialect.New(versionNumber(version))
	if o.ReadOnly {
		if _, err := sc.ExecContext(ctx, "PRAGMA query_only = 1"); err != nil {
			sc.Close()
			return nil, err
		}
	}
	return c, nil
}

// adopt sets what Open puts into the DSN, and remembers what was there.
func (c *conn) adopt(ctx context.Context, o db.Options) error {
	set := []struct {
		name  string
		value int64
	}{
		{"busy_timeout", cmp.Or(o.LockTimeout, defaultLock).Milliseconds()},
		{"foreign_keys", 1},
	}
	for _, s := range set {
		var was int64
		if err := c.sql.QueryRowContext(ctx, "PRAGMA "+s.name).Scan(&was); err != nil {
			return err
		}
		if _, err := c.sql.ExecContext(ctx, fmt.Sprintf("PRAGMA %s = %d", s.name, s.value)); err != nil {
			return err
		}
		c.restore = append(c.restore, fmt.Sprintf("PRAGMA %s = %d", s.name, was))
	}
	if o.ReadOnly {
		c.restore = append(c.restore, "PRAGMA query_only = 0")
	}
	return nil
}

// file is what a URL names.
type file struct {
	path   string
	params url.Values
}

// known are SQLite's own URI parameters; those of the Go driver begin with "_".
var known = [...]string{"mode", "cache", "immutable", "nolock", "psow", "vfs"}

func parse(rawURL string) (file, error) {
	scheme, rest, ok := strings.Cut(rawURL, ":")
	if !ok || !slices.Contains(Driver{}.Schemes(), strings.ToLower(scheme)) {
		return file{}, badURL("it must begin with sqlite:")
	}
	path, query, _ := strings.Cut(rest, "?")
	path = strings.TrimPrefix(path, "//")
	if decoded, err := url.PathUnescape(path); err == nil {
		path = decoded
	}
	if path == "" {
		return file{}, badURL("it names no file")
	}
	if strings.ContainsRune(path, 0) {
		return file{}, badURL("a file name cannot hold a NUL byte")
	}
	params, err := url.ParseQuery(query)
	if err != nil {
		return file{}, badURL("its parameters cannot be read")
	}
	for key := range params {
		if !strings.HasPrefix(key, "_") && !slices.Contains(known[:], key) {
			return file{}, badURL(fmt.Sprintf("SQLite has no parameter %q", key))
		}
	}
	return file{path: path, params: params}, nil
}

func badURL(why string) *fault.Error {
	return fault.New(fault.Config, "the SQLite URL is off: %s", why).Try("write sqlite:app.db, sqlite:///var/lib/app.db or sqlite::memory:")
}

// dsn spells the file for the Go driver.
func (f file) dsn(o db.Options) string {
	q := url.Values{}
	for key, values := range f.params {
		q[key] = values
	}
	orElse := func(value string, keys ...string) {
		for _, key := range keys {
			if q.Has(key) {
				return
			}
		}
		q.Set(keys[0], value)
	}
	ms := strconv.FormatInt(cmp.Or(o.LockTimeout, defaultLock).Milliseconds(), 10)
	if o.LockTimeout != 0 {
		q.Del("_timeout")
		q.Set("_busy_timeout", ms)
	}
	orElse(ms, "_busy_timeout", "_timeout")
	orElse("1", "_foreign_keys", "_fk")
	orElse("sqlite", "_time_format")
	q.Set("_error_rc", "1")
	if o.ReadOnly && f.path != memory {
		q.Set("mode", f.readMode())
	}
	path := filepath.ToSlash(f.path)
	if filepath.VolumeName(f.path) != "" {
		path = "/" + strings.TrimPrefix(path, "/")
	}
	path = (&url.URL{Path: path}).EscapedPath()
	if strings.HasPrefix(path, "/") {
		path = "//" + path
	}
	return "file:" + path + "?" + q.Encode()
}

// readMode is how the file is opened to be read only. A file in WAL mode that
// nobody has open needs journals even to be read, and only a connection that may
// write takes them away again; as there is nothing in them, the file itself stays
// untouched, and query_only keeps the session from writing. Any other file is
// opened without the right to write.
func (f file) readMode() string {
	const versionsAt = 18 // read and write version of the file format; 2 is WAL
	head := make([]byte, versionsAt+2)
	file, err := os.Open(f.path)
	if err != nil {
		return "ro"
	}
	defer file.Close()
	if _, err := io.ReadFull(file, head); err != nil || head[versionsAt] != 2 {
		return "ro"
	}
	if wal, err := os.Stat(f.path + "-wal"); err == nil && wal.Size() > 0 {
		return "ro"
	}
	return "rw"
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}

// versionNumber makes 3040001 of "3.40.1".
func versionNumber(text string) int {
	n := 0
	for i, part := range strings.SplitN(text, ".", 3) {
		v, err := strconv.Atoi(part)
		if err != nil {
			return 0
		}
		n += v * []int{1000000, 1000, 1}[i]
	}
	return n
}
