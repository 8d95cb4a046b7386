package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
)

// looking is what the golden screens show, one command after another.
var looking = [...]string{"plan", "up", "status", "history", "heads", "up --env broken", "status --env broken", "repair --env broken", "config", "stauts", "down --env production"}

// TestLook: what a person sees on terminals of three widths. Colours stand in
// braces; a line that is too long for the screen goes on below. What is masked
// stands at the end of its line, so that nothing moves.
func TestLook(t *testing.T) {
	for _, width := range []int{60, 80, 140} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			t.Parallel()
			dir := gallery(t)
			var all strings.Builder
			for _, args := range looking {
				x := onTerminal(t, width, command(dir, strings.Fields(args)...))
				if strings.HasPrefix(args, "down") {
					x.until("production is protected")
					x.types("no\n")
				}
				x.gone()
				fmt.Fprintf(&all, "$ bellows %s\n%s\n", args, x.screen.colored())
				settle(t, dir)
			}
			golden(t, fmt.Sprintf("testdata/look/%d.golden", width), times.ReplaceAllString(all.String(), "_ ms"))
		})
	}
}

// gallery is a folder with one migration left to apply, and another environment
// that has one that fails.
func gallery(t *testing.T) string {
	t.Helper()
	dir := sandbox(t, "")
	runLine(t, dir, "bellows up --env production && mkdir broken")
	write(t, filepath.Join(dir, "bellows.toml"), "default = \"dev\"\n[env.dev]\nurl = \"sqlite:app.db\"\n[env.production]\nurl = \"sqlite:production.db\"\nprotected = true\n"+
		"[env.broken]\nurl = \"sqlite:broken.db\"\ndir = \"broken\"\n")
	write(t, filepath.Join(dir, "broken/1_a.sql"), "-- migrate:revises none\n-- migrate:up\nCREATE TABLE a (id integer);\n-- migrate:down\nDROP TABLE a;\n")
	write(t, filepath.Join(dir, "broken/2_a_name_of_a_migration_that_is_longer_than_any_should_be.sql"),
		"-- migrate:revises 1\n-- migrate:up\nCREATE TABLE b (id integer);\n\nALTER TABLE nowhere ADD COLUMN a_column_with_a_name_that_is_as_long_as_that_of_its_file integer DEFAULT 17;\n-- migrate:down\nDROP TABLE b;\n")
	settle(t, dir)
	return dir
}

// settle gives every record of the databases the same time and person.
func settle(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"app.db", "production.db", "broken.db"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			continue // not made yet
		}
		ctx := context.Background()
		c, err := bellows.Connect(ctx, "sqlite:"+filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Exec(ctx, "UPDATE bellows_revision SET applied_at = '2026-11-20T10:15:00.000Z', duration_ms = 12, actor = 'ann@web-3' WHERE state = 'applied'"); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
