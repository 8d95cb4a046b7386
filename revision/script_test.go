package revision

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bellowsdb/bellows/fault"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// revs reads one revision per line:
//
//	3 < 1 2 name=slug kind=change needs=1:contract label=x replaces=1..2 file=x.sql
//
// Its file says parents in line 1, needs in line 2, the label in line 3 and what
// is replaced in line 4, each id in a column of its own.
//
// "<" lists the parents, "< none" is a base, no "<" means they are implied.
func revs(t testing.TB, text string) []Revision {
	t.Helper()
	var out []Revision
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		r := Revision{ID: ID(words[0]), Kind: Schema, Implied: true, File: words[0] + ".sql"}
		for _, word := range words[1:] {
			key, value, ok := strings.Cut(word, "=")
			switch {
			case word == "<":
				r.Implied = false
			case !ok && word != "none":
				r.Parents = append(r.Parents, ID(word))
				r.Said.Parents = append(r.Said.Parents, Spot{1, int32(len(r.Parents))})
			case ok:
				set(t, &r, key, value)
			}
		}
		out = append(out, r)
	}
	return out
}

func set(t testing.TB, r *Revision, key, value string) {
	t.Helper()
	switch key {
	case "id":
		r.ID = ID(strings.Trim(value, `"`))
	case "name":
		r.Name = value
	case "kind":
		r.Kind = Kind(value)
	case "label":
		r.Label, r.Said.Label = value, Spot{3, 1}
	case "file":
		r.File = strings.Trim(value, `"`)
	case "needs":
		for need := range strings.SplitSeq(value, ",") {
			id, phase, _ := strings.Cut(need, ":")
			r.Needs = append(r.Needs, Need{ID(id), Phase(phase)})
			r.Said.Needs = append(r.Said.Needs, Spot{2, int32(len(r.Needs))})
		}
	case "replaces":
		from, to, _ := strings.Cut(value, "..")
		r.Replaces, r.Said.Replaces = &Range{ID(from), ID(to)}, Spot{4, 1}
	default:
		t.Fatalf("unknown word %q", key)
	}
}

func graph(t testing.TB, text string) *Graph {
	t.Helper()
	g, err := New(revs(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestGolden runs the scripts in testdata. A script is revisions, then commands
// beginning with ">", each followed by what it gives.
func TestGolden(t *testing.T) {
	for _, name := range []string{"testdata/errors.txtar", "testdata/targets.txtar", "testdata/moves.txtar", "testdata/squash.txtar", "testdata/rebase.txtar"} {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range archive.Files {
			t.Run(f.Name, func(t *testing.T) {
				got := runScript(t, string(f.Data))
				if *update {
					archive.Files[i].Data = []byte(got)
				} else if diff := cmp.Diff(string(f.Data), got); diff != "" {
					t.Error(diff)
				}
			})
		}
		if *update {
			if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func runScript(t *testing.T, text string) string {
	head, rest, _ := strings.Cut(text, "> ")
	out := head
	g, err := New(revs(t, head))
	var applied []ID
	for command := range strings.SplitSeq("> "+rest, "\n> ") {
		line, _, _ := strings.Cut(strings.TrimPrefix(command, "> "), "\n")
		out += "> " + line + "\n"
		words := strings.Fields(line)
		switch {
		case words[0] == "new":
			out += said(err)
			continue
		case err != nil:
			t.Fatal(err)
		case words[0] == "applied":
			applied = ids(words[1:])
			continue
		case words[0] == "see": // as the database sees it
			view, list, err := g.Effective(ids(words[1:]))
			if out += said(err); err == nil {
				g, applied = view, list
				out += fmt.Sprintln("applied:", join(applied)) + fmt.Sprintln("pending:", join(g.Pending(NewSet(applied...))))
			}
			continue
		}
		out += answer(t, g, applied, words)
	}
	return out + "\n"
}

func answer(t *testing.T, g *Graph, applied []ID, words []string) string {
	set := NewSet(applied...)
	arg := strings.Join(words[1:], " ")
	switch words[0] {
	case "order":
		return join(g.Order()) + "\n"
	case "heads":
		return join(g.Heads()) + "\n"
	case "bases":
		return join(g.Bases()) + "\n"
	case "parents":
		return join(g.Parents(ID(arg))) + "\n"
	case "current":
		return join(g.Current(set).Sorted()) + "\n"
	case "branch":
		return join(g.Branch(arg).Sorted()) + "\n"
	case "late":
		return join(g.OutOfOrder(applied)) + "\n"
	case "missing":
		return join(g.Missing(applied)) + "\n"
	case "covered":
		return join(g.Covered(ID(arg))) + "\n"
	case "resolve", "unasked": // with and without a database
		if words[0] == "unasked" {
			set = nil
		}
		target, err := g.Target(arg, set)
		if err != nil {
			return said(err)
		}
		phase := ""
		if target.Phase != "" {
			phase = " phase " + string(target.Phase)
		}
		return join(target.IDs.Sorted()) + phase + "\n"
	case "range":
		from, to, err := g.ResolveRange(arg, set)
		if err != nil {
			return said(err)
		}
		return fmt.Sprintf("(%s, %s] holds %s\n", join(from.Sorted()), join(to.Sorted()), join(g.Between(from, to)))
	case "path":
		from, to, err := g.ResolveRange(arg, set)
		if err != nil {
			return said(err)
		}
		return moved(g.Path(from, to))
	case "up", "down":
		target, err := g.Target(arg, set)
		if err != nil {
			return said(err)
		}
		if words[0] == "up" {
			return moved(g.Up(set, target))
		}
		return moved(g.PathDown(applied, target))
	case "merge":
		parents, err := g.Merge(NewSet(ids(words[1:])...))
		if err != nil {
			return said(err)
		}
		return join(parents) + "\n"
	case "rebase":
		changes, err := g.Rebase(set, ID(arg))
		if err != nil {
			return said(err)
		}
		var b strings.Builder
		for _, c := range changes {
			fmt.Fprintln(&b, c)
		}
		return b.String()
	}
	t.Fatalf("unknown command %q", words[0])
	return ""
}

func ids(words []string) []ID {
	var out []ID
	for _, w := range words {
		out = append(out, ID(w))
	}
	return out
}

func join(ids []ID) string {
	if len(ids) == 0 {
		return "(none)"
	}
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = string(id)
	}
	return strings.Join(words, " ")
}

func moved(moves []Move, err error) string {
	if err != nil {
		return said(err)
	}
	if len(moves) == 0 {
		return "(no moves)\n"
	}
	var words []string
	for _, m := range moves {
		words = append(words, map[Direction]string{Up: "+", Down: "-"}[m.Direction]+string(m.ID))
	}
	return strings.Join(words, " ") + "\n"
}

// several is what errors.Join gives.
type several interface{ Unwrap() []error }

// said gives every fault that was joined, with its code and hint.
func said(err error) string {
	if err == nil {
		return ""
	}
	all := []error{err}
	if joined, ok := err.(several); ok {
		all = joined.Unwrap()
	}
	var b strings.Builder
	for _, err := range slices.Clone(all) {
		f, ok := err.(*fault.Error)
		if !ok {
			return fmt.Sprintf("not a fault: %v", err)
		}
		fmt.Fprintf(&b, "%s: %s\n  hint: %s\n", f.Code, f.Error(), f.Hint)
	}
	return b.String()
}
