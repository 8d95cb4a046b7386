package fill

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
)

func dialectBudget(s session, statement time.Duration) string {
	return dialect.Budget(s.lang.Traits().BudgetTx, s.limits.LockTimeout, statement)
}

// itemOf is the number of the failed item in a message of n.
func itemOf(err error, n int) int {
	var e *db.Error
	if errors.As(err, &e) {
		return min(max(e.Item, 0), n-1)
	}
	return 0
}

// outside is about trouble with statements of ours, while no chunk is at stake:
// what passes is waited out, all else stops the backfill.
func (w *worker) outside(ctx context.Context, err error) (outcome, error) {
	if err == nil || isGone(err) || ctx.Err() != nil {
		return nothing, err
	}
	// A chunk that was to give way may have ended just before it was cancelled; then
	// what comes after it is.
	if w.judge(err) == dialect.Transient || classOf(err) == db.Canceled {
		w.doing = "waiting: " + words(err)
		if w.patient() {
			return nothing, nil
		}
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return over, w.stop(ctx, f)
	}
	return over, w.stop(ctx, fault.New(fault.Failed, "the backfill's own tables cannot be used: %s", words(err)).Because(err))
}

func (w *worker) judge(err error) dialect.Trouble {
	var e *db.Error
	switch {
	case errors.Is(err, errMuch):
		return dialect.Load
	case !errors.As(err, &e):
		return dialect.Fatal
	}
	switch e.Class {
	case db.Gone, db.Wait:
		return dialect.Transient
	}
	return w.lang.Trouble(e.Code, e.Message)
}

// words is an error as one line for people.
func words(err error) string {
	var e *db.Error
	if errors.As(err, &e) {
		return e.Error()
	}
	return err.Error()
}

// trouble decides what becomes of a chunk that failed and was rolled back.
func (w *worker) trouble(ctx context.Context, k ledger.Claimed, at *backfill.Statement, err error) (outcome, error) {
	if isGone(err) {
		return nothing, err
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return over, w.stop(ctx, f)
	}
	if ctx.Err() != nil {
		return over, nil // interrupted; the chunk is as it was
	}
	c := k.Chunk
	w.point("rolled back")
	w.tries[c.Seq]++
	tries := w.tries[c.Seq]
	kind := w.judge(err)
	if c.Kind == backfill.Check && kind == dialect.Row {
		return over, w.stop(ctx, placed(at, err)) // no row is at fault that its own check cannot be asked of
	}
	switch backfill.React(kind, c.Rows, tries) {
	case backfill.Retry:
		return w.retry(c, tries, err)
	case backfill.Split:
		if kind == dialect.Row {
			if got, ok, err := w.inquire(ctx, k); ok {
				return got, err
			}
		}
		key, err2 := w.split(ctx, c)
		if err2 != nil {
			return w.outside(ctx, err2)
		}
		if key.pieces > 0 {
			w.told(c, "split", err)
			return worked, nil
		}
		return w.single(ctx, c, key, kind, at, err)
	}
	return over, w.stop(ctx, placed(at, err))
}

func (w *worker) told(c backfill.Chunk, action string, err error) {
	w.emit(event.FillTrouble{ID: string(w.task.Revision), Table: w.table, Chunk: c.Seq, Rows: c.Rows, Action: action, Reason: words(err)})
}

// retry leaves a chunk alone for a while; other chunks go before it.
func (w *worker) retry(c backfill.Chunk, tries int, err error) (outcome, error) {
	w.leave[c.Seq] = time.Now().Add(jitter(min(time.Duration(tries)*100*time.Millisecond, 2*time.Second)))
	w.doing = "waiting: " + words(err)
	w.told(c, "retry", err)
	return nothing, nil
}

