//go:build !unix

package files

import "os"

// readDisk reads the file at path into buf's memory, or larger.
func readDisk(path string, buf []byte, _ bool) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return buf, err
	}
	defer f.Close()
	return readAll(f, buf)
}
