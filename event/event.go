// Package event is everything that happens, as a closed set of values, for
// every face to read.
//
// Charter: what the runner tells while it works.
// Invariant: an event is a value that stays true after it was sent; faces
// switch over the types below and no others exist.
// Example: sink.Event(event.MigrationDone{ID: "20261119093000", State: "applied"})
package event

import "time"

// Event is one of the types of this package.
type Event interface{ happened() }

// Sink receives events, one at a time, in order. It must not block for long and
// must not call back into the run.
type Sink interface{ Event(Event) }

// SinkFunc makes a Sink of a function.
type SinkFunc func(Event)

// Event calls f.
func (f SinkFunc) Event(e Event) { f(e) }

// Holder is who has the lock.
type Holder struct {
	Owner string // user@host
	Host  string
	PID   int
	Since time.Time
	Doing string
	Run   string // the run's id
}

// Blocker is another session that is in our way.
type Blocker struct {
	PID    int64
	User   string
	App    string
	Table  string
	State  string
	Query  string
	Age    time.Duration
	Vacuum bool // an autovacuum worker
	Wrap   bool // one that prevents wraparound and will not give way
}

type (
	// RunStarted comes once the plan is known.
	RunStarted struct {
		Run, Verb, Target string
		Steps             int
	}
	// LockWaiting comes once when somebody else holds the lock, and again when the holder changes.
	LockWaiting struct{ Holder Holder }
	// LockTakenOver comes when the lease of a dead holder was taken over.
	LockTakenOver struct{ Holder Holder }
	// MigrationStarted comes before the first statement.
	MigrationStarted struct {
		ID, Name, Direction, Tx string
		Number, Of              int
		Resumed                 int // statements that an earlier run had done
	}
	// StatementStarted comes before each statement where it can be told. One that
	// is tried again, because its locks were not to be had, starts again.
	StatementStarted struct {
		ID         string
		Number, Of int
		SQL        string
	}
	// StatementDone comes after each statement where it can be told.
	StatementDone struct {
		ID         string
		Number, Of int
		SQL        string
		Rows       int64
		Duration   time.Duration
	}
	// MigrationDone comes after the migration and its record were committed. That
	// a crash of the server cannot undo it any more is sure when RunDone comes.
	MigrationDone struct {
		ID, Name, Direction, State string
		Duration                   time.Duration
	}
	// MigrationFailed comes after the failure was recorded.
	MigrationFailed struct {
		ID, Name, Direction string
		Err                 error
	}
	// Blocked comes each time a lock budget ran out or a probe found somebody.
	Blocked struct {
		ID, Table string
		Lock      string
		Attempt   int
		Wait      time.Duration
		Blockers  []Blocker
	}
	// IndexProgress comes while an index is built concurrently.
	IndexProgress struct {
		ID, Index, Phase string
		Done, Total      int64
		WaitsFor         int64 // pid, 0 for none
	}
	// Destroys tells what a statement is about to destroy, counted.
	Destroys struct {
		ID, Table, Column string
		Rows              int64
		Exact             bool
	}
	// Reconnected comes when a broken connection was replaced.
	Reconnected struct{ Err error }
	// Notice is a message of the server to people.
	Notice struct{ ID, Severity, Text string }
	// Warning is something of ours that people should know; Hint may be "".
	Warning struct {
		Code, Text, Hint, File string
		Line                   int
	}
	// RunDone comes last, also after a failure.
	RunDone struct {
		Run      string
		Applied  []string
		Reverted []string
		Duration time.Duration
		Err      error
	}
)

func (RunStarted) happened()       {}
func (LockWaiting) happened()      {}
func (LockTakenOver) happened()    {}
func (MigrationStarted) happened() {}
func (StatementStarted) happened() {}
func (StatementDone) happened()    {}
func (MigrationDone) happened()    {}
func (MigrationFailed) happened()  {}
func (Blocked) happened()          {}
func (IndexProgress) happened()    {}
func (Destroys) happened()         {}
func (Reconnected) happened()      {}
func (Notice) happened()           {}
func (Warning) happened()          {}
func (RunDone) happened()          {}

// ChangePhase tells that a change has come to a phase, or what was done in it.
type ChangePhase struct {
	ID, Name, Table string
	Phase           string
	Text            string
}

func (ChangePhase) happened() {}
