// Package host runs database servers of its own, for throwaway databases where
// none can be made beside the one that counts.
//
// Charter: finds the programs of a server on this machine, or a program that runs
// containers; starts a server that nobody else reaches, whose data need not survive;
// ends it with this process, however that ends; sweeps what was left behind.
// Invariant: a server of ours ends when this process does, even when that is killed: a
// shell beside it waits for the end of a pipe that only we hold open.
// Example: hosts := &host.Hosts{}; defer hosts.Close(); url, err := hosts.Local(ctx, host.Want{Driver: driver, Near: url})
//
// Why it is safe: each server's data is in a folder of its own among temporary
// files, under a lock that the kernel takes from a process that ends. Whoever gets the
// lock may use the folder, with the templates that are in it, or take it away. A
// server that outlived both its process and its shell is known by the folder's name in
// its command line, and is ended by the next one who wants the folder.
package host

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
)

// Want says what a server is to stand in for.
type Want struct {
	Driver db.Driver
	// Near is the URL of the database whose server it stands in for, "" for none.
	Near string
	// Scheme begins the URL that it would have.
	Scheme string
}

// Hosts are the servers that this process runs. The zero value runs none; it may be
// used by several goroutines.
type Hosts struct {
	// Machine is what may be asked of the machine, which is asked where its functions
	// are nil. Its Env tells where programs are.
	Machine db.Machine
	// Base is the folder of the servers' folders; "" is one of the user's own among
	// temporary files.
	Base string

	mu      sync.Mutex
	running map[string]*server
}

// server is one that runs.
type server struct {
	url  string
	stop func() error
}

// keeps is how long the data of a server, with its templates, is kept.
const keeps = 24 * time.Hour

// starts is how long a server may take to answer.
const starts = time.Minute

// Close ends all servers.
func (h *Hosts) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []error
	for _, s := range h.running {
		all = append(all, s.stop())
	}
	h.running = nil
	return errors.Join(all...)
}

// Runs tells what runs for a database: "local", "container" or "".
func (h *Hosts) Runs(w Want) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, kind := range []string{"local", "container"} {
		if _, ok := h.running[kind+" "+w.Near]; ok {
			return kind
		}
	}
	return ""
}

// once gives a server that runs already, or starts it.
func (h *Hosts) once(key string, start func() (*server, error)) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s, ok := h.running[key]; ok {
		return s.url, nil
	}
	s, err := start()
	if err != nil {
		return "", err
	}
	if h.running == nil {
		h.running = map[string]*server{}
	}
	h.running[key] = s
	return s.url, nil
}

// machine is the machine that is asked.
func (h *Hosts) machine() db.Machine {
	m := h.Machine
	for _, pair := range m.Env {
		if path, ok := strings.CutPrefix(pair, "PATH="); ok && m.Path == nil {
			m.Path = filepath.SplitList(path)
		}
	}
	if m.Find == nil {
		m.Find = func(pattern string) []string {
			found, _ := filepath.Glob(pattern) // the only error is a bad pattern
			return found
		}
	}
	if m.Runs == nil {
		m.Runs = func(path string) bool {
			info, err := os.Stat(path)
			return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
		}
	}
	if m.Tells == nil {
		m.Tells = func(program string, args ...string) (string, error) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			out, err := exec.CommandContext(ctx, program, args...).Output()
			return string(out), err
		}
	}
	return m
}

// version is that of the server that is stood in for; 0 where it does not tell.
func (w Want) version(ctx context.Context) int {
	if w.Near == "" {
		return 0
	}
	c, err := w.Driver.Open(ctx, w.Near, db.Options{App: "bellows/shadow", ReadOnly: true})
	if err != nil {
		return 0
	}
	defer func() { _ = c.Close() }()
	if shaper, ok := c.Dialect().(dialect.Shaper); ok {
		return shaper.Empty().Version
	}
	return 0
}

// answers waits until a server does; gone tells that it never will.
func answers(ctx context.Context, d db.Driver, url string, gone func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, starts)
	defer cancel()
	for {
		c, err := d.Open(ctx, url, db.Options{App: "bellows/shadow", ConnectTimeout: 5 * time.Second})
		if err == nil {
			return c.Close()
		}
		if ctx.Err() != nil || gone() {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// alike gives the new server what the other one's databases may need.
func (w Want) alike(ctx context.Context, url string) (string, error) {
	host, ok := w.Driver.(db.Host)
	if !ok || w.Near == "" {
		return url, nil
	}
	return host.Alike(ctx, w.Near, url)
}
