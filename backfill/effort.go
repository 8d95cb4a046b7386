package backfill

import (
	"math"
	"time"
)

// The use of a limit, as a part of it, at which something is done: below Ease
// more effort is made, from Press on less, and from Full on none.
const (
	Ease  = 0.4
	Press = 0.7
	Full  = 1.0
)

// Effort is how hard a process works. What is given up first is the pause
// between chunks, then their size, then workers; what comes back comes in the
// opposite order, each step only a while after the one before it, so that its
// effect is seen. The zero value is a process of one worker that holds nothing
// back.
type Effort struct {
	Most    int // workers that the process has
	Stopped bool
	pause   lever
	size    lever
	idle    lever // workers that do nothing
}

// lever is one thing that can be given up, in steps.
type lever struct {
	at    int
	moved time.Time
}

// stage is how far a lever goes, and how long it rests after a step.
type stage struct {
	steps int
	rest  time.Duration
}

var (
	pauses = stage{4, time.Second}
	sizes  = stage{3, 3 * time.Second}
	crews  = 10 * time.Second // how long the number of workers rests
)

// Working is how many workers work.
func (e Effort) Working() int {
	if e.Stopped {
		return 0
	}
	return max(e.Most, 1) - e.idle.at
}

// Pause is how long a worker rests after a chunk that took so long.
func (e Effort) Pause(took time.Duration) time.Duration {
	if e.pause.at == 0 {
		return 0
	}
	return took / 2 << (e.pause.at - 1)
}

// Target is how long a chunk should take now, of what it should take otherwise;
// 0 stays the usual while nothing is given up.
func (e Effort) Target(target time.Duration) time.Duration {
	if e.size.at == 0 {
		return target
	}
	if target == 0 {
		target = UsualTarget
	}
	return max(target>>e.size.at, LeastTarget)
}

// Whole tells that nothing is given up.
func (e Effort) Whole() bool { return !e.Stopped && e.pause.at+e.size.at+e.idle.at == 0 }

// Next is the effort from a moment on at which the limit that is used most is
// used so much. A use that is no number is over the limit.
func (e Effort) Next(at time.Time, use float64) Effort {
	e.Stopped = use >= Full || math.IsNaN(use)
	switch {
	case e.Stopped:
		if working := max(e.Most, 1) - e.idle.at; working > 1 && at.Sub(e.idle.moved) >= crews {
			e.idle = lever{e.idle.at + (working+1)/2, at}
		}
	case use >= Press:
		e.press(at)
	case use < Ease:
		e.ease(at)
	}
	return e
}

// press gives one thing up, if what was given up last has had time to be felt.
func (e *Effort) press(at time.Time) {
	switch {
	case e.pause.at < pauses.steps:
		e.pause.move(1, at, pauses.rest)
	case e.size.at < sizes.steps:
		e.size.move(1, at, sizes.rest)
	case e.idle.at < max(e.Most, 1)-1:
		e.idle.move(1, at, crews)
	}
}

func (e *Effort) ease(at time.Time) {
	switch {
	case e.idle.at > 0:
		e.idle.move(-1, at, crews)
	case e.size.at > 0:
		e.size.move(-1, at, sizes.rest)
	case e.pause.at > 0:
		e.pause.move(-1, at, pauses.rest)
	}
}

func (l *lever) move(by int, at time.Time, rest time.Duration) {
	if at.Sub(l.moved) >= rest {
		l.at, l.moved = l.at+by, at
	}
}
