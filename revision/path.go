package revision

// Path gives the moves from one state to another, each state being a set of
// revisions and all before them: first what must be reverted, the last one
// first, then what must be applied. For a database, whose applied revisions may
// have gaps, ask [Graph.Up] and [Graph.Down]. An id that the graph does not know
// is an error of code [fault.Target].
func (g *Graph) Path(from, to Set) ([]Move, error) {
	for _, s := range []Set{from, to} {
		if err := g.known(s); err != nil {
			return nil, err
		}
	}
	have, want := g.below(g.mark(from)), g.below(g.mark(to))
	var moves []Move
	for k := len(g.revs) - 1; k >= 0; k-- {
		if i := g.at(k); have[i] && !want[i] {
			moves = append(moves, Move{g.revs[i].ID, Down})
		}
	}
	for k := range g.revs {
		if i := g.at(k); want[i] && !have[i] {
			moves = append(moves, Move{g.revs[i].ID, Up})
		}
	}
	return moves, nil
}

func (g *Graph) known(s Set) error {
	for _, id := range s.Sorted() {
		if _, ok := g.find(id); !ok {
			return g.unknown(string(id), nil, "")
		}
	}
	return nil
}

// Up gives what must be applied to reach a target: of its revisions and all
// before them (parents and needs) what is not applied, in order. It never
// reverts: a target below what is applied gives no moves, and one that says so
// itself (-1) is an error of code [fault.Target].
func (g *Graph) Up(applied Set, t Target) ([]Move, error) {
	if t.course == Down {
		return nil, wrongTarget("%s lies below what is applied, and up never reverts", t.Expr).Try("bellows down %s", t.Expr)
	}
	if err := g.known(t.IDs); err != nil {
		return nil, err
	}
	want := g.below(g.mark(t.IDs))
	var moves []Move
	for k := range g.revs {
		if i := g.at(k); want[i] && !applied.Has(g.revs[i].ID) {
			moves = append(moves, Move{g.revs[i].ID, Up})
		}
	}
	return moves, nil
}

// Down gives what must be reverted to reach a target, in the reverse of the
// graph's order. See [Graph.PathDown].
func (g *Graph) Down(applied Set, t Target) ([]Move, error) {
	undo, err := g.undo(applied, t)
	if err != nil {
		return nil, err
	}
	var moves []Move
	for k := len(g.revs) - 1; k >= 0; k-- {
		if i := g.at(k); undo[i] {
			moves = append(moves, Move{g.revs[i].ID, Down})
		}
	}
	return moves, nil
}

// PathDown gives what must be reverted to reach a target. What comes after
// another, or needs it, is reverted before it; among the rest, what was applied
// last goes first. applied is everything applied, in the order of application.
//
//	base           reverts all
//	ID             what is applied after it, on every branch that starts there;
//	               other branches stay, except what needs something reverted
//	-2             the last two
//	ID-1           ID and what is applied after it
//	LABEL@base     the branch, and what was built on it
//
// It never applies: a target that is not applied is an error of code
// [fault.Target], also when something after it is.
func (g *Graph) PathDown(applied []ID, t Target) ([]Move, error) {
	undo, err := g.undo(NewSet(applied...), t)
	if err != nil {
		return nil, err
	}
	when := make([]int64, len(g.revs))
	for k, id := range applied {
		if i, ok := g.find(id); ok {
			when[i] = int64(k)
		}
	}
	waits := make([]int32, len(g.revs)) // for how many that must be reverted before
	g.eachUndone(undo, func(_, before int32) { waits[before]++ })
	var free heap
	byTime := make(map[int64]int32)
	release := func(i int32) {
		free.push(-when[i])
		byTime[-when[i]] = i
	}
	for i := range g.revs {
		if undo[i] && waits[i] == 0 {
			release(int32(i))
		}
	}
	var moves []Move
	for len(free) > 0 {
		i := byTime[free.pop()]
		moves = append(moves, Move{g.revs[i].ID, Down})
		for _, e := range []edges{g.parents, g.needs} {
			for _, p := range e.of(i) {
				if waits[p]--; undo[p] && waits[p] == 0 {
					release(p)
				}
			}
		}
	}
	return moves, nil
}

// eachUndone calls f for each edge between two that are to be reverted.
func (g *Graph) eachUndone(undo []bool, f func(i, before int32)) {
	for i := range g.revs {
		if !undo[i] {
			continue
		}
		for _, e := range []edges{g.parents, g.needs} {
			for _, p := range e.of(int32(i)) {
				f(int32(i), p)
			}
		}
	}
}

// undo marks what a way down to t reverts.
func (g *Graph) undo(applied Set, t Target) ([]bool, error) {
	if t.course == Up {
		return nil, wrongTarget("%s lies above what is applied, and down never applies", t.Expr).Try("bellows up %s", t.Expr)
	}
	done := g.mark(applied)
	if t.undo != nil {
		return both(g.above(g.mark(t.undo)), done), nil
	}
	if len(t.IDs) == 0 {
		return done, nil
	}
	if err := g.known(t.IDs); err != nil {
		return nil, err
	}
	for _, id := range t.IDs.Sorted() {
		if !applied.Has(id) {
			return nil, wrongTarget("%s is not applied, so there is no way down to it", g.name(id)).Try("%s", g.currentHint(applied))
		}
	}
	keep := g.below(g.mark(t.IDs))
	undo := make([]bool, len(g.revs))
	for k := range g.revs { // like above, but not what the target itself needs
		i := g.at(k)
		undo[i] = !keep[i] && (g.afterTarget(i, t.IDs, undo))
	}
	return both(undo, done), nil
}

// afterTarget tells whether a revision comes right after a target or something
// that is reverted.
func (g *Graph) afterTarget(i int32, ids Set, undo []bool) bool {
	for _, e := range []edges{g.parents, g.needs} {
		for _, p := range e.of(i) {
			if undo[p] || ids.Has(g.revs[p].ID) {
				return true
			}
		}
	}
	return false
}

func (g *Graph) currentHint(applied Set) string {
	if ids := g.Current(applied).Sorted(); len(ids) > 0 {
		return "current is " + g.called(ids)
	}
	return "nothing is applied"
}
