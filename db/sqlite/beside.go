package sqlite

import (
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/db"
)

var _ db.Neighbour = Driver{}

// hasty are the settings of a file that nobody misses when the power fails: it
// is as fast as one in memory, and several sessions can open it.
const hasty = "?_pragma=synchronous(0)&_pragma=journal_mode(memory)"

// nest is the folder of throwaway files: the user's own, among temporary ones.
func nest() (string, error) {
	dir := filepath.Join(os.TempDir(), "bellows-"+strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", wrap(err, "make", dir)
	}
	info, err := os.Lstat(dir)
	if err == nil && (!info.IsDir() || os.Getuid() >= 0 && info.Mode().Perm()&0o077 != 0) {
		err = errors.New("it is not a folder of this user alone")
	}
	if err != nil {
		return "", wrap(err, "use", dir)
	}
	return dir, nil
}

// Beside is the URL of a file of that name among temporary files, whatever file
// the URL names.
func (Driver) Beside(_, name string) (string, error) {
	dir, err := nest()
	if err != nil {
		return "", err
	}
	return "sqlite:" + (&url.URL{Path: filepath.ToSlash(filepath.Join(dir, name))}).EscapedPath() + hasty, nil
}

// Names are the throwaway files of this user whose names begin so, sorted.
func (Driver) Names(_ context.Context, _, prefix string) ([]string, error) {
	dir, err := nest()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, wrap(err, "read", dir)
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if cut := strings.IndexByte(name, '-'); cut >= 0 { // a journal beside it, or a copy that was not finished
			name = name[:cut]
		}
		if strings.HasPrefix(name, prefix) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// Make makes the file, empty.
func (d Driver) Make(ctx context.Context, rawURL, name string) (bool, error) {
	beside, err := d.Beside(rawURL, name)
	if err != nil {
		return false, err
	}
	return d.Create(ctx, beside)
}

// Clone copies the file. The copy is there whole or not at all.
func (d Driver) Clone(_ context.Context, rawURL, name string) error {
	from, err := parse(rawURL)
	if err != nil {
		return err
	}
	dir, err := nest()
	if err != nil {
		return err
	}
	in, err := os.Open(from.path)
	if err != nil {
		return wrap(err, "copy", from.path)
	}
	defer in.Close()
	out, err := os.CreateTemp(dir, name+"-*")
	if err != nil {
		return wrap(err, "write", dir)
	}
	defer os.Remove(out.Name())
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err == nil {
		err = os.Link(out.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return wrap(err, "write", filepath.Join(dir, name))
	}
	return nil
}
