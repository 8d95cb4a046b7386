package change

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/revision"
)

// spec is a change with a hold.
var holding = Spec{Revision: "1", Holds: []revision.HoldSpec{{Name: "all use it"}}}

// world is a database that a change is carried out on: what is really there.
type world struct {
	expanded, synced, filled, retired, dropped bool
	kept                                       State // what the ledger says
	approved                                   []string
	runs                                       int
}

// act does one action as the wet rooms do: where the database can, with its
// record in one transaction; else the intent first, and a crash may come between
// any two. It tells whether the process lived.
func (w *world) act(t *testing.T, s State, a Action, run string, atomic, crash bool, r *rand.Rand) bool {
	at := r.IntN(3) // before, between, after
	if crash && at == 0 {
		return false
	}
	if !atomic && (a == Expand || a == Retire || a == Purge || a == Undo || a == Abort) {
		s.Doing = a
		w.kept = s
		if crash && r.IntN(2) == 0 {
			return false
		}
	}
	if atomic && crash && at == 1 {
		return false // rolled back
	}
	w.effect(t, s, a, run)
	if crash && at == 1 {
		return false // done, and not recorded
	}
	switch a {
	case Plan:
		s.Fill = "1/up"
	case Prove:
		s.Proof = Proof{Made: true, Run: run}
	}
	if a != Plan {
		s = Fold(s, holding, a)
	}
	if a == Undo || a == Abort {
		w.approved = nil
	}
	w.kept = s
	return !crash
}

// effect is what an action does to the application's table; each may be done
// again.
func (w *world) effect(t *testing.T, s State, a Action, run string) {
	switch a {
	case Expand:
		w.expanded = true
	case SyncOn:
		if !w.expanded {
			t.Fatal("sync without a new side")
		}
		w.synced = true
	case Fill:
		if !w.synced {
			t.Fatal("a backfill without sync")
		}
		w.filled = true
	case Retire:
		if s.Doing != Retire && (!s.Proof.Valid() || s.Proof.Run != run || len(Open(s, holding)) > 0) {
			t.Fatalf("a contract without proof and holds: %+v", s)
		}
		if !w.filled {
			t.Fatal("a contract before every row is filled")
		}
		w.retired, w.synced = true, false
	case Purge:
		if !w.retired {
			t.Fatal("a purge before the contract")
		}
		w.dropped = true
	case Undo:
		if w.dropped {
			t.Fatal("an undo after the purge")
		}
		w.retired, w.synced = false, true
	case Abort:
		if w.retired || w.dropped {
			t.Fatal("an abort without the old side")
		}
		w.synced, w.expanded, w.filled = false, false, false
	}
}

// toward carries a change to a goal; a crash ends it and it is begun again, as a
// process that is started again does.
func (w *world) toward(t *testing.T, g Goal, atomic bool, crashes int, r *rand.Rand) {
	for steps := 0; ; {
		w.runs++
		run := fmt.Sprint(w.runs)
		for lives := true; lives; {
			s := w.kept
			s.Approved = w.approved
			a := Next(s, holding, g, run)
			if a == Nothing || a == Wait || a == Refuse {
				return
			}
			if steps++; steps > 200 {
				t.Fatalf("goal %d is not reached: %+v", g, s)
			}
			crash := crashes > 0 && r.IntN(2) == 0
			if crash {
				crashes--
			}
			lives = w.act(t, s, a, run, atomic, crash, r)
		}
	}
}

// Any sequence of crashes on the way to a goal leads to where no crash leads, and
// nothing is taken away before its time.
func TestCrashesChangeNothing(t *testing.T) {
	goals := []Goal{Synced, Planned, Held, Contracted, Purged, Undone, Aborted}
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		calm, wild := &world{}, &world{}
		atomic := r.IntN(2) == 0
		for range 6 {
			g := goals[r.IntN(len(goals))]
			if r.IntN(2) == 0 && calm.kept.Phase != "" {
				calm.approved, wild.approved = []string{"all use it"}, []string{"all use it"}
			}
			calm.toward(t, g, true, 0, r)
			wild.toward(t, g, atomic, r.IntN(8), r)
			if got, want := wild.ends(), calm.ends(); got != want {
				t.Fatalf("seed %d, goal %d: with crashes %s, without %s", seed, g, got, want)
			}
		}
	}
}

