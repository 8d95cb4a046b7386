package dialect

import (
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/sqltext"
)

// Assignments reads a section of a change: column = expression, separated by
// commas. An expression is kept as it is written, without the comments around it;
// only the server reads what is in it. Errors have a place.
func Assignments(f Filler, sec revision.Section) ([]Assignment, error) {
	r := assigning{sql: sec.SQL, places: sqltext.NewPlaces(sec.SQL, sqltext.Options{File: sec.At.File, FirstLine: max(sec.At.Line, 1)})}
	depth := 0
	for t := range f.Tokens(sec.SQL) {
		if t.Kind.Silent() {
			continue
		}
		switch text := sec.SQL[t.Start:t.End]; {
		case text == "(" || text == "[":
			depth++
		case text == ")" || text == "]":
			depth--
		case text == ";":
			return nil, fault.At(r.places.Pos(t.Start), fault.Syntax, "a semicolon among expressions").Try("separate them by commas: a = EXPRESSION, b = EXPRESSION")
		case text == "," && depth == 0:
			if err := r.end(); err != nil {
				return nil, err
			}
			continue
		}
		r.part = append(r.part, t)
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return r.all, nil
}

// assigning is a section while it is read.
type assigning struct {
	sql    string
	places *sqltext.Places
	part   []sqltext.Token // of the assignment that is read
	all    []Assignment
}

// end makes an assignment of the tokens since the last comma.
func (r *assigning) end() error {
	at := len(r.sql)
	if len(r.part) > 0 {
		at = r.part[0].Start
	}
	switch {
	case len(r.part) == 0:
		return fault.At(r.places.Pos(at), fault.Syntax, "an expression is missing").Try("write column = EXPRESSION; there is no comma behind the last one")
	case r.part[0].Kind != sqltext.Word && r.part[0].Kind != sqltext.Quoted, len(r.part) < 2 || r.sql[r.part[1].Start:r.part[1].End] != "=":
		return fault.At(r.places.Pos(at), fault.Syntax, "this is no column = EXPRESSION").Try("begin with the column's bare name and =, such as loc = point(lng, lat)")
	case len(r.part) == 2:
		return fault.At(r.places.Pos(at), fault.Syntax, "%s has no expression", r.sql[r.part[0].Start:r.part[0].End]).Try("write column = EXPRESSION")
	}
	first, last := r.part[2].Start, r.part[len(r.part)-1].End
	pos := r.places.Pos(first)
	r.all = append(r.all, Assignment{Column: sqltext.Name(r.sql[r.part[0].Start:r.part[0].End]), SQL: r.sql[first:last], Pos: pos})
	r.part = nil
	return nil
}
