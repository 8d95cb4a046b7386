// Package run is the only room that changes a user's database.
//
// Charter: take the lock, read the ledger, decide, act, record; and again from
// the start when the connection breaks.
// Invariant: what a migration did and the ledger's record of it become durable
// together, or the ledger says beforehand which statement is being tried; so
// whoever comes next can tell what is there. DESIGN.md argues why.
// Example: r := run.New(conn, run.Options{…}); report, err := r.Up(ctx, run.Ask{Target: "head"})
package run

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/bellowsdb/bellows/backfill/limit"
	"github.com/bellowsdb/bellows/change"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// Files gives what a revision does; a folder that was read.
type Files interface {
	Script(id revision.ID) (revision.Script, error)
}

// Func is one direction of a migration written in Go.
type Func func(ctx context.Context, c db.Conn) error

// GoFuncs are both directions; nil where there is none.
type GoFuncs struct{ Up, Down Func }

// Options are what a run works with. Durations of zero mean the default that
// their comment names; a negative one means none.
type Options struct {
	Revisions []revision.Revision
	// Graph is the graph of Revisions when the caller has made it already.
	Graph  *revision.Graph
	Files  Files
	Go     map[revision.ID]GoFuncs
	Ledger string
	// Open opens one more session of the same kind; nil when the only session is
	// the caller's own. Then nothing is watched and nothing reconnects.
	Open func(ctx context.Context, app string) (db.Conn, error)
	Sink event.Sink
	// Beside opens a session to a replica by its URL, and Limits are what holds
	// backfills back in this process; see package limit.
	Beside func(ctx context.Context, url string) (db.Conn, error)
	Limits limit.Set

	Verb, Run, Owner, Host, Tool, Tag string
	PID                               int

	LockWait         time.Duration // 30 s
	LockTimeout      time.Duration // 500 ms
	RetryBudget      time.Duration // 5 min
	StatementTimeout time.Duration // none
	Grace            time.Duration // 10 s
	Lease            time.Duration // 15 s; how long a lease lives without a beat
	GroupTime        time.Duration // 50 ms; how long small migrations go on sharing a transaction, see Group
	Turn             time.Duration // 2 s; how often at least others may write, where one writes at a time
	Strict           bool
	Group            int                  // how many small migrations may share a transaction, where a commit waits for the disk alone; 64
	Logic            fill.Logic           // of rows that are not changed by SQL
	Auto             bool                 // holds of changes are approved by themselves
	Forgetful        bool                 // which number each table has is not kept
	Kept             map[revision.ID]bool // changes whose old columns are kept after the contract, whatever Auto says
	// Ahead is what the ledger held a moment ago; nil when it was not read.
	Ahead *Ahead

	// Point is called at every numbered point at which a test may kill the process.
	Point func(name string)
}

// Ask is what is to be done.
type Ask struct {
	Target   string
	Steps    int
	Batch    bool
	Only     []revision.ID
	Single   bool
	Workers  int  // of a backfill, in this process; 0: as many as it says
	NoWait   bool // plan backfills, and go on with what does not come after them
	DownFrom string
	Action   string // for the journal; "" is "up" or "down"
	Approve  func([]event.Destroys) error
	// Due: the retention of a change's old columns counts as over.
	Due bool
	// Unexplained is how many rows of which nobody can tell whether the new side is
	// right a contract may meet at most.
	Unexplained int64
	// Goal is how far changes that have begun are brought; at least planned. Exact:
	// and no further, also where they would run to their end by themselves.
	Goal  change.Goal
	Exact bool
}

// Report is what was done.
type Report struct {
	Run               string
	Applied, Reverted []revision.ID
	Changed           []revision.ID // changes that came further
	Duration          time.Duration
}

// add adds what another part of the same run did.
func (r *Report) add(one Report) {
	r.Applied, r.Reverted = append(r.Applied, one.Applied...), append(r.Reverted, one.Reverted...)
	for _, id := range one.Changed {
		if !slices.Contains(r.Changed, id) {
			r.Changed = append(r.Changed, id)
		}
	}
}

// reconnects bounds how often one run replaces a broken connection without
// getting anything done in between.
const reconnects = 5

// Runner works on one database. Its methods may be called one at a time.
type Runner struct {
	conn db.Conn
	led  ledger.Ledger
	o    Options
	mu   sync.Mutex // guards the sink
}

