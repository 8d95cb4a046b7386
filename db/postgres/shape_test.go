package postgres_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/postgres"
	own "github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/internal/compare"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/sqltext"
)

// scenario is one pair of shapes.
type scenario struct {
	name  string
	parts map[string]string
}

func (s scenario) has(part string) bool { _, ok := s.parts[part]; return ok }

// scenarios reads the corpus.
func scenarios(t *testing.T) []scenario {
	t.Helper()
	files, err := filepath.Glob("testdata/shapes/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	var all []scenario
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			name, part, ok := strings.Cut(f.Name, "/")
			if !ok {
				t.Fatalf("%s: %q is not NAME/PART", file, f.Name)
			}
			at := slices.IndexFunc(all, func(s scenario) bool { return s.name == name })
			if at < 0 {
				at = len(all)
				all = append(all, scenario{name: name, parts: map[string]string{}})
			}
			all[at].parts[part] = string(f.Data)
		}
	}
	if len(all) < 150 {
		t.Fatalf("there are %d scenarios, fewer than 150", len(all))
	}
	return all
}

// shaper is a database whose shape is tried.
type shaper struct {
	t    testing.TB
	url  string
	conn db.Conn
}

func newShaper(t testing.TB, server testdb.Server) *shaper {
	t.Helper()
	s := &shaper{t: t, url: server.Database(t)}
	var err error
	if s.conn, err = (postgres.Driver{}).Open(context.Background(), s.url, db.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.conn.Close() })
	return s
}

// load runs a script, each statement alone.
func (s *shaper) load(script string) {
	s.t.Helper()
	for piece, err := range s.conn.Dialect().Split(script, sqltext.Options{}) {
		if err != nil {
			s.t.Fatal(err)
		}
		if piece.Text == "" {
			continue
		}
		if _, err := s.conn.Exec(context.Background(), piece.Text); err != nil {
			s.t.Fatalf("%s\n%v", piece.Text, err)
		}
	}
}

// run runs the statements of a plan.
func (s *shaper) run(what string, p diff.Plan) {
	s.t.Helper()
	for _, st := range p.Statements {
		if _, err := s.conn.Exec(context.Background(), st.SQL); err != nil {
			s.t.Fatalf("%s: %s\n%v\nof:\n%s", what, st.SQL, err, p.SQL())
		}
	}
	if _, err := s.conn.Exec(context.Background(), "RESET ALL"); err != nil {
		s.t.Fatal(err)
	}
}

// read reads the shape, whatever is not modelled.
func (s *shaper) read() schema.Schema {
	s.t.Helper()
	shape, err := s.conn.(db.Inspector).Inspect(context.Background(), db.Inspection{})
	if err != nil {
		s.t.Fatal(err)
	}
	return shape
}

func (s *shaper) inspect() schema.Schema {
	s.t.Helper()
	shape := s.read()
	for _, u := range shape.Unmodelled {
		s.t.Errorf("not modelled: %v", u)
	}
	return shape
}

var notText = regexp.MustCompile(`(?m)^(\\(un)?restrict .*|-- Dumped .*)\n`)

// dump is the text of pg_dump; "" where there is none for the server.
func (s *shaper) dump(server testdb.Server) string {
	s.t.Helper()
	if server.Major > 15 {
		return ""
	}
	out, err := exec.Command("pg_dump", "--schema-only", s.url).Output()
	if err != nil {
		s.t.Fatalf("pg_dump: %v", err)
	}
	return notText.ReplaceAllString(string(out), "")
}

func same(t testing.TB, what string, got, want schema.Schema, p diff.Plan) {
	t.Helper()
	for _, c := range diff.Compare(got, want) {
		t.Errorf("%s: %s", what, c.String())
		for _, k := range c.Keys {
			t.Errorf("   %s is %q, not %q", k, c.Before.Get(k), c.After.Get(k))
		}
	}
	if t.Failed() {
		t.Fatalf("after\n%s", p.SQL())
	}
}

// TestShapes holds the laws of comparison for every scenario, as if all tables were
// large: the way there gives the wanted facts and the same text of pg_dump, in
// stages of which each leads to the shape that it says, with no stronger lock than
// it says; nothing is left to do then, and the way back gives the start. So do the
// plans in one go. What is rendered of the new shape loads into an empty database.
//
// Databases go from scenario to scenario: each ends with the plan to nothing, which
// must leave nothing behind.
func TestShapes(t *testing.T) {
	y := &yard{t: t, server: testdb.PostgresServer(t), hazards: map[string][]string{}}
	t.Cleanup(func() {
		if *update {
			y.rewrite(t)
		}
	})
	for _, s := range scenarios(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.check(t, y)
		})
	}
}

// yard are empty databases, which are made when there is none.
type yard struct {
	t      *testing.T
	server testdb.Server
	mu     sync.Mutex
	free   []*shaper
	// hazards are those found, by scenario, where they are to be written down.
	hazards map[string][]string
}

var update = flag.Bool("update", false, "rewrite the hazards of the scenarios")

// take gives an empty database until the test ends.
func (y *yard) take(t *testing.T) *shaper {
	t.Helper()
	y.mu.Lock()
	var s *shaper
	if n := len(y.free); n > 0 {
		s, y.free = y.free[n-1], y.free[:n-1]
	}
	y.mu.Unlock()
	if s == nil {
		s = newShaper(y.t, y.server)
	}
	s.t = t
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		s.empty()
		y.mu.Lock()
		y.free = append(y.free, s)
		y.mu.Unlock()
	})
	return s
}

