package plan

import (
	"strings"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
)

// Mixture is a statement that mixes schema and data, and how, in words.
type Mixture struct {
	Pos  fault.Pos
	What string
}

// Mixed are the statements by which a step breaks the rule that schema and data
// do not mix, the first for each table.
func Mixed(s Step) []Mixture {
	if !s.Revision.Native && !hasDDL(s.Statements) {
		return nil
	}
	var made []Name
	var out []Mixture
	said := map[string]bool{}
	for _, st := range s.Statements {
		made = append(made, st.Effect.Creates...)
		if what := mixes(s.Revision.Kind, st.Effect, made); what != "" && !said[what] {
			said[what] = true
			out = append(out, Mixture{Pos: st.Pos, What: verb(st) + " " + what})
		}
	}
	return out
}

// apart keeps schema and data apart: in a native migration the first statement
// that mixes them is an error unless the author allowed it, everywhere else it
// is a note.
func (b *builder) apart(sec revision.Section) error {
	rev := b.step.Revision
	for _, m := range Mixed(b.step) {
		switch {
		case !rev.Native:
			b.note(m.Pos, "%s beside schema statements; better in a migration of its own", m.What)
		case sec.Mixed:
			b.note(m.Pos, "%s in a %s migration (mixed:true allows it)", m.What, rev.Kind)
		default:
			return fault.At(m.Pos, fault.Finding, "%s in a %s migration", m.What, rev.Kind).
				Try("%s", b.split(hasDDL(b.step.Statements)))
		}
	}
	return nil
}

func hasDDL(statements []Statement) bool {
	for _, st := range statements {
		if st.Effect.Class == DDL {
			return true
		}
	}
	return false
}

// split tells how to cut a migration in two.
func (b *builder) split(ddl bool) string {
	rev := b.step.Revision
	allow := "or allow it here: -- migrate:" + b.head() + " mixed:true"
	if rev.Kind == revision.Schema && !ddl && b.step.Move.Direction == revision.Up {
		return "it has no schema statement: begin its section with \"-- migrate:data\" instead of \"-- migrate:up\""
	}
	keep, move, ending, flag := "schema statements", "rows", "_rows", " --data"
	if rev.Kind == revision.Data {
		keep, move, ending, flag = "rows", "schema statement", "_schema", ""
	}
	name := rev.Name
	if name == "" {
		name = string(rev.ID)
	}
	file := rev.File[strings.LastIndexByte(rev.File, '/')+1:]
	return "keep the " + keep + " in " + file + " and move the " + move + " to the file that `bellows new " + name + ending + flag +
		"` writes; " + allow
}

// mixes tells in words how a statement breaks the rule of its kind, "" when it
// does not. made are the tables the section has created so far.
func mixes(kind revision.Kind, e Effect, made []Name) string {
	switch kind {
	case revision.Schema:
		for _, n := range e.Changes {
			if !n.In(made) {
				return "changes rows of " + n.String()
			}
		}
		if e.Class == Rows && len(e.Changes) == 0 {
			return "changes rows"
		}
	case revision.Data:
		if e.Class == DDL && !ownOnly(e, made) {
			return "changes the schema"
		}
	}
	return ""
}

// ownOnly tells whether DDL touches nothing but tables that the section made
// itself: an index on its temporary table, or that table's end.
func ownOnly(e Effect, made []Name) bool {
	own := 0
	for _, t := range e.Touches {
		if !t.Table.In(made) {
			return false
		}
		own++
	}
	for _, l := range e.Destroys {
		if !l.Table.In(made) {
			return false
		}
		own++
	}
	return own > 0
}
