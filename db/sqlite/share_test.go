package sqlite_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/sqlite"
)

// Only a file on a connection of our own is shared by migrations.
func TestShares(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	pool, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	lent, err := sqlite.FromSQL(context.Background(), pool, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer lent.Close()
	for _, c := range []struct {
		name string
		conn db.Conn
		want bool
	}{
		{"a file", open(t, "sqlite:"+path, db.Options{}), true},
		{"memory", open(t, "sqlite::memory:", db.Options{}), false},
		{"a lent connection", lent, false},
	} {
		if got := c.conn.(db.Sharer).Shares(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// A reference that COMMIT would refuse is seen before it, and only then.
func TestSettled(t *testing.T) {
	c := open(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"), db.Options{})
	settled := func(want bool) {
		t.Helper()
		if err := c.(db.Sharer).Settled(context.Background()); (err == nil) != want {
			t.Errorf("settled: %v", err)
		}
	}
	must(t, c, "CREATE TABLE a (id int PRIMARY KEY, up int REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED)", "BEGIN IMMEDIATE", "INSERT INTO a VALUES (1, 1)")
	settled(true)
	must(t, c, "INSERT INTO a VALUES (2, 3)")
	settled(false)
	must(t, c, "INSERT INTO a VALUES (3, NULL)")
	settled(true)
	must(t, c, "DELETE FROM a WHERE id = 3")
	settled(false)
	must(t, c, "ROLLBACK")
	settled(true)
}

// A file is little until it is not.
func TestLittle(t *testing.T) {
	c := open(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"), db.Options{})
	little := c.(db.Sharer).Little
	if !little(context.Background()) {
		t.Error("an empty file is not little")
	}
	must(t, c, "CREATE TABLE a (b blob)", "INSERT INTO a VALUES (zeroblob(5000000))")
	if little(context.Background()) {
		t.Error("a file of 5 MB is little")
	}
}
