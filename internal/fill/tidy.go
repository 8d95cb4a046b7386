package fill

import (
	"context"
	"fmt"
	"time"
)

// tidyShare: the table is tidied after each such part of its rows was changed.
const tidyShare = 10

// tidy makes the space of old row versions usable again, on a session of its own
// beside the workers, so that the table does not grow to twice its size. One at
// a time; who is turned away is made up for after the next part. A failure is no
// failure of the backfill: it only costs room.
func (j *job) tidy() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.tidying || j.o.Open == nil {
		return
	}
	j.tidying = true
	parts := j.parts
	j.aside.Go(func() {
		ctx, cancel := context.WithCancel(j.ended)
		defer cancel()
		j.vacuum(ctx, parts)
		j.mu.Lock()
		defer j.mu.Unlock()
		j.tidying = false
	})
}

func (j *job) vacuum(ctx context.Context, parts []Part) {
	c, err := j.o.Open(ctx, j.app("tidy"))
	if err != nil {
		return
	}
	defer c.Close()
	lang, err := language(c)
	if err != nil {
		return
	}
	for _, p := range parts {
		if ctx.Err() != nil {
			return
		}
		_, _ = c.Exec(ctx, fmt.Sprintf(lang.Fill().Tidy, p.SQL))
	}
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
