package backfill_test

import (
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/dialect/mysql"
	"github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/dialect/sqlite"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
)

func languages() map[string]backfill.Language {
	return map[string]backfill.Language{
		"postgres": postgres.New(150000), "mariadb": mysql.New(mysql.MariaDB, 101100), "mysql": mysql.New(mysql.MySQL, 80036), "sqlite": sqlite.New(3045000),
	}
}

func script(table, body string, checks ...string) revision.Script {
	s := revision.Script{Revision: "7", Fill: &revision.FillSpec{Table: table, Body: revision.Section{SQL: body, At: fault.Pos{File: "7_x.sql", Line: 2}}}}
	for _, c := range checks {
		s.Check = append(s.Check, revision.Section{SQL: c, At: fault.Pos{File: "7_x.sql", Line: 9}})
	}
	return s
}

// TestStatements: where the placeholder stands decides by which name the key is
// qualified; what the statement says decides whether it may run again.
func TestStatements(t *testing.T) {
	tests := []struct {
		body, name string
		repeats    bool
		check      string // derived, with columns K and condition C
		only       string // the one language it is for
	}{
		{body: "UPDATE posts SET loc = point(lng, lat) WHERE loc IS NULL AND :chunk;", name: "posts", repeats: true,
			check: "SELECT K FROM posts WHERE loc IS NULL AND C AND (point(lng, lat)) IS NOT NULL"},
		{body: "UPDATE posts p SET loc = p.lng WHERE p.loc IS NULL AND :chunk", name: "p", repeats: true,
			check: "SELECT K FROM posts p WHERE p.loc IS NULL AND C AND (p.lng) IS NOT NULL"},
		{body: "UPDATE posts AS p SET n = n + 1 WHERE :chunk", name: "p"},
		{body: "UPDATE posts SET n = n + 1 WHERE n < 5 AND :chunk", name: "posts"},
		{body: "UPDATE \"posts\" SET n = 1 WHERE :chunk", name: "\"posts\"", only: "postgres"},
		{body: "UPDATE `posts` SET n = 1 WHERE :chunk", name: "`posts`", only: "mysql"},
		{body: "UPDATE public.posts SET n = 1 WHERE :chunk AND n IS DISTINCT FROM 1", name: "posts", repeats: true,
			check: "SELECT K FROM public.posts WHERE C AND n IS DISTINCT FROM 1", only: "postgres"},
		{body: "UPDATE posts SET status = 'new' WHERE status = 'old' AND :chunk", name: "posts", repeats: true,
			check: "SELECT K FROM posts WHERE status = 'old' AND C"},
		{body: "UPDATE posts SET status = 'old' WHERE status = 'old' AND :chunk", name: "posts"},
		{body: "UPDATE posts SET done = true WHERE NOT done AND :chunk", name: "posts", repeats: true, check: "SELECT K FROM posts WHERE NOT done AND C"},
		{body: "UPDATE posts SET a = 1, b = f(c, d) WHERE b IS NULL AND :chunk AND c BETWEEN 1 AND 2", name: "posts", repeats: true,
			check: "SELECT K FROM posts WHERE b IS NULL AND C AND c BETWEEN 1 AND 2 AND (f(c, d)) IS NOT NULL"},
		{body: "UPDATE posts SET c = u.c FROM users u WHERE u.id = posts.author AND posts.c IS NULL AND :chunk", name: "posts", repeats: true,
			check: "SELECT K FROM posts, users u WHERE u.id = posts.author AND posts.c IS NULL AND C AND (u.c) IS NOT NULL", only: "postgres"},
		{body: "UPDATE posts p JOIN users u ON u.id = p.author SET p.c = u.c WHERE p.c IS NULL AND :chunk", name: "p", repeats: true,
			check: "SELECT K FROM posts p JOIN users u ON u.id = p.author WHERE p.c IS NULL AND C AND (u.c) IS NOT NULL", only: "mysql"},
		{body: "UPDATE OR IGNORE posts SET c = 1 WHERE c IS NULL AND :chunk", name: "posts", repeats: true, only: "sqlite"},
		{body: "UPDATE IGNORE posts SET c = 1 WHERE c IS NULL AND :chunk", name: "posts", repeats: true, only: "mysql"},
		{body: "UPDATE ONLY posts SET c = 1 WHERE c IS NULL AND :chunk", name: "posts", repeats: true,
			check: "SELECT K FROM ONLY posts WHERE c IS NULL AND C AND (1) IS NOT NULL", only: "postgres"},
		{body: "DELETE FROM posts WHERE created < '2020-01-01' AND :chunk", name: "posts", repeats: true, check: "SELECT K FROM posts WHERE created < '2020-01-01' AND C"},
		{body: "DELETE p FROM posts p JOIN users u ON u.id = p.author WHERE u.gone AND :chunk", name: "p", repeats: true, only: "mysql"},
		{body: "DELETE FROM posts p USING users u WHERE u.id = p.author AND :chunk", name: "p", repeats: true,
			check: "SELECT K FROM posts p, users u WHERE u.id = p.author AND C", only: "postgres"},
		{body: "INSERT INTO archive SELECT * FROM posts WHERE old AND :chunk", name: "posts"},
		{body: "INSERT INTO archive SELECT * FROM posts AS p WHERE :chunk ON CONFLICT DO NOTHING", name: "p", repeats: true, only: "postgres"},
		{body: "INSERT IGNORE INTO archive SELECT * FROM posts WHERE :chunk", name: "posts", repeats: true, only: "mysql"},
		{body: "UPDATE tags SET n = 0 WHERE post IN (SELECT id FROM posts WHERE :chunk)", name: "posts"},
		{body: "UPDATE posts x SET n = 0 WHERE EXISTS (SELECT 1 FROM users u WHERE u.id = x.author AND :chunk)", name: "x"},
		{body: "UPDATE posts x SET n = (SELECT max(n) FROM posts y WHERE y.a = x.a) WHERE :chunk", name: "x"},
		{body: "UPDATE posts a SET n = b.n FROM posts b WHERE b.id = a.up AND :chunk", name: "a", only: "postgres"},
		{body: "WITH x AS (SELECT id FROM posts WHERE :chunk FOR UPDATE) UPDATE posts SET n = 1 FROM x WHERE posts.id = x.id", name: "posts", only: "postgres"},
		{body: "UPDATE posts SET n = 1 WHERE (a OR b) AND (c AND :chunk)", name: "posts"},
		{body: "UPDATE posts SET n = 1 WHERE extract(year FROM posts.d) = 1 AND n IS DISTINCT FROM posts.m AND :chunk", name: "posts", only: "postgres"},
		{body: "-- :chunk\nUPDATE posts SET n = ':chunk' /* :chunk */ WHERE n IS NULL AND :chunk -- so", name: "posts", repeats: true,
			check: "SELECT K FROM posts WHERE n IS NULL AND C AND (':chunk') IS NOT NULL"},
	}
	for name, l := range languages() {
		for _, test := range tests {
			if test.only != "" && test.only != name && !(test.only == "mysql" && name == "mariadb") {
				continue
			}
			task, err := backfill.Read(l, script("posts", test.body), revision.Up)
			if err != nil {
				t.Errorf("%s: %s: %v", name, test.body, err)
				continue
			}
			s := task.Body[0]
			if s.Name() != test.name || s.Repeats != test.repeats {
				t.Errorf("%s: %s: name %q, repeats %v", name, test.body, s.Name(), s.Repeats)
			}
			check := ""
			if len(task.Checks) > 0 {
				check = task.Checks[0].SQL("K", "C")
			}
			if check != test.check {
				t.Errorf("%s: %s:\ngot  %s\nwant %s", name, test.body, check, test.check)
			}
			if strings.Contains(strings.ReplaceAll(s.SQL("(1 = 1)", ""), "':chunk'", ""), " AND :chunk") {
				t.Errorf("%s: the placeholder stayed: %s", name, s.SQL("(1 = 1)", ""))
			}
		}
	}
}

