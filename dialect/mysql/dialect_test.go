package mysql

import "testing"

func TestLiteralAndQuoteSpellEveryCharacter(t *testing.T) {
	d := New(MariaDB, 0)
	for _, c := range []struct{ got, want string }{
		{d.Literal("it's"), "'it''s'"},
		{d.Literal(`a\'`), "CONVERT(X'615c27' USING utf8mb4)"},
		{d.Literal("a\x00"), "CONVERT(X'6100' USING utf8mb4)"},
		{d.Quote("we`ird"), "`we``ird`"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}

func TestModeChangesHowTextIsRead(t *testing.T) {
	d := New(MySQL, 0)
	sql := `INSERT INTO "t" VALUES ('\'); DROP TABLE x; --')`
	if e := d.Mode("STRICT_TRANS_TABLES,ANSI_QUOTES,NO_BACKSLASH_ESCAPES").Classify(sql); len(e.Changes) != 1 || e.Changes[0].Name != "t" {
		t.Errorf("under ANSI_QUOTES: %s", e)
	}
	if e := d.Classify(sql); len(e.Changes) != 0 {
		t.Errorf("a string is no table: %s", e)
	}
}

func FuzzClassify(f *testing.F) {
	for _, sql := range []string{"", "ALTER TABLE t ADD c INT, DROP d", "WITH a AS (SELECT 1) DELETE", "DELETE a, b FROM", "CREATE DEFINER=`a`@", "/*!50003 CREATE", "RENAME TABLE a TO b,", "ANALYZE ANALYZE", "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		for _, d := range []Dialect{New(MariaDB, 0), New(MySQL, 50700)} {
			for _, touch := range d.Classify(sql).Touches {
				if strength[touch.Lock] == 0 {
					t.Errorf("a touch without a lock: %s", touch)
				}
			}
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	d := New(MariaDB, 0)
	b.ReportAllocs()
	for b.Loop() {
		for range 1000 {
			d.Classify("CREATE TABLE posts (id BIGINT PRIMARY KEY, title TEXT NOT NULL, body TEXT, at DATETIME NOT NULL, n INT DEFAULT 0)")
			d.Classify("CREATE INDEX posts_title ON posts (title, at)")
		}
	}
}
