package bellows

import (
	"context"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/internal/replay"
	"github.com/bellowsdb/bellows/schema"
)

// DriftOptions say how Drift compares. The zero value compares all but owners.
type DriftOptions struct {
	// Ignore are attributes that are not compared; nil is the owner.
	Ignore []string
	// Shadow is as in DiffOptions.
	Shadow string
}

// Drift compares the database with what its ledger says was applied, which is
// run again in a throwaway database. From is what the migrations make, To what is
// there; the way down is what would take the database back. Nothing is changed.
func (m *Migrator) Drift(ctx context.Context, o DriftOptions) (Difference, error) {
	runner, end, err := m.begin("drift")
	if err != nil {
		return Difference{}, err
	}
	defer end()
	ground, err := m.ground(o.Shadow, m.url)
	if err != nil {
		return Difference{}, err
	}
	recorded, err := runner.AsApplied(ctx)
	if err != nil {
		return Difference{}, err
	}
	d := Difference{ignore: DiffOptions{Ignore: o.Ignore}.ignored(), ground: ground}
	if d.To, err = m.inspect(ctx, runner.Conn(), nil); err != nil {
		return d, err
	}
	d.From.language = d.To.language
	err = ground.Use(ctx, replay.Migrations{Options: recorded}.All(), func(ctx context.Context, s *replay.Stage) error {
		d.From.Schema, err = s.Shape(ctx)
		return err
	})
	if err != nil {
		return d, err
	}
	moved, err := runner.Moved(ctx)
	if err != nil {
		return d, err
	}
	return d, d.plan(d.known(nil, moved), nil)
}

// VerifyOptions say how Verify compares. The zero value compares all.
type VerifyOptions struct {
	// Ignore are attributes that are not compared.
	Ignore []string
	// Shadow is as in DiffOptions.
	Shadow string
}

// Verified is what came of trying one migration.
type Verified struct {
	ID, Name, File string
	// State is "exact" (the way back leads back), "irreversible" (there is none),
	// "differs" (it leads elsewhere) or "failed".
	State string
	// Left is what the way back leaves behind or takes too much of; Again what
	// differs after the second way up.
	Left, Again []diff.Change
	Err         error
}

// Verification is what came of trying all migrations of the folder.
type Verification struct {
	Revisions []Verified
	// Problems are edited and missing files, where there is a database.
	Problems []error
}

// Good tells whether every way back leads back and nothing is edited or missing.
func (v Verification) Good() bool {
	for _, r := range v.Revisions {
		if r.State == "differs" || r.State == "failed" {
			return false
		}
	}
	return len(v.Problems) == 0
}

// Verify runs every migration of the folder up, down and up again in throwaway
// databases, and tells whether each way back leads exactly back; and whether the
// folder is what the ledger says was applied. A way up that fails is an error.
func (m *Migrator) Verify(ctx context.Context, o VerifyOptions) (Verification, error) {
	var out Verification
	ground, err := m.ground(o.Shadow, m.url)
	if err != nil {
		return out, err
	}
	if m.runner != nil {
		status, err := m.Status(ctx)
		if err != nil {
			return out, err
		}
		out.Problems = status.Problems
	}
	all, err := ground.Verify(ctx, m.migrations(), append([]string{schema.Owner}, o.Ignore...))
	for _, v := range all {
		out.Revisions = append(out.Revisions, verifiedOf(v))
	}
	return out, err
}

func verifiedOf(v replay.Verdict) Verified {
	out := Verified{ID: string(v.Revision.ID), Name: v.Revision.Name, File: v.Revision.File, State: "exact", Left: v.Left, Again: v.Again, Err: v.Err}
	switch {
	case v.Err != nil:
		out.State = "failed"
	case !v.Good():
		out.State = "differs"
	case !v.Back:
		out.State = "irreversible"
	}
	return out
}
