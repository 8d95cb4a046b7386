package fill_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/revision"
)

const repeats = "UPDATE posts SET b = a * 2 WHERE b IS NULL AND :chunk"

// TestRowsThatComeMeanwhile: rows added at the end are done in the same sweep;
// rows that came behind the cursor, new or under another key, are found by the
// check, and done in another sweep; no row is changed twice.
func TestRowsThatComeMeanwhile(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 1000)
			do(t, url, "DELETE FROM posts WHERE id < 100")
			o := options(url)
			rec := &recorder{}
			o.Sink = rec
			f := planned(t, url, script(repeats), o)
			chunks := 0
			o.Point = func(name string) {
				if name != "committed" {
					return
				}
				switch chunks++; chunks {
				case 3:
					do(t, url, "INSERT INTO posts (id, a) VALUES (5, 7), (6, NULL), (2000, 8), (3000, 9)", "UPDATE posts SET id = 7 WHERE id = 990")
				case 4:
					do(t, url, "DELETE FROM posts WHERE id IN (995, 3000)")
				}
			}
			rep, err := fill.Work(context.Background(), f.ID, o)
			if err != nil {
				t.Fatal(err)
			}
			if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != 902 {
				t.Errorf("%d rows are right", n)
			}
			if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE touched > 1"); n > 0 {
				t.Errorf("%d rows were changed more than once", n)
			}
			if rep.Status.Sweep != 2 {
				t.Errorf("%d sweeps", rep.Status.Sweep)
			}
			var found []int64
			for _, s := range of[event.FillSwept](rec) {
				if s.Checked {
					found = append(found, s.Found)
				}
			}
			if fmt.Sprint(found) != "[2 0]" {
				t.Errorf("the checks found %v", found)
			}
		})
	}
}

// TestStuck: a check whose rows the statement passes over ends, and says so.
func TestStuck(t *testing.T) {
	e := engines()[0]
	url := e.place(t, 100)
	f := planned(t, url, script(repeats, check("SELECT id FROM posts WHERE b <> 4")), options(url))
	_, err := fill.Work(context.Background(), f.ID, options(url))
	if fault.CodeOf(err) != fault.Check || !strings.Contains(err.Error(), "passes over these rows") {
		t.Fatalf("%v", err)
	}
}

// TestPartitions goes leaf by leaf, and into a leaf that was added meanwhile.
func TestPartitions(t *testing.T) {
	e := engines()[1]
	url := e.fresh(t)
	makeLedger(t, url)
	do(t, url, "CREATE TABLE posts (id bigint NOT NULL, day date NOT NULL, a bigint, b bigint, touched bigint DEFAULT 0, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
		"CREATE TABLE p1 PARTITION OF posts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
		"CREATE TABLE p2 PARTITION OF posts FOR VALUES FROM ('2021-01-01') TO ('2022-01-01')",
		"INSERT INTO posts (id, day, a) SELECT i, date '2020-01-01' + (i % 700)::int, i FROM generate_series(1, 1000) i")
	do(t, url, postgresCounts("posts", "id")...)
	o := options(url)
	f := planned(t, url, script("UPDATE posts SET b = posts.a * 2 WHERE :chunk"), o)
	if f.Strategy != "probe" || !strings.Contains(f.Reason, "partition by partition (2)") {
		t.Errorf("%s: %s", f.Strategy, f.Reason)
	}
	chunks := 0
	o.Point = func(name string) {
		if name == "committed" {
			if chunks++; chunks == 4 {
				do(t, url, "CREATE TABLE p3 PARTITION OF posts FOR VALUES FROM ('2022-01-01') TO ('2023-01-01')",
					"INSERT INTO posts (id, day, a) SELECT i, '2022-05-01', i FROM generate_series(2001, 2200) i")
			}
		}
	}
	if _, err := fill.Work(context.Background(), f.ID, o); err != nil {
		t.Fatal(err)
	}
	once(t, url, 1200)
}

