package fill

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// countTime is how long rows are counted before an estimate is taken.
const countTime = time.Second

// Plan records a backfill, or finds the one that is recorded and not at its end.
// It is called under the ledger's lock, outside a transaction. Before anything is
// recorded the table is looked at, a way through it is chosen, and chunks are
// tried in transactions that are rolled back: an error of the statement, or a row
// that fails while no row may be set aside, is the error here, and nothing was
// changed.
func Plan(ctx context.Context, c db.Conn, script revision.Script, direction revision.Direction, o Options) (ledger.Fill, error) {
	o = o.withDefaults()
	lang, err := language(c)
	if err != nil {
		return ledger.Fill{}, err
	}
	s := session{Conn: c, lang: lang, limits: o}
	task, err := backfill.Read(lang, script, direction)
	if err != nil {
		return ledger.Fill{}, err
	}
	if err := runnable(task, o); err != nil {
		return ledger.Fill{}, err
	}
	if task.Lock > 0 {
		s.limits.LockTimeout = task.Lock
	}
	led := ledger.New(lang, o.Ledger)
	f, number, err := found(ctx, led, c, task, direction)
	if err != nil || f.ID != "" {
		return f, err
	}
	p := planner{session: s, led: led, order: order{task: task}, script: script, run: fillID(task, number+1)}
	if err := p.look(ctx); err != nil {
		return ledger.Fill{}, err
	}
	tried, err := p.dry(ctx)
	if err != nil {
		return ledger.Fill{}, err
	}
	if o.Sink != nil {
		o.Sink.Event(tried)
		if !p.task.Repeats() && len(p.task.Checks) == 0 {
			o.Sink.Event(blind(p.task))
		}
	}
	return p.record(ctx, number+1, tried)
}

// blind warns of a backfill that can be done with rows missing: it cannot go
// through the table again, and nothing asks whether a row was missed.
func blind(task backfill.Task) event.Warning {
	at := task.Body[0].Pos
	return event.Warning{
		Code: "backfill.blind", File: at.File, Line: at.Line,
		Text: fmt.Sprintf("rows of %s that are added, or given another key, behind the backfill while it runs can be missed", task.Spec.Table),
		Hint: "add a condition that passes over rows that are done, such as loc IS NULL, or a -- migrate:check that finds rows that are not",
	}
}

// found is the backfill of that revision and direction that is not at its end;
// number is the highest of those there were. One that was planned with other
// statements is refused.
func found(ctx context.Context, led ledger.Ledger, c db.Conn, task backfill.Task, direction revision.Direction) (f ledger.Fill, number int64, err error) {
	all, err := led.Fills(ctx, c)
	if err != nil {
		return f, 0, err
	}
	for _, g := range all {
		if g.Revision != task.Revision || g.Direction != direction {
			continue
		}
		number = max(number, g.Number)
		if g.Active() {
			f = g
		}
	}
	lang, err := language(c)
	if err != nil || f.ID == "" || f.Hash == hashOf(lang, task) {
		return f, number, err
	}
	return f, number, fault.At(task.Spec.At, fault.Edited, "backfill %s was edited after it had begun", task.Revision).
		Try("put the old text back; or end the one that has begun with bellows backfill cancel %s, and run the same command again", task.Revision)
}

