package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// together carries steps out in one transaction that holds the ledger's records
// too, and does the whole of it again while the application has the locks.
func (w *work) together(ctx context.Context, steps []plan.Step) error {
	begun := time.Now()
	if err := w.atOnce(ctx, steps, begun); err != nil {
		return err
	}
	took := time.Since(begun) / time.Duration(len(steps))
	for _, s := range steps {
		w.finished(s.Move, s.Revision.Name, took)
	}
	return nil
}

// atOnce is [work.together] without the report.
func (w *work) atOnce(ctx context.Context, steps []plan.Step, begun time.Time) error {
	err := w.patiently(ctx, steps[0].Move, touches(steps), w.longestLock(steps), func(extra time.Duration) error {
		return w.loosely(ctx, steps, func() error { return w.attempt(ctx, steps, begun, extra) })
	})
	if fault.Has(err, fault.Busy) {
		return w.failed(ctx, steps[0], err, "nothing changed")
	}
	return err
}

// longestLock is the longest lock time-out of some steps.
func (w *work) longestLock(steps []plan.Step) time.Duration {
	longest := time.Duration(0)
	for _, s := range steps {
		lock := w.o.LockTimeout
		if len(s.Statements) > 0 {
			lock = orTime(s.Statements[0].LockTimeout, lock)
		}
		longest = max(longest, lock)
	}
	return longest
}

// attempt is one try of a transaction. Its error is a fault with a place, and
// what failed was recorded, unless it may be tried again.
func (w *work) attempt(ctx context.Context, steps []plan.Step, begun time.Time, extra time.Duration) error {
	t := transaction{work: w, lazy: w.lazy(steps)}
	if t.lazy {
		w.unsure(steps[0].Move)
	}
	err := t.fill(ctx, steps, begun, extra)
	if err == nil {
		w.point("commit")
		err = t.flush(ctx)
		w.point("committed")
	}
	if err == nil {
		if !t.lazy {
			w.unflushed = nil // what stands before it in the log is on the disk with it
		}
		return nil
	}
	if isGone(err) {
		return err
	}
	w.rollback(ctx)
	if isWait(err) {
		return err
	}
	return w.failed(ctx, steps[t.step], err, "the migration was rolled back; nothing changed")
}

// transaction gathers statements and sends them in as few round trips as it can.
type transaction struct {
	*work
	items []db.Item
	from  []origin
	step  int           // of the item that is being filled or that failed
	lazy  bool          // its COMMIT does not wait for the disk
	kept  []ledger.Done // records that are written together
	bytes int           // of SQL in them
	// later, where it is not nil, keeps what would be told: see [group].
	later *[]event.Event
}

// emit tells an event, or keeps it.
func (t *transaction) emit(e event.Event) {
	if t.later != nil {
		*t.later = append(*t.later, e)
		return
	}
	t.work.emit(e)
}

// origin says where an item came from.
type origin struct {
	step       int
	statement  *plan.Statement // nil: ours
	id         string
	number, of int
	record     bool // the ledger's own
	commit     bool
}

func (t *transaction) add(sql string, o origin) {
	t.items = append(t.items, db.Item{SQL: sql, Brief: o.record || o.commit})
	t.from = append(t.from, o)
}

// fill gathers the whole transaction, sending what must be sent on the way.
func (t *transaction) fill(ctx context.Context, steps []plan.Step, begun time.Time, extra time.Duration) error {
	traits := t.conn.Dialect().Traits()
	t.add(traits.BeginWrite, origin{})
	locks, err := t.lockable(ctx, touches(steps))
	if err != nil {
		return err
	}
	for i := range steps {
		s := &steps[i]
		t.step = i
		t.budget(s, traits, extra)
		if i == 0 {
			for _, sql := range locks {
				t.add(sql, origin{})
			}
		}
		if err := t.fillStep(ctx, i, s); err != nil {
			return err
		}
		if t.before != nil {
			if err := t.flush(ctx); err != nil {
				return err
			}
			if err := t.keepsKeys(ctx, steps[i:i+1]); err != nil {
				return err
			}
		}
		// Our record, and whatever comes next, must not see what this step set:
		// another role, search_path or encoding.
		for _, sql := range resets(t.conn) {
			t.add(sql, origin{step: i})
		}
		if t.lazy {
			t.add(traits.LazyCommit, origin{step: i}) // behind the resets, which would take it back
		}
		t.record(i, steps, begun)
		t.point("recorded")
	}
	t.add("COMMIT", origin{step: len(steps) - 1, commit: true})
	return nil
}

