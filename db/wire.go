package db

import (
	"strconv"
	"time"

	"github.com/bellowsdb/bellows/dialect"
)

// Wire is a Rows that gives a row as the server spelled it. All of this house are.
type Wire interface {
	Rows
	// Types are the columns' types, by the names that dialect.Rower knows.
	Types() []string
	// Cells reads the row into cells, one for each column. Their texts stay as they
	// are until the next call of Next.
	Cells(into []dialect.Cell) error
}

func (r *sqlRows) Types() []string { return r.types }

// Cells makes cells of the driver's values. What is kept as text comes as text,
// a time that the driver has made of one as ISO 8601.
func (r *sqlRows) Cells(into []dialect.Cell) error {
	if r.values == nil {
		r.values, r.into = make([]any, len(r.columns)), make([]any, len(r.columns))
		for i := range r.values {
			r.into[i] = &r.values[i]
		}
	}
	if err := r.rows.Scan(r.into...); err != nil {
		return err
	}
	for i, v := range r.values {
		into[i] = r.cell(i, v)
	}
	return nil
}

func (r *sqlRows) cell(i int, v any) dialect.Cell {
	switch v := v.(type) {
	case nil:
		return dialect.Cell{Null: true}
	case int64:
		return dialect.Cell{Kind: dialect.Integer, Text: strconv.AppendInt(nil, v, 10)}
	case uint64:
		return dialect.Cell{Kind: dialect.Integer, Text: strconv.AppendUint(nil, v, 10)}
	case float32:
		return dialect.Cell{Kind: dialect.Real, Text: real64(float64(v), 32)}
	case float64:
		return dialect.Cell{Kind: dialect.Real, Text: real64(v, 64)}
	case bool:
		return dialect.Cell{Kind: dialect.Bool, Text: strconv.AppendBool(nil, v)}
	case string:
		return dialect.Cell{Text: []byte(v)}
	case []byte:
		return dialect.Cell{Kind: dialect.Bytes, Text: v}
	case time.Time:
		layout := "2006-01-02 15:04:05.999999"
		if r.types[i] == "DATE" {
			layout = "2006-01-02"
		}
		return dialect.Cell{Kind: dialect.Moment, Text: v.AppendFormat(nil, layout)}
	}
	return dialect.Cell{Null: true} // database/sql knows no others
}

// real64 is a number as [dialect.Real] is spelled.
func real64(v float64, bits int) []byte {
	switch text := strconv.FormatFloat(v, 'g', -1, bits); text {
	case "+Inf":
		return []byte("Infinity")
	case "-Inf":
		return []byte("-Infinity")
	default:
		return []byte(text)
	}
}
