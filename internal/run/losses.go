package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// countBudget bounds the count of one loss; then it is estimated.
const countBudget = 2 * time.Second

// Losses counts, in the live database, what a plan will destroy. What a step of
// the same plan makes first is not counted: it holds nothing yet. Where the user
// may not read, the number is -1.
func (r *Runner) Losses(ctx context.Context, p plan.Plan) ([]event.Destroys, error) {
	watcher, ok := r.conn.(db.Watcher)
	if !ok {
		return nil, nil
	}
	var out []event.Destroys
	for _, s := range p.Steps {
		for _, st := range s.Statements {
			if st.Derived && st.Phase != "" || st.Phase == revision.Contract {
				continue // not before its phase has come
			}
			for _, loss := range st.Effect.Destroys {
				n, err := watcher.Count(ctx, loss, countBudget)
				var denied *db.Error
				if errors.As(err, &denied) && denied.Class == db.Refused {
					n, err = db.Count{Rows: -1}, nil // who may not read it may still own its schema
				}
				if err != nil {
					return out, explainUnlessGone(err, "counting what will be destroyed")
				}
				if !n.Gone {
					out = append(out, event.Destroys{ID: string(s.Move.ID), Table: loss.Table.String(), Column: loss.Column, Rows: n.Rows, Exact: n.Exact})
				}
			}
		}
	}
	return out, nil
}

// agree tells what comes late and what will be destroyed, and asks, once in a run.
func (w *work) agree(ctx context.Context, p plan.Plan, moves []revision.Move) error {
	if w.agreed {
		return nil
	}
	losses, err := w.Losses(ctx, p)
	if err != nil {
		return err
	}
	for _, late := range w.view.Late(moves) {
		w.emit(late)
	}
	for _, l := range losses {
		w.emit(l)
	}
	if w.ask.Approve != nil {
		if err := w.ask.Approve(losses); err != nil {
			return err
		}
	}
	w.agreed = true
	return nil
}

// PlanUp is what Up would do; it takes no lock and writes nothing.
func (r *Runner) PlanUp(ctx context.Context, ask Ask) (plan.Plan, *View, error) {
	return r.preview(ctx, ask, r.chooseUp(ctx, ask))
}

// PlanDown is what Down would do; it takes no lock and writes nothing.
func (r *Runner) PlanDown(ctx context.Context, ask Ask) (plan.Plan, *View, error) {
	return r.preview(ctx, ask, func(v *View) ([]revision.Move, error) { return v.downMoves(ask) })
}

func (r *Runner) preview(ctx context.Context, ask Ask, choose func(*View) ([]revision.Move, error)) (plan.Plan, *View, error) {
	v, err := r.Look(ctx)
	if err != nil {
		return plan.Plan{}, nil, err
	}
	moves, err := choose(v)
	if err != nil {
		return plan.Plan{}, v, err
	}
	p, err := r.plan(ctx, v, ask, moves)
	for i := range p.Steps {
		r.goesOn(v, &p.Steps[i])
	}
	return p, v, err
}

// goesOn notes where a step goes on that an earlier run left half done.
func (r *Runner) goesOn(v *View, s *plan.Step) {
	p, begun := v.Progress[s.Move.ID]
	if !begun || s.Tx != plan.TxEach || p.Direction != s.Move.Direction {
		return
	}
	units := plan.Units(s.Statements)
	switch {
	case p.Done > len(units) || hashes(units, r.conn.Dialect())[p.Done] != p.Hash:
		s.Notes = append(s.Notes, "would be refused: it is half done, and what was done was edited since; see bellows repair")
		return
	case p.Done == len(units):
		s.Notes = append(s.Notes, "half done: all statements are, what is left is the record")
	default:
		next := units[p.Done][0].Pos
		s.Notes = append(s.Notes, fmt.Sprintf("half done: it goes on at statement %d of %d, in line %d", p.Done+1, len(units), next.Line))
	}
	for _, u := range units[:p.Done] {
		s.Done += len(u)
	}
	if p.Started {
		s.Notes = append(s.Notes, "whether that statement took effect is found out first")
	}
}
