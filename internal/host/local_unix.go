//go:build unix

package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	osuser "os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// user is whom a server runs as; nil is ourselves.
type user struct{ uid, gid int }

// account is the first of the accounts that exists, when we are root: servers
// refuse to run as root.
func account(names []string) (*user, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range names {
		u, err := osuser.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(u.Uid)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.Atoi(u.Gid)
		return &user{uid, gid}, err
	}
	return nil, fmt.Errorf("it does not run as root, and there is no other account: none of %s", strings.Join(names, ", "))
}

// own gives a file or a folder to the user.
func (u *user) own(path string) error {
	if u == nil {
		return nil
	}
	return os.Chown(path, u.uid, u.gid)
}

// attributes start a process as the user, where a Ctrl-C does not reach it.
func (u *user) attributes() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if u != nil {
		a.Credential = &syscall.Credential{Uid: uint32(u.uid), Gid: uint32(u.gid)}
	}
	return a
}

// ours tells whether a folder belongs to us.
func ours(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// hold takes a lock that the kernel gives back when we end; ok is false when
// somebody else has it.
func hold(path string) (lock *os.File, ok bool, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, false, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, false, f.Close()
	}
	if err != nil {
		return nil, false, errors.Join(err, f.Close())
	}
	return f, true, nil
}

// alive tells whether the process of a pid file may be there; it is, while the file
// is not.
func alive(file string) bool {
	pid := processOf(file)
	return pid == 0 || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

func processOf(file string) int {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return max(pid, 0)
}

// endLeft ends a server that has outlived its process and the shell beside it. Its
// command line names the folder.
func endLeft(folder string, signal int) {
	file := filepath.Join(folder, "pid.server")
	pid := processOf(file)
	if pid == 0 {
		return
	}
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err == nil && strings.Contains(string(line), folder+"/data") {
		_ = syscall.Kill(pid, syscall.Signal(signal)) // it may be gone meanwhile
	}
	_ = os.Remove(file)
}
