package bellows_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
)

// moveCase is the form move under traffic: the old application knows users, the new
// one users and profiles. Some rows have nothing to move, some are deleted, and both
// write the name of the same ones.
func moveCase(e engineOfForms) formCase {
	upsert := "INSERT INTO profiles (user_id, bio) VALUES (%s, '%s') ON CONFLICT (user_id) DO UPDATE SET bio = excluded.bio"
	if e.name == "mariadb" {
		upsert = "INSERT INTO profiles (user_id, bio) VALUES (%s, '%s') ON DUPLICATE KEY UPDATE bio = VALUES(bio)"
	}
	return formCase{
		form: dialect.Form{Kind: dialect.FormMove, Table: "users", Old: []string{"bio", "site"}, Into: "profiles", By: []string{"user_id=id"}, Type: "varchar(80),varchar(80) NOT NULL DEFAULT ''"},
		tables: []string{"CREATE TABLE users (id bigint NOT NULL PRIMARY KEY, name varchar(20), bio varchar(80), site varchar(80) NOT NULL DEFAULT '')",
			"INSERT INTO users SELECT i, 'n', 'before', 's' FROM " + some, "UPDATE users SET bio = NULL, site = '' WHERE id > 210"},
		old: []string{"INSERT INTO users (id, name, bio) VALUES (10000 + %[1]d, 'o', 'old')", "UPDATE users SET bio = 'older' WHERE id = 1 + %[1]d %% 100", "UPDATE users SET name = 'o%[1]d' WHERE id = 1 + %[1]d %% 200",
			"INSERT INTO users (id, name) VALUES (30000 + %[1]d, 'none')", "DELETE FROM users WHERE id = 30000 + %[1]d - 3", "UPDATE users SET bio = NULL WHERE id = 201 + %[1]d %% 5"},
		new: []string{"INSERT INTO users (id, name) VALUES (20000 + %[1]d, 'n')", fmt.Sprintf(upsert, "20000 + %[1]d", "new"), fmt.Sprintf(upsert, "101 + %[1]d %% 100", "newer"), "UPDATE users SET name = 'n%[1]d' WHERE id = 1 + %[1]d %% 200",
			"INSERT INTO users (id, name) VALUES (40000 + %[1]d, 'n')", "INSERT INTO profiles (user_id, site) VALUES (40000 + %[1]d, 'gone')", "DELETE FROM profiles WHERE user_id = 40000 + %[1]d", "UPDATE profiles SET site = 'S' WHERE user_id = 206 + %[1]d %% 5"},
		after: map[string]string{
			"SELECT COUNT(*) FROM users LEFT JOIN profiles ON user_id = id WHERE id <= 100 AND (bio IS NULL OR bio NOT IN ('before', 'older') OR site <> 's' OR site IS NULL)":                                    "0",
			"SELECT COUNT(*) FROM users LEFT JOIN profiles ON user_id = id WHERE id > 100 AND id <= 200 AND (bio IS NULL OR bio NOT IN ('before', 'newer') OR site <> 's')":                                       "0",
			"SELECT COUNT(*) FROM profiles WHERE user_id > 200 AND user_id <= 205 AND (bio <> 'before' OR site <> 's')":                                                                                           "0",
			"SELECT COUNT(*) FROM profiles WHERE user_id > 205 AND user_id <= 210 AND NOT (bio = 'before' AND site IN ('s', 'S'))":                                                                                "0",
			"SELECT COUNT(*) FROM users LEFT JOIN profiles ON user_id = id WHERE id >= 10000 AND id < 20000 AND (bio IS NULL OR bio <> 'old')":                                                                    "0",
			"SELECT COUNT(*) FROM users LEFT JOIN profiles ON user_id = id WHERE id >= 20000 AND id < 20500 AND (bio IS NULL OR bio <> 'new') AND id < (SELECT MAX(user_id) FROM profiles WHERE user_id < 30000)": "0",
			"SELECT COUNT(*) FROM profiles WHERE user_id > 210 AND user_id < 10000 OR user_id >= 30000 AND user_id < 40000":                                                                                       "0",
			"SELECT COUNT(*) FROM profiles WHERE NOT EXISTS (SELECT 1 FROM users WHERE id = user_id)":                                                                                                             "0",
		},
	}
}

