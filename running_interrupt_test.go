package bellows_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// blocker lets a statement of a migration wait for us: the migration locks the
// row that the blocker holds.
func blocker(t *testing.T, s server, url string) (o other, waits func() bool) {
	o = another(t, url)
	watch := another(t, url)
	o.do("CREATE TABLE a (id int PRIMARY KEY, n int)", "INSERT INTO a VALUES (1, 0)", "CREATE TABLE log (n int)", "BEGIN", "UPDATE a SET n = 1")
	query := "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) OR NOT granted AND locktype = 'transactionid'"
	if s.name == "mariadb" {
		query = "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND state = 'Updating' AND info LIKE '%SET n = 2%'"
	}
	return o, func() bool { return watch.one(query) != "0" }
}

const slowUpdate = "UPDATE a SET n = 2;"

// The context ends while a statement runs: within the grace it may finish, and
// what it did is recorded.
func TestGraceLetsAStatementFinish(t *testing.T) {
	on(t, []server{onPostgres, onMariaDB}, func(t *testing.T, s server) {
		url := s.fresh(t)
		o, waits := blocker(t, s, url)
		m := migrator(t, url, bellows.Options{LockTimeout: time.Hour, Grace: time.Hour, Dir: writeFiles(t, map[string]string{
			"1_a.sql": "-- migrate:data\n" + slowUpdate + "\n", "2_b.sql": "-- migrate:data\nINSERT INTO log VALUES (2);\n",
		})})
		ctx, cancel := context.WithCancel(patient(t))
		var rep bellows.Report
		ended := later(t, func() (err error) { rep, err = m.Up(ctx, "heads"); return err })
		until(t, "the statement waits", waits)
		cancel()
		o.do("COMMIT")
		refused(t, ended(), fault.Interrupted, "1 migration was done", "the same command continues")
		equal(t, "applied", list(rep.Applied), "[1]")
		equal(t, "states", states(t, m), "1 applied, 2 pending")
		up(t, m)
		equal(t, "row", o.one("SELECT n FROM a"), "2")
	})
}

// Without grace it is cancelled on the server, and nothing changed.
func TestNoGraceCancels(t *testing.T) {
	on(t, []server{onPostgres, onMariaDB}, func(t *testing.T, s server) {
		url := s.fresh(t)
		o, waits := blocker(t, s, url)
		m := migrator(t, url, bellows.Options{LockTimeout: time.Hour, Grace: -1, Dir: writeFiles(t, map[string]string{
			"1_a.sql": "-- migrate:data\nINSERT INTO log VALUES (1);\n", "2_b.sql": "-- migrate:data\nINSERT INTO log VALUES (2);\n" + slowUpdate + "\n",
		})})
		ctx, cancel := context.WithCancel(patient(t))
		ended := later(t, func() error { _, err := m.Up(ctx, "heads"); return err })
		until(t, "the statement waits", waits)
		cancel()
		err := ended()
		refused(t, err, fault.Interrupted, "1 migration was done")
		if fault.CodeOf(err).Exit() != 130 {
			t.Errorf("exit %d", fault.CodeOf(err).Exit())
		}
		equal(t, "log", o.one("SELECT count(*) FROM log"), "1")
		o.do("COMMIT")
		equal(t, "states", states(t, m), "1 applied, 2 pending")
		if h, err := m.Holder(patient(t)); h != nil || err != nil {
			t.Errorf("%v, %v", h, err)
		}
		up(t, m)
		equal(t, "journal", journal(t, m), "up 1, up 2")
	})
}

// In the middle of statements that stand alone it stops part-way, and the same
// command continues.
func TestInterruptedPartWay(t *testing.T) {
	on(t, []server{onPostgres, onMariaDB}, func(t *testing.T, s server) {
		url := s.fresh(t)
		o, waits := blocker(t, s, url)
		m := migrator(t, url, bellows.Options{LockTimeout: time.Hour, Grace: -1, Dir: writeFiles(t, each("INSERT INTO log VALUES (1);", "CREATE TABLE b (id int);", slowUpdate, "INSERT INTO log VALUES (3);"))})
		ctx, cancel := context.WithCancel(patient(t))
		ended := later(t, func() error { _, err := m.Up(ctx, "heads"); return err })
		until(t, "the statement waits", waits)
		cancel()
		err := ended()
		refused(t, err, fault.Partial, "2 of 4 statements", "the same command continues")
		if fault.CodeOf(err).Exit() != 7 {
			t.Errorf("exit %d", fault.CodeOf(err).Exit())
		}
		o.do("COMMIT")
		up(t, m)
		equal(t, "log", strings.Join(column(t, url, "SELECT n FROM log ORDER BY n"), " "), "1 3")
		equal(t, "journal", journal(t, m), "resume 1, up 1")
	})
}

