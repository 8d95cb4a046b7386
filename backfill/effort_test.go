package backfill_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bellowsdb/bellows/backfill"
)

var epoch = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// run lets a use hold for so many seconds.
func run(e backfill.Effort, from time.Time, seconds int, use float64) (backfill.Effort, time.Time) {
	for range seconds {
		from = from.Add(time.Second)
		e = e.Next(from, use)
	}
	return e, from
}

func TestEffort(t *testing.T) {
	e, at := run(backfill.Effort{Most: 4}, epoch, 60, 0.39)
	if !e.Whole() || e.Working() != 4 || e.Pause(time.Second) != 0 || e.Target(0) != 0 {
		t.Errorf("nothing presses, and it holds back: %+v", e)
	}
	e, at = run(e, at, 1, 0.7)
	if e.Whole() || e.Working() != 4 || e.Pause(time.Second) != time.Second/2 || e.Target(0) != 0 {
		t.Errorf("the pause comes first: %+v", e)
	}
	e, at = run(e, at, 4, 0.9)
	if e.Pause(time.Second) != 4*time.Second || e.Target(80*time.Millisecond) != 40*time.Millisecond || e.Working() != 4 {
		t.Errorf("then the size: %+v", e)
	}
	e, at = run(e, at, 8, 0.9)
	if e.Target(200*time.Millisecond) != 25*time.Millisecond || e.Working() != 3 {
		t.Errorf("then workers: %+v", e)
	}
	held, at := run(e, at, 100, 0.5)
	if held != e {
		t.Errorf("between the two it holds: %+v, %+v", e, held)
	}
	e, at = run(held, at, 1, 1)
	if !e.Stopped || e.Working() != 0 || e.Whole() {
		t.Errorf("at the limit it stops: %+v", e)
	}
	e, at = run(e, at, 1, 0.5)
	if e.Stopped || e.Working() != 1 {
		t.Errorf("half of the workers come back: %+v", e)
	}
	e, _ = run(e, at, 200, 0)
	if !e.Whole() || e.Working() != 4 {
		t.Errorf("and all, when it is calm: %+v", e)
	}
	if e := (backfill.Effort{}).Next(epoch, math.NaN()); !e.Stopped {
		t.Error("what is not known counts as too much")
	}
}

// TestEffortStaysWithin: whatever happens, the effort keeps to its bounds, stops
// exactly while the limit is met, and never gives up the last worker otherwise.
func TestEffortStaysWithin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(0, 9).Draw(t, "workers")
		e, at := backfill.Effort{Most: most}, epoch
		for range rapid.IntRange(1, 80).Draw(t, "looks") {
			at = at.Add(time.Duration(rapid.IntRange(1, 8000).Draw(t, "ms")) * time.Millisecond)
			use := rapid.Float64Range(0, 1.5).Draw(t, "use")
			was := e
			e = e.Next(at, use)
			if e.Stopped != (use >= 1) {
				t.Fatalf("use %v, stopped %v", use, e.Stopped)
			}
			if n := e.Working(); !e.Stopped && (n < 1 || n > max(most, 1)) {
				t.Fatalf("%d workers of %d", n, most)
			}
			if p := e.Pause(time.Second); p < 0 || p > 4*time.Second {
				t.Fatalf("pause %v", p)
			}
			if d := e.Target(0); d != 0 && (d < backfill.LeastTarget || d > backfill.UsualTarget) {
				t.Fatalf("target %v", d)
			}
			if use >= 0.4 && use < 0.7 && !was.Stopped && e != was {
				t.Fatalf("it does not hold: %+v, %+v", was, e)
			}
		}
		calm, _ := run(e, at, 300, 0)
		if !calm.Whole() {
			t.Fatalf("it does not recover: %+v", calm)
		}
		least, _ := run(e, at, 300, 0.99)
		if least.Stopped || least.Working() != 1 || least.Pause(time.Second) != 4*time.Second {
			t.Fatalf("it does not give way: %+v", least)
		}
	})
}

// TestEffortMovesOneAtATime: with each look at most one thing changes by one step,
// and none again before it had time to be felt; and who is pressed more never
// makes more effort.
func TestEffortMovesOneAtATime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, at := backfill.Effort{Most: rapid.IntRange(1, 5).Draw(t, "workers")}, epoch
		for range rapid.IntRange(1, 60).Draw(t, "looks") {
			at = at.Add(time.Duration(rapid.IntRange(1, 4000).Draw(t, "ms")) * time.Millisecond)
			a, b := rapid.Float64Range(0, 0.99).Draw(t, "use"), rapid.Float64Range(0, 0.99).Draw(t, "other use")
			less, more := e.Next(at, min(a, b)), e.Next(at, max(a, b))
			if power(more) > power(less) {
				t.Fatalf("pressed more it does more: %+v, %+v", less, more)
			}
			now := e.Next(at, a)
			if !e.Stopped && math.Abs(math.Log2(power(now)/power(e))) > 2 {
				t.Fatalf("more than one step: %+v, %+v", e, now)
			}
			if again := now.Next(at.Add(time.Millisecond), a); !now.Whole() && moved(e, now) && again != now && !other(now, again) {
				t.Fatalf("it moves again at once: %+v, %+v", now, again)
			}
			e = now
		}
	})
}

// power is how much is done: the share of the time, times the size, times workers.
func power(e backfill.Effort) float64 {
	duty := float64(time.Second) / float64(time.Second+e.Pause(time.Second))
	return duty * float64(e.Target(160*time.Millisecond)) * float64(e.Working())
}

func moved(a, b backfill.Effort) bool { return power(a) != power(b) }

// other tells whether it was another thing that moved this time.
func other(a, b backfill.Effort) bool {
	changed := 0
	for _, same := range []bool{a.Pause(time.Second) == b.Pause(time.Second), a.Target(160*time.Millisecond) == b.Target(160*time.Millisecond), a.Working() == b.Working()} {
		if !same {
			changed++
		}
	}
	return changed == 1
}
