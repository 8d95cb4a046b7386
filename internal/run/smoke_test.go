package run

import (
	"context"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/source"
	"github.com/bellowsdb/bellows/source/open"
)

func TestSmoke(t *testing.T) {
	url := testdb.Postgres(t)
	fs := fstest.MapFS{
		"1_a.sql": {Data: []byte("-- migrate:up\nCREATE TABLE a (id int);\n-- migrate:down\nDROP TABLE a;\n")},
		"2_b.sql": {Data: []byte("-- migrate:up transaction:false\nCREATE TABLE b (id int);\nCREATE INDEX CONCURRENTLY bi ON b (id);\n-- migrate:down\nDROP TABLE b;\n")},
		"3_c.sql": {Data: []byte("-- migrate:up\nALTER TABLE a ADD COLUMN x int;\n\nALTER TABLE a ADD COLUMN x int;\n-- migrate:down\nDROP TABLE c;\n")},
	}
	f, err := open.Folder(source.Options{FS: fs, Dir: "mig"})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	d := postgres.Driver{}
	op := func(ctx context.Context, app string) (db.Conn, error) { return d.Open(ctx, url, db.Options{App: app}) }
	c, err := op(ctx, "x")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := New(c, Options{Revisions: f.Revisions(), Files: f, Open: op, Run: "r1", Owner: "me", Host: "h", Verb: "up",
		Sink: event.SinkFunc(func(e event.Event) { fmt.Printf("%T %+v\n", e, e) })})
	rep, err := r.Up(ctx, Ask{})
	fmt.Println(rep, err)
	rep, err = r.Down(ctx, Ask{Target: "base"})
	fmt.Println(rep, err)
	j, _ := r.Journal(ctx, 0)
	for _, l := range j {
		fmt.Println(l)
	}
}