// A statement that no transaction can hold is cancelled; the server answered,
// so its outcome is known, also of a CALL.
func TestInterruptedAlone(t *testing.T) {
	t.Parallel()
	url := onMariaDB.fresh(t)
	o, waits := blocker(t, onMariaDB, url)
	o.do("CREATE PROCEDURE p() UPDATE a SET n = 2", "BEGIN", "UPDATE a SET n = n + 1")
	m := migrator(t, url, bellows.Options{LockTimeout: time.Hour, Grace: -1, Dir: writeFiles(t, each("CALL p();"))})
	ctx, cancel := context.WithCancel(patient(t))
	ended := later(t, func() error { _, err := m.Up(ctx, "heads"); return err })
	until(t, "the statement waits", waits)
	cancel()
	refused(t, ended(), fault.Partial, "0 of 1 statements")
	o.do("COMMIT")
	up(t, m)
	equal(t, "row", o.one("SELECT n FROM a"), "2")
}

// Between migrations, between the statements of a Go function, and in a check.
// These migrations have a time-out of their own, so that they share no
// transaction anywhere.
func TestInterruptedElsewhere(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		another(t, url).do("CREATE TABLE log (n int)")
		ctx, cancel := context.WithCancel(patient(t))
		m := migrator(t, url, bellows.Options{Grace: -1, Dir: writeFiles(t, map[string]string{
			"1_a.sql": "-- migrate:data lock_timeout:9s\nINSERT INTO log VALUES (3);\n", "2_b.sql": "-- migrate:data lock_timeout:9s\nINSERT INTO log VALUES (4);\n",
		}), Sink: event.SinkFunc(func(e event.Event) {
			if _, ok := e.(event.MigrationDone); ok {
				cancel()
			}
		})})
		_, err := m.Up(ctx, "heads")
		refused(t, err, fault.Interrupted, "1 migration was done")
		equal(t, "states", states(t, m), "1 applied, 2 pending")

		ctx, cancel = context.WithCancel(patient(t))
		m = migrator(t, url, bellows.Options{Ledger: "other", Grace: -1, Go: []bellows.GoMigration{goMigration("1", func(work context.Context, tx bellows.Tx) error {
			if _, err := tx.Exec(work, "INSERT INTO log VALUES (1)"); err != nil {
				return err
			}
			cancel()
			<-work.Done()
			_, err := tx.Exec(work, "INSERT INTO log VALUES (2)")
			return err
		})}})
		_, err = m.Up(ctx, "heads")
		refused(t, err, fault.Interrupted)
		equal(t, "log", another(t, url).one("SELECT count(*) FROM log WHERE n < 3"), "0")
		equal(t, "states", states(t, m), "1 pending")
	})
}

// A server that is started anew, between two migrations and in the middle of
// one: the run goes on, and nothing is done twice.
func TestServerRestart(t *testing.T) {
	for _, s := range []server{onPostgres, onMariaDB} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			var p *testdb.Private
			if s.name == "postgres" {
				p = testdb.PrivatePostgres(t, 0)
			} else {
				p = testdb.PrivateMariaDB(t)
			}
			url := p.Database(t)
			c := session(t, url)
			other{t, c}.do("CREATE TABLE log (n int)")
			c.Close()
			restart := func() { p.Stop(t, testdb.Immediate); p.Start(t) }
			points := map[string]int{}
			seen := &record{}
			m := migrator(t, url, bellows.Options{Sink: seen, Dir: writeFiles(t, map[string]string{
				"1_a.sql": "-- migrate:data\nINSERT INTO log VALUES (1);\n", "3_b.sql": "-- migrate:up transaction:false mixed:true\nINSERT INTO log VALUES (3);\nCREATE TABLE b (id int);\nINSERT INTO log VALUES (4);\n"}),
				Go: []bellows.GoMigration{goMigration("2", func(ctx context.Context, tx bellows.Tx) error {
					if _, err := tx.Exec(ctx, "INSERT INTO log VALUES (2)"); err != nil {
						return err
					}
					if points["go"]++; points["go"] == 1 {
						restart()
					}
					_, err := tx.Exec(ctx, "INSERT INTO log VALUES (2)")
					return err
				})},
				Point: func(name string) {
					if points[name]++; name == "committed" && points[name] == 1 || name == "statement done" && points[name] == 1 || name == "unit done" && points[name] == 1 {
						restart()
					}
				}})
			rep := up(t, m)
			equal(t, "applied", list(rep.Applied), "[1 2 3]")
			equal(t, "log", strings.Join(column(t, url, "SELECT n FROM log ORDER BY n"), " "), "1 2 2 3 4")
			if n := len(events[event.Reconnected](seen)); n < 3 {
				t.Errorf("%d new connections", n)
			}
		})
	}
}

