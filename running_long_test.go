package bellows_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
)

// longFolder has more migrations than a run keeps the statements of.
func longFolder(n int) map[string]string {
	files := map[string]string{"001_log.sql": "-- migrate:up\nCREATE TABLE log (n int);\n\n-- migrate:down\nDROP TABLE log;\n"}
	for i := 2; i <= n; i++ {
		files[fmt.Sprintf("%03d_step.sql", i)] = fmt.Sprintf("-- migrate:data\nINSERT INTO log (n) VALUES (%d);\n\n-- migrate:down\nDELETE FROM log WHERE n = %d;\n", i, i)
	}
	return files
}

// A long plan runs whole and in order, there and back, also beyond what is kept
// of it; what the late ones destroy is known before the first runs.
func TestLongPlan(t *testing.T) {
	const n = 140
	everywhere(t, func(t *testing.T, s server) {
		files := longFolder(n)
		files["141_end.sql"] = "-- migrate:up\nDROP TABLE log;\n\n-- migrate:down\nCREATE TABLE log (n int);\n"
		var lost []event.Destroys
		m := migrator(t, s.fresh(t), bellows.Options{Dir: writeFiles(t, files)})
		rep, err := m.UpWith(patient(t), bellows.Request{Target: "140"})
		if err != nil || len(rep.Applied) != n {
			t.Fatalf("%d applied, %v", len(rep.Applied), err)
		}
		for i, id := range rep.Applied {
			equal(t, "order", string(id), fmt.Sprintf("%03d", i+1))
		}
		rep = down(t, m, "base")
		if len(rep.Reverted) != n || string(rep.Reverted[0]) != "140" {
			t.Fatalf("%d reverted: %v", len(rep.Reverted), rep.Reverted)
		}
		rep, err = m.UpWith(patient(t), bellows.Request{Approve: func(all []event.Destroys) error { lost = all; return fault.New(fault.Confirm, "no") }})
		if err == nil || len(rep.Applied) > 0 {
			t.Fatalf("not approved, and %v applied", rep.Applied)
		}
		if len(lost) > 1 || len(lost) == 1 && lost[0].ID != "141" {
			t.Errorf("asked about %v", lost)
		}
	})
}

// What cannot run is refused before anything runs, wherever in a long plan it
// stands, and the first of several is told.
func TestLongPlanRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		files := longFolder(200)
		for _, late := range []string{"130", "190"} {
			files[late+"_step.sql"] = "-- migrate:up\nCREATE TABLE t" + late + " (n int);\nINSERT INTO log (n) VALUES (0);\n"
		}
		m := migrator(t, s.fresh(t), bellows.Options{Dir: writeFiles(t, files)})
		rep, err := m.Up(patient(t), bellows.Heads)
		refused(t, err, fault.Finding, "130_step.sql")
		if len(rep.Applied) > 0 {
			t.Errorf("%v applied", rep.Applied)
		}
	})
}

// A file that is edited while a long run is under way is not run: the run stops
// before it, and goes on when it is said again.
func TestLongPlanEdited(t *testing.T) {
	const n, last = 140, "140_step.sql"
	everywhere(t, func(t *testing.T, s server) {
		url, files := s.fresh(t), longFolder(n)
		dir := writeFiles(t, files)
		edited := false
		m := migrator(t, url, bellows.Options{Dir: dir, Point: func(name string) {
			if name == "committed" && !edited {
				edited = true
				rewrite(t, dir, last, strings.Replace(files[last], "(140)", "(-1)", 1))
			}
		}})
		rep, err := m.Up(patient(t), bellows.Heads)
		refused(t, err, fault.File, last)
		if len(rep.Applied) == 0 || len(rep.Applied) >= n {
			t.Fatalf("%d applied", len(rep.Applied))
		}
		equal(t, "rows below zero", another(t, url).one("SELECT count(*) FROM log WHERE n < 0"), "0")
		again := up(t, migrator(t, url, bellows.Options{Dir: dir}))
		if len(rep.Applied)+len(again.Applied) != n {
			t.Errorf("%d and %d applied", len(rep.Applied), len(again.Applied))
		}
	})
}

// What was read ahead may be old by the time of Up: what is pending then is
// looked at anew, and is applied once.
func TestReadAhead(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url, dir := s.fresh(t), writeFiles(t, longFolder(3))
		ahead := bellows.Options{Dir: dir, ReadAhead: true}
		early := migrator(t, url, ahead)
		equal(t, "the other one", list(up(t, migrator(t, url, ahead)).Applied), "[001 002 003]")
		equal(t, "the early one", list(up(t, early).Applied), "[]")
		down(t, early, "1")
		equal(t, "once only is it read ahead", list(up(t, early).Applied), "[002 003]")
		equal(t, "rows", another(t, url).one("SELECT count(*) FROM log"), "2")
	})
}
