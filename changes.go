package bellows

import (
	"context"
	"time"

	"github.com/bellowsdb/bellows/change"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/internal/run"
	"github.com/bellowsdb/bellows/revision"
)

// Change is how far a change is, as the database tells it.
type Change struct {
	Revision, Name string
	Table          string
	Old, New       []string
	// Phase is the one at hand: expand, sync, backfill, verify, hold; contract and
	// purge once they are done.
	Phase string
	// Gate is what must be so before it goes on, WaitingFor what is missing.
	Gate       string
	WaitingFor []string
	Holds      []Hold
	Proof      Proof
	// Writes is who wrote which side since both are kept in step.
	Writes []SideWrites
	// Trouble is what somebody has done to what the change rests on, or nil.
	Trouble      error
	Policy       string // what a write is that gives both sides: "refuse", "new"
	Began        time.Time
	ContractedAt time.Time // zero before the contract
	KeptUntil    time.Time // until then the old columns are kept
}

// Hold is an approval that a change wants before its contract.
type Hold struct {
	Name     string
	Quiet    time.Duration // how long nobody may have written the old side
	Approved bool
	By, Why  string
	At       time.Time
}

// Proof is that no row of a change disagrees.
type Proof struct {
	Valid      bool
	Made       bool // rows were counted at all
	Rows       int64
	Mismatches int64
	Poison     int64
	Sample     []string // keys of rows that disagree
	// Unexplained are rows whose new side is not what forward gives, where there is no
	// backward and an application has written the new side by itself; Strange are keys
	// of some. Only people can tell whether they are right.
	Unexplained int64
	Strange     []string
	At          time.Time
	Void        string // why it is worth nothing any more
}

// SideWrites is evidence: an application that writes one side.
type SideWrites struct {
	Side        string // "old" or "new"
	Application string
	Seconds     int64 // in how many seconds it wrote
	Last        time.Time
}

// Changes tells how far every change is that has begun; it takes no lock.
func (m *Migrator) Changes(ctx context.Context) ([]Change, error) {
	runner, end, err := m.begin("change")
	if err != nil {
		return nil, err
	}
	defer end()
	all, err := runner.Changes(ctx)
	out := make([]Change, 0, len(all))
	for _, c := range all {
		out = append(out, changeOf(c))
	}
	return out, err
}

func changeOf(c run.Changed) Change {
	s, p := c.State, c.State.Proof
	out := Change{Revision: string(c.Revision), Name: c.Name, Table: c.Spec.Change.Table, Old: c.Spec.Old, New: c.Spec.New, Phase: c.Record.Phase,
		Gate: c.Gate.Text, WaitingFor: c.Gate.Waiting, Trouble: c.Trouble, Policy: string(s.Policy), Began: c.Record.Began, ContractedAt: s.At,
		Proof: Proof{Valid: p.Valid(), Made: p.Made, Rows: p.Rows, Mismatches: p.Mismatches, Poison: p.Poison, Sample: p.Sample, Unexplained: p.Unexplained, Strange: p.Strange, At: p.At, Void: p.Void}}
	if !s.At.IsZero() && !s.Written {
		out.KeptUntil = s.At.Add(c.Spec.Retention)
	}
	for _, h := range c.Spec.Holds {
		hold := Hold{Name: h.Name, Quiet: h.Quiet}
		for _, a := range c.Holds {
			if a.Hold == h.Name && a.State == ledger.HoldApproved {
				hold.Approved, hold.By, hold.Why, hold.At = true, a.By, a.Why, a.At
			}
		}
		out.Holds = append(out.Holds, hold)
	}
	for _, w := range c.Writes {
		out.Writes = append(out.Writes, SideWrites{Side: string(w.Side), Application: w.Application, Seconds: w.Writes, Last: w.Last})
	}
	return out
}

// OldWrites are those of the old side.
func (c Change) OldWrites() []SideWrites {
	var out []SideWrites
	for _, w := range c.Writes {
		if w.Side == string(dialect.Old) {
			out = append(out, w)
		}
	}
	return out
}

// goalOf is how far a request brings changes.
func goalOf(r Request) (change.Goal, error) {
	goal := change.Planned
	switch revision.Phase(r.Through) {
	case "", revision.Expand, revision.Sync:
	case revision.Fill, revision.Verify:
		goal = change.Held
	case revision.Contract:
		goal = change.Contracted
	default:
		return goal, fault.New(fault.Usage, "%q is no phase that up can bring a change to", r.Through).
			Try("expand, sync, backfill, verify or contract")
	}
	if r.Wait {
		goal = max(goal, change.Held)
	}
	return goal, nil
}

