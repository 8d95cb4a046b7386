//go:build realinput

package realinput

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
)

// TestDumps runs every SQL file of the folders postgres, mariadb and sqlite as
// one migration of our own form, and then what the database's own tool dumps of
// the result: both must give what the client makes of the file.
func TestDumps(t *testing.T) {
	if *folders == "" {
		t.Fatal("name the directory: make real DIR=/path/with/checkouts")
	}
	for _, e := range engines(t) {
		kind := strings.ToLower(strings.Fields(e.name + " ")[0])
		kind = strings.TrimSuffix(kind, "ql")
		files, err := filepath.Glob(filepath.Join(*folders, "dumps", kind, "*.sql"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			t.Run(filepath.Base(file)+" on "+e.name, func(t *testing.T) {
				ref := e.fresh(t)
				if said := e.client(t, ref, file); said != "" {
					t.Fatalf("the client cannot run it: %s", said)
				}
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				same(t, e, ref, string(text), "the file")
				if dumped := dump(t, e, ref); dumped != "" {
					same(t, e, ref, dumped, "its dump")
				}
			})
		}
	}
}

// same runs a text as a migration and compares.
func same(t *testing.T, e engine, ref, text, what string) {
	t.Helper()
	dir, url := t.TempDir(), e.fresh(t)
	if err := os.WriteFile(filepath.Join(dir, "1_dump.sql"), []byte("-- migrate:up mixed:true\n"+text), 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := bellows.Open(context.Background(), url, bellows.Options{Dir: dir})
	if err == nil {
		defer m.Close()
		_, err = m.Up(context.Background(), "heads")
	}
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if got, want := e.schema(t, url), e.schema(t, ref); got != want {
		t.Errorf("%s: the schema differs from the client's:\n%s", what, firstDifference(got, want))
	}
	got, want := e.data(t, url), e.data(t, ref)
	if !slices.Equal(keys(got), keys(want)) {
		t.Errorf("%s: columns %v, the client's %v", what, keys(got), keys(want))
	}
	values := 0
	for column := range want {
		values += strings.Count(want[column], "\n")
		if got[column] != want[column] {
			t.Errorf("%s: the data of %s differs from the client's:\n%s", what, column, firstDifference(got[column], want[column]))
		}
	}
	t.Logf("%s: %d bytes, %d columns, %d values", what, len(text), len(want), values)
}

// dump is what the database's own tool writes, "" when it is too old for the server.
func dump(t *testing.T, e engine, url string) string {
	switch e.name {
	case "SQLite":
		out, err := exec.Command("sqlite3", strings.TrimPrefix(url, "sqlite:"), ".dump").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		// Its own transaction would be inside ours, where the pragma has no effect.
		return strings.NewReplacer("PRAGMA foreign_keys=OFF;\n", "", "BEGIN TRANSACTION;\n", "", "\nCOMMIT;\n", "\n").Replace(string(out))
	case "MariaDB":
		args := mariadbArgs(t, url)
		args = append(args[:4:4], "--routines", "--triggers", "--events", "--hex-blob", args[4])
		out, err := exec.Command("mariadb-dump", args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	out, err := exec.Command("pg_dump", "-d", url).CombinedOutput()
	if err != nil {
		if strings.Contains(string(out), "server version mismatch") {
			return ""
		}
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}
