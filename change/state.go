package change

import (
	"slices"
	"time"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// State is how far a change is: all that has to be remembered of it. The zero
// value is that of a change that has not begun.
type State struct {
	// Phase is the one at hand. Contract and purge are those that are done: after
	// them nothing is at hand until somebody asks.
	Phase revision.Phase
	// Doing is an action of which some statements may have taken effect, where a
	// database commits at each of them. Only that action may go on.
	Doing Action `json:",omitzero"`
	// Side is the one that the backfill computes: the new one, and after an undo
	// the old one. Fill names the backfill once it is planned.
	Side dialect.Side `json:",omitzero"`
	Fill string       `json:",omitzero"`
	// Restore: once the backfill is done the old columns get their NOT NULL back.
	Restore bool `json:",omitzero"`
	// Guard: rows whose new side holds nothing are left alone when the old one is
	// computed, because nobody has undone anything: they may not be filled yet.
	Guard bool `json:",omitzero"`

	Table    plan.Name           // with its schema
	Before   []string            `json:",omitzero"` // the table's columns before expand
	Key      []string            `json:",omitzero"`
	Old, New []dialect.Column    // as they were when sync was set on
	Added    []dialect.Column    `json:",omitzero"` // the columns that expand has added
	Tables   []plan.Name         `json:",omitzero"` // the tables that expand has made
	Indexes  []plan.Name         `json:",omitzero"` // the indexes that expand has made
	Others   []string            `json:",omitzero"` // what else it has done, in words
	Columns  []string            `json:",omitzero"` // all columns of the table when sync was set on
	Into     Place               `json:",omitzero"` // where the new side is, if it is in another table
	Policy   dialect.Policy      `json:",omitzero"`
	Objects  []Object            `json:",omitzero"` // of sync
	Identity string              `json:",omitzero"` // of the table
	Proof    Proof               `json:",omitzero"`
	Retired  []string            `json:",omitzero"` // the names that the old columns have
	Refs     []dialect.Reference `json:",omitzero"` // the foreign keys to a key that is changed, as they were before the contract
	Written  bool                `json:",omitzero"` // the author's own statements were the contract
	Since    time.Time           `json:",omitzero"` // sync is on
	Empty    bool                `json:",omitzero"` // the table had no rows when the change began
	Away     Absence             `json:",omitzero"` // of the old columns; they have to be put back before anything else
	At       time.Time           `json:",omitzero"` // when it was contracted

	// Approved are the holds that are approved; they are kept apart.
	Approved []string `json:"-"`
}

// Place is the other table of a change that moves columns there.
type Place struct {
	Table    plan.Name
	Key      []string         // its columns that hold the key of the first table's row
	Columns  []string         // all of them when sync was set on
	Before   []string         `json:",omitzero"` // those before expand; none: expand has made it
	Added    []dialect.Column `json:",omitzero"` // those that expand has added to a table that was there
	Identity string           `json:",omitzero"`
}

// Absence is a brown-out: the old columns have other names for a while, so that
// who still reads them is found.
type Absence struct {
	Since time.Time
	For   time.Duration
}

// Object is one of those that keep the sides in step, as the database has it.
type Object struct {
	Name, Definition string
	Fires            string // "on", or why it does not
}

// Proof is that no row disagrees, and what it rests on. It is worth nothing once
// that has changed.
type Proof struct {
	Made       bool
	Run        string // by which it was made
	Rows       int64
	Mismatches int64
	Poison     int64
	Sample     []string // of rows that disagree
	// Unexplained are rows whose new side is not what forward gives, where there is no
	// backward and an application has written the new side by itself: that may be what
	// it wrote, or wrong, and only people can tell. Strange are some of them.
	Unexplained int64     `json:",omitzero"`
	Strange     []string  `json:",omitzero"`
	Constraint  bool      // a constraint of the database proves it
	At          time.Time // by the server's clock
	Void        string    // why it is worth nothing any more
}

// Valid tells whether it proves anything.
func (p Proof) Valid() bool { return p.Made && p.Mismatches == 0 && p.Poison == 0 && p.Void == "" }

// Action is one thing to do.
type Action string

// The actions of a change.
const (
	Nothing Action = ""
	Expand  Action = "expand"  // the author's statements that add the new side
	SyncOn  Action = "sync"    // the triggers
	Plan    Action = "plan"    // the backfill
	Fill    Action = "fill"    // its rows
	Restore Action = "restore" // the old side's NOT NULL, after an undo
	Prove   Action = "prove"   // that no row disagrees
	Settle  Action = "settle"  // that the new side is right where a write gives both
	Wait    Action = "wait"    // for a person
	Retire  Action = "retire"  // the contract: the old columns get out of the way
	Purge   Action = "purge"   // they are dropped
	Undo    Action = "undo"    // they come back
	Resync  Action = "resync"  // sync is set on anew, and all rows are gone over
	Abort   Action = "abort"   // what the change added goes
	Hide    Action = "hide"    // the old columns are out of sight for a while
	Unhide  Action = "unhide"  // they are put back
	Refuse  Action = "refuse"  // there is no way there
)

// Begins says for people that an action has begun which no transaction can hold.
func (a Action) Begins() string {
	switch a {
	case Restore:
		return "the old columns get their NOT NULL back"
	case Settle:
		return "the triggers are made anew, so that the new side counts"
	case Retire:
		return "the contract begins"
	case Hide:
		return "the brown-out begins"
	case Unhide:
		return "the brown-out ends"
	}
	return "the " + string(a) + " begins"
}

// Goal is how far somebody wants a change to be.
type Goal int

// The goals: those on the way forward in their order, and two ways back.
const (
	Synced     Goal = iota // safe for old and new applications at once
	Planned                // and the backfill can be worked on
	Held                   // every row is filled and proven; waits for people
	Contracted             // the old columns are out of the way
	Purged                 // and gone
	Undone                 // back at the hold, from the contract
	Aborted                // as before the change
)

// Next is what to do next for a goal; [Nothing] when it is reached. run is the
// run that asks: a contract rests on a proof of its own run.
func Next(s State, spec Spec, g Goal, run string) Action {
	switch {
	case s.Away != Absence{}:
		return Unhide
	case g == Aborted && (s.Doing == Expand || s.Doing == SyncOn):
		return Abort // whatever there is of it
	case s.Doing != Nothing:
		return s.Doing
	case g == Aborted:
		return back(s)
	case g == Undone && s.Phase == revision.Contract:
		return Undo
	case g == Undone && s.Phase == revision.Purge:
		return Refuse
	case g == Undone && s.Side != dialect.Old:
		return Nothing // there is nothing to undo
	case g == Undone:
		g = Held
	}
	return forward(s, spec, g, run)
}

// back is the way to where the change was never begun.
func back(s State) Action {
	switch s.Phase {
	case "":
		return Nothing
	case revision.Purge:
		return Refuse
	case revision.Contract:
		return Undo
	}
	if s.Side == dialect.Old && s.Phase != revision.Hold {
		return forward(s, Spec{}, Held, "") // what was undone is not at its end: the old side lacks values
	}
	return Abort
}

func forward(s State, spec Spec, g Goal, run string) Action {
	switch s.Phase {
	case "":
		return Expand
	case revision.Expand, revision.Sync:
		return SyncOn
	case revision.Fill:
		switch {
		case g < Planned:
			return Nothing
		case s.Fill == "":
			return Plan
		case g < Held:
			return Nothing
		}
		return Fill
	case revision.Verify:
		switch {
		case g < Held:
			return Nothing
		case s.Restore:
			return Restore
		}
		return Prove
	case revision.Hold:
		switch {
		case settled(s, spec):
			return Settle
		case g < Contracted:
			return Nothing
		case len(Open(s, spec)) > 0:
			return Wait
		case !s.Proof.Valid() || s.Proof.Run != run:
			return Prove
		}
		return Retire
	case revision.Contract:
		if g >= Purged {
			return Purge
		}
	}
	return Nothing
}

// settled tells whether people have said that the new side is the one that
// counts, and sync does not know it yet.
func settled(s State, spec Spec) bool {
	return len(spec.Holds) > 0 && len(Open(s, spec)) == 0 && s.Policy == dialect.Refuse
}

// Open are the holds that nobody has approved.
func Open(s State, spec Spec) []revision.HoldSpec {
	return slices.DeleteFunc(slices.Clone(spec.Holds), func(h revision.HoldSpec) bool { return slices.Contains(s.Approved, h.Name) })
}

// Fold is the state after an action that has taken effect. What the action has
// found out was put into the state before.
func Fold(s State, spec Spec, a Action) State {
	s.Doing = Nothing
	switch a {
	case Expand:
		s.Phase = revision.Sync
	case SyncOn:
		s.Phase, s.Side, s.Fill, s.Policy = revision.Fill, dialect.New, "", dialect.Refuse
	case Fill:
		s.Phase, s.Proof, s.Guard = revision.Verify, Proof{}, false
	case Restore:
		s.Restore = false
	case Prove:
		s.Phase = revision.Verify
		if s.Proof.Valid() {
			s.Phase = revision.Hold
		}
	case Settle:
		s.Policy = dialect.NewWins
	case Retire:
		s.Phase, s.Objects = revision.Contract, nil
		if spec.Change.Contract != nil {
			s.Phase, s.Written = revision.Purge, true // there is nothing left to bring back
		}
	case Purge:
		s.Phase, s.Retired = revision.Purge, nil
	case Undo:
		s.Phase, s.Side, s.Fill, s.Restore = revision.Fill, dialect.Old, "", true
		s.Policy, s.Proof, s.Approved, s.Retired, s.At = dialect.Refuse, Proof{}, nil, nil, time.Time{}
	case Unhide:
		s.Away = Absence{}
	case Resync:
		s.Phase, s.Fill, s.Guard = revision.Fill, "", s.Side == dialect.Old
		s.Policy, s.Proof, s.Approved = dialect.Refuse, Proof{}, nil
	case Abort:
		return State{}
	}
	return s
}

// order are the phases as they follow each other.
var order = [...]revision.Phase{revision.Expand, revision.Sync, revision.Fill, revision.Verify, revision.Hold, revision.Contract, revision.Purge}

// Reached tells whether a change has done a phase.
func Reached(s State, p revision.Phase) bool {
	at, wanted := slices.Index(order[:], s.Phase), slices.Index(order[:], p)
	if s.Phase == revision.Contract || s.Phase == revision.Purge {
		return at >= wanted
	}
	return at > wanted
}
