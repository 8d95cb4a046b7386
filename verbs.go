package bellows

import (
	"context"
	"errors"

	"github.com/bellowsdb/bellows/change"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/internal/run"
	"github.com/bellowsdb/bellows/lint"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// Up applies what is pending up to a target: [Head] and the like.
func (m *Migrator) Up(ctx context.Context, target string) (Report, error) {
	return m.UpWith(ctx, Request{Verb: "up", Target: target})
}

// Down reverts to a target: "-1", an id, [Base].
func (m *Migrator) Down(ctx context.Context, target string) (Report, error) {
	return m.DownWith(ctx, Request{Verb: "down", Target: target})
}

// UpWith is Up with everything that can be asked. With nothing to do it takes
// no lock and writes nothing.
func (m *Migrator) UpWith(ctx context.Context, r Request) (Report, error) {
	goal, err := goalOf(r)
	if err != nil {
		return Report{}, err
	}
	runner, end, err := m.begin(orElse(r.Verb, "up"))
	if err != nil {
		return Report{}, err
	}
	defer end()
	a := ask(r)
	a.Goal, a.Exact = goal, r.Through != ""
	rep, err := runner.Up(ctx, a)
	return reportOf(rep), err
}

// DownWith is Down with everything that can be asked.
func (m *Migrator) DownWith(ctx context.Context, r Request) (Report, error) {
	runner, end, err := m.begin(orElse(r.Verb, "down"))
	if err != nil {
		return Report{}, err
	}
	defer end()
	rep, err := runner.Down(ctx, ask(r))
	return reportOf(rep), unlessPurged(err)
}

// Redo reverts the last n revisions and applies exactly those again; nothing
// else that this migrator is asked comes between.
func (m *Migrator) Redo(ctx context.Context, n int, r Request) (Report, error) {
	runner, end, err := m.begin("redo")
	if err != nil {
		return Report{}, err
	}
	defer end()
	r.Target, r.Steps = "-"+itoa(max(n, 1)), 0
	rep, err := runner.Down(ctx, ask(r))
	if err != nil || len(rep.Reverted) == 0 {
		return reportOf(rep), err
	}
	up := Request{Only: texts(rep.Reverted), SingleTransaction: r.SingleTransaction, Approve: r.Approve}
	again, err := runner.Up(ctx, ask(up))
	again.Reverted = rep.Reverted
	again.Duration += rep.Duration
	return reportOf(again), err
}

func ask(r Request) run.Ask {
	a := run.Ask{Target: r.Target, Steps: r.Steps, Batch: r.Batch, Single: r.SingleTransaction, DownFrom: r.DownFrom, NoWait: r.NoWait, Workers: r.Workers, Approve: r.Approve}
	if r.Only != nil {
		a.Only = []revision.ID{}
		for _, id := range r.Only {
			a.Only = append(a.Only, revision.ID(id))
		}
	}
	return a
}

func reportOf(r run.Report) Report {
	return Report{Run: r.Run, Applied: texts(r.Applied), Reverted: texts(r.Reverted), Changed: texts(r.Changed), Duration: r.Duration}
}

func texts(ids []revision.ID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return out
}

// PlanUp tells what UpWith would do; it writes nothing and takes no lock.
func (m *Migrator) PlanUp(ctx context.Context, r Request) (Preview, error) {
	return m.preview(ctx, r, (*run.Runner).PlanUp)
}

// PlanDown tells what DownWith would do; it writes nothing and takes no lock.
func (m *Migrator) PlanDown(ctx context.Context, r Request) (Preview, error) {
	return m.preview(ctx, r, (*run.Runner).PlanDown)
}

func (m *Migrator) preview(ctx context.Context, r Request, build func(*run.Runner, context.Context, run.Ask) (plan.Plan, *run.View, error)) (Preview, error) {
	runner, end, err := m.begin("plan")
	if err != nil {
		return Preview{}, err
	}
	defer end()
	p, v, err := build(runner, ctx, ask(r))
	if err != nil {
		return Preview{}, err
	}
	runner.Outlooks(ctx, p)
	moves := make([]revision.Move, len(p.Steps))
	for i := range p.Steps {
		moves[i] = p.Steps[i].Move
	}
	out := Preview{Plan: p, Findings: lint.Findings(p, runner.Conn().Dialect()), Warnings: v.Late(moves), seq: v.State.LastSeq(), held: v.HeldFor}
	out.Losses, err = runner.Losses(ctx, p)
	return out, err
}

// PlanRange tells what going from one target to another would do, without a
// database: "FROM:TO", "FROM:", ":TO". The migrator must know the dialect. A way
// up that ends at all heads ends with the repeatable files, every one.
func (m *Migrator) PlanRange(expr string) (Preview, error) {
	d, err := m.dialect()
	if err != nil {
		return Preview{}, err
	}
	from, to, err := m.base.ResolveRange(expr, nil)
	if err != nil {
		return Preview{}, err
	}
	moves, err := m.base.Path(from, to)
	if err != nil {
		return Preview{}, err
	}
	moves = append(moves, m.repeats(moves, to)...)
	p, err := plan.Build(moves, func(id revision.ID) (revision.Revision, revision.Script, error) {
		rev, ok := m.base.Lookup(id)
		for _, r := range m.base.Repeatables() {
			if !ok && r.ID == id {
				rev = r
			}
		}
		s, err := m.files.Script(id)
		return rev, s, err
	}, run.Reader(d), run.Derived(d, m.o.Ledger, nil))
	if err != nil {
		return Preview{}, err
	}
	p.From, p.To = from.Sorted(), to.Sorted()
	return Preview{Plan: p, Findings: lint.Findings(p, d), seq: int64(len(m.base.Ancestors(from)) + len(from))}, nil
}

// Form writes the sections of an everyday change, without a database: the migrator
// must know the dialect. It tells the form with the names that it has chosen.
func (m *Migrator) Form(f dialect.Form) (dialect.Form, dialect.Steps, error) {
	d, err := m.dialect()
	if err != nil {
		return f, dialect.Steps{}, err
	}
	if f, err = f.Check(); err != nil {
		return f, dialect.Steps{}, err
	}
	s, err := d.(dialect.Former).Form(f)
	return f, s, err
}

// repeats are the repeatable files that end a way up to all heads. Without a
// database it is not known which of them have changed: all are run.
func (m *Migrator) repeats(moves []revision.Move, to revision.Set) []revision.Move {
	if len(moves) == 0 || moves[len(moves)-1].Direction == revision.Down {
		return nil
	}
	for _, head := range m.base.Heads() {
		if !to.Has(head) {
			return nil
		}
	}
	var out []revision.Move
	for _, r := range m.base.Repeatables() {
		out = append(out, revision.Move{ID: r.ID, Direction: revision.Up})
	}
	return out
}

// Phases is what a change runs, phase by phase, as SQL to be read; with a database by
// what it knows of the tables.
func (m *Migrator) Phases(ctx context.Context, id string) (string, error) {
	d, err := m.dialect()
	if err != nil {
		return "", err
	}
	rev, s, err := m.Revision(id)
	if err != nil {
		return "", err
	}
	var known func(change.Spec) change.Known
	if runner, end, err := m.begin("show"); err == nil {
		defer end()
		known = runner.Known(ctx)
	}
	p, err := plan.Build([]revision.Move{{ID: rev.ID, Direction: revision.Up}}, func(revision.ID) (revision.Revision, revision.Script, error) { return rev, s, nil },
		run.Reader(d), run.Derived(d, m.o.Ledger, known))
	if err != nil {
		return "", err
	}
	return run.Phases(d, p.Steps[0].Statements), nil
}

// dialect is the database's language, at its version when there is one.
func (m *Migrator) dialect() (dialect.Dialect, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.runner != nil {
		return m.runner.Conn().Dialect(), nil
	}
	if m.engine.dialect == nil {
		return nil, fault.New(fault.Usage, "SQL cannot be read without knowing for which database it is").
			Try("pass --url, or --dialect with the URL's scheme")
	}
	return m.engine.dialect, nil
}

// Script is a plan as SQL that a person can run with the database's own client,
// the ledger's writes included.
func (m *Migrator) Script(p Preview) (string, error) {
	d, err := m.dialect()
	if err != nil {
		return "", err
	}
	by := ledger.By{Run: "script-" + newRun(), Actor: m.who.owner, Tool: "bellows " + Version, Tag: m.o.Tag}
	return run.Script(d, m.o.Ledger, p.Plan, by, p.seq+1, p.held), nil
}

// Stamp records revisions as applied, or as not applied, without running them,
// so that the target is current. With purge everything recorded is forgotten
// first; the journal stays.
func (m *Migrator) Stamp(ctx context.Context, target string, o StampOptions) (Report, error) {
	runner, end, err := m.begin("stamp")
	if err != nil {
		return Report{}, err
	}
	defer end()
	forget := run.Nothing
	if o.Purge {
		forget = run.Everything
	}
	rep, err := runner.Stamp(ctx, target, forget)
	return reportOf(rep), err
}

// StampOptions change how Stamp records.
type StampOptions struct{ Purge bool }

// Check tells whether this build's migrations and the database fit: nil when
// nothing is pending, edited, missing or half-done; fault.Pending and the
// integrity codes otherwise. Made for the start of an application.
func (m *Migrator) Check(ctx context.Context) error {
	s, err := m.Status(ctx)
	if err != nil {
		return err
	}
	if len(s.Problems) > 0 {
		return errors.Join(s.Problems...)
	}
	if s.Pending > 0 {
		return fault.New(fault.Pending, "%s pending", are(s.Pending, "migration")).Try("bellows up")
	}
	return nil
}

// are is a number with its noun and verb.
func are(n int, noun string) string {
	if n == 1 {
		return fault.Count(n, noun) + " is"
	}
	return fault.Count(n, noun) + " are"
}

// Repair acts on one trouble.
func (m *Migrator) Repair(ctx context.Context, r RepairRequest) error {
	runner, end, err := m.begin("repair")
	if err != nil {
		return err
	}
	defer end()
	return runner.Repair(ctx, run.Fix(r.Action), revision.ID(r.Revision))
}

// RepairRequest is one decision. Action is "mark-applied", "mark-reverted",
// "statement-done", "statement-undone", "accept-edit", "forget" or
// "clean-indexes" (Revision is "" then).
type RepairRequest struct {
	Action   string
	Revision string
}

// Unlock frees the lock of a provably dead holder, and of any holder whose run
// id is given as force. It gives the holder it removed, nil when there was none;
// with an error of code fault.Locked, the one who is alive.
func (m *Migrator) Unlock(ctx context.Context, force string) (*event.Holder, error) {
	runner, end, err := m.begin("unlock")
	if err != nil {
		return nil, err
	}
	defer end()
	return runner.Unlock(ctx, force)
}
