// Package testdb hands every test a fresh, real database.
//
// Charter: finds or starts PostgreSQL, MariaDB and SQLite for tests, gives each
// test its own database on them, and breaks connections on request. Used by
// tests only.
// Invariant: a test never skips for want of a server (it fails and names the
// command that helps), and no server outlives the last process that uses it.
// Example: url := testdb.Postgres(t) // postgres://bellows:…@127.0.0.1:41234/t_4711_17?sslmode=disable
//
// One server of a kind is shared by all test processes of a machine and user. The
// first process starts it, through a keeper process (package keep) that ends it
// when the last process is gone. BELLOWS_TEST_POSTGRES and BELLOWS_TEST_MARIADB
// name servers to use instead, as URLs of a user who may create databases.
package testdb

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Password is the password in every URL of this package, also of the restricted
// users. It occurs nowhere else, so a test can look for it in everything printed.
const Password = "Kaltmamsell7Blasebalg"

// User is the name of the user who owns every database of this package. It is
// not that of the ledger's schema, which a search_path with "$user" would find.
const User = "tester"

// Postgres is the URL of a fresh, empty PostgreSQL database, dropped at the end
// of the test. Its user is a superuser.
func Postgres(t testing.TB) string {
	t.Helper()
	return PostgresServer(t).Database(t)
}

// MariaDB is the URL (mysql://…) of a fresh, empty MariaDB database, dropped at
// the end of the test. Its user holds every right.
func MariaDB(t testing.TB) string {
	t.Helper()
	return MariaDBServer(t).Database(t)
}

// SQLite is the URL (sqlite:/path) of a database file that does not exist yet, in
// a folder of its own that is removed at the end of the test.
func SQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

// PostgresServer is the PostgreSQL server that [Postgres] uses: the one named by
// BELLOWS_TEST_POSTGRES, else one of the major version in
// BELLOWS_TEST_POSTGRES_MAJOR, else the first that is installed.
func PostgresServer(t testing.TB) Server {
	t.Helper()
	return must(postgresServer())(t)
}

// DumpablePostgres is [PostgresServer] where the installed pg_dump is new enough for
// it, else a server of pg_dump's own major version for this test alone.
func DumpablePostgres(t testing.TB) Server {
	t.Helper()
	major := PgDump(t)
	if server := PostgresServer(t); server.Major <= major {
		return server
	}
	return PrivatePostgres(t, major).Server
}

// PgDump is the major version of the installed pg_dump, the newest that it can dump.
func PgDump(t testing.TB) int {
	t.Helper()
	out, err := exec.Command("pg_dump", "--version").Output()
	if err != nil {
		t.Fatalf("pg_dump: %v; make deps installs it", err)
	}
	major, err := strconv.Atoi(regexp.MustCompile(`\d+`).FindString(string(out)))
	if err != nil {
		t.Fatalf("pg_dump says %q", out)
	}
	return major
}

// MariaDBServer is the MariaDB server that [MariaDB] uses: the one named by
// BELLOWS_TEST_MARIADB, else the installed one.
func MariaDBServer(t testing.TB) Server {
	t.Helper()
	return must(mariadbServer())(t)
}

// PostgresMajors are servers of the PostgreSQL major versions to test on, oldest
// first: the oldest and the newest installed and the one [Postgres] uses, or
// those that BELLOWS_TEST_POSTGRES_MAJORS lists ("14,18", or "all").
func PostgresMajors(t testing.TB) []Server {
	t.Helper()
	return must(postgresMajors(os.Getenv("BELLOWS_TEST_POSTGRES_MAJORS")))(t)
}

// BenchPostgres is the URL of a fresh database on a PostgreSQL server that
// flushes to disk as a real one does.
func BenchPostgres(b testing.TB) string {
	b.Helper()
	return must(benchPostgres())(b).Database(b)
}

// must fails the test where there is an error.
func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatalf("testdb: %v", err)
		}
		return value
	}
}

// limit bounds every single request to a server.
const limit = 60 * time.Second

func withLimit() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), limit)
}

// count numbers the databases and roles of this process.
var count atomic.Int64

// freshName is a name that no other test on this machine uses. It holds no word
// of SQL, which a [Wire] may be waiting for.
func freshName() string { return fmt.Sprintf("t_%d_%d", os.Getpid(), count.Add(1)) }

// inDatabase is the same server's URL for another database.
func inDatabase(raw, name string) string {
	u := parse(raw)
	u.Path = "/" + name
	return u.String()
}

// asUser is the same database's URL for another user, with [Password].
func asUser(raw, name string) string {
	u := parse(raw)
	u.User = url.UserPassword(name, Password)
	return u.String()
}

// databaseOf is the name of the database that a URL names.
func databaseOf(raw string) string { return strings.TrimPrefix(parse(raw).Path, "/") }

// parse reads a URL of our own making.
func parse(raw string) *url.URL {
	u, err := url.Parse(raw)
	if err != nil {
		panic("testdb: not a URL of this package") // the text may hold a password
	}
	return u
}
