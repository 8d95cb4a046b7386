// Package source is the contract of the rooms that read migration folders.
//
// Charter: what a folder of migrations offers once it was read, whoever's
// format it is in. Package open chooses the room that reads it.
// Invariant: a [Folder] never changes after it was opened; a file that did
// change on disk is an error of [Folder.Script], not a different answer.
// Example: f, err := open.Folder(source.Options{Dir: "migrations"}); g, err := revision.New(f.Revisions())
package source

import (
	"io/fs"

	"github.com/bellowsdb/bellows/revision"
)

// The formats a folder can be in, as Options.Format and the configuration
// spell them.
const (
	Native        = "bellows"
	GolangMigrate = "golang-migrate"
	Dbmate        = "dbmate"
	Diesel        = "diesel"
)

// Formats are the known formats, the project's own first.
func Formats() []string { return []string{Native, GolangMigrate, Dbmate, Diesel} }

// Folder is a folder of migrations that was read. It is safe for use by several
// goroutines.
type Folder interface {
	// Revisions are the heads of all files, in id order, repeatable ones last
	// (Kind Repeatable, id "R:name"). The caller must not change them.
	Revisions() []revision.Revision
	// Script reads the file of id again and parses all of it. A file that is no
	// longer what Revisions saw is an error with code fault.File; an id the
	// folder does not have is one with code fault.Target.
	Script(id revision.ID) (revision.Script, error)
	// Text is the file's text with LF line ends and no byte-order mark, for
	// showing and comparing. For a format with several files to a migration it
	// is the up text, a comment line that names the second file, the down text.
	Text(id revision.ID) (string, error)
	// Format is one of the constants of this package.
	Format() string
}

// Options say which folder to read and how. The zero value reads "migrations"
// in the working directory, with sub-folders, in whichever format it is.
type Options struct {
	// FS holds the folder at its root. nil: the folder Dir on disk.
	FS fs.FS
	// Dir is the folder's name on disk and in errors; "" means "migrations".
	Dir string
	// Flat leaves sub-folders out; the one with repeatable files is still read.
	Flat bool
	// Format is one of the constants, or "" to recognise it.
	Format string
	// Repeatable is the sub-folder of repeatable files; "" means "repeatable".
	Repeatable string
}
