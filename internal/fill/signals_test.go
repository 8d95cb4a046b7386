package fill_test

import (
	"context"
	"testing"

	"github.com/bellowsdb/bellows/backfill/limit"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// TestSignals: each thing that a server tells about itself holds a backfill back
// when there is too much of it, for a reason that names it.
func TestSignals(t *testing.T) {
	tests := []struct {
		engine, limit, value string
		before               []string // statements of another session, whose transaction stays open
		want                 string
	}{
		{"postgres", "log_rate", "1B/s", nil, "B/s of log, of 1B/s at most"},
		{"postgres", "snapshot_age", "1ms", []string{"BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT COUNT(*) FROM posts"}, "has had a transaction open for "},
		{"mariadb", "log_rate", "1B/s", nil, "B/s of log, of 1B/s at most"},
		{"mariadb", "snapshot_age", "1ms", []string{"START TRANSACTION WITH CONSISTENT SNAPSHOT", "SELECT COUNT(*) FROM posts"}, "has had a transaction open for "},
		{"mariadb", "history", "1", []string{"START TRANSACTION WITH CONSISTENT SNAPSHOT", "SELECT COUNT(*) FROM posts"}, "old versions of rows wait to be removed, of 1 at most"},
		{"mariadb", "active_sessions", "1", nil, "sessions are at work, of 1 at most"},
		{"sqlite", "wal_size", "1kB", []string{"BEGIN", "SELECT COUNT(*) FROM posts"}, "of the write-ahead log wait to be written back, of 1kB at most"},
	}
	for _, e := range engines() {
		for _, test := range tests {
			if test.engine != e.name {
				continue
			}
			t.Run(e.name+"/"+test.limit, func(t *testing.T) {
				t.Parallel()
				url := e.place(t, 500)
				c := session(t, url)
				defer c.Close()
				for _, sql := range test.before {
					if rows, err := c.Query(context.Background(), sql); err != nil {
						t.Fatal(err)
					} else {
						for rows.Next() {
							continue
						}
						rows.Close()
					}
				}
				do(t, url, "UPDATE posts SET touched = touched") // which the log, and an old snapshot, feel
				// A brake keeps it from its end until the limit was seen, which is used more.
				l := limitedBy(t, url, script(double, limits(limit.Set{test.limit: test.value, "sql": "SELECT 1"})), nil)
				do(t, url, "CREATE TABLE noise (n "+e.integer+")")
				for !l.says(test.want) {
					do(t, url, "INSERT INTO noise VALUES (1)")
				}
				l.set(test.limit, limit.Off)
				l.set("sql", limit.Off)
				if err := <-l.done; err != nil {
					t.Fatal(err)
				}
				if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2"); n != 500 {
					t.Errorf("%d rows are right", n)
				}
			})
		}
	}
}

// TestWraparound: a vacuum that the table waits for, lest its transaction numbers
// run out, goes before a backfill.
func TestWraparound(t *testing.T) {
	t.Parallel()
	e := engines()[1]
	e.fresh = testdb.PrivatePostgres(t, 0, "autovacuum=off", "autovacuum_freeze_max_age=100000").Database
	url := e.place(t, 100)
	do(t, url, "CREATE TABLE burnt (n int)", "DO $$ BEGIN FOR i IN 1..110000 LOOP BEGIN INSERT INTO burnt VALUES (i); EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$")
	l := limitedBy(t, url, script(double), nil)
	if why := l.pause(1); why != "the vacuum against wraparound that posts waits for goes first" && why != "autovacuum of posts goes first" {
		t.Errorf("%q", why)
	}
	do(t, url, "VACUUM (FREEZE) posts")
	l.ends()
	once(t, url, 100)
}

// TestSlowed: near a limit less is done, and the reason is told, but work goes on.
func TestSlowed(t *testing.T) {
	e := engines()[1]
	url := e.place(t, 600)
	l := limitedBy(t, url, script(double, limits(limit.Set{"sql": "SELECT 8, 10, 'the queue'"})), nil)
	if err := <-l.done; err != nil {
		t.Fatal(err)
	}
	if all := of[event.FillPaused](l.rec); len(all) > 0 {
		t.Errorf("it paused: %+v", all)
	}
	once(t, url, 600)
}
