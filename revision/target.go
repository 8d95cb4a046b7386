package revision

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/fault"
)

// Target is what a person asks to reach. The zero Target is base.
type Target struct {
	// Expr is the expression as it was written.
	Expr string
	// IDs are the revisions to be reached, with all before them. Empty: base.
	IDs Set
	// Phase is how far the one revision in IDs shall be taken; "" for all the way.
	Phase Phase

	// undo, when set, is what a way down must revert, with all that depends on
	// it, and nothing else: how "-1" and "LABEL@base" keep to their branch.
	undo Set
	// course is where the target lies, when the expression says so: below what is
	// applied (-1) or above it (+1).
	course Direction
}

// Undo is the target that reverts these revisions, with all that depends on them
// and nothing else.
func Undo(ids ...ID) Target { return Target{undo: NewSet(ids...), course: Down} }

// isKeyword tells whether a word means something in every graph.
func isKeyword(word string) bool {
	return word == "head" || word == "heads" || word == "base" || word == "current"
}

// Resolve gives the revisions that an expression names; empty for base. applied
// is everything the database has applied, nil when there is no database. See
// [Graph.Target] for the grammar; a phase is checked and left out.
func (g *Graph) Resolve(expr string, applied Set) (Set, error) {
	t, err := g.Target(expr, applied)
	return t.IDs, err
}

// Target finds what an expression names. applied is everything the database has
// applied, nil when there is no database. Every error is a [*fault.Error] of
// code [fault.Target].
//
//	head         the only head               heads    all of them
//	base         nothing applied             current  what is applied, topmost
//	ID           an id, the unique beginning of one, a slug, ID_slug, a file
//	+2           the next two pending        -1       the last applied reverted
//	ID+2  ID-1   up or down from there, also from head, current and base
//	LABEL@head   and @heads, @base, @current, @ID, @+2, @-1: within one branch
//	X:PHASE      one revision, taken as far as a phase
//
// What is exact wins: an id, then a slug, then the rest in the order above. A
// phase after the last colon is a phase, whatever slugs there are.
func (g *Graph) Target(expr string, applied Set) (Target, error) {
	s, phase := strings.TrimSpace(expr), Phase("")
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		if phase = Phase(s[i+1:]); !isPhase(phase) {
			return Target{}, wrongTarget("%q is a range, and one target is wanted", expr).Try("name one end of it; phases after a colon are %s", phaseList())
		}
		s = s[:i]
	}
	t, err := g.place(s, applied)
	if err != nil {
		return Target{}, err
	}
	t.Expr = expr
	if phase != "" {
		return g.withPhase(t, phase)
	}
	return t, nil
}

func (g *Graph) withPhase(t Target, phase Phase) (Target, error) {
	if len(t.IDs) != 1 {
		return Target{}, wrongTarget("%q: a phase is one of one revision, and this names %s", t.Expr, count(len(t.IDs), "revision")).Try("write ID:%s", phase)
	}
	for id := range t.IDs {
		if r, ok := g.Lookup(id); ok && !hasPhases(r.Kind) {
			return Target{}, wrongTarget("%q: a migration of kind %s has no phases", t.Expr, r.Kind).Try("write %s", id)
		}
	}
	t.Phase = phase
	return t, nil
}

// IsRange tells whether an expression has the form of a range: A:B, A:, :B or :,
// and not X:PHASE.
func IsRange(expr string) bool {
	i := strings.LastIndexByte(expr, ':')
	return i >= 0 && !isPhase(Phase(strings.TrimSpace(expr[i+1:])))
}

// ResolveRange gives both ends of a range: A:B, A: (up to all heads), :B (from
// base). Each end is a target without a phase. [Graph.Between] gives what lies in
// it, [Graph.Path] the way from one end to the other.
func (g *Graph) ResolveRange(expr string, applied Set) (from, to Set, err error) {
	low, high, ok := strings.Cut(expr, ":")
	if !ok || !IsRange(expr) {
		return nil, nil, wrongTarget("%q is no range", expr).Try("write FROM:TO, FROM: or :TO; what has a phase as its name goes by its id")
	}
	from, to = Set{}, NewSet(g.Heads()...)
	if low = strings.TrimSpace(low); low != "" {
		if from, err = g.Resolve(low, applied); err != nil {
			return nil, nil, err
		}
	}
	if high = strings.TrimSpace(high); high != "" {
		if to, err = g.Resolve(high, applied); err != nil {
			return nil, nil, err
		}
	}
	return from, to, nil
}

