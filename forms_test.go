package bellows_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source/native"
)

// engineOfForms is a kind of database that forms are written for.
type engineOfForms struct {
	name, url string // url is any of its scheme
	fresh     func(testing.TB) string
	number    string // the type that the form type is asked for
	first     []string
	// required is NOT NULL where a write of the new side alone can fill such a column.
	required string
	kind     string // query with %s and %s, table and column: the column's type
}

func enginesOfForms() []engineOfForms {
	return []engineOfForms{
		{"postgres", "postgres://localhost/app", testdb.Postgres, "numeric(12,2)", nil, "NOT NULL", "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '%s'::regclass AND attname = '%s'"},
		{"mariadb", "mariadb://localhost/app", testdb.MariaDB, "decimal(12,2)", nil, "NOT NULL", "SELECT column_type FROM information_schema.columns WHERE table_schema = database() AND table_name = '%s' AND column_name = '%s'"},
		{"sqlite", "sqlite:app.db", testdb.SQLite, "REAL", []string{"PRAGMA journal_mode = WAL"}, "NOT NULL", "SELECT type FROM pragma_table_info('%s') WHERE name = '%s'"},
	}
}

// formCase is a form on a table of 300 rows, and who writes to it meanwhile: %[1]d
// counts the statements.
type formCase struct {
	form   dialect.Form
	tables []string
	old    []string // until the hold is approved; all along where the name is kept
	new    []string // from sync on
	after  map[string]string
	later  string // the migration that is to run before the contract
}

const thirds = "(SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6)"

// some are 216 rows numbered from 1.
const some = "(SELECT (a.n - 1) * 36 + (b.n - 1) * 6 + c.n AS i FROM " + thirds + " a CROSS JOIN " + thirds + " b CROSS JOIN " + thirds + " c) AS r"

