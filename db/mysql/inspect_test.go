package mysql_test

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/dbtest"
	own "github.com/bellowsdb/bellows/dialect/mysql"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/sqltext"
)

const shapes = "testdata/shapes/*.txtar"

var update = flag.Bool("update", false, "write the plans of the scenarios anew")

// loaded is a fresh database in which a script was run.
func loaded(t testing.TB, script string) db.Conn {
	t.Helper()
	c := open(t, testdb.MariaDB(t), db.Options{})
	load(t, c, script)
	return c
}

func load(t testing.TB, c db.Conn, script string) {
	t.Helper()
	for st, err := range own.Split(script, sqltext.Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		if st.Kind == sqltext.SQL {
			must(t, c, st.Text)
		}
	}
}

func inspect(t testing.TB, c db.Conn, leave ...string) schema.Schema {
	t.Helper()
	s, err := c.(db.Inspector).Inspect(background(t), db.Inspection{Leave: leave})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func language(c db.Conn) own.Language { return own.Language{Dialect: c.Dialect().(own.Dialect)} }

// rendered is a shape as statements.
func rendered(t testing.TB, c db.Conn, s schema.Schema) []diff.Statement {
	t.Helper()
	p, err := diff.Make(s.Select(func(*schema.Fact) bool { return false }), s, own.Language{Dialect: c.Dialect().(own.Dialect), Bare: true}, diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p.Statements
}

func run(t testing.TB, c db.Conn, statements []diff.Statement) {
	t.Helper()
	for i, s := range statements {
		if _, err := c.Exec(context.Background(), s.SQL); err != nil {
			var all strings.Builder
			for _, other := range statements {
				fmt.Fprintf(&all, "%s;\n", other.SQL)
			}
			t.Fatalf("statement %d, %s: %v\nof\n%s", i+1, s.SQL, err, all.String())
		}
	}
}

// What was rendered and loaded reads as what it was rendered from.
func TestRenderedShapeIsTheSame(t *testing.T) {
	for _, s := range dbtest.Scenarios(t, shapes, 60) {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			for side, script := range map[string]string{"a": s.A, "b": s.B} {
				c := loaded(t, script)
				want := inspect(t, c)
				if len(want.Unmodelled) > 0 {
					t.Errorf("%s: unmodelled: %v", side, want.Unmodelled)
				}
				again := loaded(t, "")
				run(t, again, rendered(t, c, want))
				if d := cmp.Diff(want.Facts(), inspect(t, again).Facts()); d != "" {
					t.Errorf("%s: %s", side, d)
				}
			}
		})
	}
}

// Texts that mean the same give the same facts.
func TestSameMeaningSameFacts(t *testing.T) {
	for _, s := range dbtest.Scenarios(t, shapes, 60) {
		if filepath.Base(s.Archive) != "same.txtar" {
			continue
		}
		a, b := inspect(t, loaded(t, s.A)), inspect(t, loaded(t, s.B))
		for _, c := range diff.Compare(a, b) {
			t.Errorf("%s: %s", s.Name, c.String())
		}
	}
}

func same(t testing.TB, c db.Conn, what string, want schema.Schema) {
	t.Helper()
	got := inspect(t, c)
	for _, change := range diff.Compare(got, want) {
		t.Errorf("%s: %s", what, change.String())
	}
}

// Each plan makes one shape of the other, keeps the rows, and the way back leads
// back; the server grants each ALTER the effort that the plan says.
func TestPlansLeadThereAndBack(t *testing.T) {
	all := dbtest.Scenarios(t, shapes, 60)
	t.Run("all", func(t *testing.T) {
		for i, s := range all {
			t.Run(s.Name, func(t *testing.T) {
				t.Parallel()
				c, fresh := loaded(t, s.A), loaded(t, s.B)
				a, b := inspect(t, c), inspect(t, fresh)
				up, down, _, err := diff.Both(a, b, language(c), diff.Options{Renames: s.Told(t), Ignore: []string{schema.Owner}})
				if err != nil {
					t.Fatal(err)
				}
				load(t, c, s.Rows)
				was := contents(t, c, a)
				run(t, c, up.Statements)
				same(t, c, "after the way there", b)
				kept(t, up, was, contents(t, c, b))
				if got, want := observed(t, c, b), observed(t, fresh, b); got != want {
					t.Errorf("the server shows\n%s\nwhere it should show\n%s", got, want)
				}
				run(t, c, down.Statements)
				same(t, c, "after the way back", a)
				run(t, c, up.Statements)
				same(t, c, "there again", b)
				all[i].Up, all[i].Down = dbtest.Written(up), dbtest.Written(down)
				if !*update && (all[i].Up != s.Up || all[i].Down != s.Down) {
					t.Errorf("other plans than in %s; look at them, then run with -update\nup:\n%sdown:\n%s", s.Archive, all[i].Up, all[i].Down)
				}
			})
		}
	})
	if *update {
		dbtest.Rewrite(t, all)
	}
}

