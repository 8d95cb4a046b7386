package fill

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
)

// Report is what became of a backfill.
type Report struct {
	Fill     ledger.Fill
	Status   Status
	Duration time.Duration
}

// Work works on a planned backfill until all rows are done and its check holds,
// beside any number of others who do the same. It needs no lock but those of the
// chunks. A backfill that had stopped goes on. The error is a fault of code
// fault.Partial when the same call goes on later, fault.Repair when rows were set
// aside and a person must say what becomes of them, fault.Check when the check
// does not hold, fault.Interrupted when ctx ended.
func Work(ctx context.Context, id string, o Options) (Report, error) {
	o = o.withDefaults()
	begun := time.Now()
	control, err := o.control(ctx, id)
	if err != nil {
		return Report{}, err
	}
	defer control.done()
	j, f, err := join(ctx, control, id, o)
	if err != nil || !f.Active() || f.State == ledger.FillChecked {
		return Report{Fill: f}, err
	}
	err = j.work(ctx, control, f)
	rep, again := j.report(control)
	rep.Duration = time.Since(begun)
	err = j.verdict(ctx, rep, errors.Join(err, again))
	s := rep.Status
	j.emit(event.FillDone{ID: string(f.Revision), Table: j.table, State: s.State, RowsDone: s.RowsDone, RowsChanged: s.RowsChanged,
		Chunks: s.ChunksDone, Poison: s.Poison, Duration: rep.Duration, Err: err})
	return rep, err
}

// watched is the session that starts and watches; it is replaced when it breaks.
type watched struct {
	session
	id string
}

func (o Options) control(ctx context.Context, id string) (*watched, error) {
	w := &watched{session: session{limits: o}, id: id}
	if o.Open == nil {
		w.Conn = o.Conn
	}
	if err := w.renew(ctx); err != nil {
		return nil, err
	}
	return w, nil
}

// renew opens the session, anew when it was open.
func (w *watched) renew(ctx context.Context) error {
	if w.limits.Open != nil {
		c, err := w.limits.Open(ctx, "bellows/backfill/"+w.id+"/control")
		if err != nil {
			return err
		}
		w.done()
		w.Conn = c
	}
	var err error
	if w.lang, err = language(w.Conn); err != nil {
		return err
	}
	return w.prepare(ctx)
}

// done ends the session, unless it is the caller's.
func (w *watched) done() {
	if w.limits.Open != nil && w.Conn != nil {
		_ = w.Close()
	}
}

// join reads a backfill and makes it running.
func join(ctx context.Context, s *watched, id string, o Options) (*job, ledger.Fill, error) {
	led := ledger.New(s.Dialect(), o.Ledger)
	f, err := led.ReadFill(ctx, s, id)
	if err != nil {
		return nil, f, err
	}
	j := &job{o: o, led: led, id: id, table: f.Table, success: time.Now()}
	if j.order, err = readOrder(s.lang, f); err != nil {
		return nil, f, err
	}
	if j.task.Lock > 0 {
		j.o.LockTimeout = j.task.Lock
		s.limits.LockTimeout = j.task.Lock
	}
	if f.State == ledger.FillCancelled || f.State == ledger.FillApplied || f.State == ledger.FillChecked {
		return j, f, nil
	}
	f, err = j.start(ctx, s.session)
	if err != nil {
		return nil, f, err
	}
	j.said = f.Workers
	j.parts, err = readParts(f)
	return j, f, err
}

// start makes a backfill running under the lock of its row. One that had stopped
// looks at its table anew; rows beyond the limit, and a check that did not hold,
// are tried again.
func (j *job) start(ctx context.Context, s session) (ledger.Fill, error) {
	var f ledger.Fill
	err := patiently(ctx, j.o.Patience, func() (err error) {
		if err = s.begin(ctx, planTime); err != nil {
			return err
		}
		if f, err = j.led.WaitFill(ctx, s, j.id); err == nil {
			var sqls []string
			if sqls, err = j.starting(ctx, s, &f); err == nil {
				j.point("starting")
				err = s.commit(ctx, sqls...)
				j.point("started")
			}
		}
		if err != nil {
			rollback(ctx, s)
		}
		return err
	})
	return f, err
}

