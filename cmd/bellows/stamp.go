package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/source/native"
	"github.com/bellowsdb/bellows/ui/answer"
)

func (a *app) stampVerb() *cobra.Command {
	var purge bool
	var b baselineFlags
	cmd := a.command(verb{
		use: "stamp TARGET | --baseline", acts: true, short: "record a state without running anything",
		long: `Records migrations as applied, or as not applied, without running them, so that
TARGET is what the database has. Nothing but the ledger changes. --purge forgets
everything recorded first; the journal stays. A protected environment wants
--confirm NAME.

--baseline begins with a database that was there before: it writes a migration that
makes its schema in a new database, after trying it in a throwaway one, and records
it as applied. The folder must have no migrations yet.`,
		example: "bellows stamp head",
		exits:   []int{5, 6, 8, 130}, max: 1, complete: a.targets,
		run: func(ctx context.Context, args []string) (answer.Answer, error) {
			switch {
			case b.on && (purge || len(args) > 0):
				return nil, fault.New(fault.Usage, "--baseline takes no target and no --purge").Try("bellows stamp --baseline")
			case b.on:
				return a.baseline(ctx, b)
			case len(args) == 0:
				return nil, fault.New(fault.Usage, "bellows stamp wants TARGET").Try("bellows stamp --help")
			}
			return a.stamp(ctx, args[0], bellows.StampOptions{Purge: purge})
		},
	})
	cmd.Flags().BoolVar(&purge, "purge", false, "forget everything recorded first")
	cmd.Flags().BoolVar(&b.on, "baseline", false, "write the schema of the database as the first migration, and record it")
	cmd.Flags().StringVar(&b.name, "name", "baseline", "with --baseline: the `SLUG` of the file")
	cmd.Flags().BoolVar(&b.noProof, "no-proof", false, "with --baseline: write it without trying it, and say so in it")
	a.shadowFlag(cmd.Flags())
	a.tagFlag(cmd.Flags())
	a.confirmFlag(cmd.Flags())
	return cmd
}

func (a *app) stamp(ctx context.Context, target string, o bellows.StampOptions) (answer.Answer, error) {
	m, s, err := a.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	if err := a.confirm(ctx, s, forAll, "stamp", nil); err != nil {
		return nil, err
	}
	report, err := m.Stamp(ctx, target, o)
	return answer.Run{Report: report}, err
}

type baselineFlags struct {
	on, noProof bool
	name        string
}

// baseline writes the first migration of a database that was there before, and
// records it. When it cannot be recorded the file is taken away again.
func (a *app) baseline(ctx context.Context, b baselineFlags) (answer.Answer, error) {
	slug, err := native.Slug(b.name)
	if err != nil {
		return nil, err
	}
	s, err := a.settings()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.options.Dir, 0o777); err != nil {
		return nil, fault.At(fault.Pos{File: s.options.Dir}, fault.File, "the folder cannot be made").Because(err).Try("--dir names another")
	}
	draft, err := a.baselineDraft(ctx, b, slug)
	if err != nil {
		return nil, err
	}
	if err := native.WriteAll(native.Disk{}, []native.NewFile{{Path: draft.Path, Text: draft.Text}}); err != nil {
		return nil, err
	}
	m, _, err := a.open(ctx, nil)
	if err == nil {
		defer func() { _ = m.Close() }()
		var report bellows.Report
		if report, err = m.Stamp(ctx, draft.ID, bellows.StampOptions{}); err == nil {
			a.show().Say("wrote     %s", draft.Path)
			return answer.Run{Report: report}, nil
		}
	}
	return nil, errors.Join(err, os.Remove(draft.Path))
}

func (a *app) baselineDraft(ctx context.Context, b baselineFlags, slug string) (bellows.Draft, error) {
	m, s, err := a.open(ctx, readOnly)
	if err != nil {
		return bellows.Draft{}, err
	}
	defer func() { _ = m.Close() }()
	if err := a.confirm(ctx, s, forAll, "stamp", nil); err != nil {
		return bellows.Draft{}, err
	}
	draft, shape, err := m.Baseline(ctx, bellows.BaselineOptions{Slug: slug, Now: a.now(), NoProof: b.noProof, Shadow: s.shadow})
	for _, u := range shape.Unmodelled {
		a.show().Say("not described: %s %s", u.Kind, u.Name)
	}
	return draft, err
}
