package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/source/native"
	"github.com/bellowsdb/bellows/ui/answer"
)

type squashFlags struct {
	name              string
	leaveRows, remove bool
}

func (a *app) squashVerb() *cobra.Command {
	var f squashFlags
	cmd := a.command(verb{
		use: "squash FROM..TO", short: "fold a range of migrations into one",
		long: `Writes one migration that makes what all those from FROM to TO make; ..TO begins
with the first one. New databases run the new file; those that have the range count
it as applied, those that are part-way finish with the old files. It is proven
before it is written: in throwaway databases the new file makes the same schema as
the range, its way back leads to what was before, and a database that has the range
has nothing to do.

The old files stay until --remove takes them away, which is for when every database
has them. Rows that data migrations in the range have made are not in the new file,
so such a range is refused without --leave-rows.`,
		example: "bellows squash ..20261109083000",
		exits:   []int{130}, min: 1, max: 1,
		run: func(ctx context.Context, args []string) (answer.Answer, error) { return a.squash(ctx, f, args[0]) },
	})
	cmd.Flags().StringVar(&f.name, "name", "squash", "the `SLUG` of the new file")
	cmd.Flags().BoolVar(&f.leaveRows, "leave-rows", false, "fold data migrations too; a new database does not get their rows")
	cmd.Flags().BoolVar(&f.remove, "remove", false, "remove the old files")
	a.shadowFlag(cmd.Flags())
	return cmd
}

func (a *app) squash(ctx context.Context, f squashFlags, expr string) (answer.Answer, error) {
	slug, err := native.Slug(f.name)
	if err != nil {
		return nil, err
	}
	m, s, err := a.forSchemas(ctx, "")
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	draft, covered, err := m.Squash(ctx, expr, bellows.SquashOptions{Slug: slug, Now: a.now(), LeaveRows: f.leaveRows, Shadow: s.shadow})
	if err != nil {
		return nil, err
	}
	out := answer.Files{Written: []string{draft.Path}, ID: draft.ID, Revises: draft.Revises}
	if err := native.WriteAll(native.Disk{}, []native.NewFile{{Path: draft.Path, Text: draft.Text}}); err != nil || !f.remove {
		return out, err
	}
	for _, r := range covered {
		if err := os.Remove(r.File); err != nil {
			return out, fault.At(fault.Pos{File: r.File}, fault.File, "this file cannot be removed").Because(err).Try("the new file is written; remove those that it replaces by hand")
		}
		out.Removed = append(out.Removed, r.File)
	}
	return out, nil
}
