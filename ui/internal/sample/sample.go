// Package sample is made-up happenings and answers, one of every kind, for the
// tests of the faces.
//
// Charter: the same cases for every face, so that none forgets one.
// Invariant: the cases hold the password [Password] wherever a careless library
// could put one, so that a test can look for it in what was printed.
// Example: for _, c := range sample.Cases() { for _, e := range c.Events { face.Event(e) }; face.Finish(c.Outcome) }
package sample

import (
	"errors"
	"slices"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/lint"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/ui/answer"
)

// Password must not be found in anything that a face prints.
const Password = "hunter2hunter2"

// Case is a command: what happened, and how it ended.
type Case struct {
	Name    string
	Events  []event.Event
	Outcome answer.Outcome
}

// Cases are all cases, in the order of the documentation.
func Cases() []Case {
	return slices.Concat(acting(), asking(), filling(), changing(), failing())
}

var start = time.Date(2026, 11, 20, 10, 15, 0, 123456000, time.UTC)

func holder() event.Holder {
	return event.Holder{Owner: "ann@web-3", Host: "web-3", PID: 4711, Since: start, Doing: "up 20261120101500", Run: "20261120T101500-0a1b2c3d"}
}

func acting() []Case {
	const run = "20261120T101500-0a1b2c3d"
	done := bellows.Report{Run: run, Applied: []string{"20261119093000", "20261120101500"}, Duration: 3412 * time.Millisecond}
	return []Case{
		{"up", []event.Event{
			event.RunStarted{Run: run, Verb: "up", Target: "heads", Steps: 2},
			event.LockWaiting{Holder: holder()},
			event.LockTakenOver{Holder: holder()},
			event.Destroys{ID: "20261120101500", Table: "posts", Column: "lat", Rows: 12408, Exact: true},
			event.Destroys{ID: "20261120101500", Table: "drafts", Rows: 3000000},
			event.MigrationStarted{ID: "20261119093000", Name: "create_posts", Direction: "up", Tx: "one", Number: 1, Of: 2},
			event.StatementDone{ID: "20261119093000", Number: 1, Of: 1, SQL: "CREATE TABLE posts (\n\tid bigint PRIMARY KEY\n)", Duration: 11500 * time.Microsecond},
			event.MigrationDone{ID: "20261119093000", Name: "create_posts", Direction: "up", State: "applied", Duration: 12345 * time.Microsecond},
			event.MigrationStarted{ID: "20261120101500", Name: "merge_location", Direction: "up", Tx: "each", Number: 2, Of: 2, Resumed: 3},
			event.Blocked{ID: "20261120101500", Table: "posts", Lock: "ACCESS EXCLUSIVE", Attempt: 2, Wait: 3 * time.Second, Blockers: []event.Blocker{
				{PID: 812, User: "app", App: "web", Table: "posts", State: "active", Query: "UPDATE posts\n   SET seen = true", Age: 125 * time.Second},
				{PID: 900, Vacuum: true, Wrap: true, Table: "posts", Age: time.Hour}}},
			event.IndexProgress{ID: "20261120101500", Index: "posts_loc", Phase: "building index", Done: 40, Total: 100},
			event.IndexProgress{ID: "20261120101500", Index: "posts_loc", Phase: "building index", Done: 41, Total: 100},
			event.IndexProgress{ID: "20261120101500", Index: "posts_loc", Phase: "waiting for old snapshots", WaitsFor: 812},
			event.Notice{ID: "20261120101500", Severity: "NOTICE", Text: "relation \"posts\" already exists, skipping"},
			event.Notice{ID: "20261120101500", Severity: "WARNING", Text: "no privileges were granted\non posts"},
			event.Warning{Code: "order", Text: "20261120101500 sorts before an applied one", Hint: "it is applied all the same", File: "migrations/20261120101500_merge_location.sql", Line: 1},
			event.Reconnected{Err: errors.New("read tcp 10.0.0.1: connection reset, postgres://ann:" + Password + "@db/app")},
			event.StatementDone{ID: "20261120101500", Number: 4, Of: 4, SQL: "ALTER ROLE web WITH password='" + Password + "'", Rows: 2, Duration: 70 * time.Second},
			event.MigrationDone{ID: "20261120101500", Name: "merge_location", Direction: "up", State: "applied", Duration: 3400 * time.Millisecond},
			event.RunDone{Run: run, Applied: done.Applied, Duration: done.Duration},
		}, answer.Outcome{Verb: "up", Answer: answer.Run{Report: done}}},
		{"up_nothing", nil, answer.Outcome{Verb: "up", Answer: answer.Run{}}},
		{"down", []event.Event{
			event.MigrationStarted{ID: "20261120101500", Name: "merge_location", Direction: "down", Tx: "one", Number: 1, Of: 1},
			event.MigrationDone{ID: "20261120101500", Name: "merge_location", Direction: "down", State: "reverted", Duration: 900 * time.Microsecond},
		}, answer.Outcome{Verb: "down", Answer: answer.Run{Report: bellows.Report{Run: run, Reverted: []string{"20261120101500"}, Duration: 2 * time.Millisecond}}}},
		{"redo", nil, answer.Outcome{Verb: "redo", Answer: answer.Run{Report: bellows.Report{Run: run, Reverted: []string{"2"}, Applied: []string{"2"}, Duration: time.Millisecond}}}},
		{"try", nil, answer.Outcome{Verb: "try", Exit: 3, Answer: answer.Run{Report: bellows.Report{Run: run, Reverted: []string{"2"}, Applied: []string{"2"}, Duration: time.Millisecond}}}},
		{"stamp", nil, answer.Outcome{Verb: "stamp", Answer: answer.Run{Report: bellows.Report{Run: run, Applied: []string{"1", "2"}}}}},
		{"new", nil, answer.Outcome{Verb: "new", Answer: answer.Files{Written: []string{"migrations/20261121120000_add_email.sql"}, ID: "20261121120000", Revises: []string{"20261120101500"}}}},
		{"rebase", nil, answer.Outcome{Verb: "rebase", Answer: answer.Files{Written: []string{"migrations/20261121120001_b.sql"}, Removed: []string{"migrations/20261119120000_b.sql"}}}},
		{"repair_done", nil, answer.Outcome{Verb: "repair", Answer: answer.Repaired{Actions: []answer.Action{{Action: "mark-applied", Revision: "20261120101500"}, {Action: "clean-indexes"}}}}},
		{"db_create", nil, answer.Outcome{Verb: "create", Answer: answer.Database{Action: "create", On: "postgres://ann:" + Password + "@db/app", Changed: true}}},
		{"db_drop_nothing", nil, answer.Outcome{Verb: "drop", Answer: answer.Database{Action: "drop", On: "sqlite:app.db"}}},
		{"db_wait", nil, answer.Outcome{Verb: "wait", Answer: answer.Database{Action: "wait", On: "sqlite:app.db", Changed: true}}},
	}
}

