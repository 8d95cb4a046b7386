package diff

import (
	"cmp"
	"slices"

	"github.com/bellowsdb/bellows/schema"
)

// Stage says when a statement has its turn, so that the application can go on:
// no stage holds a lock that stops others for longer than the catalog takes to be
// changed, unless the table is small or there is no other way, which a hazard says.
type Stage int

const (
	// Add: what only changes the catalog, or a table that is new or small.
	Add Stage = iota
	// Build: indexes are built and dropped while others read and write; each
	// statement stands alone.
	Build
	// NotValid: constraints are added that look at no row that is there.
	NotValid
	// Validate: rows are looked at while others read and write.
	Validate
	// Tighten: what was proven becomes a rule.
	Tighten
	// Fill: rows are changed: the work of a backfill. What does not wait for it has
	// its turn before.
	Fill
	// Contract: what nobody needs any more goes for good.
	Contract
)

// slots is how many places a round has: a stage whose turn is over has another
// one in the next round.
const slots = int(Contract) + 1

// String is the stage in one word, fit for the name of a file.
func (s Stage) String() string {
	return [...]string{"add", "build", "not_valid", "validate", "tighten", "fill", "contract"}[s]
}

// Staging says which tables are changed in stages.
type Staging int

const (
	// BySize: those that are larger than [Options].Small; a table of unknown size is
	// taken to be small.
	BySize Staging = iota
	// Always: all that hold rows.
	Always
	// Never: none; everything is said in the shortest way.
	Never
)

// Small is up to which size a table is changed in the shortest way where
// [Options].Small says nothing: 10,000 rows and 8 MB.
var small = schema.Size{Rows: 10_000, Bytes: 8 << 20}

// Large tells whether a table that was there before is so large that a scan of it
// under a lock would be felt.
func (w *World) Large(table schema.ID) bool {
	if _, ok := w.Before.Find(table); !ok || w.Creates(table) {
		return false
	}
	switch w.staging {
	case Always:
		return true
	case Never:
		return false
	}
	size, ok := w.sizes[table]
	return ok && (size.Rows > w.small.Rows || size.Bytes > w.small.Bytes)
}

// Size is what is known of a table's size.
func (w *World) Size(table schema.ID) (schema.Size, bool) {
	size, ok := w.sizes[table]
	return size, ok
}

// measured takes over what the options say of sizes, under the tables' new names.
func (w *World) measured(o Options) {
	w.staging, w.small, w.sizes = o.Staging, o.Small, o.Sizes
	if w.small == (schema.Size{}) {
		w.small = small
	}
	for _, r := range o.Renames {
		w.sizes = w.sizes.renamed(r)
	}
}

// Sizes are how large tables are.
type Sizes map[schema.ID]schema.Size

// renamed are the sizes after a rename.
func (s Sizes) renamed(r Rename) Sizes {
	if r.From.Kind != schema.Table && r.From.Kind != schema.Namespace || len(s) == 0 {
		return s
	}
	out := make(Sizes, len(s))
	for id, size := range s {
		out[moved(id, "", r)] = size
	}
	return out
}

// placed is a statement with its turn.
type placed struct {
	Statement
	rank   int
	action int
	// place is where it stands among those of its rank.
	place place
	// ends: it is the last of its action.
	ends bool
}