// ChangeRequest says what to do with one change.
type ChangeRequest struct {
	Revision string // a target expression that names it
	Hold     string // for Approve
	Why      string // for Approve
	// Keep, for Resync: the side that is right where both disagree, "old" or "new".
	Keep string
	// Now, for Purge: before the retention is over.
	Now bool
	// Unexplained, for Contract: how many rows at most may have a new side of which
	// nobody can tell whether it is right; see [Proof].
	Unexplained int64
	// For, for Brownout: how long the old columns are away.
	For time.Duration
	// Approve is asked once with everything that will be destroyed, counted.
	Approve func(losses []event.Destroys) error
}

// Approve records that somebody says that a hold is so.
func (m *Migrator) Approve(ctx context.Context, r ChangeRequest) error {
	return m.onChange(ctx, "approve", r, func(runner *run.Runner, id revision.ID, _ run.Ask) (run.Report, error) {
		return run.Report{}, runner.Approve(ctx, id, r.Hold, r.Why)
	})
}

// VerifyChange looks at every row of a change anew and records the proof.
func (m *Migrator) VerifyChange(ctx context.Context, r ChangeRequest) error {
	return m.onChange(ctx, "verify", r, func(runner *run.Runner, id revision.ID, _ run.Ask) (run.Report, error) {
		return run.Report{}, runner.Verify(ctx, id)
	})
}

// Contract gets the old columns of a change out of the way. fault.Confirm when a
// hold is open or the proof is missing.
func (m *Migrator) Contract(ctx context.Context, r ChangeRequest) error {
	return m.onChange(ctx, "contract", r, func(runner *run.Runner, id revision.ID, a run.Ask) (run.Report, error) {
		return runner.Contract(ctx, id, a)
	})
}

// Undo brings the old columns of a contracted change back, with their values.
func (m *Migrator) Undo(ctx context.Context, r ChangeRequest) error {
	return m.onChange(ctx, "undo", r, func(runner *run.Runner, id revision.ID, a run.Ask) (run.Report, error) {
		return runner.Undo(ctx, id, a)
	})
}

// Resync sets sync on anew, after somebody has meddled with it, and goes over all
// rows; where both sides disagree the one that is kept is right.
func (m *Migrator) Resync(ctx context.Context, r ChangeRequest) error {
	if r.Keep != string(dialect.Old) && r.Keep != string(dialect.New) {
		return fault.New(fault.Usage, "which side is right where both disagree? It is old or new, not %q", r.Keep).Try("--keep old, or --keep new")
	}
	return m.onChange(ctx, "resync", r, func(runner *run.Runner, id revision.ID, a run.Ask) (run.Report, error) {
		return runner.Resync(ctx, id, dialect.Side(r.Keep), a)
	})
}

// longestBrownout is how long old columns may be away.
const longestBrownout = 10 * time.Minute

// Brownout takes the old columns of a change that holds out of sight for a while
// and puts them back, so that who still reads them is found. The end of the
// context puts them back at once; after a crash the next run does.
func (m *Migrator) Brownout(ctx context.Context, r ChangeRequest) error {
	if r.For <= 0 || r.For > longestBrownout {
		return fault.New(fault.Usage, "the old columns cannot be away for %s", r.For).Try("for a moment, at most %s: --for 10s", longestBrownout)
	}
	return m.onChange(ctx, "brownout", r, func(runner *run.Runner, id revision.ID, _ run.Ask) (run.Report, error) {
		return runner.Brownout(ctx, id, r.For)
	})
}

// Abort takes away what a change has added, before its contract.
func (m *Migrator) Abort(ctx context.Context, r ChangeRequest) error {
	return m.onChange(ctx, "abort", r, func(runner *run.Runner, id revision.ID, a run.Ask) (run.Report, error) {
		return runner.Abort(ctx, id, a)
	})
}

// Purge drops the old columns of a contracted change once their retention is over.
func (m *Migrator) Purge(ctx context.Context, r ChangeRequest) error {
	return m.onChange(ctx, "purge", r, func(runner *run.Runner, id revision.ID, a run.Ask) (run.Report, error) {
		return runner.Purge(ctx, id, a)
	})
}

// onChange does something to the change that a request names.
func (m *Migrator) onChange(ctx context.Context, verb string, r ChangeRequest, do func(*run.Runner, revision.ID, run.Ask) (run.Report, error)) error {
	id := revision.ID(r.Revision)
	if rev, err := m.oneRevision(r.Revision); err == nil {
		id = rev.ID
	}
	runner, end, err := m.begin(verb)
	if err != nil {
		return err
	}
	defer end()
	_, err = do(runner, id, run.Ask{Action: verb, Approve: r.Approve, Due: r.Now, Unexplained: r.Unexplained})
	return err
}
