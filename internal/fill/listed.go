package fill

import (
	"context"
	"errors"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
)

const (
	// mostListed is how many answers stand in one statement, and mostSpelled how many
	// bytes they have, but for one that has more.
	mostListed  = 500
	mostSpelled = 1 << 20
)

// canList tells whether one statement can write many answers that stand in it.
func (r *rowing) canList(ctx context.Context) bool {
	if r.lister == nil {
		return false
	}
	row := make([]dialect.Cell, len(r.params))
	for i := range row {
		row[i].Null = true
	}
	sql, ok := r.list(backfill.Range{}, [][]dialect.Cell{row})
	if !ok {
		return false
	}
	_, err := db.Texts(ctx, r, "EXPLAIN "+sql)
	return err == nil
}

// list is the write for answers of a chunk that stand in it. ok is false where they
// would not be what they are in one statement each.
func (r *rowing) list(in backfill.Range, rows [][]dialect.Cell) (sql string, ok bool) {
	if !r.wholeKeys(rows) {
		return "", false
	}
	w := r.task.Logic.Write
	values, ok := r.lister.Values(table, rows)
	if !ok {
		return "", false
	}
	names := make([]string, len(w.Params))
	for i := range names {
		names[i] = r.lister.Value(table, i+1)
	}
	return w.Beside(values, names, backfill.Condition(r.lang, w.Target(), r.key, in))
}

// wholeKeys tells whether the rows are named by whole numbers, or nothing.
func (r *rowing) wholeKeys(rows [][]dialect.Cell) bool {
	for _, c := range r.key.Columns {
		p := r.number[r.task.Logic.Write.Pin(c.Name)]
		for _, row := range rows {
			if !row[p].Null && row[p].Kind != dialect.Integer {
				return false
			}
		}
	}
	return true
}

// writeList writes rows, which are locked, some hundreds with a statement. ok is false
// where that cannot be, and nothing was done. errChanged tells that not as many rows
// were met as there are, or that the server does not take such a statement: then it
// is not tried again.
func (r *rowing) writeList(ctx context.Context, in backfill.Range, some []*record, point func(string)) (n int64, ok bool, err error) {
	var sqls []string
	var sizes []int
	for len(some) > 0 {
		var rows [][]dialect.Cell
		size := 0
		for _, x := range some[:min(mostListed, len(some))] {
			for _, c := range x.values {
				size += len(c.Text) + 8
			}
			if size > mostSpelled && len(rows) > 0 {
				break
			}
			rows = append(rows, x.values)
		}
		sql, ok := r.list(in, rows)
		if !ok {
			return 0, false, nil
		}
		sqls, sizes = append(sqls, sql), append(sizes, len(rows))
		some = some[len(rows):]
	}
	for i, sql := range sqls {
		met, err := r.Exec(ctx, sql)
		if r.notListed(err) {
			met = -1
		} else if err != nil {
			return n, true, err
		}
		if met != int64(sizes[i]) {
			r.listed = false
			return n, true, errChanged
		}
		n += met
		if i == 0 {
			point("row")
		}
	}
	return n, true, nil
}

// notListed tells of an error that may be one of the statement for many answers alone.
func (r *rowing) notListed(err error) bool {
	var e *db.Error
	return errors.As(err, &e) && e.Class == db.Bad && r.lang.Trouble(e.Code, e.Message) == dialect.Fatal
}
