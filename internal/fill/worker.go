package fill

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
)

const (
	// planTime bounds each statement of ours that reads keys.
	planTime = 30 * time.Second
	// chunkTime is the time after which a chunk is too much, at the least.
	chunkTime = 10 * time.Second
	// rowTime is the same for a chunk that cannot be smaller.
	rowTime = 5 * time.Minute
	// beatTime is how often a worker tells that it is there.
	beatTime = 2 * time.Second
	// idleTime is how long a worker waits that finds nothing to do; at first it
	// looks again sooner, for what others have in hand may be a moment's work.
	idleTime = 50 * time.Millisecond
	soonIdle = 4 * time.Millisecond
)

// job is what the workers of a process share.
type job struct {
	order
	o     Options
	led   ledger.Ledger
	id    string
	table string
	parts []Part // as they were when the process joined
	said  int64  // how many workers the backfill said then

	mu      sync.Mutex // guards all below, and the sink
	failed  error
	quit    context.CancelFunc
	success time.Time // when this process last got something done
	tidier  tidier
	members []*worker
	pressed atomic.Pointer[pressed] // as the gauge saw it last
	ended   context.Context         // ends when the workers have
	aside   sync.WaitGroup          // what runs beside the workers
}

func (j *job) emit(e event.Event) {
	if j.o.Sink == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.o.Sink.Event(e)
}

func (j *job) point(name string) {
	if j.o.Point != nil {
		j.o.Point(name)
	}
}

// fail notes the first failure and ends the other workers of the process.
func (j *job) fail(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed == nil {
		j.failed = err
	}
	j.quit()
}

func (j *job) worked() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.success = time.Now()
}

// patient tells whether there was success lately.
func (j *job) patient() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return time.Since(j.success) < j.o.Patience
}

// worker does chunks on a session of its own.
type worker struct {
	*job
	session
	number int
	alone  *gauge                   // where the process has no other session
	leave  map[int64]time.Time      // chunks to leave alone until then
	tries  map[int64]int            // how often a chunk met trouble in a row
	only   map[int64]backfill.Bound // the row that was the only one of a chunk that had failed
	few    map[int64]bool           // chunks that have fewer rows than was thought, and cannot be cut
	beaten time.Time
	asked  time.Time // until when the table's identity need not be asked again
	rate   rate
	doing  string
	warned bool         // that it is paused
	yield  atomic.Int32 // resting, busy or yielding
	seat   db.Session   // as those who watch it know it; guarded by mu
	looked time.Time    // when a worker that is held back last looked at the backfill
	rows   *leased      // of rows that are worked out beyond the database
}

// outcome is how a step ended.
type outcome int

const (
	worked  outcome = iota // a chunk was done, or chunks were planned
	nothing                // there is nothing to do now
	paused
	over // the backfill is not running, or no longer
)

// run works until there is nothing left, the backfill stops, or ctx ends.
func (w *worker) run(ctx context.Context) error {
	idle := soonIdle
	for ctx.Err() == nil {
		got, err := w.next(ctx)
		if got != nothing {
			idle = soonIdle
		}
		switch {
		case isGone(err) && ctx.Err() == nil:
			if err := w.reconnect(ctx, err); err != nil {
				return err
			}
		case err != nil:
			return err
		case got == over:
			return nil
		case got == paused:
			sleep(ctx, jitter(5*idleTime))
		case got == nothing:
			if !w.patient() && w.blockedOnly() {
				return w.outOfPatience(ctx)
			}
			sleep(ctx, jitter(idle))
			idle = min(2*idle, idleTime)
		}
	}
	w.finishRows(ctx)
	return nil
}

// next does a step as the task asks for it.
func (w *worker) next(ctx context.Context) (outcome, error) {
	if w.task.Logic != nil {
		return w.rowStep(ctx)
	}
	return w.step(ctx)
}