// stages gives the statements of actions their turns and puts them in order. The
// order of the actions is one in which each finds what it needs.
func (g *graph) stages(order []int, spelled [][]Statement) []placed {
	staged := slices.ContainsFunc(spelled, func(all []Statement) bool {
		return slices.ContainsFunc(all, func(s Statement) bool { return s.Stage != Add })
	})
	floor := make([]int, len(g.actions)) // by action: its turn is not before it
	ranks, reach := g.turns(order, spelled, floor)
	for round := 0; round < 8 && g.waits(order, ranks, floor); round++ {
		ranks, reach = g.turns(order, spelled, floor)
	}
	at := make([]place, len(order))
	for n := range order {
		at[n].n = n
	}
	if staged {
		g.sink(order, ranks, spelled)
		g.late(order, ranks, spelled, at)
	}
	if slices.ContainsFunc(ranks, func(all []int) bool { return slices.ContainsFunc(all, func(r int) bool { return r > 0 }) }) {
		g.along(order, ranks, reach)
	}
	var out []placed
	for n, all := range spelled {
		for i, s := range all {
			s.turn = ranks[n][i]
			out = append(out, placed{s, ranks[n][i], order[n], at[n], i == len(all)-1})
		}
		if len(all) == 0 {
			out = append(out, placed{rank: reach[n], action: order[n], place: at[n], ends: true})
		}
	}
	slices.SortStableFunc(out, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), a.place.compare(b.place))
	})
	return out
}

// turns are the ranks of all statements, and for each action from which on it may
// stand. A rank is a round and the slot of a stage in it.
func (g *graph) turns(order []int, spelled [][]Statement, floor []int) (ranks [][]int, reach []int) {
	at := g.places(order)
	ranks, reach = make([][]int, len(order)), make([]int, len(order))
	next := make([]int, len(order)) // from where on what needs an action may stand
	for n, action := range order {
		lowest := max(reach[n], floor[action])
		for _, s := range spelled[n] {
			r := turn(s.Stage, lowest)
			if s.Stage == Add && len(ranks[n]) > 0 {
				r = lowest // it says more of what stands before it
			}
			ranks[n] = append(ranks[n], r)
			lowest = r
			if s.Commit {
				next[n] = r + 1
			}
		}
		next[n] = max(next[n], lowest)
		for _, after := range g.after[action] {
			reach[at[after]] = max(reach[at[after]], next[n])
		}
	}
	return ranks, reach
}

// places are where the actions stand in an order.
func (g *graph) places(order []int) []int {
	at := make([]int, len(g.actions))
	for n, action := range order {
		at[action] = n
	}
	return at
}

// waits lets new tables that become parts of others wait until they do: what is on
// them is not the same before and after. It tells whether one has to wait longer.
func (g *graph) waits(order []int, ranks [][]int, floor []int) (longer bool) {
	until := map[schema.ID]int{}
	for n, action := range order {
		main := g.actions[action].Main
		if table := main.Fact().Parent(); main.Verb == Create && main.ID().Kind == schema.Partition && g.w.Creates(table) && len(ranks[n]) > 0 {
			until[table] = max(until[table], ranks[n][0])
		}
	}
	if len(until) == 0 {
		return false
	}
	for _, action := range order {
		main := g.actions[action].Main
		if main.Verb != Create {
			continue
		}
		for _, id := range []schema.ID{main.ID(), main.Fact().Parent()} {
			if r, ok := until[id]; ok && r > floor[action] {
				floor[action], longer = r, true
			}
		}
	}
	return longer
}

// along finds out for each action without statements with which other one the
// server does its work, and gives it that one's turn: where it is made anew that
// which makes it, else the nearest one that does the same to something else.
func (g *graph) along(order []int, ranks [][]int, reach []int) {
	near := make([][]int, len(g.actions))
	for from, all := range g.after {
		for _, to := range all {
			near[from], near[to] = append(near[from], to), append(near[to], from)
		}
	}
	last := make([]int, len(g.actions)) // -1 for none
	for n, action := range order {
		if last[action] = -1; len(ranks[n]) > 0 {
			last[action] = ranks[n][len(ranks[n])-1]
		}
	}
	for n, action := range order {
		if last[action] >= 0 {
			continue
		}
		main := g.actions[action].Main
		if made, ok := g.at[step{Create, main.ID()}]; ok && main.Verb == Drop && last[made] >= 0 {
			reach[n] = last[made]
			continue
		}
		if view := main.Fact().Parent(); view.Kind == schema.View && main.Verb == Create {
			if with, ok := g.at[step{Modify, view}]; ok && last[with] >= 0 {
				reach[n] = last[with]
				continue
			}
		}
		seen, ring := map[int]bool{action: true}, []int{action}
		for found := -1; found < 0 && len(ring) > 0; {
			var next []int
			for _, a := range ring {
				for _, b := range near[a] {
					if seen[b] {
						continue
					}
					seen[b] = true
					if next = append(next, b); g.actions[b].Main.Verb == main.Verb {
						found = max(found, last[b])
					}
				}
			}
			ring = next
			if found >= 0 {
				reach[n] = max(reach[n], found)
			}
		}
	}
}

