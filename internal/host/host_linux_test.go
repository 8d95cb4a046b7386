package host_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/mysql"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/host"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// child names the folder in which a child of the test starts a server, and is killed.
const child = "BELLOWS_TEST_HOST_CHILD"

func TestMain(m *testing.M) {
	if base := os.Getenv(child); base != "" {
		url, err := hosts(base).Local(context.Background(), host.Want{Driver: postgres.Driver{}})
		fmt.Println(url, err)
		_, _ = os.Stdin.Read(make([]byte, 1)) // until we are killed
		return
	}
	os.Exit(m.Run())
}

func hosts(base string) *host.Hosts {
	return &host.Hosts{Machine: db.Machine{Env: os.Environ()}, Base: base}
}

// base is a folder for servers, with a short name: names of sockets are short.
func base(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "host")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// A server runs for as long as it is wanted; its databases are there the next time.
func TestServersRunEndAndKeepTheirData(t *testing.T) {
	ctx := context.Background()
	for name, d := range map[string]interface {
		db.Driver
		db.Neighbour
	}{"postgres": postgres.Driver{}, "mariadb": mysql.Driver{}} {
		t.Run(name, func(t *testing.T) {
			dir := base(t)
			left := filepath.Join(dir, "old-0")
			if err := os.Mkdir(left, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(left, "ready"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(filepath.Join(left, "ready"), time.Time{}, time.Now().Add(-25*time.Hour)); err != nil {
				t.Fatal(err)
			}
			h := hosts(dir)
			url, err := h.Local(ctx, host.Want{Driver: d})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("data of yesterday is there: %v", err)
			}
			if again, err := h.Local(ctx, host.Want{Driver: d}); err != nil || again != url {
				t.Errorf("another one the second time: %s, %v", again, err)
			}
			if made, err := d.Make(ctx, url, "kept"); err != nil || !made {
				t.Fatalf("making a database: %v, %v", made, err)
			}
			if err := h.Close(); err != nil {
				t.Error(err)
			}
			if c, err := d.Open(ctx, url, db.Options{}); err == nil {
				c.Close()
				t.Error("it runs after its end")
			}
			h = hosts(dir)
			defer h.Close()
			url, err = h.Local(ctx, host.Want{Driver: d})
			if err != nil {
				t.Fatal(err)
			}
			if names, err := d.Names(ctx, url, "kept"); err != nil || !slices.Equal(names, []string{"kept"}) {
				t.Errorf("kept %v, %v", names, err)
			}
		})
	}
}

// What a killed process leaves is a server that ends by itself, or, when the shell
// beside it was killed too, by the next one who wants its folder.
func TestServersOfKilledProcessesEnd(t *testing.T) {
	dir := base(t)
	for _, withShell := range []bool{false, true} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), child+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasSuffix(line, " <nil>\n") {
			t.Fatalf("the child says %q, %v", line, err)
		}
		text, err := os.ReadFile(firstOf(t, filepath.Join(dir, "*", "pid.server")))
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if withShell {
			if err := syscall.Kill(parentOf(t, pid), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		if withShell {
			h := hosts(dir)
			defer h.Close()
			if _, err := h.Local(context.Background(), host.Want{Driver: postgres.Driver{}}); err != nil {
				t.Fatal(err)
			}
		}
		for until := time.Now().Add(time.Minute); !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) && !zombie(pid); {
			if time.Now().After(until) {
				t.Fatal("the server runs on")
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func firstOf(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return found[0]
}

// stat are the fields of a process behind its name: its state, its parent, ….
func stat(pid int) []string {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, _ := strings.Cut(string(text), ") ")
	return strings.Fields(rest)
}

func parentOf(t *testing.T, pid int) int {
	t.Helper()
	f := stat(pid)
	if len(f) < 2 {
		t.Fatalf("the process %d is not there", pid)
	}
	parent, err := strconv.Atoi(f[1])
	if err != nil {
		t.Fatal(err)
	}
	return parent
}

// zombie tells whether a process has ended and nobody has asked how.
func zombie(pid int) bool { f := stat(pid); return len(f) > 0 && f[0] == "Z" }

// contained is a driver whose container is the server of the tests.
type contained struct {
	postgres.Driver
	url string
}

func (c contained) Container(near string, _ int) db.Container {
	return db.Container{Image: "of/" + near + "15", Env: []string{"POSTGRES_PASSWORD=" + db.Secret}, Args: []string{"-c", "fsync=off"}, Data: "/data", Port: 5432, URL: c.url}
}

// fake is a docker that writes down what it is asked for.
const fake = `#!/bin/sh
echo "$@ ${POSTGRES_PASSWORD:+with a password}" >> "$HOST_LOG"
case "$1" in
ps) echo bellows-shadow-1-old; echo bellows-shadow-zzzzzz-new; echo not-ours;;
port) echo "127.0.0.1:$HOST_PORT"; echo "[::1]:1";;
inspect) echo true;;
esac
`

// A container is started with what is needed, reached by the port that it got,
// removed at the end, and those that were left behind are swept.
func TestContainersAreRunAndRemoved(t *testing.T) {
	u, err := url.Parse(testdb.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	port := u.Port()
	u.Host = "127.0.0.1:1"
	d := contained{url: strings.Replace(u.String(), "127.0.0.1:1", "127.0.0.1:"+db.Port, 1)}
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	for name, text := range map[string]string{"docker": "#!/bin/sh\necho no daemon >&2\nexit 125\n", "podman": fake} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h := &host.Hosts{Machine: db.Machine{Env: []string{"PATH=" + dir, "HOST_LOG=" + log, "HOST_PORT=" + port}}}
	got, err := h.Container(context.Background(), host.Want{Driver: d, Scheme: "special"})
	if err != nil || !strings.Contains(got, ":"+port+"/") {
		t.Fatalf("%s, %v", fault.Redact(got), err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	name := strings.Fields(strings.Join(lines[2:3], ""))
	if len(name) < 5 {
		t.Fatalf("asked for\n%s", text)
	}
	want := []string{
		"ps --all --filter name=bellows-shadow- --format {{.Names}}",
		"rm --force --volumes bellows-shadow-1-old",
		"run --detach --rm --name " + name[4] + " --publish 127.0.0.1::5432 --tmpfs /data --env POSTGRES_PASSWORD of/special:15 -c fsync=off with a password",
		"port " + name[4] + " 5432/tcp",
		"rm --force --volumes " + name[4],
	}
	if !slices.Equal(lines, want) || !strings.HasPrefix(name[4], "bellows-shadow-") {
		t.Errorf("asked for\n%s\nand not\n%s", text, strings.Join(want, "\n"))
	}
}

// Why there is none is said in full.
func TestWhyThereIsNoneIsSaid(t *testing.T) {
	dir := base(t)
	nothing := db.Machine{Env: []string{"PATH=" + dir}, Find: func(string) []string { return nil }}
	h := &host.Hosts{Machine: nothing, Base: dir}
	for _, d := range []db.Driver{postgres.Driver{}, mysql.Driver{}} {
		_, err := h.Local(context.Background(), host.Want{Driver: d})
		if fault.CodeOf(err) != fault.Unsupported || !strings.Contains(err.Error(), "in PATH") {
			t.Errorf("local: %v", err)
		}
		_, err = h.Container(context.Background(), host.Want{Driver: d})
		if fault.CodeOf(err) != fault.Unsupported || !strings.Contains(err.Error(), "neither docker nor podman is in PATH") {
			t.Errorf("container: %v", err)
		}
	}
	for name, text := range map[string]string{"docker": "#!/bin/sh\necho no daemon >&2\nexit 125\n", "initdb": "#!/bin/sh\necho no space left >&2\nexit 1\n", "postgres": "#!/bin/sh\necho 'postgres (PostgreSQL) 99.1'\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	want := host.Want{Driver: postgres.Driver{}}
	if _, err := h.Local(context.Background(), want); err == nil || !strings.Contains(err.Error(), "PostgreSQL 99 of "+dir+": initdb: exit status 1: no space left") {
		t.Errorf("local: %v", err)
	}
	if _, err := h.Container(context.Background(), want); err == nil || !strings.Contains(err.Error(), "exit status 125: no daemon") {
		t.Errorf("container: %v", err)
	}
}
