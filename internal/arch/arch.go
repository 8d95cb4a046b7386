// Package arch is the law of this house, as a test.
//
// Charter: reads every Go file of the project and says where one breaks the rules
// of ARCHITECTURE.md: who may import whom, where a clock, the environment and a
// printed word belong, and the shape of what is exported.
// Invariant: it parses the files itself and asks no build tool, whose cached
// answers hide violations; each rule has a small tree in testdata that breaks it.
// Example: for _, v := range must(arch.Check(".", arch.Rooms())) { t.Error(v) }
//
// An exception is written at the end of the line, or alone above it, with its
// reason as a sentence of at least three words:
//
//	var Version = "dev" //arch:allow the linker sets it at build time
package arch

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Violation is a place where the law is broken.
type Violation struct {
	File string // relative to the root, with slashes
	Line int
	Rule string // one word
	What string // what is there, and why it must not be
	Do   string // what to do instead
}

// String is one line: file:line: rule: what; what to do.
func (v Violation) String() string {
	return fmt.Sprintf("%s:%d: %s: %s; %s", v.File, v.Line, v.Rule, v.What, v.Do)
}

// Check gives the violations of the module in that folder, by file and line. The
// error is about files that cannot be read or parsed.
func Check(root string, rooms []Room) ([]Violation, error) {
	module, err := modulePath(root)
	if err != nil {
		return nil, err
	}
	folders, err := read(root)
	if err != nil {
		return nil, err
	}
	var found []Violation
	for _, dir := range folders {
		room, ok := roomOf(rooms, dir.path)
		if !ok {
			found = append(found, dir.unknown())
			continue
		}
		found = append(found, dir.check(module, room)...)
	}
	found = append(found, sisters(folders)...)
	slices.SortStableFunc(found, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return found, nil
}

// folder is the Go files of one folder.
type folder struct {
	path  string // relative to the root; "." is the root
	files []*file
}

// file is one parsed file.
type file struct {
	name   string // relative to the root, with slashes
	test   bool
	set    *token.FileSet
	syntax *ast.File
}

func (f *file) line(p token.Pos) int { return f.set.Position(p).Line }

func (f *file) broken(p token.Pos, rule, do, what string, args ...any) Violation {
	return Violation{f.name, f.line(p), rule, fmt.Sprintf(what, args...), do}
}

func modulePath(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			return strings.TrimSpace(name), nil
		}
	}
	return "", fmt.Errorf("%s/go.mod names no module", root)
}

// read parses every Go file of the module, with build constraints ignored.
func read(root string) ([]*folder, error) {
	byPath := map[string]*folder{}
	var folders []*folder
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return enter(root, name, entry)
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parse(root, name)
		if err != nil {
			return err
		}
		dir := path.Dir(f.name)
		if byPath[dir] == nil {
			byPath[dir] = &folder{path: dir}
			folders = append(folders, byPath[dir])
		}
		byPath[dir].files = append(byPath[dir].files, f)
		return nil
	})
	return folders, err
}

// enter keeps out of folders that are not part of the module's own code.
func enter(root, name string, entry fs.DirEntry) error {
	base := entry.Name()
	if name == root {
		return nil
	}
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules" {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
		return fs.SkipDir // a module of its own
	}
	return nil
}

func parse(root, name string) (*file, error) {
	relative, err := filepath.Rel(root, name)
	if err != nil {
		return nil, err
	}
	f := &file{name: filepath.ToSlash(relative), test: strings.HasSuffix(name, "_test.go"), set: token.NewFileSet()}
	f.syntax, err = parser.ParseFile(f.set, name, nil, parser.ParseComments|parser.SkipObjectResolution)
	return f, err
}

func (d *folder) unknown() Violation {
	return Violation{d.files[0].name, 1, "room", fmt.Sprintf("the folder %s is no room of this house", d.path),
		"give it a room in internal/arch/rooms.go, with what it may import, or move the file"}
}

// check gives the violations of one folder, without those that are allowed.
func (d *folder) check(module string, room Room) []Violation {
	found := d.comment(room)
	for _, f := range d.files {
		if f.test {
			continue
		}
		var own []Violation
		for _, rule := range rules {
			own = append(own, rule(f, room)...)
		}
		own = append(own, f.imports(module, room)...)
		own = append(own, f.interfaces(d)...)
		found = append(found, f.without(own)...)
	}
	return found
}

// rules are those that need nothing but the file and its room.
var rules = []func(*file, Room) []Violation{
	(*file).clock, (*file).surroundings, (*file).names, (*file).declarations, (*file).assertions,
}