func formCases(e engineOfForms) map[string]formCase {
	cases := map[string]formCase{
		"merge": {
			form:   dialect.Form{Kind: dialect.FormMerge, Table: "users", Old: []string{"first_name", "last_name"}, New: []string{"name"}},
			tables: []string{"CREATE TABLE users (id int PRIMARY KEY, first_name varchar(50), last_name varchar(50))", "INSERT INTO users SELECT i, 'Ann', 'Lee Roy' FROM " + some},
			old:    []string{"INSERT INTO users (id, first_name, last_name) VALUES (10000 + %[1]d, 'Old', 'App')", "UPDATE users SET last_name = 'Poe' WHERE id = 1 + %[1]d %% 100"},
			new:    []string{"INSERT INTO users (id, name) VALUES (20000 + %[1]d, 'New App')", "UPDATE users SET name = 'Bea Poe' WHERE id = 101 + %[1]d %% 100"},
			after: map[string]string{
				"SELECT COUNT(*) FROM users WHERE name IS NULL OR name NOT IN ('Ann Lee Roy', 'Old App', 'New App', 'Ann Poe', 'Bea Poe')": "0",
				"SELECT COUNT(*) FROM users WHERE id > 200 AND id < 1000 AND name <> 'Ann Lee Roy'":                                        "0",
			},
		},
		"split": {
			form:   dialect.Form{Kind: dialect.FormSplit, Table: "users", Old: []string{"name"}, New: []string{"first_name", "last_name"}},
			tables: []string{"CREATE TABLE users (id int PRIMARY KEY, name varchar(50))", "INSERT INTO users SELECT i, 'Ann Lee Roy' FROM " + some, "UPDATE users SET name = 'Cher' WHERE id = 201"},
			old:    []string{"INSERT INTO users (id, name) VALUES (10000 + %[1]d, 'Old App')", "UPDATE users SET name = 'Ann Poe' WHERE id = 1 + %[1]d %% 100"},
			new:    []string{"INSERT INTO users (id, first_name, last_name) VALUES (20000 + %[1]d, 'New', 'App')", "UPDATE users SET first_name = 'Bea' WHERE id = 101 + %[1]d %% 100"},
			after: map[string]string{
				"SELECT COUNT(*) FROM users WHERE id > 201 AND id < 1000 AND NOT (first_name = 'Ann' AND last_name = 'Lee Roy')":                                                           "0",
				"SELECT COUNT(*) FROM users WHERE first_name = 'Cher' AND last_name IS NULL":                                                                                               "1",
				"SELECT COUNT(*) FROM users WHERE id >= 10000 AND id < 20000 AND NOT (first_name = 'Old' AND last_name = 'App') OR first_name NOT IN ('Ann', 'Bea', 'Old', 'New', 'Cher')": "0",
			},
		},
		"rename": {
			form:   dialect.Form{Kind: dialect.FormRename, Table: "posts", Old: []string{"title"}, New: []string{"headline"}, Type: "varchar(80)"},
			tables: []string{"CREATE TABLE posts (id int PRIMARY KEY, title varchar(80) " + e.required + ")", "INSERT INTO posts SELECT i, 'before' FROM " + some},
			old:    []string{"INSERT INTO posts (id, title) VALUES (10000 + %[1]d, 'old')", "UPDATE posts SET title = 'older' WHERE id = 1 + %[1]d %% 100"},
			new:    []string{"INSERT INTO posts (id, headline) VALUES (20000 + %[1]d, 'new')", "UPDATE posts SET headline = 'newer' WHERE id = 101 + %[1]d %% 100"},
			after: map[string]string{
				"SELECT COUNT(*) FROM posts WHERE headline IS NULL OR headline NOT IN ('before', 'old', 'older', 'new', 'newer')": "0",
				"SELECT COUNT(*) FROM posts WHERE id > 200 AND id < 1000 AND headline <> 'before'":                                "0",
			},
		},
		"type": {
			form:   dialect.Form{Kind: dialect.FormType, Table: "items", Old: []string{"price"}, Type: e.number},
			tables: []string{"CREATE TABLE items (id int PRIMARY KEY, price int)", "INSERT INTO items SELECT i, i FROM " + some, "INSERT INTO items (id) VALUES (9999)"},
			old:    []string{"INSERT INTO items (id, price) VALUES (10000 + %[1]d, 7)", "UPDATE items SET price = 8 WHERE id = 1 + %[1]d %% 100"},
			after: map[string]string{
				"SELECT COUNT(*) FROM items WHERE id < 1000 AND price <> id AND price <> 8 OR id >= 10000 AND price <> 7 OR price IS NULL": "1",
				fmt.Sprintf(e.kind, "items", "price"): e.number,
			},
		},
		"not-null": {
			form:   dialect.Form{Kind: dialect.FormNotNull, Table: "items", Old: []string{"status"}, Type: "varchar(20)", Default: "'open'"},
			tables: []string{"CREATE TABLE items (id int PRIMARY KEY, status varchar(20))", "INSERT INTO items SELECT i, 'paid' FROM " + some, "UPDATE items SET status = NULL WHERE id > 200"},
			old:    []string{"INSERT INTO items (id) VALUES (10000 + %[1]d)", "UPDATE items SET status = 'sent' WHERE id = 1 + %[1]d %% 100"},
			after: map[string]string{
				"SELECT COUNT(*) FROM items WHERE status IS NULL OR status <> 'open' AND (id > 200 OR status NOT IN ('paid', 'sent'))": "0",
			},
		},
	}
	if e.name == "mariadb" {
		fks := "FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE() AND referenced_table_name = 'posts'"
		cases["key"] = formCase{
			form: dialect.Form{Kind: dialect.FormKey, Table: "posts", Old: []string{"id"}},
			tables: []string{"CREATE TABLE posts (id int PRIMARY KEY AUTO_INCREMENT, body varchar(20), parent_id int, CONSTRAINT up FOREIGN KEY (parent_id) REFERENCES posts (id) ON DELETE SET NULL)",
				"CREATE TABLE comments (id int PRIMARY KEY AUTO_INCREMENT, post_id int NOT NULL, CONSTRAINT fk FOREIGN KEY (post_id) REFERENCES posts (id) ON DELETE CASCADE)",
				"INSERT INTO posts (body) SELECT CONCAT('b', i) FROM " + some, "INSERT INTO comments (post_id) SELECT i FROM " + some, "UPDATE posts SET parent_id = 1 WHERE id > 1",
				"INSERT INTO posts (id) VALUES (5000)", "DELETE FROM posts WHERE id = 5000"},
			old: []string{"INSERT INTO posts (body) VALUES ('o%[1]d')", "INSERT INTO comments (post_id) VALUES (LAST_INSERT_ID() + 0 * %[1]d)", "UPDATE posts SET body = 'u' WHERE id = 1 + %[1]d %% 100",
				"DELETE FROM posts WHERE id = 101 + %[1]d %% 100", "INSERT INTO posts (id, body) VALUES (1000 + %[1]d, 'given')"},
			after: map[string]string{
				"SELECT COUNT(*) FROM comments c WHERE NOT EXISTS (SELECT 1 FROM posts p WHERE p.id = c.post_id)":                     "0",
				"SELECT COUNT(*) FROM posts WHERE id <= 100 AND body <> 'u' AND body NOT LIKE 'b%' OR id <= 0":                        "0",
				"SELECT COUNT(*) FROM posts WHERE id > 216 AND id <= 5000 AND body <> 'given'":                                        "0",
				fmt.Sprintf(strings.Replace(e.kind, "column_type", "SUBSTRING_INDEX(column_type, '(', 1)", 1), "posts", "id"):         "bigint",
				fmt.Sprintf(strings.Replace(e.kind, "column_type", "SUBSTRING_INDEX(column_type, '(', 1)", 1), "posts", "parent_id"):  "bigint",
				fmt.Sprintf(strings.Replace(e.kind, "column_type", "SUBSTRING_INDEX(column_type, '(', 1)", 1), "comments", "post_id"): "bigint",
				"SELECT CONCAT(COUNT(*), MIN(delete_rule), MAX(delete_rule)) " + fks:                                                  "2CASCADESET NULL",
				fmt.Sprintf(strings.Replace(e.kind, "column_type", "CONCAT(column_key, ' ', extra)", 1), "posts", "id"):               "PRI auto_increment",
				"SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = DATABASE()":                                  "0",
			},
		}
	}
	cases["move"] = moveCase(e)
	if e.name == "postgres" {
		cases["key"] = formCase{
			form: dialect.Form{Kind: dialect.FormKey, Table: "posts", Old: []string{"id"}, References: []string{"comments.post_id"}},
			tables: []string{"CREATE TABLE posts (id serial PRIMARY KEY, body text)", "CREATE TABLE comments (id serial PRIMARY KEY, post_id int NOT NULL REFERENCES posts)",
				"INSERT INTO posts (body) SELECT 'b' || i FROM " + some, "INSERT INTO comments (post_id) SELECT i FROM " + some},
			old: []string{"INSERT INTO posts (body) VALUES ('o%[1]d')", "INSERT INTO comments (post_id) VALUES (1 + %[1]d %% 100)", "UPDATE posts SET body = 'u' WHERE id = 1 + %[1]d %% 100"},
			after: map[string]string{
				"SELECT COUNT(*) FROM comments c WHERE NOT EXISTS (SELECT FROM posts p WHERE p.id = c.post_id)": "0",
				fmt.Sprintf(e.kind, "posts", "id"):             "bigint",
				"SELECT pg_get_serial_sequence('posts', 'id')": "public.posts_id_seq",
				"SELECT count(*) FROM pg_constraint WHERE contype IN ('p', 'f') AND conrelid IN ('posts'::regclass, 'comments'::regclass)": "3",
				"SELECT count(*) FROM pg_attribute WHERE attrelid = 'posts'::regclass AND attnum > 0 AND NOT attisdropped":                 "2",
				"INSERT INTO posts (id) VALUES (3000000000) RETURNING id::text":                                                            "3000000000",
			},
			later: "-- migrate:revises 1\n-- migrate:needs 1:backfill\n-- migrate:up transaction:false\nCREATE UNIQUE INDEX CONCURRENTLY posts_id_new_key ON posts (id_new);\n-- migrate:down\nDROP INDEX posts_id_new_key;\n",
		}
	}
	return cases
}

