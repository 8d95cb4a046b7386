package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/ui/answer"
)

func (a *app) driftVerb() *cobra.Command {
	var ignore []string
	var sql bool
	cmd := a.command(verb{
		use: "drift", short: "what somebody changed without a migration",
		long: `Compares the database with what its ledger says was applied, which is run again in
a throwaway database, and lists what differs: changes that nobody wrote a migration
for. The exit code tells whether there are any. It changes nothing.

--sql prints what would take the database back. To keep the changes instead, write
them as a migration: bellows diff --from and --to tell how.`,
		example: "bellows drift", exits: []int{3, 7, 130},
		run: func(ctx context.Context, _ []string) (answer.Answer, error) { return a.drift(ctx, ignore, sql) },
	})
	ignoreFlag(cmd.Flags(), &ignore)
	cmd.Flags().BoolVar(&sql, "sql", false, "print the SQL that takes the database back")
	a.shadowFlag(cmd.Flags())
	return cmd
}

func (a *app) drift(ctx context.Context, ignore []string, sql bool) (answer.Answer, error) {
	m, s, err := a.open(ctx, readOnly)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	found, err := m.Drift(ctx, bellows.DriftOptions{Shadow: s.shadow, Ignore: ignored(ignore)})
	if err != nil {
		return nil, err
	}
	a.different(found)
	form := "drift"
	if sql {
		form = "back"
	}
	return answer.Diff{Difference: found, Form: form, FromName: "the migrations", ToName: s.shownURL()}, nil
}

func (a *app) verifyVerb() *cobra.Command {
	cmd := a.command(verb{
		use: "verify", short: "try every migration up, down and up",
		long: `Runs every migration of the folder up, down and up again in throwaway databases, and
tells whether each way back leads exactly back to what was before, and whether the
folder is still what the database's ledger says was applied. The exit code tells
whether all is well. The database itself is not changed.`,
		example: "bellows verify", exits: []int{3, 130},
		run: func(ctx context.Context, _ []string) (answer.Answer, error) { return a.verify(ctx) },
	})
	a.shadowFlag(cmd.Flags())
	return cmd
}

func (a *app) verify(ctx context.Context) (answer.Answer, error) {
	m, s, err := a.forSchemas(ctx, "")
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	found, err := m.Verify(ctx, bellows.VerifyOptions{Shadow: s.shadow})
	if err != nil {
		return nil, err
	}
	if !found.Good() {
		a.exit = fault.Pending.Exit()
	}
	return answer.Verified{Verification: found}, nil
}