func wrongTarget(format string, args ...any) *fault.Error {
	return fault.New(fault.Target, format, args...)
}

// place finds what an expression without a phase names.
func (g *Graph) place(s string, applied Set) (Target, error) {
	if s == "" {
		return Target{}, wrongTarget("an empty target").Try("name a revision, head, base, +1 or -1")
	}
	if isKeyword(s) {
		return g.keyword(s, applied)
	}
	if i, ok, err := g.exact(s, nil); ok || err != nil {
		return g.one(i), err
	}
	if label, rest, ok := strings.Cut(s, "@"); ok {
		return g.inBranch(label, rest, applied)
	}
	base, steps, ok := cutSteps(s)
	if ok && base == "" && steps != 0 {
		return g.fromHere(s, steps, applied)
	} else if ok && base == "" {
		return g.keyword("current", applied)
	}
	if len(g.beginningWith(s, nil)) == 0 && ok {
		return g.fromThere(base, steps, applied)
	}
	i, err := g.named(s, nil, "")
	return g.one(i), err
}

func (g *Graph) one(i int32) Target {
	if int(i) >= len(g.revs) {
		return Target{}
	}
	return Target{IDs: NewSet(g.revs[i].ID)}
}

func (g *Graph) keyword(word string, applied Set) (Target, error) {
	switch word {
	case "head":
		heads := g.Heads()
		if len(heads) > 1 {
			return Target{}, wrongTarget("there are %d heads: %s", len(heads), g.called(heads)).Try("name one of them, say heads for all, or join them: bellows merge")
		}
		return Target{IDs: NewSet(heads...)}, nil
	case "heads":
		return Target{IDs: NewSet(g.Heads()...)}, nil
	case "current":
		if applied == nil {
			return Target{}, unasked(word)
		}
		return Target{IDs: g.Current(applied)}, nil
	}
	return Target{IDs: Set{}}, nil
}

// unasked refuses what depends on a database where none is asked.
func unasked(expr string) *fault.Error {
	return wrongTarget("%s depends on what a database has applied, and here none is asked", expr).Try("name a revision, head or base")
}

// cutSteps cuts the +2 off ID+2. ok is false when there is none.
func cutSteps(s string) (base string, steps int, ok bool) {
	i := strings.LastIndexAny(s, "+-")
	if i < 0 {
		return s, 0, false
	}
	digits := s[i+1:]
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return s, 0, false
	}
	n, err := strconv.ParseInt(s[i:], 10, 32)
	if err != nil { // more steps than there can be revisions
		n = 1<<31 - 1
		if s[i] == '-' {
			n = -n
		}
	}
	return s[:i], int(n), true
}

// fromHere resolves +2 and -1: what is pending or applied, counted in order.
func (g *Graph) fromHere(expr string, steps int, applied Set) (Target, error) {
	if applied == nil {
		return Target{}, unasked(expr)
	}
	if steps > 0 {
		heads := slices.DeleteFunc(g.Heads(), applied.Has)
		if len(heads) > 1 {
			return Target{}, wrongTarget("%s is not clear: %d heads are pending: %s", expr, len(heads), g.called(heads)).Try("say LABEL@%s (%s), or name a revision", expr, g.labelHint())
		}
		return g.next(expr, g.Pending(applied), steps)
	}
	current := g.Current(applied).Sorted()
	if len(current) > 1 {
		return Target{}, wrongTarget("%s is not clear: %s are current: %s", expr, count(len(current), "revision"), g.called(current)).Try("say LABEL@%s (%s), or %s%s", expr, g.labelHint(), current[0], expr)
	}
	return g.last(expr, g.inOrder(g.mark(applied)), steps, applied)
}

func (g *Graph) labelHint() string {
	labels := g.Labels()
	if len(labels) == 0 {
		return "no branch has a label yet"
	}
	return "labels: " + listText(labels)
}

