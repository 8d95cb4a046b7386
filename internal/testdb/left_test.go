package testdb_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/internal/testdb/keep"
)

// TestMain is also the program that the tests below start and kill.
func TestMain(m *testing.M) {
	switch os.Getenv("BELLOWS_TESTDB_CHILD") {
	case "":
		os.Exit(m.Run())
	case "shared":
		fmt.Println(testdb.Postgres(child{}), testdb.MariaDB(child{}))
	case "private":
		fmt.Println(testdb.PrivatePostgres(child{}, 0).AdminURL(), testdb.PrivateMariaDB(child{}).AdminURL())
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until killed, or until the parent lets go
}

// child is a test without a framework, and one that cannot clean up.
type child struct{ testing.TB }

func (child) Helper()        {}
func (child) Name() string   { return "child" }
func (child) Cleanup(func()) {}
func (child) Fatalf(format string, args ...any) {
	fmt.Printf("fatal: "+format+"\n", args...)
	os.Exit(1)
}

// start starts a child in a group of its own and gives the URLs it prints.
func start(t *testing.T, group, mode string) (*exec.Cmd, []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "BELLOWS_TESTDB_CHILD="+mode, "BELLOWS_TEST_GROUP="+group)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	text, err := bufio.NewReader(out).ReadString('\n')
	urls := strings.Fields(text)
	if err != nil || len(urls) != 2 || strings.HasPrefix(text, "fatal") {
		t.Fatalf("the child says %q (%v)", text, err)
	}
	return cmd, urls
}

// group is a name for processes that share servers with nobody else, and the
// folder where they find each other.
func group(t *testing.T) (name, base string) {
	t.Helper()
	name = fmt.Sprintf("-%d-%s", os.Getpid(), strings.ToLower(t.Name()))
	t.Setenv("BELLOWS_TEST_GROUP", name)
	base, err := keep.Base()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	return name, base
}

func host(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func answers(t *testing.T, raw string) bool {
	t.Helper()
	c, err := net.Dial("tcp", host(t, raw))
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
}

// eventually fails the test when the condition does not come true.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for start := time.Now(); time.Since(start) < 30*time.Second; time.Sleep(10 * time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Fatalf("never happened: %s", what)
}

func TestSharedServersEndWithTheirLastUserThoughKilled(t *testing.T) {
	name, base := group(t)
	first, urls := start(t, name, "shared")
	second, others := start(t, name, "shared")
	for i := range urls {
		if host(t, urls[i]) != host(t, others[i]) {
			t.Errorf("two processes use two servers: %s and %s", host(t, urls[i]), host(t, others[i]))
		}
	}
	data := filepath.Dir(one[string](t, urls[0], "SHOW data_directory"))
	kill(t, first)
	for _, raw := range others {
		if err := execute(raw, "CREATE TABLE things (id int)"); err != nil {
			t.Errorf("the server ended with its first user: %v", err)
		}
	}
	kill(t, second)
	eventually(t, "the keepers end", func() bool {
		quiet, err := keep.Quiet(base)
		return quiet && err == nil
	})
	for _, raw := range urls {
		if answers(t, raw) {
			t.Errorf("a server still runs at %s", host(t, raw))
		}
	}
	if _, err := os.Stat(data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", data, err)
	}
}

func TestPrivateServersEndWithTheirKilledUser(t *testing.T) {
	name, _ := group(t)
	cmd, urls := start(t, name, "private")
	kill(t, cmd)
	for _, raw := range urls {
		eventually(t, "the private server ends", func() bool { return !answers(t, raw) })
	}
}

// TestAServerEndsWithItsKeeper kills the keeper, whose death nobody is told.
func TestAServerEndsWithItsKeeper(t *testing.T) {
	dir := t.TempDir()
	keeper := build(t, "keeper")
	job := fmt.Sprintf(`{"Users":%q,"Lock":%q,"Log":%q,"Dir":%q,"Stop":15,"Commands":[["/bin/sh","-c","echo $$ >pid.new; mv pid.new pid; exec sleep 1000"]]}`,
		dir+"/users", dir+"/lock", dir+"/log", dir)
	users, err := keep.Join(dir + "/users")
	if err != nil {
		t.Fatal(err)
	}
	defer users.Close()
	cmd := exec.Command(keeper, job)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	eventually(t, "the server starts", func() bool {
		text, err := os.ReadFile(dir + "/pid")
		_, _ = fmt.Sscan(string(text), &pid)
		return err == nil && pid > 0
	})
	kill(t, cmd)
	eventually(t, "the server ends", func() bool { return ended(pid) })
}

// ended tells whether a process is gone, or dead and not yet buried.
func ended(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return true
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(text), ") Z ")
}

func build(t *testing.T, program string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), program)
	out, err := exec.Command("go", "build", "-o", path, "./"+program).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

func TestHoldKeepsServersBetweenProcesses(t *testing.T) {
	_, base := group(t)
	cmd := exec.Command(build(t, "hold"), "--", "/bin/sh", "-c", `"$0" </dev/null; "$0" </dev/null; exit 7`, os.Args[0])
	cmd.Env = append(os.Environ(), "BELLOWS_TESTDB_CHILD=shared")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("want the command's exit code 7, got %v", err)
	}
	if quiet, err := keep.Quiet(base); err != nil || !quiet {
		t.Errorf("servers still run after hold (%v)", err)
	}
	urls := strings.Fields(string(out))
	if len(urls) != 4 || host(t, urls[0]) != host(t, urls[2]) || host(t, urls[1]) != host(t, urls[3]) {
		t.Errorf("the second process did not find the first one's servers: %q", out)
	}
}

func TestHoldEndsAndTellsWhatWasLeftRunning(t *testing.T) {
	group(t)
	out, err := exec.Command(build(t, "hold"), "--", "/bin/sh", "-c", "sleep 1000 >&- 2>&- & echo $!").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "left running: sleep") {
		t.Errorf("want exit code 1 and the name of what was left; got %v: %s", err, out)
	}
	var pid int
	if _, err := fmt.Sscan(string(out), &pid); err != nil || !ended(pid) {
		t.Errorf("the process %d still runs (%v)", pid, err)
	}
}
