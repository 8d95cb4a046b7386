package diff

import (
	"slices"

	"github.com/bellowsdb/bellows/schema"
)

// Make plans the way from one shape to another. The error is a rename that fits
// nothing, or changes that need each other, which is a defect.
func Make(before, after schema.Schema, l Language, o Options) (Plan, error) {
	if len(o.Ignore) > 0 {
		before, after = before.Without(o.Ignore...), after.Without(o.Ignore...)
	}
	var p Plan
	before, renames, err := rename(before, after, l, o.Renames)
	if err != nil {
		return p, err
	}
	p.Statements = renames
	p.Changes = Compare(before, after)
	if len(p.Changes) == 0 {
		return p, nil
	}
	p.Candidates = candidates(before, after, p.Changes)
	w := newWorld(before, after)
	w.measured(o)
	w.judge(p.Changes, l)
	g, order, err := arrange(w, l)
	if err != nil {
		return p, err
	}
	spelled := make([][]Statement, len(order))
	for i, n := range order {
		spelled[i] = l.Spell(g.actions[n], w)
		for j := range spelled[i] {
			if s := &spelled[i][j]; s.About == (schema.ID{}) {
				s.About = g.actions[n].Main.ID()
			}
		}
	}
	p.trail = &trail{graph: g, placed: fold(g.stages(order, spelled), l), start: before, heads: len(renames)}
	once := map[string]bool{}
	for _, s := range p.trail.placed {
		if s.SQL == "" || s.Once && once[s.SQL] {
			continue
		}
		once[s.SQL] = s.Once
		p.Statements = append(p.Statements, s.Statement)
	}
	return p, nil
}

// fold makes one of statements that follow each other, where the language can. What is
// in another one is a place without a statement.
func fold(all []placed, l Language) []placed {
	folder, ok := l.(Folder)
	if !ok {
		return all
	}
	last := -1
	for i := range all {
		s := &all[i]
		if s.SQL == "" {
			continue
		}
		if last >= 0 && all[last].rank == s.rank && !all[last].Once && !s.Once && !all[last].Commit && !s.Commit && len(all[last].Leaves)+len(s.Leaves) == 0 {
			if one, ok := folder.Folded(all[last].Statement, s.Statement); ok {
				one.Hazards = append(slices.Clone(all[last].Hazards), s.Hazards...)
				all[last].Statement = one
				s.Statement = Statement{turn: s.turn, Stage: s.Stage}
				continue
			}
		}
		last = i
	}
	return all
}

// backwards are the renames of the way back, in the same order: what was renamed
// first has its old name again when the later ones begin.
func backwards(renames []Rename, after schema.Schema) (back []Rename) {
	for _, r := range renames {
		of := schema.Kind("")
		if f, ok := after.Find(r.To); ok {
			of = f.Of
		}
		undo := Rename{r.To, r.From}
		for _, earlier := range back {
			for _, id := range []*schema.ID{&undo.From, &undo.To} {
				if *id != earlier.From { // it is another thing that has that name for a while
					*id = moved(*id, of, earlier)
				}
			}
		}
		back = append(back, undo)
	}
	return back
}

// Class is how much a way back brings back.
type Class string

const (
	// Exact: the way there destroys nothing, so the way back restores all.
	Exact Class = "exact"
	// Archives: what the way there put aside is brought back, with its rows.
	Archives Class = "archived"
	// Lossy: the shape comes back, but not what the way there destroyed.
	Lossy Class = "lossy"
	// Irreversible: there is no way back.
	Irreversible Class = "irreversible"
)

// Both plans the way there and the way back, and tells what the way back is
// worth. A way back that cannot be planned is no error.
func Both(before, after schema.Schema, l Language, o Options) (up, down Plan, class Class, err error) {
	up, err = Make(before, after, l, o)
	if err != nil {
		return up, down, Irreversible, err
	}
	back := Options{Ignore: o.Ignore, Sizes: o.Sizes, Small: o.Small, Staging: o.Staging}
	back.Renames = backwards(o.Renames, after)
	for _, r := range o.Renames {
		back.Sizes = back.Sizes.renamed(r)
	}
	down, reason := Make(after, before, l, back)
	if reason != nil {
		down = Plan{Unsolved: []string{reason.Error()}}
	} else if len(down.Unsolved) > 0 {
		down = Plan{Unsolved: down.Unsolved}
	}
	return up, down, worth(up, down.Unsolved), nil
}

// worth is what a way back is worth.
func worth(up Plan, unsolved []string) Class {
	switch {
	case len(unsolved) > 0:
		return Irreversible
	case len(up.Losses()) > 0 || slices.ContainsFunc(up.Hazards(), func(h Hazard) bool { return h.Code == LosesValues }):
		return Lossy
	}
	return Exact
}
