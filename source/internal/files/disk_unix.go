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

// first reads as much as buf has room for. What is larger gets its room at
// once; asking for every file's size would cost the many small ones.
func (d descriptor) first(buf []byte) ([]byte, error) {
	for len(buf) < cap(buf) {
		n, err := d.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil {
			return buf, err
		}
	}
	var stat syscall.Stat_t
	if err := syscall.Fstat(int(d), &stat); err == nil && stat.Size > int64(len(buf)) && stat.Size < 1<<40 {
		buf = append(make([]byte, 0, stat.Size+1), buf...)
	}
	return buf, nil
}

// room is how much to make ready for a file: what it takes, where it is read for
// itself; for one of thousands, whose memory is used again, what nearly all take.
func room(fd int, glance bool) int {
	const many = 1 << 14
	var stat syscall.Stat_t
	if glance || syscall.Fstat(fd, &stat) != nil || stat.Size >= many {
		return many
	}
	return int(stat.Size) + 1
}

// readDisk reads the file at path into buf's memory, or larger. A glance takes a
// read that fills less than its room for the end of the file, which it is on
// every disk; a second read would cost as much again.
func (r Root) readDisk(path string, buf []byte, glance bool) ([]byte, error) {
	fd, err := r.open(path)
	if err != nil {
		return buf, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer syscall.Close(fd)
	if cap(buf) < 1<<14 {
		buf = make([]byte, 0, room(fd, glance))
	}
	if glance {
		n, err := descriptor(fd).Read(buf[:cap(buf)])
		if buf = buf[:n]; n < cap(buf) && (err == nil || err == io.EOF) {
			return buf, nil
		}
	}
	buf, err = descriptor(fd).first(buf)
	if err == io.EOF {
		return buf, nil
	}
	if err == nil {
		buf, err = readAll(descriptor(fd), buf)
	}
	if err != nil {
		return buf, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return buf, nil
}

// insist does a system call again that a signal interrupted.
func insist(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != syscall.EINTR {
			return n, err
		}
	}
}
