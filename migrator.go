package bellows

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"os/user"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/mysql"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/db/sqlite"
	"github.com/bellowsdb/bellows/dialect"
	mysqldialect "github.com/bellowsdb/bellows/dialect/mysql"
	postgresdialect "github.com/bellowsdb/bellows/dialect/postgres"
	sqlitedialect "github.com/bellowsdb/bellows/dialect/sqlite"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/internal/host"
	"github.com/bellowsdb/bellows/internal/run"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source"
	"github.com/bellowsdb/bellows/source/open"
)

// engine is one kind of database: the hand on it, and its language when there
// is no database to ask for its version.
type engine struct {
	driver  db.Driver
	dialect dialect.Dialect
	meant   func(url string) string // how to write a URL that other programs take for one of this kind, or ""
	far     bool                    // to connect takes a while, and makes nothing
	there   func(url string) bool   // of what is not far: whether to connect makes nothing
}

// engines lists the parts by hand. The one for embedded files comes first.
func engines() []engine {
	return []engine{
		{sqlite.Driver{}, sqlitedialect.New(0), sqlite.Meant, false, sqlite.There},
		{postgres.Driver{}, postgresdialect.New(0), postgres.Meant, true, nil},
		{mysql.Driver{}, mysqldialect.New(mysqldialect.MariaDB, 0), mysql.Meant, true, nil},
	}
}

// engineOf finds the engine for a URL or a bare scheme.
func engineOf(url string) (engine, error) {
	scheme, _, _ := strings.Cut(url, ":")
	var known []string
	for _, e := range engines() {
		if slices.Contains(e.driver.Schemes(), strings.ToLower(scheme)) {
			return e, nil
		}
		known = append(known, e.driver.Schemes()...)
	}
	if url == "" {
		return engine{}, fault.New(fault.Usage, "no database is named").
			Try("pass --url, set BELLOWS_URL, or put url in bellows.toml; it begins with one of: %s", strings.Join(known, ", "))
	}
	if !strings.Contains(url, ":") {
		scheme = fault.Redact(url)
	}
	return engine{}, fault.New(fault.Usage, "no database answers to %q", scheme).Try("%s", wantedURL(url, scheme, known))
}

// wantedURL tells how to write a URL that is spelled as other programs want it.
func wantedURL(url, scheme string, known []string) string {
	if plain, _, driver := strings.Cut(scheme, "+"); driver && slices.Contains(known, plain) {
		return "leave out what names a driver: " + plain + "://…"
	}
	for _, e := range engines() {
		if text := e.meant(url); text != "" {
			return "write " + fault.Redact(text)
		}
	}
	return "the URL begins with one of: " + strings.Join(known, ", ")
}

// Migrator is one set of migrations and one database. It is safe for use by
// several goroutines; what they ask is done one after another.
type Migrator struct {
	o      Options
	url    string
	engine engine
	scheme string // that OpenFolder was told
	files  folder
	base   *revision.Graph
	mu     sync.Mutex
	runner *run.Runner // nil without a database
	logic  fill.Logic  // of rows that are not changed by SQL
	ahead  *run.Ahead  // for the first call
	first  string      // the run of the first call, after which the session is named
	owned  bool        // the session is ours to close
	who    identity
	hosts  host.Hosts // servers for throwaway databases
}

// identity is who runs this process.
type identity struct {
	owner, host string
	pid         int
}

// Open connects to the database a URL names and reads the migrations. Nothing
// is written. Errors: fault.Connect, fault.Denied, fault.Usage for a URL that
// names no known kind of database, and what reading the files found (several
// may be joined).
func Open(ctx context.Context, url string, o Options) (*Migrator, error) {
	e, err := engineOf(url)
	if err != nil {
		return nil, err
	}
	m := &Migrator{o: o, who: whoAmI(o.Actor), engine: e, url: url, owned: true}
	m.hosts.Machine.Env = o.Environ
	id := newRun()
	connected := func() reached { return m.reach(ctx, "bellows/"+orElse(o.Verb, "library")+"/"+id) }
	early := e.far || e.there(url)
	if early {
		connected = begun(connected) // while the folder is read
	}
	if err := m.read(); err != nil {
		if early {
			go discard(connected)
		}
		return nil, err
	}
	got := connected()
	if got.err != nil {
		return nil, got.err
	}
	m.runner, m.ahead, m.first = run.New(got.conn, m.options("", id)), got.ahead, id
	return m, nil
}

