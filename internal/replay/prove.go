package replay

import (
	"context"
	"slices"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/run"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/schema"
)

// Draft is a migration that is not in the folder yet.
type Draft struct {
	Revision revision.Revision
	Script   revision.Script
}

// With are the migrations with drafts behind them.
func (m Migrations) With(drafts []Draft) (Migrations, error) {
	files := drafted{Files: m.Options.Files, scripts: map[revision.ID]revision.Script{}}
	m.Options.Revisions = slices.Clone(m.Options.Revisions)
	for _, d := range drafts {
		m.Options.Revisions = append(m.Options.Revisions, d.Revision)
		files.scripts[d.Revision.ID] = d.Script
	}
	var err error
	m.Options.Files = files
	m.Options.Graph, err = revision.New(m.Options.Revisions)
	return m, err
}

// drafted are files with some beside them that are not written yet.
type drafted struct {
	run.Files
	scripts map[revision.ID]revision.Script
}

// Script gives what a revision does.
func (f drafted) Script(id revision.ID) (revision.Script, error) {
	if s, ok := f.scripts[id]; ok {
		return s, nil
	}
	return f.Files.Script(id)
}

// Proof is what drafts are to be proven of.
type Proof struct {
	Drafts []Draft
	// From and To are the shapes between which they lead.
	From, To schema.Schema
	// Ignore are attributes that are not compared.
	Ignore []string
}

// Prove runs drafts as a run would, in a throwaway database that has the
// migrations: up gives the shape that was wanted, down the one before, and up
// again the wanted one. What has no way back is only tried up.
func (g Ground) Prove(ctx context.Context, m Migrations, p Proof) error {
	all, err := m.With(p.Drafts)
	if err != nil {
		return err
	}
	ids, back := make([]revision.ID, len(p.Drafts)), true
	for i, d := range p.Drafts {
		ids[i] = d.Revision.ID
		back = back && d.Script.Down != nil
	}
	return g.Use(ctx, m.All(), func(ctx context.Context, s *Stage) error {
		for _, step := range []struct {
			what string
			do   func() error
			want schema.Schema
			skip bool
		}{
			{"the way up", func() error { return s.Up(ctx, all, ids) }, p.To, false},
			{"the way back", func() error { return s.Down(ctx, all, ids) }, p.From, !back},
			{"the way up again", func() error { return s.Up(ctx, all, ids) }, p.To, !back},
		} {
			if step.skip {
				continue
			}
			if err := step.do(); err != nil {
				return unproven(err, "%s fails", step.what)
			}
			got, err := s.Shape(ctx)
			if err != nil {
				return err
			}
			if left := diff.Compare(step.want.Without(p.Ignore...), got.Without(p.Ignore...)); len(left) > 0 {
				return unproven(nil, "%s does not lead where it should: %s (and %d more)", step.what, left[0].String(), len(left)-1)
			}
		}
		return nil
	})
}

func unproven(err error, format string, args ...any) error {
	e := fault.New(fault.Failed, format, args...).While("trying the migration in a throwaway database")
	if err != nil {
		e = e.Because(err)
	}
	return e.Try("nothing was written; --no-proof writes the file all the same, for you to mend")
}
