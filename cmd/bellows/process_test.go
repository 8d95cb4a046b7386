package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/bellowsdb/bellows/internal/testdb"
)

// command is one of this program, in a folder, with nothing of this
// process's environment.
func command(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(dir, ".bin", "bellows"), args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + filepath.Join(dir, ".bin") + ":" + os.Getenv("PATH"), "HOME=" + dir}
	return cmd
}

func codeOf(t *testing.T, err error) int {
	t.Helper()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	if ended != nil {
		return ended.ExitCode()
	}
	return 0
}

// TestPosts takes the example up, down and up again on every kind of database.
func TestPosts(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": testdb.SQLite, "postgres": testdb.Postgres, "mariadb": testdb.MariaDB} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, u := sandbox(t, "init"), url(t)
			var said strings.Builder
			for _, args := range [][]string{{"up"}, {"status", "--check"}, {"down", "base", "-v"}, {"plan"}, {"up", "--json"}, {"redo", "5"}, {"repair"},
				{"history"}, {"history", "--journal"}, {"config"}, {"try", "--", "true"}, {"down", "create_posts"}, {"up", "--single-transaction", "-n", "1"}} {
				cmd := command(dir, append([]string{"--url", u, "--dir", "examples/posts/migrations"}, args...)...)
				out, err := cmd.CombinedOutput()
				said.Write(out)
				refused := name == "mariadb" && slices.Contains(args, "--single-transaction") // it has no transactions around DDL
				if (err != nil) != refused {
					t.Fatalf("bellows %s: %v\n%s", strings.Join(args, " "), err, out)
				}
			}
			if strings.Contains(said.String(), testdb.Password) {
				t.Error("the password was printed")
			}
		})
	}
}

// TestPasswords: no failure to connect shows the password.
func TestPasswords(t *testing.T) {
	dir := sandbox(t, "init")
	for _, url := range []string{"postgres://ann:Geheim7@127.0.0.1:1/app", "mysql://ann:Geheim7@127.0.0.1:1/app", "postgres://ann:Ge@heim7@[::1/app", "mysql://ann:Geheim7@"} {
		for _, args := range [][]string{{"up"}, {"status", "--json"}, {"db", "create"}, {"plan", "-v"}, {"config"}} {
			out, _ := command(dir, append(args, "--url", url, "--dir", "examples/posts/migrations")...).CombinedOutput()
			if s := string(out); strings.Contains(s, "heim7") {
				t.Errorf("bellows %s with %s shows the password:\n%s", args, url, s)
			}
		}
	}
}

// TestInterruptedTry: a signal ends the command, and what was applied is reverted.
func TestInterruptedTry(t *testing.T) {
	dir := sandbox(t, "")
	cmd := command(dir, "try", "--", "sh", "-c", "echo ready; exec cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var story strings.Builder
	cmd.Stderr = &story
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	if line, err := r.ReadString('\n'); line != "ready\n" {
		t.Fatalf("got %q, %v\n%s", line, err, story.String())
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(r)
	if code := codeOf(t, cmd.Wait()); code != 130 {
		t.Errorf("exit code %d, want 130\n%s", code, story.String())
	}
	if !strings.Contains(string(answer), "applied 1 migration, reverted 1 migration") {
		t.Errorf("answer: %s", answer)
	}
	if code := codeOf(t, command(dir, "status", "--check").Run()); code != 3 {
		t.Errorf("status --check: %d, want 3: the migration is still there", code)
	}
}

// TestFullDisk: an answer that could not be written is a failure.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = full.Close() }()
	cmd := command(sandbox(t, ""), "status")
	cmd.Stdout = full
	if code := codeOf(t, cmd.Run()); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
}

// TestClosedPipe: a reader that has gone away ends no migration.
func TestClosedPipe(t *testing.T) {
	dir := sandbox(t, "")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	cmd := command(dir, "up", "-v")
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Run()
	_ = w.Close()
	if code := codeOf(t, err); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if code := codeOf(t, command(dir, "status", "--check").Run()); code != 0 {
		t.Errorf("status --check: %d, want 0: up did not end", code)
	}
}
