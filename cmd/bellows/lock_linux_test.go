package main

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/internal/testdb"
)

// engines are fresh databases of every kind.
var engines = map[string]func(testing.TB) string{"sqlite": testdb.SQLite, "postgres": testdb.Postgres, "mariadb": testdb.MariaDB}

// everywhere runs a test on every kind of database, in a folder whose
// environment is protected, so that a run can be made to wait with the lock in
// its hand: for its confirmation.
func everywhere(t *testing.T, test func(t *testing.T, dir string)) {
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := sandbox(t, "init")
			write(t, filepath.Join(dir, "bellows.toml"), "dir = \"examples/posts/migrations\"\ndefault = \"live\"\n[env.live]\nprotected = true\nurl = \""+fresh(t)+"\"\n")
			runLine(t, dir, "bellows up")
			test(t, dir)
		})
	}
}

// holding starts a down that has the lock and asks.
func holding(t *testing.T, dir string) *terminal {
	t.Helper()
	x := onTerminal(t, 200, command(dir, "down"))
	x.until("To go on, write live:")
	return x
}

// said is the output of a command that must end with a code.
func said(t *testing.T, dir string, code int, args ...string) string {
	t.Helper()
	out, err := command(dir, args...).CombinedOutput()
	if got := codeOf(t, err); got != code {
		t.Errorf("bellows %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code, out)
	}
	return string(out)
}

// has tells whether a text holds all that it must.
func has(t *testing.T, text string, all ...string) {
	t.Helper()
	for _, s := range all {
		if !strings.Contains(text, s) {
			t.Errorf("there is no %q in:\n%s", s, text)
		}
	}
}

// comes asks bellows again until it tells all that another process brings about.
func comes(t *testing.T, dir string, args []string, all ...string) {
	t.Helper()
	for until := time.Now().Add(longest); ; {
		out := said(t, dir, 0, args...)
		missing := slices.ContainsFunc(all, func(s string) bool { return !strings.Contains(out, s) })
		if !missing {
			return
		}
		if time.Now().After(until) {
			has(t, out, all...)
			t.FailNow()
		}
	}
}

var runName = regexp.MustCompile(`20\d{6}T\d{6}-[0-9a-f]{8}`)

// TestTwoAtOnce: the second process names the first and ends with 5, or waits
// for it as long as it was told to.
func TestTwoAtOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, dir string) {
		first := holding(t, dir)
		out := said(t, dir, 5, "down", "--confirm", "live", "--lock-wait", "0s")
		has(t, out, "error: another run holds the lock: ", "process ", ", down, run 20", "hint: wait longer with --lock-wait", "code: locked")
		has(t, said(t, dir, 5, "down", "--confirm", "live", "--lock-wait", "1ms", "--json"), `{"type":"lock","v":1,"state":"waiting","holder":{"owner":"`, `"code":"locked"`, `"exit":5,`)
		comes(t, dir, []string{"status"}, "at work", "doing: down")
		second := onTerminal(t, 100, command(dir, "down", "--confirm", "live", "--lock-wait", "1m"))
		second.until("waiting   for the lock of ")
		second.untilLike(regexp.MustCompile(`\d s`)) // time goes by
		first.types("live\n")
		first.ends(0)
		second.ends(0)
		second.shows("waited    for the lock of ", "reverted  20261109083000  create_topics")
		if s, _ := second.now(); strings.Contains(s, "waiting") {
			t.Errorf("the line that waited is still there:\n%s", s)
		}
	})
}

// TestUnlock: a live holder stays unless its run is named; it finds out before
// it does anything.
func TestUnlock(t *testing.T) {
	everywhere(t, func(t *testing.T, dir string) {
		x := holding(t, dir)
		out := said(t, dir, 5, "unlock")
		has(t, out, "the lock is held by ", "error: the holder is alive", "bellows unlock --force 20")
		run := runName.FindString(out)
		has(t, said(t, dir, 8, "unlock", "--force", run), "live is protected: unlock --force wants a confirmation", "--confirm live")
		has(t, said(t, dir, 5, "unlock", "--force", "20200101T000000-00000000", "--confirm", "live"), "the holder is alive")
		has(t, said(t, dir, 0, "unlock", "--force", run, "--confirm", "live"), "freed the lock of ", run)
		has(t, said(t, dir, 0, "unlock"), "nobody holds the lock")
		x.types("live\n")
		x.ends(5)
		x.shows("error: ", "code: locked.lost")
		has(t, said(t, dir, 0, "status"), "5 applied, 0 pending")
		has(t, said(t, dir, 0, "history", "--journal"), "unlock")
	})
}

// TestUnlockDead: the lock of a process that was killed is freed without more.
func TestUnlockDead(t *testing.T) {
	everywhere(t, func(t *testing.T, dir string) {
		x := holding(t, dir)
		if err := x.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		x.gone()
		_ = x.cmd.Wait() // it is a process until somebody asks how it ended
		freed := ""
		for until := time.Now().Add(longest); freed == "" && time.Now().Before(until); {
			out, err := command(dir, "unlock", "--json").Output() // the server notices in its own time
			if code := codeOf(t, err); code == 0 {
				freed = string(out)
			} else if code != 5 {
				t.Fatalf("exit code %d\n%s", code, out)
			}
		}
		has(t, freed, `"removed":true`, `"doing":"down"`)
		has(t, said(t, dir, 0, "down", "--confirm", "live"), "reverted 1 migration")
	})
}

// TestVerbose: every statement is shown as it ran, with its time, whatever the
// database.
func TestVerbose(t *testing.T) {
	took := regexp.MustCompile(`  -- (<1|\d+) ms`)
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, url := sandbox(t, "init"), fresh(t)
			out, err := exec.Command(filepath.Join(dir, ".bin/bellows"), "up", "-v", "--url", url, "--dir", filepath.Join(dir, "examples/posts/migrations")).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			has(t, string(out), "run       20", ": up, 5 migrations", "up        20261102091500  create_posts (2 of 5, ",
				"          CREATE TABLE posts (\n              id        integer ", "          CREATE INDEX posts_author ON posts (author_id)  -- ", ", 3 rows\n")
			if n := len(took.FindAllString(string(out), -1)); n != 7 {
				t.Errorf("%d statements have a time, want 7:\n%s", n, out)
			}
			if strings.Contains(string(out), testdb.Password) {
				t.Error("the password was printed")
			}
		})
	}
}
