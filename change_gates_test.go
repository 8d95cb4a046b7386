package bellows_test

import (
	"context"
	"os"
	"path/filepath"
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

// What somebody does to the table, or to sync, between the proof and the contract
// is noticed before the contract, each with its own words.
func TestMeddlingIsNoticed(t *testing.T) {
	type meddling struct {
		name, sql, words string
	}
	all := map[string][]meddling{
		"sqlite": {
			{"trigger dropped", "DROP TRIGGER bellows_1_update", "bellows_1_update, which keeps the sides of main.posts in step, was dropped"},
			{"trigger replaced", "DROP TRIGGER bellows_1_update; CREATE TRIGGER bellows_1_update AFTER UPDATE ON posts BEGIN SELECT 1; END", "was replaced by another"},
			{"table renamed", "ALTER TABLE posts RENAME TO articles", "main.posts is gone: it was dropped or renamed"},
			{"column renamed", "DROP TRIGGER bellows_1_update; DROP TRIGGER bellows_1_insert; ALTER TABLE posts RENAME COLUMN lat TO latitude", "column lat of main.posts is gone"},
			{"rows changed past it", "PRAGMA recursive_triggers", ""},
		},
		"postgres": {
			{"trigger dropped", "DROP TRIGGER zzzz_bellows_1_write ON posts", "was dropped"},
			{"trigger disabled", "ALTER TABLE posts DISABLE TRIGGER ALL", "does not fire"},
			{"column dropped", "ALTER TABLE posts DROP COLUMN lng CASCADE", "column lng of public.posts is gone"},
			{"table truncated", "TRUNCATE posts", "public.posts was truncated, or written anew"},
			{"table rewritten", "VACUUM FULL posts", "public.posts was truncated, or written anew"},
			{"table renamed", "ALTER TABLE posts RENAME TO articles", "public.posts is gone: it was dropped or renamed"},
			{"rows changed past it", "ALTER TABLE posts DROP CONSTRAINT bellows_1_agree; ALTER TABLE posts DISABLE TRIGGER zzzz_bellows_1_update; UPDATE posts SET lat = lat + 1 WHERE id < 8; ALTER TABLE posts ENABLE ALWAYS TRIGGER zzzz_bellows_1_update", "7 of 500 rows of public.posts disagree: "},
		},
		"mariadb": {
			{"trigger dropped", "DROP TRIGGER bellows_1_update", "was dropped"},
			{"trigger replaced", "CREATE OR REPLACE TRIGGER bellows_1_update BEFORE UPDATE ON posts FOR EACH ROW SET NEW.id = NEW.id", "was replaced by another"},
			{"column altered", "ALTER TABLE posts MODIFY lat bigint", "was altered: it is bigint(20) now and was int(11)"},
			{"table truncated", "TRUNCATE TABLE posts", "was truncated, or written anew"},
			{"table renamed", "RENAME TABLE posts TO articles", "is gone: it was dropped or renamed"},
		},
	}
	onSwaps(t, func(t *testing.T, s swap) {
		for _, x := range all[s.name] {
			t.Run(strings.ReplaceAll(x.name, " ", "_"), func(t *testing.T) {
				if x.words == "" {
					return
				}
				url, dir := s.held(t)
				c := session(t, url)
				for _, sql := range strings.Split(x.sql, "; ") {
					if strings.Contains(x.sql, "BEGIN SELECT") && strings.HasPrefix(sql, "CREATE") {
						sql = "CREATE TRIGGER bellows_1_update AFTER UPDATE ON posts BEGIN SELECT 1; END"
					} else if sql == "END" {
						continue
					}
					if _, err := c.Exec(t.Context(), sql); err != nil {
						t.Fatal(sql, err)
					}
				}
				c.Close()
				err := s.do(t, url, dir, "contract")
				wantCode(t, err, fault.Confirm, x.words)
				if got := phaseOf(t, url, dir); got.Phase == "contract" || got.Proof.Valid {
					t.Fatalf("the change is %+v", got)
				}
			})
		}
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
		must(t, os.WriteFile(path, []byte(strings.Replace(s.file, "uses loc", "reads loc", 1)), 0o644))
		for _, verb := range []string{"wait", "verify", "approve", "contract", "abort"} {
			wantCode(t, s.do(t, url, dir, verb), fault.Edited, "edited")
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