func asking() []Case {
	h := holder()
	return []Case{
		{"plan", nil, answer.Outcome{Verb: "plan", Answer: preview()}},
		{"plan_nothing", nil, answer.Outcome{Verb: "plan", Answer: answer.Plan{On: "sqlite:app.db"}}},
		{"plan_sql", nil, answer.Outcome{Verb: "plan", Answer: answer.Script{SQL: "BEGIN;\nSELECT 'password=kept as it is';\nCOMMIT;\n"}}},
		{"status", nil, answer.Outcome{Verb: "status", Answer: status()}},
		{"status_empty", nil, answer.Outcome{Verb: "status", Answer: answer.Status{On: "sqlite:app.db"}}},
		{"history", nil, answer.Outcome{Verb: "history", Answer: answer.History{Revisions: status().Status.Revisions[:3], Known: true}}},
		{"history_files", nil, answer.Outcome{Verb: "history", Answer: answer.History{Revisions: []bellows.Revision{
			{ID: "20261119093000", Name: "create_posts", Kind: "schema"},
			{ID: "20261120101500", Name: "add_loc", Kind: "schema", Parents: []string{"20261119093000"}, Label: "geo", Head: true},
			{ID: "R:post_stats", Name: "post_stats", Kind: "repeatable"}}}}},
		{"journal", nil, answer.Outcome{Verb: "history", Answer: answer.Journal{Entries: []bellows.Entry{
			{Seq: 1, At: start, Run: h.Run, Action: "up", Revision: "20261119093000", Actor: "ann@web-3", Tool: "bellows 0.1.0", Tag: "deploy 81"},
			{Seq: 2, At: start.Add(time.Minute), Run: h.Run, Action: "failure", Revision: "20261120101500", Actor: "ann@web-3", Tool: "bellows 0.1.0",
				Detail: "could not connect to postgres://ann:" + Password + "@db/app"}}}}},
		{"heads", nil, answer.Outcome{Verb: "heads", Answer: answer.Heads{Heads: []bellows.Revision{
			{ID: "20261120101500", Name: "add_loc", File: "migrations/20261120101500_add_loc.sql", Kind: "schema", Label: "geo", State: "applied", Current: true, Head: true},
			{ID: "20261121120000", Name: "add_email", File: "migrations/20261121120000_add_email.sql", Kind: "schema", State: "pending", Head: true}}}}},
		{"show", nil, answer.Outcome{Verb: "show", Answer: show()}},
		{"graph", nil, answer.Outcome{Verb: "graph", Answer: answer.Graph{Form: "text", Picture: "● 2  b\n● 1  a\n"}}},
		{"repair", nil, answer.Outcome{Verb: "repair", Answer: answer.Troubles{Troubles: []bellows.Trouble{
			{Kind: "half-done", Revision: "20261120101500", Text: "stopped part-way", Done: 2, Total: 5, Statement: "CREATE INDEX CONCURRENTLY posts_loc\n  ON posts (loc)",
				Error: "deadlock detected", Actions: []string{"bellows up", "bellows repair --mark-applied 20261120101500"}},
			{Kind: "invalid-index", Text: "index posts_loc is invalid"}}}}},
		{"repair_nothing", nil, answer.Outcome{Verb: "repair", Answer: answer.Troubles{}}},
		{"unlock_nobody", nil, answer.Outcome{Verb: "unlock", Answer: answer.Lock{}}},
		{"unlock_freed", nil, answer.Outcome{Verb: "unlock", Answer: answer.Lock{Holder: &h, Removed: true}}},
		{"unlock_alive", nil, answer.Outcome{Verb: "unlock", Exit: 5, Answer: answer.Lock{Holder: &h},
			Err: fault.New(fault.Locked, "the holder is alive").Try("bellows unlock --force %s", h.Run)}},
		{"config", nil, answer.Outcome{Verb: "config", Answer: answer.Config{Settings: []answer.Setting{
			{Key: "url", Value: "postgres://ann:" + Password + "@db/app", From: "flag --url"}, {Key: "dir", Value: "migrations", From: "default"}, {Key: "schema", From: "default"}}}}},
		{"version", nil, answer.Outcome{Verb: "version", Answer: answer.Version{Version: "0.1.0", Build: "v0.1.0-3-g0123456", Commit: "0123456789ab", Go: "go1.26", OS: "linux", Arch: "amd64"}}},
		{"version_plain", nil, answer.Outcome{Verb: "version", Answer: answer.Version{Version: "0.1.0", Go: "go1.26", OS: "linux", Arch: "amd64"}}},
		{"nothing", nil, answer.Outcome{Verb: "db"}},
		{"inspect", nil, answer.Outcome{Verb: "inspect", Answer: answer.Schema{Shape: shape(), Form: "sql", Text: "CREATE TABLE posts (id integer);\n", On: "postgres://ann:" + Password + "@db/app"}}},
		{"inspect_facts", nil, answer.Outcome{Verb: "inspect", Answer: answer.Schema{Shape: shape(), Form: "facts", On: "sqlite:app.db"}}},
		{"diff", nil, answer.Outcome{Verb: "diff", Answer: difference("plan")}},
		{"diff_sql", nil, answer.Outcome{Verb: "diff", Answer: difference("sql")}},
		{"diff_check", nil, answer.Outcome{Verb: "diff", Exit: 3, Answer: difference("check")}},
		{"diff_files", nil, answer.Outcome{Verb: "diff", Answer: difference("files")}},
		{"diff_same", nil, answer.Outcome{Verb: "diff", Answer: answer.Diff{Form: "check"}}},
		{"diff_nothing", nil, answer.Outcome{Verb: "diff", Answer: answer.Diff{Form: "files", FromName: "the migrations", ToName: "schema.sql"}}},
		{"drift", nil, answer.Outcome{Verb: "drift", Exit: 3, Answer: difference("drift")}},
		{"drift_none", nil, answer.Outcome{Verb: "drift", Answer: answer.Diff{Form: "drift", ToName: "sqlite:app.db"}}},
		{"verify", nil, answer.Outcome{Verb: "verify", Exit: 3, Answer: verified()}},
		{"verify_good", nil, answer.Outcome{Verb: "verify", Answer: answer.Verified{Verification: bellows.Verification{Revisions: verified().Verification.Revisions[:1]}}}},
		{"archive", nil, answer.Outcome{Verb: "archive", Answer: archived(false)}},
		{"archive_none", nil, answer.Outcome{Verb: "archive", Answer: answer.Archives{}}},
		{"archive_purge", nil, answer.Outcome{Verb: "archive", Answer: archived(true)}},
		{"archive_purge_none", nil, answer.Outcome{Verb: "archive", Answer: answer.Archives{Purged: true}}},
		{"diff_choice", nil, answer.Outcome{Verb: "diff", Exit: 8, Answer: choice(),
			Err: fault.New(fault.Confirm, "column posts.titel may have become posts.title by a rename, and nobody is there to ask").Try("--rename")}},
	}
}

