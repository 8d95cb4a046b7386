package bellows

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/compare"
	"github.com/bellowsdb/bellows/internal/run"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/schema"
)

// ArchiveLife is how long an archive is kept before PurgeArchives drops it without
// being told to do so at once.
const ArchiveLife = 7 * 24 * time.Hour

// Archived is a table or a column that a migration has put aside.
type Archived struct {
	// Tag is what its name begins with: one for all that one diff has put aside.
	Tag string
	// Kind is "table" or "column"; Name is what it was called, and Place what it is
	// called now.
	Kind, Name, Place string
	// Rows is how many the server thinks it has, -1 where it does not know.
	Rows int64
	// Revision is the migration that put it aside, "" when the ledger knows none;
	// RevisionName is its name and At when that was applied.
	Revision, RevisionName string
	At                     time.Time

	id schema.ID
}

// Due is when an archive's time is over; the zero time when nobody knows when it
// was made.
func (a Archived) Due() time.Time {
	if a.At.IsZero() {
		return time.Time{}
	}
	return a.At.Add(ArchiveLife)
}

// Archives are what migrations have put aside in the database, oldest first. It
// writes nothing.
func (m *Migrator) Archives(ctx context.Context) ([]Archived, error) {
	runner, end, err := m.begin("archive")
	if err != nil {
		return nil, err
	}
	defer end()
	all, _, err := m.archives(ctx, runner)
	return all, err
}

func (m *Migrator) archives(ctx context.Context, runner *run.Runner) ([]Archived, Shape, error) {
	shape, err := m.inspect(ctx, runner.Conn(), nil)
	if err != nil {
		return nil, shape, err
	}
	sizes, err := compare.Sizes(ctx, runner.Conn())
	if err != nil {
		return nil, shape, err
	}
	var all []Archived
	shaper, ok := shape.language.(dialect.Shaper)
	if !ok {
		return nil, shape, compare.Unknown(shape.language)
	}
	l := shaper.Comparison()
	for _, f := range shape.Facts() {
		if a, ok := archived(&f, sizes); ok && diff.Kept(shape.Schema, f.ID, l) && !diff.Marked(shape.Schema, f.ID, l) {
			all = append(all, a)
		}
	}
	slices.SortStableFunc(all, func(a, b Archived) int { return cmp.Or(strings.Compare(a.Tag, b.Tag), strings.Compare(a.Name, b.Name)) })
	if len(all) == 0 {
		return nil, shape, nil
	}
	return all, shape, m.whence(ctx, runner, all)
}

// archived tells what a fact was before it was put aside.
func archived(f *schema.Fact, sizes diff.Sizes) (a Archived, ok bool) {
	id := f.ID
	named, inSpace := strings.CutPrefix(id.Name, diff.ArchivePrefix)
	space, isSpace := strings.CutPrefix(id.Schema, diff.ArchivePrefix)
	a = Archived{Kind: string(id.Kind), Place: id.Path(), Rows: -1, id: id}
	was := id
	switch {
	case id.Kind == schema.Table && isSpace:
		a.Tag, was.Schema, _ = strings.Cut(space, "_")
	case id.Kind == schema.Table && inSpace, id.Kind == schema.Column && f.Of == schema.Table && inSpace && !isSpace && !strings.HasPrefix(id.On, diff.ArchivePrefix):
		a.Tag, was.Name, _ = strings.Cut(named, "_")
	default:
		return a, false
	}
	a.Name = was.Path()
	table := id
	if id.Kind == schema.Column {
		table = f.Parent()
	}
	if size, known := sizes[table]; known {
		a.Rows = size.Rows
	}
	return a, true
}

// whence finds the migrations that have put things aside: the first whose way up
// names them.
func (m *Migrator) whence(ctx context.Context, runner *run.Runner, all []Archived) error {
	v, err := runner.LookAll(ctx)
	if err != nil {
		return err
	}
	missing := len(all)
	for _, id := range v.Applied {
		script, err := m.files.Script(id)
		if err != nil { // the ledger has it, when the folder has not
			_, script, err = runner.Recorded(ctx, id)
		}
		if err != nil || script.Up == nil || missing == 0 {
			continue // what is not kept as text says nothing of archives
		}
		for i := range all {
			a := &all[i]
			mark := a.id.Name
			if strings.HasPrefix(a.id.Schema, diff.ArchivePrefix) {
				mark = a.id.Schema
			}
			if a.Revision == "" && strings.Contains(script.Up.SQL, mark) {
				more := v.State.Entries[id].More()
				a.Revision, a.RevisionName, a.At = string(id), more.Name, more.AppliedAt
				missing--
			}
		}
	}
	return nil
}

