package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRenameIsAsked: a person at a terminal is asked whether something was
// renamed; what he answers is what is written, and without an answer nothing is.
func TestRenameIsAsked(t *testing.T) {
	const question = "Is column posts.title now called posts.headline? If not, it is dropped with what is in it, and the other one is new. [y/n]"
	for _, c := range []struct {
		name, keys string
		code       int
		written    string // part of what is in the file
	}{
		{"yes", "y\n", 0, "RENAME COLUMN title TO headline"},
		{"no", "n\n", 0, "DROP COLUMN title"},
		{"neither", "perhaps\n", 8, ""},
		{"end", "\x04", 8, ""},
		{"interrupt", "\x03", 130, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := sandbox(t, "diff")
			wanted, err := os.ReadFile(filepath.Join(dir, "schema.sql"))
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "schema.sql"), strings.ReplaceAll(string(wanted), "bellows:rename", "renamed:"))
			x := onTerminal(t, 200, command(dir, "diff", "headlines", "--schema", "schema.sql"))
			x.until(question)
			x.types(c.keys)
			x.ends(c.code)
			files, err := filepath.Glob(filepath.Join(dir, "migrations", "*_headlines.sql"))
			if err != nil || len(files) != map[bool]int{true: 1, false: 0}[c.written != ""] {
				t.Fatalf("the files are %v, %v", files, err)
			}
			for _, name := range files {
				text, err := os.ReadFile(name)
				if err != nil || !strings.Contains(string(text), c.written) {
					t.Errorf("%s, %v", text, err)
				}
			}
		})
	}
}
