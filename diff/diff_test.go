package diff_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/schema"
)

// toy is a language of a database that knows one verb for each action, and changes
// every attribute in place but "kind".
type toy struct{}

func (toy) How(c *diff.Change, _ *diff.World) diff.How {
	if c.Has("kind") {
		return diff.Replace
	}
	return diff.Alter
}
func (toy) Affects(c *diff.Change, _ *schema.Fact, w *diff.World) diff.Effect {
	if w.Drops(c.ID()) {
		return diff.Rebuilds
	}
	return diff.Keeps
}
func (toy) Home(f *schema.Fact, _ diff.Verb, _ *diff.World) diff.Home {
	if f.ID.Kind == schema.Column {
		return diff.WithParent
	}
	return diff.Own
}
func (toy) Simple(*schema.Fact) bool                          { return false }
func (toy) Names(f *schema.Fact) []string                     { return nil }
func (toy) Weight(k schema.Kind) int                          { return strings.Index("tcvi", string(k)[:1]) }
func (toy) Renamed(f schema.Fact, _, _ schema.ID) schema.Fact { return f }
func (toy) Rename(f *schema.Fact, to schema.ID) []diff.Statement {
	return []diff.Statement{{SQL: "rename " + f.ID.Path() + " " + to.Path(), About: to}}
}

// Spell builds indexes of large tables apart, adds constraints of them in two steps,
// and makes what is called "value" usable only after its transaction.
func (toy) Spell(a *diff.Action, w *diff.World) []diff.Statement {
	id := a.Main.ID()
	s := diff.Statement{SQL: [...]string{"drop ", "alter ", "create "}[a.Main.Verb] + id.Path()}
	for _, p := range a.With {
		s.SQL += " with " + p.ID().Name
	}
	if a.Main.Verb == diff.Drop && id.Kind == schema.Table {
		s.Effect.Destroys = []plan.Loss{{Table: plan.Name{Name: id.Name}}}
	}
	s.Commit = id.Name == "value"
	large := w.Large(schema.ID{Kind: schema.Table, Name: id.On})
	switch {
	case large && id.Kind == schema.Index:
		s.Stage, s.Effect.NoTx = diff.Build, "alone"
	case large && id.Kind == schema.Constraint && a.Main.Verb == diff.Create && a.Main.After.Get("unchecked") == "":
		left := *a.Main.After
		left.Attrs = left.Attrs.With("unchecked", "yes")
		s.Stage, s.Leaves = diff.NotValid, []schema.Fact{left}
		return []diff.Statement{s, {SQL: "check " + id.Path(), Stage: diff.Validate}}
	}
	return []diff.Statement{s}
}

func fact(kind schema.Kind, name string, pairs ...string) schema.Fact {
	on, last, ok := strings.Cut(name, ".")
	if !ok {
		return schema.Fact{ID: schema.ID{Kind: kind, Name: name}, Attrs: schema.NewAttrs(pairs...)}
	}
	return schema.Fact{ID: schema.ID{Kind: kind, On: on, Name: last}, Of: schema.Table, Attrs: schema.NewAttrs(pairs...)}
}

func needing(f schema.Fact, needs ...schema.Fact) schema.Fact {
	for _, n := range needs {
		f.Needs = append(f.Needs, n.ID)
	}
	return f
}

func shape(facts ...schema.Fact) schema.Schema { return schema.New("toy", 1, slices.Clone(facts)) }

func sql(t *testing.T, a, b schema.Schema, o diff.Options) string {
	t.Helper()
	p, err := diff.Make(a, b, toy{}, o)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(strings.TrimSuffix(p.SQL(), ";\n"), ";\n", "; ")
}

var (
	table  = fact(schema.Table, "t")
	column = fact(schema.Column, "t.a", "type", "int")
	view   = needing(fact(schema.View, "a"), column)
)

func TestWhatIsNeededComesFirstAndGoesLast(t *testing.T) {
	for name, c := range map[string]struct {
		a, b schema.Schema
		want string
	}{
		"made":             {shape(), shape(table, column, view), "create t with a; create a"},
		"dropped":          {shape(table, column, view), shape(), "drop a; drop t with a"},
		"altered":          {shape(table, column), shape(table, fact(schema.Column, "t.a", "type", "text")), "alter t.a"},
		"rebuilt around":   {shape(table, column, view), shape(table, fact(schema.Column, "t.a", "kind", "other"), view), "drop a; drop t.a; create t.a; create a"},
		"nothing":          {shape(table, column, view), shape(table, column, view), ""},
		"in order of name": {shape(), shape(fact(schema.Table, "z"), fact(schema.Table, "b")), "create b; create z"},
	} {
		if got := sql(t, c.a, c.b, diff.Options{}); got != c.want {
			t.Errorf("%s: %s, not %s", name, got, c.want)
		}
	}
}

