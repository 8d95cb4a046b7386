package revision

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/fault"
)

// New makes the graph of revisions, which it does not change, and which must stay
// as they are while the graph is used: thousands are not copied. It finds
// everything that is wrong, not the first only: an id given twice, an unknown
// parent or need, a revision that comes before itself, a label given twice,
// squashes that contradict. The error joins one [fault.Error] for each.
//
// A revision that says no parents ([Revision.Implied]) follows the one before it
// in the order of ids; the first one is a base. Squashes are shown in place of
// what they replace: see [Graph.Effective].
func New(revs []Revision) (*Graph, error) {
	b := &builder{}
	all, repeat := b.sorted(revs)
	squashes := slices.ContainsFunc(all, func(r Revision) bool { return r.Replaces != nil })
	if squashes {
		b.implySquashed(all)
		b.standIn(all)
	} else {
		b.imply(all)
	}
	g := b.assemble(all)
	b.checkRepeat(all, repeat)
	if squashes && len(b.errs) == 0 {
		g = b.fold(g)
	}
	if len(b.errs) > 0 {
		return nil, errors.Join(b.errs...)
	}
	g.repeat = repeat
	return g, nil
}

// builder collects what is wrong with a folder while the graph is made.
type builder struct {
	errs   []error
	hints  int
	folded bool // squashes and what they replace are no longer both there
}

// hintLimit bounds the looking for near names: thousands of unknown parents have
// one cause, and the first few hints name it.
const hintLimit = 20

// wrong notes what is wrong with a revision as a whole.
func (b *builder) wrong(r *Revision, format string, args ...any) *fault.Error {
	return b.wrongAt(r, Spot{}, format, args...)
}

// wrongAt notes what is wrong with what a revision's header says somewhere.
func (b *builder) wrongAt(r *Revision, at Spot, format string, args ...any) *fault.Error {
	e := fault.New(fault.Graph, format, args...)
	if r.File != "" {
		e.Pos = &fault.Pos{File: r.File, Line: int(at.Line), Column: int(at.Column)}
	}
	b.errs = append(b.errs, e)
	return e
}

// sorted gives the revisions in the order of ids, each id once, repeatable ones
// apart. It copies them unless they are so already and nothing will be filled in.
func (b *builder) sorted(revs []Revision) (all, repeat []Revision) {
	order := make([]int32, 0, len(revs))
	for i := range revs {
		if revs[i].Kind == Repeatable {
			repeat = append(repeat, revs[i])
		} else {
			order = append(order, int32(i))
		}
	}
	byID := func(x, y int32) int {
		r, s := &revs[x], &revs[y]
		return cmp.Or(Compare(r.ID, s.ID), cmp.Compare(r.File, s.File))
	}
	if !slices.IsSortedFunc(order, byID) {
		slices.SortFunc(order, byID)
	}
	if n := len(order); asTheyAre(revs[:n]) {
		return revs[:n:n], b.sortedRepeat(repeat)
	}
	all = make([]Revision, 0, len(order))
	for _, i := range order {
		r := &revs[i]
		switch n := len(all); {
		case r.ID == "":
			b.wrong(r, "a revision without an id").Try("begin the file's name with digits, such as %s_%s.sql", "20260131120000", cmp.Or(r.Name, "name"))
		case n > 0 && all[n-1].ID == r.ID:
			b.wrong(r, "the id %s is used twice, also by %s", r.ID, place(&all[n-1])).Try("give one of the two files another number")
		default:
			all = append(all, *r)
		}
	}
	return all, b.sortedRepeat(repeat)
}

// asTheyAre tells whether revisions say their parents, are in the order of ids, and
// are what a graph holds.
func asTheyAre(revs []Revision) bool {
	for i := range revs {
		r := &revs[i]
		if r.Kind == Repeatable || r.ID == "" || r.Implied && (i > 0 || r.Parents != nil) || r.Replaces != nil || i > 0 && Compare(revs[i-1].ID, r.ID) >= 0 {
			return false
		}
	}
	return true
}

func (b *builder) sortedRepeat(repeat []Revision) []Revision {
	slices.SortFunc(repeat, func(x, y Revision) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID), cmp.Compare(x.File, y.File))
	})
	for i := 1; i < len(repeat); i++ {
		if r, before := &repeat[i], &repeat[i-1]; r.ID == before.ID && r.Name == before.Name {
			b.wrong(r, "the repeatable migration %s is there twice, also as %s", cmp.Or(r.Name, string(r.ID)), place(before)).Try("rename one of the two files")
		}
	}
	return repeat
}

// checkRepeat demands that what repeatable revisions need is there.
func (b *builder) checkRepeat(all, repeat []Revision) {
	for i := range repeat {
		for k, need := range repeat[i].Needs {
			_, ok := findID(all, need.ID)
			if !ok && !slices.ContainsFunc(repeat, func(r Revision) bool { return r.ID == need.ID }) {
				r := &repeat[i]
				b.hint(b.wrongAt(r, r.Said.need(k), "%s needs %s, which is not there", cmp.Or(r.Name, string(r.ID)), need.ID), all, -1, need.ID)
			}
		}
	}
}

// place names a revision by its file, or by its id when it was written in Go.
func place(r *Revision) string { return cmp.Or(r.File, string(r.ID)) }

// imply makes the revision before it the parent of each that says none.
func (b *builder) imply(all []Revision) {
	var ids []ID
	for i := range all {
		if all[i].Implied {
			if ids == nil {
				ids = make([]ID, 0, len(all)-i)
			}
			if all[i].Parents != nil {
				all[i].Parents = nil
			}
			if i > 0 {
				ids = append(ids, all[i-1].ID)
				all[i].Parents = ids[len(ids)-1 : len(ids) : len(ids)]
			}
		}
	}
}

