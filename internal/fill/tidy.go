package fill

import (
	"context"
	"fmt"
	"time"
)

const (
	// tidyShare: the table is tidied after each such part of its rows was changed.
	tidyShare = 10
	// tidyWait is how long a worker waits for that where others are at work.
	tidyWait = 10 * time.Second
)

// tidier is the session that tidies, open from the first time to the end.
type tidier struct {
	worker       // as those who watch see it
	running bool // guarded by the job's mu
	done    chan struct{}
}

// tidy makes the space of old row versions usable again, on a session of its own
// beside the workers, so that the table does not grow to twice its size, and gives
// a channel that is closed when it has. One at a time; who is turned away is made
// up for after the next part. A failure is no failure of the backfill: it only
// costs room.
func (j *job) tidy() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	t := &j.tidier
	if t.running || j.o.Open == nil {
		return t.done
	}
	t.running, t.done = true, make(chan struct{})
	parts, done := j.parts, t.done
	j.aside.Go(func() {
		defer close(done)
		j.vacuum(j.ended, parts)
		j.mu.Lock()
		defer j.mu.Unlock()
		t.running = false
	})
	return done
}

func (j *job) vacuum(ctx context.Context, parts []Part) {
	t := &j.tidier
	if t.Conn == nil {
		c, err := j.o.Open(ctx, j.app("tidy"))
		if err != nil {
			return
		}
		lang, err := language(c)
		if err != nil {
			_ = c.Close()
			return
		}
		t.session = session{Conn: c, lang: lang, limits: j.o}
		j.mu.Lock()
		t.seat = c.Session()
		j.mu.Unlock()
	}
	for _, p := range parts {
		if ctx.Err() != nil {
			return
		}
		t.yield.Store(busy)
		j.point("tidying")
		_, err := t.Exec(ctx, fmt.Sprintf(t.lang.Fill().Tidy, p.SQL))
		j.point("tidied")
		if t.yield.Swap(resting) == yielding {
			return // somebody waits for the table's lock: after the next part
		}
		if isGone(err) {
			_ = t.Close()
			t.Conn = nil
			return
		}
	}
}

// closeTidier ends the session that tidies, when nothing runs on it any more.
func (j *job) closeTidier() {
	if j.tidier.Conn != nil {
		_ = j.tidier.Close()
	}
}

// tidies tidies, and waits for it, so that the table does not grow meanwhile by
// what the workers leave behind. Only who works alone, in this process and on this
// server, does not: all the others would keep more processors busy than there may
// be, and a COMMIT of the application needs one at each step on its way to the disk
// and back.
func (w *worker) tidies(ctx context.Context, workers int64) error {
	done := w.tidy()
	if done == nil || w.crewOf(workers) == 1 && !w.pressed.Load().company {
		return nil
	}
	w.point("tidy awaited")
	w.doing = "the table is being vacuumed"
	for until := time.Now().Add(tidyWait); time.Now().Before(until) && ctx.Err() == nil; {
		next := time.NewTimer(gaugeTime)
		select {
		case <-done:
			next.Stop()
			return nil
		case <-next.C:
		case <-ctx.Done():
			next.Stop()
		}
		w.worked()
		if err := w.idleBeat(ctx); err != nil {
			return err
		}
	}
	return nil
}

// rate is how many rows a second a worker did lately.
type rate struct {
	rows float64
	took time.Duration
}

// add counts a chunk; older ones count less and less.
func (r *rate) add(rows int64, took time.Duration) {
	const memory = 5 * time.Second
	if r.took > memory {
		r.rows *= float64(memory) / float64(r.took)
		r.took = memory
	}
	r.rows += float64(rows)
	r.took += took
}

func (r *rate) perSecond() int64 {
	if r.took <= 0 {
		return 0
	}
	return int64(r.rows / r.took.Seconds())
}
