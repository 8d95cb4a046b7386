package plan

import (
	"strings"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
)

// apart keeps schema and data apart: in a native migration the first statement
// that mixes them is an error unless the author allowed it, everywhere else it
// is a note, one for each table.
func (b *builder) apart(sec revision.Section) error {
	rev := b.step.Revision
	ddl := hasDDL(b.step.Statements)
	if !rev.Native && !ddl {
		return nil
	}
	var made []Name
	said := map[string]bool{}
	for _, st := range b.step.Statements {
		made = append(made, st.Effect.Creates...)
		what := mixes(rev.Kind, st.Effect, made)
		if what == "" || said[what] {
			continue
		}
		said[what] = true
		switch {
		case !rev.Native:
			b.note(st.Pos, "%s %s beside schema statements; better in a migration of its own", verb(st), what)
		case sec.Mixed:
			b.note(st.Pos, "%s %s (mixed:true allows it)", verb(st), what)
		default:
			return fault.At(st.Pos, fault.Finding, "%s %s in a %s migration", verb(st), what, rev.Kind).
				Try("%s", b.split(ddl))
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
			if !contains(made, n) {
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
		if !contains(made, t.Table) {
			return false
		}
		own++
	}
	for _, l := range e.Destroys {
		if !contains(made, l.Table) {
			return false
		}
		own++
	}
	return own > 0
}

func contains(names []Name, n Name) bool {
	for _, m := range names {
		if m.Key() == n.Key() && (m.Schema == "" || n.Schema == "" || strings.EqualFold(m.Schema, n.Schema)) {
			return true
		}
	}
	return false
}