func (j *job) starting(ctx context.Context, s session, f *ledger.Fill) ([]string, error) {
	sqls := []string{j.led.StartFill(j.id)}
	if f.State == ledger.FillRunning {
		return sqls, nil
	}
	parts, err := readParts(*f)
	if err != nil {
		return nil, err
	}
	again := f.Code == string(fault.Check) && j.task.Repeats()
	for i, p := range parts {
		line, err := firstLine(ctx, s, "SELECT "+p.asks(s.lang, j.key))
		if err != nil {
			return nil, err
		}
		now := line[0]
		begins, err := mayGoOn(p, now, j.key, j.task.Repeats())
		if err != nil {
			return nil, err
		}
		parts[i].Identity = now
		again = again || begins
	}
	if again {
		f.Sweep++
		f.Looks = 0
		for i := range parts {
			parts[i].Planned = nil
		}
	}
	open, err := j.led.CountPoison(ctx, s, j.id)
	if err != nil {
		return nil, err
	}
	if open > f.Poison {
		sqls = append(sqls, j.led.RetryPoison(j.id, 0))
	}
	f.Parts = writeParts(parts)
	return append(sqls, j.led.Advance(*f), j.led.ForgetChecks(j.id)), nil
}

// patiently tries while others are in the way.
func patiently(ctx context.Context, patience time.Duration, try func() error) error {
	until := time.Now().Add(patience)
	for n := 1; ; n++ {
		err := try()
		if classOf(err) != db.Wait || time.Now().After(until) || ctx.Err() != nil {
			return err
		}
		sleep(ctx, jitter(min(time.Duration(n)*20*time.Millisecond, time.Second)))
	}
}

// work runs the workers of this process and what goes on beside them.
func (j *job) work(ctx context.Context, control *watched, f ledger.Fill) error {
	ctx, j.quit = context.WithCancel(ctx)
	defer j.quit()
	ended, end := context.WithCancel(context.WithoutCancel(ctx))
	j.ended = ended
	n := j.crew(control.session, f)
	j.begins(ctx, control.session, f, n)
	g, err := j.gauges(ctx, control.session, n)
	if err != nil {
		end()
		return err
	}
	var crew sync.WaitGroup
	for i := range n {
		crew.Go(func() {
			if err := j.member(ctx, control.session, i, g); err != nil {
				j.fail(err)
			}
		})
	}
	if j.o.Open != nil {
		j.aside.Go(func() { j.watch(ended, control) })
		j.aside.Go(func() { g.watch(ended) })
	}
	crew.Wait()
	end()
	j.aside.Wait()
	j.closeTidier()
	return j.failed
}

// gauges looks at the limits a first time, so that no worker begins against them.
func (j *job) gauges(ctx context.Context, s session, workers int) (*gauge, error) {
	f, err := j.led.ReadFill(ctx, s, j.id)
	if err != nil {
		return nil, err
	}
	limits, err := limitsOf(f, j.o)
	if err != nil {
		return nil, err
	}
	if limits.SQL != "" && !asksOnly(s.lang, limits.SQL) {
		return nil, noQuery(limits.SQL)
	}
	g := j.newGauge(s, workers)
	j.pressed.Store(&pressed{effort: g.effort, company: true}) // until it was looked
	if j.o.Open != nil {
		if g.Conn, err = j.o.Open(ctx, j.app("limits")); err != nil {
			return nil, err
		}
	}
	g.look(ctx)
	return g, nil
}

func noQuery(sql string) error {
	return fault.New(fault.Config, "the limit sql is a query, but says %q", fault.Redact(sql)).
		Try("write a SELECT that gives a number above 0 while the backfill is to wait, or the number and the most it may be")
}

// crew is how many workers this process has.
func (j *job) crew(s session, f ledger.Fill) int {
	n := j.o.Workers
	if n <= 0 {
		n = int(f.Workers)
	}
	if j.o.Open == nil || s.lang.Fill().Alone {
		n = 1
	}
	return max(n, 1)
}

