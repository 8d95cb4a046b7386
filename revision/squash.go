package revision

import (
	"cmp"
	"errors"
	"slices"

	"github.com/bellowsdb/bellows/fault"
)

// A squash R that replaces A..B stands in for A, B, and all that comes after A
// and before B (by parents or needs). The replaced files may still be in the
// folder, all of them, or be gone.
//
//   - A database that has applied none of them applies R only.
//   - One that has applied all of them counts R as applied. When the files are
//     gone, having applied B is what counts, since B comes after all the others.
//   - One that is part-way applies the rest, one by one, and R is not shown to
//     it. When the files are gone that is an error.
//   - One that has applied R has applied R, whatever else its ledger remembers.
//
// To revise B is to revise R, and the other way round; to revise or need
// anything else in the range is to come after R. R itself revises what A does.

// folder is everything that was read, when squashes are in it.
type folder struct {
	full     *Graph // squashes and what they replace side by side
	folded   *Graph // what New gives
	squashes []squash
}

type squash struct {
	Range
	id    ID
	cover []ID // the replaced ones, in order; nil when their files are gone
}

// standIn gives R and B of each squash one name in what comes after them: B, or
// R when B's file is gone.
func (b *builder) standIn(all []Revision) {
	to := map[ID]ID{}
	for i := range all {
		if r := all[i].Replaces; r != nil {
			if _, there := findID(all, r.To); there {
				to[all[i].ID] = r.To
			} else {
				to[r.To] = all[i].ID
			}
		}
	}
	rename(all, to)
}

// rename replaces ids in parents and needs, but makes none its own parent. What a
// squash stands in for has no phases left to wait for.
func rename(all []Revision, to map[ID]ID) {
	for i := range all {
		r := &all[i]
		other := func(id ID) bool { return to[id] != "" && to[id] != r.ID }
		if slices.ContainsFunc(r.Parents, other) {
			var parents []ID
			for _, id := range r.Parents {
				if other(id) {
					id = to[id]
				}
				if !slices.Contains(parents, id) {
					parents = append(parents, id)
				}
			}
			r.Parents, r.Said.Parents = parents, nil
		}
		if slices.ContainsFunc(r.Needs, func(n Need) bool { return other(n.ID) }) {
			r.Needs = slices.Clone(r.Needs)
			for k, n := range r.Needs {
				if other(n.ID) {
					r.Needs[k] = Need{ID: to[n.ID]}
				}
			}
		}
	}
}

// implySquashed is imply for a folder with squashes: a squash stands where the
// last of what it replaces stood, and revises what the first of them does.
func (b *builder) implySquashed(all []Revision) {
	key := func(i int) ID {
		if r := all[i].Replaces; r != nil {
			return r.To
		}
		return all[i].ID
	}
	chain := make([]int, len(all))
	for i := range chain {
		chain[i] = i
	}
	slices.SortStableFunc(chain, func(x, y int) int {
		if c := Compare(key(x), key(y)); c != 0 || (all[x].Replaces == nil) == (all[y].Replaces == nil) {
			return c
		} else if all[x].Replaces == nil {
			return -1
		}
		return 1
	})
	for k, i := range chain {
		if r := &all[i]; r.Implied && r.Replaces == nil {
			r.Parents = nil
			if k > 0 {
				r.Parents = []ID{all[chain[k-1]].ID}
			}
		}
	}
	for _, i := range chain {
		if r := &all[i]; r.Implied && r.Replaces != nil {
			r.Parents = impliedFor(all, chain, key, r.Replaces.From)
		}
	}
}

func impliedFor(all []Revision, chain []int, key func(int) ID, from ID) []ID {
	if i, ok := findID(all, from); ok {
		return all[i].Parents
	}
	k, _ := slices.BinarySearchFunc(chain, from, func(i int, id ID) int { return Compare(key(i), id) })
	if k == 0 {
		return nil
	}
	return []ID{all[chain[k-1]].ID}
}

// fold finds what each squash replaces, and makes the graph that shows the
// squashes only.
func (b *builder) fold(full *Graph) *Graph {
	home := &folder{full: full}
	for i := range full.revs {
		if full.revs[i].Replaces != nil {
			home.squashes = append(home.squashes, b.squash(full, int32(i)))
		}
	}
	b.checkOverlaps(home)
	if len(b.errs) > 0 {
		return nil
	}
	b.folded = true
	home.folded = b.view(home, nil)
	return home.folded
}