// recordsAtOnce is how many records share a statement, and recordBytes how much SQL
// they hold at most before they are written: to understand a statement takes a
// server longer than to insert a row.
const (
	recordsAtOnce = 64
	recordBytes   = 256 << 10
)

// record adds the record of a step. Where steps share the transaction it is written
// together with others.
func (t *transaction) record(i int, steps []plan.Step, begun time.Time) {
	s := &steps[i]
	d := t.took(s, begun)
	fresh := t.fresh(s)
	if fresh {
		t.kept = append(t.kept, t.done(s, int64(i)+1, d))
		t.bytes += scriptBytes(s.Script)
	}
	if !fresh || i+1 == len(steps) || len(t.kept) == recordsAtOnce || t.bytes > recordBytes {
		t.recordKept(i)
	}
	if !fresh {
		for _, sql := range t.records(s, int64(i)+1, d) {
			t.add(sql, origin{step: i, record: true})
		}
	}
}

func (t *transaction) recordKept(i int) {
	if len(t.kept) == 0 {
		return
	}
	for _, sql := range t.led.RecordNew(t.kept, t.by) {
		t.add(sql, origin{step: i, record: true})
	}
	t.kept, t.bytes = nil, 0
}

func scriptBytes(s revision.Script) (n int) {
	for _, section := range [...]*revision.Section{s.Up, s.Down} {
		if section != nil {
			n += len(section.SQL)
		}
	}
	return n
}

// budget sets the time-outs of a step. extra is added to wait out an autovacuum.
func (t *transaction) budget(s *plan.Step, traits dialect.Traits, extra time.Duration) {
	lock, statement := t.o.LockTimeout, t.o.StatementTimeout
	if len(s.Statements) > 0 {
		lock = orTime(s.Statements[0].LockTimeout, lock)
		statement = orTime(s.Statements[0].Timeout, statement)
	}
	if len(s.Statements) > 0 || s.Script.Go {
		t.add(dialect.Budget(traits.BudgetTx, lock+extra, statement), origin{})
	}
}

func (t *transaction) fillStep(ctx context.Context, i int, s *plan.Step) error {
	brief := onlyMakes(s)
	for n := range s.Statements {
		st := &s.Statements[n]
		one := item(st)
		one.Brief = brief
		t.items = append(t.items, one)
		t.from = append(t.from, origin{step: i, statement: st, id: string(s.Move.ID), number: n + 1, of: len(s.Statements)})
	}
	if t.act != nil && t.act.inside != nil {
		return t.act.inside(ctx, t)
	}
	if !s.Script.Go && len(s.Checks) == 0 {
		return nil
	}
	if err := t.flush(ctx); err != nil {
		return err
	}
	if s.Script.Go {
		return t.callGo(ctx, s)
	}
	for n := range s.Checks {
		if err := t.check(ctx, &s.Checks[n]); err != nil {
			return err
		}
	}
	return nil
}

// onlyMakes tells whether a step makes tables and indexes on them and nothing
// else: they are empty, so each statement ends at once.
func onlyMakes(s *plan.Step) bool {
	var made []plan.Name
	for i := range s.Statements {
		e := &s.Statements[i].Effect
		switch {
		case e.Verb == "CREATE TABLE" && len(e.Creates) == 1 && !readsRows(&s.Statements[i]):
			made = append(made, e.Creates...)
		case e.Verb == "CREATE INDEX" && len(e.Objects) == 1 && e.Objects[0].On.In(made):
		default:
			return false
		}
	}
	return true
}

