package revision

import (
	"iter"
	"maps"
	"slices"
)

// Graph is how the revisions of a folder hang together. It never changes and
// may be used by several goroutines.
//
// Where a squash stands in for other revisions, a graph shows either the one or
// the others: [New] shows the squash, [Graph.Effective] what one database sees.
//
// Every method that takes a set or a list of ids ignores those that the graph
// does not know; [Graph.Missing] tells which they are.
type Graph struct {
	revs    []Revision // in the order of ids
	parents edges
	needs   edges
	order   []int32 // topological; nil when that is the order of ids
	rank    []int32 // the place of each in order; nil likewise
	labels  map[string]int32
	repeat  []Revision
	home    *folder     // nil without a squash
	stood   map[ID][]ID // what a squash stands in for in one database; see [Graph.Effective]
}

// edges lists for each revision those it comes after: to[from[i]:from[i+1]].
type edges struct{ from, to []int32 }

func (e edges) of(i int32) []int32 {
	if e.from == nil {
		return nil
	}
	return e.to[e.from[i]:e.from[i+1]]
}

// Len is the number of revisions, repeatable ones not counted.
func (g *Graph) Len() int { return len(g.revs) }

// Lookup gives the revision with exactly that id, a repeatable one too. Parents
// are filled in also when they were implied. What its slices hold must not be
// changed.
func (g *Graph) Lookup(id ID) (Revision, bool) {
	if i, ok := g.find(id); ok {
		return g.revs[i], true
	}
	for _, r := range g.repeat {
		if r.ID == id {
			return r, true
		}
	}
	return Revision{}, false
}

// All gives every revision but the repeatable ones in the order of [Graph.Order].
func (g *Graph) All() iter.Seq[Revision] {
	return func(yield func(Revision) bool) {
		for k := range g.revs {
			if !yield(g.revs[g.at(k)]) {
				return
			}
		}
	}
}

// Order gives all ids so that each comes after its parents and needs, and
// otherwise in the order of [Compare].
func (g *Graph) Order() []ID {
	out := make([]ID, len(g.revs))
	for k := range out {
		out[k] = g.revs[g.at(k)].ID
	}
	return out
}

// Repeatables gives the revisions of kind [Repeatable], which stand outside the
// graph, in the order of their names.
func (g *Graph) Repeatables() []Revision { return slices.Clone(g.repeat) }

// Heads gives the revisions that are no one's parent, in the order of ids.
func (g *Graph) Heads() []ID {
	parent := make([]bool, len(g.revs))
	for _, p := range g.parents.to {
		parent[p] = true
	}
	var out []ID
	for i := range g.revs {
		if !parent[i] {
			out = append(out, g.revs[i].ID)
		}
	}
	return out
}

// Bases gives the revisions without parents, in the order of ids.
func (g *Graph) Bases() []ID {
	var out []ID
	for i := range g.revs {
		if len(g.parents.of(int32(i))) == 0 {
			out = append(out, g.revs[i].ID)
		}
	}
	return out
}

// Parents gives the parents of a revision in the order of ids; nil for a base
// and for an unknown id.
func (g *Graph) Parents(id ID) []ID {
	i, ok := g.find(id)
	if !ok {
		return nil
	}
	return g.ids(g.parents.of(i))
}

// Children gives the revisions of which id is a parent, in the order of ids.
func (g *Graph) Children(id ID) []ID {
	i, ok := g.find(id)
	if !ok {
		return nil
	}
	return g.ids(g.children(i))
}

// Current gives the applied revisions on top of which nothing is applied.
func (g *Graph) Current(applied Set) Set {
	return g.setOf(g.tops(g.mark(applied)))
}

// Pending gives what is not applied, in order.
func (g *Graph) Pending(applied Set) []ID {
	var out []ID
	for k := range g.revs {
		if id := g.revs[g.at(k)].ID; !applied.Has(id) {
			out = append(out, id)
		}
	}
	return out
}

// Missing gives the ids that are neither in the graph nor repeatable, as they
// come. For what a ledger holds, ask the graph and the list that
// [Graph.Effective] gives.
func (g *Graph) Missing(applied []ID) []ID {
	var out []ID
	next := 0 // most were applied in the order of the graph
	for _, id := range applied {
		if next < len(g.revs) && g.revs[next].ID == id {
			next++
		} else if i, ok := g.find(id); ok {
			next = int(i) + 1
		} else if _, ok := g.Lookup(id); !ok {
			out = append(out, id)
		}
	}
	return out
}

// OutOfOrder gives the pending revisions that sort before the last applied one
// in [Graph.Order]. Whether that matters [Graph.Independent] tells: one that no
// applied revision comes after can still be applied without doubt.
func (g *Graph) OutOfOrder(applied []ID) []ID {
	done, last := make([]bool, len(g.revs)), -1
	for _, id := range applied {
		if i, ok := g.find(id); ok {
			done[i] = true
			last = max(last, g.rankOf(i))
		}
	}
	var out []ID
	for k := range last {
		if i := g.at(k); !done[i] {
			out = append(out, g.revs[i].ID)
		}
	}
	return out
}

// Independent tells whether neither of two revisions must come before the other.
func (g *Graph) Independent(a, b ID) bool {
	return !g.Ancestors(NewSet(a)).Has(b) && !g.Ancestors(NewSet(b)).Has(a)
}