// draftOf is the file that the form makes.
func draftOf(t *testing.T, e engineOfForms, f dialect.Form) (dialect.Form, string) {
	t.Helper()
	m, err := bellows.OpenFolder(bellows.Options{Dir: t.TempDir()}, strings.SplitN(e.url, ":", 2)[0])
	must(t, err)
	f, steps, err := m.Form(f)
	must(t, err)
	d := native.Draft{Kind: revision.Change, ID: "1", Slug: "x", Table: f.Table, Old: f.Old, New: f.New, Into: f.Into, By: f.By, Steps: native.Steps(steps)}
	text, err := d.Text(native.Templates{})
	must(t, err)
	return f, text
}

// The files that forms make are those of the golden files.
func TestFormsAreWritten(t *testing.T) {
	for _, e := range enginesOfForms() {
		t.Run(e.name, func(t *testing.T) {
			cases := formCases(e)
			for name, c := range cases {
				_, text := draftOf(t, e, c.form)
				path := filepath.Join("testdata", "forms", e.name+"-"+name+".sql")
				if *update {
					must(t, os.MkdirAll(filepath.Dir(path), 0o755))
					must(t, os.WriteFile(path, []byte(text), 0o644))
				}
				if want, err := os.ReadFile(path); err != nil || string(want) != text {
					t.Errorf("%s is not what is written (%v); go test . -run TestForms -update:\n%s", path, err, text)
				}
			}
		})
	}
}

func TestFormsThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		url  string
		form dialect.Form
		code fault.Code
		text string
	}{
		{"sqlite", dialect.Form{Kind: dialect.FormKey, Table: "t", Old: []string{"id"}}, fault.Unsupported, "64 bits"},
		{"postgres", dialect.Form{Kind: "mve", Table: "t"}, fault.Usage, `no form "mve"`},
		{"postgres", dialect.Form{Kind: dialect.FormMove, Table: "t"}, fault.Usage, "wants the columns that move"},
		{"mysql", dialect.Form{Kind: dialect.FormMove, Table: "t", Old: []string{"a"}, Type: "int"}, fault.Usage, "wants the other table"},
		{"sqlite", dialect.Form{Kind: dialect.FormMove, Table: "t", Old: []string{"a"}, Into: "u", By: []string{"t_id=id"}}, fault.Usage, "wants the type"},
		{"sqlite", dialect.Form{Kind: dialect.FormMove, Table: "t", Old: []string{"a"}, Into: "u", By: []string{"t_id"}, Type: "int"}, fault.Usage, "names no column of each table"},
		{"sqlite", dialect.Form{Kind: dialect.FormRename, Table: "t", Old: []string{"a"}, New: []string{"b"}, Into: "u", Type: "int"}, fault.Usage, "go with the form move"},
		{"postgres", dialect.Form{Kind: dialect.FormMerge, Table: "t", Old: []string{"a"}, New: []string{"b"}}, fault.Usage, "two columns --old"},
		{"postgres", dialect.Form{Kind: dialect.FormSplit, Table: "t", Old: []string{"a"}, New: []string{"b"}}, fault.Usage, "two columns --new"},
		{"postgres", dialect.Form{Kind: dialect.FormRename, Table: "t", Old: []string{"a"}, New: []string{"b"}}, fault.Usage, "wants the type"},
		{"postgres", dialect.Form{Kind: dialect.FormNotNull, Table: "t", Old: []string{"a"}, Type: "int"}, fault.Usage, "wants the value"},
		{"postgres", dialect.Form{Kind: dialect.FormMerge, Table: "t", Old: []string{"a", "b"}, New: []string{"c"}, Default: "0"}, fault.Usage, "--default goes with"},
		{"postgres", dialect.Form{Kind: dialect.FormKey, Table: "t", Old: []string{"id"}, References: []string{"x"}}, fault.Usage, "names no column"},
		{"", dialect.Form{Kind: dialect.FormKey, Table: "t", Old: []string{"id"}}, fault.Usage, "for which database"},
	} {
		m, err := bellows.OpenFolder(bellows.Options{Dir: t.TempDir()}, c.url)
		must(t, err)
		_, _, err = m.Form(c.form)
		wantCode(t, err, c.code, c.text)
	}
}

// traffic runs statements over and over until it is stopped, and counts.
type traffic struct {
	stop  atomic.Bool
	tried atomic.Int64 // statements that were sent
	done  atomic.Int64 // and those that were answered
	all   sync.WaitGroup
}

// writes begins an application of which no statement may fail.
func (w *traffic) writes(t *testing.T, url string, statements []string) {
	c := session(t, url)
	w.all.Go(func() {
		defer c.Close()
		pace := time.NewTicker(3 * time.Millisecond) // an application thinks, too: SQLite has one writer at a time
		defer pace.Stop()
		for n := 0; !w.stop.Load(); n++ {
			for _, text := range statements {
				<-pace.C
				w.tried.Add(1)
				if err := insist(c, fmt.Sprintf(text, n)); err != nil {
					t.Errorf("%s: %v", fmt.Sprintf(text, n), err)
					return
				}
				w.done.Add(1)
			}
		}
	})
}

