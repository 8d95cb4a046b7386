package postgres_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/db/postgres"
	dialect "github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/sqltext/sqltexttest"
)

// TestOracle has psql and the pieces do the same work.
func TestOracle(t *testing.T) {
	server := testdb.DumpablePostgres(t)
	sqltexttest.Oracle{
		Split: dialect.Split, Driver: postgres.Driver{}, Fresh: server.Database,
		Whole: func(t testing.TB, url, file string) {
			sqltexttest.Run(t, "", "psql", "-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-f", file, url)
		},
		Dump: dump,
	}.Judge(t, "testdata/oracle")
}

// TestDumpIsAMigration makes a database of each file of the corpus, dumps it with
// its data, and runs the dump as one migration: the database that this makes
// must dump as the one that psql makes of the dump.
func TestDumpIsAMigration(t *testing.T) {
	server := testdb.DumpablePostgres(t)
	files, err := filepath.Glob("testdata/oracle/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files (%v)", err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, sqltexttest.Plain) {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".sql"), func(t *testing.T) {
			first := server.Database(t)
			sqltexttest.Run(t, "", "psql", "-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-f", file, first)
			text := sqltexttest.Run(t, "", "pg_dump", first)
			restored, migrated := server.Database(t), server.Database(t)
			sqltexttest.Run(t, text, "psql", "-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", restored)
			migrate(t, migrated, "-- migrate:up\n"+text+"\n-- migrate:down irreversible \"a dump\"\n")
			if diff := cmp.Diff(dump(t, restored), dump(t, migrated)); diff != "" {
				t.Errorf("(-psql +bellows):\n%s", diff)
			}
		})
	}
}

// migrate applies one migration.
func migrate(t testing.TB, url, text string) {
	t.Helper()
	ctx := context.Background()
	m, err := bellows.Open(ctx, url, bellows.Options{Files: fstest.MapFS{"1_dump.sql": {Data: []byte(text)}}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	report, err := m.Up(ctx, bellows.Head)
	if err != nil || len(report.Applied) != 1 {
		t.Fatalf("%v %v", report, err)
	}
	if s, err := m.Status(ctx); err != nil || s.Pending != 0 {
		t.Fatalf("%+v %v", s, err)
	}
}

// dump is what pg_dump writes, without the word that is new in each dump.
func dump(t testing.TB, url string) string {
	lines := strings.SplitAfter(sqltexttest.Run(t, "", "pg_dump", "--exclude-schema=bellows", url), "\n")
	var b strings.Builder
	for _, line := range lines {
		if !strings.HasPrefix(line, `\restrict`) && !strings.HasPrefix(line, `\unrestrict`) {
			b.WriteString(line)
		}
	}
	return b.String()
}
