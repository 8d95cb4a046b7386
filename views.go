package bellows

import (
	"context"
	"strconv"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/internal/run"
	"github.com/bellowsdb/bellows/revision"
)

// Graph is the graph of the folder's revisions.
func (m *Migrator) Graph() *revision.Graph { return m.base }

// LiveGraph is the graph as the database sees it: squashes resolved, and what is
// applied without having a file added; with what is applied, in that order.
func (m *Migrator) LiveGraph(ctx context.Context) (*revision.Graph, []revision.ID, error) {
	runner, end, err := m.begin("status")
	if err != nil {
		return nil, nil, err
	}
	defer end()
	v, err := runner.Look(ctx)
	if err != nil {
		return nil, nil, err
	}
	return v.Graph, v.Applied, nil
}

// Revision gives the head of one revision, named by a target expression, and
// what it does.
func (m *Migrator) Revision(expr string) (revision.Revision, revision.Script, error) {
	rev, err := m.oneRevision(expr)
	if err != nil {
		return rev, revision.Script{}, err
	}
	s, err := m.files.Script(rev.ID)
	return rev, s, err
}

func (m *Migrator) oneRevision(expr string) (revision.Revision, error) {
	for _, r := range m.base.Repeatables() {
		if string(r.ID) == expr || r.Name == expr {
			return r, nil
		}
	}
	set, err := m.base.Resolve(expr, nil)
	if err != nil {
		return revision.Revision{}, err
	}
	if len(set) != 1 {
		return revision.Revision{}, fault.New(fault.Target, "%q is not one revision", expr).Try("name an id, as `bellows history` shows it")
	}
	rev, _ := m.base.Lookup(set.Sorted()[0])
	return rev, nil
}

// Recorded gives what the ledger knows of a revision: its head, and what it did.
// It is asked when the revision's file is gone.
func (m *Migrator) Recorded(ctx context.Context, id string) (revision.Revision, revision.Script, error) {
	runner, end, err := m.begin("show")
	if err != nil {
		return revision.Revision{}, revision.Script{}, err
	}
	defer end()
	return runner.Recorded(ctx, revision.ID(id))
}

// Text is the text of a revision's file.
func (m *Migrator) Text(id string) (string, error) { return m.files.Text(revision.ID(id)) }

// Format is the format of the folder, "" without one.
func (m *Migrator) Format() string {
	if m.files.Folder == nil {
		return ""
	}
	return m.files.Folder.Format()
}

// Status tells where the database stands; it writes nothing and takes no lock.
func (m *Migrator) Status(ctx context.Context) (Status, error) {
	runner, end, err := m.begin("status")
	if err != nil {
		return Status{}, err
	}
	defer end()
	v, err := runner.LookAll(ctx)
	if err != nil {
		return Status{}, err
	}
	s := Status{LedgerExists: v.State.Exists, Problems: v.Problems, Heads: texts(m.base.Heads())}
	if s.Holder, err = runner.Holder(ctx); err != nil {
		return s, err
	}
	s.Current = texts(v.Graph.Current(v.Done()).Sorted())
	s.Revisions = revisionsOf(v, &s)
	for _, r := range s.Revisions {
		if r.State == "pending" || r.State == "reverted" || r.State == "failed" || r.State == ledger.Running && r.Kind == string(revision.Backfill) {
			s.Pending++
		}
	}
	return s, nil
}

// revisionsOf lists the graph's revisions and the repeatables.
func revisionsOf(v *run.View, s *Status) []Revision {
	heads := revision.NewSet(v.Graph.Heads()...)
	current := v.Graph.Current(v.Done())
	late := revision.NewSet(v.Graph.OutOfOrder(v.Applied)...)
	edited := editedFiles(s.Problems)
	var out []Revision
	held := v.HeldAll()
	for _, id := range v.Graph.Order() {
		rev, _ := v.Graph.Lookup(id)
		r := lineOf(rev, v, s, edited)
		if held.Has(id) && (r.State == "pending" || r.State == ledger.Reverted) {
			r.State = "held"
		}
		r.Current, r.Head, r.OutOfOrder = current.Has(id), heads.Has(id), late.Has(id)
		out = append(out, r)
	}
	for _, rev := range v.Graph.Repeatables() {
		r := lineOf(rev, v, s, nil)
		if e := v.State.Entries[rev.ID]; r.State == ledger.Applied && e.Checksum != rev.Checksum {
			r.State = "pending"
		}
		out = append(out, r)
	}
	return out
}

// editedFiles are the files that the problems name.
func editedFiles(problems []error) map[string]bool {
	out := map[string]bool{}
	for _, p := range problems {
		if f := faultOf(p); f != nil && f.Code == fault.Edited && f.Pos != nil {
			out[f.Pos.File] = true
		}
	}
	return out
}

