// Package golangmigrate reads folders written for golang-migrate.
//
// Charter: pairs of files N_name.up.EXT and N_name.down.EXT, unchanged, as a
// chain of schema revisions in the order of their numbers.
// Invariant: every byte of a file is in the one section that its direction has;
// a file is sent as that tool would send it (revision.TxClient).
// Example: f, err := golangmigrate.Open(source.Options{Dir: "server/migrations"})
package golangmigrate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source"
	"github.com/bellowsdb/bellows/source/internal/files"
)

// NoDown is the reason why a revision without a down file has no way back.
const NoDown = "there is no down file"

// Open reads the folder. As golang-migrate does, it reads the folder itself
// only, takes any file ending, ignores files of other names, and lets either
// half of a pair be absent: without an up file a revision does nothing, without
// a down file it has no way back. Unlike it, a number that does not fit into 64
// bits is an error instead of being ignored.
func Open(opts source.Options) (source.Folder, error) {
	root := files.At(opts)
	if problem := root.Check(); problem != nil {
		return nil, problem
	}
	entries, problems := root.List(".", files.Top)
	pairs, wrong := collect(root, entries)
	problems = append(problems, wrong...)
	revs := make([]revision.Revision, len(pairs))
	problems = append(problems, files.Each(len(pairs),
		func() *reader { return &reader{root: root} },
		func(r *reader, i int) []*fault.Error {
			problem := r.head(&pairs[i], &revs[i])
			if problem != nil {
				return []*fault.Error{problem}
			}
			return nil
		})...)
	if err := files.Join(problems); err != nil {
		return nil, err
	}
	load := func(i int) (files.Loaded, error) { return pairs[i].load(root, revs[i]) }
	return files.NewFolder(source.GolangMigrate, revs, load), nil
}

// Name is what a file name says.
type Name struct {
	Digits    string // as written
	Version   uint64
	Slug      string
	Direction revision.Direction
	Ending    string
}

// ParseName takes the name of a file apart: digits, "_", anything, ".up." or
// ".down.", anything. ok is false for a name of another form; fits is false
// when the digits are more than 64 bits hold.
func ParseName(base string) (n Name, ok, fits bool) {
	rest := strings.TrimLeft(base, "0123456789")
	n.Digits = base[:len(base)-len(rest)]
	if n.Digits == "" || !strings.HasPrefix(rest, "_") {
		return n, false, false
	}
	up, down := strings.LastIndex(rest[1:], ".up."), strings.LastIndex(rest[1:], ".down.")
	switch {
	case up < 0 && down < 0:
		return n, false, false
	case up > down:
		n.Slug, n.Direction, n.Ending = rest[1:1+up], revision.Up, rest[1+up+len(".up."):]
	default:
		n.Slug, n.Direction, n.Ending = rest[1:1+down], revision.Down, rest[1+down+len(".down."):]
	}
	version, err := strconv.ParseUint(n.Digits, 10, 64)
	n.Version = version
	return n, true, err == nil
}

// pair is a version's two files; a path is empty when there is none.
type pair struct {
	version  uint64
	name     Name
	up, down string
}

// collect sorts the files into pairs, in the order of their numbers.
func collect(root files.Root, entries []files.Entry) ([]pair, []*fault.Error) {
	var problems []*fault.Error
	var pairs []pair
	index := make(map[uint64]int, len(entries)/2)
	for _, e := range entries {
		name, ok, fits := ParseName(e.Path)
		if !ok || e.Kind == files.Dir {
			continue
		}
		if e.Kind == files.Other {
			problems = append(problems, root.NoFile(e.Path))
			continue
		}
		if !fits {
			problems = append(problems, fault.At(root.Pos(e.Path), fault.File, "the number is larger than 64 bits").
				Try("golang-migrate ignores this file; rename it"))
			continue
		}
		i, ok := index[name.Version]
		if !ok {
			i = len(pairs)
			index[name.Version] = i
			pairs = append(pairs, pair{version: name.Version})
		}
		if first := pairs[i].put(e.Path, name); first != "" {
			problems = append(problems, fault.At(root.Pos(e.Path), fault.Graph, "%s file of version %d, which is also %s", name.Direction, name.Version, root.Name(first)).
				Try("give one of them another number"))
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		if a.version < b.version {
			return -1
		}
		return 1
	})
	return pairs, problems
}

// put stores a file, or gives the one that is there already.
func (p *pair) put(path string, name Name) string {
	half := &p.up
	if name.Direction == revision.Down {
		half = &p.down
	}
	if *half != "" {
		return *half
	}
	*half = path
	if p.name.Digits == "" || name.Direction == revision.Up {
		p.name = name
	}
	return ""
}

// main is the file that stands for the pair.
func (p *pair) main() string {
	if p.up == "" {
		return p.down
	}
	return p.up
}

type reader struct {
	root     files.Root
	up, down []byte
}

// texts reads both files of a pair.
func (r *reader) texts(p *pair) (up, down []byte, problem *fault.Error) {
	if p.up != "" {
		if up, problem = r.root.Read(p.up, r.up); problem != nil {
			return nil, nil, problem
		}
		r.up = files.Reused(up)
	}
	if p.down != "" {
		if down, problem = r.root.Read(p.down, r.down); problem != nil {
			return nil, nil, problem
		}
		r.down = files.Reused(down)
	}
	return up, down, nil
}

func (r *reader) head(p *pair, rev *revision.Revision) *fault.Error {
	up, down, problem := r.texts(p)
	*rev = revision.Revision{
		ID: revision.ID(p.name.Digits), Name: p.name.Slug, Kind: revision.Schema, Implied: true,
		File: r.root.Name(p.main()), Checksum: files.Sum(up, down),
	}
	return problem
}

func (p *pair) load(root files.Root, rev revision.Revision) (files.Loaded, error) {
	r := reader{root: root}
	up, down, problem := r.texts(p)
	if problem != nil {
		return files.Loaded{}, problem
	}
	script := revision.Script{Revision: rev.ID, Kind: revision.Schema, Up: section(root, p.up, rev.File, up)}
	text := string(up)
	if p.down == "" {
		reason := NoDown
		script.Irreversible = &reason
	} else {
		script.Down = section(root, p.down, rev.File, down)
		text = files.Joined(text, p.down, string(down))
	}
	return files.Loaded{Script: script, Text: text, Checksum: files.Sum(up, down)}, nil
}

func section(root files.Root, path, other string, text []byte) *revision.Section {
	at := fault.Pos{File: other, Line: 1, Column: 1}
	if path != "" {
		at = files.Place(root.Name(path), text, 0)
	}
	return &revision.Section{SQL: string(text), At: at, Tx: revision.TxClient}
}
