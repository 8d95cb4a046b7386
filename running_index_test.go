package bellows_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
)

// indexFile is a migration that builds an index concurrently.
func indexFile(sql string) map[string]string {
	return map[string]string{"1_i.sql": "-- migrate:up transaction:false\n" + sql + ";\n\n-- migrate:down transaction:false\nDROP INDEX CONCURRENTLY ai;\n"}
}

const buildAI = "CREATE UNIQUE INDEX CONCURRENTLY ai ON a (id)"

// indexes are the indexes of table a with their validity.
func indexes(o other) string {
	o.t.Helper()
	return o.one(`SELECT coalesce(string_agg(indexrelid::regclass || ' ' || indisvalid, ', ' ORDER BY indexrelid::regclass::text), 'none') FROM pg_index WHERE indrelid = 'a'::regclass`)
}

// snapshot holds an old snapshot, for which a concurrent build waits; the
// function lets it go.
func snapshot(t *testing.T, url string) (o other, release func()) {
	o = another(t, url)
	o.do("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM a")
	return o, func() { o.do("COMMIT") }
}

func building(o other) bool {
	return o.one("SELECT count(*) FROM pg_stat_progress_create_index WHERE relid = 'a'::regclass AND current_locker_pid <> 0") != "0"
}

// Duplicates: the invalid index is dropped, they are reported, and the same
// command works once they are gone.
func TestIndexOverDuplicates(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o := another(t, url)
	o.do("CREATE TABLE a (id int)", "INSERT INTO a VALUES (7), (7)")
	m := migrator(t, url, bellows.Options{Dir: writeFiles(t, indexFile(buildAI))})
	_, err := m.Up(patient(t), "heads")
	refused(t, err, "postgres.23505", "1_i.sql:2:1", "(id)=(7) is duplicated", "correct this one and run the same command again")
	if fault.CodeOf(err).Exit() != 1 {
		t.Errorf("exit %d", fault.CodeOf(err).Exit())
	}
	equal(t, "indexes", indexes(o), "none")
	equal(t, "journal", journal(t, m), "repair 1, failure 1")
	o.do("TRUNCATE a")
	up(t, m)
	equal(t, "indexes", indexes(o), "ai true")
}

// A build whose session is ended is found invalid, dropped, and built again by
// the same run.
func TestIndexBuildKilled(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{buildAI, "REINDEX INDEX CONCURRENTLY ai", "DROP INDEX CONCURRENTLY ai"} {
		url := onPostgres.fresh(t)
		o := another(t, url)
		o.do("CREATE TABLE a (id int)", "INSERT INTO a VALUES (7)")
		if sql != buildAI {
			o.do("CREATE UNIQUE INDEX ai ON a (id)")
		}
		holder, release := snapshot(t, url)
		if sql == "DROP INDEX CONCURRENTLY ai" {
			holder.do("SELECT * FROM a WHERE id = 7")
		}
		seen := &record{}
		m := migrator(t, url, bellows.Options{Dir: writeFiles(t, indexFile(sql)), Sink: seen})
		ended := later(t, func() error { _, err := m.Up(patient(t), "heads"); return err })
		victim := "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%CONCURRENTLY ai%' AND pid <> pg_backend_pid()"
		until(t, "the build waits", func() bool { return o.one(victim) != "(none)" })
		o.do("SELECT pg_terminate_backend((" + victim + "))")
		until(t, "the run is back", func() bool { return len(events[event.Reconnected](seen)) > 0 })
		release()
		if err := ended(); err != nil {
			t.Fatal(err)
		}
		want := "ai true"
		if strings.HasPrefix(sql, "DROP") {
			want = "none"
		}
		equal(t, sql, indexes(o), want)
	}
}

// invalidate leaves an invalid index of that name behind, as an earlier tool did.
func invalidate(o other, name string) {
	o.t.Helper()
	o.do("TRUNCATE a", "INSERT INTO a VALUES (1), (1)")
	if _, err := o.Exec(patient(o.t), "CREATE UNIQUE INDEX CONCURRENTLY "+name+" ON a (id)"); err == nil {
		o.t.Fatal("the duplicates were indexed")
	}
	o.do("TRUNCATE a")
}

// An invalid index of that name is dropped and built again, also under IF NOT
// EXISTS, which the server would take for a good one.
func TestInvalidIndexIsRebuilt(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{buildAI, "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ai ON a (id)"} {
		url := onPostgres.fresh(t)
		o := another(t, url)
		o.do("CREATE TABLE a (id int)")
		invalidate(o, "ai")
		seen := &record{}
		m := migrator(t, url, bellows.Options{Dir: writeFiles(t, indexFile(sql)), Sink: seen})
		up(t, m)
		equal(t, "indexes", indexes(o), "ai true")
		if w := events[event.Warning](seen); len(w) != 1 || !strings.Contains(w[0].Text, "invalid") || w[0].Line != 2 {
			t.Errorf("%+v", w)
		}
		equal(t, "journal", journal(t, m), "repair 1, up 1")
	}
}

