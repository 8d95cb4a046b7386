package arch_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bellowsdb/bellows/internal/arch"
)

// TestTheLaw is the one that fails when the house is broken.
func TestTheLaw(t *testing.T) {
	violations, err := arch.Check("../..", arch.Rooms())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range violations {
		t.Error(v)
	}
}

// TestEachRuleCanFail checks a small broken house for each rule. Its file "want"
// lists file:line: rule, in order.
func TestEachRuleCanFail(t *testing.T) {
	houses, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(houses) == 0 {
		t.Fatalf("no houses in testdata (%v)", err)
	}
	for _, house := range houses {
		t.Run(strings.TrimSuffix(filepath.Base(house), ".txtar"), func(t *testing.T) {
			root, want := build(t, house)
			violations, err := arch.Check(root, arch.Rooms())
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, v := range violations {
				fmt.Fprintf(&got, "%s:%d: %s\n", v.File, v.Line, v.Rule)
				if v.What == "" || v.Do == "" {
					t.Errorf("%v does not say what is wrong and what to do", v)
				}
				t.Log(v)
			}
			if d := cmp.Diff(want, got.String()); d != "" {
				t.Errorf("violations, - want + got:\n%s", d)
			}
		})
	}
}

// build lays out a house in a temporary folder.
func build(t *testing.T, archive string) (root, want string) {
	t.Helper()
	a, err := txtar.ParseFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	root = t.TempDir()
	files := append(a.Files, txtar.File{Name: "go.mod", Data: []byte("module example.com/house\n")})
	for _, f := range files {
		if f.Name == "want" {
			want = string(f.Data)
			continue
		}
		path := filepath.Join(root, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root, want
}

func TestViolationSaysWhereWhatAndWhatToDo(t *testing.T) {
	v := arch.Violation{File: "plan/plan.go", Line: 7, Rule: "clock", What: "plan may not read the clock", Do: "take the time as a parameter"}
	const want = "plan/plan.go:7: clock: plan may not read the clock; take the time as a parameter"
	if got := v.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestUnreadableHousesAreErrors(t *testing.T) {
	if _, err := arch.Check(t.TempDir(), nil); err == nil {
		t.Error("a folder without go.mod is no module")
	}
	root := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module x\n", "a.go": "package ("} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := arch.Check(root, nil); err == nil {
		t.Error("a file that cannot be parsed was passed over")
	}
}

// TestRoomsMayOnlyImportRoomsThatExist finds slips of the pen in the table.
func TestRoomsMayOnlyImportRoomsThatExist(t *testing.T) {
	rooms := arch.Rooms()
	known := map[string]arch.Kind{}
	for _, r := range rooms {
		if _, twice := known[r.Path]; twice {
			t.Errorf("%s is there twice", r.Path)
		}
		known[r.Path] = r.Kind
	}
	for _, r := range rooms {
		for _, other := range r.May {
			kind, ok := known[other]
			if !ok && other != "*" {
				t.Errorf("%s may import %s, which is no room", r.Path, other)
			}
			if r.Kind == arch.Dry && kind != arch.Dry {
				t.Errorf("%s is dry and may import %s, which is not", r.Path, other)
			}
			if r.Kind != arch.Tests && kind == arch.Tests && other != "*" {
				t.Errorf("%s may import %s, which is for tests", r.Path, other)
			}
		}
	}
}

// TestNoHalfMergedFile: no file of ours has the marks of a merge that nobody
// has finished.
func TestNoHalfMergedFile(t *testing.T) {
	mark := regexp.MustCompile(`(?m)^(<{7}|>{7}) `)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if strings.HasPrefix(d.Name(), ".") && path != "../.." || d.Name() == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		if !slices.Contains([]string{".go", ".md", ".sql", ".toml"}, filepath.Ext(path)) {
			return nil
		}
		text, err := os.ReadFile(path)
		if at := mark.FindIndex(text); at != nil {
			t.Errorf("%s:%d: the mark of a merge", path, 1+bytes.Count(text[:at[0]], []byte("\n")))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
