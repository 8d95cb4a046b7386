package fill_test

import (
	"errors"
	"testing"

	"github.com/bellowsdb/bellows/backfill"
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
