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
)

// twoFiles are two migrations that every database runs.
var twoFiles = map[string]string{
	"1_a.sql": "-- migrate:up\nCREATE TABLE a (id int PRIMARY KEY);\n\n-- migrate:down\nDROP TABLE a;\n",
	"2_b.sql": "-- migrate:up\nCREATE TABLE b (id int PRIMARY KEY);\n\n-- migrate:down\nDROP TABLE b;\n",
}

// holding starts a run that stops with the lock in hand until the gate opens.
func holding(t *testing.T, url string, o bellows.Options) (g *gate, ended func() error) {
	t.Helper()
	g = newGate()
	o.Point = g.at("lock taken")
	m := migrator(t, url, o)
	ended = later(t, func() error { _, err := m.Up(patient(t), "heads"); return err })
	g.came(t)
	return g, ended
}

// Who does not want to wait for another run does not wait for its transaction
// either, and is told of no wait.
func TestNoWaitIsNone(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url, g := s.fresh(t), newGate()
		writer := migrator(t, url, bellows.Options{Go: []bellows.GoMigration{goMigration("1", func(ctx context.Context, tx bellows.Tx) error {
			_, err := tx.Exec(ctx, "CREATE TABLE a (id int)")
			g.pass()
			return err
		})}})
		ended := later(t, func() error { _, err := writer.Up(patient(t), "heads"); return err })
		g.came(t)
		seen := &record{}
		m := migrator(t, url, bellows.Options{Dir: writeFiles(t, twoFiles), LockWait: -1, LockTimeout: time.Hour, Sink: seen})
		_, err := m.Up(patient(t), "heads")
		refused(t, err, fault.Locked, "another run holds the lock: ")
		_, err = m.Stamp(patient(t), "heads", bellows.StampOptions{})
		refused(t, err, fault.Locked, "another run holds the lock: ")
		if waits := events[event.LockWaiting](seen); len(waits) != 0 {
			t.Errorf("it waited: %v", waits)
		}
		g.open()
		if err := ended(); err != nil {
			t.Fatal(err)
		}
	})
}

// A replica that starts up and finds nothing to do never waits behind a long
// migration, and takes no lock.
func TestNothingToDoTakesNoLock(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		dir := writeFiles(t, twoFiles)
		old := map[string]string{"1_a.sql": twoFiles["1_a.sql"]}
		seen := &record{}
		replica := migrator(t, url, bellows.Options{Dir: writeFiles(t, old), LockWait: -1, Sink: seen})
		up(t, replica)
		before := another(t, url).one("SELECT epoch FROM " + s.table("lease"))
		g, ended := holding(t, url, bellows.Options{Dir: dir})
		// The folder of the replica does not hold 2, which is not applied yet.
		if rep := up(t, replica); len(rep.Applied) != 0 {
			t.Errorf("applied %v", rep.Applied)
		}
		if waits := events[event.LockWaiting](seen); len(waits) != 0 {
			t.Errorf("it waited: %v", waits)
		}
		g.open()
		if err := ended(); err != nil {
			t.Fatal(err)
		}
		after := another(t, url).one("SELECT epoch FROM " + s.table("lease"))
		b, _ := strconv.Atoi(before)
		if a, _ := strconv.Atoi(after); a != b+1 {
			t.Errorf("the lease was taken %d times, want once", a-b)
		}
	})
}