// giveWay leaves a chunk alone for which sessions of the application were
// waiting; one that stands in the way again and again becomes smaller.
func (w *worker) giveWay(ctx context.Context, c backfill.Chunk) (outcome, error) {
	w.tries[c.Seq]++
	w.leave[c.Seq] = time.Now().Add(jitter(200 * time.Millisecond))
	w.doing = "sessions of the application wait for rows"
	w.emit(event.FillTrouble{ID: string(w.task.Revision), Table: w.table, Chunk: c.Seq, Rows: c.Rows, Action: "yield", Reason: w.doing})
	if w.tries[c.Seq] < 2 || c.Rows <= 1 {
		return nothing, nil
	}
	if _, err := w.split(ctx, c); err != nil {
		return w.outside(ctx, err)
	}
	return worked, nil
}

// left are the chunks to leave alone now.
func (w *worker) left() []int64 {
	var seqs []int64
	for seq, until := range w.leave {
		if time.Now().After(until) {
			delete(w.leave, seq)
			continue
		}
		seqs = append(seqs, seq)
	}
	return seqs
}

// blockedOnly tells whether this worker waits for chunks that met trouble.
func (w *worker) blockedOnly() bool { return len(w.tries) > 0 }

func (w *worker) outOfPatience(ctx context.Context) error {
	return w.stop(ctx, fault.New(fault.Busy, "no chunk of %s could be done for %s: %s", w.table, w.o.Patience, strings.TrimPrefix(w.doing, "waiting: ")))
}

// single is about a chunk that cannot be made smaller.
func (w *worker) single(ctx context.Context, c backfill.Chunk, key cut, kind dialect.Trouble, at *backfill.Statement, err error) (outcome, error) {
	switch {
	case key.taken:
		w.forget(c.Seq)
		return worked, nil // another worker has the chunk now
	case kind == dialect.Transient || w.tries[c.Seq] < 3 && (kind == dialect.Load || key.row == nil && c.Part >= 0): // or its rows went meanwhile
		return w.retry(c, w.tries[c.Seq], err)
	case kind == dialect.Row && key.row != nil && !key.row.Equal(w.only[c.Seq]):
		w.only[c.Seq] = key.row // others may have been there when it failed: it is tried by itself
		return worked, nil
	case kind == dialect.Row && key.row != nil:
		return w.poison(ctx, c, key.row, at, err)
	}
	return over, w.stop(ctx, placed(at, err))
}

// forget drops what is known of a chunk that has failed.
func (w *worker) forget(seq int64) {
	delete(w.tries, seq)
	delete(w.only, seq)
	delete(w.few, seq)
}

// poison sets a chunk's only row aside. Beyond the limit the backfill stops, with
// the row named.
func (w *worker) poison(ctx context.Context, c backfill.Chunk, key backfill.Bound, at *backfill.Statement, err error) (outcome, error) {
	f := placed(at, err)
	p := ledger.Poisoned{Run: w.id, Seq: c.Seq, Key: key, Code: f.Code, Reason: f.Msg, Tries: int64(c.Tries) + 1}
	if e := w.begin(ctx, planTime); e != nil {
		return w.outside(ctx, e)
	}
	run, e := w.led.WaitFill(ctx, w.Conn, w.id)
	if e != nil {
		rollback(ctx, w.Conn)
		return w.outside(ctx, e)
	}
	now, ok, e := w.led.LockChunk(ctx, w.Conn, w.id, c.Seq)
	if e != nil || !ok || !now.Range.Equal(c.Range) {
		rollback(ctx, w.Conn)
		return w.outside(ctx, e)
	}
	open, e := w.others(ctx, c.Seq)
	if e != nil {
		rollback(ctx, w.Conn)
		return w.outside(ctx, e)
	}
	f.Msg = fmt.Sprintf("row %s of %s: %s", keyText(w.key, key), w.table, f.Msg)
	if backfill.TooMany(open, run.Poison) { // another worker has stopped it
		rollback(ctx, w.Conn)
		return over, tooMany(f, run.Poison)
	}
	sqls := append(w.led.SetAside(p), w.led.ChunkTries(w.id, c.Seq))
	many := backfill.TooMany(open+1, run.Poison)
	if many {
		sqls = append(sqls, w.led.StopFill(w.id, fault.Failed, f.Msg))
	}
	w.point("poison")
	if e := w.commit(ctx, sqls...); e != nil {
		rollback(ctx, w.Conn)
		return w.outside(ctx, e)
	}
	w.point("poisoned")
	w.emit(event.FillPoison{ID: string(w.task.Revision), Table: w.table, Key: keyText(w.key, key), Code: string(p.Code), Reason: p.Reason})
	if !many {
		return worked, nil
	}
	return over, tooMany(f, run.Poison)
}

