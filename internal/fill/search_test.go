package fill_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/revision"
)

// passed counts how often points are passed.
type passed struct {
	mu sync.Mutex
	n  map[string]int
}

func (p *passed) point(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n == nil {
		p.n = map[string]int{}
	}
	p.n[name]++
}

// asideAre demands that these rows are set aside, and that all others were changed
// once.
func asideAre(t *testing.T, url, id string, rows int64, want []string) {
	t.Helper()
	c := session(t, url)
	defer c.Close()
	list, err := fill.Poison(context.Background(), c, id, options(url))
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, p := range list {
		keys = append(keys, p.Key[0])
		if p.Reason == "" || p.State != "open" {
			t.Errorf("%+v", p)
		}
	}
	slices.Sort(keys)
	slices.Sort(want)
	if !slices.Equal(keys, want) {
		t.Errorf("set aside are %v, want %v", keys, want)
	}
	if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != rows-int64(len(want)) {
		t.Errorf("%d rows are right, want %d", n, rows-int64(len(want)))
	}
}

// TestSearch: wherever in its chunk a bad row stands, alone or beside others, in one
// transaction it is set aside and none but it, and the others are changed once.
func TestSearch(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 300)
			o := options(url)
			var count passed
			o.Point = count.point
			f := planned(t, url, script(double, poisons(99)), o)
			// Chunks of 50: the first, the last and neighbours; all of the third; none of the fourth.
			bad := []string{"1", "2", "50", "51", "77", "100", "225", "300"}
			for id := 101; id <= 150; id++ {
				bad = append(bad, fmt.Sprint(id))
			}
			do(t, url, "UPDATE posts SET a = 1000 WHERE id IN ("+strings.Join(bad, ", ")+")")
			strict(t, e, url)
			rep, err := fill.Work(context.Background(), f.ID, o)
			if fault.CodeOf(err) != fault.Repair {
				t.Fatalf("%v", err)
			}
			asideAre(t, url, f.ID, 300, bad)
			if count.n["search committed"] == 0 || count.n["split"] > 0 {
				t.Errorf("%v", count.n)
			}
			if s := rep.Status; s.RowsDone != int64(300-len(bad)) || s.RowsChanged != s.RowsDone || s.Poison != int64(len(bad)) {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestSearchOfDeferred: what is put off until COMMIT is asked for within a search,
// and left put off: two statements may break it between them.
func TestSearchOfDeferred(t *testing.T) {
	for _, e := range engines()[:2] { // MariaDB puts nothing off
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 100)
			do(t, url, "CREATE TABLE allowed (b "+e.integer+" PRIMARY KEY)", "INSERT INTO allowed SELECT id * 2 FROM posts WHERE id <> 31")
			if e.name == "sqlite" {
				do(t, url, "DROP TABLE posts", "CREATE TABLE posts (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER REFERENCES allowed DEFERRABLE INITIALLY DEFERRED, touched INTEGER NOT NULL DEFAULT 0)",
					fmt.Sprintf(e.series, 100))
			} else {
				do(t, url, "DROP TRIGGER posts_touch ON posts", "ALTER TABLE posts ADD CONSTRAINT b_allowed FOREIGN KEY (b) REFERENCES allowed DEFERRABLE INITIALLY DEFERRED")
			}
			o := options(url)
			var count passed
			o.Point = count.point
			f := planned(t, url, script("UPDATE posts SET b = -1, touched = touched + 1 WHERE :chunk;\nUPDATE posts SET b = a * 2 WHERE :chunk", poisons(3)), o)
			_, err := fill.Work(context.Background(), f.ID, o)
			if fault.CodeOf(err) != fault.Repair {
				t.Fatalf("%v", err)
			}
			asideAre(t, url, f.ID, 100, []string{"31"})
			if count.n["search committed"] == 0 || count.n["split"] > 0 {
				t.Errorf("%v", count.n)
			}
		})
	}
}

// TestSearchFailsAtCommit: what fails at COMMIT all the same is found by splitting.
func TestSearchFailsAtCommit(t *testing.T) {
	e := engines()[1]
	url := e.place(t, 40)
	do(t, url, "CREATE TABLE allowed (b bigint PRIMARY KEY)", "INSERT INTO allowed SELECT i * 2 FROM generate_series(0, 1000) i")
	o := options(url)
	f := planned(t, url, script(double, poisons(3)), o)
	do(t, url, "ALTER TABLE posts ADD CONSTRAINT b_allowed FOREIGN KEY (b) REFERENCES allowed DEFERRABLE INITIALLY DEFERRED",
		"ALTER TABLE posts ADD CONSTRAINT b_small CHECK (b < 60)", "UPDATE posts SET a = 30 WHERE id = 7", "UPDATE posts SET a = 1 WHERE a > 30 OR id = 30")
	var count passed
	var once sync.Once
	o.Point = func(name string) {
		count.point(name)
		if name == "searched" { // what was asked for is true no longer
			once.Do(func() { do(t, url, "DELETE FROM allowed WHERE b = 18") })
		}
	}
	if _, err := fill.Work(context.Background(), f.ID, o); fault.CodeOf(err) != fault.Repair {
		t.Fatalf("%v", err)
	}
	asideAre(t, url, f.ID, 40, []string{"7", "9"})
	if count.n["split"] == 0 {
		t.Errorf("%v", count.n)
	}
}

