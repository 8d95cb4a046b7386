package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/internal/testdb"
)

// people is a folder with a table of 2000 rows and a backfill over it that fails
// at the last one, where one row may be set aside.
func people(t *testing.T, url string) string {
	t.Helper()
	dir := sandbox(t, "init")
	write(t, filepath.Join(dir, "bellows.toml"), "lock_timeout = \"10s\"\ndefault = \"live\"\n[env.live]\nurl = \""+url+"\"\n") // the machine may be busy
	if err := os.Mkdir(filepath.Join(dir, "migrations"), 0o777); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for i := 1; i < 2000; i++ {
		rows = append(rows, fmt.Sprintf("(%d, %d)", i, 1926+i%100))
	}
	rows = append(rows, "(2000, 3000)")
	for name, text := range map[string]string{
		"1_people.sql": "-- migrate:up\nCREATE TABLE people (id integer NOT NULL PRIMARY KEY, born integer NOT NULL, years integer CHECK (years >= 0));\n-- migrate:down\nDROP TABLE people;\n",
		"2_rows.sql":   "-- migrate:data\nINSERT INTO people (id, born) VALUES " + strings.Join(rows, ", ") + ";\n-- migrate:down\nDELETE FROM people;\n",
		"3_years.sql": "-- migrate:backfill table:people rows:100 target:50ms poison:1\nUPDATE people SET years = 2026 - born WHERE years IS NULL AND :chunk;\n" +
			"-- migrate:check\nSELECT id FROM people WHERE years IS NULL;\n-- migrate:down\nUPDATE people SET years = NULL WHERE years IS NOT NULL AND :chunk;\n",
		"4_later.sql": "-- migrate:up\nCREATE TABLE later (id integer);\n-- migrate:down\nDROP TABLE later;\n",
	} {
		write(t, filepath.Join(dir, "migrations", name), text)
	}
	return dir
}

// eachWithPeople runs a test on every kind of database.
func eachWithPeople(t *testing.T, test func(t *testing.T, dir string)) {
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, people(t, fresh(t)))
		})
	}
}

// TestBackfill: up stops where a row is set aside, and a person lets it be; what
// comes after it waits until then. The way back is one in chunks.
func TestBackfill(t *testing.T) {
	eachWithPeople(t, func(t *testing.T, dir string) {
		out := said(t, dir, 7, "up")
		has(t, out, "tried     people: ", "goes by: primary key id", "bad row   people id=2000 fails, and will be set aside: ", "set aside people id=2000: ",
			"error: all other rows of people are done, and 1 row is set aside", "code: repair", "applied 2 migrations", ", then stopped")
		has(t, said(t, dir, 0, "status"), "stopped at ", "1 set aside", "pending  4 ")
		has(t, said(t, dir, 0, "repair"), "under-way", "bellows backfill status")
		has(t, said(t, dir, 0, "backfill", "poison", "list"), "open    2000  ")
		has(t, said(t, dir, 0, "backfill", "poison", "waive", "--why", "born in 3000"), "waived 1 row of people")
		has(t, said(t, dir, 0, "up", "--json"), `"type":"backfill","v":1,"id":"3","table":"people","direction":"up"`, `"type":"swept"`, `"type":"backfill_end","v":1,"id":"3","table":"people","state":"checked"`,
			`"applied":["3","4"]`)
		has(t, said(t, dir, 0, "backfill", "status", "--json"), `"state":"applied"`, `"rows_done":2000,"rows_changed":1999,"poison":0,`)
		has(t, said(t, dir, 0, "history", "--journal"), "born in 3000")
		has(t, said(t, dir, 0, "down", "2"), "reverted  3  years")
		out = said(t, dir, 0, "backfill", "status")
		has(t, out, "down")
		if strings.Contains(out, testdb.Password) {
			t.Error("the password was printed")
		}
	})
}

