//go:build !unix

package files

import "os"

// readDisk reads the file at path into buf's memory, or larger.
func (r Root) readDisk(path string, buf []byte, _ bool) ([]byte, error) {
	f, err := os.Open(r.disk + "/" + path)
	if err != nil {
		return buf, err
	}
	defer f.Close()
	return readAll(f, buf)
}

// Held is the root; there is nothing to be gained by holding it.
func (r Root) Held() (Root, func()) { return r, func() {} }

func itemsOnDisk(dir string) ([]item, error) { return itemsOf(os.ReadDir(dir)) }
