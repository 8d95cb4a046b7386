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
	case a.Form == "back":
		p.text(d.SQL(revision.Down))
		return true
	case d.Empty() && a.Form == "drift":
		p.line("%s: no drift", a.ToName)
	case d.Empty() && a.Form == "files":
		p.line("nothing to write: %s and %s are the same", a.FromName, a.ToName)
	case d.Empty():
		p.line("no difference")
	case a.Form == "files":
		f.drafted(a)
		f.files(p, a.Files)
	case a.Form == "check", a.Form == "drift":
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

// changeLines are the renames and the changes.
func changeLines(d bellows.Difference) []string {
	var lines []string
	for _, r := range d.Renames {
		lines = append(lines, "> "+r.From.String()+" is "+r.To.Path()+" now")
	}
	for _, r := range d.Archived {
		lines = append(lines, "^ "+r.From.String()+" is kept as "+r.To.Path())
	}
	return append(lines, shortened(d.Up.Changes)...)
}

// shortened are changes without what comes or goes with what it lives on.
func shortened(changes []diff.Change) []string {
	var lines []string
	came := map[schema.ID]bool{}
	for i := range changes {
		if c := &changes[i]; c.Before == nil || c.After == nil {
			came[c.ID()] = true
		}
	}
	for i := range changes {
		c := &changes[i]
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

// archives lists what was put aside, or dropped for good.
func (f *Face) archives(p *page, a answer.Archives) {
	switch {
	case len(a.Archives) == 0 && a.Purged:
		p.line("nothing to purge: no archive is past its time")
	case len(a.Archives) == 0:
		p.line("nothing is archived")
	}
	for _, x := range a.Archives {
		if a.Purged {
			p.line("dropped for good: %s %s", x.Kind, x.Name)
			continue
		}
		rows := ""
		if x.Rows >= 0 {
			rows = ", about " + many(int(x.Rows), "row")
		}
		p.line("%s %s is kept as %s%s", x.Kind, x.Name, x.Place, rows)
		if x.Revision != "" {
			p.line("  since %s %s; to be purged after %s; bellows down has it again", x.Revision, x.RevisionName, x.Due().Format("2006-01-02"))
		}
	}
}

// writeVerified lists the migrations whose way back does not lead back, and what
// is left; the others are counted.
func writeVerified(p *page, v bellows.Verification) {
	counts := map[string]int{}
	for _, r := range v.Revisions {
		counts[r.State]++
		if r.State == "exact" || r.State == "irreversible" {
			continue
		}
		p.line("%s %s: the way back %s", r.ID, r.Name, map[string]string{"differs": "does not lead back", "failed": "fails"}[r.State])
		for _, err := range answer.Faults(r.Err) {
			p.line("  %s", err.Message)
			if err.Pos != nil {
				p.line("  at %s", err.Pos)
			}
		}
		for _, line := range shortened(r.Left) {
			p.line("  after it: %s", line)
		}
		for _, line := range shortened(r.Again) {
			p.line("  after the second way up: %s", line)
		}
	}
	for _, err := range v.Problems {
		for _, f := range answer.Faults(err) {
			p.line("%s", f.Message)
		}
	}
	line := many(counts["exact"], "way") + " back " + map[bool]string{true: "leads", false: "lead"}[counts["exact"] == 1] + " exactly back"
	if n := counts["irreversible"]; n > 0 {
		line += ", " + many(n, "migration") + " without one"
	}
	if n := counts["differs"] + counts["failed"]; n > 0 {
		line += ", " + count(int64(n)) + map[bool]string{true: " does", false: " do"}[n == 1] + " not"
	}
	p.line("%s", line)
}
