// Package files lists, reads and checks the files of a migration folder for the
// rooms that understand one format each.
//
// Charter: all that touches a file system when folders are read: listing,
// reading in parallel, text checks, checksums, and collecting what is wrong.
// Invariant: text that leaves this package is valid UTF-8 with LF line ends,
// without byte-order mark and NUL bytes.
// Example: root := files.At(opts); list, problems := root.List(files.Deep); text, err := root.Read(list[0].Path, nil)
package files

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/source"
)

// Root is the folder that is read.
type Root struct {
	fsys fs.FS
	disk string // the folder on disk, "" for another fs.FS
	held int    // one more than the number of the open folder, 0 for none
	name string // the folder as errors name it
	top  []item // what is in the folder itself, when that is known
}

// item is a name in a folder and what has it, links not followed.
type item struct {
	name string
	mode fs.FileMode
}

// At gives the root that opts name.
func At(opts source.Options) Root {
	name := opts.Dir
	if name == "" {
		name = "migrations"
	}
	if opts.FS != nil {
		return Root{fsys: opts.FS, name: path.Clean(filepath.ToSlash(name))}
	}
	return Root{fsys: os.DirFS(name), disk: name, name: path.Clean(filepath.ToSlash(name))}
}

// Name is how errors name a path of the folder; "." is the folder itself.
func (r Root) Name(p string) string {
	if p == "." || p == "" {
		return r.name
	}
	if r.name == "." {
		return p
	}
	return r.name + "/" + p
}

// Pos is a place in the file at path, with no line.
func (r Root) Pos(p string) fault.Pos { return fault.Pos{File: r.Name(p)} }

// Kind is what an entry of a folder is, links followed.
type Kind int

// The kinds of an entry.
const (
	Regular Kind = iota
	Dir
	Other // a pipe, a socket, a device: nothing to read
)

// Entry is something in the folder. Path is relative to it, with slashes.
type Entry struct {
	Path string
	Kind Kind
}

// Base is the last element of the path.
func (e Entry) Base() string { return e.Path[strings.LastIndexByte(e.Path, '/')+1:] }

// Depth says how far List goes.
type Depth int

// The depths of List.
const (
	Top  Depth = iota // what is in the folder itself
	Deep              // sub-folders too, and theirs
)

// maxDepth is deeper than anybody nests folders; it ends what no identity check can.
const maxDepth = 40

// Check says why the folder cannot be read at all, or nil.
func (r Root) Check() *fault.Error {
	info, err := r.stat()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.At(r.Pos("."), fault.File, "there is no such folder").
			Try("bellows init makes one; --dir or the key dir in bellows.toml names another")
	case err != nil:
		return r.unreadable(".", err)
	case !info.IsDir():
		return fault.At(r.Pos("."), fault.File, "this is a file, not a folder").
			Try("--dir names the folder that the migration files are in")
	}
	return nil
}

func (r Root) stat() (fs.FileInfo, error) {
	if r.disk != "" {
		return os.Stat(r.disk)
	}
	return fs.Stat(r.fsys, ".")
}

// Listed is the root with what is in the folder itself, so that it is read once
// however often it is asked for. A folder that cannot be read stays unlisted.
func (r Root) Listed() Root {
	r.top, _ = r.items(".") // what is wrong is said by List
	return r
}

// Unlisted is the root without that, for who keeps it longer than the names.
func (r Root) Unlisted() Root {
	r.top = nil
	return r
}

// items are the names in a folder, sorted.
func (r Root) items(dir string) ([]item, error) {
	if r.disk != "" {
		items, err := itemsOnDisk(filepath.Join(r.disk, filepath.FromSlash(dir)))
		slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.name, b.name) })
		return items, err
	}
	return itemsOf(fs.ReadDir(r.fsys, dir))
}

func itemsOf(entries []fs.DirEntry, err error) ([]item, error) {
	items := make([]item, len(entries))
	for i, e := range entries {
		items[i] = item{e.Name(), e.Type()}
	}
	return items, err
}

// Names are the names in the folder itself, for a root that is listed.
func (r Root) Names() []string {
	names := make([]string, len(r.top))
	for i, item := range r.top {
		names[i] = item.name
	}
	return names
}

// Has tells whether there is a regular file at path.
func (r Root) Has(path string) bool {
	info, err := fs.Stat(r.fsys, path)
	return err == nil && info.Mode().IsRegular()
}

