package bellows_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"testing/fstest"

	"github.com/bellowsdb/bellows"
)

// A backfill whose rows are worked out by a function of the program itself. Rows it
// cannot do are set aside, with the reason.
func ExampleRowFunction() {
	ctx := context.Background()
	url, remove := scratch()
	defer remove()
	files := fstest.MapFS{
		"1_people.sql": {Data: []byte(`-- migrate:up
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, initials TEXT);
INSERT INTO people (id, name) VALUES (1, 'Ada Lovelace'), (2, ''), (3, 'Grace Hopper');
-- migrate:down
DROP TABLE people;
`)},
		"2_initials.sql": {Data: []byte(`-- migrate:backfill table:people function:initials poison:5
SELECT id, name FROM people WHERE initials IS NULL AND :chunk;
-- migrate:write
UPDATE people SET initials = :initials WHERE id = :id;
`)},
	}
	initials := bellows.RowFunction{Name: "initials", Each: func(_ context.Context, row bellows.Row) (bellows.Row, error) {
		words := strings.Fields(row["name"].(string))
		if len(words) == 0 {
			return nil, errors.New("no name")
		}
		text := ""
		for _, w := range words {
			text += w[:1]
		}
		return bellows.Row{"id": row["id"], "initials": text}, nil
	}}
	m, err := bellows.Open(ctx, url, bellows.Options{Files: files, Rows: []bellows.RowFunction{initials}})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	_, err = m.Up(ctx, bellows.Head)
	fmt.Println(err)
	aside, _ := m.Poison(ctx, "2")
	fmt.Println(aside[0].Key, aside[0].Reason)
	if err := m.WaivePoison(ctx, "2", "2", "nobody knows"); err != nil {
		log.Fatal(err)
	}
	report, err := m.Up(ctx, bellows.Head)
	fmt.Println(report.Applied, err)
	// Output:
	// all other rows of people are done, and 1 row is set aside
	// 2 no name
	// [2] <nil>
}
