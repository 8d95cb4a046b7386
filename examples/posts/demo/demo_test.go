package main

import (
	"context"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/internal/testdb"
)

// The flags by which `make demo` tells the story at its full length.
var (
	rate = flag.Int("rate", 60, "requests per second")
	seed = flag.Int("seed", 200, "posts before the change")
	page = flag.String("page", "", "a page to put the figures into")
	calm = flag.Duration("calm", 200*time.Millisecond, "how long each stage is watched")
)

// TestDemo is the whole story, told in seconds: no request fails, and no post is
// lost, on each database the application runs on.
func TestDemo(t *testing.T) {
	bellows, app := build(t, "../../../cmd/bellows"), build(t, "..")
	for name, url := range map[string]func(testing.TB) string{"sqlite": testdb.SQLite, "postgres": testdb.Postgres} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			err := run(context.Background(), options{
				bellows: bellows, app: app, dir: "..", url: url(t), seed: *seed, rate: *rate, calm: *calm, page: *page, out: told(&out),
			})
			if err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			for _, want := range []string{"0 lost, 0 wrong; 0 requests failed", "the old columns are out of the way", "verdict: p99 at most twice idle plus 5 ms, ", "0 requests failed: kept; 0 posts lost or wrong: kept"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("the story does not tell %q:\n%s", want, out.String())
				}
			}
		})
	}
}

// told is where the story goes: to who watches, too.
func told(out io.Writer) io.Writer {
	if testing.Verbose() {
		return io.MultiWriter(out, os.Stdout)
	}
	return out
}

// build builds a program of this module.
func build(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "program")
	if text, err := exec.Command("go", "build", "-o", to, from).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return to
}

// TestLoss lets the comparison find what it must find.
func TestLoss(t *testing.T) {
	l := newLoad(nil)
	l.posts = map[int64]post{1: {ID: 1, Lat: 1}, 2: {ID: 2}, 3: {ID: 3}}
	if lost, wrong := l.compare([]post{{ID: 1, Lat: 2}, {ID: 2}}); lost != 1 || wrong != 1 {
		t.Errorf("%d lost and %d wrong, want 1 and 1", lost, wrong)
	}
	if lost, wrong := l.compare([]post{{ID: 1, Lat: 1}, {ID: 2}, {ID: 3}, {ID: 4}}); lost != 0 || wrong != 1 {
		t.Errorf("%d lost and %d wrong, want none and the one nobody has submitted", lost, wrong)
	}
}

// The figures of a run take the place of those that a page has, and of nothing else.
func TestFiguresInAPage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	text := "before\n<!-- make demo: sqlite -->\nold\n<!-- end -->\nbetween\n<!-- make demo: postgres -->\nold\n<!-- end -->\nafter\n"
	if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	all := figures{{stage: "idle", requests: 100, p99: 4 * time.Millisecond}, {stage: "expand", requests: 90, failed: 1, p99: 14 * time.Millisecond}}
	told := all.verdict(0, 1)
	if want := `verdict: p99 at most twice idle plus 5 ms, 13.0 ms: NOT KEPT (14.0 ms in "expand"); 0 requests failed: NOT KEPT; 0 posts lost or wrong: NOT KEPT`; told != want {
		t.Errorf("got %s", told)
	}
	if err := refresh(page, "postgres", all.markdown(200, "kept")); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"before\n<!-- make demo: sqlite -->\nold\n<!-- end -->\nbetween\n", "| expand | 90 | 1 | - | 14.0 ms | - |", "At 200 requests a second; kept.\n<!-- end -->\nafter\n"} {
		if !strings.Contains(string(got), want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if err := refresh(page, "mariadb", ""); err == nil {
		t.Error("a page without a place for them is taken")
	}
}
