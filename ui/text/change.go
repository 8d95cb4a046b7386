package text

import (
	"fmt"
	"strings"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/ui/answer"
)

// changes tells how far changes are.
func (f *Face) changes(p *page, a answer.Changes) {
	if a.Did != "" {
		for _, c := range a.Changes {
			if f.o.Quiet {
				continue
			}
			p.line("%s", clean(a.Did+" "+revisionText(c.Revision, c.Name)))
			if !a.Ended {
				writeChange(p, c)
			}
		}
		return
	}
	if len(a.Changes) == 0 {
		p.line("no change has begun")
		return
	}
	for i, c := range a.Changes {
		if i > 0 {
			p.line("")
		}
		p.line("%s", p.bold(clean(revisionText(c.Revision, c.Name))))
		writeChange(p, c)
	}
}

// writeChange tells of one change what people need to bring it on.
func writeChange(p *page, c bellows.Change) {
	field := func(name, value string) {
		if value != "" {
			p.line("  %s %s", p.dim(fmt.Sprintf("%-9s", name)), indentRest(lines(value), "            "))
		}
	}
	field("phase", c.Phase)
	field("table", c.Table+": "+strings.Join(c.Old, ", ")+" to "+strings.Join(c.New, ", "))
	field("gate", c.Gate)
	for _, w := range c.WaitingFor {
		field("waits for", w)
	}
	field("proof", proofText(c.Proof))
	if q := c.Proof; q.Unexplained > 0 {
		field("look at", fmt.Sprintf("%s whose new side forward does not give: %s", rows(q.Unexplained), someOf(q.Strange, q.Unexplained)))
	}
	for _, h := range c.Holds {
		field("hold", holdText(h))
	}
	for _, w := range c.Writes {
		field(w.Side+" side", writesText(w))
	}
	if !c.KeptUntil.IsZero() && c.Phase == "contract" {
		field("kept", "until "+exactly(c.KeptUntil)+" UTC")
	}
	for _, x := range answer.Faults(c.Trouble) {
		p.line("  %s %s", p.red(fmt.Sprintf("%-9s", "trouble")), indentRest(lines(x.Message), "            "))
		field("", x.Hint)
	}
}

func proofText(q bellows.Proof) string {
	switch {
	case q.Void != "":
		return "void: " + q.Void
	case !q.Made:
		return ""
	case !q.Valid:
		text := fmt.Sprintf("%s of %s disagree, counted %s UTC", count(q.Mismatches), rows(q.Rows), exactly(q.At))
		if len(q.Sample) > 0 {
			text += ": " + someOf(q.Sample, q.Mismatches)
		}
		return text
	}
	return fmt.Sprintf("none of %s disagrees, counted %s UTC", rows(q.Rows), exactly(q.At))
}

// someOf are the keys of a few of so many rows.
func someOf(keys []string, of int64) string {
	text := strings.Join(keys, "; ")
	if int64(len(keys)) < of {
		text += "; …"
	}
	return text
}

func holdText(h bellows.Hold) string {
	s := h.Name
	if h.Quiet > 0 {
		s += fmt.Sprintf(" (quiet for %s)", h.Quiet)
	}
	if !h.Approved {
		return s + ": open"
	}
	s += fmt.Sprintf(": approved by %s, %s UTC", h.By, exactly(h.At))
	if h.Why != "" {
		s += ", " + h.Why
	}
	return s
}

func writesText(w bellows.SideWrites) string {
	name := w.Application
	if name == "" {
		name = "(an application without a name)"
	}
	return fmt.Sprintf("%s, last %s UTC", name, exactly(w.Last))
}
