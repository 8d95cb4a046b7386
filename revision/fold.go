package revision

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/fault"
)

// Squashable finds what a range that is to be squashed is: FROM..TO, FROM.. up to
// the only head after it, ..TO from the only base before it. It gives the range,
// what its first revision revises, and in order all that lies in it. Each end is
// a target that names one revision. Whether a squash of it fits is told by [New].
func (g *Graph) Squashable(expr string) (r Range, parents, ids []ID, err error) {
	low, high, ok := strings.Cut(expr, "..")
	if !ok {
		return r, nil, nil, wrongTarget("%q is no range", expr).Try("write FROM..TO, FROM.. or ..TO")
	}
	one := func(text, what string, all func() []ID) (ID, error) {
		var found []ID
		if text = strings.TrimSpace(text); text == "" {
			found = all()
		} else {
			set, err := g.Resolve(text, nil)
			if err != nil {
				return "", err
			}
			found = set.Sorted()
		}
		if len(found) != 1 {
			return "", wrongTarget("the range %s has %d revisions to %s with", expr, len(found), what).Try("name an id, as `bellows history` shows it")
		}
		return found[0], nil
	}
	if high == "" {
		if r.From, err = one(low, "begin", g.Bases); err != nil {
			return r, nil, nil, err
		}
	}
	if r.To, err = one(high, "end", func() []ID { return g.within(g.Heads(), g.Descendants(NewSet(r.From)), r.From) }); err != nil {
		return r, nil, nil, err
	}
	if r.From, err = one(low, "begin", func() []ID { return g.within(g.Bases(), g.Ancestors(NewSet(r.To)), r.To) }); err != nil {
		return r, nil, nil, err
	}
	after, before := g.Descendants(NewSet(r.From)), g.Ancestors(NewSet(r.To))
	for _, id := range g.Order() {
		if (id == r.From || after.Has(id)) && (id == r.To || before.Has(id)) {
			ids = append(ids, id)
		}
	}
	if len(ids) < 2 {
		hint := "name the first and the last revision of one line"
		if len(ids) == 0 && g.Ancestors(NewSet(r.From)).Has(r.To) {
			hint = "the other way round: " + string(r.To) + ".." + string(r.From)
		}
		return r, nil, nil, fault.New(fault.Target, "the range %s..%s holds %d revisions, and a squash is of two or more", r.From, r.To, len(ids)).Try("%s", hint)
	}
	return r, g.Parents(r.From), ids, nil
}

// within are those of ids that are in a set, or are one that is not in its own.
func (g *Graph) within(ids []ID, set Set, own ID) []ID {
	return slices.DeleteFunc(slices.Clone(ids), func(id ID) bool { return id != own && !set.Has(id) })
}
