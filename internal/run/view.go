package run

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/bellowsdb/bellows/change"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// View is what the folder and the ledger say together at one moment.
type View struct {
	// Graph is the folder's graph as this database sees it: squashes resolved,
	// and what is applied without having a file added from the ledger.
	Graph *revision.Graph
	// Applied is what is applied, in order of application, in the graph's terms.
	Applied []revision.ID
	State   ledger.State
	// Problems are edited and missing files; Up refuses while there are any.
	Problems []error
	// Progress is how far the half-done migrations are.
	Progress map[revision.ID]ledger.Progress

	done revision.Set
	goes map[revision.ID]bool
}

// Look reads the ledger and lays it over the folder. It takes no lock and
// writes nothing.
func (r *Runner) Look(ctx context.Context) (*View, error) {
	return r.look(ctx, r.led.Read)
}

// LookAll is Look with everything the ledger knows of each revision.
func (r *Runner) LookAll(ctx context.Context) (*View, error) {
	return r.look(ctx, r.led.ReadAll)
}

func (r *Runner) look(ctx context.Context, read func(context.Context, db.Conn) (ledger.State, error)) (v *View, err error) {
	err = r.reading(ctx, func() error {
		v, err = r.lookOnce(ctx, read)
		return err
	})
	return v, err
}

// lookOnce looks with the session at hand. Under the lock it must not be
// replaced by another, which would not have the lock.
func (r *Runner) lookOnce(ctx context.Context, read func(context.Context, db.Conn) (ledger.State, error)) (*View, error) {
	state, err := read(ctx, r.conn)
	if err != nil {
		return nil, explainUnlessGone(err, "reading the ledger")
	}
	v := &View{State: state, goes: map[revision.ID]bool{}}
	for id := range r.o.Go {
		v.goes[id] = true
	}
	if state.HalfDone() {
		if v.Progress, err = r.led.Progress(ctx, r.conn); err != nil {
			return nil, explainUnlessGone(err, "reading the ledger")
		}
	}
	g := r.o.Graph
	if g == nil {
		if g, err = revision.New(r.o.Revisions); err != nil {
			return nil, err
		}
	}
	applied := v.heldOrHalfReverted()
	if v.Graph, v.Applied, err = g.Effective(applied); err != nil {
		return nil, err
	}
	if missing := v.Graph.Missing(v.Applied); len(missing) > 0 {
		if g, err = r.withGhosts(ctx, v, missing); err != nil {
			return nil, err
		}
		if v.Graph, v.Applied, err = g.Effective(applied); err != nil {
			return nil, err
		}
	}
	v.compare(g)
	v.done = revision.NewSet(v.Applied...)
	return v, nil
}

// heldOrHalfReverted is what is applied, together with what is half reverted:
// both can only go down.
func (v *View) heldOrHalfReverted() []revision.ID {
	return v.State.InOrder(func(e ledger.Entry) bool {
		return e.Holds() || e.HalfDone() && v.Progress[e.ID].Direction == revision.Down
	})
}

// withGhosts adds what is applied but has no file, as the ledger remembers it.
func (r *Runner) withGhosts(ctx context.Context, v *View, missing []revision.ID) (*revision.Graph, error) {
	all, err := r.led.ReadAll(ctx, r.conn)
	if err != nil {
		return nil, explainUnlessGone(err, "reading the ledger")
	}
	v.State = all
	revs := slices.Clone(r.o.Revisions)
	for _, id := range missing {
		e := all.Entries[id]
		m := e.More()
		revs = append(revs, revision.Revision{ID: id, Name: m.Name, Kind: e.Kind, Parents: m.Parents, Label: m.Label})
		v.Problems = append(v.Problems, problem{fault.New(fault.Missing, "%s %s is applied, but its file is gone", id, m.Name).
			Try("bring the file back from version control; or revert it with `bellows down %s` from a folder that has its parent; or `bellows repair --forget %s`", orElse(string(firstID(m.Parents)), "base"), id), id})
	}
	g, err := revision.New(revs)
	if err == nil {
		return g, nil
	}
	for i := range revs[len(r.o.Revisions):] {
		// Its parents are gone too: it stands alone.
		revs[len(r.o.Revisions)+i].Parents = nil
	}
	return revision.New(revs)
}

func firstID(ids []revision.ID) revision.ID {
	if len(ids) == 0 {
		return ""
	}
	return ids[0]
}

