package postgres_test

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bellowsdb/bellows/db"
	own "github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/internal/compare"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/schema"
)

// drawShape thinks up the statements of a shape in the schema g. Names come from
// a small pool, so that two shapes share some and differ in others.
func drawShape(t *rapid.T) string {
	var b strings.Builder
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	labels := pick("labels", "'a', 'b'", "'a', 'b', 'c'", "'b', 'a'", "'a', 'x', 'b'")
	fmt.Fprintf(&b, "CREATE TYPE e AS ENUM (%s);\nCREATE SEQUENCE sq%s;\n", labels, pick("sequence", "", " INCREMENT 2", " CACHE 4 CYCLE"))
	fmt.Fprintf(&b, "CREATE FUNCTION f(x %s) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true%s';\n", pick("argument", "bigint", "numeric"), pick("body", "", " AND true"))
	for _, name := range []string{"a", "b", "c"} {
		if pick("has "+name, "yes", "yes", "yes", "no") == "yes" {
			drawTable(t, &b, name)
		}
	}
	return b.String()
}

func drawTable(t *rapid.T, b *strings.Builder, name string) {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, name+" "+label) }
	line := "id " + pick("key", "bigint", "int", "int GENERATED ALWAYS AS IDENTITY", "bigserial") + pick("primary", " PRIMARY KEY", " NOT NULL", "")
	lines := []string{line}
	for _, c := range []string{"x", "y", "z"}[:rapid.IntRange(0, 3).Draw(t, name+" columns")] {
		lines = append(lines, c+" "+pick(c+" type", "int", "bigint", "smallint", "int DEFAULT 1", "int DEFAULT 2", "int DEFAULT nextval('sq')", "int GENERATED ALWAYS AS (1 + 1) STORED")+
			pick(c+" null", "", "", " NOT NULL")+pick(c+" check", "", "", " CHECK (f("+c+"))", " CONSTRAINT ck"+c+" CHECK ("+c+" > 0)")+pick(c+" unique", "", "", " UNIQUE"))
	}
	if pick("mood", "", "yes") != "" {
		lines = append(lines, "m e"+pick("mood default", "", " DEFAULT 'a'", " DEFAULT 'b' CHECK (m <> 'b')"), "t text"+pick("collate", "", ` COLLATE "C"`)+pick("text", "", " DEFAULT 'it''s'"))
	}
	fmt.Fprintf(b, "CREATE TABLE %s (%s)%s;\n", name, strings.Join(lines, ", "), pick("options", "", " WITH (fillfactor = 50)"))
	last := strings.Fields(lines[len(lines)-1])[0]
	for i, sql := range []string{
		"CREATE INDEX i%[3]d_%[1]s ON %[1]s (%[2]s)", "CREATE INDEX j%[3]d_%[1]s ON %[1]s (id) WHERE %[2]s IS NOT NULL", "CREATE VIEW v_%[1]s AS SELECT id, %[2]s AS other FROM %[1]s",
		"CREATE VIEW w_%[1]s AS SELECT * FROM %[1]s", "CREATE POLICY p ON %[1]s USING (id > 3)", "COMMENT ON COLUMN %[1]s.id IS 'it''s'", "ALTER TABLE %[1]s ENABLE ROW LEVEL SECURITY",
		"GRANT SELECT ON %[1]s TO PUBLIC", "CREATE STATISTICS s_%[1]s ON id, (id + 1) FROM %[1]s", "CREATE MATERIALIZED VIEW m_%[1]s AS SELECT id FROM %[1]s",
	} {
		if rapid.IntRange(0, 2).Draw(t, fmt.Sprintf("%s extra %d", name, i)) == 0 {
			fmt.Fprintf(b, sql+";\n", name, last, i)
		}
	}
	if strings.Contains(lines[0], "PRIMARY KEY") && pick("itself", "", "yes") != "" {
		fmt.Fprintf(b, "ALTER TABLE %[1]s ADD COLUMN up %[2]s REFERENCES %[1]s%[3]s;\n", name, map[bool]string{true: "bigint", false: "int"}[strings.Contains(lines[0], "big")], pick("cascade", "", " ON DELETE CASCADE"))
	}
}

// generated is a database in which shapes are made one after the other.
type generated struct{ c db.Conn }

func (g generated) exec(t *rapid.T, sql string) error {
	t.Helper()
	_, err := g.c.Exec(context.Background(), sql)
	return err
}

func (g generated) load(t *rapid.T, script string) schema.Schema {
	t.Helper()
	for _, sql := range []string{"DROP SCHEMA IF EXISTS g CASCADE", "CREATE SCHEMA g", "SET search_path = g", script, "RESET search_path"} {
		if err := g.exec(t, sql); err != nil {
			t.Fatalf("%v in\n%s", err, sql)
		}
	}
	return g.inspect(t)
}

func (g generated) inspect(t *rapid.T) schema.Schema {
	t.Helper()
	s, err := g.c.(db.Inspector).Inspect(context.Background(), db.Inspection{Schemas: []string{"g"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (g generated) lead(t *rapid.T, what string, p diff.Plan, want schema.Schema) {
	t.Helper()
	for _, s := range p.Statements {
		if err := g.exec(t, s.SQL); err != nil {
			t.Fatalf("%s: %v\nin %s\nof\n%s", what, err, s.SQL, p.SQL())
		}
	}
	for _, c := range diff.Compare(g.inspect(t), want) {
		t.Fatalf("%s: %s still differs after\n%s", what, c.String(), p.SQL())
	}
}

// TestAnyShapes: whatever two shapes are thought up, the plan leads from one to
// the other and back, and so do its migrations as if all tables were large.
func TestAnyShapes(t *testing.T) {
	checks := flag.Lookup("rapid.checks")
	was := checks.Value.String()
	defer checks.Value.Set(was)
	if was == "100" { // nobody has asked for another number
		if err := checks.Value.Set("20"); err != nil {
			t.Fatal(err)
		}
	}
	server := testdb.PostgresServer(t)
	a, b := generated{newShaper(t, server).conn}, generated{newShaper(t, server).conn}
	rapid.Check(t, func(t *rapid.T) {
		first, second := drawShape(t), drawShape(t)
		from, to := a.load(t, first), b.load(t, second)
		up, down, class, err := diff.Both(from, to, own.Language{Dialect: own.New(from.Version)}, diff.Options{})
		if err != nil || class == diff.Irreversible {
			t.Fatal(err, down.Unsolved)
		}
		t.Logf("from\n%sto\n%s", first, second)
		a.lead(t, "up", up, to)
		a.lead(t, "down", down, from)
		r, err := compare.Diff(a.c.Dialect(), from, to, diff.Options{Staging: diff.Always})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := compare.Prove(context.Background(), compare.Proof{Clone: a.c, From: from, To: to, Parts: r.Parts, Inspection: db.Inspection{Schemas: []string{"g"}}}); err != nil {
			for _, p := range r.Parts {
				t.Logf("%s\n%s", p.Name, p.Text())
			}
			t.Fatal(err)
		}
	})
}
