package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestReference keeps docs/cli.md what the help texts say.
func TestReference(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Command line\n\nMade from the help texts by `go test ./cmd/bellows -run TestReference -update`.\n")
	root := (&app{}).root()
	fmt.Fprintf(&b, "\n```text\n%s```\n", helpOf(root))
	for _, c := range everyVerb(root) {
		fmt.Fprintf(&b, "\n## %s\n\n```text\n%s```\n", strings.TrimPrefix(c.CommandPath(), "bellows "), helpOf(c))
	}
	for _, topic := range topics {
		fmt.Fprintf(&b, "\n## %s\n\n```text\n%s```\n", topic.name, topic.text)
	}
	golden(t, "../../docs/cli.md", b.String())
}

func everyVerb(c *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	for _, sub := range c.Commands() {
		all = append(append(all, sub), everyVerb(sub)...)
	}
	return all
}

// TestHelpIsComplete: every verb explains itself, gives an example and its exit codes.
func TestHelpIsComplete(t *testing.T) {
	for _, c := range everyVerb((&app{}).root()) {
		if c.Short == "" || len(c.Long) < 20 || !strings.Contains(c.Example, c.CommandPath()) || c.Annotations["exits"] == "" {
			t.Errorf("%s: help is not complete", c.CommandPath())
		}
		for _, l := range strings.Split(c.Long, "\n") {
			if len([]rune(l)) > 84 {
				t.Errorf("%s: a line of its help is too wide: %s", c.CommandPath(), l)
			}
		}
	}
}

// TestHelpExamples runs the example of each verb.
func TestHelpExamples(t *testing.T) {
	for _, c := range everyVerb((&app{}).root()) {
		t.Run(strings.ReplaceAll(c.CommandPath(), " ", "_"), func(t *testing.T) {
			t.Parallel()
			dir := sandbox(t, strings.Fields(c.CommandPath())[1])
			for _, line := range strings.Split(c.Example, "\n") {
				runLine(t, dir, line)
			}
		})
	}
}

// TestDocExamples runs the commands that README and docs show.
func TestDocExamples(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatal("no docs", err)
	}
	ran := 0
	for _, name := range append(files, "../../README.md") {
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue
		}
		for i, block := range blocks(string(text)) {
			ran++
			t.Run(fmt.Sprintf("%s_%d", filepath.Base(name), i+1), func(t *testing.T) {
				t.Parallel()
				dir := sandbox(t, verbOf(block[0].line))
				for _, e := range block {
					got := times.ReplaceAllString(runLine(t, dir, e.line), "_ ms")
					if want := times.ReplaceAllString(e.shown, "_ ms"); want != "" && want != got {
						t.Errorf("%s\nshows\n%s\nand not\n%s", e.line, got, want)
					}
				}
			})
		}
	}
	if ran == 0 {
		t.Error("no example was found")
	}
}

// example is a command, and what is shown of its output, "" for nothing.
type example struct{ line, shown string }

// times are what differs in an output from run to run.
var times = regexp.MustCompile(`(<1|\d+) ms|\d+\.\d s`)

// blocks are the commands of each console or sh block that has any of ours.
func blocks(text string) [][]example {
	var all [][]example
	var block []example
	in := ""
	for _, l := range strings.Split(text, "\n") {
		command, prompted := strings.CutPrefix(l, "$ ")
		command = strings.Replace(command, "go run ./cmd/bellows", "bellows", 1)
		switch {
		case strings.HasPrefix(l, "```"):
			if in != "" && len(block) > 0 {
				all = append(all, block)
			}
			block, in = nil, map[string]string{"```console": "console", "```sh": "sh"}[l]
		case in == "" || in == "console" && !prompted && len(block) == 0:
		case in == "console" && !prompted:
			block[len(block)-1].shown += l + "\n"
		case strings.HasPrefix(command, "bellows "):
			block = append(block, example{line: command})
		}
	}
	return all
}

func verbOf(line string) string {
	if words := strings.Fields(line); len(words) > 1 {
		return words[1]
	}
	return ""
}

// sandbox is a folder with the posts example, all but its last migration
// applied; for init it is empty, for merge and rebase it has two heads, for
// backfill there is one that was only begun, for change one that holds.
func sandbox(t *testing.T, verb string) string {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{os.Mkdir(filepath.Join(dir, ".bin"), 0o777), os.Symlink(self, filepath.Join(dir, ".bin", "bellows")),
		os.CopyFS(filepath.Join(dir, "examples/posts/migrations"), os.DirFS("../../examples/posts/migrations"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if verb == "init" {
		return dir
	}
	if err := os.CopyFS(filepath.Join(dir, "migrations"), os.DirFS("../../examples/posts/migrations")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "bellows.toml"), "default = \"dev\"\n[env.dev]\nurl = \"sqlite:app.db\"\n[env.production]\nurl = \"sqlite:production.db\"\nprotected = true\n")
	wanted, err := os.ReadFile("../../examples/posts/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "schema.sql"), string(wanted))
	runLine(t, dir, "bellows up 20261109083000")
	if verb == "backfill" {
		write(t, filepath.Join(dir, "migrations/20261110120000_shout.sql"), shout)
		runLine(t, dir, "bellows up --no-wait")
	}
	if verb == "change" {
		write(t, filepath.Join(dir, "migrations/20261119093000_notes.sql"), "-- migrate:revises 20261109084500\n-- migrate:up\nCREATE TABLE notes (id integer PRIMARY KEY, name text);\nINSERT INTO notes VALUES (1, 'one'), (2, 'two');\n-- migrate:down\nDROP TABLE notes;\n")
		write(t, filepath.Join(dir, "migrations/20261120101500_title.sql"), titled)
		runLine(t, dir, "bellows up --wait")
	}
	if slices.Contains([]string{"merge", "rebase"}, verb) {
		write(t, filepath.Join(dir, "migrations/20261110120000_other.sql"), "-- migrate:revises 20261109083000\n-- migrate:up\nCREATE TABLE other (id integer);\n-- migrate:down\nDROP TABLE other;\n")
		runLine(t, dir, "bellows up 20261109084500")
	}
	return dir
}

// titled is a change.
const titled = `-- migrate:revises 20261119093000

-- migrate:change table:notes old:name new:title

-- migrate:expand
ALTER TABLE notes ADD COLUMN title text;

-- migrate:forward
title = name

-- migrate:backward
name = title

-- migrate:hold "every instance uses title"
`

// shout is a backfill.
const shout = `-- migrate:revises 20261109084500

-- migrate:backfill table:topics poison:5
UPDATE topics SET name = upper(name) WHERE name <> upper(name) AND :chunk;

-- migrate:check
SELECT id FROM topics WHERE name <> upper(name);

-- migrate:down
UPDATE topics SET name = lower(name) WHERE :chunk;
`

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// runLine runs a line in a shell, with nothing of this process's environment,
// and gives its output.
func runLine(t *testing.T, dir, line string) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + filepath.Join(dir, ".bin") + ":" + os.Getenv("PATH"), "HOME=" + dir, "EDITOR=true"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}