// IF NOT EXISTS takes a valid index of that name, and no other does.
func TestValidIndexOfThatName(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o := another(t, url)
	o.do("CREATE TABLE a (id int)", "CREATE INDEX ai ON a (id)")
	_, err := migrator(t, url, bellows.Options{Dir: writeFiles(t, indexFile(buildAI))}).Up(patient(t), "heads")
	refused(t, err, "postgres.42P07", "already exists")
	equal(t, "indexes", indexes(o), "ai true")
	up(t, migrator(t, url, bellows.Options{Dir: writeFiles(t, indexFile("CREATE INDEX CONCURRENTLY IF NOT EXISTS ai ON a (id)"))}))
}

// What a failed REINDEX CONCURRENTLY left behind is removed first.
func TestReindexLeftovers(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o := another(t, url)
	o.do("CREATE TABLE a (id int)", "CREATE INDEX ai ON a (id)")
	invalidate(o, "ai_ccnew")
	equal(t, "before", indexes(o), "ai true, ai_ccnew false")
	m := migrator(t, url, bellows.Options{Dir: writeFiles(t, indexFile("REINDEX INDEX CONCURRENTLY ai"))})
	up(t, m)
	equal(t, "after", indexes(o), "ai true")
	equal(t, "journal", journal(t, m), "repair 1, up 1")
}

// An index that somebody else builds right now is left to him.
func TestIndexBuiltBySomebodyElse(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o, builder := another(t, url), another(t, url)
	o.do("CREATE TABLE a (id int)")
	_, release := snapshot(t, url)
	builder.do("SET lock_timeout = 0")
	built := later(t, func() error { _, err := builder.Exec(patient(t), buildAI); return err })
	until(t, "the other one builds", func() bool { return building(o) })
	m := migrator(t, url, bellows.Options{Dir: writeFiles(t, indexFile("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ai ON a (id)")), RetryBudget: -1})
	_, err := m.Up(patient(t), "heads")
	refused(t, err, fault.Busy, "ai", "being built by another session")
	release()
	if err := built(); err != nil {
		t.Fatal(err)
	}
	up(t, m)
	equal(t, "indexes", indexes(o), "ai true")
}

// A long build tells how far it is and for whom it waits; it gets no lock
// time-out, which would leave it invalid.
func TestIndexProgress(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o := another(t, url)
	o.do("CREATE TABLE a (id int)")
	holder, release := snapshot(t, url)
	told := make(chan event.IndexProgress, 100)
	m := migrator(t, url, bellows.Options{LockTimeout: time.Millisecond, Dir: writeFiles(t, indexFile(buildAI)), Sink: event.SinkFunc(func(e event.Event) {
		if p, ok := e.(event.IndexProgress); ok {
			select {
			case told <- p:
			default:
			}
		}
	})})
	ended := later(t, func() error { _, err := m.Up(patient(t), "heads"); return err })
	p := <-told
	if p.ID != "1" || p.Index != "ai" || !strings.Contains(p.Phase, "waiting for") || p.WaitsFor != holder.Session().PID {
		t.Errorf("%+v", p)
	}
	release()
	if err := ended(); err != nil {
		t.Fatal(err)
	}
	equal(t, "indexes", indexes(o), "ai true")
	until(t, "nobody watches any more", func() bool {
		return o.one("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'bellows/%/watch'") == "0"
	})
}

// A process killed anywhere around a build or a drop; the next one finishes it.
func TestIndexKilledAnywhere(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"intent recorded", "statement done", "unit done", "each finish"} {
		url := onPostgres.fresh(t)
		o := another(t, url)
		o.do("CREATE TABLE a (id int)")
		dir := writeFiles(t, indexFile(buildAI))
		for verb, want := range map[string]string{"up": "ai true", "down": "none"} {
			if verb == "down" {
				up(t, migrator(t, url, bellows.Options{Dir: dir}))
			} else if indexes(o) != "none" {
				down(t, migrator(t, url, bellows.Options{Dir: dir}), "base")
			}
			target := map[string]string{"up": "head", "down": "base"}[verb]
			_, _, killed := child{URL: url, Dir: dir, Verb: verb, Target: target, KillAt: 1, KillName: point}.run(t)
			if !killed {
				t.Fatalf("%s at %s: not killed", verb, point)
			}
			if out, code, _ := (child{URL: url, Dir: dir, Verb: verb, Target: target}).run(t); code != 0 {
				t.Errorf("%s after %s: %s", verb, point, out)
			}
			equal(t, verb+" after "+point, indexes(o), want)
		}
	}
}

