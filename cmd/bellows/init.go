package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/source/native"
	"github.com/bellowsdb/bellows/ui/answer"
)

func (a *app) initVerb() *cobra.Command {
	return a.command(verb{
		use: "init", short: "write bellows.toml and a first migration",
		long: `Writes bellows.toml and, in a new folder of migrations, one commented example. A
folder that holds migrations already gets none. --dir and --url go into the file.
Nothing is ever written over.`,
		example: "bellows init --url sqlite:app.db",
		run:     func(context.Context, []string) (answer.Answer, error) { return a.init() },
	})
}

func (a *app) init() (answer.Answer, error) {
	if strings.Contains(fault.Redact(a.flags.url), fault.Mask) {
		return nil, fault.New(fault.Usage, "a password does not belong into %s", configName).
			Try(`bellows init, then url = "${DATABASE_URL}" in the file`)
	}
	all := native.Beginning(a.flags.dir, a.firstURL(), a.now())
	dir := filepath.Dir(filepath.FromSlash(all[1].Path))
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.At(fault.Pos{File: dir}, fault.File, "this is no folder that can be read").Because(err).Try("--dir names another")
	}
	if len(entries) > 0 {
		all = all[:1]
	}
	if a.flags.config != "" {
		all[0].Path = a.flags.config
	}
	if err := native.WriteAll(native.Disk{}, all); err != nil {
		return nil, err
	}
	var out answer.Files
	for _, f := range all {
		out.Written = append(out.Written, f.Path)
	}
	return out, nil
}

// firstURL is the URL that goes into the file: the one that was given, "" for
// the one in DATABASE_URL, or that of a file that needs no server.
func (a *app) firstURL() string {
	if a.flags.url != "" {
		return a.flags.url
	}
	if v, ok := a.env("DATABASE_URL"); ok && v != "" {
		return ""
	}
	return "sqlite:app.db"
}
