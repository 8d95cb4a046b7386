package revision

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bellowsdb/bellows/fault"
)

// dag draws revisions without a cycle, whose ids are in no order.
func dag(t *rapid.T) []Revision {
	n := rapid.IntRange(0, 24).Draw(t, "n")
	numbers := rapid.Permutation(slices.Collect(func(yield func(int) bool) {
		for i := range n {
			if !yield(i + 1) {
				return
			}
		}
	})).Draw(t, "ids")
	revs := make([]Revision, n)
	for i := range revs {
		revs[i] = Revision{ID: ID(fmt.Sprint(2026000 + numbers[i]*7)), Name: fmt.Sprint("name_", numbers[i]%9), Kind: Schema}
		for range rapid.IntRange(0, min(i, 3)).Draw(t, "parents") {
			revs[i].Parents = append(revs[i].Parents, revs[rapid.IntRange(max(0, i-6), i-1).Draw(t, "parent")].ID)
		}
		if i > 0 && rapid.IntRange(0, 4).Draw(t, "need?") == 0 {
			revs[i].Needs = []Need{{ID: revs[rapid.IntRange(0, i-1).Draw(t, "need")].ID}}
		}
		if rapid.IntRange(0, 5).Draw(t, "label?") == 0 {
			revs[i].Label = fmt.Sprint("label", i)
		}
	}
	return rapid.Permutation(revs).Draw(t, "shuffled")
}

// applicable draws what a database could have applied, in a possible order.
func applicable(t *rapid.T, g *Graph) []ID {
	var done []ID
	has := Set{}
	for range rapid.IntRange(0, g.Len()).Draw(t, "applied") {
		var free []ID
		for _, id := range g.Pending(has) {
			if before(g, id, has) == nil {
				free = append(free, id)
			}
		}
		id := rapid.SampledFrom(free).Draw(t, "next")
		has.Add(id)
		done = append(done, id)
	}
	return done
}

// before gives what must be applied before id and is not in has.
func before(g *Graph, id ID, has Set) []ID {
	r, _ := g.Lookup(id)
	var out []ID
	for _, p := range r.Parents {
		if !has.Has(p) {
			out = append(out, p)
		}
	}
	for _, n := range r.Needs {
		if !has.Has(n.ID) {
			out = append(out, n.ID)
		}
	}
	return out
}

func mustNew(t *rapid.T, revs []Revision) *Graph {
	g, err := New(revs)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// play makes moves one by one and fails at the first that cannot be made.
func play(t *rapid.T, g *Graph, has Set, moves []Move) Set {
	now := NewSet(has.Sorted()...)
	for _, m := range moves {
		switch {
		case m.Direction == Up:
			if now.Has(m.ID) || before(g, m.ID, now) != nil {
				t.Fatalf("%s cannot be applied on %v", m.ID, now.Sorted())
			}
			now.Add(m.ID)
		case !now.Has(m.ID):
			t.Fatalf("%s cannot be reverted, it is not applied", m.ID)
		default:
			delete(now, m.ID)
			for id := range now {
				if r, _ := g.Lookup(id); slices.Contains(r.Parents, m.ID) || slices.ContainsFunc(r.Needs, func(n Need) bool { return n.ID == m.ID }) {
					t.Fatalf("%s was reverted before %s", m.ID, id)
				}
			}
		}
	}
	return now
}

func TestOrderRespectsEdges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		revs := dag(t)
		g := mustNew(t, revs)
		again := mustNew(t, rapid.Permutation(revs).Draw(t, "again"))
		order := g.Order()
		if !slices.Equal(order, again.Order()) {
			t.Fatalf("the order depends on how files were read: %v, %v", order, again.Order())
		}
		has := Set{}
		for k, id := range order {
			if missing := before(g, id, has); missing != nil {
				t.Fatalf("%s comes before %v", id, missing)
			}
			for _, later := range order[k+1:] {
				if Less(later, id) && before(g, later, has) == nil {
					t.Fatalf("%s could come before %s", later, id)
				}
			}
			has.Add(id)
		}
		if len(has) != len(revs) {
			t.Fatalf("%d of %d revisions are in the order", len(has), len(revs))
		}
	})
}

func TestClosuresAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := mustNew(t, dag(t))
		for _, a := range g.Order() {
			for _, b := range g.Order() {
				below, above := g.Ancestors(NewSet(b)).Has(a), g.Descendants(NewSet(a)).Has(b)
				if below != above {
					t.Fatalf("%s before %s: %v, %s after %s: %v", a, b, below, b, a, above)
				}
				if g.Independent(a, b) != (!below && !g.Ancestors(NewSet(a)).Has(b)) {
					t.Fatalf("%s and %s independent: %v", a, b, g.Independent(a, b))
				}
			}
		}
	})
}

func TestUpThenDownReturns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := mustNew(t, dag(t))
		start := applicable(t, g)
		has := NewSet(start...)
		if g.Len() == 0 {
			return
		}
		to := rapid.SampledFrom(g.Order()).Draw(t, "to")
		up, err := g.Up(has, Target{IDs: NewSet(to)})
		if err != nil {
			t.Fatal(err)
		}
		then := play(t, g, has, up)
		if want := union(has, g.Ancestors(NewSet(to))); !then.Equal(want) {
			t.Fatalf("up %s gave %v, not %v", to, then.Sorted(), want.Sorted())
		}
		var undone []ID
		for _, m := range up {
			undone = append(undone, m.ID)
		}
		down, err := g.PathDown(append(slices.Clone(start), undone...), Undo(undone...))
		if err != nil {
			t.Fatal(err)
		}
		if now := play(t, g, then, down); !now.Equal(has) {
			t.Fatalf("up and down gave %v, not %v", now.Sorted(), has.Sorted())
		}
	})
}

func union(a, b Set) Set {
	out := NewSet(a.Sorted()...)
	out.Add(b.Sorted()...)
	return out
}

// TestEveryTargetCanBeReached plays the way to whatever a target names, up,
// down and from base.
func TestEveryTargetCanBeReached(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := mustNew(t, dag(t))
		list := applicable(t, g)
		has := NewSet(list...)
		target, err := g.Target(expression(t, g), has)
		if err != nil {
			if fault.CodeOf(err) != fault.Target {
				t.Fatal(err)
			}
			return
		}
		if up, err := g.Up(has, target); err == nil {
			if now := play(t, g, has, up); !now.Equal(union(has, g.Ancestors(target.IDs))) {
				t.Fatalf("up %s gave %v", target.Expr, now.Sorted())
			}
		}
		down, err := g.Down(has, target)
		timed, err2 := g.PathDown(list, target)
		if (err == nil) != (err2 == nil) {
			t.Fatal(err, err2)
		}
		if now := play(t, g, has, down); !now.Equal(play(t, g, has, timed)) {
			t.Fatalf("down %s depends on the order of application", target.Expr)
		}
		moves, err := g.Path(g.Current(has), target.IDs)
		if err != nil {
			t.Fatal(err)
		}
		if now := play(t, g, g.Ancestors(g.Current(has)), moves); !now.Equal(g.Ancestors(target.IDs)) {
			t.Fatalf("the path to %s gave %v", target.Expr, now.Sorted())
		}
	})
}

func expression(t *rapid.T, g *Graph) string {
	base := rapid.SampledFrom([]string{"", "head", "heads", "base", "current"}).Draw(t, "word")
	if ids := g.Order(); len(ids) > 0 && rapid.Bool().Draw(t, "id?") {
		base = string(rapid.SampledFrom(ids).Draw(t, "id"))
	}
	if labels := g.Labels(); len(labels) > 0 && rapid.Bool().Draw(t, "label?") {
		base = rapid.SampledFrom(labels).Draw(t, "label") + "@" + base
	}
	return base + rapid.SampledFrom([]string{"", "", "+1", "-1", "+2", "-2", "-7"}).Draw(t, "steps")
}

func TestDownBySteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := mustNew(t, dag(t))
		list := applicable(t, g)
		has := NewSet(list...)
		n := rapid.IntRange(1, g.Len()+1).Draw(t, "n")
		target, err := g.Target(fmt.Sprintf("-%d", n), has)
		if clear := len(g.Current(has)) <= 1 && n <= len(list); clear != (err == nil) {
			t.Fatalf("-%d of %d with current %v: %v", n, len(list), g.Current(has).Sorted(), err)
		}
		if err != nil {
			return
		}
		moves, err := g.PathDown(list, target)
		if err != nil || len(moves) != n {
			t.Fatalf("-%d gave %v, %v", n, moves, err)
		}
	})
}

func TestBeginningsResolve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := mustNew(t, dag(t))
		for _, id := range g.Order() {
			beginning := string(id)[:rapid.IntRange(1, len(id)).Draw(t, "length")]
			var found []ID
			for _, other := range g.Order() {
				if strings.HasPrefix(string(other), beginning) {
					found = append(found, other)
				}
			}
			got, err := g.Resolve(beginning, nil)
			if len(found) == 1 || ID(beginning) == id {
				if err != nil || !got.Equal(NewSet(id)) {
					t.Fatalf("%q gave %v, %v", beginning, got, err)
				}
			} else if fault.CodeOf(err) != fault.Target {
				t.Fatalf("%q, the beginning of %v, gave %v, %v", beginning, found, got, err)
			}
		}
	})
}

// TestSquash replaces a stretch of a line and demands that every database, at
// any point, ends with the same.
func TestSquash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(t, "n")
		first := rapid.IntRange(1, n).Draw(t, "first")
		last := rapid.IntRange(first, n).Draw(t, "last")
		var revs []Revision
		gone := rapid.Bool().Draw(t, "gone")
		for i := 1; i <= n; i++ {
			if !gone || i < first || i > last {
				revs = append(revs, Revision{ID: ID(fmt.Sprint(i)), Kind: Schema, Implied: true})
			}
		}
		squash := Revision{ID: "100", Kind: Schema, Implied: true, Replaces: &Range{ID(fmt.Sprint(first)), ID(fmt.Sprint(last))}}
		g := mustNew(t, append(revs, squash))
		var applied []ID
		done := rapid.IntRange(0, n).Draw(t, "done")
		for i := 1; i <= done; i++ {
			applied = append(applied, ID(fmt.Sprint(i)))
		}
		view, list, err := g.Effective(applied)
		partWay := done >= first && done < last
		if (err != nil) != (partWay && gone) {
			t.Fatalf("with 1..%d of %d..%d applied: %v", done, first, last, err)
		}
		if err != nil {
			return
		}
		moves, err := view.Up(NewSet(list...), Target{IDs: NewSet(view.Heads()...)})
		if err != nil || len(view.Heads()) != 1 {
			t.Fatal(view.Heads(), err)
		}
		play(t, view, NewSet(list...), moves)
		for _, m := range moves {
			applied = append(applied, m.ID)
		}
		view, list, err = g.Effective(applied)
		if err != nil || len(view.Pending(NewSet(list...))) != 0 || len(list) != view.Len() {
			t.Fatalf("after up: applied %v of %v, %v", list, view.Order(), err)
		}
	})
}

