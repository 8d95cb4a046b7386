package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/sqlite"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
)

func open(t testing.TB, url string, o db.Options) db.Conn {
	t.Helper()
	c, err := sqlite.Driver{}.Open(context.Background(), url, o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func must(t testing.TB, c db.Conn, statements ...string) {
	t.Helper()
	for _, text := range statements {
		if _, err := c.Exec(context.Background(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

func one(t testing.TB, c db.Conn, query string) string {
	t.Helper()
	rows, err := c.Query(context.Background(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var value string
	for rows.Next() {
		if err := rows.Scan(&value); err != nil {
			t.Fatal(err)
		}
	}
	return value
}

// A dry run writes nothing: no file where there was none, no byte where there
// was one, in any journal mode.
func TestReadOnlyWritesNothing(t *testing.T) {
	dir := t.TempDir()
	c := open(t, "sqlite:"+dir+"/none.db", db.Options{ReadOnly: true})
	if got := one(t, c, "SELECT count(*) FROM sqlite_master"); got != "0" {
		t.Errorf("%s objects in a file that does not exist", got)
	}
	if _, err := c.Exec(context.Background(), "CREATE TABLE t (id int)"); err == nil {
		t.Error("a table was made in a read-only session")
	}
	for _, mode := range []string{"delete", "wal"} {
		path := dir + "/" + mode + ".db"
		w := open(t, "sqlite:"+path, db.Options{})
		must(t, w, "PRAGMA journal_mode = "+mode, "CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)")
		w.Close()
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r := open(t, "sqlite:"+path, db.Options{ReadOnly: true})
		if got := one(t, r, "SELECT id FROM t"); got != "1" {
			t.Errorf("%s: read %q", mode, got)
		}
		r.Close()
		after, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s: reading changed the file; %v", mode, err)
		}
	}
	w := open(t, "sqlite:"+dir+"/wal.db", db.Options{})
	must(t, w, "INSERT INTO t VALUES (2)") // now in the journal, not in the file
	r := open(t, "sqlite:"+dir+"/wal.db", db.Options{ReadOnly: true})
	if got := one(t, r, "SELECT max(id) FROM t"); got != "2" {
		t.Errorf("beside a writer: read %q", got)
	}
	if _, err := r.Exec(context.Background(), "INSERT INTO t VALUES (3)"); err == nil {
		t.Error("a read-only session beside a writer wrote")
	}
	r.Close()
	w.Close()
	left, _ := filepath.Glob(dir + "/*")
	if len(left) != 2 {
		t.Errorf("left behind: %q", left)
	}
}

// Opening changes no setting of the file, and sets ours.
func TestSettings(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "a.db")
	must(t, open(t, url, db.Options{}), "PRAGMA journal_mode = wal", "CREATE TABLE t (id int)")
	c := open(t, url, db.Options{LockTimeout: 1234 * time.Millisecond})
	for query, want := range map[string]string{
		"PRAGMA journal_mode": "wal", "PRAGMA synchronous": "2", "PRAGMA busy_timeout": "1234", "PRAGMA foreign_keys": "1",
	} {
		if got := one(t, c, query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	c = open(t, url+"?_foreign_keys=0&_busy_timeout=7", db.Options{})
	if got := one(t, c, "PRAGMA foreign_keys") + " " + one(t, c, "PRAGMA busy_timeout"); got != "0 7" {
		t.Errorf("what the URL asks for: %s", got)
	}
}

func TestURLs(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for url, file := range map[string]string{
		"sqlite:a.db": "a.db", "sqlite3:b.db": "b.db", "sqlite://c.db": "c.db", "sqlite://" + dir + "/d.db": "d.db",
		"sqlite:" + dir + "/e.db?mode=rwc": "e.db", "sqlite:f%20%3f.db": "f ?.db", "sqlite:./ü.db": "ü.db",
	} {
		must(t, open(t, url, db.Options{}), "CREATE TABLE t (id int)")
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	must(t, open(t, "sqlite::memory:", db.Options{}), "CREATE TABLE t (id int)")
	must(t, open(t, "sqlite://:memory:", db.Options{}), "CREATE TABLE t (id int)")
	for url, why := range map[string]string{"sqlite:": "no file", "sqlite:a.db?mod=ro": `"mod"`, "sqlite:?x": "no file"} {
		_, err := sqlite.Driver{}.Open(context.Background(), url, db.Options{})
		if fault.CodeOf(err) != fault.Config || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// A file that is no database, or cannot be made, says so when it is opened.
func TestUnusableFiles(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, bytes.Repeat([]byte("not a database. "), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, hint := range map[string]string{text: "right file", dir + "/no/folder/x.db": "no folder " + dir + "/no/folder", dir: "path"} {
		_, err := sqlite.Driver{}.Open(context.Background(), "sqlite:"+path, db.Options{})
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != fault.Connect || !strings.Contains(f.Hint, hint) {
			t.Errorf("%s: %v, hint %q", path, err, f.Hint)
		}
	}
	if _, err := os.Stat(dir + "/no"); err == nil {
		t.Error("a folder was made")
	}
}

// A session is alive while its process is, dead when it is provably gone, and
// unknown where that cannot be seen from here.
func TestLifeOfProcesses(t *testing.T) {
	c := open(t, "sqlite::memory:", db.Options{})
	me := c.Session()
	sleeper := exec.Command("sleep", "600")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sleeper.Process.Kill(); sleeper.Wait() })
	other := me
	other.PID = int64(sleeper.Process.Pid)
	elsewhere, container := me, me
	elsewhere.Host = "elsewhere"
	container.Start = "another-boot" + me.Start[strings.IndexByte(me.Start, '/'):]
	want := func(s db.Session, want db.Life) {
		t.Helper()
		if got, err := c.(db.Watcher).Life(context.Background(), s); err != nil || got != want {
			t.Errorf("%+v: %d, want %d; %v", s, got, want, err)
		}
	}
	want(me, db.Alive)
	want(other, db.Dead) // its number went to a process that began at another time
	want(elsewhere, db.Unknown)
	want(container, db.Unknown)
	want(db.Session{PID: me.PID, Host: me.Host}, db.Unknown)
	sleeper.Process.Kill()
	sleeper.Wait()
	want(other, db.Dead)
}

// An interrupted statement inside a transaction takes the transaction with it,
// and ROLLBACK afterwards is still right.
func TestInterruptedTransaction(t *testing.T) {
	c := open(t, "sqlite::memory:", db.Options{})
	must(t, c, "CREATE TABLE t (id int)", "BEGIN IMMEDIATE", "INSERT INTO t VALUES (1)")
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := c.Exec(ctx, "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n")
	var e *db.Error
	if !errors.As(err, &e) || e.Class != db.Canceled {
		t.Fatalf("%v", err)
	}
	must(t, c, "ROLLBACK")
	if got := one(t, c, "SELECT count(*) FROM t"); got != "0" {
		t.Errorf("%s rows", got)
	}
}

// The number of rows is the statement's own, or -1, never an earlier one's.
func TestRowsOfStatements(t *testing.T) {
	c := open(t, "sqlite::memory:", db.Options{})
	must(t, c, "CREATE TABLE t (id int)")
	for _, step := range []struct {
		text string
		want int64
	}{
		{"INSERT INTO t VALUES (1), (2), (3)", 3},
		{"CREATE TABLE u (id int)", -1},
		{"WITH x AS (SELECT 1) SELECT * FROM x", 0},
		{"WITH x AS (SELECT 2 AS id) DELETE FROM t WHERE id IN (SELECT id FROM x)", 1},
		{"-- a comment\n/* another */ update t set id = 9", 2},
		{"REPLACE INTO u VALUES (1)", 1},
		{"DROP TABLE u", -1},
	} {
		if got, err := c.Exec(context.Background(), step.text); err != nil || got != step.want {
			t.Errorf("%s: %d, want %d; %v", step.text, got, step.want, err)
		}
	}
}

// Counting that takes too long ends in an estimate, inside a transaction too.
func TestCountEstimates(t *testing.T) {
	c := open(t, "sqlite::memory:", db.Options{})
	must(t, c, "CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)",
		"CREATE VIEW v AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000000) SELECT i FROM n", "BEGIN IMMEDIATE", "INSERT INTO t VALUES (2)")
	got, err := c.(db.Watcher).Count(context.Background(), plan.Loss{Table: plan.Name{Name: "v"}}, 20*time.Millisecond)
	if err != nil || got.Exact || got.Gone {
		t.Errorf("%+v, %v", got, err)
	}
	must(t, c, "COMMIT")
	if got, err := c.(db.Watcher).Count(context.Background(), plan.Loss{Table: plan.Name{Name: "t"}}, 0); err != nil || got != (db.Count{Rows: 2}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// Errors of the same word in many places are found by where the parser stops.
func TestPlaceAmongMany(t *testing.T) {
	c := open(t, "sqlite::memory:", db.Options{})
	text := "SELECT " + strings.Repeat("'x', x, \"x\" /* x */, ", 200) + "x x x FROM (SELECT 1 AS x)"
	_, err := c.Exec(context.Background(), text)
	var e *db.Error
	if want := strings.LastIndex(text, "x FROM"); !errors.As(err, &e) || e.Offset != want {
		t.Errorf("offset %d, want %d: %v", e.Offset, want, err)
	}
	for text, want := range map[string]int{
		"SELECT 1 +": 10, "SELECT 'open": 7, "CREATE TABLE y (a int,)": 22, "SELECT ^ FROM y": 7, "SELECT ü FROM nowhere": 15,
	} {
		_, err := c.Exec(context.Background(), text)
		if !errors.As(err, &e) || e.Offset != want {
			t.Errorf("%s: offset %d, want %d: %v", text, e.Offset, want, err)
		}
	}
}
