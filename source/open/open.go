// Package open chooses the room that reads a folder.
//
// Charter: recognises the format of a migration folder and opens it.
// Invariant: the choice depends on the names in the folder only, so that it is
// the same on every machine; a folder that could be two formats is an error.
// Example: f, err := open.Folder(source.Options{Dir: "migrations"})
package open

import (
	"strings"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/source"
	"github.com/bellowsdb/bellows/source/dbmate"
	"github.com/bellowsdb/bellows/source/diesel"
	"github.com/bellowsdb/bellows/source/golangmigrate"
	"github.com/bellowsdb/bellows/source/internal/files"
	"github.com/bellowsdb/bellows/source/native"
)

// Folder reads the folder in the format that opts name, or in the one that it
// recognises: golang-migrate by files N_x.up.EXT and N_x.down.EXT, diesel by
// folders with an up.sql in them, else the project's own. Folders of dbmate look
// like the latter, whose stricter rules hold unless opts say "dbmate".
func Folder(opts source.Options) (source.Folder, error) {
	format, root := opts.Format, files.At(opts)
	if format == "" {
		root = root.Listed()
		var problem *fault.Error
		if format, problem = recognise(root); problem != nil {
			return nil, problem
		}
	}
	switch format {
	case source.Native:
		return native.OpenAt(root, opts)
	case source.GolangMigrate:
		return golangmigrate.Open(opts)
	case source.Dbmate:
		return dbmate.Open(opts)
	case source.Diesel:
		return diesel.Open(opts)
	}
	problem := fault.New(fault.Config, "there is no format %q", format)
	if near := fault.Nearest(format, source.Formats()); near != "" {
		return nil, problem.Try("did you mean %q?", near)
	}
	return nil, problem.Try("the formats are %s; without one the folder is recognised", strings.Join(source.Formats(), ", "))
}

// recognise tells the format by the names in the folder.
func recognise(root files.Root) (string, *fault.Error) {
	var half, whole, steps string // one name of each form
	for _, name := range root.Names() {
		if name == "" || name[0] < '0' || name[0] > '9' {
			continue
		}
		if _, ok, _ := golangmigrate.ParseName(name); ok {
			half = name
		} else if strings.HasSuffix(strings.ToLower(name), ".sql") {
			whole = name
		} else if steps == "" && root.Has(name+"/up.sql") {
			steps = name
		}
	}
	switch {
	case half != "" && whole != "":
		return "", mixed(root, half, source.GolangMigrate, whole, source.Native)
	case half != "" && steps != "":
		return "", mixed(root, half, source.GolangMigrate, steps, source.Diesel)
	case whole != "" && steps != "":
		return "", mixed(root, whole, source.Native, steps, source.Diesel)
	case half != "":
		return source.GolangMigrate, nil
	case steps != "":
		return source.Diesel, nil
	}
	return source.Native, nil
}

func mixed(root files.Root, a, formatA, b, formatB string) *fault.Error {
	return fault.At(root.Pos("."), fault.File, "this folder has migrations of two formats: %s is %s, %s is %s", a, formatA, b, formatB).
		Try("move one kind to another folder, or set format = %q or %q in bellows.toml to read that kind alone", formatA, formatB)
}
