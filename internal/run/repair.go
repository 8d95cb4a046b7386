package run

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

// Fix is a decision about something half-done.
type Fix string

// The decisions.
const (
	MarkApplied     Fix = "mark-applied"     // it is there, all of it
	MarkReverted    Fix = "mark-reverted"    // nothing of it is there
	StatementDone   Fix = "statement-done"   // the interrupted statement took effect
	StatementUndone Fix = "statement-undone" // it did not
	AcceptEdit      Fix = "accept-edit"      // only comments and blanks changed
	ForgetIt        Fix = "forget"           // the entry is to go; its file is gone
	CleanIndexes    Fix = "clean-indexes"    // drop invalid indexes that our builds left
)

// Repair carries a decision out, under the lock, and journals it.
func (r *Runner) Repair(ctx context.Context, fix Fix, id revision.ID) error {
	w := &work{Runner: r, report: &Report{Run: r.o.Run}, ask: Ask{Action: "repair"}}
	return broken(w.locked(ctx, func(ctx context.Context) error {
		v, err := w.lookOnce(ctx, w.led.ReadAll)
		if err != nil {
			return err
		}
		w.view = v
		if fix == CleanIndexes {
			return w.cleanIndexes(ctx)
		}
		if id, err = v.entry(id); err != nil {
			return err
		}
		return w.repair(ctx, fix, id)
	}))
}

// entry finds the one revision of the ledger or the folder that a person means.
func (v *View) entry(id revision.ID) (revision.ID, error) {
	if _, ok := v.State.Entries[id]; ok {
		return id, nil
	}
	set, err := v.Graph.Resolve(string(id), v.done)
	if err != nil {
		return id, err
	}
	if len(set) != 1 {
		return id, fault.New(fault.Target, "%q is not one revision", id).Try("name its id, as `bellows status` shows it")
	}
	return set.Sorted()[0], nil
}

func (w *work) repair(ctx context.Context, fix Fix, id revision.ID) error {
	e, known := w.view.State.Entries[id]
	if fix == MarkApplied || fix == MarkReverted {
		if err := w.noFill(ctx, id); err != nil {
			return err
		}
	}
	switch fix {
	case MarkApplied:
		if rev, ok := w.view.find(id); !known || !e.HalfDone() && ok {
			sqls, err := w.stampOne(w.view, rev.ID, w.view.State.LastSeq()+1)
			if err != nil {
				return err
			}
			return w.record(ctx, append(sqls, w.led.Note("repair", id, "marked applied", w.by)))
		}
		return w.record(ctx, append(w.led.SetState(id, ledger.Applied, "", "repair", "marked applied", w.by), w.led.ClearProgress(id)))
	case MarkReverted:
		if !known {
			return fault.New(fault.Repair, "%s is not in the ledger", id).Try("there is nothing to mark; see `bellows status`")
		}
		return w.record(ctx, append(w.led.SetState(id, ledger.Reverted, "", "repair", "marked reverted", w.by), w.led.ClearProgress(id)))
	case StatementDone, StatementUndone:
		return w.decideStatement(ctx, fix, id)
	case AcceptEdit:
		return w.acceptEdit(ctx, id)
	case ForgetIt:
		if _, file := w.fileOf(id); file {
			return fault.New(fault.Repair, "%s has a file, so its entry is needed", id).Try("to take it as not applied: bellows repair --mark-reverted %s", id)
		}
		return w.record(ctx, w.led.Forget(id, "forgotten: its file is gone", w.by))
	}
	return fault.New(fault.Usage, "unknown repair %q", fix)
}

// noFill refuses to decide about a revision whose backfill is under way.
func (w *work) noFill(ctx context.Context, id revision.ID) error {
	all, err := w.led.Fills(ctx, w.conn)
	if err != nil {
		return explainUnlessGone(err, "reading the ledger")
	}
	for _, f := range all {
		if f.Revision == id && f.Active() {
			return fault.New(fault.Repair, "the backfill of %s is under way", id).Try("give it up first: bellows backfill cancel %s", id)
		}
	}
	return nil
}

