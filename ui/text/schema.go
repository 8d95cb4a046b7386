package text

import (
	"strings"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/ui/answer"
)

// unmodelled names what was found and is not described.
func (f *Face) unmodelled(all []schema.Unmodelled) {
	for _, u := range all {
		why := ""
		if u.Why != "" {
			why = ": " + u.Why
		}
		f.Say("not described: %s %s%s", u.Kind, u.Name, why)
	}
}

// difference prints how one schema becomes another; exact tells that it is SQL
// that was asked for.
func (f *Face) difference(p *page, a answer.Diff) (exact bool) {
	d := a.Difference
	f.unmodelled(d.From.Unmodelled)
	f.unmodelled(d.To.Unmodelled)
	switch {
	case a.Form == "sql":
		p.text(d.SQL(revision.Up))
		return true
	case d.Empty() && a.Form == "files":
		p.line("nothing to write: %s and %s are the same", a.FromName, a.ToName)
	case d.Empty():
		p.line("no difference")
	case a.Form == "files":
		f.drafted(a)
		f.files(p, a.Files)
	case a.Form == "check":
		writeChanges(p, d)
	default:
		writeChanges(p, d)
		writeWay(p, d.Up)
		for _, r := range d.Up.Candidates {
			p.line("-- %s may have become %s by a rename: --rename %s=%s", r.From, r.To.Path(), r.From.Path(), r.To.Path())
		}
	}
	return false
}

// drafted tells, beside the answer, what is in the files that were written.
func (f *Face) drafted(a answer.Diff) {
	for _, line := range changeLines(a.Difference) {
		f.Say("%s", line)
	}
	for _, h := range a.Difference.Up.Hazards() {
		f.Say("%s: %s: %s", h.Code, h.Object, h.Text)
	}
	if a.Difference.Class != diff.Exact {
		f.Say("the way back is %s", a.Difference.Class)
	}
}

// changeLines are the renames and the changes. What comes or goes with what it
// lives on is not listed.
func changeLines(d bellows.Difference) []string {
	var lines []string
	for _, r := range d.Renames {
		lines = append(lines, "> "+r.From.String()+" is "+r.To.Path()+" now")
	}
	came := map[schema.ID]bool{}
	for i := range d.Up.Changes {
		if c := &d.Up.Changes[i]; c.Before == nil || c.After == nil {
			came[c.ID()] = true
		}
	}
	for i := range d.Up.Changes {
		c := &d.Up.Changes[i]
		f := c.After
		if f == nil {
			f = c.Before
		}
		if parent := f.Parent(); !came[c.ID()] || !came[parent] {
			lines = append(lines, c.String())
		}
	}
	return lines
}

func writeChanges(p *page, d bellows.Difference) {
	for _, line := range changeLines(d) {
		p.line("%s", line)
	}
}

// writeWay prints statements, each with what somebody should know of it.
func writeWay(p *page, way diff.Plan) {
	if len(way.Statements) > 0 {
		p.line("")
	}
	for _, s := range way.Statements {
		for _, h := range s.Hazards {
			p.line("-- %s: %s: %s", h.Code, h.Object, h.Text)
		}
		p.text(s.SQL + ";\n")
	}
	for _, u := range way.Unsolved {
		p.line("-- there is no statement for this: %s", strings.ReplaceAll(u, "\n", " "))
	}
}

// writeChoice prints both plans of a rename that nobody decided about.
func writeChoice(p *page, c bellows.Choice) {
	p.line("If it is a rename:")
	writeWay(p, c.Renamed)
	p.line("")
	p.line("If it is not:")
	writeWay(p, c.Replaced)
}
