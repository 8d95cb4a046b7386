package dbtest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

// Scenario is two shapes of a database, and the plans from one to the other.
type Scenario struct {
	Name, A, B string
	Rows       string // of the first shape
	Renames    string // that somebody has told of, one to a line: kind, old name, new name
	Up, Down   string
	Archive    string // the file it is in
}

// Scenarios are those of the archives that a pattern names, sorted; at least
// that many.
func Scenarios(t testing.TB, pattern string, least int) []Scenario {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]Scenario{}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			name, part, _ := strings.Cut(f.Name, ".")
			s := found[name]
			if s.Archive != "" && s.Archive != path {
				t.Fatalf("%s is in %s and in %s", name, s.Archive, path)
			}
			s.Name, s.Archive = name, path
			text, ok := map[string]*string{"a.sql": &s.A, "b.sql": &s.B, "rows.sql": &s.Rows, "renames": &s.Renames, "up": &s.Up, "down": &s.Down}[part]
			if !ok {
				t.Fatalf("%s: what is %s?", path, f.Name)
			}
			*text = string(f.Data)
			found[name] = s
		}
	}
	if len(found) < least {
		t.Fatalf("there are %d scenarios, fewer than %d", len(found), least)
	}
	return slices.SortedFunc(maps.Values(found), func(a, b Scenario) int { return strings.Compare(a.Name, b.Name) })
}

// Told are the renames of a scenario.
func (s Scenario) Told(t testing.TB) (renames []diff.Rename) {
	for _, line := range strings.Split(strings.TrimSpace(s.Renames), "\n") {
		if line == "" {
			continue
		}
		kind, rest, _ := strings.Cut(line, " ")
		if kind == "virtual" {
			kind, rest = "virtual table", strings.TrimPrefix(rest, "table ")
		}
		from, to, ok := strings.Cut(rest, " ")
		if !ok {
			t.Fatalf("%s: rename %q", s.Name, line)
		}
		r := diff.Rename{From: schema.ID{Kind: schema.Kind(kind), Name: from}, To: schema.ID{Kind: schema.Kind(kind), Name: to}}
		if table, column, ok := strings.Cut(from, "."); ok {
			r.From.On, r.From.Name, r.To.On = table, column, table
		}
		renames = append(renames, r)
	}
	return renames
}

// Written is a plan with its hazards, as it stands in an archive.
func Written(p diff.Plan) string {
	text := p.SQL()
	for _, h := range p.Hazards() {
		text += fmt.Sprintf("-- %s: %s: %s\n", h.Code, h.Object, h.Text)
	}
	return text
}

// Rewrite writes the plans of scenarios into their archives, behind the other
// parts of each.
func Rewrite(t testing.TB, scenarios []Scenario) {
	t.Helper()
	archives := map[string]map[string]Scenario{}
	for _, s := range scenarios {
		if archives[s.Archive] == nil {
			archives[s.Archive] = map[string]Scenario{}
		}
		archives[s.Archive][s.Name] = s
	}
	for path, plans := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files := slices.DeleteFunc(slices.Clone(archive.Files), func(f txtar.File) bool {
			return strings.HasSuffix(f.Name, ".up") || strings.HasSuffix(f.Name, ".down")
		})
		archive.Files = nil
		for i, f := range files {
			archive.Files = append(archive.Files, f)
			name, _, _ := strings.Cut(f.Name, ".")
			if i+1 < len(files) && strings.HasPrefix(files[i+1].Name, name+".") {
				continue
			}
			for _, plan := range []txtar.File{{Name: name + ".up", Data: []byte(plans[name].Up)}, {Name: name + ".down", Data: []byte(plans[name].Down)}} {
				if len(plan.Data) > 0 {
					archive.Files = append(archive.Files, plan)
				}
			}
		}
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
