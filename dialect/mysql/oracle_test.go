package mysql_test

import (
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/db/mysql"
	dialect "github.com/bellowsdb/bellows/dialect/mysql"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/sqltext/sqltexttest"
)

// TestOracle has the mariadb client and the pieces do the same work.
func TestOracle(t *testing.T) {
	sqltexttest.Oracle{
		Split: dialect.Split, Driver: mysql.Driver{}, Fresh: testdb.MariaDB,
		Whole: func(t testing.TB, url, file string) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			client(t, url, string(text), "mariadb", "--comments", "--init-command=SET time_zone = '+00:00'")
		},
		Dump: func(t testing.TB, url string) string {
			dump := client(t, url, "", "mariadb-dump", "--routines", "--triggers", "--events", "--skip-comments", "--skip-extended-insert")
			return strings.ReplaceAll(dump, strings.TrimPrefix(parse(t, url).Path, "/"), "database")
		},
	}.Judge(t, "testdata/oracle")
}

// client runs one of the server's programs on a database.
func client(t testing.TB, raw, in, program string, flags ...string) string {
	t.Helper()
	u := parse(t, raw)
	password, _ := u.User.Password()
	words := append([]string{program, "--no-defaults", "--default-character-set=utf8mb4", "--protocol=tcp",
		"--host=" + u.Hostname(), "--port=" + u.Port(), "--user=" + u.User.Username(), "--password=" + password}, flags...)
	return sqltexttest.Run(t, in, append(words, strings.TrimPrefix(u.Path, "/"))...)
}

func parse(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal("not a URL")
	}
	return u
}