// empty takes everything away by a plan.
func (s *shaper) empty() {
	s.t.Helper()
	shape := s.inspect()
	nothing := own.Empty(shape.Version)
	p, err := diff.Make(shape, nothing, own.Language{Dialect: own.New(shape.Version)}, diff.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.run("to nothing", p)
	same(s.t, "to nothing", s.inspect(), nothing, p)
}

func (s scenario) check(t *testing.T, y *yard) {
	a, b, server := y.take(t), y.take(t), y.server
	a.load(s.parts["both"] + s.parts["a"])
	b.load(s.parts["both"] + s.parts["b"])
	from, to := a.inspect(), b.inspect()
	l := own.Language{Dialect: own.New(from.Version)}
	up, down, class, err := diff.Both(from, to, l, diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if class == diff.Irreversible {
		t.Fatal("there is no way back")
	}
	if want, ok := s.parts["class"]; ok && string(class) != strings.TrimSpace(want) {
		t.Errorf("the way back is %s", class)
	}
	s.hazards(t, up, y)
	again, err := diff.Make(from, to, l, diff.Options{})
	if err != nil || again.SQL() != up.SQL() {
		t.Fatalf("another plan the second time, %v:\n%s\n%s", err, up.SQL(), again.SQL())
	}
	wanted := b.dump(server)
	if staged := s.prove(t, server, a, from, to, wanted, diff.Always); staged {
		a.run("down", down)
		same(t, "down", a.inspect(), from, down)
		a.run("up", up)
		same(t, "up", a.inspect(), to, up)
		sameText(t, "up", a.dump(server), wanted, s)
	}
	s.loads(t, y, to, wanted)
}

// prove proves the plan on a, and tells whether it has stages.
func (s scenario) prove(t *testing.T, server testdb.Server, a *shaper, from, to schema.Schema, wanted string, staging diff.Staging) bool {
	t.Helper()
	r, err := compare.Diff(a.conn.Dialect(), from, to, diff.Options{Staging: staging})
	if err != nil {
		t.Fatal(err)
	}
	proof := compare.Proof{Clone: a.conn, From: from, To: to, Parts: r.Parts}
	if wanted != "" {
		proof.Dump, proof.Wanted = func(context.Context) (string, error) { return a.dump(server), nil }, wanted
	}
	if _, err := compare.Prove(context.Background(), proof); err != nil {
		for _, p := range r.Parts {
			t.Logf("%s\n%s", p.Name, p.Text())
		}
		t.Fatal(err)
	}
	return len(r.Parts) > 1
}

// loads renders a shape and loads it into an empty database.
func (s scenario) loads(t *testing.T, y *yard, shape schema.Schema, wanted string) {
	t.Helper()
	c := y.take(t)
	script, err := own.Script(shape)
	if err != nil {
		t.Fatal(err)
	}
	c.load(script.SQL())
	same(t, "loaded", c.inspect(), shape, script)
	sameText(t, "loaded", c.dump(y.server), wanted, s)
}

func sameText(t *testing.T, what, got, want string, s scenario) {
	t.Helper()
	if s.has("no-dump") {
		return
	}
	if d := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("%s: pg_dump tells another story, - want + got:\n%s", what, d)
	}
}

// hazards compares the codes of a plan with those expected, of which those of other
// versions may be others: NAME/hazards-MAJOR, from that one on.
func (s scenario) hazards(t *testing.T, p diff.Plan, y *yard) {
	t.Helper()
	var got []string
	for _, h := range p.Hazards() {
		got = append(got, h.Code)
	}
	slices.Sort(got)
	got = slices.Compact(got)
	expected, ok := s.parts["hazards"]
	versions := false
	for major := 14; major <= 18; major++ {
		other, there := s.parts[fmt.Sprintf("hazards-%d", major)]
		if versions = versions || there; there && major <= y.server.Major {
			expected = other
		}
	}
	if *update && !versions { // those are written by hand
		y.mu.Lock()
		defer y.mu.Unlock()
		y.hazards[s.name] = got
		return
	}
	if !ok {
		t.Errorf("it does not say which hazards there are; look at them, then run with -update: %v", got)
	}
	if want := strings.Fields(expected); !slices.Equal(got, want) && len(got)+len(want) > 0 {
		t.Errorf("hazards %v, not %v:\n%s", got, want, p.SQL())
	}
}

// rewrite writes the hazards of all scenarios into their archives, behind their
// shapes.
func (y *yard) rewrite(t *testing.T) {
	files, err := filepath.Glob("testdata/shapes/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := func(f txtar.File) (string, bool) {
			scenario, part, _ := strings.Cut(f.Name, "/")
			return scenario, part == "both" || part == "a" || part == "b"
		}
		var out []txtar.File
		for i, f := range archive.Files {
			scenario, shape := name(f)
			got, ran := y.hazards[scenario]
			if ran && strings.HasSuffix(f.Name, "/hazards") {
				continue
			}
			out = append(out, f)
			if !ran || !shape {
				continue
			}
			if i+1 < len(archive.Files) {
				if next, more := name(archive.Files[i+1]); more && next == scenario {
					continue
				}
			}
			text := ""
			if len(got) > 0 {
				text = strings.Join(got, "\n") + "\n"
			}
			out = append(out, txtar.File{Name: scenario + "/hazards", Data: []byte(text)})
		}
		archive.Files = out
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
