package bellows

import (
	"context"
	"slices"
	"time"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/compare"
	"github.com/bellowsdb/bellows/internal/replay"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/schema"
)

// SquashOptions say how a range is folded.
type SquashOptions struct {
	// Slug names the new file; "" is "squash".
	Slug string
	// Now is the time that makes its id.
	Now time.Time
	// LeaveRows folds a range although it changes rows: a new database does not get
	// them any more.
	LeaveRows bool
	// Shadow is as in DiffOptions.
	Shadow string
}

// Squash makes one file that does what all revisions of a range do: "FROM..TO",
// or the whole folder up to TO with "..TO". It is proven before it is given: in
// throwaway databases, the file makes the same schema as the range, its way back
// leads to what was before the range, and a database that has the range has
// nothing pending. covered are the revisions whose files it stands in for.
func (m *Migrator) Squash(ctx context.Context, expr string, o SquashOptions) (file Draft, covered []revision.Revision, err error) {
	ground, err := m.ground(o.Shadow, m.url)
	if err != nil {
		return file, nil, err
	}
	r, parents, ids, err := m.base.Squashable(expr)
	if err != nil {
		return file, nil, err
	}
	for _, id := range ids {
		rev, _ := m.base.Lookup(id)
		if err := foldable(rev, o); err != nil {
			return file, nil, err
		}
		covered = append(covered, rev)
	}
	s := squashing{m: m, ground: ground, covered: ids, ignore: []string{schema.Owner}}
	if err := s.look(ctx, r, parents); err != nil {
		return file, nil, err
	}
	if len(s.d.Parts) != 1 {
		return file, nil, fault.New(fault.Unsupported, "what %s..%s does takes %d migrations, and a squash is one", r.From, r.To, len(s.d.Parts)).
			Try("fold from the first migration on, or a shorter range")
	}
	options := DraftOptions{Slug: orElse(o.Slug, "squash"), Parents: texts(parents), Now: o.Now, replaces: &r,
		notes: []string{"Does what the migrations from " + string(r.From) + " to " + string(r.To) + " do."}}
	_, read, err := m.drafts(s.d, options)
	if err != nil {
		return file, nil, err
	}
	cert, err := s.prove(ctx, read[0], options)
	if err != nil {
		return file, nil, err
	}
	options.certificate = cert.String()
	drafts, _, err := m.drafts(s.d, options)
	if err != nil {
		return file, nil, err
	}
	return drafts[0], covered, nil
}

// foldable refuses what the shape of a database does not tell of.
func foldable(rev revision.Revision, o SquashOptions) error {
	switch {
	case rev.Kind == revision.Schema || rev.Kind == revision.Backfill:
		return nil // in a new database a backfill has nothing to do
	case rev.Kind == revision.Data && o.LeaveRows:
		return nil
	case rev.Kind == revision.Data:
		return fault.At(fault.Pos{File: rev.File}, fault.Unsupported, "%s %s changes rows, which a squash does not keep", rev.ID, rev.Name).
			Try("end the range before it; or --leave-rows, when a new database can do without them")
	}
	return fault.At(fault.Pos{File: rev.File}, fault.Unsupported, "%s %s is of the kind %s, which cannot be folded", rev.ID, rev.Name, rev.Kind).
		Try("end the range before it")
}

// squashing is a fold that is being made.
type squashing struct {
	m       *Migrator
	ground  replay.Ground
	covered []revision.ID
	ignore  []string
	d       Difference
	upto    replay.Migrations // what comes before the range
}

// look finds out what the range does to the schema.
func (s *squashing) look(ctx context.Context, r revision.Range, parents []revision.ID) error {
	below := s.m.base.Ancestors(revision.NewSet(parents...))
	below.Add(parents...)
	through := revision.NewSet(below.Sorted()...)
	through.Add(s.m.base.Ancestors(revision.NewSet(r.To)).Sorted()...)
	through.Add(r.To)
	s.d = Difference{ignore: s.ignore, ground: s.ground}
	for _, side := range []struct {
		has  revision.Set
		into *Shape
	}{{below, &s.d.From}, {through, &s.d.To}} {
		part, err := s.m.migrations().Select(side.has, func(revision.Revision) bool { return false })
		if err != nil {
			return err
		}
		err = s.ground.Use(ctx, part.All(), func(ctx context.Context, stage *replay.Stage) error {
			side.into.language = stage.Dialect()
			side.into.Schema, err = stage.Shape(ctx)
			return err
		})
		if err != nil {
			return err
		}
		if s.upto.Options.Files == nil {
			s.upto = part
		}
	}
	return s.d.plan(nil, nil)
}

