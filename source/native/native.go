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
	"strings"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source"
	"github.com/bellowsdb/bellows/source/internal/files"
)

// Open reads the folder. Every file is read and all its directives are checked;
// the error holds everything that is wrong with the folder.
func Open(opts source.Options) (source.Folder, error) {
	root := files.At(opts)
	if problem := root.Check(); problem != nil {
		return nil, problem
	}
	heads, problems := list(root, opts)
	problems = append(problems, files.Each(len(heads),
		func() *reader { return &reader{root: root} },
		func(r *reader, i int) []*fault.Error { return r.head(&heads[i]) })...)
	slices.SortFunc(heads, compare)
	revs := make([]revision.Revision, len(heads))
	paths := make([]string, len(heads))
	for i := range heads {
		revs[i], paths[i] = heads[i].rev, heads[i].path
	}
	problems = append(problems, files.Duplicates(revs)...)
	if err := files.Join(problems); err != nil {
		return nil, err
	}
	load := func(i int) (files.Loaded, error) { return load(root, paths[i], revs[i]) }
	return files.NewFolder(source.Native, revs, load), nil
}

// head is a file of the folder: its path in it and what its head says.
type head struct {
	path string
	rev  revision.Revision
}

// compare orders versioned files by id and puts repeatable ones last, by name.
func compare(a, b head) int {
	x, y := a.rev.Kind == revision.Repeatable, b.rev.Kind == revision.Repeatable
	switch {
	case x != y && x:
		return 1
	case x != y:
		return -1
	case x:
		return strings.Compare(string(a.rev.ID), string(b.rev.ID))
	}
	if c := files.Compare(a.rev.ID, b.rev.ID); c != 0 {
		return c
	}
	return strings.Compare(a.path, b.path)
}

// reader reads file after file into the same memory.
type reader struct {
	root files.Root
	buf  []byte
	doc  document
}

// head fills in what the text of h's file says.
func (r *reader) head(h *head) []*fault.Error {
	text, problem := r.root.Read(h.path, r.buf)
	r.buf = files.Reused(text)
	if problem != nil {
		return []*fault.Error{problem}
	}
	h.rev.Checksum = files.Sum(text)
	r.doc.read(h.rev.File, text, h.rev.Kind, skim)
	r.doc.describe(&h.rev)
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
func list(root files.Root, opts source.Options) ([]head, []*fault.Error) {
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
	heads := make([]head, 0, len(entries))
	for _, e := range entries {
		if !strings.EqualFold(ending(e.Path), ".sql") {
			continue
		}
		h, problem := entry(root, e, again+"/")
		if problem != nil {
			problems = append(problems, problem)
			continue
		}
		heads = append(heads, h)
	}
	return heads, problems
}

func entry(root files.Root, e files.Entry, again string) (head, *fault.Error) {
	switch e.Kind {
	case files.Dir:
		return head{}, root.IsFolder(e.Path)
	case files.Other:
		return head{}, root.NoFile(e.Path)
	}
	if rest, ok := strings.CutPrefix(e.Path, again); ok {
		name := strings.TrimSuffix(rest, ending(rest))
		return head{e.Path, revision.Revision{
			ID: revision.ID("R:" + name), Name: name, Kind: revision.Repeatable, File: root.Name(e.Path), Native: true,
		}}, nil
	}
	pos := root.Pos(e.Path)
	rev, problem := name(e.Base(), pos)
	rev.File = pos.File
	return head{e.Path, rev}, problem
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
