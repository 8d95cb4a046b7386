package fill_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/revision"
)

// TestOutage: a server that is killed and comes back is waited for; one that does
// not come back ends the work, and the same call goes on when it is there.
func TestOutage(t *testing.T) {
	servers := map[string]func(*testing.T) *testdb.Private{
		"postgres": func(t *testing.T) *testdb.Private { return testdb.PrivatePostgres(t, 0) },
		"mariadb":  func(t *testing.T) *testdb.Private { return testdb.PrivateMariaDB(t) },
	}
	for _, e := range engines()[1:] {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			server := servers[e.name](t)
			e.fresh = server.Database
			for _, how := range []testdb.Ending{testdb.Killed, testdb.Fast} {
				outage(t, e, server, how)
			}
		})
	}
}

// outage stops the server in the third chunk.
func outage(t *testing.T, e engine, server *testdb.Private, how testdb.Ending) {
	at := e.place(t, 1500)
	o := options(at)
	rec := &recorder{}
	o.Sink = rec
	f := planned(t, at, script(double), o)
	interrupt := func(do func()) func(string) {
		chunks := 0
		return func(name string) {
			if name == "changed" {
				if chunks++; chunks == 3 {
					do()
				}
			}
		}
	}
	if how == testdb.Killed {
		o.Point = interrupt(func() { server.Stop(t, how); server.Start(t) })
		if _, err := fill.Work(context.Background(), f.ID, o); err != nil {
			t.Fatal(err)
		}
		if len(of[event.Reconnected](rec)) == 0 {
			t.Error("it does not say that the connection was replaced")
		}
	} else {
		o.Patience = time.Nanosecond
		o.Point = interrupt(func() { server.Stop(t, how) })
		_, err := fill.Work(context.Background(), f.ID, o)
		if fault.CodeOf(err) != fault.Partial {
			t.Errorf("%v", err)
		}
		server.Start(t)
		if _, err := fill.Work(context.Background(), f.ID, options(at)); err != nil {
			t.Fatal(err)
		}
	}
	once(t, at, 1500)
}

// TestRights: a role that may not change the table is told so before anything is
// recorded; one that loses the right midway stops, and the same call goes on when
// it has the right again.
func TestRights(t *testing.T) {
	for _, e := range engines()[1:] {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			at := e.place(t, 1000)
			ctx := context.Background()
			reader := session(t, testdb.ReadOnly(t, at))
			defer reader.Close()
			if _, err := fill.Plan(ctx, reader, script(double), revision.Up, options(at)); err == nil || !strings.HasPrefix(err.Error(), "7_fill.sql:2") {
				t.Errorf("%v", err)
			}
			if e.name != "postgres" {
				rightsLost(t, e, at)
				return
			}
			theirs := testdb.Restricted(t, at)
			u, err := url.Parse(theirs)
			if err != nil {
				t.Fatal(err)
			}
			role := u.User.Username()
			do(t, at, "GRANT USAGE ON SCHEMA bellows TO "+role)
			f := planned(t, at, script(double), options(at))
			do(t, at, "GRANT USAGE ON SCHEMA bellows TO "+role)
			o := options(theirs)
			chunks := 0
			o.Point = func(name string) {
				if name == "committed" {
					if chunks++; chunks == 3 {
						do(t, at, "REVOKE pg_write_all_data FROM "+role, "GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA bellows TO "+role)
					}
				}
			}
			_, err = fill.Work(ctx, f.ID, o)
			if err == nil || !strings.Contains(err.Error(), "permission denied for table posts") {
				t.Fatalf("%v", err)
			}
			if _, err := fill.Work(ctx, f.ID, options(theirs)); err == nil {
				t.Error("it goes on without the right")
			}
			do(t, at, "GRANT UPDATE ON posts TO "+role)
			if _, err := fill.Work(ctx, f.ID, options(theirs)); err != nil {
				t.Fatal(err)
			}
			once(t, at, 1000)
		})
	}
}

// rightsLost: MariaDB's sessions keep the rights on a database that they began
// with, so it is a second process that meets the loss.
func rightsLost(t *testing.T, e engine, at string) {
	theirs := testdb.Restricted(t, at)
	u, err := url.Parse(theirs)
	if err != nil {
		t.Fatal(err)
	}
	role := "'" + u.User.Username() + "'@'%'"
	database := text(t, at, "SELECT DATABASE()")
	c := session(t, at)
	defer c.Close()
	do(t, at, ledger.New(c.Dialect(), "").CreateFill()...)
	f := planned(t, theirs, script(double), options(theirs)) // whose identity of the table is what this role may see
	ctx, interrupt := context.WithCancel(context.Background())
	o := options(theirs)
	o.Point = func(name string) {
		if name == "committed" {
			interrupt()
		}
	}
	if _, err := fill.Work(ctx, f.ID, o); fault.CodeOf(err) != fault.Interrupted {
		t.Fatalf("%v", err)
	}
	rights := "SELECT, INSERT, UPDATE, DELETE ON `" + strings.ReplaceAll(database, "_", `\_`) + "`.* "
	do(t, at, "REVOKE "+rights+"FROM "+role, "GRANT SELECT ON `"+database+"`.posts TO "+role)
	for _, table := range []string{"fill_run", "fill_chunk", "fill_poison", "fill_worker", "revision", "meta", "journal", "lease"} {
		do(t, at, "GRANT SELECT, INSERT, UPDATE, DELETE ON `"+database+"`."+e.table(table)+" TO "+role)
	}
	if _, err := fill.Work(context.Background(), f.ID, options(theirs)); fault.CodeOf(err) != fault.Denied || !strings.Contains(err.Error(), "UPDATE command denied") {
		t.Fatalf("%v", err)
	}
	do(t, at, "GRANT "+rights+"TO "+role)
	if _, err := fill.Work(context.Background(), f.ID, options(theirs)); err != nil {
		t.Fatal(err)
	}
	once(t, at, 1000)
}

// TestBlind: a backfill that can miss rows without anybody finding out says so.
func TestBlind(t *testing.T) {
	tests := []struct {
		script revision.Script
		warns  int
	}{
		{script(double), 1},
		{script(double, check("SELECT id FROM posts WHERE b IS NULL")), 0},
		{script(repeats), 0},
		{script("DELETE FROM posts WHERE a > 5 AND :chunk"), 0},
		{script("UPDATE posts SET b = a + 1 WHERE a > 5 AND :chunk"), 1},
	}
	for _, test := range tests {
		at := engines()[0].place(t, 10)
		rec := &recorder{}
		o := options(at)
		o.Sink = rec
		planned(t, at, test.script, o)
		all := of[event.Warning](rec)
		if len(all) != test.warns {
			t.Errorf("%s: %+v", test.script.Fill.Body.SQL, all)
		}
		for _, w := range all {
			if w.Code != "backfill.blind" || w.Line != 2 || !strings.Contains(w.Hint, "migrate:check") {
				t.Errorf("%+v", w)
			}
		}
	}
}
