package mysql

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// Each file of an archive is a statement, a line "=>", and its effect; a name
// that begins with mysql and a version is for that server, else it is MariaDB's newest.
func TestClassifyCorpus(t *testing.T) {
	paths, err := filepath.Glob("testdata/classify/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("no corpus", err)
	}
	statements := 0
	for _, path := range paths {
		ar, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range ar.Files {
			statements++
			sql, want, _ := strings.Cut(string(f.Data), "=>\n")
			sql = strings.TrimSpace(sql)
			d := serverOf(f.Name)
			got := d.Classify(sql).String()
			if got != want && !*update {
				t.Errorf("%s: %s\n%s\ngot:\n%swant:\n%s", path, f.Name, sql, got, want)
			}
			ar.Files[i].Data = []byte(sql + "\n=>\n" + got)
		}
		if *update {
			if err := os.WriteFile(path, txtar.Format(ar), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if statements < 80 {
		t.Errorf("the corpus has %d statements, fewer than 80", statements)
	}
}

func serverOf(name string) Dialect {
	version, found := strings.CutPrefix(name, "mysql")
	if !found {
		return New(MariaDB, 0)
	}
	version, _, _ = strings.Cut(version, " ")
	n, _ := strconv.Atoi(version)
	return New(MySQL, n)
}
