package sqlite_test

import (
	"os"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/db/sqlite"
	dialect "github.com/bellowsdb/bellows/dialect/sqlite"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/sqltext/sqltexttest"
)

// TestOracle has the sqlite3 shell and the pieces do the same work.
func TestOracle(t *testing.T) {
	sqltexttest.Oracle{
		Split: dialect.Split, Driver: sqlite.Driver{}, Fresh: testdb.SQLite,
		Whole: func(t testing.TB, url, file string) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			shell(t, url, string(text))
		},
		Dump: func(t testing.TB, url string) string {
			return shell(t, url, ".dump") + shell(t, url, "PRAGMA user_version;")
		},
	}.Judge(t, "testdata/oracle")
}

func shell(t testing.TB, url, in string) string {
	t.Helper()
	return sqltexttest.Run(t, in, "sqlite3", "-batch", "-bail", "-init", "/dev/null", strings.TrimPrefix(url, "sqlite:"))
}
