package bellows_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// named is a session that others know by a name.
func named(t testing.TB, url, app string) other {
	o := another(t, url)
	o.do("SET application_name = '" + app + "'")
	return o
}

// blockedBy calls the function at each Blocked event, with its number from 1.
func blockedBy(do func(n int, e event.Blocked)) *record {
	n := 0
	return &record{also: func(e event.Event) {
		if b, ok := e.(event.Blocked); ok {
			n++
			do(n, b)
		}
	}}
}

// Whoever holds a conflicting lock is waited for without queueing: others read
// on meanwhile. That is proven by the order of statements: the migration's own
// lock time-out is longer than the test lives, so a reader behind it would hang.
func TestWaitsWithoutQueueing(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	reader, third := named(t, url, "the reader"), named(t, url, "a third")
	reader.do("CREATE TABLE a (id int)", "BEGIN", "SELECT * FROM a")
	seen := blockedBy(func(n int, e event.Blocked) {
		if n == 3 {
			reader.do("COMMIT")
			return
		}
		third.do("SELECT * FROM a")
		equal(t, "waiters", third.one("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'a'::regclass"), "0")
	})
	m := migrator(t, url, bellows.Options{LockTimeout: time.Millisecond, Sink: seen, Dir: writeFiles(t, map[string]string{
		"1_a.sql": "-- migrate:up lock_timeout:10m\nALTER TABLE a ADD COLUMN x int;\n",
	})})
	up(t, m)
	blocked := events[event.Blocked](seen)
	if len(blocked) < 3 {
		t.Fatalf("%d times blocked", len(blocked))
	}
	b := blocked[0]
	if b.ID != "1" || b.Table != "a" || b.Lock != "ACCESS EXCLUSIVE" || b.Attempt != 1 || b.Wait <= 0 || len(b.Blockers) != 1 {
		t.Fatalf("%+v", b)
	}
	if who := b.Blockers[0]; who.PID != reader.Session().PID || who.User != testdb.User || who.App != "the reader" || who.State != "idle in transaction" || who.Query != "SELECT * FROM a" || who.Age <= 0 {
		t.Errorf("%+v", who)
	}
}

// A lock that somebody takes between the look and the try runs into the lock
// time-out: all is rolled back, and the others are named.
func TestLockTimeoutIsRetried(t *testing.T) {
	on(t, []server{onPostgres, onMariaDB}, func(t *testing.T, s server) {
		url := s.fresh(t)
		o := another(t, url)
		o.do("CREATE TABLE a (id int)", "CREATE TABLE b (id int)")
		release := func(n int, _ event.Blocked) {
			if n == 2 {
				o.do("COMMIT")
			}
		}
		seen := blockedBy(release)
		commits := 0
		m := migrator(t, url, bellows.Options{LockTimeout: 30 * time.Millisecond, Sink: seen, Dir: writeFiles(t, map[string]string{
			"1_a.sql": "-- migrate:up\nALTER TABLE b ADD COLUMN x int;\nALTER TABLE a ADD COLUMN x int;\n",
		}), Point: func(name string) {
			if name == "commit" || name == "each begun" {
				if commits++; commits == 1 {
					o.do("BEGIN", "SELECT * FROM a")
				}
			}
		}})
		up(t, m)
		if n := len(events[event.Blocked](seen)); n < 2 {
			t.Errorf("blocked %d times", n)
		}
		o.do("SELECT x FROM a", "SELECT x FROM b")
		equal(t, "journal", journal(t, m), "up 1")
	})
}

