package bellows_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/event"
)

// bare is a statement without what a plan does not know: the names of schemas and
// databases, how the catalog spells a type. Of a trigger whose body follows the new
// columns' NOT NULL and defaults, which are there after expand only, it is the head.
func bare(sql, schema string, heads bool) string {
	for _, q := range []string{`"public".`, `"main".`, "`" + schema + "`.", "(20)"} {
		sql = strings.ReplaceAll(sql, q, "")
	}
	if heads {
		for _, body := range []string{" FOR EACH ROW\n", " FOR EACH ROW BEGIN", " FOR EACH ROW WHEN", " AS $bellows$"} {
			sql, _, _ = strings.Cut(sql, body)
		}
	}
	return strings.Join(strings.Fields(strings.TrimSuffix(strings.TrimSpace(sql), ";")), " ")
}

// Every statement that a change runs from its beginning to its purge, beside the chunks
// of its backfill, is one that plan and show have printed before anything ran.
func TestPlanPrintsEveryStatement(t *testing.T) {
	for _, s := range swapsAndMoves() {
		t.Run(s.name+s.kind, func(t *testing.T) {
			t.Parallel()
			url, dir := s.place(t)
			// MySQL's triggers declare types, which the file spells in fewer words than the catalog.
			s.printed(t, url, dir, s.kind != "" || s.name == "mariadb" && os.Getenv("BELLOWS_TEST_MYSQLD") != "")
		})
	}
	t.Run("mariadb-key", func(t *testing.T) {
		t.Parallel()
		s := keySwap(t)
		url, dir := s.keyed(t)
		s.printed(t, url, dir, true)
	})
	for _, e := range enginesOfForms()[:2] {
		t.Run(e.name+"-type", func(t *testing.T) {
			t.Parallel()
			c := formCases(e)["type"]
			url := e.fresh(t)
			for _, sql := range c.tables {
				exec1(t, url, sql)
			}
			_, text := draftOf(t, e, c.form)
			at := strings.Index(text, `-- migrate:hold "`)
			hold, _, _ := strings.Cut(text[at+len(`-- migrate:hold "`):], `"`)
			swap{name: e.name}.printed(t, url, writeFiles(t, map[string]string{"1_merge.sql": strings.Replace(text, hold, "every instance uses loc", 1)}), false)
		})
	}
}

// printed carries the change through and compares.
func (s swap) printed(t *testing.T, url, dir string, heads bool) {
	t.Helper()
	schema := ""
	if s.name == "mariadb" {
		schema = column(t, url, "SELECT DATABASE()")[0]
	}
	planned, shown := map[string]bool{}, ""
	must(t, with(t, url, dir, bellows.Options{}, func(ctx context.Context, m *bellows.Migrator) error {
		p, err := m.PlanUp(ctx, bellows.Request{})
		if err != nil {
			return err
		}
		for _, st := range p.Plan.Steps[0].Statements {
			planned[bare(st.SQL, schema, heads)] = true
		}
		shown, err = m.Phases(ctx, oneMerge)
		return err
	}))
	for sql := range planned {
		if !strings.Contains(bare(shown, schema, false), sql) {
			t.Errorf("show does not print what plan does: %s", sql)
		}
	}
	ran := 0
	sink := event.SinkFunc(func(e event.Event) {
		if st, ok := e.(event.StatementStarted); ok && st.ID == oneMerge {
			if ran++; !planned[bare(st.SQL, schema, heads)] {
				t.Errorf("it runs what no plan has said: %s", st.SQL)
			}
		}
	})
	for _, verb := range []string{"up", "wait", "approve", "contract", "purge"} {
		must(t, with(t, url, dir, bellows.Options{Sink: sink}, func(ctx context.Context, m *bellows.Migrator) error { return changeVerb(ctx, m, verb, oneMerge) }))
	}
	if ran < 8 {
		t.Fatalf("only %d statements were told of", ran)
	}
}

// What cannot be done online is said by the plan before anything runs, with the size of
// the table.
func TestPlanSaysWhatIsNotOnline(t *testing.T) {
	notes := func(t *testing.T, url, dir string) (out string) {
		must(t, with(t, url, dir, bellows.Options{}, func(ctx context.Context, m *bellows.Migrator) error {
			p, err := m.PlanUp(ctx, bellows.Request{})
			if err == nil {
				out = strings.Join(p.Plan.Steps[0].Notes, "\n")
			}
			return err
		}))
		return out
	}
	t.Run("key", func(t *testing.T) {
		s := keySwap(t)
		url, dir := s.keyed(t)
		exec1(t, url, "ANALYZE TABLE posts")
		if got := notes(t, url, dir); !strings.Contains(got, "not online: the contract copies posts (about 900 rows, 1 MB); the tables that refer to it: comments, posts; whoever uses them waits meanwhile") {
			t.Error(got)
		}
	})
	onSwaps(t, func(t *testing.T, s swap) {
		url, dir := s.place(t)
		want := map[string]string{"sqlite": "not online: the purge writes posts anew", "mariadb": "not online: the contract writes posts (about 500 rows, 1 MB) anew, because lat, lng must not be null; whoever uses it waits meanwhile"}[s.name]
		if s.name == "mariadb" {
			exec1(t, url, "ANALYZE TABLE posts")
		}
		if got := notes(t, url, dir); want == "" && strings.Contains(got, "not online") || !strings.Contains(got, want) {
			t.Errorf("%q is not said: %s", want, got)
		}
	})
}

// Without a database the types of the new columns are those of the file.
func TestPlanWithoutADatabase(t *testing.T) {
	for _, e := range enginesOfForms()[1:2] {
		_, text := draftOf(t, e, dialect.Form{Kind: dialect.FormKey, Table: "posts", Old: []string{"id"}})
		m, err := bellows.OpenFolder(bellows.Options{Dir: writeFiles(t, map[string]string{"1_x.sql": text})}, "mysql")
		must(t, err)
		shown, err := m.Phases(t.Context(), "1")
		must(t, err)
		for _, words := range []string{"CHANGE COLUMN `id_new` `id` bigint NOT NULL AUTO_INCREMENT", "CHANGE COLUMN `id` `bellows_1_id` /* the type of id */ NULL"} {
			if !strings.Contains(shown, words) {
				t.Error(fmt.Sprintf("%q is not in", words), shown)
			}
		}
	}
}
