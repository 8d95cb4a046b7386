// Command hold runs a command and keeps the tests' servers alive until it ends.
//
// Charter: `hold -- go test ./...` shares the servers' lock for the whole run, so
// that they are not stopped and started between two packages; afterwards it waits
// until they are gone and ends what else was left running.
// Invariant: when it returns, nothing that the command started is running, unless
// another run shares the same servers; a process left behind by a test fails the run.
// Example: hold -- go test -count=1 ./...
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/bellowsdb/bellows/internal/testdb/keep"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: hold -- COMMAND [ARGUMENT ...]")
		os.Exit(2)
	}
	code, err := hold(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hold:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// hold gives the command's exit code.
func hold(args []string) (int, error) {
	runtime.LockOSThread() // the kernel ends the command when this thread ends
	base, err := keep.Base()
	if err != nil {
		return 1, err
	}
	users, err := keep.Join(filepath.Join(base, keep.UsersFile))
	if err != nil {
		return 1, err
	}
	adopt()
	code, err := run(args)
	if closed := users.Close(); err == nil {
		err = closed
	}
	return code, errors.Join(err, settle(base), leftovers())
}

// run carries out the command. An interrupt of the terminal reaches it without
// us; other signals are passed on.
func run(args []string) (int, error) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	defer signal.Stop(signals)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = keep.EndWithParent(syscall.SIGTERM)
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			if s != syscall.SIGINT {
				_ = cmd.Process.Signal(s) // it may have ended just now
			}
		case err := <-ended:
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				return max(exit.ExitCode(), 1), nil
			}
			return 0, err
		}
	}
}

// patience bounds the wait for servers and leftovers to end.
const patience = 20 * time.Second

// settle waits until the keepers have ended their servers.
func settle(base string) error {
	for start := time.Now(); time.Since(start) < patience; time.Sleep(10 * time.Millisecond) {
		quiet, err := keep.Quiet(base)
		if err != nil || quiet || keep.Used(base) {
			return err
		}
	}
	return fmt.Errorf("the test servers do not end; see the logs in %s", base)
}
