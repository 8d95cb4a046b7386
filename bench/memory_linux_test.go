package bench

import "syscall"

// peak is the peak memory in bytes: Linux counts in kilobytes.
func peak(u *syscall.Rusage) int64 { return u.Maxrss * 1024 }
