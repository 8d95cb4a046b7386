package bellows_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/mysql"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/db/sqlite"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
)

func library(t testing.TB) fs.FS {
	t.Helper()
	sub, err := fs.Sub(embedded, "testdata/library")
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// TestOwnConnection migrates through a connection that the caller opened, and
// demands that it still works for the caller afterwards.
func TestOwnConnection(t *testing.T) {
	ctx := context.Background()
	through := func(t *testing.T, c db.Conn, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		m, err := bellows.OpenConn(ctx, c, bellows.Options{Files: library(t)})
		if err != nil {
			t.Fatal(err)
		}
		report, err := m.Up(ctx, bellows.Head)
		if err != nil || !slices.Equal(report.Applied, []string{"1", "2"}) {
			t.Fatalf("applied %v, %v", report.Applied, err)
		}
		if err := errors.Join(m.Close(), c.Close()); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("postgres", func(t *testing.T) {
		own, err := pgx.Connect(ctx, testdb.Postgres(t))
		if err != nil {
			t.Fatal(err)
		}
		defer own.Close(ctx)
		if _, err := own.Exec(ctx, "SET lock_timeout = '7s'"); err != nil {
			t.Fatal(err)
		}
		c, err := postgres.FromPgx(ctx, own, db.Options{})
		through(t, c, err)
		var title, timeout string
		if err := own.QueryRow(ctx, "SELECT title, current_setting('lock_timeout') FROM posts").Scan(&title, &timeout); err != nil {
			t.Fatal(err)
		}
		if title != "Hello" || timeout != "7s" {
			t.Errorf("title %q, lock_timeout %q", title, timeout)
		}
	})
	pools := map[string]func(context.Context, *sql.DB, db.Options) (db.Conn, error){"sqlite": sqlite.FromSQL, "mysql": mysql.FromSQL}
	for name, from := range pools {
		t.Run(name, func(t *testing.T) {
			pool := openPool(t, name)
			c, err := from(ctx, pool, db.Options{})
			through(t, c, err)
			var title string
			if err := pool.QueryRow("SELECT title FROM posts").Scan(&title); err != nil || title != "Hello" {
				t.Errorf("%q, %v", title, err)
			}
		})
	}
}

// TestGoMigrations: a migration written in Go shares its transaction with the
// ledger, so a failing one leaves nothing; one without a way back refuses.
func TestGoMigrations(t *testing.T) {
	ctx := context.Background()
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			url := k.fresh(t)
			fail := errors.New("the business rule says no")
			refuse := true
			moves := bellows.GoMigration{ID: "3", Name: "go", Kind: "data", Up: func(ctx context.Context, tx bellows.Tx) error {
				if _, err := tx.Exec(ctx, "INSERT INTO posts (id, title) VALUES (2, 'from Go')"); err != nil {
					return err
				}
				if refuse {
					return fail
				}
				return nil
			}}
			m, err := bellows.Open(ctx, url, bellows.Options{Files: library(t), Go: []bellows.GoMigration{moves}})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			report, err := m.Up(ctx, bellows.Head)
			if !errors.Is(err, fail) || !slices.Equal(report.Applied, []string{"1", "2"}) {
				t.Fatalf("applied %v, %v", report.Applied, err)
			}
			if got := column(t, url, "SELECT title FROM posts ORDER BY id"); !slices.Equal(got, []string{"Hello"}) {
				t.Fatalf("the failed migration left %v", got)
			}
			refuse = false
			if report, err = m.Up(ctx, bellows.Head); err != nil || !slices.Equal(report.Applied, []string{"3"}) {
				t.Fatalf("applied %v, %v", report.Applied, err)
			}
			if _, err := m.Down(ctx, "-1"); !fault.Has(err, fault.Irreversible) {
				t.Fatalf("down of a migration without a way back: %v", err)
			}
			if got := column(t, url, "SELECT title FROM posts ORDER BY id"); !slices.Equal(got, []string{"Hello", "from Go"}) {
				t.Fatalf("got %v", got)
			}
		})
	}
}

// TestGoroutines uses one migrator from many goroutines at once.
func TestGoroutines(t *testing.T) {
	ctx := context.Background()
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			m, err := bellows.Open(ctx, k.fresh(t), bellows.Options{Files: library(t)})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			var wg sync.WaitGroup
			applied := make(chan string, 100)
			for range 10 {
				wg.Add(2)
				go func() {
					defer wg.Done()
					report, err := m.Up(ctx, bellows.Head)
					if err != nil {
						t.Error(err)
					}
					for _, id := range report.Applied {
						applied <- id
					}
				}()
				go func() {
					defer wg.Done()
					if _, err := m.Status(ctx); err != nil {
						t.Error(err)
					}
				}()
			}
			wg.Wait()
			close(applied)
			var all []string
			for id := range applied {
				all = append(all, id)
			}
			slices.Sort(all)
			if !slices.Equal(all, []string{"1", "2"}) {
				t.Errorf("applied %v", all)
			}
		})
	}
}

// openPool opens the caller's own pool.
func openPool(t testing.TB, name string) *sql.DB {
	t.Helper()
	dsn := strings.TrimPrefix(testdb.SQLite(t), "sqlite:")
	if name == "mysql" {
		dsn = mysqlDSN(t, testdb.MariaDB(t))
	}
	pool, err := sql.Open(name, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

// mysqlDSN is a URL as the driver of the caller's own pool wants it.
func mysqlDSN(t testing.TB, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u.User.String() + "@tcp(" + u.Host + ")" + u.Path
}
