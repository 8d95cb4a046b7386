package bellows_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
)

// held brings a change to its hold, approved.
func (s swap) held(t *testing.T) (url, dir string) {
	t.Helper()
	url, dir = s.place(t)
	must(t, with(t, url, dir, bellows.Options{}, upWith(bellows.Request{Wait: true})))
	must(t, s.do(t, url, dir, "approve"))
	return url, dir
}

func (s swap) do(t *testing.T, url, dir, verb string) error {
	t.Helper()
	return with(t, url, dir, bellows.Options{}, func(ctx context.Context, m *bellows.Migrator) error {
		return changeVerb(ctx, m, verb, oneMerge)
	})
}

// After somebody has switched sync off and changed rows, resync makes the sides
// agree by the side that is kept, and the change goes on.
func TestResync(t *testing.T) {
	off := map[string]string{"sqlite": "DROP TRIGGER bellows_1_update", "postgres": "ALTER TABLE posts DISABLE TRIGGER ALL, DROP CONSTRAINT bellows_1_agree", "mariadb": "DROP TRIGGER bellows_1_update"}
	onSwaps(t, func(t *testing.T, s swap) {
		for _, keep := range []string{"old", "new"} {
			url, dir := s.held(t)
			exec1(t, url, off[s.name])
			exec1(t, url, "UPDATE posts SET lat = 100000 WHERE id = 5")
			must(t, with(t, url, dir, bellows.Options{}, func(ctx context.Context, m *bellows.Migrator) error {
				return m.Resync(ctx, bellows.ChangeRequest{Revision: oneMerge, Keep: keep})
			}))
			must(t, with(t, url, dir, bellows.Options{}, upWith(bellows.Request{Wait: true})))
			c := wantPhase(t, url, dir, "hold")
			wantRows(t, url, s.agree, "0")
			wantRows(t, url, "SELECT lat FROM posts WHERE id = 5", map[string]string{"old": "100000", "new": "10"}[keep])
			if c.Holds[0].Approved {
				t.Fatal("an approval outlives a resync")
			}
		}
	})
}

// stranger makes a session one of an application: those of bellows are told apart by
// a name or a variable, where there are some.
func (s swap) stranger() string {
	return map[string]string{"sqlite": "SELECT 1", "postgres": "SET application_name = 'old shop'", "mariadb": "SET @bellows = NULL"}[s.name]
}

// A hold that demands silence keeps the contract back while the old side was
// written within its time, by whom ever, and no longer.
func TestQuietTime(t *testing.T) {
	ago := map[string]string{"sqlite": "strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', 'now', '-%d hours')", "postgres": "clock_timestamp() - make_interval(hours => %d)", "mariadb": "UTC_TIMESTAMP(6) - INTERVAL %d HOUR"}
	since := map[string]string{"sqlite": "json_set(state, '$.Since', '2020-01-02T03:04:05Z')", "postgres": `jsonb_set(state::jsonb, '{Since}', '"2020-01-02T03:04:05Z"')::text`, "mariadb": "JSON_SET(state, '$.Since', '2020-01-02T03:04:05Z')"}
	who := map[string]string{"sqlite": "an application without a name", "postgres": "old shop", "mariadb": "@"}
	onSwaps(t, func(t *testing.T, s swap) {
		ledger := "bellows_"
		if s.name == "postgres" {
			ledger = "bellows."
		}
		s.file = strings.Replace(s.file, `uses loc"`, `uses loc" quiet:24h`, 1)
		url, dir := s.held(t)
		wantCode(t, s.do(t, url, dir, "contract"), fault.Confirm, "24h0m0s without a write to the old side: writes are counted since ")
		exec1(t, url, "UPDATE "+ledger+"change SET state = "+since[s.name])
		c := session(t, url)
		for _, sql := range []string{s.stranger(), "UPDATE posts SET lat = 5 WHERE id = 1"} {
			if _, err := c.Exec(t.Context(), sql); err != nil {
				t.Fatal(sql, err)
			}
		}
		c.Close()
		for _, hours := range []int{0, 23} {
			exec1(t, url, fmt.Sprintf("UPDATE "+ledger+"change_write SET at = "+ago[s.name]+" WHERE side = 'old'", hours))
			err := s.do(t, url, dir, "contract")
			wantCode(t, err, fault.Confirm, " wrote it at ")
			if fault.CodeOf(err).Exit() != 8 || !strings.Contains(err.Error(), who[s.name]) {
				t.Fatalf("it does not name %s: %v", who[s.name], err)
			}
			if got := wantPhase(t, url, dir, "hold"); len(got.WaitingFor) != 1 || !strings.Contains(got.WaitingFor[0], who[s.name]) {
				t.Fatalf("status tells %q", got.WaitingFor)
			}
		}
		exec1(t, url, fmt.Sprintf("UPDATE "+ledger+"change_write SET at = "+ago[s.name]+" WHERE side = 'old'", 25))
		exec1(t, url, "UPDATE posts SET loc = (SELECT loc FROM (SELECT loc FROM posts WHERE id = 3) q) WHERE id = 2") // the new side may be loud
		must(t, s.do(t, url, dir, "contract"))
		wantPhase(t, url, dir, "contract")
	})
}