// ArchiveRequest says what PurgeArchives drops. The zero value is all whose time
// is over.
type ArchiveRequest struct {
	// Revision is the migration, or the tag, whose archives are dropped; "" all.
	Revision string
	// Now drops them before their time is over.
	Now bool
	// Approve is asked once with everything that will be destroyed, counted.
	Approve func(losses []event.Destroys) error
}

// PurgeArchives drops what migrations have put aside, for good: their way back does
// not lead back any more. It gives what was dropped.
func (m *Migrator) PurgeArchives(ctx context.Context, r ArchiveRequest) ([]Archived, error) {
	runner, end, err := m.begin("archive")
	if err != nil {
		return nil, err
	}
	defer end()
	all, shape, err := m.archives(ctx, runner)
	if err != nil {
		return nil, err
	}
	chosen, err := m.chosen(all, r)
	if err != nil || len(chosen) == 0 {
		return nil, err
	}
	clearings, err := clearings(shape, chosen)
	if err != nil {
		return nil, err
	}
	_, err = runner.Clear(ctx, clearings, run.Ask{Action: "purge", Approve: r.Approve})
	return chosen, err
}

// chosen are the archives that a request means.
func (m *Migrator) chosen(all []Archived, r ArchiveRequest) (chosen []Archived, err error) {
	name := r.Revision
	if rev, err := m.oneRevision(r.Revision); r.Revision != "" && err == nil {
		name = string(rev.ID)
	}
	for _, a := range all {
		if r.Revision != "" && a.Revision != name && a.Tag != name {
			continue
		}
		if due := a.Due(); !r.Now && (due.IsZero() || time.Now().Before(due)) {
			if r.Revision == "" {
				continue
			}
			if due.IsZero() {
				return nil, fault.New(fault.Confirm, "since when %s %s is archived is not known", a.Kind, a.Name).Try("to drop it: bellows archive purge %s --now", r.Revision)
			}
			return nil, fault.New(fault.Confirm, "%s %s is kept until %s", a.Kind, a.Name, due.Format(time.DateOnly)).
				Try("to drop it before: bellows archive purge %s --now", r.Revision)
		}
		chosen = append(chosen, a)
	}
	if r.Revision != "" && len(chosen) == 0 {
		return nil, fault.New(fault.Target, "there is no archive of %s", r.Revision).Try("bellows archive lists what there is")
	}
	return chosen, nil
}

// unlessPurged says of a way back that does not find an archive what has become of it.
func unlessPurged(err error) error {
	var f *fault.Error
	if errors.As(err, &f) && !fault.Has(err, fault.Interrupted) && strings.Contains(err.Error(), diff.ArchivePrefix) {
		f.Hint = strings.TrimPrefix(f.Hint+"; ", "; ") + "when the archive was purged its rows are gone for good, and this way back with them: bellows history --journal tells"
	}
	return err
}

// clearings are the statements that drop archives, those of a tag together.
func clearings(shape Shape, chosen []Archived) (all []run.Clearing, err error) {
	shaper, ok := shape.language.(dialect.Shaper)
	if !ok {
		return nil, compare.Unknown(shape.language)
	}
	for len(chosen) > 0 {
		tag, n := chosen[0].Tag, 1
		for n < len(chosen) && chosen[n].Tag == tag {
			n++
		}
		gone := map[schema.ID]bool{}
		var names []string
		for _, a := range chosen[:n] {
			gone[a.id] = true
			names = append(names, a.Kind+" "+a.Name)
		}
		statements, after, err := diff.Purge(shape.Schema, gone, shaper.Comparison())
		if err != nil {
			return nil, err
		}
		c := run.Clearing{ID: revision.ID(cmp.Or(chosen[0].Revision, tag)), Note: "archive dropped: " + strings.Join(names, ", ")}
		for _, s := range statements {
			c.Statements = append(c.Statements, plan.Statement{SQL: s.SQL, Effect: s.Effect})
		}
		all, chosen, shape.Schema = append(all, c), chosen[n:], after
	}
	return all, nil
}
