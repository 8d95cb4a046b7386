package testdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/internal/testdb/keep"
)

// Server is a running database server.
type Server struct {
	Engine string // "postgres" or "mariadb"
	Major  int    // 15 of PostgreSQL 15.18, 10 of MariaDB 10.11.3
	Bin    string // folder with its programs; empty when we did not start it
	admin  string
}

// AdminURL is the URL of the server's maintenance database.
func (s Server) AdminURL() string { return s.admin }

// Database is the URL of a fresh, empty database, dropped at the end of the test.
func (s Server) Database(t testing.TB) string {
	t.Helper()
	name := freshName()
	if err := s.engine().create(s, name); err != nil {
		t.Fatalf("testdb: creating a database: %v", err)
	}
	t.Cleanup(func() {
		// A test may have stopped its server; then there is nothing to drop.
		if err := s.engine().drop(s, name); err != nil && !errors.Is(err, errUnreachable) {
			t.Errorf("testdb: dropping database %s: %v", name, err)
		}
	})
	return inDatabase(s.admin, name)
}

// engine is what differs between the kinds of server.
type engine struct {
	create func(s Server, name string) error
	drop   func(s Server, name string) error
	major  func(admin string) (int, error)
}

func (s Server) engine() engine {
	if s.Engine == mariadb {
		return engine{createMariaDB, dropMariaDB, mariadbMajor}
	}
	return engine{createPostgres, dropPostgres, postgresMajor}
}

var errUnreachable = errors.New("the server does not answer")

// recipe is how a throwaway server of one kind is made.
type recipe struct {
	kind     string   // names it for people
	engine   string   // [postgres] or [mariadb]
	bin      string   // folder with its programs
	disk     bool     // its data must lie on a disk, not in memory
	accounts []string // whom to run it as when we are root, best first
	stop     syscall.Signal
	commands func(dir string, port int) [][]string // those that make its data, then the server
	files    map[string]string                     // laid into its folder first
	admin    func(port int) string
}

// running is what a process tells the others about a server it started.
type running struct {
	Port int
	Dir  string

	job   keep.Job        // what its keeper does; known to the starter only
	ended <-chan struct{} // closed when its keeper has ended; known to the starter only
}

// joined keeps the lock of [keep.UsersFile] until this process ends.
var joined = sync.OnceValues(func() (*os.File, error) {
	dir, err := keep.Base()
	if err != nil {
		return nil, err
	}
	return keep.Join(filepath.Join(dir, keep.UsersFile))
})

// shared remembers the servers this process uses, by kind.
var shared = struct {
	sync.Mutex
	servers map[string]Server
}{servers: map[string]Server{}}

// share is the machine's one server of that kind; it starts it where nobody has.
func (r recipe) share() (Server, error) {
	shared.Lock()
	defer shared.Unlock()
	r.kind = r.unique()
	if s, ok := shared.servers[r.kind]; ok {
		return s, nil
	}
	if _, err := joined(); err != nil {
		return Server{}, err
	}
	dir, err := keep.Base()
	if err != nil {
		return Server{}, err
	}
	starting, err := keep.Only(filepath.Join(dir, r.kind+".starting"))
	if err != nil {
		return Server{}, err
	}
	defer starting.Close()
	run, err := r.find(dir)
	if err != nil {
		run, err = r.launch(dir)
	}
	if err != nil {
		return Server{}, fmt.Errorf("starting %s: %w", r.kind, err)
	}
	s, err := r.server(run.Port)
	if err == nil {
		shared.servers[r.kind] = s
	}
	return s, err
}

// unique names the recipe among all of this machine. Another clone, or yesterday's
// code, may start the same programs with other settings.
func (r recipe) unique() string {
	sum := fnv.New32a()
	_ = json.NewEncoder(sum).Encode([]any{r.commands("", 0), r.files}) // a hash takes everything
	return fmt.Sprintf("%s-%08x", r.kind, sum.Sum32())
}

func (r recipe) server(port int) (Server, error) {
	s := Server{Engine: r.engine, Bin: r.bin, admin: r.admin(port)}
	var err error
	s.Major, err = s.engine().major(s.admin)
	return s, err
}

// find is the running server of that kind, if another process has started one.
func (r recipe) find(dir string) (running, error) {
	var run running
	if keep.Free(filepath.Join(dir, r.kind+keep.KeeperSuffix)) {
		return run, errUnreachable
	}
	text, err := os.ReadFile(filepath.Join(dir, r.kind+".json"))
	if err != nil {
		return run, err
	}
	return run, json.Unmarshal(text, &run)
}

// launch starts a server and tells the others.
func (r recipe) launch(dir string) (running, error) {
	state := filepath.Join(dir, r.kind+".json")
	if err := os.Remove(state); err != nil && !errors.Is(err, os.ErrNotExist) {
		return running{}, err
	}
	job := keep.Job{
		Users: filepath.Join(dir, keep.UsersFile),
		Lock:  filepath.Join(dir, r.kind+keep.KeeperSuffix),
		Log:   filepath.Join(dir, r.kind+".log"),
	}
	run, err := r.start(job)
	if err != nil {
		return run, err
	}
	text, err := json.Marshal(run)
	if err != nil {
		return run, err
	}
	return run, os.WriteFile(state, text, 0o644)
}