// TestSquashAnywhere does so in a graph of any shape.
func TestSquashAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		revs := dag(t)
		if len(revs) == 0 {
			return
		}
		plain := mustNew(t, revs)
		to := rapid.SampledFrom(plain.Order()).Draw(t, "to")
		from := rapid.SampledFrom(plain.Ancestors(NewSet(to)).Sorted()).Draw(t, "from")
		squash := Revision{ID: "9", Kind: Schema, Replaces: &Range{from, to}}
		above := plain.Descendants(NewSet(from))
		cover := Set{}
		for id := range plain.Ancestors(NewSet(to)) {
			if above.Has(id) {
				cover.Add(id)
			}
		}
		for _, id := range cover.Sorted() {
			squash.Parents = append(squash.Parents, before(plain, id, cover)...)
		}
		g := mustNew(t, append(slices.Clone(revs), squash))
		if !NewSet(g.Covered("9")...).Equal(cover) || g.Len() != len(revs)-len(cover)+1 {
			t.Fatalf("%s..%s covers %v, not %v", from, to, g.Covered("9"), cover.Sorted())
		}
		applied := applicable(t, plain)
		view, list, err := g.Effective(applied)
		if err != nil {
			t.Fatal(err)
		}
		has := NewSet(list...)
		moves, err := view.Up(has, Target{IDs: NewSet(view.Heads()...)})
		if err != nil {
			t.Fatal(err)
		}
		if now := play(t, view, has, moves); len(now) != view.Len() {
			t.Fatalf("up applies %d of %d", len(now), view.Len())
		}
		for _, m := range moves {
			applied = append(applied, m.ID)
		}
		view, list, err = g.Effective(applied)
		if err != nil || len(view.Pending(NewSet(list...))) != 0 || view.Missing(list) != nil {
			t.Fatalf("after up: applied %v of %v, %v", list, view.Order(), err)
		}
		down, err := view.PathDown(list, Target{})
		if err != nil {
			t.Fatal(err)
		}
		if now := play(t, view, NewSet(list...), down); len(now) != 0 {
			t.Fatalf("down base leaves %v", now.Sorted())
		}
	})
}

func TestRebasePutsAllOntoTheHead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		revs := dag(t)
		if len(revs) == 0 {
			return
		}
		g := mustNew(t, revs)
		onto := rapid.SampledFrom(g.Heads()).Draw(t, "onto")
		changes, err := g.Rebase(nil, onto)
		if err != nil {
			t.Fatal(err)
		}
		byID := map[ID][]ID{}
		for _, c := range changes {
			byID[c.ID] = c.NewParents
		}
		for i := range revs {
			if parents, ok := byID[revs[i].ID]; ok {
				revs[i].Parents = parents
			}
		}
		after, err := New(revs)
		if err != nil {
			t.Fatalf("%v makes %v", changes, err)
		}
		trunk := g.Ancestors(NewSet(onto))
		for _, id := range g.Order() {
			line := g.setOf(g.line().below(g.mark(NewSet(id))))
			shares := slices.ContainsFunc(line.Sorted(), trunk.Has)
			if shares && !trunk.Has(id) && !after.Ancestors(NewSet(id)).Has(onto) {
				t.Fatalf("%v leaves %s beside %s", changes, id, onto)
			}
			if _, moved := byID[id]; moved && (trunk.Has(id) || !shares) {
				t.Fatalf("%v moves %s", changes, id)
			}
		}
	})
}

