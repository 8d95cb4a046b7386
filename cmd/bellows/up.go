package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/ui/answer"
)

// upFlags are the flags of the verbs that apply.
type upFlags struct {
	steps          steps
	dryRun, single bool
	strict, noWait bool
	wait           bool
	phase          string
	workers        workers
}

func (u *upFlags) register(f *pflag.FlagSet) {
	f.VarP(&u.steps, "step", "n", "apply at most `N` migrations")
	f.BoolVar(&u.single, "single-transaction", false, "all in one transaction, or a refusal")
	f.BoolVar(&u.strict, "strict", false, "refuse a pending migration that sorts before an applied one")
}

func (u *upFlags) options(o *bellows.Options) { o.Strict = o.Strict || u.strict }

func (a *app) tagFlag(f *pflag.FlagSet) {
	f.StringVar(&a.flags.tag, "tag", "", "a `TEXT` to record with what is done, such as a deploy number")
}

func (a *app) confirmFlag(f *pflag.FlagSet) {
	f.StringVar(&a.flags.confirm, "confirm", "", "answer the confirmation of a protected environment with its `NAME`")
}

func (a *app) upVerb() *cobra.Command {
	var u upFlags
	cmd := a.command(verb{
		use: "up [TARGET]", acts: true, short: "apply what is pending", aliases: []string{"upgrade", "migrate", "deploy"},
		long: `Applies pending migrations up to TARGET: an id, the beginning of one, a slug,
head, heads (the default), +2, ID+2, LABEL@head. See bellows help targets.

What the migrations destroy is counted and shown first; where the environment is
protected, that wants --confirm NAME.

A backfill is worked on until its rows are done, then up goes on. With --no-wait
it is only begun, and what comes after it waits: bellows backfill run does it.

Of a change it runs expand and sync, which is all that an application needs that
is to be deployed; the rows that are there are filled by bellows backfill run, or
here with --wait. --phase says how far: expand before a deploy, contract after it.`,
		example: "bellows up --dry-run\nbellows up +1\nbellows up --no-wait\nbellows up",
		exits:   []int{4, 5, 6, 7, 8, 130}, max: 1, complete: a.targets,
		run: func(ctx context.Context, args []string) (answer.Answer, error) { return a.up(ctx, u, first(args)) },
	})
	u.register(cmd.Flags())
	cmd.Flags().BoolVar(&u.noWait, "no-wait", false, "begin backfills and leave their rows to bellows backfill run")
	cmd.Flags().BoolVar(&u.wait, "wait", false, "stay until the rows of changes are filled and proven")
	cmd.Flags().StringVar(&u.phase, "phase", "", "bring changes to a `PHASE` and no further: expand, sync (the usual), backfill, verify or contract")
	cmd.Flags().Var(&u.workers, "workers", "how many workers this process has for a backfill, `N` (default: as its file says)")
	cmd.Flags().BoolVar(&u.dryRun, "dry-run", false, "show the plan, write nothing, take no lock")
	a.tagFlag(cmd.Flags())
	a.confirmFlag(cmd.Flags())
	return cmd
}

// first is the only argument, or "".
func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func (a *app) up(ctx context.Context, u upFlags, target string) (answer.Answer, error) {
	r := bellows.Request{Verb: "up", Target: target, Steps: int(u.steps), SingleTransaction: u.single, NoWait: u.noWait, Wait: u.wait, Through: u.phase, Workers: int(u.workers)}
	if u.dryRun {
		return a.preview(ctx, r, (*bellows.Migrator).PlanUp, u.options)
	}
	m, s, err := a.open(ctx, func(o *bellows.Options) { u.options(o); o.ReadAhead = true })
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	r.Approve = a.approval(ctx, s, forLosses, "destroying data")
	report, err := a.dumping(ctx, m, s, func() (bellows.Report, error) { return m.UpWith(ctx, r) })
	if err != nil || !u.noWait {
		return answer.Run{Report: report}, err
	}
	all, err := m.Backfills(ctx)
	return answer.Run{Report: report, Planned: underWay(all)}, err
}

// planner is PlanUp or PlanDown.
type planner func(*bellows.Migrator, context.Context, bellows.Request) (bellows.Preview, error)

// preview shows what a request would do; it writes nothing.
func (a *app) preview(ctx context.Context, r bellows.Request, plan planner, change func(*bellows.Options)) (answer.Answer, error) {
	m, s, err := a.open(ctx, func(o *bellows.Options) { change(o); readOnly(o) })
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	p, err := plan(m, ctx, r)
	return planned(p, s, err), err
}

// planned is the answer to a question for a plan; none when there is nothing in it to show.
func planned(p bellows.Preview, s *settings, err error) answer.Answer {
	if err != nil && len(p.Plan.Steps) == 0 && len(p.Findings) == 0 {
		return nil
	}
	return answer.Plan{Preview: p, On: s.shownURL()}
}
