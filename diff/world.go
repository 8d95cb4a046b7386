package diff

import (
	"slices"

	"github.com/bellowsdb/bellows/schema"
)

// verdict is what happens to a fact. Replace is both a drop and a create.
type verdict struct {
	change *Change
	drop   bool
	create bool
	alter  bool
	// because is the change that makes a fact be replaced that its own change does
	// not; nil else.
	because *Change
}

// World is what a language may ask while it decides and spells.
type World struct {
	Before, After schema.Schema
	verdicts      map[schema.ID]*verdict
	users         map[schema.ID][]*schema.Fact // who needs it, in the old shape
	affected      map[*Change][]schema.ID      // what is rebuilt around a change
	sizes         Sizes
	small         schema.Size
	staging       Staging
}

// Creates tells whether the plan makes the object, for the first time or anew.
func (w *World) Creates(id schema.ID) bool { v := w.verdicts[id]; return v != nil && v.create }

// Drops tells whether the plan drops the object, for good or to make it anew.
func (w *World) Drops(id schema.ID) bool { v := w.verdicts[id]; return v != nil && v.drop }

// Loses tells whether the object was there and is dropped, for good or to be
// made anew.
func (w *World) Gone(id schema.ID) bool { return w.Drops(id) && !w.Creates(id) }

// Alters gives the change of an object that is altered in place.
func (w *World) Alters(id schema.ID) (*Change, bool) {
	if v := w.verdicts[id]; v != nil && v.alter {
		return v.change, true
	}
	return nil, false
}

// Because is the change that makes an object be made anew, unchanged or not; nil
// when its own change does.
func (w *World) Because(id schema.ID) *Change {
	if v := w.verdicts[id]; v != nil {
		return v.because
	}
	return nil
}

// Users are the facts of the old shape that need an object.
func (w *World) Users(id schema.ID) []*schema.Fact { return w.users[id] }

// Stays tells whether an object is in both shapes and not made anew: what is in
// it, is still in it afterwards.
func (w *World) Stays(id schema.ID) bool {
	if w.Drops(id) || w.Creates(id) {
		return false
	}
	_, ok := w.After.Find(id)
	return ok
}

func newWorld(before, after schema.Schema) *World {
	w := &World{Before: before, After: after, verdicts: map[schema.ID]*verdict{}, users: map[schema.ID][]*schema.Fact{}, affected: map[*Change][]schema.ID{}}
	facts := before.Facts()
	for i := range facts {
		for _, id := range facts[i].Needs {
			w.users[id] = append(w.users[id], &facts[i])
		}
		if parent := facts[i].Parent(); parent.Kind != schema.Namespace {
			w.users[parent] = append(w.users[parent], &facts[i])
		}
	}
	return w
}

// judge decides what happens to each fact.
func (w *World) judge(changes []Change, l Language) {
	for i := range changes {
		c := &changes[i]
		w.verdicts[c.ID()] = &verdict{change: c, drop: c.After == nil, create: c.Before == nil}
	}
	for i := range changes {
		c := &changes[i]
		v := w.verdicts[c.ID()]
		if c.Before == nil || c.After == nil || v.drop {
			continue
		}
		how := Replace
		if !c.Has(kindOfParent) {
			how = l.How(c, w)
		}
		switch how {
		case Alter:
			v.alter = true
		case Replace:
			w.replace(c.Before, nil, l)
		case ReplaceParent:
			if parent, ok := w.Before.Find(c.Before.Parent()); ok {
				w.replace(parent, c, l)
			}
		}
	}
	for i := range changes {
		c := &changes[i]
		if v := w.verdicts[c.ID()]; c.Before != nil && (v.drop && v.because == nil || v.alter) {
			w.spread(c, c.Before, l)
		}
	}
}

// replace makes a fact be dropped and made anew, with what lives on it and what
// needs it.
func (w *World) replace(f *schema.Fact, because *Change, l Language) {
	v := w.verdicts[f.ID]
	if v == nil {
		after, ok := w.After.Find(f.ID)
		if !ok {
			return
		}
		v = &verdict{change: &Change{Before: f, After: after}, because: because}
		w.verdicts[f.ID] = v
	}
	if v.drop {
		return
	}
	if because != nil {
		v.because = because
	}
	v.drop, v.create, v.alter = true, v.change.After != nil, false
	w.spread(v.change, f, l)
}

// spread looks at what needs a fact that is dropped or altered.
func (w *World) spread(c *Change, at *schema.Fact, l Language) {
	dropped := w.Drops(c.ID())
	for _, user := range w.users[at.ID] {
		after, survives := w.After.Find(user.ID)
		if patient, ok := l.(Patient); ok && !dropped && !patient.Waits(c, user, w) {
			continue
		}
		if v := w.verdicts[user.ID]; v != nil && v.drop {
			w.affected[c] = append(w.affected[c], user.ID)
			continue
		}
		if !survives {
			continue
		}
		effect := Rebuilds
		switch {
		case dropped && at == c.Before && user.Parent() == at.ID:
		case dropped && c.After == nil && at == c.Before && w.lets(user, after, at.ID):
			continue
		default:
			effect = l.Affects(c, user, w)
		}
		switch effect {
		case Rebuilds:
			w.affected[c] = append(w.affected[c], user.ID)
			w.replace(user, c, l)
		case Spreads:
			w.spread(c, user, l)
		}
	}
}

// lets tells whether a fact that is altered in place needs something no more.
func (w *World) lets(user, after *schema.Fact, id schema.ID) bool {
	v := w.verdicts[user.ID]
	return v != nil && v.alter && !slices.Contains(after.Needs, id)
}