// moves are changes that move a column to another table: posts lose loc, places get
// it. They stand where those of swaps stand.
func moves() []swap {
	file := "-- migrate:change table:posts old:lat,lng new:a,b into:places by:post_id=id\n-- migrate:expand\n" +
		"CREATE TABLE places (post_id bigint NOT NULL PRIMARY KEY, a integer, b integer NOT NULL DEFAULT 7, FOREIGN KEY (post_id) REFERENCES posts (id) ON DELETE CASCADE ON UPDATE CASCADE);\n" +
		"-- migrate:forward\na = lat, b = posts.lng\n-- migrate:backward\nlat = a, lng = places.b\n-- migrate:hold \"every instance uses loc\"\n"
	table := "CREATE TABLE posts (id bigint NOT NULL PRIMARY KEY, title varchar(20), lat integer, lng integer NOT NULL DEFAULT 7)"
	agree := "SELECT count(*) FROM posts LEFT JOIN places ON post_id = id WHERE NOT (coalesce(lat, -1) = coalesce(a, -1) AND lng = coalesce(b, 7))"
	all := swaps()
	for i := range all {
		all[i].file, all[i].table, all[i].agree = file, table, agree
		all[i].rows = strings.Replace(all[i].rows, "SELECT i, i * 2, i * 3", "SELECT i, CASE WHEN i % 10 > 0 THEN i * 2 END, CASE WHEN i % 10 > 0 THEN i * 3 ELSE 7 END", 1)
	}
	all[0].looks = []string{"SELECT type || ' ' || name || ' ' || coalesce(replace(sql, '\"', ''), '') FROM sqlite_master WHERE tbl_name IN ('posts', 'places') OR type = 'trigger' ORDER BY 1", "SELECT count(*) || ' ' || sum(id) FROM posts"}
	all[1].looks = []string{"SELECT attrelid::regclass || ' ' || attname || ' ' || attnotnull || ' ' || coalesce(pg_get_expr(adbin, adrelid), '') FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid IN (to_regclass('posts'), to_regclass('places')) AND attnum > 0 AND NOT attisdropped ORDER BY 1",
		"SELECT tgrelid::regclass || ' ' || tgname || tgenabled::text FROM pg_trigger WHERE tgrelid IN (to_regclass('posts'), to_regclass('places')) AND NOT tgisinternal ORDER BY 1", "SELECT conrelid::regclass || ' ' || conname FROM pg_constraint WHERE conrelid IN (to_regclass('posts'), to_regclass('places')) AND contype <> 'n' ORDER BY 1",
		"SELECT proname FROM pg_proc WHERE proname LIKE 'bellows%' ORDER BY 1", "SELECT md5(string_agg(p::text, ',' ORDER BY id)) FROM posts p"}
	all[2].looks = []string{"SELECT CONCAT(table_name, ' ', column_name, ' ', column_type, ' ', is_nullable, ' ', COALESCE(column_default, '')) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name IN ('posts', 'places') ORDER BY 1",
		"SELECT CONCAT(event_object_table, ' ', trigger_name) FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY 1", "SELECT CONCAT(COUNT(*), ' ', SUM(id)) FROM posts"}
	return all
}

// swapsAndMoves are changes of both kinds, on every kind of database.
func swapsAndMoves() []swap {
	moved := moves()
	for i := range moved {
		moved[i].kind = "-move"
	}
	return append(swaps(), moved...)
}