// The session is ended before, within and after a migration; a migrator that
// slept is awake again, also for what only reads.
func TestSessionEnded(t *testing.T) {
	on(t, []server{onPostgres, onMariaDB}, func(t *testing.T, s server) {
		url := s.fresh(t)
		o := another(t, url)
		end := func() {
			o.do(map[string]string{
				"postgres": "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'bellows/%' AND application_name <> 'bellows/connect'",
				"mariadb":  "KILL (SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID())",
			}[s.name])
		}
		if s.name == "mariadb" {
			end = func() {
				ids := column(t, url, "SELECT CAST(id AS CHAR) FROM information_schema.processlist WHERE db = DATABASE() AND id NOT IN (CONNECTION_ID(), "+list(o.Session().PID)+")")
				for _, id := range ids {
					// The session that listed them may have been among those of before.
					if _, err := o.Exec(patient(t), "KILL "+id); err != nil && !strings.Contains(err.Error(), "Unknown thread id") {
						t.Error(err)
					}
				}
			}
		}
		m := migrator(t, url, bellows.Options{Dir: writeFiles(t, twoFiles)})
		end()
		up(t, m)
		end()
		equal(t, "states", states(t, m), "1 applied, 2 applied")
		end()
		if h, err := m.Holder(patient(t)); h != nil || err != nil {
			t.Errorf("%v, %v", h, err)
		}
		end()
		equal(t, "journal", journal(t, m), "up 1, up 2")
		end()
		if p, err := m.PlanDown(patient(t), bellows.Request{Target: "base"}); err != nil || len(p.Plan.Steps) != 2 {
			t.Errorf("%v, %v", p.Plan.Steps, err)
		}
		end()
		if err := m.Check(patient(t)); err != nil {
			t.Error(err)
		}
		end()
		down(t, m, "base")
		end()
		if _, err := m.Stamp(patient(t), "heads", bellows.StampOptions{}); err != nil {
			t.Error(err)
		}
		equal(t, "states", states(t, m), "1 applied, 2 applied")
	})
}

// The wire breaks around every record of a statement that stands alone.
func TestRecordAnswerLost(t *testing.T) {
	on(t, []server{onPostgres, onMariaDB}, func(t *testing.T, s server) {
		lines := []string{"CREATE TABLE a (id int);", "INSERT INTO log VALUES (1);", "ALTER TABLE a ADD COLUMN x int;", "INSERT INTO log VALUES (2);"}
		table := map[string]string{"postgres": `INTO "bellows"."progress"`, "mariadb": "INTO `bellows_progress`"}[s.name]
		for nth := 0; ; nth++ {
			url := s.fresh(t)
			another(t, url).do("CREATE TABLE log (n int)")
			wire := testdb.Proxy(t, url)
			cut := wire.CutOn(testdb.Cut{Sent: table, Nth: 1 + nth/2, Where: []testdb.Where{testdb.AfterAnswer, testdb.BeforeServer}[nth%2]})
			m := migrator(t, wire.URL, bellows.Options{Dir: writeFiles(t, each(lines...))})
			rep, err := m.Up(patient(t), "heads")
			select {
			case <-cut:
			default:
				if nth < 8 {
					t.Fatalf("only %d records", nth/2)
				}
				return
			}
			if err != nil || list(rep.Applied) != "[1]" {
				t.Fatalf("cut %d: %v, %v", nth, rep, err)
			}
			equal(t, "log", strings.Join(column(t, url, "SELECT n FROM log ORDER BY n"), " "), "1 2")
			another(t, url).do("SELECT x FROM a")
		}
	})
}

// A wire that went dead without a word: an interrupted run gives the session up
// after a while, and the next one finds out what was done, also when the old
// session's last words arrive late.
func TestDeadWire(t *testing.T) {
	on(t, []server{onPostgres, onMariaDB}, func(t *testing.T, s server) {
		url, dir := s.fresh(t), writeFiles(t, twoFiles)
		wire := testdb.Proxy(t, url)
		ctx, cancel := context.WithCancel(patient(t))
		m := migrator(t, wire.URL, bellows.Options{LockWait: -1, Grace: -1, Dir: dir, Point: func(name string) {
			if name == "commit" || name == "each begun" {
				wire.Stall()
				cancel()
			}
		}})
		if _, err := m.Up(ctx, "heads"); err == nil {
			t.Fatal("no error")
		}
		wire.Resume()
		m = migrator(t, url, bellows.Options{Dir: dir})
		up(t, m)
		equal(t, "states", states(t, m), "1 applied, 2 applied")
		if got := journal(t, m); strings.Count(got, "up 1") != 1 || strings.Count(got, "up 2") != 1 {
			t.Error(got)
		}
	})
}

// A server that stays away ends in an error that says what to do.
func TestServerStaysAway(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	wire := testdb.Proxy(t, url)
	first := true
	m := migrator(t, wire.URL, bellows.Options{LockWait: -1, Dir: writeFiles(t, twoFiles), Point: func(name string) {
		if name == "lock taken" && first {
			first = false
			wire.Refuse()
			wire.CutAll()
		}
	}})
	_, err := m.Up(patient(t), "heads")
	refused(t, err, fault.Lost, "connection", "run the same command again")
	wire.Resume()
	up(t, m)
}