// Ancestors gives the revisions of a set and all that must be applied before
// them: parents and needs, theirs, and so on.
func (g *Graph) Ancestors(of Set) Set {
	return g.setOf(g.below(g.mark(of)))
}

// Descendants gives the revisions of a set and all that can only be applied
// after them, as children or because they need them, and so on.
func (g *Graph) Descendants(of Set) Set {
	return g.setOf(g.above(g.mark(of)))
}

// Between gives in order what is applied between two states: to and all before
// it, without from and all before it. It is what the range from:to names.
func (g *Graph) Between(from, to Set) []ID {
	low, high := g.below(g.mark(from)), g.below(g.mark(to))
	var out []ID
	for k := range g.revs {
		if i := g.at(k); high[i] && !low[i] {
			out = append(out, g.revs[i].ID)
		}
	}
	return out
}

// Labels gives the names of all branches, sorted.
func (g *Graph) Labels() []string {
	return slices.Sorted(maps.Keys(g.labels))
}

// Branch gives the revisions that carry a label: the one that has it and all
// after it, up to but without a merge with something outside the branch. It is
// nil for an unknown label.
func (g *Graph) Branch(label string) Set {
	start, ok := g.labels[label]
	if !ok {
		return nil
	}
	return g.setOf(g.branch(start))
}

// LabelsOf gives the labels a revision carries, sorted.
func (g *Graph) LabelsOf(id ID) []string {
	var out []string
	for _, label := range g.Labels() {
		if g.Branch(label).Has(id) {
			out = append(out, label)
		}
	}
	return out
}

// at gives the revision at a place of the order, rankOf the place of one.
func (g *Graph) at(k int) int32 {
	if g.order == nil {
		return int32(k)
	}
	return g.order[k]
}

func (g *Graph) rankOf(i int32) int {
	if g.rank == nil {
		return int(i)
	}
	return int(g.rank[i])
}

func (g *Graph) find(id ID) (int32, bool) { return findID(g.revs, id) }

// findID looks in revisions sorted by id: no map has to be built or held.
func findID(revs []Revision, id ID) (int32, bool) {
	low, high := 0, len(revs)
	for low < high {
		mid := int(uint(low+high) >> 1)
		switch c := Compare(revs[mid].ID, id); {
		case c == 0:
			return int32(mid), true
		case c < 0:
			low = mid + 1
		default:
			high = mid
		}
	}
	return 0, false
}

func (g *Graph) mark(s Set) []bool {
	m := make([]bool, len(g.revs))
	if len(s) > len(m)/8 { // then asking the set is cheaper than searching
		for i := range m {
			m[i] = s.Has(g.revs[i].ID)
		}
		return m
	}
	for id := range s {
		if i, ok := g.find(id); ok {
			m[i] = true
		}
	}
	return m
}

func (g *Graph) setOf(m []bool) Set {
	out := Set{}
	for i, in := range m {
		if in {
			out[g.revs[i].ID] = struct{}{}
		}
	}
	return out
}

func (g *Graph) ids(list []int32) []ID {
	var out []ID
	for _, i := range list {
		out = append(out, g.revs[i].ID)
	}
	slices.SortFunc(out, Compare)
	return out
}

// inOrder gives the marked ones in order.
func (g *Graph) inOrder(m []bool) []int32 {
	var out []int32
	for k := range g.revs {
		if i := g.at(k); m[i] {
			out = append(out, i)
		}
	}
	return out
}

// below marks, besides what is marked, all that comes before it.
func (g *Graph) below(m []bool) []bool {
	for k := len(g.revs) - 1; k >= 0; k-- {
		i := g.at(k)
		if !m[i] {
			continue
		}
		for _, p := range g.parents.of(i) {
			m[p] = true
		}
		for _, p := range g.needs.of(i) {
			m[p] = true
		}
	}
	return m
}

// above marks, besides what is marked, all that comes after it.
func (g *Graph) above(m []bool) []bool {
	for k := range g.revs {
		i := g.at(k)
		m[i] = m[i] || anyMarked(m, g.parents.of(i)) || anyMarked(m, g.needs.of(i))
	}
	return m
}

func anyMarked(m []bool, list []int32) bool {
	for _, i := range list {
		if m[i] {
			return true
		}
	}
	return false
}

// tops keeps of the marked ones those without a marked descendant.
func (g *Graph) tops(m []bool) []bool {
	covered, out := make([]bool, len(m)), make([]bool, len(m))
	for k := len(g.revs) - 1; k >= 0; k-- {
		i := g.at(k)
		out[i] = m[i] && !covered[i]
		if m[i] || covered[i] {
			for _, p := range g.parents.of(i) {
				covered[p] = true
			}
		}
	}
	return out
}

// branch marks what carries the label that starts at a revision.
func (g *Graph) branch(start int32) []bool {
	m := make([]bool, len(g.revs))
	m[start] = true
	for k := g.rankOf(start) + 1; k < len(g.revs); k++ {
		i := g.at(k)
		parents := g.parents.of(i)
		m[i] = len(parents) > 0
		for _, p := range parents {
			m[i] = m[i] && m[p]
		}
	}
	return m
}

func (g *Graph) children(of int32) []int32 {
	var out []int32
	for i := range g.revs {
		if slices.Contains(g.parents.of(int32(i)), of) {
			out = append(out, int32(i))
		}
	}
	return out
}
