package draw

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bellowsdb/bellows/revision"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func rev(id, name string, parents ...revision.ID) revision.Revision {
	return revision.Revision{ID: revision.ID(id), Name: name, Kind: revision.Schema, Parents: parents}
}

func labelled(r revision.Revision, label string) revision.Revision {
	r.Label = label
	return r
}

func needing(r revision.Revision, needs ...revision.Need) revision.Revision {
	r.Needs = needs
	return r
}

func changing(r revision.Revision) revision.Revision {
	r.Kind = revision.Change
	return r
}

type picture struct {
	name  string
	revs  []revision.Revision
	marks func(*revision.Graph) Marks
}

func applied(ids ...revision.ID) func(*revision.Graph) Marks {
	return func(g *revision.Graph) Marks { return Of(g, revision.NewSet(ids...)) }
}

func pictures() []picture {
	return []picture{
		{"empty", nil, applied()},
		{"line", []revision.Revision{
			rev("20261119093000", "create_posts"),
			rev("20261120101500", "merge_location", "20261119093000"),
			rev("20261121080000", "add_tags", "20261120101500"),
		}, applied("20261119093000", "20261120101500")},
		{"branches", []revision.Revision{
			rev("20261101", "create_posts"),
			changing(rev("20261102", "add_author", "20261101")),
			labelled(rev("20261103", "web_sessions", "20261102"), "web"),
			labelled(rev("20261104", "api_tokens", "20261102"), "api"),
			rev("20261105", "web_cookies", "20261103"),
			needing(rev("20261106", "api_scopes", "20261104"), revision.Need{ID: "20261103"}),
			rev("20261107", "join", "20261105", "20261106"),
			rev("20261108", "votes", "20261107"),
			needing(rev("20261109", "votes_other", "20261107"), revision.Need{ID: "20261102", Phase: revision.Contract}),
			rev("20261110", "side", "20261105"),
		}, func(g *revision.Graph) Marks {
			m := Of(g, revision.NewSet("20261101", "20261102", "20261103", "20261104", "20261105", "20261106", "20261088"))
			m["20261102"] |= Edited
			m["20261107"] |= Failed
			m["20261104"] |= Held
			m["20261110"] |= Running
			return m
		}},
		{"crossing", []revision.Revision{
			rev("1", "a"), rev("2", "b", "1"), rev("3", "c", "1"), rev("4", "d", "1"),
			rev("5", "e", "2", "4"), rev("6", "f", "3", "2"), rev("7", "octopus", "5", "6", "4"), rev("8", "other_base"), rev("9", "end", "7", "8"),
		}, applied("1", "2", "8")},
		{"hostile", []revision.Revision{
			rev(`1"]; drop`, "<script>alert('x')</script>"),
			labelled(rev(`2\`, "a\nb\x1b[31mred\x00", `1"]; drop`), `x"&y`),
			rev("3", strings.Repeat("long_", 40), `2\`),
			rev("4", "größe_\xff_日本", "3"),
		}, applied(`1"]; drop`, "gone<&>\x07")},
	}
}

func TestGolden(t *testing.T) {
	for _, p := range pictures() {
		g, err := revision.New(p.revs)
		if err != nil {
			t.Fatal(err)
		}
		m := p.marks(g)
		for ending, text := range map[string]string{
			"txt":       Text(g, m, Options{}),
			"ascii.txt": Text(g, m, Options{Charset: ASCII}),
			"dot":       DOT(g, m),
			"mmd":       Mermaid(g, m),
			"svg":       SVG(g, m),
		} {
			golden(t, p.name+"."+ending, text)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

func TestPaintIsGivenEachRevision(t *testing.T) {
	g, err := revision.New([]revision.Revision{rev("1", "a"), rev("2", "b", "1")})
	if err != nil {
		t.Fatal(err)
	}
	got := Text(g, applied("1")(g), Options{Paint: func(m Mark, text string) string { return fmt.Sprintf("<%d:%s>", m, text) }})
	want := fmt.Sprintf("<%[1]d:○>  <%[1]d:2  b  (head)>\n<%[2]d:●>  <%[2]d:1  a  (current)>\n", Pending|Head, Applied|Current)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestASCIIIsASCII(t *testing.T) {
	for _, p := range pictures() {
		g, err := revision.New(p.revs)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range Text(g, p.marks(g), Options{Charset: ASCII}) {
			if r != '\n' && (r < ' ' || r > '~') {
				t.Errorf("%s has %q", p.name, r)
			}
		}
	}
}

// anyGraph draws a graph of any shape, with any names.
func anyGraph(t *rapid.T) (*revision.Graph, Marks) {
	n := rapid.IntRange(0, 20).Draw(t, "n")
	var revs []revision.Revision
	for i := range n {
		r := rev(fmt.Sprint(i+1), rapid.String().Draw(t, "name"))
		for range rapid.IntRange(0, min(i, 3)).Draw(t, "parents") {
			r.Parents = append(r.Parents, revision.ID(fmt.Sprint(rapid.IntRange(1, i).Draw(t, "parent"))))
		}
		revs = append(revs, r)
	}
	g, err := revision.New(revs)
	if err != nil {
		t.Fatal(err)
	}
	m := Of(g, nil)
	for i := range n {
		m[revision.ID(fmt.Sprint(i+1))] |= Mark(rapid.Uint16().Draw(t, "mark"))
	}
	return g, m
}

func TestAnyGraphCanBeDrawn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, m := anyGraph(t)
		text := Text(g, m, Options{})
		if n := strings.Count(text, "\n"); n != g.Len() {
			t.Fatalf("%d revisions in %d lines:\n%s", g.Len(), n, text)
		}
		if n := strings.Count(DOT(g, m), "\n"); n < g.Len() {
			t.Fatalf("%d revisions in %d lines of DOT", g.Len(), n)
		}
		svg := SVG(g, m)
		wellFormed(t, svg)
		if mermaid := Mermaid(g, m); svg != SVG(g, m) || mermaid != Mermaid(g, m) || text != Text(g, m, Options{}) {
			t.Fatal("a picture differs from the one before")
		}
	})
}

func wellFormed(t *rapid.T, svg string) {
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
	}
}

// TestLanesAreWhole follows each line from child to parent: its lane must be
// drawn in every row between, and no two lines may share one.
func TestLanesAreWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, _ := anyGraph(t)
		l := arrange(g)
		for _, k := range l.links {
			for i := k.child + 1; i < k.parent; i++ {
				r := l.rows[i]
				if k.lane >= len(r.lanes) || !r.lanes[k.lane] || r.col == k.lane {
					t.Fatalf("row %d does not let lane %d by: %+v", i, k.lane, r)
				}
			}
			end := l.rows[k.parent]
			if end.col != k.lane && !contains(end.ends, k.lane) {
				t.Fatalf("lane %d does not end in row %d: %+v", k.lane, k.parent, end)
			}
			start := l.rows[k.child]
			if start.col != k.lane && !contains(start.opens, k.lane) {
				t.Fatalf("lane %d does not begin in row %d: %+v", k.lane, k.child, start)
			}
			for _, other := range l.links {
				if other != k && other.lane == k.lane && other.child < k.parent && k.child < other.parent {
					t.Fatalf("lane %d is used by %v and %v", k.lane, k, other)
				}
			}
		}
	})
}

func contains(list []int, x int) bool {
	for _, y := range list {
		if x == y {
			return true
		}
	}
	return false
}

// fan is many branches from one base, each a few revisions long.
func fan(n, heads int) []revision.Revision {
	revs := []revision.Revision{rev("1", "base")}
	for i := 2; i <= n; i++ {
		parent := revision.ID("1")
		if i-heads > 1 {
			parent = revision.ID(fmt.Sprint(i - heads))
		}
		revs = append(revs, rev(fmt.Sprint(i), "name_of_the_revision", parent))
	}
	return revs
}

func TestWideGraphKeepsItsWidth(t *testing.T) {
	g, err := revision.New(fan(600, 200))
	if err != nil {
		t.Fatal(err)
	}
	c := newCanvas(g, Of(g, nil))
	if c.layout.width != 200 || c.width > 1400 || c.textX < c.x(199) {
		t.Errorf("200 lanes: width %d, %d pixels, text at %v, last lane at %v", c.layout.width, c.width, c.textX, c.x(199))
	}
}

func BenchmarkDraw(b *testing.B) {
	for _, heads := range []int{1, 50} {
		g, err := revision.New(fan(5_000, heads))
		if err != nil {
			b.Fatal(err)
		}
		m := Of(g, nil)
		for name, f := range map[string]func() string{
			"text":    func() string { return Text(g, m, Options{}) },
			"dot":     func() string { return DOT(g, m) },
			"mermaid": func() string { return Mermaid(g, m) },
			"svg":     func() string { return SVG(g, m) },
		} {
			b.Run(fmt.Sprintf("%s/5000/%d", name, heads), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
			})
		}
	}
}
