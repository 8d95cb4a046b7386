package json_test

import (
	"bytes"
	stdjson "encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bellowsdb/bellows/ui/internal/sample"
	"github.com/bellowsdb/bellows/ui/json"
)

var update = flag.Bool("update", false, "write the golden files")

func TestGolden(t *testing.T) {
	var all strings.Builder
	for _, c := range sample.Cases() {
		all.WriteString("=== " + c.Name + "\n" + printed(c))
	}
	got := all.String()
	if strings.Contains(got, sample.Password) {
		t.Error("the password was printed")
	}
	path := filepath.Join("testdata", "json.golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", path, diff)
	}
}

func printed(c sample.Case) string {
	var out bytes.Buffer
	face := json.New(json.Options{Out: &out, Verbose: true})
	for _, e := range c.Events {
		face.Event(e)
	}
	face.Finish(c.Outcome)
	return out.String()
}

// TestLines: every line is an object with type and v; only the last is a result;
// no list is null.
func TestLines(t *testing.T) {
	for _, c := range sample.Cases() {
		lines := strings.Split(strings.TrimSuffix(printed(c), "\n"), "\n")
		for i, l := range lines {
			var o map[string]any
			if err := stdjson.Unmarshal([]byte(l), &o); err != nil {
				t.Fatalf("%s: %v: %s", c.Name, err, l)
			}
			if o["v"] != float64(json.Version) || (o["type"] == "result") != (i == len(lines)-1) {
				t.Errorf("%s: type %v, v %v in line %d of %d", c.Name, o["type"], o["v"], i+1, len(lines))
			}
			for _, key := range []string{"applied", "reverted", "steps", "revisions", "current", "heads", "written", "removed", "troubles"} {
				if v, ok := o[key]; ok && v == nil {
					t.Errorf("%s: %s is null", c.Name, key)
				}
			}
		}
	}
}
