//go:build !linux

package testdb

// roomy tells whether the folder is a file system in memory with room to spare.
func roomy(string) bool { return false }
