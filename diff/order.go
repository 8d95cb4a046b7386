package diff

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/schema"
)

// step is one side of what happens to a fact.
type step struct {
	verb Verb
	id   schema.ID
}

// graph is the actions and what must stand before what.
type graph struct {
	w       *World
	l       Language
	actions []*Action
	at      map[step]int
	after   [][]int // edges: those that must come after
	before  []int   // how many must come before
	drawn   map[[2]int]bool
	loose   Loose   // nil for a language without loose facts
	patient Patient // nil for one that always waits
	soft    [][]int // of the edges, those that are given up when nothing else helps
}

// arrange gives the actions, by number, in an order in which each finds what it needs.
func arrange(w *World, l Language) (*graph, []int, error) {
	g := &graph{w: w, l: l, at: map[step]int{}, drawn: map[[2]int]bool{}}
	g.collect()
	g.after, g.soft, g.before = make([][]int, len(g.actions)), make([][]int, len(g.actions)), make([]int, len(g.actions))
	g.loose, _ = l.(Loose)
	g.patient, _ = l.(Patient)
	g.connect()
	order, err := g.sorted()
	return g, order, err
}

// collect makes the actions. Facts that may stand alone go first, so that those
// that go with a parent find it.
func (g *graph) collect() {
	var steps []step
	for id, v := range g.w.verdicts {
		for verb, on := range map[Verb]bool{Drop: v.drop, Modify: v.alter, Create: v.create} {
			if on {
				steps = append(steps, step{verb, id})
			}
		}
	}
	depth := func(s step) int {
		switch {
		case s.id.Kind == schema.Default:
			return 2
		case s.id.On != "":
			return 1
		}
		return 0
	}
	slices.SortFunc(steps, func(a, b step) int {
		return cmp.Or(cmp.Compare(depth(a), depth(b)), cmp.Compare(a.verb, b.verb), a.id.Compare(b.id))
	})
	for _, s := range steps {
		g.place(s)
	}
	for _, a := range g.actions {
		slices.SortStableFunc(a.With, func(x, y Part) int {
			return cmp.Or(cmp.Compare(g.l.Weight(x.ID().Kind), g.l.Weight(y.ID().Kind)), cmp.Compare(x.Fact().Order, y.Fact().Order))
		})
	}
}

// place finds or makes the action of a step.
func (g *graph) place(s step) {
	v := g.w.verdicts[s.id]
	part := Part{s.verb, v.change}
	f := part.Fact()
	if s.id.On != "" {
		parent := f.Parent()
		if s.id.Kind == schema.Default {
			if table := (schema.ID{Kind: f.Of, Schema: s.id.Schema, Name: s.id.On}); g.has(step{s.verb, table}) {
				parent = table
			}
		}
		switch home := g.l.Home(f, s.verb, g.w); {
		case home == InParentsAlter && !g.has(step{s.verb, parent}):
			g.alterOf(parent, part)
			return
		case home != Own && g.has(step{s.verb, parent}) && (home != WithParentIfFree || g.free(f, s, parent)):
			n := g.at[step{s.verb, parent}]
			g.actions[n].With = append(g.actions[n].With, part)
			g.at[s] = n
			return
		}
	}
	g.at[s] = len(g.actions)
	g.actions = append(g.actions, &Action{Main: part})
}

// alterOf puts a part into the action that alters its parent.
func (g *graph) alterOf(parent schema.ID, part Part) {
	key := step{Modify, parent}
	n, ok := g.at[key]
	if !ok {
		c := &Change{}
		c.Before, _ = g.w.Before.Find(parent)
		c.After, _ = g.w.After.Find(parent)
		n = len(g.actions)
		g.at[key] = n
		g.actions = append(g.actions, &Action{Main: Part{Modify, c}})
	}
	g.actions[n].With = append(g.actions[n].With, part)
	g.at[step{part.Verb, part.ID()}] = n
}

func (g *graph) has(s step) bool { _, ok := g.at[s]; return ok }

// free tells whether nothing that a part needs, and that happens in the same
// plan, could need the part's parent.
func (g *graph) free(f *schema.Fact, s step, parent schema.ID) bool {
	shape := g.w.After
	if s.verb == Drop {
		shape = g.w.Before
	}
	for _, id := range f.Needs {
		v := g.w.verdicts[id]
		if v == nil || s.verb == Create && !v.create || s.verb == Drop && !v.drop {
			continue
		}
		need, ok := shape.Find(id)
		if !ok || id == parent || need.Parent() == parent || g.l.Simple(need) {
			continue
		}
		return false
	}
	return true
}

func (g *graph) edge(from, to step) {
	a, ok := g.at[from]
	if !ok {
		return
	}
	b, ok := g.at[to]
	if !ok || a == b || g.drawn[[2]int{a, b}] {
		return
	}
	g.drawn[[2]int{a, b}] = true
	g.after[a] = append(g.after[a], b)
	g.before[b]++
}

