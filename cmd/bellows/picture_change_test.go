package main

import (
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/ui/answer"
)

// TestChangePicture draws the picture in docs/change.md: a change of examples/posts
// as a terminal shows it, from its rows being filled to its contract. What happens
// is what happens on a large table; the numbers are made up.
func TestChangePicture(t *testing.T) {
	const id, name = "20261120101500", "merge_location"
	x := &screen{width: 122}
	face := faceOn(x)
	tell := func(texts ...string) {
		for _, text := range texts {
			face.Event(event.ChangePhase{ID: id, Name: name, Table: "posts", Text: text})
		}
	}
	fill := event.FillProgress{ID: id, Table: "posts", RowsTotal: 12408220, RowsDone: 7692100, RowsChanged: 7691870, Rate: 41200,
		ETALeast: 110 * time.Second, ETAMost: 170 * time.Second, ChunkSize: 4100, Workers: 2, Sweep: 1}

	prompt(x, "up --wait")
	face.Event(event.MigrationStarted{ID: id, Name: name, Direction: "up", Number: 1, Of: 1})
	tell("both sides are kept in step")
	face.Event(fill)
	_, _ = lines{x}.Write([]byte("\n"))

	prompt(x, "change status")
	c := bellows.Change{Revision: id, Name: name, Table: "posts", Old: []string{"lat", "lng"}, New: []string{"loc"}, Phase: "hold",
		Gate:       "the proof is valid and every hold is approved",
		WaitingFor: []string{"every instance reads and writes only loc"},
		Holds:      []bellows.Hold{{Name: "every instance reads and writes only loc"}},
		Proof:      bellows.Proof{Made: true, Valid: true, Rows: 12408612, At: clock(10, 41)},
		Writes: []bellows.SideWrites{{Side: "new", Application: "posts-new", Last: clock(11, 2)},
			{Side: "old", Application: "posts-old", Last: clock(11, 2)}},
	}
	finish(t, x, answer.Outcome{Verb: "change status", Answer: answer.Changes{Changes: []bellows.Change{c}}})

	prompt(x, `change approve 20261120101500 "every instance reads and writes only loc"`)
	tell("where a write gives both sides, the new one counts")
	prompt(x, "change contract 20261120101500")
	tell("proven: none of 12,418,377 rows disagrees", "the old columns are out of the way")
	golden(t, "../../docs/change.svg", x.svg("bellows up --wait, change status, approve and contract on a terminal"))
}

func clock(hour, minute int) time.Time { return time.Date(2026, 11, 20, hour, minute, 0, 0, time.UTC) }
