package program

import (
	"os/exec"
	"syscall"
)

// apart puts the program into a group of its own, and has it die when we do.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
