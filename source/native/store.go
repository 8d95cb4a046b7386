package native

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bellowsdb/bellows/fault"
)

// Store is where files are written.
type Store interface {
	// Create writes a new file, and the folders above it. A file that is there
	// is an error with code fault.Exists, and stays as it is.
	Create(path, text string) error
	// Replace writes a file anew, whole or not at all, if it still holds old.
	Replace(path string, old, text []byte) error
	// Move gives a file another name. A file that has it already is an error
	// with code fault.Exists.
	Move(from, to string) error
}

// Write writes the draft into the folder dir and gives the path of its file.
func Write(store Store, dir string, d Draft, t Templates) (path string, err error) {
	text, err := d.Text(t)
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, d.File())
	return path, store.Create(path, text)
}

// WriteAll writes several new files, or none: when one of them cannot be
// written, those before it are removed again.
func WriteAll(disk Disk, all []NewFile) error {
	for i, f := range all {
		if err := disk.Create(filepath.FromSlash(f.Path), f.Text); err != nil {
			for _, made := range all[:i] {
				os.Remove(disk.path(filepath.FromSlash(made.Path)))
			}
			return err
		}
	}
	return nil
}

// Disk is the store of the operating system. Relative paths are below Dir, ""
// meaning the working directory.
type Disk struct{ Dir string }

func (d Disk) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(d.Dir, p)
}

// Create writes a new file.
func (d Disk) Create(path, text string) error {
	full := d.path(path)
	if err := os.MkdirAll(filepath.Dir(full), 0o777); err != nil {
		return unwritable(path, err)
	}
	f, err := os.OpenFile(full, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return unwritable(path, err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(full) // half a migration is worse than none
		return unwritable(path, err)
	}
	return nil
}

// Replace writes a file anew through a second file beside it.
func (d Disk) Replace(path string, old, text []byte) error {
	full := d.path(path)
	now, err := os.ReadFile(full)
	if err != nil {
		return unwritable(path, err)
	}
	if string(now) != string(old) {
		return fault.At(fault.Pos{File: filepath.ToSlash(path)}, fault.File, "this file was changed while the command ran").
			Try("run the command again")
	}
	info, err := os.Stat(full)
	if err != nil {
		return unwritable(path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(full), ".bellows-*")
	if err != nil {
		return unwritable(path, err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), full)
	}
	if err != nil {
		os.Remove(f.Name())
		return unwritable(path, err)
	}
	return nil
}

// Move gives a file another name. The link makes sure that no other file is
// lost; where there are no links, a look before the renaming has to do.
func (d Disk) Move(from, to string) error {
	a, b := d.path(from), d.path(to)
	if _, err := os.Lstat(b); err == nil {
		return unwritable(to, fs.ErrExist)
	}
	err := os.Link(a, b)
	switch {
	case errors.Is(err, fs.ErrExist):
		return unwritable(to, err)
	case err == nil:
		err = os.Remove(a)
	default:
		err = os.Rename(a, b)
	}
	if err != nil {
		return unwritable(from, err)
	}
	return nil
}

// unwritable words what the file system said.
func unwritable(path string, err error) error {
	pos := fault.Pos{File: filepath.ToSlash(path)}
	switch {
	case errors.Is(err, fs.ErrExist):
		return fault.At(pos, fault.Exists, "this file is there already").
			Try("nothing was written over; remove it or choose another name")
	case errors.Is(err, fs.ErrPermission):
		return fault.At(pos, fault.File, "no right to write this").Because(err).
			Try("give the user who runs bellows the right to write in the folder")
	}
	return fault.At(pos, fault.File, "this cannot be written").Because(err).Try("see what the system says; nothing was changed")
}
