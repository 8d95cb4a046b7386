package replay

import (
	"context"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/schema"
)

// Verdict is what came of trying one migration up, down and up.
type Verdict struct {
	Revision revision.Revision
	// Back tells that it has a way back, which was tried.
	Back bool
	// Left is what the way back leaves behind or takes too much of, and Again what
	// differs after the second way up.
	Left, Again []diff.Change
	// Err is why the way back, or the second way up, could not be gone.
	Err error
}

// Good tells whether the way back leads back, or there is none.
func (v Verdict) Good() bool { return len(v.Left)+len(v.Again) == 0 && v.Err == nil }

// Verify runs each of the migrations up, down and up again, in their order, in
// throwaway databases, and gives a verdict on each way back. That a way up fails
// is an error.
func (g Ground) Verify(ctx context.Context, m Migrations, ignore []string) ([]Verdict, error) {
	graph, err := m.graph()
	if err != nil {
		return nil, err
	}
	order := graph.Order()
	plain, err := m.Select(revision.NewSet(order...), none)
	if err != nil {
		return nil, err
	}
	var all []Verdict
	for len(all) < len(order) {
		base, err := plain.Select(revision.NewSet(order[:len(all)]...), none)
		if err != nil {
			return all, err
		}
		err = g.Use(ctx, base.All(), func(ctx context.Context, s *Stage) error {
			before, err := s.shape(ctx, ignore)
			for err == nil && len(all) < len(order) {
				var v Verdict
				rev, _ := graph.Lookup(order[len(all)])
				if v, before, err = s.verify(ctx, plain, rev, before, ignore); err == nil {
					all = append(all, v)
				}
				if !v.Good() {
					break // what it left behind would be in the way of the next one
				}
			}
			return err
		})
		if err != nil {
			return all, err
		}
	}
	return all, g.Use(ctx, m.All(), func(context.Context, *Stage) error { return nil })
}

// none keeps no repeatable file.
func none(revision.Revision) bool { return false }

// shape is what the database holds, but for some attributes.
func (s *Stage) shape(ctx context.Context, ignore []string) (schema.Schema, error) {
	shape, err := s.Shape(ctx)
	return shape.Without(ignore...), err
}

// verify tries one migration, and gives the shape that it makes.
func (s *Stage) verify(ctx context.Context, m Migrations, rev revision.Revision, before schema.Schema, ignore []string) (Verdict, schema.Schema, error) {
	v := Verdict{Revision: rev}
	only := []revision.ID{rev.ID}
	if err := s.Up(ctx, m, only); err != nil {
		return v, before, err
	}
	after, err := s.shape(ctx, ignore)
	if err != nil {
		return v, after, err
	}
	if v.Back, err = m.reversible(rev.ID); err != nil || !v.Back {
		return v, after, err
	}
	if v.Err = s.Down(ctx, m, only); v.Err != nil {
		return v, after, fatal(ctx, v.Err)
	}
	back, err := s.shape(ctx, ignore)
	if err != nil {
		return v, after, err
	}
	if v.Left = diff.Compare(before, back); len(v.Left) > 0 {
		return v, after, nil
	}
	if v.Err = s.Up(ctx, m, only); v.Err != nil {
		return v, after, fatal(ctx, v.Err)
	}
	again, err := s.shape(ctx, ignore)
	v.Again = diff.Compare(after, again)
	return v, after, err
}

// fatal is an error that says nothing of the migration.
func fatal(ctx context.Context, err error) error {
	if ctx.Err() != nil || fault.Has(err, fault.Lost) || fault.Has(err, fault.Interrupted) {
		return err
	}
	return nil
}

// reversible tells whether a migration has a way back.
func (m Migrations) reversible(id revision.ID) (bool, error) {
	if funcs, ok := m.Options.Go[id]; ok {
		return funcs.Down != nil, nil
	}
	script, err := m.Options.Files.Script(id)
	return script.Down != nil, err
}
