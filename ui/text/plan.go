package text

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/lint"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/ui/answer"
)

func writePlan(p *page, a answer.Plan) {
	steps := a.Preview.Plan.Steps
	if len(steps) == 0 {
		p.line("nothing to do%s", clean(on(a.On)))
	} else {
		p.line("%s%s", many(len(steps), "migration"), clean(on(a.On)))
		p.line("%s %s", p.dim("from"), clean(ids(a.Preview.Plan.From)))
		p.line("%s   %s", p.dim("to"), clean(ids(a.Preview.Plan.To)))
	}
	writeSteps(p, steps)
	if len(a.Preview.Losses) > 0 {
		p.line("")
		writeLosses(p, a.Preview.Losses)
	}
	for _, w := range a.Preview.Warnings {
		writeWarning(p, w)
	}
	for _, f := range a.Preview.Findings {
		writeFinding(p, f)
	}
}

func on(url string) string {
	if url == "" {
		return ""
	}
	return " on " + url
}

func ids(all []revision.ID) string {
	if len(all) == 0 {
		return "base"
	}
	var words []string
	for _, id := range all {
		words = append(words, string(id))
	}
	return strings.Join(words, ", ")
}

// writeSteps prints each step under its heading, the columns of all in line.
// Where the terminal is too narrow for a row, what its statement means for the
// table stands below it: that is never cut.
func writeSteps(p *page, steps []plan.Step) {
	all := table{indent: "  "}
	var counts []int
	for _, s := range steps {
		for j, st := range s.Statements {
			if j < s.Done {
				all.row(cell{lineOf(st), p.dim}, plain(verb(st)), plain(""), cell{"done", p.dim})
				continue
			}
			all.row(statementRow(p, st)...)
		}
		for _, st := range s.Checks {
			all.row(cell{lineOf(st), p.dim}, plain("check"), plain(""), plain(""))
		}
		counts = append(counts, len(s.Statements)+len(s.Checks))
	}
	widths := all.widths(0)
	below := p.width > 0 && total(widths)+len(all.indent) > p.width
	if below {
		for i, row := range all.rows {
			all.rows[i] = row[:3]
		}
		widths = all.widths(p.width)
	}
	rows := all.rows
	for i, s := range steps {
		p.line("\n%s", stepHead(p, s))
		for j, row := range rows[:counts[i]] {
			p.line("%s", strings.TrimRight(all.render(row, widths), " "))
			if below && j >= s.Done && j < len(s.Statements) {
				writeFacts(p, s.Statements[j], widths[0])
			}
		}
		rows = rows[counts[i]:]
		writeChunked(p, s)
		for _, n := range s.Notes {
			p.line("  %s %s", p.dim("note:"), indentRest(lines(n), "        "))
		}
	}
}

// writeChunked shows what runs chunk by chunk as it was written.
func writeChunked(p *page, s plan.Step) {
	if s.Tx != plan.TxChunks {
		return
	}
	for _, st := range s.Statements {
		p.line("%s", p.dim(indent(lines(strings.TrimSpace(st.SQL)), "      ")))
	}
}

func writeFacts(p *page, st plan.Statement, margin int) {
	for _, fact := range facts(st) {
		p.line("  %s  %s", strings.Repeat(" ", margin), p.yellow(clean(fact)))
	}
}

func stepHead(p *page, s plan.Step) string {
	color, word := p.green, "up  "
	if s.Move.Direction == revision.Down {
		color, word = p.yellow, "down"
	}
	tx := txText(string(s.Tx))
	if s.TxWhy != "" {
		tx += ": " + s.TxWhy
	}
	return fmt.Sprintf("%s  %s  %s", color(word), p.bold(revisionText(string(s.Move.ID), s.Revision.Name)),
		p.dim(clean(string(s.Revision.Kind)+", "+tx)))
}

// statementRow is: line, what it is, the strongest lock, what that means.
func statementRow(p *page, st plan.Statement) []cell {
	touch := st.Effect.Strongest()
	lock := ""
	if touch.Lock != "" {
		lock = string(touch.Lock) + " on " + touch.What()
		if n := len(st.Effect.Touches) - 1; n > 0 {
			lock += fmt.Sprintf(" and %d more", n)
		}
	}
	return []cell{{lineOf(st), p.dim}, plain(phased(st)), {lock, p.cyan}, {strings.Join(facts(st), ", "), p.yellow}}
}

// facts are what a statement means for the tables.
func facts(st plan.Statement) []string {
	var all []string
	touch := st.Effect.Strongest()
	if st.Effect.NoTx != "" {
		all = append(all, "outside transactions")
	}
	if touch.Rewrites {
		all = append(all, "rewrites the table")
	}
	if touch.Scans {
		all = append(all, "reads the table")
	}
	for _, l := range st.Effect.Destroys {
		all = append(all, "destroys "+lossName(l))
	}
	return all
}

// phased is what a statement is, with the phase of a change in which it runs.
func phased(st plan.Statement) string {
	if st.Phase == "" {
		return verb(st)
	}
	return string(st.Phase) + ": " + verb(st)
}

// lineOf is the line of a statement that somebody wrote.
func lineOf(st plan.Statement) string {
	if st.Pos.Line == 0 || st.Derived {
		return ""
	}
	return strconv.Itoa(st.Pos.Line)
}

func lossName(l plan.Loss) string {
	switch {
	case l.Column != "":
		return l.Table.String() + "." + l.Column
	case l.Rows:
		return "all rows of " + l.Table.String()
	}
	return l.Table.String()
}

// verb is what the statement is, and what it is about where no lock tells it.
func verb(st plan.Statement) string {
	e := st.Effect
	if e.Verb == "" {
		words := strings.Fields(st.SQL)
		return strings.Join(words[:min(len(words), 3)], " ")
	}
	if len(e.Touches) == 0 && len(e.Objects) > 0 {
		return e.Verb + " " + e.Objects[0].Name.String()
	}
	if len(e.Touches) == 0 && len(e.Changes) > 0 {
		return e.Verb + " " + e.Changes[0].String()
	}
	return e.Verb
}

func writeWarning(p *page, w event.Warning) {
	p.line("\n%s %s", p.yellow("warning:"), indentRest(lines(w.Text), "  "))
	if w.File != "" {
		p.line("  at %s", clean((fault.Pos{File: w.File, Line: w.Line}).String()))
	}
	if w.Hint != "" {
		p.line("%s %s", p.cyan("hint:"), indentRest(lines(w.Hint), "  "))
	}
}

func writeFinding(p *page, f lint.Finding) {
	word := p.yellow(string(f.Severity) + ":")
	if f.Allowed != "" {
		word = p.dim("allowed:")
	}
	p.line("\n%s %s", word, indentRest(lines(f.Message), "  "))
	if s := f.Pos.String(); s != "" {
		p.line("  at %s", clean(s))
	}
	if f.Allowed != "" {
		p.line("%s %s", p.dim("because:"), indentRest(lines(f.Allowed), "  "))
		p.line("%s %s", p.dim("code:"), f.Code)
		return
	}
	if f.Instead != "" {
		p.line("%s %s", p.cyan("instead:"), indentRest(lines(f.Instead), "  "))
	}
	p.line("%s %s", p.dim("code:"), f.Code)
}
