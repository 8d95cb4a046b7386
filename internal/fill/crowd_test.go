package fill_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/revision"
)

// row is what a writer of the application knows of a row of posts (id, a, b, c):
// a never changes, b is to be a * 2 unless the application has set it.
type row struct {
	a, c int64
	b    *int64
}

// writer is a part of the application. The keys it uses are its own, so that its
// model is exact; rows of all writers lie side by side.
type writer struct {
	t      *testing.T
	e      engine
	number int64
	rng    *rand.Rand
	conn   db.Conn
	model  map[int64]*row
	keys   []int64 // of the model, in no order
}

const (
	crowd     = 3
	crowdRows = 1200
	crowdKeys = 900
)

// TestCrowd: while a backfill runs, the application inserts, updates, changes
// keys, deletes and upserts, first as its old release, which does not know the
// new column, then as its new one, which does. At the end each row is as the
// application left it, and has the backfill's value where the application set
// none.
func TestCrowd(t *testing.T) { inCrowd(t, script(repeats)) }

// TestCrowdOfRows: the same where a function works out the rows, which are read
// before the application changes them and written after. The write does not say
// that it passes over rows that have a value: that they are as they were read does.
func TestCrowdOfRows(t *testing.T) { inCrowd(t, byLogic(readLeft, writeOne)) }

func inCrowd(t *testing.T, s revision.Script) {
	spec(func(s *revision.FillSpec) { s.Rows, s.Workers = 20, 2 })(&s)
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.fresh(t)
			makeLedger(t, url)
			do(t, url, "CREATE TABLE posts (id "+e.integer+" NOT NULL PRIMARY KEY, a bigint NOT NULL, b bigint, c bigint NOT NULL DEFAULT 0)", fmt.Sprintf(e.series, 2*crowdRows),
				"DELETE FROM posts WHERE id % 2 = 0") // so that rows can come between others
			o := logicOptions(url, doubles())
			rec := &recorder{}
			o.Sink, o.Workers = rec, 2
			f := planned(t, url, s, o)
			most := int64(20)
			c := session(t, url)
			defer c.Close()
			if err := fill.Set(context.Background(), c, f.ID, fill.Setting{Rows: &most}, o); err != nil {
				t.Fatal(err)
			}
			all := surround(t, e, url, f.ID, o)
			ended := 0
			for _, w := range all {
				ended += w.compare(url)
			}
			if n := number(t, url, "SELECT COUNT(*) FROM posts"); n != int64(ended) {
				t.Errorf("there are %d rows, and the application knows of %d", n, ended)
			}
			sweeps := of[event.FillSwept](rec)
			if len(sweeps) < 4 {
				t.Errorf("no row came behind the backfill, so this proves little: %+v", sweeps)
			}
			t.Logf("%d rows at the end, %+v", ended, sweeps)
		})
	}
}

