package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/ui/answer"
)

func (a *app) poisonVerb() *cobra.Command {
	cmd := a.command(verb{use: "poison list|retry|waive", short: "rows that were set aside because their change fails",
		long: `A row whose change fails is set aside with its reason, as long as poison:N in the
file, or backfill set --poison, allows it; all other rows are done. Until each is
retried with success, or waived, the migration does not count as applied.`,
		example: "bellows backfill poison list\nbellows backfill poison retry\nbellows backfill run", exits: []int{6, 130}, max: -1,
		run: func(_ context.Context, args []string) (answer.Answer, error) {
			return nil, whichOf("backfill poison", first(args), "list", "retry", "waive")
		}})
	cmd.AddCommand(a.poisonListVerb(), a.poisonRetryVerb(), a.poisonWaiveVerb())
	return cmd
}

func (a *app) poisonListVerb() *cobra.Command {
	return a.command(verb{
		use: "list [ID]", short: "each row that was set aside: its key, why, and what became of it",
		long: `Lists the rows of a backfill that were set aside, with the error of the server. A
row is open, fixed (it was done after all) or waived.`,
		example: "bellows backfill poison list\nbellows backfill poison list --json",
		exits:   []int{6, 130}, max: 1, complete: a.targets,
		run: func(ctx context.Context, args []string) (answer.Answer, error) {
			return a.poison(ctx, first(args), "", decision{})
		},
	})
}

func (a *app) poisonRetryVerb() *cobra.Command {
	var key string
	cmd := a.command(verb{
		use: "retry [ID]", short: "put rows that were set aside back to be done",
		long: `Puts rows that were set aside back to be done: the one of --key, as poison list
shows it, or all. bellows backfill run, or bellows up, then does them. Correct the
rows first.`,
		example: "bellows backfill poison retry\nbellows backfill run",
		exits:   []int{6, 130}, max: 1, complete: a.targets,
		run: func(ctx context.Context, args []string) (answer.Answer, error) {
			return a.poison(ctx, first(args), key, decision{"retried", (*bellows.Migrator).RetryPoison})
		},
	})
	cmd.Flags().StringVar(&key, "key", "", "only the row of this `KEY`")
	return cmd
}

func (a *app) poisonWaiveVerb() *cobra.Command {
	var key, why string
	cmd := a.command(verb{
		use: "waive [ID]", short: "let rows that were set aside be as they are",
		long: `Lets rows that were set aside be as they are: the one of --key, as poison list
shows it, or all. The journal keeps who did it and why. Checks then leave these
rows out, and the migration can be applied: bellows backfill run, or bellows up.`,
		example: "bellows backfill poison waive --why \"test accounts, ticket 4711\"\nbellows backfill run",
		exits:   []int{6, 130}, max: 1, complete: a.targets,
		run: func(ctx context.Context, args []string) (answer.Answer, error) {
			if why == "" {
				return nil, fault.New(fault.Usage, "a row is not let be without a reason").Try("%s", a.again("--why", "…"))
			}
			waive := func(m *bellows.Migrator, ctx context.Context, id, key string) error {
				return m.WaivePoison(ctx, id, key, why)
			}
			return a.poison(ctx, first(args), key, decision{"waived", waive})
		},
	})
	cmd.Flags().StringVar(&key, "key", "", "only the row of this `KEY`")
	cmd.Flags().StringVar(&why, "why", "", "the reason, a `TEXT`; it is kept")
	return cmd
}

// poison does something to rows that were set aside, those of a key or all that
// are open, and lists them. nil only lists.
func (a *app) poison(ctx context.Context, id, key string, d decision) (answer.Answer, error) {
	m, _, err := a.open(ctx, func(o *bellows.Options) { o.ReadOnly = d.do == nil })
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	fill, err := theFill(ctx, m, id)
	if err != nil {
		return nil, err
	}
	rows, err := m.Poison(ctx, fill.Revision)
	if err != nil || d.do == nil {
		return answer.Poison{Fill: fill, Rows: rows}, err
	}
	if err := d.do(m, ctx, fill.Revision, key); err != nil {
		return nil, err
	}
	count := 1
	if key == "" {
		count = openOf(rows)
	}
	rows, err = m.Poison(ctx, fill.Revision)
	return answer.Poison{Fill: fill, Rows: rows, Did: d.did, Count: count}, err
}

// decision is what becomes of rows that were set aside.
type decision struct {
	did string
	do  func(m *bellows.Migrator, ctx context.Context, id, key string) error
}

func openOf(rows []bellows.PoisonRow) int {
	n := 0
	for _, r := range rows {
		if r.State == "open" {
			n++
		}
	}
	return n
}
