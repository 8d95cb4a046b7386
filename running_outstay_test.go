package bellows_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// onMajors runs a test on several major versions of PostgreSQL.
func onMajors(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	for _, s := range testdb.PostgresMajors(t) {
		t.Run(strconv.Itoa(s.Major), func(t *testing.T) {
			t.Parallel()
			test(t, s.Database(t))
		})
	}
}

// soon is an options' retry budget that is over soon.
func soon(dir string, o bellows.Options) bellows.Options {
	o.Dir, o.RetryBudget, o.LockTimeout = dir, 100*time.Millisecond, 10*time.Millisecond
	return o
}

// What waits inside the server for transactions of others is given up when the
// budget is over, names them, and is done by the next run once they are gone.
func TestOutstayed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql, hold string // what the other one does in his transaction
		left      string // the indexes that are left meanwhile
		after     string // and at the end
		says      []string
	}{
		"a build, a snapshot": {buildAI, "SELECT * FROM b", "none", "ai true", nil},
		"a build, a reader":   {buildAI, "SELECT * FROM a", "ai false", "ai true", []string{"until then \"public\".\"ai\" stays invalid"}},
		"a build, a writer":   {buildAI, "INSERT INTO a VALUES (8)", "ai false", "ai true", []string{"until then \"public\".\"ai\" stays invalid"}},
		"a rebuild":           {"REINDEX INDEX CONCURRENTLY old", "SELECT * FROM b", "old true", "old true", nil},
		"a rebuild, a reader": {"REINDEX INDEX CONCURRENTLY old", "SELECT * FROM a", "old true, old_ccnew false", "old true", []string{"until then public.old_ccnew stays invalid"}},
		"of a whole table":    {"REINDEX TABLE CONCURRENTLY a", "SELECT * FROM a", "old true, old_ccnew false", "old true", []string{"until then public.old_ccnew stays invalid"}},
		"without a name":      {"CREATE INDEX CONCURRENTLY ON a (id)", "SELECT * FROM a", "a_id_idx false", "a_id_idx true", []string{"until then public.a_id_idx stays invalid"}},
		"a drop":              {"DROP INDEX CONCURRENTLY old", "SELECT * FROM a", "old false", "none", []string{"until then \"public\".\"old\" stays invalid"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onMajors(t, func(t *testing.T, url string) {
				o, holder := another(t, url), named(t, url, "the report")
				o.do("CREATE TABLE a (id int)", "CREATE TABLE b (id int)", "INSERT INTO a VALUES (7)")
				if strings.Contains(c.after, "old") || strings.Contains(c.left, "old") {
					o.do("CREATE INDEX old ON a (id)")
				}
				holder.do("BEGIN ISOLATION LEVEL REPEATABLE READ", c.hold)
				pid := strconv.FormatInt(holder.Session().PID, 10)
				seen := &record{}
				m := migrator(t, url, soon(writeFiles(t, indexFile(c.sql)), bellows.Options{Sink: seen}))
				for range 2 { // the second finds what the first has left
					_, err := m.Up(patient(t), "heads")
					refused(t, err, fault.Busy, append(c.says, "1_i.sql:2:1", "for transactions of others to end", "pid "+pid, testdb.User, "the report", "idle in transaction for",
						"pg_terminate_backend("+pid+")", "no statement was done", "run the same command again")...)
					if strings.Contains(said(err), "correct this one") {
						t.Errorf("there is nothing to correct: %s", said(err))
					}
					equal(t, "indexes meanwhile", indexes(o), c.left)
				}
				st, err := m.Status(patient(t))
				if err != nil || !strings.Contains(st.Revisions[0].Error, "for transactions of others to end") {
					t.Errorf("%+v, %v", st.Revisions, err)
				}
				holder.do("COMMIT")
				up(t, m)
				equal(t, "indexes", indexes(o), c.after)
				until(t, "nobody watches any more", func() bool {
					return o.one("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'bellows/%/watch'") == "0"
				})
			})
		})
	}
}

