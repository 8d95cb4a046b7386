package fill

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
)

const (
	// ahead is how many chunks are planned for each worker at a time, and behind
	// which are left when more are planned.
	ahead  = 6
	behind = 1
	// sweeps is how often the whole table is gone through, at most.
	sweeps = 5
	// looks is how often rows that were added meanwhile are gone after in one
	// sweep, before the check is asked.
	looks = 200
)

// behind is how many chunks are left for each worker when more are planned. Where
// rows are worked out beyond the database a worker has two at a time.
func (o order) behind() int64 {
	if o.task.Logic != nil {
		return 3
	}
	return behind
}

// queue is the planning of the next chunks, by whichever worker finds too few of
// them, while it holds the lock of the backfill's row.
type queue struct {
	session
	order
	led    ledger.Ledger
	f      ledger.Fill
	target time.Duration // of a chunk, now
	parts  []Part
	chunks []backfill.Chunk
	fresh  []backfill.Chunk
	writes []string
	events []event.Event
}

// refill plans more chunks when there are few, joins done ones, and moves the
// backfill on to its check and its end when nothing is left. busy tells that
// another worker is at it; planned how many chunks were added.
func (w *worker) refill(ctx context.Context) (planned int, busy bool, err error) {
	if err := w.begin(ctx, planTime); err != nil {
		return 0, false, err
	}
	w.point("plan begun")
	f, ok, err := w.led.LockFill(ctx, w.Conn, w.id)
	if err != nil || !ok || f.State != ledger.FillRunning {
		rollback(ctx, w.Conn)
		return 0, err == nil && !ok, err
	}
	q := queue{session: w.session, order: w.order, led: w.led, f: f, target: w.pressed.Load().effort.Target(f.Target)}
	if q.parts, err = readParts(f); err == nil {
		err = q.advance(ctx)
	}
	if err != nil {
		rollback(ctx, w.Conn)
		return 0, false, err
	}
	w.point("planned")
	err = w.commit(ctx, q.writes...)
	w.point("plan committed")
	if err != nil {
		rollback(ctx, w.Conn)
		return 0, false, err
	}
	for _, e := range q.events {
		w.emit(e)
	}
	if q.f.Tidied != f.Tidied {
		err = w.tidies(ctx, f.Workers)
	}
	return len(q.fresh), false, err
}

func (q *queue) advance(ctx context.Context) (err error) {
	if q.chunks, err = q.led.Chunks(ctx, q.Conn, q.f.ID, ""); err != nil {
		return err
	}
	todo, changed := 0, int64(0)
	for _, c := range q.chunks {
		if c.Kind == backfill.Rows {
			changed += c.Changed
		}
		if c.State == backfill.Todo {
			todo++
		}
	}
	want := ahead * int(max(q.f.Workers, 1))
	if todo <= int(q.behind()*max(q.f.Workers, 1)) {
		if err := q.plainly(ctx); err != nil {
			return err
		}
		if err := q.plan(ctx, want-todo); err != nil {
			return err
		}
		if len(q.fresh) == 0 && todo == 0 {
			if err := q.next(ctx); err != nil {
				return err
			}
		}
	}
	q.mergeDone()
	if len(q.fresh) > 0 {
		q.writes = append(q.writes, q.led.AddChunks(q.f.ID, q.fresh))
	}
	if q.f.Rows > 0 && (changed-q.f.Tidied)*tidyShare >= q.f.Rows && q.lang.Fill().Tidy != "" {
		q.f.Tidied = changed
	}
	q.f.Parts = writeParts(q.parts)
	q.writes = append(q.writes, q.led.Advance(q.f))
	return nil
}

// mergeDone joins the done chunks, so that the table of chunks stays small.
func (q *queue) mergeDone() {
	for _, j := range backfill.Merge(q.chunks) {
		q.writes = append(q.writes, q.led.Join(q.f.ID, j)...)
	}
}

// samples are the last chunks of that kind, of this sweep, that are done, oldest
// first.
func (q *queue) samples(kind string) []backfill.Sample {
	var all []backfill.Sample
	for _, c := range q.chunks {
		if c.State == backfill.Done && c.Kind == kind && c.Part >= 0 && c.Merged == 1 && int64(c.Sweep) == q.f.Sweep {
			all = append(all, backfill.Sample{Rows: c.Rows, Took: c.Took})
		}
	}
	return all
}

// plan adds at most n chunks behind those that are planned.
func (q *queue) plan(ctx context.Context, n int) error {
	if q.checking() && q.inChunks() {
		return q.planCheck(ctx, n)
	}
	if q.checking() || q.f.Looks > looks {
		return nil
	}
	pace := backfill.Pace{Size: q.f.Size, First: q.f.FirstRows, Target: q.target, Ceiling: q.f.Ceiling, Rows: q.f.Rows, Workers: int(q.f.Workers)}
	sizes := pace.Sizes(q.samples(backfill.Rows), n)
	for i := range q.parts {
		for len(sizes) > 0 {
			used, err := q.planPart(ctx, i, sizes)
			if err != nil {
				return err
			}
			if used == 0 {
				break
			}
			if used < len(sizes) {
				q.f.Looks++ // the end was met
			}
			q.f.Size = sizes[used-1]
			sizes = sizes[used:]
		}
	}
	return nil
}

