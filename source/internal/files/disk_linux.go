package files

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"syscall"
)

const readFlags = syscall.O_RDONLY | syscall.O_CLOEXEC | syscall.O_NONBLOCK

// Held is the root with its folder open until done is called, so that the way to
// it is not walked anew for each of thousands of files.
func (r Root) Held() (held Root, done func()) {
	if r.disk == "" {
		return r, func() {}
	}
	fd, err := insist(func() (int, error) { return syscall.Open(r.disk, readFlags|syscall.O_DIRECTORY, 0) })
	if err != nil {
		return r, func() {}
	}
	r.held = fd + 1
	return r, func() { _ = syscall.Close(fd) }
}

func (r Root) open(path string) (int, error) {
	return insist(func() (int, error) {
		if r.held != 0 {
			return syscall.Openat(r.held-1, path, readFlags, 0)
		}
		return syscall.Open(r.disk+"/"+path, readFlags, 0)
	})
}

// itemsOnDisk reads a folder as the kernel tells it; os.ReadDir makes three
// objects of each name.
func itemsOnDisk(dir string) ([]item, error) {
	fd, err := insist(func() (int, error) { return syscall.Open(dir, readFlags|syscall.O_DIRECTORY, 0) })
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	defer syscall.Close(fd)
	var items []item
	buf := make([]byte, 1<<15)
	for {
		n, err := insist(func() (int, error) { return syscall.ReadDirent(fd, buf) })
		if err != nil {
			return items, &fs.PathError{Op: "readdirent", Path: dir, Err: err}
		}
		if n <= 0 {
			return items, nil
		}
		if items, err = entries(items, dir, buf[:n]); err != nil {
			return items, err
		}
	}
}

// Where the parts of a directory entry stand in what the kernel gives: its
// length, its kind, its name up to a NUL byte.
const (
	lengthAt = 16
	kindAt   = 18
	nameAt   = 19
)

// entries appends those in buf, whose names share one memory.
func entries(items []item, dir string, buf []byte) ([]item, error) {
	text := string(buf)
	for at := 0; at+nameAt < len(buf); {
		length := int(binary.NativeEndian.Uint16(buf[at+lengthAt:]))
		if length <= nameAt || at+length > len(buf) {
			return items, &fs.PathError{Op: "readdirent", Path: dir, Err: syscall.EIO}
		}
		end := at + length
		if i := bytes.IndexByte(buf[at+nameAt:end], 0); i >= 0 {
			end = at + nameAt + i
		}
		gone := binary.NativeEndian.Uint64(buf[at:]) == 0 // it was removed
		if name := text[at+nameAt : end]; !gone && name != "." && name != ".." {
			mode, err := modeOf(buf[at+kindAt], dir, name)
			switch {
			case err == nil:
				items = append(items, item{name, mode})
			case !errors.Is(err, fs.ErrNotExist): // removed by now
				return items, err
			}
		}
		at += length
	}
	return items, nil
}

// modeOf is what has a name. Some file systems do not tell with the name.
func modeOf(kind byte, dir, name string) (fs.FileMode, error) {
	switch kind {
	case syscall.DT_REG:
		return 0, nil
	case syscall.DT_DIR:
		return fs.ModeDir, nil
	case syscall.DT_LNK:
		return fs.ModeSymlink, nil
	case syscall.DT_UNKNOWN:
		info, err := os.Lstat(dir + "/" + name)
		if err != nil {
			return 0, err
		}
		return info.Mode().Type(), nil
	}
	return fs.ModeIrregular, nil
}