func onMoves(t *testing.T, test func(t *testing.T, s swap)) {
	for _, s := range moves() {
		t.Run(s.name, func(t *testing.T) { test(t, s) })
	}
}

// things counts rows of places, -1 where there are none.
func (s swap) places(t *testing.T, url, want string) {
	t.Helper()
	wantRows(t, url, "SELECT count(*) FROM places", want)
}

// Columns go to another table and come back, and what was written there meanwhile
// comes with them.
func TestChangeThatMovesGoesAllTheWay(t *testing.T) {
	onMoves(t, func(t *testing.T, s swap) {
		url, dir := s.place(t)
		must(t, s.do(t, url, dir, "up"))
		wantPhase(t, url, dir, "backfill")
		exec1(t, url, "INSERT INTO posts (id, lat) VALUES (1001, 1)")
		wantCode(t, s.do(t, url, dir, "contract"), fault.Confirm, "450 of 501 rows")
		wantCode(t, s.do(t, url, dir, "contract"), fault.Confirm, "450 of them have no row in ")
		must(t, s.do(t, url, dir, "wait"))
		if c := wantPhase(t, url, dir, "hold"); !c.Proof.Valid || c.Proof.Rows != 501 {
			t.Fatalf("the proof is %+v", c.Proof)
		}
		s.places(t, url, "451") // a post that has nothing to move has no place
		wantRows(t, url, s.agree, "0")
		must(t, s.do(t, url, dir, "approve"))
		must(t, s.do(t, url, dir, "contract"))
		wantPhase(t, url, dir, "contract")
		exec1(t, url, "UPDATE places SET a = -5 WHERE post_id = 1")
		exec1(t, url, "DELETE FROM places WHERE post_id = 2")
		exec1(t, url, "INSERT INTO posts (id, title) VALUES (1002, 'later')")
		exec1(t, url, "INSERT INTO posts (id, title) VALUES (1003, 'nowhere')")
		exec1(t, url, "INSERT INTO places (post_id, a, b) VALUES (1002, 8, 9)")
		must(t, s.do(t, url, dir, "undo"))
		wantPhase(t, url, dir, "hold")
		wantRows(t, url, "SELECT count(*) FROM posts WHERE id = 1 AND lat = -5 AND lng = 3 OR id = 2 AND lat IS NULL AND lng = 7 OR id = 1002 AND lat = 8 AND lng = 9 OR id = 1003 AND lat IS NULL AND lng = 7", "4")
		wantRows(t, url, s.agree, "0")
		must(t, s.do(t, url, dir, "approve"))
		must(t, s.do(t, url, dir, "contract"))
		wantCode(t, s.do(t, url, dir, "abort"), fault.Usage, "past its contract")
		must(t, s.do(t, url, dir, "purge"))
		wantPhase(t, url, dir, "purge")
		exec1(t, url, "INSERT INTO posts (id, title) VALUES (2000, 'x')")
	})
}

// An abort, and an undo, leave both tables as they were to the letter; one that was
// there before keeps what it had.
func TestTheWayBackOfAMoveLeavesNothing(t *testing.T) {
	onMoves(t, func(t *testing.T, s swap) {
		for _, there := range []bool{false, true} {
			url, dir := s.place(t)
			if there {
				exec1(t, url, "CREATE TABLE places (post_id bigint NOT NULL PRIMARY KEY, note varchar(20), FOREIGN KEY (post_id) REFERENCES posts (id) ON DELETE CASCADE)")
				exec1(t, url, "INSERT INTO places VALUES (3, 'kept')")
				at := strings.Index(s.file, "CREATE TABLE")
				file := s.file[:at] + "ALTER TABLE places ADD COLUMN a integer;\nALTER TABLE places ADD COLUMN b integer NOT NULL DEFAULT 7;\n" + s.file[strings.Index(s.file, "-- migrate:forward"):]
				must(t, os.WriteFile(filepath.Join(dir, "1_merge.sql"), []byte(file), 0o644))
			}
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
			if there {
				wantRows(t, url, "SELECT note FROM places WHERE post_id = 3", "kept")
			}
		}
	})
}