// List gives what is under the folder dir ("." for all), in path order within
// each folder. Entries whose names begin with a dot are left out, as are their
// contents. Folders are listed, and with Deep what is in them follows.
func (r Root) List(dir string, depth Depth) ([]Entry, []*fault.Error) {
	l := lister{root: r, depth: depth}
	l.list(dir, nil)
	return l.entries, l.problems
}

type lister struct {
	root     Root
	depth    Depth
	entries  []Entry
	problems []*fault.Error
}

// list appends what is in dir. above are the folders on the way down, known
// only from the first link on, to notice a link that leads back into one.
func (l *lister) list(dir string, above []fs.FileInfo) {
	items, err := l.root.top, error(nil)
	if dir != "." || len(items) == 0 {
		items, err = l.root.items(dir)
	}
	if err != nil {
		l.problems = append(l.problems, l.root.unreadable(dir, err))
		return
	}
	if l.entries == nil {
		l.entries = make([]Entry, 0, len(items))
	}
	for _, item := range items {
		if strings.HasPrefix(item.name, ".") {
			continue
		}
		p := item.name
		if dir != "." {
			p = dir + "/" + p
		}
		l.add(p, item.mode, above)
	}
}

func (l *lister) add(p string, mode fs.FileMode, above []fs.FileInfo) {
	linked := mode&fs.ModeSymlink != 0
	if linked {
		info, err := fs.Stat(l.root.fsys, p)
		if err != nil {
			l.problems = append(l.problems, l.root.unreadable(p, err))
			return
		}
		mode = info.Mode().Type()
	}
	switch {
	case mode.IsRegular():
		l.entries = append(l.entries, Entry{Path: p})
	case !mode.IsDir():
		l.entries = append(l.entries, Entry{Path: p, Kind: Other})
	default:
		l.entries = append(l.entries, Entry{Path: p, Kind: Dir})
		if l.depth == Deep {
			l.descend(p, linked, above)
		}
	}
}

// descend lists a sub-folder. Only a link can lead back, so the identities of
// the folders above are looked up when the first link is met.
func (l *lister) descend(p string, linked bool, above []fs.FileInfo) {
	if linked || above != nil {
		if above == nil {
			above = l.identities(path.Dir(p))
		}
		info, err := fs.Stat(l.root.fsys, p)
		if err != nil {
			l.problems = append(l.problems, l.root.unreadable(p, err))
			return
		}
		for _, a := range above {
			if os.SameFile(a, info) {
				l.problems = append(l.problems, l.root.loop(p))
				return
			}
		}
		above = append(above[:len(above):len(above)], info)
	}
	if strings.Count(p, "/") >= maxDepth {
		l.problems = append(l.problems, l.root.loop(p))
		return
	}
	l.list(p, above)
}

func (l *lister) identities(dir string) []fs.FileInfo {
	var infos []fs.FileInfo
	for {
		if info, err := fs.Stat(l.root.fsys, dir); err == nil {
			infos = append(infos, info)
		}
		if dir == "." {
			return infos
		}
		dir = path.Dir(dir)
	}
}

func (r Root) loop(p string) *fault.Error {
	return fault.At(r.Pos(p), fault.File, "symbolic links lead in a circle").
		Try("remove the link, or give it a name that begins with a dot to leave it out")
}

// unreadable words what the file system said about a path.
func (r Root) unreadable(p string, err error) *fault.Error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	text := err.Error()
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fault.At(r.Pos(p), fault.File, "no right to read this").Because(err).
			Try("give the user who runs bellows the right to read it: chmod u+r")
	case errors.Is(err, fs.ErrNotExist):
		return fault.At(r.Pos(p), fault.File, "this is not there").Because(err).
			Try("a symbolic link may point to nothing, or the file was removed while the folder was read")
	case strings.Contains(text, "too many levels of symbolic links"), strings.Contains(text, "too many links"):
		return r.loop(p).Because(err)
	case strings.Contains(text, "is a directory"):
		return r.IsFolder(p)
	}
	return fault.At(r.Pos(p), fault.File, "this cannot be read").Because(err)
}

// IsFolder says that a folder has a file's name.
func (r Root) IsFolder(p string) *fault.Error {
	return fault.At(r.Pos(p), fault.File, "this is a folder with the name of a migration file").
		Try("rename the folder, or move its files out")
}

// NoFile says that a pipe, socket or device has a migration's name.
func (r Root) NoFile(p string) *fault.Error {
	return fault.At(r.Pos(p), fault.File, "this is not a regular file").
		Try("migrations are plain text files; remove it, or rename it")
}