func (r *Runner) fileOf(id revision.ID) (revision.Revision, bool) {
	i := slices.IndexFunc(r.o.Revisions, func(rev revision.Revision) bool { return rev.ID == id })
	if i < 0 {
		return revision.Revision{}, false
	}
	return r.o.Revisions[i], true
}

// decideStatement records what a person saw of an interrupted statement.
func (w *work) decideStatement(ctx context.Context, fix Fix, id revision.ID) error {
	p, ok := w.view.Progress[id]
	if !ok || !p.Started {
		return fault.New(fault.Repair, "%s has no statement whose outcome is unknown", id).Try("see `bellows repair`")
	}
	p.Started = false
	if fix == StatementDone {
		units, err := w.unitsOf(ctx, p)
		if err != nil {
			return err
		}
		if p.Done >= len(units) {
			return fault.New(fault.Repair, "the file of %s has no statement %d any more", id, p.Done+1).Try("see `bellows repair`")
		}
		p.Done++
		p.Hash = hashes(units, w.conn.Dialect())[p.Done]
	}
	return w.record(ctx, []string{w.led.SetProgress(p, w.by), w.led.Note("repair", id, string(fix), w.by)})
}

func (w *work) unitsOf(ctx context.Context, p ledger.Progress) ([][]plan.Statement, error) {
	built, err := w.plan(ctx, w.view, Ask{DownFrom: FromLedger}, []revision.Move{{ID: p.Revision, Direction: p.Direction}})
	if err != nil {
		return nil, err
	}
	return plan.Units(built.Steps[0].Statements), nil
}

// acceptEdit records the file as it is now, when its statements are the same.
func (w *work) acceptEdit(ctx context.Context, id revision.ID) error {
	rev, ok := w.fileOf(id)
	if !ok {
		return fault.New(fault.Missing, "%s has no file", id).Try("bellows repair --forget %s", id)
	}
	stored, err := w.led.Script(ctx, w.conn, id)
	if err != nil {
		return explainUnlessGone(err, "reading the ledger")
	}
	file, err := w.scriptOf(rev)
	if err != nil {
		return err
	}
	was, is, err := w.codes(applied(stored), applied(file))
	if err != nil {
		return err
	}
	if !slices.Equal(was, is) {
		return fault.At(fault.Pos{File: rev.File}, fault.Edited, "what was applied changed: %s", firstDifference(was, is)).
			Try("bring the old text back and write a new migration")
	}
	return w.record(ctx, w.led.AcceptEdit(rev, file, w.by))
}

// applied is the section that was run. The way down was not: it may be added or
// corrected later.
func applied(s revision.Script) *revision.Section {
	if s.Fill != nil {
		return &s.Fill.Body
	}
	return s.Up
}

func (r *Runner) codes(a, b *revision.Section) (was, is []string, err error) {
	if was, err = r.code(a); err != nil {
		return nil, nil, err
	}
	is, err = r.code(b)
	return was, is, err
}

// code is what the statements of a section are to the server: their tokens
// without comments and blanks.
func (r *Runner) code(s *revision.Section) ([]string, error) {
	if s == nil {
		return nil, nil
	}
	return plan.Code(s.SQL, r.conn.Dialect())
}

func firstDifference(was, is []string) string {
	for i := range max(len(was), len(is)) {
		var a, b string
		if i < len(was) {
			a = was[i]
		}
		if i < len(is) {
			b = is[i]
		}
		if a != b {
			return fmt.Sprintf("statement %d was %q and is %q", i+1, shorten(a), shorten(b))
		}
	}
	return ""
}

func shorten(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 120 {
		return strings.ToValidUTF8(s[:117], "") + "..."
	}
	return s
}

// UnderWay is the kind of trouble that is none: a backfill that goes on.
const UnderWay = "under-way"

