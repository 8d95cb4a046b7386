package sqltext

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestPlaces(t *testing.T) {
	text := "\ufeffaé\r\n日本;x\n\ny"
	p := NewPlaces(text, Options{File: "f.sql", FirstLine: 5})
	tests := []struct {
		at           string
		line, column int
	}{{"a", 5, 1}, {"é", 5, 2}, {"\r", 5, 3}, {"日", 6, 1}, {";", 6, 3}, {"x", 6, 4}, {"y", 8, 1}, {"a", 5, 1}}
	for _, test := range tests {
		line, column := p.Of(strings.Index(text, test.at))
		if line != test.line || column != test.column {
			t.Errorf("%q at %d:%d, want %d:%d", test.at, line, column, test.line, test.column)
		}
	}
	if line, column := p.Of(0); line != 5 || column != 1 {
		t.Errorf("byte-order mark at %d:%d", line, column)
	}
	if pos := p.Pos(strings.Index(text, ";")); pos.String() != "f.sql:6:3" || pos.Text != "日本;x" {
		t.Errorf("%v %q", pos, pos.Text)
	}
}

// Places in any order are those that counting from the start gives.
func TestPlacesRandomly(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	text := strings.Repeat("aé\n\r\n日 ", 20)
	p := NewPlaces(text, Options{})
	for range 1000 {
		at := r.IntN(len(text) + 1)
		for at < len(text) && text[at]&0xC0 == 0x80 {
			at++
		}
		before := text[:at]
		wantLine := 1 + strings.Count(before, "\n")
		wantColumn := 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
		if line, column := p.Of(at); line != wantLine || column != wantColumn {
			t.Fatalf("%d is at %d:%d, want %d:%d", at, line, column, wantLine, wantColumn)
		}
	}
}

func TestExcerpt(t *testing.T) {
	text := "first\n" + strings.Repeat("ä", 1000) + "X" + strings.Repeat("b", 1000) + "\nlast"
	got := NewPlaces(text, Options{}).Pos(strings.IndexByte(text, 'X')).Text
	want := "…" + strings.Repeat("ä", 50) + "X" + strings.Repeat("b", 99) + "…"
	if got != want {
		t.Errorf("%q", got)
	}
}

func TestNameAndLiteral(t *testing.T) {
	names := map[string]string{
		`abc`: `abc`, `"a""b"`: `a"b`, "`a``b`": "a`b", `[a b]`: `a b`, `U&"d\0061"`: `d\0061`, `""`: ``, `"a`: `a`,
	}
	for token, want := range names {
		if got := Name(token); got != want {
			t.Errorf("Name(%s) = %s, want %s", token, got, want)
		}
	}
	literals := map[string]string{
		`'it''s'`: `it's`, `N'x'`: `x`, `"a""b"`: `a"b`, `$$a$$`: `a`, `$t$ $$ $t$`: ` $$ `, `''`: ``, `$$`: `$$`, `'"'`: `"`,
	}
	for token, want := range literals {
		if got := Literal(token); got != want {
			t.Errorf("Literal(%s) = %s, want %s", token, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	words := Words[int]{"BEGIN": 1, "END": 2}
	for word, want := range map[string]int{"begin": 1, "End": 2, "ends": 0, "": 0, strings.Repeat("x", 100): 0, "ＢＥＧＩＮ": 0} {
		if got := words.Of(word); got != want {
			t.Errorf("%q is %d, want %d", word, got, want)
		}
	}
	if !Same("beGin", "BEGIN") || Same("begi", "BEGIN") || Same("beg1n", "BEGIN") {
		t.Error("Same is not the same")
	}
}