// What somebody does to either table between the proof and the contract is noticed,
// each with its own words.
func TestMeddlingWithAMoveIsNoticed(t *testing.T) {
	type meddling struct{ sql, words string }
	all := map[string][]meddling{
		"sqlite": {
			{"DROP TRIGGER bellows_1_update", "bellows_1_update, which keeps the sides of main.posts and main.places in step, was dropped"},
			{"DROP TRIGGER bellows_1_into_delete", "bellows_1_into_delete, which keeps the sides of main.posts and main.places in step, was dropped"},
			{"DROP TABLE places", "main.places is gone: it was dropped or renamed"},
		},
		"postgres": {
			{"DROP TRIGGER zzzz_bellows_1_move ON posts", "zzzz_bellows_1_move, which keeps the sides of public.posts and public.places in step, was dropped"},
			{"ALTER TABLE places DISABLE TRIGGER USER", "does not fire: it is disabled"},
			{"CREATE OR REPLACE FUNCTION bellows_1_into() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'", "bellows_1_into, which keeps the sides of public.posts and public.places in step, was replaced"},
			{"TRUNCATE places", "public.places was truncated since it was looked at: it has no row left"},
			{"VACUUM FULL places", "public.places was rewritten since it was looked at"},
			{"VACUUM FULL posts", "public.posts was rewritten since it was looked at"},
			{"ALTER TABLE places RENAME TO spots", "public.places is gone"},
			{"ALTER TABLE places ALTER COLUMN a TYPE bigint", "column a of public.places was altered: it is bigint now"},
			{"ALTER TABLE places DISABLE TRIGGER USER; UPDATE places SET a = a + 1 WHERE post_id < 8; ALTER TABLE places ENABLE ALWAYS TRIGGER zzzz_bellows_1_check, ENABLE ALWAYS TRIGGER zzzz_bellows_1_into", "7 of 500 rows of public.posts disagree: "},
			{"ALTER TABLE posts DISABLE TRIGGER USER; UPDATE posts SET lat = 99999 WHERE id < 8; ALTER TABLE posts ENABLE ALWAYS TRIGGER zzzz_bellows_1_move", "7 of 500 rows of public.posts disagree: "},
			{"ALTER TABLE places DISABLE TRIGGER USER; DELETE FROM places WHERE post_id < 4; ALTER TABLE places ENABLE ALWAYS TRIGGER zzzz_bellows_1_check, ENABLE ALWAYS TRIGGER zzzz_bellows_1_into", "3 of them have no row in public.places"},
			{"ALTER TABLE places DISABLE TRIGGER USER, DROP CONSTRAINT places_post_id_fkey; INSERT INTO places (post_id) VALUES (7001), (7002); ALTER TABLE places ENABLE ALWAYS TRIGGER zzzz_bellows_1_check, ENABLE ALWAYS TRIGGER zzzz_bellows_1_into", "2 of 452 rows of public.places belong to no row of public.posts: "},
		},
		"mariadb": {
			{"DROP TRIGGER bellows_1_update", "bellows_1_update, which keeps the sides of "},
			{"DROP TRIGGER bellows_1_into_update", "bellows_1_into_update, which keeps the sides of "},
			{"DROP TRIGGER bellows_1_into_delete; CREATE TRIGGER bellows_1_into_delete AFTER DELETE ON places FOR EACH ROW SET @x = 1", "was replaced by another"},
			{"TRUNCATE TABLE places", "places was truncated since it was looked at: it has no row left"},
			{"ALTER TABLE places FORCE", "places was rewritten since it was looked at"},
			{"RENAME TABLE places TO spots", "places is gone"},
			{"ALTER TABLE places MODIFY a bigint", "column a of "},
		},
	}
	onMoves(t, func(t *testing.T, s swap) {
		for i, x := range all[s.name] {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				url, dir := s.held(t)
				for _, sql := range strings.Split(x.sql, "; ") {
					if strings.HasPrefix(x.sql, "CREATE OR REPLACE FUNCTION") {
						sql = x.sql
					}
					exec1(t, url, sql)
					if sql == x.sql {
						break
					}
				}
				wantCode(t, s.do(t, url, dir, "contract"), fault.Confirm, x.words)
				if got := phaseOf(t, url, dir); got.Phase == "contract" || got.Proof.Valid {
					t.Fatalf("the change is %+v", got)
				}
			})
		}
	})
}

