package program_test

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestKilled: when we are killed, the program dies with us. What it has started may
// live on: nobody is left to end it but the end of its input.
func TestKilled(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"=starts")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	pids := strings.Fields(line)
	waitFor(t, pids[0])
	if grandchild, err := strconv.Atoi(pids[1]); err == nil {
		_ = syscall.Kill(grandchild, syscall.SIGKILL)
	}
}
