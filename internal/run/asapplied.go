package run

import (
	"context"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/revision"
)

// AsApplied are the migrations that the ledger says were applied here, as options
// for running them in another database: as the files have them where those are
// what was applied, and as the ledger has them where they were edited or are gone.
// What is half done is an error, because nobody can tell what is there. A change
// that is contracted here and not purged keeps its old columns there too.
func (r *Runner) AsApplied(ctx context.Context) (Options, error) {
	v, err := r.LookAll(ctx)
	if err != nil {
		return Options{}, err
	}
	o := r.o
	o.Revisions, o.Graph = nil, nil
	if !v.State.Exists {
		return o, fault.New(fault.Usage, "nothing was ever applied to this database by Bellows").Try("bellows up, or bellows stamp --baseline for a database that was there before")
	}
	for id, p := range v.Progress {
		if e := v.State.Entries[id]; e.HalfDone() && e.Kind != revision.Backfill {
			return o, fault.New(fault.Repair, "%s %s is half done (%d of its statements)", id, v.name(id), p.Done).Try("bellows repair")
		}
	}
	o.Kept = map[revision.ID]bool{}
	for _, id := range v.Applied {
		e := v.State.Entries[id]
		if e.Kind != revision.Change {
			continue
		}
		o.Kept[id] = e.Phase == revision.Contract
		if e.Phase != revision.Contract && e.Phase != revision.Purge {
			return o, fault.New(fault.Unsupported, "%s %s is a change under way, in its phase %s: the database is meant to differ", id, v.name(id), e.Phase).
				Try("finish or undo it first: bellows change status")
		}
	}
	files := recorded{Files: o.Files, scripts: map[revision.ID]revision.Script{}}
	take := func(rev revision.Revision) error {
		e, known := v.State.Entries[rev.ID]
		if known && e.Checksum != "" && e.Checksum != rev.Checksum {
			s, err := r.led.Script(ctx, r.conn, rev.ID)
			if err != nil {
				return explainUnlessGone(err, "reading the ledger")
			}
			rev.Checksum, rev.File, files.scripts[rev.ID] = e.Checksum, "", s
		}
		o.Revisions = append(o.Revisions, rev)
		return nil
	}
	for rev := range v.Graph.All() {
		if v.Has(rev.ID) {
			if err := take(rev); err != nil {
				return o, err
			}
		}
	}
	for _, rev := range v.Graph.Repeatables() {
		if v.State.Entries[rev.ID].State == ledger.Applied {
			if err := take(rev); err != nil {
				return o, err
			}
		}
	}
	o.Files = files
	return o, nil
}

// recorded are files, and what the ledger has in the place of some.
type recorded struct {
	Files
	scripts map[revision.ID]revision.Script
}

// Script gives what a revision did when it was applied.
func (f recorded) Script(id revision.ID) (revision.Script, error) {
	if s, ok := f.scripts[id]; ok {
		return s, nil
	}
	return f.Files.Script(id)
}