// step does one chunk, or finds out why there is none.
func (w *worker) step(ctx context.Context) (outcome, error) {
	ctx, cancel := w.grace(ctx)
	defer cancel()
	if p := w.press(ctx); w.number >= p.effort.Working() {
		return w.held(ctx, p.why)
	}
	if err := w.begin(ctx, chunkTime); err != nil {
		return w.outside(ctx, err)
	}
	w.point("begun")
	k, ok, err := w.led.Claim(ctx, w.Conn, w.id, w.left())
	if err != nil {
		rollback(ctx, w.Conn)
		return w.outside(ctx, err)
	}
	if !ok {
		rollback(ctx, w.Conn)
		return w.without(ctx)
	}
	w.point("claimed")
	switch {
	case k.State != ledger.FillRunning:
		rollback(ctx, w.Conn)
		return over, nil
	case k.Want == ledger.WantPause:
		rollback(ctx, w.Conn)
		return w.pause(ctx)
	case int64(w.number) >= w.crewOf(k.Workers):
		rollback(ctx, w.Conn)
		return w.pause(ctx)
	case k.Chunk.Kind == backfill.Check:
		return w.check(ctx, k)
	case w.tooLarge(k):
		rollback(ctx, w.Conn)
		return w.shrink(ctx, k.Chunk)
	}
	w.warned = false
	return w.chunk(ctx, k)
}

// grace gives a context for a step that outlives ctx by a while, so that a chunk
// that is nearly done can finish.
func (j *job) grace(ctx context.Context) (context.Context, context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		sleep(work, j.o.Grace)
		cancel()
	})
	return work, func() { stop(); cancel() }
}

// chunk does a chunk whose row is locked.
func (w *worker) chunk(ctx context.Context, k ledger.Claimed) (outcome, error) {
	begun := time.Now()
	c := k.Chunk
	if c.Rows <= 1 && w.lang.Fill().Within && w.task.Limit == 0 {
		if err := w.longer(ctx); err != nil {
			rollback(ctx, w.Conn)
			return w.outside(ctx, err)
		}
	}
	w.yield.Store(busy)
	changed, at, err := w.apply(ctx, c)
	c.Changed += changed
	w.point("changed")
	if err == nil {
		c.Took = time.Since(begun)
		err = w.done(ctx, c)
		w.point("committed")
	}
	yielded := w.yield.Swap(resting) == yielding
	if err != nil {
		rollback(ctx, w.Conn)
		if yielded && !isGone(err) {
			return w.giveWay(ctx, c)
		}
		return w.trouble(ctx, k, at, err)
	}
	w.forget(c.Seq)
	w.worked()
	w.rate.add(c.Rows, time.Since(begun))
	if k.Waiting-1 <= w.behind()*max(k.Workers, 1) {
		if _, _, err := w.refill(ctx); err != nil {
			return w.outside(ctx, err)
		}
	}
	p := w.press(ctx)
	w.doing = p.why
	if pause := max(k.Pause, w.rest(c.Took), p.effort.Pause(c.Took)); pause > 0 {
		sleep(ctx, pause)
	}
	return worked, nil
}

// crewOf is how many workers of this process work when the backfill says so
// many: what the process was told holds until somebody sets another number.
func (j *job) crewOf(said int64) int64 {
	if said == j.said {
		return max(said, int64(j.o.Workers), 1)
	}
	return max(said, 1)
}

// press is how hard the process works now. Where it has one session the worker
// looks for itself.
func (w *worker) press(ctx context.Context) pressed {
	if w.alone != nil && !time.Now().Before(w.alone.due) {
		w.alone.due = time.Now().Add(gaugeTime)
		w.alone.Conn = w.Conn
		w.alone.look(ctx)
	}
	p := *w.pressed.Load()
	// A COMMIT that the disk is not waited for leaves the application's next one to
	// wait for our log as well.
	w.lazy = w.alone == nil && !p.company
	return p
}

// held waits while a limit keeps this worker from work. It looks now and then
// whether the backfill is still there to be worked on.
func (w *worker) held(ctx context.Context, why string) (outcome, error) {
	if w.doing != why {
		w.doing, w.beaten = why, time.Time{} // it is told at once
	}
	w.worked()
	if time.Since(w.looked) > gaugeTime {
		w.looked = time.Now()
		f, err := w.led.ReadFill(ctx, w.Conn, w.id)
		if err != nil {
			return w.outside(ctx, err)
		}
		if f.State != ledger.FillRunning {
			return over, nil
		}
	}
	return paused, w.idleBeat(ctx)
}

