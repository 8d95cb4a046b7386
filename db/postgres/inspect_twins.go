package postgres

import (
	"cmp"
	"slices"
	"strings"

	own "github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/schema"
)

// twins orders the indexes of a table that the server takes for one another. When
// a partition is attached it goes through the parent's indexes in the order they
// were made in, and gives each the first of the partition that fits, whether it is
// ascending or descending: those of the partition must be made in the same order.
type twins struct {
	fact  map[schema.ID]*schema.Fact
	named map[string]schema.ID // by kind and quoted name, as an index names its parent
	made  map[schema.ID]uint32 // the server's number
	part  map[schema.ID]bool   // tables that are partitions
}

// tieTwins lets each of such indexes need the one before it.
func (r *reading) tieTwins(on map[schema.ID][]schema.ID) {
	var t *twins
	for _, indexes := range on {
		if len(indexes) < 2 {
			continue
		}
		if t == nil {
			t = r.newTwins(on)
		}
		for _, group := range t.groups(indexes) {
			slices.SortFunc(group, t.compare)
			for i, id := range group[1:] {
				t.fact[id].Needs = append(t.fact[id].Needs, group[i])
			}
		}
	}
}

func (r *reading) newTwins(on map[schema.ID][]schema.ID) *twins {
	t := &twins{map[schema.ID]*schema.Fact{}, map[string]schema.ID{}, map[schema.ID]uint32{}, map[schema.ID]bool{}}
	for _, l := range r.links {
		if f := &r.facts[l.from]; f.ID.Kind == schema.Partition && f.Get("bound") != "" {
			t.part[f.Parent()] = true
			if n, ok := r.find(l.to); ok {
				t.part[r.facts[n].ID] = t.part[r.facts[n].ID] // known, be it a part itself or not
			}
		}
	}
	for i := range r.facts {
		f := &r.facts[i]
		if _, ok := t.part[f.Parent()]; ok && slices.Contains(on[f.Parent()], f.ID) {
			t.fact[f.ID] = f
			t.named[string(f.ID.Kind)+own.Ident(f.ID.Schema)+"."+own.Ident(f.ID.Name)] = f.ID
		}
	}
	for at, n := range r.at {
		if id := r.facts[n].ID; t.fact[id] != nil && (at.class == relations || at.class == keys) && (t.made[id] == 0 || at.id < t.made[id]) {
			t.made[id] = at.id
		}
	}
	return t
}

// groups are the indexes of one table that differ in nothing that the server
// looks at, two or more of each.
func (t *twins) groups(indexes []schema.ID) (all [][]schema.ID) {
	alike := map[string][]schema.ID{}
	for _, id := range indexes {
		if f := t.fact[id]; f != nil {
			key := looks(f)
			alike[key] = append(alike[key], id)
		}
	}
	for _, group := range alike {
		if len(group) > 1 {
			all = append(all, group)
		}
	}
	return all
}

var order = strings.NewReplacer(" DESC", "", " NULLS FIRST", "", " NULLS LAST", "")

// looks is what the server compares of an index.
func looks(f *schema.Fact) string {
	definition := f.Get("definition")
	if f.ID.Kind == schema.Constraint {
		if _, keys, ok := strings.Cut(definition, "("); ok && f.Get("type") != "exclude" {
			return "yes USING btree (" + keys
		}
		return f.Get("type") + definition
	}
	return f.Get("unique") + " " + order.Replace(definition)
}

// compare tells which of two twins is made first: keys, which may be made with
// their table; what is attached, like the parent's; the others.
func (t *twins) compare(a, b schema.ID) int {
	rootA, rootB := t.root(a), t.root(b)
	last := func(id schema.ID) int {
		if t.part[t.fact[id].Parent()] {
			return 1
		}
		return 0
	}
	// A constraint stands before an index by the name of its kind.
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(last(rootA), last(rootB)), cmp.Compare(t.made[rootA], t.made[rootB]), cmp.Compare(t.made[a], t.made[b]))
}

// root is the index of the uppermost table that an index belongs to.
func (t *twins) root(id schema.ID) schema.ID {
	for f := t.fact[id]; f != nil; f = t.fact[id] {
		up, ok := t.named[string(id.Kind)+f.Get("parent")]
		if !ok {
			break
		}
		id = up
	}
	return id
}
