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

// check asks the questions that must have no rows for an answer, each in one
// snapshot of the whole table. Its chunk's row is locked meanwhile, so that one
// worker asks.
func (w *worker) check(ctx context.Context, k ledger.Claimed) (outcome, error) {
	begun := time.Now()
	c := k.Chunk
	w.doing = "checking"
	found, sample, err := w.ask(ctx)
	w.point("checked")
	if err == nil {
		c.Changed, c.Note, c.Took = found, strings.Join(sample, "; "), time.Since(begun)
		err = w.commit(ctx, w.led.ChunkDone(w.id, c, ""))
		w.point("check committed")
	}
	if err != nil {
		rollback(ctx, w.Conn)
		return w.trouble(ctx, k, nil, err)
	}
	w.worked()
	w.doing = ""
	_, _, err = w.refill(ctx)
	if err != nil {
		return w.outside(ctx, err)
	}
	return worked, nil
}

// ask runs the checks without a time-out. Rows that were waived are left out.
func (w *worker) ask(ctx context.Context) (found int64, sample []string, err error) {
	waived, err := w.led.Poisoned(ctx, w.Conn, w.id, ledger.PoisonWaived)
	if err != nil {
		return 0, nil, err
	}
	if w.lang.Fill().Within {
		if _, err := w.Exec(ctx, dialectBudget(w.session, 0)); err != nil {
			return 0, nil, err
		}
	}
	for i, q := range w.task.Checks {
		n, rows, err := w.count(ctx, question(w.lang, w.key, q, waived))
		if err != nil {
			return 0, nil, err
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
	return found, sample[:min(len(sample), shown)], nil
}

// question is a check's text without the rows that were waived.
func question(lang backfill.Language, key backfill.Key, q backfill.Query, waived []ledger.Poisoned) string {
	if !q.Carries {
		return q.SQL("", "")
	}
	columns := make([]string, len(key.Columns))
	for i, c := range key.Columns {
		columns[i] = q.Name + "." + lang.Quote(c.Name)
	}
	condition := "(1 = 1)"
	if len(waived) > 0 {
		terms := make([]string, len(waived))
		for i, p := range waived {
			terms[i] = backfill.Exactly(lang, q.Name, key, p.Key)
		}
		condition = "(NOT (" + strings.Join(terms, " OR ") + "))"
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