// turn is the first rank for a stage that is not before lowest.
func turn(s Stage, lowest int) int {
	for r := lowest; ; r++ {
		slot := Stage(r % slots)
		switch {
		case slot == s, s == Add && (slot == NotValid || slot == Tighten || slot == Contract):
			return r
		}
	}
}

// sink lets what goes for good go as late as possible: the application of
// yesterday may still use it.
func (g *graph) sink(order []int, ranks [][]int, spelled [][]Statement) {
	at, last := g.places(order), 0
	for _, all := range ranks {
		for _, r := range all {
			last = max(last, r)
		}
	}
	last = turn(Contract, last)
	deepest := make([]int, len(order)) // up to where an action may go
	for n := len(order) - 1; n >= 0; n-- {
		deepest[n] = last
		for _, after := range g.after[order[n]] {
			deepest[n] = min(deepest[n], deepest[at[after]])
		}
		if len(ranks[n]) == 0 {
			continue
		}
		if !g.sinks(order[n]) {
			deepest[n] = ranks[n][0]
			continue
		}
		for i := range spelled[n] {
			s := &spelled[n][i]
			if s.Stage == Build && deepest[n] < last {
				deepest[n] = ranks[n][0]
				break
			}
			if ranks[n][i] = deepest[n]; deepest[n] == last {
				s.Stage = Contract
			}
		}
	}
}

// place is where an action stands among others: the n-th, or just before it.
type place struct{ n, before int }

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.n, q.n), cmp.Compare(q.before, p.before))
}

// late lets what is dropped only to be made anew be there until it is: its drop
// stands just before what has to come after it.
func (g *graph) late(order []int, ranks [][]int, spelled [][]Statement, places []place) {
	at := g.places(order)
	for n := len(order) - 1; n >= 0; n-- {
		main := g.actions[order[n]].Main
		if main.Verb != Drop || !g.w.Creates(main.ID()) || len(ranks[n]) == 0 || slices.ContainsFunc(spelled[n], func(s Statement) bool { return s.Stage != Add }) {
			continue
		}
		first := -1
		for _, after := range g.after[order[n]] {
			m := at[after]
			if len(ranks[m]) == 0 {
				first = -1
				break // the server does it along with another
			}
			if first < 0 || cmp.Or(cmp.Compare(ranks[m][0], ranks[first][0]), places[m].compare(places[first])) < 0 {
				first = m
			}
		}
		if first < 0 || ranks[first][0] <= ranks[n][len(ranks[n])-1] {
			continue
		}
		for i := range ranks[n] {
			ranks[n][i] = ranks[first][0]
		}
		places[n] = place{places[first].n, places[first].before + 1}
	}
}

// sinks tells whether an action only takes something away that people see.
func (g *graph) sinks(n int) bool {
	main := g.actions[n].Main
	if main.Verb != Drop || !g.w.Gone(main.ID()) {
		return false
	}
	switch main.ID().Kind {
	case schema.Table, schema.View, schema.MatView, schema.Function, schema.Procedure, schema.Index, schema.Enum, schema.Domain, schema.Composite:
		return true
	case schema.Column:
		return main.Before.Of == schema.Table
	}
	return false
}