// New makes a runner with an open session, which stays the caller's to close
// unless it breaks and Options.Open replaces it; see [Runner.Conn].
func New(c db.Conn, o Options) *Runner {
	standard(&o.LockWait, 30*time.Second)
	standard(&o.LockTimeout, 500*time.Millisecond)
	standard(&o.RetryBudget, 5*time.Minute)
	standard(&o.StatementTimeout, 0)
	standard(&o.Grace, 10*time.Second)
	standard(&o.Lease, 15*time.Second)
	standard(&o.GroupTime, groupTime)
	standard(&o.Turn, 2*time.Second)
	if o.Group == 0 {
		o.Group = groupMost
	}
	return &Runner{conn: c, led: ledger.New(c.Dialect(), o.Ledger), o: o}
}

// standard replaces zero by the usual value and a negative one by zero.
func standard(d *time.Duration, usual time.Duration) {
	if *d == 0 {
		*d = usual
	}
	*d = max(*d, 0)
}

// Conn is the session in use now.
func (r *Runner) Conn() db.Conn { return r.conn }

// emit sends an event; sessions that watch send from goroutines of their own.
func (r *Runner) emit(e event.Event) {
	if r.o.Sink == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.o.Sink.Event(e)
}

func (r *Runner) point(name string) {
	if r.o.Point != nil {
		r.o.Point(name)
	}
}

// Up applies what is pending up to a target, and brings changes that have begun
// as far as it is asked to. What a change lets through is applied too.
func (r *Runner) Up(ctx context.Context, ask Ask) (Report, error) {
	ask.Action = orElse(ask.Action, "up")
	var rep Report
	for {
		one, err := r.drive(ctx, ask, r.chooseUp(ctx, ask))
		more := len(rep.Applied) == 0 || len(one.Applied) > 0
		rep.Run, rep.Duration = one.Run, rep.Duration+one.Duration
		rep.add(one)
		if err == nil && ctx.Err() != nil {
			err = interrupted(ctx, len(rep.Applied))
		}
		if err != nil || ask.Single {
			return rep, err
		}
		moved, err := r.Advance(ctx, ask.Only, max(ask.Goal, change.Planned), ask, &rep)
		if err != nil || !moved || !more {
			return rep, err
		}
	}
}

// chooseUp chooses what Up does; what it refuses for an edit, it shows.
func (r *Runner) chooseUp(ctx context.Context, ask Ask) func(*View) ([]revision.Move, error) {
	return func(v *View) ([]revision.Move, error) {
		r.tellEdits(ctx, v)
		return v.upMoves(ask, r.o.Strict)
	}
}

// Down reverts to a target.
func (r *Runner) Down(ctx context.Context, ask Ask) (Report, error) {
	ask.Action = orElse(ask.Action, "down")
	return r.drive(ctx, ask, func(v *View) ([]revision.Move, error) { return v.downMoves(ask) })
}

// drive asks without a lock whether there is anything to do, and if so does it
// under the lock, with a new connection each time the old one breaks.
func (r *Runner) drive(ctx context.Context, ask Ask, choose func(*View) ([]revision.Move, error)) (Report, error) {
	begun := time.Now()
	rep := Report{Run: r.o.Run}
	w := &work{Runner: r, ask: ask, report: &rep, planned: revision.Set{}}
	nothing, err := r.idle(ctx, choose)
	if err == nil && nothing {
		return rep, nil
	}
	if back := r.putBack(ctx); err != nil || back != nil {
		return rep, cmp.Or(err, back)
	}
	err = w.persist(ctx, func(ctx context.Context) error { return w.carry(ctx, choose) })
	rep.Duration = time.Since(begun)
	r.emit(event.RunDone{Run: r.o.Run, Applied: texts(rep.Applied), Reverted: texts(rep.Reverted), Duration: rep.Duration, Err: err})
	return rep, err
}