func (b *builder) squash(full *Graph, at int32) squash {
	r := &full.revs[at]
	s := squash{Range: *r.Replaces, id: r.ID}
	from, okFrom := full.find(s.From)
	to, okTo := full.find(s.To)
	switch {
	case b.nested(full, r, from, okFrom) || b.nested(full, r, to, okTo):
		return s
	case !okFrom && !okTo && Less(s.To, s.From):
		b.wrongAt(r, r.Said.Replaces, "%s replaces %s..%s, which runs backwards", r.ID, s.From, s.To).Try("write replaces %s..%s", s.To, s.From)
		return s
	case !okFrom && !okTo:
		return s
	case okFrom != okTo:
		here, gone := s.From, s.To
		if okTo {
			here, gone = gone, here
		}
		b.wrongAt(r, r.Said.Replaces, "%s replaces %s..%s, and of these %s is there and %s is not", r.ID, s.From, s.To, here, gone).
			Try("keep all of the replaced files, or delete all of them")
		return s
	}
	covered := full.covered(from, to)
	if !covered[from] {
		b.wrongAt(r, r.Said.Replaces, "%s replaces %s..%s, but %s does not come after %s", r.ID, s.From, s.To, s.To, s.From).Try("name the first and the last revision of one line")
		return s
	}
	for _, i := range full.inOrder(covered) {
		s.cover = append(s.cover, full.revs[i].ID)
	}
	b.checkSquash(full, at, covered)
	return s
}

// nested refuses to replace a squash: what that one replaces would be forgotten.
func (b *builder) nested(full *Graph, r *Revision, at int32, there bool) bool {
	if !there || full.revs[at].Replaces == nil {
		return false
	}
	id := full.revs[at].ID
	b.wrongAt(r, r.Said.Replaces, "%s replaces %s, which is itself a squash", r.ID, id).
		Try("delete the files %s replaces, and its replaces line; then it can be squashed like any other", id)
	return true
}

// covered marks from, to, and all between.
func (g *Graph) covered(from, to int32) []bool {
	low, high := make([]bool, len(g.revs)), make([]bool, len(g.revs))
	low[from], high[to] = true, true
	g.above(low)
	g.below(high)
	for i := range low {
		low[i] = low[i] && high[i]
	}
	return low
}

// checkSquash demands that the squash can take the place of what it replaces.
func (b *builder) checkSquash(full *Graph, at int32, covered []bool) {
	r := &full.revs[at]
	before, after := make([]bool, len(full.revs)), make([]bool, len(full.revs))
	before[at], after[at] = true, true
	full.below(before)
	full.above(after)
	for _, i := range full.inOrder(covered) {
		c := &full.revs[i]
		switch {
		case b.nested(full, r, i, true):
			return
		case before[i]:
			b.wrongAt(r, r.Said.Replaces, "%s comes after %s, which it replaces", r.ID, c.ID).Try("let it revise what %s revises: %s", r.Replaces.From, parentList(full, r.Replaces.From))
			return
		case after[i]:
			b.wrongAt(r, r.Said.Replaces, "%s replaces %s, which comes after it", r.ID, c.ID).Try("let nothing in %s..%s revise %s", r.Replaces.From, r.Replaces.To, r.ID)
			return
		}
		for _, p := range slices.Concat(full.parents.of(i), full.needs.of(i)) {
			if !covered[p] && !before[p] {
				id := full.revs[p].ID
				b.wrongAt(r, r.Said.Replaces, "%s replaces %s, which comes after %s, and does not come after it itself", r.ID, c.ID, id).Try("add %s to the revises line of %s", id, r.ID)
				return
			}
		}
	}
}

func parentList(g *Graph, id ID) string {
	if parents := g.Parents(id); len(parents) > 0 {
		return list(parents)
	}
	return "none"
}

func (b *builder) checkOverlaps(home *folder) {
	owner := map[ID]*squash{}
	for i := range home.squashes {
		s := &home.squashes[i]
		for _, id := range s.cover {
			if owner[id] != nil {
				b.overlap(home, s, owner[id])
				break
			}
			owner[id] = s
		}
		for k := range home.squashes[:i] {
			t := &home.squashes[k]
			if (s.cover == nil || t.cover == nil) && !Less(s.To, t.From) && !Less(t.To, s.From) {
				b.overlap(home, s, t)
			}
		}
	}
}

func (b *builder) overlap(home *folder, s, t *squash) {
	i, _ := home.full.find(s.id)
	k, _ := home.full.find(t.id)
	b.wrongAt(&home.full.revs[i], home.full.revs[i].Said.Replaces, "%s replaces %s..%s, and %s (%s) replaces %s..%s: they overlap",
		s.id, s.From, s.To, t.id, place(&home.full.revs[k]), t.From, t.To).
		Try("let each revision be replaced by one squash only")
}

// view makes the graph that shows the squashes, except those to open, which give
// way to what they replace.
func (b *builder) view(home *folder, open Set) *Graph {
	hidden, to := Set{}, map[ID]ID{}
	for _, s := range home.squashes {
		if open.Has(s.id) {
			hidden.Add(s.id)
			to[s.id] = s.To
			continue
		}
		hidden.Add(s.cover...)
		for _, id := range s.cover {
			to[id] = s.id
		}
	}
	revs := make([]Revision, 0, len(home.full.revs))
	for _, r := range home.full.revs {
		if !hidden.Has(r.ID) {
			revs = append(revs, r)
		}
	}
	rename(revs, to)
	g := b.assemble(revs)
	g.home = home
	return g
}

