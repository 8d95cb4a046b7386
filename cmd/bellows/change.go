package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/ui/answer"
)

func (a *app) changeVerb() *cobra.Command {
	cmd := a.command(verb{use: "change status|verify|approve|brownout|contract|undo|resync|abort|purge", short: "the changes of columns that are under way",
		long: `A change replaces columns of a table in use, in phases: expand adds the new side,
sync keeps both sides in step whoever writes, backfill fills the rows that are
there, verify proves that none disagrees, hold waits for people, contract gets the
old columns out of the way, purge drops them. bellows up begins it; from then on
old and new applications may run side by side for as long as you like. These verbs
look at it and carry it on.`,
		example: "bellows change status", exits: []int{8}, max: -1,
		run: func(_ context.Context, args []string) (answer.Answer, error) {
			return nil, whichOf("change", first(args), "status", "verify", "approve", "brownout", "contract", "undo", "resync", "abort", "purge")
		}})
	cmd.AddCommand(a.changeStatusVerb(), a.changeVerifyVerb(), a.changeApproveVerb(), a.changeBrownoutVerb(), a.changeContractVerb(), a.changeUndoVerb(), a.changeResyncVerb(),
		a.changeAbortVerb(), a.changePurgeVerb())
	return cmd
}

func (a *app) changeStatusVerb() *cobra.Command {
	return a.command(verb{
		use: "status [ID]", short: "how far changes are, and what they wait for",
		long: `Shows every change that has begun: its phase, what must be so before it goes on
and what is missing, the proof, who has approved what, and which applications
still write the old side. Every process sees the same: it comes from the database.
It writes nothing.`,
		example: "bellows change status\nbellows change status --json",
		exits:   []int{6, 130}, max: 1, complete: a.targets,
		run: func(ctx context.Context, args []string) (answer.Answer, error) {
			m, _, err := a.open(ctx, readOnly)
			if err != nil {
				return nil, err
			}
			defer func() { _ = m.Close() }()
			all, err := changesOf(ctx, m, first(args))
			return answer.Changes{Changes: all}, err
		},
	})
}

