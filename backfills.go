package bellows

import (
	"context"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/revision"
)

// Backfill is how far a backfill is. Every process sees the same numbers: they
// are read from the database alone.
type Backfill struct {
	Revision  string
	Name      string
	Direction string // "up" or "down"
	Table     string
	// State is planned, running, paused, checking, stopped, checked, applied or cancelled.
	State string
	// Strategy is how the table is gone through, Reason why so.
	Strategy, Reason string
	// RowsTotal is an estimate until all rows were gone through once.
	RowsTotal, RowsDone, RowsChanged int64
	Poison                           int64 // rows set aside that nobody has decided about
	ChunksDone, ChunkSize            int64
	Sweep                            int           // how often the whole range was gone through, from 1
	Rate                             int64         // rows a second, all workers together
	ETA                              time.Duration // 0: not known
	Workers                          int
	LimitedBy                        string // what holds it back now; "" nothing
	Error                            string // why it stopped; "" when it did not
	StartedAt, FinishedAt            time.Time
	// Setting is what holds now; no field but Limits is nil.
	Setting BackfillSetting
}

// PoisonRow is a row whose change failed and that was set aside.
type PoisonRow struct {
	Key      string
	Code     string
	Reason   string
	State    string // open, fixed or waived
	Attempts int64
	By, Why  string // who waived it, and why
}

// BackfillSetting is what can be tuned while a backfill runs; nil leaves it as
// it is.
type BackfillSetting struct {
	Rows    *int64         // most rows in a chunk
	Target  *time.Duration // how long a chunk should take
	Pause   *time.Duration // between two chunks of a worker
	Workers *int64         // in each process that joins from now on
	Poison  *int64         // most rows set aside
	// Limits are set one by one, by the names of the documentation; "off" ends one,
	// "usual" takes back what was set. In a [Backfill] they are those that somebody
	// has set.
	Limits map[string]string
}

// Backfills tells how far every backfill is, the newest last.
func (m *Migrator) Backfills(ctx context.Context) ([]Backfill, error) {
	runner, end, err := m.begin("backfill")
	if err != nil {
		return nil, err
	}
	defer end()
	all, err := runner.Fills(ctx)
	out := make([]Backfill, 0, len(all))
	for _, s := range all {
		out = append(out, m.backfillOf(s))
	}
	return out, err
}

func (m *Migrator) backfillOf(s fill.Status) Backfill {
	rev, _ := m.base.Lookup(s.Revision)
	return Backfill{Revision: string(s.Revision), Name: rev.Name, Direction: string(s.Direction), Table: s.Table, State: s.State,
		Strategy: s.Strategy, Reason: s.Reason, RowsTotal: s.RowsTotal, RowsDone: s.RowsDone, RowsChanged: s.RowsChanged,
		Poison: s.Poison, ChunksDone: s.ChunksDone, ChunkSize: s.ChunkSize, Sweep: s.Sweep, Rate: s.Rate, ETA: s.ETA,
		Workers: len(s.Workers), LimitedBy: s.LimitedBy, Error: s.Error, StartedAt: s.StartedAt, FinishedAt: s.FinishedAt,
		Setting: settingOf(s.Setting)}
}

// settingOf is what holds, the usual in the place of zero.
func settingOf(s fill.Setting) BackfillSetting {
	rows, target, workers := *s.Rows, *s.Target, max(*s.Workers, 1)
	if rows == 0 {
		rows = backfill.MostRows
	}
	if target == 0 {
		target = backfill.UsualTarget
	}
	return BackfillSetting{Rows: &rows, Target: &target, Pause: s.Pause, Workers: &workers, Poison: s.Poison, Limits: s.Limits}
}

// RunBackfills joins the backfills that are under way, the one of a revision or,
// with "", all, and works on them beside whoever else does until they are at
// their end. The report names those that were recorded as applied or reverted.
func (m *Migrator) RunBackfills(ctx context.Context, id string, workers int) (Report, error) {
	ups, downs, err := m.underWay(ctx, id)
	if err != nil {
		return Report{}, err
	}
	var rep Report
	if len(ups) > 0 {
		rep, err = m.UpWith(ctx, Request{Verb: "backfill", Only: ups, Wait: true, Workers: workers})
	}
	if len(downs) > 0 && err == nil {
		var down Report
		down, err = m.DownWith(ctx, Request{Verb: "backfill", Only: downs, Workers: workers})
		rep.Run, rep.Reverted = down.Run, down.Reverted
		rep.Duration += down.Duration
	}
	return rep, err
}

