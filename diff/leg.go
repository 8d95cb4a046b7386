package diff

import (
	"slices"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/schema"
)

// Mode says how the statements of a part share transactions.
type Mode int

const (
	// Together: all in one transaction, where the database can.
	Together Mode = iota
	// Apart: each statement alone, but for those that share a transaction: see
	// [Statement].Unit.
	Apart
)

// Leg is one migration of a plan: what can be run in one go, and its way back.
type Leg struct {
	Stage Stage
	// Up and Down are its statements in order. Down leads exactly to where the
	// leg began.
	Up, Down         []Statement
	UpMode, DownMode Mode
	// Class is what the way back is worth, Unsolved what it cannot do where it is
	// [Irreversible].
	Class    Class
	Unsolved []string
	// Before and After are the shapes between which the leg leads.
	Before, After schema.Schema
}

// Budget is the strongest lock that the way up takes on a table that was there, and
// what it does under it.
func (p Leg) Budget() plan.Touch {
	var strongest plan.Touch
	for _, s := range p.Up {
		for _, t := range s.Effect.Touches {
			if weight(t) > weight(strongest) {
				strongest = t
			}
		}
	}
	return strongest
}

// weight orders touches by what others feel of them.
func weight(t plan.Touch) (n int) {
	for i, on := range []bool{t.Lock != "", t.Scans, t.StopsWrites, t.StopsReads, t.StopsWrites && t.Scans, t.Rewrites} {
		if on {
			n += 1 << i
		}
	}
	return n
}

// Losses are what the way up destroys.
func (p Leg) Losses() []plan.Loss { return Plan{Statements: p.Up}.Losses() }

// Legs are the migrations of a plan and of its way back, in order: one, where
// nothing must be apart. They follow from what [Both] was given and what it gave.
func Legs(before, after schema.Schema, up, down Plan, class Class, l Language, o Options) ([]Leg, error) {
	if len(o.Ignore) > 0 {
		before, after = before.Without(o.Ignore...), after.Without(o.Ignore...)
	}
	legs, err := up.trail.legs(up, before, after)
	if err != nil || len(up.Statements) == 0 {
		return nil, err
	}
	if len(legs) == 1 {
		p := &legs[0]
		p.Down, p.Class, p.Unsolved = down.Statements, class, down.Unsolved
		p.UpMode, p.DownMode = share(p.Up), share(p.Down)
		return legs, nil
	}
	for i := range legs {
		p := &legs[i]
		back := Options{Sizes: o.Sizes, Small: o.Small, Staging: o.Staging}
		for _, r := range o.Renames {
			back.Sizes = back.Sizes.renamed(r)
		}
		if i == 0 {
			back.Renames = backwards(o.Renames, p.After)
			for _, r := range back.Renames {
				back.Sizes = back.Sizes.renamed(Rename{r.To, r.From})
			}
		}
		down, reason := Make(p.After, p.Before, l, back)
		p.Down, p.Unsolved = down.Statements, down.Unsolved
		if reason != nil {
			p.Unsolved = []string{reason.Error()}
		}
		p.Class = worth(Plan{Statements: p.Up}, p.Unsolved)
		p.UpMode, p.DownMode = share(p.Up), share(p.Down)
	}
	return legs, nil
}

// share finds out which statements share transactions, and numbers those that do.
func share(all []Statement) Mode {
	apart := false
	for i := range all {
		s := &all[i]
		apart = apart || s.alone() && (len(all) > 1 || s.Effect.NoTx != "") || s.Commit && all[len(all)-1].turn > s.turn || s.Stage == Build && s.of() != all[0].of()
	}
	if !apart {
		return Together
	}
	unit, open, barrier := 0, false, false
	for i := range all {
		s := &all[i]
		if s.alone() {
			s.Unit, open = 0, false
			continue
		}
		open = open && !(barrier && all[i-1].turn < s.turn) && !all[i-1].parts(s)
		if !open {
			unit, open, barrier = unit+1, true, false
		}
		s.Unit, barrier = unit, barrier || s.Commit
	}
	return Apart
}

// parts tells whether the transaction of one statement ends before the next one,
// because one of the two takes long, or is seen by others at once.
func (s *Statement) parts(next *Statement) bool {
	if s.Stage != Build && next.Stage != Build {
		return false
	}
	return s.of() != next.of() || next.Stage != Build && next.Stage != Add
}

// of is the relation that a statement is about.
func (s *Statement) of() schema.ID {
	if s.About.On != "" {
		return schema.ID{Schema: s.About.Schema, Name: s.About.On}
	}
	return schema.ID{Schema: s.About.Schema, Name: s.About.Name}
}

// alone tells whether a statement shares no transaction with any other.
func (s *Statement) alone() bool {
	return s.Effect.NoTx != "" && !s.Effect.Ignored || s.Stage == Validate || s.Stage == Fill
}

// trail is what a plan keeps of how it was made, for its legs.
type trail struct {
	graph  *graph
	placed []placed
	start  schema.Schema // the old shape, renames done
	heads  int           // the statements that rename
}

// part says in which part of a plan a turn is, of those that cannot share a
// migration: what fills a table is the work of a backfill, and what goes for good
// waits until nobody uses it any more.
type part struct {
	stage Stage // Fill, Contract, or Add for all others
	table schema.ID
}