// TestPages: a table without a key is gone through by its pages, by a statement
// that passes over what it has changed, and by no other.
func TestPages(t *testing.T) {
	e := engines()[1]
	url := e.fresh(t)
	makeLedger(t, url)
	do(t, url, "CREATE TABLE posts (id bigint, a bigint, b bigint, touched bigint DEFAULT 0, pad text)",
		"INSERT INTO posts (id, a, pad) SELECT i, i, repeat('x', 100) FROM generate_series(1, 5000) i", "ANALYZE posts")
	do(t, url, postgresCounts("posts", "id")...)
	c := session(t, url)
	defer c.Close()
	_, err := fill.Plan(context.Background(), c, script(double), revision.Up, options(url))
	if fault.CodeOf(err) != fault.Unsupported || !strings.Contains(err.Error(), "has no key") {
		t.Errorf("%v", err)
	}
	rep := filled(t, url, script(repeats), options(url))
	once(t, url, 5000)
	if rep.Status.Strategy != "pages" || rep.Status.ChunksDone < 5 {
		t.Errorf("%+v", rep.Status)
	}
}

// TestSeveralProcesses share the work: each row is changed once, and each process
// does some of it.
func TestSeveralProcesses(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			const rows = 4000
			url := e.place(t, rows)
			f := planned(t, url, script(double), options(url))
			var wg sync.WaitGroup
			for i := range 4 {
				wg.Go(func() {
					out, code, _ := child{URL: url, Fill: f.ID, Process: fmt.Sprint("p", i)}.run(t)
					if code != 0 {
						t.Errorf("process %d exits %d: %s", i, code, out)
					}
				})
			}
			wg.Wait()
			once(t, url, rows)
		})
	}
}

// TestControl: pause, set, resume and cancel from another session.
func TestControl(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 3000)
			o := options(url)
			f := planned(t, url, script(double), o)
			ctx := context.Background()
			c := session(t, url)
			defer c.Close()
			if err := fill.Pause(ctx, c, f.ID, o); err != nil {
				t.Fatal(err)
			}
			waits := make(chan struct{})
			o.Sink = event.SinkFunc(func(ev event.Event) {
				if _, ok := ev.(event.FillPaused); ok {
					close(waits)
				}
			})
			done := make(chan error, 1)
			go func() {
				_, err := fill.Work(ctx, f.ID, o)
				done <- err
			}()
			<-waits
			if s, err := fill.Read(ctx, c, options(url)); err != nil || s[0].State != "paused" || s[0].RowsDone != 0 {
				t.Errorf("%+v, %v", s, err)
			}
			most := int64(17)
			if err := fill.Set(ctx, c, f.ID, fill.Setting{Rows: &most}, o); err != nil {
				t.Fatal(err)
			}
			if err := fill.Resume(ctx, c, f.ID, o); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			once(t, url, 3000)
			if s, err := fill.Read(ctx, c, options(url)); err != nil || s[0].ChunkSize > 17 || s[0].ChunksDone < 3000/50 {
				t.Errorf("%+v, %v", s, err)
			}
			if err := finish(ctx, url, f.ID, o); err != nil {
				t.Fatal(err)
			}
			if err := fill.Cancel(ctx, c, f.ID, o); fault.CodeOf(err) != fault.Usage {
				t.Errorf("what is done was cancelled: %v", err)
			}
		})
	}
}

// TestInterrupt: a cancelled context ends the work between two chunks, and the
// same call goes on.
func TestInterrupt(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 2000)
			o := options(url)
			f := planned(t, url, script(double), o)
			ctx, cancel := context.WithCancel(context.Background())
			chunks := 0
			o.Point = func(name string) {
				if name == "changed" {
					if chunks++; chunks == 3 {
						cancel()
					}
				}
			}
			rep, err := fill.Work(ctx, f.ID, o)
			if fault.CodeOf(err) != fault.Interrupted || rep.Status.ChunksDone != 3 {
				t.Fatalf("%+v, %v", rep.Status, err)
			}
			if _, err := fill.Work(context.Background(), f.ID, options(url)); err != nil {
				t.Fatal(err)
			}
			once(t, url, 2000)
		})
	}
}

