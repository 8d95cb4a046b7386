package change

import (
	"fmt"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
)

// Write is evidence: an application that wrote a side of a change.
type Write struct {
	Side        dialect.Side
	Application string
	Writes      int64 // how many seconds of writing were noted
	Last        time.Time
}

// Gate is what stands between a change and its next phase.
type Gate struct {
	Text    string   // what must be so
	Waiting []string // what it waits for, each with the command that does it
}

// WantsProof begins what a gate says that waits for a proof.
const WantsProof = "a proof: "

// At tells the gate at which a change is. now is the server's clock, writes the
// evidence.
func At(s State, spec Spec, writes []Write, now time.Time) Gate {
	id := string(spec.Revision)
	switch s.Phase {
	case "":
		return Gate{Text: "not begun", Waiting: []string{"bellows up"}}
	case revision.Expand, revision.Sync:
		return Gate{Text: "both sides are kept in step", Waiting: []string{"bellows up"}}
	case revision.Fill:
		return Gate{Text: "every row is filled", Waiting: []string{"rows to be filled: bellows backfill run " + id}}
	case revision.Verify:
		g := Gate{Text: "no row disagrees", Waiting: []string{WantsProof + "bellows change verify " + id}}
		if s.Proof.Made {
			g.Waiting = []string{disagreeing(s.Proof.Mismatches) + ": bellows change verify " + id}
		}
		return g
	case revision.Hold:
		return held(s, spec, writes, now)
	case revision.Contract:
		over := s.At.Add(spec.Retention)
		if now.Before(over) {
			return Gate{Text: "the retention is over", Waiting: []string{"the retention, until " + over.UTC().Format(time.RFC3339)}}
		}
		return Gate{Text: "the retention is over", Waiting: []string{"bellows change purge " + id}}
	}
	return Gate{Text: "done"}
}

func disagreeing(rows int64) string {
	if rows == 1 {
		return "1 row that disagrees"
	}
	return fault.Thousands(rows) + " rows that disagree"
}

func held(s State, spec Spec, writes []Write, now time.Time) Gate {
	g := Gate{Text: "the proof is valid and every hold is approved"}
	if a := s.Away; a != (Absence{}) {
		g.Waiting = append(g.Waiting, fmt.Sprintf("the old columns, which are away since %s for %s; when nobody is at it any more: bellows up puts them back", a.Since.UTC().Format(time.RFC3339), a.For))
	}
	for _, h := range Open(s, spec) {
		g.Waiting = append(g.Waiting, h.Name)
	}
	if !s.Proof.Valid() {
		g.Waiting = append(g.Waiting, WantsProof+"bellows change verify "+string(spec.Revision))
	}
	for _, h := range spec.Holds {
		if last, loud := Loud(h, s, writes, now); loud {
			g.Waiting = append(g.Waiting, Noise(h, last))
		}
	}
	switch n := s.Proof.Unexplained; {
	case n > 0 && s.Proof.Valid():
		g.Waiting = append(g.Waiting, fmt.Sprintf("somebody to look at the %s whose new side forward does not give; when they are right: bellows change contract %s --unexplained %d", rowsOf(n), spec.Revision, n))
	case len(g.Waiting) == 0:
		g.Waiting = []string{"bellows change contract " + string(spec.Revision)}
	}
	return g
}

func rowsOf(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return fault.Thousands(n) + " rows"
}

// Loud tells whether the old side may have been written within a hold's quiet
// time, and by whom last: before sync was on nobody has looked.
func Loud(h revision.HoldSpec, s State, writes []Write, now time.Time) (last Write, loud bool) {
	if h.Quiet <= 0 {
		return last, false
	}
	last = Write{Last: s.Since}
	for _, w := range writes {
		if w.Side == dialect.Old && w.Last.After(last.Last) {
			last = w
		}
	}
	return last, now.Sub(last.Last) < h.Quiet
}

// Noise says that a hold's quiet time is not over.
func Noise(h revision.HoldSpec, last Write) string {
	at := last.Last.UTC().Format(time.RFC3339)
	if last.Writes == 0 {
		return fmt.Sprintf("%s without a write to the old side: writes are counted since %s", h.Quiet, at)
	}
	return fmt.Sprintf("%s without a write to the old side: %s wrote it at %s", h.Quiet, application(last), at)
}

func application(w Write) string {
	if strings.TrimSpace(w.Application) == "" {
		return "an application without a name"
	}
	return w.Application
}