// reached is a session, and what was read with it.
type reached struct {
	conn  db.Conn
	ahead *run.Ahead
	err   error
}

// reach connects, and reads ahead where that was asked for.
func (m *Migrator) reach(ctx context.Context, app string) (r reached) {
	r.conn, r.err = m.connect(ctx, app)
	if r.err == nil && m.o.ReadAhead {
		r.ahead = run.ReadAhead(ctx, r.conn, m.o.Ledger)
	}
	return r
}

// begun begins to connect and gives a function that waits for it.
func begun(connect func() reached) func() reached {
	done := make(chan reached, 1)
	go func() { done <- connect() }()
	return func() reached { return <-done }
}

// discard closes a session that nobody wants any more.
func discard(connected func() reached) {
	if got := connected(); got.err == nil {
		_ = got.conn.Close()
	}
}

// OpenConn is Open with the caller's own session, such as db/postgres.FromPgx
// gives. It is left as it was found; Close does not close it. Without a URL
// nothing can be watched from a second session, and a broken connection ends
// the run instead of being replaced.
func OpenConn(_ context.Context, c db.Conn, o Options) (*Migrator, error) {
	m, err := prepare(o)
	if err != nil {
		return nil, err
	}
	m.engine = engine{dialect: c.Dialect()}
	m.runner = run.New(c, m.options("", newRun()))
	return m, nil
}

// OpenFolder reads the migrations only; what needs a database gives a
// fault.Usage. scheme is a URL or its scheme, which says how SQL is read; "" is
// enough for what reads no SQL.
func OpenFolder(o Options, scheme string) (*Migrator, error) {
	m, err := prepare(o)
	if err != nil || scheme == "" {
		return m, err
	}
	m.engine, err = engineOf(scheme)
	m.scheme = scheme
	return m, err
}

// prepare makes a migrator that has read the folder.
func prepare(o Options) (*Migrator, error) {
	m := &Migrator{o: o, who: whoAmI(o.Actor)}
	m.hosts.Machine.Env = o.Environ
	if err := m.read(); err != nil {
		return nil, err
	}
	return m, nil
}

// read reads the folder.
func (m *Migrator) read() error {
	if m.o.Files != nil || m.o.Dir != "" {
		f, err := open.Folder(source.Options{FS: m.o.Files, Dir: m.o.Dir, Flat: m.o.Flat, Format: m.o.Format, Repeatable: m.o.Repeatable})
		if err != nil {
			return err
		}
		m.files.Folder = f
	}
	if err := m.files.addGo(m.o.Go); err != nil {
		return err
	}
	functions, err := functions(m.o.Rows)
	if err != nil {
		return err
	}
	m.logic = fill.Logic{Functions: functions, Dir: m.o.ProgramDir}
	if m.base, err = revision.New(m.files.Revisions()); err != nil {
		m.files.quote(err)
	}
	return err
}

func (m *Migrator) connect(ctx context.Context, app string) (db.Conn, error) {
	return m.engine.driver.Open(ctx, m.url, db.Options{App: app, LockTimeout: max(m.o.LockTimeout, 0),
		StatementTimeout: max(m.o.StatementTimeout, 0), ReadOnly: m.o.ReadOnly, Notice: m.notice})
}

// beside opens a session to a replica, which is a server of the same kind.
func (m *Migrator) beside(ctx context.Context, url string) (db.Conn, error) {
	engine, err := engineOf(url)
	if err != nil {
		return nil, err
	}
	return engine.driver.Open(ctx, url, db.Options{App: "bellows/backfill/limits", ReadOnly: true, ConnectTimeout: 3 * time.Second})
}