// Trouble is something half-done.
type Trouble struct {
	Kind        string // "half-done", "failed", "edited", "missing", "invalid-index"
	ID          revision.ID
	Direction   revision.Direction
	Text        string
	Done, Total int
	Statement   string
	Error       string
	Unknown     bool // the outcome of Statement is not recorded
}

// Troubles is everything that is half-done, failed, edited or missing.
func (r *Runner) Troubles(ctx context.Context) ([]Trouble, error) {
	v, err := r.LookAll(ctx)
	if err != nil {
		return nil, err
	}
	var out []Trouble
	for _, id := range sortedEntries(v.State) {
		e := v.State.Entries[id]
		switch {
		case e.HalfDone():
			out = append(out, r.halfDone(ctx, v, e))
		case e.More().Error != "":
			t := Trouble{Kind: "failed", ID: id, Direction: revision.Up, Error: e.More().Error, Text: fmt.Sprintf("%s %s failed and was rolled back", id, e.More().Name)}
			if e.Holds() && e.Kind != revision.Repeatable {
				t.Direction, t.Text = revision.Down, fmt.Sprintf("reverting %s %s failed and was rolled back", id, e.More().Name)
			}
			out = append(out, t)
		}
	}
	for _, p := range v.Problems {
		kind := "edited"
		if fault.Has(p, fault.Missing) {
			kind = "missing"
		}
		out = append(out, Trouble{Kind: kind, ID: ProblemID(p), Text: p.Error(), Error: p.Error()})
	}
	return out, nil
}

func sortedEntries(s ledger.State) []revision.ID {
	set := revision.Set{}
	for id := range s.Entries {
		set.Add(id)
	}
	return set.Sorted()
}

func (r *Runner) halfDone(ctx context.Context, v *View, e ledger.Entry) Trouble {
	p := v.Progress[e.ID]
	if e.Kind == revision.Backfill {
		return Trouble{Kind: UnderWay, ID: e.ID, Direction: p.Direction, Error: e.More().Error,
			Text: fmt.Sprintf("the backfill %s %s is under way", e.ID, e.More().Name)}
	}
	t := Trouble{Kind: "half-done", ID: e.ID, Direction: p.Direction, Done: p.Done, Error: e.More().Error, Unknown: p.Started}
	built, err := r.plan(ctx, v, Ask{DownFrom: FromLedger}, []revision.Move{{ID: e.ID, Direction: p.Direction}})
	if err == nil {
		units := plan.Units(built.Steps[0].Statements)
		t.Total = len(units)
		if p.Done < len(units) {
			t.Statement = shorten(units[p.Done][0].SQL)
		}
	}
	t.Text = fmt.Sprintf("%s %s is half done: %d of %d statements (%s)", e.ID, e.More().Name, t.Done, t.Total, p.Direction)
	return t
}

