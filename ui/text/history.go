package text

import (
	"strings"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/ui/answer"
)

func writeHistory(p *page, a answer.History) {
	if len(a.Revisions) == 0 {
		p.line("no migrations")
		return
	}
	t := table{head: []string{"revision", "name", "kind", "revises", "state", "applied (UTC)", "by"}, drop: []int{6, 2, 5, 3}, keep: []int{0, 3, 4, 5}}
	if !a.Known {
		t.head = t.head[:4]
	}
	for _, r := range a.Revisions {
		row := []cell{plain(r.ID), plain(tagged(r)), {r.Kind, p.dim}, plain(parents(r))}
		if a.Known {
			row = append(row, cell{r.State, p.state(r.State)}, plain(when(r.AppliedAt)), cell{r.By, p.dim})
		}
		t.row(row...)
	}
	p.table(t)
}

func parents(r bellows.Revision) string {
	if len(r.Parents) == 0 {
		if r.Kind == "repeatable" {
			return ""
		}
		return "base"
	}
	return strings.Join(r.Parents, ", ")
}

// tagged is the name with the branch that starts there, and whether it is a tip.
func tagged(r bellows.Revision) string {
	s := r.Name
	if r.Label != "" {
		s += " @" + r.Label
	}
	if r.Head {
		s += " (head)"
	}
	return s
}

func writeJournal(p *page, a answer.Journal) {
	if len(a.Entries) == 0 {
		p.line("the journal is empty")
		return
	}
	t := table{head: []string{"no", "at (UTC)", "action", "revision", "by", "tool", "tag", "detail"}, drop: []int{5, 6, 4, 0}, keep: []int{1, 3}}
	for _, e := range a.Entries {
		t.row(cell{count(e.Seq), p.dim}, plain(exactly(e.At)), plain(e.Action), plain(e.Revision), plain(e.Actor),
			cell{e.Tool, p.dim}, plain(e.Tag), plain(e.Detail))
	}
	p.table(t)
}

func writeHeads(p *page, a answer.Heads) {
	if len(a.Heads) == 0 {
		p.line("no migrations")
		return
	}
	t := table{drop: []int{2}, keep: []int{0, 3}}
	for _, r := range a.Heads {
		name := r.Name
		if r.Label != "" {
			name += " @" + r.Label
		}
		state := r.State
		if r.Current {
			state = "current"
		}
		t.row(cell{r.ID, p.bold}, plain(name), cell{r.File, p.dim}, cell{state, p.state(r.State)})
	}
	p.table(t)
}
