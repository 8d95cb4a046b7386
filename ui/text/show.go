package text

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/ui/answer"
)

func writeShow(p *page, a answer.Show) {
	r := a.Revision
	p.line("%s", p.bold(clean(string(r.ID)+"  "+r.Name)))
	var t table
	t.indent = "  "
	field := func(name, value string) {
		if value != "" {
			t.row(cell{name, p.dim}, plain(value))
		}
	}
	field("kind", string(r.Kind))
	field("file", r.File)
	field("revises", list(a.Parents))
	field("next", strings.Join(a.Children, ", "))
	field("label", r.Label)
	field("needs", needs(r.Needs))
	if r.Replaces != nil {
		field("replaces", string(r.Replaces.From)+" to "+string(r.Replaces.To))
	}
	if a.Script.Fill != nil {
		field("in chunks", fillOptions(a.Script.Fill))
	}
	field("checksum", r.Checksum)
	field("state", a.State.State)
	if !a.State.AppliedAt.IsZero() {
		field("applied", exactly(a.State.AppliedAt)+" UTC in "+took(a.State.Duration)+by(a.State.By))
	}
	field("error", a.State.Error)
	p.table(t)
	writeScript(p, a.Script)
}

// fillOptions is what is set of a backfill.
func fillOptions(s *revision.FillSpec) string {
	all := []string{"table " + s.Table}
	for _, o := range []struct{ name, value string }{
		{"key ", strings.Join(s.Key, ", ")}, {"rows ", unlessZero(s.Rows)}, {"target ", unlessNone(s.Target)}, {"workers ", unlessZero(s.Workers)},
		{"pause ", unlessNone(s.Pause)}, {"poison ", unlessZero(s.Poison)}, {"program ", s.Program}, {"function ", s.Function},
		{"program_timeout ", unlessNone(s.ProgramTimeout)},
	} {
		if o.value != "" {
			all = append(all, o.name+o.value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Limits)) {
		all = append(all, name+" "+s.Limits[name])
	}
	return strings.Join(all, "; ")
}

func unlessZero(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func unlessNone(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func by(who string) string {
	if who == "" {
		return ""
	}
	return " by " + who
}

func needs(all []revision.Need) string {
	var words []string
	for _, n := range all {
		s := string(n.ID)
		if n.Phase != "" {
			s += ":" + string(n.Phase)
		}
		words = append(words, s)
	}
	return strings.Join(words, ", ")
}

// writeScript prints each section as its author wrote it.
func writeScript(p *page, s revision.Script) {
	if s.Go {
		p.line("\n%s", p.dim("written in Go"))
		return
	}
	for _, x := range answer.Sections(s) {
		writeSection(p, x)
	}
	if s.Irreversible != nil {
		p.line("\n%s %s", p.yellow("irreversible:"), clean(*s.Irreversible))
	}
}

func writeSection(p *page, s answer.Section) {
	var options []string
	if s.Tx == revision.TxEach {
		options = append(options, "each statement alone")
	}
	if s.Mixed {
		options = append(options, "schema and data mixed")
	}
	for _, o := range []struct {
		name string
		d    time.Duration
	}{{"lock timeout ", s.LockTimeout}, {"statement timeout ", s.StatementTimeout}} {
		if o.d > 0 {
			options = append(options, o.name+o.d.String())
		}
	}
	head := s.Name
	if len(options) > 0 {
		head += " (" + strings.Join(options, ", ") + ")"
	}
	p.line("\n%s", p.cyan(clean(head)))
	if strings.TrimSpace(s.SQL) == "" {
		p.line("  %s", p.dim("nothing"))
		return
	}
	p.line("%s", indent(lines(strings.Trim(s.SQL, "\n")), "  "))
}
