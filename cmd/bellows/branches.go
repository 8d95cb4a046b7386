package main

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source/native"
	"github.com/bellowsdb/bellows/ui/answer"
)

func (a *app) mergeVerb() *cobra.Command {
	var name string
	cmd := a.command(verb{
		use: "merge [TARGET...]", short: "join heads with a new migration",
		long: `Writes a migration that revises several heads (default: all of them), so that the
folder has one again. Where nothing collides it has nothing to do.`,
		example: "bellows merge",
		exits:   []int{6, 130}, max: -1, complete: a.targets,
		run: func(ctx context.Context, args []string) (answer.Answer, error) { return a.merge(ctx, name, args) },
	})
	cmd.Flags().StringVar(&name, "name", "merge", "the `SLUG` of the new file")
	return cmd
}

func (a *app) merge(ctx context.Context, name string, targets []string) (answer.Answer, error) {
	slug, err := native.Slug(name)
	if err != nil {
		return nil, err
	}
	m, s, err := a.ownFolder()
	if err != nil {
		return nil, err
	}
	g := m.Graph()
	heads := g.Heads()
	if len(targets) > 0 {
		if heads, err = parentsOf(g, targets); err != nil {
			return nil, err
		}
	}
	if len(heads) < 2 && len(targets) == 0 {
		return nil, fault.New(fault.Graph, "there is nothing to merge: the folder has %s", plural(len(heads), "head")).Try("bellows heads")
	}
	parents, err := g.Merge(revision.NewSet(heads...))
	if err != nil {
		return nil, err
	}
	out, err := a.write(ctx, m, s, native.Draft{Kind: revision.Schema, Slug: slug, Parents: parents})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (a *app) rebaseVerb() *cobra.Command {
	var onto string
	cmd := a.command(verb{
		use: "rebase", short: "move files that are not applied onto the head that is",
		long: `Changes the revises lines of files that are not applied, so that they come after
another head: the usual cure after two branches were merged. The head is the one
that the database has, or the one that --onto names. A file that is applied is
never moved.`,
		example: "bellows rebase",
		exits:   []int{130},
		run:     func(ctx context.Context, _ []string) (answer.Answer, error) { return a.rebase(ctx, onto) },
	})
	cmd.Flags().StringVar(&onto, "onto", "", "the `TARGET` that becomes the parent")
	return cmd
}

func (a *app) rebase(ctx context.Context, target string) (answer.Answer, error) {
	m, s, err := a.ownFolder()
	if err != nil {
		return nil, err
	}
	applied, err := a.appliedNow(ctx, s)
	if err != nil {
		return nil, err
	}
	g := m.Graph()
	onto, err := ontoHead(g, target, applied)
	if err != nil {
		return nil, err
	}
	moves, err := g.Rebase(applied, onto)
	if err != nil {
		return nil, err
	}
	var out answer.Files
	changes, err := rewrites(m, moves)
	if err == nil {
		err = replaceAll(changes)
	}
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		out.Written = append(out.Written, c.path)
	}
	return out, nil
}

// appliedNow is what the database has; nothing when there is no URL.
func (a *app) appliedNow(ctx context.Context, s *settings) (revision.Set, error) {
	if s.url == "" {
		return nil, nil
	}
	m, _, err := a.open(ctx, readOnly)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	_, applied, err := m.LiveGraph(ctx)
	return revision.NewSet(applied...), err
}

// ontoHead is the head to move files onto: the named one, or the applied one.
func ontoHead(g *revision.Graph, target string, applied revision.Set) (revision.ID, error) {
	if target != "" {
		set, err := g.Resolve(target, applied)
		if err != nil {
			return "", err
		}
		if ids := set.Sorted(); len(ids) == 1 {
			return ids[0], nil
		}
		return "", fault.New(fault.Target, "--onto %s is not one revision", target).Try("bellows heads")
	}
	return appliedHead(g, applied)
}

// appliedHead is the only head that is applied, or else the only one whose branch
// need not move because the others can.
func appliedHead(g *revision.Graph, applied revision.Set) (revision.ID, error) {
	heads := g.Heads()
	var done, movable []revision.ID
	for _, h := range heads {
		if applied.Has(h) || len(heads) == 1 {
			done = append(done, h)
		}
		if _, err := g.Rebase(applied, h); err == nil {
			movable = append(movable, h)
		}
	}
	switch {
	case len(heads) == 0:
		return "", fault.New(fault.Graph, "there are no migrations").Try("bellows new")
	case len(done) == 1:
		return done[0], nil
	case len(movable) == 1:
		return movable[0], nil
	case len(movable) == 0:
		return "", fault.New(fault.Graph, "more than one of the %d heads has something applied that would have to move: %s", len(heads), strings.Join(texts(heads), ", ")).
			Try("join them: bellows merge")
	}
	return "", fault.New(fault.Graph, "%d of the %d heads are applied: %s", len(done), len(heads), strings.Join(texts(heads), ", ")).
		Try("bellows rebase --onto %s, or bellows merge", movable[0])
}

// rewrite is a file with a new text.
type rewrite struct {
	path     string
	old, new []byte
}

// rewrites are the files of the moves, with their new revises lines.
func rewrites(m *bellows.Migrator, moves []revision.Reparent) ([]rewrite, error) {
	var all []rewrite
	for _, mv := range moves {
		r, _ := m.Graph().Lookup(mv.ID)
		old, err := os.ReadFile(r.File)
		if err != nil {
			return nil, fault.At(fault.Pos{File: r.File}, fault.File, "this file cannot be read").Because(err).Try("nothing was changed")
		}
		text, err := native.Revise(r.File, old, mv.NewParents)
		if err != nil {
			return nil, err
		}
		all = append(all, rewrite{r.File, old, text})
	}
	return all, nil
}

// replaceAll writes all files or, when one cannot be written, none.
func replaceAll(all []rewrite) error {
	for i, r := range all {
		if err := (native.Disk{}).Replace(r.path, r.old, r.new); err != nil {
			for _, done := range all[:i] {
				_ = native.Disk{}.Replace(done.path, done.new, done.old)
			}
			return err
		}
	}
	return nil
}