// next is the target that applies the first so many of what is pending.
func (g *Graph) next(expr string, pending []ID, steps int) (Target, error) {
	if steps > len(pending) {
		return Target{}, wrongTarget("%s goes beyond head: %s pending", expr, countAre(len(pending), "revision")).Try("bellows up applies all")
	}
	m := g.mark(NewSet(pending[:steps]...))
	return Target{IDs: g.setOf(g.tops(m)), course: Up}, nil
}

// last is the target that reverts the last so many of what is done, with all
// that depends on them.
func (g *Graph) last(expr string, done []int32, steps int, applied Set) (Target, error) {
	keep := len(done) + steps
	if keep < 0 {
		return Target{}, wrongTarget("%s goes beyond base: %s applied", expr, countAre(len(done), "revision")).Try("bellows down base reverts all")
	}
	undo := make([]bool, len(g.revs))
	for _, i := range done[keep:] {
		undo[i] = true
	}
	rest := g.mark(applied)
	for i, gone := range g.above(undo) {
		undo[i] = gone && rest[i]
		rest[i] = rest[i] && !gone
	}
	return Target{IDs: g.setOf(g.tops(rest)), undo: g.setOf(undo), course: Down}, nil
}

// fromThere resolves ID+2 and ID-1, which do not depend on what is applied.
func (g *Graph) fromThere(base string, steps int, applied Set) (Target, error) {
	var start int32
	if isKeyword(base) {
		t, err := g.keyword(base, applied)
		if err != nil {
			return Target{}, err
		}
		ids := t.IDs.Sorted()
		if len(ids) == 0 && steps >= 0 {
			return g.fromBase(steps)
		}
		if len(ids) != 1 {
			return Target{}, wrongTarget("%s%+d is not clear: %s names %s", base, steps, base, count(len(ids), "revision")).Try("begin from one revision: ID%+d", steps)
		}
		start, _ = g.find(ids[0])
	} else {
		var err error
		if start, err = g.named(base, nil, ""); err != nil {
			return Target{}, err
		}
	}
	if steps < 0 {
		return g.walkDown(start, -steps)
	}
	return g.walkUp(fmt.Sprintf("%s%+d", g.revs[start].ID, steps), start, steps)
}

func (g *Graph) fromBase(steps int) (Target, error) {
	bases := g.Bases()
	switch {
	case steps == 0:
		return Target{IDs: Set{}}, nil
	case len(bases) > 1:
		return Target{}, wrongTarget("base%+d is not clear: there are %d bases: %s", steps, len(bases), g.called(bases)).Try("begin from one of them")
	case len(bases) == 0:
		return Target{}, wrongTarget("base%+d goes beyond head: there are no revisions", steps).Try("bellows new SLUG writes the first one")
	}
	start, _ := g.find(bases[0])
	return g.walkUp(fmt.Sprintf("base+%d", steps), start, steps-1)
}

func (g *Graph) walkDown(start int32, steps int) (Target, error) {
	at := start
	for n := range steps {
		parents := g.parents.of(at)
		if len(parents) > 1 {
			return Target{}, wrongTarget("%s-%d is not clear: %s is a merge of %s", g.revs[start].ID, steps, g.revs[at].ID, g.called(g.ids(parents))).Try("name the one to stop at")
		}
		if len(parents) == 0 && n+1 < steps {
			return Target{}, wrongTarget("%s-%d goes beyond base: base is %s below it", g.revs[start].ID, steps, count(n+1, "step")).Try("write base, or %s-%d", g.revs[start].ID, n+1)
		}
		if n+1 == steps {
			return Target{IDs: NewSet(g.ids(parents)...), undo: NewSet(g.revs[at].ID)}, nil
		}
		at = parents[0]
	}
	return g.one(at), nil
}

func (g *Graph) walkUp(expr string, start int32, steps int) (Target, error) {
	next, _ := turn(g.line())
	at := start
	for n := range steps {
		children := next.of(at)
		switch len(children) {
		case 0:
			return Target{}, wrongTarget("%s goes beyond head: there %s above %s", expr, isAre(n, "revision"), g.revs[start].ID).Try("write %s", g.revs[at].ID)
		case 1:
			at = children[0]
		default:
			return Target{}, wrongTarget("%s is not clear: %s comes before %s", expr, g.revs[at].ID, g.called(g.ids(children))).Try("name the one to go to")
		}
	}
	return g.one(at), nil
}

