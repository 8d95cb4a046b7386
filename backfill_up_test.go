package bellows_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
)

// fillProject is a chain with a backfill in its middle, whose rows each count
// how often they were changed.
func fillProject(integer string) map[string]string {
	return map[string]string{
		"1_posts.sql": "-- migrate:up\nCREATE TABLE posts (id " + integer + " PRIMARY KEY, lat " + integer + ", loc varchar(50), changes " + integer + " NOT NULL DEFAULT 0);\n\n-- migrate:down\nDROP TABLE posts;\n",
		"2_seed.sql":  "-- migrate:data\n" + seedRows(500) + "\n-- migrate:down\nDELETE FROM posts;\n",
		"3_loc.sql": "-- migrate:backfill table:posts rows:40\nUPDATE posts SET loc = concat('at ', lat), changes = changes + 1 WHERE loc IS NULL AND :chunk;\n\n" +
			"-- migrate:check\nSELECT id FROM posts WHERE loc IS NULL;\n\n-- migrate:down\nUPDATE posts SET loc = NULL, changes = changes - 1 WHERE loc IS NOT NULL AND :chunk;\n",
		"4_after.sql": "-- migrate:up\nCREATE TABLE later (id " + integer + " PRIMARY KEY);\n\n-- migrate:down\nDROP TABLE later;\n",
	}
}

func seedRows(n int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO posts (id, lat) VALUES ")
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "(%d, %d)", i*3, i)
	}
	return b.String() + ";\n"
}

func (k kind) fillPlace(t testing.TB) (url, dir string) {
	t.Helper()
	integer := map[string]string{"sqlite": "INTEGER", "postgres": "integer", "mariadb": "int"}[k.name]
	return k.fresh(t), writeFiles(t, fillProject(integer))
}

// rowsOf tells how the rows are: how many, how many wrong, how often changed.
func rowsOf(t testing.TB, url string) string {
	t.Helper()
	return strings.Join(column(t, url, "SELECT concat(count(*), ' rows, ', sum(CASE WHEN loc = concat('at ', lat) THEN 0 ELSE 1 END), ' wrong, ', min(changes), ' to ', max(changes), ' changes') FROM posts"), "")
}

// TestBackfillInTheChain: up goes through a backfill to what comes after it, down
// goes back through it, and a second up does it again, on every database.
func TestBackfillInTheChain(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			url, dir := k.fillPlace(t)
			m, err := bellows.Open(ctx, url, bellows.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			for round := range 2 {
				rep, err := m.Up(ctx, "head")
				if want := []string{"1", "2", "3", "4"}[min(round*2, 2):]; err != nil || !slices.Equal(rep.Applied, want) {
					t.Fatalf("applied %v, %v", rep.Applied, err)
				}
				if got := rowsOf(t, url); got != "500 rows, 0 wrong, 1 to 1 changes" {
					t.Fatal(got)
				}
				fills, err := m.Backfills(ctx)
				if err != nil || len(fills) == 0 || fills[len(fills)-1].State != "applied" {
					t.Fatalf("%+v, %v", fills, err)
				}
				if rep, err = m.Down(ctx, "2"); err != nil || !slices.Equal(rep.Reverted, []string{"4", "3"}) {
					t.Fatalf("reverted %v, %v", rep.Reverted, err)
				}
				if got := rowsOf(t, url); got != "500 rows, 500 wrong, 0 to 0 changes" {
					t.Fatal(got)
				}
			}
		})
	}
}

// TestBackfillIsToldOnce: the work without the lock between two turns under it is
// one run with one beginning of each migration, counted from the first plan.
func TestBackfillIsToldOnce(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			url, dir := k.fillPlace(t)
			var told []string
			m, err := bellows.Open(context.Background(), url, bellows.Options{Dir: dir, Sink: event.SinkFunc(func(e event.Event) {
				switch e := e.(type) {
				case event.RunStarted:
					told = append(told, fmt.Sprintf("run of %d", e.Steps))
				case event.MigrationStarted:
					told = append(told, fmt.Sprintf("%s is %d of %d", e.ID, e.Number, e.Of))
				}
			})})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if _, err := m.Up(context.Background(), "head"); err != nil {
				t.Fatal(err)
			}
			if want := []string{"run of 4", "1 is 1 of 4", "2 is 2 of 4", "3 is 3 of 4", "4 is 4 of 4"}; !slices.Equal(told, want) {
				t.Errorf("told %q, want %q", told, want)
			}
		})
	}
}

