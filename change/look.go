package change

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
)

// Look is what the database says of a change's table now.
type Look struct {
	Columns  []dialect.Column
	Objects  []Object
	Identity string // "" when there is no such table
	Empty    bool   // it has no row left; asked only where its identity is another
	Into     Other  // the other table, where there is one
}

// Other is what the database says of the other table of a change.
type Other struct {
	Columns  []dialect.Column
	Identity string
	Empty    bool
}

// Tampered are the differences between what a change rests on and what is there
// now, each an error with its own words. void are those that say nothing against
// the rows: a proof is to be made anew, no more.
func Tampered(s State, spec Spec, now Look) (wrong, void []*fault.Error) {
	table := s.Table.String()
	gone := func(table string) []*fault.Error {
		return []*fault.Error{told("%s is gone: it was dropped or renamed", table).Try("bring it back under that name")}
	}
	if now.Identity == "" {
		return gone(table), nil
	}
	wrong, void = s.identity(spec, table, s.Identity, now.Identity, now.Empty)
	if !spec.Moves() {
		wrong = append(wrong, s.columns(spec, table, slices.Concat(s.Old, s.New), now.Columns)...)
		return append(wrong, s.objects(spec, table, now)...), void
	}
	into := s.Into.Table.String()
	if now.Into.Identity == "" {
		return gone(into), nil
	}
	more, also := s.identity(spec, into, s.Into.Identity, now.Into.Identity, now.Into.Empty)
	wrong, void = append(wrong, more...), append(void, also...)
	wrong = append(wrong, s.columns(spec, table, s.Old, now.Columns)...)
	wrong = append(wrong, s.columns(spec, into, s.New, now.Into.Columns)...)
	return append(wrong, s.objects(spec, table+" and "+into, now)...), void
}

// identity compares what a table is called by in the catalog.
func (s State) identity(spec Spec, table, before, now string, empty bool) (wrong, void []*fault.Error) {
	was, is := strings.SplitN(before, "/", 3), strings.SplitN(now, "/", 3)
	if len(was) != 3 || len(is) != 3 {
		return nil, nil
	}
	switch {
	case was[0] != is[0]:
		wrong = append(wrong, told("%s is another table than the one the change began with", table).Try("bring the other one back under that name"))
	case was[1] != is[1] && empty:
		void = append(void, told("%s was truncated since it was looked at: it has no row left", table).Try("when that is as it should be: bellows change verify %s", spec.Revision))
	case was[1] != is[1]:
		void = append(void, told("%s was rewritten since it was looked at, or truncated and filled again", table).Try("look at its rows again: bellows change verify %s", spec.Revision))
	}
	return wrong, void
}

func told(format string, args ...any) *fault.Error { return fault.New(fault.Confirm, format, args...) }

// columns compares the columns of a table.
func (s State) columns(spec Spec, table string, before, now []dialect.Column) []*fault.Error {
	var out []*fault.Error
	for _, was := range before {
		is, ok := Find(now, was.Name)
		switch {
		case !ok:
			out = append(out, told("column %s of %s is gone: it was dropped or renamed", was.Name, table).Try("bring it back under that name"))
		case is.Type != was.Type:
			out = append(out, told("column %s of %s was altered: it is %s now and was %s", was.Name, table, is.Type, was.Type).
				Try("alter it back; or give the change up: bellows change abort %s", spec.Revision))
		case is.Known != was.Known:
			out = append(out, told("column %s of %s was dropped and made anew", was.Name, table).
				Try("begin a new sweep over its rows: bellows change resync %s", spec.Revision))
		}
	}
	return out
}

// Unsound is what somebody has done to what keeps the sides in step; nil: nothing.
func Unsound(s State, spec Spec, now []Object) *fault.Error {
	table := s.Table.String()
	if spec.Moves() {
		table += " and " + s.Into.Table.String()
	}
	if wrong := s.objects(spec, table, Look{Objects: now}); len(wrong) > 0 {
		return wrong[0]
	}
	return nil
}

// objects compares what keeps the sides in step.
func (s State) objects(spec Spec, table string, now Look) []*fault.Error {
	var out []*fault.Error
	if len(s.Objects) > 1 && len(now.Objects) == 0 {
		return []*fault.Error{told("all that keeps the sides of %s in step is gone: the table was dropped and made again, or each of its triggers was dropped", table).
			Try("rows may disagree; set it on again and go over the rows: bellows change resync %s --keep old, or --keep new", spec.Revision)}
	}
	for _, was := range s.Objects {
		i := slices.IndexFunc(now.Objects, func(o Object) bool { return o.Name == was.Name })
		var f *fault.Error
		switch {
		case i < 0:
			f = told("%s, which keeps the sides of %s in step, was dropped", was.Name, table)
		case now.Objects[i].Fires != on:
			f = told("%s, which keeps the sides of %s in step, does not fire: %s", was.Name, table, now.Objects[i].Fires)
		case now.Objects[i].Definition != was.Definition:
			f = told("%s, which keeps the sides of %s in step, was replaced by another", was.Name, table)
		default:
			continue
		}
		out = append(out, f.Try("rows may disagree; set it on again and go over the rows: bellows change resync %s --keep old, or --keep new", spec.Revision))
	}
	return out
}

// on is what is said of an object that does its work.
const on = "on"
