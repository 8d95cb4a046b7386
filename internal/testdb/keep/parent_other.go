//go:build !linux

package keep

import "syscall"

// EndWithParent does nothing where the kernel offers no such signal: only a
// keeper that is killed leaves its server behind there.
func EndWithParent(syscall.Signal) *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
