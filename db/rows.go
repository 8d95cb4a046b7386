package db

import (
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// FromSQL makes Rows of the standard library's; fail turns its errors into
// ours. done is called once, when the rows are closed; nil is nothing to do.
// A time kept as text can be scanned into a time.Time, and text scanned into an
// any is a string, whatever the driver makes of it.
func FromSQL(rows *sql.Rows, fail func(error) error, done func()) (Rows, error) {
	r := &sqlRows{rows: rows, fail: fail, done: done}
	types, err := rows.ColumnTypes()
	if err != nil {
		r.Close()
		return nil, fail(err)
	}
	for _, t := range types {
		r.columns = append(r.columns, t.Name())
		r.types = append(r.types, t.DatabaseTypeName())
		r.bytes = append(r.bytes, holdsBytes(t.DatabaseTypeName()))
	}
	return r, nil
}

func holdsBytes(typeName string) bool {
	if typeName == "" {
		return true
	}
	for _, word := range []string{"BLOB", "BINARY", "BIT", "GEOMETRY", "VECTOR"} {
		if strings.Contains(typeName, word) {
			return true
		}
	}
	return false
}

type sqlRows struct {
	rows    *sql.Rows
	columns []string
	types   []string // as the driver names them
	values  []any    // of the row that is read, and pointers to them
	into    []any
	bytes   []bool
	fail    func(error) error
	done    func()
	err     error
	closed  bool
}

func (r *sqlRows) Columns() []string { return r.columns }

// Next closes the rows after the last one, as database/sql does.
func (r *sqlRows) Next() bool {
	if r.rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *sqlRows) Scan(dest ...any) error {
	into := make([]any, len(dest))
	for i, d := range dest {
		into[i] = d
		switch d := d.(type) {
		case *time.Time:
			into[i] = &textTime{d}
		case *any:
			if i < len(r.bytes) && !r.bytes[i] {
				into[i] = &textAny{d}
			}
		}
	}
	return r.rows.Scan(into...)
}

func (r *sqlRows) Err() error { return r.err }

func (r *sqlRows) Close() {
	if r.closed {
		return
	}
	r.closed = true
	if err := r.rows.Err(); err != nil {
		r.err = r.fail(err)
	}
	if err := r.rows.Close(); err != nil && r.err == nil {
		r.err = r.fail(err)
	}
	if r.done != nil {
		r.done()
	}
}

// textTime scans a time, also one that is kept as text.
type textTime struct{ to *time.Time }

// Scan implements sql.Scanner.
func (t *textTime) Scan(value any) error {
	switch v := value.(type) {
	case time.Time:
		*t.to = v
		return nil
	case []byte:
		return t.parse(string(v))
	case string:
		return t.parse(v)
	}
	return fmt.Errorf("a %T is no time", value)
}

func (t *textTime) parse(text string) error {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02"} {
		if at, err := time.Parse(layout, text); err == nil {
			*t.to = at
			return nil
		}
	}
	return fmt.Errorf("%q is no time", text)
}

// textAny scans any value; bytes of a column that holds text become a string.
type textAny struct{ to *any }

// Scan implements sql.Scanner.
func (t *textAny) Scan(value any) error {
	if v, ok := value.([]byte); ok {
		value = string(v)
	}
	*t.to = value
	return nil
}
