package sqlite

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bellowsdb/bellows/sqltext"
)

func TestExpressions(t *testing.T) {
	s := speller{columns: map[string]string{"price": "Price", "a": "a", "b c": "b c", "end": "end", "date": "date"}}
	for _, c := range []struct{ text, want string }{
		{"((price>0)) -- why", "Price > 0"},
		{`"PRICE">- 1 and[b c] is not null`, `Price > -1 AND "b c" IS NOT NULL`},
		{`(a)+(price)`, `(a) + (Price)`},
		{`"price" <> "none"`, `Price <> "none"`},
		{"a - - 1", "a - -1"},
		{"a- -1", "a - -1"},
		{"- - a", "- -a"},
		{"a not in(1,2)", "a NOT IN (1, 2)"},
		{"LENGTH ( a )", "length(a)"},
		{"date(date)", "date(date)"},
		{"cast( a as integer )", "CAST(a AS INTEGER)"},
		{"case when a then 1 else -2 end", "CASE WHEN a THEN 1 ELSE -2 END"},
		{"a collate nocase", "a COLLATE NOCASE"},
		{"a glob 'x*' or(a)like'y'", "a GLOB 'x*' OR (a) LIKE 'y'"},
		{"main . a", "main.a"},
	} {
		if got := s.expression(codeOf(c.text)); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// A spelled expression has the words it was made of, and is spelled the same again.
func TestSpellingKeepsWords(t *testing.T) {
	words := rapid.SampledFrom([]string{"a", "Price", `"price"`, "[b c]", "`a`", "'it''s'", "x'00'", "-", "+", "~", "(", ")", ",", ".", "1", ".5", "not", "in",
		"and", "is", "null", "like", "case", "end", "cast", "as", "collate nocase", "||", "->>", "=", "--x\n", "/* y */", " ", "length", "\"none\""})
	s := speller{columns: map[string]string{"price": "Price", "a": "a", "b c": "b c"}}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(words, 1, 12).Draw(t, "words"), " ")
		c := codeOf(text)
		if len(c) == 0 {
			return
		}
		spelled := s.join(c)
		again := codeOf(spelled)
		if len(again) != len(c) {
			t.Fatalf("%q became %q", text, spelled)
		}
		for i := range c {
			same := strings.EqualFold(c[i].text, again[i].text) || c[i].kind != sqltext.Punct && strings.EqualFold(c[i].name(), again[i].name())
			if !same {
				t.Fatalf("%q became %q: word %d is %s", text, spelled, i, again[i].text)
			}
		}
		if second := s.join(again); second != spelled {
			t.Fatalf("%q, then %q", spelled, second)
		}
	})
}

// A text that is not understood is an error, never a panic and never half a table.
func FuzzReadTable(f *testing.F) {
	for _, text := range []string{"", "CREATE TABLE", "CREATE TABLE t", "CREATE TABLE t (", "CREATE TABLE t (a", "CREATE TABLE t (a,)", "CREATE TABLE t (a DEFAULT)",
		"CREATE TABLE t (a CHECK", "CREATE TABLE t (a CHECK ())", "CREATE TABLE t (a, PRIMARY KEY (", "CREATE TABLE t (a REFERENCES", "CREATE TABLE t (a, FOREIGN KEY (,) REFERENCES t (,))",
		"CREATE TABLE t (a INT GENERATED ALWAYS AS (b) STORED, CONSTRAINT c UNIQUE (a DESC)) WITHOUT ROWID, STRICT", "CREATE TABLE t (a CONSTRAINT)"} {
		f.Add(text)
	}
	d := Dialect{}
	f.Fuzz(func(t *testing.T, text string) {
		if facts, err := d.readTable("t", text); err == nil && len(facts) == 0 {
			t.Error("no fact and no error")
		}
		c := code{}
		c = append(c, codeOf(text)...)
		if len(c) > 0 {
			speller{d: d}.term(c)
		}
	})
}
