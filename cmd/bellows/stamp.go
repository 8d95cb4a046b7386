package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/ui/answer"
)

func (a *app) stampVerb() *cobra.Command {
	var purge bool
	cmd := a.command(verb{
		use: "stamp TARGET", acts: true, short: "record a state without running anything",
		long: `Records migrations as applied, or as not applied, without running them, so that
TARGET is what the database has. Nothing but the ledger changes. --purge forgets
everything recorded first; the journal stays. A protected environment wants
--confirm NAME.`,
		example: "bellows stamp head",
		exits:   []int{5, 6, 8, 130}, min: 1, max: 1, complete: a.targets,
		run: func(ctx context.Context, args []string) (answer.Answer, error) {
			return a.stamp(ctx, args[0], bellows.StampOptions{Purge: purge})
		},
	})
	cmd.Flags().BoolVar(&purge, "purge", false, "forget everything recorded first")
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
