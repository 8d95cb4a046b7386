package revision

import (
	"fmt"
	"slices"

	"github.com/bellowsdb/bellows/fault"
)

// Reparent is a file that gets a new revises line.
type Reparent struct {
	ID         ID
	NewParents []ID
}

// Merge gives the parents of a revision that joins heads, in the order of ids.
// A head that only needs another is still a head of its own. The error, of code
// [fault.Graph], says that there are not two, or that one of them already comes
// after another.
func (g *Graph) Merge(heads Set) ([]ID, error) {
	if err := g.known(heads); err != nil {
		return nil, err
	}
	ids := heads.Sorted()
	if len(ids) < 2 {
		return nil, fault.New(fault.Graph, "there is nothing to merge: %s", countAre(len(ids), "head")+" named").Try("bellows heads lists them")
	}
	for _, id := range ids {
		after := g.setOf(g.revising(g.mark(NewSet(id))))
		for _, other := range ids {
			if other != id && after.Has(other) {
				return nil, fault.New(fault.Graph, "%s already comes after %s", g.name(other), g.name(id)).Try("merge heads only: %s", list(g.Heads()))
			}
		}
	}
	return ids, nil
}

// revising marks what is marked and all that revises it, step by step. A need is
// no such step.
func (g *Graph) revising(m []bool) []bool {
	for k := range g.revs {
		i := g.at(k)
		for _, p := range g.parents.of(i) {
			m[i] = m[i] || m[p]
		}
	}
	return m
}

// Rebase tells which files get which new revises line, so that every branch
// that shares a beginning with the head onto, and is not applied, comes after
// it. Files that are not told stay as they are. Several branches are put one
// after another, in order; those that a merge or a need ties together stay side
// by side. applied is everything applied.
//
// What comes before onto is left alone, and so are lines that share nothing with
// it. The errors are of code [fault.Graph]: onto is no head, or a file that would
// have to move is applied, so that moving it would rewrite what happened. No
// moves and no error means that there is no other branch.
func (g *Graph) Rebase(applied Set, onto ID) ([]Reparent, error) {
	if err := g.known(NewSet(onto)); err != nil {
		return nil, err
	}
	if heads := g.Heads(); !slices.Contains(heads, onto) {
		return nil, fault.New(fault.Graph, "%s is not a head", g.name(onto)).Try("the heads are %s", g.called(heads))
	}
	trunk := g.below(g.mark(NewSet(onto)))
	moved := g.moved(trunk, onto)
	for _, i := range g.inOrder(moved) {
		if id := g.revs[i].ID; applied.Has(id) {
			return nil, g.appliedMove(id, onto, applied)
		}
	}
	return g.reparent(moved, trunk, onto), nil
}

func (g *Graph) appliedMove(id, onto ID, applied Set) error {
	e := fault.New(fault.Graph, "%s would have to move onto %s, but it is applied", g.name(id), g.name(onto))
	if i, ok := g.find(id); ok && g.revs[i].File != "" {
		at := g.revs[i].Said.parent(0)
		e.Pos = &fault.Pos{File: g.revs[i].File, Line: int(at.Line), Column: int(at.Column)}
	}
	if applied.Has(onto) {
		return e.Try("both branches are applied: join them with bellows merge")
	}
	return e.Try("move the other branch instead, or revert this one first: bellows down %s-1", id)
}

// moved marks what hangs on the trunk by its side: neither part of it nor after
// its head, and grown from it.
func (g *Graph) moved(trunk []bool, onto ID) []bool {
	m := make([]bool, len(g.revs))
	head, _ := g.find(onto)
	for k := range g.revs {
		i := g.at(k)
		for _, p := range g.parents.of(i) {
			m[i] = m[i] || !trunk[i] && p != head && (trunk[p] || m[p])
		}
	}
	return m
}

// reparent hangs each marked branch on the one before it, the first on onto.
func (g *Graph) reparent(moved, trunk []bool, onto ID) []Reparent {
	group := g.groups(trunk)
	tips := map[int32][]ID{} // the heads of each group
	for i, top := range g.tops(moved) {
		if top {
			tips[group[i]] = append(tips[group[i]], g.revs[i].ID)
		}
	}
	var out []Reparent
	on, onNow := map[int32]ID{}, onto
	for _, i := range g.inOrder(moved) {
		if _, seen := on[group[i]]; !seen {
			on[group[i]] = onNow
			if t := tips[group[i]]; len(t) == 1 {
				onNow = t[0]
			}
		}
		var inside []int32
		parents := g.parents.of(i)
		for _, p := range parents {
			if moved[p] {
				inside = append(inside, p)
			}
		}
		switch {
		case len(inside) == 0:
			out = append(out, Reparent{g.revs[i].ID, []ID{on[group[i]]}})
		case len(inside) < len(parents):
			out = append(out, Reparent{g.revs[i].ID, g.ids(inside)})
		}
	}
	return out
}

// groups numbers what is not trunk so that all that hangs together, by whatever
// edge and over whatever is between, has one number: putting such branches one
// after another could make a cycle.
func (g *Graph) groups(trunk []bool) []int32 {
	group := make([]int32, len(g.revs))
	for i := range group {
		group[i] = int32(i)
	}
	root := func(i int32) int32 {
		for group[i] != i {
			group[i] = group[group[i]]
			i = group[i]
		}
		return i
	}
	for i := range g.revs {
		for _, p := range slices.Concat(g.parents.of(int32(i)), g.needs.of(int32(i))) {
			if !trunk[i] && !trunk[p] {
				group[root(int32(i))] = root(p)
			}
		}
	}
	for i := range group {
		group[i] = root(int32(i))
	}
	return group
}

// String gives the revises line as it is written.
func (r Reparent) String() string { return fmt.Sprintf("%s revises %s", r.ID, list(r.NewParents)) }
