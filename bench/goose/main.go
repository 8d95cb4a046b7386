// Command goose is the migrator of that name with two of its drivers, to be
// compared with.
//
// Charter: what `goose -dir DIR DRIVER DSN up` does, by the same function of the
// same library; its own command line brings drivers that we do not need.
// Invariant: a module of its own, so that the product does not depend on it.
// Example: goose postgres postgres://… migrations
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/pressly/goose/v3"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: goose DRIVER DSN DIR")
		os.Exit(2)
	}
	if err := up(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "goose:", err)
		os.Exit(1)
	}
}

func up(driver, dsn, dir string) error {
	db, err := goose.OpenDBWithDriver(driver, dsn)
	if err != nil {
		return err
	}
	if err := goose.RunContext(context.Background(), "up", db, dir); err != nil {
		_ = db.Close()
		return err
	}
	return db.Close()
}