// compare finds applied revisions whose file is no longer what was applied.
func (v *View) compare(g *revision.Graph) {
	check := func(rev revision.Revision) {
		e, ok := v.State.Entries[rev.ID]
		if !ok || !e.Holds() || e.Checksum == "" || rev.Checksum == "" || e.Checksum == rev.Checksum {
			return
		}
		v.Problems = append(v.Problems, problem{fault.At(fault.Pos{File: rev.File}, fault.Edited, "%s %s is applied, and its file was edited since", rev.ID, rev.Name).
			Try("bring the old text back and write a new migration; if only comments, blanks or the way down changed: bellows repair --accept-edit %s", rev.ID), rev.ID})
	}
	for rev := range g.All() {
		check(rev)
	}
	for _, rev := range g.Replaced() {
		check(rev)
	}
}

// Has tells whether a revision is applied.
func (v *View) Has(id revision.ID) bool { return v.done.Has(id) }

// Go tells whether a revision is written in Go.
func (v *View) Go(id revision.ID) bool { return v.goes[id] }

// Done are the applied revisions as a set, in the graph's terms.
func (v *View) Done() revision.Set { return v.done }

// refuse is the error of what stands against going up.
func (v *View) refuse() error {
	if len(v.Problems) > 0 {
		return errors.Join(v.Problems...)
	}
	for id, p := range v.Progress {
		if p.Direction == revision.Down {
			return fault.New(fault.Repair, "%s %s is half reverted (%d of its down statements are done)", id, v.name(id), p.Done).
				Try("finish it first: bellows down %s; or see `bellows repair`", orElse(string(firstID(v.Graph.Parents(id))), "base"))
		}
	}
	return nil
}

// upMoves chooses what Up does.
func (v *View) upMoves(ask Ask, strict bool) ([]revision.Move, error) {
	if err := v.refuse(); err != nil {
		return nil, err
	}
	if ask.Only != nil {
		moves, err := v.only(ask.Only, revision.Up)
		if len(moves) == len(v.Graph.Pending(v.done)) {
			moves = append(moves, v.repeats()...)
		}
		return moves, err
	}
	t, err := v.Graph.Target(orElse(ask.Target, "heads"), v.done)
	if err != nil {
		return nil, err
	}
	moves, err := v.Graph.Up(v.done, t)
	if err != nil {
		return nil, err
	}
	if err := v.strict(moves, strict); err != nil {
		return nil, err
	}
	whole := len(moves) == len(v.Graph.Pending(v.done))
	if moves, err = v.unheld(moves, ask.Target); err != nil {
		return nil, err
	}
	if ask.Steps > 0 && len(moves) > ask.Steps {
		moves, whole = moves[:ask.Steps], false
	}
	if whole {
		moves = append(moves, v.repeats()...)
	}
	return moves, nil
}

// Held tells what a revision waits for: a phase that a change has not reached.
// Nothing stops what a pending change does as soon as it is applied.
func (v *View) Held(id revision.ID) (revision.Need, bool) {
	rev, _ := v.Graph.Lookup(id)
	for _, n := range rev.Needs {
		of, _ := v.Graph.Lookup(n.ID)
		if n.Phase == "" || of.Kind != revision.Change {
			continue
		}
		s := change.State{Phase: revision.Fill} // once it is applied
		if v.done.Has(n.ID) {
			s.Phase = v.State.Entries[n.ID].Phase
			if s.Phase == "" {
				s.Phase = revision.Purge // recorded without running it
			}
		}
		if !change.Reached(s, n.Phase) {
			return n, true
		}
	}
	return revision.Need{}, false
}

func (v *View) anyHeld(moves []revision.Move) bool {
	for _, m := range moves {
		if _, held := v.Held(m.ID); held {
			return true
		}
	}
	return false
}

// HeldAll are the revisions that are not applied and wait for a phase of a
// change, and those that come after them.
func (v *View) HeldAll() revision.Set {
	out := revision.Set{}
	for _, id := range v.Graph.Order() {
		if v.done.Has(id) {
			continue
		}
		_, is := v.Held(id)
		for a := range v.Graph.Ancestors(revision.NewSet(id)) {
			is = is || out.Has(a)
		}
		if is {
			out.Add(id)
		}
	}
	return out
}

// unheld leaves out what waits for a phase of a change, and what comes after it.
// A target that was named and is held is refused.
func (v *View) unheld(moves []revision.Move, target string) ([]revision.Move, error) {
	if !v.anyHeld(moves) {
		return moves, nil
	}
	held := v.HeldAll()
	var out []revision.Move
	for _, m := range moves {
		if !held.Has(m.ID) {
			out = append(out, m)
			continue
		}
		if need, _ := v.Held(m.ID); need.ID != "" && len(out) == 0 && target != "" && target != "head" && target != "heads" {
			return nil, fault.New(fault.Confirm, "%s %s waits until %s has done its phase %s", m.ID, v.name(m.ID), need.ID, need.Phase).
				Try("bellows change status %s tells what that waits for", need.ID)
		}
	}
	return out, nil
}

