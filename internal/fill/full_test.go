package fill_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// full is a database whose disk can be filled, and emptied again.
type full struct {
	url, again  string // for when there is no room, and when there is
	fill, empty func()
	says        string
}

// TestDiskFull: when the disk is full midway every worker stops with the server's
// words, nothing is lost, and the same call goes on when there is room.
func TestDiskFull(t *testing.T) {
	places := map[string]func(*testing.T, engine) full{"sqlite": fullSQLite, "postgres": fullPostgres, "mariadb": fullMariaDB}
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			d := places[e.name](t, e)
			f := planned(t, d.url, script(double), options(d.url))
			small(t, d.url, f.ID, 50)
			o := options(d.url)
			o.Workers, o.Patience = 2, 20*time.Second // a server that broke is not waited for
			var filled atomic.Bool
			o.Point = func(name string) {
				if name == "committed" && !filled.Load() && number(t, d.url, "SELECT COUNT(*) FROM posts WHERE b IS NOT NULL") >= 100 && filled.CompareAndSwap(false, true) {
					d.fill()
				}
			}
			_, err := fill.Work(context.Background(), f.ID, o)
			if code := fault.CodeOf(err); code.Exit() != 7 && code.Exit() != 1 || err == nil || !strings.Contains(err.Error(), d.says) {
				t.Fatalf("%v", err)
			}
			d.empty()
			o = options(d.again)
			rec := &recorder{}
			o.Sink = rec
			if _, err := fill.Work(context.Background(), f.ID, o); err != nil {
				t.Fatal(err)
			}
			if started := of[event.FillStarted](rec); len(started) != 1 || !started[0].Resumed {
				t.Errorf("it did not go on: %+v", started)
			}
			once(t, d.again, 2000)
		})
	}
}

func fullSQLite(t *testing.T, e engine) full {
	url := e.place(t, 2000)
	pages := number(t, url, "PRAGMA page_count")
	sep := "?"
	if strings.Contains(url, "?") {
		sep = "&"
	}
	return full{url: fmt.Sprintf("%s%s_pragma=max_page_count(%d)", url, sep, pages+60), again: url, says: "full", fill: func() {
		do(t, url, "CREATE TABLE filler (x TEXT)", fmt.Sprintf("INSERT INTO filler SELECT hex(zeroblob(2000)) FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n)", 120))
	}, empty: func() {}}
}

// fullPostgres has the table in a small file system of its own, where one may be
// made, else a trigger says what the server says of a full disk. An old snapshot
// keeps room from being used again.
func fullPostgres(t *testing.T, e engine) full {
	server := testdb.PrivatePostgres(t, 0)
	e.fresh = server.Database
	url := e.place(t, 2000)
	dir, ok := smallDisk(t, server)
	if !ok {
		do(t, url, "CREATE TABLE disk (room boolean)", "INSERT INTO disk VALUES (true)",
			`CREATE FUNCTION room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NOT (SELECT d.room FROM disk d) THEN
				RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END IF; RETURN NULL; END $$`,
			"CREATE TRIGGER room AFTER UPDATE ON posts FOR EACH STATEMENT EXECUTE FUNCTION room()")
		return full{url: url, again: url, says: "No space left on device", fill: func() { do(t, url, "UPDATE disk SET room = false") },
			empty: func() { do(t, url, "UPDATE disk SET room = true") }}
	}
	do(t, url, "CREATE TABLESPACE small LOCATION '"+dir+"'")
	do(t, url, "ALTER TABLE posts SET TABLESPACE small")
	old := session(t, url)
	for _, sql := range []string{"BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT COUNT(*) FROM posts"} {
		if _, err := old.Exec(context.Background(), sql); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = old.Close() })
	filler := filepath.Join(dir, "filler")
	return full{url: url, again: url, says: "No space left on device", fill: func() {
		if err := os.WriteFile(filler, make([]byte, 64<<20), 0o600); err == nil {
			t.Error("the disk does not fill")
		}
	}, empty: func() {
		if err := os.Remove(filler); err != nil {
			t.Error(err)
		}
	}}
}

// fullMariaDB is the same; its table's file lies in the small file system.
func fullMariaDB(t *testing.T, e engine) full {
	server := testdb.PrivateMariaDB(t)
	e.fresh = server.Database
	url := e.place(t, 2000)
	dir, ok := smallDisk(t, server)
	if c := session(t, url); ok {
		// MySQL takes only directories that it was started with.
		_, err := c.Exec(context.Background(), "CREATE TABLE small (id bigint) DATA DIRECTORY='"+dir+"'")
		ok = err == nil
		_ = c.Close()
	}
	if !ok {
		do(t, url, "CREATE TABLE disk (room boolean)", "INSERT INTO disk VALUES (true)",
			"CREATE TRIGGER room AFTER UPDATE ON posts FOR EACH ROW BEGIN IF NOT (SELECT d.room FROM disk d) THEN SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table is full'; END IF; END")
		return full{url: url, again: url, says: "full", fill: func() { do(t, url, "UPDATE disk SET room = false") },
			empty: func() { do(t, url, "UPDATE disk SET room = true") }}
	}
	do(t, url, "DROP TABLE posts", "CREATE TABLE posts (id bigint NOT NULL PRIMARY KEY, a bigint, b bigint, touched bigint NOT NULL DEFAULT 0) DATA DIRECTORY='"+dir+"'")
	do(t, url, append(e.counts("posts", "id"), fmt.Sprintf(e.series, 2000))...)
	filler := filepath.Join(dir, "filler")
	return full{url: url, again: url, says: "full", fill: func() {
		if err := os.WriteFile(filler, make([]byte, 64<<20), 0o600); err == nil {
			t.Error("the disk does not fill")
		}
	}, empty: func() {
		if err := os.Remove(filler); err != nil {
			t.Error(err)
		}
	}}
}
