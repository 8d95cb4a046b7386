package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/ui/answer"
)

func (a *app) historyVerb() *cobra.Command {
	var journal bool
	var limit int
	cmd := a.command(verb{
		use: "history [FROM:TO]", short: "the migrations in order, or what really happened",
		long: `Lists the migrations in the order of the graph, the newest last, and with a
database when each was applied and by whom. FROM:TO lists what leads from one
state to another: TO and what comes before it, without FROM and what comes before
that; either end may be left out. --journal reads what really happened in that
database: every up, down, stamp, failure and repair.`,
		example: "bellows history\nbellows history :create_topics\nbellows history --journal",
		exits:   []int{6, 130}, max: 1, complete: a.targets,
		run: func(ctx context.Context, args []string) (answer.Answer, error) {
			between := strings.Join(args, "")
			switch {
			case journal && between != "":
				return nil, fault.New(fault.Usage, "--journal is of all that happened, and takes no range").Try("bellows history %s, or bellows history --journal", between)
			case journal:
				return a.journal(ctx, limit)
			}
			return a.history(ctx, between, limit)
		},
	})
	cmd.Flags().BoolVar(&journal, "journal", false, "what really happened, from the database")
	cmd.Flags().IntVar(&limit, "limit", 0, "only the newest `N` lines")
	return cmd
}

func (a *app) journal(ctx context.Context, limit int) (answer.Answer, error) {
	m, _, err := a.open(ctx, readOnly)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	entries, err := m.Journal(ctx, limit)
	if err != nil {
		return nil, err
	}
	return answer.Journal{Entries: entries}, nil
}

