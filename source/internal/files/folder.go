package files

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
)

// Loaded is one migration, read anew.
type Loaded struct {
	Script   revision.Script
	Text     string
	Checksum string
}

// Folder is a source.Folder over heads and a way to read one migration anew.
type Folder struct {
	format string
	revs   []revision.Revision
	load   func(i int) (Loaded, error)
	index  func() map[revision.ID]int
}

// NewFolder makes a folder; load reads the migration at an index of revs.
func NewFolder(format string, revs []revision.Revision, load func(i int) (Loaded, error)) *Folder {
	f := &Folder{format: format, revs: revs, load: load}
	f.index = sync.OnceValue(func() map[revision.ID]int {
		index := make(map[revision.ID]int, len(revs))
		for i := range revs {
			index[revs[i].ID] = i
		}
		return index
	})
	return f
}

// Revisions are the heads.
func (f *Folder) Revisions() []revision.Revision { return f.revs }

// Format is the folder's format.
func (f *Folder) Format() string { return f.format }

// Script reads and parses the migration of that id.
func (f *Folder) Script(id revision.ID) (revision.Script, error) {
	got, err := f.read(id)
	return got.Script, err
}

// Text is the text of the migration of that id.
func (f *Folder) Text(id revision.ID) (string, error) {
	got, err := f.read(id)
	return got.Text, err
}

func (f *Folder) read(id revision.ID) (Loaded, error) {
	i, ok := f.index()[id]
	if !ok {
		return Loaded{}, fault.New(fault.Target, "no migration file has the id %s", id).
			Try("bellows history lists the migrations of the folder")
	}
	got, err := f.load(i)
	if got.Checksum != "" && got.Checksum != f.revs[i].Checksum {
		return Loaded{}, fault.At(fault.Pos{File: f.revs[i].File}, fault.File, "this file was changed while the command ran").
			Try("run the command again")
	}
	if err != nil {
		return Loaded{}, err
	}
	return got, nil
}

// Compare orders ids: of digits only as numbers, all others as text.
func Compare(a, b revision.ID) int {
	if !digits(a) || !digits(b) {
		return strings.Compare(string(a), string(b))
	}
	x, y := Number(a), Number(b)
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y))
}

// Number is an id of digits without leading zeros: ids that are the same
// number have the same one.
func Number(id revision.ID) string { return strings.TrimLeft(string(id), "0") }

func digits(id revision.ID) bool {
	return strings.Trim(string(id), "0123456789") == ""
}

// Duplicates says which of the revisions, sorted by Compare, have one id.
func Duplicates(revs []revision.Revision) []*fault.Error {
	var problems []*fault.Error
	for i := 1; i < len(revs); i++ {
		a, b := &revs[i-1], &revs[i]
		if Compare(a.ID, b.ID) != 0 || a.Kind == revision.Repeatable {
			continue
		}
		problems = append(problems, fault.At(fault.Pos{File: b.File}, fault.Graph, "id %s is also that of %s", b.ID, a.File).
			Try("rename the one that is not applied anywhere, so that it has a number of its own"))
	}
	return problems
}

// Explicit writes the order of revs down as parents, unless ordering them by id
// gives the same: then they keep their implied ones. Some tools order files by
// name, where "10_b" comes before "9_a".
func Explicit(revs []revision.Revision) {
	if slices.IsSortedFunc(revs, func(a, b revision.Revision) int { return Compare(a.ID, b.ID) }) {
		return
	}
	for i := range revs {
		revs[i].Implied = false
		if i > 0 {
			revs[i].Parents = []revision.ID{revs[i-1].ID}
		}
	}
}

// shown is how many problems of a folder one error holds.
const shown = 20

// Join makes one error of the problems of a folder, nil of none. The first
// twenty are in it, each to be found by errors.As and in an Unwrap() []error.
func Join(problems []*fault.Error) error {
	if len(problems) == 0 {
		return nil
	}
	if len(problems) == 1 {
		return problems[0]
	}
	errs := make([]error, 0, shown+1)
	for _, p := range problems[:min(len(problems), shown)] {
		errs = append(errs, p)
	}
	if more := len(problems) - shown; more > 0 {
		errs = append(errs, fault.New(problems[0].Code, "%s more", count(more, "problem")).
			Try("mend these first, then run the command again"))
	}
	return errors.Join(errs...)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Joined is the text of a migration that has two files, for showing: a comment
// line names the second.
func Joined(up, name, down string) string {
	if up != "" && up[len(up)-1] != '\n' {
		up += "\n"
	}
	return up + "-- " + name + "\n" + down
}
