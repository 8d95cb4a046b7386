package keep

import "syscall"

// endWithParent asks the kernel to send the signal to the child when we die.
func endWithParent(stop syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: stop}
}
