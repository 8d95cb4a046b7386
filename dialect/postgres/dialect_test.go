package postgres

import (
	"strings"
	"testing"
)

func TestLiteralAndQuoteSpellEveryCharacter(t *testing.T) {
	d := New(0)
	for _, c := range []struct{ got, want string }{
		{d.Literal("it's"), "'it''s'"},
		{d.Literal(`a\b'c`), `E'a\\b''c'`},
		{d.Literal("a\x00b"), "'a\uFFFDb'"},
		{d.Literal(""), "''"},
		{d.Quote(`we"ird`), `"we""ird"`},
		{d.Quote("new\nline"), "\"new\nline\""},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}

func TestLongStatementsAreReadByTheirWords(t *testing.T) {
	d := New(0)
	rows := "INSERT INTO app.t VALUES " + strings.Repeat("(1, 'x'), ", 4000) + "(2, 'y')"
	e := d.Classify(rows)
	if e.Verb != "INSERT" || len(e.Changes) != 1 || e.Changes[0].String() != "app.t" || e.Unparsed {
		t.Errorf("long INSERT: %s", e)
	}
	body := "CREATE FUNCTION app.f() RETURNS text LANGUAGE sql AS $$ SELECT '" + strings.Repeat("x", parseLimit) + "' $$"
	if e := d.Classify(body); e.Verb != "CREATE FUNCTION" || len(e.Objects) != 1 || e.Unparsed {
		t.Errorf("long function: %s", e)
	}
	with := "WITH a AS (SELECT 1" + strings.Repeat(" + 1", parseLimit/4) + ") DELETE FROM t USING a WHERE true"
	if e := d.Classify(with); len(e.Changes) != 1 || e.Changes[0].Name != "t" {
		t.Errorf("long WITH: %s", e)
	}
}

func TestDeepNestingIsNoHarm(t *testing.T) {
	deep := strings.Repeat("(", parseLimit/2-20)
	for _, sql := range []string{
		"SELECT " + deep + "1" + strings.ReplaceAll(deep, "(", ")"),
		"ALTER TABLE t ADD c int DEFAULT " + strings.Repeat("f(", 100000) + strings.Repeat(")", 100000),
		"SELECT " + strings.Repeat("NOT ", 100000) + "true",
		strings.Repeat("EXPLAIN ANALYZE ", 10000) + "SELECT 1",
	} {
		New(0).Classify(sql)
	}
}

func FuzzClassify(f *testing.F) {
	for _, sql := range []string{"", "ALTER TABLE t ADD c int DEFAULT f()", "WITH a AS (DELETE FROM b) SELECT", "DROP TABLE a, b.c CASCADE", "COPY (", "CREATE RULE r AS ON INSERT TO t DO ALSO (", "CREATE INDEX CONCURRENTLY ON", "COMMENT ON CONSTRAINT c ON t IS"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		for _, version := range []int{0, 120000} {
			e := New(version).Classify(sql)
			for i, touch := range e.Touches {
				if strength[touch.Lock] == 0 || i > 0 && strength[touch.Lock] > strength[e.Touches[i-1].Lock] {
					t.Errorf("locks out of order: %s", e)
				}
			}
		}
		New(0).byWords(sql)
	})
}

func BenchmarkClassify(b *testing.B) {
	d := New(0)
	b.ReportAllocs()
	for b.Loop() {
		for range 1000 {
			d.Classify("CREATE TABLE app.posts (id bigint PRIMARY KEY, title text NOT NULL, body text, at timestamptz NOT NULL DEFAULT now(), n int DEFAULT 0)")
			d.Classify("CREATE INDEX posts_title ON app.posts (title, at)")
		}
	}
}
