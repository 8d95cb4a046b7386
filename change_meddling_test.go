package bellows_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
)

// meddling is what somebody does, statement by statement, and the words in which that
// is told. Without statements rows are changed while sync is off.
type meddling struct {
	name  string
	sqls  []string
	words string
}

func meddlings() map[string][]meddling {
	past := meddling{"rows changed past it", nil, "7 of 500 rows of "}
	return map[string][]meddling{
		"sqlite": {
			{"trigger dropped", []string{"DROP TRIGGER bellows_1_update"}, "bellows_1_update, which keeps the sides of main.posts in step, was dropped"},
			{"trigger replaced", []string{"DROP TRIGGER bellows_1_update", "CREATE TRIGGER bellows_1_update AFTER UPDATE ON posts BEGIN SELECT 1; END"}, "was replaced by another"},
			{"table renamed", []string{"ALTER TABLE posts RENAME TO articles"}, "main.posts is gone: it was dropped or renamed"},
			{"column renamed", []string{"DROP TRIGGER bellows_1_update", "DROP TRIGGER bellows_1_insert", "ALTER TABLE posts RENAME COLUMN lat TO latitude"}, "column lat of main.posts is gone"},
			{"column altered", []string{"PRAGMA writable_schema = ON", "UPDATE sqlite_master SET sql = replace(sql, 'lng INTEGER', 'lng REAL') WHERE name = 'posts'", "PRAGMA writable_schema = RESET"}, "column lng of main.posts was altered: it is REAL now and was INTEGER"},
			{"table emptied", []string{"DELETE FROM posts"}, "main.posts had 500 rows when it was proven"},
			{"table rewritten", []string{"CREATE TABLE fresh (id INTEGER PRIMARY KEY, lat INTEGER NOT NULL, lng INTEGER NOT NULL DEFAULT 7, loc TEXT, CHECK (id > 0))", "INSERT INTO fresh SELECT * FROM posts", "DROP TABLE posts", "ALTER TABLE fresh RENAME TO posts"},
				"the table was dropped and made again, or each of its triggers was dropped"},
			past,
		},
		"postgres": {
			{"trigger dropped", []string{"DROP TRIGGER zzzz_bellows_1_write ON posts"}, "zzzz_bellows_1_write, which keeps the sides of public.posts in step, was dropped"},
			{"trigger disabled", []string{"ALTER TABLE posts DISABLE TRIGGER zzzz_bellows_1_update"}, "zzzz_bellows_1_update, which keeps the sides of public.posts in step, does not fire: it is disabled"},
			{"trigger for replicas only", []string{"ALTER TABLE posts ENABLE REPLICA TRIGGER zzzz_bellows_1_update"}, "does not fire: it fires only for rows that replication applies"},
			{"trigger replaced", []string{"CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'", "CREATE OR REPLACE TRIGGER zzzz_bellows_1_insert BEFORE INSERT ON posts FOR EACH ROW EXECUTE FUNCTION nothing()", "ALTER TABLE posts ENABLE ALWAYS TRIGGER zzzz_bellows_1_insert"},
				"zzzz_bellows_1_insert, which keeps the sides of public.posts in step, was replaced by another"},
			{"function replaced", []string{"CREATE OR REPLACE FUNCTION bellows_1_sync() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"}, "bellows_1_sync, which keeps the sides of public.posts in step, was replaced by another"},
			{"column renamed", []string{"ALTER TABLE posts RENAME COLUMN lng TO longitude"}, "column lng of public.posts is gone: it was dropped or renamed"},
			{"column altered", []string{"DROP TRIGGER zzzz_bellows_1_update ON posts", "DROP TRIGGER zzzz_bellows_1_used ON posts", "ALTER TABLE posts ALTER COLUMN lng TYPE numeric"}, // as long as they are there the server refuses it
				"column lng of public.posts was altered: it is numeric now and was integer"},
			{"column dropped", []string{"ALTER TABLE posts DROP COLUMN lng CASCADE"}, "column lng of public.posts is gone"},
			{"column made anew", []string{"ALTER TABLE posts DROP COLUMN lng CASCADE", "ALTER TABLE posts ADD COLUMN lng integer NOT NULL DEFAULT 7"}, "column lng of public.posts was dropped and made anew"},
			{"table truncated", []string{"TRUNCATE posts"}, "public.posts was truncated since it was looked at: it has no row left"},
			{"table rewritten", []string{"VACUUM FULL posts"}, "public.posts was rewritten since it was looked at"},
			{"table renamed", []string{"ALTER TABLE posts RENAME TO articles"}, "public.posts is gone: it was dropped or renamed"},
			{"table emptied", []string{"DELETE FROM posts"}, "public.posts had 500 rows when it was proven"},
			{"another table", []string{"ALTER TABLE posts RENAME TO articles", "CREATE TABLE posts (LIKE articles INCLUDING ALL)"}, "public.posts is another table than the one the change began with"},
			past,
		},
		"mariadb": {
			{"trigger dropped", []string{"DROP TRIGGER bellows_1_update"}, "was dropped"},
			{"trigger replaced", []string{"DROP TRIGGER bellows_1_update", "CREATE TRIGGER bellows_1_update BEFORE UPDATE ON posts FOR EACH ROW SET NEW.id = NEW.id"}, "was replaced by another"},
			{"column altered", []string{"ALTER TABLE posts MODIFY lat bigint"}, "was altered: it is bigint"},
			{"table truncated", []string{"TRUNCATE TABLE posts"}, "posts was truncated since it was looked at: it has no row left"},
			{"table rewritten", []string{"ALTER TABLE posts FORCE"}, "posts was rewritten since it was looked at"},
			{"table emptied", []string{"DELETE FROM posts"}, "posts had 500 rows when it was proven"},
			{"table made again", []string{"CREATE TABLE fresh LIKE posts", "INSERT INTO fresh SELECT * FROM posts", "DROP TABLE posts", "RENAME TABLE fresh TO posts"}, "the table was dropped and made again, or each of its triggers was dropped"},
			{"table renamed", []string{"RENAME TABLE posts TO articles"}, "is gone: it was dropped or renamed"},
			past,
		},
	}
}