func preview() answer.Plan {
	const file = "migrations/20261120101500_merge_location.sql"
	posts := plan.Name{Schema: "public", Name: "posts"}
	at := func(line int) fault.Pos { return fault.Pos{File: file, Line: line, Column: 1} }
	return answer.Plan{On: "postgres://ann:" + Password + "@db/app", Preview: bellows.Preview{
		Plan: plan.Plan{From: []revision.ID{"20261119093000"}, To: []revision.ID{"20261120101500"}, Steps: []plan.Step{
			{Move: revision.Move{ID: "20261120101500", Direction: revision.Up}, Tx: plan.TxOne,
				Revision: revision.Revision{ID: "20261120101500", Name: "merge_location", Kind: revision.Schema, File: file},
				Statements: []plan.Statement{
					{SQL: "ALTER TABLE posts DROP COLUMN lat", Pos: at(4), Effect: plan.Effect{Verb: "ALTER TABLE", Class: plan.DDL,
						Touches: []plan.Touch{{Table: posts, Lock: "ACCESS EXCLUSIVE", Rewrites: true}, {Table: plan.Name{Name: "users"}}}, Destroys: []plan.Loss{{Table: posts, Column: "lat"}}}},
					{SQL: "CREATE TABLE places (id int)", Pos: at(5), Effect: plan.Effect{Verb: "CREATE TABLE", Objects: []plan.Object{{Kind: "table", Name: plan.Name{Name: "places"}}}}},
					{SQL: "TRUNCATE drafts", Pos: at(6), Effect: plan.Effect{Verb: "TRUNCATE", Touches: []plan.Touch{{Table: plan.Name{Name: "drafts"}, Lock: "ACCESS EXCLUSIVE"}}, Destroys: []plan.Loss{{Table: plan.Name{Name: "drafts"}, Rows: true}}}},
					{SQL: "FROBNICATE the database now", Pos: at(7), Effect: plan.Effect{Unparsed: true}}},
				Checks: []plan.Statement{{SQL: "SELECT 1 FROM posts\nWHERE loc IS NULL", Pos: at(10)}},
				Notes:  []string{"line 9: \\restrict is a command of psql, skipped"}},
			{Move: revision.Move{ID: "20261119093000", Direction: revision.Down}, Tx: plan.TxEach, TxWhy: "CREATE INDEX CONCURRENTLY cannot run in a transaction",
				Revision:   revision.Revision{ID: "20261119093000", Name: "create_posts", Kind: revision.Schema},
				Statements: []plan.Statement{{SQL: "DROP INDEX CONCURRENTLY i", Pos: at(3), Effect: plan.Effect{Verb: "DROP INDEX CONCURRENTLY", NoTx: "it waits for all transactions", Touches: []plan.Touch{{Table: posts, Lock: "SHARE UPDATE EXCLUSIVE", Scans: true}}}}}}}},
		Losses:   []event.Destroys{{ID: "20261120101500", Table: "public.posts", Column: "lat", Rows: 1, Exact: true}, {ID: "20261120101500", Table: "drafts", Exact: true}, {ID: "20261120101500", Table: "old", Rows: -1}},
		Warnings: []event.Warning{{Code: "integrity.order", Text: "sorts before an applied one", Hint: "--strict refuses", File: file, Line: 1}},
		Findings: []lint.Finding{{Code: lint.LosesData, Severity: lint.Warning, Pos: at(4), Message: "a column is lost for good", Instead: "stop using it first"},
			{Code: lint.IndexBlocksWrites, Severity: lint.Warning, Pos: at(6), Message: "an index is built", Instead: "the concurrent form", Allowed: "forty rows"}},
	}}
}

