package fill_test

import (
	"bytes"
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/internal/fill"
)

// TestFrozen: a process that is frozen in the middle of a chunk keeps nobody from
// the others; where there is a server it frees the chunk, and others do it. What
// the process does when it is thawed changes no row twice.
func TestFrozen(t *testing.T) {
	for _, e := range engines() {
		for _, point := range []string{"changed", "planned", "checked"} {
			t.Run(e.name+"/"+point, func(t *testing.T) {
				t.Parallel()
				url := e.place(t, 300)
				f := planned(t, url, script(double, check(half)), options(url))
				small(t, url, f.ID, 50)
				c := session(t, url)
				defer c.Close()
				frozen := child{URL: url, Fill: f.ID, Process: "frozen", Stops: point, Idle: time.Second}
				cmd := frozen.command()
				var out bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &out
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				awaitStopped(t, cmd.Process.Pid)
				if c.Dialect().(dialect.Filler).Fill().Idle == "" { // nobody can take away what it holds
					_ = cmd.Process.Signal(syscall.SIGCONT)
				}
				if _, err := fill.Work(context.Background(), f.ID, options(url)); err != nil {
					t.Error(err)
				}
				if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != 300 {
					t.Errorf("%d rows are right while it is frozen", n)
				}
				_ = cmd.Process.Signal(syscall.SIGCONT)
				if code, _ := ending(t, cmd.Wait()); code != 0 {
					t.Errorf("thawed it exits %d: %s", code, out.String())
				}
				once(t, url, 300)
			})
		}
	}
}

// awaitStopped returns when a child of ours has stopped itself.
func awaitStopped(t *testing.T, pid int) {
	t.Helper()
	var info syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &info, syscall.WUNTRACED, nil); err != nil || !info.Stopped() {
		t.Fatalf("the process has not stopped: %v, %v", info, err)
	}
}
