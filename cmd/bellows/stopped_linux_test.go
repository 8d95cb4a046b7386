package main

import (
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/bellowsdb/bellows/internal/testdb"
)

// TestStopped: a signal ends a run with 7 where something of it is left to do
// and with 130 where nothing was done; the same command continues.
func TestStopped(t *testing.T) {
	const waits = "SELECT pg_advisory_lock(42);\n"
	for _, c := range []struct {
		name, options string
		code          int
		says, state   string
		line          string
	}{
		{"statement by statement", " transaction:false", 7, "interrupted; 1 of 3 statements of 1 parts are done", "failed  1 ", "  2/3 SELECT pg_advisory_lock(42)"},
		{"one transaction", "", 130, "interrupted", "0 applied, 1 pending", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url := testdb.Postgres(t)
			gate := connect(t, url)
			do(t, gate, "SELECT pg_advisory_lock(42)")
			dir := project(t, url, map[string]string{"1_parts.sql": "-- migrate:up lock_timeout:10m" + c.options +
				"\nCREATE TABLE a (id integer);\n" + waits + "CREATE TABLE b (id integer);\n-- migrate:down\nDROP TABLE b;\nDROP TABLE a;\n"})
			write(t, dir+"/bellows.toml", "grace = \"0s\"\nurl = \""+url+"\"\n")
			x := onTerminal(t, 100, command(dir, "up"))
			x.until("up        1  parts (1 of 1)")
			become(t, gate, gates["postgres"].waiting, "1")
			x.untilLike(regexp.MustCompile(regexp.QuoteMeta("up        1  parts (1 of 1)"+c.line) + `  \d+ s`)) // time goes by on the screen
			if err := x.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			x.ends(c.code)
			x.shows("terminated: finishing what can be finished; again to leave at once", c.says)
			if s, _ := x.now(); strings.Contains(s, "(1 of 1)") {
				t.Errorf("the unfinished line is still there:\n%s", s)
			}
			has(t, said(t, dir, 0, "status"), c.state)
			do(t, gate, "SELECT pg_advisory_unlock(42)")
			has(t, said(t, dir, 0, "up"), "applied 1 migration")
		})
	}
}

// TestBlocked: who is in the way of a migration is said as long as he is, and
// kept in the story.
func TestBlocked(t *testing.T) {
	url := testdb.Postgres(t)
	c := connect(t, url)
	do(t, c, "CREATE TABLE posts (id integer)", "SET application_name = 'web'", "BEGIN", "SELECT count(*) FROM posts")
	dir := project(t, url, map[string]string{"1_views.sql": "-- migrate:up\nALTER TABLE posts ADD COLUMN views bigint;\n-- migrate:down\nALTER TABLE posts DROP COLUMN views;\n"})
	x := onTerminal(t, 120, command(dir, "up"))
	pid := value(t, c, "SELECT pg_backend_pid()")
	x.until("waiting   1 for ACCESS EXCLUSIVE on posts: pid " + pid + " web (idle in transaction)")
	x.untilLike(regexp.MustCompile(`\(idle in transaction\)  \d+ s`))
	do(t, c, "COMMIT")
	x.ends(0)
	x.shows("waited    1 for ACCESS EXCLUSIVE on posts, ", "          pid "+pid+", user ", ", app web, table posts, idle in transaction, for ", "applied   1  views")
	if s, _ := x.now(); strings.Contains(s, "waiting") || strings.Count(s, "pid "+pid) != 1 {
		t.Errorf("the wait is told more than once:\n%s", s)
	}
}

// TestPlain: nothing moves where it was not wanted, and all of it is told.
func TestPlain(t *testing.T) {
	url := testdb.Postgres(t)
	c := connect(t, url)
	do(t, c, "CREATE TABLE posts (id integer)", "BEGIN", "SELECT count(*) FROM posts")
	dir := project(t, url, map[string]string{"1_views.sql": "-- migrate:up\nALTER TABLE posts ADD COLUMN views bigint;\n-- migrate:down irreversible \"no\"\n"})
	x := onTerminal(t, 120, command(dir, "up", "--plain"))
	x.until(", attempt 2, again in ")
	do(t, c, "COMMIT")
	x.ends(0)
	if s := x.all.String(); strings.Contains(s, "\x1b") || strings.Contains(strings.ReplaceAll(s, "\r\n", ""), "\r") {
		t.Errorf("it moves or is coloured: %q", s)
	}
}
