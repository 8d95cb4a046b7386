package fill_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
)

const double = "UPDATE posts SET b = a * 2 WHERE :chunk"

// TestPlain: every row is changed once, the check is asked, and the numbers agree.
func TestPlain(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 5000)
			rep := filled(t, url, script(double, check("SELECT id FROM posts WHERE b IS NULL OR b <> a * 2")), options(url))
			once(t, url, 5000)
			s := rep.Status
			if s.RowsTotal != 5000 || s.RowsDone != 5000 || s.RowsChanged != 5000 || s.State != "checked" || s.Strategy != "arithmetic" {
				t.Errorf("%+v", s)
			}
			c := session(t, url)
			defer c.Close()
			all, err := fill.Read(context.Background(), c, options(url))
			if err != nil || len(all) != 1 || all[0].State != "applied" || all[0].RowsDone != 5000 {
				t.Errorf("%+v, %v", all, err)
			}
		})
	}
}

// The points at which a process is killed: while nothing goes wrong, between two
// statements, and while bad rows are found out.
func calm() []string {
	return []string{"recording", "recorded", "starting", "started", "begun", "claimed", "changed", "commit", "committed",
		"plan begun", "planned", "plan committed", "question", "checked", "check committed"}
}

func between() []string { return []string{"statement"} }

func troubled() []string {
	return []string{"rolled back", "split", "split committed", "poison", "poisoned"}
}

// searched are the points of a search within one transaction.
func searched() []string {
	return []string{"rolled back", "searching", "tried", "searched", "pieces", "search committed"}
}

// aside are points of what runs beside the workers and leaves nothing behind; it
// is not passed in each run.
func aside() []string { return []string{"tidying", "tidied", "tidy awaited"} }

// matrix kills a process at points that it passes. What it does when it is not
// killed must be right, too.
type matrix struct {
	place func(t *testing.T) string // a new database
	child child
	exit  int // of the command when it is not killed
	right func(t *testing.T, url, out string)
	names []string // the points at which to kill it; all of them with BELLOWS_SOAK
}

// run kills it the first, and the last time that it passes each of the points;
// with BELLOWS_SOAK each time that it passes any.
func (m matrix) run(t *testing.T) {
	t.Helper()
	c := m.child
	c.URL = m.place(t)
	out, code, _ := c.run(t)
	passed := passes(t, out)
	if code != m.exit {
		t.Fatalf("it exits %d: %s", code, out)
	}
	m.right(t, c.URL, out)
	maps.DeleteFunc(passed, func(name string, _ int) bool { return slices.Contains(aside(), name) })
	known := slices.Concat(calm(), between(), troubled(), searched(), worked(), []string{"row"})
	for name := range passed {
		if !slices.Contains(known, name) {
			t.Errorf("at %q it is never killed", name)
		}
	}
	names, all := m.names, os.Getenv("BELLOWS_SOAK") != ""
	if all {
		names = slices.Sorted(maps.Keys(passed))
	}
	deaths := 0
	for _, name := range names {
		if passed[name] == 0 {
			t.Fatalf("it does not pass %q: %s", name, out)
		}
		for n := 1; n <= passed[name]; n++ {
			if !all && n > 1 && n < passed[name] {
				continue
			}
			if m.kill(t, name, n) {
				deaths++
			}
		}
	}
	t.Logf("killed %d times at %d points", deaths, len(names))
}

// kill kills it the n-th time that it passes a point, and runs the same command
// again. How often a point is passed may differ by a few from time to time, but
// every point is passed once.
func (m matrix) kill(t *testing.T, name string, n int) bool {
	t.Helper()
	c := m.child
	c.URL, c.Kills, c.KillAt = m.place(t), name, n
	out, code, killed := c.run(t)
	if !killed && (n == 1 || code != m.exit) {
		t.Fatalf("at the %d. %q it is not killed and exits %d: %s", n, name, code, out)
	}
	c.KillAt = 0
	if again, code, _ := c.run(t); code != m.exit {
		t.Fatalf("%safter the %d. %q the same command exits %d: %s", out, n, name, code, again)
	} else if m.right(t, c.URL, again); t.Failed() {
		t.Fatalf("after the %d. %q: %s", n, name, out)
	}
	return killed
}

// passes reads how often a process that was not killed passed each point.
func passes(t *testing.T, out string) map[string]int {
	t.Helper()
	_, text, _ := strings.Cut(out, "points ")
	text, _, _ = strings.Cut(text, "\n")
	var passed map[string]int
	if err := json.Unmarshal([]byte(text), &passed); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return passed
}

// TestKillMatrix kills a process at every point that it passes while nothing goes
// wrong, runs the same command again, and demands that every row was changed
// exactly once.
func TestKillMatrix(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			const rows = 220
			half := check("SELECT id FROM posts WHERE b IS NULL")
			matrix{
				place: func(t *testing.T) string { return e.place(t, rows) },
				child: child{Process: "a", Script: script(double, half, check("SELECT id FROM posts WHERE b <> a * 2"))},
				right: func(t *testing.T, url, _ string) { once(t, url, rows) },
				names: calm(),
			}.run(t)
		})
	}
}

// TestKillMatrixOfStatements does the same between two statements of a chunk.
func TestKillMatrixOfStatements(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			const rows = 120
			matrix{
				place: func(t *testing.T) string { return e.place(t, rows) },
				child: child{Process: "a", Script: script(double + ";\nUPDATE posts SET a = a + 10000, b = b + 20000 WHERE :chunk")},
				right: func(t *testing.T, url, _ string) {
					if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND a BETWEEN 10000 AND 19999"); n != rows {
						t.Errorf("%d rows are right", n)
					}
				},
				names: between(),
			}.run(t)
		})
	}
}

// TestKillMatrixOfTrouble does the same while bad rows are found out: it is killed
// at every point of splitting and setting aside, and of a search.
func TestKillMatrixOfTrouble(t *testing.T) {
	for _, e := range engines() {
		for search, names := range map[int64][]string{1: troubled(), 0: searched()} {
			t.Run(fmt.Sprint(e.name, "/", search), func(t *testing.T) {
				t.Parallel()
				matrix{
					place: func(t *testing.T) string {
						url := e.place(t, 20)
						do(t, url, "UPDATE posts SET a = 1000 WHERE id IN (13, 14)")
						strict(t, e, url)
						return url
					},
					child: child{Process: "a", Search: search, Script: script(double, poisons(2))},
					exit:  fault.Repair.Exit(),
					right: func(t *testing.T, url, out string) {
						if !strings.Contains(out, "2 rows are set aside") {
							t.Errorf("it does not say that rows are set aside: %s", out)
						}
						if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != 18 {
							t.Errorf("%d rows are right", n)
						}
						if n := number(t, url, "SELECT COUNT(*) FROM "+e.table("fill_poison")+" WHERE state = 'open'"); n != 2 {
							t.Errorf("%d rows are set aside", n)
						}
					},
					names: names,
				}.run(t)
			})
		}
	}
}
