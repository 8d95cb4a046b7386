//go:build unix

package program

import (
	"os/exec"
	"syscall"
)

// kill kills the program's whole group.
func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
