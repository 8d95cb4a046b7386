package fill_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/bellowsdb/bellows/internal/testdb"
)

// smallDisk mounts a small file system for a server; ok is false where this
// process may not.
func smallDisk(t *testing.T, server *testdb.Private) (dir string, ok bool) {
	dir, err := os.MkdirTemp("/tmp", "bellows-small-disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	info, err := os.Stat(server.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=4m,mode=0700,uid=%d,gid=%d", owner.Uid, owner.Gid)); err != nil {
		return "", false
	}
	t.Cleanup(func() {
		server.Stop(t, testdb.Killed) // it has files open there
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir, true
}
