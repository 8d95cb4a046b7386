package text

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/ui/answer"
)

// Event tells one happening on the story stream.
func (f *Face) Event(e event.Event) {
	if f.o.Quiet {
		return
	}
	f.settle(e)
	switch e := e.(type) {
	case event.RunStarted:
		f.started(e)
	case event.LockWaiting:
		f.lockWaiting(e)
	case event.LockTakenOver:
		f.say(f.err.yellow("lock"), "taken over from a dead run of %s", HolderText(e.Holder))
	case event.MigrationStarted:
		f.begin(e)
	case event.StatementStarted:
		if !f.o.Motion {
			return // it is for the line that moves alone
		}
		f.working(e.ID, statementText(e.Number, e.Of, e.SQL))
	case event.StatementDone:
		f.statement(e)
	case event.MigrationDone:
		f.done(e)
	case event.MigrationFailed:
		f.idle()
		f.say(f.err.red("failed"), "%s", revisionText(e.ID, e.Name))
	case event.Blocked:
		f.blocked(e)
	case event.IndexProgress:
		f.index(e)
	case event.Destroys:
		f.destroys(e)
	case event.Reconnected:
		f.say(f.err.yellow("reconnected"), "after: %s", causeText(e.Err))
	case event.Notice:
		f.notice(e)
	case event.Warning:
		f.warning(e)
	case event.ChangePhase:
		f.idle()
		f.say(f.err.green("change"), "%s", clean(e.ID+" "+e.Name+": "+e.Text))
	case event.RunDone:
		f.Rest()
	default:
		f.fill(e)
	}
}

// settle ends a wait when something else happens.
func (f *Face) settle(e event.Event) {
	switch e := e.(type) {
	case event.LockWaiting, event.Blocked:
		return
	case event.RunDone:
		if e.Err != nil {
			f.wait = nil // the failure says it all
		}
	}
	f.waited()
}

func (f *Face) lockWaiting(e event.LockWaiting) {
	what := "for the lock of " + HolderText(e.Holder)
	if f.o.Motion {
		f.waiting(wait{what: what, since: f.now()})
		return
	}
	f.say(f.err.yellow("waiting"), "%s", what)
}

// Say tells something of the face's own making.
func (f *Face) Say(format string, args ...any) {
	if !f.o.Quiet {
		f.line(fmt.Sprintf(format, args...))
	}
}

// say writes a line of the story: a word, padded to a column, and a text.
func (f *Face) say(word, format string, args ...any) {
	pad := max(0, 9-cells(unpaint(word)))
	f.line(word + strings.Repeat(" ", pad) + " " + fmt.Sprintf(format, args...))
}

// line writes one line over whatever unfinished line stands there.
func (f *Face) line(s string) {
	_, _ = io.WriteString(f.o.Err, f.erase()+fault.Redact(s)+"\n")
	f.on = ""
}

func unpaint(s string) string {
	if strings.HasPrefix(s, "\x1b[") {
		s = s[strings.IndexByte(s, 'm')+1:]
		s = strings.TrimSuffix(s, "\x1b[0m")
	}
	return s
}

func revisionText(id, name string) string { return clean(strings.TrimSpace(id + "  " + name)) }

func (f *Face) started(e event.RunStarted) {
	if f.o.Verbose {
		f.say(f.err.dim("run"), "%s: %s, %s", e.Run, clean(strings.TrimSpace(e.Verb+" "+e.Target)), many(e.Steps, "migration"))
	}
}

func (f *Face) begin(e event.MigrationStarted) {
	f.phase, f.tenth = "", 0
	if e.Resumed > 0 {
		f.say(f.err.yellow("resuming"), "%s after %s", revisionText(e.ID, e.Name), many(e.Resumed, "statement"))
	}
	word := "up"
	if e.Direction == "down" {
		word = "down"
	}
	if e.Number > 0 { // a resumed one has told its place before
		of := fmt.Sprintf("(%d of %d)", e.Number, e.Of)
		if f.o.Motion {
			f.heads[e.ID] = head{fmt.Sprintf("%-9s %s %s", word, revisionText(e.ID, e.Name), of), fmt.Sprintf("%-9s %s %s", word, clean(e.Name), of)}
		}
		if f.o.Verbose {
			f.say(f.err.dim(word), "%s (%d of %d, %s)", revisionText(e.ID, e.Name), e.Number, e.Of, txText(e.Tx))
		}
	}
	f.working(e.ID, "")
}

func (f *Face) statement(e event.StatementDone) {
	if e.Number < e.Of {
		defer f.working(e.ID, statementText(e.Number+1, e.Of, ""))
	}
	if !f.o.Verbose {
		return
	}
	rows := ""
	if e.Rows > 0 {
		rows = ", " + many(int(e.Rows), "row")
	}
	f.line(indent(lines(strings.TrimSpace(e.SQL)), "          ") + f.err.dim("  -- "+took(e.Duration)+rows))
}

func (f *Face) done(e event.MigrationDone) {
	f.idle()
	delete(f.heads, e.ID)
	word := e.State
	if word == "" || word == "applied" && e.Direction == "down" {
		word = past(e.Direction)
	}
	color := f.err.green
	if e.Direction == "down" {
		color = f.err.yellow
	}
	f.say(color(word), "%s  %s", revisionText(e.ID, e.Name), f.err.dim(took(e.Duration)))
}

