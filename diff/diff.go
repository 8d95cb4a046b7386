// Package diff finds which changes turn one shape of a database into another.
//
// Charter: compares two [schema.Schema]s, decides for each difference whether it
// is altered in place or made anew, and puts the statements in an order in which
// each finds what it needs. What a change means in SQL is told by a [Language].
// Invariant: a [Plan] is a value: the same two shapes and the same language give
// the same statements in the same order; a fact that differs is never passed over
// without a statement or a word in Unsolved.
// Example: p, err := diff.Make(before, after, language, diff.Options{})
package diff

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/schema"
)

// Change is one fact that differs. Before is nil when it was added, After when
// it was removed.
type Change struct {
	Before, After *schema.Fact
	// Keys are the attributes that differ when the fact is in both, sorted.
	Keys []string
}

// ID is the fact's name, after the change where it is still there.
func (c *Change) ID() schema.ID {
	if c.After != nil {
		return c.After.ID
	}
	return c.Before.ID
}

// Has tells whether an attribute differs.
func (c *Change) Has(key string) bool { return slices.Contains(c.Keys, key) }

// Only tells whether no other attributes differ than those.
func (c *Change) Only(keys ...string) bool {
	return !slices.ContainsFunc(c.Keys, func(k string) bool { return !slices.Contains(keys, k) })
}

// String is the change for reading: "+ column public.posts.title",
// "~ table public.posts (comment)".
func (c *Change) String() string {
	switch {
	case c.Before == nil:
		return "+ " + c.After.ID.String()
	case c.After == nil:
		return "- " + c.Before.ID.String()
	}
	return "~ " + c.After.ID.String() + " (" + strings.Join(c.Keys, ", ") + ")"
}

// Compare gives the facts that differ, sorted by ID.
func Compare(before, after schema.Schema) []Change {
	var changes []Change
	a, b := before.Facts(), after.Facts()
	for len(a) > 0 || len(b) > 0 {
		var order int
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = a[0].ID.Compare(b[0].ID)
		}
		switch {
		case order < 0:
			changes = append(changes, Change{Before: &a[0]})
			a = a[1:]
		case order > 0:
			changes = append(changes, Change{After: &b[0]})
			b = b[1:]
		default:
			if keys := differing(&a[0], &b[0]); len(keys) > 0 {
				changes = append(changes, Change{&a[0], &b[0], keys})
			}
			a, b = a[1:], b[1:]
		}
	}
	return changes
}

// kindOfParent is the key of a change in what a fact lives on.
const kindOfParent = "of"

// differing are the keys of attributes that differ, sorted.
func differing(a, b *schema.Fact) []string {
	var keys []string
	x, y := a.Attrs, b.Attrs
	for len(x) > 0 || len(y) > 0 {
		switch {
		case len(y) == 0 || len(x) > 0 && x[0].Key < y[0].Key:
			keys = append(keys, x[0].Key)
			x = x[1:]
		case len(x) == 0 || y[0].Key < x[0].Key:
			keys = append(keys, y[0].Key)
			y = y[1:]
		default:
			if x[0].Value != y[0].Value {
				keys = append(keys, x[0].Key)
			}
			x, y = x[1:], y[1:]
		}
	}
	if a.Of != b.Of {
		keys = append(keys, kindOfParent)
	}
	return keys
}

// How is what becomes of a fact that is in both shapes and differs.
type How int

const (
	// Alter: it is changed in place.
	Alter How = iota
	// Replace: it is dropped and made anew, and so is what needs it.
	Replace
	// ReplaceParent: what it lives on is dropped and made anew.
	ReplaceParent
	// Nothing: the server makes the change along with another one.
	Nothing
)

// Effect is what a change does to a fact that needs the changed one.
type Effect int

const (
	// Keeps: it stays as it is.
	Keeps Effect = iota
	// Rebuilds: it must be dropped before the change and made anew after it.
	Rebuilds
	// Spreads: it stays, but what needs it is affected as if it needed the
	// changed fact itself.
	Spreads
)

// Home says which action makes a part of a change.
type Home int

const (
	// Own: an action of its own.
	Own Home = iota
	// WithParent: the parent's action of the same verb, if there is one.
	WithParent
	// WithParentIfFree: so, unless it needs something else that the plan makes,
	// or drops, and that may itself need the parent.
	WithParentIfFree
	// InParentsAlter: the action that alters the parent, which is made for it.
	InParentsAlter
)

// Verb is what an action does.
type Verb int

const (
	// Drop takes something away.
	Drop Verb = iota
	// Modify changes something in place.
	Modify
	// Create makes something.
	Create
)

// Language is what the comparison must know of one database. Its methods are
// pure; a World tells what else happens.
type Language interface {
	// How tells what becomes of a fact that differs.
	How(c *Change, w *World) How
	// Affects tells what a change, which is altered or replaced, does to a fact
	// of the old shape that needs it.
	Affects(c *Change, dependent *schema.Fact, w *World) Effect
	// Home tells which action does something to a fact that lives on something.
	Home(f *schema.Fact, v Verb, w *World) Home
	// Simple tells that such a fact never needs tables, so that a part of a
	// table that needs it can be made with the table.
	Simple(f *schema.Fact) bool
	// Names are the names that a fact takes up in its name spaces; two facts
	// that share one cannot be there at the same time.
	Names(f *schema.Fact) []string
	// Weight orders actions that may stand in any order.
	Weight(k schema.Kind) int
	// Spell writes an action as SQL. No statements is a change that the server
	// makes along with another.
	Spell(a *Action, w *World) []Statement
}

