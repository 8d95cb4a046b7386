// Package dbmate reads folders written for dbmate, by that tool's own rules.
//
// Charter: files with "-- migrate:up" and "-- migrate:down" blocks in the order
// of their names. The rules of package native are stricter, and their order is
// that of the numbers; this room is for folders that need dbmate's.
// Invariant: every byte of a file that is neither comment nor blank is in a
// directive line or in exactly one section.
// Example: f, err := dbmate.Open(source.Options{Dir: "db/migrations"})
package dbmate

import (
	"bytes"
	"strings"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source"
	"github.com/bellowsdb/bellows/source/internal/files"
)

// Open reads the folder. As dbmate does, it reads the folder itself only, and
// of it the files whose names begin with digits and end in .sql, in the order
// of their names as text; where that is not the order of their numbers, each
// revision names the one before it as parent.
func Open(opts source.Options) (source.Folder, error) {
	root := files.At(opts)
	if problem := root.Check(); problem != nil {
		return nil, problem
	}
	entries, problems := root.List(".", files.Top)
	var paths []string
	var revs []revision.Revision
	for _, e := range entries {
		rest := strings.TrimLeft(e.Path, "0123456789")
		if len(rest) == len(e.Path) || !strings.HasSuffix(rest, ".sql") {
			continue
		}
		switch e.Kind {
		case files.Dir:
			problems = append(problems, root.IsFolder(e.Path))
			continue
		case files.Other:
			problems = append(problems, root.NoFile(e.Path))
			continue
		}
		paths = append(paths, e.Path)
		revs = append(revs, revision.Revision{
			ID: revision.ID(e.Path[:len(e.Path)-len(rest)]), Name: strings.TrimLeft(strings.TrimSuffix(rest, ".sql"), "_-. "),
			Kind: revision.Schema, Implied: true, File: root.Name(e.Path),
		})
	}
	problems = append(problems, files.Each(len(revs),
		func() *reader { return &reader{root: root} },
		func(r *reader, i int) []*fault.Error { return r.head(paths[i], &revs[i]) })...)
	problems = append(problems, same(revs)...)
	if err := files.Join(problems); err != nil {
		return nil, err
	}
	files.Explicit(revs)
	load := func(i int) (files.Loaded, error) { return load(root, paths[i], revs[i]) }
	return files.NewFolder(source.Dbmate, revs, load), nil
}

// same says which files have one version; versions are text, so "1" and "01"
// are two for dbmate, but not in this program's graph.
func same(revs []revision.Revision) []*fault.Error {
	var problems []*fault.Error
	seen := make(map[string]string, len(revs))
	for _, r := range revs {
		number := files.Number(r.ID)
		if first, ok := seen[number]; ok {
			problems = append(problems, fault.At(fault.Pos{File: r.File}, fault.Graph, "version %s is also that of %s", r.ID, first).
				Try("give one of them another number"))
			continue
		}
		seen[number] = r.File
	}
	return problems
}

type reader struct {
	root files.Root
	buf  []byte
}

func (r *reader) head(path string, rev *revision.Revision) []*fault.Error {
	text, problem := r.root.Read(path, r.buf)
	r.buf = files.Reused(text)
	if problem != nil {
		return []*fault.Error{problem}
	}
	rev.Checksum = files.Sum(text)
	if _, problem := cut(rev.File, text); problem != nil {
		return []*fault.Error{problem}
	}
	return nil
}

func load(root files.Root, path string, rev revision.Revision) (files.Loaded, error) {
	text, problem := root.Read(path, nil)
	if problem != nil {
		return files.Loaded{}, problem
	}
	loaded := files.Loaded{Text: string(text), Checksum: files.Sum(text)}
	blocks, problem := cut(rev.File, text)
	if problem != nil {
		return loaded, problem
	}
	loaded.Script = revision.Script{
		Revision: rev.ID, Kind: revision.Schema,
		Up:   section(rev.File, text, blocks, up),
		Down: section(rev.File, text, blocks, down),
	}
	return loaded, nil
}

const up, down = "up", "down"

// block is a directive line and what follows it, in byte offsets.
type block struct {
	word           string
	at, start, end int
	each           bool // transaction:false
}

