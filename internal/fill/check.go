package fill

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/internal/ledger"
)

// shown is how many rows that a check finds are shown.
const shown = 5

// check asks the questions that must have no rows for an answer: of the rows of a
// chunk, or of the whole table those that cannot be asked of some rows. Its
// chunk's row is locked meanwhile, so that one worker asks.
func (w *worker) check(ctx context.Context, k ledger.Claimed) (outcome, error) {
	begun := time.Now()
	c := k.Chunk
	w.doing = "checking"
	found, sample, at, err := w.ask(ctx, c)
	w.point("checked")
	if err == nil {
		c.Changed, c.Note, c.Took = found, strings.Join(sample, "; "), time.Since(begun)
		sqls := []string{w.led.ChunkDone(w.id, c, "")}
		if time.Since(w.beaten) > beatTime {
			w.beaten = time.Now()
			sqls = append(sqls, w.beat())
		}
		err = w.commit(ctx, sqls...)
		w.point("check committed")
	}
	if err != nil {
		rollback(ctx, w.Conn)
		if c.Part != backfill.Again || w.judge(err) != dialect.Load {
			return w.trouble(ctx, k, at, err)
		}
		if err = w.unanswered(ctx, c, err); err != nil {
			return w.outside(ctx, err)
		}
	}
	w.worked()
	w.doing = ""
	if k.Waiting-1 <= behind*max(k.Workers, 1) {
		if _, _, err := w.refill(ctx); err != nil {
			return w.outside(ctx, err)
		}
	}
	sleep(ctx, max(w.rest(c.Took), w.press(ctx).effort.Pause(c.Took)))
	return worked, nil
}

// unanswered ends the check of the whole table at once, which takes too long:
// what was asked chunk by chunk has to do.
func (w *worker) unanswered(ctx context.Context, c backfill.Chunk, why error) error {
	if err := w.begin(ctx, planTime); err != nil {
		return err
	}
	_, ok, err := w.led.LockChunk(ctx, w.Conn, w.id, c.Seq)
	if err == nil && ok {
		err = w.commit(ctx, w.led.ChunkDone(w.id, c, ""))
	}
	if err != nil || !ok {
		rollback(ctx, w.Conn)
		return err
	}
	w.emit(event.Warning{
		Code: "backfill.unanswered", File: w.task.Spec.At.File, Line: w.task.Spec.At.Line,
		Text: fmt.Sprintf("the check found no row of %s chunk by chunk; to ask it of the whole table at once takes too long: %s", w.table, words(why)),
		Hint: "a row that the backfill had missed, and that was given another key just while it was checked, may be left; ask the check by hand",
	})
	return nil
}

// askTime is how long the whole table may be read at once; where there is one
// writer at a time he waits meanwhile.
func (w *worker) askTime(c backfill.Chunk) time.Duration {
	switch {
	case c.Part != backfill.Again || w.task.CheckLimit > 0:
		return w.task.CheckLimit
	case w.o.Snapshot > 0:
		return w.o.Snapshot
	case w.lang.Traits().SingleWriter:
		return time.Second
	}
	return 30 * time.Second
}

// ask runs the checks of a chunk, without a time-out unless the author set one.
// Rows that were waived are left out. at is the check that failed.
func (w *worker) ask(ctx context.Context, c backfill.Chunk) (found int64, sample []string, at *backfill.Statement, err error) {
	waived, err := w.led.Poisoned(ctx, w.Conn, w.id, ledger.PoisonWaived)
	if err != nil {
		return 0, nil, nil, err
	}
	most := w.askTime(c)
	if w.lang.Fill().Within {
		if _, err := w.Exec(ctx, dialectBudget(w.session, most)); err != nil {
			return 0, nil, nil, err
		}
	} else if most > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, most)
		defer cancel()
	}
	for i, q := range w.task.Checks {
		if inChunks := q.Carries && w.strategy != backfill.Pages; inChunks != (c.Part != backfill.Whole) {
			continue
		}
		n, rows, err := w.count(ctx, question(w.lang, w.key, q, c.Range, waived))
		if err != nil {
			return 0, nil, &backfill.Statement{Pos: q.Pos}, err
		}
		if !q.Carries {
			n = max(n-int64(len(waived)), 0)
		}
		found += n
		if n > 0 {
			sample = append(sample, rows...)
		}
		if i < len(w.task.Checks)-1 {
			w.point("question")
		}
	}
	return found, sample[:min(len(sample), shown)], nil, nil
}

// question is a check's text for the rows of a range, without those that were
// waived.
func question(lang backfill.Language, key backfill.Key, q backfill.Query, in backfill.Range, waived []ledger.Poisoned) string {
	if !q.Carries {
		return q.SQL("", "")
	}
	columns := make([]string, len(key.Columns))
	for i, c := range key.Columns {
		columns[i] = q.Name + "." + lang.Quote(c.Name)
	}
	condition := backfill.Condition(lang, q.Name, key, in)
	if len(waived) > 0 {
		terms := make([]string, len(waived))
		for i, p := range waived {
			terms[i] = backfill.Exactly(lang, q.Name, key, p.Key)
		}
		condition += " AND (NOT (" + strings.Join(terms, " OR ") + "))"
	}
	return q.SQL(strings.Join(columns, ", "), condition)
}

// count counts the rows of a query, and shows the first.
func (w *worker) count(ctx context.Context, sql string) (n int64, sample []string, err error) {
	rows, err := w.Query(ctx, sql)
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		if n++; n > shown {
			continue
		}
		text, err := rowText(rows)
		if err != nil {
			return n, sample, err
		}
		sample = append(sample, text)
	}
	return n, sample, rows.Err()
}

// rowText is a row as column=value, long values cut short.
func rowText(rows db.Rows) (string, error) {
	columns := rows.Columns()
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	if err := rows.Scan(into...); err != nil {
		return "", err
	}
	parts := make([]string, len(columns))
	for i, v := range values {
		text := fmt.Sprint(v)
		switch b := v.(type) {
		case nil:
			text = "NULL"
		case []byte:
			text = string(b)
		}
		if len(text) > 80 {
			text = strings.ToValidUTF8(text[:80], "") + "…"
		}
		parts[i] = columns[i] + "=" + text
	}
	return strings.Join(parts, ", "), nil
}