// strict refuses what sorts before an applied revision.
func (v *View) strict(moves []revision.Move, strict bool) error {
	if !strict {
		return nil
	}
	late := revision.NewSet(v.Graph.OutOfOrder(v.Applied)...)
	for _, m := range moves {
		if late.Has(m.ID) {
			rev, _ := v.Graph.Lookup(m.ID)
			return fault.At(fault.Pos{File: rev.File}, fault.Order, "%s %s sorts before a revision that is applied already", m.ID, rev.Name).
				Try("give it a later id, or move it with `bellows rebase`; without --strict it is applied")
		}
	}
	return nil
}

// repeats are the repeatable files that are not applied as they are now.
func (v *View) repeats() []revision.Move {
	var out []revision.Move
	for _, rev := range v.Graph.Repeatables() {
		if e, ok := v.State.Entries[rev.ID]; !ok || !e.Holds() || e.Checksum != rev.Checksum {
			out = append(out, revision.Move{ID: rev.ID, Direction: revision.Up})
		}
	}
	return out
}

// downMoves chooses what Down does.
func (v *View) downMoves(ask Ask) ([]revision.Move, error) {
	only := ask.Only
	if ask.Batch {
		only = v.lastBatch()
	}
	if ask.Batch || ask.Only != nil {
		return v.only(only, revision.Down)
	}
	if ask.Target == "" && len(v.Applied) == 0 {
		return nil, nil
	}
	t, err := v.Graph.Target(orElse(ask.Target, "-1"), v.done)
	if err != nil {
		return nil, err
	}
	moves, err := v.Graph.PathDown(v.Applied, t)
	if err != nil {
		return nil, err
	}
	if ask.Steps > 0 && len(moves) > ask.Steps {
		moves = moves[:ask.Steps]
	}
	return moves, nil
}

// lastBatch is what the last run that applied anything applied and still stands.
func (v *View) lastBatch() []revision.ID {
	out := []revision.ID{}
	if len(v.Applied) == 0 {
		return out
	}
	last := v.State.Entries[v.Applied[len(v.Applied)-1]].Run
	for _, id := range v.Applied {
		if v.State.Entries[id].Run == last {
			out = append(out, id)
		}
	}
	return out
}

// only gives the moves for exactly these revisions, in a right order.
func (v *View) only(ids []revision.ID, d revision.Direction) ([]revision.Move, error) {
	want := revision.NewSet(ids...)
	var moves []revision.Move
	if d == revision.Up {
		for _, id := range v.Graph.Order() {
			if want.Has(id) && !v.done.Has(id) {
				moves = append(moves, revision.Move{ID: id, Direction: d})
			}
		}
		return moves, nil
	}
	for id := range v.Graph.Descendants(want) {
		if v.done.Has(id) && !want.Has(id) {
			return nil, fault.New(fault.Graph, "%s %s is applied and comes after what is to be reverted", id, v.name(id)).
				Try("name a target instead: bellows down ID")
		}
	}
	all, err := v.Graph.PathDown(v.Applied, revision.Target{})
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		if want.Has(m.ID) {
			moves = append(moves, m)
		}
	}
	return moves, nil
}

// left is what of the chosen moves is not done yet.
func (v *View) left(chosen []revision.Move, run string) []revision.Move {
	repeats := revision.Set{}
	for _, m := range v.repeats() {
		repeats.Add(m.ID)
	}
	var out []revision.Move
	for _, m := range chosen {
		switch {
		case isRepeatable(m.ID):
			if repeats.Has(m.ID) {
				out = append(out, m)
			}
		case (m.Direction == revision.Up) != v.done.Has(m.ID):
			out = append(out, m)
		}
	}
	return out
}

// repeatablePrefix begins the id of a repeatable file.
const repeatablePrefix = "R:"

func isRepeatable(id revision.ID) bool { return strings.HasPrefix(string(id), repeatablePrefix) }

// find gives a revision of the graph, a repeatable one too.
func (v *View) find(id revision.ID) (revision.Revision, bool) {
	if rev, ok := v.Graph.Lookup(id); ok {
		return rev, true
	}
	for _, rev := range v.Graph.Repeatables() {
		if rev.ID == id {
			return rev, true
		}
	}
	return revision.Revision{}, false
}

func (v *View) name(id revision.ID) string {
	rev, _ := v.find(id)
	return rev.Name
}

// plan builds the plan of some moves.
func (r *Runner) plan(ctx context.Context, v *View, ask Ask, moves []revision.Move) (plan.Plan, error) {
	p := plan.Plan{Steps: make([]plan.Step, len(moves))}
	o := Derived(r.conn.Dialect(), r.o.Ledger, r.Known(ctx))
	if err := r.build(ctx, r.conn.Dialect(), v, ask, moves, o, func(i int, s plan.Step) { p.Steps[i] = s }); err != nil {
		return plan.Plan{}, err
	}
	p.From = v.Graph.Current(v.done).Sorted()
	p.To = v.Graph.Current(after(v.done, moves)).Sorted()
	return p, nil
}