// connect draws the edges.
func (g *graph) connect() {
	taken := map[string][]schema.ID{}
	for id, v := range g.w.verdicts {
		if v.drop {
			for _, name := range g.l.Names(v.change.Before) {
				taken[name] = append(taken[name], id)
			}
		}
	}
	g.names(taken)
	for id, v := range g.w.verdicts {
		if v.drop {
			g.edge(step{Drop, id}, step{Create, id})
			for _, need := range g.needs(v.change.Before) {
				if g.within(step{Drop, id}, need) {
					continue
				}
				g.edge(step{Drop, id}, step{Drop, need})
				if g.concerns(need, v.change.Before) {
					g.edge(step{Drop, id}, step{Modify, need})
				}
				if id.Kind == schema.Index && need.Kind == schema.Index && need.On != id.On {
					g.edge(step{Drop, need}, step{Create, id}) // it goes with the one it is a part of
				}
			}
		}
		if v.alter {
			for _, need := range g.needs(v.change.After) {
				g.edge(step{Create, need}, step{Modify, id})
				if g.concerns(need, v.change.After) {
					g.edge(step{Modify, need}, step{Modify, id})
				}
			}
			if !g.isLoose(v.change.Before) {
				for _, need := range v.change.Before.Needs {
					g.edge(step{Modify, id}, step{Drop, need})
				}
			}
		}
		if v.create {
			for _, need := range g.needs(v.change.After) {
				g.edge(step{Create, need}, step{Create, id})
				if g.concerns(need, v.change.After) {
					g.edge(step{Modify, need}, step{Create, id})
				}
			}
			for _, name := range g.l.Names(v.change.After) {
				for _, other := range taken[name] {
					g.edge(step{Drop, other}, step{Create, id})
				}
			}
		}
	}
	for c, ids := range g.w.affected {
		for _, id := range ids {
			if v := g.w.verdicts[id]; v != nil && v.change.Before != nil && g.isLoose(v.change.Before) {
				continue
			}
			g.edge(step{Drop, id}, step{Modify, c.ID()})
			g.edge(step{Modify, c.ID()}, step{Create, id})
		}
	}
	for id, v := range g.w.verdicts {
		g.prefer(id, v)
	}
}

// names draws the edges between facts that are altered, and so give up a name or take
// one, and those that come or go. What is dropped has the names in taken.
func (g *graph) names(taken map[string][]schema.ID) {
	freed, gained := map[string]schema.ID{}, map[string]schema.ID{}
	for id, v := range g.w.verdicts {
		if !v.alter {
			continue
		}
		before, after := g.l.Names(v.change.Before), g.l.Names(v.change.After)
		for _, name := range before {
			if !slices.Contains(after, name) {
				freed[name] = id
			}
		}
		for _, name := range after {
			if slices.Contains(before, name) {
				continue
			}
			gained[name] = id
			for _, other := range taken[name] {
				g.edge(step{Drop, other}, step{Modify, id})
			}
		}
	}
	for name, id := range gained {
		if other, ok := freed[name]; ok {
			g.edge(step{Modify, other}, step{Modify, id})
		}
	}
	if len(freed) == 0 {
		return
	}
	for id, v := range g.w.verdicts {
		if !v.create {
			continue
		}
		for _, name := range g.l.Names(v.change.After) {
			if other, ok := freed[name]; ok {
				g.edge(step{Modify, other}, step{Create, id})
			}
		}
	}
}

// within tells whether a step goes with an action about the very thing that need
// lives on: there is nothing to put in order.
func (g *graph) within(s step, need schema.ID) bool {
	n, ok := g.at[s]
	if !ok {
		return false
	}
	main := g.actions[n].Main.ID()
	return main != s.id && need.On == main.Name && need.Schema == main.Schema && main.On == ""
}

// concerns tells whether a change in what a fact needs concerns the fact: that of
// what it lives on does only where parts of that are changed along with it.
func (g *graph) concerns(need schema.ID, f *schema.Fact) bool {
	if c, ok := g.w.Alters(need); ok && g.patient != nil && len(g.actions[g.at[step{Modify, need}]].With) == 0 && !g.patient.Waits(c, f, g.w) {
		return false
	}
	if need != f.Parent() || need.On != "" || slices.Contains(f.Needs, need) {
		return true
	}
	n, ok := g.at[step{Modify, need}]
	return ok && len(g.actions[n].With) > 0
}

func (g *graph) isLoose(f *schema.Fact) bool { return g.loose != nil && g.loose.Loose(f) }

// needs are those of a fact that nothing may stand against.
func (g *graph) needs(f *schema.Fact) []schema.ID {
	if g.isLoose(f) {
		return []schema.ID{f.Parent()}
	}
	return needs(f)
}

// prefer draws the edges of a loose fact.
func (g *graph) prefer(id schema.ID, v *verdict) {
	if f := v.change.Before; f != nil && g.isLoose(f) {
		for _, need := range f.Needs {
			g.wish(step{Drop, id}, step{Drop, need})
			g.wish(step{Modify, id}, step{Drop, need})
		}
	}
	if f := v.change.After; f != nil && g.isLoose(f) {
		for _, need := range f.Needs {
			g.wish(step{Create, need}, step{Create, id})
		}
	}
}

