package diff

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/schema"
)

// Renamer is a [Language] that can give things other names in place.
type Renamer interface {
	// Rename spells the rename of a fact.
	Rename(f *schema.Fact, to schema.ID) []Statement
	// Renamed is a fact of the old shape as the server spells it after the
	// rename: names in its texts that the server keeps up to date are new.
	Renamed(f schema.Fact, from, to schema.ID) schema.Fact
}

// rename does the renames on the old shape, and spells them. Of constraints and
// indexes it also finds the renames that nobody told of: there is nothing to lose.
func rename(before, after schema.Schema, l Language, told []Rename) (schema.Schema, []Statement, error) {
	renamer, ok := l.(Renamer)
	if !ok && len(told) > 0 {
		return before, nil, fault.New(fault.Unsupported, "renames are not known of this database")
	}
	var statements []Statement
	do := func(r Rename) error {
		f, ok := before.Find(r.From)
		if !ok {
			return fault.New(fault.Usage, "rename of %s: there is none in the old shape", r.From)
		}
		if _, taken := before.Find(r.To); taken {
			return fault.New(fault.Usage, "rename of %s to %s: the old shape has a %s already", r.From, r.To.Path(), r.To)
		}
		statements = append(statements, renamer.Rename(f, r.To)...)
		before = renamed(before, renamer, r)
		return nil
	}
	for _, r := range told {
		if _, ok := after.Find(r.To); !ok {
			return before, nil, fault.New(fault.Usage, "rename of %s to %s: there is no %s in the new shape", r.From, r.To.Path(), r.To)
		}
	}
	for waiting := slices.Clone(told); len(waiting) > 0; {
		at, between := next(waiting, before, after)
		r := waiting[at]
		if between {
			r.To.Name = free(r.From, before, after)
			waiting[at].From = r.To
		} else {
			waiting = slices.Delete(waiting, at, at+1)
		}
		if err := do(r); err != nil {
			return before, nil, err
		}
	}
	if !ok {
		return before, nil, nil
	}
	for _, r := range harmless(before, after, l) {
		if err := do(r); err != nil {
			return before, nil, err
		}
	}
	return before, statements, nil
}

// next is the first rename that needs not wait for another one to take its new name
// away. When all wait for each other, between tells that the first must take a name
// in between.
func next(waiting []Rename, before, after schema.Schema) (at int, between bool) {
	for i, r := range waiting {
		_, taken := before.Find(r.To)
		leaves := func(other Rename) bool { return other.From == r.To && other != r }
		if _, there := before.Find(r.From); taken && slices.ContainsFunc(waiting, leaves) || !there && i > 0 {
			continue
		}
		return i, false
	}
	_, there := before.Find(waiting[0].From)
	return 0, there
}

// free is a name that nothing of the kind has in either shape.
func free(id schema.ID, before, after schema.Schema) string {
	for id.Name += "_"; ; id.Name += "_" {
		_, was := before.Find(id)
		if _, is := after.Find(id); !was && !is {
			return id.Name
		}
	}
}

// renamed is the shape after a rename.
func renamed(s schema.Schema, l Renamer, r Rename) schema.Schema {
	facts := make([]schema.Fact, 0, s.Len())
	also := map[schema.ID]schema.ID{} // objects that have the name in theirs, such as functions over a type
	for _, f := range s.Facts() {
		concerns := f.ID == r.From || lives(f.ID, f.Of, r.From)
		f.ID = moved(f.ID, f.Of, r)
		for i, id := range f.Needs {
			of := schema.Kind("")
			if other, ok := s.Find(id); ok {
				of = other.Of
			}
			if to := moved(id, of, r); to != id {
				if !concerns {
					concerns = true
				}
				f.Needs = slices.Clone(f.Needs)
				f.Needs[i] = to
			}
		}
		if concerns {
			was := f.ID
			if f = l.Renamed(f, r.From, r.To); f.ID != was {
				also[was] = f.ID
			}
		}
		facts = append(facts, f)
	}
	for i := range facts {
		for j, id := range facts[i].Needs {
			if to, ok := also[id]; ok {
				facts[i].Needs = slices.Clone(facts[i].Needs)
				facts[i].Needs[j] = to
			}
		}
	}
	return schema.New(s.Dialect, s.Version, facts, s.Unmodelled...)
}

// lives tells whether an object lives on, or in, another.
func lives(id schema.ID, of schema.Kind, on schema.ID) bool {
	switch {
	case on.Kind == schema.Namespace:
		return id.Schema == on.Name
	case on.Kind == schema.Column:
		return id.Kind == schema.Default && id.Schema == on.Schema && id.On == on.On && id.Name == on.Name
	}
	return id.On != "" && of == on.Kind && id.On == on.Name && id.Schema == on.Schema
}

