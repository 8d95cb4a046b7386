package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
)

// Local is the URL of a database on a server that runs from programs of this
// machine. The error, fault.Unsupported, says where they were looked for, or why
// the server does not run.
func (h *Hosts) Local(ctx context.Context, w Want) (string, error) {
	return h.once("local "+w.Near, func() (*server, error) { return h.local(ctx, w) })
}

func (h *Hosts) local(ctx context.Context, w Want) (*server, error) {
	driver, ok := w.Driver.(db.Host)
	if !ok {
		return nil, fault.New(fault.Unsupported, "this database has no server")
	}
	found, looked := driver.Installed(h.machine(), w.Near, w.version(ctx))
	if len(found) == 0 {
		return nil, fault.New(fault.Unsupported, "there is none that fits: looked for %s", strings.Join(looked, ", "))
	}
	var failed []string
	for _, s := range found[:min(len(found), 3)] {
		run, err := h.start(ctx, w, s)
		if err == nil {
			return run, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		failed = append(failed, s.Name+": "+err.Error())
	}
	return nil, fault.New(fault.Unsupported, "it does not run: %s", strings.Join(failed, "; "))
}

// slots is how many servers of one kind may run for one user at a time.
const slots = 16

// start starts a server in the first folder that nobody uses.
func (h *Hosts) start(ctx context.Context, w Want, s db.Server) (*server, error) {
	base, err := h.base()
	if err != nil {
		return nil, err
	}
	who, err := account(s.Accounts)
	if err != nil {
		return nil, err
	}
	if err := sweep(base); err != nil {
		return nil, err
	}
	for n := range slots {
		folder := filepath.Join(base, s.Key+"-"+strconv.Itoa(n))
		lock, ok, err := hold(folder + ".lock")
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		run, err := h.serve(ctx, w, s, folder, who)
		if err != nil {
			return nil, errors.Join(err, lock.Close())
		}
		stop := run.stop
		run.stop = func() error { return errors.Join(stop(), lock.Close()) }
		return run, nil
	}
	return nil, fault.New(fault.Failed, "%d of them run already", slots)
}

// sweep takes away the data that is too old and that nobody uses.
func sweep(base string) error {
	made, err := filepath.Glob(filepath.Join(base, "*", ready))
	if err != nil {
		return err
	}
	for _, file := range made {
		folder := filepath.Dir(file)
		if recent(folder) {
			continue
		}
		lock, ok, err := hold(folder + ".lock")
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		endLeft(folder, 9)
		if err := errors.Join(os.RemoveAll(folder), lock.Close()); err != nil {
			return err
		}
	}
	return nil
}

// base is the folder of the servers' folders.
func (h *Hosts) base() (string, error) {
	base := h.Base
	if base == "" {
		base = filepath.Join(os.TempDir(), "bellows-servers-"+strconv.Itoa(os.Getuid()))
		if len(base) > 60 { // names of sockets are short
			base = filepath.Join("/tmp", filepath.Base(base))
		}
	}
	mode := os.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o711 // servers do not run as root, and must get to their folders
	}
	if err := os.MkdirAll(base, mode); err != nil {
		return "", err
	}
	info, err := os.Lstat(base)
	if err == nil && (!info.IsDir() || info.Mode().Perm()&0o022 != 0 || !ours(info)) {
		err = fmt.Errorf("%s is not a folder of this user alone", base)
	}
	return base, err
}

// serve makes the data unless it is there, and starts the server.
func (h *Hosts) serve(ctx context.Context, w Want, s db.Server, folder string, who *user) (*server, error) {
	endLeft(folder, s.Stop)
	fresh := false
	if !recent(folder) {
		if err := h.initialise(ctx, s, folder, who); err != nil {
			return nil, errors.Join(err, os.RemoveAll(folder))
		}
		fresh = true
	}
	run, err := h.launch(ctx, w, s, folder, who)
	if err != nil && !fresh && ctx.Err() == nil { // its data did not survive something
		if err = os.RemoveAll(folder); err == nil {
			return h.serve(ctx, w, s, folder, who)
		}
	}
	return run, err
}

// ready is the file that says that the data was made, and when.
const ready = "ready"

// recent tells whether a folder has data that is not too old.
func recent(folder string) bool {
	info, err := os.Stat(filepath.Join(folder, ready))
	return err == nil && time.Since(info.ModTime()) < keeps
}

// initialise makes the data.
func (h *Hosts) initialise(ctx context.Context, s db.Server, folder string, who *user) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	for name, text := range s.Files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			return err
		}
		if err := who.own(filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	if err := who.own(folder); err != nil {
		return err
	}
	cmd := h.command(ctx, s.Init, folder, who)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(s.Init[0]), err, last(string(out)))
	}
	return os.WriteFile(filepath.Join(folder, ready), nil, 0o600)
}

// command is one of a server's, with its folder.
func (h *Hosts) command(ctx context.Context, words []string, folder string, who *user) *exec.Cmd {
	args := make([]string, len(words))
	for i, word := range words {
		args[i] = strings.ReplaceAll(word, db.Folder, folder)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = folder
	cmd.Env = append(slices.Clone(h.Machine.Env), "LC_ALL=C", "TZ=UTC", "HOME="+folder)
	cmd.SysProcAttr = who.attributes()
	return cmd
}

// watch runs the server beside a shell that ends it when its stdin ends: with us.
const watch = `stop=$1; shift; "$@" >log 2>&1 </dev/null & echo $! >pid.server; trap : HUP INT TERM; read end; kill -$stop "$(cat pid.server)"; wait`

// launch starts the server and waits until it answers.
func (h *Hosts) launch(ctx context.Context, w Want, s db.Server, folder string, who *user) (*server, error) {
	words := append([]string{"/bin/sh", "-c", watch, "sh", strconv.Itoa(s.Stop)}, s.Serve...)
	cmd := h.command(context.WithoutCancel(ctx), words, folder, who)
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop := func() error {
		_ = pipe.Close() // it may have ended by itself
		_ = cmd.Wait()
		return nil
	}
	url := strings.ReplaceAll(s.URL, db.Folder, folder)
	gone := func() bool { return !alive(filepath.Join(folder, "pid.server")) }
	if err := answers(ctx, w.Driver, url, gone); err != nil {
		_ = stop()
		text, _ := os.ReadFile(filepath.Join(folder, "log"))
		return nil, fmt.Errorf("%w: %s", err, last(string(text)))
	}
	if url, err = w.alike(ctx, url); err != nil {
		return nil, errors.Join(err, stop())
	}
	return &server{url, stop}, nil
}

// last is the last line of what a program said.
func last(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
