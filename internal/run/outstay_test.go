package run_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/run"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/revision"
)

// text is the script of a folder with one migration.
type text revision.Script

func (s text) Script(revision.ID) (revision.Script, error) { return revision.Script(s), nil }

// watching is lent, with eyes.
type watching struct {
	lent
	db.Watcher
}

// Behind a proxy that shares sessions the server's number of ours is not known: the
// build is found by its text, and given up all the same.
func TestOutstayedBehindAProxy(t *testing.T) {
	t.Parallel()
	p := place{t: t, url: testdb.Postgres(t), driver: postgres.Driver{}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	holder, c := p.session(), p.session()
	p.exec(holder, "CREATE TABLE a (id int)")
	p.exec(holder, "BEGIN ISOLATION LEVEL REPEATABLE READ")
	p.exec(holder, "SELECT * FROM a")
	script := text{Revision: "1", Kind: revision.Schema, Up: &revision.Section{SQL: "\n-- found by its text\nCREATE INDEX CONCURRENTLY ai ON a (id);\n", Tx: revision.TxEach}}
	var waited []int64
	r := run.New(watching{lent{c, c.(db.Locker)}, c.(db.Watcher)}, run.Options{Ledger: "l", Run: "r", Verb: "up", Open: p.open, Files: script, RetryBudget: 100 * time.Millisecond, LockTimeout: 10 * time.Millisecond,
		Revisions: []revision.Revision{{ID: "1", Kind: revision.Schema, Checksum: "1", Native: true}},
		Sink: event.SinkFunc(func(e event.Event) {
			if x, ok := e.(event.IndexProgress); ok && x.WaitsFor != 0 {
				waited = append(waited, x.WaitsFor)
			}
		})})
	_, err := r.Up(ctx, run.Ask{})
	if !fault.Has(err, fault.Busy) || !strings.Contains(err.Error(), "transactions of others") || len(waited) == 0 || waited[0] != holder.Session().PID {
		t.Fatalf("%v; it waited for %v", err, waited)
	}
	p.exec(holder, "COMMIT")
	if rep, err := r.Up(ctx, run.Ask{}); err != nil || len(rep.Applied) != 1 {
		t.Fatalf("%+v, %v", rep, err)
	}
	if got := p.one(holder, "SELECT indisvalid::text FROM pg_index WHERE indexrelid = 'ai'::regclass"); got != "true" {
		t.Errorf("valid: %q", got)
	}
}
