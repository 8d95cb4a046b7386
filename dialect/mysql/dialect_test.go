package mysql

import (
	"testing"

	"github.com/bellowsdb/bellows/dialect"
)

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

// TestValues: values stand in a table only beside those of their class, so that none
// is made another.
func TestValues(t *testing.T) {
	d := New(MariaDB, 0)
	cell := func(kind dialect.Kind, text string) dialect.Cell { return dialect.Cell{Kind: kind, Text: []byte(text)} }
	null := dialect.Cell{Null: true}
	for _, tt := range []struct {
		column []dialect.Cell
		want   string // "" where they do not go together
	}{
		{[]dialect.Cell{cell(dialect.Integer, "7"), null, cell(dialect.Integer, "-8")}, "(SELECT 7 AS bellows_c1 UNION ALL SELECT NULL UNION ALL SELECT -8) AS t"},
		{[]dialect.Cell{null, cell(dialect.Chars, "it's")}, "(SELECT NULL AS bellows_c1 UNION ALL SELECT 'it''s') AS t"},
		{[]dialect.Cell{cell(dialect.Decimal, "1.50"), cell(dialect.Real, "1e-7")}, "(SELECT '1.50' AS bellows_c1 UNION ALL SELECT '1e-7') AS t"},
		{[]dialect.Cell{cell(dialect.Chars, `a\`), cell(dialect.Chars, "7")}, "(SELECT CONVERT(X'615c' USING utf8mb4) AS bellows_c1 UNION ALL SELECT '7') AS t"},
		{[]dialect.Cell{cell(dialect.Bytes, "\x00"), cell(dialect.Bytes, "")}, "(SELECT X'00' AS bellows_c1 UNION ALL SELECT X'') AS t"},
		{[]dialect.Cell{cell(dialect.Integer, "7"), cell(dialect.Chars, "7")}, ""},
		{[]dialect.Cell{cell(dialect.Integer, "7"), cell(dialect.Decimal, "7.0")}, ""},
		{[]dialect.Cell{cell(dialect.Bytes, "7"), cell(dialect.Chars, "7")}, ""},
	} {
		var rows [][]dialect.Cell
		for _, c := range tt.column {
			rows = append(rows, []dialect.Cell{c})
		}
		got, ok := d.Values("t", rows)
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("got %s, %v, want %s", got, ok, tt.want)
		}
	}
	if got := d.Value("t", 2); got != "t.bellows_c2" {
		t.Errorf("%s", got)
	}
}