// What somebody does to the table, or to sync, between the proof and the contract
// is noticed before the contract, each with its own words, and nothing is taken away.
func TestMeddlingIsNoticed(t *testing.T) {
	onSwaps(t, func(t *testing.T, s swap) {
		for _, x := range meddlings()[s.name] {
			t.Run(strings.ReplaceAll(x.name, " ", "_"), func(t *testing.T) {
				url, dir := s.held(t)
				if x.sqls == nil {
					s.pastSync(t, url, []string{"UPDATE posts SET lat = lat + 1 WHERE id < 8"})
				}
				c := session(t, url)
				for _, sql := range x.sqls {
					if _, err := c.Exec(t.Context(), sql); err != nil {
						t.Fatal(sql, err)
					}
				}
				c.Close()
				wantCode(t, s.do(t, url, dir, "contract"), fault.Confirm, x.words)
				got := phaseOf(t, url, dir)
				if got.Phase == "contract" || got.Proof.Valid {
					t.Fatalf("the change is %+v", got)
				}
				if f := (*fault.Error)(nil); errors.As(got.Trouble, &f) && !slices.Contains(got.WaitingFor, f.Hint) {
					t.Errorf("status waits for %q, and the trouble says %q", got.WaitingFor, f.Hint)
				}
			})
		}
	})
}

// Sync is looked at in each chunk of the backfill: who takes it away meanwhile stops
// the work at the next chunk, which is undone, and nothing goes on before the rows are
// gone over with sync on again.
func TestMeddlingWhileRowsAreFilled(t *testing.T) {
	off := map[string]string{"sqlite": "DROP TRIGGER bellows_1_update", "postgres": "ALTER TABLE posts DISABLE TRIGGER USER", "mariadb": "DROP TRIGGER bellows_1_update"}
	words := map[string]string{"sqlite": "bellows_1_update, which keeps the sides of ", "postgres": "does not fire: it is disabled", "mariadb": "bellows_1_update, which keeps the sides of "}
	for _, s := range swapsAndMoves() {
		t.Run(s.name+s.kind, func(t *testing.T) {
			url, dir := s.place(t)
			must(t, s.do(t, url, dir, "up"))
			left := func() string { return column(t, url, s.agree)[0] }
			all, then := left(), ""
			err := midway(t, url, dir, func() {
				exec1(t, url, off[s.name])
				then = left()
			})
			wantCode(t, err, fault.Confirm, words[s.name])
			if then == "0" || left() != then {
				t.Fatalf("of %s rows %s were to be filled when sync went, and %s are now", all, then, left())
			}
			wantCode(t, s.do(t, url, dir, "wait"), fault.Confirm, words[s.name])
			must(t, s.do(t, url, dir, "resync old"))
			must(t, s.do(t, url, dir, "wait"))
			wantPhase(t, url, dir, "hold")
			wantRows(t, url, s.agree, "0")
		})
	}
}

// midway begins to fill the rows of a change and does something after the first chunk.
func midway(t *testing.T, url, dir string, do func()) error {
	chunks := 0
	err := with(t, url, dir, bellows.Options{Point: func(name string) {
		if name == "committed" {
			if chunks++; chunks == 1 {
				do()
			}
		}
	}}, func(ctx context.Context, m *bellows.Migrator) error { return changeVerb(ctx, m, "wait", oneMerge) })
	if chunks == 0 {
		t.Fatal("there was no chunk")
	}
	return err
}

