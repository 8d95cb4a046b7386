// Package fill changes many rows of a table in use, chunk by chunk.
//
// Charter: plan a backfill, let any number of workers in any number of processes
// do it, and prove that it is done.
// Invariant: a chunk's rows are changed, and the chunk is marked done, in one
// transaction that holds the lock of the chunk's row; so each chunk takes effect
// once, whoever is killed or frozen when. DESIGN.md argues why.
// Example: f, err := fill.Plan(ctx, conn, task, o); report, err := fill.Work(ctx, f.ID, o); sqls, err := fill.Finish(ctx, conn, f.ID, o)
package fill

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/backfill/limit"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// Options are what a process works with. Durations of zero mean the default that
// their comment names.
type Options struct {
	Ledger string // name of the ledger
	// Open opens one more session; App of it tells what it is for. nil when Conn
	// is the only one: then there is one worker, and nobody watches it.
	Open func(ctx context.Context, app string) (db.Conn, error)
	Conn db.Conn
	// Beside opens a session to a replica by its URL; nil where none can be.
	Beside func(ctx context.Context, url string) (db.Conn, error)
	Sink   event.Sink
	// Limits are those of this process's configuration; those of the backfill's
	// own file hold before them.
	Limits limit.Set

	Process string // names this process among those that work on a backfill
	Host    string
	PID     int
	By      ledger.By

	Workers     int           // in this process; 0 as many as the backfill says
	LockTimeout time.Duration // how long a chunk waits for a row of the application's: 200 ms
	Idle        time.Duration // after which the server ends a worker that hangs in a chunk: 30 s
	Patience    time.Duration // how long without any success before giving up: 5 min
	Grace       time.Duration // for a chunk to end after an interrupt: 10 s
	Search      int64         // how many rows a chunk may have whose bad ones are found out in one transaction: 1000; 1 of none
	Snapshot    time.Duration // how long the last check may read the whole table at once: 30 s, 1 s where one writes at a time

	Logic Logic // of rows, where it is not SQL

	// Sound is asked in the transaction of each chunk before it commits; an error
	// undoes the chunk and stops the backfill.
	Sound func(ctx context.Context, c db.Conn) error

	// Point is called at every point at which a test may kill the process.
	Point func(name string)
}

func (o Options) withDefaults() Options {
	standard(&o.LockTimeout, 200*time.Millisecond)
	standard(&o.Idle, 30*time.Second)
	standard(&o.Patience, 5*time.Minute)
	standard(&o.Grace, 10*time.Second)
	standard(&o.Logic.Lease, 30*time.Second)
	standard(&o.Logic.Silence, time.Minute)
	if o.Search == 0 {
		o.Search = searchable
	}
	if o.Logic.Bytes == 0 {
		o.Logic.Bytes = 8 << 20
	}
	if o.Process == "" {
		o.Process = "worker"
	}
	if open := o.Open; open != nil {
		o.Open = func(ctx context.Context, app string) (db.Conn, error) { return opened(ctx, open, app) }
	}
	return o
}

// openTime is how long it is tried to open a session that others are in the way of.
const openTime = 30 * time.Second

// opened opens a session. Where the database is one file, who writes keeps others
// from opening it: that passes.
func opened(ctx context.Context, open func(context.Context, string) (db.Conn, error), app string) (db.Conn, error) {
	for until := time.Now().Add(openTime); ; {
		c, err := open(ctx, app)
		if classOf(err) != db.Wait || ctx.Err() != nil || time.Now().After(until) {
			return c, err
		}
		sleep(ctx, jitter(idleTime))
	}
}

func standard(d *time.Duration, usual time.Duration) {
	if *d == 0 {
		*d = usual
	}
}

// Part is the table, or a leaf of it, as a backfill goes through it.
type Part struct {
	Table    plan.Name
	SQL      string // quoted and qualified, for reading keys
	Leaf     bool   // it stands for the table in the statements
	Identity string
	Ask      int            // which of the dialect's questions the identity answers
	Planned  backfill.Bound // chunks are planned up to here
	Span     uint64         // greatest less least value of an integer key, when it was planned
}

// order is the part of a planned backfill that does not change while it runs:
// what Plan has written and every worker reads.
type order struct {
	task     backfill.Task
	key      backfill.Key
	strategy string
}

// counts tells whether the work itself counts the rows.
func (o order) counts() bool { return len(o.task.Body) == 1 && o.task.Body[0].Every }

// exact tells whether the rows of a chunk that is done are known, not estimated.
func (o order) exact() bool { return o.counts() || o.strategy == backfill.Probe }

// table is the table as a whole.
func (o order) table(lang backfill.Language, parts []Part) Part {
	if !parts[0].Leaf {
		return parts[0]
	}
	name := lang.Quote(o.task.Table.Name)
	if o.task.Table.Schema != "" {
		name = lang.Quote(o.task.Table.Schema) + "." + name
	}
	return Part{Table: o.task.Table, SQL: name}
}

// spec is how a task is kept in the ledger.
type spec struct {
	Script    revision.Script
	Direction revision.Direction
	Limits    limit.Set `json:",omitempty"` // that a person has set since
}

func readSpec(f ledger.Fill) (s spec, err error) {
	if err = json.Unmarshal([]byte(f.Spec), &s); err != nil || s.Script.Fill == nil {
		return s, unreadable(f.ID, err)
	}
	return s, nil
}

func (s spec) String() (string, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return "", fault.New(fault.Internal, "the backfill cannot be written down").Because(err)
	}
	return string(text), nil
}

// readOrder reads what a planned backfill is.
func readOrder(lang backfill.Language, f ledger.Fill) (order, error) {
	o := order{strategy: f.Strategy}
	s, err := readSpec(f)
	if err != nil {
		return o, err
	}
	if err := json.Unmarshal([]byte(f.Key), &o.key); err != nil {
		return o, unreadable(f.ID, err)
	}
	o.task, err = backfill.Read(lang, s.Script, s.Direction)
	return o, err
}

func readParts(f ledger.Fill) ([]Part, error) {
	var parts []Part
	if err := json.Unmarshal([]byte(f.Parts), &parts); err != nil {
		return nil, unreadable(f.ID, err)
	}
	return parts, nil
}

func writeParts(parts []Part) string {
	text, err := json.Marshal(parts)
	if err != nil {
		return "[]" // strings can always be marshalled
	}
	return string(text)
}

func unreadable(id string, err error) error {
	return fault.New(fault.Internal, "the ledger's backfill %s cannot be read", id).Because(err)
}

// language is the dialect of a session, which must know chunks.
func language(c db.Conn) (backfill.Language, error) {
	lang, ok := c.Dialect().(backfill.Language)
	if !ok {
		return nil, fault.New(fault.Unsupported, "this build runs no backfills on %s", c.Dialect().Name())
	}
	return lang, nil
}

// classOf is the class of a server's error; -1 for any other.
func classOf(err error) db.Class {
	var e *db.Error
	if errors.As(err, &e) {
		return e.Class
	}
	return -1
}

func isGone(err error) bool { return classOf(err) == db.Gone }

// jitter gives a time between half and one and a half of d.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(max(d, 1))
}

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// rollback ends a transaction that failed, whatever became of the context.
func rollback(ctx context.Context, c db.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, _ = c.Exec(ctx, "ROLLBACK")
}

// firstLine reads the first row of a query, all columns as text.
func firstLine(ctx context.Context, c db.Conn, sql string) ([]string, error) {
	lines, err := db.Texts(ctx, c, sql)
	if err != nil || len(lines) == 0 {
		return nil, err
	}
	return lines[0], nil
}