// The budget ends in an error that names who was in the way; nothing changed,
// and what failed is remembered.
func TestBusy(t *testing.T) {
	on(t, []server{onPostgres, onMariaDB}, func(t *testing.T, s server) {
		url := s.fresh(t)
		o := another(t, url)
		if s.name == "postgres" {
			o = named(t, url, "the reader")
		}
		o.do("CREATE TABLE a (id int)", "BEGIN", "SELECT * FROM a")
		seen := &record{}
		m := migrator(t, url, bellows.Options{LockTimeout: 20 * time.Millisecond, RetryBudget: 300 * time.Millisecond, Sink: seen, Dir: writeFiles(t, map[string]string{
			"1_a.sql": "-- migrate:up\nALTER TABLE a ADD COLUMN x int;\n",
		})})
		_, err := m.Up(patient(t), "heads")
		refused(t, err, fault.Busy, "on a within 300 ms", "--lock-timeout")
		if s.name == "postgres" {
			refused(t, err, fault.Busy, "the reader", strconv.FormatInt(o.Session().PID, 10), testdb.User, "idle in transaction", "ACCESS EXCLUSIVE", "nothing changed")
		}
		if fault.CodeOf(err).Exit() != 1 || len(events[event.Blocked](seen)) == 0 || len(events[event.MigrationFailed](seen)) != 1 {
			t.Errorf("exit %d, %d blocked", fault.CodeOf(err).Exit(), len(events[event.Blocked](seen)))
		}
		st, err := m.Status(patient(t))
		if err != nil || !strings.Contains(st.Revisions[0].Error, "could not get") {
			t.Errorf("%+v, %v", st.Revisions, err)
		}
		o.do("COMMIT")
		up(t, m)
		equal(t, "journal", strings.Replace(journal(t, m), "resume 1, ", "", 1), "failure 1, up 1")
	})
}

// Who uses the table that a dropped one refers to is in the way, and is found
// before anything is tried: no lock is waited for, so no reader waits behind us.
func TestBusyBehindAKey(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o := named(t, url, "the reader")
	o.do("CREATE TABLE people (id int PRIMARY KEY)", "CREATE TABLE posts (id int, author int REFERENCES people)", "BEGIN", "SELECT * FROM people")
	for _, sql := range []string{"DROP TABLE posts", "ALTER TABLE posts DROP CONSTRAINT posts_author_fkey"} {
		seen := &record{}
		m := migrator(t, url, bellows.Options{LockTimeout: 10 * time.Millisecond, RetryBudget: 200 * time.Millisecond, Sink: seen,
			Dir: writeFiles(t, map[string]string{"1_a.sql": "-- migrate:up\n" + sql + ";\n"})})
		_, err := m.Up(patient(t), "heads")
		refused(t, err, fault.Busy, "in the way", "the reader")
		if tried := events[event.StatementStarted](seen); len(tried) != 0 {
			t.Errorf("%s was tried: %+v", sql, tried)
		}
		for _, b := range events[event.Blocked](seen) {
			if len(b.Blockers) != 1 || b.Blockers[0].Table != "people" {
				t.Errorf("%+v", b)
			}
		}
	}
	o.do("COMMIT")
}

// A deadlock and a serialization failure are done again as a whole.
func TestDeadlockIsRetried(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o := another(t, url)
	o.do("CREATE TABLE a (id int)", "CREATE TABLE done (n int)", "INSERT INTO a VALUES (1)",
		"CREATE SEQUENCE tries", `CREATE FUNCTION fail() RETURNS int LANGUAGE plpgsql AS $$ DECLARE n int := nextval('tries'); BEGIN
			IF n = 1 THEN RAISE EXCEPTION 'made up' USING ERRCODE = 'deadlock_detected'; END IF;
			IF n = 2 THEN RAISE EXCEPTION 'made up' USING ERRCODE = 'serialization_failure'; END IF;
			RETURN n; END $$`)
	m := migrator(t, url, bellows.Options{LockTimeout: time.Millisecond, Dir: writeFiles(t, map[string]string{
		"1_a.sql": "-- migrate:data\nINSERT INTO done VALUES (0);\nINSERT INTO done SELECT fail();\n",
	})})
	up(t, m)
	equal(t, "rows", strings.Join(column(t, url, "SELECT n FROM done ORDER BY n"), " "), "0 3")
	equal(t, "journal", journal(t, m), "up 1")
}