// TestBackfillGivenUp: what was given up is as it was before it began, and the
// same command begins it anew.
func TestBackfillGivenUp(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			url, dir := k.fillPlace(t)
			m, err := bellows.Open(ctx, url, bellows.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			giveUp := func(state string) {
				t.Helper()
				found, err := m.Troubles(ctx)
				if err != nil || len(found) != 1 || !slices.Contains(found[0].Actions, "bellows backfill cancel 3") {
					t.Errorf("troubles %+v, %v", found, err)
				}
				err = m.Repair(ctx, bellows.RepairRequest{Action: "mark-reverted", Revision: "3"})
				refused(t, err, fault.Repair, "under way", "bellows backfill cancel 3")
				if err := m.CancelBackfill(ctx, "3"); err != nil {
					t.Fatal(err)
				}
				s, err := m.Status(ctx)
				if err != nil || s.Revisions[2].State != state {
					t.Errorf("%+v, %v", s.Revisions, err)
				}
				if found, err := m.Troubles(ctx); err != nil || len(found) != 0 {
					t.Errorf("troubles %+v, %v", found, err)
				}
			}
			if _, err := m.UpWith(ctx, bellows.Request{NoWait: true}); err != nil {
				t.Fatal(err)
			}
			giveUp("pending")
			if rep, err := m.Up(ctx, "3"); err != nil || !slices.Equal(rep.Applied, []string{"3"}) {
				t.Fatalf("applied %v, %v", rep.Applied, err)
			}
			if _, err := m.DownWith(ctx, bellows.Request{Target: "2", NoWait: true}); err != nil {
				t.Fatal(err)
			}
			giveUp("applied")
			if rep, err := m.Down(ctx, "2"); err != nil || !slices.Equal(rep.Reverted, []string{"3"}) {
				t.Fatalf("reverted %v, %v", rep.Reverted, err)
			}
			if got := rowsOf(t, url); got != "500 rows, 500 wrong, 0 to 0 changes" {
				t.Error(got)
			}
		})
	}
}

// TestBackfillNoWait: up only plans the backfill and leaves what comes after it;
// RunBackfills does its rows, and the next up goes on.
func TestBackfillNoWait(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			url, dir := k.fillPlace(t)
			m, err := bellows.Open(ctx, url, bellows.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			rep, err := m.UpWith(ctx, bellows.Request{NoWait: true})
			if err != nil || !slices.Equal(rep.Applied, []string{"1", "2"}) {
				t.Fatalf("applied %v, %v", rep.Applied, err)
			}
			if got := rowsOf(t, url); got != "500 rows, 500 wrong, 0 to 0 changes" {
				t.Fatal(got)
			}
			s, err := m.Status(ctx)
			if err != nil || s.Revisions[2].State != "running" || s.Pending != 2 {
				t.Fatalf("%+v, %v", s.Revisions, err)
			}
			if rep, err = m.RunBackfills(ctx, "", 2); err != nil || !slices.Equal(rep.Applied, []string{"3"}) {
				t.Fatalf("applied %v, %v", rep.Applied, err)
			}
			if got := rowsOf(t, url); got != "500 rows, 0 wrong, 1 to 1 changes" {
				t.Fatal(got)
			}
			if rep, err = m.Up(ctx, "head"); err != nil || !slices.Equal(rep.Applied, []string{"4"}) {
				t.Fatalf("applied %v, %v", rep.Applied, err)
			}
		})
	}
}

// TestKillBackfillInTheChain kills up, and then down, at every point that a
// backfill in the chain passes, and runs the same command again.
func TestKillBackfillInTheChain(t *testing.T) {
	for _, k := range kinds() {
		for _, verb := range []string{"up", "down"} {
			t.Run(k.name+"/"+verb, func(t *testing.T) {
				t.Parallel()
				target := map[string]string{"up": "head", "down": "2"}[verb]
				want := map[string]string{"up": "500 rows, 0 wrong, 1 to 1 changes", "down": "500 rows, 500 wrong, 0 to 0 changes"}[verb]
				for at := 1; ; at += 9 { // some of about a hundred; the fill room kills at each
					url, dir := k.fillPlace(t)
					start := map[string]string{"up": "2", "down": "head"}[verb]
					migrate(t, url, dir, "up", start)
					out, code, killed := child{URL: url, Dir: dir, Verb: verb, Target: target, KillAt: at}.run(t)
					if !killed {
						if code != 0 || at < 20 {
							t.Fatalf("exit %d after %d points: %s", code, at, out)
						}
						t.Logf("%d points", at)
						return
					}
					if again, code, _ := (child{URL: url, Dir: dir, Verb: verb, Target: target}).run(t); code != 0 {
						t.Fatalf("%sthe same command again: %d %s", out, code, again)
					}
					if got := rowsOf(t, url); got != want {
						t.Fatalf("%safter that and the same command again: %s", out, got)
					}
				}
			})
		}
	}
}
