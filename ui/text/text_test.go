package text_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/ui/internal/sample"
	"github.com/bellowsdb/bellows/ui/text"
)

var update = flag.Bool("update", false, "write the golden files")

// looks are the ways in which the face can be set up.
var looks = []struct {
	name string
	o    text.Options
}{
	{"pipe", text.Options{}},
	{"terminal", text.Options{OutColor: true, ErrColor: true, Motion: true, Width: 80}},
	{"quiet", text.Options{Quiet: true}},
	{"verbose", text.Options{Verbose: true}},
}

func TestGolden(t *testing.T) {
	for _, look := range looks {
		var all strings.Builder
		for _, c := range sample.Cases() {
			var out, err bytes.Buffer
			look.o.Out, look.o.Err = &out, &err
			face := text.New(look.o)
			for _, e := range c.Events {
				face.Event(e)
			}
			face.Finish(c.Outcome)
			all.WriteString("=== " + c.Name + "\n" + visible(out.String()))
			if err.Len() > 0 {
				all.WriteString("--- story\n" + visible(err.String()))
			}
		}
		golden(t, look.name, all.String())
	}
}

// visible spells the codes that a terminal obeys.
func visible(s string) string {
	return strings.NewReplacer("\x1b", "\\e", "\r", "\\r").Replace(s)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if strings.Contains(got, sample.Password) {
		t.Errorf("%s: the password was printed", name)
	}
	path := filepath.Join("testdata", name+".golden")
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

// TestWidth keeps the tables inside the terminal.
func TestWidth(t *testing.T) {
	for _, c := range sample.Cases() {
		if c.Name != "status" && c.Name != "history" && c.Name != "plan" {
			continue
		}
		var out, err bytes.Buffer
		text.New(text.Options{Out: &out, Err: &err, Width: 110}).Finish(c.Outcome)
		for _, l := range strings.Split(out.String(), "\n") {
			if n := len([]rune(l)); strings.HasPrefix(l, "  ") && n > 110 {
				t.Errorf("%s: %d columns: %s", c.Name, n, l)
			}
		}
	}
}

// TestToldOnce: what is destroyed is said once, whoever asks for it.
func TestToldOnce(t *testing.T) {
	var out, err bytes.Buffer
	face := text.New(text.Options{Out: &out, Err: &err})
	for range 2 {
		face.Event(event.Destroys{ID: "1", Table: "t", Rows: 3, Exact: true})
	}
	if got, want := err.String(), "destroys  1: 3 rows of t\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
