package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// project is a folder with these migrations and a database.
func project(t *testing.T, url string, files map[string]string) string {
	t.Helper()
	dir := sandbox(t, "init")
	runLine(t, dir, "mkdir migrations")
	write(t, filepath.Join(dir, "bellows.toml"), "url = \""+url+"\"\n")
	for name, text := range files {
		write(t, filepath.Join(dir, "migrations", name), text)
	}
	return dir
}

// connect opens a session that is closed at the end of the test.
func connect(t *testing.T, url string) db.Conn {
	t.Helper()
	c, err := bellows.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func do(t *testing.T, c db.Conn, sqls ...string) {
	t.Helper()
	for _, sql := range sqls {
		if _, err := c.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// value is the single value of a query, as text; "" for no row.
func value(t *testing.T, c db.Conn, sql string) (text string) {
	t.Helper()
	rows, err := c.Query(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
	}
	return text
}

// become asks until a query gives a value.
func become(t *testing.T, c db.Conn, sql, want string) {
	t.Helper()
	for until := time.Now().Add(longest); value(t, c, sql) != want; {
		if time.Now().After(until) {
			t.Fatalf("%s: %q, want %q", sql, value(t, c, sql), want)
		}
	}
}

const halfDone = "-- migrate:up transaction:false\nCREATE TABLE a (id integer);\nCREATE TABLE b (id integer);\nALTER TABLE nowhere ADD COLUMN x integer;\nCREATE TABLE c (id integer);\n-- migrate:down\nDROP TABLE IF EXISTS c;\nDROP TABLE b;\nDROP TABLE a;\n"

// TestHalfDone: a migration that stopped between its statements is shown with
// everything that can be done about it, and each of that does what it says.
func TestHalfDone(t *testing.T) {
	for name, fresh := range engines {
		for _, way := range []string{"resume", "--mark-applied", "--mark-reverted"} {
			t.Run(name+way, func(t *testing.T) {
				t.Parallel()
				url := fresh(t)
				dir := project(t, url, map[string]string{"1_parts.sql": halfDone})
				file := filepath.Join(dir, "migrations/1_parts.sql")
				has(t, said(t, dir, 1, "up"), "failed    1  parts", "at migrations/1_parts.sql:4:", "hint: 2 of 4 statements are done and stay")
				has(t, said(t, dir, 3, "status", "--check"), "failed", "1  parts failed: ")
				has(t, said(t, dir, 0, "repair"), "half-done  1  1 parts is half done: 2 of 4 statements (up)\n", "  done       2 of 4 statements\n",
					"  next       ALTER TABLE nowhere ADD COLUMN x integer\n", "  do one of  bellows up\n", "             bellows repair --mark-applied 1\n", "             bellows repair --mark-reverted 1\n")
				has(t, said(t, dir, 0, "repair", "--json"), `"kind":"half-done","revision":"1"`, `"done":2,"total":4,"statement":"ALTER TABLE nowhere ADD COLUMN x integer"`)
				has(t, said(t, dir, 7, "repair", "--statement-done", "1"), "1 has no statement whose outcome is unknown")
				switch way {
				case "resume":
					write(t, file, strings.Replace(halfDone, "ALTER TABLE nowhere ADD COLUMN x integer", "ALTER TABLE a ADD COLUMN x integer", 1))
					has(t, said(t, dir, 0, "up"), "resuming  1  parts after 2 statements", "applied 1 migration")
				case "--mark-applied":
					do(t, connect(t, url), "CREATE TABLE c (id integer)")
					has(t, said(t, dir, 0, "repair", way, "1"), "mark-applied 1")
				case "--mark-reverted":
					do(t, connect(t, url), "DROP TABLE a", "DROP TABLE b")
					has(t, said(t, dir, 0, "repair", way, "1"), "mark-reverted 1")
					write(t, file, strings.Replace(halfDone, "ALTER TABLE nowhere ADD COLUMN x integer;\n", "", 1))
					has(t, said(t, dir, 0, "up"), "applied 1 migration")
				}
				has(t, said(t, dir, 0, "repair"), "nothing to repair")
				said(t, dir, 0, "status", "--check")
				has(t, said(t, dir, 0, "down", "--down-from", "file"), "reverted 1 migration")
			})
		}
	}
}

// gates are databases with a routine whose outcome nobody can read from the
// catalog, and that does not end while a session of the test holds a lock.
var gates = map[string]struct {
	fresh               func(testing.TB) string
	make                []string
	shut, open, waiting string
}{
	"mariadb": {testdb.MariaDB, []string{"CREATE TABLE hits (id integer)", "CREATE PROCEDURE gate() BEGIN DO GET_LOCK(DATABASE(), 1000); INSERT INTO hits VALUES (1); END"},
		"DO GET_LOCK(DATABASE(), 1)", "DO RELEASE_LOCK(DATABASE())", "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND state = 'User lock'"},
	"postgres": {testdb.Postgres, []string{"CREATE TABLE hits (id integer)", "CREATE PROCEDURE gate() LANGUAGE plpgsql AS $$ BEGIN COMMIT; PERFORM pg_advisory_lock(42); INSERT INTO hits VALUES (1); END $$"},
		"SELECT pg_advisory_lock(42)", "SELECT pg_advisory_unlock(42)", "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'"},
}

const callsGate = "-- migrate:up transaction:false lock_timeout:10m\nCREATE TABLE a (id integer);\nCALL gate();\nCREATE TABLE b (id integer);\n-- migrate:down\nDROP TABLE b;\nDROP TABLE a;\n"

// TestUnknownOutcome: when the process was killed while a statement ran whose
// effect cannot be seen, nobody guesses: a person says what became of it.
func TestUnknownOutcome(t *testing.T) {
	for name, g := range gates {
		for flag, hits := range map[string]string{"--statement-done": "1", "--statement-undone": "2"} {
			t.Run(name+flag, func(t *testing.T) {
				t.Parallel()
				url := g.fresh(t)
				c := connect(t, url)
				do(t, c, append(g.make, g.shut)...)
				dir := project(t, url, map[string]string{"1_calls.sql": callsGate})
				cmd := command(dir, "up")
				killed(t, cmd, func() { become(t, c, g.waiting, "1") })
				do(t, c, g.open)
				become(t, c, "SELECT count(*) FROM hits", "1") // the server did not notice that nobody listens
				has(t, said(t, dir, 7, "up"), "it cannot be told whether it took effect", "at migrations/1_calls.sql:3:", "bellows repair --statement-done 1", "bellows repair --statement-undone 1")
				has(t, said(t, dir, 0, "repair"), "1 of 3 statements", "  next       CALL gate()\n", "bellows repair "+flag+" 1\n")
				has(t, said(t, dir, 0, "repair", flag, "1"), strings.TrimPrefix(flag, "--")+" 1")
				has(t, said(t, dir, 0, "up"), "resuming  1  calls after ", "applied 1 migration")
				if got := value(t, c, "SELECT count(*) FROM hits"); got != hits {
					t.Errorf("the statement ran %s times, want %s", got, hits)
				}
				said(t, dir, 0, "status", "--check")
			})
		}
	}
}

// killed starts a program and kills it once something has come true.
func killed(t *testing.T, cmd *exec.Cmd, when func()) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	when()
}

// TestCleanIndexes: an invalid index that a killed build left is dropped when
// a person says so, and what stopped can go on.
func TestCleanIndexes(t *testing.T) {
	url := testdb.Postgres(t)
	c, old := connect(t, url), connect(t, url)
	do(t, c, "CREATE TABLE a (id integer)")
	dir := project(t, url, map[string]string{"1_index.sql": "-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY a_id ON a (id);\n-- migrate:down transaction:false\nDROP INDEX CONCURRENTLY a_id;\n"})
	do(t, old, "BEGIN", "INSERT INTO a VALUES (1)") // a build waits for it
	const builds = " FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND pid <> pg_backend_pid()"
	killed(t, command(dir, "up"), func() { become(t, c, "SELECT count(*)"+builds+" AND wait_event_type = 'Lock'", "1") })
	do(t, c, "SELECT pg_terminate_backend(pid)"+builds)
	become(t, c, "SELECT count(*)"+builds, "0")
	do(t, old, "ROLLBACK")
	const invalid = "SELECT count(*) FROM pg_index WHERE indrelid = 'a'::regclass AND NOT indisvalid"
	if got := value(t, c, invalid); got != "1" {
		t.Fatalf("%s invalid indexes, want 1", got)
	}
	has(t, said(t, dir, 0, "repair"), "half-done  1")
	has(t, said(t, dir, 0, "repair", "--clean-indexes"), "clean-indexes", "is invalid; it is dropped")
	if got := value(t, c, invalid); got != "0" {
		t.Errorf("%s invalid indexes are left", got)
	}
	has(t, said(t, dir, 0, "up"), "applied 1 migration")
	has(t, said(t, dir, 0, "repair", "--clean-indexes"), "clean-indexes")
	if got := value(t, c, "SELECT count(*) FROM pg_index WHERE indrelid = 'a'::regclass AND indisvalid"); got != "1" {
		t.Errorf("%s valid indexes, want 1", got)
	}
}