// options are what one call of the runner works with.
func (m *Migrator) options(verb, id string) run.Options {
	o := run.Options{
		Revisions: m.files.Revisions(), Graph: m.base, Files: m.files, Go: m.files.funcs, Ledger: m.o.Ledger, Sink: m.o.Sink,
		Verb: orElse(verb, m.o.Verb), Run: id, Owner: m.who.owner, Host: m.who.host, PID: m.who.pid,
		Tool: "bellows " + Version, Tag: m.o.Tag, Limits: m.o.Backfill, Beside: m.beside,
		LockWait: m.o.LockWait, LockTimeout: m.o.LockTimeout, RetryBudget: m.o.RetryBudget,
		StatementTimeout: m.o.StatementTimeout, Grace: m.o.Grace, Strict: m.o.Strict, Auto: m.o.AutoHolds, Point: m.o.Point, Logic: m.logic,
	}
	if m.owned {
		o.Open = m.connect
	}
	return o
}

// begin locks the migrator and gives a runner for one call.
func (m *Migrator) begin(verb string) (*run.Runner, func(), error) {
	m.mu.Lock()
	if m.runner == nil {
		m.mu.Unlock()
		if m.owned {
			return nil, nil, fault.New(fault.Usage, "the migrator is closed").Try("open another one")
		}
		return nil, nil, fault.New(fault.Usage, "this needs a database").Try("pass --url, set BELLOWS_URL, or put url in bellows.toml")
	}
	o := m.options(verb, orElse(m.first, newRun()))
	o.Ahead, m.ahead, m.first = m.ahead, nil, ""
	r := run.New(m.runner.Conn(), o)
	return r, func() { m.runner = r; m.mu.Unlock() }, nil
}

// Close ends the sessions that Open opened.
func (m *Migrator) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.hosts.Close()
	if m.runner == nil || !m.owned {
		return err
	}
	err = errors.Join(m.runner.Conn().Close(), err)
	m.runner = nil
	return err
}

// newRun makes the name of one run: when it began, and enough chance to be unique.
func newRun() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return time.Now().UTC().Format("20060102T150405") + "-" + hex.EncodeToString(b[:])
}

func whoAmI(actor string) identity {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	if actor == "" {
		actor = "unknown@" + host
		if u, err := user.Current(); err == nil {
			actor = u.Username + "@" + host
		}
	}
	return identity{owner: actor, host: host, pid: os.Getpid()}
}

// Create makes the database a URL names; made is false when it was there.
func Create(ctx context.Context, url string) (made bool, err error) {
	e, err := engineOf(url)
	if err != nil {
		return false, err
	}
	return e.driver.Create(ctx, url)
}

// Drop removes the database a URL names; dropped is false when it was not there.
func Drop(ctx context.Context, url string) (dropped bool, err error) {
	e, err := engineOf(url)
	if err != nil {
		return false, err
	}
	return e.driver.Drop(ctx, url)
}

// Wait connects again and again until the database answers or ctx ends; then it
// gives the last error. A refusal that waiting cannot mend is given at once.
func Wait(ctx context.Context, url string) error {
	e, err := engineOf(url)
	if err != nil {
		return err
	}
	for {
		c, err := e.driver.Open(ctx, url, db.Options{App: "bellows/wait", ReadOnly: true})
		if err == nil {
			return c.Close()
		}
		if fault.Has(err, fault.Denied) || fault.Has(err, fault.Usage) {
			return err
		}
		t := time.NewTimer(250 * time.Millisecond)
		select {
		case <-ctx.Done():
			t.Stop()
			return err
		case <-t.C:
		}
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// checksumOf is the checksum of a migration written in Go.
func checksumOf(g GoMigration) string {
	sum := sha256.Sum256([]byte("go\x00" + g.ID + "\x00" + g.Version))
	return hex.EncodeToString(sum[:])
}

// Connect opens a session of the kind that a URL names, for use with [OpenConn]
// or by itself.
func Connect(ctx context.Context, url string) (db.Conn, error) {
	e, err := engineOf(url)
	if err != nil {
		return nil, err
	}
	return e.driver.Open(ctx, url, db.Options{App: "bellows/connect"})
}