// insist runs a statement again where the file was in use for too long.
func insist(c db.Conn, text string) error {
	for {
		_, err := c.Exec(context.Background(), text)
		if e, ok := err.(*db.Error); ok && e.Class == db.Wait {
			continue
		}
		return err
	}
}

// goesOn waits until some more statements were answered.
func (w *traffic) goesOn(t *testing.T) {
	t.Helper()
	from := w.done.Load()
	until(t, "the application goes on", func() bool { return t.Failed() || w.done.Load() >= from+5 })
}

func (w *traffic) end() {
	w.stop.Store(true)
	w.all.Wait()
}

// Each form carries its table from the old shape to the new one while old and new
// applications write to it.
func TestFormsUnderTraffic(t *testing.T) {
	for _, e := range enginesOfForms() {
		for name, c := range formCases(e) {
			t.Run(e.name+"/"+name, func(t *testing.T) { underTraffic(t, e, c) })
		}
	}
}

func underTraffic(t *testing.T, e engineOfForms, c formCase) {
	url := e.fresh(t)
	for _, text := range append(e.first, c.tables...) {
		exec1(t, url, text)
	}
	f, text := draftOf(t, e, c.form)
	files := map[string]string{"1_x.sql": text}
	dir := writeFiles(t, files)
	var old, new traffic
	t.Cleanup(func() { old.end(); new.end() })
	old.writes(t, url, c.old)
	none := bellows.Options{}
	must(t, with(t, url, dir, none, upWith(bellows.Request{})))
	if len(c.new) > 0 {
		new.writes(t, url, c.new)
	}
	must(t, with(t, url, dir, none, upWith(bellows.Request{Wait: true})))
	held := wantPhase(t, url, dir, "hold")
	if c.later != "" {
		must(t, os.WriteFile(filepath.Join(dir, "2_later.sql"), []byte(c.later), 0o644))
		must(t, with(t, url, dir, none, upWith(bellows.Request{})))
	}
	if len(c.new) > 0 { // the old application is switched off
		old.end()
	}
	must(t, with(t, url, dir, none, func(ctx context.Context, m *bellows.Migrator) error {
		return m.Approve(ctx, req(bellows.ChangeRequest{Hold: held.Holds[0].Name, Why: "they do"}))
	}))
	must(t, with(t, url, dir, none, func(ctx context.Context, m *bellows.Migrator) error {
		return m.Contract(ctx, req(bellows.ChangeRequest{}))
	}))
	phase := "contract"
	if strings.Contains(text, "-- migrate:contract") {
		phase = "purge" // what the author wrote takes the old side away for good
	}
	wantPhase(t, url, dir, phase)
	old.end()
	new.end()
	if old.done.Load() == 0 || len(c.new) > 0 && new.done.Load() == 0 {
		t.Error("nobody wrote anything")
	}
	for sql, want := range c.after {
		if got := column(t, url, sql); !slices.Equal(got, []string{want}) {
			t.Errorf("%s gives %s, wanted %s", sql, got, want)
		}
	}
	for _, name := range f.Old {
		if len(f.New) == 1 && strings.HasPrefix(f.New[0], name+"_") {
			name = f.New[0] // it has the old one's name now
		}
		if kinds := column(t, url, fmt.Sprintf(e.kind, f.Table, name)); len(kinds) > 0 {
			t.Errorf("%s is still there", name)
		}
	}
}

// A column whose value no trigger sees is refused before anything is done.
func TestChangeOfANumberThatComesLate(t *testing.T) {
	url := testdb.MariaDB(t)
	exec1(t, url, "CREATE TABLE posts (id int PRIMARY KEY AUTO_INCREMENT, body text)")
	dir := writeFiles(t, map[string]string{"1_wide.sql": "-- migrate:change table:posts old:id new:id_new\n-- migrate:expand\nALTER TABLE posts ADD COLUMN id_new bigint;\n" +
		"-- migrate:forward\nid_new = id\n-- migrate:backward\nid = id_new\n-- migrate:hold \"all\"\n"})
	wantCode(t, with(t, url, dir, bellows.Options{}, upWith(bellows.Request{})), fault.Unsupported, "counts by itself")
	wantRows(t, url, "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = database() AND table_name = 'posts'", "2")
}
