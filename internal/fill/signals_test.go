package fill_test

import (
	"context"
	"strings"
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

// TestVacuumGoesFirst: with vacuum:any an ordinary autovacuum of the table holds the
// backfill back, with a line that says so, and it goes on when that is over.
func TestVacuumGoesFirst(t *testing.T) {
	t.Parallel()
	e := engines()[1]
	e.fresh = testdb.PrivatePostgres(t, 0, "autovacuum_naptime=1").Database
	url := e.place(t, 20000)
	// A vacuum that rests for a tenth of a second at each page lasts until it is stopped.
	do(t, url, "ALTER TABLE posts SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)",
		"UPDATE posts SET touched = touched")
	for number(t, url, "SELECT COUNT(*) FROM pg_stat_progress_vacuum WHERE relid = 'posts'::regclass") == 0 {
		continue
	}
	l := limitedBy(t, url, script("UPDATE posts SET b = a * 2 WHERE id <= 300 AND :chunk", limits(limit.Set{"vacuum": "any", "dead_rows": limit.Off})), nil)
	if why := l.pause(1); why != "autovacuum of posts goes first" {
		t.Errorf("%q", why)
	}
	l.shown("autovacuum of posts goes first")
	if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b IS NOT NULL"); n != 0 {
		t.Errorf("%d rows were changed against the limit", n)
	}
	do(t, url, "SET lock_timeout = 0", "ALTER TABLE posts SET (autovacuum_enabled = false)") // for which it makes way
	l.ends()
	if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != 300 {
		t.Errorf("%d rows are right", n)
	}
}

// TestDeadRowsGoFirst: a table with too many old row versions is left alone until
// somebody has vacuumed it.
func TestDeadRowsGoFirst(t *testing.T) {
	t.Parallel()
	e := engines()[1]
	url := e.place(t, 12000)
	old := session(t, url) // for which the dead rows have to be kept
	defer old.Close()
	for _, sql := range []string{"BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT FROM posts LIMIT 1"} {
		if _, err := old.Exec(context.Background(), sql); err != nil {
			t.Fatal(err)
		}
	}
	do(t, url, "ALTER TABLE posts SET (autovacuum_enabled = false)", "UPDATE posts SET touched = touched")
	for number(t, url, "SELECT pg_stat_get_dead_tuples('posts'::regclass)") < 10000 {
		continue // the server tells it after a moment
	}
	l := limitedBy(t, url, script("UPDATE posts SET b = a * 2 WHERE id <= 300 AND :chunk", limits(limit.Set{"dead_rows": "20%"})), nil)
	const want = "of the rows of posts are dead, of 20% at most"
	if why := l.pause(1); !strings.Contains(why, want) {
		t.Errorf("%q", why)
	}
	l.shown(want)
	if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b IS NOT NULL"); n != 0 {
		t.Errorf("%d rows were changed against the limit", n)
	}
	if _, err := old.Exec(context.Background(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	do(t, url, "VACUUM posts")
	l.ends()
	if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != 300 {
		t.Errorf("%d rows are right", n)
	}
}
