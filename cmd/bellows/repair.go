package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/ui/answer"
)

// repairFlags are decisions, each about the revisions it names.
type repairFlags struct {
	applied, reverted, done, undone, edits, forget []string
	indexes                                        bool
}

func (r repairFlags) requests() []bellows.RepairRequest {
	var all []bellows.RepairRequest
	for _, x := range []struct {
		action string
		ids    []string
	}{{"mark-applied", r.applied}, {"mark-reverted", r.reverted},
		{"statement-done", r.done}, {"statement-undone", r.undone}, {"accept-edit", r.edits}, {"forget", r.forget}} {
		for _, id := range x.ids {
			all = append(all, bellows.RepairRequest{Action: x.action, Revision: id})
		}
	}
	if r.indexes {
		all = append(all, bellows.RepairRequest{Action: "clean-indexes"})
	}
	return all
}

func (a *app) repairVerb() *cobra.Command {
	var r repairFlags
	cmd := a.command(verb{
		use: "repair", short: "what is half-done or inconsistent, and what can be done about it",
		long: `Without a flag it lists what is half-done, failed, edited or missing, each with the
commands that act on it, and writes nothing. A flag carries out one decision, and
the journal keeps it. Where a migration stopped part-way, bellows up continues it.`,
		example: "bellows repair",
		exits:   []int{5, 6, 7, 130},
		run:     func(ctx context.Context, _ []string) (answer.Answer, error) { return a.repair(ctx, r) },
	})
	f := cmd.Flags()
	f.StringSliceVar(&r.applied, "mark-applied", nil, "record `ID` as applied: what was missing was done by hand")
	f.StringSliceVar(&r.reverted, "mark-reverted", nil, "record `ID` as not applied: what it did was undone by hand")
	f.StringSliceVar(&r.done, "statement-done", nil, "the statement of `ID` whose outcome is unknown did take effect")
	f.StringSliceVar(&r.undone, "statement-undone", nil, "the statement of `ID` whose outcome is unknown did not take effect")
	f.StringSliceVar(&r.edits, "accept-edit", nil, "take the file of `ID` as it is now for what was applied")
	f.StringSliceVar(&r.forget, "forget", nil, "forget `ID`, whose file is gone for good")
	f.BoolVar(&r.indexes, "clean-indexes", false, "drop invalid indexes that a broken build left")
	a.tagFlag(f)
	return cmd
}

func (a *app) repair(ctx context.Context, r repairFlags) (answer.Answer, error) {
	requests := r.requests()
	if len(requests) == 0 {
		return a.troubles(ctx)
	}
	m, _, err := a.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	var done answer.Repaired
	for _, q := range requests {
		if err := m.Repair(ctx, q); err != nil {
			return done, err
		}
		done.Actions = append(done.Actions, answer.Action(q))
	}
	return done, nil
}

func (a *app) troubles(ctx context.Context) (answer.Answer, error) {
	m, _, err := a.open(ctx, readOnly)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	all, err := m.Troubles(ctx)
	if err != nil {
		return nil, err
	}
	return answer.Troubles{Troubles: all}, nil
}

func (a *app) unlockVerb() *cobra.Command {
	var force string
	cmd := a.command(verb{
		use: "unlock", short: "who holds the lock; frees a dead holder's",
		long: `Shows who holds the lock, and frees it when its holder is provably dead. --force
frees it from a holder that may be alive: RUN is the run's id as unlock shows it.
A run that lost its lock so stops before its next statement. In a protected
environment --force wants --confirm NAME.`,
		example: "bellows unlock",
		exits:   []int{5, 8, 130},
		run:     func(ctx context.Context, _ []string) (answer.Answer, error) { return a.unlock(ctx, force) },
	})
	cmd.Flags().StringVar(&force, "force", "", "free it from the run `RUN`, alive or not")
	a.confirmFlag(cmd.Flags())
	return cmd
}

func (a *app) unlock(ctx context.Context, force string) (answer.Answer, error) {
	m, s, err := a.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	if force != "" {
		if err := a.confirm(ctx, s, forAll, "unlock --force", nil); err != nil {
			return nil, err
		}
	}
	holder, err := m.Unlock(ctx, force)
	if err != nil && holder == nil {
		return nil, err
	}
	return answer.Lock{Holder: holder, Removed: err == nil && holder != nil}, err
}