// cut finds the blocks: pairs of up and down, at least one.
func cut(file string, text []byte) ([]block, *fault.Error) {
	blocks, problem := scan(file, text)
	if problem != nil {
		return nil, problem
	}
	for i, want := range alternate(len(blocks)) {
		if i == 0 && blocks[0].word == down {
			return nil, fault.At(files.Place(file, text, blocks[0].at), fault.Syntax, "the first block is a down block").
				Try("blocks come in pairs, -- migrate:up then -- migrate:down")
		}
		if blocks[i].word != want {
			return nil, fault.At(files.Place(file, text, blocks[i].at), fault.Syntax, "two %s blocks follow each other", blocks[i].word).
				Try("blocks come in pairs, -- migrate:up then -- migrate:down")
		}
	}
	if len(blocks)%2 != 0 || len(blocks) == 0 {
		missing := []string{up, down}[len(blocks)%2]
		return nil, fault.At(files.Place(file, text, 0), fault.Syntax, "there is no \"-- migrate:%s\"", missing).
			Try("dbmate wants both blocks; an empty one will do. Without format = \"dbmate\" the down block may be absent")
	}
	if at := files.Code(text[:blocks[0].at]); at >= 0 {
		return nil, fault.At(files.Place(file, text, at), fault.Syntax, "there is SQL before the first block").
			Try("move it below the line -- migrate:up")
	}
	for _, b := range blocks[2:] {
		if b.each != blocks[0].each && b.word == up || b.each != blocks[1].each && b.word == down {
			return nil, fault.At(files.Place(file, text, b.at), fault.Syntax, "blocks of one direction differ in their transaction option").
				Try("split the file into one for each pair of blocks")
		}
	}
	return blocks, nil
}

// alternate gives up, down, up, … n times.
func alternate(n int) []string {
	words := make([]string, n)
	for i := range words {
		words[i] = []string{up, down}[i%2]
	}
	return words
}

// scan finds the directive lines: "--", blanks, "migrate:up" or "migrate:down",
// and the end of the line or a blank.
func scan(file string, text []byte) ([]block, *fault.Error) {
	blocks := make([]block, 0, 2)
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte("migrate:"))
		if i < 0 {
			break
		}
		at := from + i
		from = at + 1
		start := files.Back(text, at) - len("--")
		if start < 0 || string(text[start:start+2]) != "--" || start > 0 && text[start-1] != '\n' {
			continue
		}
		end := files.LineEnd(text, at)
		word, options, _ := strings.Cut(strings.ReplaceAll(string(text[at+len("migrate:"):end]), "\t", " "), " ")
		if word != up && word != down {
			return nil, unknown(file, text, at+len("migrate:"), word)
		}
		if len(blocks) > 0 {
			blocks[len(blocks)-1].end = start
		}
		blocks = append(blocks, block{
			word: word, at: start, start: min(end+1, len(text)), end: len(text), each: unwrapped(options),
		})
	}
	return blocks, nil
}

func unknown(file string, text []byte, at int, word string) *fault.Error {
	problem := fault.At(files.Place(file, text, at), fault.Syntax, "dbmate has no directive %q", word)
	if near := fault.Nearest(word, []string{up, down}); near != "" {
		return problem.Try("did you mean \"-- migrate:%s\"?", near)
	}
	return problem.Try("without format = \"dbmate\" in bellows.toml the folder may use all directives of bellows")
}

// unwrapped tells whether the options say transaction:false, the only option
// that dbmate heeds.
func unwrapped(options string) bool {
	each := false
	for _, o := range strings.Fields(options) {
		if value, ok := strings.CutPrefix(o, "transaction:"); ok {
			each = value == "false"
		}
	}
	return each
}

// section is all blocks of one direction as one text. What lies between two of
// them is blanked out rather than cut out, so that every statement keeps its
// place in the file. Several down blocks run in the order of the file, as
// dbmate runs them.
func section(file string, text []byte, blocks []block, word string) *revision.Section {
	var s *revision.Section
	last := 0
	var sql strings.Builder
	for _, b := range blocks {
		if b.word != word {
			continue
		}
		if s == nil {
			s = &revision.Section{At: files.Place(file, text, b.start)}
			if b.each {
				s.Tx = revision.TxEach
			}
		} else {
			sql.Write(blank(text[last:b.start]))
		}
		sql.Write(text[b.start:b.end])
		last = b.end
	}
	if s != nil {
		s.SQL = sql.String()
	}
	return s
}

// blank is text with all but its line ends turned into blanks.
func blank(text []byte) []byte {
	out := bytes.Repeat([]byte{' '}, len(text))
	for i, c := range text {
		if c == '\n' {
			out[i] = '\n'
		}
	}
	return out
}