func status() answer.Status {
	h := holder()
	all := []bellows.Revision{
		{ID: "20261119093000", Name: "create_posts", Kind: "schema", State: "applied", File: "migrations/20261119093000_create_posts.sql", AppliedAt: start, Duration: 12345 * time.Microsecond, By: "ann@web-3"},
		{ID: "20261119100000", Name: "a_name_that_is_so_long_that_no_terminal_of_eighty_columns_can_show_it", Kind: "data", State: "edited", Parents: []string{"20261119093000"}, AppliedAt: start, Duration: time.Second, By: "ann@web-3"},
		{ID: "20261120101500", Name: "merge_location", Kind: "change", State: "held", Phase: "expand", Parents: []string{"20261119100000"}, AppliedAt: start, Duration: 2 * time.Minute, By: "ann@web-3", Current: true, Label: "geo"},
		{ID: "20261120110000", Name: "add_índex_日本", Kind: "schema", State: "failed", Parents: []string{"20261120101500"}, OutOfOrder: true, Head: true, Error: "relation \"x\" does not exist"},
		{ID: "R:post_stats", Name: "post_stats", Kind: "repeatable", State: "pending"},
	}
	return answer.Status{On: "postgres://ann:" + Password + "@db/app", Status: bellows.Status{
		Current: []string{"20261120101500"}, Heads: []string{"20261120110000"}, Pending: 2, Revisions: all, Holder: &h, LedgerExists: true,
		Problems: []error{fault.At(fault.Pos{File: "migrations/20261119100000_a.sql", Line: 1}, fault.Edited, "20261119100000 was edited after it was applied").Try("bellows repair --accept-edit 20261119100000")}}}
}