// member is one worker with its session.
func (j *job) member(ctx context.Context, control session, number int, g *gauge) error {
	w := &worker{job: j, number: number, leave: map[int64]time.Time{}, tries: map[int64]int{}, only: map[int64]backfill.Bound{}, few: map[int64]bool{}, session: control}
	if j.o.Open == nil {
		w.alone = g
	}
	j.mu.Lock()
	j.members = append(j.members, w)
	j.mu.Unlock()
	if j.o.Open != nil {
		if err := w.connect(ctx); err != nil {
			return err
		}
		defer func() {
			w.leaves(ctx)
			_ = w.Close()
		}()
	}
	defer w.leaveRows(ctx)
	return w.run(ctx)
}

func (w *worker) connect(ctx context.Context) error {
	c, err := w.o.Open(ctx, w.app("worker"))
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.seat = c.Session()
	w.mu.Unlock()
	w.session = session{Conn: c, lang: w.lang, limits: w.o, lazy: true}
	return w.prepare(ctx)
}

// app is what other sessions see of one of ours.
func (j *job) app(part string) string { return "bellows/backfill/" + j.id + "/" + part }

// reconnect replaces a broken session. The server may be on its way up.
func (w *worker) reconnect(ctx context.Context, lost error) error {
	if w.o.Open == nil {
		return lost
	}
	_ = w.Close()
	for wait := 50 * time.Millisecond; ; wait = min(wait*2, 2*time.Second) {
		err := w.connect(ctx)
		if err == nil {
			w.emit(event.Reconnected{Err: lost})
			return nil
		}
		if ctx.Err() != nil {
			return nil
		}
		if !w.patient() {
			return errors.Join(lost, err)
		}
		sleep(ctx, jitter(wait))
	}
}

// leaves says that the worker is gone.
func (w *worker) leaves(ctx context.Context) {
	w.write(ctx, w.led.LeaveWorker(w.id, w.name()))
}

// verdict is what the caller is told.
func (j *job) verdict(ctx context.Context, rep Report, err error) error {
	f := rep.Fill
	switch {
	case f.State == ledger.FillChecked || f.State == ledger.FillApplied:
		return nil
	case f.State == ledger.FillCancelled:
		return fault.New(fault.Interrupted, "the backfill of %s was cancelled", f.Table).Try("what was done is kept; the same command begins it anew")
	case f.State == ledger.FillStopped && (f.Code == string(fault.Repair) || f.Code == string(fault.Check)):
		return ask(f)
	}
	var cause *fault.Error
	switch {
	case errors.As(err, &cause):
		return goesOn(cause)
	case err != nil:
		return goesOn(fault.New(fault.Partial, "the backfill of %s stopped", f.Table).Because(err))
	case ctx.Err() != nil:
		return fault.New(fault.Interrupted, "interrupted with %d of %d rows of %s done", rep.Status.RowsDone, rep.Status.RowsTotal, f.Table).
			Try("run the same command again to go on").Because(context.Cause(ctx))
	}
	return goesOn(fault.New(fault.Code(f.Code), "%s", f.Error))
}

// ask is a stop that needs a person.
func ask(f ledger.Fill) error {
	e := fault.New(fault.Code(f.Code), "%s", f.Error)
	if e.Code == fault.Repair {
		return e.Try("bellows backfill poison list shows why; correct the rows and bellows backfill poison retry, or let them be with bellows backfill poison waive --why")
	}
	return e.Try("correct the statement or the check in a new backfill, or the rows, and run the same command again")
}

// goesOn makes a failure one that the same command goes on after.
func goesOn(cause *fault.Error) error {
	f := *cause
	if f.Code != fault.Denied && f.Code != fault.Busy && f.Code != fault.Config && f.Code != fault.Confirm {
		f.Code, f.Err = fault.Partial, cause
	}
	if f.Hint == "" {
		f.Hint = "what was done is kept; run the same command again to go on"
	}
	return &f
}
