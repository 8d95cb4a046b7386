package testdb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/internal/testdb/keep"
)

// Private is a server that belongs to one test, which may stop and start it. Its
// URL stays the same. Its data survives every [Ending].
type Private struct {
	Server
	DataDir string // where the server keeps its data
	Log     string // file with what the server of the last Start said

	recipe recipe
	job    keep.Job
	port   int
	users  *os.File
	ended  <-chan struct{}
}

// Ending is how a private server is stopped.
type Ending int

const (
	// Immediate ends all sessions at once; the next start recovers from the log.
	Immediate Ending = iota
	// Fast rolls back, tells the clients and writes everything down.
	Fast
	// Killed is SIGKILL to the server process.
	Killed
)

// PrivatePostgres starts a PostgreSQL server of that major version, or of the one
// that [Postgres] uses when major is 0, with settings such as
// "default_transaction_read_only=on". It is gone at the end of the test. It never
// waits for the disk, unless the settings say "fsync=on".
func PrivatePostgres(t testing.TB, major int, settings ...string) *Private {
	t.Helper()
	in, err := postgresOf(major)
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	r := in.recipe()
	r.commands = func(dir string, port int) [][]string {
		return in.commands(dir, port, append(carelessSettings[:len(carelessSettings):len(carelessSettings)], settings...)...)
	}
	return private(t, r)
}

// PrivateMariaDB starts a MariaDB server with settings such as "--read-only=1". It
// is gone at the end of the test.
func PrivateMariaDB(t testing.TB, settings ...string) *Private {
	t.Helper()
	r := must(mariadbRecipe())(t)
	plain := r.commands
	r.commands = func(dir string, port int) [][]string {
		all := plain(dir, port)
		all[1] = append(all[1], settings...)
		return all
	}
	return private(t, r)
}

func postgresOf(major int) (install, error) {
	if major == 0 {
		return preferredPostgres()
	}
	chosen, err := chooseMajors(postgresInstalls(), strconv.Itoa(major))
	if err != nil {
		return install{}, err
	}
	return chosen[0], nil
}

func private(t testing.TB, r recipe) *Private {
	t.Helper()
	p, err := newPrivate(r)
	if err != nil {
		t.Fatalf("testdb: starting a private %s: %v", r.engine, err)
	}
	t.Cleanup(func() {
		if err := p.end(); err != nil {
			t.Errorf("testdb: ending a private %s: %v", r.engine, err)
		}
	})
	return p
}

func newPrivate(r recipe) (*Private, error) {
	dir, err := os.MkdirTemp(disk, "bellows-private-")
	if err != nil {
		return nil, err
	}
	p := &Private{recipe: r, Log: filepath.Join(dir, "log")}
	p.job = keep.Job{Users: filepath.Join(dir, keep.Alive), Lock: filepath.Join(dir, "keeper"), Log: p.Log, Also: dir}
	if p.users, err = keep.Join(p.job.Users); err != nil {
		return nil, err
	}
	p.job.KeepDir = true
	run, err := r.start(p.job)
	if err != nil {
		return nil, err
	}
	p.ended, p.port, p.job = run.ended, run.Port, run.job
	p.DataDir = filepath.Join(p.job.Dir, "data")
	p.Server, err = r.server(p.port)
	return p, err
}

// end stops the server and removes what it left.
func (p *Private) end() error {
	if err := p.users.Close(); err != nil {
		return err
	}
	<-p.ended
	if cared, ok := caredFor.LoadAndDelete(p.job.Dir); ok {
		_ = cared.(*os.File).Close()
	}
	// Of a stopped server, the keeper left its folders.
	return errors.Join(os.RemoveAll(p.job.Dir), os.RemoveAll(p.job.Also))
}

// Stop stops the server and returns when it is gone.
func (p *Private) Stop(t testing.TB, how Ending) {
	t.Helper()
	select {
	case <-p.ended:
		t.Fatalf("testdb: the private %s is not running: %s", p.Engine, tail(p.Log))
	default:
	}
	pid, err := p.pid()
	if err == nil {
		err = syscall.Kill(pid, how.signal(p.Engine))
	}
	if err != nil {
		t.Fatalf("testdb: stopping the private %s: %v", p.Engine, err)
	}
	select {
	case <-p.ended:
	case <-time.After(limit):
		t.Fatalf("testdb: the private %s does not stop: %s", p.Engine, tail(p.Log))
	}
}

// Start starts the stopped server again and returns when it answers.
func (p *Private) Start(t testing.TB) {
	t.Helper()
	all := p.recipe.commands(p.job.Dir, p.port)
	p.job.Commands = all[len(all)-1:]
	var err error
	// The last processes of a killed server may hold its memory for a moment.
	for range 20 {
		if p.ended, err = p.recipe.serve(p.job, p.port); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("testdb: starting the private %s again: %v", p.Engine, err)
}

// pid is the server's process: the first line of the file it keeps for that.
func (p *Private) pid() (int, error) {
	path := filepath.Join(p.job.Dir, "pid")
	if p.Engine == postgres {
		path = filepath.Join(p.DataDir, "postmaster.pid")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err == nil && pid <= 1 {
		err = fmt.Errorf("%s holds no process number", path)
	}
	return pid, err
}

// signal is what PostgreSQL's and MariaDB's manuals name for it. MariaDB knows no
// immediate end.
func (e Ending) signal(engine string) syscall.Signal {
	switch {
	case e == Fast && engine == postgres:
		return syscall.SIGINT
	case e == Fast:
		return syscall.SIGTERM
	case e == Immediate && engine == postgres:
		return syscall.SIGQUIT
	}
	return syscall.SIGKILL
}
