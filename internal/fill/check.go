package fill

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
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
		return w.trouble(ctx, k, at, err)
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

// ask runs the checks of a chunk, without a time-out unless the author set one.
// Rows that were waived are left out. at is the check that failed.
func (w *worker) ask(ctx context.Context, c backfill.Chunk) (found int64, sample []string, at *backfill.Statement, err error) {
	waived, err := w.led.Poisoned(ctx, w.Conn, w.id, ledger.PoisonWaived)
	if err != nil {
		return 0, nil, nil, err
	}
	if w.lang.Fill().Within {
		if _, err := w.Exec(ctx, dialectBudget(w.session, w.task.CheckLimit)); err != nil {
			return 0, nil, nil, err
		}
	} else if w.task.CheckLimit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.task.CheckLimit)
		defer cancel()
	}
	for i, q := range w.task.Checks {
		if whole := !q.Carries || w.strategy == backfill.Pages; whole != (c.Part == backfill.Whole) {
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
