package fill_test

import (
	"context"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/revision"
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

// TestKillMatrix kills a process at every point that it passes, runs the same
// command again, and demands that every row was changed exactly once.
func TestKillMatrix(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			const rows = 260
			for at := 1; ; at++ {
				url := e.place(t, rows)
				c := child{URL: url, Process: "a", KillAt: at, Script: script(double, check("SELECT id FROM posts WHERE b IS NULL OR b <> a * 2"))}
				out, code, killed := c.run(t)
				if !killed {
					if code != 0 || at < 30 {
						t.Fatalf("after %d points it exits %d: %s", at-1, code, out)
					}
					t.Logf("%d points", at-1)
					return
				}
				c.KillAt = 0
				if again, code, _ := c.run(t); code != 0 {
					t.Fatalf("%safter that the same command exits %d: %s", out, code, again)
				}
				if once(t, url, rows); t.Failed() {
					t.Fatalf("after %s", out)
				}
			}
		})
	}
}

// TestKillMatrixOfTrouble does the same while bad rows are found out: it is killed
// at every point of splitting and setting aside.
func TestKillMatrixOfTrouble(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			seen := map[string]bool{}
			for at := 1; ; at++ {
				url := e.place(t, 20)
				do(t, url, "UPDATE posts SET a = 1000 WHERE id IN (13, 14)")
				strict(t, e, url)
				c := child{URL: url, Process: "a", KillAt: at, Script: script(double, spec(func(s *revision.FillSpec) { s.Poison = 2 }))}
				out, code, killed := c.run(t)
				if !killed {
					if code != fault.Repair.Exit() || !seen["split committed"] || !seen["poison"] || !seen["poisoned"] {
						t.Fatalf("after %d points it exits %d: %s", at-1, code, out)
					}
					t.Logf("%d points", at-1)
					return
				}
				for _, name := range []string{"split committed", "poison", "poisoned"} {
					seen[name] = seen[name] || strings.Contains(out, "killed at "+name+"\n")
				}
				c.KillAt = 0
				if again, code, _ := c.run(t); code != fault.Repair.Exit() || !strings.Contains(again, "2 rows are set aside") {
					t.Fatalf("%safter that the same command exits %d: %s", out, code, again)
				}
				if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != 18 {
					t.Fatalf("%safter that %d rows are right", out, n)
				}
				if n := number(t, url, "SELECT COUNT(*) FROM "+e.table("fill_poison")+" WHERE state = 'open'"); n != 2 {
					t.Fatalf("%safter that %d rows are set aside", out, n)
				}
			}
		})
	}
}