// A real deadlock: each has what the other wants. The migration is the victim,
// stays away, and does all of it again.
func TestRealDeadlock(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o, watch := another(t, url), another(t, url)
	o.do("SET deadlock_timeout = '10min'", "SET lock_timeout = '10min'", "CREATE TABLE a (id int)", "CREATE TABLE b (id int)", "BEGIN", "LOCK TABLE a IN ROW EXCLUSIVE MODE")
	tries := 0
	do := func(ctx context.Context, tx bellows.Tx, sqls ...string) error {
		for _, sql := range sqls {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	}
	m := migrator(t, url, bellows.Options{LockTimeout: time.Millisecond, Go: []bellows.GoMigration{goMigration("1", func(ctx context.Context, tx bellows.Tx) error {
		if tries++; tries > 1 {
			return do(ctx, tx, "LOCK TABLE b", "LOCK TABLE a")
		}
		if err := do(ctx, tx, "SET LOCAL lock_timeout = '10min'", "SET LOCAL deadlock_timeout = '1ms'", "LOCK TABLE b"); err != nil {
			return err
		}
		waits := later(t, func() error { _, err := o.Exec(patient(t), "LOCK TABLE b IN ROW EXCLUSIVE MODE"); return err })
		until(t, "the other one waits", func() bool {
			return watch.one("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'b'::regclass") == "1"
		})
		err := do(ctx, tx, "LOCK TABLE a")
		if rollback := do(ctx, tx, "ROLLBACK"); rollback != nil {
			t.Error(rollback)
		}
		if e := waits(); e != nil {
			t.Error(e)
		}
		o.do("COMMIT")
		return err
	})}})
	up(t, m)
	if tries != 2 {
		t.Errorf("%d tries", tries)
	}
}

// An autovacuum is waited for a little longer than the server takes to cancel it.
func TestAutovacuumGivesWay(t *testing.T) {
	t.Parallel()
	p := testdb.PrivatePostgres(t, 0, "autovacuum_naptime=1s", "autovacuum_vacuum_cost_delay=100ms", "autovacuum_vacuum_cost_limit=1")
	url := p.Database(t)
	o := another(t, url)
	o.do("CREATE TABLE a (id int, t text) WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0)",
		"INSERT INTO a SELECT i, repeat('x', 500) FROM generate_series(1, 5000) i", "DELETE FROM a")
	until(t, "an autovacuum is at work on the table", func() bool {
		return o.one("SELECT count(*) FROM pg_stat_activity s JOIN pg_locks l USING (pid) WHERE backend_type = 'autovacuum worker' AND relation = 'a'::regclass AND mode = 'ShareUpdateExclusiveLock'") != "0"
	})
	m := migrator(t, url, bellows.Options{LockTimeout: 50 * time.Millisecond, RetryBudget: 30 * time.Second, Dir: writeFiles(t, map[string]string{
		"1_a.sql": "-- migrate:up\nALTER TABLE a ADD COLUMN x int;\n",
	})})
	up(t, m)
	o.do("SELECT x FROM a")
}

// An autovacuum against wraparound does not give way: it is in the way from its
// first moment, and nothing is tried behind it.
func TestWraparoundVacuumDoesNotGiveWay(t *testing.T) {
	t.Parallel()
	p := testdb.PrivatePostgres(t, 0, "autovacuum_naptime=1s", "autovacuum_vacuum_cost_delay=100ms", "autovacuum_vacuum_cost_limit=1")
	url := p.Database(t)
	o := another(t, url)
	o.do("CREATE TABLE a (id int, t text) WITH (autovacuum_freeze_max_age = 100000)", "CREATE TABLE burnt (n int) WITH (autovacuum_enabled = off)",
		"INSERT INTO a SELECT i, repeat('x', 500) FROM generate_series(1, 5000) i",
		"DO $$ BEGIN FOR i IN 1..110000 LOOP BEGIN INSERT INTO burnt VALUES (i); EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$")
	until(t, "it is at work on the table", func() bool {
		return o.one("SELECT count(*) FROM pg_stat_activity s JOIN pg_locks l USING (pid) WHERE query LIKE '%a (to prevent wraparound)' AND relation = 'a'::regclass AND mode = 'ShareUpdateExclusiveLock'") != "0"
	})
	seen := &record{}
	m := migrator(t, url, bellows.Options{LockTimeout: time.Hour, RetryBudget: 200 * time.Millisecond, Sink: seen, Dir: writeFiles(t, map[string]string{
		"1_a.sql": "-- migrate:up\nALTER TABLE a ADD COLUMN x int;\n",
	})})
	_, err := m.Up(patient(t), "heads")
	refused(t, err, fault.Busy, "ACCESS EXCLUSIVE on a within 200 ms", "in the way: pid")
	blocked := events[event.Blocked](seen)
	if len(blocked) == 0 || len(blocked[0].Blockers) != 1 || !blocked[0].Blockers[0].Wrap || !blocked[0].Blockers[0].Vacuum {
		t.Errorf("%+v", blocked)
	}
	if tried := events[event.StatementStarted](seen); len(tried) != 0 {
		t.Errorf("it was tried: %+v", tried)
	}
}

// Locks are taken in one order, the referenced table first, before any statement.
func TestLocksUpFront(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o := another(t, url)
	o.do("CREATE TABLE old (id int PRIMARY KEY)", "CREATE TABLE young (id int PRIMARY KEY)", "CREATE TABLE log (held text)",
		`CREATE FUNCTION held() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(relation::regclass || ' ' || mode, ', ' ORDER BY relation)
			FROM pg_locks WHERE pid = pg_backend_pid() AND granted AND relation IN ('old'::regclass, 'young'::regclass) $$`)
	m := migrator(t, url, bellows.Options{Dir: writeFiles(t, map[string]string{
		"1_a.sql": "-- migrate:up mixed:true\nINSERT INTO log SELECT held();\nALTER TABLE young ADD COLUMN x int;\nALTER TABLE young ADD FOREIGN KEY (id) REFERENCES old (id);\n",
	})})
	up(t, m)
	equal(t, "held before the first statement", o.one("SELECT held FROM log"), "old ShareRowExclusiveLock, young AccessExclusiveLock")
}

// Whoever writes to a referenced table, or reads a partition, is in the way too.
func TestBlockedOnRelatedTables(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o := another(t, url)
	o.do("CREATE TABLE old (id int PRIMARY KEY)", "CREATE TABLE young (id int PRIMARY KEY)", "CREATE TABLE p (id int) PARTITION BY LIST (id)", "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)")
	for _, c := range []struct{ hold, change, table string }{
		{"INSERT INTO old VALUES (1)", "ALTER TABLE young ADD FOREIGN KEY (id) REFERENCES old (id)", "old"},
		{"SELECT * FROM p1", "ALTER TABLE p ADD COLUMN x int", "p1"},
	} {
		o.do("BEGIN", c.hold)
		seen := blockedBy(func(int, event.Blocked) { o.do("ROLLBACK") })
		m := migrator(t, url, bellows.Options{LockTimeout: time.Millisecond, Ledger: "l_" + c.table, Sink: seen, Dir: writeFiles(t, map[string]string{"1_a.sql": "-- migrate:up lock_timeout:10m\n" + c.change + ";\n"})})
		up(t, m)
		got := events[event.Blocked](seen)
		if len(got) != 1 || len(got[0].Blockers) != 1 || !strings.HasSuffix(got[0].Blockers[0].Table, c.table) || got[0].Blockers[0].PID != o.Session().PID {
			t.Errorf("%s: %+v", c.change, got)
		}
	}
}