// changesOf are the changes that have begun, that of a revision or with "" all.
func changesOf(ctx context.Context, m *bellows.Migrator, id string) ([]bellows.Change, error) {
	all, err := m.Changes(ctx)
	if err != nil || id == "" {
		return all, err
	}
	rev, _, err := m.Revision(id)
	for _, c := range all {
		if c.Revision == id || err == nil && c.Revision == string(rev.ID) {
			return []bellows.Change{c}, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return nil, fault.New(fault.Target, "%s %s has not begun, or is no change", rev.ID, rev.Name).Try("bellows change status lists those that have begun; bellows up begins those that are pending")
}

// theChange is the change that is meant: with "" the only one that has begun.
func theChange(ctx context.Context, m *bellows.Migrator, id string) (bellows.Change, error) {
	all, err := changesOf(ctx, m, id)
	if err != nil {
		return bellows.Change{}, err
	}
	if len(all) == 1 {
		return all[0], nil
	}
	var ids []string
	for _, c := range all {
		ids = append(ids, c.Revision)
	}
	if len(all) == 0 {
		return bellows.Change{}, fault.New(fault.Target, "no change has begun").Try("bellows up begins those that are pending")
	}
	return bellows.Change{}, fault.New(fault.Target, "%s have begun", plural(len(all), "change")).Try("name one: %s", either(ids))
}

// onChange is a verb that acts on one change and shows it then.
func (a *app) onChange(did string, r *bellows.ChangeRequest, do func(*bellows.Migrator, context.Context, bellows.ChangeRequest) error, v verb) *cobra.Command {
	v.max, v.complete = max(v.max, 1), a.targets
	v.run = func(ctx context.Context, args []string) (answer.Answer, error) {
		m, s, err := a.open(ctx, nil)
		if err != nil {
			return nil, err
		}
		defer func() { _ = m.Close() }()
		c, err := theChange(ctx, m, first(args))
		if err != nil {
			return nil, err
		}
		q := *r
		q.Revision, q.Approve = c.Revision, a.approval(ctx, s, forLosses, "destroying data")
		if v.max > 1 && len(args) > 1 {
			q.Hold = args[1]
		}
		if _, err := a.dumping(ctx, m, s, func() (bellows.Report, error) {
			return bellows.Report{Changed: []string{c.Revision}}, do(m, ctx, q)
		}); err != nil {
			return nil, err
		}
		all, err := changesOf(ctx, m, "")
		for _, now := range all {
			if now.Revision == c.Revision {
				return answer.Changes{Changes: []bellows.Change{now}, Did: did}, err
			}
		}
		gone := bellows.Change{Revision: c.Revision, Name: c.Name, Table: c.Table, Old: c.Old, New: c.New, Gate: "not begun", WaitingFor: []string{"bellows up"}}
		return answer.Changes{Changes: []bellows.Change{gone}, Did: did, Ended: true}, err
	}
	return a.command(v)
}

func (a *app) changeVerifyVerb() *cobra.Command {
	return a.onChange("verified", &bellows.ChangeRequest{}, (*bellows.Migrator).VerifyChange, verb{
		use: "verify [ID]", short: "count the rows that disagree, anew",
		long: `Looks at every row, chunk by chunk, and records the proof that none disagrees,
with what it rests on: the triggers of sync, the columns, the table. bellows up
--wait and bellows backfill run do that by themselves; do it again after somebody
has meddled with the table.`,
		example: "bellows change verify 20261120101500", exits: []int{5, 6, 7, 130},
	})
}

func (a *app) changeApproveVerb() *cobra.Command {
	var r bellows.ChangeRequest
	cmd := a.onChange("approved", &r, (*bellows.Migrator).Approve, verb{
		use: "approve ID HOLD", min: 2, max: 2, short: "say that a hold of a change is so",
		long: `Records that you say that a hold is so, with your name, the time and the reason.
The hold is named as in the file. When all are approved, and the proof is valid,
bellows change contract goes on.`,
		example: `bellows change approve 20261120101500 "every instance uses title" --why "release 42 is everywhere"`,
		exits:   []int{5, 6, 130},
	})
	cmd.Flags().StringVar(&r.Why, "why", "", "the reason, a `TEXT`, to be recorded")
	return cmd
}

func (a *app) changeBrownoutVerb() *cobra.Command {
	var r bellows.ChangeRequest
	cmd := a.onChange("put back the old columns of", &r, (*bellows.Migrator).Brownout, verb{
		use: "brownout [ID]", short: "take the old columns away for a moment, to find who reads them",
		long: `Renames the old columns of a change that holds, waits for as long as --for says, and
renames them back. Who still uses them gets errors meanwhile, and is found; writes
of the new side go on, and the old side gets its values. An interrupt puts the
columns back at once. That they have to be put back is recorded before: after a
crash bellows up, or any other verb that acts on the change, does it first.
On MariaDB and MySQL the table is locked for the moment of each rename; after a
crash between the two statements of that moment writes fail until it is put back.`,
		example: "bellows change brownout 20261120101500 --for 1s", exits: []int{5, 6, 7, 8, 130},
	})
	cmd.Flags().DurationVar(&r.For, "for", 10*time.Second, "how long they are away, a `DURATION` of at most 10m")
	return cmd
}

func (a *app) changeContractVerb() *cobra.Command {
	var r bellows.ChangeRequest
	cmd := a.onChange("contracted", &r, (*bellows.Migrator).Contract, verb{
		use: "contract [ID]", short: "get the old columns out of the way",
		long: `Looks at every row once more and, when none disagrees and every hold is approved,
renames the old columns and switches sync off, or runs the contract section of the
file. Without a valid proof, or with a hold that is open, it refuses with exit
code 8; there is no way to force it. Until the old columns are purged, bellows
change undo brings them back with their values. A change without backward may have
rows whose new side forward does not give: an application wrote them, or they are
wrong. change status names some; --unexplained says that you have looked, and how
many there are at most.`,
		example: `bellows change approve 20261120101500 "every instance uses title" --why "release 42 is everywhere"
bellows change contract 20261120101500`, exits: []int{5, 6, 7, 8, 130},
	})
	cmd.Flags().Int64Var(&r.Unexplained, "unexplained", 0, "at most `N` rows have a new side that forward does not give, and are right")
	a.confirmFlag(cmd.Flags())
	a.tagFlag(cmd.Flags())
	return cmd
}

func (a *app) changeUndoVerb() *cobra.Command {
	return a.onChange("undone", &bellows.ChangeRequest{}, (*bellows.Migrator).Undo, verb{
		use: "undo [ID]", short: "bring the old columns back, with their values",
		long: `Brings the old columns of a contracted change back under their names, sets sync on
again, fills the old side of the rows that were written meanwhile by the backward
section, and proves that no row disagrees. The change then holds again, with its
approvals void. It works until the old columns are purged.`,
		example: `bellows change approve 20261120101500 "every instance uses title"
bellows change contract 20261120101500
bellows change undo 20261120101500`, exits: []int{5, 6, 7, 8, 130},
	})
}

func (a *app) changeResyncVerb() *cobra.Command {
	var r bellows.ChangeRequest
	cmd := a.onChange("set on anew", &r, (*bellows.Migrator).Resync, verb{
		use: "resync [ID]", short: "set sync on anew, and go over all rows",
		long: `After somebody has dropped, disabled or replaced what keeps both sides in step, or
has changed rows past it, the sides may disagree, and only you know which is right.
This makes the triggers anew, and a backfill makes the other side agree; the holds
are then open again. With --keep new, rows whose new side holds nothing are left
alone: they may not have been filled yet.`,
		example: "bellows change resync 20261120101500 --keep old\nbellows up --wait", exits: []int{5, 6, 7, 8, 130},
	})
	cmd.Flags().StringVar(&r.Keep, "keep", "", "the `SIDE` that is right: old or new")
	return cmd
}

func (a *app) changeAbortVerb() *cobra.Command {
	cmd := a.onChange("aborted", &bellows.ChangeRequest{}, (*bellows.Migrator).Abort, verb{
		use: "abort [ID]", short: "take away what a change has added",
		long: `Switches sync off and takes away what expand has added, or runs the down section of
the file. The old side was complete all the while and stays as it is. The change
is then as if it had never begun. After the contract, bellows change undo comes
first.`,
		example: "bellows change abort 20261120101500", exits: []int{5, 6, 7, 8, 130},
	})
	a.confirmFlag(cmd.Flags())
	return cmd
}

func (a *app) changePurgeVerb() *cobra.Command {
	var r bellows.ChangeRequest
	cmd := a.onChange("purged", &r, (*bellows.Migrator).Purge, verb{
		use: "purge [ID]", short: "drop the old columns of a contracted change for good",
		long: `Drops the old columns once their retention is over: seven days, or what the
directive of the change says (retention:30d). From then on there is no undo.`,
		example: `bellows change approve 20261120101500 "every instance uses title"
bellows change contract 20261120101500
bellows change purge 20261120101500 --now`, exits: []int{5, 6, 7, 8, 130},
	})
	cmd.Flags().BoolVar(&r.Now, "now", false, "before the retention is over")
	a.confirmFlag(cmd.Flags())
	return cmd
}