// Effective gives the graph as one database sees it, and what that database has
// applied in the terms of that graph. applied is what its ledger says, in the
// order of application, which the list given back keeps.
//
// Without a squash that is the graph and the list as they are. Otherwise, for
// each squash, the list given back holds the squash or the replaced ones, never
// both, and the graph shows the same. The error has the code [fault.Missing]: a
// database is part-way through what a squash replaces, and the files are gone.
func (g *Graph) Effective(applied []ID) (*Graph, []ID, error) {
	if g.home == nil {
		return g, applied, nil
	}
	var errs []error
	has, open, into, stood := NewSet(applied...), Set{}, map[ID]ID{}, map[ID][]ID{}
	for i := range g.home.squashes {
		s := &g.home.squashes[i]
		some, all := g.home.progress(s, has)
		switch {
		case has.Has(s.id) || len(some) == all && all > 0:
			for _, id := range some {
				into[id] = s.id
			}
			stood[s.id] = some
		case len(some) > 0 && s.cover == nil:
			errs = append(errs, g.home.partWay(s, some))
		case len(some) > 0:
			open.Add(s.id)
		}
	}
	if len(errs) > 0 {
		return nil, nil, errors.Join(errs...)
	}
	view := g.home.folded
	if len(open) > 0 {
		b := &builder{folded: true}
		view = b.view(g.home, open)
		if len(b.errs) > 0 {
			return nil, nil, errors.Join(b.errs...)
		}
		view.repeat = g.repeat
	}
	own := *view
	own.stood = stood
	return &own, renamed(applied, into), nil
}

// renamed puts a squash where the last of what it replaces was applied.
func renamed(applied []ID, into map[ID]ID) []ID {
	out, seen := make([]ID, 0, len(applied)), Set{}
	for _, id := range slices.Backward(applied) {
		if id = cmp.Or(into[id], id); !seen.Has(id) {
			seen.Add(id)
			out = append(out, id)
		}
	}
	slices.Reverse(out)
	return out
}

// progress gives what of a squash's range is applied, and how many that would be
// with all of it; zero for not known to be all.
func (f *folder) progress(s *squash, applied Set) (some []ID, all int) {
	if s.cover != nil {
		for _, id := range s.cover {
			if applied.Has(id) {
				some = append(some, id)
			}
		}
		return some, len(s.cover)
	}
	for _, id := range applied.Sorted() {
		if _, known := f.full.find(id); !known && !Less(id, s.From) && !Less(s.To, id) {
			some = append(some, id)
		}
	}
	if applied.Has(s.To) {
		all = len(some)
	}
	return some, all
}

func (f *folder) partWay(s *squash, some []ID) error {
	e := fault.New(fault.Missing, "the database is part-way through %s..%s, which %s replaces: it has applied %s, not %s, and the files are gone",
		s.From, s.To, s.id, list(some), s.To)
	if i, ok := f.full.find(s.id); ok && f.full.revs[i].File != "" {
		at := f.full.revs[i].Said.Replaces
		e.Pos = &fault.Pos{File: f.full.revs[i].File, Line: int(at.Line), Column: int(at.Column)}
	}
	return e.Try("bring the files %s..%s back, run bellows up, then delete them again", s.From, s.To)
}

// replacedBy gives the squash that stands in for a revision whose file is in the
// folder, or for the first or last of a range whose files are gone.
func (f *folder) replacedBy(id ID) (*squash, bool) {
	for i := range f.squashes {
		if s := &f.squashes[i]; slices.Contains(s.cover, id) || s.cover == nil && (id == s.From || id == s.To) {
			return s, true
		}
	}
	return nil, false
}

// Covered gives what a squash stands in for, in order: the revisions whose files
// are there and, in a graph of [Graph.Effective], all that the database has
// applied of them. Where neither is known it is the first and the last. It is nil
// for any other revision.
func (g *Graph) Covered(id ID) []ID {
	if g.home == nil {
		return nil
	}
	for _, s := range g.home.squashes {
		switch {
		case s.id != id:
		case s.cover != nil:
			return slices.Clone(s.cover)
		case len(g.stood[id]) > 0:
			return slices.Clone(g.stood[id])
		default:
			return slices.Compact([]ID{s.From, s.To})
		}
	}
	return nil
}

// Replaced gives the revisions of the folder that this graph does not show: what
// a squash stands in for, or the squash.
func (g *Graph) Replaced() []Revision {
	if g.home == nil {
		return nil
	}
	var out []Revision
	for _, r := range g.home.full.revs {
		if _, shown := g.find(r.ID); !shown {
			out = append(out, r)
		}
	}
	return out
}