// Where holds are approved by themselves, and where there are no rows, up goes
// through to the end.
func TestChangeRunsThrough(t *testing.T) {
	onSwaps(t, func(t *testing.T, s swap) {
		url, dir := s.place(t)
		must(t, with(t, url, dir, bellows.Options{AutoHolds: true}, upWith(bellows.Request{})))
		wantPhase(t, url, dir, "purge")
		exec1(t, url, "INSERT INTO posts (id, loc) SELECT 9999, loc FROM posts WHERE id = 1")
		url = s.fresh(t)
		exec1(t, url, s.table)
		must(t, with(t, url, dir, bellows.Options{}, upWith(bellows.Request{})))
		wantPhase(t, url, dir, "purge")
	})
}

// A migration that needs a phase waits for it, is no failure of up, and is listed
// as held; once the phase is reached up applies it.
func TestNeedsAPhase(t *testing.T) {
	later := "-- migrate:revises 1\n-- migrate:needs 1:%s\n-- migrate:up\nCREATE TABLE later (id integer);\n-- migrate:down\nDROP TABLE later;\n"
	onSwaps(t, func(t *testing.T, s swap) {
		url, dir := s.place(t, "2_later.sql", strings.Replace(later, "%s", "backfill", 1), "3_last.sql", strings.ReplaceAll(strings.Replace(later, "%s", "contract", 1), "later", "last"))
		state := func() (states string, pending int) {
			must(t, with(t, url, dir, bellows.Options{}, func(ctx context.Context, m *bellows.Migrator) error {
				st, err := m.Status(ctx)
				for _, r := range st.Revisions {
					states += r.State + " "
				}
				pending = st.Pending
				return err
			}))
			return states, pending
		}
		want := func(states string) {
			t.Helper()
			if got, pending := state(); got != states || pending != 0 {
				t.Fatalf("the states are %s with %d pending, wanted %s", got, pending, states)
			}
		}
		must(t, with(t, url, dir, bellows.Options{}, upWith(bellows.Request{})))
		want("applied held held ")
		err := with(t, url, dir, bellows.Options{}, upWith(bellows.Request{Target: "2"}))
		wantCode(t, err, fault.Confirm, "waits until 1 has done its phase backfill")
		must(t, with(t, url, dir, bellows.Options{}, upWith(bellows.Request{Wait: true})))
		want("applied applied held ")
		must(t, s.do(t, url, dir, "approve"))
		must(t, s.do(t, url, dir, "contract"))
		must(t, with(t, url, dir, bellows.Options{}, upWith(bellows.Request{})))
		want("applied applied applied ")
		err = s.do(t, url, dir, "undo")
		wantCode(t, err, fault.Graph, "needs the contract of 1")
	})
}

