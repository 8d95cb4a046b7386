package fill_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/revision"
)

// byLogic is a backfill of posts whose rows a function works out.
func byLogic(read, write string, change ...func(*revision.Script)) revision.Script {
	s := script(read, change...)
	s.Fill.Function = "double"
	s.Fill.Write = &revision.Section{SQL: write, At: fault.Pos{File: "7_fill.sql", Line: 9, Column: 1}}
	return s
}

const (
	readAll   = "SELECT id, a FROM posts WHERE :chunk"
	readLeft  = "SELECT id, a FROM posts WHERE b IS NULL AND :chunk"
	writeOne  = "UPDATE posts SET b = :b WHERE id = :id"
	writeHalf = "UPDATE posts SET b = :b WHERE id = :id AND b IS NULL"
)

// doubled is what the function gives for a row.
func doubled(row map[string]any) map[string]any {
	return map[string]any{"id": row["id"], "b": row["a"].(int64) * 2}
}

// each makes a function of one for a row.
func each(f func(row map[string]any) fill.Answer) fill.Function {
	return func(_ context.Context, rows []map[string]any) ([]fill.Answer, error) {
		answers := make([]fill.Answer, len(rows))
		for i, row := range rows {
			answers[i] = f(row)
		}
		return answers, nil
	}
}

func doubles() fill.Function {
	return each(func(row map[string]any) fill.Answer { return fill.Answer{Row: doubled(row)} })
}

func logicOptions(url string, f fill.Function) fill.Options {
	o := options(url)
	o.Logic.Functions = map[string]fill.Function{"double": f}
	return o
}

// TestFunction: every row is worked out and written once, by a statement for many
// rows where the database has one, and by one for each row elsewhere.
func TestFunction(t *testing.T) {
	for _, e := range engines() {
		for _, write := range []string{writeOne, writeHalf, "UPDATE posts SET b = :b * 1 WHERE :id IN (id)"} {
			t.Run(e.name+"/"+write, func(t *testing.T) {
				t.Parallel()
				url := e.place(t, 3000)
				rep := filled(t, url, byLogic(readAll, write, check("SELECT id FROM posts WHERE b IS NULL OR b <> a * 2")), logicOptions(url, doubles()))
				once(t, url, 3000)
				if s := rep.Status; s.RowsTotal != 3000 || s.RowsDone != 3000 || s.RowsChanged != 3000 || s.State != "checked" {
					t.Errorf("%+v", s)
				}
				if n := number(t, url, "SELECT COUNT(*) FROM "+e.table("fill_lease")); n != 0 {
					t.Errorf("%d leases are left", n)
				}
			})
		}
	}
}

// TestOneSession: where there is no other session, the one reads and writes.
func TestOneSession(t *testing.T) {
	for _, e := range engines() {
		url := e.place(t, 300)
		c := session(t, url)
		o := logicOptions(url, doubles())
		o.Open, o.Conn = nil, c
		f, err := fill.Plan(context.Background(), c, byLogic(readAll, writeOne), revision.Up, o)
		if err == nil {
			_, err = fill.Work(context.Background(), f.ID, o)
		}
		c.Close()
		if err != nil {
			t.Fatal(err)
		}
		once(t, url, 300)
	}
}

// TestSkipped: rows that are skipped stay as they are, and the backfill ends.
func TestSkipped(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 500)
			f := each(func(row map[string]any) fill.Answer {
				if row["id"].(int64)%7 == 0 {
					return fill.Answer{Skip: true}
				}
				return fill.Answer{Row: doubled(row)}
			})
			rep := filled(t, url, byLogic(readLeft, writeOne), logicOptions(url, f))
			if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != 500-71 {
				t.Errorf("%d rows are right", n)
			}
			if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b IS NULL AND touched = 0"); n != 71 {
				t.Errorf("%d rows were skipped", n)
			}
			if rep.Status.RowsChanged != 500-71 {
				t.Errorf("%+v", rep.Status)
			}
		})
	}
}