// TestRefusedStatements: each has a place and a hint.
func TestRefusedStatements(t *testing.T) {
	tests := []struct{ table, body, place, message string }{
		{"posts", "UPDATE posts SET n = 1", "7_x.sql:2:1", "no :chunk"},
		{"posts", "\nUPDATE posts SET n = 1 WHERE :chunk AND :chunk", "7_x.sql:3:41", ":chunk 2 times"},
		{"posts", "UPDATE posts SET n = 1 WHERE n IS NULL OR :chunk", "7_x.sql:2:40", "OR beside :chunk"},
		{"posts", "UPDATE posts SET n = 1 WHERE :chunk AND (n = 1) OR n = 2", "7_x.sql:2:49", "OR beside :chunk"},
		{"posts", "UPDATE posts SET n = 1 WHERE (n = 1 OR :chunk) AND n = 2", "7_x.sql:2:37", "OR beside :chunk"},
		{"posts", "UPDATE posts SET n = 1 WHERE NOT :chunk", "7_x.sql:2:30", "NOT before :chunk"},
		{"posts", "UPDATE posts SET n = 1 WHERE NOT (n = 2 AND :chunk)", "7_x.sql:2:30", "NOT before :chunk"},
		{"posts", "UPDATE posts SET n = 1 WHERE :chunk LIMIT 10", "7_x.sql:2:37", "LIMIT would leave rows"},
		{"posts", "UPDATE users SET n = 1 WHERE :chunk", "7_x.sql:2:30", "does not name posts"},
		{"posts", "INSERT INTO x SELECT 1 FROM posts a JOIN posts b ON a.id = b.up WHERE :chunk", "7_x.sql:2:71", "may mean any of 2"},
		{"posts", "ALTER TABLE posts ADD c int", "7_x.sql:2:1", "changes the schema"},
		{"posts", "COMMIT", "7_x.sql:2:1", "transaction of its own"},
		{"posts", "-- nothing", "7_x.sql:2", "is empty"},
		{"posts posts2 (", "UPDATE posts SET n = 1 WHERE :chunk", "", "no name of a table"},
	}
	for name, l := range languages() {
		for _, test := range tests {
			_, err := backfill.Read(l, script(test.table, test.body), revision.Up)
			if err == nil {
				t.Errorf("%s: %s was taken", name, test.body)
				continue
			}
			if !strings.Contains(err.Error(), test.message) || !strings.HasPrefix(err.Error(), test.place) {
				t.Errorf("%s: %s: %v", name, test.body, err)
			}
		}
	}
}