// Exit 5 names the holder, host, since when, and what it is doing.
func TestLockedNamesTheHolder(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url, dir := s.fresh(t), writeFiles(t, twoFiles)
		g, ended := holding(t, url, bellows.Options{Dir: dir, Actor: "ada@engine"})
		seen := &record{}
		m := migrator(t, url, bellows.Options{Dir: dir, LockWait: 10 * time.Millisecond, Sink: seen})
		h, err := m.Holder(patient(t))
		if err != nil || h == nil {
			t.Fatalf("%v, %v", h, err)
		}
		if h.Owner != "ada@engine" || h.Host == "" || h.PID == 0 || h.Doing != "up" || h.Run == "" || time.Since(h.Since) > time.Hour || h.Since.IsZero() {
			t.Errorf("%+v", h)
		}
		_, err = m.Up(patient(t), "heads")
		refused(t, err, fault.Locked, "ada@engine", h.Host, strconv.Itoa(h.PID), h.Run, "since "+h.Since.UTC().Format(time.RFC3339), ", up,", "--lock-wait", "bellows unlock")
		if code := fault.CodeOf(err).Exit(); code != 5 {
			t.Errorf("exit %d", code)
		}
		for _, w := range events[event.LockWaiting](seen) { // none where the first look took all of the time
			if w.Holder.Run != h.Run {
				t.Errorf("%+v", w)
			}
		}
		if waits := events[event.LockWaiting](seen); len(waits) > 1 {
			t.Errorf("%+v", waits)
		}
		// So do the other verbs that change something.
		_, err = m.Stamp(patient(t), "heads", bellows.StampOptions{})
		refused(t, err, fault.Locked, "ada@engine")
		refused(t, m.Repair(patient(t), bellows.RepairRequest{Action: "mark-applied", Revision: "1"}), fault.Locked, "ada@engine")
		// And what only looks does not wait.
		if got := states(t, m); got != "1 pending, 2 pending" {
			t.Error(got)
		}
		g.open()
		if err := ended(); err != nil {
			t.Fatal(err)
		}
	})
}

// Whoever waits is told for whom, and finds nothing left to do.
func TestLockWait(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url, dir := s.fresh(t), writeFiles(t, twoFiles)
		g, ended := holding(t, url, bellows.Options{Dir: dir, Actor: "ada@engine"})
		waits := make(chan event.LockWaiting, 8)
		m := migrator(t, url, bellows.Options{Dir: dir, LockWait: time.Minute, Sink: event.SinkFunc(func(e event.Event) {
			if w, ok := e.(event.LockWaiting); ok {
				waits <- w
			}
		})})
		var rep bellows.Report
		second := later(t, func() (err error) { rep, err = m.Up(patient(t), "heads"); return err })
		if w := <-waits; w.Holder.Owner != "ada@engine" {
			t.Errorf("%+v", w)
		}
		g.open()
		if err := ended(); err != nil {
			t.Error(err)
		}
		if err := second(); err != nil || len(rep.Applied) != 0 {
			t.Errorf("%v, applied %v", err, rep.Applied)
		}
		equal(t, "journal", journal(t, m), "up 1, up 2")
	})
}

// Somebody who stops waiting leaves nothing behind.
func TestLockWaitInterrupted(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url, dir := s.fresh(t), writeFiles(t, twoFiles)
		g, ended := holding(t, url, bellows.Options{Dir: dir})
		ctx, cancel := context.WithCancel(patient(t))
		m := migrator(t, url, bellows.Options{Dir: dir, LockWait: time.Minute, Sink: event.SinkFunc(func(e event.Event) {
			if _, ok := e.(event.LockWaiting); ok {
				cancel()
			}
		})})
		_, err := m.Up(ctx, "heads")
		refused(t, err, fault.Interrupted)
		g.open()
		if err := ended(); err != nil {
			t.Error(err)
		}
	})
}

// Nor who stops between two tries, which is nearly always: the time between them
// begins with the answer to a look at who has the lock.
func TestLockWaitInterruptedBetween(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url, dir := s.fresh(t), writeFiles(t, twoFiles)
		g, ended := holding(t, url, bellows.Options{Dir: dir})
		var got []error
		for _, wait := range []time.Duration{30, 100, 300} {
			ctx, cancel := context.WithCancel(patient(t))
			m := migrator(t, url, bellows.Options{Dir: dir, LockWait: time.Minute, Sink: event.SinkFunc(func(e event.Event) {
				if _, ok := e.(event.LockWaiting); ok {
					time.AfterFunc(wait*time.Millisecond, cancel)
				}
			})})
			_, err := m.Up(ctx, "heads")
			got = append(got, err)
		}
		g.open()
		if err := ended(); err != nil {
			t.Error(err)
		}
		for _, err := range got {
			refused(t, err, fault.Interrupted)
		}
	})
}

