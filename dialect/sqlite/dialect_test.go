package sqlite

import (
	"strings"
	"testing"
)

func TestLiteralAndQuoteSpellEveryCharacter(t *testing.T) {
	d := New(0)
	for _, c := range []struct{ got, want string }{
		{d.Literal("it's"), "'it''s'"},
		{d.Literal(`a\b`), `'a\b'`},
		{d.Literal("a\x00b"), "CAST(X'610062' AS TEXT)"},
		{d.Quote(`we"ird`), `"we""ird"`},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}

func TestLateChangesAreSeen(t *testing.T) {
	d := New(0)
	long := "WITH a AS (VALUES " + strings.Repeat("(1), ", 2000) + "(2)) DELETE FROM t"
	if e := d.Classify(long); len(e.Changes) != 1 || e.Changes[0].Name != "t" || !e.Destructive() {
		t.Errorf("long WITH: %s", e)
	}
}

func FuzzClassify(f *testing.F) {
	for _, sql := range []string{"", "ALTER TABLE t ADD c INT", "WITH a AS (SELECT 1) DELETE", "PRAGMA a.b=", "CREATE TEMP TRIGGER t ON", "INSERT OR"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		for _, touch := range New(0).Classify(sql).Touches {
			if touch.Lock != lockFile {
				t.Errorf("a touch without a lock: %s", touch)
			}
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	d := New(0)
	b.ReportAllocs()
	for b.Loop() {
		for range 1000 {
			d.Classify("CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT, at TEXT NOT NULL, n INT DEFAULT 0)")
			d.Classify("CREATE INDEX posts_title ON posts (title, at)")
		}
	}
}