// assemble links sorted revisions and puts them in order.
func (b *builder) assemble(all []Revision) *Graph {
	g := &Graph{revs: all}
	b.checkLabels(g)
	g.parents = b.link(all, func(i, k int) (ID, bool) {
		if k < len(all[i].Parents) {
			return all[i].Parents[k], true
		}
		return "", false
	}, b.unknownParent)
	if slices.ContainsFunc(all, func(r Revision) bool { return len(r.Needs) > 0 }) {
		g.needs = b.link(all, func(i, k int) (ID, bool) {
			if k < len(all[i].Needs) {
				return all[i].Needs[k].ID, true
			}
			return "", false
		}, b.unknownNeed)
		b.checkPhases(g)
	}
	b.sortGraph(g)
	return g
}

// link turns the ids that word gives for each revision into edges.
func (b *builder) link(all []Revision, word func(i, k int) (ID, bool), unknown func(all []Revision, i, k int, id ID)) edges {
	e := edges{from: make([]int32, len(all)+1), to: make([]int32, 0, len(all))}
	for i := range all {
		start := len(e.to)
		for k := 0; ; k++ {
			id, ok := word(i, k)
			if !ok {
				break
			}
			p, ok := int32(i-1), i > 0 && all[i-1].ID == id // as in most folders
			if !ok {
				p, ok = findID(all, id)
			}
			switch {
			case !ok || int(p) == i:
				unknown(all, i, k, id)
			case !slices.Contains(e.to[start:], p):
				e.to = append(e.to, p)
			}
		}
		e.from[i+1] = int32(len(e.to))
	}
	return e
}

func (b *builder) unknownParent(all []Revision, i, k int, id ID) {
	r := &all[i]
	at := r.Said.parent(k)
	if r.ID == id {
		b.wrongAt(r, at, "%s revises itself", id).Try("name the revision it comes after, or none for a base")
		return
	}
	b.hint(b.wrongAt(r, at, "%s revises %s, which is not there", r.ID, id), all, i, id)
}

func (b *builder) unknownNeed(all []Revision, i, k int, id ID) {
	r := &all[i]
	at := r.Said.need(k)
	if r.ID == id {
		b.wrongAt(r, at, "%s needs itself", id).Try("take that out of its needs line")
		return
	}
	b.hint(b.wrongAt(r, at, "%s needs %s, which is not there", r.ID, id), all, i, id)
}

// hint says which revision may have been meant by an unknown id.
func (b *builder) hint(e *fault.Error, all []Revision, not int, id ID) {
	e.Try("bring the file of %s back, or name another revision", id)
	for i := range all {
		if r := all[i].Replaces; r != nil && !Less(id, r.From) && !Less(r.To, id) {
			e.Try("the squash %s replaces %s..%s: name %s instead", all[i].ID, r.From, r.To, all[i].ID)
			return
		}
	}
	if b.hints++; b.hints > hintLimit {
		return
	}
	near := nearest(string(id), func(yield func(string) bool) {
		for i := range all {
			if i != not && !yield(string(all[i].ID)) {
				return
			}
		}
	})
	if i, ok := findID(all, ID(near)); ok && near != "" {
		e.Try("did you mean %s? (%s)", near, cmp.Or(all[i].File, all[i].Name))
	}
}

func (b *builder) checkLabels(g *Graph) {
	for i := range g.revs {
		r := &g.revs[i]
		if r.Label == "" {
			continue
		}
		if strings.ContainsAny(r.Label, "@:, \t") || isKeyword(r.Label) {
			b.wrongAt(r, r.Said.Label, "%q cannot be a label", r.Label).Try("use letters, digits, - and _, and none of the words head, heads, base, current")
		}
		first, twice := g.labels[r.Label]
		if twice && (b.folded || !replacesOther(r, &g.revs[first])) {
			b.wrongAt(r, r.Said.Label, "the label %s is used twice, also by %s", r.Label, place(&g.revs[first])).Try("a label names one branch: rename one of the two, the revisions after it carry it without saying so")
			continue
		}
		if g.labels == nil {
			g.labels = map[string]int32{}
		}
		g.labels[r.Label] = int32(i)
	}
}

// replacesOther tells whether one of two may carry the other's label because it
// is a squash, and so stands in for it.
func replacesOther(r, s *Revision) bool { return (r.Replaces == nil) != (s.Replaces == nil) }

// checkPhases finds needs that can never be met.
func (b *builder) checkPhases(g *Graph) {
	for i := range g.revs {
		for k, need := range g.revs[i].Needs {
			if need.Phase == "" {
				continue
			}
			if at, ok := g.find(need.ID); ok && at != int32(i) {
				b.checkPhase(&g.revs[i], k, &g.revs[at])
			}
		}
	}
}

// checkPhase judges the phase of need k of r.
func (b *builder) checkPhase(r *Revision, k int, needed *Revision) {
	at, phase := r.Said.need(k), r.Needs[k].Phase
	if !isPhase(phase) {
		b.wrongAt(r, at, "%s needs %s:%s, and there is no such phase", r.ID, needed.ID, phase).Try("the phases are %s", phaseList())
	} else if !hasPhases(needed.Kind) {
		b.wrongAt(r, at, "%s needs %s:%s, but a migration of kind %s has no phases", r.ID, needed.ID, phase, needed.Kind).Try("write needs %s", needed.ID)
	}
}

var phases = [...]Phase{Expand, Sync, Fill, Verify, Hold, Contract, Purge}

func isPhase(p Phase) bool { return slices.Contains(phases[:], p) }

func hasPhases(k Kind) bool { return k != Schema && k != Data }

func phaseList() string {
	var names []string
	for _, p := range phases {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ")
}
