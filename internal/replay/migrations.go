package replay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/internal/run"
	"github.com/bellowsdb/bellows/revision"
)

// Migrations are revisions and what they do.
type Migrations struct {
	// Options are how they are run; Open, Sink and the names of the run are not used.
	Options run.Options
}

// Graph is the graph of the revisions.
func (m Migrations) graph() (*revision.Graph, error) {
	if m.Options.Graph != nil {
		return m.Options.Graph, nil
	}
	return revision.New(m.Options.Revisions)
}

// Select are the migrations whose ids are in a set, which must have the parents
// of what is in it. Repeatable ones stay where keep says so.
func (m Migrations) Select(has revision.Set, keep func(revision.Revision) bool) (Migrations, error) {
	var kept []revision.Revision
	for _, r := range m.Options.Revisions {
		if r.Kind == revision.Repeatable && keep(r) || has.Has(r.ID) {
			kept = append(kept, r)
		}
	}
	g, err := revision.New(kept)
	m.Options.Revisions, m.Options.Graph = kept, g
	return m, err
}

// All is the content that all of the migrations make.
func (m Migrations) All() Content {
	h := sha256.New()
	revs := slices.Clone(m.Options.Revisions)
	slices.SortFunc(revs, func(a, b revision.Revision) int { return revision.Compare(a.ID, b.ID) })
	for _, r := range revs {
		h.Write([]byte(strings.Join([]string{string(r.ID), r.Checksum, join(r.Parents), strconv.FormatBool(m.Options.Kept[r.ID])}, "\x00") + "\x00"))
	}
	h.Write([]byte(m.Options.Ledger + "\x00" + m.Options.Tool))
	return Content{
		Key:  "migrations " + hex.EncodeToString(h.Sum(nil)),
		fill: func(ctx context.Context, s *Stage) error { return s.Up(ctx, m, nil) },
	}
}

func join(ids []revision.ID) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = string(id)
	}
	return strings.Join(words, ",")
}

// runner runs migrations in a throwaway database. Nobody is there to approve of
// anything or to wait for, so changes go to their end.
func (s *Stage) runner(m Migrations) *run.Runner {
	o := m.Options
	o.Sink, o.Point, o.Strict, o.Auto, o.Forgetful = nil, nil, false, true, true
	o.Run, o.Verb, o.Turn = s.ground.Run(), "shadow", -1
	url := s.shadow.URL
	o.Open = func(ctx context.Context, app string) (db.Conn, error) {
		session := s.ground.session()
		session.App = app
		return s.ground.Driver.Open(ctx, url, session)
	}
	return run.New(s.shadow.Conn, o)
}

// Up applies what is not applied yet: exactly those of only, or all of it when
// that is nil.
func (s *Stage) Up(ctx context.Context, m Migrations, only []revision.ID) error {
	return s.run(m, func(r *run.Runner) (run.Report, error) { return r.Up(ctx, run.Ask{Only: only}) })
}

// Applied applies what is not applied yet, and tells what that was.
func (s *Stage) Applied(ctx context.Context, m Migrations) (ids []revision.ID, err error) {
	err = s.run(m, func(r *run.Runner) (run.Report, error) {
		report, err := r.Up(ctx, run.Ask{})
		ids = report.Applied
		return report, err
	})
	return ids, err
}

// Down reverts exactly those.
func (s *Stage) Down(ctx context.Context, m Migrations, only []revision.ID) error {
	return s.run(m, func(r *run.Runner) (run.Report, error) { return r.Down(ctx, run.Ask{Only: only}) })
}

func (s *Stage) run(m Migrations, do func(*run.Runner) (run.Report, error)) error {
	r := s.runner(m)
	_, err := do(r)
	s.shadow.Conn = r.Conn()
	return err
}
