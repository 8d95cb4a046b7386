package bench

import (
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/internal/testdb"
)

// BenchmarkCompare compares two databases of as many tables, which are the same.
// The floor is pg_dump --schema-only of both, one after the other.
func BenchmarkCompare(b *testing.B) {
	for _, n := range []int{1000, 5000, 20000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			one := catalog(b, n)
			two := copied(b, one)
			ours, _ := programs(b)
			race(b, "pg_dump",
				func(b *testing.B) []string { return []string{ours, "diff", "--from", one, "--to", two} },
				func(b *testing.B) []string {
					return []string{"sh", "-c", `pg_dump --schema-only "$1" >/dev/null && pg_dump --schema-only "$2" >/dev/null`, "sh", one, two}
				})
		})
	}
}

// copied is a database like another one, whose making takes minutes.
func copied(b *testing.B, from string) string {
	b.Helper()
	raw := testdb.BenchPostgres(b)
	to, err := url.Parse(raw)
	if err != nil {
		b.Fatal(err)
	}
	source, err := url.Parse(from)
	if err != nil {
		b.Fatal(err)
	}
	name := to.Path[1:]
	to.Path = "/postgres"
	cmd := exec.Command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", "DROP DATABASE "+name, "-c", "CREATE DATABASE "+name+" TEMPLATE "+source.Path[1:], to.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return raw
}

// catalog is a database with tables of the usual sort: a key, an index, a check, a
// default, a foreign key to the one before, a comment; a view over each tenth.
func catalog(b *testing.B, n int) string {
	b.Helper()
	url := testdb.BenchPostgres(b)
	var sql strings.Builder
	sql.WriteString("SET synchronous_commit = off;\n")
	for i := range n {
		fmt.Fprintf(&sql, "CREATE TABLE t%d (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, up bigint, name text NOT NULL DEFAULT 'x', size int CHECK (size > 0), made timestamptz NOT NULL DEFAULT now());\n", i)
		fmt.Fprintf(&sql, "CREATE INDEX ON t%d (name);\nCOMMENT ON TABLE t%d IS 'table %d';\n", i, i, i)
		if i > 0 {
			fmt.Fprintf(&sql, "ALTER TABLE t%d ADD FOREIGN KEY (up) REFERENCES t%d (id);\n", i, i-1)
		}
		if i%10 == 0 {
			fmt.Fprintf(&sql, "CREATE VIEW v%d AS SELECT id, name FROM t%d WHERE size > 1;\n", i, i)
		}
	}
	sql.WriteString("ANALYZE pg_catalog.pg_class; ANALYZE pg_catalog.pg_attribute; ANALYZE pg_catalog.pg_depend; ANALYZE pg_catalog.pg_constraint; ANALYZE pg_catalog.pg_index;\n")
	cmd := exec.Command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", url)
	cmd.Stdin = strings.NewReader(sql.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return url
}
