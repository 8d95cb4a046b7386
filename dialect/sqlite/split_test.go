package sqlite

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

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

func FuzzSplitSQLite(f *testing.F) {
	sqltexttest.Fuzz(f, os.DirFS(corpus), Split, func(sql string, o sqltext.Options) func(func(sqltext.Token) bool) {
		return Tokens(sql, o)
	})
}
