package fill_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/revision"
)

// at makes a function that does something when it is called for the n-th time.
func at(n int64, do func()) fill.Function {
	var calls atomic.Int64
	return func(ctx context.Context, rows []map[string]any) ([]fill.Answer, error) {
		if calls.Add(1) == n {
			do()
		}
		return doubles()(ctx, rows)
	}
}

// told calls a function of the room that another process would call.
func told(t *testing.T, url, id string, o fill.Options, f func(context.Context, db.Conn, string, fill.Options) error) {
	t.Helper()
	c := session(t, url)
	defer c.Close()
	if err := f(context.Background(), c, id, o); err != nil {
		t.Error(err)
	}
}

// TestControlOfRows: paused, workers write what they have in hand and wait; resumed,
// they go on; cancelled, they leave without it; interrupted, the same call goes on.
func TestControlOfRows(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			const rows = 400
			url := e.place(t, rows)
			o := logicOptions(url, doubles())
			p := planned(t, url, byLogic(readAll, writeOne), o)
			paused := 0
			o.Sink = event.SinkFunc(func(ev event.Event) {
				if _, ok := ev.(event.FillPaused); ok {
					paused++
					told(t, url, p.ID, o, fill.Resume)
				}
			})
			o.Logic.Functions["double"] = at(2, func() { told(t, url, p.ID, o, fill.Pause) })
			ctx, interrupt := context.WithCancel(context.Background())
			done := o
			done.Logic.Functions = map[string]fill.Function{"double": at(3, interrupt)}
			if _, err := fill.Work(ctx, p.ID, done); !fault.Has(err, fault.Interrupted) {
				t.Fatal(err)
			}
			if _, err := fill.Work(context.Background(), p.ID, o); err != nil {
				t.Fatal(err)
			}
			if paused == 0 {
				t.Error("it was not paused")
			}
			once(t, url, rows)
		})
	}
}

// TestCancelledRows: what was done is kept, and no lease is left.
func TestCancelledRows(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 400)
			o := logicOptions(url, doubles())
			p := planned(t, url, byLogic(readAll, writeOne), o)
			o.Logic.Functions["double"] = at(4, func() { told(t, url, p.ID, o, fill.Cancel) })
			if _, err := fill.Work(context.Background(), p.ID, o); !fault.Has(err, fault.Interrupted) {
				t.Fatal(err)
			}
			changed := number(t, url, "SELECT COUNT(*) FROM posts WHERE touched = 1 AND b = a * 2")
			if changed == 0 || changed == 400 || number(t, url, "SELECT COUNT(*) FROM posts WHERE touched > 0") != changed {
				t.Errorf("%d rows were changed", changed)
			}
			if n := number(t, url, "SELECT COUNT(*) FROM "+e.table("fill_lease")); n != 0 {
				t.Errorf("%d leases are left", n)
			}
		})
	}
}

// TestSlowRows: a worker keeps its chunk for as long as the rows take, by signs of
// life, beside another who would take it.
func TestSlowRows(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			const rows = 30
			url := e.place(t, rows)
			p := planned(t, url, byLogic(readAll, writeOne, spec(func(s *revision.FillSpec) { s.Workers = 2 })), logicOptions(url, doubles()))
			o := logicOptions(url, nil)
			o.Logic.Lease = 400 * 1e6
			until := "SELECT MAX(until) FROM " + e.table("fill_lease") + " WHERE seq = 1"
			if e.name == "postgres" {
				until = "SELECT MAX(until)::text FROM " + e.table("fill_lease") + " WHERE seq = 1"
			}
			var calls atomic.Int64
			o.Logic.Functions["double"] = func(ctx context.Context, all []map[string]any) ([]fill.Answer, error) {
				calls.Add(1)
				if all[0]["id"].(int64) == 1 {
					seen := map[string]bool{}
					for len(seen) < 8 { // it was renewed for twice as long as it lasts
						seen[text(t, url, until)] = true
					}
				}
				return doubles()(ctx, all)
			}
			o.Workers = 2
			if _, err := fill.Work(context.Background(), p.ID, o); err != nil {
				t.Fatal(err)
			}
			once(t, url, rows)
			if n := calls.Load(); n != 1 {
				t.Errorf("rows were worked out %d times", n)
			}
		})
	}
}
