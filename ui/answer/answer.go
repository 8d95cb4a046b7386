// Package answer is everything a verb can answer with, as a closed set of
// values, for every face to print.
//
// Charter: what stands between the verbs of the command line and the faces.
// Invariant: an answer is a value that needs no database, file or clock to be
// printed; faces switch over the types below and no others exist.
// Example: face.Finish(answer.Outcome{Verb: "up", Answer: answer.Run{Report: report}})
package answer

import (
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/revision"
)

// Answer is one of the types of this package.
type Answer interface{ answered() }

// Outcome is how a command ended. Answer is nil when it has nothing to say, and
// may be set together with Err: what was done before the failure.
type Outcome struct {
	Verb   string
	Answer Answer
	Err    error
	Exit   int
}

type (
	// Run is what up, down, redo, stamp, try and backfill run did. Planned are
	// the backfills that were not waited for.
	Run struct {
		Report  bellows.Report
		Planned []bellows.Backfill
	}
	// Plan is what up or down would do. On is the database's URL without its
	// password, "" when none was asked.
	Plan struct {
		Preview bellows.Preview
		On      string
	}
	// Script is SQL to be run by hand, printed as it is.
	Script struct{ SQL string }
	// Status is where a database stands. All shows every applied migration, not
	// only the newest. Fills are the backfills that are under way.
	Status struct {
		Status bellows.Status
		Fills  []bellows.Backfill
		// Changes are those that have begun.
		Changes []bellows.Change
		On      string
		All     bool
	}
	// History is the folder in the order of the graph, newest last. Known tells
	// that a database was asked: without one the states are "".
	History struct {
		Revisions []bellows.Revision
		Known     bool
	}
	// Journal is what really happened, oldest first.
	Journal struct{ Entries []bellows.Entry }
	// Heads are the tips of the folder.
	Heads struct{ Heads []bellows.Revision }
	// Show is one revision. Steps are what it would run, up and then down, each
	// nil when it has no such side or the database's language is not known.
	Show struct {
		Revision revision.Revision
		Script   revision.Script
		Parents  []string
		Children []string
		State    bellows.Revision // zero when no database was asked
	}
	// Graph is the picture of the folder's graph in Form: text, dot, mermaid or svg.
	Graph struct{ Form, Picture string }
	// Files are paths that were written, and paths that were taken away.
	Files struct {
		Written []string
		Removed []string
		ID      string   // of the new revision, or ""
		Revises []string // its parents
	}
	// Troubles is what is half-done or inconsistent.
	Troubles struct{ Troubles []bellows.Trouble }
	// Repaired is what repair did.
	Repaired struct{ Actions []Action }
	// Lock is who holds the lock, nil for nobody; Removed tells that it was freed.
	Lock struct {
		Holder  *event.Holder
		Removed bool
	}
	// Database is what db did: Action is "create", "drop" or "wait"; Changed is
	// false when there was nothing to do.
	Database struct {
		Action  string
		On      string
		Changed bool
	}
	// Backfills is how far backfills are. Did is what was just done to the only
	// one: "paused", "resumed", "cancelled" or "set"; "" for a question.
	Backfills struct {
		Fills []bellows.Backfill
		Did   string
	}
	// Poison are rows of a backfill that were set aside. Did is what was just
	// done to Count of them: "retried" or "waived"; "" for a question.
	Poison struct {
		Fill  bellows.Backfill
		Rows  []bellows.PoisonRow
		Did   string
		Count int
	}
	// Changes is how far changes are. Did is what was just done to the only one:
	// "verified", "approved", "contracted", "undone", "set on anew", "aborted" or
	// "purged"; "" for a question. Ended tells that it is no more, as if it had never
	// begun.
	Changes struct {
		Changes []bellows.Change
		Did     string
		Ended   bool
	}
	// Schema is the shape of a database, and Text what was asked for of it in Form:
	// sql, mermaid, svg, snapshot, or facts, which have no text of their own.
	Schema struct {
		Shape      bellows.Shape
		Form, Text string
		On         string
	}
	// Diff is how one schema becomes another. Form is "plan" or "sql" for printing,
	// "check" for whether there is a difference, "files" for what was written, "drift"
	// for what a database has become, "back" for the SQL that takes it back. FromName
	// and ToName say what was compared.
	Diff struct {
		Difference       bellows.Difference
		Form             string
		FromName, ToName string
		Files            Files
	}
	// Choice is a question that nobody was there to answer: is it a rename?
	Choice struct{ Choice bellows.Choice }
	// Archives are what migrations have put aside; Purged tells that they were dropped.
	Archives struct {
		Archives []bellows.Archived
		Purged   bool
	}
	// Verified is what came of trying every migration up, down and up.
	Verified struct{ Verification bellows.Verification }
	// Config is what holds, and where each value came from.
	Config struct{ Settings []Setting }
	// Version is this build: the release it is, the stamp that whoever built it
	// gave it and the commit it was built from, both "" where there is none.
	Version struct{ Version, Build, Commit, Go, OS, Arch string }
)

// Action is one decision that repair carried out.
type Action struct{ Action, Revision string }

// Setting is one line of the configuration. Value never holds a password.
type Setting struct{ Key, Value, From string }

func (Run) answered()       {}
func (Plan) answered()      {}
func (Script) answered()    {}
func (Status) answered()    {}
func (History) answered()   {}
func (Journal) answered()   {}
func (Heads) answered()     {}
func (Show) answered()      {}
func (Graph) answered()     {}
func (Files) answered()     {}
func (Troubles) answered()  {}
func (Repaired) answered()  {}
func (Lock) answered()      {}
func (Database) answered()  {}
func (Backfills) answered() {}
func (Poison) answered()    {}
func (Changes) answered()   {}
func (Schema) answered()    {}
func (Diff) answered()      {}
func (Choice) answered()    {}
func (Verified) answered()  {}
func (Archives) answered()  {}
func (Config) answered()    {}
func (Version) answered()   {}

// Millis is a duration in milliseconds, to the microsecond.
func Millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Section is one section of a script, under the name its directive has.
type Section struct {
	Name string
	*revision.Section
}

// Sections are the sections of a script in the order in which they run, the way
// back last.
func Sections(s revision.Script) []Section {
	var all []Section
	add := func(name string, x *revision.Section) {
		if x != nil {
			all = append(all, Section{name, x})
		}
	}
	if s.Kind == revision.Data {
		add("data", s.Up)
	} else {
		add("up", s.Up)
	}
	if s.Fill != nil {
		add("backfill", &s.Fill.Body)
		add("write", s.Fill.Write)
	}
	if c := s.Change; c != nil {
		add("expand", &c.Expand)
		add("forward", &c.Forward)
		add("backward", c.Backward)
		add("contract", c.Contract)
	}
	for i := range s.Check {
		add("check", &s.Check[i])
	}
	add("down", s.Down)
	return all
}
