package postgres

import (
	"context"
	"strconv"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// rows are one result, read as it arrives.
type rows struct {
	pgx.Rows
	fail    func(error) error
	known   *pgtype.Map
	columns []string
	types   []uint32
}

// newRows waits for the head of the result, so that a query that is wrong fails
// at once and not at the first row.
func newRows(ctx context.Context, c *conn, sql string, result *pgconn.ResultReader) (db.Rows, error) {
	r := &rows{
		Rows:  pgx.RowsFromResultReader(c.types, result),
		known: c.types,
		fail:  func(err error) error { return c.fail(ctx, sql, err) },
	}
	fields := result.FieldDescriptions()
	if fields == nil {
		if _, err := result.Close(); err != nil {
			return nil, r.fail(err)
		}
	}
	for _, f := range fields {
		r.columns = append(r.columns, f.Name)
		r.types = append(r.types, f.DataTypeOID)
	}
	return r, nil
}

func (r *rows) Columns() []string { return r.columns }

func (r *rows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return r.fail(err)
	}
	return nil
}

// Scan reads a row; an any becomes nil, bool, int64, float64, time.Time, []byte
// or the text the server sent.
func (r *rows) Scan(dest ...any) error {
	raw := r.RawValues()
	if text, ok := loneText(dest); ok && len(raw) == 1 && raw[0] != nil {
		*text = string(raw[0])
		return nil
	}
	into := make([]any, len(dest))
	for i, d := range dest {
		into[i] = d
		if whatever, ok := d.(*any); ok && i < len(raw) {
			into[i] = nil // pgx skips it
			*whatever = r.value(i, raw[i])
		}
	}
	return r.Rows.Scan(into...)
}

var _ db.Wire = (*rows)(nil)

// Types are the types' names in pg_type; of those that the Go driver does not
// know their numbers.
func (r *rows) Types() []string {
	names := make([]string, len(r.types))
	for i, oid := range r.types {
		if t, ok := r.known.TypeForOID(oid); ok {
			names[i] = t.Name
		} else {
			names[i] = strconv.FormatUint(uint64(oid), 10)
		}
	}
	return names
}

// Cells gives the texts as they came. Those of bytea are in hexadecimal, which
// the session must have asked for.
func (r *rows) Cells(into []dialect.Cell) error {
	for i, raw := range r.RawValues() {
		into[i] = dialect.Cell{Null: raw == nil, Text: raw}
		if raw == nil || r.types[i] != pgtype.ByteaOID {
			continue
		}
		var b []byte
		if err := r.known.Scan(pgtype.ByteaOID, pgtype.TextFormatCode, raw, &b); err != nil {
			return err
		}
		into[i] = dialect.Cell{Kind: dialect.Bytes, Text: b}
	}
	return nil
}

// loneText is the only destination where that is a text: thousands of rows are
// read so.
func loneText(dest []any) (*string, bool) {
	if len(dest) != 1 {
		return nil, false
	}
	text, ok := dest[0].(*string)
	return text, ok
}

func (r *rows) value(i int, raw []byte) any {
	if raw == nil {
		return nil
	}
	text := string(raw)
	switch r.types[i] {
	case pgtype.BoolOID:
		return text == "t"
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.OIDOID:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case pgtype.Float4OID, pgtype.Float8OID:
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f
		}
	case pgtype.ByteaOID:
		var b []byte
		if r.known.Scan(pgtype.ByteaOID, pgtype.TextFormatCode, raw, &b) == nil {
			return b
		}
	case pgtype.TimestamptzOID, pgtype.TimestampOID, pgtype.DateOID:
		var t time.Time
		if r.known.Scan(r.types[i], pgtype.TextFormatCode, raw, &t) == nil {
			return t.UTC()
		}
	}
	return text
}
