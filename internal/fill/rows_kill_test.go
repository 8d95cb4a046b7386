package fill_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/revision"
)

// The points at which a process is killed whose rows are worked out beyond the
// database, and nothing goes wrong.
func worked() []string {
	return []string{"read", "leased", "computed", "fenced", "written", "commit", "committed"}
}

// picky is a function that refuses two rows.
func picky() fill.Function {
	return each(func(row map[string]any) fill.Answer {
		if id := row["id"].(int64); id == 13 || id == 14 {
			return fill.Answer{Err: errors.New("no such place")}
		}
		return fill.Answer{Row: doubled(row)}
	})
}

// TestKillMatrixOfRows kills a process that works out rows at every point that it
// passes, and demands that each row was written exactly once.
func TestKillMatrixOfRows(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			const rows = 220
			names := worked()
			if e.name != "postgres" {
				names = append(names, "row")
			}
			matrix{
				place: func(t *testing.T) string { return e.place(t, rows) },
				child: child{Process: "a", Script: byLogic(readAll, writeOne, check("SELECT id FROM posts WHERE b IS NULL OR b <> a * 2"))},
				right: func(t *testing.T, url, _ string) { once(t, url, rows) },
				names: names,
			}.run(t)
		})
	}
}

// TestKillMatrixOfPrograms does the same with a program, which must not outlive it.
func TestKillMatrixOfPrograms(t *testing.T) {
	e := engines()[1]
	const rows = 120
	matrix{
		place: func(t *testing.T) string { return e.place(t, rows) },
		child: child{Process: "a", Script: byProgram(t, "")},
		right: func(t *testing.T, url, _ string) { once(t, url, rows) },
		names: []string{"leased", "computed", "written"},
	}.run(t)
}

// TestKillMatrixOfRefusedRows does the same where rows are set aside.
func TestKillMatrixOfRefusedRows(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			s := byLogic(readAll, writeOne, spec(func(s *revision.FillSpec) { s.Poison = 2 }))
			s.Fill.Function = "picky"
			matrix{
				place: func(t *testing.T) string { return e.place(t, 60) },
				child: child{Process: "a", Script: s},
				exit:  fault.Repair.Exit(),
				right: func(t *testing.T, url, out string) {
					if !strings.Contains(out, "2 rows are set aside") {
						t.Errorf("it does not say that rows are set aside: %s", out)
					}
					if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != 58 {
						t.Errorf("%d rows are right", n)
					}
					if n := number(t, url, "SELECT COUNT(*) FROM "+e.table("fill_poison")+" WHERE state = 'open'"); n != 2 {
						t.Errorf("%d rows are set aside", n)
					}
				},
				names: []string{"pieces", "committed"},
			}.run(t)
		})
	}
}

// TestFrozenWorker: a worker that is frozen while it has a chunk loses it to another,
// and when it wakes it writes nothing of it.
func TestFrozenWorker(t *testing.T) {
	for _, e := range engines() {
		points := []string{"computed", "fenced", "written"}
		if e.name == "sqlite" {
			points = points[:1] // there nobody can write beside who is in a transaction
		}
		for _, point := range points {
			t.Run(e.name+"/"+point, func(t *testing.T) {
				t.Parallel()
				const rows = 300
				var url string
				var o fill.Options
				var p ledger.Fill
				var out io.Reader
				wake := func() {}
				for held := true; held; { // until it is frozen while it holds nothing that all wait for
					url = e.place(t, rows)
					o = logicOptions(url, doubles())
					o.Process, o.Logic.Lease = "b", time.Second
					p = planned(t, url, byLogic(readAll, writeOne, check("SELECT id FROM posts WHERE b IS NULL")), o)
					out, wake = frozen(t, child{URL: url, Fill: p.ID, Process: "a", Kills: point, KillAt: 2, Freeze: true, Lease: time.Second, Idle: 2 * time.Second})
					held = e.name == "sqlite" && inUse(t, url)
				}
				if _, err := fill.Work(context.Background(), p.ID, o); err != nil {
					t.Fatal(err)
				}
				once(t, url, rows)
				wake()
				if text, err := io.ReadAll(out); err != nil || !strings.Contains(string(text), "points") || strings.Contains(string(text), "error") {
					t.Fatalf("%s %v", text, err)
				}
				once(t, url, rows)
			})
		}
	}
}

// inUse tells whether somebody is writing to an SQLite file.
func inUse(t *testing.T, url string) bool {
	t.Helper()
	c := session(t, url)
	defer c.Close()
	if _, err := c.Exec(context.Background(), "PRAGMA busy_timeout = 0"); err != nil {
		t.Fatal(err)
	}
	_, err := c.Exec(context.Background(), "BEGIN IMMEDIATE")
	return err != nil
}

// frozen starts a process and returns when it has stopped itself; wake lets it go on.
func frozen(t *testing.T, c child) (out io.Reader, wake func()) {
	t.Helper()
	cmd := c.command()
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	r := bufio.NewReader(pipe)
	if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "killed at") {
		t.Fatalf("%q %v", line, err)
	}
	var ws syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(cmd.Process.Pid, &ws, syscall.WUNTRACED, nil); err != nil || ws.Stopped() {
			break
		}
	}
	return r, func() { _ = cmd.Process.Signal(syscall.SIGCONT) }
}

// TestKept: the answers for a chunk that could not be written are not asked for again.
func TestKept(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 64)
			do(t, url, "UPDATE posts SET a = 1000 WHERE id = 40")
			strict(t, e, url)
			asked := map[int64]int{}
			f := each(func(row map[string]any) fill.Answer {
				asked[row["id"].(int64)]++
				return fill.Answer{Row: doubled(row)}
			})
			o := logicOptions(url, f)
			p := planned(t, url, byLogic(readAll, writeOne, spec(func(s *revision.FillSpec) { s.Poison = 1 })), o)
			clear(asked)
			if _, err := fill.Work(context.Background(), p.ID, o); !fault.Has(err, fault.Repair) {
				t.Fatal(err)
			}
			most := slices.Max(values(asked))
			if len(asked) != 64 || most > 3 {
				t.Errorf("a row was asked about %d times: %v", most, asked)
			}
		})
	}
}

func values(m map[int64]int) []int {
	var all []int
	for _, n := range m {
		all = append(all, n)
	}
	return all
}