// idle looks, without a lock, whether there is nothing to do. Where the ledger
// is to be upgraded, or something looks half-done, there is: that may be another
// run at work, which is told under the lock.
func (r *Runner) idle(ctx context.Context, choose func(*View) ([]revision.Move, error)) (bool, error) {
	read := r.led.Read
	if r.o.Ahead != nil {
		read, r.o.Ahead = r.o.Ahead.read, nil
	}
	v, err := r.look(ctx, read)
	if ledger.Outdated(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	moves, err := choose(v)
	if fault.Has(err, fault.Repair) {
		return false, nil
	}
	return len(moves) == 0, err
}

// work is one run under the lock.
type work struct {
	*Runner
	ask     Ask
	report  *Report
	by      ledger.By
	view    *View
	chosen  []revision.Move
	decided bool
	agreed  bool // the losses were approved
	// leaseOnly: the session's lock is of no use, see leaked.
	leaseOnly bool
	seq       int64
	planned   revision.Set           // backfills that were planned and are not waited for
	begun     map[revision.Move]bool // steps under way, whose start was told; nil before the first
	all       int                    // steps of the plan that was first made
	before    *int64                 // references that led nowhere before foreign keys were switched off
	act       *act                   // of a change, while it is carried out
	more      bool                   // another step follows the one under way
	unflushed []revision.Move        // committed, and maybe not on the server's disk; see lazy
	tallies   map[revision.ID]*tallied
	checked   map[revision.ID]bool // by the server, in this run
	grouping  grouping
}

// persist does the work and, when the connection breaks, starts over with a new
// one: what is done is then read from the ledger, never remembered.
func (w *work) persist(ctx context.Context, turn func(context.Context) error) error {
	for tries := 0; ; tries++ {
		before := len(w.report.Applied) + len(w.report.Reverted)
		err := w.locked(ctx, turn)
		again, err := w.workOn(ctx, err)
		if again {
			tries = -1
			continue
		}
		if !isGone(err) || w.o.Open == nil || ctx.Err() != nil {
			return broken(err)
		}
		if len(w.report.Applied)+len(w.report.Reverted) > before {
			tries = 0
		}
		if tries >= reconnects {
			return broken(err)
		}
		if again := w.reconnect(ctx, err); again != nil {
			return again
		}
	}
}

// reconnect replaces the session. The server may be on its way up, so it tries
// for as long as it would wait for a lock.
func (r *Runner) reconnect(ctx context.Context, lost error) error {
	_ = r.conn.Close()
	until := time.Now().Add(max(r.o.LockWait, ownSession))
	for wait := 50 * time.Millisecond; ; wait = min(wait*2, 2*time.Second) {
		c, err := r.o.Open(ctx, r.app(""))
		if err == nil {
			r.conn = c
			r.emit(event.Reconnected{Err: lost})
			return nil
		}
		if time.Now().After(until) || ctx.Err() != nil {
			return broken(errors.Join(lost, err))
		}
		sleep(ctx, jitter(wait))
	}
}

// broken is what people see of a connection that broke and stays broken.
func broken(err error) error {
	var f *fault.Error
	if !isGone(err) || errors.As(err, &f) && f.Code == fault.Lost {
		return err
	}
	return fault.New(fault.Lost, "the connection to the database broke").Because(err).
		Try("run the same command again: it finds out what was done and continues")
}

// reading does what only reads, once more with a new session when the
// connection turns out to be broken.
func (r *Runner) reading(ctx context.Context, do func() error) error {
	err := do()
	if !isGone(err) || r.o.Open == nil || ctx.Err() != nil {
		return broken(err)
	}
	if again := r.reconnect(ctx, err); again != nil {
		return again
	}
	return broken(do())
}

// app is what other sessions see of one of ours.
func (r *Runner) app(part string) string {
	name := "bellows/" + orElse(r.o.Verb, "run") + "/" + r.o.Run
	if part != "" {
		name += "/" + part
	}
	return name
}

// carry decides what is left to do and does it.
func (w *work) carry(ctx context.Context, choose func(*View) ([]revision.Move, error)) error {
	v, err := w.lookOnce(ctx, w.led.Read)
	if err != nil {
		return err
	}
	w.view, w.seq = v, v.State.LastSeq()
	if !w.decided {
		if w.chosen, err = choose(v); err != nil {
			return err
		}
		w.decided = true
	} else {
		w.catchUp(v)
	}
	moves := v.left(w.chosen, w.o.Run)
	stock, err := w.stock(ctx, v, moves)
	if err != nil {
		return err
	}
	if err := w.agree(ctx, stock.destroying(), moves); err != nil {
		return err
	}
	if w.begun == nil { // not when the run goes on after a backfill, or with a new session
		w.begun, w.all = map[revision.Move]bool{}, len(moves)
		w.emit(event.RunStarted{Run: w.o.Run, Verb: w.o.Verb, Target: w.ask.Target, Steps: len(moves)})
	}
	do := func() error { return w.steps(ctx, stock) }
	if w.ask.Single {
		do = func() error { return w.single(ctx, stock.first) }
	}
	if err := do(); err != nil {
		return err
	}
	return w.remember(ctx)
}

// remember keeps which number each table and column has, so that a rename by hand
// is known later. What cannot be kept is not known, and nothing else is lost.
func (w *work) remember(ctx context.Context) error {
	if w.o.Forgetful || len(w.report.Applied)+len(w.report.Reverted) == 0 {
		return nil
	}
	sql := w.led.KeepIdentities(w.by)
	if sql == "" {
		return nil
	}
	_, err := w.conn.Exec(ctx, sql)
	if isGone(err) {
		return err
	}
	return nil
}

// Moved are the tables and columns that got another name since the last run, and by
// nobody's migration. It takes no lock.
func (r *Runner) Moved(ctx context.Context) (all []ledger.Moved, err error) {
	err = r.reading(ctx, func() error {
		if there, err := r.led.Exists(ctx, r.conn); err != nil || !there {
			return err
		}
		all, err = r.led.Moved(ctx, r.conn)
		return explainUnlessGone(err, "reading the ledger")
	})
	return all, err
}

// catchUp reports what turned out to be done when the connection broke.
func (w *work) catchUp(v *View) {
	left := map[revision.Move]bool{}
	for _, m := range v.left(w.chosen, w.o.Run) {
		left[m] = true
	}
	w.forget(left)
	done := revision.NewSet(append(append([]revision.ID{}, w.report.Applied...), w.report.Reverted...)...)
	for _, m := range w.chosen {
		if !left[m] && !done.Has(m.ID) {
			w.finished(m, v.name(m.ID), 0)
		}
	}
}

// finished reports one migration that is done and recorded.
func (w *work) finished(m revision.Move, name string, took time.Duration) {
	delete(w.begun, m) // it does not begin again
	state := ledger.Applied
	if m.Direction == revision.Down {
		state = ledger.Reverted
		w.report.Reverted = append(w.report.Reverted, m.ID)
	} else {
		w.report.Applied = append(w.report.Applied, m.ID)
		w.seq++ // the next one comes after this
	}
	w.emit(event.MigrationDone{ID: string(m.ID), Name: name, Direction: string(m.Direction), State: state, Duration: took})
}

// steps carries the plan out.
func (w *work) steps(ctx context.Context, stock *stock) error {
	for i := 0; i < len(stock.moves); i++ {
		w.giveWay(ctx)
		if ctx.Err() != nil {
			return w.interrupted(ctx)
		}
		if w.waits(stock.moves[i].ID) {
			continue
		}
		s, err := stock.at(ctx, i)
		if err != nil {
			return err
		}
		number := w.all - len(stock.moves) + i
		done, err := w.grouped(ctx, stock.here(i), number)
		if err != nil {
			return err
		}
		if done > 0 {
			i += done - 1
			continue
		}
		w.started(s, number)
		w.more = i+1 < len(stock.moves)
		one := []plan.Step{*s}
		*s = plan.Step{} // a long run need not keep what is done
		if err := w.step(ctx, one); err != nil {
			w.freshAnyway(ctx, err, one)
			return err
		}
		if err := w.freshSession(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

// step carries out one step in the way that suits it.
func (w *work) step(ctx context.Context, one []plan.Step) error {
	s := &one[0]
	if !stays(s) {
		if err := w.settle(ctx); err != nil {
			return err
		}
	}
	switch s.Tx {
	case plan.TxEach:
		return w.loosely(ctx, one, func() error { return w.each(ctx, s) })
	case plan.TxChunks:
		err := w.chunks(ctx, s)
		var f *toFill
		if w.ask.NoWait && errors.As(err, &f) {
			w.planned.Add(s.Move.ID)
			return nil
		}
		return err
	case plan.TxChange:
		return w.change(ctx, s)
	}
	return w.together(ctx, one)
}

// started tells that a step, counted from 0, begins; once in a run.
func (w *work) started(s *plan.Step, i int) {
	if w.begun[s.Move] {
		return
	}
	w.begun[s.Move] = true
	resumed := 0
	if p := w.view.Progress[s.Move.ID]; s.Tx == plan.TxEach && p.Direction == s.Move.Direction {
		resumed = p.Done
	}
	w.emit(event.MigrationStarted{ID: string(s.Move.ID), Name: s.Revision.Name, Direction: string(s.Move.Direction), Tx: string(s.Tx),
		Number: i + 1, Of: w.all, Resumed: resumed})
	for _, n := range s.Notes {
		w.emit(event.Notice{ID: string(s.Move.ID), Severity: "NOTE", Text: n})
	}
}

// single carries the whole plan out in one transaction.
func (w *work) single(ctx context.Context, steps []plan.Step) error {
	for _, s := range steps {
		if s.Tx == plan.TxEach || s.Tx == plan.TxChunks || s.Tx == plan.TxChange {
			return fault.New(fault.Unsupported, "%s %s cannot share one transaction with the others: %s", s.Move.ID, s.Revision.Name, orElse(s.TxWhy, "its statements run one by one")).
				Try("leave --single-transaction away, or go to the revision before it first")
		}
	}
	for i := range steps {
		w.started(&steps[i], w.all-len(steps)+i)
	}
	if len(steps) == 0 {
		return nil
	}
	if err := w.together(ctx, steps); err != nil {
		w.freshAnyway(ctx, err, steps)
		return err
	}
	return w.freshSession(ctx, steps)
}

func texts(ids []revision.ID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return out
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// jitter gives a time between half and one and a half of d, so that many
// waiters do not wake at once.
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
