// Package bellows is this program as a Go library: version control for a
// database's schema, and a safe way to change its data while it is in use.
//
// Charter: wiring only; what it wires is in the rooms below.
// Invariant: nothing here prints, exits, reads the environment or keeps a
// global; a [Migrator] may be used from several goroutines and many processes
// may use the same database at once.
// Example:
//
//	m, err := bellows.Open(ctx, url, bellows.Options{Files: migrations})
//	if err != nil { … }
//	defer m.Close()
//	report, err := m.Up(ctx, bellows.Head)
package bellows

import (
	"context"
	"io/fs"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/lint"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// Targets that need no explanation; every expression of the target grammar is
// accepted where a target is asked for.
const (
	Head  = "head"
	Heads = "heads"
	Base  = "base"
)

// Version is the version of this build, recorded with everything it does.
const Version = "0.1.0"

// Options say what to migrate with. The zero value uses no files at all, which
// is good for reading a database's history.
type Options struct {
	// Files holds the migrations; Dir is the folder inside it ("" is its root)
	// and what errors show in front of file names.
	Files fs.FS
	Dir   string
	// Format is "bellows", "golang-migrate", "dbmate" or "diesel"; "" recognises it.
	Format string
	// Flat leaves sub-folders alone.
	Flat bool
	// Repeatable is the sub-folder of repeatable files; "" is "repeatable".
	Repeatable string
	// Go holds migrations written in Go.
	Go []GoMigration
	// Rows holds the logic of rows, in Go, of backfills that say function:NAME.
	Rows []RowFunction
	// ProgramDir is the folder in which the programs of backfills that say program:
	// work; "" is where this process does.
	ProgramDir string
	// Environ is the environment, NAME=VALUE, of the database servers that are run for
	// throwaway databases where none can be made beside the database; its PATH says
	// where their programs are. nil runs none.
	Environ []string
	// Ledger names the ledger's schema, or the prefix of its tables; "" is "bellows".
	Ledger string
	// LockWait bounds the wait for another run: 0 means 30 s, negative fails at once.
	LockWait time.Duration
	// LockTimeout bounds each wait for a lock that the application holds; 0 means 500 ms.
	LockTimeout time.Duration
	// RetryBudget bounds the repeats of a migration that could not get its locks; 0 means 5 min.
	RetryBudget time.Duration
	// StatementTimeout bounds each statement; 0 means none.
	StatementTimeout time.Duration
	// Grace is how long a running statement may go on after the context ended
	// before it is cancelled on the server; 0 means 10 s, negative cancels at once.
	Grace time.Duration
	// Backfill are what holds backfills back in this process, by the names of the
	// documentation: "replica_lag": "30s". What a backfill's own file says, and
	// [Migrator.SetBackfill], holds before them.
	Backfill map[string]string
	// AutoHolds approves the holds of changes by itself and runs them through to
	// the end: for development and tests.
	AutoHolds bool
	// Strict refuses pending migrations that sort before an applied one.
	Strict bool
	// Actor is who is recorded; "" is user@host of the process. Tag is a free
	// text recorded with each run, such as a deploy number.
	Actor, Tag string
	// Sink receives every event; nil drops them.
	Sink event.Sink
	// ReadOnly opens sessions that cannot write: for plan and status.
	ReadOnly bool
	// ReadAhead is for programs that call Up right after Open: the ledger is read
	// while the folder is. When it says then that nothing is pending, that is
	// Up's answer; what there is to do is looked at anew, under the lock.
	ReadAhead bool
	// Verb is what other sessions see this one do: "up", "status".
	Verb string
	// Point is called at every numbered point of a run, for tests that kill the
	// process there; nil is nothing.
	Point func(name string)
}

// Tx is what a migration written in Go may use: the session, inside the
// migration's transaction. Arguments are marked as the database marks them.
type Tx interface {
	Exec(ctx context.Context, sql string, args ...any) (int64, error)
	Query(ctx context.Context, sql string, args ...any) (db.Rows, error)
}

// GoMigration is a migration written in Go. Its record in the ledger is part of
// the same transaction. Version text is what changes its checksum: change it
// when the functions change what they do.
type GoMigration struct {
	ID      string
	Name    string
	Revises []string      // nil: the revision before it in id order; empty but not nil: a base
	Kind    revision.Kind // Schema when ""
	Version string
	Up      func(ctx context.Context, tx Tx) error
	Down    func(ctx context.Context, tx Tx) error // nil: irreversible
}

// Request says what to do and how.
type Request struct {
	// Verb is recorded: "up", "down", "redo", "try".
	Verb string
	// Target is a target expression; "" is "heads" for Up and "-1" for Down.
	Target string
	// Steps bounds the number of migrations applied or reverted; 0 is no bound.
	Steps int
	// Batch, for Down: what the last up applied, Target is ignored.
	Batch bool
	// Only, for Up: exactly these ids, as redo needs.
	Only []string
	// SingleTransaction: all of it in one transaction, or a refusal.
	SingleTransaction bool
	// DownFrom says which down SQL to use where ledger and file differ:
	// "ledger", "file", or "" to refuse.
	DownFrom string
	// NoWait, for Up: plan backfills, and go on with what does not come after them.
	NoWait bool
	// Wait, for Up: stay until the rows of changes are filled and proven. Through,
	// which does not change that, is the phase that they are brought to: "expand",
	// "sync", "backfill", "verify", "contract", and no further; "" is "sync", or where
	// holds are approved by themselves the end.
	Wait    bool
	Through string
	// Workers is how many workers of this process work on a backfill; 0 is as
	// many as it says.
	Workers int
	// Approve is asked once, after the plan is known and before anything is
	// done, with everything that will be destroyed, counted. nil approves.
	Approve func(losses []event.Destroys) error
}

// Report is what a run did. On an error it holds what was done before it.
type Report struct {
	Run      string
	Applied  []string
	Reverted []string
	Changed  []string // changes that came further; one that was just begun is among Applied, too
	Duration time.Duration
}

// Preview is what Up or Down would do. It was made without a lock and without
// writing anything.
type Preview struct {
	Plan     plan.Plan
	Findings []lint.Finding
	Losses   []event.Destroys // counted, when there is a database
	Warnings []event.Warning

	seq  int64                           // the order of application of what is applied last
	held func(revision.ID) []revision.ID // what the ledger holds of what a squash stands in for
}

// Revision is one line of a [Status].
type Revision struct {
	ID, Name string
	Kind     string
	// State is applied, pending, failed, running, held, edited, missing or reverted.
	State      string
	Phase      string
	File       string
	Label      string
	Parents    []string
	AppliedAt  time.Time // zero when it is not applied
	Duration   time.Duration
	By         string
	Current    bool   // a tip of what is applied
	Head       bool   // a tip of the folder
	OutOfOrder bool   // pending, and sorts before an applied one
	Error      string // the last failure, with its place
}

// Status is where a database stands.
type Status struct {
	Current, Heads []string
	Pending        int           // what Up would apply now, repeatables included
	Revisions      []Revision    // in order of the graph; repeatables last
	Holder         *event.Holder // who is at work now
	LedgerExists   bool
	Problems       []error // edited, missing: what Up would refuse
}

// Entry is one line of the journal.
type Entry struct {
	Seq      int64
	At       time.Time
	Run      string
	Action   string // "up", "down", "stamp", "failure", "repair", "unlock", …
	Revision string
	Actor    string
	Detail   string
	Tool     string
	Tag      string
}

// Trouble is something half-done or inconsistent, and what can be done about it.
type Trouble struct {
	Kind     string // "half-done", "under-way", "failed", "edited", "missing"
	Revision string
	Text     string
	// Done of Total statements are applied, for "half-done".
	Done, Total int
	Statement   string // the first statement that is not done
	Error       string
	Actions     []string // commands that act on it
}
