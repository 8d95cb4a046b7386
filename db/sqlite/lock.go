package sqlite

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/bellowsdb/bellows/db"
)

// self is how this process is known to others that open the same file: its
// number, its host, and a start that no other process has: the boot of the
// kernel, the name space its number counts in, and the kernel's clock.
var self = sync.OnceValue(func() db.Session {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	pid := int64(os.Getpid())
	return db.Session{PID: pid, Start: started(pid), Host: host}
})

// Life tells whether the process of a session is still there. Only a process
// of this very machine and name space can be proven dead.
func (c *conn) Life(_ context.Context, s db.Session) (db.Life, error) {
	me := self()
	if s.Host == "" || s.Host != me.Host || s.PID <= 0 {
		return db.Unknown, nil
	}
	where, _, exact := cutLast(s.Start)
	here, _, hereExact := cutLast(me.Start)
	if exact != hereExact || where != here {
		return db.Unknown, nil
	}
	if !running(s.PID) {
		return db.Dead, nil
	}
	if !exact {
		return db.Unknown, nil // its number may have been given away again
	}
	switch now := started(s.PID); now {
	case s.Start:
		return db.Alive, nil
	case "":
		return db.Unknown, nil
	}
	return db.Dead, nil
}

func cutLast(start string) (where, at string, ok bool) {
	i := strings.LastIndexByte(start, '/')
	if i < 0 {
		return "", "", false
	}
	return start[:i], start[i+1:], true
}

// started is "<boot>/<name space>/<clock ticks since boot>" of a process, ""
// where the system does not tell (it does on Linux, in /proc).
func started(pid int64) string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	stat, err := os.ReadFile("/proc/" + strconv.FormatInt(pid, 10) + "/stat")
	if err != nil {
		return ""
	}
	// The name in the second field may hold anything; count from its end.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return strings.TrimSpace(string(boot)) + "/" + space + "/" + fields[19]
}

// running tells whether there is a process with that number.
func running(pid int64) bool {
	p, err := os.FindProcess(int(pid))
	if err != nil {
		return false
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}
