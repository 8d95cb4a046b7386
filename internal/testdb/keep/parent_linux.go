package keep

import "syscall"

// EndWithParent asks the kernel to send the signal to the child when we die.
func EndWithParent(stop syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: stop}
}
