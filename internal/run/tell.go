package run

import (
	"context"
	"errors"
	"strings"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
)

// Late warns of each step that sorts before an applied revision.
func (v *View) Late(moves []revision.Move) []event.Warning {
	late := revision.NewSet(v.Graph.OutOfOrder(v.Applied)...)
	var out []event.Warning
	for _, m := range moves {
		if m.Direction != revision.Up || !late.Has(m.ID) {
			continue
		}
		rev, _ := v.find(m.ID)
		out = append(out, event.Warning{Code: string(fault.Order), File: rev.File,
			Text: string(m.ID) + " " + rev.Name + " sorts before a revision that is applied already",
			Hint: "it is applied all the same; --strict refuses"})
	}
	return out
}

// problem is an edited or missing file. It keeps the revision for who offers a
// repair.
type problem struct {
	is *fault.Error
	id revision.ID
}

func (p problem) Error() string { return p.is.Error() }
func (p problem) Unwrap() error { return p.is }

// ProblemID is the revision that one of a view's problems is about.
func ProblemID(err error) revision.ID {
	var p problem
	if errors.As(err, &p) {
		return p.id
	}
	return ""
}

// tellEdits adds to each edited file what it was and what it is. That wants the
// texts, which a look at the ledger leaves there.
func (r *Runner) tellEdits(ctx context.Context, v *View) {
	for i, err := range v.Problems {
		p, ok := err.(problem)
		if !ok || p.is.Code != fault.Edited {
			continue
		}
		if text := r.difference(ctx, p.id); text != "" {
			told := *p.is
			told.Msg += ": " + text
			v.Problems[i] = problem{&told, p.id}
		}
	}
}

// difference is the first statement of each section that is not what was applied,
// "" where nothing can be said.
func (r *Runner) difference(ctx context.Context, id revision.ID) string {
	rev, ok := r.fileOf(id)
	if !ok {
		return ""
	}
	stored, err := r.led.Script(ctx, r.conn, id)
	if err != nil || stored.Up == nil && stored.Down == nil {
		return ""
	}
	file, err := r.scriptOf(rev)
	if err != nil {
		return ""
	}
	var found []string
	for _, s := range [...]struct {
		name    string
		was, is *revision.Section
	}{{"up", stored.Up, file.Up}, {"down", stored.Down, file.Down}} {
		was, is, err := r.codes(s.was, s.is)
		if err != nil {
			return ""
		}
		if d := firstDifference(was, is); d != "" {
			found = append(found, "in "+s.name+", "+d)
		}
	}
	if len(found) == 0 {
		return "only comments, blanks or directives changed"
	}
	return strings.Join(found, "; ")
}
