package sqltexttest

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/sqltext"
)

// Check demands of a text what must hold for every text: pieces follow each
// other without gap and join to the text, or end in a fault whose place is in
// the text; each piece is consistent in itself; a second walk gives the same.
func Check(t testing.TB, text string, o sqltext.Options, split Split) {
	t.Helper()
	end, count := 0, 0
	var failure error
	for st, err := range split(text, o) {
		if failure != nil {
			t.Fatalf("a piece after the error %v", failure)
		}
		if failure = err; err != nil {
			continue
		}
		if st.Start != end || st.End <= st.Start {
			t.Fatalf("piece %d is [%d:%d], the one before ends at %d", count, st.Start, st.End, end)
		}
		piece(t, text, st)
		end, count = st.End, count+1
	}
	if failure == nil && end != len(text) {
		t.Fatalf("pieces end at %d of %d", end, len(text))
	}
	if failure != nil {
		checkFault(t, text, o, failure)
	}
	again := 0
	for range split(text, o) {
		again++
	}
	if failure != nil {
		count++
	}
	if again != count {
		t.Fatalf("a second walk gives %d pieces, not %d", again, count)
	}
}

func piece(t testing.TB, text string, st sqltext.Statement) {
	t.Helper()
	ok := st.Start <= st.TextAt && st.TextAt <= st.Code && st.Code <= st.End && st.Line > 0 && st.Column > 0
	ok = ok && st.TextAt+len(st.Text) <= st.End && text[st.TextAt:st.TextAt+len(st.Text)] == st.Text
	ok = ok && strings.Trim(st.Text, " \t\r\n\f\v") == st.Text
	switch st.Kind {
	case sqltext.Blank:
		ok = ok && st.Text == "" && st.Code == st.End && st.End == len(text)
	case sqltext.Copy:
		ok = ok && st.End-len(`\.`) == st.DataEnd && st.DataStart <= st.DataEnd && st.DataStart > st.Code+len(st.Text[st.Code-st.TextAt:])
	default:
		ok = ok && st.Text != "" && st.DataStart == 0 && st.DataEnd == 0
	}
	if !ok {
		t.Fatalf("inconsistent piece %+v of %q", st, text)
	}
}

func checkFault(t testing.TB, text string, o sqltext.Options, err error) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fault.SQLText || f.Pos == nil || f.Hint == "" {
		t.Fatalf("error without code, place or hint: %#v", err)
	}
	last := max(o.FirstLine, 1) + strings.Count(text, "\n")
	if f.Pos.Line < max(o.FirstLine, 1) || f.Pos.Line > last || f.Pos.Column < 1 || f.Pos.File != o.File {
		t.Fatalf("place %+v outside the text", f.Pos)
	}
	if len(f.Pos.Text) > 400 || !utf8.ValidString(f.Pos.Text) {
		t.Fatalf("bad excerpt %q", f.Pos.Text)
	}
}

// Tokens demands that a lexer gives tokens without gap that join to the text.
func Tokens(t testing.TB, text string, tokens func(func(sqltext.Token) bool)) {
	t.Helper()
	end := 0
	for tok := range tokens {
		if tok.Start != end || tok.End <= tok.Start {
			t.Fatalf("token %+v behind offset %d of %q", tok, end, text)
		}
		end = tok.End
	}
	if end != len(text) {
		t.Fatalf("tokens end at %d of %d in %q", end, len(text), text)
	}
}

// Fuzz feeds the corpus and what grows from it to a cutter and its lexer.
func Fuzz(f *testing.F, files fs.FS, split Split, tokens func(string, sqltext.Options) func(func(sqltext.Token) bool)) {
	for _, c := range Cases(f, files) {
		f.Add(c.Text, uint8(0))
	}
	f.Fuzz(func(t *testing.T, text string, flags uint8) {
		o := sqltext.Options{
			File: "x.sql", FirstLine: int(flags >> 4),
			BackslashQuotes: flags&1 != 0, NoBackslashEscapes: flags&2 != 0, ANSIQuotes: flags&4 != 0,
		}
		Check(t, text, o, split)
		Tokens(t, text, tokens(text, o))
		// A statement that was cut out is still one statement.
		for st, err := range split(text, o) {
			if err == nil && st.Kind == sqltext.SQL {
				Tokens(t, st.Text, tokens(st.Text, o))
			}
		}
	})
}

// Bench cuts texts of 1, 10 and 100 MB made of repeated units and reports
// nanoseconds per byte, which must not grow.
func Bench(b *testing.B, split Split, units []string) {
	unit := strings.Join(units, "")
	sizes := []struct {
		name  string
		bytes int
	}{{"1MB", 1e6}, {"10MB", 1e7}, {"100MB", 1e8}}
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			text := strings.Repeat(unit, size.bytes/len(unit)+1)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				for _, err := range split(text, sqltext.Options{}) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(text)), "ns/byte")
		})
	}
}
