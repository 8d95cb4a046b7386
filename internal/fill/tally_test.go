package fill_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/plan"
)

// A count that stops goes on where it was, and finds the same as one that does
// not stop; rows that somebody let be are not found.
func TestCountGoesOn(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			url := e.place(t, 23000)
			c := session(t, url)
			defer c.Close()
			q := fill.Question{Table: plan.Name{Name: "posts"}, SQL: "(id % 5000 <> 7)"}
			var saved fill.Tally
			stop := errors.New("stopped")
			chunks := 0
			_, err := fill.Count(t.Context(), c, q, fill.Tally{}, options(url), func(got fill.Tally) error {
				if saved = got; chunks == 1 {
					return stop
				}
				chunks++
				return nil
			})
			if !errors.Is(err, stop) || saved.Done || saved.Rows == 0 || saved.Rows >= 23000 {
				t.Fatalf("it stopped with %v at %+v", err, saved)
			}
			all, err := fill.Count(t.Context(), c, q, saved, options(url), func(fill.Tally) error { return nil })
			if err != nil || !all.Done || all.Rows != 23000 || all.Found != 5 || len(all.Sample) != 5 {
				t.Fatalf("%v, %+v", err, all)
			}
			q.Except = []backfill.Bound{{"7"}, {"5007"}}
			all, err = fill.Count(t.Context(), c, q, fill.Tally{}, options(url), func(fill.Tally) error { return nil })
			if err != nil || all.Found != 3 || all.Sample[0] != "id=10007" {
				t.Fatalf("but for two, %v, %+v", err, all)
			}
		})
	}
}

// busy is a session that others are in the way of, at every other statement that
// counts.
type busy struct {
	db.Conn
	db.Keyer
	db.Watcher
	times int
}

func (b *busy) Query(ctx context.Context, sql string, args ...any) (db.Rows, error) {
	if strings.Contains(sql, "COUNT(*)") {
		if b.times++; b.times%2 == 1 {
			return nil, &db.Error{Class: db.Wait, Message: "busy"}
		}
	}
	return b.Conn.Query(ctx, sql, args...)
}

// A count waits for those who are in its way, and counts each row once.
func TestCountWaits(t *testing.T) {
	e := engines()[0]
	url := e.place(t, 23000)
	c := session(t, url)
	defer c.Close()
	b := &busy{Conn: c, Keyer: c.(db.Keyer), Watcher: c.(db.Watcher)}
	q := fill.Question{Table: plan.Name{Name: "posts"}, SQL: "(id % 5000 <> 7)"}
	all, err := fill.Count(t.Context(), b, q, fill.Tally{}, options(url), func(fill.Tally) error { return nil })
	if err != nil || !all.Done || all.Rows != 23000 || all.Found != 5 || b.times < 6 {
		t.Fatalf("%v, %+v, asked %d times", err, all, b.times)
	}
}