// A killed process is succeeded at once, however long its lease would last.
func TestDeadHolderIsSucceeded(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url, dir := s.fresh(t), writeFiles(t, twoFiles)
		_, _, killed := child{URL: url, Dir: dir, Verb: "up", Target: "head", KillAt: 1, KillName: "lock taken"}.run(t)
		if !killed {
			t.Fatal("the child was not killed")
		}
		o := another(t, url)
		dead := o.one("SELECT run FROM " + s.table("lease"))
		o.do("UPDATE " + s.table("lease") + " SET expires = '2100-01-01 00:00:00'")
		seen := &record{}
		m := migrator(t, url, bellows.Options{Dir: dir, Sink: seen})
		up(t, m)
		if over := events[event.LockTakenOver](seen); len(over) != 1 || over[0].Holder.Run != dead {
			t.Errorf("%+v", over)
		}
		equal(t, "journal", journal(t, m), "unlock, up 1, up 2")
	})
}

// ghost makes somebody of whom nothing is known hold the lease.
func ghost(t *testing.T, s server, url, expires string) {
	t.Helper()
	another(t, url).do("UPDATE " + s.table("lease") + " SET run = 'ghost', owner = 'casper@afar', host = 'afar', pid = 7, session = 0, session_start = '', " +
		"session_host = 'afar', epoch = epoch + 1, doing = 'haunt', expires = " + expires)
}

// The lease of somebody of whom nothing is known holds until it expires.
func TestUnknownHolder(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url, dir := s.fresh(t), writeFiles(t, twoFiles)
		m := migrator(t, url, bellows.Options{Dir: dir, LockWait: -1})
		if _, err := m.Up(patient(t), "1"); err != nil {
			t.Fatal(err)
		}
		ghost(t, s, url, "'2100-01-01 00:00:00'")
		_, err := m.Up(patient(t), "heads")
		refused(t, err, fault.Locked, "casper@afar", "haunt", "ghost")
		h, err := m.Unlock(patient(t), "")
		refused(t, err, fault.Locked, "casper@afar", "--force ghost")
		if h == nil || h.Run != "ghost" {
			t.Errorf("%+v", h)
		}
		_, err = m.Unlock(patient(t), "somebody")
		refused(t, err, fault.Locked, "casper@afar")
		ghost(t, s, url, "'2001-01-01 00:00:00'")
		up(t, m)
		if got := journal(t, m); got != "up 1, unlock, up 2" {
			t.Error(got)
		}
		// And by force, before it expires.
		ghost(t, s, url, "'2100-01-01 00:00:00'")
		if h, err := m.Unlock(patient(t), "ghost"); err != nil || h == nil || h.Owner != "casper@afar" {
			t.Errorf("%+v, %v", h, err)
		}
		down(t, m, "base")
	})
}

// unlock frees what a dead process left, and says whom.
func TestUnlockOfTheDead(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url, dir := s.fresh(t), writeFiles(t, twoFiles)
		m := migrator(t, url, bellows.Options{Dir: dir})
		if h, err := m.Unlock(patient(t), ""); h != nil || err != nil {
			t.Errorf("without a ledger: %v, %v", h, err)
		}
		child{URL: url, Dir: dir, Verb: "up", Target: "head", KillAt: 1, KillName: "lock taken"}.run(t)
		dead := another(t, url).one("SELECT run FROM " + s.table("lease"))
		until(t, "the server has noticed", func() bool {
			h, err := m.Holder(patient(t))
			if err != nil {
				t.Fatal(err)
			}
			return h == nil
		})
		h, err := m.Unlock(patient(t), "")
		if err != nil || h == nil || h.Run != dead {
			t.Errorf("%+v, %v", h, err)
		}
		if h, err := m.Unlock(patient(t), ""); h != nil || err != nil {
			t.Errorf("once more: %v, %v", h, err)
		}
		equal(t, "journal", journal(t, m), "unlock")
	})
}