// Loose is a [Language] of a server on which some facts may need what is not there.
type Loose interface {
	// Loose tells that a fact comes after what it needs, and goes before it,
	// only where nothing else stands against that; what it needs may change
	// before or after it.
	Loose(f *schema.Fact) bool
}

// Patient is a [Language] that knows of changes in place that need not be over, nor
// wait, for what needs the changed fact.
type Patient interface {
	// Waits tells whether a fact that comes or is changed must wait for a change in
	// what it needs, or must be gone before it.
	Waits(c *Change, f *schema.Fact, w *World) bool
}

// Folder is a [Language] that says in one statement what takes the server's work only
// once.
type Folder interface {
	// Folded is one statement for two that stand one after the other; false where they
	// stay two. Hazards need not be told again.
	Folded(a, b Statement) (Statement, bool)
}

// Part is one fact of an action, and what happens to it.
type Part struct {
	Verb Verb
	*Change
}

// Fact is the fact that the part is about: the old one of a drop.
func (p Part) Fact() *schema.Fact {
	if p.Verb == Drop {
		return p.Before
	}
	return p.After
}

// Action is the smallest thing that can be put in order: one fact with those
// that happen with it.
type Action struct {
	// Main is the fact the action is about.
	Main Part
	// With are the other facts, in the order of their places.
	With []Part
}

// Statement is one statement of a plan.
type Statement struct {
	SQL string
	// Effect is what is known of its locks, its work and its losses, with what
	// the shapes tell beyond the text.
	Effect plan.Effect
	// Hazards are what somebody should know before running it.
	Hazards []Hazard
	// About is what it changes.
	About schema.ID
	// Once: of equal statements only the first is kept.
	Once bool
	// Commit: what it makes can be used only after its transaction has ended; what
	// needs it is in a later [Leg].
	Commit bool
	// Stage is when it has its turn.
	Stage Stage
	// Unit is the same number for those statements of a leg in [Apart] mode that share
	// a transaction; 0 stands alone.
	Unit int
	// Leaves are facts that are so after it and until the last statement of its
	// action, where they are not those of either shape.
	Leaves []schema.Fact
	// Instead is the text of a migration that does the same without the lock; ""
	// where there is none.
	Instead string

	turn int
}

// Hazard is a reason to look twice. Codes are stable.
type Hazard struct {
	Code   string
	Object schema.ID
	Text   string
}

// The codes of hazards.
const (
	LosesTable     = "loses-table"     // a table goes, with its rows
	LosesColumn    = "loses-column"    // a column goes, with its values
	LosesValues    = "loses-values"    // values may be cut or not survive
	MayFail        = "may-fail"        // rows may stand against it
	RewritesTable  = "rewrites-table"  // the whole table is written anew under the lock
	ScansTable     = "scans-table"     // the whole table is read under the lock
	StopsReads     = "stops-reads"     // readers wait
	StopsWrites    = "stops-writes"    // writers wait
	BuildsIndex    = "builds-index"    // an index of an existing table is built anew
	RebuildsObject = "rebuilds-object" // something is dropped and made anew because of another change
	Privileges     = "privileges"      // rights change
	Replication    = "replication"     // what replicas follow changes
	PutsAside      = "archives"        // something is put aside instead of dropped
)

// Options say how to compare. The zero value compares everything and renames nothing.
type Options struct {
	// Renames are those that somebody has told of. One that fits nothing is an error.
	Renames []Rename
	// Ignore are attributes that are not compared: schema.Owner, schema.ACL, ….
	Ignore []string
	// Sizes are how large the tables of the old shape are in the database that
	// counts; nil when that is not known.
	Sizes Sizes
	// Small is up to which size a table is changed in the shortest way; the zero
	// Size is 10,000 rows and 8 MB.
	Small schema.Size
	// Staging says which tables are changed in stages.
	Staging Staging
	// Archive says what is put aside instead of dropped: see [Way].
	Archive Archive
}

// Rename says that something was given another name. Schema and On are those
// before the rename in From and after it in To.
type Rename struct{ From, To schema.ID }

// Plan is what turns one shape into the other.
type Plan struct {
	// Changes are the facts that differ, renames done.
	Changes    []Change
	Statements []Statement
	// Candidates are removals and additions that look like a rename that nobody
	// told of.
	Candidates []Rename
	// Unsolved are changes for which there is no statement, for reading.
	Unsolved []string

	trail *trail
}

// Empty tells whether the two shapes are the same.
func (p Plan) Empty() bool { return len(p.Changes) == 0 && len(p.Statements) == 0 }

// SQL is the plan as a script, one statement after the other.
func (p Plan) SQL() string {
	var b strings.Builder
	for _, s := range p.Statements {
		b.WriteString(s.SQL)
		b.WriteString(";\n")
	}
	return b.String()
}

// Losses are what the plan destroys.
func (p Plan) Losses() []plan.Loss {
	var all []plan.Loss
	for _, s := range p.Statements {
		all = append(all, s.Effect.Destroys...)
	}
	return all
}

// Hazards are those of all statements, in order.
func (p Plan) Hazards() []Hazard {
	var all []Hazard
	for _, s := range p.Statements {
		all = append(all, s.Hazards...)
	}
	return all
}