// wish draws an edge that may be given up.
func (g *graph) wish(from, to step) {
	a, ok := g.at[from]
	if !ok {
		return
	}
	n := len(g.after[a])
	if g.edge(from, to); len(g.after[a]) > n {
		g.soft[a] = append(g.soft[a], g.at[to])
	}
}

// giveUp drops a soft edge of each circle of actions that wait for each other,
// until one of them may come, and gives that; none when a circle is a hard one.
func (g *graph) giveUp() (ready []int) {
	for len(ready) == 0 {
		circle := g.circle()
		at := slices.IndexFunc(circle, func(to int) bool {
			from := circle[(slices.Index(circle, to)+1)%len(circle)]
			return slices.Contains(g.soft[from], to)
		})
		if at < 0 {
			return nil
		}
		to, from := circle[at], circle[(at+1)%len(circle)]
		given := func(n int) bool { return n == to }
		g.soft[from], g.after[from] = slices.DeleteFunc(g.soft[from], given), slices.DeleteFunc(g.after[from], given)
		if g.before[to]--; g.before[to] == 0 {
			ready = append(ready, to)
		}
	}
	return ready
}

// needs are what a fact needs and what it lives on.
func needs(f *schema.Fact) []schema.ID {
	if parent := f.Parent(); parent != (schema.ID{}) {
		return append(f.Needs[:len(f.Needs):len(f.Needs)], parent)
	}
	return f.Needs
}

// sorted is Kahn's order with a heap: what may stand anywhere stands by verb,
// weight and name.
func (g *graph) sorted() ([]int, error) {
	q := &queue{g: g, rank: make([]rank, len(g.actions))}
	for i, a := range g.actions {
		q.rank[i] = g.rank(a)
	}
	for i, n := range g.before {
		if n == 0 {
			q.ready = append(q.ready, i)
		}
	}
	heap.Init(q)
	order := make([]int, 0, len(g.actions))
	for {
		if q.Len() == 0 {
			q.ready = g.giveUp()
			heap.Init(q)
		}
		if q.Len() == 0 {
			break
		}
		n := heap.Pop(q).(int)
		order = append(order, n)
		for _, next := range g.after[n] {
			if g.before[next]--; g.before[next] == 0 {
				heap.Push(q, next)
			}
		}
	}
	if len(order) < len(g.actions) {
		return nil, fault.New(fault.Internal, "these changes need each other: %s", g.cycle())
	}
	return order, nil
}

// cycle names the actions of one circle.
func (g *graph) cycle() string {
	var names []string
	for _, at := range g.circle() {
		names = append(names, []string{"drop ", "alter ", "create "}[g.actions[at].Main.Verb]+g.actions[at].Main.ID().String())
	}
	slices.Reverse(names)
	return strings.Join(names, ", ")
}

// circle is actions that wait for each other: each for the one after it, the
// last for the first. None when no action waits.
func (g *graph) circle() (circle []int) {
	at := slices.IndexFunc(g.before, func(n int) bool { return n > 0 })
	if at < 0 {
		return nil
	}
	back := map[int]int{}
	for from, all := range g.after {
		for _, to := range all {
			if g.before[from] > 0 && g.before[to] > 0 {
				back[to] = from
			}
		}
	}
	seen := map[int]bool{}
	for !seen[at] {
		seen[at] = true
		at = back[at]
	}
	for end := at; ; {
		circle = append(circle, at)
		if at = back[at]; at == end {
			return circle
		}
	}
}

// rank is where an action stands when nothing else says.
type rank struct {
	verb   Verb
	weight int
	id     schema.ID
}

func (g *graph) rank(a *Action) rank {
	id := a.Main.ID()
	weight := g.l.Weight(id.Kind)
	if a.Main.Verb == Drop {
		weight = -weight
	}
	return rank{a.Main.Verb, weight, id}
}

// queue is the heap of actions that may come next.
type queue struct {
	g     *graph
	rank  []rank
	ready []int
}

func (q *queue) Len() int { return len(q.ready) }

func (q *queue) Less(i, j int) bool {
	a, b := q.rank[q.ready[i]], q.rank[q.ready[j]]
	return cmp.Or(cmp.Compare(a.verb, b.verb), cmp.Compare(a.weight, b.weight), a.id.Compare(b.id)) < 0
}

func (q *queue) Swap(i, j int) { q.ready[i], q.ready[j] = q.ready[j], q.ready[i] }

// Push and Pop are for package heap.
func (q *queue) Push(x any) { q.ready = append(q.ready, x.(int)) }

// Pop takes the last.
func (q *queue) Pop() any {
	last := q.ready[len(q.ready)-1]
	q.ready = q.ready[:len(q.ready)-1]
	return last
}