// prove tries the file in a new database, and the folder with it in one that has
// the range.
func (s *squashing) prove(ctx context.Context, draft replay.Draft, o DraftOptions) (compare.Certificate, error) {
	alone := draft
	alone.Revision.Replaces = nil // what it stands in for is not there
	cert, err := s.ground.Prove(ctx, s.upto, s.d.proof([]replay.Draft{alone}, o))
	if err != nil {
		return cert, err
	}
	all := s.m.migrations()
	with, err := all.With([]replay.Draft{draft})
	if err != nil {
		return cert, err
	}
	return cert, s.ground.Use(ctx, all.All(), func(ctx context.Context, stage *replay.Stage) error {
		before, err := stage.Shape(ctx)
		if err != nil {
			return err
		}
		applied, err := stage.Applied(ctx, with)
		if err != nil {
			return err
		}
		if len(applied) > 0 {
			return fault.New(fault.Internal, "a database that has the range would apply %s", applied[0])
		}
		after, err := stage.Shape(ctx)
		if left := diff.Compare(before, after); len(left) > 0 && err == nil {
			return fault.New(fault.Internal, "a database that has the range would be changed: %s", left[0].String())
		}
		return err
	})
}

// BaselineOptions say how an existing database is taken over.
type BaselineOptions struct {
	// Slug names the file; "" is "baseline".
	Slug string
	// Now is the time that makes its id.
	Now time.Time
	// NoProof writes it without having tried it, and says so in it.
	NoProof bool
	// Shadow is as in DiffOptions.
	Shadow string
}

// Baseline makes the first migration of a database that was there before: a file
// that makes its schema in a new one. It is tried before it is given. The
// database is only read: record the file with Stamp, once it is written.
func (m *Migrator) Baseline(ctx context.Context, o BaselineOptions) (Draft, Shape, error) {
	runner, end, err := m.begin("stamp")
	if err != nil {
		return Draft{}, Shape{}, err
	}
	defer end()
	if m.base.Len() > 0 {
		return Draft{}, Shape{}, fault.New(fault.Usage, "the folder has migrations already (%d), so this is not its beginning", m.base.Len()).
			Try("bellows stamp TARGET records what the database has; or --dir an empty folder")
	}
	v, err := runner.Look(ctx)
	if err != nil {
		return Draft{}, Shape{}, err
	}
	if len(v.Applied) > 0 {
		return Draft{}, Shape{}, fault.New(fault.Usage, "the database has migrations applied already (%d)", len(v.Applied)).Try("bellows status")
	}
	ground, err := m.ground(o.Shadow, m.url)
	if err != nil {
		return Draft{}, Shape{}, err
	}
	live, err := m.inspect(ctx, runner.Conn(), nil)
	if err != nil {
		return Draft{}, live, err
	}
	shaper, ok := live.language.(dialect.Shaper)
	if !ok {
		return Draft{}, live, compare.Unknown(live.language)
	}
	d := Difference{From: Shape{shaper.Empty(), live.language}, To: live, ignore: []string{schema.Owner}, ground: ground}
	if err := d.plan(nil, nil); err != nil {
		return Draft{}, live, err
	}
	if d.Empty() {
		return Draft{}, live, fault.New(fault.Usage, "the database is empty: there is nothing to begin with").Try("bellows new")
	}
	if len(d.Parts) != 1 {
		return Draft{}, live, fault.New(fault.Internal, "the schema takes %d migrations", len(d.Parts))
	}
	d.Parts[0].Hazards = nil
	options := DraftOptions{Slug: orElse(o.Slug, "baseline"), Now: o.Now, NoProof: o.NoProof, final: "this is what was there before Bellows",
		notes: append([]string{"The schema of the database when Bellows took it over."}, notDescribed(live)...)}
	drafts, err := m.Draft(ctx, d, options)
	if err != nil {
		return Draft{}, live, err
	}
	return drafts[0], live, nil
}

// notDescribed names what the file cannot make.
func notDescribed(s Shape) []string {
	var notes []string
	for _, u := range s.Unmodelled {
		notes = append(notes, "Not in here: "+u.Kind+" "+u.Name)
	}
	return slices.Compact(notes)
}
