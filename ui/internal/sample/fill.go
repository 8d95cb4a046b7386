package sample

import (
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/ui/answer"
)

const (
	locs   = "20261120120000"
	reason = "primary key id, an integer with few gaps"
	bad    = "invalid input syntax for type point: \"postgres://ann:" + Password + "@db/app\""
)

func underWay() bellows.Backfill {
	target, pause := 200*time.Millisecond, time.Duration(0)
	most, workers, poison := int64(50000), int64(2), int64(10)
	return bellows.Backfill{Revision: locs, Name: "fill_loc", Direction: "up", Table: "posts", State: "running", Strategy: "arithmetic", Reason: reason,
		RowsTotal: 10000000, RowsDone: 1204000, RowsChanged: 1203998, Poison: 2, ChunksDone: 412, ChunkSize: 4100, Sweep: 1, Rate: 41200,
		ETA: 213 * time.Second, Workers: 2, LimitedBy: "sessions of the application wait for rows", StartedAt: start,
		Setting: bellows.BackfillSetting{Target: &target, Pause: &pause, Rows: &most, Workers: &workers, Poison: &poison,
			Limits: map[string]string{"replica_lag": "30s", "windows": "22:00-06:00 Europe/Berlin"}}}
}

func stopped() bellows.Backfill {
	b := underWay()
	b.State, b.Rate, b.ETA, b.Workers, b.LimitedBy = "stopped", 0, 0, 0, ""
	b.Error = "all other rows of posts are done, and 2 rows are set aside"
	return b
}

func ended() bellows.Backfill {
	b := underWay()
	b.Revision, b.Name, b.State, b.RowsDone, b.Poison, b.FinishedAt = "20261101120000", "fill_title", "applied", b.RowsTotal, 0, start.Add(4*time.Minute)
	return b
}

func progress(done int64, limit string) event.FillProgress {
	return event.FillProgress{ID: locs, Table: "posts", RowsTotal: 10000000, RowsDone: done, RowsChanged: done - 2, Rate: 41200.5,
		ETALeast: 170 * time.Second, ETAMost: 277 * time.Second, ChunkSize: 4100, Chunks: done / 3000, Workers: 2, Poison: 2, Sweep: 1, LimitedBy: limit}
}

// filled is everything that happens while a backfill runs.
func filled() []event.Event {
	return []event.Event{
		event.MigrationStarted{ID: locs, Name: "fill_loc", Direction: "up", Tx: "chunks", Number: 1, Of: 1},
		event.FillTried{ID: locs, Table: "posts", Rows: 500, RowsTotal: 10000000, Rate: 41200.5, ETA: 243 * time.Second, LogPerRow: 142, Log: 1420000000,
			Disk: 512000000, BadRow: "id=7", BadReason: bad, Chunks: 5, Strategy: "arithmetic", Reason: reason, Repeatable: true},
		event.FillStarted{ID: locs, Table: "posts", Direction: "up", Strategy: "arithmetic", Reason: reason, RowsTotal: 10000000, Workers: 2},
		progress(500, ""),
		progress(120500, ""),
		event.FillPoison{ID: locs, Table: "posts", Key: "id=7", Code: "postgres.22P02", Reason: bad},
		event.FillSaid{ID: locs, Table: "posts", Worker: "20261119T093000-1a2b3c4d", Line: "asked postgres://ann:" + Password + "@db/app for id=7"},
		event.FillTrouble{ID: locs, Table: "posts", Chunk: 41, Rows: 4100, Action: "yield", Reason: "sessions of the application wait for rows"},
		progress(1204000, "waiting: could not connect to postgres://ann:"+Password+"@db/app"),
		event.FillPaused{ID: locs, Table: "posts", Why: "paused; bellows backfill resume goes on"},
		event.FillPaused{ID: locs, Table: "posts"},
		progress(10000000, ""),
		event.FillSwept{ID: locs, Table: "posts", Sweep: 1, Changed: 9999998},
		event.FillSwept{ID: locs, Table: "posts", Sweep: 1, Checked: true, Found: 1200},
		event.FillSwept{ID: locs, Table: "posts", Sweep: 2, Changed: 1200},
		event.FillSwept{ID: locs, Table: "posts", Sweep: 2, Checked: true},
		event.FillDone{ID: locs, Table: "posts", State: "checked", RowsDone: 10000000, RowsChanged: 10001198, Chunks: 2512, Poison: 2, Duration: 250 * time.Second},
		event.MigrationDone{ID: locs, Name: "fill_loc", Direction: "up", State: "applied", Duration: 251 * time.Second},
	}
}

