package replay

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/shadow"
	"github.com/bellowsdb/bellows/schema"
)

// Rename is what somebody said of a rename: names as people write them, with a
// kind before the old one where it would not be clear.
type Rename struct {
	Old, New string
	// Pos is where it is said; the zero value is the command line.
	Pos fault.Pos
}

// directive begins a comment that tells of a rename.
const directive = "bellows:rename"

// Directives are the renames that comments in files tell of:
//
//	-- bellows:rename posts.titel posts.title
func Directives(texts []shadow.Text) (all []Rename, err error) {
	for _, t := range texts {
		for i, line := range strings.Split(t.SQL, "\n") {
			rest, _ := strings.CutPrefix(strings.TrimSpace(line), "--")
			rest, ok := strings.CutPrefix(strings.TrimSpace(rest), directive)
			if !ok {
				continue
			}
			pos := fault.Pos{File: t.Name, Line: i + 1, Column: strings.Index(line, directive) + 1, Text: strings.TrimRight(line, "\r")}
			words := strings.Fields(rest)
			if len(words) < 2 || rest == strings.TrimLeft(rest, " \t") {
				return nil, fault.At(pos, fault.Syntax, "a rename has an old name and a new one").Try("-- %s posts.titel posts.title", directive)
			}
			last := len(words) - 1
			all = append(all, Rename{Old: strings.Join(words[:last], " "), New: words[last], Pos: pos})
		}
	}
	return all, nil
}

// Named is a table or a column that somebody named.
type Named struct {
	Name string
	// Pos is where; the zero value is the command line.
	Pos fault.Pos
}

// archiving begins a comment that names what is to be archived.
const archiving = "bellows:archive"

// Archives are the tables and columns that comments in files name, to be put aside
// instead of dropped:
//
//	-- bellows:archive posts.title
func Archives(texts []shadow.Text) (all []Named, err error) {
	for _, t := range texts {
		for i, line := range strings.Split(t.SQL, "\n") {
			rest, _ := strings.CutPrefix(strings.TrimSpace(line), "--")
			rest, ok := strings.CutPrefix(strings.TrimSpace(rest), archiving)
			if !ok || rest != "" && rest == strings.TrimLeft(rest, " \t") {
				continue
			}
			pos := fault.Pos{File: t.Name, Line: i + 1, Column: strings.Index(line, archiving) + 1, Text: strings.TrimRight(line, "\r")}
			name := strings.TrimSpace(rest)
			if name == "" {
				return nil, fault.At(pos, fault.Syntax, "what is to be archived?").Try("-- %s posts.title", archiving)
			}
			all = append(all, Named{name, pos})
		}
	}
	return all, nil
}

// Aside finds what is to be archived in the old shape. A name that is about
// nothing, or could mean several things, is an error.
func Aside(names []Named, before schema.Schema, tag string) (diff.Archive, error) {
	a := diff.Archive{Tag: tag}
	for _, n := range names {
		if n.Name == "all" {
			a.All = true
			continue
		}
		found := slices.DeleteFunc(named(before, n.Name), func(id schema.ID) bool { return id.Kind != schema.Table && id.Kind != schema.Column })
		r := Rename{Pos: n.Pos}
		switch len(found) {
		case 1:
			a.Names = append(a.Names, found[0])
		case 0:
			return a, r.fault("archive of %s: the old schema has no such table or column", n.Name).Try("names are as bellows inspect shows them; take it away if it was done before")
		default:
			return a, r.fault("archive of %s could be of %s or of %s", n.Name, found[0], found[1]).Try("write more of the name, and the kind first: %s", found[0])
		}
	}
	return a, nil
}

func (r Rename) fault(format string, args ...any) *fault.Error {
	if r.Pos.File == "" {
		return fault.New(fault.Usage, format, args...)
	}
	return fault.At(r.Pos, fault.Usage, format, args...)
}

// Resolve finds what renames are about. One that is about nothing in the old
// shape, or leads to nothing in the new one, is an error, and so is one that
// could mean several things.
func Resolve(renames []Rename, before, after schema.Schema) ([]diff.Rename, error) {
	var all []diff.Rename
	for _, r := range renames {
		found, err := r.resolve(before, after)
		if err != nil {
			return nil, err
		}
		all = append(all, found)
	}
	return Ordered(all), nil
}

// Ordered puts renames of what things live in or on first, and lets those behind
// them speak of the new name, as diff wants it.
func Ordered(all []diff.Rename) []diff.Rename {
	depth := func(r diff.Rename) int {
		switch {
		case r.From.Kind == schema.Namespace:
			return 0
		case r.From.On == "":
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(a, b diff.Rename) int { return depth(a) - depth(b) })
	for i := range all {
		for _, r := range all[:i] {
			switch {
			case r.From.Kind == schema.Namespace && all[i].From.Schema == r.From.Name:
				all[i].From.Schema = r.To.Name
			case r.From.On == "" && all[i].From.On == r.From.Name && all[i].From.Schema == r.From.Schema:
				all[i].From.Schema, all[i].From.On = r.To.Schema, r.To.Name
			}
		}
	}
	return all
}

func (r Rename) resolve(before, after schema.Schema) (diff.Rename, error) {
	from := named(before, r.Old)
	if len(from) == 0 {
		return diff.Rename{}, r.fault("rename of %s: there is no %s in the old schema", r.Old, r.Old).Try("take the rename away if it was done before; names are as bellows inspect shows them")
	}
	var pairs []diff.Rename
	for _, f := range from {
		for _, t := range named(after, r.New) {
			if t.Kind == f.Kind && (t.On == "") == (f.On == "") {
				pairs = append(pairs, diff.Rename{From: f, To: t})
			}
		}
		// A bare new name stands where the old one stood.
		to := f
		to.Name = r.New
		if _, ok := after.Find(to); ok && !strings.Contains(r.New, ".") && !slices.Contains(pairs, diff.Rename{From: f, To: to}) {
			pairs = append(pairs, diff.Rename{From: f, To: to})
		}
	}
	pairs = slices.DeleteFunc(pairs, func(p diff.Rename) bool {
		_, still := after.Find(p.From)
		_, was := before.Find(p.To)
		return len(pairs) > 1 && (still || was)
	})
	switch len(pairs) {
	case 0:
		return diff.Rename{}, r.fault("rename of %s to %s: there is no such %s in the new schema", r.Old, r.New, from[0].Kind).Try("names are as bellows inspect shows them")
	case 1:
		return pairs[0], nil
	}
	return diff.Rename{}, r.fault("rename of %s to %s could be of %s or of %s", r.Old, r.New, pairs[0].From, pairs[1].From).
		Try("write more of the names, and the kind first: %s", pairs[0].From)
}

// named are the objects that a name can mean: its last parts, with or without
// the kind before it.
func named(s schema.Schema, name string) []schema.ID {
	var all []schema.ID
	facts := s.Facts()
	for i := range facts {
		id := facts[i].ID
		path := id.Path()
		if id.Kind == schema.Default || id.Kind == schema.Ownership || id.Kind == schema.Partition {
			continue
		}
		for _, whole := range []string{path, string(id.Kind) + " " + path} {
			if whole == name {
				return []schema.ID{id}
			}
		}
		short := strings.TrimPrefix(path, id.Schema+".")
		if id.Schema != "" && (short == name || string(id.Kind)+" "+short == name) {
			all = append(all, id)
		}
	}
	return all
}