// Derived are the options of plans that show what changes run. known asks a database
// about the tables of a change; nil: there is none.
func Derived(d dialect.Dialect, name string, known func(change.Spec) change.Known) plan.Options {
	lang, ok := d.(change.Language)
	if !ok {
		return plan.Options{}
	}
	return plan.Options{Derive: change.Derive(lang, ledger.New(d, name).Writes(), known)}
}

// Known tells what the database knows of the tables of a change: nothing where there
// are none yet.
func (r *Runner) Known(ctx context.Context) func(change.Spec) change.Known {
	var mu sync.Mutex // plans are built on all processors, over one session
	return func(s change.Spec) (k change.Known) {
		mu.Lock()
		defer mu.Unlock()
		shape, ok, err := r.shape(ctx, s.Table)
		if err != nil || !ok {
			return k
		}
		k.Rows, k.Bytes = shape.Rows, shape.Blocks*shape.BlockSize
		if len(shape.Keys) > 0 {
			for _, c := range shape.Keys[0].Columns {
				k.Key = append(k.Key, c.Name)
			}
		}
		if k.Columns, err = r.columns(ctx, shape.Table); err != nil {
			return change.Known{}
		}
		w, can := r.conn.Dialect().(dialect.Widener)
		if !can || !s.Wide() {
			return k
		}
		if rows, err := r.texts(ctx, w.References(shape.Table, s.Old[0])); err == nil {
			k.Refs = referencesOf(rows)
		}
		return k
	}
}

type reader struct{ dialect.Dialect }

// Reader is a dialect as a plan reads it.
func Reader(d dialect.Dialect) plan.Reader { return reader{d} }

// RollsBackDDL tells whether DDL can be rolled back.
func (r reader) RollsBackDDL() bool { return r.Traits().TransactionalDDL }

func after(done revision.Set, moves []revision.Move) revision.Set {
	out := revision.Set{}
	for id := range done {
		out.Add(id)
	}
	for _, m := range moves {
		if m.Direction == revision.Down {
			delete(out, m.ID)
		} else if !isRepeatable(m.ID) {
			out.Add(m.ID)
		}
	}
	return out
}

// script gives what a revision does. Going down that is what the ledger holds,
// because it belongs to what was applied; the file is asked when the ledger has
// nothing, and the two must agree unless the caller chose.
func (r *Runner) script(ctx context.Context, v *View, ask Ask, rev revision.Revision, moves []revision.Move) (revision.Script, error) {
	if fn, ok := r.o.Go[rev.ID]; ok {
		s := revision.Script{Revision: rev.ID, Kind: rev.Kind, Go: true}
		if fn.Down == nil {
			why := "it has no Down function"
			s.Irreversible = &why
		}
		return s, nil
	}
	if moves[0].Direction == revision.Up {
		return r.o.Files.Script(rev.ID)
	}
	stored, err := r.led.Script(ctx, r.conn, rev.ID)
	if err != nil {
		return stored, explainUnlessGone(err, "reading the ledger")
	}
	if rev.File == "" || ask.DownFrom == FromLedger {
		return stored, nil
	}
	file, err := r.o.Files.Script(rev.ID)
	if err != nil {
		return file, err
	}
	if stored.Up == nil && stored.Down == nil && stored.Irreversible == nil || ask.DownFrom == FromFile {
		return file, nil
	}
	if sameDown(stored, file) {
		stored.IrreversibleAt = file.IrreversibleAt
		return stored, nil
	}
	return file, fault.At(fault.Pos{File: rev.File}, fault.Edited, "the down SQL of %s %s in the file is not what was applied", rev.ID, rev.Name).
		Because(fault.New(fault.Edited, "in the ledger:\n%s\nin the file:\n%s", downText(stored), downText(file))).
		Try("choose one: --down-from ledger or --down-from file")
}

// The choices of Ask.DownFrom.
const (
	FromLedger = "ledger"
	FromFile   = "file"
)

func sameDown(a, b revision.Script) bool {
	return strings.TrimSpace(downText(a)) == strings.TrimSpace(downText(b))
}

func downText(s revision.Script) string {
	switch {
	case s.Irreversible != nil:
		return "irreversible: " + *s.Irreversible
	case s.Down == nil:
		return "(none)"
	}
	return strings.TrimSpace(s.Down.SQL)
}

func explainUnlessGone(err error, while string) error {
	if isGone(err) {
		return err
	}
	return explain(err, while)
}