// unlock --force ends the holder's session; that run changes nothing any more.
func TestUnlockByForce(t *testing.T) {
	on(t, []server{onPostgres, onMariaDB}, func(t *testing.T, s server) {
		url := s.fresh(t)
		another(t, url).do("CREATE TABLE seen (id int)")
		g := newGate()
		m := migrator(t, url, bellows.Options{LockWait: -1, Go: []bellows.GoMigration{goMigration("1", func(ctx context.Context, tx bellows.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO seen VALUES (1)")
			g.pass()
			return err
		})}})
		ended := later(t, func() error { _, err := m.Up(patient(t), "heads"); return err })
		g.came(t)
		chief := migrator(t, url, bellows.Options{LockWait: -1})
		h, err := chief.Unlock(patient(t), "")
		refused(t, err, fault.Locked, "--force "+h.Run)
		if _, err := chief.Unlock(patient(t), h.Run); err != nil {
			t.Fatal(err)
		}
		g.open()
		refused(t, ended(), fault.LockLost, "bellows status")
		if n := another(t, url).one("SELECT count(*) FROM seen"); n != "0" {
			t.Errorf("%s rows", n)
		}
		equal(t, "journal", journal(t, chief), "unlock")
		if h, err := chief.Holder(patient(t)); h != nil || err != nil {
			t.Errorf("%v, %v", h, err)
		}
	})
}

// steal raises the epoch as another run does that takes the lock over.
func steal(t testing.TB, s server, url string) {
	t.Helper()
	c := session(t, url)
	defer c.Close()
	if _, err := c.Exec(context.Background(), "UPDATE "+s.table("lease")+" SET run = 'thief', epoch = epoch + 1"); err != nil {
		t.Error(err)
	}
}

// A run whose lock was taken over cannot commit: nothing changed.
func TestStolenLockCannotCommit(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		for _, mode := range []string{"", "?sql_mode=%27%27"} {
			if mode != "" && s.name != "mariadb" {
				continue
			}
			url := s.fresh(t) + mode
			another(t, url).do("CREATE TABLE seen (id int)")
			// No schema statement: MariaDB would commit it. Each has its own time-out, so
			// that they share no transaction.
			dir := writeFiles(t, map[string]string{"1_a.sql": "-- migrate:data lock_timeout:9s\nINSERT INTO seen VALUES (1);\n", "2_b.sql": "-- migrate:data lock_timeout:9s\nINSERT INTO seen VALUES (2);\n"})
			commits := 0
			m := migrator(t, url, bellows.Options{Dir: dir, Point: func(name string) {
				if name == "commit" {
					if commits++; commits == 2 {
						steal(t, s, url)
					}
				}
			}})
			rep, err := m.Up(patient(t), "heads")
			refused(t, err, fault.LockLost, "another run", "bellows status")
			if fault.CodeOf(err).Exit() != 5 || list(rep.Applied) != "[1]" {
				t.Errorf("exit %d, applied %v", fault.CodeOf(err).Exit(), rep.Applied)
			}
			o := another(t, url)
			equal(t, "rows", o.one("SELECT max(id) FROM seen"), "1")
			equal(t, "the thief keeps the lock", o.one("SELECT run FROM "+s.table("lease")), "thief")
			equal(t, "journal", journal(t, m), "up 1")
			equal(t, "status", states(t, m), "1 applied, 2 pending")
		}
	})
}

// Statement by statement, what comes after the theft is not done.
func TestStolenLockStopsStatements(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		dir := writeFiles(t, map[string]string{"1_a.sql": "-- migrate:up transaction:false\nCREATE TABLE a (id int);\nCREATE TABLE b (id int);\n"})
		m := migrator(t, url, bellows.Options{Dir: dir, Point: func(name string) {
			if name == "unit done" {
				steal(t, s, url)
			}
		}})
		_, err := m.Up(patient(t), "heads")
		refused(t, err, fault.LockLost)
		o := another(t, url)
		o.do("DROP TABLE a", "CREATE TABLE b (id int)")
		equal(t, "progress", o.one("SELECT done FROM "+s.table("progress")), "1")
	})
}

// A migration written in Go holds the same promise.
func TestStolenLockInGo(t *testing.T) {
	on(t, []server{onPostgres, onMariaDB}, func(t *testing.T, s server) {
		url := s.fresh(t)
		another(t, url).do("CREATE TABLE seen (id int)")
		m := migrator(t, url, bellows.Options{Go: []bellows.GoMigration{goMigration("1", func(ctx context.Context, tx bellows.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO seen VALUES (1)")
			steal(t, s, url)
			return err
		})}})
		_, err := m.Up(patient(t), "heads")
		refused(t, err, fault.LockLost)
		equal(t, "rows", another(t, url).one("SELECT count(*) FROM seen"), "0")
	})
}

