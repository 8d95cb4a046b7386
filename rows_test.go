package bellows_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/internal/testdb"
)

func ages() fstest.MapFS {
	return fstest.MapFS{
		"1_people.sql": {Data: []byte("-- migrate:up\nCREATE TABLE people (id INTEGER PRIMARY KEY, born INTEGER, age INTEGER);\n" +
			"INSERT INTO people (id, born) VALUES (1, 1990), (2, 2000), (3, 2010);\n-- migrate:down\nDROP TABLE people;\n")},
		"2_ages.sql": {Data: []byte("-- migrate:backfill table:people function:ages\nSELECT id, born FROM people WHERE :chunk;\n" +
			"-- migrate:write\nUPDATE people SET age = :age WHERE id = :id;\n-- migrate:down\nUPDATE people SET age = NULL WHERE :chunk;\n")},
	}
}

// TestRowFunctions: a batch form, rows that are passed over, and the way back, on
// each kind of database.
func TestRowFunctions(t *testing.T) {
	for _, fresh := range []func(testing.TB) string{testdb.SQLite, testdb.Postgres, testdb.MariaDB} {
		ctx := context.Background()
		url := fresh(t)
		batch := func(_ context.Context, rows []bellows.Row) ([]bellows.RowResult, error) {
			results := make([]bellows.RowResult, len(rows))
			for i, row := range rows {
				if row["id"].(int64) == 2 {
					results[i].Err = fmt.Errorf("not asked: %w", bellows.Skip)
					continue
				}
				results[i].Row = bellows.Row{"id": row["id"], "age": 2026 - row["born"].(int64)}
			}
			return results, nil
		}
		m, err := bellows.Open(ctx, url, bellows.Options{Files: ages(), Rows: []bellows.RowFunction{{Name: "ages", Batch: batch}}})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if _, err := m.Up(ctx, bellows.Head); err != nil {
			t.Fatal(err)
		}
		if got := agesIn(t, url); got != "36,NULL,16" {
			t.Errorf("%s: ages are %s", url, got)
		}
		if _, err := m.Down(ctx, "-1"); err != nil {
			t.Fatal(err)
		}
		if got := agesIn(t, url); got != "NULL,NULL,NULL" {
			t.Errorf("%s: on the way back ages are %s", url, got)
		}
	}
}

func agesIn(t *testing.T, url string) string {
	t.Helper()
	c, err := bellows.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	rows, err := c.Query(context.Background(), "SELECT age FROM people ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var age *int64
		if err := rows.Scan(&age); err != nil {
			t.Fatal(err)
		}
		if age == nil {
			all = append(all, "NULL")
		} else {
			all = append(all, fmt.Sprint(*age))
		}
	}
	return strings.Join(all, ",")
}

// TestBadRowFunctions: what is wrong with them is said when the migrator is opened,
// or before a row is changed.
func TestBadRowFunctions(t *testing.T) {
	ctx := context.Background()
	each := func(context.Context, bellows.Row) (bellows.Row, error) { return nil, nil }
	for _, tt := range []struct {
		rows []bellows.RowFunction
		says string
	}{
		{[]bellows.RowFunction{{Name: "ages"}}, "needs a Name, and one of Each and Batch"},
		{[]bellows.RowFunction{{Each: each}}, "needs a Name, and one of Each and Batch"},
		{[]bellows.RowFunction{{Name: "ages", Each: each}, {Name: "ages", Each: each}}, "two functions of rows of the name"},
		{nil, "the function ages is written in Go, and this program does not have it"},
		{[]bellows.RowFunction{{Name: "ages", Each: each}}, `the answer for row id=1 has no field`},
		{[]bellows.RowFunction{{Name: "ages", Batch: func(context.Context, []bellows.Row) ([]bellows.RowResult, error) { return nil, nil }}}, "the function ages gave 0 answers for 3 rows"},
		{[]bellows.RowFunction{{Name: "ages", Each: func(context.Context, bellows.Row) (bellows.Row, error) { panic("no") }}}, "the function ages panicked: no"},
	} {
		m, err := bellows.Open(ctx, testdb.SQLite(t), bellows.Options{Files: ages(), Rows: tt.rows})
		if err == nil {
			_, err = m.Up(ctx, bellows.Head)
			m.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%v, not %s", err, tt.says)
		}
	}
}
