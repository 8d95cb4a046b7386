package text

import (
	"fmt"
	"strings"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/ui/answer"
)

// run sums up what a verb that acts did. A quiet face says nothing of success.
func (f *Face) run(p *page, o answer.Outcome, a answer.Run) {
	if f.o.Quiet {
		return
	}
	r := a.Report
	defer writePlanned(p, a)
	if len(r.Applied)+len(r.Reverted) == 0 {
		if o.Err == nil && len(a.Planned)+len(r.Changed) == 0 {
			p.line("%s", nothing(o.Verb))
		}
		return
	}
	var parts []string
	if n := len(r.Reverted); n > 0 {
		parts = append(parts, verbed(o.Verb, "reverted")+" "+many(n, "migration"))
	}
	if n := len(r.Applied); n > 0 {
		parts = append(parts, verbed(o.Verb, "applied")+" "+many(n, "migration"))
	}
	if o.Verb == "try" {
		parts[0], parts[len(parts)-1] = parts[len(parts)-1], parts[0]
	}
	s := strings.Join(parts, ", ")
	if r.Duration > 0 {
		s += " in " + took(r.Duration)
	}
	if o.Err != nil {
		s += ", then stopped"
	}
	p.line("%s", s)
}

// writePlanned names the backfills that were not waited for.
func writePlanned(p *page, a answer.Run) {
	for _, b := range a.Planned {
		p.line("%s", clean(fmt.Sprintf("planned %s: %s; what comes after it waits for bellows backfill run %s", fillName(b), fillRows(b), b.Revision)))
	}
}

func nothing(verb string) string {
	switch verb {
	case "backfill run":
		return "nothing to do: no backfill is under way"
	case "down", "redo":
		return "nothing to revert"
	case "stamp":
		return "nothing to record: it is so already"
	}
	return "nothing to apply: the database is up to date"
}

// verbed is what was done, for a verb: stamp only records.
func verbed(verb, did string) string {
	if verb == "stamp" {
		return "recorded as " + did + ":"
	}
	return did
}

// files names each path on a line of its own, for scripts to read.
func (f *Face) files(p *page, a answer.Files) {
	for _, name := range a.Written {
		p.line("%s", clean(name))
	}
	if f.o.Quiet {
		return
	}
	for _, name := range a.Removed {
		f.say(f.err.dim("removed"), "%s", clean(name))
	}
	if a.ID != "" {
		f.say(f.err.dim("revises"), "%s", clean(list(a.Revises)))
	}
}

func (f *Face) repaired(p *page, a answer.Repaired) {
	if f.o.Quiet {
		return
	}
	for _, x := range a.Actions {
		p.line("%s", strings.TrimSpace(x.Action+" "+clean(x.Revision)))
	}
}

func (f *Face) database(p *page, a answer.Database) {
	if f.o.Quiet {
		return
	}
	switch {
	case a.Action == "wait":
		p.line("%s answers", clean(a.On))
	case a.Action == "create" && a.Changed:
		p.line("created %s", clean(a.On))
	case a.Action == "create":
		p.line("%s is there already", clean(a.On))
	case a.Changed:
		p.line("dropped %s", clean(a.On))
	default:
		p.line("%s is not there", clean(a.On))
	}
}

func writeLock(p *page, a answer.Lock) {
	switch {
	case a.Holder == nil:
		p.line("nobody holds the lock")
	case a.Removed:
		p.line("freed the lock of %s", HolderText(*a.Holder))
	default:
		p.line("the lock is held by %s", HolderText(*a.Holder))
	}
}

func writeTroubles(p *page, a answer.Troubles) {
	if len(a.Troubles) == 0 {
		p.line("nothing to repair")
		return
	}
	for i, t := range a.Troubles {
		if i > 0 {
			p.line("")
		}
		head := t.Kind
		if t.Revision != "" {
			head += "  " + clean(t.Revision)
		}
		p.line("%s  %s", p.yellow(head), indentRest(lines(t.Text), "  "))
		if t.Total > 0 {
			p.line("  done       %d of %s", t.Done, many(t.Total, "statement"))
		}
		if t.Statement != "" {
			p.line("  next       %s", indentRest(lines(strings.TrimSpace(t.Statement)), "             "))
		}
		if t.Error != "" && !strings.Contains(t.Text, t.Error) {
			p.line("  error      %s", indentRest(lines(t.Error), "             "))
		}
		for i, c := range t.Actions {
			p.line("  %-10s %s", map[bool]string{true: "do one of"}[i == 0], p.cyan(clean(c)))
		}
	}
}

func writeConfig(p *page, a answer.Config) {
	var t table
	for _, s := range a.Settings {
		value := plain(s.Value)
		if s.Value == "" {
			value = cell{"-", p.dim}
		}
		t.row(cell{s.Key, p.bold}, value, cell{s.From, p.dim})
	}
	p.table(t)
}

func writeVersion(p *page, a answer.Version) {
	s := "bellows " + a.Version
	if a.Build != "" {
		s += ", build " + clean(a.Build)
	}
	if a.Commit != "" {
		s += ", commit " + clean(a.Commit)
	}
	p.line("%s, %s %s/%s", s, a.Go, a.OS, a.Arch)
}

// writeLosses lists what will be destroyed.
func writeLosses(p *page, losses []event.Destroys) {
	for _, l := range losses {
		p.line("  %s  %s: %s", p.yellow("destroys"), clean(l.ID), LossText(l))
	}
}