func TestCompareIsATotalOrder(t *testing.T) {
	id := rapid.StringMatching(`[0-2]{0,3}[.a]?[0-2]{0,2}[a-]?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := ID(id.Draw(t, "a")), ID(id.Draw(t, "b")), ID(id.Draw(t, "c"))
		if Compare(a, b) != -Compare(b, a) || (Compare(a, b) == 0) != (a == b) {
			t.Fatalf("%q and %q: %d, %d", a, b, Compare(a, b), Compare(b, a))
		}
		if Less(a, b) && Less(b, c) && !Less(a, c) {
			t.Fatalf("%q < %q < %q, but not the first before the last", a, b, c)
		}
	})
}

func TestCompare(t *testing.T) {
	sorted := []ID{"", "0", "00", "1", "01", "1.2", "1.10", "1a", "2", "9", "10", "10a", "00011", "20261120101500", "V1", "V2", "V10", "a", "a1", "b"}
	for i, a := range sorted {
		for k, b := range sorted {
			if got, want := Compare(a, b) < 0, i < k; got != want {
				if a == "1" && b == "01" || a == "01" && b == "1" {
					continue // equal numbers go as text; checked below
				}
				t.Errorf("%q before %q: %v", a, b, got)
			}
		}
	}
	if !Less("01", "1") {
		t.Error("01 does not come before 1")
	}
}

func TestNames(t *testing.T) {
	at := time.Date(2026, 11, 20, 1, 15, 0, 999, time.FixedZone("east", 2*3600))
	if id := NewID(at); id != "20261119231500" {
		t.Errorf("NewID is %s", id)
	}
	g := graph(t, "20261119231500 < none\n20261119231501\n20261119231502\n20261119231509 replaces=20261119231501..20261119231502")
	if id := g.FreeID(at); id != "20261119231503" {
		t.Errorf("FreeID is %s", id)
	}
	if id := g.FreeID(at.Add(time.Hour)); id != "20261120001500" {
		t.Errorf("FreeID is %s", id)
	}
}

func TestSlug(t *testing.T) {
	for text, want := range map[string]string{
		"add user email":      "add_user_email",
		"Add User-Email!":     "add_user_email",
		"AddUserEmail":        "add_user_email",
		"addURL2":             "add_url2",
		"  ../../etc/passwd ": "etc_passwd",
		"größe ändern":        "größe_ändern",
		"a__b":                "a_b",
		"":                    "",
		"---":                 "",
		"2nd try":             "2nd_try",
		"\x00a\nb":            "a_b",
	} {
		if got := Slug(text); got != want {
			t.Errorf("Slug(%q) is %q, not %q", text, got, want)
		}
	}
	if got := Slug(strings.Repeat("word ", 500)); len(got) > slugLimit+4 || strings.HasSuffix(got, "_") {
		t.Errorf("a long slug is %d bytes: %q", len(got), got)
	}
}

// TestDeepChain must not recurse: a hundred thousand revisions would need a deep
// stack.
func TestDeepChain(t *testing.T) {
	g, err := New(chain(100_000, explicit))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(g.Ancestors(NewSet(g.Heads()...))); n != 100_000 {
		t.Errorf("the head has %d ancestors", n)
	}
	if _, err := g.Resolve("head-99999", nil); err != nil {
		t.Error(err)
	}
	revs := chain(100_000, explicit)
	revs[0].Parents = []ID{revs[len(revs)-1].ID}
	if _, err := New(revs); !fault.Has(err, fault.Graph) {
		t.Errorf("a long cycle gave %v", err)
	} else if len(err.Error()) > 2000 {
		t.Errorf("a long cycle is told in %d bytes", len(err.Error()))
	}
}

func TestNewLeavesItsInputAlone(t *testing.T) {
	revs := revs(t, "3\n1\n2 < 1\n4 < none replaces=1..2")
	if _, err := New(revs); err != nil {
		t.Fatal(err)
	}
	if revs[0].ID != "3" || revs[0].Parents != nil || revs[2].Parents[0] != "1" {
		t.Errorf("New changed what it was given: %v", revs)
	}
}

func FuzzResolve(f *testing.F) {
	g := graph(f, "1 name=a label=web\n2 name=b kind=change\n3 < 1 name=a label=api\n4 < 2 3\n20261120101500 < 4 name=head\n30 < none name=x-1")
	for _, s := range []string{"head", "web@-1", "2:contract", "1:2", ":", "@", "a-1", "+9999999999999", "base+2", "web@x@y", "current-1", "\x00", "x-1", "é+1"} {
		f.Add(s, uint8(3))
	}
	f.Fuzz(func(t *testing.T, expr string, mask uint8) {
		applied := Set{}
		for k, id := range g.Order() {
			if mask&(1<<k) != 0 {
				applied.Add(id)
			}
		}
		check := func(s Set, err error) {
			var e *fault.Error
			if err != nil && (!errors.As(err, &e) || e.Code != fault.Target || e.Hint == "" || len(s) > 0) {
				t.Fatalf("%q: %v, %#v", expr, s, err)
			}
			if missing := g.Missing(s.Sorted()); missing != nil {
				t.Fatalf("%q names %v", expr, missing)
			}
		}
		s, err := g.Resolve(expr, applied)
		check(s, err)
		if again, err2 := g.Resolve(expr, applied); !again.Equal(s) || (err == nil) != (err2 == nil) {
			t.Fatalf("%q names %v and %v", expr, s, again)
		}
		if IsRange(expr) && err == nil {
			t.Fatalf("%q is a range and a target", expr)
		}
		from, to, err := g.ResolveRange(expr, applied)
		check(from, err)
		check(to, err)
	})
}
