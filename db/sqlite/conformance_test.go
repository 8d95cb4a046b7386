package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/dbtest"
	"github.com/bellowsdb/bellows/db/sqlite"
	"github.com/bellowsdb/bellows/internal/testdb"
)

func TestConformance(t *testing.T) {
	dbtest.Run(t, dbtest.Database{
		Driver:     sqlite.Driver{},
		URL:        testdb.SQLite,
		Missing:    func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "odd%20name%3F%23%25.db") },
		Mark:       func(int) string { return "?" },
		Slow:       "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000000) SELECT count(*) FROM n",
		Adopt:      adopt,
		Serverless: true,
	})
}

func adopt(t testing.TB, url string) (func(context.Context, db.Options) (db.Conn, error), func() string) {
	pool, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	pool.SetMaxOpenConns(1)
	settings := func() string {
		var timeout, keys, only int
		for name, to := range map[string]*int{"busy_timeout": &timeout, "foreign_keys": &keys, "query_only": &only} {
			if err := pool.QueryRow("PRAGMA " + name).Scan(to); err != nil {
				t.Fatal(err)
			}
		}
		return fmt.Sprint(timeout, keys, only)
	}
	return func(ctx context.Context, o db.Options) (db.Conn, error) { return sqlite.FromSQL(ctx, pool, o) }, settings
}
