//go:build !linux

package keep

import "syscall"

// endWithParent does nothing where the kernel offers no such signal: only a
// keeper that is killed leaves its server behind there.
func endWithParent(syscall.Signal) *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
