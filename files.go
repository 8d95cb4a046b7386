package bellows

import (
	"context"
	"errors"
	"strings"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/run"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source"
)

// folder is the files of a folder together with what is written in Go. Its
// Folder is nil when there are no files.
type folder struct {
	source.Folder
	all   []revision.Revision // nil: what Folder has
	funcs map[revision.ID]run.GoFuncs
}

// addGo adds migrations written in Go.
func (f *folder) addGo(migrations []GoMigration) error {
	if len(migrations) == 0 {
		return nil
	}
	f.funcs = map[revision.ID]run.GoFuncs{}
	f.all = append([]revision.Revision{}, f.Revisions()...)
	for _, g := range migrations {
		if g.ID == "" || g.Up == nil {
			return fault.New(fault.Usage, "a Go migration needs an ID and an Up function (id %q, name %q)", g.ID, g.Name)
		}
		f.all = append(f.all, revisionOf(g))
		funcs := run.GoFuncs{Up: asFunc(g.Up)}
		if g.Down != nil {
			funcs.Down = asFunc(g.Down)
		}
		f.funcs[revision.ID(g.ID)] = funcs
	}
	return nil
}

func revisionOf(g GoMigration) revision.Revision {
	r := revision.Revision{ID: revision.ID(g.ID), Name: g.Name, Kind: g.Kind, Implied: g.Revises == nil, Checksum: checksumOf(g), Native: true}
	if r.Kind == "" {
		r.Kind = revision.Schema
	}
	for _, p := range g.Revises {
		r.Parents = append(r.Parents, revision.ID(p))
	}
	return r
}

func asFunc(fn func(context.Context, Tx) error) run.Func {
	return func(ctx context.Context, c db.Conn) error { return fn(ctx, c) }
}

// Revisions are the heads of all files and of what is written in Go.
func (f folder) Revisions() []revision.Revision {
	if f.all != nil {
		return f.all
	}
	if f.Folder == nil {
		return nil
	}
	return f.Folder.Revisions()
}

// Script gives what a revision does.
func (f folder) Script(id revision.ID) (revision.Script, error) {
	if _, ok := f.funcs[id]; ok {
		return revision.Script{Revision: id, Go: true}, nil
	}
	if f.Folder == nil {
		return revision.Script{}, fault.New(fault.Missing, "there is no file for %s", id).Try("pass --dir")
	}
	return f.Folder.Script(id)
}

// Text gives the text of a revision's file.
func (f folder) Text(id revision.ID) (string, error) {
	if _, ok := f.funcs[id]; ok || f.Folder == nil {
		return "", fault.New(fault.Missing, "%s has no file", id)
	}
	return f.Folder.Text(id)
}

// joined is several errors in one.
type joined interface{ Unwrap() []error }

// quote adds the source lines to faults that know their places only.
func (f folder) quote(err error) {
	all, ok := err.(joined)
	if !ok {
		return
	}
	for _, one := range all.Unwrap() {
		p := faultOf(one).Pos
		if p == nil || p.Line == 0 {
			continue
		}
		for _, r := range f.Revisions() {
			if r.File != p.File {
				continue
			}
			text, _ := f.Text(r.ID)
			if lines := strings.SplitN(text, "\n", p.Line+1); len(lines) >= p.Line {
				p.Text = lines[p.Line-1]
			}
		}
	}
}

// faultOf is the first fault in an error's chain, nil when there is none.
func faultOf(err error) *fault.Error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	return nil
}
