package fill

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/plan"
)

// next moves a backfill on whose chunks are all done or set aside, and beyond
// which no rows were found: to new leaves, to its check, to another sweep, to its
// end, or to a stop that says why.
func (q *queue) next(ctx context.Context) error {
	if q.checking() {
		return q.checked(ctx)
	}
	if more, err := q.newLeaves(ctx); err != nil || more {
		return err
	}
	if err := q.cover(ctx); err != nil {
		return err
	}
	open, err := q.led.CountPoison(ctx, q.Conn, q.f.ID)
	if err != nil {
		return err
	}
	var changed, rows int64
	for _, c := range q.chunks {
		if int64(c.Sweep) == q.f.Sweep && c.Kind == backfill.Rows {
			changed += c.Changed
			rows += c.Rows
		}
	}
	if q.f.Sweep == 1 && q.exact() {
		q.f.Rows = rows
	}
	q.events = append(q.events, event.FillSwept{ID: string(q.task.Revision), Table: q.f.Table, Sweep: int(q.f.Sweep), Changed: changed})
	if open > 0 {
		q.writes = append(q.writes, q.led.StopFill(q.f.ID, fault.Repair, setAside(open, q.f.Table)))
		return nil
	}
	if len(q.task.Checks) == 0 {
		q.writes = append(q.writes, q.led.EndFill(q.f.ID, ledger.FillChecked))
		return nil
	}
	if q.carries(false) || !q.inChunks() {
		q.addCheck(backfill.Whole, backfill.Range{}, 1)
	}
	if q.inChunks() {
		return q.planCheck(ctx, ahead*int(max(q.f.Workers, 1)))
	}
	return nil
}

func setAside(open int64, table string) string {
	rows := "rows are"
	if open == 1 {
		rows = "row is"
	}
	return fmt.Sprintf("all other rows of %s are done, and %d %s set aside", table, open, rows)
}

// checks are the chunks of this sweep's check.
func (q *queue) checks() []backfill.Chunk {
	var all []backfill.Chunk
	for _, c := range q.chunks {
		if c.Kind == backfill.Check && int64(c.Sweep) == q.f.Sweep {
			all = append(all, c)
		}
	}
	return all
}

// checking tells whether the sweep is over and its check is being asked.
func (q *queue) checking() bool { return len(q.checks()) > 0 }

// carries tells whether there is a check that can, or cannot, be asked of some
// rows only.
func (q *queue) carries(can bool) bool {
	return slices.ContainsFunc(q.task.Checks, func(c backfill.Query) bool { return c.Carries == can })
}

// inChunks tells whether checks are asked chunk by chunk. By places of storage
// they are not: any change of a row gives it another, so one that is changed
// between two chunks could be in neither.
func (q *queue) inChunks() bool { return q.carries(true) && q.strategy != backfill.Pages }

func (q *queue) addCheck(part int, in backfill.Range, rows int64) {
	q.fresh = append(q.fresh, backfill.Chunk{Seq: q.f.NextSeq, Kind: backfill.Check, Sweep: int(q.f.Sweep), Part: part, State: backfill.Todo, Range: in, Rows: rows})
	q.f.NextSeq++
}

// planCheck adds at most n chunks of the check behind those that are planned. The
// last has no end, so that rows that come behind it are in it.
func (q *queue) planCheck(ctx context.Context, n int) error {
	low, size, done := q.checkedTo()
	if done {
		return nil
	}
	pace := backfill.Pace{Size: size, First: max(q.f.Size, q.f.FirstRows), Target: q.target, Ceiling: q.f.Ceiling}
	sizes := pace.Sizes(q.samples(backfill.Check), n)
	part := q.table(q.lang, q.parts)
	part.Planned = low
	ends, err := q.ends(ctx, &part, sizes)
	if err != nil {
		return err
	}
	last := len(ends) < len(sizes)
	for i, e := range ends {
		in := backfill.Range{Low: low, High: e.at}
		if last && i == len(ends)-1 {
			in.High = nil
		}
		q.addCheck(0, in, e.rows)
		low = e.at
	}
	if last && len(ends) == 0 {
		q.addCheck(0, backfill.Range{Low: low}, 1)
	}
	return nil
}

// checkedTo is where the next chunk of the check begins, how large the last was,
// and whether that one has no end.
func (q *queue) checkedTo() (low backfill.Bound, size int64, done bool) {
	begins := map[string]bool{}
	latest := int64(-1)
	for _, c := range q.checks() {
		if c.Part < 0 {
			continue
		}
		begins[c.Range.Low.String()] = true
		done = done || c.Range.High == nil
		if c.Seq > latest && c.Merged <= 1 {
			latest, size = c.Seq, c.Rows
		}
	}
	for _, c := range q.checks() {
		if c.Part >= 0 && !begins[c.Range.High.String()] {
			low = c.Range.High
		}
	}
	return low, size, done
}