// A table that somebody rewrites, renames or truncates while its rows are filled stops
// the backfill or does not; the same command goes on once it is there, and no row is
// left out.
func TestTableTouchedWhileRowsAreFilled(t *testing.T) {
	type touch struct{ does, undoes, rows string }
	all := map[string]map[string]touch{
		"sqlite":   {"renamed": {"ALTER TABLE posts RENAME TO away", "ALTER TABLE away RENAME TO posts", "500"}, "emptied": {"DELETE FROM posts", "", "0"}},
		"postgres": {"rewritten": {"VACUUM FULL posts", "", "500"}, "renamed": {"ALTER TABLE posts RENAME TO away", "ALTER TABLE away RENAME TO posts", "500"}, "truncated": {"TRUNCATE posts", "", "0"}},
		"mariadb":  {"rewritten": {"ALTER TABLE posts FORCE", "", "500"}, "renamed": {"RENAME TABLE posts TO away", "RENAME TABLE away TO posts", "500"}, "truncated": {"TRUNCATE TABLE posts", "", "0"}},
	}
	onSwaps(t, func(t *testing.T, s swap) {
		for name, x := range all[s.name] {
			t.Run(name, func(t *testing.T) {
				url, dir := s.place(t)
				must(t, s.do(t, url, dir, "up"))
				if err := midway(t, url, dir, func() { exec1(t, url, x.does) }); err == nil && name == "renamed" {
					t.Fatal("nobody missed the table")
				}
				if x.undoes != "" {
					wantCode(t, s.do(t, url, dir, "wait"), fault.Confirm, "posts is gone: it was dropped or renamed")
					exec1(t, url, x.undoes)
				}
				must(t, s.do(t, url, dir, "wait"))
				if got := wantPhase(t, url, dir, "hold"); !got.Proof.Valid {
					t.Fatalf("the change is %+v", got)
				}
				wantRows(t, url, "SELECT COUNT(*) FROM posts", x.rows)
				wantRows(t, url, s.agree, "0")
			})
		}
	})
}

// The connection that watches the workers is ended, or all are: the rows are filled all
// the same, and each once.
func TestSessionsEndedWhileRowsAreFilled(t *testing.T) {
	ends := map[string]string{
		"postgres": "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'bellows/backfill/%/control'",
		"mariadb":  "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()",
	}
	for _, s := range swaps()[1:] { // there is no server behind a file
		t.Run(s.name, func(t *testing.T) {
			url, dir := s.place(t)
			must(t, s.do(t, url, dir, "up"))
			ended := 0
			err := midway(t, url, dir, func() {
				got := column(t, url, ends[s.name])
				if s.name == "postgres" && got[0] == "1" {
					ended++
				}
				for _, id := range got {
					c := session(t, url)
					if _, err := c.Exec(t.Context(), "KILL "+id); s.name == "mariadb" && err == nil {
						ended++
					}
					c.Close()
				}
			})
			if ended == 0 {
				t.Fatal("no session was ended")
			}
			must(t, err)
			wantPhase(t, url, dir, "hold")
			wantRows(t, url, s.agree, "0")
		})
	}
}

// A process that is killed while rows are verified leaves no proof, and so no contract;
// the same command goes on.
func TestKilledWhileRowsAreVerified(t *testing.T) {
	for _, s := range swapsAndMoves() {
		t.Run(s.name+s.kind, func(t *testing.T) {
			url, dir := s.place(t)
			if out, _, killed := (child{URL: url, Dir: dir, Verb: "change wait", Target: oneMerge, KillName: "change tallied", KillAt: 1}).run(t); !killed {
				t.Fatal("it was not killed: ", out)
			}
			if got := wantPhase(t, url, dir, "verify"); got.Proof.Made {
				t.Fatalf("there is a proof: %+v", got)
			}
			must(t, s.do(t, url, dir, "approve"))
			wantCode(t, s.do(t, url, dir, "contract"), fault.Confirm, "1 has no proof yet that every row is right")
			wantPhase(t, url, dir, "verify")
			must(t, s.do(t, url, dir, "wait"))
			if got := wantPhase(t, url, dir, "hold"); !got.Proof.Valid {
				t.Fatalf("there is no proof: %+v", got)
			}
		})
	}
}

// With a phase up goes so far and no further, also where holds are approved by
// themselves, and where there are no rows.
func TestUpGoesNoFurtherThanItsPhase(t *testing.T) {
	onSwaps(t, func(t *testing.T, s swap) {
		for _, rows := range []string{s.rows, ""} {
			url := s.fresh(t)
			exec1(t, url, s.table)
			if rows != "" {
				exec1(t, url, rows)
			}
			dir := writeFiles(t, map[string]string{"1_merge.sql": s.file})
			for phase, comes := range map[string]string{"expand": "backfill", "sync": "backfill"} {
				must(t, with(t, url, dir, bellows.Options{AutoHolds: true}, upWith(bellows.Request{Through: phase})))
				wantPhase(t, url, dir, comes)
			}
			for _, step := range [][2]string{{"backfill", "hold"}, {"verify", "hold"}, {"contract", "contract"}, {"", "purge"}} {
				must(t, with(t, url, dir, bellows.Options{AutoHolds: true}, upWith(bellows.Request{Through: step[0]})))
				wantPhase(t, url, dir, step[1])
			}
		}
	})
}
