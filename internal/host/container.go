package host

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
)

// Container is the URL of a database on a server in a container, that docker or
// podman runs. The error, fault.Unsupported, says why there is none.
func (h *Hosts) Container(ctx context.Context, w Want) (string, error) {
	return h.once("container "+w.Near, func() (*server, error) { return h.container(ctx, w) })
}

// engines run containers.
var engines = [...]string{"docker", "podman"}

func (h *Hosts) container(ctx context.Context, w Want) (*server, error) {
	driver, ok := w.Driver.(db.Host)
	if !ok {
		return nil, fault.New(fault.Unsupported, "this database has no server")
	}
	m, failed, tried := h.machine(), []string(nil), map[string]bool{}
	for _, folder := range m.Path {
		for _, name := range engines {
			if program := filepath.Join(folder, name); m.Runs(program) && !tried[same(program)] {
				tried[same(program)] = true
				s, err := h.contain(ctx, program, w, driver.Container(cmp.Or(w.Near, w.Scheme+":"), w.version(ctx)))
				if err == nil {
					return s, nil
				}
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				failed = append(failed, program+": "+err.Error())
			}
		}
	}
	if len(failed) > 0 {
		return nil, fault.New(fault.Unsupported, "%s", strings.Join(failed, "; "))
	}
	return nil, fault.New(fault.Unsupported, "neither docker nor podman is in PATH")
}

// same is what two paths of one file have in common.
func same(program string) string {
	if real, err := filepath.EvalSymlinks(program); err == nil {
		return real
	}
	return program
}

const (
	named   = "bellows-shadow-" // begins the names of containers; the time until which they are left alone follows
	life    = time.Hour
	pulling = 5 * time.Minute // how long a container may take to start: its image may have to come first
)

// contain starts a container. Its password is in the environment of the program, and
// in no command line.
func (h *Hosts) contain(ctx context.Context, program string, w Want, c db.Container) (*server, error) {
	h.sweepContainers(ctx, program)
	random := make([]byte, 12)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	secret := hex.EncodeToString(random)
	name := named + strconv.FormatInt(time.Now().Add(life).Unix(), 36) + "-" + secret[:8]
	args := []string{"run", "--detach", "--rm", "--name", name, "--publish", "127.0.0.1::" + strconv.Itoa(c.Port), "--tmpfs", c.Data}
	env := slices.Clone(h.Machine.Env)
	for _, pair := range c.Env {
		key, value, _ := strings.Cut(pair, "=")
		args, env = append(args, "--env", key), append(env, key+"="+strings.ReplaceAll(value, db.Secret, secret))
	}
	limited, cancel := context.WithTimeout(ctx, pulling)
	defer cancel()
	if _, err := ask(limited, env, program, append(append(args, c.Image), c.Args...)...); err != nil {
		return nil, err
	}
	stop, err := h.guard(program, name)
	if err != nil {
		_, end := ask(context.WithoutCancel(ctx), h.Machine.Env, program, remove(name)...)
		return nil, errors.Join(err, end)
	}
	url, err := h.reached(limited, program, name, w, c, secret)
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	return &server{url, stop}, nil
}

// reached finds the port of a container and waits until the server answers there.
func (h *Hosts) reached(ctx context.Context, program, name string, w Want, c db.Container, secret string) (string, error) {
	out, err := ask(ctx, h.Machine.Env, program, "port", name, strconv.Itoa(c.Port)+"/tcp")
	if err != nil {
		return "", err
	}
	port, err := portIn(out)
	if err != nil {
		return "", err
	}
	url := strings.NewReplacer(db.Port, port, db.Secret, secret).Replace(c.URL)
	gone := func() bool {
		state, err := ask(ctx, h.Machine.Env, program, "inspect", "--format", "{{.State.Running}}", name)
		return err != nil || strings.TrimSpace(state) != "true"
	}
	if err := answers(ctx, w.Driver, url, gone); err != nil {
		return "", err
	}
	return w.alike(ctx, url)
}

// portIn reads "127.0.0.1:49153", the first line of several.
func portIn(text string) (string, error) {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	at := strings.LastIndexByte(line, ':')
	if _, err := strconv.ParseUint(strings.TrimSpace(line[at+1:]), 10, 16); err != nil || at < 0 {
		return "", fmt.Errorf("it tells no port: %q", line)
	}
	return strings.TrimSpace(line[at+1:]), nil
}

// remove takes a container away with the volume that its image may have asked for.
func remove(name string) []string { return []string{"rm", "--force", "--volumes", name} }

// guard lets a shell wait for our end, and remove the container then.
func (h *Hosts) guard(program, name string) (stop func() error, err error) {
	cmd := exec.Command("/bin/sh", slices.Concat([]string{"-c", `trap : HUP INT TERM; read end; exec "$@" >/dev/null 2>&1`, "sh", program}, remove(name))...)
	var none *user
	cmd.Env, cmd.SysProcAttr = h.Machine.Env, none.attributes()
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() error {
		_ = pipe.Close() // it may have ended by itself
		return cmd.Wait()
	}, nil
}

// sweepContainers removes those whose time is over.
func (h *Hosts) sweepContainers(ctx context.Context, program string) {
	out, err := ask(ctx, h.Machine.Env, program, "ps", "--all", "--filter", "name="+named, "--format", "{{.Names}}")
	if err != nil {
		return // the next call says why
	}
	for _, name := range strings.Fields(out) {
		stamp, _, _ := strings.Cut(strings.TrimPrefix(name, named), "-")
		until, err := strconv.ParseInt(stamp, 36, 64)
		if err == nil && strings.HasPrefix(name, named) && time.Unix(until, 0).Before(time.Now()) {
			_, _ = ask(ctx, h.Machine.Env, program, remove(name)...) // somebody else may have
		}
	}
}

// ask runs the program; the error has the first line of what it said.
func ask(ctx context.Context, env []string, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = env
	var story strings.Builder
	cmd.Stderr = &story
	out, err := cmd.Output()
	if err != nil {
		said, _, _ := strings.Cut(strings.TrimSpace(story.String()), "\n")
		err = fmt.Errorf("%s: %w: %s", args[0], err, said)
	}
	return string(out), err
}
