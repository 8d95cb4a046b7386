package text

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/ui/answer"
)

// backfills tells how far backfills are: those that are not at their end at
// length, the others in a line each.
func (f *Face) backfills(p *page, a answer.Backfills) {
	if a.Did != "" {
		for _, b := range a.Fills {
			if !f.o.Quiet {
				p.line("%s", clean(strings.TrimSpace(a.Did+" "+fillName(b)+": "+fillRows(b)+then(a.Did, b))))
				if a.Did == "set" {
					p.line("%s", settingText(b.Setting))
				}
			}
		}
		return
	}
	if len(a.Fills) == 0 {
		p.line("no backfill has begun")
		return
	}
	ended := table{head: []string{"state", "revision", "name", "direction", "table", "rows", "changed", "ended (UTC)", "took"}, drop: []int{3, 8, 7, 4}, keep: []int{1, 7}}
	var open []bellows.Backfill
	for _, b := range a.Fills {
		if !fillEnded(b) {
			open = append(open, b)
			continue
		}
		ended.row(cell{b.State, p.state(b.State)}, plain(b.Revision), plain(b.Name), plain(b.Direction), plain(b.Table), plain(count(b.RowsDone)),
			plain(count(b.RowsChanged)), plain(when(b.FinishedAt)), plain(tookOf(b)))
	}
	if len(ended.rows) > 0 {
		p.table(ended)
	}
	for i, b := range open {
		if i > 0 || len(ended.rows) > 0 {
			p.line("")
		}
		writeFill(p, b)
	}
}

func fillEnded(b bellows.Backfill) bool { return b.State == "applied" || b.State == "cancelled" }

func fillName(b bellows.Backfill) string {
	s := revisionText(b.Revision, b.Name)
	if b.Direction == "down" {
		s += ", down"
	}
	return s
}

// fillRows is how far a backfill is.
func fillRows(b bellows.Backfill) string {
	s := fmt.Sprintf("%s of %s (%d %%)", count(b.RowsDone), rows(b.RowsTotal), share(b.RowsDone, b.RowsTotal))
	if b.Sweep > 1 {
		s += fmt.Sprintf(", sweep %d", b.Sweep)
	}
	return s + ", " + count(b.RowsChanged) + " changed"
}

// then is what a decision means for what is to come.
func then(did string, b bellows.Backfill) string {
	switch {
	case did == "cancelled":
		return "; what was done is kept, and bellows " + b.Direction + " begins it anew"
	case did == "paused":
		return "; workers stop after the chunk they are at"
	case b.Workers == 0 && b.State != "paused":
		return "; nobody works on it: bellows backfill run " + b.Revision
	}
	return ""
}

func writeFill(p *page, b bellows.Backfill) {
	p.line("%s  %s", p.bold(clean(fillName(b))), p.state(fillState(b.State))(clean(b.State)))
	field := func(name, value string) {
		if value != "" {
			p.line("  %s %s", p.dim(fmt.Sprintf("%-8s", name)), indentRest(lines(value), "           "))
		}
	}
	field("table", b.Table)
	field("goes by", b.Reason)
	field("rows", fillRows(b))
	field("pace", fillPace(b))
	field("limit", b.LimitedBy)
	if !b.StartedAt.IsZero() {
		field("begun", exactly(b.StartedAt)+" UTC")
	}
	field("set to", settingText(b.Setting))
	if b.Poison > 0 {
		field("aside", rows(b.Poison)+", see bellows backfill poison list "+b.Revision)
	}
	field("error", b.Error)
	field("next", nextOf(b))
}

// settingText is what a backfill is set to.
func settingText(s bellows.BackfillSetting) string {
	var all []string
	if s.Target != nil {
		all = append(all, "target "+s.Target.String())
	}
	if s.Rows != nil {
		all = append(all, "chunks of at most "+rows(*s.Rows))
	}
	if s.Pause != nil && *s.Pause > 0 {
		all = append(all, "pause "+s.Pause.String())
	}
	if s.Workers != nil {
		all = append(all, many(int(*s.Workers), "worker")+" in each process")
	}
	if s.Poison != nil && *s.Poison > 0 {
		all = append(all, "up to "+rows(*s.Poison)+" set aside")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Limits)) {
		all = append(all, name+" "+s.Limits[name])
	}
	return strings.Join(all, ", ")
}

func fillPace(b bellows.Backfill) string {
	var all []string
	if b.Rate > 0 {
		all = append(all, pace(b.Rate))
	}
	if b.ETA > 0 {
		all = append(all, "about "+left(b.ETA)+" left")
	}
	if b.ChunkSize > 0 && b.Workers > 0 {
		all = append(all, "chunks of "+count(b.ChunkSize))
	}
	if b.Workers > 0 {
		all = append(all, many(b.Workers, "worker"))
	}
	return strings.Join(all, ", ")
}

// fillState is the state of a migration whose colour suits that of a backfill.
func fillState(state string) string {
	switch state {
	case "stopped":
		return "failed"
	case "checked":
		return "applied"
	}
	return "running"
}

// nextOf is the command that brings a backfill on, "" when it goes on by itself.
func nextOf(b bellows.Backfill) string {
	switch {
	case b.State == "paused":
		return "bellows backfill resume " + b.Revision
	case b.State == "stopped" && b.Poison > 0:
		return "bellows backfill poison list " + b.Revision
	case b.Workers == 0:
		return "bellows backfill run " + b.Revision
	}
	return ""
}

func (f *Face) poison(p *page, a answer.Poison) {
	if a.Did != "" {
		if f.o.Quiet {
			return
		}
		s := fmt.Sprintf("%s %s of %s", a.Did, rows(int64(a.Count)), a.Fill.Table)
		if a.Count > 0 {
			s += "; to go on: bellows backfill run " + a.Fill.Revision
		}
		p.line("%s", clean(s))
		return
	}
	if len(a.Rows) == 0 {
		p.line("no row of %s was set aside", clean(a.Fill.Table))
		return
	}
	for _, r := range a.Rows {
		writePoison(p, r)
	}
}

// writePoison tells of one row in full: a reason that is cut is of no use.
func writePoison(p *page, r bellows.PoisonRow) {
	state := fmt.Sprintf("%-6s", r.State)
	p.line("%s  %s  %s", p.state(poisonState(r.State))(clean(state)), p.bold(clean(r.Key)), p.dim(clean(r.Code+", "+many(int(r.Attempts), "attempt"))))
	p.line("        %s", indentRest(lines(r.Reason), "        "))
	if r.State == "waived" {
		p.line("        let be by %s: %s", clean(r.By), indentRest(lines(r.Why), "        "))
	}
}

// poisonState is the state of a migration whose colour suits that of a row.
func poisonState(state string) string {
	if state == "open" {
		return "failed"
	}
	return "applied"
}

// fillRemark is how far a backfill is, in the line of its migration.
func fillRemark(b bellows.Backfill) string {
	s := fmt.Sprintf("%d %%", share(b.RowsDone, b.RowsTotal))
	switch {
	case b.State != "running":
		s = b.State + " at " + s
	case b.Rate > 0:
		s += ", " + pace(b.Rate)
	case b.Workers == 0:
		s += ", nobody at work"
	}
	if b.Poison > 0 {
		s += fmt.Sprintf(", %s set aside", count(b.Poison))
	}
	return s
}

// tookOf is how long a backfill took; "" where no row was ever tried.
func tookOf(b bellows.Backfill) string {
	if b.StartedAt.IsZero() {
		return ""
	}
	return took(b.FinishedAt.Sub(b.StartedAt))
}
