// Package native reads and writes the project's own migration files.
//
// Charter: the file format of this project, from a folder to revisions and
// scripts, and from a wish for a new migration to a file on disk.
// Invariant: every byte of a file belongs to its header, to one directive line
// or to the SQL of one section; what is written never replaces a file.
// Example: f, err := native.Open(source.Options{Dir: "migrations"}); s, err := f.Script("20261119093000")
package native

import (
	"slices"
	"sort"
	"strings"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source"
	"github.com/bellowsdb/bellows/source/internal/files"
)

// Open reads the folder. Every file is read and all its directives are checked;
// the error holds everything that is wrong with the folder.
func Open(opts source.Options) (source.Folder, error) { return OpenAt(files.At(opts), opts) }

// OpenAt is Open for a root that is known already.
func OpenAt(root files.Root, opts source.Options) (source.Folder, error) {
	if problem := root.Check(); problem != nil {
		return nil, problem
	}
	h, problems := list(root, opts)
	root = root.Unlisted()
	held, done := root.Held()
	defer done()
	problems = append(problems, files.Each(len(h.revs),
		func() *reader { return &reader{root: held} },
		func(r *reader, i int) []*fault.Error { return r.head(h.paths[i], &h.revs[i]) })...)
	if !sort.IsSorted(h) {
		sort.Sort(h)
	}
	problems = append(problems, files.Duplicates(h.revs)...)
	if err := files.Join(problems); err != nil {
		return nil, err
	}
	load := func(i int) (files.Loaded, error) { return load(root, h.paths[i], h.revs[i]) }
	return files.NewFolder(source.Native, h.revs, load), nil
}

// heads are the files of a folder: their paths in it and what their heads say.
type heads struct {
	paths []string
	revs  []revision.Revision
}

func (h *heads) Len() int { return len(h.revs) }

func (h *heads) Swap(i, j int) {
	h.paths[i], h.paths[j] = h.paths[j], h.paths[i]
	h.revs[i], h.revs[j] = h.revs[j], h.revs[i]
}

// Less orders versioned files by id and puts repeatable ones last, by name.
func (h *heads) Less(i, j int) bool {
	a, b := &h.revs[i], &h.revs[j]
	x, y := a.Kind == revision.Repeatable, b.Kind == revision.Repeatable
	switch {
	case x != y:
		return y
	case x:
		return a.ID < b.ID
	}
	if c := files.Compare(a.ID, b.ID); c != 0 {
		return c < 0
	}
	return h.paths[i] < h.paths[j]
}

// reader reads file after file into the same memory.
type reader struct {
	root files.Root
	buf  []byte
	doc  document
}

// head fills in what the text of the file at path says.
func (r *reader) head(path string, rev *revision.Revision) []*fault.Error {
	text, problem := r.root.Glance(path, r.buf)
	r.buf = files.Reused(text)
	if problem != nil {
		return []*fault.Error{problem}
	}
	rev.Checksum = files.Sum(text)
	r.doc.read(rev.File, text, rev.Kind, skim)
	r.doc.describe(rev)
	return r.doc.problems
}

func load(root files.Root, path string, rev revision.Revision) (files.Loaded, error) {
	text, problem := root.Read(path, nil)
	if problem != nil {
		return files.Loaded{}, problem
	}
	var kind revision.Kind
	if rev.Kind == revision.Repeatable {
		kind = revision.Repeatable
	}
	var doc document
	doc.read(rev.File, text, kind, full)
	doc.script.Revision = rev.ID
	return files.Loaded{Script: doc.script, Text: string(text), Checksum: files.Sum(text)}, files.Join(doc.problems)
}