// Two projects in one database do not exclude each other, nor see each other.
func TestTwoLedgers(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		g, ended := holding(t, url, bellows.Options{Dir: writeFiles(t, map[string]string{"1_a.sql": twoFiles["1_a.sql"]}), Ledger: "alpha"})
		m := migrator(t, url, bellows.Options{Dir: writeFiles(t, map[string]string{"1_b.sql": twoFiles["2_b.sql"]}), Ledger: "beta", LockWait: -1})
		up(t, m)
		g.open()
		if err := ended(); err != nil {
			t.Fatal(err)
		}
		equal(t, "journal", journal(t, m), "up 1")
		down(t, m, "base")
		another(t, url).do("SELECT id FROM a")
	})
}

// The same two ledgers in two databases of one server do not exclude each other either.
func TestTwoDatabases(t *testing.T) {
	on(t, []server{onPostgres, onMariaDB}, func(t *testing.T, s server) {
		dir := writeFiles(t, twoFiles)
		g, ended := holding(t, s.fresh(t), bellows.Options{Dir: dir})
		up(t, migrator(t, s.fresh(t), bellows.Options{Dir: dir, LockWait: -1}))
		g.open()
		if err := ended(); err != nil {
			t.Fatal(err)
		}
	})
}

// A lease that nobody renews while a proxy hands our session's lock to others:
// the lock of a session is only a second guard. Where it leaked, the lease decides.
func TestLeakedSessionLock(t *testing.T) {
	on(t, []server{onPostgres, onMariaDB}, func(t *testing.T, s server) {
		url, dir := s.fresh(t), writeFiles(t, twoFiles)
		m := migrator(t, url, bellows.Options{Dir: dir, LockWait: -1})
		if _, err := m.Up(patient(t), "1"); err != nil {
			t.Fatal(err)
		}
		leak := another(t, url)
		locker := leak.Conn.(interface {
			TryLock(context.Context, string) (bool, error)
		})
		if got, err := locker.TryLock(patient(t), "bellows/bellows"); err != nil || !got {
			t.Fatalf("the library and this test derive different locks: %v, %v", got, err)
		}
		_, err := m.Up(patient(t), "heads")
		refused(t, err, fault.Locked, "has not said its name")
	})
}

// A session that a proxy keeps after its user is gone is no sign of life: it
// does not hold the lock, and once the lease expired it is taken over.
func TestSharedSessionIsNoLife(t *testing.T) {
	on(t, []server{onPostgres, onMariaDB}, func(t *testing.T, s server) {
		url, dir := s.fresh(t), writeFiles(t, twoFiles)
		m := migrator(t, url, bellows.Options{Dir: dir, LockWait: -1})
		if _, err := m.Up(patient(t), "1"); err != nil {
			t.Fatal(err)
		}
		pooled := another(t, url).Session()
		hold := func(expires string) {
			another(t, url).do("UPDATE " + s.table("lease") + " SET run = 'gone', owner = 'casper@afar', epoch = epoch + 1, session = " + strconv.FormatInt(pooled.PID, 10) +
				", session_start = '" + pooled.Start + "', expires = '" + expires + " 00:00:00'")
		}
		hold("2100-01-01")
		_, err := m.Up(patient(t), "heads")
		refused(t, err, fault.Locked, "casper@afar")
		hold("2001-01-01")
		up(t, m)
		equal(t, "journal", journal(t, m), "up 1, unlock, up 2")
	})
}

// The lock's row says what a person needs.
func TestHolderText(t *testing.T) {
	url, dir := onSQLite.fresh(t), writeFiles(t, twoFiles)
	g, ended := holding(t, url, bellows.Options{Dir: dir, Actor: "ada@engine"})
	s, err := migrator(t, url, bellows.Options{Dir: dir}).Status(patient(t))
	if err != nil || s.Holder == nil || !strings.HasPrefix(s.Holder.Owner, "ada") {
		t.Errorf("%+v, %v", s.Holder, err)
	}
	g.open()
	if err := ended(); err != nil {
		t.Fatal(err)
	}
}