func (a *app) history(ctx context.Context, between string, limit int) (answer.Answer, error) {
	m, known, err := a.reach(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	all, err := a.revisions(ctx, m, known)
	if err != nil {
		return nil, err
	}
	if between != "" {
		if all, err = within(m.Graph(), between, all, known); err != nil {
			return nil, err
		}
	}
	if limit > 0 && len(all) > limit {
		all = all[len(all)-limit:]
	}
	return answer.History{Revisions: all, Known: known}, nil
}

// within are those that lead from one end of a range to the other.
func within(g *revision.Graph, between string, all []bellows.Revision, known bool) ([]bellows.Revision, error) {
	from, to, err := g.ResolveRange(between, appliedAmong(all, known))
	if err != nil {
		return nil, err
	}
	ids := revision.NewSet(g.Between(from, to)...)
	return slices.DeleteFunc(all, func(r bellows.Revision) bool { return !ids.Has(revision.ID(r.ID)) }), nil
}

// appliedAmong are those that have been applied; nil when no database was asked.
func appliedAmong(all []bellows.Revision, known bool) revision.Set {
	if !known {
		return nil
	}
	applied := revision.NewSet()
	for _, r := range all {
		if !r.AppliedAt.IsZero() {
			applied.Add(revision.ID(r.ID))
		}
	}
	return applied
}

// revisions are all, in order, with their states when the database is known.
func (a *app) revisions(ctx context.Context, m *bellows.Migrator, known bool) ([]bellows.Revision, error) {
	if known {
		st, err := m.Status(ctx)
		return st.Revisions, err
	}
	var all []bellows.Revision
	g := m.Graph()
	for r := range g.All() {
		all = append(all, line(g, r))
	}
	for _, r := range g.Repeatables() {
		all = append(all, line(g, r))
	}
	return all, nil
}

// line is what the folder alone tells of a revision.
func line(g *revision.Graph, r revision.Revision) bellows.Revision {
	out := bellows.Revision{ID: string(r.ID), Name: r.Name, Kind: string(r.Kind), File: r.File, Label: r.Label,
		Parents: texts(g.Parents(r.ID))}
	out.Head = r.Kind != revision.Repeatable && len(g.Children(r.ID)) == 0
	return out
}

func (a *app) headsVerb() *cobra.Command {
	return a.command(verb{
		use: "heads", short: "the tips of the folder",
		long: `Lists the revisions that no other one revises. More than one means that two
people started from the same revision: bellows rebase or bellows merge.`,
		example: "bellows heads",
		exits:   []int{130},
		run: func(ctx context.Context, _ []string) (answer.Answer, error) {
			m, known, err := a.reach(ctx)
			if err != nil {
				return nil, err
			}
			defer func() { _ = m.Close() }()
			all, err := a.revisions(ctx, m, known)
			var heads []bellows.Revision
			for _, r := range all {
				if r.Head {
					heads = append(heads, r)
				}
			}
			return answer.Heads{Heads: heads}, err
		},
	})
}

func (a *app) showVerb() *cobra.Command {
	var sql, down bool
	cmd := a.command(verb{
		use: "show TARGET", short: "one migration: its head, its sections, its state",
		long: `Shows one migration: what its header says, where it stands in the graph and in
the database, and the SQL of each section. --sql prints only the SQL that up
sends, with --down the SQL that down sends.`,
		example: "bellows show head\nbellows show head --sql",
		exits:   []int{130}, min: 1, max: 1, complete: a.targets,
		run: func(ctx context.Context, args []string) (answer.Answer, error) {
			return a.showOne(ctx, args[0], sql, down)
		},
	})
	cmd.Flags().BoolVar(&sql, "sql", false, "only the SQL, as it would be sent")
	cmd.Flags().BoolVar(&down, "down", false, "with --sql: the way back")
	return cmd
}

func (a *app) showOne(ctx context.Context, target string, sql, down bool) (answer.Answer, error) {
	m, known, err := a.reach(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	all, err := a.revisions(ctx, m, known)
	if err != nil {
		return nil, err
	}
	g := m.Graph()
	if known {
		if g, _, err = m.LiveGraph(ctx); err != nil {
			return nil, err
		}
	}
	id, err := one(g, target, all, known)
	if err != nil {
		return nil, err
	}
	rev, script, err := described(ctx, m, g, id)
	if err != nil {
		return nil, err
	}
	if sql && rev.Kind == revision.Change && !down {
		text, err := m.Phases(ctx, string(id))
		return answer.Script{SQL: text}, err
	}
	if sql {
		return sectionSQL(rev, script, down)
	}
	ans := answer.Show{Revision: rev, Script: script, Parents: texts(g.Parents(id)), Children: texts(g.Children(id))}
	for _, r := range all {
		if r.ID == string(id) {
			ans.State = r
		}
	}
	return ans, nil
}

// described is what the file of a revision says, or the ledger where it is gone.
func described(ctx context.Context, m *bellows.Migrator, g *revision.Graph, id revision.ID) (revision.Revision, revision.Script, error) {
	live, ok := g.Lookup(id)
	if _, there := m.Graph().Lookup(id); there || !ok {
		return m.Revision(string(id))
	}
	rev, script, err := m.Recorded(ctx, string(id))
	rev.File = live.File // that of one which a squash replaces may be there
	return rev, script, err
}

// one is the single revision that a target names.
func one(g *revision.Graph, target string, all []bellows.Revision, known bool) (revision.ID, error) {
	if r, ok := g.Lookup(revision.ID(target)); ok {
		return r.ID, nil
	}
	set, err := g.Resolve(target, appliedAmong(all, known))
	if err != nil {
		return "", err
	}
	ids := set.Sorted()
	switch len(ids) {
	case 1:
		return ids[0], nil
	case 0:
		return "", fault.New(fault.Target, "%s is the state without any migration", target).Try("bellows history lists the migrations")
	default:
		return "", fault.New(fault.Target, "%s names %s, not one: %s", target, plural(len(ids), "migration"), strings.Join(texts(ids), ", ")).
			Try("bellows history lists them")
	}
}

// sectionSQL is what up, or down, sends.
func sectionSQL(rev revision.Revision, s revision.Script, down bool) (answer.Answer, error) {
	section := s.Up
	if down {
		section = s.Down
	}
	switch {
	case s.Go:
		return nil, fault.New(fault.Unsupported, "%s is written in Go: there is no SQL to show", rev.ID)
	case section == nil && down && s.Irreversible != nil:
		return nil, fault.At(plan.WayBack(rev, s), fault.Irreversible, "%s has no way back: %s", rev.ID, *s.Irreversible)
	case section == nil && down:
		return nil, fault.At(plan.WayBack(rev, s), fault.Irreversible, "%s has no down section", rev.ID).
			Try("add one, or say that there is no way back: -- migrate:down irreversible \"why\"")
	case section == nil:
		return nil, fault.New(fault.Unsupported, "%s is a %s migration, whose SQL this build does not derive", rev.ID, rev.Kind).
			Try("bellows show %s prints its sections", rev.ID)
	}
	return answer.Script{SQL: strings.TrimRight(section.SQL, "\n") + "\n"}, nil
}

func texts(ids []revision.ID) []string {
	var all []string
	for _, id := range ids {
		all = append(all, string(id))
	}
	return all
}

// plural is a number with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
