package dbtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
)

// values go in as arguments and come out as every type that Scan knows.
func (s suite) values(t *testing.T) {
	ctx := background(t)
	c := s.open(t, s.URL(t), db.Options{})
	traits := c.Dialect().Traits()
	must(t, c, "CREATE TABLE v (id "+traits.Int+" PRIMARY KEY, word "+traits.Text+", at "+traits.Time+")")
	at := time.Date(2026, 11, 19, 9, 30, 0, 123_000_000, time.UTC)
	insert := fmt.Sprintf("INSERT INTO v (id, word, at) VALUES (%s, %s, %s)", s.Mark(1), s.Mark(2), s.Mark(3))
	n, err := c.Exec(ctx, insert, int64(1)<<40, `it's "ä" \ ; -- no`, at.Format(traits.TimeLayout))
	if err != nil || n != 1 {
		t.Fatalf("insert: %d, %v", n, err)
	}
	if n, err = c.Exec(ctx, insert, 2, nil, nil); err != nil || n != 1 {
		t.Fatalf("insert of NULL: %d, %v", n, err)
	}
	rows, err := c.Query(ctx, "SELECT id, word, at FROM v ORDER BY id DESC")
	if err != nil {
		t.Fatal(err)
	}
	if got := rows.Columns(); !reflect.DeepEqual(got, []string{"id", "word", "at"}) {
		t.Errorf("columns %q", got)
	}
	var id int64
	var word string
	var when time.Time
	if !rows.Next() {
		t.Fatal("no row:", rows.Err())
	}
	if err := rows.Scan(&id, &word, &when); err != nil {
		t.Fatal(err)
	}
	if id != 1<<40 || word != `it's "ä" \ ; -- no` || !when.Equal(at) {
		t.Errorf("got %d %q %v", id, word, when)
	}
	var text string
	var bytes []byte
	var missing any = "x"
	if !rows.Next() {
		t.Fatal("no second row:", rows.Err())
	}
	if err := rows.Scan(&text, &bytes, &missing); err != nil {
		t.Fatal(err)
	}
	if text != "2" || bytes != nil || missing != nil {
		t.Errorf("got %q %v %v", text, bytes, missing)
	}
	if rows.Next() || rows.Err() != nil {
		t.Error("a third row, or", rows.Err())
	}
	s.anything(t, c)
}

func (s suite) anything(t *testing.T, c db.Conn) {
	rows, err := c.Query(background(t), "SELECT id, word, id > 2, count(*) FROM v WHERE id > 2 GROUP BY id, word")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var id, word any
	var yes bool
	var n int64
	if !rows.Next() {
		t.Fatal("no row:", rows.Err())
	}
	if err := rows.Scan(&id, &word, &yes, &n); err != nil {
		t.Fatal(err)
	}
	if id != int64(1)<<40 || word != `it's "ä" \ ; -- no` || !yes || n != 1 {
		t.Errorf("got %#v %#v %v %d", id, word, yes, n)
	}
	rows.Close()
	if _, err := c.Query(background(t), "SELECT nothing FROM nowhere"); err == nil {
		t.Error("a query of a table that is not there gives no error at once")
	}
}

// send runs items in order, tells which are done and which one failed.
func (s suite) send(t *testing.T) {
	ctx := background(t)
	c := s.open(t, s.URL(t), db.Options{})
	var done []string
	note := func(item int, rows int64) { done = append(done, fmt.Sprint(item, ":", rows)) }
	items := texts(
		"CREATE TABLE t (id int PRIMARY KEY, w varchar(20)) -- with a comment at its end",
		c.Dialect().Traits().BeginWrite,
		"INSERT INTO t VALUES (1, 'a'), (2, 'b')",
		"/* only a comment */",
		"UPDATE t SET w = 'c' WHERE id > 0",
		"SELECT * FROM t",
		"COMMIT",
	)
	if s.Serverless || !c.Dialect().Traits().TransactionalDDL {
		items[3].SQL = "DELETE FROM t WHERE id = 99" // there, a comment is no statement
	}
	if err := c.Send(ctx, items, note); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(done, " "); !strings.HasPrefix(got, "0:-1 1:-1 2:2 3:") || !strings.Contains(got, " 4:2 ") || !strings.HasSuffix(got, "6:-1") || len(done) != len(items) {
		t.Errorf("done: %s", got)
	}
	done = nil
	err := c.Send(ctx, texts(
		"INSERT INTO t VALUES (3, 'x')",
		c.Dialect().Traits().BeginWrite,
		"INSERT INTO t VALUES (4, 'x')",
		"INSERT INTO t VALUES (1, 'again')",
		"INSERT INTO t VALUES (5, 'x')",
		"COMMIT",
	), note)
	if e := failure(t, err); e.Item != 3 || e.Class != db.Bad || e.Code == "" {
		t.Errorf("item %d, class %d, code %q: %v", e.Item, e.Class, e.Code, e)
	}
	if len(done) != 3 {
		t.Errorf("done before the failure: %q", done)
	}
	must(t, c, "ROLLBACK")
	// PostgreSQL runs what stands before BEGIN in a message in the same
	// transaction, so the third row may be gone too; nothing else may be there.
	if got := one(t, c, "SELECT count(*) FROM t WHERE id > 3"); got != "0" {
		t.Errorf("%s rows survived the rollback", got)
	}
	if err := c.Send(ctx, nil, nil); err != nil {
		t.Errorf("nothing sent: %v", err)
	}
}

func texts(statements ...string) []db.Item {
	var items []db.Item
	for _, text := range statements {
		items = append(items, db.Item{SQL: text})
	}
	return items
}

