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
	look := looker{waits: w.lang.Fill().Waits, stale: w.lang.Fill().Stale}
	told := time.Now()
	for {
		sleep(ctx, look.often())
		if ctx.Err() != nil {
			return
		}
		var err error
		if keyer, ok := w.Conn.(db.Keyer); ok {
			err = look.look(ctx, j, w.session, keyer)
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

// looker looks whether sessions of the application wait for chunks.
type looker struct {
	seen map[db.Waiting]bool // with the look before
	// Where the list of who waits is an old one while it is read often, their
	// number is looked at first, and the list read when there are some twice.
	waits  string
	stale  time.Duration
	twice  bool
	listed time.Time
}

// often is how long until the next look. Two in a row are needed, and a third
// statement where there is a list to be read behind them.
func (l *looker) often() time.Duration {
	if l.waits != "" {
		return lookTime * 2 / 3
	}
	return lookTime
}

func (l *looker) look(ctx context.Context, j *job, s session, keyer db.Keyer) (err error) {
	if l.waits == "" {
		l.seen, err = j.makeWay(ctx, keyer, func(who db.Waiting) bool { return l.seen[who] })
		return err
	}
	if len(j.working()) == 0 {
		return nil
	}
	line, err := firstLine(ctx, s, l.waits)
	if err != nil {
		return err
	}
	before := l.twice
	l.twice = len(line) > 0 && line[0] != "" && line[0] != "0"
	if !l.twice || !before || time.Since(l.listed) < l.stale+l.stale/10 {
		return nil
	}
	_, err = j.makeWay(ctx, keyer, func(db.Waiting) bool { return true })
	l.listed = time.Now().Add(rand.N(l.stale / 2)) // several processes look at different times
	return err
}

// makeWay cancels the chunks for which a session has been waiting for long, and
// gives who waits now. Where it may not be looked, the chunks' own time-outs hold.
func (j *job) makeWay(ctx context.Context, keyer db.Keyer, long func(db.Waiting) bool) (map[db.Waiting]bool, error) {
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
		if !long(who) {
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

// working are the workers that change rows at this moment, and who vacuums, by
// their sessions.
func (j *job) working() map[db.Session]*worker {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := map[db.Session]*worker{}
	for _, w := range j.members {
		if w.yield.Load() == busy {
			all[w.seat] = w
		}
	}
	if t := &j.tidier.worker; t.yield.Load() == busy {
		all[t.seat] = t
	}
	return all
}
