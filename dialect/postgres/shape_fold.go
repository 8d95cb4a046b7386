package postgres

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/schema"
)

// Folded does the same to several columns, or adds several checks, of a table in one
// ALTER TABLE: it is written anew, or read, once.
func (l Language) Folded(a, b diff.Statement) (diff.Statement, bool) {
	clauses, same := clauseOf(a), clauseOf(b)
	if l.Bare || clauses == "" || clauses != same || a.Stage != b.Stage || a.About.On != b.About.On || a.About.Schema != b.About.Schema {
		return a, false
	}
	head := "ALTER TABLE " + dotted(a.About.Schema, a.About.On) + " "
	one := a
	one.SQL += ",\n    " + strings.TrimPrefix(b.SQL, head)
	if one.Instead != "" && b.Instead != "" {
		one.Instead += "\n"
	}
	one.Instead += b.Instead
	touches := slices.Clone(a.Effect.Touches)
	for _, t := range b.Effect.Touches {
		at := slices.IndexFunc(touches, func(o plan.Touch) bool { return o.Table == t.Table && o.Index == t.Index && o.Lock == t.Lock })
		if at < 0 {
			touches = append(touches, t)
			continue
		}
		touches[at].Scans, touches[at].Rewrites = touches[at].Scans || t.Scans, touches[at].Rewrites || t.Rewrites
	}
	one.Effect = l.Dialect.Classify(one.SQL)
	one.Effect.Touches = touches
	return one, true
}

// clauseOf is what a statement does to its table in words that another one may share:
// "" where it stands alone.
func clauseOf(s diff.Statement) string {
	rest, ok := strings.CutPrefix(s.SQL, "ALTER TABLE "+dotted(s.About.Schema, s.About.On)+" ")
	name := Ident(s.About.Name) + " "
	switch {
	case !ok || s.Stage != diff.Add && s.Stage != diff.Contract:
	case s.About.Kind == schema.Column && strings.HasPrefix(rest, "ADD COLUMN "+name):
		return "ADD COLUMN"
	case s.About.Kind == schema.Column && rest == "DROP COLUMN "+Ident(s.About.Name):
		return "DROP COLUMN"
	case s.About.Kind == schema.Column && strings.HasPrefix(rest, "ALTER COLUMN "+name+"TYPE "):
		return "TYPE"
	case s.About.Kind == schema.Constraint && strings.HasPrefix(rest, "ADD CONSTRAINT "+name+"CHECK "):
		return "CHECK"
	}
	return ""
}
