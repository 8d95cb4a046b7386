package bellows_test

import (
	"context"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// keySwap is a key of MariaDB that gets a wider type, with a foreign key to it.
func keySwap(t *testing.T) swap {
	t.Helper()
	_, file := draftOf(t, enginesOfForms()[1], dialect.Form{Kind: dialect.FormKey, Table: "posts", Old: []string{"id"}})
	return swap{name: "mariadb", fresh: testdb.MariaDB, file: strings.Replace(file, "every instance takes id as bigint", "every instance uses loc", 1),
		table: "CREATE TABLE posts (id int PRIMARY KEY AUTO_INCREMENT, body varchar(20), parent_id int, CONSTRAINT up FOREIGN KEY (parent_id) REFERENCES posts (id))",
		rows:  "INSERT INTO posts (body) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT 'b' FROM n",
		looks: []string{"SELECT CONCAT(table_name, ' ', column_name, ' ', column_type, ' ', is_nullable, ' ', COALESCE(column_default, ''), ' ', column_key, ' ', extra) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name IN ('posts', 'comments') ORDER BY 1",
			"SELECT CONCAT(table_name, ' ', constraint_name, ' ', delete_rule) FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE() ORDER BY 1",
			"SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY 1", "SELECT CONCAT(COUNT(*), ' ', SUM(id)) FROM posts",
			"SELECT auto_increment FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'posts'"}}
}

// keyed is a place with posts, comments that refer to them, and their change.
func (s swap) keyed(t *testing.T) (url, dir string) {
	url, dir = s.place(t)
	exec1(t, url, "CREATE TABLE comments (id int PRIMARY KEY AUTO_INCREMENT, post_id int NOT NULL DEFAULT 7 COMMENT 'it''s', CONSTRAINT fk FOREIGN KEY (post_id) REFERENCES posts (id) ON DELETE CASCADE)")
	exec1(t, url, "INSERT INTO comments (post_id) SELECT id FROM posts WHERE id < 50")
	exec1(t, url, "UPDATE posts SET parent_id = 1 WHERE id > 1")
	return url, dir
}

// The key goes to its new type with its counter and the foreign keys to it, and
// back, and rows that came without a number are not forgotten.
func TestChangeOfAKey(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		s := keySwap(t)
		url, dir := s.keyed(t)
		before := strings.Join(column(t, url, s.looks[0]), "\n") + strings.Join(column(t, url, s.looks[1]), "\n")
		must(t, s.do(t, url, dir, "wait"))
		for range 2 {
			exec1(t, url, "INSERT INTO posts (body) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) SELECT 'late' FROM n")
		}
		exec1(t, url, "INSERT INTO posts (id_new, body) VALUES (7000, 'new')")
		wantRows(t, url, "SELECT id FROM posts WHERE body = 'new'", "7000")
		wantRows(t, url, "SELECT COUNT(*) FROM posts WHERE body = 'late' AND id_new = 0", "1200")
		exec1(t, url, "UPDATE posts SET body = 'healed' WHERE body = 'late' ORDER BY id LIMIT 1")
		wantRows(t, url, "SELECT COUNT(*) FROM posts WHERE body = 'healed' AND id_new = id", "1")
		must(t, s.do(t, url, dir, "verify"))
		must(t, s.do(t, url, dir, "approve"))
		exec1(t, url, "INSERT INTO posts (id) VALUES (9000)")
		exec1(t, url, "DELETE FROM posts WHERE id = 9000")
		must(t, s.do(t, url, dir, "contract"))
		wantPhase(t, url, dir, "contract")
		wantRows(t, url, "SELECT COUNT(*) FROM posts WHERE id = bellows_1_id", "2101")
		exec1(t, url, "INSERT INTO posts (body) VALUES ('after')")
		wantRows(t, url, "SELECT id FROM posts WHERE body = 'after'", "9001")
		if !fails(t, url, "INSERT INTO comments (post_id) VALUES (8888)") || !fails(t, url, "UPDATE posts SET parent_id = 8888 WHERE id = 1") {
			t.Error("the foreign keys are not there")
		}
		exec1(t, url, "INSERT INTO posts (id) VALUES (3000000000)")
		wantCode(t, s.do(t, url, dir, "undo"), fault.Confirm, "posts")
		wantPhase(t, url, dir, "contract")
		exec1(t, url, "DELETE FROM posts WHERE id = 3000000000")
		must(t, s.do(t, url, dir, "undo"))
		wantPhase(t, url, dir, "hold")
		wantRows(t, url, "SELECT id FROM posts WHERE body = 'after'", "9001")
		must(t, s.do(t, url, dir, "abort"))
		if after := strings.Join(column(t, url, s.looks[0]), "\n") + strings.Join(column(t, url, s.looks[1]), "\n"); after != before {
			t.Fatalf("it leaves\n%s\nwhere was\n%s", after, before)
		}
	})
}

