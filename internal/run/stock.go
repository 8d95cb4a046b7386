package run

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// A plan is built whole before anything runs, so that what cannot run is refused
// while nothing has changed. But the statements of thousands of migrations take
// memory, and only those of the next few are needed. So of the steps after the
// first [wholeSteps] a run keeps the outline, and builds them again, in batches,
// while the server works on those before. A file that is another one by then is
// an error of its folder.
const (
	wholeSteps = 64
	batchSteps = 64
)

// stock is what a run keeps of its plan, and gives its steps whole, one after
// another.
type stock struct {
	w     *work
	moves []revision.Move
	first []plan.Step // those that are kept

	mu     sync.Mutex
	losing map[int]plan.Step // what others destroy, and nothing else of them

	from  int // of the batch
	batch []plan.Step
	ahead int // of the batch that is being built
	done  chan built
}

type built struct {
	steps []plan.Step
	err   error
}

// stock builds the plan of some moves and keeps what is worth it.
func (w *work) stock(ctx context.Context, v *View, moves []revision.Move) (*stock, error) {
	whole := wholeSteps
	if w.ask.Single {
		whole = len(moves) // all of them are needed at once
	}
	s := &stock{w: w, moves: moves, first: make([]plan.Step, min(whole, len(moves))), losing: map[int]plan.Step{}}
	return s, w.build(ctx, w.conn.Dialect(), v, w.ask, moves, Derived(w.conn.Dialect(), w.o.Ledger, nil), s.keep)
}

// keep takes a step in; several goroutines call it.
func (s *stock) keep(i int, st plan.Step) {
	if i < len(s.first) {
		s.first[i] = st
		return
	}
	var losing []plan.Statement
	for n := range st.Statements {
		if lost := st.Statements[n].Effect.Destroys; len(lost) > 0 {
			losing = append(losing, plan.Statement{Effect: plan.Effect{Destroys: lost}})
		}
	}
	if losing != nil {
		s.mu.Lock()
		s.losing[i] = plan.Step{Move: st.Move, Statements: losing}
		s.mu.Unlock()
	}
}

// destroying is the plan with those steps alone that may destroy something. It is
// asked for once.
func (s *stock) destroying() plan.Plan {
	steps := slices.Clone(s.first)
	for _, i := range slices.Sorted(maps.Keys(s.losing)) {
		steps = append(steps, s.losing[i])
	}
	s.losing = nil // a long run need not keep what was agreed to
	return plan.Plan{Steps: steps}
}

// at gives a step; those before it are not asked for again.
func (s *stock) at(ctx context.Context, i int) (*plan.Step, error) {
	if i < len(s.first) {
		if i == 0 {
			s.buildAhead(ctx, len(s.first))
		}
		return &s.first[i], nil
	}
	if from := i - (i-len(s.first))%batchSteps; s.batch == nil || from != s.from {
		got := s.take(ctx, from)
		if got.err != nil {
			return nil, got.err
		}
		s.from, s.batch = from, got.steps
		s.buildAhead(ctx, from+batchSteps)
	}
	return &s.batch[i-s.from], nil
}

// here gives the steps from i on, which [stock.at] gave, as far as they are built.
func (s *stock) here(i int) []plan.Step {
	if i < len(s.first) {
		return s.first[i:]
	}
	return s.batch[i-s.from:]
}

func (s *stock) take(ctx context.Context, from int) built {
	if s.ahead == from {
		return <-s.done
	}
	return s.build(ctx, s.w.conn.Dialect(), from)
}

// buildAhead builds a batch while others run. What goes down is read from the
// ledger, and so not before the session has time for it.
func (s *stock) buildAhead(ctx context.Context, from int) {
	if from >= len(s.moves) || s.moves[from].Direction == revision.Down {
		return
	}
	d, done := s.w.conn.Dialect(), make(chan built, 1)
	s.ahead, s.done = from, done
	go func() { done <- s.build(ctx, d, from) }()
}

func (s *stock) build(ctx context.Context, d dialect.Dialect, from int) built {
	moves := s.moves[from:min(from+batchSteps, len(s.moves))]
	steps := make([]plan.Step, len(moves))
	err := s.w.build(ctx, d, s.w.view, s.w.ask, moves, Derived(d, s.w.o.Ledger, nil), func(i int, st plan.Step) { steps[i] = st })
	return built{steps, err}
}

// build makes the steps of some moves and refuses what cannot run. Those that
// go up are made on all processors; going down they come from the ledger, over
// the one session. keep is called with every step, from several goroutines.
func (r *Runner) build(ctx context.Context, d dialect.Dialect, v *View, ask Ask, moves []revision.Move, o plan.Options, keep func(i int, s plan.Step)) error {
	batches := (len(moves) + batchSteps - 1) / batchSteps
	errs := make([]error, batches)
	var next atomic.Int64
	var failed atomic.Bool
	work := func() {
		for !failed.Load() {
			n := int(next.Add(1)) - 1
			if n >= batches {
				return
			}
			if errs[n] = r.buildBatch(ctx, d, v, ask, moves, o, n*batchSteps, keep); errs[n] != nil {
				failed.Store(true) // those before it are made, or being made
			}
		}
	}
	var wait sync.WaitGroup
	if batches > 1 && moves[0].Direction == revision.Up {
		for range min(runtime.GOMAXPROCS(0), batches) - 1 {
			wait.Go(work)
		}
	}
	work()
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner) buildBatch(ctx context.Context, d dialect.Dialect, v *View, ask Ask, moves []revision.Move, o plan.Options, from int, keep func(int, plan.Step)) error {
	p, err := plan.Build(moves[from:min(from+batchSteps, len(moves))], func(id revision.ID) (revision.Revision, revision.Script, error) {
		rev, ok := v.find(id)
		if !ok {
			return rev, revision.Script{}, fault.New(fault.Target, "there is no revision %s", id)
		}
		s, err := r.script(ctx, v, ask, rev, moves)
		return rev, s, err
	}, Reader(d), o)
	if err == nil {
		err = refuseStatements(p, d.Traits())
	}
	if err != nil {
		return err
	}
	for i := range p.Steps {
		keep(from+i, p.Steps[i])
	}
	return nil
}