// start starts a server on a free port. Somebody may take the port between our
// look and the server's, so it tries again on another one.
func (r recipe) start(job keep.Job) (running, error) {
	err := sweep()
	if err != nil {
		return running{}, err
	}
	for range 3 {
		var run running
		if run, err = r.attempt(job); err == nil {
			return run, nil
		}
	}
	return running{}, err
}

func (r recipe) attempt(job keep.Job) (running, error) {
	dir, err := r.folder(&job)
	if err != nil {
		return running{}, err
	}
	port, err := freePort()
	if err != nil {
		return running{}, err
	}
	job.Dir, job.Commands = dir, r.commands(dir, port)
	ended, err := r.serve(job, port)
	if err != nil {
		return running{}, errors.Join(err, os.RemoveAll(dir))
	}
	return running{Port: port, Dir: dir, job: job, ended: ended}, nil
}

// folder makes the server's folder, with its files, owned by the account that
// the server is to run as.
func (r recipe) folder(job *keep.Job) (string, error) {
	dir, err := os.MkdirTemp(r.room(), "bellows-"+r.engine+"-")
	if err != nil {
		return "", err
	}
	cared, err := keep.Join(filepath.Join(dir, keep.Alive))
	if err != nil {
		return "", err
	}
	caredFor.Store(dir, cared)
	if os.Geteuid() == 0 {
		if job.UID, job.GID, err = account(r.accounts); err != nil {
			return "", err
		}
	}
	paths := []string{dir}
	for name, text := range r.files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", err
		}
		paths = append(paths, path)
	}
	for _, path := range paths {
		if job.UID == 0 {
			break
		}
		if err := os.Chown(path, job.UID, job.GID); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// caredFor keeps the locks on the folders of the servers that this process has
// started, by folder, until it ends.
var caredFor sync.Map

// sweep removes what servers left whose keeper and users were all killed at once.
func sweep() error {
	var folders []string
	for _, room := range []string{memory, disk} {
		for _, kind := range []string{postgres, mariadb, "private"} {
			found, err := filepath.Glob(filepath.Join(room, "bellows-"+kind+"-*"))
			if err != nil {
				return err
			}
			folders = append(folders, found...)
		}
	}
	return keep.Sweep(folders)
}

// Folders of servers are made in one of these.
const (
	memory = "/dev/shm"
	disk   = "/tmp"
)

// room is where servers' folders are made: in memory where there is enough of it,
// because a new database is some 300 files, which is 6 ms there and up to 250 ms
// on a virtual disk.
func (r recipe) room() string {
	if !r.disk && roomy(memory) {
		return memory
	}
	return disk
}

// account is the first of the accounts that exists.
func account(names []string) (uid, gid int, err error) {
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err = strconv.Atoi(u.Uid)
		if err != nil {
			return 0, 0, err
		}
		gid, err = strconv.Atoi(u.Gid)
		return uid, gid, err
	}
	return 0, 0, fmt.Errorf("no account to run a server as: none of %v exists", names)
}

// serve starts a keeper for the job and waits until the server answers. The
// channel is closed when the keeper has ended.
func (r recipe) serve(job keep.Job, port int) (<-chan struct{}, error) {
	job.Stop = r.stop
	job.Env = []string{"LC_ALL=C", "TZ=UTC"}
	program, err := keeperProgram()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(job)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, string(text))
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a Ctrl-C is meant for the test, not for it
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // what went wrong is in the log
		close(ended)
	}()
	return ended, r.await(job, port, ended)
}

// await returns when the server answers, or has ended.
func (r recipe) await(job keep.Job, port int, ended <-chan struct{}) error {
	deadline := time.After(limit)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := Server{Engine: r.engine}.engine().major(r.admin(port))
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("the server ended: %s", tail(job.Log))
		case <-deadline:
			return fmt.Errorf("%w (%v): %s", errUnreachable, err, tail(job.Log))
		case <-tick.C:
		}
	}
}

// tail is the end of a log.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

// keeperProgram builds the keeper. It is linked anew for each process that starts
// a server, so that it is never older than the tests.
var keeperProgram = sync.OnceValues(func() (string, error) {
	dir, err := keep.Base()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "keeper")
	building, err := keep.Only(path + ".building")
	if err != nil {
		return "", err
	}
	defer building.Close()
	fresh := fmt.Sprintf("%s.%d", path, os.Getpid())
	cmd := exec.Command("go", "build", "-o", fresh, "github.com/bellowsdb/bellows/internal/testdb/keeper")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the keeper: %w: %s", err, out)
	}
	return path, os.Rename(fresh, path)
})

// freePort is a port of the loopback address that nobody listens on right now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