// contents are the values of all columns, sorted.
func contents(t testing.TB, c db.Conn, s schema.Schema) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	quote := c.Dialect().Quote
	for _, f := range s.Facts() {
		if f.ID.Kind != schema.Column || f.Get(own.Generated) != "" || f.Get(own.Type) == "point" {
			continue
		}
		values := column(t, c, "SELECT COALESCE(CAST("+quote(f.ID.Name)+" AS CHAR), 'NULL') FROM "+quote(f.ID.On))
		slices.Sort(values)
		all[f.ID.On+"."+f.ID.Name] = values
	}
	return all
}

func column(t testing.TB, c db.Conn, query string) (out []string) {
	t.Helper()
	rows, err := c.Query(background(t), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			t.Fatal(err)
		}
		out = append(out, value)
	}
	return out
}

func kept(t testing.TB, p diff.Plan, was, is map[string][]string) {
	t.Helper()
	for name, values := range was {
		after, ok := is[name]
		lossy := slices.ContainsFunc(p.Hazards(), func(h diff.Hazard) bool { return h.Code == diff.LosesValues && h.Object.Path() == name })
		if ok && !lossy && !slices.Equal(values, after) {
			t.Errorf("%s: %q became %q", name, values, after)
		}
	}
}

// observed is what the server shows of tables, without the order of lines and
// what AUTO_INCREMENT has counted to.
func observed(t testing.TB, c db.Conn, s schema.Schema) string {
	t.Helper()
	var all []string
	for _, f := range s.Facts() {
		if f.ID.Kind != schema.Table {
			continue
		}
		rows, err := c.Query(background(t), "SHOW CREATE TABLE "+c.Dialect().Quote(f.ID.Name))
		if err != nil {
			t.Fatal(err)
		}
		var name, text string
		for rows.Next() {
			if err := rows.Scan(&name, &text); err != nil {
				t.Fatal(err)
			}
		}
		rows.Close()
		lines := strings.Split(strings.ReplaceAll(text, "`"+one(t, c, "SELECT DATABASE()")+"`.", ""), "\n")
		for i, line := range lines {
			lines[i] = name + strings.TrimSuffix(line, ",")
			if at := strings.Index(line, " AUTO_INCREMENT="); at > 0 {
				_, rest, _ := strings.Cut(line[at+1:], " ")
				lines[i] = name + line[:at+1] + rest
			}
			lines[i] = strings.ReplaceAll(strings.ReplaceAll(lines[i], " USING BTREE", ""), " ON DELETE NO ACTION", "")
		}
		slices.Sort(lines)
		all = append(all, lines...)
	}
	return strings.Join(all, "\n")
}

// Tables to pass over are, with their triggers; the session is as it was, and one
// that may only read can look, but not inside a transaction.
func TestInspectPassesOver(t *testing.T) {
	url := testdb.MariaDB(t)
	w := open(t, url, db.Options{})
	load(t, w, "CREATE TABLE t (a int); CREATE TABLE bellows_x (a int); CREATE TRIGGER tr BEFORE INSERT ON bellows_x FOR EACH ROW SET new.a = 1; CREATE TEMPORARY TABLE mine (a int)")
	r := open(t, url, db.Options{ReadOnly: true})
	must(t, r, "SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'")
	before := one(t, r, "SELECT CONCAT(@@sql_mode, @@autocommit, @@time_zone, @@tx_read_only)")
	s := inspect(t, r, "`bellows_x`")
	if s.Len() != 2 || len(s.Unmodelled) > 0 {
		t.Errorf("%d facts, unmodelled: %v", s.Len(), s.Unmodelled)
	}
	if after := one(t, r, "SELECT CONCAT(@@sql_mode, @@autocommit, @@time_zone, @@tx_read_only)"); after != before {
		t.Errorf("the session had %s, now %s", before, after)
	}
	none, err := r.(db.Inspector).Inspect(background(t), db.Inspection{Schemas: []string{"other"}})
	if err != nil || none.Len() > 0 {
		t.Errorf("%d facts of a database that was not asked for, %v", none.Len(), err)
	}
	must(t, w, "BEGIN", "INSERT INTO t VALUES (1)")
	if _, err := w.(db.Inspector).Inspect(background(t), db.Inspection{}); err == nil {
		t.Error("an inspection inside a transaction is no error")
	}
	must(t, w, "ROLLBACK")
	if got := one(t, w, "SELECT count(*) FROM t"); got != "0" {
		t.Error("the inspection ended the transaction")
	}
}

// What no fact describes is named, and tells no password.
func TestUnmodelledIsNamed(t *testing.T) {
	c := loaded(t, "CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t; DROP TABLE t; CREATE TABLE good (a int)")
	must(t, c, "SET SESSION sql_mode = 'ORACLE'", "CREATE PACKAGE pk AS FUNCTION f RETURN int; END", "SET SESSION sql_mode = ''")
	s := inspect(t, c)
	var names []string
	for _, u := range s.Unmodelled {
		names = append(names, u.Kind+" "+u.Name)
	}
	if got := strings.Join(names, ", "); got != "package pk" {
		t.Errorf("unmodelled: %s", got)
	}
	if _, ok := s.Find(schema.ID{Kind: schema.View, Name: "v"}); !ok {
		t.Error("a view whose table is gone is no fact")
	}
}
