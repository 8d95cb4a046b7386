package sqlite

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/bellowsdb/bellows/sqltext"
	"github.com/bellowsdb/bellows/sqltext/sqltexttest"
)

var update = flag.Bool("update", false, "rewrite the expected cuts of testdata/split")

const corpus = "testdata/split"

func TestSplit(t *testing.T) {
	var write func(name string, data []byte) error
	if *update {
		write = func(name string, data []byte) error {
			return os.WriteFile(filepath.Join(corpus, name), data, 0o644)
		}
	}
	sqltexttest.Corpus(t, os.DirFS(corpus), Split, write)
}

// Cases glued together, and cut short at every byte, still join to their text
// or end in a fault with a place.
func TestSplitTorn(t *testing.T) {
	for _, c := range sqltexttest.Cases(t, os.DirFS(corpus)) {
		sqltexttest.Check(t, c.Text+c.Text, c.Options, Split)
		sqltexttest.Tokens(t, c.Text, Tokens(c.Text, c.Options))
		for cut := range min(len(c.Text), 2000) {
			sqltexttest.Check(t, c.Text[:cut], c.Options, Split)
			sqltexttest.Tokens(t, c.Text[cut:], Tokens(c.Text[cut:], c.Options))
		}
	}
}

// SQLite itself is the judge: sqlite3_complete says that a piece is a complete
// statement, and that it was none at any semicolon before its last.
func TestSplitComplete(t *testing.T) {
	tls := libc.NewTLS()
	defer tls.Close()
	complete := func(sql string) bool {
		text, err := libc.CString(sql)
		if err != nil {
			t.Fatal(err)
		}
		defer libc.Xfree(tls, text)
		return sqlite3.Xsqlite3_complete(tls, text) == 1
	}
	judged := 0
	for _, c := range sqltexttest.Cases(t, os.DirFS(corpus)) {
		for st, err := range Split(c.Text, c.Options) {
			if err != nil || st.Kind != sqltext.SQL || !strings.HasSuffix(c.Text[:st.End], ";") {
				continue
			}
			for at := st.Code; at < st.End; at++ {
				if c.Text[at] == ';' && complete(c.Text[st.Code:at+1]) != (at+1 == st.End) {
					t.Errorf("%s: sqlite3_complete differs at %q", c.Name, c.Text[st.Code:at+1])
				}
			}
			judged++
		}
	}
	if judged < 40 {
		t.Errorf("only %d statements judged", judged)
	}
}

func FuzzSplitSQLite(f *testing.F) {
	sqltexttest.Fuzz(f, os.DirFS(corpus), Split, func(sql string, o sqltext.Options) func(func(sqltext.Token) bool) {
		return Tokens(sql, o)
	})
}