// readsRows tells whether a new table may have rows: those of a query, or its own
// because it was there before.
func readsRows(s *plan.Statement) bool {
	return holdsAny(s.SQL, "SELECT", "EXISTS")
}

// callGo runs a migration written in Go inside the transaction.
func (t *transaction) callGo(ctx context.Context, s *plan.Step) error {
	fn := t.o.Go[s.Move.ID].Up
	if s.Move.Direction == revision.Down {
		fn = t.o.Go[s.Move.ID].Down
	}
	if fn == nil {
		return fault.New(fault.Missing, "the Go functions of %s %s are not registered in this program", s.Move.ID, s.Revision.Name).
			Try("register them in Options.Go")
	}
	work, cancel := t.grace(ctx)
	defer cancel()
	return t.orInterrupted(ctx, guarded(work, fn, t.conn))
}

// guarded makes an error of a panic, so that the transaction is rolled back and
// the lock given back as after any other failure.
func guarded(ctx context.Context, fn Func, c db.Conn) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Failed, "the migration's Go function panicked: %s", fault.Redact(fmt.Sprint(p)))
		}
	}()
	return fn(ctx, c)
}

// flush sends what was gathered.
func (t *transaction) flush(ctx context.Context) error {
	items, from := t.items, t.from
	t.items, t.from = nil, nil
	work, cancel := t.grace(ctx)
	defer cancel()
	begun := time.Now()
	lone := onlyStatement(from)
	t.starts(from, max(lone, 0))
	err := t.conn.Send(work, items, func(i int, rows int64) {
		if lone < 0 {
			defer t.starts(from, i+1)
		}
		o := from[i]
		if o.statement == nil {
			return
		}
		t.emit(event.StatementDone{ID: o.id, Number: o.number, Of: o.of, SQL: o.statement.SQL, Rows: rows, Duration: time.Since(begun)})
		begun = time.Now()
	})
	if err == nil {
		return nil
	}
	return t.blame(ctx, err, from)
}

// starts tells that the server is at an item, when that is a migration's statement.
func (t *transaction) starts(from []origin, i int) {
	if i >= 0 && i < len(from) && from[i].statement != nil {
		o := from[i]
		t.emit(event.StatementStarted{ID: o.id, Number: o.number, Of: o.of, SQL: o.statement.SQL})
	}
}

// onlyStatement is the migration's statement where there is only one; -1 where
// there are several: of those that travel as one message some servers tell only
// at the end which are done, so that it is not known which is at work.
func onlyStatement(from []origin) int {
	at := -1
	for i, o := range from {
		switch {
		case o.statement == nil:
		case at >= 0:
			return -1
		default:
			at = i
		}
	}
	return at
}

// blame finds the statement behind an error of Send.
func (t *transaction) blame(ctx context.Context, err error, from []origin) error {
	var e *db.Error
	if !asError(err, &e) || e.Class == db.Gone || e.Item >= len(from) {
		return err
	}
	o := from[e.Item]
	t.step = o.step
	switch {
	case e.Class == db.Wait:
		return err
	case e.Class == db.Canceled && ctx.Err() != nil:
		return t.interrupted(ctx)
	case o.record:
		return t.recordFailed(err)
	case o.commit:
		return explain(err, "at COMMIT (a deferred constraint or trigger)")
	case o.statement == nil:
		return explain(err, "preparing the transaction")
	}
	return locate(err, o.statement)
}

