package text

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
)

// live is the unfinished line at the end of the story, which says what goes on
// now and is written over again and again. Only a terminal has one.
type live struct {
	on    string          // what stands there, "" for nothing
	id    string          // the migration that is at work, "" for none
	heads map[string]head // what is said of each migration that has started and is not done
	text  string          // the statement it is at
	since time.Time       // of the statement, or of the migration
	wait  *wait
	bar   *event.FillProgress // of the backfill that is at work, nil for none
}

// head is what is said of a migration, and the least of it.
type head struct{ long, short string }

// wait is a wait that has not ended.
type wait struct {
	what     string
	blockers []event.Blocker
	since    time.Time
	again    time.Time // of the next attempt; zero where there are none
	attempts int
}

// slack is how long after the time of an attempt nothing has to be heard until
// it is taken for one that got its locks.
const slack = 5 * time.Second

// Tick brings the unfinished line up to date; to be called a few times a second
// where Motion is set, so that people see time go by.
func (f *Face) Tick() {
	if w := f.wait; w != nil && !w.again.IsZero() && f.now().After(w.again.Add(slack)) {
		f.waited()
	}
	f.draw()
}

// Rest takes the unfinished line away until something happens again, so that
// others may write to the terminal.
func (f *Face) Rest() {
	f.waited()
	f.id, f.bar = "", nil
	f.clear()
}

// now is the time, zero where the face was given no clock.
func (f *Face) now() time.Time {
	if f.o.Now == nil {
		return time.Time{}
	}
	return f.o.Now()
}

// draw writes the unfinished line anew where it says something else by now.
func (f *Face) draw() {
	if !f.o.Motion {
		return
	}
	s := f.compose()
	if s == f.on {
		return
	}
	if s == "" {
		f.clear()
		return
	}
	_, _ = io.WriteString(f.o.Err, f.erase()+f.err.dim(s))
	f.on = s
}

// compose is the unfinished line: what, and for how long. Where it is too long
// for the terminal, the time is kept.
func (f *Face) compose() string {
	body, since := f.heads[f.id].long, f.since
	if f.wait != nil {
		body, since = fault.Redact(f.wait.text()), f.wait.since // before it is cut: a part of a password is not recognised
	}
	tail := ""
	if d := f.now().Sub(since); !since.IsZero() && d >= time.Second {
		tail = "  " + elapsed(d)
	}
	width := f.o.Width
	if width <= 0 {
		width = 80
	}
	if f.wait == nil && f.bar != nil {
		e := *f.bar
		e.LimitedBy = fault.Redact(e.LimitedBy)
		return fillLine(e, max(width-1, 1))
	}
	width = max(width-1-cells(tail), 1)
	switch {
	case f.wait != nil:
	case f.id == "":
		return ""
	case f.text != "":
		if body += "  " + f.text; cells(body) > width {
			body = f.heads[f.id].short + "  " + f.text
		}
	}
	return cut(body, width) + tail
}

// elapsed is a duration of something that goes on, which shows no fractions.
func elapsed(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%d s", d/time.Second)
	}
	return took(d.Truncate(time.Second))
}

func (w *wait) text() string {
	s := fmt.Sprintf("%-9s %s", "waiting", w.what)
	for i, b := range w.blockers {
		s += map[bool]string{true: ": ", false: "; "}[i == 0] + blockerName(b)
	}
	return s
}

// blockerName is the least that tells who it is.
func blockerName(b event.Blocker) string {
	s := fmt.Sprintf("pid %d", b.PID)
	switch {
	case b.Vacuum || b.Wrap:
		s += " autovacuum"
	case b.App != "":
		s += " " + clean(b.App)
	case b.User != "":
		s += " " + clean(b.User)
	}
	if b.State != "" && b.State != "active" {
		s += " (" + clean(b.State) + ")"
	}
	return s
}

// clear takes the unfinished line away.
func (f *Face) clear() {
	if f.on != "" {
		_, _ = io.WriteString(f.o.Err, f.erase())
		f.on = ""
	}
}

func (f *Face) erase() string {
	if f.on == "" {
		return ""
	}
	return "\r\x1b[K"
}

// working says that a migration is at work, and at what.
func (f *Face) working(id, text string) {
	f.id, f.text, f.since, f.bar = id, fault.Redact(text), f.now(), nil
	f.draw()
}

// idle says that no migration is at work.
func (f *Face) idle() { f.id, f.bar = "", nil }

// statementText is a statement on one line, with its number.
func statementText(number, of int, sql string) string {
	s := strings.Join(strings.Fields(clean(sql)), " ")
	if of > 1 {
		s = strings.TrimSpace(fmt.Sprintf("%d/%d %s", number, of, s))
	}
	return s
}

// waiting begins a wait, or goes on with it.
func (f *Face) waiting(w wait) {
	if f.wait != nil && f.wait.what == w.what {
		w.since = f.wait.since
		if len(w.blockers) == 0 {
			w.blockers = f.wait.blockers
		}
	}
	f.wait = &w
	f.draw()
}

// waited ends a wait, and keeps what it was in the story.
func (f *Face) waited() {
	w := f.wait
	if w == nil {
		return
	}
	f.wait = nil
	s := w.what
	if d := f.now().Sub(w.since); !w.since.IsZero() {
		s += ", " + took(d)
	}
	if w.attempts > 1 {
		s += ", " + many(w.attempts, "attempt")
	}
	f.say(f.err.yellow("waited"), "%s", s)
	for _, b := range w.blockers {
		f.line("          " + blockerText(b))
	}
}