// inBranch resolves what follows LABEL@.
func (g *Graph) inBranch(label, rest string, applied Set) (Target, error) {
	start, ok := g.labels[label]
	if !ok {
		e := wrongTarget("no branch has the label %q", label).Try("%s", g.labelHint())
		if near := nearest(label, slices.Values(g.Labels())); near != "" {
			e.Try("did you mean %s@%s?", near, rest)
		}
		return Target{}, e
	}
	branch := g.branch(start)
	switch rest {
	case "head", "heads":
		heads := g.setOf(g.tops(branch)).Sorted()
		if len(heads) > 1 && rest == "head" {
			return Target{}, wrongTarget("%s has %d heads: %s", label, len(heads), g.called(heads)).Try("name one of them, or say %s@heads for all", label)
		}
		return Target{IDs: NewSet(heads...)}, nil
	case "base":
		return Target{IDs: NewSet(g.ids(g.parents.of(start))...), undo: NewSet(g.revs[start].ID)}, nil
	case "current", "+0", "-0":
		if applied == nil {
			return Target{}, unasked(label + "@" + rest)
		}
		return Target{IDs: g.setOf(g.tops(both(branch, g.mark(applied))))}, nil
	}
	if base, steps, ok := cutSteps(rest); ok && base == "" {
		return g.branchSteps(label+"@"+rest, start, steps, applied)
	}
	i, err := g.named(rest, branch, label)
	return g.one(i), err
}

// branchSteps resolves LABEL@+2 and LABEL@-1. Down, what was built on the branch
// counts too, since it has to go first.
func (g *Graph) branchSteps(expr string, start int32, steps int, applied Set) (Target, error) {
	if applied == nil {
		return Target{}, unasked(expr)
	}
	own := make([]bool, len(g.revs))
	own[start] = true
	if steps > 0 {
		heads := g.setOf(g.tops(g.branch(start))).Sorted()
		heads = slices.DeleteFunc(heads, applied.Has)
		if len(heads) > 1 {
			return Target{}, wrongTarget("%s is not clear: %d heads are pending: %s", expr, len(heads), g.called(heads)).Try("name a revision")
		}
		pending := slices.DeleteFunc(g.ordered(g.below(g.branch(start))), applied.Has)
		return g.next(expr, pending, steps)
	}
	own = both(g.line().above(own), g.mark(applied))
	if tops := g.setOf(g.tops(own)).Sorted(); len(tops) > 1 {
		return Target{}, wrongTarget("%s is not clear: %s are current: %s", expr, count(len(tops), "revision"), g.called(tops)).Try("write %s%d", tops[0], steps)
	}
	return g.last(expr, g.inOrder(own), steps, applied)
}

// line is the graph without what its revisions need.
func (g *Graph) line() *Graph {
	l := *g
	l.needs = edges{}
	return &l
}

func (g *Graph) ordered(m []bool) []ID {
	var out []ID
	for _, i := range g.inOrder(m) {
		out = append(out, g.revs[i].ID)
	}
	return out
}

func both(a, b []bool) []bool {
	for i := range a {
		a[i] = a[i] && b[i]
	}
	return a
}

// called lists revisions with their slugs.
func (g *Graph) called(ids []ID) string {
	names := make([]string, len(ids))
	for i, id := range ids[:min(len(ids), listShown)] {
		names[i] = g.name(id)
	}
	return listText(names)
}

func (g *Graph) name(id ID) string {
	if r, ok := g.Lookup(id); ok && r.Name != "" {
		return fmt.Sprintf("%s (%s)", id, r.Name)
	}
	return string(id)
}

// listShown is how many of many are named.
const listShown = 8

func listText(names []string) string {
	if n := len(names); n > listShown {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:listShown], ", "), n-listShown)
	}
	return strings.Join(names, ", ")
}

func list(ids []ID) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = string(id)
	}
	return listText(names)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func countAre(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return count(n, noun) + " are"
}

func isAre(n int, noun string) string {
	if n == 1 {
		return "is 1 " + noun
	}
	return "are " + count(n, noun)
}