// checked decides by what the check has found.
func (q *queue) checked(ctx context.Context) error {
	var found int64
	var notes []string
	var inChunks []backfill.Chunk
	again := false
	for _, c := range q.checks() {
		found += c.Changed
		if c.Note != "" && len(notes) < shown {
			notes = append(notes, strings.Split(c.Note, "; ")...)
		}
		if again = again || c.Part == backfill.Again; c.Part >= 0 {
			inChunks = append(inChunks, c)
		}
	}
	if q.inChunks() {
		if err := backfill.Cover(inChunks, nil); err != nil {
			return fault.New(fault.Internal, "the check does not cover %s", q.f.Table).Because(err)
		}
		if found == 0 && !again {
			q.addCheck(backfill.Again, backfill.Range{}, 1)
			return nil
		}
	}
	note := strings.Join(notes[:min(len(notes), shown)], "; ")
	q.events = append(q.events, event.FillSwept{ID: string(q.task.Revision), Table: q.f.Table, Sweep: int(q.f.Sweep), Checked: true, Found: found})
	if found == 0 {
		q.writes = append(q.writes, q.led.EndFill(q.f.ID, ledger.FillChecked))
		return nil
	}
	why := fmt.Sprintf("the check still finds %d rows of %s: %s", found, q.f.Table, note)
	if found == 1 {
		why = fmt.Sprintf("the check still finds a row of %s: %s", q.f.Table, note)
	}
	switch {
	case !q.task.Repeats():
		why += "; the statement cannot be run again, because it has no condition that passes over rows it has changed"
	case q.idle() && q.passedOver():
		q.writes = append(q.writes, q.led.EndFill(q.f.ID, ledger.FillChecked))
		return nil
	case q.idle():
		why += "; the statement passes over these rows"
	case q.f.Sweep >= sweeps:
		why += fmt.Sprintf("; after %d sweeps the application still adds such rows", q.f.Sweep)
	default:
		return q.sweepAgain(ctx)
	}
	q.writes = append(q.writes, q.led.StopFill(q.f.ID, fault.Check, why))
	return nil
}

// passedOver tells whether rows that are left may be those that a program, or a
// function, passes over, and nothing else says that they must not be.
func (q *queue) passedOver() bool {
	for _, c := range q.task.Checks {
		if !c.Derived {
			return false
		}
	}
	return q.task.Logic != nil
}

// idle tells whether the sweep was a repeated one and changed nothing.
func (q *queue) idle() bool {
	for _, c := range q.chunks {
		if int64(c.Sweep) == q.f.Sweep && c.Kind == backfill.Rows && c.Changed > 0 {
			return false
		}
	}
	return q.f.Sweep > 1
}

// sweepAgain begins another sweep over the whole table.
func (q *queue) sweepAgain(ctx context.Context) error {
	q.f.Sweep++
	q.f.Looks = 0
	for i := range q.parts {
		q.parts[i].Planned = nil
	}
	return q.plan(ctx, ahead*int(max(q.f.Workers, 1)))
}

// newLeaves adds the leaves that a partitioned table got meanwhile.
func (q *queue) newLeaves(ctx context.Context) (bool, error) {
	if len(q.parts) == 0 || !q.parts[0].Leaf {
		return false, nil
	}
	keyer, ok := q.Conn.(db.Keyer)
	if !ok {
		return false, nil
	}
	shape, ok, err := keyer.Shape(ctx, q.task.Table)
	if err != nil || !ok {
		return false, err
	}
	known := map[plan.Name]bool{}
	for _, p := range q.parts {
		known[p.Table] = true
	}
	before := len(q.parts)
	for _, p := range shape.Parts {
		if known[p.Table] {
			continue
		}
		part, err := q.part(ctx, p)
		if err != nil {
			return false, err
		}
		q.parts = append(q.parts, part)
	}
	if len(q.parts) == before {
		return false, nil
	}
	return true, q.plan(ctx, ahead*int(max(q.f.Workers, 1)))
}

// part looks a leaf up.
func (q *queue) part(ctx context.Context, p db.Part) (Part, error) {
	part := Part{Table: p.Table, SQL: p.SQL, Leaf: true}
	return part, part.identify(ctx, q.session, q.key)
}

// cover proves that the sweep's chunks lie end to end over every part, and that
// the parts still are what they were.
func (q *queue) cover(ctx context.Context) error {
	for _, p := range q.parts {
		line, err := firstLine(ctx, q, "SELECT "+p.asks(q.lang, q.key))
		if err != nil {
			return err
		}
		if err := moved(p, line[0]); err != nil {
			return err
		}
	}
	byPart := map[int][]backfill.Chunk{}
	for _, c := range q.chunks {
		if c.Kind == backfill.Rows && int64(c.Sweep) == q.f.Sweep {
			byPart[c.Part] = append(byPart[c.Part], c)
		}
	}
	for i, p := range q.parts {
		if len(byPart[i]) == 0 && p.Planned == nil {
			continue
		}
		if err := backfill.Cover(byPart[i], p.Planned); err != nil {
			return fault.New(fault.Internal, "the chunks of %s do not cover it", p.Table).Because(err)
		}
	}
	return nil
}