// A change that was edited after it had begun is refused by every verb.
func TestEditedChange(t *testing.T) {
	onSwaps(t, func(t *testing.T, s swap) {
		url, dir := s.place(t)
		must(t, with(t, url, dir, bellows.Options{}, upWith(bellows.Request{})))
		path := filepath.Join(dir, "1_merge.sql")
		for _, edit := range [][2]string{{"uses loc", "reads loc"}, {"lng = ", "lng = 1 + "}, {"loc = ", "loc = 0 + "}} {
			must(t, os.WriteFile(path, []byte(strings.Replace(s.file, edit[0], edit[1], 1)), 0o644))
			for _, verb := range []string{"wait", "verify", "approve", "contract", "abort"} {
				wantCode(t, s.do(t, url, dir, verb), fault.Edited, "edited")
			}
		}
		must(t, os.WriteFile(path, []byte(s.file), 0o644))
		must(t, s.do(t, url, dir, "wait"))
		wantPhase(t, url, dir, "hold")
	})
}

// A broken expression stops at its place, and leaves nothing behind.
func TestBrokenExpressionIsTried(t *testing.T) {
	onSwaps(t, func(t *testing.T, s swap) {
		url, dir := s.place(t)
		before := s.picture(t, url, dir)
		must(t, os.WriteFile(filepath.Join(dir, "1_merge.sql"), []byte(strings.Replace(s.file, "lat = ", "lat = nowhere + ", 1)), 0o644))
		err := with(t, url, dir, bellows.Options{}, upWith(bellows.Request{}))
		wantCode(t, err, fault.CodeOf(err), "1_merge.sql:7:7")
		must(t, os.WriteFile(filepath.Join(dir, "1_merge.sql"), []byte(s.file), 0o644))
		if after := s.picture(t, url, dir); after != before {
			t.Fatalf("it leaves\n%s\nwhere was\n%s", after, before)
		}
		must(t, with(t, url, dir, bellows.Options{}, upWith(bellows.Request{Wait: true})))
		wantPhase(t, url, dir, "hold")
	})
}

