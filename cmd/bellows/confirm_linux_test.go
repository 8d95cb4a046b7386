package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestConfirm: a person at a terminal is asked for the name, and nothing is done
// without it.
func TestConfirm(t *testing.T) {
	const question = "To go on, write production:"
	for _, c := range []struct {
		name, keys string
		code       int
		says       string
		left       int // of status --check afterwards
	}{
		{"right", "production\n", 0, "reverted 4 migrations", 3},
		{"wrong", "prod\n", 8, "error: not confirmed; nothing was done", 0},
		{"nothing", "\n", 8, "error: not confirmed; nothing was done", 0},
		{"end", "\x04", 8, "error: not confirmed; nothing was done", 0},
		{"interrupt", "\x03", 130, "interrupted; nothing was done", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := sandbox(t, "")
			runLine(t, dir, "bellows up --env production -n 4")
			if err := os.Remove(filepath.Join(dir, "migrations/20261109084500_first_topics.sql")); err != nil {
				t.Fatal(err)
			}
			x := onTerminal(t, 100, command(dir, "down", "base", "--env", "production"))
			x.until("production is protected: reverting wants a confirmation. " + question)
			x.types(c.keys)
			x.ends(c.code)
			x.shows(c.says)
			if code := codeOf(t, command(dir, "status", "--check", "--env", "production").Run()); code != c.left {
				t.Errorf("status --check: %d, want %d", code, c.left)
			}
		})
	}
}

// TestConfirmDrop: a whole database is not dropped by a person who did not mean it.
func TestConfirmDrop(t *testing.T) {
	dir := sandbox(t, "")
	x := onTerminal(t, 100, command(dir, "db", "drop"))
	x.until("db drop wants a confirmation. To go on, write dev:")
	x.types("no\n")
	x.ends(8)
	if code := codeOf(t, command(dir, "status").Run()); code != 0 {
		t.Errorf("status: %d", code)
	}
	x = onTerminal(t, 100, command(dir, "db", "drop"))
	x.until("write dev:")
	x.types("dev\n")
	x.ends(0)
	x.shows("dropped sqlite:app.db")
}

// TestConfirmIsAskedOfPeople: whoever reads JSON is no person.
func TestConfirmIsAskedOfPeople(t *testing.T) {
	dir := sandbox(t, "")
	runLine(t, dir, "bellows up --env production")
	x := onTerminal(t, 200, command(dir, "down", "--env", "production", "--json"))
	x.ends(8)
	x.shows(`"code":"confirm"`, "bellows down --env production --json --confirm production")
}
