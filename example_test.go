package bellows_test

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
)

//go:embed testdata/library/*.sql
var embedded embed.FS

// scratch is a database file that goes away.
func scratch() (url string, remove func()) {
	dir, err := os.MkdirTemp("", "bellows-example")
	if err != nil {
		log.Fatal(err)
	}
	return "sqlite:" + filepath.Join(dir, "app.db"), func() { os.RemoveAll(dir) }
}

// An application that brings its database up to date when it starts: the files
// travel inside the program.
func Example() {
	ctx := context.Background()
	url, remove := scratch()
	defer remove()
	migrations, err := fs.Sub(embedded, "testdata/library")
	if err != nil {
		log.Fatal(err)
	}
	m, err := bellows.Open(ctx, url, bellows.Options{Files: migrations})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	report, err := m.Up(ctx, bellows.Head)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("applied", report.Applied)
	report, err = m.Down(ctx, bellows.Base)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("reverted", report.Reverted)
	// Output:
	// applied [1 2]
	// reverted [2 1]
}

// A process that must not migrate, only refuse to start when the database does
// not fit its migrations.
func ExampleMigrator_Check() {
	ctx := context.Background()
	url, remove := scratch()
	defer remove()
	migrations, _ := fs.Sub(embedded, "testdata/library")
	m, err := bellows.Open(ctx, url, bellows.Options{Files: migrations})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	err = m.Check(ctx)
	fmt.Println(err)
	fmt.Println(errors.Is(err, &fault.Error{Code: fault.Pending}))
	if _, err := m.Up(ctx, bellows.Head); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Check(ctx))
	// Output:
	// 2 migrations are pending
	// true
	// <nil>
}

// A migration written in Go. Its record in the ledger is part of the same
// transaction.
func ExampleGoMigration() {
	ctx := context.Background()
	url, remove := scratch()
	defer remove()
	migrations, _ := fs.Sub(embedded, "testdata/library")
	shout := bellows.GoMigration{
		ID: "3", Name: "shout", Kind: "data", Version: "1",
		Up: func(ctx context.Context, tx bellows.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE posts SET title = upper(title) WHERE id = ?", 1)
			return err
		},
		Down: func(ctx context.Context, tx bellows.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE posts SET title = ? WHERE id = ?", "Hello", 1)
			return err
		},
	}
	m, err := bellows.Open(ctx, url, bellows.Options{Files: migrations, Go: []bellows.GoMigration{shout}})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	report, err := m.Up(ctx, bellows.Head)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("applied", report.Applied)
	// Output:
	// applied [1 2 3]
}

// Every event reaches the sink: for logs, metrics, a progress display.
func ExampleOptions_sink() {
	ctx := context.Background()
	url, remove := scratch()
	defer remove()
	migrations, _ := fs.Sub(embedded, "testdata/library")
	sink := event.SinkFunc(func(e event.Event) {
		if done, ok := e.(event.MigrationDone); ok {
			fmt.Println(done.ID, done.Name, done.State)
		}
	})
	m, err := bellows.Open(ctx, url, bellows.Options{Files: migrations, Sink: sink})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Up(ctx, bellows.Head); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1 create_posts applied
	// 2 first_post applied
}

// What Up would do, without a lock and without writing anything.
func ExampleMigrator_PlanUp() {
	ctx := context.Background()
	url, remove := scratch()
	defer remove()
	migrations, _ := fs.Sub(embedded, "testdata/library")
	m, err := bellows.Open(ctx, url, bellows.Options{Files: migrations, ReadOnly: true})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	preview, err := m.PlanUp(ctx, bellows.Request{Target: "+1"})
	if err != nil {
		log.Fatal(err)
	}
	for _, step := range preview.Plan.Steps {
		for _, s := range step.Statements {
			fmt.Printf("%s: %s at line %d\n", step.Move.ID, s.Effect.Verb, s.Pos.Line)
		}
	}
	// Output:
	// 1: CREATE TABLE at line 2
}

// The wanted schema is a text; the migration that leads to it is made, and tried
// in a throwaway database.
func ExampleMigrator_Diff() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "bellows")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	m, err := bellows.Open(ctx, "sqlite:"+dir+"/app.db", bellows.Options{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	found, err := m.Diff(ctx, bellows.DiffOptions{
		To: bellows.From{Files: []bellows.SQLFile{{Name: "schema.sql", Text: "CREATE TABLE posts (id integer PRIMARY KEY, title text);"}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	drafts, err := m.Draft(ctx, found, bellows.DraftOptions{Slug: "create_posts", Now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(drafts[0].ID, "\n", drafts[0].Text)
	// Output:
	// 20261120120000
	// -- migrate:revises none
	// -- Proven on sqlite 3054001: up, down, up again; 6514f95fa6e2c662b43908085be2971c to 7efd54a8db89370f10bb745f3c411290
	//
	// -- migrate:up
	// CREATE TABLE posts (
	// 	id INTEGER PRIMARY KEY,
	// 	title TEXT
	// );
	//
	// -- migrate:down
	// DROP TABLE posts;
}