// places of errors are byte offsets in the statement that failed.
func (s suite) places(t *testing.T) {
	ctx := background(t)
	c := s.open(t, s.URL(t), db.Options{})
	must(t, c, "CREATE TABLE t (id int, w varchar(20))")
	for _, test := range []struct{ before, at, after string }{
		{"INSERT INTO t VALUES (1, 'äöü €')\n  ", "FORM", " x"},
		{"SELECT id, 'FROM', w FROM t ", "FROM", " t"},
		{"/* ÄÖÜ */ SELECT id,\n\n -- dort, wo ö\n w FROM t WHERE ", ")", " > 1"},
	} {
		text := test.before + test.at + test.after
		err := c.Send(ctx, texts("SELECT 1", "SELECT 'ä' -- "+test.at, text, "SELECT 2"), nil)
		if e := failure(t, err); e.Item != 2 || e.Offset != len(test.before) {
			t.Errorf("%q: item %d, offset %d, want 2 and %d: %v", text, e.Item, e.Offset, len(test.before), e)
		}
		_, err = c.Exec(ctx, text)
		if e := failure(t, err); e.Item != 0 || e.Offset != len(test.before) {
			t.Errorf("%q by itself: item %d, offset %d, want 0 and %d: %v", text, e.Item, e.Offset, len(test.before), e)
		}
	}
	_, err := c.Exec(ctx, "SELECT 'ü', nowhere FROM t")
	if e := failure(t, err); e.Offset != len("SELECT 'ü', ") {
		t.Errorf("unknown column at %d: %v", e.Offset, e)
	}
	if _, err = c.Exec(ctx, "INSERT INTO t VALUES (1, 'x', 'too many')"); failure(t, err).Class != db.Bad {
		t.Error(err)
	}
}

// rollback undoes, and without a transaction does no harm.
func (s suite) rollback(t *testing.T) {
	c := s.open(t, s.URL(t), db.Options{})
	traits := c.Dialect().Traits()
	must(t, c, "CREATE TABLE t (id int)", "ROLLBACK", traits.BeginWrite, "INSERT INTO t VALUES (1)", "ROLLBACK", "ROLLBACK")
	if got := one(t, c, "SELECT count(*) FROM t"); got != "0" {
		t.Errorf("%s rows", got)
	}
	must(t, c, traits.BeginWrite, "CREATE TABLE u (id int)", "ROLLBACK")
	_, err := c.Exec(background(t), "SELECT * FROM u")
	if gone := err != nil; gone != traits.TransactionalDDL {
		t.Errorf("a table made in a transaction that was rolled back: %v", err)
	}
}

// shapes of tables may change between two runs of one query.
func (s suite) shapes(t *testing.T) {
	ctx := background(t)
	c := s.open(t, s.URL(t), db.Options{})
	must(t, c, "CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)")
	for want := 1; want < 4; want++ {
		rows, err := c.Query(ctx, "SELECT * FROM t WHERE id = "+s.Mark(1), 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows.Columns()) != want || !rows.Next() {
			t.Errorf("columns %q, want %d; %v", rows.Columns(), want, rows.Err())
		}
		rows.Close()
		if rows.Err() != nil {
			t.Error(rows.Err())
		}
		must(t, c, fmt.Sprintf("ALTER TABLE t ADD COLUMN c%d int", want))
	}
}

// cancel ends a statement and keeps the session.
func (s suite) cancel(t *testing.T) {
	c := s.open(t, s.URL(t), db.Options{})
	must(t, c, "CREATE TABLE t (id int)")
	before := c.Session()
	for _, run := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := c.Exec(ctx, s.Slow); return err },
		func(ctx context.Context) error { return c.Send(ctx, texts("SELECT 1", s.Slow), nil) },
		func(ctx context.Context) error {
			rows, err := c.Query(ctx, s.Slow)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
			}
			return rows.Err()
		},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		err := run(ctx)
		cancel()
		wantClass(t, err, db.Canceled)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the context's error is not in the chain: %v", err)
		}
		must(t, c, "INSERT INTO t VALUES (1)")
	}
	dead, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := c.Exec(dead, "INSERT INTO t VALUES (2)")
	wantClass(t, err, db.Canceled)
	if got := one(t, c, "SELECT count(*) FROM t"); got != "3" {
		t.Errorf("%s rows", got)
	}
	if c.Session() != before {
		t.Errorf("session %v became %v", before, c.Session())
	}
}

// notices reach the caller.
func (s suite) notices(t *testing.T) {
	var heard []string
	c := s.open(t, s.URL(t), db.Options{Notice: func(severity, text string) { heard = append(heard, severity+": "+text) }})
	if s.Warns == "" {
		return
	}
	if err := c.Send(background(t), texts(s.Warns), nil); err != nil {
		t.Fatal(err)
	}
	if len(heard) != 1 || !strings.Contains(heard[0], s.WarnText) {
		t.Errorf("heard %q, want %q", heard, s.WarnText)
	}
}

// readOnly sessions cannot write.
func (s suite) readOnly(t *testing.T) {
	url := s.URL(t)
	must(t, s.open(t, url, db.Options{}), "CREATE TABLE t (id int)")
	c := s.open(t, url, db.Options{ReadOnly: true})
	for _, text := range []string{"INSERT INTO t VALUES (1)", "CREATE TABLE u (id int)", "DROP TABLE t"} {
		_, err := c.Exec(background(t), text)
		if err == nil {
			t.Errorf("%s: done", text)
			continue
		}
		wantClass(t, err, db.Refused)
	}
	if got := one(t, c, "SELECT count(*) FROM t"); got != "0" {
		t.Errorf("%s rows", got)
	}
}