// surround works on the backfill among writers. With each chunk the application
// does some steps, and at half the chunks of the first sweep its new release
// comes.
func surround(t *testing.T, e engine, url, id string, o fill.Options) []*writer {
	var released atomic.Bool
	var chunks atomic.Int64
	steps, stop := make(chan struct{}, 12), make(chan struct{})
	o.Point = func(name string) {
		if name != "committed" {
			return
		}
		if chunks.Add(1) == crowdRows/20/2 {
			released.Store(true)
		}
		for range 8 {
			<-steps
		}
	}
	var all []*writer
	var wg sync.WaitGroup
	for i := range int64(crowd) {
		w := newWriter(t, e, url, i)
		all = append(all, w)
		wg.Go(func() {
			defer w.conn.Close()
			for !t.Failed() {
				w.step(released.Load())
				select {
				case steps <- struct{}{}:
				case <-stop:
					return
				}
			}
			for { // a failure does not hold the backfill up
				select {
				case steps <- struct{}{}:
				case <-stop:
					return
				}
			}
		})
	}
	_, err := fill.Work(context.Background(), id, o)
	close(stop)
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func newWriter(t *testing.T, e engine, url string, number int64) *writer {
	w := &writer{t: t, e: e, number: number, rng: rand.New(rand.NewSource(number)), conn: session(t, url), model: map[int64]*row{}}
	for id := int64(1); id <= 2*crowdRows; id += 2 {
		if id%crowd == number {
			w.put(id, &row{a: id % 1000})
		}
	}
	return w
}

func (w *writer) put(id int64, r *row) {
	if w.model[id] == nil {
		w.keys = append(w.keys, id)
	}
	w.model[id] = r
}

// exec is a statement of the application, again while it is told to do it again.
func (w *writer) exec(format string, args ...any) {
	for {
		_, err := w.conn.Exec(context.Background(), fmt.Sprintf(format, args...))
		var e *db.Error
		if errors.As(err, &e) && e.Class == db.Wait {
			continue
		}
		if err != nil {
			w.t.Errorf("%s: %v", fmt.Sprintf(format, args...), err)
		}
		return
	}
}

// transaction are several statements of the application, all or none of them;
// undone, the application takes them back itself.
func (w *writer) transaction(undone bool, sqls ...string) {
	begin, end := "BEGIN", "COMMIT"
	if w.e.name == "sqlite" {
		begin = "BEGIN IMMEDIATE"
	}
	if undone {
		end = "ROLLBACK"
	}
	items := []db.Item{{SQL: begin}}
	for _, sql := range sqls {
		items = append(items, db.Item{SQL: sql})
	}
	items = append(items, db.Item{SQL: end})
	for {
		err := w.conn.Send(context.Background(), items, nil)
		if err == nil {
			return
		}
		_, _ = w.conn.Exec(context.Background(), "ROLLBACK")
		var e *db.Error
		if !errors.As(err, &e) || e.Class != db.Wait {
			w.t.Errorf("%v: %v", sqls, err)
			return
		}
	}
}

// two changes two rows in one transaction, or takes that back: one gets the other
// release's value, the other a count and, before the release, another key.
func (w *writer) two(released bool) {
	_, first := w.some()
	i, second := w.some()
	if first == second {
		return
	}
	undone, value := w.rng.Intn(3) == 0, w.rng.Int63n(1000000)+1000000
	to := second
	if !released {
		to = w.free()
	}
	w.transaction(undone, fmt.Sprintf("UPDATE posts SET b = %d WHERE id = %d", value, first),
		fmt.Sprintf("UPDATE posts SET c = c + 1, id = %d WHERE id = %d", to, second))
	if undone {
		return
	}
	w.model[first].b = &value
	r := w.model[second]
	r.c++
	delete(w.model, second)
	w.keys[i], w.model[to] = to, r
}

// some is a key of the model; free one that is not in it.
func (w *writer) some() (int, int64) {
	i := w.rng.Intn(len(w.keys))
	return i, w.keys[i]
}

func (w *writer) free() int64 {
	for {
		if id := w.rng.Int63n(crowdKeys)*crowd + w.number; w.model[id] == nil {
			return id
		}
	}
}

// step is one statement of the application. Only the old release writes rows
// without b, or gives rows another key.
func (w *writer) step(released bool) {
	i, id := w.some()
	r := w.model[id]
	value := w.rng.Int63n(1000000) + 1000000
	switch op := w.rng.Intn(9); {
	case op >= 7:
		w.two(released)
	case op == 0:
		w.exec("UPDATE posts SET c = c + 1 WHERE id = %d", id)
		r.c++
	case op == 1:
		w.exec("UPDATE posts SET b = %d WHERE id = %d", value, id)
		r.b = &value
	case op == 2:
		w.exec("DELETE FROM posts WHERE id = %d", id)
		delete(w.model, id)
		w.keys[i] = w.keys[len(w.keys)-1]
		w.keys = w.keys[:len(w.keys)-1]
	case op == 3 && !released:
		to := w.free()
		w.exec("UPDATE posts SET id = %d WHERE id = %d", to, id)
		delete(w.model, id)
		w.keys[i], w.model[to] = to, r
	case op == 4:
		w.upsert(id, value, released)
	case op == 5:
		w.upsert(w.free(), value, released)
	case released:
		id = w.free()
		w.exec("INSERT INTO posts (id, a, b) VALUES (%d, 5, %d)", id, value)
		w.put(id, &row{a: 5, b: &value})
	default:
		id = w.free()
		w.exec("INSERT INTO posts (id, a) VALUES (%d, 6)", id)
		w.put(id, &row{a: 6})
	}
}

// upsert inserts a row, or changes the one with that key.
func (w *writer) upsert(id, value int64, released bool) {
	clash := "ON CONFLICT (id) DO UPDATE SET"
	if w.e.name == "mariadb" {
		clash = "ON DUPLICATE KEY UPDATE"
	}
	r := w.model[id]
	if r == nil {
		r = &row{a: 7, c: -1}
		w.put(id, r)
	}
	r.c++
	if !released {
		w.exec("INSERT INTO posts (id, a) VALUES (%d, 7) %s c = posts.c + 1", id, clash)
		return
	}
	w.exec("INSERT INTO posts (id, a, b) VALUES (%d, 7, %d) %s b = %d, c = posts.c + 1", id, value, clash, value)
	r.b = &value
}

// compare demands of the table what the model says, and counts the model's rows.
func (w *writer) compare(url string) int {
	w.t.Helper()
	var want []string
	c := session(w.t, url)
	defer c.Close()
	rows, err := c.Query(context.Background(), fmt.Sprintf("SELECT id, a, b, c FROM posts WHERE id %% %d = %d", crowd, w.number))
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	seen := 0
	for rows.Next() {
		var id, a, c int64
		var b *int64
		if err := rows.Scan(&id, &a, &b, &c); err != nil {
			w.t.Fatal(err)
		}
		seen++
		switch r := w.model[id]; {
		case r == nil:
			want = append(want, fmt.Sprintf("row %d was deleted", id))
		case b == nil:
			want = append(want, fmt.Sprintf("row %d was missed", id))
		case r.b != nil && *b != *r.b:
			want = append(want, fmt.Sprintf("row %d: b was set to %d and is %d", id, *r.b, *b))
		case r.b == nil && *b != a*2 || a != r.a || c != r.c:
			want = append(want, fmt.Sprintf("row %d is a %d, b %d, c %d, not a %d, c %d", id, a, *b, c, r.a, r.c))
		}
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	if seen != len(w.model) || len(want) > 0 {
		w.t.Errorf("%d rows of %d; %s", seen, len(w.model), strings.Join(want[:min(len(want), 10)], "\n"))
	}
	return len(w.model)
}