// planPart adds chunks of a part, one for each size while there are rows, and
// tells how many.
func (q *queue) planPart(ctx context.Context, i int, sizes []int64) (int, error) {
	ends, err := q.ends(ctx, &q.parts[i], sizes)
	if err != nil {
		return 0, err
	}
	for _, e := range ends {
		q.fresh = append(q.fresh, backfill.Chunk{
			Seq: q.f.NextSeq, Kind: backfill.Rows, Sweep: int(q.f.Sweep), Part: i, State: backfill.Todo,
			Range: backfill.Range{Low: q.parts[i].Planned, High: e.at}, Rows: e.rows,
		})
		q.f.NextSeq++
		q.parts[i].Planned = e.at
	}
	return len(ends), nil
}

// end is where a chunk ends, and how many rows it has.
type end struct {
	at   backfill.Bound
	rows int64
}

func (q *queue) ends(ctx context.Context, part *Part, sizes []int64) ([]end, error) {
	switch {
	case q.parts[0].Leaf && !part.Leaf: // the whole of a partitioned table
	case q.strategy == backfill.Arithmetic:
		return q.count(ctx, part, sizes)
	case q.strategy == backfill.Pages:
		return q.pages(ctx, part, sizes)
	}
	return q.probe(ctx, part, sizes)
}

// probe asks the index for the key so many rows on.
func (q *queue) probe(ctx context.Context, part *Part, sizes []int64) ([]end, error) {
	r := reader{q.session, q.key, *part}
	var ends []end
	low := part.Planned
	for _, size := range sizes {
		at, err := r.at(ctx, backfill.Range{Low: low}, size-1)
		if err != nil {
			return nil, err
		}
		if at == nil {
			return q.rest(ctx, r, low, ends)
		}
		ends = append(ends, end{at, size})
		low = at
	}
	return ends, nil
}

// rest is the last chunk there is for now: it ends at the last row.
func (q *queue) rest(ctx context.Context, r reader, low backfill.Bound, ends []end) ([]end, error) {
	at, err := r.last(ctx, backfill.Range{Low: low})
	if err != nil || at == nil {
		return ends, err
	}
	n, err := r.count(ctx, backfill.Range{Low: low, High: at})
	return append(ends, end{at, max(n, 1)}), err
}

// count adds to an integer. What lies before the next row is not counted.
func (q *queue) count(ctx context.Context, part *Part, sizes []int64) ([]end, error) {
	column := q.lang.Quote(q.key.Columns[0].Name)
	line, err := firstLine(ctx, q, "SELECT MIN("+column+"), MAX("+column+") FROM "+part.SQL+" WHERE "+
		backfill.Condition(q.lang, "", q.key, backfill.Range{Low: part.Planned}))
	if err != nil || line[0] == "" {
		return nil, err
	}
	least, most := line[0], line[1]
	left, err := backfill.Distance(least, most)
	if err != nil {
		return nil, err
	}
	var ends []end
	for _, size := range sizes {
		step := uint64(backfill.Step(size, q.f.Rows, part.Span))
		if left < step {
			rows := max(int64(float64(size)*float64(left+1)/float64(step)), 1)
			return append(ends, end{backfill.Bound{most}, rows}), nil
		}
		at, err := backfill.Add(least, step-1)
		if err != nil {
			return nil, err
		}
		if least, err = backfill.Add(least, step); err != nil {
			return nil, err
		}
		left -= step
		ends = append(ends, end{backfill.Bound{at}, size})
	}
	return ends, nil
}

// pages adds to a block's number.
func (q *queue) pages(ctx context.Context, part *Part, sizes []int64) ([]end, error) {
	keyer, ok := q.Conn.(db.Keyer)
	if !ok {
		return nil, fault.New(fault.Unsupported, "this session cannot tell the size of %s", part.Table)
	}
	shape, ok, err := keyer.Shape(ctx, part.Table)
	if err != nil || !ok {
		return nil, err
	}
	at := block(part.Planned)
	var ends []end
	for _, size := range sizes {
		if at >= shape.Blocks {
			break
		}
		step := max(size*shape.Blocks/max(q.f.Rows, 1), 1)
		if at+step >= shape.Blocks {
			step = shape.Blocks - at
		}
		at += step
		ends = append(ends, end{backfill.Bound{fmt.Sprintf("(%d,0)", at)}, max(step*q.f.Rows/max(shape.Blocks, 1), 1)})
	}
	return ends, nil
}

// block is the number in a place of storage, "(12,0)"; 0 for nil.
func block(b backfill.Bound) int64 {
	if b == nil {
		return 0
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(b[0], "("), ",")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