func TestACircleIsPrinted(t *testing.T) {
	x, y := fact(schema.View, "x"), fact(schema.View, "y")
	_, err := diff.Make(shape(), shape(needing(x, y), needing(y, x)), toy{}, diff.Options{})
	if fault.CodeOf(err) != fault.Internal || !strings.Contains(err.Error(), "create view x") || !strings.Contains(err.Error(), "create view y") {
		t.Errorf("the error is %v", err)
	}
}

func TestRenamesAreDoneInAnOrderThatWorks(t *testing.T) {
	u, v, w := fact(schema.Table, "u"), fact(schema.Table, "v"), fact(schema.Table, "w")
	r := func(from, to schema.Fact) diff.Rename { return diff.Rename{From: from.ID, To: to.ID} }
	for name, c := range map[string]struct {
		a, b    schema.Schema
		renames []diff.Rename
		want    string
	}{
		"one":        {shape(u), shape(v), []diff.Rename{r(u, v)}, "rename u v"},
		"in a row":   {shape(u, v), shape(v, w), []diff.Rename{r(u, v), r(v, w)}, "rename v w; rename u v"},
		"swapped":    {shape(u, v), shape(u, v), []diff.Rename{r(u, v), r(v, u)}, "rename u u_; rename v u; rename u_ v"},
		"with parts": {shape(u, fact(schema.Column, "u.a")), shape(v, fact(schema.Column, "v.b")), []diff.Rename{r(u, v), r(fact(schema.Column, "v.a"), fact(schema.Column, "v.b"))}, "rename u v; rename v.a v.b"},
	} {
		if got := sql(t, c.a, c.b, diff.Options{Renames: c.renames}); got != c.want {
			t.Errorf("%s: %s, not %s", name, got, c.want)
		}
		up, down, class, err := diff.Both(c.a, c.b, toy{}, diff.Options{Renames: c.renames})
		if err != nil || class != diff.Exact || len(up.Changes)+len(down.Changes) > 0 || strings.Count(down.SQL(), "rename") != strings.Count(up.SQL(), "rename") {
			t.Errorf("%s: the way back is %s %s, %v", name, class, down.SQL(), err)
		}
	}
	for name, renames := range map[string][]diff.Rename{"from nothing": {r(w, v)}, "to nothing": {r(u, w)}, "onto another": {r(u, v)}} {
		if _, err := diff.Make(shape(u, v), shape(u, v), toy{}, diff.Options{Renames: renames}); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRemovalsThatLookLikeRenamesAreTold(t *testing.T) {
	p, err := diff.Make(shape(table, column), shape(fact(schema.Table, "u"), fact(schema.Column, "u.a", "type", "int")), toy{}, diff.Options{})
	if err != nil || len(p.Candidates) != 1 || p.Candidates[0].To.Name != "u" {
		t.Errorf("candidates %v, %v", p.Candidates, err)
	}
}

func TestAWayBackIsWorthWhatIsNotLost(t *testing.T) {
	for want, c := range map[diff.Class][2]schema.Schema{
		diff.Exact: {shape(), shape(table)},
		diff.Lossy: {shape(table), shape()},
	} {
		if _, _, class, err := diff.Both(c[0], c[1], toy{}, diff.Options{}); err != nil || class != want {
			t.Errorf("%s, not %s: %v", class, want, err)
		}
	}
}

// legs are the legs of a plan, one to a line.
func legs(t *testing.T, a, b schema.Schema, o diff.Options) string {
	t.Helper()
	up, down, class, err := diff.Both(a, b, toy{}, o)
	if err != nil {
		t.Fatal(err)
	}
	all, err := diff.Legs(a, b, up, down, class, toy{}, o)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	at := a
	for _, l := range all {
		line := func(statements []diff.Statement) string {
			var words []string
			for i, s := range statements {
				if i > 0 && s.Unit > 0 && s.Unit == statements[i-1].Unit {
					words = append(words, "with") // in one transaction
				}
				words = append(words, s.SQL+";")
			}
			return strings.Join(words, " ")
		}
		lines = append(lines, l.Stage.String()+[...]string{"", " apart"}[l.UpMode]+": "+line(l.Up)+" / "+line(l.Down))
		if len(diff.Compare(at, l.Before)) > 0 {
			t.Errorf("%s does not begin where the one before has ended", l.Stage)
		}
		at = l.After
	}
	if len(diff.Compare(at, b)) > 0 {
		t.Error("the last leg does not lead to the end")
	}
	return strings.Join(lines, "\n")
}

func TestAPlanIsCutIntoLegs(t *testing.T) {
	index, check := needing(fact(schema.Index, "t.i"), column), needing(fact(schema.Constraint, "t.k"), column)
	value, user := fact(schema.Enum, "value", "labels", "a"), schema.Fact{}
	grown := fact(schema.Enum, "value", "labels", "ab")
	user = needing(fact(schema.View, "user"), value)
	large := diff.Options{Sizes: diff.Sizes{table.ID: {Rows: 10_001}}}
	for name, c := range map[string]struct {
		a, b schema.Schema
		o    diff.Options
		want string
	}{
		"small": {shape(table, column), shape(table, column, index, check), diff.Options{Sizes: diff.Sizes{table.ID: {Rows: 10_000, Bytes: 8 << 20}}},
			"add: create t.k; create t.i; / drop t.i; drop t.k;"},
		"large": {shape(table, column), shape(table, column, index, check), large,
			"build apart: create t.i; create t.k; check t.k; / drop t.k; drop t.i;"},
		"a small limit": {shape(table, column), shape(table, column, index), diff.Options{Sizes: diff.Sizes{table.ID: {Bytes: 100}}, Small: schema.Size{Rows: 5, Bytes: 5}},
			"build apart: create t.i; / drop t.i;"},
		"always": {shape(table, column), shape(table, column, index), diff.Options{Staging: diff.Always}, "build apart: create t.i; / drop t.i;"},
		"never":  {shape(table, column), shape(table, column, index), diff.Options{Staging: diff.Never, Sizes: large.Sizes}, "add: create t.i; / drop t.i;"},
		"what goes for good is last": {shape(table, column, fact(schema.Table, "gone")), shape(table, column, index, fact(schema.View, "v")), large,
			"add apart: create v; create t.i; / drop t.i; drop v;\ncontract: drop gone; / create gone;"},
		"what needs an index is after it": {shape(table, column), shape(table, column, index, needing(fact(schema.View, "v"), index)), large,
			"add apart: create t.i; create v; / drop v; drop t.i;"},
		"a value is used when it is there": {shape(value), shape(grown, user, fact(schema.View, "v")), diff.Options{},
			"add apart: alter value; with create v; create user; / drop user; drop v; alter value;"},
		"nothing": {shape(table), shape(table), large, ""},
	} {
		if got := legs(t, c.a, c.b, c.o); got != c.want {
			t.Errorf("%s:\n%s\nnot\n%s", name, got, c.want)
		}
	}
}

func TestSizesFollowRenames(t *testing.T) {
	u := fact(schema.Table, "u")
	index := needing(fact(schema.Index, "u.i"), fact(schema.Column, "u.a"))
	o := diff.Options{Sizes: diff.Sizes{table.ID: {Rows: 1 << 20}}, Renames: []diff.Rename{{From: table.ID, To: u.ID}}}
	got := legs(t, shape(table, column), shape(u, fact(schema.Column, "u.a", "type", "int"), index), o)
	if got != "add apart: rename t u; create u.i; / rename u t; drop t.i;" {
		t.Error(got)
	}
}

// Whatever shapes there are, the order keeps what is needed, the legs lead from one
// to the other, and the same shapes give the same plan.
func TestAnyPlanIsInOrder(t *testing.T) {
	draw := func(t *rapid.T, label string) schema.Schema {
		var facts []schema.Fact
		for _, name := range []string{"a", "b", "c"} {
			if !rapid.Bool().Draw(t, label+name) {
				continue
			}
			col := fact(schema.Column, name+".x", "type", rapid.SampledFrom([]string{"1", "2"}).Draw(t, label+name+"type"), "kind", rapid.SampledFrom([]string{"", "1"}).Draw(t, label+name+"kind"))
			facts = append(facts, fact(schema.Table, name), col)
			if rapid.Bool().Draw(t, label+name+"index") {
				facts = append(facts, needing(fact(schema.Index, name+".i"), col))
			}
			if rapid.Bool().Draw(t, label+name+"check") {
				facts = append(facts, needing(fact(schema.Constraint, name+".k"), col))
			}
			if rapid.Bool().Draw(t, label+name+"view") {
				facts = append(facts, needing(fact(schema.View, "v"+name), col))
			}
		}
		return shape(facts...)
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t, "a"), draw(t, "b")
		o := diff.Options{Staging: rapid.SampledFrom([]diff.Staging{diff.Always, diff.Never}).Draw(t, "staging")}
		up, down, class, err := diff.Both(a, b, toy{}, o)
		if err != nil {
			t.Fatal(err)
		}
		all, err := diff.Legs(a, b, up, down, class, toy{}, o)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for _, l := range all {
			text.WriteString(diff.Plan{Statements: l.Up}.SQL())
		}
		again, err := diff.Make(a, b, toy{}, o)
		if err != nil || again.SQL() != up.SQL() || text.String() != up.SQL() {
			t.Fatalf("%v: %s, %s and %s", err, up.SQL(), again.SQL(), text.String())
		}
		at := map[string]int{}
		for i, s := range up.Statements {
			at[s.SQL] = i + 1
		}
		for _, f := range a.Facts() {
			for _, id := range f.Needs {
				if drop, of := at["drop "+f.ID.Path()], at["drop "+id.Path()]; drop > 0 && of > 0 && drop > of {
					t.Fatalf("%s goes after what it needs in\n%s", f.ID, up.SQL())
				}
			}
		}
		for _, f := range b.Facts() {
			for _, id := range f.Needs {
				if made, of := at["create "+f.ID.Path()], at["create "+id.Path()]; made > 0 && of > made {
					t.Fatalf("%s is made before what it needs in\n%s", f.ID, up.SQL())
				}
			}
		}
	})
}
