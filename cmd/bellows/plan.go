package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/ui/answer"
)

type planFlags struct {
	up      upFlags
	down    bool
	batch   bool
	from    string
	sql     bool
	dialect string
}

func (a *app) planVerb() *cobra.Command {
	var p planFlags
	cmd := a.command(verb{
		use: "plan [TARGET | FROM:TO]", short: "what up or down would do: order, transactions, locks, losses",
		long: `Shows what up would do to reach TARGET, or with --down what down would do: the
order, how statements share transactions, the strongest lock of each statement,
whether it reads or rewrites the table, what is destroyed, and the findings. It
writes nothing, takes no lock and needs no right to write.

--sql prints a script that can be run by hand, the ledger's own records included.
FROM:TO (also FROM: and :TO) needs no database: the files alone are asked. Where
it ends at all heads the repeatable files follow, all of them, because only a
database knows which have changed.`,
		example: "bellows plan\nbellows plan --down base\nbellows plan --sql :head --dialect sqlite",
		exits:   []int{4, 6, 8, 130}, max: 1, complete: a.targets,
		run: func(ctx context.Context, args []string) (answer.Answer, error) { return a.plan(ctx, p, first(args)) },
	})
	f := cmd.Flags()
	f.BoolVar(&p.down, "down", false, "what down would do")
	f.BoolVar(&p.sql, "sql", false, "print the SQL")
	f.StringVar(&p.dialect, "dialect", "", "for FROM:TO, the `DATABASE`'s language: sqlite, postgres, mysql (default: the URL's)")
	p.up.register(f)
	f.BoolVar(&p.batch, "batch", false, "with --down: what the last up applied")
	f.StringVar(&p.from, "down-from", "", "with --down: which down SQL where ledger and file differ: `ledger|file`")
	return cmd
}

func (a *app) plan(ctx context.Context, p planFlags, target string) (answer.Answer, error) {
	if revision.IsRange(target) {
		return a.planRange(p, target)
	}
	if p.dialect != "" {
		return nil, fault.New(fault.Usage, "--dialect goes with FROM:TO; a database speaks its own").Try("bellows plan --sql :head --dialect %s", quote(p.dialect))
	}
	m, s, err := a.open(ctx, func(o *bellows.Options) { p.up.options(o); readOnly(o) })
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	preview, err := a.ask(ctx, m, p, target)
	if err == nil && p.sql {
		return script(m, preview)
	}
	return planned(preview, s, err), err
}

// ask makes the plan for one direction.
func (a *app) ask(ctx context.Context, m *bellows.Migrator, p planFlags, target string) (bellows.Preview, error) {
	if p.down {
		d := downFlags{steps: p.up.steps, batch: p.batch, single: p.up.single, from: p.from}
		if err := d.check(target); err != nil {
			return bellows.Preview{}, err
		}
		return m.PlanDown(ctx, d.request("down", target))
	}
	if p.batch || p.from != "" {
		return bellows.Preview{}, fault.New(fault.Usage, "--batch and --down-from go with --down").Try("bellows plan --down")
	}
	return m.PlanUp(ctx, bellows.Request{Verb: "up", Target: target, Steps: int(p.up.steps), SingleTransaction: p.up.single})
}

func (a *app) planRange(p planFlags, expr string) (answer.Answer, error) {
	m, s, err := a.folder(p.dialect)
	if err != nil {
		return nil, err
	}
	if p.dialect == "" && scheme(s.url) == "" {
		return nil, fault.New(fault.Usage, "which kind of database? There is no URL that tells").Try("%s", a.again("--dialect", "postgres"))
	}
	preview, err := m.PlanRange(expr)
	if err == nil && p.sql {
		return script(m, preview)
	}
	if err != nil && len(preview.Plan.Steps) == 0 {
		return nil, err
	}
	return answer.Plan{Preview: preview}, err
}

func script(m *bellows.Migrator, p bellows.Preview) (answer.Answer, error) {
	sql, err := m.Script(p)
	if err != nil {
		return nil, err
	}
	return answer.Script{SQL: sql}, nil
}