// recordFailed is the ledger refusing our record: nearly always because the
// lease was lost, which makes the epoch null.
func (w *work) recordFailed(err error) error {
	if classOf(err) != db.Bad {
		return explain(err, "recording in the ledger")
	}
	if !strings.Contains(err.Error(), "epoch") { // the column that must not be null
		return ledger.Damaged(err)
	}
	return fault.New(fault.LockLost, "the record in the ledger was refused; the lock was taken over by another run").Because(err).
		Try("look with `bellows status`, then run the same command again")
}

// check runs a query that must return no rows.
func (t *transaction) check(ctx context.Context, s *plan.Statement) error {
	work, cancel := t.grace(ctx)
	defer cancel()
	rows, err := t.conn.Query(work, s.SQL)
	if err != nil {
		return locateUnlessGone(t.orInterrupted(ctx, err), s)
	}
	defer rows.Close()
	sample, more, err := sampleRows(rows, 5)
	if err != nil {
		return locateUnlessGone(t.orInterrupted(ctx, err), s)
	}
	if len(sample) == 0 {
		return nil
	}
	text := strings.Join(sample, "; ")
	if more {
		text += "; …"
	}
	return fault.At(s.Pos, fault.Check, "the check returned rows: %s", text).Try("a check must return no rows; correct the data section or the check")
}

func locateUnlessGone(err error, s *plan.Statement) error {
	if isGone(err) || isWait(err) {
		return err
	}
	return locate(err, s)
}

// sampleRows reads at most n rows as text; more tells whether there were others.
func sampleRows(rows db.Rows, n int) (out []string, more bool, err error) {
	columns := rows.Columns()
	for rows.Next() {
		if len(out) == n {
			return out, true, nil
		}
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return out, false, err
		}
		parts := make([]string, len(columns))
		for i, v := range values {
			parts[i] = columns[i] + "=" + valueText(v)
		}
		out = append(out, strings.Join(parts, ", "))
	}
	return out, false, rows.Err()
}

func valueText(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case []byte:
		return string(v)
	}
	return fmt.Sprint(v)
}

// took is how long a step took: told by the server where the step's statements
// and its record travel together.
func (t *transaction) took(s *plan.Step, begun time.Time) ledger.Done {
	if len(s.Statements) == 0 {
		return ledger.Done{Duration: time.Since(begun)}
	}
	return ledger.Done{Begun: begun}
}

// records gives the statements that record a finished step.
func (w *work) records(s *plan.Step, ahead int64, d ledger.Done) []string {
	if w.act != nil {
		return w.act.records()
	}
	id := s.Move.ID
	var out []string
	if s.Move.Direction == revision.Down {
		out = w.reverts(s)
	} else {
		out = w.led.Record(w.done(s, ahead, d), w.by)
	}
	if s.Tx == plan.TxEach {
		out = append(out, w.led.ClearProgress(id))
	}
	return out
}

// done is the record of a step that went up, as the ahead-th from now.
func (w *work) done(s *plan.Step, ahead int64, d ledger.Done) ledger.Done {
	d.Revision, d.Script, d.State, d.Seq, d.Action = s.Revision, s.Script, ledger.Applied, w.seq+ahead, w.ask.Action
	d.New = w.fresh(s)
	return d
}

// fresh tells whether the record of a step is one that the ledger knows nothing of.
func (w *work) fresh(s *plan.Step) bool {
	_, known := w.view.State.Entries[s.Move.ID]
	return !known && w.act == nil && s.Move.Direction == revision.Up && s.Tx != plan.TxEach && s.Tx != plan.TxChunks // those were recorded when they began
}

// reverts gives the records of a step that went down. What a squash stands in
// for goes down with it.
func (w *work) reverts(s *plan.Step) []string {
	id := s.Move.ID
	var out []string
	if _, known := w.view.State.Entries[id]; known {
		out = w.led.Reverted(id, w.ask.Action, "", w.by)
	} else {
		out = w.led.Record(ledger.Done{Revision: s.Revision, Script: s.Script, State: ledger.Reverted, Action: w.ask.Action}, w.by)
	}
	for _, old := range w.view.Graph.Covered(id) {
		if w.view.State.Entries[old].Holds() {
			out = append(out, w.led.Reverted(old, w.ask.Action, "as part of "+string(id), w.by)...)
		}
	}
	if len(w.view.Graph.Repeatables()) > 0 {
		out = append(out, w.led.RunAgain())
	}
	return out
}