func (f *Face) blocked(e event.Blocked) {
	lock := e.Lock
	if lock == "" {
		lock = "a lock"
	}
	text := fmt.Sprintf("%s for %s on %s", clean(e.ID), lock, clean(e.Table))
	if f.o.Motion {
		f.waiting(wait{what: text, blockers: e.Blockers, since: f.now(), again: f.now().Add(e.Wait), attempts: e.Attempt})
		return
	}
	if e.Attempt > 0 {
		text += fmt.Sprintf(", attempt %d", e.Attempt)
	}
	if e.Wait > 0 {
		text += ", again in " + took(e.Wait)
	}
	f.say(f.err.yellow("waiting"), "%s", text)
	for _, b := range e.Blockers {
		f.line("          " + blockerText(b))
	}
}

func blockerText(b event.Blocker) string {
	parts := []string{fmt.Sprintf("pid %d", b.PID)}
	switch {
	case b.Wrap:
		parts = append(parts, "an autovacuum against wraparound, which will not give way")
	case b.Vacuum:
		parts = append(parts, "an autovacuum")
	}
	for _, p := range []struct{ name, text string }{{"user ", b.User}, {"app ", b.App}, {"table ", b.Table}, {"", b.State}} {
		if p.text != "" {
			parts = append(parts, p.name+clean(p.text))
		}
	}
	if b.Age > 0 {
		parts = append(parts, "for "+took(b.Age))
	}
	s := strings.Join(parts, ", ")
	if b.Query != "" {
		s += ": " + cut(clean(b.Query), 120)
	}
	return s
}

func (f *Face) index(e event.IndexProgress) {
	text := "index " + clean(e.Index) + ": " + e.Phase
	if e.Total > 0 {
		text += fmt.Sprintf(" %d %%", e.Done*100/e.Total)
	}
	if e.WaitsFor != 0 {
		text += fmt.Sprintf(", waits for pid %d", e.WaitsFor)
	}
	if f.o.Motion {
		f.id, f.text = e.ID, text
		f.draw()
		return
	}
	tenth := int64(0)
	if e.Total > 0 {
		tenth = e.Done * 10 / e.Total
	}
	if e.Phase == f.phase && tenth == f.tenth {
		return
	}
	f.phase, f.tenth = e.Phase, tenth
	f.line("          " + text)
}

func (f *Face) destroys(e event.Destroys) {
	if f.told[e] {
		return
	}
	f.told[e] = true
	f.say(f.err.yellow("destroys"), "%s: %s", clean(e.ID), LossText(e))
}

// LossText says what is lost: "12,408 values of posts.lat".
func LossText(e event.Destroys) string {
	noun, name := "row", clean(e.Table)
	if e.Column != "" {
		noun, name = "value", name+"."+clean(e.Column)
	}
	if e.Rows == 0 && e.Exact {
		return name + ", which is empty"
	}
	if e.Rows < 0 {
		return name + ", not counted"
	}
	about := ""
	if !e.Exact {
		about = "about "
	}
	return about + many(int(e.Rows), noun) + " of " + name
}

// notice shows what the server says to people; its small talk only on request.
func (f *Face) notice(e event.Notice) {
	severity := strings.ToLower(e.Severity)
	if severity != "warning" && !f.o.Verbose {
		return
	}
	f.say(f.err.dim("server"), "%s: %s", clean(severity), indentRest(lines(e.Text), "          "))
}

func (f *Face) warning(e event.Warning) {
	f.line(f.err.yellow("warning:") + " " + indentRest(lines(e.Text), "  "))
	if e.File != "" {
		f.line("  at " + (fault.Pos{File: e.File, Line: e.Line}).String())
	}
	if e.Hint != "" {
		f.line(f.err.cyan("hint:") + " " + indentRest(lines(e.Hint), "  "))
	}
}

// HolderText says who holds the lock.
func HolderText(h event.Holder) string {
	s := clean(h.Owner)
	if h.Host != "" && !strings.HasSuffix(h.Owner, "@"+h.Host) {
		s += " on " + clean(h.Host)
	}
	if h.PID != 0 {
		s += fmt.Sprintf(" (process %d)", h.PID)
	}
	if !h.Since.IsZero() {
		s += ", since " + h.Since.UTC().Format(time.DateTime) + " UTC"
	}
	if h.Doing != "" {
		s += ", doing: " + clean(h.Doing)
	}
	if h.Run != "" {
		s += ", run " + clean(h.Run)
	}
	return s
}

func causeText(err error) string {
	var all []string
	for _, f := range answer.Faults(err) {
		all = append(all, clean(f.Message))
	}
	return strings.Join(all, "; ")
}

// txText says how statements share transactions.
func txText(tx string) string {
	switch tx {
	case "one":
		return "one transaction"
	case "each":
		return "each statement alone"
	case "chunks":
		return "in chunks"
	case "change":
		return "in phases"
	case "none", "":
		return "no transaction"
	}
	return clean(tx)
}

func indent(s, by string) string { return by + indentRest(s, by) }

// indentRest indents all lines but the first.
func indentRest(s, by string) string { return strings.ReplaceAll(s, "\n", "\n"+by) }