// TestDown goes back in chunks by the down section.
func TestDown(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 500)
			s := script(double, func(s *revision.Script) {
				s.Down = &revision.Section{SQL: "UPDATE posts SET b = -1 WHERE :chunk", At: fault.Pos{File: "7_fill.sql", Line: 9}}
			})
			filled(t, url, s, options(url))
			c := session(t, url)
			defer c.Close()
			f, err := fill.Plan(context.Background(), c, s, revision.Down, options(url))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := fill.Work(context.Background(), f.ID, options(url)); err != nil {
				t.Fatal(err)
			}
			if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = -1 AND touched = 2"); n != 500 {
				t.Errorf("%d rows went back", n)
			}
			if err := finish(context.Background(), url, f.ID, options(url)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestWorkers: several workers of one process share the work, and tell about it.
func TestWorkers(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 6000)
			o := options(url)
			rec := &recorder{}
			o.Sink, o.Workers = rec, 3
			filled(t, url, script(double, spec(func(s *revision.FillSpec) { s.Workers = 3 })), o)
			once(t, url, 6000)
			if n := len(of[event.FillStarted](rec)); n != 1 {
				t.Errorf("it started %d times", n)
			}
			done := of[event.FillDone](rec)
			if len(done) != 1 || done[0].State != "checked" || done[0].RowsChanged != 6000 || done[0].Err != nil {
				t.Errorf("%+v", done)
			}
			if n := number(t, url, "SELECT COUNT(*) FROM "+e.table("fill_worker")); n != 0 {
				t.Errorf("%d workers did not say that they left", n)
			}
		})
	}
}

// TestRowsDoneIsTrue: the number of rows that are done never passes that of all,
// grows to it, and is exact in the end, whatever an estimate of gaps has said.
func TestRowsDoneIsTrue(t *testing.T) {
	for _, e := range engines() {
		for name, body := range map[string]string{"counted": double, "conditional": repeats} {
			t.Run(e.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				url := e.place(t, 1100)
				do(t, url, "DELETE FROM posts WHERE id % 3 = 0 OR id BETWEEN 200 AND 400", "DELETE FROM posts WHERE id > 1050")
				total := number(t, url, "SELECT COUNT(*) FROM posts")
				o := options(url)
				f := planned(t, url, script(body), o)
				small(t, url, f.ID, 30)
				c := session(t, url)
				defer c.Close()
				last := int64(0)
				o.Point = func(name string) {
					if name != "committed" {
						return
					}
					all, err := fill.Read(context.Background(), c, o)
					if err != nil {
						t.Error(err)
						return
					}
					if s := all[0]; s.RowsTotal != total || s.RowsDone > total || s.RowsDone < last {
						t.Errorf("%d of %d rows are done, after %d of %d", s.RowsDone, s.RowsTotal, last, total)
					} else {
						last = s.RowsDone
					}
				}
				rep, err := fill.Work(context.Background(), f.ID, o)
				if err != nil {
					t.Fatal(err)
				}
				if s := rep.Status; s.RowsDone != total || s.RowsTotal != total || s.RowsChanged != total {
					t.Errorf("%d of %d rows, %d changed, not %d", s.RowsDone, s.RowsTotal, s.RowsChanged, total)
				}
			})
		}
	}
}

// TestFewerRowsThanThought: a chunk that is to be cut, because chunks are smaller
// now than when it was planned, and that has no two rows to cut between, is done.
func TestFewerRowsThanThought(t *testing.T) {
	for _, e := range engines() {
		for name, s := range map[string]revision.Script{"sql": script(double), "rows": byLogic(readAll, writeOne)} {
			t.Run(e.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				url := e.place(t, 1000)
				o := options(url)
				o.Logic.Functions = map[string]fill.Function{"double": doubles()}
				f := planned(t, url, s, o)
				thinned := false
				o.Point = func(name string) {
					if name == "committed" && !thinned {
						thinned = true
						do(t, url, "DELETE FROM posts WHERE id > 100 AND id % 50 <> 7 OR id > 300", "UPDATE "+e.table("fill_run")+" SET size = 1")
						small(t, url, f.ID, 1)
					}
				}
				if _, err := fill.Work(context.Background(), f.ID, o); err != nil {
					t.Fatal(err)
				}
				once(t, url, 104)
			})
		}
	}
}
