package sqlite_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/bellowsdb/bellows/db"
)

// journalOf is the file of a rollback journal, nil when it is not there.
func journalOf(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path + "-journal")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The journal stays between the transactions of a connection, without a header,
// so that it is none; others read and write meanwhile, and at the end it is gone.
func TestJournalIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	other := open(t, "sqlite:"+path, db.Options{})
	c := open(t, "sqlite:"+path, db.Options{})
	must(t, c, "CREATE TABLE a (n int)")
	if journalOf(t, path) != nil {
		t.Error("the journal is kept before the first transaction")
	}
	must(t, c, "BEGIN IMMEDIATE", "INSERT INTO a VALUES (1)", "COMMIT")
	if head := journalOf(t, path); len(head) < 28 || !bytes.Equal(head[:28], make([]byte, 28)) {
		t.Errorf("after a commit the journal begins with % x", head[:min(len(head), 28)])
	}
	if got := one(t, other, "SELECT count(*) FROM a"); got != "1" {
		t.Errorf("another connection reads %s rows", got)
	}
	must(t, other, "INSERT INTO a VALUES (2)")
	must(t, c, "BEGIN IMMEDIATE", "INSERT INTO a VALUES (3)", "ROLLBACK", "BEGIN IMMEDIATE", "INSERT INTO a VALUES (4)", "COMMIT")
	if got := one(t, other, "SELECT sum(n) FROM a"); got != "7" {
		t.Errorf("another connection reads the sum %s", got)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if journalOf(t, path) != nil {
		t.Error("the journal is still there")
	}
}

// A file in WAL mode stays in it, also when a migration puts it there.
func TestJournalOfWAL(t *testing.T) {
	for _, late := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "a.db")
		first := open(t, "sqlite:"+path, db.Options{})
		must(t, first, "CREATE TABLE a (n int)")
		if !late {
			must(t, first, "PRAGMA journal_mode = wal")
		}
		first.Close()
		c := open(t, "sqlite:"+path, db.Options{})
		must(t, c, "BEGIN IMMEDIATE", "INSERT INTO a VALUES (1)", "COMMIT")
		if late {
			must(t, c, "PRAGMA journal_mode = wal", "BEGIN IMMEDIATE", "INSERT INTO a VALUES (2)", "COMMIT")
		}
		c.Close()
		if got := one(t, open(t, "sqlite:"+path, db.Options{}), "PRAGMA journal_mode"); got != "wal" {
			t.Errorf("late %v: the mode is %s", late, got)
		}
	}
}

// The page cache of who writes is as large as usual in a large file, half of that
// in a small one, where changed pages still may fill all of it, and as the URL says
// when it does.
func TestCacheOfWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	c := open(t, "sqlite:"+path, db.Options{})
	looking := one(t, c, "PRAGMA cache_size")
	must(t, c, "CREATE TABLE a (b blob)")
	must(t, c, "BEGIN IMMEDIATE", "COMMIT")
	if got := one(t, c, "PRAGMA cache_size"); got != "-1024" || got == looking {
		t.Errorf("%s, then %s in a small file", looking, got)
	}
	if got, err := strconv.Atoi(one(t, c, "PRAGMA cache_spill")); err != nil || got < 400 {
		t.Errorf("changed pages may fill %d %v", got, err)
	}
	must(t, c, "INSERT INTO a VALUES (zeroblob(33 * 1024 * 1024))", "BEGIN IMMEDIATE", "COMMIT")
	if got := one(t, c, "PRAGMA cache_size"); got != "-2000" {
		t.Errorf("%s in a large file", got)
	}
	sized := open(t, "sqlite:"+path+"?_pragma=cache_size(77)", db.Options{})
	must(t, sized, "BEGIN IMMEDIATE", "COMMIT")
	if got := one(t, sized, "PRAGMA cache_size"); got != "77" {
		t.Errorf("with a size in the URL it is %s", got)
	}
}