// tooMany is the error of the bad row with which there are more than may be.
func tooMany(f *fault.Error, limit int64) *fault.Error {
	f.Hint = "correct the row, or the statement, and run the same command again"
	if limit == 0 {
		f.Hint += "; poison:N in the directive sets up to N such rows aside"
	} else {
		f.Msg = fmt.Sprintf("more than %s failed; the last: %s", fault.Count(int(limit), "row"), f.Msg)
	}
	return f
}

// others counts the rows set aside but for the one of a chunk, which may be one of
// them that is tried again.
func (w *worker) others(ctx context.Context, seq int64) (n int64, err error) {
	open, err := w.led.Poisoned(ctx, w.Conn, w.id, ledger.PoisonOpen)
	for _, p := range open {
		if p.Seq != seq {
			n++
		}
	}
	return n, err
}

// keyText is a row's key for people: id=7, a='x'.
func keyText(key backfill.Key, b backfill.Bound) string {
	parts := make([]string, 0, len(b))
	for i, c := range key.Columns {
		if i < len(b) {
			parts = append(parts, c.Name+"="+b[i])
		}
	}
	return strings.Join(parts, ", ")
}

// placed is a server's error as a fault with the place of the statement.
func placed(at *backfill.Statement, err error) *fault.Error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	f = fault.New(fault.Failed, "%s", words(err)).Because(err)
	var e *db.Error
	if errors.As(err, &e) {
		f.Code, f.Hint = e.Code, e.Hint
		if e.Class == db.Refused {
			f.Code = fault.Denied
		}
	}
	if at != nil {
		pos := at.Pos
		f.Pos = &pos
	}
	return f
}

// stop stops every worker of the backfill, and says why in the ledger.
func (w *worker) stop(ctx context.Context, f *fault.Error) error {
	w.write(ctx, w.led.StopFill(w.id, f.Code, f.Msg))
	return f
}

// write sends a statement of ours by itself, whatever became of the context. That
// a failure cannot be noted is not worth more than the failure.
func (w *worker) write(ctx context.Context, sql string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, _ = w.Conn.Exec(ctx, sql)
}

// moved tells by an error that a table is not what it was planned for; now is its
// identity now, "" when it is not there. The parts are the table, its storage and
// the key's columns.
func moved(part Part, now string) error {
	if now == part.Identity {
		return nil
	}
	was, is := strings.SplitN(part.Identity, "/", 3), strings.SplitN(now, "/", 3)
	name := part.Table.String()
	f := fault.New(fault.Partial, "table %s is not there any more; it was renamed or dropped", name)
	f.Hint = "what was done is kept. Give the table its name back, then run the same command again; or cancel this backfill and write a new one"
	if len(was) != 3 || len(is) != 3 {
		return f
	}
	switch {
	case was[0] != is[0]:
		f.Msg = fmt.Sprintf("another table has the name %s now", name)
	case was[2] != is[2]:
		f.Msg = fmt.Sprintf("the columns of the key of table %s were changed", name)
		f.Hint = "what was done is kept. Cancel this backfill and write a new one"
	default:
		f.Msg = fmt.Sprintf("table %s was truncated, or its rows were written anew, while the backfill ran", name)
		f.Hint = "what was done is kept. Run the same command again to go on"
	}
	return f
}

// sameBut tells whether two identities are those of the same table with the same
// key, whatever became of its storage.
func sameBut(was, now string) bool {
	a, b := strings.SplitN(was, "/", 3), strings.SplitN(now, "/", 3)
	return len(a) == 3 && len(b) == 3 && a[0] == b[0] && a[2] == b[2]
}
