package fill

import (
	"context"
	"strconv"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/db"
)

// reader reads keys of one part of the table.
type reader struct {
	session
	key  backfill.Key
	part Part
}

// row is the name of the table's rows in queries of ours. Every column is
// qualified by it: a bare one in ORDER BY would be the text that is selected, and
// texts have another order.
const row = "bellows_row"

func (r reader) from(in backfill.Range) string {
	return " FROM " + r.part.SQL + " " + row + " WHERE " + backfill.Condition(r.lang, row, r.key, in)
}

// at is the key that stands n rows (counted from 0) into a range; nil when there
// are not so many rows.
func (r reader) at(ctx context.Context, in backfill.Range, n int64) (backfill.Bound, error) {
	return r.bound(ctx, in, backfill.Order(r.lang, row, r.key), n)
}

// last is the last key of a range; nil when it has no rows.
func (r reader) last(ctx context.Context, in backfill.Range) (backfill.Bound, error) {
	return r.bound(ctx, in, backfill.Reverse(r.lang, row, r.key), 0)
}

func (r reader) bound(ctx context.Context, in backfill.Range, order string, offset int64) (backfill.Bound, error) {
	sql := "SELECT " + backfill.Texts(r.lang, row, r.key) + r.from(in) +
		" ORDER BY " + order + " LIMIT 1"
	if offset > 0 {
		sql += " OFFSET " + strconv.FormatInt(offset, 10)
	}
	line, err := firstLine(ctx, r, sql)
	return backfill.Bound(line), err
}

// count counts the rows of a range.
func (r reader) count(ctx context.Context, in backfill.Range) (int64, error) {
	line, err := firstLine(ctx, r, "SELECT COUNT(*)"+r.from(in))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(line[0], 10, 64)
}

// all are the keys of a range, in order, at most n.
func (r reader) all(ctx context.Context, in backfill.Range, n int64) ([]backfill.Bound, error) {
	sql := "SELECT " + backfill.Texts(r.lang, row, r.key) + r.from(in) +
		" ORDER BY " + backfill.Order(r.lang, row, r.key) + " LIMIT " + strconv.FormatInt(n, 10)
	found, err := db.Texts(ctx, r, sql)
	keys := make([]backfill.Bound, len(found))
	for i, line := range found {
		keys[i] = line
	}
	return keys, err
}
