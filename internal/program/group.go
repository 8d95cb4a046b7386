//go:build !unix

package program

import "os/exec"

// apart does nothing: there are no groups.
func apart(*exec.Cmd) {}

// kill kills the program.
func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