// parts are those of all turns in which something happens.
func (t *trail) parts() map[int]part {
	all := map[int]part{}
	if t == nil {
		return all
	}
	if t.heads > 0 {
		all[0] = part{}
	}
	for _, s := range t.placed {
		if s.SQL == "" {
			continue
		}
		p := all[s.rank]
		if s.Stage == Fill || s.Stage == Contract {
			p.stage = s.Stage
		}
		all[s.rank] = p
	}
	return all
}

// cuts tells whether there is more than one part; what fills may be of several tables.
func cuts(of map[int]part) bool {
	seen := map[part]bool{}
	for _, p := range of {
		seen[p] = true
	}
	return len(seen) > 1 || seen[part{stage: Fill}]
}

// legs cuts a plan where a migration must end. Each leg knows the shapes between
// which it leads.
func (t *trail) legs(p Plan, before, after schema.Schema) ([]Leg, error) {
	of := t.parts()
	if !cuts(of) {
		return []Leg{{Stage: named(p.Statements), Up: p.Statements, Before: before, After: after}}, nil
	}
	w := walk{trail: t, facts: map[schema.ID]schema.Fact{}, left: map[int][]schema.ID{}, along: map[int][]schema.Fact{}}
	for _, f := range t.start.Facts() {
		w.facts[f.ID] = f
	}
	w.follow(p.Changes)
	legs := []Leg{{Up: slices.Clone(p.Statements[:t.heads]), Before: before}}
	once, now := map[string]bool{}, part{}
	for _, s := range t.placed {
		last := &legs[len(legs)-1]
		next, speaks := of[s.rank]
		if next.stage == Fill {
			next.table = t.graph.actions[s.action].Main.Fact().Parent()
			speaks = s.SQL != "" || now.stage != Fill
		}
		if speaks && next != now {
			if now = next; len(last.Up) > 0 {
				last.After = w.shape(after)
				legs = append(legs, Leg{Before: last.After})
				last = &legs[len(legs)-1]
				clear(once)
			}
		}
		if s.SQL != "" && !once[s.SQL] {
			once[s.SQL] = s.Once
			last.Up = append(last.Up, s.Statement)
		}
		w.pass(s)
	}
	if left := Compare(w.shape(after), after); len(left) > 0 {
		return nil, fault.New(fault.Internal, "the stages do not lead to the end: %s", left[0].String())
	}
	legs[len(legs)-1].After = after
	for i := range legs {
		legs[i].Stage = named(legs[i].Up)
	}
	return legs, nil
}

// named is the stage that tells most of what statements do together.
func named(all []Statement) Stage {
	for _, stage := range []Stage{Fill, Contract, Add, Build, Tighten, Validate} {
		if slices.ContainsFunc(all, func(s Statement) bool { return s.Stage == stage }) {
			return stage
		}
	}
	return NotValid
}

// walk keeps the shape while statements pass.
type walk struct {
	*trail
	facts map[schema.ID]schema.Fact
	left  map[int][]schema.ID   // what an action leaves there between its statements
	along map[int][]schema.Fact // what the server changes along with an action
}

// shape is the shape as it is now.
func (w *walk) shape(like schema.Schema) schema.Schema {
	facts := make([]schema.Fact, 0, len(w.facts))
	for _, f := range w.facts {
		facts = append(facts, f)
	}
	return schema.New(like.Dialect, like.Version, facts, like.Unmodelled...)
}

// follow finds out with which action the server makes the changes that have none:
// that which ties the table to another one, or the last one about the same table.
func (w *walk) follow(changes []Change) {
	last := map[schema.ID]int{}
	for _, s := range w.placed {
		if s.SQL == "" {
			continue
		}
		main := w.graph.actions[s.action].Main.Fact()
		for _, id := range []schema.ID{main.ID, main.Parent()} {
			if n, ok := last[id]; !ok || w.graph.actions[n].Main.ID().Kind != schema.Partition || main.ID.Kind == schema.Partition {
				last[id] = s.action
			}
		}
	}
	for i := range changes {
		c := &changes[i]
		if v := w.graph.w.verdicts[c.ID()]; v != nil && (v.drop || v.create || v.alter) {
			continue
		}
		n, ok := last[c.After.Parent()]
		if !ok {
			n = w.placed[0].action
		}
		w.along[n] = append(w.along[n], *c.After)
	}
}

// pass changes the shape as a statement does.
func (w *walk) pass(s placed) {
	for _, f := range s.Leaves {
		w.facts[f.ID] = f
		w.left[s.action] = append(w.left[s.action], f.ID)
	}
	if !s.ends {
		return
	}
	for _, id := range w.left[s.action] {
		delete(w.facts, id)
		if f, ok := w.graph.w.After.Find(id); ok {
			w.facts[id] = *f
		}
	}
	a := w.graph.actions[s.action]
	for _, p := range append([]Part{a.Main}, a.With...) {
		if p.Verb == Drop {
			delete(w.facts, p.Before.ID)
		} else {
			w.facts[p.After.ID] = *p.After
		}
	}
	if a.Main.Verb == Drop { // what it leaves is there until it is made anew
		for _, f := range s.Leaves {
			w.facts[f.ID] = f
		}
	}
	for _, f := range w.along[s.action] {
		w.facts[f.ID] = f
	}
}
