package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/dbtest"
	own "github.com/bellowsdb/bellows/dialect/sqlite"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/sqltext"
)

const shapes = "testdata/shapes/*.txtar"

// loaded is an empty database in which a script was run.
func loaded(t testing.TB, script string) db.Conn {
	t.Helper()
	c := open(t, "sqlite::memory:", db.Options{})
	load(t, c, script)
	return c
}

func load(t testing.TB, c db.Conn, script string) {
	t.Helper()
	if err := execute(c, script); err != nil {
		t.Fatal(err)
	}
}

// execute runs a script, statement by statement.
func execute(c db.Conn, script string) error {
	for st, err := range own.Split(script, sqltext.Options{}) {
		if err != nil {
			return err
		}
		if st.Kind != sqltext.SQL {
			continue
		}
		if _, err := c.Exec(context.Background(), st.Text); err != nil {
			return fmt.Errorf("%s: %w", st.Text, err)
		}
	}
	return nil
}

func inspect(t testing.TB, c db.Conn, leave ...string) schema.Schema {
	t.Helper()
	s, err := c.(db.Inspector).Inspect(context.Background(), db.Inspection{Leave: leave})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// render spells a shape as a script for an empty database.
func render(c db.Conn, s schema.Schema) string {
	l := language(c)
	l.Bare = true
	p, err := diff.Make(s.Select(func(*schema.Fact) bool { return false }), s, l, diff.Options{})
	if err != nil {
		return "-- " + err.Error()
	}
	return p.SQL()
}

// What was rendered and loaded reads as what it was rendered from, and renders
// the same again.
func TestRenderedShapeIsTheSame(t *testing.T) {
	for _, s := range dbtest.Scenarios(t, shapes, 60) {
		for side, script := range map[string]string{"a": s.A, "b": s.B} {
			t.Run(s.Name+"/"+side, func(t *testing.T) {
				c := loaded(t, script)
				roundTrip(t, c, inspect(t, c))
			})
		}
	}
}

func roundTrip(t testing.TB, c db.Conn, want schema.Schema) {
	t.Helper()
	if len(want.Unmodelled) > 0 {
		t.Errorf("unmodelled: %v", want.Unmodelled)
	}
	text := render(c, want)
	again := loaded(t, text)
	got := inspect(t, again)
	if d := cmp.Diff(want.Facts(), got.Facts()); d != "" {
		t.Errorf("rendered as\n%s\nand read back:\n%s", text, d)
	}
	if want.Hash() != got.Hash() {
		t.Error("the fingerprint is another")
	}
	if second := render(again, got); second != text {
		t.Errorf("rendered as\n%s\nthen as\n%s", text, second)
	}
}

// Texts that mean the same give the same facts.
func TestSameMeaningSameFacts(t *testing.T) {
	for _, s := range dbtest.Scenarios(t, shapes, 60) {
		if filepath.Base(s.Archive) != "same.txtar" {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			a, b := inspect(t, loaded(t, s.A)), inspect(t, loaded(t, s.B))
			for _, c := range diff.Compare(a, b) {
				t.Error(c.String())
			}
		})
	}
}

// What no fact describes is named.
func TestUnmodelledIsNamed(t *testing.T) {
	c := loaded(t, `CREATE TABLE t (a INT); CREATE VIRTUAL TABLE gone USING fts5(x); CREATE INDEX gone_data_i ON gone_data (block);`+
		`CREATE TRIGGER gone_t AFTER INSERT ON gone_content BEGIN SELECT 1; END`)
	rest := func(s schema.Schema) string {
		var all []string
		for _, u := range s.Unmodelled {
			all = append(all, u.Kind+" "+u.Name)
		}
		return strings.Join(all, ", ")
	}
	s := inspect(t, c)
	if got := rest(s); got != "index gone_data_i, trigger gone_t" {
		t.Errorf("unmodelled: %s", got)
	}
	// The file of somebody whose SQLite has a module that ours has not, and one
	// with a text that nobody understands.
	load(t, c, `DROP TRIGGER gone_t; DROP INDEX gone_data_i; PRAGMA writable_schema = 1;
		UPDATE sqlite_master SET sql = 'CREATE VIRTUAL TABLE gone USING vec0(x)' WHERE name = 'gone';
		UPDATE sqlite_master SET sql = 'CREATE TABLE t (a INT) SPARSE' WHERE name = 't';`)
	s = inspect(t, c)
	if got := rest(s); got != "table gone_config, table gone_content, table gone_data, table gone_docsize, table gone_idx, table t, virtual table gone" && got != "table t, virtual table gone" {
		t.Errorf("unmodelled: %s", got)
	}
	if s.Len() != 0 {
		t.Errorf("%d facts of what is not understood", s.Len())
	}
}

// Tables to pass over are, with all that is on them; nothing changes, and a
// session that may only read can look.
func TestInspectPassesOver(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "a.db")
	w := open(t, url, db.Options{})
	load(t, w, `CREATE TABLE t (a INT); CREATE TABLE "bellows_x" (a INT); CREATE INDEX bellows_i ON bellows_x (a);
		CREATE TRIGGER bellows_t AFTER INSERT ON bellows_x BEGIN SELECT 1; END; CREATE TEMP TABLE mine (a INT); ANALYZE`)
	r := open(t, url, db.Options{ReadOnly: true})
	s := inspect(t, r, `"Bellows_X"`)
	if got := render(r, s); got != "CREATE TABLE t (\n\ta INT\n);\n" || len(s.Unmodelled) > 0 {
		t.Errorf("%s%v", got, s.Unmodelled)
	}
	if got := one(t, r, "PRAGMA query_only"); got != "1" {
		t.Error("the session may write now")
	}
	none, err := r.(db.Inspector).Inspect(context.Background(), db.Inspection{Schemas: []string{"other"}})
	if err != nil || none.Len() > 0 {
		t.Errorf("%d facts of a schema that is not there, %v", none.Len(), err)
	}
	if _, err := w.Exec(context.Background(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.(db.Inspector).Inspect(context.Background(), db.Inspection{}); err == nil {
		t.Error("an inspection inside a transaction is no error")
	}
	if _, err := w.Exec(context.Background(), "COMMIT"); err != nil {
		t.Errorf("the inspection ended the transaction: %v", err)
	}
}