// The same of a partition: what was begun is finished by the next run.
func TestOutstayedDetach(t *testing.T) {
	t.Parallel()
	onMajors(t, func(t *testing.T, url string) {
		o, holder := another(t, url), named(t, url, "the report")
		o.do("CREATE TABLE p (id int) PARTITION BY LIST (id)", "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)")
		holder.do("BEGIN", "SELECT * FROM p")
		seen := &record{}
		m := migrator(t, url, soon(writeFiles(t, each("ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;")), bellows.Options{Sink: seen}))
		_, err := m.Up(patient(t), "heads")
		refused(t, err, fault.Busy, "in the way", "the report", "idle in transaction")
		holder.do("COMMIT")
		up(t, m)
		equal(t, "partitions", o.one("SELECT count(*) FROM pg_inherits WHERE inhparent = 'p'::regclass"), "0")
	})
}

// VALIDATE waits for its lock alone, and for nobody's transaction.
func TestOutstayedValidate(t *testing.T) {
	t.Parallel()
	onMajors(t, func(t *testing.T, url string) {
		o, holder, reader := another(t, url), named(t, url, "the report"), another(t, url)
		o.do("CREATE TABLE a (id int)", "ALTER TABLE a ADD CONSTRAINT c CHECK (id > 0) NOT VALID")
		reader.do("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT * FROM a")
		holder.do("BEGIN", "LOCK TABLE a IN SHARE UPDATE EXCLUSIVE MODE")
		m := migrator(t, url, soon(writeFiles(t, each("ALTER TABLE a VALIDATE CONSTRAINT c;")), bellows.Options{}))
		_, err := m.Up(patient(t), "heads")
		refused(t, err, fault.Busy, "SHARE UPDATE EXCLUSIVE on a", "the report", "idle in transaction", "run the same command")
		holder.do("COMMIT")
		up(t, m)
		equal(t, "constraint", o.one("SELECT convalidated FROM pg_constraint WHERE conname = 'c'"), "t")
	})
}

// A transaction that was prepared has no session; its name says what to end.
func TestOutstayedByPrepared(t *testing.T) {
	t.Parallel()
	p := testdb.PrivatePostgres(t, 0, "max_prepared_transactions=2")
	url := p.Database(t)
	o, holder := another(t, url), another(t, url)
	o.do("CREATE TABLE a (id int)")
	holder.do("BEGIN", "INSERT INTO a VALUES (1)", "PREPARE TRANSACTION 'the bank''s'")
	m := migrator(t, url, soon(writeFiles(t, indexFile(buildAI)), bellows.Options{}))
	_, err := m.Up(patient(t), "heads")
	refused(t, err, fault.Busy, "prepared transaction", testdb.User, "ROLLBACK PREPARED 'the bank''s'", "run the same command again")
	holder.do("ROLLBACK PREPARED 'the bank''s'")
	up(t, m)
	equal(t, "indexes", indexes(o), "ai true")
}

// A build that works is never ended for its time: this one goes on until it was
// seen at work for longer than the budget.
func TestWorkIsNoWaiting(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o, other := another(t, url), another(t, url)
	o.do("CREATE TABLE a (id int)", "INSERT INTO a VALUES (7)", "CREATE SEQUENCE go", `CREATE FUNCTION slow(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
		LOOP EXIT WHEN (SELECT is_called FROM public.go); PERFORM pg_sleep(0.005); END LOOP; RETURN n; END $$`)
	n := 0
	m := migrator(t, url, bellows.Options{RetryBudget: time.Millisecond, Dir: writeFiles(t, indexFile("CREATE INDEX CONCURRENTLY ai ON a (slow(id))")),
		Sink: event.SinkFunc(func(e event.Event) {
			if p, ok := e.(event.IndexProgress); ok && strings.HasPrefix(p.Phase, "building index") {
				if n++; n == 5 {
					other.do("SELECT nextval('go')")
				}
			}
		})})
	up(t, m)
	equal(t, "indexes", indexes(o), "ai true")
	if n < 5 {
		t.Errorf("seen at work %d times", n)
	}
}

// On a connection of the caller's nobody can watch: there the server counts.
func TestOutstayedOnALentConnection(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o, holder := another(t, url), another(t, url)
	o.do("CREATE TABLE a (id int)")
	holder.do("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT * FROM a")
	m, err := bellows.OpenConn(patient(t), session(t, url), soon(writeFiles(t, indexFile(buildAI)), bellows.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Up(patient(t), "heads")
	refused(t, err, fault.Busy, "for transactions of others to end", "pg_stat_activity", "until then \"public\".\"ai\" stays invalid")
	holder.do("COMMIT")
	up(t, m)
	equal(t, "indexes", indexes(o), "ai true")
}
