// Package dbtest is what every hand on a database must do, as tests.
//
// Charter: one suite that each room of db runs on its own database; used by
// tests only.
// Invariant: what the suite demands, the contract in package db promises; a
// database that cannot do something says so in [Database], and then the suite
// demands that it does not.
// Example: func TestConformance(t *testing.T) { dbtest.Run(t, dbtest.Database{Driver: postgres.Driver{}, …}) }
package dbtest

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// Database is one database as the suite needs it.
type Database struct {
	Driver db.Driver
	// URL is that of a fresh, empty database.
	URL func(testing.TB) string
	// Missing is that of a database on the same server, or beside it, that does
	// not exist; Create and Drop are tried on it.
	Missing func(testing.TB) string
	// Mark spells the argument with that number, counted from 1.
	Mark func(n int) string
	// Slow is a query that runs for a minute unless it is ended.
	Slow string
	// Warns is a statement on which the server remarks something that holds
	// WarnText; "" where it never does.
	Warns, WarnText string
	// Adopt makes a hand of a connection of the caller's, and gives a function
	// that reads the settings that must be the same before and after.
	Adopt func(testing.TB, string) (open func(context.Context, db.Options) (db.Conn, error), settings func() string)
	// Serverless: the database is a file; there are no users and no network.
	Serverless bool
}

// Run runs the suite.
func Run(t *testing.T, d Database) {
	s := suite{d}
	tests := map[string]func(*testing.T){
		"values":      s.values,
		"send":        s.send,
		"places":      s.places,
		"rollback":    s.rollback,
		"shapes":      s.shapes,
		"classes":     s.classes,
		"cancel":      s.cancel,
		"notices":     s.notices,
		"read-only":   s.readOnly,
		"life":        s.life,
		"fingerprint": s.fingerprint,
		"index":       s.index,
		"count":       s.count,
		"create":      s.create,
		"adopt":       s.adopt,
		"bad URL":     s.badURL,
		"beside":      s.beside,
		"signals":     s.signals,
	}
	if !d.Serverless {
		tests["lock"] = s.lock
		tests["deadlock"] = s.deadlock
		tests["denied"] = s.denied
		tests["gone"] = s.gone
		tests["kill"] = s.kill
		tests["unreachable"] = s.unreachable
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

type suite struct{ Database }

// limit keeps a hand that hangs from hanging the tests.
const limit = time.Minute

// background is a context for one test, with a limit.
func background(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

func (s suite) open(t testing.TB, url string, o db.Options) db.Conn {
	t.Helper()
	c, err := s.Driver.Open(background(t), url, o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// must runs statements that have to work.
func must(t testing.TB, c db.Conn, statements ...string) {
	t.Helper()
	for _, text := range statements {
		if _, err := c.Exec(background(t), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

// one is the only value of a query, as text.
func one(t testing.TB, c db.Conn, query string, args ...any) string {
	t.Helper()
	rows, err := c.Query(background(t), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var value sql.NullString
	for rows.Next() {
		if err := rows.Scan(&value); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value.String
}

// failure is the *db.Error that a statement must end with.
func failure(t testing.TB, err error) *db.Error {
	t.Helper()
	var e *db.Error
	if !errors.As(err, &e) {
		t.Fatalf("want a *db.Error, got %T: %v", err, err)
	}
	return e
}

// wantClass demands a failure of a class.
func wantClass(t testing.TB, err error, class db.Class) {
	t.Helper()
	if e := failure(t, err); e.Class != class {
		t.Errorf("class %d, want %d: %s: %v", e.Class, class, e.Code, e)
	}
}

// secret is the password in the URLs of the tests.
const secret = testdb.Password
