// Package text is the face for people: plain lines, tables, colour where there
// is a terminal.
//
// Charter: turns events into a story on one stream and answers into text on
// another.
// Invariant: the answer stream carries nothing but the answer, and nothing is
// moved, coloured or cut that does not go to a terminal.
// Example: face := text.New(text.Options{Out: os.Stdout, Err: os.Stderr}); m, err := bellows.Open(ctx, url, bellows.Options{Sink: face})
package text

import (
	"io"
	"time"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/ui/answer"
)

// Options say where to write and how. The zero value of each but the writers is
// what suits a file or a pipe.
type Options struct {
	Out, Err io.Writer // the answer, the story
	// OutColor and ErrColor allow colour on each; Motion allows a line on Err to
	// be written over.
	OutColor, ErrColor, Motion bool
	// Quiet leaves out the story, and the answer of verbs that act.
	Quiet bool
	// Verbose shows each statement as it runs, and every notice.
	Verbose bool
	// Now is the clock that tells how long something has been going on; nil
	// tells no times.
	Now func() time.Time
	// Width is the width of the terminal in cells; 0 means that nothing is cut.
	Width int
}

// Face prints for people. It is not safe for use by several goroutines.
type Face struct {
	o        Options
	out, err paint
	live
	told   map[event.Destroys]bool
	phase  string // of the index that is being built, as last shown
	tenth  int64
	at     milestone // of the backfill, as last shown
	atTime time.Time
}

// New makes a face.
func New(o Options) *Face {
	return &Face{o: o, out: paint{o.OutColor}, err: paint{o.ErrColor}, told: map[event.Destroys]bool{}, live: live{heads: map[string]head{}}}
}

// Finish prints how a command ended: its answer, then what went wrong.
func (f *Face) Finish(o answer.Outcome) {
	if o.Err != nil {
		f.wait = nil // the failure says it all
	}
	f.Rest()
	if o.Answer != nil {
		f.answer(o)
	}
	f.faults(answer.Faults(o.Err))
}

// answer prints an answer on the answer stream, in one write.
func (f *Face) answer(o answer.Outcome) {
	p := &page{paint: f.out, width: f.o.Width}
	exact := false
	switch a := o.Answer.(type) {
	case answer.Run:
		f.run(p, o, a)
	case answer.Plan:
		writePlan(p, a)
	case answer.Script:
		p.text(a.SQL)
		exact = true
	case answer.Status:
		writeStatus(p, a)
	case answer.History:
		writeHistory(p, a)
	case answer.Journal:
		writeJournal(p, a)
	case answer.Heads:
		writeHeads(p, a)
	case answer.Show:
		writeShow(p, a)
	case answer.Graph:
		p.text(a.Picture)
	case answer.Files:
		f.files(p, a)
		if o.Err == nil && len(a.Written)+len(a.Removed) == 0 {
			f.Say("no file had to be changed")
		}
	case answer.Troubles:
		writeTroubles(p, a)
	case answer.Repaired:
		f.repaired(p, a)
	case answer.Lock:
		writeLock(p, a)
	case answer.Database:
		f.database(p, a)
	case answer.Changes:
		f.changes(p, a)
	case answer.Backfills:
		f.backfills(p, a)
	case answer.Poison:
		f.poison(p, a)
	case answer.Schema:
		f.unmodelled(a.Shape.Unmodelled)
		p.text(a.Text)
		exact = true
	case answer.Diff:
		exact = f.difference(p, a)
	case answer.Choice:
		writeChoice(p, a.Choice)
	case answer.Verified:
		writeVerified(p, a.Verification)
	case answer.Archives:
		f.archives(p, a)
	case answer.Config:
		writeConfig(p, a)
	case answer.Version:
		writeVersion(p, a)
	}
	f.print(p, exact)
}

// print sends a page. SQL that was asked for goes out byte for byte: it is the
// text of the user's own file, and masking it would break it.
func (f *Face) print(p *page, exact bool) {
	s := p.String()
	if !exact {
		s = fault.Redact(s)
	}
	if s != "" {
		_, _ = io.WriteString(f.o.Out, s)
	}
}