// Rows that somebody changes past the triggers of either table are found by the
// verifier, whatever is changed, and none that is right.
func TestVerifierFindsEveryCorruptionOfAMove(t *testing.T) {
	onMoves(t, func(t *testing.T, s swap) {
		url, dir := s.held(t)
		again := s.past(t, url)
		for _, sql := range []string{"UPDATE places SET a = a + 1 WHERE post_id = 1", "UPDATE places SET a = NULL WHERE post_id = 2", "UPDATE places SET b = 0 WHERE post_id = 3", "DELETE FROM places WHERE post_id IN (4, 5)",
			"UPDATE posts SET lat = lat - 1 WHERE id = 6", "UPDATE posts SET lat = NULL WHERE id = 7", "UPDATE posts SET lng = 7 WHERE id = 8", "UPDATE posts SET lat = 1 WHERE id = 10",
			"UPDATE places SET a = CASE post_id WHEN 11 THEN 24 ELSE 22 END, b = CASE post_id WHEN 11 THEN 36 ELSE 33 END WHERE post_id IN (11, 12)",
			"INSERT INTO places (post_id, a) VALUES (20, 1)", "INSERT INTO places (post_id) VALUES (30)", "UPDATE posts SET title = 'x' WHERE id = 13"} {
			exec1(t, url, sql)
		}
		again()
		wantCode(t, s.do(t, url, dir, "verify"), fault.Check, "12 of 500 rows of ")
		wantCode(t, s.do(t, url, dir, "verify"), fault.Check, "3 of them have no row in ")
		wantCode(t, s.do(t, url, dir, "contract"), fault.Confirm, "12 of 500 rows of ")
		must(t, s.do(t, url, dir, "resync old"))
		must(t, s.do(t, url, dir, "wait"))
		wantPhase(t, url, dir, "hold")
		wantRows(t, url, s.agree, "0")
		wantRows(t, url, "SELECT count(*) FROM posts WHERE id = 1 AND lat = 2 OR id = 4 AND lat = 8", "2")
	})
}