// An index whose name the server chooses is known again, too: by what the table
// had before. It is neither built twice nor left behind invalid.
func TestIndexWithoutAName(t *testing.T) {
	t.Parallel()
	files := map[string]string{"1_i.sql": "-- migrate:up transaction:false\nCREATE UNIQUE INDEX CONCURRENTLY ON a (id);\n"}
	table := func(t *testing.T) (string, string, other) {
		url := onPostgres.fresh(t)
		o := another(t, url)
		o.do("CREATE TABLE a (id int, n int)", "CREATE INDEX ON a (id)", "CREATE INDEX a_n_idx ON a (n)")
		return url, writeFiles(t, files), o
	}
	const want = "a_id_idx true, a_id_idx1 true, a_n_idx true"
	for _, point := range []string{"intent recorded", "statement done", "unit done", "each finish"} {
		url, dir, o := table(t)
		if _, _, killed := (child{URL: url, Dir: dir, Verb: "up", Target: "head", KillAt: 1, KillName: point}).run(t); !killed {
			t.Fatalf("%s: not killed", point)
		}
		up(t, migrator(t, url, bellows.Options{Dir: dir}))
		equal(t, "after "+point, indexes(o), want)
	}

	url, dir, o := table(t)
	o.do("INSERT INTO a VALUES (7), (7)")
	m := migrator(t, url, bellows.Options{Dir: dir})
	_, err := m.Up(patient(t), "heads")
	refused(t, err, "postgres.23505", "(id)=(7) is duplicated")
	equal(t, "indexes over duplicates", indexes(o), "a_id_idx true, a_n_idx true")
	o.do("TRUNCATE a")
	up(t, m)
	equal(t, "indexes", indexes(o), want)

	url, dir, o = table(t)
	holder, release := snapshot(t, url)
	seen := &record{}
	m = migrator(t, url, bellows.Options{Dir: dir, Sink: seen})
	ended := later(t, func() error { _, err := m.Up(patient(t), "heads"); return err })
	until(t, "the build waits", func() bool { return building(o) })
	o.do("SELECT pg_terminate_backend(pid) FROM pg_stat_progress_create_index WHERE datname = current_database()")
	until(t, "the run is back", func() bool { return len(events[event.Reconnected](seen)) > 0 })
	release()
	if err := ended(); err != nil {
		t.Fatal(err)
	}
	equal(t, "indexes after the session was ended", indexes(holder), want)
}

// Twenty processes want the same index at once.
func TestManyWantOneIndex(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o := another(t, url)
	o.do("CREATE TABLE a (id int)", "INSERT INTO a SELECT generate_series(1, 1000)")
	dir := writeFiles(t, indexFile(buildAI))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if out, code, _ := (child{URL: url, Dir: dir, Verb: "up", Target: "head", LockWait: time.Minute}).run(t); code != 0 {
				t.Error(out)
			}
		})
	}
	all.Wait()
	equal(t, "indexes", indexes(o), "ai true")
	equal(t, "journal", journal(t, migrator(t, url, bellows.Options{Dir: dir})), "up 1")
}

// VALIDATE, VACUUM and DETACH CONCURRENTLY run too; the invalid indexes of a
// half-done migration can be cleaned by hand.
func TestOtherConcurrentWork(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o := another(t, url)
	o.do("CREATE TABLE a (id int)", "CREATE TABLE p (id int) PARTITION BY LIST (id)", "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)")
	lines := []string{"ALTER TABLE a ADD CONSTRAINT c CHECK (id > 0) NOT VALID;", "ALTER TABLE a VALIDATE CONSTRAINT c;", "VACUUM a;", "CREATE INDEX CONCURRENTLY ON a (id);"}
	if onVersion(o) >= 140000 {
		lines = append(lines, "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;")
	}
	up(t, migrator(t, url, bellows.Options{Dir: writeFiles(t, each(lines...))}))
	equal(t, "constraint", o.one("SELECT convalidated FROM pg_constraint WHERE conname = 'c'"), "t")
	equal(t, "indexes", indexes(o), "a_id_idx true")
}

// A partition that was half detached when the session ended is not taken for a
// detached one: the run that comes back finishes it.
func TestDetachInterrupted(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o := another(t, url)
	o.do("CREATE TABLE p (id int) PARTITION BY LIST (id)", "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)")
	holder := another(t, url)
	holder.do("BEGIN", "SELECT * FROM p")
	seen := &record{}
	m := migrator(t, url, bellows.Options{Dir: writeFiles(t, each("ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;")), Sink: seen, LockTimeout: time.Minute})
	ended := later(t, func() error { _, err := m.Up(patient(t), "heads"); return err })
	victim := "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%DETACH%' AND pid <> pg_backend_pid()"
	until(t, "the detaching waits", func() bool { return o.one(victim) != "(none)" })
	o.do("SELECT pg_terminate_backend((" + victim + "))")
	until(t, "the run is back", func() bool { return len(events[event.Reconnected](seen)) > 0 })
	holder.do("COMMIT")
	if err := ended(); err != nil {
		t.Error(err)
	}
	equal(t, "partitions", o.one("SELECT count(*) FROM pg_inherits WHERE inhparent = 'p'::regclass"), "0")
}

func onVersion(o other) int {
	n := 0
	fmt.Sscan(o.one("SHOW server_version_num"), &n)
	return n
}
