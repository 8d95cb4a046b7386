package fill

import (
	"context"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// Question is a condition that is asked of every row of a table.
type Question struct {
	Table plan.Name
	// SQL is the condition, never null; it names columns bare.
	SQL string
	At  fault.Pos
	// Except are rows by their keys of which somebody has said that they may be as
	// they are.
	Except []backfill.Bound
}

// Tally is how many rows were looked at, and of how many the condition is not
// true. Part and From tell where the count goes on; Done that it is at its end.
type Tally struct {
	Rows, Found int64
	Sample      []string // of the rows found
	Part        int
	From        backfill.Bound
	Done        bool
}

const (
	tallyRows   = 10000 // in one chunk
	tallySample = 5
)

// Count asks a question of every row, chunk by chunk, each chunk in one
// statement and so in one snapshot. It takes no lock and changes nothing. It goes
// on from a tally that was saved; save is called after each chunk. Rows that
// come behind it are those of the application: the question is one whose answer
// the application's own statements cannot change.
func Count(ctx context.Context, c db.Conn, q Question, from Tally, o Options, save func(Tally) error) (Tally, error) {
	o = o.withDefaults()
	lang, err := language(c)
	if err != nil {
		return from, err
	}
	s := session{Conn: c, lang: lang, limits: o}
	task := backfill.Task{Table: q.Table, Spec: revision.FillSpec{Table: q.Table.String(), At: q.At}}
	p := planner{session: s, led: ledger.New(lang, o.Ledger), order: order{task: task}}
	if err := patiently(ctx, o.Patience, func() error { return p.look(ctx) }); err != nil {
		return from, err
	}
	if p.strategy == backfill.Pages { // rows move between pages
		if len(p.shape.Keys) == 0 {
			return p.whole(ctx, q)
		}
		p.key = keyOf(p.shape.Keys[0])
	}
	t := from
	for t.Part < len(p.parts) {
		if err := ctx.Err(); err != nil {
			return t, err
		}
		err := patiently(ctx, o.Patience, func() error {
			next, err := p.tally(ctx, q, t)
			if err == nil {
				t = next
			}
			return err
		})
		if err != nil {
			return t, err
		}
		if err := save(t); err != nil {
			return t, err
		}
	}
	t.Done = true
	return t, nil
}

// tally counts one chunk.
func (p *planner) tally(ctx context.Context, q Question, t Tally) (Tally, error) {
	if err := p.begin(ctx, 0); err != nil {
		return t, err
	}
	defer rollback(ctx, p)
	if err := p.plainly(ctx); err != nil {
		return t, err
	}
	r := reader{p.session, p.key, p.parts[t.Part]}
	in := backfill.Range{Low: t.From}
	high, err := r.at(ctx, in, tallyRows-1)
	if err != nil {
		return t, err
	}
	in.High = high
	where := " FROM " + r.part.SQL + " WHERE " + backfill.Condition(p.lang, "", p.key, in)
	if t, err = p.sum(ctx, q, t, where); err != nil {
		return t, err
	}
	t.From = high
	if high == nil {
		t.Part++
	}
	return t, nil
}

// sum adds what a part of the rows says.
func (p *planner) sum(ctx context.Context, q Question, t Tally, where string) (Tally, error) {
	for _, b := range q.Except {
		if len(b) == len(p.key.Columns) {
			q.SQL = "(" + q.SQL + " OR " + backfill.Exactly(p.lang, "", p.key, b) + ")"
		}
	}
	line, err := firstLine(ctx, p, "SELECT COUNT(*), COALESCE(SUM(CASE WHEN "+q.SQL+" THEN 0 ELSE 1 END), 0)"+where)
	if err != nil {
		return t, err
	}
	rows, err := strconv.ParseInt(line[0], 10, 64)
	if err != nil {
		return t, err
	}
	found, err := strconv.ParseInt(strings.TrimSuffix(line[1], ".0"), 10, 64)
	if err != nil {
		return t, err
	}
	t.Rows, t.Found = t.Rows+rows, t.Found+found
	if found == 0 || len(t.Sample) >= tallySample {
		return t, nil
	}
	keys, err := db.Texts(ctx, p, "SELECT "+backfill.Texts(p.lang, "", p.key)+where+" AND NOT "+q.SQL+" LIMIT "+strconv.Itoa(tallySample-len(t.Sample)))
	for _, k := range keys {
		t.Sample = append(t.Sample, keyText(p.key, k))
	}
	return t, err
}

// whole counts a table that has no key in one statement.
func (p *planner) whole(ctx context.Context, q Question) (Tally, error) {
	t, err := p.sum(ctx, q, Tally{Sample: make([]string, 0, tallySample)}, " FROM "+p.shape.SQL+" WHERE (1 = 1)")
	t.Done = err == nil
	return t, err
}
