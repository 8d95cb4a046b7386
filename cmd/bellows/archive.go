package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/ui/answer"
)

func (a *app) archiveVerb() *cobra.Command {
	cmd := a.command(verb{
		use: "archive [purge]", short: "what migrations have put aside instead of dropped",
		long: `Lists the tables and columns that migrations of bellows diff --archive have put
aside: what they were, where they are now, since when, and until when they are
kept. bellows down of such a migration brings them back with their rows. It writes
nothing.`,
		example: "bellows archive", exits: []int{130}, max: -1,
		run: func(ctx context.Context, args []string) (answer.Answer, error) {
			if len(args) > 0 {
				return nil, whichOf("archive", args[0], "purge")
			}
			m, _, err := a.open(ctx, readOnly)
			if err != nil {
				return nil, err
			}
			defer func() { _ = m.Close() }()
			all, err := m.Archives(ctx)
			return answer.Archives{Archives: all}, err
		},
	})
	cmd.AddCommand(a.archivePurgeVerb())
	return cmd
}

func (a *app) archivePurgeVerb() *cobra.Command {
	var r bellows.ArchiveRequest
	cmd := a.command(verb{
		use: "purge [ID]", short: "drop archives for good",
		long: `Drops what the migration ID has put aside, or, without one, all archives that are
older than seven days, with their rows. From then on bellows down of the migration
fails. --now drops them before their time.`,
		example: "bellows archive purge", exits: []int{5, 7, 8, 130}, max: 1, complete: a.targets,
		run: func(ctx context.Context, args []string) (answer.Answer, error) {
			m, s, err := a.open(ctx, nil)
			if err != nil {
				return nil, err
			}
			defer func() { _ = m.Close() }()
			q := r
			q.Revision, q.Approve = first(args), a.approval(ctx, s, forLosses, "destroying data")
			all, err := m.PurgeArchives(ctx, q)
			if err != nil {
				return nil, err
			}
			return answer.Archives{Archives: all, Purged: true}, nil
		},
	})
	cmd.Flags().BoolVar(&r.Now, "now", false, "before their time is over")
	a.confirmFlag(cmd.Flags())
	return cmd
}