// A number that somebody has changed past sync is found before anything is done.
func TestChangeOfAKeyThatDisagrees(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		s := keySwap(t)
		url, dir := s.keyed(t)
		must(t, s.do(t, url, dir, "wait"))
		must(t, s.do(t, url, dir, "approve"))
		err := with(t, url, dir, bellows.Options{Point: func(name string) {
			if name == "change intent" {
				trigger := column(t, url, "SELECT action_statement FROM information_schema.triggers WHERE trigger_schema = DATABASE() AND trigger_name = 'bellows_1_update'")[0]
				exec1(t, url, "DROP TRIGGER bellows_1_update")
				exec1(t, url, "UPDATE posts SET id_new = 77 WHERE id = 7")
				exec1(t, url, "CREATE TRIGGER bellows_1_update BEFORE UPDATE ON posts FOR EACH ROW "+trigger)
			}
		}}, func(ctx context.Context, m *bellows.Migrator) error { return changeVerb(ctx, m, "contract", oneMerge) })
		wantCode(t, err, fault.Confirm, "row 7")
		wantRows(t, url, "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND column_name = 'id_new'", "1")
		wantPhase(t, url, dir, "hold")
	})
}

// A process that is killed anywhere in the contract of a key, or in its undo,
// leaves what the same verb brings to the same end.
func TestChangeOfAKeySurvivesKills(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		s := keySwap(t)
		calm, calmDir := s.keyed(t)
		url, dir := s.keyed(t)
		for i, verb := range []string{"wait", "approve", "contract", "undo", "approve", "contract", "purge"} {
			out, code, _ := child{URL: calm, Dir: calmDir, Verb: "change " + verb, Target: oneMerge, Names: true}.run(t)
			if code != 0 {
				t.Fatalf("%d. %s: undisturbed it ends with %d: %s", i, verb, code, out)
			}
			kills := killed(t, child{URL: url, Dir: dir, Verb: "change " + verb, Target: oneMerge}, pointNames(out))
			want, got := s.picture(t, calm, calmDir), s.picture(t, url, dir)
			if kills == 0 || want != got {
				t.Fatalf("%d. %s: after %d kills\n%s\nand undisturbed\n%s", i, verb, kills, got, want)
			}
		}
	})
}

// What cannot be such a change is refused before anything is done.
func TestChangeOfAKeyIsRefused(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		for table, words := range map[string]string{
			"CREATE TABLE posts (id int PRIMARY KEY, n int)":                         "no primary key that counts by itself",
			"CREATE TABLE posts (id int AUTO_INCREMENT, n int, PRIMARY KEY (id, n))": "no primary key that counts by itself",
		} {
			s := keySwap(t)
			s.table, s.rows = table, "INSERT INTO posts (id, n) VALUES (1, 1)"
			url, dir := s.place(t)
			wantCode(t, s.do(t, url, dir, "up"), fault.Unsupported, words)
			wantRows(t, url, "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND column_name = 'id_new'", "0")
		}
	})
}
