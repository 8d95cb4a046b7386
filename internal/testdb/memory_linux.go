package testdb

import "syscall"

// roomy tells whether the folder is a file system in memory with 2 GiB to spare.
func roomy(dir string) bool {
	const tmpfs, spare = 0x01021994, 2 << 30
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return false
	}
	return int64(st.Type) == tmpfs && st.Bavail*uint64(st.Bsize) >= spare
}