// TestBadRows: rows that the function refuses, and rows that the table refuses, are
// set aside, each with its reason; all others are done. Corrected, they are done too.
func TestBadRows(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 300)
			do(t, url, "UPDATE posts SET a = 1000 WHERE id = 250")
			strict(t, e, url)
			refuses := map[int64]bool{13: true, 14: true, 300: true}
			f := each(func(row map[string]any) fill.Answer {
				if refuses[row["id"].(int64)] {
					return fill.Answer{Err: errors.New("no such place")}
				}
				return fill.Answer{Row: doubled(row)}
			})
			o := logicOptions(url, f)
			p := planned(t, url, byLogic(readAll, writeOne, spec(func(s *revision.FillSpec) { s.Poison = 5 })), o)
			_, err := fill.Work(context.Background(), p.ID, o)
			if !fault.Has(err, fault.Repair) || !strings.Contains(err.Error(), "4 rows are set aside") {
				t.Fatal(err)
			}
			if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != 296 {
				t.Errorf("%d rows are right", n)
			}
			c := session(t, url)
			defer c.Close()
			aside, err := fill.Poison(context.Background(), c, p.ID, o)
			if err != nil || len(aside) != 4 {
				t.Fatalf("%v %v", aside, err)
			}
			for _, a := range aside {
				if (a.Reason == "no such place") == (a.Key[0] == "250") || a.Tries != 1 {
					t.Errorf("%+v", a)
				}
			}
			delete(refuses, 13)
			delete(refuses, 14)
			do(t, url, "UPDATE posts SET a = 7 WHERE id = 250")
			if err := fill.Retry(context.Background(), c, p.ID, "", o); err != nil {
				t.Fatal(err)
			}
			if _, err = fill.Work(context.Background(), p.ID, o); !fault.Has(err, fault.Repair) || !strings.Contains(err.Error(), "a row is set aside") && !strings.Contains(err.Error(), "1 row is set aside") {
				t.Fatal(err)
			}
			if err := fill.Waive(context.Background(), c, p.ID, "300", "it is a test", o); err != nil {
				t.Fatal(err)
			}
			if _, err = fill.Work(context.Background(), p.ID, o); err != nil {
				t.Fatal(err)
			}
			if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != 299 {
				t.Errorf("%d rows are right", n)
			}
		})
	}
}

// TestTooManyBadRows: beyond the limit the backfill stops before it writes the chunk.
func TestTooManyBadRows(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 300)
			f := each(func(row map[string]any) fill.Answer {
				if id := row["id"].(int64); id > 100 && id < 120 {
					return fill.Answer{Err: errors.New("no such place")}
				}
				return fill.Answer{Row: doubled(row)}
			})
			o := logicOptions(url, f)
			p := planned(t, url, byLogic(readAll, writeOne, spec(func(s *revision.FillSpec) { s.Poison, s.Rows = 3, 100 })), o)
			_, err := fill.Work(context.Background(), p.ID, o)
			if !fault.Has(err, fault.Partial) || !strings.Contains(err.Error(), "more than 3 rows failed; one of them: row id=101 of posts: no such place") {
				t.Fatal(err)
			}
		})
	}
}

// TestChangedMeanwhile: rows that the application changes or deletes while they are
// worked out are worked out again from what they are now; none is overwritten.
func TestChangedMeanwhile(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 400)
			seen := map[int64]int{}
			working := false
			f := each(func(row map[string]any) fill.Answer {
				id := row["id"].(int64)
				if working {
					if seen[id]++; id%50 == 0 && seen[id] < 3 {
						do(t, url, fmt.Sprintf("UPDATE posts SET a = a + 1 WHERE id = %d", id))
					}
					if id == 77 && seen[id] == 1 {
						do(t, url, "DELETE FROM posts WHERE id = 77")
					}
				}
				return fill.Answer{Row: doubled(row)}
			})
			o := logicOptions(url, f)
			p := planned(t, url, byLogic(readAll, writeOne), o)
			working = true
			if _, err := fill.Work(context.Background(), p.ID, o); err != nil {
				t.Fatal(err)
			}
			once(t, url, 399)
			for id, n := range seen {
				if want := map[bool]int{true: 3, false: 1}[id%50 == 0]; n != want {
					t.Errorf("row %d was worked out %d times", id, n)
				}
			}
		})
	}
}