func (w *world) ends() string {
	return fmt.Sprint(w.kept.Phase, w.kept.Doing, w.kept.Side, w.kept.Policy, w.kept.Proof.Valid(), w.expanded, w.synced, w.filled, w.retired, w.dropped)
}

func TestReached(t *testing.T) {
	for _, c := range []struct {
		at, wanted revision.Phase
		want       bool
	}{
		{"", revision.Expand, false}, {revision.Sync, revision.Expand, true}, {revision.Sync, revision.Sync, false},
		{revision.Fill, revision.Sync, true}, {revision.Fill, revision.Fill, false}, {revision.Verify, revision.Fill, true},
		{revision.Hold, revision.Verify, true}, {revision.Hold, revision.Contract, false},
		{revision.Contract, revision.Contract, true}, {revision.Contract, revision.Purge, false}, {revision.Purge, revision.Purge, true},
	} {
		if got := Reached(State{Phase: c.at}, c.wanted); got != c.want {
			t.Errorf("at %q, %q is reached: %v", c.at, c.wanted, got)
		}
	}
}

func TestTampered(t *testing.T) {
	s := State{Phase: revision.Hold, Identity: "7/12/1 2", Old: []dialect.Column{{Name: "lat", Type: "integer", Known: "2"}}, New: []dialect.Column{{Name: "loc", Type: "point", Known: "3"}},
		Objects: []Object{{"trigger", "d", "on"}}}
	s.Table.Name = "posts"
	fine := Look{Columns: append(s.Old[:1:1], s.New...), Objects: s.Objects, Identity: s.Identity}
	for name, c := range map[string]struct {
		meddle func(l *Look)
		words  string
		void   bool
	}{
		"table gone":      {func(l *Look) { l.Identity = "" }, "posts is gone: it was dropped or renamed", false},
		"another table":   {func(l *Look) { l.Identity = "8/12/1 2" }, "posts is another table than the one the change began with", false},
		"rewritten":       {func(l *Look) { l.Identity = "7/13/1 2" }, "posts was rewritten since it was looked at, or truncated and filled again", true},
		"truncated":       {func(l *Look) { l.Identity, l.Empty = "7/13/1 2", true }, "posts was truncated since it was looked at: it has no row left", true},
		"column gone":     {func(l *Look) { l.Columns = l.Columns[:1] }, "column loc of posts is gone: it was dropped or renamed", false},
		"column altered":  {func(l *Look) { l.Columns[0].Type = "bigint" }, "column lat of posts was altered: it is bigint now and was integer", false},
		"column anew":     {func(l *Look) { l.Columns[1].Known = "9" }, "column loc of posts was dropped and made anew", false},
		"trigger dropped": {func(l *Look) { l.Objects = nil }, "trigger, which keeps the sides of posts in step, was dropped", false},
		"trigger off":     {func(l *Look) { l.Objects[0].Fires = "it is disabled" }, "trigger, which keeps the sides of posts in step, does not fire: it is disabled", false},
		"trigger anew":    {func(l *Look) { l.Objects[0].Definition = "e" }, "trigger, which keeps the sides of posts in step, was replaced by another", false},
	} {
		now := Look{Columns: append([]dialect.Column{}, fine.Columns...), Objects: append([]Object{}, fine.Objects...), Identity: fine.Identity}
		if wrong, void := Tampered(s, holding, now); len(wrong)+len(void) > 0 {
			t.Fatal("found what is not there", wrong, void)
		}
		c.meddle(&now)
		wrong, void := Tampered(s, holding, now)
		if c.void {
			wrong, void = void, wrong
		}
		if len(wrong) != 1 || len(void) > 0 || wrong[0].Msg != c.words || wrong[0].Hint == "" {
			t.Errorf("%s: %v %v", name, wrong, void)
		}
	}
}

// While the old columns are away nothing is next but to put them back.
func TestAwayComesFirst(t *testing.T) {
	s := State{Phase: revision.Hold, Policy: dialect.Refuse, Proof: Proof{Made: true, Run: "r"}, Away: Absence{For: 1}, Approved: []string{"all use it"}}
	for g := Synced; g <= Aborted; g++ {
		if a := Next(s, holding, g, "r"); a != Unhide {
			t.Errorf("for goal %d %q is next", g, a)
		}
	}
	if a := Next(Fold(s, holding, Unhide), holding, Contracted, "r"); a != Settle {
		t.Errorf("once they are back %q is next", a)
	}
}
