package replay

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/compare"
	"github.com/bellowsdb/bellows/internal/run"
	"github.com/bellowsdb/bellows/internal/shadow"
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
	// Parts are what the drafts were written from.
	Parts []compare.Part
	// From and To are the shapes between which they lead.
	From, To schema.Schema
	// Wanted is what makes the shape To in an empty database; the zero value is the
	// shape itself, written as SQL.
	Wanted Content
	// Ignore are attributes that are not compared.
	Ignore []string
	// Aside is what the drafts put aside, and where.
	Aside []diff.Rename
}

// Prove tries drafts in throwaway databases that have the migrations. First their
// statements, one after the other, watched: [compare.Prove]. Then the drafts as a
// run would: up gives the shape that was wanted, down the one before, and up again
// the wanted one. What has no way back is only tried up.
func (g Ground) Prove(ctx context.Context, m Migrations, p Proof) (cert compare.Certificate, err error) {
	if cert, err = g.watched(ctx, m, p); err != nil {
		return cert, err
	}
	return cert, g.driven(ctx, m, p)
}

// watched proves the statements.
func (g Ground) watched(ctx context.Context, m Migrations, p Proof) (cert compare.Certificate, err error) {
	proof := compare.Proof{From: p.From, To: p.To, Parts: p.Parts, Ignore: p.Ignore, Aside: p.Aside}
	without := ""
	if dumper, ok := g.Driver.(db.Dumper); ok {
		if proof.Wanted, without, err = g.dumpWanted(ctx, dumper, p); err != nil {
			return cert, err
		}
	}
	err = g.Use(ctx, m.All(), func(ctx context.Context, s *Stage) (err error) {
		proof.Clone, proof.Inspection = s.Conn(), db.Inspection{Leave: s.leave()}
		if dumper, ok := g.Driver.(db.Dumper); ok && proof.Wanted != "" {
			proof.Dump = func(ctx context.Context) (string, error) {
				text, _, err := s.dump(ctx, dumper, p.Ignore)
				return text, err
			}
		}
		cert, err = compare.Prove(ctx, proof)
		cert.Without = strings.TrimPrefix(strings.TrimSuffix(without+", "+cert.Without, ", "), ", ")
		return refused(ctx, err)
	})
	return cert, err
}

// dumpWanted is what the database's own client writes of the wanted shape, or ""
// and what is therefore missing.
func (g Ground) dumpWanted(ctx context.Context, dumper db.Dumper, p Proof) (text, without string, err error) {
	if len(p.From.Unmodelled)+len(p.To.Unmodelled) > 0 {
		return "", "the database's own dump, which has more than Bellows describes", nil
	}
	none := "the database's own dump, whose client is not at hand"
	err = g.Use(ctx, p.Wanted, func(ctx context.Context, s *Stage) error {
		if p.Wanted.fill == nil {
			script, err := compare.Script(s.Dialect(), p.To.Without(p.Ignore...))
			if err != nil {
				return err
			}
			if err := Files([]shadow.Text{{Name: "the wanted schema", SQL: script}}).fill(ctx, s); err != nil {
				return err
			}
		}
		if err := s.lead(ctx, p); err != nil {
			return err
		}
		var ok bool
		if text, ok, err = s.dump(ctx, dumper, p.Ignore); ok {
			none = ""
		}
		return err
	})
	return text, none, err
}

// lead puts what is archived beside the shape that the wanted files make.
func (s *Stage) lead(ctx context.Context, p Proof) error {
	if diff.Unarchived(p.To).Len() == p.To.Len() {
		return nil
	}
	shape, err := s.Shape(ctx)
	if err != nil {
		return err
	}
	r, err := compare.Diff(s.Dialect(), shape.Without(p.Ignore...), p.To.Without(p.Ignore...), diff.Options{Staging: diff.Never})
	if err != nil {
		return err
	}
	for _, part := range [][]diff.Statement{r.UpFrame.Before, r.UpFrame.Inside, r.UpFrame.After} {
		for _, st := range part {
			if _, err := s.Conn().Exec(ctx, st.SQL); err != nil {
				return err
			}
		}
	}
	return nil
}

// dump is what the database's own client writes of the shape.
func (s *Stage) dump(ctx context.Context, dumper db.Dumper, ignore []string) (text string, ok bool, err error) {
	return dumper.Dump(ctx, s.shadow.URL, db.DumpOptions{Leave: s.leave(), Ignore: ignore})
}

// refused is the error of a proof, as whoever wants a file reads it.
func refused(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fault.Finding {
		return err
	}
	e := unproven(f.Err, "%s", f.Msg)
	if f.Op != "" {
		e = e.While("%s", f.Op)
	}
	return e
}

// driven runs the drafts.
func (g Ground) driven(ctx context.Context, m Migrations, p Proof) error {
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

func unproven(err error, format string, args ...any) *fault.Error {
	e := fault.New(fault.Failed, format, args...).While("trying the migration in a throwaway database")
	if err != nil {
		e = e.Because(err)
	}
	return e.Try("nothing was written; --no-proof writes the file all the same, for you to mend")
}
