package plan_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/dialect/mysql"
	"github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/dialect/sqlite"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/lint"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var dialects = map[string]dialect.Dialect{
	"postgres": postgres.New(0),
	"mysql":    mysql.New(mysql.MySQL, 0),
	"sqlite":   sqlite.New(0),
}

// Each archive is one migration. Its comment says what it is, in words:
// a dialect, a kind, native or foreign, up or down, mixed, each or client. Its
// files are up, down and check; want is the plan, or the error, with findings.
func TestBuildCorpus(t *testing.T) {
	paths, err := filepath.Glob("testdata/build/*.txtar")
	if err != nil || len(paths) < 40 {
		t.Fatalf("%d plans in the corpus, %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := outcome(ar)
			want := part(ar, "want")
			if want != nil && *want == got {
				return
			}
			if !*update {
				t.Fatalf("plan differs:\n%s", cmp.Diff(want, &got))
			}
			setPart(ar, "want", got)
			if err := os.WriteFile(path, txtar.Format(ar), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// outcome builds the plan that an archive asks for and tells what came of it.
func outcome(ar *txtar.Archive) string {
	words := map[string]bool{}
	for _, w := range strings.Fields(string(ar.Comment)) {
		words[w] = true
	}
	var d dialect.Dialect
	for name := range dialects {
		if words[name] {
			d = dialects[name]
		}
	}
	rev, sc := migration(ar, words)
	move := revision.Move{ID: rev.ID, Direction: revision.Up}
	if words["down"] {
		move.Direction = revision.Down
	}
	read := func(revision.ID) (revision.Revision, revision.Script, error) { return rev, sc, nil }
	p, err := plan.Build([]revision.Move{move}, read, dialect.Reader(d), plan.Options{})
	if err != nil {
		return told(err)
	}
	return drawn(p) + found(lint.Findings(p, d))
}

func migration(ar *txtar.Archive, words map[string]bool) (revision.Revision, revision.Script) {
	rev := revision.Revision{ID: "7", Name: "change", Kind: revision.Schema, File: "migrations/7_change.sql", Native: !words["foreign"]}
	for _, k := range []revision.Kind{revision.Data, revision.Backfill, revision.Change, revision.Repeatable} {
		if words[string(k)] {
			rev.Kind = k
		}
	}
	sc := revision.Script{Revision: rev.ID, Kind: rev.Kind}
	sec := func(name string, line int) *revision.Section {
		sql := part(ar, name)
		if sql == nil {
			return nil
		}
		s := &revision.Section{SQL: *sql, At: fault.Pos{File: rev.File, Line: line, Column: 1}, Mixed: words["mixed"]}
		if words["each"] {
			s.Tx = revision.TxEach
		}
		if words["client"] {
			s.Tx = revision.TxClient
		}
		return s
	}
	sc.Up, sc.Down = sec("up", 3), sec("down", 20)
	if check := sec("check", 40); check != nil {
		sc.Check = []revision.Section{*check}
	}
	if why := part(ar, "irreversible"); why != nil {
		text := strings.TrimSpace(*why)
		sc.Irreversible = &text
		sc.IrreversibleAt = fault.Pos{File: rev.File, Line: 20, Column: 1}
	}
	switch rev.Kind {
	case revision.Backfill:
		sc.Fill = &revision.FillSpec{At: fault.Pos{File: rev.File, Line: 3, Column: 1}}
	case revision.Change:
		sc.Change = &revision.ChangeSpec{At: fault.Pos{File: rev.File, Line: 4, Column: 1}}
	}
	return rev, sc
}

func part(ar *txtar.Archive, name string) *string {
	for _, f := range ar.Files {
		if f.Name == name {
			text := string(f.Data)
			return &text
		}
	}
	return nil
}

func setPart(ar *txtar.Archive, name, text string) {
	for i, f := range ar.Files {
		if f.Name == name {
			ar.Files[i].Data = []byte(text)
			return
		}
	}
	ar.Files = append(ar.Files, txtar.File{Name: name, Data: []byte(text)})
}

func told(err error) string {
	var f *fault.Error
	if !errors.As(err, &f) {
		return "error: " + err.Error() + "\n"
	}
	return fmt.Sprintf("error %s: %s\nhint: %s\n", f.Code, f.Error(), f.Hint)
}

func drawn(p plan.Plan) string {
	var b strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "%s %s, transaction %s", s.Move.Direction, s.Move.ID, s.Tx)
		if s.TxWhy != "" {
			fmt.Fprintf(&b, " (%s)", s.TxWhy)
		}
		b.WriteString("\n")
		for _, st := range s.Statements {
			fmt.Fprintf(&b, "%s (text at %d:%d) %s: %q", st.Pos.String(), st.At.Line, st.At.Column, st.Effect.Verb, st.SQL)
			if st.Data != "" {
				fmt.Fprintf(&b, " data %q", st.Data)
			}
			b.WriteString("\n")
		}
		for _, st := range s.Checks {
			fmt.Fprintf(&b, "check %s: %q\n", st.Pos.String(), st.SQL)
		}
		for _, n := range s.Notes {
			fmt.Fprintf(&b, "note %s\n", n)
		}
	}
	return b.String()
}

func found(fs []lint.Finding) string {
	var b strings.Builder
	for _, f := range fs {
		fmt.Fprintf(&b, "%s %s %s: %s\n", f.Severity, f.Code, f.Pos.String(), f.Message)
	}
	return b.String()
}

func script(sql string, at fault.Pos) func(revision.ID) (revision.Revision, revision.Script, error) {
	return func(id revision.ID) (revision.Revision, revision.Script, error) {
		rev := revision.Revision{ID: id, Kind: revision.Schema, Native: true, File: at.File}
		return rev, revision.Script{Revision: id, Up: &revision.Section{SQL: sql, At: at}}, nil
	}
}

func TestPlacesCountFromTheSection(t *testing.T) {
	at := fault.Pos{File: "f.sql", Line: 7, Column: 11}
	p, err := plan.Build([]revision.Move{{ID: "1", Direction: revision.Up}},
		script("SELECT 'é'; SELECT 2;\n/* c */ SELECT 3;\r\n\tSELECT 4", at), dialect.Reader(postgres.New(0)), plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []struct{ pos, at, line string }{
		{"f.sql:7:11", "f.sql:7:11", ""},
		{"f.sql:7:23", "f.sql:7:23", ""},
		{"f.sql:8:9", "f.sql:8:1", "/* c */ SELECT 3;"},
		{"f.sql:9:2", "f.sql:9:2", "\tSELECT 4"},
	}
	for i, st := range p.Steps[0].Statements {
		if st.Pos.String() != want[i].pos || st.At.String() != want[i].at || st.Pos.Text != want[i].line {
			t.Errorf("statement %d: at %s, text at %s, line %q; want %v", i, st.Pos, st.At, st.Pos.Text, want[i])
		}
	}
	_, err = plan.Build([]revision.Move{{ID: "1", Direction: revision.Up}}, script("SELECT 'x", at), dialect.Reader(postgres.New(0)), plan.Options{})
	if !strings.HasPrefix(err.Error(), "f.sql:7:18: ") {
		t.Errorf("place of an error of the cutter: %v", err)
	}
}

func TestBuildsFromTheSameScriptsAreEqual(t *testing.T) {
	var asked []revision.ID
	read := func(id revision.ID) (revision.Revision, revision.Script, error) {
		asked = append(asked, id)
		return script("CREATE TABLE t"+string(id)+" (id int); CREATE INDEX ON t"+string(id)+" (id);", fault.Pos{Line: 1, Column: 1})(id)
	}
	moves := []revision.Move{{ID: "2", Direction: revision.Up}, {ID: "1", Direction: revision.Up}}
	build := func() plan.Plan {
		p, err := plan.Build(moves, read, dialect.Reader(postgres.New(0)), plan.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if d := cmp.Diff(build(), build()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(asked, []revision.ID{"2", "1", "2", "1"}); d != "" {
		t.Errorf("scripts asked for: %s", d)
	}
}

func TestAnErrorOfScriptIsReturned(t *testing.T) {
	gone := fault.New(fault.Missing, "gone")
	_, err := plan.Build([]revision.Move{{ID: "1"}}, func(revision.ID) (revision.Revision, revision.Script, error) {
		return revision.Revision{}, revision.Script{}, gone
	}, dialect.Reader(postgres.New(0)), plan.Options{})
	if !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
}

func TestMigrationsInGoHaveAStep(t *testing.T) {
	read := func(id revision.ID) (revision.Revision, revision.Script, error) {
		return revision.Revision{ID: id, Kind: revision.Schema}, revision.Script{Revision: id, Go: true}, nil
	}
	for _, d := range []revision.Direction{revision.Up, revision.Down} {
		p, err := plan.Build([]revision.Move{{ID: "1", Direction: d}}, read, dialect.Reader(postgres.New(0)), plan.Options{})
		if err != nil || len(p.Steps) != 1 || p.Steps[0].Tx != plan.TxOne || !p.Steps[0].Script.Go {
			t.Errorf("%s: %v, %v", d, p, err)
		}
	}
}

func TestUnitsKeepOwnTransactionsTogether(t *testing.T) {
	classes := func(cs ...plan.Class) []plan.Statement {
		var sts []plan.Statement
		for _, c := range cs {
			sts = append(sts, plan.Statement{Effect: plan.Effect{Class: c}})
		}
		return sts
	}
	for _, c := range []struct {
		sts  []plan.Statement
		want []int
	}{
		{nil, nil},
		{classes(plan.DDL, plan.Rows), []int{1, 1}},
		{classes(plan.Session, plan.Begin, plan.DDL, plan.Savepoint, plan.Commit, plan.Admin), []int{1, 4, 1}},
		{classes(plan.Begin, plan.Rollback, plan.Begin, plan.Commit), []int{2, 2}},
		{classes(plan.DDL, plan.Begin, plan.DDL), []int{1, 2}},
	} {
		var got []int
		for _, u := range plan.Units(c.sts) {
			got = append(got, len(u))
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Error(d)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	var moves []revision.Move
	for i := range 1000 {
		moves = append(moves, revision.Move{ID: revision.ID(fmt.Sprint(i)), Direction: revision.Up})
	}
	read := script("CREATE TABLE t (id bigint PRIMARY KEY, a text, b text, c int, d timestamptz);\nCREATE INDEX ON t (a);\n", fault.Pos{File: "f.sql", Line: 2, Column: 1})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := plan.Build(moves, read, dialect.Reader(postgres.New(0)), plan.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
