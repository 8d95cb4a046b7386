package run_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/mysql"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/db/sqlite"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/run"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/revision"
)

// These tests need a lease that lives for a moment only; everything else about
// running is tested in the root of the module.

type place struct {
	t      *testing.T
	url    string
	driver db.Driver
	lease  string // its table
}

func places(t *testing.T, test func(t *testing.T, p place)) {
	for name, p := range map[string]place{
		"sqlite":   {url: testdb.SQLite(t), driver: sqlite.Driver{}, lease: "l_lease"},
		"postgres": {url: testdb.Postgres(t), driver: postgres.Driver{}, lease: "l.lease"},
		"mariadb":  {url: testdb.MariaDB(t), driver: mysql.Driver{}, lease: "l_lease"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.t = t
			test(t, p)
		})
	}
}

func (p place) open(ctx context.Context, app string) (db.Conn, error) {
	return p.driver.Open(ctx, p.url, db.Options{App: app})
}

func (p place) session() db.Conn {
	p.t.Helper()
	c, err := p.open(context.Background(), "test")
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	return c
}

func (p place) exec(c db.Conn, sql string) {
	p.t.Helper()
	if _, err := c.Exec(context.Background(), sql); err != nil {
		p.t.Errorf("%s: %v", sql, err)
	}
}

func (p place) one(c db.Conn, sql string) (s string) {
	p.t.Helper()
	rows, err := c.Query(context.Background(), sql)
	if err != nil {
		p.t.Errorf("%s: %v", sql, err)
		return ""
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&s); err != nil {
			p.t.Error(err)
		}
	}
	return s
}

func (p place) runner(o run.Options, up run.Func) *run.Runner {
	o.Revisions = []revision.Revision{{ID: "1", Kind: revision.Schema, Checksum: "1", Native: true}}
	o.Go = map[revision.ID]run.GoFuncs{"1": {Up: up}}
	o.Ledger, o.Open, o.Verb = "l", p.open, "up"
	return run.New(p.session(), o)
}

func (p place) until(ctx context.Context, so func() bool) error {
	for !so() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil
}

// A long run keeps its lease, again and again, and nobody who knows nothing of
// its session takes it over.
func TestHeartbeat(t *testing.T) {
	places(t, func(t *testing.T, p place) {
		if strings.HasPrefix(p.url, "sqlite") {
			return // one writer: while a migration writes, nobody takes anything over
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		r := p.runner(run.Options{Run: "long", Owner: "ada", Lease: 90 * time.Millisecond}, func(ctx context.Context, c db.Conn) error {
			seen := map[string]bool{}
			look := p.session()
			p.exec(look, "UPDATE "+p.lease+" SET session = 0, session_start = ''") // nothing is known of him
			return p.until(ctx, func() bool {
				seen[p.one(look, "SELECT CAST(expires AS char(40)) FROM "+p.lease)] = true
				other := p.runner(run.Options{Run: "other", LockWait: -1}, nil)
				if _, err := other.Stamp(ctx, "base", run.Nothing); !fault.Has(err, fault.Locked) {
					t.Errorf("it was taken over: %v", err)
					return true
				}
				return len(seen) > 5
			})
		})
		if _, err := r.Up(ctx, run.Ask{}); err != nil {
			t.Fatal(err)
		}
	})
}

// Whoever lost his lease stops at once, grace or not.
func TestLostLeaseEndsWork(t *testing.T) {
	places(t, func(t *testing.T, p place) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		thief := p.session()
		var once sync.Once
		r := p.runner(run.Options{Run: "long", Lease: 30 * time.Millisecond, Grace: time.Hour, Point: func(name string) {
			if name == "lock taken" {
				once.Do(func() { p.exec(thief, "UPDATE "+p.lease+" SET run = 'thief', epoch = epoch + 1") })
			}
		}}, func(ctx context.Context, c db.Conn) error {
			<-ctx.Done()
			return errors.Join(ctx.Err(), errors.New("told to stop"))
		})
		_, err := r.Up(ctx, run.Ask{})
		if !fault.Has(err, fault.LockLost) || ctx.Err() != nil {
			t.Errorf("%v", err)
		}
		if got := p.one(thief, "SELECT run FROM "+p.lease); got != "thief" {
			t.Errorf("the lease is %q's", got)
		}
	})
}

// lent is a session that a proxy gives to others between two transactions.
type lent struct {
	db.Conn
	db.Locker
}

func (lent) Session() db.Session { return db.Session{} }

// Where a proxy shares sessions the lease alone decides: a lock that leaked into
// a session of others is neither waited for nor taken, and a run leaves none behind.
func TestSharedSession(t *testing.T) {
	places(t, func(t *testing.T, p place) {
		leak := p.session()
		locker, ok := leak.(db.Locker)
		if !ok {
			return // no lock of a session there
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		up := func() {
			t.Helper()
			c := p.session()
			r := run.New(lent{c, c.(db.Locker)}, run.Options{Ledger: "l", Run: "r", LockWait: -1, Lease: time.Hour, Revisions: []revision.Revision{{ID: "1", Kind: revision.Schema}},
				Go: map[revision.ID]run.GoFuncs{"1": {Up: func(context.Context, db.Conn) error { return nil }, Down: func(context.Context, db.Conn) error { return nil }}}})
			if rep, err := r.Up(ctx, run.Ask{}); err != nil || len(rep.Applied) != 1 {
				t.Fatalf("%+v, %v", rep, err)
			}
			if rep, err := r.Down(ctx, run.Ask{}); err != nil || len(rep.Reverted) != 1 {
				t.Fatalf("%+v, %v", rep, err)
			}
		}
		up()
		if got, err := locker.TryLock(ctx, "bellows/l"); !got || err != nil {
			t.Fatal("the run left its lock behind", got, err)
		}
		up()
		if got := p.one(p.session(), "SELECT COALESCE(session, 0) FROM "+p.lease); got != "0" {
			t.Errorf("the lease names session %s, which is others' by now", got)
		}
	})
}

// The lock of a session that a proxy gave to somebody else stops nobody for
// ever: when nobody has the lease for as long as a lease lives, the lease decides.
func TestLeakedLock(t *testing.T) {
	places(t, func(t *testing.T, p place) {
		leak := p.session()
		locker, ok := leak.(db.Locker)
		if !ok {
			return // no lock of a session there
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if got, err := locker.TryLock(ctx, "bellows/l"); !got || err != nil {
			t.Fatal(got, err)
		}
		var codes []string
		o := run.Options{Run: "r", Lease: 50 * time.Millisecond, Sink: event.SinkFunc(func(e event.Event) {
			if w, ok := e.(event.Warning); ok {
				codes = append(codes, w.Code)
			}
		})}
		ran := 0
		rep, err := p.runner(o, func(context.Context, db.Conn) error { ran++; return nil }).Up(ctx, run.Ask{})
		if err != nil || len(rep.Applied) != 1 || ran != 1 {
			t.Errorf("%+v, %v", rep, err)
		}
		if len(codes) != 1 || codes[0] != "lock.leaked" {
			t.Errorf("%v", codes)
		}
		if got, err := locker.TryLock(ctx, "bellows/l"); !got || err != nil {
			t.Error("the other session's lock was taken away", err)
		}
	})
}
