package revision

import (
	"path"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/fault"
)

// exact finds the revision whose id, slug, ID_slug or file is s, or whose id is
// the same number. within, when
// set, marks those that count. ok is false when there is none; several with the
// slug are an error.
func (g *Graph) exact(s string, within []bool) (at int32, ok bool, err error) {
	in := func(i int32) bool { return within == nil || within[i] }
	if i, ok := g.find(ID(s)); ok && in(i) {
		return i, true, nil
	}
	var found []int32
	for i := range g.revs {
		if r := &g.revs[i]; in(int32(i)) && (r.Name == s || isStem(r, s)) {
			found = append(found, int32(i))
		}
	}
	if len(found) > 1 {
		return 0, false, g.ambiguous(s, found)
	}
	if len(found) == 1 {
		return found[0], true, nil
	}
	i, ok, err := g.replaced(ID(s))
	if ok || err != nil {
		return i, ok && in(i), err
	}
	if found = g.numbered(s, within); len(found) == 1 {
		return found[0], true, nil
	}
	return 0, false, nil
}

// numbered gives the revisions whose id is the same number as s: 1 is 000001.
func (g *Graph) numbered(s string, within []bool) []int32 {
	number := func(text string) (string, bool) {
		return strings.TrimLeft(text, "0"), text != "" && strings.Trim(text, "0123456789") == ""
	}
	want, ok := number(s)
	if !ok {
		return nil
	}
	var found []int32
	for i := range g.revs {
		if n, ok := number(string(g.revs[i].ID)); ok && n == want && (within == nil || within[i]) {
			found = append(found, int32(i))
		}
	}
	return found
}

// isStem tells whether s is the name of r's file, with or without folder and
// ending.
func isStem(r *Revision, s string) bool {
	if !strings.HasPrefix(path.Base(s), string(r.ID)) {
		return false
	}
	return r.File != "" && s == r.File || strings.TrimSuffix(path.Base(s), ".sql") == string(r.ID)+"_"+r.Name
}

// replaced finds the squash that an id at the end of its range stands for; in
// the middle there is no such place any more.
func (g *Graph) replaced(id ID) (at int32, ok bool, err error) {
	if g.home == nil {
		return 0, false, nil
	}
	for i := range g.home.squashes {
		s := &g.home.squashes[i]
		if _, shown := g.find(s.id); !shown && id == s.id {
			at, ok = g.find(s.To)
			return at, ok, nil
		}
	}
	s, ok := g.home.replacedBy(id)
	if !ok {
		return 0, false, nil
	}
	if at, ok = g.find(s.id); ok && id == s.To {
		return at, true, nil
	}
	return 0, false, wrongTarget("%s is part of the squash %s, which replaces %s..%s", id, g.name(s.id), s.From, s.To).Try("name %s, or what it revises", s.id)
}

// beginningWith gives the revisions whose id begins with s.
func (g *Graph) beginningWith(s string, within []bool) []int32 {
	var found []int32
	for i := range g.revs {
		if strings.HasPrefix(string(g.revs[i].ID), s) && (within == nil || within[i]) {
			found = append(found, int32(i))
		}
	}
	return found
}

// named finds the one revision that s names, in the branch of a label when
// within is set.
func (g *Graph) named(s string, within []bool, label string) (int32, error) {
	none := int32(len(g.revs))
	if s == "" {
		return none, wrongTarget("%s@ names nothing", label).Try("write %s@head, %s@base or %s@-1", label, label, label)
	}
	i, ok, err := g.exact(s, within)
	if err != nil {
		return none, err
	} else if ok {
		return i, nil
	}
	switch found := g.beginningWith(s, within); len(found) {
	case 0:
		return none, g.unknown(s, within, label)
	case 1:
		return found[0], nil
	default:
		return none, g.ambiguous(s, found)
	}
}

func (g *Graph) ambiguous(s string, found []int32) *fault.Error {
	return wrongTarget("%q could be %d revisions: %s", s, len(found), g.called(g.ids(found))).Try("write more of the id")
}

// unknown says that nothing is called s, and what may have been meant.
func (g *Graph) unknown(s string, within []bool, label string) *fault.Error {
	if within != nil {
		e := wrongTarget("no revision of the branch %s is called %q", label, s).Try("bellows history lists them")
		if i, err := g.named(s, nil, ""); err == nil {
			e.Try("%s is in another branch: leave %s@ away", g.name(g.revs[i].ID), label)
		}
		return e
	}
	e := wrongTarget("no revision is called %q", s)
	if len(g.revs) == 0 {
		return e.Try("the folder has no migrations: bellows new SLUG writes the first one")
	}
	if slices.Contains(g.Labels(), s) {
		return e.Try("it is a label: say %s@head", s)
	}
	e.Try("bellows history lists them")
	near := nearest(s, func(yield func(string) bool) {
		for _, word := range []string{"head", "heads", "base", "current"} {
			if !yield(word) {
				return
			}
		}
		for i := range g.revs {
			if !yield(string(g.revs[i].ID)) || g.revs[i].Name != "" && !yield(g.revs[i].Name) {
				return
			}
		}
	})
	if near != "" {
		return e.Try("did you mean %s?", g.also(near))
	}
	if like := g.holding(s); len(like) > 0 {
		e.Try("did you mean %s?", g.called(like))
	}
	return e
}

// holding are the revisions with that text in their slugs.
func (g *Graph) holding(text string) []ID {
	var out []ID
	for i := range g.revs {
		if len(text) > 2 && strings.Contains(strings.ToLower(g.revs[i].Name), strings.ToLower(text)) {
			out = append(out, g.revs[i].ID)
		}
	}
	return out
}

// also adds to a slug or id the other of the two.
func (g *Graph) also(near string) string {
	if _, ok := g.find(ID(near)); ok {
		return g.name(ID(near))
	}
	for i := range g.revs {
		if g.revs[i].Name == near {
			return near + " (" + string(g.revs[i].ID) + ")"
		}
	}
	return near
}