// hashOf is the same for texts that are the same to the server.
func hashOf(lang backfill.Language, task backfill.Task) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %q %q\n", task.Direction, task.Table, task.Columns)
	for _, s := range task.Body {
		fmt.Fprintf(h, "%q\n", lang.Bare(s.Text))
	}
	for _, q := range task.Checks {
		fmt.Fprintf(h, "%q\n", lang.Bare(q.Text))
	}
	if task.Logic != nil {
		fmt.Fprintf(h, "%q %q %q\n", task.Spec.Program, task.Spec.Function, lang.Bare(task.Logic.Write.Text))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// fillID is the name of the number-th backfill of a revision in one direction.
func fillID(task backfill.Task, number int64) string {
	return fmt.Sprintf("%s/%s/%d", task.Revision, task.Direction, number)
}

// planner plans one backfill.
type planner struct {
	session
	order
	led    ledger.Ledger
	script revision.Script
	shape  db.Shape
	choice backfill.Choice
	parts  []Part
	rows   int64
	span   *uint64
	run    string  // what the backfill will be called
	rowing *rowing // of rows that are worked out beyond the database
	mind   *mind
}

// look looks at the table and chooses a way through it.
func (p *planner) look(ctx context.Context) error {
	keyer, ok := p.Conn.(db.Keyer)
	if !ok {
		return fault.New(fault.Unsupported, "this session cannot tell the keys of a table")
	}
	at := p.task.Spec.At
	shape, ok, err := keyer.Shape(ctx, p.task.Table)
	switch {
	case err != nil:
		return err
	case !ok:
		return fault.At(at, fault.Missing, "there is no table %s", p.task.Spec.Table).Try("correct table: in the directive")
	case shape.Kind != "table":
		return fault.At(at, fault.Unsupported, "%s is a %s, and a backfill goes through the rows of a table", p.task.Spec.Table, shape.Kind).
			Try("name the table behind it")
	}
	p.shape = shape
	if p.rows, err = p.count(ctx); err != nil {
		return err
	}
	if err := p.spans(ctx); err != nil {
		return err
	}
	if p.choice, err = backfill.Choose(p.table(), backfill.Wish{Table: p.task.Spec.Table, Columns: p.task.Columns, Repeats: p.pages(), At: at}); err != nil {
		return err
	}
	p.key, p.strategy = p.choice.Key, p.choice.Strategy
	return p.leaves(ctx)
}

// pages tells whether the table may be gone through by pages. A program knows rows
// by their keys, so where there is one its order is taken.
func (p *planner) pages() bool {
	return p.task.Repeats() && (p.task.Logic == nil || len(p.shape.Keys) == 0)
}

// count counts the rows for a moment, and takes the server's estimate then.
func (p *planner) count(ctx context.Context) (int64, error) {
	watcher, ok := p.Conn.(db.Watcher)
	if !ok {
		return p.shape.Rows, nil
	}
	n, err := watcher.Count(ctx, plan.Loss{Table: p.shape.Table}, countTime)
	if err != nil || n.Exact {
		return n.Rows, err
	}
	return max(n.Rows, p.shape.Rows), nil
}

// spans reads how far the values of the first key reach, if it is an integer.
func (p *planner) spans(ctx context.Context) error {
	if len(p.shape.Keys) == 0 {
		return nil
	}
	key := p.shape.Keys[0]
	if len(p.task.Columns) > 0 {
		for _, k := range p.shape.Keys {
			if len(k.Columns) == 1 && len(p.task.Columns) == 1 && k.Columns[0].Name == p.task.Columns[0] {
				key = k
			}
		}
	}
	if len(key.Columns) != 1 || !key.Columns[0].Integer {
		return nil
	}
	span, err := p.spanOf(ctx, p.shape.SQL, key.Columns[0].Name)
	p.span = span
	return err
}

// spanOf is the greatest value less the least; nil when there are no rows.
func (p *planner) spanOf(ctx context.Context, table, column string) (*uint64, error) {
	c := p.lang.Quote(column)
	line, err := firstLine(ctx, p, "SELECT MIN("+c+"), MAX("+c+") FROM "+table)
	if err != nil || line[0] == "" {
		return nil, err
	}
	span, err := backfill.Distance(line[0], line[1])
	return &span, err
}

// table is the shape as the choice of a strategy sees it.
func (p *planner) table() backfill.Table {
	t := backfill.Table{Rows: p.rows, Bytes: p.shape.Blocks * p.shape.BlockSize, Span: p.span, Why: p.shape.Why}
	for _, k := range p.shape.Keys {
		t.Keys = append(t.Keys, keyOf(k))
	}
	if p.shape.Pages != nil {
		pages := keyOf(*p.shape.Pages)
		t.Pages = &pages
	}
	return t
}

func keyOf(k db.Key) backfill.Key {
	key := backfill.Key{Name: k.Name, Primary: k.Primary, Correlation: k.Correlation, Moves: k.Moves}
	for _, c := range k.Columns {
		key.Columns = append(key.Columns, backfill.Column{Name: c.Name, Kind: c.Kind, Integer: c.Integer, Desc: c.Desc})
	}
	return key
}

// leaves makes the parts: the table, or each leaf of it.
func (p *planner) leaves(ctx context.Context) error {
	parts := []Part{{Table: p.shape.Table, SQL: p.shape.SQL}}
	if p.shape.Parts != nil {
		parts = parts[:0]
		for _, leaf := range p.shape.Parts {
			parts = append(parts, Part{Table: leaf.Table, SQL: leaf.SQL, Leaf: true})
		}
		p.choice.Reason += fmt.Sprintf(", partition by partition (%d)", len(parts))
	}
	for i := range parts {
		if err := parts[i].identify(ctx, p.session, p.key); err != nil {
			return err
		}
		if p.strategy != backfill.Arithmetic {
			continue
		}
		span, err := p.spanOf(ctx, parts[i].SQL, p.key.Columns[0].Name)
		if err != nil {
			return err
		}
		if span != nil {
			parts[i].Span = *span
		}
	}
	p.parts = parts
	return nil
}

// record writes the backfill down, and its tables where they are not there.
func (p *planner) record(ctx context.Context, number int64, tried any) (ledger.Fill, error) {
	text, err := spec{Script: revision.Script{Revision: p.task.Revision, Kind: p.script.Kind, Fill: p.script.Fill, Down: p.script.Down, Check: p.script.Check},
		Direction: p.task.Direction}.String()
	if err != nil {
		return ledger.Fill{}, err
	}
	key, err := json.Marshal(p.key)
	if err != nil {
		return ledger.Fill{}, err
	}
	dry, err := json.Marshal(tried)
	if err != nil {
		return ledger.Fill{}, err
	}
	d := p.task.Spec
	f := ledger.Fill{
		ID: fillID(p.task, number), Revision: p.task.Revision, Direction: p.task.Direction, Number: number,
		State: ledger.FillPlanned, Want: ledger.WantGo, Table: d.Table, Spec: text, Hash: hashOf(p.lang, p.task), Strategy: p.strategy,
		Reason: p.choice.Reason, Key: string(key), Parts: writeParts(p.parts), Sweep: 1, NextSeq: 1, FirstRows: int64(d.Rows), Target: d.Target,
		Workers: max(int64(d.Workers), 1), Pause: d.Pause, Poison: int64(d.Poison), Rows: p.rows, Dry: string(dry),
	}
	p.point("recording")
	if err := p.write(ctx, &f); err != nil {
		rollback(ctx, p)
		return f, err
	}
	p.point("recorded")
	return f, nil
}

// write makes the tables of backfills where they are not there, and records the
// backfill. Tables that are made may change what the identity of others is made
// of, so that is asked again.
func (p *planner) write(ctx context.Context, f *ledger.Fill) error {
	if _, err := p.Exec(ctx, p.lang.Traits().BeginWrite); err != nil {
		return err
	}
	has, err := p.led.HasFill(ctx, p)
	if err != nil {
		return err
	}
	if has && p.task.Logic != nil {
		if has, err = p.led.HasLeases(ctx, p); err != nil {
			return err
		}
	}
	if !has {
		for _, sql := range p.led.CreateFill() {
			if _, err := p.Exec(ctx, sql); err != nil {
				return err
			}
		}
		for i := range p.parts {
			if err := p.parts[i].identify(ctx, p.session, p.key); err != nil {
				return err
			}
		}
		f.Parts = writeParts(p.parts)
	}
	return p.commit(ctx, p.led.AddFill(*f, p.limits.By))
}

func (p *planner) point(name string) {
	if p.limits.Point != nil {
		p.limits.Point(name)
	}
}

// mayGoOn tells by an error that a backfill that had stopped cannot go on with a
// part whose identity is now another. begins tells that it must go through the
// part from its beginning, because rows may have other keys now.
func mayGoOn(p Part, now string, key backfill.Key, repeats bool) (begins bool, err error) {
	switch {
	case now == p.Identity:
		return false, nil
	case !sameBut(p.Identity, now):
		return false, moved(p, now)
	case key.Moves && !repeats:
		return false, fault.New(fault.Repair, "rows of %s may have other numbers now, and the statement would change some of them twice", p.Table).
			Try("cancel this backfill, and write one whose statement passes over rows that it has changed")
	}
	return key.Moves, nil
}
