package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a program on a pseudo-terminal: keys go in, a screen comes out.
type terminal struct {
	t       testing.TB
	cmd     *exec.Cmd
	master  *os.File
	mu      sync.Mutex
	screen  *screen
	all     strings.Builder // what was written, codes and all
	changed chan struct{}   // closed, and made anew, when something was written
	ended   chan struct{}
}

// longest is how long something is waited for that must happen.
const longest = time.Minute

// onTerminal starts bellows on a terminal of that width.
func onTerminal(t testing.TB, width int, cmd *exec.Cmd) *terminal {
	t.Helper()
	master, slave := pseudoTerminal(t, width)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.Env = append(cmd.Env, "TERM=xterm-256color")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close()
	x := &terminal{t: t, cmd: cmd, master: master, screen: &screen{width: width}, changed: make(chan struct{}), ended: make(chan struct{})}
	go x.read()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-x.ended
		_ = cmd.Wait()
		_ = master.Close()
		if len(x.screen.unknown) > 0 {
			t.Errorf("the terminal got codes that not every one knows: %q", x.screen.unknown)
		}
	})
	return x
}

// pseudoTerminal opens one; see pty(7).
func pseudoTerminal(t testing.TB, width int) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	number := 0
	if e := conn.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
		if err == nil {
			err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: uint16(width)})
		}
	}); e != nil || err != nil {
		t.Fatal(e, err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// read shows what the program writes until it and all its children are gone.
func (x *terminal) read() {
	defer close(x.ended)
	b := make([]byte, 4096)
	for {
		n, err := x.master.Read(b)
		x.mu.Lock()
		_, _ = x.screen.Write(b[:n])
		x.all.Write(b[:n])
		close(x.changed)
		x.changed = make(chan struct{})
		x.mu.Unlock()
		if err != nil {
			return // EIO, when nobody has the other end open
		}
	}
}

// now is the screen without colours, and what tells when it changes.
func (x *terminal) now() (text string, changed chan struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.screen.text(), x.changed
}

// until waits until the screen shows a text.
func (x *terminal) until(text string) {
	x.t.Helper()
	x.untilLike(regexp.MustCompile(regexp.QuoteMeta(text)))
}

// untilLike waits until the screen shows a text that is like that: one of which
// nobody knows which of its forms is shown, such as the seconds that go by.
func (x *terminal) untilLike(text *regexp.Regexp) {
	x.t.Helper()
	late := time.After(longest)
	for {
		shown, changed := x.now()
		if text.MatchString(shown) {
			return
		}
		select {
		case <-changed:
		case <-x.ended:
			if shown, _ = x.now(); text.MatchString(shown) {
				return
			}
			x.t.Fatalf("it ended, and never showed %q:\n%s", text, shown)
		case <-late:
			x.t.Fatalf("it does not show %q:\n%s", text, shown)
		}
	}
}

// types presses keys.
func (x *terminal) types(keys string) {
	x.t.Helper()
	if _, err := x.master.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// ends waits for the end, which must come with an exit code.
func (x *terminal) ends(code int) {
	x.t.Helper()
	x.gone()
	shown, _ := x.now()
	_ = x.cmd.Wait()
	if got := x.cmd.ProcessState.ExitCode(); got != code {
		x.t.Fatalf("exit code %d, want %d:\n%s", got, code, shown)
	}
}

// gone waits for the end.
func (x *terminal) gone() {
	x.t.Helper()
	select {
	case <-x.ended:
	case <-time.After(longest):
		shown, _ := x.now()
		x.t.Fatalf("it does not end:\n%s", shown)
	}
}

// shows tells whether the screen, as it was left, holds all texts.
func (x *terminal) shows(texts ...string) {
	x.t.Helper()
	shown, _ := x.now()
	for _, s := range texts {
		if !strings.Contains(shown, s) {
			x.t.Errorf("the screen does not show %q:\n%s", s, shown)
		}
	}
}