// rest lets others write where there is one writer at a time: their wait for the
// file is a wait of short looks.
func (w *worker) rest(took time.Duration) time.Duration {
	if !w.lang.Traits().SingleWriter {
		return 0
	}
	return min(max(took/10, time.Millisecond), 20*time.Millisecond)
}

// apply runs the statements on the chunk's rows. at is the statement that failed.
func (w *worker) apply(ctx context.Context, c backfill.Chunk) (changed int64, at *backfill.Statement, err error) {
	part, err := w.partOf(ctx, c.Part)
	if err != nil {
		return 0, nil, err
	}
	items := make([]db.Item, len(w.task.Body))
	for i, s := range w.task.Body {
		items[i].SQL = w.text(s, part, c, nil)
	}
	ctx, stop, before, after := w.limited(ctx, len(items))
	defer stop()
	n := len(before)
	err = w.Conn.Send(ctx, slices.Concat(before, items, after), func(i int, rows int64) {
		if i < n || i >= n+len(items) {
			return
		}
		changed += max(rows, 0)
		if i < n+len(items)-1 {
			w.point("statement")
		}
	})
	if err != nil {
		at = &w.task.Body[min(max(itemOf(err, n+len(items)+len(after))-n, 0), len(items)-1)]
	}
	return changed, at, err
}

// limited gives the chunk's statements the time that their author allows, by the
// server where a transaction has such a limit, else all together by our clock.
func (w *worker) limited(ctx context.Context, statements int) (_ context.Context, stop func(), before, after []db.Item) {
	most := w.task.Limit
	switch {
	case most <= 0:
		return ctx, func() {}, nil, nil
	case w.lang.Fill().Within:
		return ctx, func() {}, []db.Item{{SQL: dialectBudget(w.session, most)}}, []db.Item{{SQL: dialectBudget(w.session, chunkTime)}}
	}
	ctx, stop = context.WithTimeout(ctx, time.Duration(statements)*most)
	return ctx, stop, nil, nil
}

// text is a statement for a chunk, or for the one row of it that has the key.
func (w *worker) text(s backfill.Statement, part Part, c backfill.Chunk, key backfill.Bound) string {
	condition := backfill.Condition(w.lang, s.Name(), w.key, c.Range)
	if key != nil {
		condition = backfill.Exactly(w.lang, s.Name(), w.key, key)
	}
	if again := s.Again(); again != "" && c.Sweep > 1 {
		condition = "(" + condition + " AND " + again + ")"
	}
	leaf := ""
	if part.Leaf {
		leaf = part.SQL
	}
	return s.SQL(condition, leaf)
}

// done marks the chunk done, if the table still is the one that was planned for,
// and commits.
func (w *worker) done(ctx context.Context, c backfill.Chunk, more ...string) error {
	if w.o.Sound != nil && c.Kind != backfill.Check {
		if err := w.o.Sound(ctx, w.Conn); err != nil {
			return err
		}
	}
	part, err := w.partOf(ctx, c.Part)
	if err != nil {
		return err
	}
	expression := part.asks(w.lang, w.key)
	same := ""
	if w.lang.Traits().Pipelines {
		same = expression + " = " + w.lang.Literal(part.Identity)
	} else if err := w.seldom(ctx, part, expression); err != nil {
		return err
	}
	if w.counts() {
		c.Rows = c.Changed
	}
	sqls := append([]string{w.led.ChunkDone(w.id, c, same)}, more...)
	if c.Tries > 0 {
		sqls = append(sqls, w.led.Cured(w.id, c.Seq))
	}
	if time.Since(w.beaten) > beatTime {
		w.beaten = time.Now()
		sqls = append(sqls, w.beat())
	}
	w.point("commit")
	err = w.commit(ctx, sqls...)
	if err != nil && same != "" && classOf(err) == db.Bad && itemOf(err, len(sqls)+1) == 0 {
		rollback(ctx, w.Conn)
		if changed := w.same(ctx, part, expression); changed != nil {
			return changed
		}
	}
	return err
}

// seldom asks what the table is unless that costs much and was just done.
func (w *worker) seldom(ctx context.Context, part Part, expression string) error {
	begun := time.Now()
	if begun.Before(w.asked) {
		return nil
	}
	err := w.same(ctx, part, expression)
	w.asked = begun.Add(identityShare * time.Since(begun))
	return err
}