// underWay are the revisions whose backfills are not at their end.
func (m *Migrator) underWay(ctx context.Context, id string) (ups, downs []string, err error) {
	all, err := m.Backfills(ctx)
	if err != nil {
		return nil, nil, err
	}
	if id != "" {
		rev, err := m.oneRevision(id)
		if err != nil {
			return nil, nil, err
		}
		id = string(rev.ID)
	}
	for _, b := range all {
		switch {
		case id != "" && b.Revision != id || b.State == "applied" || b.State == "cancelled":
		case b.Direction == string(revision.Down):
			downs = append(downs, b.Revision)
		default:
			ups = append(ups, b.Revision)
		}
	}
	if len(ups)+len(downs) == 0 && id != "" {
		return nil, nil, fault.New(fault.Target, "no backfill of %s is under way", id).Try("bellows up plans it; bellows backfill status lists them")
	}
	return ups, downs, nil
}

// PauseBackfill makes the workers of a backfill, wherever they are, wait after
// the chunk they are at.
func (m *Migrator) PauseBackfill(ctx context.Context, id string) error {
	return m.tell(ctx, id, fill.Pause)
}

// ResumeBackfill makes them go on.
func (m *Migrator) ResumeBackfill(ctx context.Context, id string) error {
	return m.tell(ctx, id, fill.Resume)
}

// CancelBackfill gives a backfill up. What was done is kept; the migration is
// pending again, or after a way down still applied, and a later Up or Down begins
// it anew.
func (m *Migrator) CancelBackfill(ctx context.Context, id string) error {
	return m.tell(ctx, id, fill.Cancel)
}

// SetBackfill tunes a backfill; workers read it with their next chunk.
func (m *Migrator) SetBackfill(ctx context.Context, id string, s BackfillSetting) error {
	return m.tell(ctx, id, func(ctx context.Context, c db.Conn, id string, o fill.Options) error {
		return fill.Set(ctx, c, id, fill.Setting{Rows: s.Rows, Target: s.Target, Pause: s.Pause, Workers: s.Workers, Poison: s.Poison, Limits: s.Limits}, o)
	})
}

// Poison lists the rows of a backfill that were set aside.
func (m *Migrator) Poison(ctx context.Context, id string) ([]PoisonRow, error) {
	var out []PoisonRow
	err := m.tell(ctx, id, func(ctx context.Context, c db.Conn, id string, o fill.Options) error {
		rows, err := fill.Poison(ctx, c, id, o)
		for _, p := range rows {
			out = append(out, PoisonRow{Key: keyShown(p.Key), Code: string(p.Code), Reason: p.Reason, State: p.State, Attempts: p.Tries, By: p.Actor, Why: p.Why})
		}
		return err
	})
	return out, err
}

// keyShown is a key as people write it: the value itself, or JSON for several.
func keyShown(key backfill.Bound) string {
	if len(key) == 1 {
		return key[0]
	}
	return key.String()
}

// RetryPoison puts rows that were set aside back to be done: the one of a key as
// [Migrator.Poison] spells it, or with "" all. RunBackfills then goes on.
func (m *Migrator) RetryPoison(ctx context.Context, id, key string) error {
	return m.tell(ctx, id, func(ctx context.Context, c db.Conn, id string, o fill.Options) error {
		return fill.Retry(ctx, c, id, key, o)
	})
}

// WaivePoison lets rows that were set aside be as they are, and records why.
func (m *Migrator) WaivePoison(ctx context.Context, id, key, why string) error {
	return m.tell(ctx, id, func(ctx context.Context, c db.Conn, id string, o fill.Options) error {
		return fill.Waive(ctx, c, id, key, why, o)
	})
}

// tell does something to the backfill of a revision; with "" to the only one
// that is under way.
func (m *Migrator) tell(ctx context.Context, id string, do func(context.Context, db.Conn, string, fill.Options) error) error {
	if id != "" {
		rev, err := m.oneRevision(id)
		if err != nil {
			return err
		}
		id = string(rev.ID)
	}
	runner, end, err := m.begin("backfill")
	if err != nil {
		return err
	}
	defer end()
	return runner.Fill(ctx, revision.ID(id), do)
}
