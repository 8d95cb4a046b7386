package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/source/native"
)

// dumpMark begins a file that the key dump names. A file that does not begin so
// was written by somebody else, and is not written over.
const dumpMark = "-- The schema as the migrations make it. Bellows writes this file; do not edit it.\n"

// dumping does what changes the schema, and then writes the file that is to
// hold it. That the file is ours to write is made sure of before.
func (a *app) dumping(ctx context.Context, m *bellows.Migrator, s *settings, do func() (bellows.Report, error)) (bellows.Report, error) {
	if s.dump == "" {
		return do()
	}
	old, err := dumped(s.dump)
	if err != nil {
		return bellows.Report{}, err
	}
	report, err := do()
	if err != nil || old != nil && len(report.Applied)+len(report.Reverted)+len(report.Changed) == 0 {
		return report, err
	}
	if err := writeDump(ctx, m, s.dump, old); err != nil {
		return report, fault.New(fault.CodeOf(err), "the migrations are done, but %s could not be written", s.dump).Because(err).
			Try("bellows inspect > %s writes the same, but for its first line", quote(s.dump))
	}
	a.show().Say("wrote     %s", s.dump)
	return report, nil
}

// dumped is the file as it is, nil when it is not there.
func dumped(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, unreadable(path, err, "the key dump names the file")
	case len(text) > 0 && !strings.HasPrefix(string(text), dumpMark):
		return nil, fault.At(fault.Pos{File: path, Line: 1}, fault.Exists, "the key dump names this file, which Bellows did not write").
			Try("nothing was done; let dump name another file, or remove this one. The schema you write yourself is named by the key schema")
	}
	return text, nil
}

func writeDump(ctx context.Context, m *bellows.Migrator, path string, old []byte) error {
	shape, err := m.Inspect(ctx, bellows.InspectOptions{})
	if err != nil {
		return err
	}
	sql, err := shape.SQL()
	if err != nil {
		return err
	}
	text := dumpMark + "\n" + sql
	switch {
	case old == nil:
		return native.Disk{}.Create(filepath.FromSlash(path), text)
	case string(old) == text:
		return nil
	}
	return native.Disk{}.Replace(path, old, []byte(text))
}
