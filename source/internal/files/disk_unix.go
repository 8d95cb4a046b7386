//go:build unix

package files

import (
	"io"
	"io/fs"
	"syscall"
)

// descriptor reads a file without the bookkeeping of os.File, which for a
// folder of thousands of small files costs as much as reading them.
type descriptor int

func (d descriptor) Read(p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(d), p)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return 0, err
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

// readDisk reads the file at path into buf's memory, or larger.
func readDisk(path string, buf []byte) ([]byte, error) {
	fd, err := openDisk(path)
	if err != nil {
		return buf, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer syscall.Close(fd)
	if cap(buf) < 1<<14 {
		buf = make([]byte, 0, 1<<14)
	}
	text, err := readAll(descriptor(fd), buf)
	if err != nil {
		return text, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return text, nil
}

func openDisk(path string) (int, error) {
	for {
		fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
		if err != syscall.EINTR {
			return fd, err
		}
	}
}
