// Package keep holds a throwaway database server for exactly as long as somebody
// uses it.
//
// Charter: users of a server share a lock on one file; a keeper process, which
// is the parent of the server, waits for that file's exclusive lock and then
// ends the server and removes its folder.
// Invariant: the kernel drops a lock when its holder dies, however it dies, so no
// server outlives its last user; a keeper that dies takes its server along.
// Example: users, _ := keep.Join(path); … ; users.Close() // the last one ends the server
package keep

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
)

// Job is what a keeper process has to do.
type Job struct {
	Users    string         // file whose shared lock the users hold
	Lock     string         // file that the keeper holds locked while it lives
	Dir      string         // folder of the server, removed at the end
	Also     string         // another folder to remove with it; empty for none
	Log      string         // file that gets the output of all commands
	UID, GID int            // whom the commands run as; 0 is whoever we are
	Commands [][]string     // run in order; the last one is the server
	Env      []string       // added to the environment of the commands
	Stop     syscall.Signal // what ends the server; its data need not survive
	KeepDir  bool           // leave both alone when the server ends by itself
}

// Join waits until nobody holds the file exclusively, then shares its lock until
// the file is closed or the process ends.
func Join(path string) (*os.File, error) { return lock(path, syscall.LOCK_SH) }

// Only waits until nobody else holds the file, then holds it alone.
func Only(path string) (*os.File, error) { return lock(path, syscall.LOCK_EX) }

// Free tells whether nobody holds the file exclusively.
func Free(path string) bool {
	f, err := lock(path, syscall.LOCK_SH|syscall.LOCK_NB)
	if err != nil {
		return false
	}
	_ = f.Close()
	return true
}

func lock(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return f, nil
}

// Run does the job and returns when the server has ended.
func (j Job) Run() error {
	// The kernel ends the server when the thread that started it ends.
	runtime.LockOSThread()
	self, err := lock(j.Lock, syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		return err
	}
	defer self.Close()
	cared, err := Join(filepath.Join(j.Dir, Alive))
	if err != nil {
		return err
	}
	defer cared.Close()
	log, err := os.OpenFile(j.Log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	unused := j.unused()
	for i, args := range j.Commands {
		err = j.hold(args, log, unused)
		if i+1 < len(j.Commands) && err == nil {
			continue
		}
		break
	}
	if j.KeepDir && !errors.Is(err, errUnused) {
		return err
	}
	return errors.Join(err, os.RemoveAll(j.Dir), os.RemoveAll(j.Also))
}

var errUnused = errors.New("nobody uses the server any more")

// unused is closed when the last user is gone, or a signal asks us to end.
func (j Job) unused() <-chan struct{} {
	done := make(chan struct{}, 2)
	signals := make(chan os.Signal, 1)
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		<-signals
		done <- struct{}{}
	}()
	go func() {
		// The lock is never given back: whoever comes now waits until we are gone.
		if _, err := Only(j.Users); err == nil {
			done <- struct{}{}
		}
	}()
	return done
}

// hold runs one command until it ends by itself or nobody uses it any more.
func (j Job) hold(args []string, log *os.File, unused <-chan struct{}) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = j.Dir, log, log
	cmd.Env = append(os.Environ(), j.Env...)
	cmd.SysProcAttr = EndWithParent(j.Stop)
	if j.UID != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(j.UID), Gid: uint32(j.GID)}
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-unused:
	}
	_ = cmd.Process.Signal(j.Stop)
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		_ = cmd.Process.Kill()
		<-ended
	}
	return errUnused
}
