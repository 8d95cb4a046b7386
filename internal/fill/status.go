package fill

import (
	"context"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/revision"
)

// Status is how far a backfill is, read from the database alone: every process
// sees the same numbers.
type Status struct {
	ID        string
	Revision  revision.ID
	Direction revision.Direction
	Table     string
	State     string // the ledger's, or "paused", or "checking"
	Strategy  string
	Reason    string

	RowsTotal, RowsDone, RowsChanged int64
	Poison, ChunksDone, ChunkSize    int64
	Sweep                            int
	Rate                             int64         // rows a second, all workers
	ETA                              time.Duration // 0 unknown
	Workers                          []ledger.Worker
	LimitedBy                        string
	Error, Code                      string
	StartedAt, FinishedAt            time.Time
	Setting                          Setting // as it is now
}

// workerTime is how long a worker that is not seen counts as there.
const workerTime = 10 * time.Second

// Read reads how far every backfill is.
func Read(ctx context.Context, c db.Conn, o Options) ([]Status, error) {
	led := ledger.New(c.Dialect(), o.Ledger)
	fills, err := led.Fills(ctx, c)
	if err != nil {
		return nil, err
	}
	all := make([]Status, 0, len(fills))
	for _, f := range fills {
		s, err := read(ctx, led, c, f, o)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func read(ctx context.Context, led ledger.Ledger, c db.Conn, f ledger.Fill, o Options) (Status, error) {
	s := Status{
		ID: f.ID, Revision: f.Revision, Direction: f.Direction, Table: f.Table, State: f.State, Strategy: f.Strategy, Reason: f.Reason,
		RowsTotal: f.Rows, ChunkSize: f.Size, Sweep: int(f.Sweep), Error: f.Error, Code: f.Code, StartedAt: f.StartedAt, FinishedAt: f.FinishedAt,
		Setting: Setting{Target: &f.Target, Pause: &f.Pause, Rows: &f.Ceiling, Workers: &f.Workers, Poison: &f.Poison},
	}
	if sp, err := readSpec(f); err == nil {
		s.Setting.Limits = sp.said(o)
	}
	over := f.Sweep > 1 || f.State == ledger.FillChecked || f.State == ledger.FillApplied
	var aside int64
	totals, err := led.Totals(ctx, c, f.ID)
	if err != nil {
		return s, err
	}
	for _, t := range totals {
		switch {
		case t.Kind == backfill.Check:
			if over = over || int64(t.Sweep) == f.Sweep; t.State == backfill.Todo {
				s.State = "checking"
			}
			continue
		case t.State == backfill.Done:
			s.ChunksDone += t.Chunks
			if t.Sweep == 1 {
				s.RowsDone += t.Rows
			}
		case t.State == backfill.Poison && t.Sweep == 1:
			aside += t.Rows
		}
		s.RowsChanged += t.Changed
	}
	s.gone(over, aside)
	if s.Poison, err = led.CountPoison(ctx, c, f.ID); err != nil {
		return s, err
	}
	if f.State != ledger.FillRunning {
		if s.State = f.State; f.State == ledger.FillPlanned && f.Want == ledger.WantPause {
			s.State = "paused"
		}
		return s, nil
	}
	if f.Want == ledger.WantPause {
		s.State = "paused"
	}
	if s.Workers, err = led.Workers(ctx, c, f.ID, workerTime); err != nil {
		return s, err
	}
	for _, w := range s.Workers {
		s.Rate += w.Rate
		if s.LimitedBy == "" {
			s.LimitedBy = w.Doing
		}
	}
	if s.Rate > 0 && s.RowsTotal > s.RowsDone {
		s.ETA = time.Duration(float64(s.RowsTotal-s.RowsDone) / float64(s.Rate) * float64(time.Second))
	}
	return s, nil
}

// gone settles how many rows were gone through. What the chunks add up to may be
// an estimate, which is never more than there are.
func (s *Status) gone(over bool, aside int64) {
	switch {
	case over:
		s.RowsDone = max(s.RowsTotal-aside, 0)
	default:
		s.RowsDone = min(s.RowsDone, max(s.RowsTotal-aside, 0))
	}
}

// report reads how a backfill was left. A session that broke meanwhile is
// replaced: the server may be on its way up, unless the workers lost their patience.
func (j *job) report(w *watched) (Report, error) {
	ctx, cancel := context.WithTimeout(context.Background(), planTime)
	defer cancel()
	for {
		f, err := j.led.ReadFill(ctx, w, j.id)
		if err == nil {
			var status Status
			if status, err = read(ctx, j.led, w, f, j.o); err == nil {
				return Report{Fill: f, Status: status}, nil
			}
		}
		if !isGone(err) || w.limits.Open == nil {
			return Report{}, err
		}
		for w.renew(ctx) != nil {
			if sleep(ctx, jitter(500*time.Millisecond)); ctx.Err() != nil || !j.patient() {
				return Report{}, err
			}
		}
	}
}

// begins tells that workers begin.
func (j *job) begins(ctx context.Context, s session, f ledger.Fill, workers int) {
	status, err := read(ctx, j.led, s, f, j.o)
	if err != nil {
		return // the workers will meet the same and tell
	}
	j.emit(event.FillStarted{ID: string(f.Revision), Table: f.Table, Direction: string(f.Direction), Strategy: f.Strategy, Reason: f.Reason,
		RowsTotal: status.RowsTotal, RowsDone: status.RowsDone, Workers: workers, Resumed: status.ChunksDone > 0})
}

// progress tells how far a backfill is.
func (j *job) progress(ctx context.Context, s session) error {
	f, err := j.led.ReadFill(ctx, s, j.id)
	if err != nil {
		return err
	}
	status, err := read(ctx, j.led, s, f, j.o)
	if err != nil {
		return err
	}
	e := event.FillProgress{ID: string(f.Revision), Table: f.Table, RowsTotal: status.RowsTotal, RowsDone: status.RowsDone, RowsChanged: status.RowsChanged,
		Rate: float64(status.Rate), ChunkSize: status.ChunkSize, Chunks: status.ChunksDone, Workers: len(status.Workers), Poison: status.Poison,
		Sweep: status.Sweep, LimitedBy: status.LimitedBy}
	if status.ETA > 0 {
		e.ETALeast, e.ETAMost = status.ETA*8/10, status.ETA*13/10
	}
	j.emit(e)
	return nil
}