// past takes the triggers away, and gives what puts them back exactly as they were.
func (s swap) past(t *testing.T, url string) (again func()) {
	t.Helper()
	var off, on []string
	switch s.name {
	case "postgres":
		off = []string{"ALTER TABLE posts DISABLE TRIGGER USER", "ALTER TABLE places DISABLE TRIGGER USER"}
		on = []string{"ALTER TABLE posts ENABLE ALWAYS TRIGGER zzzz_bellows_1_move", "ALTER TABLE places ENABLE ALWAYS TRIGGER zzzz_bellows_1_check, ENABLE ALWAYS TRIGGER zzzz_bellows_1_into"}
	case "sqlite":
		on = column(t, url, "SELECT sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
		for _, name := range column(t, url, "SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name") {
			off = append(off, "DROP TRIGGER "+name)
		}
	case "mariadb":
		on = column(t, url, "SELECT CONCAT('CREATE TRIGGER ', trigger_name, ' ', action_timing, ' ', event_manipulation, ' ON ', event_object_table, ' FOR EACH ROW ', action_statement) FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY trigger_name")
		for _, name := range column(t, url, "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY trigger_name") {
			off = append(off, "DROP TRIGGER "+name)
		}
	}
	for _, sql := range off {
		exec1(t, url, sql)
	}
	return func() {
		for _, sql := range on {
			exec1(t, url, sql)
		}
	}
}

// What cannot be kept in step is refused before anything is done, or takes nothing
// with it.
func TestMovesThatCannotBe(t *testing.T) {
	for _, c := range []struct{ table, from, to, words string }{
		{"", "post_id bigint NOT NULL PRIMARY KEY", "post_id bigint NOT NULL", "post_id of places may be null or stand in several rows"},
		{"", "ON DELETE CASCADE", "", "is not ON DELETE CASCADE"},
		{"lat integer NOT NULL", "", "", "lat of posts must not be null and has no default"},
		{"", "by:post_id=id", "by:post_id=title", "title of posts may be null or stand in several rows"},
		{"", "CREATE TABLE places", "CREATE TABLE spots", "there is no table places"},
		{"", "a = lat", "a = nowhere", "nowhere"},
	} {
		onMoves(t, func(t *testing.T, s swap) {
			if c.table != "" {
				s.table = strings.Replace(s.table, "lat integer", c.table, 1)
				s.rows = strings.Replace(s.rows, "CASE WHEN i % 10 > 0 THEN i * 2 END", "i", 1)
			}
			s.file = strings.Replace(s.file, c.from, c.to, 1)
			url, dir := s.place(t)
			err := s.do(t, url, dir, "up")
			if err == nil || !strings.Contains(err.Error(), c.words) {
				t.Fatalf("got %v, wanted %q", err, c.words)
			}
			if s.name != "mariadb" {
				wantRows(t, url, s.agree0(), "0")
			}
		})
	}
}

// agree0 counts what expand makes.
func (s swap) agree0() string {
	if s.name == "sqlite" {
		return "SELECT count(*) FROM sqlite_master WHERE name IN ('places', 'spots')"
	}
	return "SELECT count(*) FROM pg_class WHERE relname IN ('places', 'spots')"
}

// A brown-out of a move hides the old columns only; sync goes on in both directions.
// On MariaDB there is none.
func TestBrownoutOfAMove(t *testing.T) {
	onMoves(t, func(t *testing.T, s swap) {
		url, dir := s.held(t)
		if s.name == "mariadb" {
			wantCode(t, s.do(t, url, dir, "brownout"), fault.Unsupported, "can have no brown-out: the triggers on the other table")
			return
		}
		before := s.picture(t, url, dir)
		must(t, s.do(t, url, dir, "brownout"))
		if after := s.picture(t, url, dir); after != before {
			t.Fatalf("it leaves\n%s\nwhere was\n%s", after, before)
		}
		exec1(t, url, "UPDATE places SET a = 77 WHERE post_id = 1")
		wantRows(t, url, "SELECT lat FROM posts WHERE id = 1", "77")
		must(t, s.do(t, url, dir, "contract"))
	})
}

// plan prints every statement of every phase of a move, without a database.
func TestPlanOfAMove(t *testing.T) {
	for _, s := range moves() {
		url, dir := s.place(t)
		var text string
		must(t, with(t, url, dir, bellows.Options{}, func(ctx context.Context, m *bellows.Migrator) error {
			p, err := m.PlanUp(ctx, bellows.Request{})
			for _, st := range p.Plan.Steps[0].Statements {
				text += string(st.Phase) + ": " + st.SQL + "\n"
			}
			return err
		}))
		for _, words := range []string{"expand: CREATE TABLE places", "sync: CREATE", "backfill: INSERT INTO", "verify: SELECT COUNT(*)", "places", "contract: DROP TRIGGER", "purge: ALTER TABLE"} {
			if !strings.Contains(text, words) {
				t.Errorf("%s: the plan says nothing of %q:\n%s", s.name, words, text)
			}
		}
	}
}
