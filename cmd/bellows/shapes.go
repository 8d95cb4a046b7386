package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/config"
	"github.com/bellowsdb/bellows/fault"
)

// shadowFlag is the flag of the verbs that try things in throwaway databases.
func (a *app) shadowFlag(f *pflag.FlagSet) {
	f.StringVar(&a.flags.shadow, "shadow", "", "try things in the empty database of this `URL`; or where one is made: beside, local, container")
}

// wanted is the shape that a setting describes, and what to call it.
func (a *app) wanted(ctx context.Context, s config.Schema, folder string) (bellows.From, string, error) {
	if s.Exec != "" {
		from, err := a.printed(ctx, s.Exec, folder)
		return from, s.Exec, err
	}
	from, err := shapeOf(s.Path)
	return from, fault.Redact(s.Path), err
}

// shapeOf finds what a URL, a file or a folder describes.
func shapeOf(place string) (bellows.From, error) {
	if isURL(place) {
		return bellows.From{URL: place}, nil
	}
	info, err := os.Stat(place)
	if err != nil {
		return bellows.From{}, noShape(place, err)
	}
	if info.IsDir() {
		return shapeFolder(place)
	}
	text, err := os.ReadFile(place)
	if err != nil {
		return bellows.From{}, noShape(place, err)
	}
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		shape, err := bellows.ReadShape(bytes.NewReader(text))
		if err != nil {
			return bellows.From{}, fault.At(fault.Pos{File: place}, fault.CodeOf(err), "it cannot be used").Because(err)
		}
		return bellows.From{Shape: &shape}, nil
	}
	return bellows.From{Files: []bellows.SQLFile{{Name: filepath.ToSlash(place), Text: string(text)}}}, nil
}

// noShape is a file of a schema that cannot be read.
func noShape(place string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return fault.At(fault.Pos{File: place}, fault.File, "the schema cannot be read").Because(err).
		Try("name a file of SQL, a folder of them, a snapshot, or a URL")
}

// shapeFolder are all files of SQL in a folder and below it, by name.
func shapeFolder(folder string) (bellows.From, error) {
	var from bellows.From
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") && path != folder {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() || !strings.EqualFold(filepath.Ext(path), ".sql") {
			return nil
		}
		text, err := os.ReadFile(path)
		from.Files = append(from.Files, bellows.SQLFile{Name: filepath.ToSlash(path), Text: string(text)})
		return err
	})
	if err != nil {
		return from, noShape(folder, err)
	}
	if from.Files == nil {
		return from, fault.At(fault.Pos{File: folder}, fault.File, "there is no file of SQL in this folder").Try("its files end in .sql")
	}
	slices.SortFunc(from.Files, func(x, y bellows.SQLFile) int { return strings.Compare(x.Name, y.Name) })
	return from, nil
}

// printed runs a command of the user's shell, which prints DDL.
func (a *app) printed(ctx context.Context, command, folder string) (bellows.From, error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	var out, story bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, &out, &story
	cmd.Env = a.environ()
	cmd.WaitDelay = patience
	if err := cmd.Run(); err != nil {
		e := fault.New(fault.Failed, "the command that prints the schema failed: %s", command).Because(fmt.Errorf("%w: %s", err, lastLines(story.String())))
		return bellows.From{}, e.Try("it is the key schema in bellows.toml, or --schema; nothing was written")
	}
	if len(bytes.TrimSpace(out.Bytes())) == 0 {
		return bellows.From{}, fault.New(fault.Failed, "the command that prints the schema printed nothing: %s", command).
			Try("it must print DDL on stdout")
	}
	return bellows.From{Files: []bellows.SQLFile{{Name: "output of " + command, Text: out.String()}}}, nil
}

// lastLines are the last few lines of a program's story.
func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}
