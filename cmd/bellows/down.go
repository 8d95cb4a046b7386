package main

import (
	"context"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/ui/answer"
)

// downFlags are the flags of the verbs that revert.
type downFlags struct {
	steps                 steps
	batch, dryRun, single bool
	from                  string
}

func (d *downFlags) register(f *pflag.FlagSet) {
	f.StringVar(&d.from, "down-from", "", "which down SQL where ledger and file differ: `ledger|file`")
	f.BoolVar(&d.single, "single-transaction", false, "all in one transaction, or a refusal")
}

// check refuses what makes no sense, before anything is opened.
func (d downFlags) check(target string) error {
	if !slices.Contains([]string{"", "ledger", "file"}, d.from) {
		return fault.New(fault.Usage, "--down-from %s: neither ledger nor file", d.from).Try("--down-from ledger takes the SQL as it was recorded when it was applied")
	}
	if d.batch && target != "" {
		return fault.New(fault.Usage, "--batch and a target exclude each other").Try("bellows down --batch")
	}
	return nil
}

func (d downFlags) request(verb, target string) bellows.Request {
	return bellows.Request{Verb: verb, Target: target, Steps: int(d.steps), Batch: d.batch, SingleTransaction: d.single, DownFrom: d.from}
}

func (a *app) downVerb() *cobra.Command {
	var d downFlags
	cmd := a.command(verb{
		use: "down [TARGET]", acts: true, short: "revert what is applied", aliases: []string{"downgrade"},
		long: `Reverts migrations until TARGET is current: -1 (the default), an id, ID-1, base
for all, LABEL@-1. See bellows help targets.

The down SQL is the one that was recorded when the migration was applied; where
the file says something else by now, --down-from chooses. A protected environment
wants --confirm NAME.`,
		example: "bellows down\nbellows up",
		exits:   []int{5, 6, 7, 8, 130}, max: 1, complete: a.targets,
		run: func(ctx context.Context, args []string) (answer.Answer, error) { return a.down(ctx, d, first(args)) },
	})
	f := cmd.Flags()
	f.VarP(&d.steps, "step", "n", "revert at most `N` migrations")
	f.BoolVar(&d.batch, "batch", false, "revert what the last up applied")
	d.register(f)
	f.BoolVar(&d.dryRun, "dry-run", false, "show the plan, write nothing, take no lock")
	a.tagFlag(f)
	a.confirmFlag(f)
	return cmd
}

func (a *app) down(ctx context.Context, d downFlags, target string) (answer.Answer, error) {
	if err := d.check(target); err != nil {
		return nil, err
	}
	r := d.request("down", target)
	if d.dryRun {
		return a.preview(ctx, r, (*bellows.Migrator).PlanDown, func(*bellows.Options) {})
	}
	m, s, err := a.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	r.Approve = a.approval(ctx, s, forAll, "reverting")
	report, err := a.dumping(ctx, m, s, func() (bellows.Report, error) { return m.DownWith(ctx, r) })
	return answer.Run{Report: report}, err
}

func (a *app) redoVerb() *cobra.Command {
	var d downFlags
	cmd := a.command(verb{
		use: "redo [N]", acts: true, short: "revert the last N migrations and apply exactly those again",
		long: `Reverts the last N migrations (default 1) and applies exactly those again: the
quick way to try both directions of a migration that is being written.`,
		example: "bellows redo",
		exits:   []int{4, 5, 6, 7, 8, 130}, max: 1,
		run: func(ctx context.Context, args []string) (answer.Answer, error) { return a.redo(ctx, d, first(args)) },
	})
	d.register(cmd.Flags())
	a.tagFlag(cmd.Flags())
	a.confirmFlag(cmd.Flags())
	return cmd
}

func (a *app) redo(ctx context.Context, d downFlags, count string) (answer.Answer, error) {
	n := 1
	if count != "" {
		var err error
		if n, err = strconv.Atoi(count); err != nil || n < 1 {
			return nil, fault.New(fault.Usage, "redo %s: not a number of migrations", count).Try("bellows redo 2")
		}
	}
	if err := d.check(""); err != nil {
		return nil, err
	}
	m, s, err := a.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	request := bellows.Request{Approve: a.approval(ctx, s, forAll, "reverting"), SingleTransaction: d.single, DownFrom: d.from}
	report, err := a.dumping(ctx, m, s, func() (bellows.Report, error) { return m.Redo(ctx, n, request) })
	return answer.Run{Report: report}, err
}
