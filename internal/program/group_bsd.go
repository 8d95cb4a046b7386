//go:build unix && !linux

package program

import (
	"os/exec"
	"syscall"
)

// apart puts the program into a group of its own.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
