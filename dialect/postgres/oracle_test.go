package postgres_test

import (
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/db/postgres"
	dialect "github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/sqltext/sqltexttest"
)

// TestOracle has psql and the pieces do the same work.
func TestOracle(t *testing.T) {
	server := dumpable(t)
	sqltexttest.Oracle{
		Split: dialect.Split, Driver: postgres.Driver{}, Fresh: server.Database,
		Whole: func(t testing.TB, url, file string) {
			sqltexttest.Run(t, "", "psql", "-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-f", file, url)
		},
		Dump: dump,
	}.Judge(t, "testdata/oracle")
}

// dumpable is a server that the installed pg_dump is new enough for.
func dumpable(t testing.TB) testdb.Server {
	out, err := exec.Command("pg_dump", "--version").Output()
	if err != nil {
		t.Fatalf("pg_dump: %v; make deps installs it", err)
	}
	version := regexp.MustCompile(`\d+`).FindString(string(out))
	major, err := strconv.Atoi(version)
	if err != nil {
		t.Fatalf("pg_dump says %q", out)
	}
	if server := testdb.PostgresServer(t); server.Major <= major {
		return server
	}
	return testdb.PrivatePostgres(t, major).Server
}

// dump is what pg_dump writes, without the word that is new in each dump.
func dump(t testing.TB, url string) string {
	lines := strings.SplitAfter(sqltexttest.Run(t, "", "pg_dump", url), "\n")
	var b strings.Builder
	for _, line := range lines {
		if !strings.HasPrefix(line, `\restrict`) && !strings.HasPrefix(line, `\unrestrict`) {
			b.WriteString(line)
		}
	}
	return b.String()
}
