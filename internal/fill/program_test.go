package fill_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/revision"
)

// interpreter is a program that the tests need; make deps installs it.
func interpreter(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is not there; make deps installs it", name)
	}
}

// byProgram is a backfill of posts whose rows testdata/rows.py works out.
func byProgram(t testing.TB, args string, change ...func(*revision.Script)) revision.Script {
	t.Helper()
	interpreter(t, "python3")
	s := byLogic(readAll, writeOne, change...)
	s.Fill.Function, s.Fill.Program = "", "python3 testdata/rows.py "+args
	return s
}

// TestProgram: a program that answers in any order, by either name of a row, and
// with more than it was asked for, works out every row once.
func TestProgram(t *testing.T) {
	for _, e := range engines() {
		for _, how := range []string{"well", "backwards", "by key", "echo"} {
			t.Run(e.name+"/"+how, func(t *testing.T) {
				t.Parallel()
				url := e.place(t, 1500)
				rep := filled(t, url, byProgram(t, "'"+how+"'"), options(url))
				once(t, url, 1500)
				if s := rep.Status; s.RowsDone != 1500 || s.RowsChanged != 1500 || s.State != "checked" {
					t.Errorf("%+v", s)
				}
			})
		}
	}
}

// TestProgramsWorld: what a program finds about itself, and what it does not.
func TestProgramsWorld(t *testing.T) {
	t.Setenv("BELLOWS_URL", "postgres://ann:secret@db/app")
	t.Setenv("DATABASE_URL", "postgres://ann:secret@db/app")
	e := engines()[0]
	url := e.place(t, 10)
	o := options(url)
	rec := &recorder{}
	o.Sink = rec
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	o.Logic.Dir = dir
	s := byProgram(t, "")
	s.Fill.Program = "python3 rows.py environment"
	filled(t, url, s, o)
	said := of[event.FillSaid](rec)
	if len(said) != 2 { // the one that was tried, and the one that worked
		t.Fatalf("%+v", said)
	}
	want := fmt.Sprintf("%s ['7/up/1', '7', 'up', 'posts', 'test', None, None]", dir)
	if said[1].Line != want || said[1].ID != "7" || said[1].Table != "posts" {
		t.Errorf("it found %q, not %q", said[1].Line, want)
	}
}

// TestBadPrograms: whatever a program does wrong is said clearly, nothing of the
// chunk is written, and once it is mended the same command goes on.
func TestBadPrograms(t *testing.T) {
	tests := []struct{ how, says string }{
		{"at once", "the program python3 ended while rows waited for its answer: exit status 3"},
		{"midway", "ended while rows waited for its answer: exit status 9; it said: cannot go on"},
		{"hangs", "said nothing for 2s while rows waited for its answer"},
		{"closes", "the program python3 closed its input or output while rows waited for its answer"},
		{"deaf", "said nothing for 2s while rows waited for its answer"},
		{"junk", "what the program wrote cannot be read: it is no JSON: invalid character"},
		{"list", "what the program wrote cannot be read: it is no JSON object; it wrote: [1]"},
		{"other", "the program answers for a row that it was not asked about: id=999999"},
		{"twice", "the program answers twice for row id=233"},
		{"missing", `the answer for row id=233 has no field "b", which the write section takes as :b`},
		{"unknown", `the answer for row id=233 has a field "bb", which the write section does not take`},
		{"nobody", "an answer of the program does not say for which row it is"},
		{"long", "wrote a line of more than 16777216 bytes"},
		{"refuses", "row id=233 of posts: no such place"},
	}
	for i, tt := range tests {
		e := engines()[i%3]
		t.Run(tt.how+"/"+e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 400)
			once0 := filepath.Join(t.TempDir(), "wrong")
			s := byProgram(t, fmt.Sprintf("'%s' 233 %s", tt.how, once0))
			s.Fill.Rows = 100
			o := options(url)
			if tt.how == "hangs" || tt.how == "deaf" {
				o.Logic.Silence = 2 * time.Second
			}
			// Tried well, so that it goes wrong at work.
			if err := os.WriteFile(once0, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			p := planned(t, url, s, o)
			if err := os.Remove(once0); err != nil {
				t.Fatal(err)
			}
			_, err := fill.Work(context.Background(), p.ID, o)
			if !fault.Has(err, fault.Partial) || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("%v", err)
			}
			if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE id = 233 AND touched > 0"); n != 0 {
				t.Error("the row was written")
			}
			if _, err := fill.Work(context.Background(), p.ID, o); err != nil {
				t.Fatal(err)
			}
			if err := finish(context.Background(), url, p.ID, o); err != nil {
				t.Fatal(err)
			}
			once(t, url, 400)
		})
	}
}

// TestBadProgramsTried: what goes wrong with the first rows is told before anything
// is recorded.
func TestBadProgramsTried(t *testing.T) {
	e := engines()[0]
	tests := []struct{ program, says string }{
		{"nosuchprogram", "the program nosuchprogram cannot be started"},
		{"python3 testdata/nosuch.py", "ended while rows waited for its answer: exit status 2; it said:"},
		{"python3 'testdata", "the program cannot be read"},
		{"python3 testdata/rows.py refuses 3", "row id=3 of posts: no such place"},
		{"python3 testdata/rows.py missing 3", `has no field "b"`},
	}
	for _, tt := range tests {
		url := e.place(t, 10)
		s := byProgram(t, "")
		s.Fill.Program = tt.program
		c := session(t, url)
		_, err := fill.Plan(context.Background(), c, s, revision.Up, options(url))
		c.Close()
		if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "7_fill.sql:1") {
			t.Errorf("%s: %v", tt.program, err)
		}
		if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE touched > 0"); n != 0 {
			t.Errorf("%s: %d rows were changed", tt.program, n)
		}
	}
}

// TestWideAnswers: a chunk whose answers are larger than what is held in memory is
// done in pieces.
func TestWideAnswers(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url, rec := e.place(t, 60), &recorder{}
			o := options(url)
			o.Logic.Bytes, o.Sink = 50000, rec
			rep := filled(t, url, byProgram(t, "wide"), o)
			once(t, url, 60)
			if s := rep.Status; s.RowsDone != 60 || s.State != "checked" {
				t.Errorf("%+v", s)
			}
			if all := of[event.FillTrouble](rec); len(all) == 0 || all[0].Action != "split" {
				t.Errorf("%+v", all)
			}
		})
	}
}

// TestProgramSetsAside: what a program refuses is set aside, and what it passes over
// stays.
func TestProgramSetsAside(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 200)
			o := options(url)
			p := planned(t, url, byProgram(t, "refuses 77", spec(func(s *revision.FillSpec) { s.Poison = 1 })), o)
			if _, err := fill.Work(context.Background(), p.ID, o); !fault.Has(err, fault.Repair) {
				t.Fatal(err)
			}
			c := session(t, url)
			defer c.Close()
			aside, err := fill.Poison(context.Background(), c, p.ID, o)
			if err != nil || len(aside) != 1 || aside[0].Reason != "no such place" || aside[0].Key[0] != "77" {
				t.Fatalf("%+v %v", aside, err)
			}
			if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != 199 {
				t.Errorf("%d rows are right", n)
			}
		})
	}
}
