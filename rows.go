package bellows

import (
	"context"
	"errors"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
)

// Row is a row as the query of a backfill gives it, by the names of its columns; or
// what is written for one, by the names of the write section's parameters. Values
// are nil, bool, int64, float64, string, []byte, time.Time, json.RawMessage or
// []any. Exact numbers (numeric, decimal) are strings, and so are values that their
// Go type does not hold, such as a date before our era. What is written may be
// anything that encoding/json knows.
type Row map[string]any

// Skip is the error of a [RowFunction] for a row that is to stay as it is.
const Skip = skip("the row is passed over")

type skip string

// Error implements error.
func (s skip) Error() string { return string(s) }

// RowFunction is the logic of rows, in Go, of a backfill whose directive says
// function:NAME. It is called outside any transaction, by several workers at
// once, and again for a row that was changed meanwhile or whose chunk could not be
// written: what it does to the world outside must bear that. One of Each and Batch
// is set.
type RowFunction struct {
	Name string
	// Each gives what is written for one row. [Skip] leaves the row as it is; any
	// other error is the row's, which is set aside.
	Each func(ctx context.Context, row Row) (Row, error)
	// Batch gives a result for each of some rows, in their order. Its error is not
	// a row's: it stops the backfill.
	Batch func(ctx context.Context, rows []Row) ([]RowResult, error)
}

// RowResult is what is written for a row of a batch; Err is as for Each.
type RowResult struct {
	Row Row
	Err error
}

// functions are the functions of rows by their names.
func functions(all []RowFunction) (map[string]fill.Function, error) {
	byName := map[string]fill.Function{}
	for _, f := range all {
		switch {
		case f.Name == "" || (f.Each == nil) == (f.Batch == nil):
			return nil, fault.New(fault.Usage, "a function of rows needs a Name, and one of Each and Batch (name %q)", f.Name)
		case byName[f.Name] != nil:
			return nil, fault.New(fault.Usage, "there are two functions of rows of the name %q", f.Name)
		}
		byName[f.Name] = f.function()
	}
	return byName, nil
}

func (f RowFunction) function() fill.Function {
	return func(ctx context.Context, rows []map[string]any) ([]fill.Answer, error) {
		answers := make([]fill.Answer, 0, len(rows))
		if f.Each != nil {
			for _, row := range rows {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				out, err := f.Each(ctx, row)
				answers = append(answers, answerOf(out, err))
			}
			return answers, ctx.Err()
		}
		some := make([]Row, len(rows))
		for i, row := range rows {
			some[i] = row
		}
		results, err := f.Batch(ctx, some)
		for _, r := range results {
			answers = append(answers, answerOf(r.Row, r.Err))
		}
		return answers, err
	}
}

func answerOf(row Row, err error) fill.Answer {
	if errors.Is(err, Skip) {
		return fill.Answer{Skip: true}
	}
	return fill.Answer{Row: row, Err: err}
}
