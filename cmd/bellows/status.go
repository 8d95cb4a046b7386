package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/ui/answer"
)

func (a *app) statusVerb() *cobra.Command {
	var all, check bool
	cmd := a.command(verb{
		use: "status", short: "where the database stands",
		long: `Shows what is applied, pending, failed, running, held, edited, missing or out of
order. It writes nothing. --check makes it a question for scripts: 0 when the
database and the folder fit, 3 when up would apply something, 6 when something is
wrong.`,
		example: "bellows status\nbellows status --all --json",
		exits:   []int{3, 6, 130},
		run: func(ctx context.Context, _ []string) (answer.Answer, error) {
			return a.status(ctx, all, check)
		},
	})
	cmd.Flags().BoolVar(&check, "check", false, "exit with 3 when up would apply something")
	cmd.Flags().BoolVarP(&all, "all", "a", false, "every migration, not only the newest applied ones")
	return cmd
}

func (a *app) status(ctx context.Context, all, check bool) (answer.Answer, error) {
	m, s, err := a.open(ctx, readOnly)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	st, err := m.Status(ctx)
	if err != nil {
		return nil, err
	}
	ans := answer.Status{Status: st, On: s.shownURL(), All: all}
	if ans.Fills, err = filling(ctx, m, st); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(st.Revisions, func(r bellows.Revision) bool { return r.Phase != "" }) {
		if ans.Changes, err = m.Changes(ctx); err != nil {
			return nil, err
		}
	}
	if check {
		return ans, fit(st)
	}
	return ans, nil
}

// filling are the newest backfills of revisions that are under way; the database
// is asked only when there may be any.
func filling(ctx context.Context, m *bellows.Migrator, st bellows.Status) ([]bellows.Backfill, error) {
	at := map[string]bool{}
	for _, r := range st.Revisions {
		if r.Kind == string(revision.Backfill) && r.State == "running" || r.Phase == string(revision.Fill) {
			at[r.ID] = true
		}
	}
	if len(at) == 0 {
		return nil, nil
	}
	all, err := m.Backfills(ctx)
	var newest []bellows.Backfill
	for _, b := range slices.Backward(all) {
		if at[b.Revision] {
			newest = append(newest, b)
			delete(at, b.Revision)
		}
	}
	return newest, err
}

// fit is nil when nothing is pending and nothing is wrong.
func fit(st bellows.Status) error {
	if n := len(st.Problems); n > 0 {
		return fault.New(fault.CodeOf(st.Problems[0]), "%s", plural(n, "problem")).Because(st.Problems[0]).Try("bellows repair")
	}
	if st.Pending > 0 {
		return fault.New(fault.Pending, "%s pending", plural(st.Pending, "migration")).Try("bellows up")
	}
	return nil
}
