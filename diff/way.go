package diff

import (
	"slices"

	"github.com/bellowsdb/bellows/schema"
)

// Route is the whole way from one shape to another, and back.
type Route struct {
	Up, Down Plan
	// Class is what the way back is worth.
	Class Class
	// Legs are the migrations that it takes, in order.
	Legs []Leg
	// End is where it leads: the new shape, with what is put aside on the way.
	End schema.Schema
	// Aside is what is put aside, and where.
	Aside []Rename
}

// Way plans the way from one shape to another and back, and cuts it into
// migrations. What [Options].Archive says is put aside instead of dropped.
func Way(before, after schema.Schema, l Language, o Options) (Route, error) {
	if len(o.Ignore) > 0 {
		before, after = before.Without(o.Ignore...), after.Without(o.Ignore...)
		o.Ignore = nil
	}
	if !o.Archive.asked() {
		return straight(before, after, l, o)
	}
	p, err := put(before, after, l, o)
	if err != nil || p == nil {
		if err != nil {
			return Route{}, err
		}
		return straight(before, after, l, o)
	}
	middle, err := p.middle()
	if err != nil {
		return Route{}, err
	}
	to, err := straight(before, middle, l, o)
	if err != nil {
		return Route{}, err
	}
	move := p.move(middle)
	end := Carried(move.End, after, l, nil)
	rest, err := straight(move.End, end, l, Options{Sizes: o.Sizes, Small: o.Small, Staging: o.Staging})
	if err != nil {
		return Route{}, err
	}
	out := joined(joined(to, move), rest)
	out.Up.Changes, out.Down.Changes = Compare(p.before, after), Compare(after, p.before)
	out.Up.Candidates = candidates(p.before, after, out.Up.Changes)
	return out, nil
}

// straight is the way with nothing put aside.
func straight(before, after schema.Schema, l Language, o Options) (Route, error) {
	up, down, class, err := Both(before, after, l, o)
	if err != nil {
		return Route{}, err
	}
	legs, err := Legs(before, after, up, down, class, l, o)
	return Route{Up: up, Down: down, Class: class, Legs: legs, End: after}, err
}

// move is the part of the way that puts things aside.
func (p *putting) move(middle schema.Schema) Route {
	r := Route{Class: Archives, End: middle}
	for _, m := range p.moves() {
		f, ok := r.End.Find(m.From)
		if !ok {
			continue
		}
		g := *f
		r.End = renamed(r.End, p.l, m)
		if p.silent(m) {
			continue
		}
		there := p.l.Rename(&g, m.To)
		if len(there) > 0 {
			if _, picked := p.picked[m.From]; picked {
				r.Aside = append(r.Aside, m)
				there[len(there)-1].Hazards = append(there[len(there)-1].Hazards, Hazard{PutsAside, m.From,
					"it is kept as " + m.To.Path() + ", and the way back has it again; bellows archive purge drops it for good"})
			}
		}
		r.Up.Statements = append(r.Up.Statements, there...)
		if f, ok = r.End.Find(m.To); ok {
			r.Down.Statements = append(p.l.Rename(f, m.From), r.Down.Statements...)
		}
	}
	r.Legs = []Leg{{Stage: Contract, Up: r.Up.Statements, Down: r.Down.Statements, Class: Archives, Before: middle, After: r.End}}
	return r
}

// joined is one way after another. What can be run in one go is one migration.
func joined(a, b Route) Route {
	if len(b.Legs) == 0 && len(b.Up.Statements) == 0 {
		a.End = b.End
		return a
	}
	out := Route{Class: worse(a.Class, b.Class), End: b.End, Aside: append(slices.Clone(a.Aside), b.Aside...)}
	out.Up = Plan{Changes: append(slices.Clone(a.Up.Changes), b.Up.Changes...), Statements: append(slices.Clone(a.Up.Statements), b.Up.Statements...)}
	out.Down = Plan{Changes: append(slices.Clone(b.Down.Changes), a.Down.Changes...), Statements: append(slices.Clone(b.Down.Statements), a.Down.Statements...)}
	out.Down.Unsolved = append(slices.Clone(b.Down.Unsolved), a.Down.Unsolved...)
	out.Up.Unsolved = append(slices.Clone(a.Up.Unsolved), b.Up.Unsolved...)
	if len(out.Down.Unsolved) > 0 {
		out.Down.Statements = nil
	}
	out.Legs = append(slices.Clone(a.Legs), b.Legs...)
	if n := len(a.Legs); n > 0 && len(b.Legs) > 0 && together(a.Legs[n-1]) && together(b.Legs[0]) {
		both := merged(a.Legs[n-1], b.Legs[0])
		out.Legs = append(append(slices.Clone(a.Legs[:n-1]), both), b.Legs[1:]...)
	}
	return out
}

// together tells whether a leg can share its migration with one like it.
func together(p Leg) bool {
	return p.UpMode == Together && p.DownMode == Together && p.Stage != Build && p.Stage != Fill && p.Stage != Validate
}

func merged(a, b Leg) Leg {
	return Leg{Stage: max(a.Stage, b.Stage), Up: append(slices.Clone(a.Up), b.Up...), Down: append(slices.Clone(b.Down), a.Down...),
		Class: worse(a.Class, b.Class), Unsolved: append(slices.Clone(b.Unsolved), a.Unsolved...), Before: a.Before, After: b.After}
}

// worse is what two ways back are worth together.
func worse(a, b Class) Class {
	for _, c := range []Class{Irreversible, Lossy, Archives} {
		if a == c || b == c {
			return c
		}
	}
	return Exact
}