func filling() []Case {
	set := underWay()
	set.State, set.Workers = "paused", 0
	up := underWay()
	up.Workers = 0
	rows := []bellows.PoisonRow{
		{Key: "7", Code: "postgres.22P02", Reason: bad, State: "open", Attempts: 2},
		{Key: `["eu","8"]`, Code: "postgres.23514", Reason: "new row violates check constraint", State: "waived", Attempts: 1, By: "ann@web-3", Why: "a test account"},
		{Key: "9", Code: "postgres.22003", Reason: "out of range", State: "fixed", Attempts: 3}}
	aside := fault.New(fault.Repair, "all other rows of posts are done, and 2 rows are set aside").Try("bellows backfill poison list shows why")
	return []Case{
		{"backfill", filled(), answer.Outcome{Verb: "up", Answer: answer.Run{Report: bellows.Report{Run: holder().Run, Applied: []string{locs}, Duration: 252 * time.Second}}}},
		{"backfill_stopped", []event.Event{
			event.FillStarted{ID: locs, Table: "posts", Direction: "up", Strategy: "arithmetic", Reason: reason, RowsTotal: 10000000, RowsDone: 1204000, Workers: 1, Resumed: true},
			event.FillDone{ID: locs, Table: "posts", State: "stopped", RowsDone: 9999998, RowsChanged: 9999998, Chunks: 2512, Poison: 2, Duration: time.Second, Err: aside},
		}, answer.Outcome{Verb: "backfill run", Exit: 7, Answer: answer.Run{}, Err: aside}},
		{"backfill_run_nothing", nil, answer.Outcome{Verb: "backfill run", Answer: answer.Run{}}},
		{"up_nowait", nil, answer.Outcome{Verb: "up", Answer: answer.Run{Report: bellows.Report{Run: holder().Run}, Planned: []bellows.Backfill{up}}}},
		{"backfill_status", nil, answer.Outcome{Verb: "backfill status", Answer: answer.Backfills{Fills: []bellows.Backfill{ended(), underWay(), stopped(), set}}}},
		{"backfill_status_none", nil, answer.Outcome{Verb: "backfill status", Answer: answer.Backfills{}}},
		{"backfill_status_never", nil, answer.Outcome{Verb: "backfill status", Answer: answer.Backfills{Fills: []bellows.Backfill{
			{Revision: locs, Name: "fill_loc", Table: "posts", Direction: "up", State: "cancelled", FinishedAt: ended().FinishedAt}}}}}, // planned, and cancelled before a row was tried
		{"backfill_pause", nil, answer.Outcome{Verb: "backfill pause", Answer: answer.Backfills{Fills: []bellows.Backfill{set}, Did: "paused"}}},
		{"backfill_resume", nil, answer.Outcome{Verb: "backfill resume", Answer: answer.Backfills{Fills: []bellows.Backfill{up}, Did: "resumed"}}},
		{"backfill_cancel", nil, answer.Outcome{Verb: "backfill cancel", Answer: answer.Backfills{Fills: []bellows.Backfill{up}, Did: "cancelled"}}},
		{"poison_list", nil, answer.Outcome{Verb: "backfill poison list", Answer: answer.Poison{Fill: stopped(), Rows: rows}}},
		{"poison_none", nil, answer.Outcome{Verb: "backfill poison list", Answer: answer.Poison{Fill: underWay()}}},
		{"poison_waived", nil, answer.Outcome{Verb: "backfill poison waive", Answer: answer.Poison{Fill: stopped(), Rows: rows[1:], Did: "waived", Count: 1}}},
		{"status_backfill", nil, answer.Outcome{Verb: "status", Answer: answer.Status{On: "sqlite:app.db", Fills: []bellows.Backfill{underWay()}, Status: bellows.Status{
			Heads: []string{locs}, Pending: 1, LedgerExists: true, Revisions: []bellows.Revision{{ID: locs, Name: "fill_loc", Kind: "backfill", State: "running", Head: true}}}}}},
		{"plan_backfill", nil, answer.Outcome{Verb: "plan", Answer: planned()}},
		{"show_backfill", nil, answer.Outcome{Verb: "show", Answer: shown()}},
	}
}

func script() revision.Script {
	pos := fault.Pos{File: "migrations/20261120120000_fill_loc.sql", Line: 2, Column: 1}
	return revision.Script{Revision: locs, Kind: revision.Backfill, Fill: &revision.FillSpec{Table: "posts", Key: []string{"id"}, Rows: 500, Target: 200 * time.Millisecond,
		Workers: 2, Pause: time.Second, Poison: 10, At: pos, Body: revision.Section{SQL: "UPDATE posts SET loc = point(lng, lat)\n WHERE loc IS NULL AND :chunk;\n", At: pos}}}
}

func shown() answer.Show {
	return answer.Show{Revision: revision.Revision{ID: locs, Name: "fill_loc", Kind: revision.Backfill}, Script: script()}
}

func planned() answer.Plan {
	touch := plan.Touch{Table: plan.Name{Name: "posts"}, Lock: "ROW EXCLUSIVE"}
	return answer.Plan{On: "sqlite:app.db", Preview: bellows.Preview{Plan: plan.Plan{To: []revision.ID{locs}, Steps: []plan.Step{{
		Move: revision.Move{ID: locs, Direction: revision.Up}, Tx: plan.TxChunks, Revision: revision.Revision{ID: locs, Name: "fill_loc", Kind: revision.Backfill}, Script: script(),
		Statements: []plan.Statement{{SQL: "UPDATE posts SET loc = point(lng, lat)\n WHERE loc IS NULL AND :chunk", Pos: fault.Pos{Line: 3}, Effect: plan.Effect{Verb: "UPDATE", Class: plan.Rows, Touches: []plan.Touch{touch}}}},
		Checks:     []plan.Statement{{SQL: "SELECT id FROM posts WHERE loc IS NULL", Pos: fault.Pos{Line: 6}}},
		Notes:      []string{"goes by: " + reason},
	}}}}}
}
