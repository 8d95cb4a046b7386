package bellows_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
)

// mariaSwap is the change on MariaDB.
func mariaSwap() swap { return swaps()[2] }

// A contract of several statements holds the table around all of them: an
// application that writes all the while sees no trigger that names what is gone.
func TestChangeContractOfSeveralStatements(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		s := mariaSwap()
		s.file += "-- migrate:contract\nUPDATE posts SET loc = '7;7' WHERE id = 1;\nALTER TABLE posts DROP COLUMN lat;\nALTER TABLE posts DROP COLUMN lng;\nALTER TABLE posts MODIFY loc varchar(60);\n"
		url, dir := s.held(t)
		var app traffic
		t.Cleanup(app.end)
		app.writes(t, url, []string{"INSERT INTO posts (id, loc) VALUES (10000 + %[1]d, '%[1]d;2')", "UPDATE posts SET loc = '1;%[1]d' WHERE id = 1 + %[1]d %% 500"})
		err := with(t, url, dir, bellows.Options{Point: func(name string) {
			if name == "unit done" { // the writer waits meanwhile, it does not fail
				for app.tried.Load() == app.done.Load() {
					time.Sleep(time.Millisecond)
				}
			}
		}}, func(ctx context.Context, m *bellows.Migrator) error { return changeVerb(ctx, m, "contract", oneMerge) })
		must(t, err)
		app.end()
		wantPhase(t, url, dir, "purge")
		wantRows(t, url, "SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = DATABASE()", "0")
		wantRows(t, url, "SELECT COUNT(*) FROM posts WHERE loc IS NULL", "0")
	})
}

// What is done to sync behind the last look is seen once the table is held, and
// nothing is taken away.
func TestChangeMeddledWithBeforeItIsHeld(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		for _, contract := range []string{"", "-- migrate:contract\nALTER TABLE posts DROP COLUMN lat;\nALTER TABLE posts DROP COLUMN lng;\n"} {
			s := mariaSwap()
			s.file += contract
			url, dir := s.held(t)
			err := with(t, url, dir, bellows.Options{Point: func(name string) {
				if name == "change intent" {
					exec1(t, url, "DROP TRIGGER bellows_1_update")
				}
			}}, func(ctx context.Context, m *bellows.Migrator) error { return changeVerb(ctx, m, "contract", oneMerge) })
			wantCode(t, err, fault.Confirm, "was dropped")
			wantRows(t, url, "SELECT COUNT(*) FROM posts WHERE lat = id * 2 AND lng = id * 3", "500")
			if now := wantPhase(t, url, dir, "hold"); now.Proof.Valid || !strings.Contains(now.Proof.Void, "was dropped") {
				t.Fatalf("afterwards the change is %+v", now)
			}
			must(t, s.do(t, url, dir, "resync old"))
			must(t, s.do(t, url, dir, "wait"))
			must(t, s.do(t, url, dir, "approve"))
			must(t, s.do(t, url, dir, "contract"))
		}
	})
}

// Where each request has a session of its own the evidence of a second is more than
// one row, until somebody does something with the change.
func TestEvidenceIsPruned(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		s := mariaSwap()
		url, dir := s.held(t)
		exec1(t, url, "DELETE FROM bellows_change_write")
		exec1(t, url, "INSERT INTO bellows_change_write (revision, side, application, at) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 899) "+
			"SELECT '1', IF(i % 2, 'old', 'new'), IF(i % 3, 'web', 'cron'), '2026-01-01 10:00:00' + INTERVAL i * 10000 MICROSECOND FROM n")
		seconds := func() (n int64) {
			for _, w := range phaseOf(t, url, dir).Writes {
				n += w.Seconds
			}
			return n
		}
		before := seconds()
		must(t, s.do(t, url, dir, "verify"))
		wantRows(t, url, "SELECT COUNT(*) FROM bellows_change_write", "36") // 9 seconds, two sides, two applications
		if after := seconds(); before != 36 || after != 36 {
			t.Errorf("%d seconds of writing became %d", before, after)
		}
		wantRows(t, url, "SELECT CAST(MAX(at) AS CHAR) FROM bellows_change_write", "2026-01-01 10:00:08.990000")
	})
}

// A process that is killed anywhere in such a contract leaves what the same verb
// brings to the same end.
func TestChangeContractOfSeveralStatementsSurvivesKills(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		s := mariaSwap()
		s.file += "-- migrate:contract\nUPDATE posts SET loc = CONCAT(loc, '!') WHERE id = 1;\nALTER TABLE posts DROP COLUMN lat;\nALTER TABLE posts DROP COLUMN lng, ADD COLUMN more int;\nALTER TABLE posts MODIFY loc varchar(70);\n"
		s.file = strings.Replace(s.file, "-- migrate:backward\nlat = CAST(SUBSTRING_INDEX(loc, ';', 1) AS SIGNED), lng = CAST(SUBSTRING_INDEX(loc, ';', -1) AS SIGNED)\n", "", 1)
		s.looks = append(s.looks, "SELECT CONCAT(id, loc) FROM posts WHERE id < 3 ORDER BY id")
		calm, calmDir := s.place(t)
		url, dir := s.place(t)
		for _, verb := range []string{"wait", "approve", "contract"} {
			out, code, _ := child{URL: calm, Dir: calmDir, Verb: "change " + verb, Target: oneMerge, Names: true}.run(t)
			if code != 0 {
				t.Fatalf("%s: undisturbed it ends with %d: %s", verb, code, out)
			}
			kills := killed(t, child{URL: url, Dir: dir, Verb: "change " + verb, Target: oneMerge}, pointNames(out))
			if want, got := s.picture(t, calm, calmDir), s.picture(t, url, dir); kills == 0 || want != got {
				t.Fatalf("%s: after %d kills\n%s\nand undisturbed\n%s", verb, kills, got, want)
			}
		}
	})
}
