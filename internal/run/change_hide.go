package run

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bellowsdb/bellows/change"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/revision"
)

// Brownout takes the old columns of a change that holds out of sight for a while
// and puts them back, so that who still reads them is found before the contract.
// That they are to be put back is recorded in the transaction that takes them
// away: a run that ends before leaves it to the next one. An interrupt puts them
// back at once.
func (r *Runner) Brownout(ctx context.Context, id revision.ID, span time.Duration) (Report, error) {
	gone := false
	return r.shift(ctx, id, Ask{Action: "brownout"}, func(ctx context.Context, c *changing) error {
		if gone { // the connection broke meanwhile, and they were put back
			return nil
		}
		h, err := c.mayHide(ctx)
		if err != nil {
			return err
		}
		if err := c.hide(ctx, h, span); err != nil {
			if !isGone(err) && c.st.Away != (change.Absence{}) { // some of it may be done
				_ = c.unhide(context.WithoutCancel(ctx))
			}
			return err
		}
		gone = true
		c.point("change away")
		sleep(ctx, span)
		for err = c.unhide(context.WithoutCancel(ctx)); fault.Has(err, fault.Busy) && ctx.Err() == nil; {
			err = c.unhide(context.WithoutCancel(ctx))
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return c.interrupted(ctx)
		}
		return nil
	})
}

// mayHide refuses where the change does not hold, and where writes would fail
// meanwhile.
func (c *changing) mayHide(ctx context.Context) (dialect.Hider, error) {
	h, ok := c.lang.(dialect.Hider)
	switch {
	case !ok:
		return nil, fault.At(c.spec.Change.At, fault.Unsupported, "%s has no brown-out", c.lang.Name()).
			Try("bellows change status %s tells who writes the old side", c.rev.ID)
	case c.st.Phase != revision.Hold:
		return nil, fault.At(c.spec.Change.At, fault.Confirm, "%s does not hold: it is at %s", c.rev.ID, c.st.Phase).Try("bellows change status %s", c.rev.ID)
	case !c.st.Proof.Valid():
		return nil, fault.At(c.spec.Change.At, fault.Confirm, "%s has no valid proof that every row is right", c.rev.ID).Try("bellows change verify %s", c.rev.ID)
	}
	if sql := h.Unhideable(c.sides()); sql != "" {
		rows, err := c.texts(ctx, sql)
		if err != nil {
			return nil, explainUnlessGone(err, "looking at the table")
		}
		if len(rows) > 0 {
			return nil, fault.At(c.spec.Change.At, fault.Unsupported, "%s can have no brown-out: %s", c.st.Table, rows[0][0]).
				Try("bellows change status %s tells who writes the old side", c.rev.ID)
		}
	}
	return h, c.sound(ctx)
}

// hide takes the old columns out of sight.
func (c *changing) hide(ctx context.Context, h dialect.Hider, span time.Duration) error {
	next := change.Fold(c.st, c.spec, change.Hide)
	next.Away.For = span
	// Where no transaction holds it all, that they may be away is recorded before.
	now, err := c.led.Now(ctx, c.conn)
	if err != nil {
		return explainUnlessGone(err, "reading the clock")
	}
	return c.perform(ctx, deed{action: change.Hide, phase: revision.Hold, ours: h.Hide(c.sides(), c.oldNames(), c.retiredNames()), verb: "brownout",
		text: fmt.Sprintf("the old columns are away for %s", span), holds: true,
		begun: func(intent *change.State) { intent.Away = change.Absence{Since: now, For: span} },
		then: func(ctx context.Context) (_ change.State, err error) {
			if next.Away.Since, err = c.led.Now(ctx, c.conn); err != nil {
				return next, err
			}
			err = c.knows(ctx, &next)
			return next, err
		}})
}

func (c *changing) oldNames() []string {
	var names []string
	for _, col := range c.sides().Old {
		names = append(names, col.Name)
	}
	return names
}

// unhide puts them back, those that nobody else has put back.
func (c *changing) unhide(ctx context.Context) error {
	h, ok := c.lang.(dialect.Hider)
	if !ok {
		return fault.New(fault.Internal, "columns are away where that cannot be")
	}
	columns, err := c.columns(ctx, c.st.Table)
	if err != nil {
		return explainUnlessGone(err, "looking at the table")
	}
	before, err := c.identity(ctx, c.st.Table, c.st.Key)
	if err != nil {
		return explainUnlessGone(err, "looking at the table")
	}
	var names, away []string
	for i, name := range c.oldNames() {
		if _, there := change.Find(columns, c.retiredNames()[i]); there {
			names, away = append(names, name), append(away, c.retiredNames()[i])
		}
	}
	next, doing := change.Fold(c.st, c.spec, change.Unhide), c.st.Doing
	return c.perform(ctx, deed{action: change.Unhide, phase: revision.Hold, ours: h.Unhide(c.sides(), names, away), verb: "brownout",
		text: "the old columns are back", holds: true,
		then: func(ctx context.Context) (_ change.State, err error) {
			if before == c.st.Identity || doing != change.Nothing { // what a rename makes of it is no meddling
				if err = c.knows(ctx, &next); err != nil {
					return next, err
				}
			}
			next.Objects, err = c.objects(ctx, next)
			return next, err
		}})
}

// putBack puts old columns back that a run has left away, before anything else
// is done with the database. The file is not asked: what the change was when it
// began tells how.
func (r *Runner) putBack(ctx context.Context) error {
	var all []ledger.Change
	err := r.reading(ctx, func() error {
		return r.insist(ctx, func() (err error) {
			if ok, err := r.led.Exists(ctx, r.conn); err != nil || !ok {
				return err
			}
			all, err = r.led.Changes(ctx, r.conn)
			return err
		})
	})
	if ledger.Outdated(err) {
		return nil
	}
	if err != nil {
		return explainUnlessGone(err, "reading the ledger")
	}
	for _, rec := range slices.DeleteFunc(all, func(rec ledger.Change) bool { return !isAway(rec) }) {
		w := &work{Runner: r, ask: Ask{Action: "brownout"}, report: &Report{Run: r.o.Run}, planned: revision.Set{}}
		if err := w.persist(ctx, func(ctx context.Context) error { return w.unhideOne(ctx, rec.Revision) }); err != nil {
			return err
		}
	}
	return nil
}

// unhideOne looks again under the lock: whoever took them away may have been alive.
func (w *work) unhideOne(ctx context.Context, id revision.ID) error {
	v, err := w.lookOnce(ctx, w.led.Read)
	if err != nil {
		return err
	}
	w.view, w.seq = v, v.State.LastSeq()
	rev, ok := v.find(id)
	if !ok {
		rev = revision.Revision{ID: id, Kind: revision.Change}
	}
	c, err := w.changing(ctx, rev, revision.Script{})
	if err != nil || c.st.Away == (change.Absence{}) {
		return err
	}
	return c.unhide(ctx)
}

// isAway tells whether the old columns of a change are away.
func isAway(rec ledger.Change) bool {
	var st change.State
	return rec.State != "" && json.Unmarshal([]byte(rec.State), &st) == nil && st.Away != change.Absence{}
}
