//go:build unix && !linux

package files

import (
	"os"
	"syscall"
)

// Held is the root; there is nothing to be gained by holding it.
func (r Root) Held() (Root, func()) { return r, func() {} }

func (r Root) open(path string) (int, error) {
	return insist(func() (int, error) {
		return syscall.Open(r.disk+"/"+path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	})
}

func itemsOnDisk(dir string) ([]item, error) { return itemsOf(os.ReadDir(dir)) }
