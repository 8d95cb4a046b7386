package lint

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// allowing begins a line by which an author allows a finding:
//
//	-- bellows:allow CODE "why"
//
// Above a statement it is about the findings of that statement, in the head of a
// file about all of the file's. It is a comment to everybody else, so it may stand
// in a folder of any format.
const allowing = "-- bellows:"

// allow is one such line.
type allow struct {
	code  Code
	why   string
	at    fault.Pos
	of    fault.Pos // the statement it stands above; the zero Pos for the file
	first bool      // that is the first statement, which speaks for a file without a head
	wrong string    // what is wrong with the line, "" nothing
	used  bool
}

// allows are the lines of a step's file that allow something.
func allows(s plan.Step) []allow {
	var all []allow
	if head := s.Script.Head; head != nil {
		all = lines(head.SQL, head.At)
	}
	for i, st := range s.Statements {
		for _, a := range lines(comment(st), st.At) {
			a.of, a.first = st.Pos, i == 0
			all = append(all, a)
		}
	}
	return all
}

// comment is the lines that stand above a statement's code.
func comment(st plan.Statement) string {
	end := 0
	for range st.Pos.Line - st.At.Line {
		n := strings.IndexByte(st.SQL[end:], '\n')
		if n < 0 {
			break
		}
		end += n + 1
	}
	return st.SQL[:end]
}

// lines finds the lines that allow something in a text that begins at a place.
func lines(text string, at fault.Pos) []allow {
	var all []allow
	line := at.Line
	for one := range strings.Lines(text) {
		body := strings.TrimLeft(one, " \t")
		if rest, ok := strings.CutPrefix(body, allowing); ok {
			column := 1 + utf8.RuneCountInString(one[:len(one)-len(body)])
			if line == at.Line {
				column += max(at.Column, 1) - 1
			}
			all = append(all, read(strings.TrimSpace(rest), fault.Pos{File: at.File, Line: line, Column: column, Text: strings.TrimRight(one, "\r\n")}))
		}
		line++
	}
	return all
}

// read takes apart what stands behind "-- bellows:".
func read(text string, at fault.Pos) allow {
	a := allow{at: at}
	word, rest, _ := strings.Cut(text, " ")
	code, why, _ := strings.Cut(strings.TrimSpace(rest), " ")
	a.code, a.why = Code(code), strings.TrimSpace(why)
	var known []string
	for _, c := range Codes() {
		known = append(known, string(c))
	}
	switch {
	case word == "rename":
		a.used = true // which the comparison of schemas reads
	case word != "allow":
		a.wrong = "there is no \"bellows:" + word + "\", only \"bellows:allow\""
	case code == "":
		a.wrong = "bellows:allow names no finding"
	case !slices.Contains(known, code):
		a.wrong = "there is no finding " + code
		if near := fault.Nearest(code, known); near != "" {
			a.wrong += ", but there is " + near
		}
	case len(a.why) < 3 || a.why[0] != '"' || a.why[len(a.why)-1] != '"':
		a.wrong = "bellows:allow " + code + " gives no reason"
	default:
		a.why = a.why[1 : len(a.why)-1]
	}
	return a
}

// covers tells whether a line allows a finding.
func (a allow) covers(f Finding) bool {
	if a.wrong != "" || a.code != f.Code {
		return false
	}
	if a.of == (fault.Pos{}) {
		return true
	}
	if f.Code == NoWayDown || f.Code == Irreversible {
		return a.first // it is no statement's
	}
	return a.of.Line == f.Pos.Line && a.of.Column == f.Pos.Column
}

// allowed marks what an author allowed among the findings of a step, and finds the
// lines that allow nothing. alone are the step's findings if no other step came
// before it: what an earlier one of the same plan makes unnecessary is not idle.
func allowed(s plan.Step, found, alone []Finding) []Finding {
	all := allows(s)
	for i := range found {
		for k := range all {
			if all[k].covers(found[i]) {
				all[k].used = true
				found[i].Allowed = all[k].why
			}
		}
	}
	for _, a := range all {
		idle := !a.used && !slices.ContainsFunc(alone, a.covers)
		ofBoth := a.of == (fault.Pos{}) && s.Move.Direction == revision.Down
		switch {
		case a.wrong != "":
			found = append(found, finding(AllowUnused, a.at, a.wrong, `write -- bellows:allow CODE "why", with a code of docs/findings.md`))
		case idle && !ofBoth:
			found = append(found, finding(AllowUnused, a.at, "nothing here is found to be "+string(a.code)+", so there is nothing to allow", "take the line out"))
		}
	}
	return found
}