// TestSearchMeetsLock: a search that comes upon a row that the application has
// locked gives its rows back, and they are done by splitting.
func TestSearchMeetsLock(t *testing.T) {
	for _, e := range engines()[1:] {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 12)
			do(t, url, "UPDATE posts SET a = 1000 WHERE id = 7")
			o := options(url)
			f := planned(t, url, script(double, poisons(3)), o)
			strict(t, e, url)
			c := session(t, url)
			defer c.Close()
			ctx := context.Background()
			var once sync.Once
			o.Point = func(name string) {
				if name == "searching" {
					once.Do(func() {
						for _, sql := range []string{"BEGIN", "SELECT id FROM posts WHERE id = 3 FOR UPDATE"} {
							if _, err := c.Exec(ctx, sql); err != nil {
								t.Error(err)
							}
						}
					})
				}
			}
			done := make(chan error, 1)
			go func() {
				_, err := fill.Work(ctx, f.ID, o)
				done <- err
			}()
			for number(t, url, "SELECT COUNT(*) FROM posts WHERE b IS NOT NULL") < 10 {
				select {
				case err := <-done:
					t.Fatalf("it ended: %v", err)
				case <-time.After(20 * time.Millisecond):
				}
			}
			if _, err := c.Exec(ctx, "ROLLBACK"); err != nil {
				t.Fatal(err)
			}
			if err := <-done; fault.CodeOf(err) != fault.Repair {
				t.Fatalf("%v", err)
			}
			asideAre(t, url, f.ID, 12, []string{"7"})
		})
	}
}

// TestSearchSeesWhoComes: a row that comes to stand before a bad one while it is
// looked for is neither set aside with it nor left out.
func TestSearchSeesWhoComes(t *testing.T) {
	for _, e := range engines()[1:] { // who has the file is alone on SQLite
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 12)
			do(t, url, "UPDATE posts SET id = 1000 + id", "UPDATE posts SET id = (id - 1000) * 10", "UPDATE posts SET a = 1000 WHERE id = 70")
			o := options(url)
			f := planned(t, url, script(double, poisons(3)), o)
			strict(t, e, url)
			var once sync.Once
			o.Point = func(name string) {
				if name == "searching" {
					once.Do(func() { do(t, url, "INSERT INTO posts (id, a) VALUES (65, 5)") })
				}
			}
			if _, err := fill.Work(context.Background(), f.ID, o); fault.CodeOf(err) != fault.Repair {
				t.Fatalf("%v", err)
			}
			asideAre(t, url, f.ID, 13, []string{"70"})
		})
	}
}

// TestSearchTakesItsTime: a search that lasts too long commits what it has, and the
// rest of the chunk is another one.
func TestSearchTakesItsTime(t *testing.T) {
	e := engines()[0]
	url := testdb.SQLite(t)
	makeLedger(t, url)
	do(t, url, "PRAGMA journal_mode = wal", "CREATE TABLE posts (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, touched INTEGER NOT NULL DEFAULT 0)",
		fmt.Sprintf(e.series, 200))
	do(t, url, e.counts("posts", "id")...)
	do(t, url, "UPDATE posts SET a = 1000 WHERE id % 25 = 3")
	o := options(url)
	var count passed
	o.Point = func(name string) {
		count.point(name)
		if name == "tried" {
			late := time.Now().Add(25 * time.Millisecond)
			for time.Now().Before(late) { // each try takes more than the target
			}
		}
	}
	f := planned(t, url, script(double, poisons(20), spec(func(s *revision.FillSpec) { s.Target = 20 * time.Millisecond })), o)
	strict(t, e, url)
	if _, err := fill.Work(context.Background(), f.ID, o); fault.CodeOf(err) != fault.Repair {
		t.Fatalf("%v", err)
	}
	var bad []string
	for id := 3; id <= 200; id += 25 {
		bad = append(bad, fmt.Sprint(id))
	}
	asideAre(t, url, f.ID, 200, bad)
	if count.n["search committed"] <= 4 {
		t.Errorf("%v", count.n)
	}
}

// TestSearchOfRows: rows that the table refuses of those that a function works out
// are found in one transaction too, and nothing is worked out twice for that.
func TestSearchOfRows(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 100)
			do(t, url, "UPDATE posts SET a = 1000 WHERE id IN (1, 33, 34, 100)")
			o := logicOptions(url, doubles())
			var count passed
			f := planned(t, url, byLogic(readAll, writeOne, poisons(9)), o)
			strict(t, e, url)
			o.Point = count.point
			if _, err := fill.Work(context.Background(), f.ID, o); fault.CodeOf(err) != fault.Repair {
				t.Fatalf("%v", err)
			}
			asideAre(t, url, f.ID, 100, []string{"1", "33", "34", "100"})
			if count.n["tried"] == 0 || count.n["split"] > 0 {
				t.Errorf("%v", count.n)
			}
		})
	}
}