// cleanIndexes drops the invalid indexes of half-done migrations.
func (w *work) cleanIndexes(ctx context.Context) error {
	for _, id := range sortedEntries(w.view.State) {
		if !w.view.State.Entries[id].HalfDone() {
			continue
		}
		p := w.view.Progress[id]
		built, err := w.plan(ctx, w.view, Ask{DownFrom: FromLedger}, []revision.Move{{ID: id, Direction: p.Direction}})
		if err != nil {
			return err
		}
		e := w.stepwise(&built.Steps[0])
		e.done = -1 // none of its builds counts as ours to keep
		for i := range e.step.Statements {
			if _, err := e.prepareIndex(ctx, &e.step.Statements[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// Recorded is a revision as the ledger has it.
func (r *Runner) Recorded(ctx context.Context, id revision.ID) (rev revision.Revision, s revision.Script, err error) {
	v, err := r.LookAll(ctx)
	if err != nil {
		return rev, s, err
	}
	e, ok := v.State.Entries[id]
	if !ok {
		return rev, s, fault.New(fault.Target, "the ledger has no revision %s", id).Try("bellows history --journal shows what happened")
	}
	rev = revision.Revision{ID: e.ID, Name: e.More().Name, Kind: e.Kind, Parents: e.More().Parents, Needs: e.More().Needs, Label: e.More().Label, Checksum: e.Checksum}
	err = r.reading(ctx, func() (err error) {
		s, err = r.led.Script(ctx, r.conn, id)
		return explainUnlessGone(err, "reading the ledger")
	})
	return rev, s, err
}

// Holder tells who holds the lock; nil when nobody does, or when the holder is
// gone and the next run will take over.
func (r *Runner) Holder(ctx context.Context) (*event.Holder, error) {
	h, err := r.holding(ctx)
	if err != nil || h.Free() || r.maySucceed(ctx, *h) {
		return nil, err
	}
	return &h.Holder, nil
}

func (r *Runner) holding(ctx context.Context) (h *ledger.Holding, err error) {
	err = r.reading(ctx, func() error {
		h, err = r.led.Holder(ctx, r.conn)
		return explainUnlessGone(err, "reading the ledger")
	})
	return h, err
}

// Unlock removes the holder when he is provably gone, or when his run is named
// in force. It gives the holder that was removed; nil when there was none.
func (r *Runner) Unlock(ctx context.Context, force string) (*event.Holder, error) {
	h, err := r.holding(ctx)
	if err != nil || h.Free() {
		return nil, err
	}
	forced := force == h.Run
	if !forced && !r.maySucceed(ctx, *h) {
		return &h.Holder, fault.New(fault.Locked, "the holder is alive: %s", holderText(h.Holder)).
			Try("wait for it; or, when you are sure, end it: bellows unlock --force %s", h.Run)
	}
	killer, _ := r.conn.(db.Killer)
	if !forced {
		killer = nil
	}
	return &h.Holder, broken(r.oust(ctx, *h, killer))
}

// oust takes the lease away first, so that the run knows when it comes back
// with a new session that it must not go on, and then ends its session. A
// transaction of its own may hold the lease's row; that ends with the session.
func (r *Runner) oust(ctx context.Context, h ledger.Holding, killer db.Killer) error {
	kill := func() error {
		if killer == nil {
			return nil
		}
		return explainUnlessGone(killer.Kill(ctx, h.Session), "ending the holder's session")
	}
	err := r.takeAway(ctx, h)
	if isWait(err) && killer != nil {
		if err := kill(); err != nil {
			return err
		}
		for tries := 0; isWait(err) && tries < reconnects; tries++ {
			err = r.takeAway(ctx, h)
		}
	}
	if err != nil {
		return explain(err, "taking the lock away")
	}
	return kill()
}

// takeAway frees the lease of that very holder, and journals it.
func (r *Runner) takeAway(ctx context.Context, h ledger.Holding) error {
	w := &work{Runner: r, by: ledger.By{Run: r.o.Run, Actor: r.o.Owner, Tool: r.o.Tool, Tag: r.o.Tag}}
	changed := int64(0)
	items := []db.Item{
		{SQL: r.conn.Dialect().Traits().BeginWrite}, {SQL: r.led.Oust(h)},
		{SQL: r.led.Note("unlock", "", "removed "+holderText(h.Holder), w.by)}, {SQL: "COMMIT"},
	}
	err := r.conn.Send(ctx, items[:3], func(i int, rows int64) {
		if i == 1 {
			changed = rows
		}
	})
	if err == nil && changed == 0 {
		err = fault.New(fault.Locked, "the lock has changed hands meanwhile").Try("look again: bellows unlock")
	}
	if err == nil {
		err = r.conn.Send(ctx, items[3:], nil)
	}
	if err != nil && !isGone(err) {
		w.rollback(ctx)
	}
	return err
}

// Journal reads the newest lines of the journal, the oldest of them first.
func (r *Runner) Journal(ctx context.Context, limit int) (lines []ledger.Line, err error) {
	err = r.reading(ctx, func() error {
		lines, err = r.led.Journal(ctx, r.conn, limit)
		return explainUnlessGone(err, "reading the journal")
	})
	return lines, err
}