// TestBackfillShared: two processes join a backfill that up only began; each row
// is changed once, and both end well.
func TestBackfillShared(t *testing.T) {
	eachWithPeople(t, func(t *testing.T, dir string) {
		has(t, said(t, dir, 0, "up", "--no-wait"), "applied 2 migrations", "planned 3  years: 0 of 2,000 rows (0 %), 0 changed; what comes after it waits for bellows backfill run 3")
		has(t, said(t, dir, 0, "backfill", "set", "--rows", "20", "--poison", "2"), "at most 20 rows", "up to 2 rows set aside")
		has(t, said(t, dir, 0, "backfill", "pause"), "paused 3  years")
		one, other := command(dir, "backfill", "run", "--workers", "2"), command(dir, "backfill", "run", "3", "--json")
		told := map[*exec.Cmd]*strings.Builder{one: {}, other: {}}
		for c, all := range told {
			c.Stdout, c.Stderr = all, all
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
		}
		has(t, said(t, dir, 0, "backfill", "resume"), "resumed 3  years")
		for c, all := range told {
			if code := codeOf(t, c.Wait()); code != 7 {
				t.Errorf("exit code %d, want 7, because a row is set aside:\n%s", code, all)
			}
		}
		said(t, dir, 0, "backfill", "poison", "waive", "3", "--key", "2000", "--why", "x")
		has(t, said(t, dir, 0, "backfill", "run"), "applied 1 migration")
		has(t, said(t, dir, 0, "backfill", "status", "--json"), `"state":"applied"`, `"rows_changed":1999,`)
		has(t, said(t, dir, 0, "up"), "applied   4  later")
	})
}

// TestBackfillOnTerminal: a line shows how far it is, until it is done.
func TestBackfillOnTerminal(t *testing.T) {
	eachWithPeople(t, func(t *testing.T, dir string) {
		said(t, dir, 0, "up", "--no-wait")
		said(t, dir, 0, "backfill", "pause")
		x := onTerminal(t, 100, command(dir, "backfill", "run"))
		x.until("paused    people: bellows backfill resume goes on")
		x.until("backfill  people  ░░░") // and a second later how far it is
		said(t, dir, 0, "backfill", "resume")
		x.until("set aside people id=2000: ")
		x.ends(7)
		if shown, _ := x.now(); strings.Contains(shown, "░") {
			t.Errorf("the bar is still there:\n%s", shown)
		}
		x.shows("stopped   people: 1,999 rows in ", "error: all other rows of people are done, and 1 row is set aside")
	})
}

// TestBackfillLimits: a limit of the configuration holds a backfill back and says
// so, on the terminal and to others; one that is set while it waits lets it go on.
func TestBackfillLimits(t *testing.T) {
	eachWithPeople(t, func(t *testing.T, dir string) {
		said(t, dir, 0, "up", "--no-wait")
		toml := filepath.Join(dir, "bellows.toml")
		text, err := os.ReadFile(toml)
		if err != nil {
			t.Fatal(err)
		}
		write(t, toml, string(text)+"[env.live.backfill]\nsql = \"SELECT 7, 3, 'the queue of letters'\"\n")
		has(t, said(t, dir, 0, "config"), "backfill.sql", "[env.live.backfill]")
		x := onTerminal(t, 100, command(dir, "backfill", "run"))
		x.until("paused    people: the queue of letters gives 7, of 3 at most")
		comes(t, dir, []string{"backfill", "status"}, "limit    the queue of letters gives 7, of 3 at most", "sql SELECT 7, 3")
		comes(t, dir, []string{"backfill", "status", "--json"}, `"limited_by":"the queue of letters gives 7, of 3 at most"`, `"limits":{"sql":`)
		has(t, said(t, dir, 2, "backfill", "set", "--limit", "replica_lag=soon"), "replica_lag is a duration", "10s")
		has(t, said(t, dir, 2, "backfill", "set", "--limit", "command=true"), "is a process's own", "bellows.toml")
		has(t, said(t, dir, 0, "backfill", "set", "--limit", "sql=off", "--limit", "replica_lag=30s"), "replica_lag 30s", "sql off")
		x.until("goes on   people")
		x.ends(7)
		has(t, said(t, dir, 0, "backfill", "poison", "waive", "--why", "born in 3000"), "waived 1 row of people")
		said(t, dir, 0, "up")
	})
}
