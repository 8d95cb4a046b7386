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
