// Package lint finds what is dangerous in a plan, says why and what instead.
//
// Charter: findings with stable codes, from what a plan can show without a
// database.
// Invariant: the same plan and dialect give the same findings in the same
// order: step by step, statement by statement.
// Example: for _, f := range lint.Findings(p, d) { fmt.Println(f.Pos, f.Code, f.Message, f.Instead) }
package lint

import (
	"strings"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
)

// Code names a kind of finding. Codes are stable: people name them in files.
type Code string

// The codes; [Codes] says what each means.
const (
	RowsInSchema      Code = "rows-in-schema"
	SchemaInData      Code = "schema-in-data"
	LosesData         Code = "loses-data"
	RewriteBlocks     Code = "rewrite-blocks"
	ScanBlocks        Code = "scan-blocks"
	IndexBlocksWrites Code = "index-blocks-writes"
	ConstraintScans   Code = "constraint-scans"
	ValidateWithAdd   Code = "validate-with-add"
	SeveralHeavyLocks Code = "several-heavy-locks"
	IndexTrusted      Code = "index-trusted"
	SchemaAfterRows   Code = "schema-after-rows"
	NoWayDown         Code = "no-way-down"
	Irreversible      Code = "irreversible"
	Unparsed          Code = "unparsed"
	NoEffect          Code = "no-effect"
	AllowUnused       Code = "allow-unused"
)

// Severity is how much a finding weighs.
type Severity string

// The severities. Note is for the reader, Warning asks for a second look.
const (
	Note    Severity = "note"
	Warning Severity = "warning"
)

// Finding is one thing found.
type Finding struct {
	Code     Code
	Severity Severity
	Pos      fault.Pos
	Message  string // what and why, one sentence without a full stop
	Instead  string // what to do instead, "" when there is nothing better
	Allowed  string // the author's reason why it is meant, "" when it was not allowed
}

// Findings looks at every step of a plan. Tables that the plan makes itself are
// taken to be empty and unused, so nothing is found in locking them.
func Findings(p plan.Plan, d dialect.Dialect) []Finding {
	l := linter{traits: d.Traits()}
	var all []Finding
	for _, s := range p.Steps {
		alone := linter{traits: l.traits}
		alone.step(s)
		l.found = nil
		l.step(s)
		all = append(all, allowed(s, l.found, alone.found)...)
	}
	return all
}

// linter goes through a plan once.
type linter struct {
	traits dialect.Traits
	made   []plan.Name // tables made so far
	found  []Finding
}

func (l *linter) add(code Code, at fault.Pos, message, instead string) {
	l.found = append(l.found, finding(code, at, message, instead))
}

func finding(code Code, at fault.Pos, message, instead string) Finding {
	return Finding{Code: code, Severity: meanings[code].severity, Pos: at, Message: message, Instead: instead}
}

// fresh tells whether the plan made the table itself.
func (l *linter) fresh(n plan.Name) bool { return n.In(l.made) }

// old are the touches of tables that were there before.
func (l *linter) old(touches []plan.Touch) []plan.Touch {
	var out []plan.Touch
	for _, t := range touches {
		if t.Index || !l.fresh(t.Table) {
			out = append(out, t)
		}
	}
	return out
}

// list joins with commas and a final "and".
func list(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	return strings.Join(items[:len(items)-1], ", ") + " and " + items[len(items)-1]
}
