package fill

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/bellowsdb/bellows/db"
)

const (
	// lookTime is how often it is looked whether the application waits for us. A
	// session that is seen waiting twice makes the chunk give way, so nobody
	// waits for much more than twice as long.
	lookTime = 60 * time.Millisecond
	// tellTime is how often progress is told.
	tellTime = time.Second
)

// watch tells the progress, and makes workers give way for whom sessions of the
// application wait.
func (j *job) watch(ctx context.Context, w *watched) {
	var seen map[db.Waiting]bool
	told := time.Now()
	for {
		sleep(ctx, j.look(w.lang.Fill().Stale))
		if ctx.Err() != nil {
			return
		}
		var err error
		if keyer, ok := w.Conn.(db.Keyer); ok {
			seen, err = j.makeWay(ctx, keyer, seen)
		}
		if err == nil && time.Since(told) > tellTime && j.o.Sink != nil {
			told = time.Now()
			err = j.progress(ctx, w.session)
		}
		if isGone(err) && ctx.Err() == nil {
			_ = w.renew(ctx) // or with the next look
		}
	}
}

// look is how long until the next look. Where a list that is read often is an old
// one the looks of several processes are spread, so that it is made anew at times.
func (j *job) look(stale time.Duration) time.Duration {
	if stale == 0 {
		return lookTime
	}
	return stale + stale/10 + rand.N(stale/2)
}

// makeWay cancels the chunks for which a session has been waiting since the look
// before, and gives who waits now. Where it may not be looked, the chunks' own
// time-outs hold.
func (j *job) makeWay(ctx context.Context, keyer db.Keyer, seen map[db.Waiting]bool) (map[db.Waiting]bool, error) {
	working := j.working()
	sessions := make([]db.Session, 0, len(working))
	for s := range working {
		sessions = append(sessions, s)
	}
	waiting, err := keyer.Blocked(ctx, sessions)
	if err != nil {
		return nil, err
	}
	now := map[db.Waiting]bool{}
	for _, who := range waiting {
		now[who] = true
		if !seen[who] {
			continue
		}
		for s, w := range working {
			if s.PID == who.For && w.yield.CompareAndSwap(busy, yielding) {
				if err := keyer.Cancel(ctx, s); err != nil {
					return now, err
				}
			}
		}
	}
	return now, nil
}

// The states of a worker, as those who watch it see them.
const (
	resting int32 = iota
	busy
	yielding
)

// working are the workers that change rows at this moment, by their sessions.
func (j *job) working() map[db.Session]*worker {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := map[db.Session]*worker{}
	for _, w := range j.members {
		if w.yield.Load() == busy {
			all[w.seat] = w
		}
	}
	return all
}