func show() answer.Show {
	why := "the old rows are gone"
	return answer.Show{
		Revision: revision.Revision{ID: "20261120101500", Name: "euro", Kind: revision.Data, File: "migrations/20261120101500_euro.sql", Label: "money",
			Needs: []revision.Need{{ID: "20261119093000", Phase: revision.Contract}}, Checksum: "5f3a"},
		Parents: []string{"20261119093000"}, Children: []string{"20261121120000"},
		Script: revision.Script{Kind: revision.Data, Irreversible: &why,
			Up:    &revision.Section{SQL: "INSERT INTO currency (code)\n\tVALUES ('EUR');\n", At: fault.Pos{Line: 3}, Tx: revision.TxEach, Mixed: true, LockTimeout: 2 * time.Second},
			Check: []revision.Section{{SQL: "SELECT 1\n", At: fault.Pos{Line: 7}}},
			Down:  &revision.Section{SQL: "DELETE FROM currency;\n", At: fault.Pos{Line: 10}}},
		State: bellows.Revision{State: "applied", AppliedAt: start, Duration: 40 * time.Millisecond, By: "ann@web-3"},
	}
}

func failing() []Case {
	pos := fault.Pos{File: "migrations/20261120101500_add_loc.sql", Line: 4, Column: 1, Text: "ALTER TABLE posts ADD COLUMN loc point;"}
	exists := fault.At(pos, "postgres.42701", "column %q of relation %q already exists", "loc", "posts").
		Try("the migration was rolled back; nothing changed. If the column was made by hand: bellows stamp 20261120101500")
	var many []error
	for range 23 {
		many = append(many, fault.New(fault.Graph, "unknown parent"))
	}
	tab := fault.Pos{File: "a.sql", Line: 12, Column: 10, Text: "\tSELECT \x1b[31m日本 FROM x"}
	wide := fault.Pos{File: "a.sql", Line: 1, Column: 300, Text: string(make([]byte, 290)) + "SELECT here" + string(make([]byte, 400))}
	return []Case{
		{"fail_up", []event.Event{event.MigrationFailed{ID: "20261120101500", Name: "add_loc", Direction: "up", Err: exists}},
			answer.Outcome{Verb: "up", Exit: 1, Err: exists, Answer: answer.Run{Report: bellows.Report{Applied: []string{"20261119093000"}, Duration: time.Second}}}},
		{"fail_before", nil, answer.Outcome{Verb: "up", Exit: 1, Answer: answer.Run{}, Err: fault.New(fault.Connect, "no connection to postgres://ann:%s@db/app", Password).Because(errors.New("dial tcp: refused, password="+Password)).Try("is it running? psql 'postgres://ann:%s@db/app'", Password)}},
		{"fail_many", nil, answer.Outcome{Verb: "heads", Exit: 1, Err: errors.Join(many...)}},
		{"fail_two", nil, answer.Outcome{Verb: "heads", Exit: 1, Err: errors.Join(fault.At(tab, fault.SQLText, "unclosed quote"), fault.At(wide, fault.SQLText, "deep in a long line"))}},
		{"fail_heading", nil, answer.Outcome{Verb: "up", Exit: 4, Err: fault.New(fault.Finding, "2 findings refuse").Because(errors.Join(
			fault.At(fault.Pos{File: "a.sql", Line: 2}, fault.Finding, "rows and schema in one").While("checking a"), errors.New("a plain one")))}},
		{"fail_chain", nil, answer.Outcome{Verb: "up", Exit: 1, Err: fault.New(fault.Failed, "").While("applying 1").Because(exists)}},
	}
}
