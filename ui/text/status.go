package text

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/ui/answer"
)

// newest is how many applied migrations a status shows when not asked for all.
const newest = 10

func writeStatus(p *page, a answer.Status) {
	s := a.Status
	head := fmt.Sprintf("%s: %s applied, %s pending", a.On, count(int64(counted(s.Revisions))), count(int64(s.Pending)))
	p.line("%s", clean(strings.TrimPrefix(head, ": ")))
	if !s.LedgerExists {
		p.line("%s", p.dim("nothing was ever recorded in this database"))
	}
	p.line("%s  %s", p.dim("current"), clean(list(s.Current)))
	p.line("%s  %s", p.dim("heads  "), clean(list(s.Heads)))
	if s.Holder != nil {
		p.line("%s  %s", p.yellow("at work"), HolderText(*s.Holder))
	}
	shown, hidden := s.Revisions, 0
	if !a.All {
		shown, hidden = recent(s.Revisions)
	}
	if hidden > 0 {
		p.line("\n%s", p.dim(fmt.Sprintf("%s applied earlier: bellows status --all", count(int64(hidden)))))
	} else if len(shown) > 0 {
		p.line("")
	}
	if len(shown) > 0 {
		p.table(statusTable(p, shown, a.Fills))
	}
	for _, r := range shown {
		if r.Error != "" {
			p.line("\n%s %s", p.red(revisionText(r.ID, r.Name)+" failed:"), indentRest(lines(r.Error), "  "))
		}
	}
	for _, c := range a.Changes {
		for _, w := range c.WaitingFor {
			p.line("%s %s", p.yellow(clean(c.Revision)+" waits for:"), indentRest(lines(w), "  "))
		}
		for _, x := range answer.Faults(c.Trouble) {
			p.line("%s %s", p.red(clean(c.Revision)+" trouble:"), indentRest(lines(x.Message), "  "))
		}
	}
	for _, err := range s.Problems {
		for _, x := range answer.Faults(err) {
			p.line("\n%s %s", p.red("problem:"), indentRest(lines(x.Message), "  "))
			if x.Pos != nil {
				p.line("  at %s", clean(x.Pos.String()))
			}
			if x.Hint != "" {
				p.line("%s %s", p.cyan("hint:"), indentRest(lines(x.Hint), "  "))
			}
		}
	}
}

func counted(all []bellows.Revision) int {
	n := 0
	for _, r := range all {
		if !r.AppliedAt.IsZero() && r.State != "pending" { // a repeatable one may be to be run again
			n++
		}
	}
	return n
}

// recent leaves out all but the newest of those that are simply applied.
func recent(all []bellows.Revision) (shown []bellows.Revision, hidden int) {
	left := newest
	for _, r := range slices.Backward(all) {
		if r.State == "applied" && r.Error == "" && !r.Current {
			if left--; left < 0 {
				hidden++
				continue
			}
		}
		shown = append(shown, r)
	}
	slices.Reverse(shown)
	return shown, hidden
}

func statusTable(p *page, all []bellows.Revision, fills []bellows.Backfill) table {
	t := table{head: []string{"state", "revision", "name", "kind", "applied (UTC)", "took", "notes"}, drop: []int{3, 5, 4}, keep: []int{0, 1, 4}}
	for _, r := range all {
		row := []cell{{r.State, p.state(r.State)}, plain(r.ID), plain(r.Name), {r.Kind, p.dim}, plain(when(r.AppliedAt))}
		if r.AppliedAt.IsZero() {
			row = append(row, plain(""))
		} else {
			row = append(row, plain(took(r.Duration)))
		}
		t.row(append(row, cell{strings.Join(remarks(r, fills), ", "), p.yellow})...)
	}
	return t
}

// state is the colour of a state.
func (p *page) state(s string) func(string) string {
	switch s {
	case "applied":
		return p.green
	case "failed", "edited", "missing":
		return p.red
	case "running", "held":
		return p.yellow
	}
	return p.bold
}

// remarks are what is special about a revision.
func remarks(r bellows.Revision, fills []bellows.Backfill) []string {
	var all []string
	for _, b := range fills {
		if b.Revision == r.ID {
			all = append(all, fillRemark(b))
		}
	}
	if r.Phase != "" {
		all = append(all, "phase "+r.Phase)
	}
	if r.Current {
		all = append(all, "current")
	}
	if r.OutOfOrder {
		all = append(all, "out of order")
	}
	return all
}