// moved is an ID after a rename.
func moved(id schema.ID, of schema.Kind, r Rename) schema.ID {
	switch {
	case id == r.From:
		return r.To
	case !lives(id, of, r.From):
		return id
	case r.From.Kind == schema.Namespace:
		id.Schema = r.To.Name
	case r.From.Kind == schema.Column:
		id.Name = r.To.Name
	default:
		id.Schema, id.On = r.To.Schema, r.To.Name
	}
	return id
}

// harmless are the constraints and indexes that only have another name, and the
// sequences that still count for the same column: made anew, they would begin
// from the start. A new name that something else still has is none of them.
func harmless(before, after schema.Schema, l Language) (found []Rename) {
	renames := pairs(Compare(before, after), func(f *schema.Fact) bool {
		switch f.ID.Kind {
		case schema.Index, schema.Constraint:
			return true
		case schema.Sequence:
			return counts(before, f) != "" || counts(after, f) != ""
		}
		return false
	}, func(f *schema.Fact) schema.Hash {
		if f.ID.Kind != schema.Sequence {
			return f.Payload()
		}
		for _, s := range []schema.Schema{before, after} {
			if g, ok := s.Find(f.ID); ok && g == f {
				f = &schema.Fact{ID: f.ID, Attrs: f.Attrs.With("counts", counts(s, f))}
				break
			}
		}
		return f.Payload()
	})
	if len(renames) == 0 {
		return nil
	}
	taken := map[string]bool{}
	for i := range before.Facts() {
		for _, name := range l.Names(&before.Facts()[i]) {
			taken[name] = true
		}
	}
	for _, r := range renames {
		f, _ := after.Find(r.To)
		if !slices.ContainsFunc(l.Names(f), func(name string) bool { return taken[name] && !strings.HasPrefix(name, "primary key ") }) {
			found = append(found, r)
		}
	}
	return found
}

// counts is the column that a sequence counts for; "" for none.
func counts(s schema.Schema, f *schema.Fact) string {
	if link, ok := s.Find(schema.ID{Kind: schema.Ownership, Schema: f.ID.Schema, On: f.ID.Name}); ok {
		return link.Get("column")
	}
	return ""
}

// candidates are removals and additions of tables and columns that look alike.
func candidates(before, after schema.Schema, changes []Change) []Rename {
	none := func(f *schema.Fact) bool { return f.ID.Kind == schema.Table }
	if !slices.ContainsFunc(changes, func(c Change) bool { return c.Before != nil && c.After == nil }) {
		return nil
	}
	a, b := before.RollUps(), after.RollUps()
	found := pairs(changes, none, func(f *schema.Fact) schema.Hash {
		if _, ok := before.Find(f.ID); ok {
			return a[f.ID]
		}
		return b[f.ID]
	})
	columns := pairs(changes, func(f *schema.Fact) bool {
		table := f.Parent()
		_, was := before.Find(table)
		_, is := after.Find(table)
		return f.ID.Kind == schema.Column && f.Of == schema.Table && was && is
	}, (*schema.Fact).Payload)
	return append(found, columns...)
}

// pairs are the removed and the added facts that have the same hash and live on
// the same thing, where there is only one of each.
func pairs(changes []Change, wanted func(*schema.Fact) bool, hash func(*schema.Fact) schema.Hash) []Rename {
	type key struct {
		kind schema.Kind
		on   schema.ID
		hash schema.Hash
	}
	type sides struct{ from, to []schema.ID }
	found := map[key]*sides{}
	var order []key
	for i := range changes {
		c := &changes[i]
		f := c.After
		if f == nil {
			f = c.Before
		}
		if c.Before != nil && c.After != nil || !wanted(f) {
			continue
		}
		k := key{f.ID.Kind, schema.ID{}, hash(f)}
		if f.ID.On != "" {
			k.on = f.Parent()
		}
		s := found[k]
		if s == nil {
			s = &sides{}
			found[k] = s
			order = append(order, k)
		}
		if c.After == nil {
			s.from = append(s.from, f.ID)
		} else {
			s.to = append(s.to, f.ID)
		}
	}
	var renames []Rename
	for _, k := range order {
		if s := found[k]; len(s.from) == 1 && len(s.to) == 1 {
			renames = append(renames, Rename{s.from[0], s.to[0]})
		}
	}
	return renames
}