// Where the database can, a constraint keeps both sides in agreement once that is
// proven: nobody gets past it, and the contract need not count again. No statement
// of the application fails for it, whichever side it writes.
func TestProofByConstraint(t *testing.T) {
	for _, s := range swaps() {
		if s.name != "postgres" {
			continue
		}
		url, dir := s.held(t)
		wantRows(t, url, "SELECT convalidated::text FROM pg_constraint WHERE conname = 'bellows_1_agree'", "true")
		for _, sql := range []string{"UPDATE posts SET lat = 77 WHERE id = 1", "UPDATE posts SET loc = point(5, 6) WHERE id = 2", "INSERT INTO posts (id, lat) VALUES (901, 4)",
			"INSERT INTO posts (id, loc) VALUES (902, point(1, 2))", "INSERT INTO posts (id, lat, lng, loc) VALUES (903, 1, 2, point(2, 1))", "UPDATE posts SET id = 904 WHERE id = 3"} {
			exec1(t, url, sql)
		}
		c := session(t, url)
		if _, err := c.Exec(t.Context(), "ALTER TABLE posts DISABLE TRIGGER zzzz_bellows_1_update"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Exec(t.Context(), "UPDATE posts SET lat = 1234 WHERE id = 9"); err == nil {
			t.Fatal("a row got past the constraint")
		}
		if _, err := c.Exec(t.Context(), "ALTER TABLE posts ENABLE ALWAYS TRIGGER zzzz_bellows_1_update"); err != nil {
			t.Fatal(err)
		}
		c.Close()
		must(t, s.do(t, url, dir, "contract"))
		wantRows(t, url, "SELECT count(*) FROM pg_constraint WHERE conname = 'bellows_1_agree'", "0")
		lines := column(t, url, "SELECT detail FROM bellows.journal WHERE action = 'verify' ORDER BY seq DESC LIMIT 1")
		if lines[0] != "proven by the constraint: no row disagrees" {
			t.Fatal("the contract counted again:", lines)
		}
	}
	// What gives another value each time cannot be a constraint: rows are counted.
	s := swaps()[1]
	s.file = strings.Replace(s.file, "point(lng, lat)", "point(lng, lat + 0 * extract(day FROM now())::integer)", 1)
	url, dir := s.held(t)
	wantRows(t, url, "SELECT count(*) FROM pg_constraint WHERE conname = 'bellows_1_agree'", "0")
	must(t, s.do(t, url, dir, "contract"))
}

// An abort, and an undo, leave the table as it was to the letter: columns, their
// NOT NULL and defaults, triggers, constraints, functions.
func TestTheWayBackLeavesNothing(t *testing.T) {
	onSwaps(t, func(t *testing.T, s swap) {
		url, dir := s.place(t)
		shape := func() (out string) {
			for _, sql := range s.looks {
				out += strings.Join(column(t, url, sql), "\n") + "\n"
			}
			return out
		}
		before := shape()
		must(t, s.do(t, url, dir, "wait"))
		must(t, s.do(t, url, dir, "approve"))
		held := shape()
		must(t, s.do(t, url, dir, "contract"))
		must(t, s.do(t, url, dir, "undo"))
		must(t, s.do(t, url, dir, "approve"))
		if after := shape(); after != held {
			t.Errorf("an undo leaves\n%s\nwhere was\n%s", after, held)
		}
		must(t, s.do(t, url, dir, "abort"))
		if after := shape(); after != before {
			t.Errorf("an abort leaves\n%s\nwhere was\n%s", after, before)
		}
	})
}

// One transaction that adds the column and fills it, as it is often written, loses what
// an application inserts meanwhile and until the last instance of it is gone; a change
// under the same traffic does not.
func TestTheNaiveWayLosesRows(t *testing.T) {
	naive := map[string][]string{
		"postgres": {"BEGIN", "ALTER TABLE posts ADD COLUMN loc point", "UPDATE posts SET loc = point(lng, lat)", "ALTER TABLE posts ALTER COLUMN lat DROP NOT NULL, ALTER COLUMN lng DROP NOT NULL", "COMMIT"},
		"mariadb":  {"BEGIN", "ALTER TABLE posts ADD COLUMN loc varchar(50)", "UPDATE posts SET loc = CONCAT(lat, ';', lng)", "COMMIT"},
		"sqlite":   {"BEGIN IMMEDIATE", "ALTER TABLE posts ADD COLUMN loc TEXT", "UPDATE posts SET loc = lat || ';' || lng", "COMMIT"},
	}
	inserts := []string{"INSERT INTO posts (id, lat, lng) VALUES (7000 + %[1]d, 1, 2)"}
	onSwaps(t, func(t *testing.T, s swap) {
		url, _ := s.place(t)
		var old traffic
		t.Cleanup(old.end)
		old.writes(t, url, inserts)
		old.goesOn(t)
		c := session(t, url)
		defer c.Close()
		for _, sql := range naive[s.name] {
			must(t, insist(c, sql))
		}
		old.goesOn(t) // nobody has stopped it yet
		old.end()
		if lost := column(t, url, s.agree); lost[0] == "0" {
			t.Fatal("the naive way lost nothing: the test shows nothing")
		}
		url, dir := s.place(t)
		var safe traffic
		t.Cleanup(safe.end)
		safe.writes(t, url, inserts)
		for _, verb := range []string{"up", "wait", "approve"} {
			must(t, s.do(t, url, dir, verb))
			safe.goesOn(t)
		}
		safe.end()
		wantRows(t, url, s.agree, "0")
		must(t, s.do(t, url, dir, "contract"))
		wantRows(t, url, "SELECT count(*) FROM posts WHERE loc IS NULL", "0")
		wantRows(t, url, "SELECT count(*) FROM posts WHERE id >= 7000", fmt.Sprint(safe.done.Load()))
	})
}

// pastSync runs statements while sync is off, and sets it on again exactly as it
// was, so that only the rows can tell.
func (s swap) pastSync(t *testing.T, url string, sqls []string) {
	t.Helper()
	var before, after []string
	switch s.name {
	case "postgres":
		before = []string{"ALTER TABLE posts DROP CONSTRAINT IF EXISTS bellows_1_agree, DISABLE TRIGGER zzzz_bellows_1_update"}
		after = []string{"ALTER TABLE posts ENABLE ALWAYS TRIGGER zzzz_bellows_1_update"}
	case "sqlite":
		after = column(t, url, "SELECT sql FROM sqlite_master WHERE name = 'bellows_1_update'")
		before = []string{"DROP TRIGGER bellows_1_update"}
	case "mariadb":
		after = []string{"CREATE TRIGGER bellows_1_update BEFORE UPDATE ON posts FOR EACH ROW " +
			column(t, url, "SELECT action_statement FROM information_schema.triggers WHERE trigger_schema = DATABASE() AND trigger_name = 'bellows_1_update'")[0]}
		before = []string{"DROP TRIGGER bellows_1_update"}
	}
	for _, sql := range slices.Concat(before, sqls, after) {
		exec1(t, url, sql)
	}
}

// On SQLite an old column that a constraint rests on is refused before anything is
// done, because it could not be dropped at the end; one with indexes is not.
func TestChangeOfAColumnThatClings(t *testing.T) {
	for table, words := range map[string]string{
		"CREATE TABLE posts (id INTEGER PRIMARY KEY, lat INTEGER UNIQUE, lng INTEGER)":                                              "column lat of posts could not be dropped at the end: a UNIQUE constraint rests on it",
		"CREATE TABLE posts (id INTEGER PRIMARY KEY, lat INTEGER, lng INTEGER, UNIQUE (id, LNG))":                                   "column lng of posts could not be dropped at the end: a UNIQUE constraint",
		"CREATE TABLE posts (id INTEGER, lat INTEGER, lng INTEGER, PRIMARY KEY (id, lat))":                                          "the PRIMARY KEY rests on it",
		"CREATE TABLE posts (id INTEGER PRIMARY KEY, lat INTEGER REFERENCES posts (id) DEFERRABLE INITIALLY DEFERRED, lng INTEGER)": "a FOREIGN KEY rests on it",
		"CREATE TABLE posts (id INTEGER PRIMARY KEY, lat INTEGER, lng INTEGER)":                                                     "",
		"CREATE TABLE posts (id INTEGER PRIMARY KEY, lat INTEGER, lng INTEGER, CHECK (lat <> lng))":                                 "column lat of posts could not be dropped at the end: a CHECK constraint or a computed column rests on it",
		"CREATE TABLE \"posts\" (id INTEGER PRIMARY KEY, lat INTEGER, lng INTEGER, twice INTEGER AS (lng * 2))":                     "column lng of posts could not be dropped at the end: a CHECK constraint or a computed column",
		"CREATE TABLE posts (id INTEGER PRIMARY KEY, lat INTEGER CHECK (lat > 0), lng INTEGER DEFAULT (3)) STRICT":                  "",
	} {
		s := swaps()[0]
		s.table, s.rows = table, "INSERT INTO posts (id, lat, lng) VALUES (1, 1, 3)"
		url, dir := s.place(t)
		if words != "" {
			wantCode(t, s.do(t, url, dir, "up"), fault.Unsupported, words)
			wantRows(t, url, "SELECT COUNT(*) FROM pragma_table_info('posts') WHERE name = 'loc'", "0")
			continue
		}
		exec1(t, url, "CREATE UNIQUE INDEX posts_lat ON posts (lat)")
		exec1(t, url, "CREATE INDEX posts_both ON posts (lng, lat)")
		for _, verb := range []string{"wait", "approve", "contract"} {
			must(t, s.do(t, url, dir, verb))
		}
		exec1(t, url, "CREATE VIEW lats AS SELECT bellows_1_lat FROM posts")
		err := s.do(t, url, dir, "purge")
		if f := (*fault.Error)(nil); !errors.As(err, &f) || !strings.Contains(f.Hint, "such as a view") || !strings.Contains(f.Hint, "bellows change purge 1") {
			t.Fatalf("a view is in the way, and it is said so: %v", err)
		}
		wantPhase(t, url, dir, "contract")
		exec1(t, url, "DROP VIEW lats")
		must(t, s.do(t, url, dir, "purge"))
		wantRows(t, url, "SELECT COUNT(*) FROM pragma_table_info('posts')", "2")
	}
}
