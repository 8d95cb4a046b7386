package revision

import (
	"fmt"
	"slices"
	"strings"
)

// sortGraph sets the order of g, or finds why there is none.
func (b *builder) sortGraph(g *Graph) {
	if ascending(g.parents) && ascending(g.needs) {
		return
	}
	order := topological(g)
	if len(order) < len(g.revs) {
		b.cycles(g, order)
		return
	}
	g.order, g.rank = order, make([]int32, len(order))
	for k, i := range order {
		g.rank[i] = int32(k)
	}
}

// ascending tells whether every edge leads to a smaller id: then the order of
// ids is the topological one, and no sorting is needed.
func ascending(e edges) bool {
	for i := 1; i < len(e.from); i++ {
		for _, p := range e.to[e.from[i-1]:e.from[i]] {
			if int(p) >= i-1 {
				return false
			}
		}
	}
	return true
}

// topological puts parents and needs first, the smallest id first among those
// that are free. It leaves out what is on or after a cycle.
func topological(g *Graph) []int32 {
	next, waits := turn(g)
	var free heap
	for i, n := range waits {
		if n == 0 {
			free.push(int64(i))
		}
	}
	order := make([]int32, 0, len(g.revs))
	for len(free) > 0 {
		i := int32(free.pop())
		order = append(order, i)
		for _, c := range next.of(i) {
			if waits[c]--; waits[c] == 0 {
				free.push(int64(c))
			}
		}
	}
	return order
}

// turn gives for each revision those that come after it, and the number of
// those that come before it. One that is both parent and need counts twice.
func turn(g *Graph) (next edges, before []int32) {
	n := len(g.revs)
	before = make([]int32, n)
	next.from = make([]int32, n+2)
	next.to = make([]int32, len(g.parents.to)+len(g.needs.to))
	for _, e := range []edges{g.parents, g.needs} {
		for _, p := range e.to {
			next.from[p+2]++
		}
	}
	for i := 2; i < len(next.from); i++ {
		next.from[i] += next.from[i-1]
	}
	for i := range g.revs {
		for _, e := range []edges{g.parents, g.needs} {
			for _, p := range e.of(int32(i)) {
				next.to[next.from[p+1]] = int32(i)
				next.from[p+1]++
				before[i]++
			}
		}
	}
	next.from = next.from[:n+1]
	return next, before
}

// heap gives the smallest number first.
type heap []int64

func (h *heap) push(x int64) {
	s := append(*h, x)
	for i := len(s) - 1; i > 0 && s[i] < s[(i-1)/2]; i = (i - 1) / 2 {
		s[i], s[(i-1)/2] = s[(i-1)/2], s[i]
	}
	*h = s
}

func (h *heap) pop() int64 {
	s := *h
	top, n := s[0], len(s)-1
	s[0] = s[n]
	s = s[:n]
	for i := 0; 2*i+1 < n; {
		c := 2*i + 1
		if c+1 < n && s[c+1] < s[c] {
			c++
		}
		if s[i] <= s[c] {
			break
		}
		s[i], s[c] = s[c], s[i]
		i = c
	}
	*h = s
	return top
}

// cycles reports each cycle among the revisions that no order could hold, once.
func (b *builder) cycles(g *Graph, ordered []int32) {
	seen := make([]int32, len(g.revs)) // the walk that came by; -1: no part of it
	for _, i := range ordered {
		seen[i] = -1
	}
	for i := range g.revs {
		if seen[i] != 0 {
			continue
		}
		walk, at := int32(i)+1, int32(i)
		for seen[at] == 0 {
			seen[at] = walk
			at = firstLeft(g, at, seen)
		}
		if seen[at] == walk {
			b.cycle(g, at, seen)
		}
	}
}

// firstLeft gives the first parent or need that is itself left over; there is
// always one, or the revision would have been free.
func firstLeft(g *Graph, i int32, seen []int32) int32 {
	for _, e := range []edges{g.parents, g.needs} {
		for _, p := range e.of(i) {
			if seen[p] != -1 {
				return p
			}
		}
	}
	return i
}

// cycleShown is how many links of a long cycle are printed.
const cycleShown = 12

func (b *builder) cycle(g *Graph, on int32, seen []int32) {
	first := on
	for at := firstLeft(g, on, seen); at != on; at = firstLeft(g, at, seen) {
		first = min(first, at)
	}
	var links []string
	for at, again := first, false; at != first || !again; again = true {
		to := firstLeft(g, at, seen)
		links = append(links, string(g.revs[at].ID)+verb(g, at, to)+string(g.revs[to].ID))
		at = to
	}
	if n := len(links); n > cycleShown {
		half := cycleShown / 2
		links = append(append(links[:half:half], fmt.Sprintf("… %d more …", n-2*half)), links[n-half:]...)
	}
	text := strings.Join(links, ", ")
	r := &g.revs[first]
	e := b.wrongAt(r, link(r, g.revs[firstLeft(g, first, seen)].ID), "a cycle: %s", text).Try("change one of these revises or needs lines, so that each comes after what it builds on")
	if strings.Contains(text, follows) {
		e.Hint += "; a file without a revises line follows the one before it"
	}
}

// link is where a revision says that it comes after another.
func link(r *Revision, to ID) Spot {
	if k := slices.Index(r.Parents, to); k >= 0 {
		return r.Said.parent(k)
	}
	return r.Said.need(slices.IndexFunc(r.Needs, func(n Need) bool { return n.ID == to }))
}

const follows = " follows " // what an implied parent is called

func verb(g *Graph, at, to int32) string {
	for _, p := range g.parents.of(at) {
		if p == to && g.revs[at].Implied {
			return follows
		} else if p == to {
			return " revises "
		}
	}
	return " needs "
}