// identityShare: asking what a table is takes at most that part of the time.
const identityShare = 20

// same tells by an error that the table is no longer what it was.
func (w *worker) same(ctx context.Context, part Part, expression string) error {
	line, err := firstLine(ctx, w.Conn, "SELECT "+expression)
	if err != nil {
		return err
	}
	return moved(part, line[0])
}

// asks is the expression that tells what the part is.
func (p Part) asks(lang backfill.Language, key backfill.Key) string {
	all := lang.Identity(p.Table, identityNames(key))
	return all[min(p.Ask, len(all)-1)]
}

// identify asks what a part is, and notes which question was answered.
func (p *Part) identify(ctx context.Context, s session, key backfill.Key) error {
	all := s.lang.Identity(p.Table, identityNames(key))
	for p.Ask = range all {
		line, err := firstLine(ctx, s, "SELECT "+all[p.Ask])
		if classOf(err) == db.Refused && p.Ask < len(all)-1 {
			continue
		}
		if err == nil {
			p.Identity = line[0]
		}
		return err
	}
	return nil
}

// identityNames are the columns that belong to a table's identity: those of the
// key. Of a key that upkeep may change its kind says so.
func identityNames(key backfill.Key) []string {
	if key.Moves {
		return []string{key.Columns[0].Kind}
	}
	return key.Names()
}

// partOf is a part by its number; one that was added meanwhile is read.
func (w *worker) partOf(ctx context.Context, i int) (Part, error) {
	w.mu.Lock()
	parts := w.parts
	w.mu.Unlock()
	if i < len(parts) {
		return parts[i], nil
	}
	f, err := w.led.ReadFill(ctx, w.Conn, w.id)
	if err != nil {
		return Part{}, err
	}
	if parts, err = readParts(f); err != nil {
		return Part{}, err
	}
	if i >= len(parts) {
		return Part{}, fault.New(fault.Internal, "there is no part %d of %s", i, w.table)
	}
	w.mu.Lock()
	w.parts = parts
	w.mu.Unlock()
	return parts[i], nil
}

// without finds out why there is no chunk: the backfill is over, or more must be
// planned, or others have what is left.
func (w *worker) without(ctx context.Context) (outcome, error) {
	f, err := w.led.ReadFill(ctx, w.Conn, w.id)
	if err != nil {
		return w.outside(ctx, err)
	}
	switch {
	case f.State != ledger.FillRunning:
		return over, nil
	case f.Want == ledger.WantPause:
		return w.pause(ctx)
	}
	n, busy, err := w.refill(ctx)
	if err != nil {
		return w.outside(ctx, err)
	}
	if n == 0 || busy {
		return nothing, w.idleBeat(ctx)
	}
	return worked, nil
}

// longer gives a chunk that cannot be smaller more time.
func (w *worker) longer(ctx context.Context) error {
	_, err := w.Conn.Exec(ctx, dialectBudget(w.session, rowTime))
	return err
}

// pause waits because a person, or the number of workers, wants it.
func (w *worker) pause(ctx context.Context) (outcome, error) {
	w.doing = "paused"
	if !w.warned && w.number == 0 {
		w.warned = true
		w.emit(event.FillPaused{ID: string(w.task.Revision), Table: w.table, Why: "paused; bellows backfill resume goes on"})
	}
	w.worked()
	return paused, w.idleBeat(ctx)
}

func (w *worker) name() string {
	if w.number == 0 {
		return w.o.Process
	}
	return fmt.Sprintf("%s/%d", w.o.Process, w.number)
}

func (w *worker) beat() string {
	return w.led.BeatWorker(ledger.Worker{
		Run: w.id, ID: w.name(), Host: w.o.Host, PID: w.o.PID, Session: w.Session(), Doing: w.doing, Rate: w.rate.perSecond(),
	})
}

// idleBeat tells that the worker is there while it does nothing.
func (w *worker) idleBeat(ctx context.Context) error {
	if time.Since(w.beaten) < beatTime {
		return nil
	}
	w.beaten = time.Now()
	w.rate = rate{}
	if _, err := w.Conn.Exec(ctx, w.beat()); err != nil {
		_, err = w.outside(ctx, err)
		return err
	}
	return nil
}