func lineOf(rev revision.Revision, v *run.View, s *Status, edited map[string]bool) Revision {
	e := entryOf(rev.ID, v)
	m := e.More()
	r := Revision{ID: string(rev.ID), Name: rev.Name, Kind: string(rev.Kind), File: rev.File, Label: rev.Label,
		Parents: texts(v.Graph.Parents(rev.ID)), Phase: string(e.Phase), Error: m.Error, State: "pending"}
	if v.Has(rev.ID) || e.Holds() {
		r.State, r.AppliedAt, r.Duration, r.By = ledger.Applied, m.AppliedAt, m.Duration, m.Actor
		if rev.File == "" && !v.Go(rev.ID) {
			r.State = "missing"
		} else if edited[rev.File] && rev.File != "" {
			r.State = "edited"
		}
	}
	switch {
	case e.HalfDone() && rev.Kind == revision.Backfill:
		r.State = ledger.Running
	case e.HalfDone() && s.Holder != nil && (s.Holder.Run == e.Run || s.Holder.Run == v.Progress[rev.ID].Run):
		r.State = ledger.Running
	case e.HalfDone():
		r.State = ledger.Failed
	case e.State == ledger.Reverted && r.State == "pending":
		r.State = ledger.Reverted
	}
	return r
}

// entryOf is what the ledger says of a revision; of a squash that was never run
// here, what it says of the last one that the squash stands in for.
func entryOf(id revision.ID, v *run.View) ledger.Entry {
	e := v.State.Entries[id]
	if !v.Has(id) || e.Holds() {
		return e
	}
	for _, old := range v.Graph.Covered(id) {
		if o := v.State.Entries[old]; o.Holds() && o.Seq >= e.Seq {
			e = o
		}
	}
	return e
}

// Journal is what really happened, oldest first; limit 0 is all, otherwise that
// many of the newest.
func (m *Migrator) Journal(ctx context.Context, limit int) ([]Entry, error) {
	runner, end, err := m.begin("history")
	if err != nil {
		return nil, err
	}
	defer end()
	lines, err := runner.Journal(ctx, limit)
	out := make([]Entry, len(lines))
	for i, n := range lines {
		out[i] = Entry{Seq: n.Seq, At: n.At, Run: n.Run, Action: n.Action, Revision: n.Revision, Actor: n.Actor, Detail: n.Detail, Tool: n.Tool, Tag: n.Tag}
	}
	return out, err
}

// Troubles is everything half-done or inconsistent; it writes nothing.
func (m *Migrator) Troubles(ctx context.Context) ([]Trouble, error) {
	runner, end, err := m.begin("repair")
	if err != nil {
		return nil, err
	}
	defer end()
	found, err := runner.Troubles(ctx)
	var out []Trouble
	for _, t := range found {
		out = append(out, Trouble{Kind: t.Kind, Revision: string(t.ID), Text: t.Text, Done: t.Done, Total: t.Total,
			Statement: t.Statement, Error: t.Error, Actions: actionsFor(t)})
	}
	return out, err
}

// actionsFor names the commands that act on a trouble.
func actionsFor(t run.Trouble) []string {
	id := string(t.ID)
	switch t.Kind {
	case run.UnderWay:
		return []string{"bellows backfill status", "bellows backfill run " + id, "bellows backfill cancel " + id}
	case "half-done":
		resume := "bellows up"
		if t.Direction == revision.Down {
			resume = "bellows down"
		}
		out := []string{resume, "bellows repair --mark-applied " + id, "bellows repair --mark-reverted " + id}
		if t.Unknown {
			out = append(out, "bellows repair --statement-done "+id, "bellows repair --statement-undone "+id)
		}
		return out
	case "failed":
		if t.Direction == revision.Down {
			return []string{"bellows down", "bellows repair --mark-reverted " + id}
		}
		return []string{"bellows up", "bellows repair --mark-applied " + id}
	case "edited":
		return []string{"bellows repair --accept-edit " + id}
	case "missing":
		return []string{"bellows repair --forget " + id}
	}
	return nil
}

// Holder tells who holds the lock; nil when nobody does, or when the holder is
// gone and the next run will take over.
func (m *Migrator) Holder(ctx context.Context) (*event.Holder, error) {
	runner, end, err := m.begin("unlock")
	if err != nil {
		return nil, err
	}
	defer end()
	return runner.Holder(ctx)
}

// notice passes the server's messages on.
func (m *Migrator) notice(severity, text string) {
	if m.o.Sink != nil {
		m.o.Sink.Event(event.Notice{Severity: severity, Text: text})
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
