//go:build !linux

package bench

import "syscall"

// peak is the peak memory in bytes, in which BSD and macOS count.
func peak(u *syscall.Rusage) int64 { return u.Maxrss }
