package sample

import (
	"errors"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/ui/answer"
)

// changing are the commands of a change in steps, and how far it is each time.
func changing() []Case {
	const id, name = "20261120101500", "merge_location"
	phase := func(phase, text string) event.Event {
		return event.ChangePhase{ID: id, Name: name, Table: "posts", Phase: phase, Text: text}
	}
	held := bellows.Change{Revision: id, Name: name, Table: "posts", Old: []string{"lat", "lng"}, New: []string{"loc"}, Phase: "hold",
		Gate: "the proof is valid and every hold is approved", WaitingFor: []string{"every instance reads and writes only loc"},
		Holds: []bellows.Hold{{Name: "every instance reads and writes only loc", Quiet: 24 * time.Hour}},
		Proof: bellows.Proof{Valid: true, Made: true, Rows: 12418377, At: start}, Policy: "refuse", Began: start,
		Writes: []bellows.SideWrites{{Side: "old", Application: "web postgres://ann:" + Password + "@db/app", Seconds: 1204, Last: start}}}
	broken := held
	broken.Proof = bellows.Proof{Made: true, Rows: 20002, Mismatches: 1, Sample: []string{"id=7"}, At: start}
	broken.Phase, broken.Gate, broken.WaitingFor = "verify", "no row disagrees", []string{"1 row that disagrees: bellows change verify " + id}
	broken.Trouble = errors.New("bellows_20261120101500, which keeps the sides of posts in step, was dropped")
	strange := held
	strange.Proof.Unexplained, strange.Proof.Strange = 3, []string{"id=7", "id=9 postgres://ann:" + Password + "@db/app"}
	done := held
	done.Phase, done.Gate, done.WaitingFor, done.Policy = "contract", "the retention is over", []string{"the retention, until 2026-11-27T10:15:00Z"}, "new"
	done.Holds = []bellows.Hold{{Name: "every instance reads and writes only loc", Quiet: 24 * time.Hour, Approved: true, By: "ann@web-3", Why: "release 42", At: start}}
	done.ContractedAt, done.KeptUntil = start, start.Add(7*24*time.Hour)
	return []Case{
		{"change_up", []event.Event{
			event.MigrationStarted{ID: id, Name: name, Direction: "up", Tx: "one", Number: 1, Of: 1},
			phase("backfill", "both sides are kept in step"),
			event.MigrationDone{ID: id, Name: name, Direction: "up", State: "applied", Duration: 12345 * time.Microsecond},
			phase("backfill", "the backfill of the new side is planned"),
			phase("verify", "every row is filled"),
			phase("hold", "proven: none of 12,418,377 rows disagrees"),
		}, answer.Outcome{Verb: "up", Answer: answer.Run{Report: bellows.Report{Run: "20261120T101500-0a1b2c3d", Applied: []string{id}, Changed: []string{id}, Duration: time.Second}}}},
		{"change_verify", []event.Event{
			phase("verify", "1 of 20,002 rows of posts disagree: id=7 postgres://ann:"+Password+"@db/app"),
		}, answer.Outcome{Verb: "change verify", Answer: answer.Changes{Changes: []bellows.Change{broken}}}},
		{"change_unexplained", []event.Event{
			phase("hold", "proven: none of 12,418,377 rows disagrees; 3 of 12,418,377 rows have a new side that forward does not give"),
		}, answer.Outcome{Verb: "change verify", Answer: answer.Changes{Changes: []bellows.Change{strange}}}},
		{"change_brownout", []event.Event{
			phase("hold", "the old columns are away for 10s"),
			phase("hold", "the old columns are back"),
		}, answer.Outcome{Verb: "change brownout", Answer: answer.Changes{Changes: []bellows.Change{held}}}},
		{"change_contract", []event.Event{
			phase("hold", "proven: none of 12,418,377 rows disagrees"),
			phase("contract", "the old columns are out of the way"),
		}, answer.Outcome{Verb: "change contract", Answer: answer.Changes{Did: "contracted", Changes: []bellows.Change{done}}}},
	}
}
