package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// fleet are the running instances of the application, behind what would be a
// load balancer.
type fleet struct {
	app, url string
	client   *http.Client

	mu        sync.Mutex
	instances []*instance
}

// instance is one process of the application.
type instance struct {
	code, address string
	cmd           *exec.Cmd
	busy          sync.WaitGroup // requests that are not answered yet
}

func newFleet(o options) *fleet {
	return &fleet{app: o.app, url: o.url, client: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// start starts one instance of a version of the code and sends it requests once
// it answers.
func (f *fleet) start(ctx context.Context, code string) error {
	cmd := exec.CommandContext(ctx, f.app, "-code", code, "-listen", "localhost:0")
	cmd.Env = append(os.Environ(), "DATABASE_URL="+f.url)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	_, address, found := strings.Cut(strings.TrimSpace(line), " on ")
	if err != nil || !found {
		_ = cmd.Process.Kill()
		return fmt.Errorf("the application does not start: %q", line)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.instances = append(f.instances, &instance{code: code, address: address, cmd: cmd})
	return nil
}

// pick chooses an instance for one request, which calls done at its end.
func (f *fleet) pick() (in *instance, done func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.instances) == 0 {
		return nil, nil, fmt.Errorf("no instance runs")
	}
	in = f.instances[rand.IntN(len(f.instances))]
	in.busy.Add(1)
	return in, in.busy.Done, nil
}

// stopOne takes one instance of a version out, lets it answer what it was asked,
// and stops it.
func (f *fleet) stopOne(code string) error {
	f.mu.Lock()
	var out *instance
	for i, in := range f.instances {
		if in.code == code {
			out = in
			f.instances = append(f.instances[:i:i], f.instances[i+1:]...)
			break
		}
	}
	f.mu.Unlock()
	if out == nil {
		return fmt.Errorf("no instance of the %s code runs", code)
	}
	out.busy.Wait()
	if err := out.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return out.cmd.Wait()
}

// stopAll ends what still runs.
func (f *fleet) stopAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, in := range f.instances {
		_ = in.cmd.Process.Kill()
		_ = in.cmd.Wait()
	}
	f.instances = nil
}

// post is a post as the application shows it to programs.
type post struct {
	ID       int64
	Title    string
	Lat, Lng float64
}

// export reads every post through the application.
func (f *fleet) export(ctx context.Context) ([]post, error) {
	in, done, err := f.pick()
	if err != nil {
		return nil, err
	}
	defer done()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, in.address+"/posts.json", nil)
	if err != nil {
		return nil, err
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the application answers %s", resp.Status)
	}
	var posts []post
	return posts, json.NewDecoder(resp.Body).Decode(&posts)
}