// Parse reads the text of one versioned file. file is its name, from which the
// id comes, as errors name it. The error holds everything that is wrong.
func Parse(file, text string) (revision.Revision, revision.Script, error) {
	body := files.Normalise([]byte(text))
	h, problem := name(file[strings.LastIndexByte(file, '/')+1:], fault.Pos{File: file})
	if problem != nil {
		return revision.Revision{}, revision.Script{}, problem
	}
	if problem := files.CheckText(file, body); problem != nil {
		return revision.Revision{}, revision.Script{}, problem
	}
	h.File, h.Checksum = file, files.Sum(body)
	var doc document
	doc.read(file, body, "", full)
	doc.describe(&h)
	doc.script.Revision = h.ID
	if err := files.Join(doc.problems); err != nil {
		return revision.Revision{}, revision.Script{}, err
	}
	return h, doc.script, nil
}

// list finds the files to read, by name alone.
func list(root files.Root, opts source.Options) (*heads, []*fault.Error) {
	depth := files.Deep
	if opts.Flat {
		depth = files.Top
	}
	entries, problems := root.List(".", depth)
	again := strings.Trim(opts.Repeatable, "/")
	if again == "" {
		again = "repeatable"
	}
	if opts.Flat && slices.ContainsFunc(entries, func(e files.Entry) bool { return e.Kind == files.Dir && e.Path == again }) {
		more, wrong := root.List(again, files.Deep)
		entries, problems = append(entries, more...), append(problems, wrong...)
	}
	h := &heads{make([]string, 0, len(entries)), make([]revision.Revision, 0, len(entries))}
	for _, e := range entries {
		if !strings.EqualFold(ending(e.Path), ".sql") {
			continue
		}
		rev, problem := entry(root, e, again+"/")
		if problem != nil {
			problems = append(problems, problem)
			continue
		}
		path := rev.File[len(rev.File)-len(e.Path):] // one text for both
		h.paths, h.revs = append(h.paths, path), append(h.revs, rev)
	}
	return h, problems
}

func entry(root files.Root, e files.Entry, again string) (revision.Revision, *fault.Error) {
	switch e.Kind {
	case files.Dir:
		return revision.Revision{}, root.IsFolder(e.Path)
	case files.Other:
		return revision.Revision{}, root.NoFile(e.Path)
	}
	if rest, ok := strings.CutPrefix(e.Path, again); ok {
		name := strings.TrimSuffix(rest, ending(rest))
		return revision.Revision{
			ID: revision.ID("R:" + name), Name: name, Kind: revision.Repeatable, File: root.Name(e.Path), Native: true,
		}, nil
	}
	pos := root.Pos(e.Path)
	rev, problem := name(pos.File[strings.LastIndexByte(pos.File, '/')+1:], pos)
	rev.File = pos.File
	return rev, problem
}

func ending(p string) string {
	if len(p) < 4 || p[len(p)-4] != '.' {
		return ""
	}
	return p[len(p)-4:]
}

// name takes a versioned file's name apart: digits, slug, .sql.
func name(base string, pos fault.Pos) (revision.Revision, *fault.Error) {
	stem := strings.TrimSuffix(base, ending(base))
	slug := strings.TrimLeft(stem, "0123456789")
	id := stem[:len(stem)-len(slug)]
	if id == "" {
		return revision.Revision{}, fault.At(pos, fault.File, "the name of a migration begins with digits").
			Try("bellows new SLUG makes a well-named file; what is run again when it changes belongs in the folder repeatable, what is no migration in another folder")
	}
	if dir := direction(slug); dir != "" {
		return revision.Revision{}, fault.At(pos, fault.File, "one file holds both directions, this is named as a pair's %s half", dir).
			Try("a folder of such pairs alone is read as golang-migrate's: set format = %q in bellows.toml", source.GolangMigrate)
	}
	return revision.Revision{ID: revision.ID(id), Name: strings.TrimLeft(slug, "_-. "), Native: true}, nil
}

func direction(slug string) string {
	switch {
	case strings.HasSuffix(slug, ".up"):
		return "up"
	case strings.HasSuffix(slug, ".down"):
		return "down"
	}
	return ""
}