// failed records a failure of a step whose transaction was rolled back, and
// gives the fault that people see.
func (w *work) failed(ctx context.Context, s plan.Step, err error, state string) error {
	f := locate(err, &plan.Statement{})
	if f.Code == fault.LockLost || f.Code == fault.Interrupted {
		return err
	}
	if f.Pos == nil && s.Revision.File != "" {
		f.Pos = &fault.Pos{File: s.Revision.File}
	}
	if f.Hint == "" {
		f.Hint = state + "; correct it and run the same command again"
	} else {
		f.Hint = state + ". " + f.Hint
	}
	action, direction := "failure", string(s.Move.Direction)
	var sqls []string
	if _, known := w.view.State.Entries[s.Move.ID]; known || s.Move.Direction == revision.Down {
		keep := ledger.Applied
		if s.Move.Direction == revision.Up {
			keep = w.view.State.Entries[s.Move.ID].State
		}
		sqls = w.led.SetState(s.Move.ID, keep, f.Error(), action, direction+": "+f.Error(), w.by)
	} else {
		sqls = w.led.Record(ledger.Done{Revision: s.Revision, Script: s.Script, State: ledger.Pending, Error: f.Error(), Action: action, Detail: direction + ": " + f.Error()}, w.by)
	}
	w.write(ctx, sqls)
	w.emit(event.MigrationFailed{ID: string(s.Move.ID), Name: s.Revision.Name, Direction: direction, Err: f})
	return f
}

// write sends statements of ours in a transaction, whatever became of the
// context; a failure to note a failure is not worth more than the failure.
func (w *work) write(ctx context.Context, sqls []string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := w.commit(ctx, sqls); err != nil {
		w.rollback(ctx)
	}
}

// commit sends statements of ours in one transaction. Others look at the same
// rows for a moment, so it insists.
func (w *work) commit(ctx context.Context, sqls []string) error {
	items := []db.Item{{SQL: w.conn.Dialect().Traits().BeginWrite, Brief: true}}
	for _, sql := range sqls {
		items = append(items, db.Item{SQL: sql, Brief: true})
	}
	items = append(items, db.Item{SQL: "COMMIT", Brief: true})
	return w.insist(ctx, func() error {
		err := w.conn.Send(ctx, items, nil)
		if isWait(err) {
			w.rollback(ctx)
		}
		if err == nil {
			w.unflushed = nil
		}
		return err
	})
}

// ledgerPatience bounds how long we try to write to the ledger.
const ledgerPatience = 30 * time.Second

// insist does something of ours again while others hold what it needs.
func (r *Runner) insist(ctx context.Context, do func() error) error {
	until := time.Now().Add(ledgerPatience)
	for {
		err := do()
		if !isWait(err) || ctx.Err() != nil || time.Now().After(until) {
			return err
		}
		sleep(ctx, jitter(100*time.Millisecond))
	}
}

// grace gives a context for work that may go on for a while after ctx ended,
// so that a statement that is nearly done can finish. A lost lease ends it at once.
func (w *work) grace(ctx context.Context) (context.Context, context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		var over *outstayed
		if cause := context.Cause(ctx); !fault.Has(cause, fault.LockLost) && !errors.As(cause, &over) {
			sleep(work, w.o.Grace)
		}
		cancel()
	})
	return work, func() { stop(); cancel() }
}

func item(s *plan.Statement) db.Item {
	return db.Item{SQL: s.SQL, Copy: isCopy(s), Data: s.Data}
}

func orTime(d, other time.Duration) time.Duration {
	if d == 0 {
		return other
	}
	return d
}
