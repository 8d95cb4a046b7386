package fill_test

import (
	"context"
	"database/sql/driver"
	"strings"
	"sync"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/revision"
)

// small makes every chunk have that many rows at most.
func small(t *testing.T, url, id string, rows int64) {
	t.Helper()
	c := session(t, url)
	defer c.Close()
	if err := fill.Set(context.Background(), c, id, fill.Setting{Rows: &rows}, options(url)); err != nil {
		t.Fatal(err)
	}
}

const half = "SELECT id FROM posts WHERE b IS NULL OR b <> a * 2"

// TestCheckGoesOn: a process that is killed during the check leaves the chunks
// that were checked; the next one checks the others only.
func TestCheckGoesOn(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 600)
			f := planned(t, url, script(double, check(half)), options(url))
			small(t, url, f.ID, 50)
			out, _, killed := child{URL: url, Fill: f.ID, Process: "a", Kills: "check committed", KillAt: 5}.run(t)
			if !killed {
				t.Fatal(out)
			}
			done := number(t, url, "SELECT COUNT(*) FROM "+e.table("fill_chunk")+" WHERE kind = 'check' AND state = 'done'")
			if done != 5 {
				t.Fatalf("%d chunks are checked", done)
			}
			o, again := options(url), 0
			o.Point = func(name string) {
				if name == "check committed" {
					again++
				}
			}
			if _, err := fill.Work(context.Background(), f.ID, o); err != nil {
				t.Fatal(err)
			}
			if again < 12-5+1 || again > 13-5+1 { // one for the whole table
				t.Errorf("%d chunks of 12 were checked after 5 had been", again)
			}
			once(t, url, 600)
		})
	}
}

// TestCheckTogether: two workers check at the same time. The first waits, within
// its check, for the other to be in one.
func TestCheckTogether(t *testing.T) {
	for _, e := range engines()[1:] {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 600)
			f := planned(t, url, script(double, check(half)), options(url))
			small(t, url, f.ID, 50)
			o := options(url)
			o.Workers = 2
			met, ended := make(chan struct{}), make(chan struct{})
			var mu sync.Mutex
			inside, together := 0, false
			o.Point = func(name string) {
				switch name {
				case "checked":
					mu.Lock()
					inside++
					if inside == 2 && !together {
						together = true
						close(met)
					}
					mu.Unlock()
					select {
					case <-met:
					case <-ended:
					}
				case "check committed":
					mu.Lock()
					inside--
					mu.Unlock()
				}
			}
			stop := time.AfterFunc(time.Minute, func() { close(ended) }) // for a failure, not for a hang
			defer stop.Stop()
			if _, err := fill.Work(context.Background(), f.ID, o); err != nil {
				t.Fatal(err)
			}
			if !together {
				t.Error("no two workers checked at once")
			}
		})
	}
}

// TestCheckNamesRows: rows in different chunks are counted and named, the first
// of them; and a backfill whose check fails is not finished.
func TestCheckNamesRows(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 600)
			o := options(url)
			f := planned(t, url, script("UPDATE posts SET b = a * 2 WHERE a % 60 <> 0 AND :chunk", check("SELECT id, a FROM posts WHERE b IS NULL"),
				check("SELECT COUNT(*) FROM posts HAVING COUNT(*) <> 600")), o)
			small(t, url, f.ID, 50)
			_, err := fill.Work(context.Background(), f.ID, o)
			if fault.CodeOf(err) != fault.Check || !strings.Contains(err.Error(), "finds 10 rows of posts: id=60, a=60; id=120, a=120;") || strings.Contains(err.Error(), "id=360") {
				t.Fatalf("%v", err)
			}
			if err := finish(context.Background(), url, f.ID, o); fault.CodeOf(err) != fault.Partial {
				t.Errorf("it is finished: %v", err)
			}
			do(t, url, "UPDATE posts SET b = a * 2 WHERE b IS NULL", "DELETE FROM posts WHERE id = 600")
			if _, err = fill.Work(context.Background(), f.ID, o); fault.CodeOf(err) != fault.Check || !strings.Contains(err.Error(), "599") {
				t.Errorf("the check of the whole table is not asked: %v", err)
			}
			do(t, url, "INSERT INTO posts (id, a, b) VALUES (600, 1, 2)")
			if _, err = fill.Work(context.Background(), f.ID, o); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestCheckSeesWhatComes: a row that comes behind the last chunk, while the check
// is under way, is checked.
func TestCheckSeesWhatComes(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 200)
			o := options(url)
			f := planned(t, url, script(double, check(half)), o)
			small(t, url, f.ID, 50)
			came := false
			o.Point = func(name string) {
				if name == "check committed" && !came {
					came = true
					do(t, url, "INSERT INTO posts (id, a) VALUES (5000, 1)")
				}
			}
			_, err := fill.Work(context.Background(), f.ID, o)
			if fault.CodeOf(err) != fault.Check || !strings.Contains(err.Error(), "id=5000") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestCheckSeesWhatMoves: a row that was missed, and that gets a key behind the