// TestPipes: on some servers || is OR, unless the session's mode says otherwise.
func TestPipes(t *testing.T) {
	const body = "UPDATE posts SET n = 1 WHERE n IS NULL || :chunk"
	for name, l := range languages() {
		_, err := backfill.Read(l, script("posts", body), revision.Up)
		isOr := name == "mysql" || name == "mariadb"
		if isOr != (err != nil) || isOr && (!strings.HasPrefix(err.Error(), "7_x.sql:2:40") || !strings.Contains(err.Error(), "|| beside :chunk")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for mode, isOr := range map[string]bool{"PIPES_AS_CONCAT": false, "STRICT_TRANS_TABLES, ANSI": false, "STRICT_TRANS_TABLES, ANSI_QUOTES": true} {
		if _, err := backfill.Read(mysql.New(mysql.MariaDB, 101100).Mode(mode), script("posts", body), revision.Up); isOr != (err != nil) {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

func TestChecks(t *testing.T) {
	tests := []struct{ check, with string }{
		{"SELECT id FROM posts WHERE loc IS NULL OR NOT loc ~= point(lng, lat);   -- point has no =", "SELECT id FROM posts WHERE (loc IS NULL OR NOT loc ~= point(lng, lat)) AND C"},
		{"SELECT id FROM posts p", "SELECT id FROM posts p\nWHERE C"},
		{"SELECT id FROM posts p WHERE a ORDER BY id", "SELECT id FROM posts p WHERE (a) AND C ORDER BY id"},
		{"SELECT count(*) FROM posts WHERE a", "SELECT count(*) FROM posts WHERE a"},
		{"SELECT 1 WHERE EXISTS (SELECT 1 FROM posts)", "SELECT 1 WHERE EXISTS (SELECT 1 FROM posts)"},
		{"SELECT a FROM posts WHERE b IS DISTINCT FROM a", "SELECT a FROM posts WHERE (b IS DISTINCT FROM a) AND C"},
	}
	for _, test := range tests {
		task, err := backfill.Read(postgres.New(150000), script("posts", "UPDATE posts SET n = 1 WHERE :chunk", test.check), revision.Up)
		if err != nil {
			t.Fatal(err)
		}
		if got := task.Checks[0].SQL("K", "C"); got != test.with {
			t.Errorf("%s:\ngot  %s\nwant %s", test.check, got, test.with)
		}
	}
	if _, err := backfill.Read(postgres.New(150000), script("posts", "UPDATE posts SET n = 1 WHERE :chunk", "DELETE FROM posts"), revision.Up); err == nil {
		t.Error("a check that deletes was taken")
	}
}

// TestPart: the leaf of a partitioned table stands for the table, which keeps its name.
func TestPart(t *testing.T) {
	for body, want := range map[string]string{
		"UPDATE posts SET n = posts.m WHERE :chunk":                               "UPDATE leaf AS posts SET n = posts.m WHERE C",
		"UPDATE public.posts p SET n = 1 WHERE :chunk AND p.n = 0":                "UPDATE leaf p SET n = 1 WHERE C AND p.n = 0",
		"INSERT INTO a SELECT * FROM posts WHERE :chunk":                          "INSERT INTO a SELECT * FROM leaf AS posts WHERE C",
		"UPDATE a SET n = 1 WHERE id IN (SELECT id FROM ONLY posts WHERE :chunk)": "UPDATE a SET n = 1 WHERE id IN (SELECT id FROM ONLY leaf AS posts WHERE C)",
	} {
		task, err := backfill.Read(postgres.New(150000), script("posts", body), revision.Up)
		if err != nil {
			t.Fatal(err)
		}
		if got := task.Body[0].SQL("C", "leaf"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
