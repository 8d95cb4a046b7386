// Package diesel reads folders written for diesel.
//
// Charter: one folder for each migration, VERSION_name/up.sql and down.sql with
// an optional metadata.toml, unchanged, as a chain of schema revisions.
// Invariant: every byte of a file is in the one section that its name says.
// Example: f, err := diesel.Open(source.Options{Dir: "migrations/postgresql"})
package diesel

import (
	"errors"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source"
	"github.com/bellowsdb/bellows/source/internal/files"
)

// The reasons why a revision has no way back.
const (
	NoDown    = "there is no down.sql"
	EmptyDown = "down.sql is empty" // diesel refuses to run an empty file
)

// Open reads the folder. As for diesel, the version is what stands before the
// first "_" without its dashes, versions are ordered as text, and an empty
// up.sql is an error. An empty or absent down.sql means no way back.
func Open(opts source.Options) (source.Folder, error) {
	root := files.At(opts)
	if problem := root.Check(); problem != nil {
		return nil, problem
	}
	entries, problems := root.List(".", files.Top)
	var steps []step
	for _, e := range entries {
		if e.Kind == files.Dir {
			steps = append(steps, split(e.Path))
		}
	}
	slices.SortFunc(steps, func(a, b step) int {
		if a.version != b.version {
			return strings.Compare(a.version, b.version)
		}
		return strings.Compare(a.dir, b.dir)
	})
	revs := make([]revision.Revision, len(steps))
	problems = append(problems, files.Each(len(steps),
		func() *reader { return &reader{root: root} },
		func(r *reader, i int) []*fault.Error { return r.head(&steps[i], &revs[i]) })...)
	problems = append(problems, files.Duplicates(revs)...)
	if err := files.Join(problems); err != nil {
		return nil, err
	}
	files.Explicit(revs)
	load := func(i int) (files.Loaded, error) { return load(root, steps[i], revs[i]) }
	return files.NewFolder(source.Diesel, revs, load), nil
}

// step is the folder of one migration.
type step struct {
	dir, version, name string
}

func split(dir string) step {
	version, name, _ := strings.Cut(dir, "_")
	return step{dir, strings.ReplaceAll(version, "-", ""), name}
}

type reader struct {
	root     files.Root
	up, down []byte
}

// texts are the files of one migration.
type texts struct {
	up, down []byte
	downs    bool // there is a down file
	each     bool
	sum      string
}

func (r *reader) read(s *step) (texts, []*fault.Error) {
	var t texts
	items, problems := r.root.List(s.dir, files.Top)
	if len(problems) > 0 {
		return t, problems
	}
	has := func(name string) bool {
		return slices.Contains(items, files.Entry{Path: s.dir + "/" + name})
	}
	if !has("up.sql") {
		return t, []*fault.Error{fault.At(r.root.Pos(s.dir), fault.File, "there is no file up.sql in this folder").
			Try("a folder of diesel has one folder for each migration, with up.sql and down.sql in it")}
	}
	var problem *fault.Error
	if t.up, problem = r.root.Read(s.dir+"/up.sql", r.up); problem != nil {
		return t, []*fault.Error{problem}
	}
	r.up = files.Reused(t.up)
	sums := [][]byte{t.up}
	if has("down.sql") {
		if t.down, problem = r.root.Read(s.dir+"/down.sql", r.down); problem != nil {
			return t, []*fault.Error{problem}
		}
		r.down = files.Reused(t.down)
		t.downs, sums = true, append(sums, t.down)
	}
	if has("metadata.toml") {
		if t.each, problem = r.metadata(s.dir + "/metadata.toml"); problem != nil {
			return t, []*fault.Error{problem}
		}
	}
	t.sum = files.Sum(sums...)
	return t, nil
}

// metadata tells whether the file says run_in_transaction = false.
func (r *reader) metadata(path string) (each bool, problem *fault.Error) {
	text, problem := r.root.Read(path, nil)
	if problem != nil {
		return false, problem
	}
	var meta struct {
		RunInTransaction *bool `toml:"run_in_transaction"`
	}
	if err := toml.Unmarshal(text, &meta); err != nil {
		pos := r.root.Pos(path)
		var pe toml.ParseError
		if errors.As(err, &pe) {
			pos.Line = pe.Position.Line
			return false, fault.At(pos, fault.Syntax, "%s", pe.Message).Try("write run_in_transaction = true or false")
		}
		return false, fault.At(pos, fault.Syntax, "%v", err).Try("write run_in_transaction = true or false")
	}
	return meta.RunInTransaction != nil && !*meta.RunInTransaction, nil
}

func (r *reader) head(s *step, rev *revision.Revision) []*fault.Error {
	*rev = revision.Revision{
		ID: revision.ID(s.version), Name: s.name, Kind: revision.Schema, Implied: true, File: r.root.Name(s.dir + "/up.sql"),
	}
	t, problems := r.read(s)
	if problems != nil {
		return problems
	}
	rev.Checksum = t.sum
	if s.version == "" {
		return []*fault.Error{fault.At(r.root.Pos(s.dir), fault.File, "the folder's name has no version before the _").
			Try("name it such as 2026-11-19-093000_create_posts")}
	}
	if len(t.up) == 0 {
		return []*fault.Error{fault.At(fault.Pos{File: rev.File}, fault.Syntax, "this file is empty").
			Try("diesel refuses an empty up.sql; a comment will do, if nothing is to be done")}
	}
	return nil
}

func load(root files.Root, s step, rev revision.Revision) (files.Loaded, error) {
	r := reader{root: root}
	t, problems := r.read(&s)
	if problems != nil {
		return files.Loaded{}, files.Join(problems)
	}
	script := revision.Script{Revision: rev.ID, Kind: revision.Schema, Up: section(rev.File, t.up, t.each)}
	text := string(t.up)
	if t.downs {
		text = files.Joined(text, "down.sql", string(t.down))
	}
	switch {
	case !t.downs:
		script.Irreversible = new(NoDown)
	case len(t.down) == 0:
		script.Irreversible = new(EmptyDown)
	default:
		script.Down = section(root.Name(s.dir+"/down.sql"), t.down, t.each)
	}
	return files.Loaded{Script: script, Text: text, Checksum: t.sum}, nil
}

func section(file string, text []byte, each bool) *revision.Section {
	s := &revision.Section{SQL: string(text), At: files.Place(file, text, 0)}
	if each {
		s.Tx = revision.TxEach
	}
	return s
}