// check while that is under way, is found all the same, and done.
func TestCheckSeesWhatMoves(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 200)
			do(t, url, "DELETE FROM posts WHERE id IN (20, 21, 199)")
			o := options(url)
			f := planned(t, url, script(repeats), o)
			passed := map[string]int{}
			o.Point = func(name string) {
				switch passed[name]++; {
				case name == "committed" && passed[name] == 3: // it comes behind the sweep
					do(t, url, "INSERT INTO posts (id, a) VALUES (20, 1)")
				case name == "committed" && passed[name] == 4:
					do(t, url, "UPDATE posts SET id = 199 WHERE id = 20")
					small(t, url, f.ID, 50)
				case name == "check committed" && passed[name] == 1: // what lies before it is checked
					do(t, url, "UPDATE posts SET id = 21 WHERE id = 199")
				}
			}
			rep, err := fill.Work(context.Background(), f.ID, o)
			if err != nil {
				t.Fatal(err)
			}
			once(t, url, 198)
			if rep.Status.Sweep != 2 || passed["check committed"] < 4 {
				t.Errorf("%d sweeps, passed %v", rep.Status.Sweep, passed)
			}
		})
	}
}

// slowly is a condition that is never true and takes some milliseconds of each row.
var slowly = map[string]string{
	"sqlite":   "(SELECT count(*) FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000 + posts.id * 0) SELECT i FROM n)) < 0",
	"postgres": "pg_sleep(0.003) IS NULL",
	"mariadb":  "BENCHMARK(20000, MD5(id)) <> 0",
}

// TestCheckOfTheWholeTakesLong: where the whole table cannot be read at once in
// the time there is, what was asked chunk by chunk has to do, and it is said.
func TestCheckOfTheWholeTakesLong(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 300)
			o := options(url)
			rec := &recorder{}
			o.Sink, o.Snapshot = rec, 50*time.Millisecond
			filled(t, url, script(double, check("SELECT id FROM posts WHERE b IS NULL OR "+slowly[e.name])), o)
			once(t, url, 300)
			if said := of[event.Warning](rec); len(said) != 1 || said[0].Code != "backfill.unanswered" || !strings.Contains(said[0].Text, "whole table at once takes too long") {
				t.Errorf("%+v", said)
			}
		})
	}
}

// TestCheckThatFails: a check that the server cannot answer for a row stops the
// backfill with its place, and sets no row aside.
func TestCheckThatFails(t *testing.T) {
	e := engines()[1]
	url := e.place(t, 200)
	f := planned(t, url, script(double, check("SELECT id FROM posts WHERE 1 / (id - 150) > 5"), spec(func(s *revision.FillSpec) { s.Poison = 5 })), options(url))
	_, err := fill.Work(context.Background(), f.ID, options(url))
	if err == nil || !strings.HasPrefix(err.Error(), "7_fill.sql:5") || !strings.Contains(err.Error(), "division by zero") {
		t.Errorf("%v", err)
	}
	if n := number(t, url, "SELECT COUNT(*) FROM bellows.fill_poison"); n != 0 {
		t.Errorf("%d rows are set aside", n)
	}
}

// sleeps gives every later session of SQLite a function that sleeps, which it has not.
var sleeps = sync.OnceFunc(func() {
	sqlite.MustRegisterScalarFunction("test_sleep", 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		time.Sleep(time.Duration(args[0].(int64)) * time.Millisecond)
		return int64(0), nil
	})
})

// TestTimeout: a statement that takes longer than its author allows is split, on
// each kind of database. Each row takes longer than nothing, so a chunk of many
// takes too long, and one of few does not, however busy the machine is.
func TestTimeout(t *testing.T) {
	sleeps()
	slow := map[string]string{
		"sqlite":   "UPDATE posts SET b = a * 2 + test_sleep(10 + 0 * id) WHERE :chunk",
		"postgres": "UPDATE posts SET b = a * 2 + (SELECT length(pg_sleep(0.01)::text) * 0) + 0 * id WHERE id = (SELECT posts.id FROM pg_sleep(0.01 + 0 * posts.id)) AND :chunk",
		"mariadb":  "UPDATE posts SET b = a * 2 + SLEEP(0.01 + 0 * id) WHERE :chunk",
	}
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			const rows = 60
			url := e.place(t, rows)
			o := options(url)
			rec := &recorder{}
			f := planned(t, url, script(slow[e.name], spec(func(s *revision.FillSpec) {
				s.Rows, s.Target = rows, 2*time.Second
				s.Body.StatementTimeout = 300 * time.Millisecond
			})), o)
			o.Sink = rec
			if _, err := fill.Work(context.Background(), f.ID, o); err != nil {
				t.Fatal(err)
			}
			once(t, url, rows)
			split := 0
			for _, trouble := range of[event.FillTrouble](rec) {
				if trouble.Action == "split" {
					split++
				}
			}
			if split == 0 {
				t.Errorf("nothing was split: %+v", of[event.FillTrouble](rec))
			}
		})
	}
}

// TestLockTimeout: a chunk waits for a row of the application's as long as its
// author says: here for as long as it takes.
func TestLockTimeout(t *testing.T) {
	e := engines()[1]
	url := e.place(t, 100)
	ctx := context.Background()
	f := planned(t, url, script(double, spec(func(s *revision.FillSpec) { s.Body.LockTimeout = time.Hour })), options(url))
	holder := session(t, url)
	defer holder.Close()
	for _, sql := range []string{"BEGIN", "SELECT id FROM posts WHERE id = 50 FOR UPDATE"} {
		if _, err := holder.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	o := options(url)
	rec := &recorder{}
	o.Sink = rec
	done := make(chan error, 1)
	go func() {
		_, err := fill.Work(ctx, f.ID, o)
		done <- err
	}()
	awaitBlocked(t, url, holder, done)
	if got := text(t, url, "SELECT setting FROM pg_settings WHERE name = 'lock_timeout'"); got == "3600000" {
		t.Error("the setting is every session's")
	}
	if _, err := holder.Exec(ctx, "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	once(t, url, 100)
}
