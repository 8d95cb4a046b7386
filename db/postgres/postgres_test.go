package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/plan"
)

func background(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func open(t testing.TB, url string, o db.Options) db.Conn {
	t.Helper()
	c, err := postgres.Driver{}.Open(background(t), url, o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func must(t testing.TB, c db.Conn, statements ...string) {
	t.Helper()
	for _, text := range statements {
		if _, err := c.Exec(background(t), text); err != nil {
			t.Fatalf("%.200s: %v", text, err)
		}
	}
}

func one(t testing.TB, c db.Conn, query string) string {
	t.Helper()
	rows, err := c.Query(background(t), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var value string
	for rows.Next() {
		if err := rows.Scan(&value); err != nil {
			t.Fatal(err)
		}
	}
	return value
}

// The settings are the session's own defaults: RESET ALL brings them back.
func TestSettingsSurviveReset(t *testing.T) {
	c := open(t, testdb.Postgres(t), db.Options{App: "bellows/up/7", LockTimeout: 1234 * time.Millisecond, StatementTimeout: time.Hour})
	want := map[string]string{
		"application_name": "bellows/up/7", "lock_timeout": "1234ms", "statement_timeout": "1h", "TimeZone": "UTC",
		"idle_in_transaction_session_timeout": "1min", "standard_conforming_strings": "on", "client_connection_check_interval": "10s",
	}
	must(t, c, "SET lock_timeout = 0", "SET statement_timeout = 0", "SET TimeZone = 'Asia/Tokyo'", "SET application_name = 'x'", "RESET ALL")
	for name, value := range want {
		if got := one(t, c, "SHOW "+name); got != value {
			t.Errorf("%s is %s, want %s", name, got, value)
		}
	}
}

// What the URL asks for wins over our defaults, not over the options.
func TestSettingsInTheURL(t *testing.T) {
	url := testdb.Postgres(t) + "&lock_timeout=7s&search_path=pg_catalog"
	if got := one(t, open(t, url, db.Options{}), "SHOW lock_timeout"); got != "7s" {
		t.Errorf("lock_timeout is %s", got)
	}
	c := open(t, url, db.Options{LockTimeout: time.Second})
	if got := one(t, c, "SHOW lock_timeout"); got != "1s" {
		t.Errorf("lock_timeout is %s", got)
	}
	if got := one(t, c, "SHOW search_path"); got != "pg_catalog" {
		t.Errorf("search_path is %s", got)
	}
}

// Statements that rules turn into several count once; empty ones do not count;
// one with many rows does not block the ones behind it.
func TestSendCounts(t *testing.T) {
	c := open(t, testdb.Postgres(t), db.Options{})
	must(t, c, "CREATE TABLE t (id int)", "CREATE TABLE log (id int)",
		"CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO log VALUES (NEW.id); SELECT 'ä' FROM generate_series(1, 3); SELECT 2)")
	var done []int
	items := []db.Item{
		{SQL: "INSERT INTO t VALUES (1), (2)"}, {SQL: ""}, {SQL: "-- nothing"}, {SQL: "/* a /* b */ ; */ ;"},
		{SQL: "SELECT repeat('x', 1000) FROM generate_series(1, 5000)"},
		{SQL: "COPY t FROM STDIN", Copy: true, Data: "3\n4\n"},
		{SQL: "COPY t TO STDOUT"},
		{SQL: "DELETE FROM t WHERE id > 2 --"}, {SQL: "SELECT 1/0"}, {SQL: "SELECT 2"},
	}
	err := c.Send(background(t), items, func(i int, _ int64) { done = append(done, i) })
	var e *db.Error
	if !errors.As(err, &e) || e.Item != 8 || e.Code != "postgres.22012" {
		t.Errorf("%+v", err)
	}
	if fmt.Sprint(done) != "[0 1 2 3 4 5 6 7]" {
		t.Errorf("done %v", done)
	}
	bad := []db.Item{{SQL: "COPY t FROM STDIN", Copy: true, Data: "5\nfive\n"}}
	if err := c.Send(background(t), append(items[:1:1], bad...), nil); !errors.As(err, &e) || e.Item != 1 || e.Code != "postgres.22P02" {
		t.Errorf("%+v", err)
	}
	must(t, c, "SELECT 1")
}

// A syntax error anywhere keeps a message from running at all, and is found in
// messages of any size.
func TestSendIsCutBySize(t *testing.T) {
	c := open(t, testdb.Postgres(t), db.Options{})
	must(t, c, "CREATE TABLE t (id int, w text)")
	var items []db.Item
	items = append(items, db.Item{SQL: "BEGIN"})
	for i := range 40 {
		items = append(items, db.Item{SQL: fmt.Sprintf("INSERT INTO t VALUES (%d, '%s')", i, strings.Repeat("ü", 50_000))})
	}
	items = append(items, db.Item{SQL: "SELECT 1 FORM t"}, db.Item{SQL: "COMMIT"})
	err := c.Send(background(t), items, nil)
	var e *db.Error
	if !errors.As(err, &e) || e.Item != 41 || e.Offset != len("SELECT 1 FORM ") {
		t.Errorf("item %d, offset %d: %v", e.Item, e.Offset, err)
	}
	must(t, c, "ROLLBACK")
	if got := one(t, c, "SELECT count(*) FROM t"); got != "0" {
		t.Errorf("%s rows", got)
	}
}

// A COMMIT that PostgreSQL answers with ROLLBACK is a failure.
func TestCommitOfAFailedTransaction(t *testing.T) {
	c := open(t, testdb.Postgres(t), db.Options{})
	must(t, c, "BEGIN")
	c.Exec(background(t), "SELECT 1/0")
	err := c.Send(background(t), []db.Item{{SQL: "/* x */ commit"}}, nil)
	var e *db.Error
	if !errors.As(err, &e) || e.Code != "postgres.25P02" {
		t.Errorf("%v", err)
	}
	must(t, c, "BEGIN", "SELECT 1", "COMMIT")
}

// A concurrent index build can be sent by itself, is seen while it works, and
// its remains are told.
func TestIndexOfAConcurrentBuild(t *testing.T) {
	url := testdb.Postgres(t)
	a, b := open(t, url, db.Options{}), open(t, url, db.Options{LockTimeout: time.Minute})
	w := a.(db.Watcher)
	must(t, a, "CREATE SCHEMA s", `CREATE TABLE s."T" (id int, w text)`, `INSERT INTO s."T" VALUES (1, 'a'), (1, 'b')`)
	ix := plan.Index{Name: plan.Name{Name: "t_id"}, Table: plan.Name{Schema: "s", Name: "T"}}

	if _, err := a.Exec(background(t), `CREATE UNIQUE INDEX CONCURRENTLY t_id ON s."T" (id)`); err == nil {
		t.Fatal("a unique index over equal values was built")
	}
	if got, err := w.Index(background(t), ix); err != nil || !got.Exists || got.Valid || got.Building || got.Table != ix.Table {
		t.Errorf("after a failed build: %+v, %v", got, err)
	}
	must(t, a, "DROP INDEX CONCURRENTLY s.t_id", `CREATE INDEX CONCURRENTLY t_id ON s."T" (id)`)
	if got, err := w.Index(background(t), ix); err != nil || !got.Valid {
		t.Errorf("after a build: %+v, %v", got, err)
	}

	must(t, a, "BEGIN", `UPDATE s."T" SET w = 'c'`)
	built := make(chan error, 1)
	go func() {
		_, err := b.Exec(background(t), "REINDEX INDEX CONCURRENTLY s.t_id")
		built <- err
	}()
	other := open(t, url, db.Options{}).(db.Watcher)
	until(t, "the build waits for the open transaction", func() bool {
		work, ok, err := other.Work(background(t), b.Session())
		return err == nil && ok && work.WaitsFor == a.Session().PID && work.Phase != ""
	})
	if got, err := other.Index(background(t), ix); err != nil || len(got.Leftovers) != 0 || !got.Valid {
		t.Errorf("while it is rebuilt: %+v, %v", got, err)
	}
	if err := other.(db.Killer).Kill(background(t), b.Session()); err != nil {
		t.Fatal(err)
	}
	<-built
	must(t, a, "ROLLBACK")
	var got db.IndexState
	var err error
	until(t, "the server has ended the killed rebuild", func() (ended bool) {
		got, err = other.Index(background(t), ix)
		return err != nil || !got.Building
	})
	if err != nil || !got.Valid || len(got.Leftovers) != 1 || got.Leftovers[0] != "s.t_id_ccnew" {
		t.Fatalf("after a killed rebuild: %+v, %v", got, err)
	}
	must(t, a, "DROP INDEX CONCURRENTLY "+got.Leftovers[0])
}

func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !done(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

// Blockers are who holds or awaits what conflicts, on the table and below it.
func TestBlockers(t *testing.T) {
	url := testdb.Postgres(t)
	a, reader, waiter := open(t, url, db.Options{}), open(t, url, db.Options{App: "the reader"}), open(t, url, db.Options{LockTimeout: time.Minute})
	must(t, a, "CREATE TABLE p (id int) PARTITION BY LIST (id)", "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)", "CREATE INDEX p1_i ON p1 (id)", "CREATE TABLE other (id int)")
	must(t, reader, "BEGIN", "SELECT * FROM p1")
	blockers := func(lock plan.Lock, table string, budget time.Duration) []event.Blocker {
		t.Helper()
		all, err := a.(db.Watcher).Blockers(background(t), []plan.Touch{{Table: plan.Name{Name: table}, Lock: lock}, {Table: plan.Name{Name: "nowhere"}, Lock: lock}}, budget)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	got := blockers("ACCESS EXCLUSIVE", "p", 0)
	if len(got) != 1 || got[0].PID != reader.Session().PID || got[0].App != "the reader" || got[0].State != "idle in transaction" || !strings.Contains(got[0].Query, "p1") || got[0].Table != "p1" || got[0].Age <= 0 {
		t.Errorf("%+v", got)
	}
	if got := blockers("ACCESS EXCLUSIVE", "p1_i", 0); len(got) != 1 {
		t.Errorf("an index stands for its table: %+v", got)
	}
	for _, none := range [][]event.Blocker{
		blockers("SHARE ROW EXCLUSIVE", "p", 0), blockers("ACCESS EXCLUSIVE", "other", 0), blockers("ACCESS EXCLUSIVE", "p", time.Hour), blockers("", "p", 0),
	} {
		if len(none) != 0 {
			t.Errorf("%+v", none)
		}
	}
	locked := make(chan error, 1)
	go func() {
		_, err := waiter.Exec(background(t), "ALTER TABLE p1 ADD CHECK (id > 0)")
		locked <- err
	}()
	until(t, "a session in the queue is a blocker", func() bool {
		all := blockers("ACCESS SHARE", "p1", 0)
		return len(all) == 1 && all[0].PID == waiter.Session().PID && all[0].State == "waiting"
	})
	must(t, reader, "ROLLBACK")
	if err := <-locked; err != nil {
		t.Fatal(err)
	}
}

// all is the first column of a query.
func all(t testing.TB, c db.Conn, query string) []string {
	t.Helper()
	return strings.Split(one(t, c, "SELECT coalesce(string_agg(line, '; '), '') FROM ("+query+") AS q (line)"), "; ")
}

// What is locked before a statement are just the tables that the statement itself
// locks against changes of their shape, those at the other ends of foreign keys too.
func TestLockableIsWhatIsLocked(t *testing.T) {
	for _, server := range testdb.PostgresMajors(t) {
		t.Run(fmt.Sprint(server.Major), func(t *testing.T) {
			url := server.Database(t)
			c, look := open(t, url, db.Options{}), open(t, url, db.Options{})
			must(t, c, "CREATE TABLE people (id int PRIMARY KEY, mail text UNIQUE)",
				"CREATE TABLE places (id int PRIMARY KEY)",
				"CREATE TABLE posts (id int PRIMARY KEY, author int, place int, title text, CONSTRAINT author_fk FOREIGN KEY (author) REFERENCES people, CONSTRAINT place_fk FOREIGN KEY (place) REFERENCES places NOT VALID, CONSTRAINT short CHECK (length(title) < 9))",
				"CREATE TABLE replies (id int PRIMARY KEY, post int REFERENCES posts)",
				"CREATE TABLE letters (id int PRIMARY KEY, sender text REFERENCES people (mail))",
				"CREATE TABLE log (at int) PARTITION BY RANGE (at)",
				"CREATE TYPE mood AS ENUM ('sad', 'ok')", "CREATE DOMAIN short AS text CHECK (length(value) < 9)", "CREATE SEQUENCE numbers",
				"CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'", "CREATE SCHEMA app",
				"CREATE TABLE moody (m mood, n int DEFAULT nextval('numbers'), s short)", "CREATE TABLE watched (id int)", "CREATE VIEW happy AS SELECT m FROM moody",
				"CREATE TRIGGER w BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION nothing()",
				"CREATE TABLE app.notes (id int PRIMARY KEY, place int REFERENCES places)", "CREATE TABLE cites (note int REFERENCES app.notes)", "CREATE TYPE app.colour AS ENUM ('red')",
				"CREATE TABLE painted (c app.colour)", "CREATE VIEW app.of_people AS SELECT id FROM people", "CREATE FUNCTION app.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
				"CREATE TABLE fired (id int)", "CREATE TRIGGER w BEFORE INSERT ON fired FOR EACH ROW EXECUTE FUNCTION app.nothing()", "CREATE TABLE app.parts PARTITION OF log FOR VALUES FROM (20) TO (30)",
				"CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (10)")
			names := map[string]string{}
			for _, line := range all(t, c, "SELECT oid || ' ' || relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace IN ('public'::regnamespace, 'app'::regnamespace)") {
				oid, name, _ := strings.Cut(line, " ")
				names[oid] = name
			}
			for sql, want := range map[string]string{
				"DROP TABLE replies":                                         "posts replies",
				"DROP SCHEMA app CASCADE":                                    "cites fired log notes painted parts places",
				"DROP SCHEMA IF EXISTS nowhere CASCADE":                      "",
				"DROP TYPE mood CASCADE":                                     "moody",
				"DROP DOMAIN short CASCADE":                                  "moody",
				"DROP SEQUENCE numbers CASCADE":                              "moody",
				"DROP VIEW happy CASCADE":                                    "",
				"DROP TABLE moody CASCADE":                                   "moody",
				"DROP FUNCTION nothing CASCADE":                              "watched",
				"DROP FUNCTION IF EXISTS nothing() CASCADE":                  "watched",
				"DROP TABLE posts CASCADE":                                   "people places posts replies",
				"DROP TABLE letters, replies":                                "letters people posts replies",
				"DROP TABLE log_1":                                           "log log_1",
				"ALTER TABLE posts DROP CONSTRAINT author_fk":                "people posts",
				"ALTER TABLE posts DROP CONSTRAINT short":                    "posts",
				"ALTER TABLE posts DROP CONSTRAINT posts_pkey CASCADE":       "posts replies",
				"ALTER TABLE people DROP CONSTRAINT people_mail_key CASCADE": "letters people",
				"ALTER TABLE posts DROP COLUMN place":                        "places posts",
				"ALTER TABLE posts DROP COLUMN title":                        "posts",
				"ALTER TABLE people DROP COLUMN mail CASCADE":                "letters people",
				"ALTER TABLE posts ALTER author TYPE bigint":                 "people posts",
				"ALTER TABLE people ALTER mail TYPE varchar(99)":             "letters people",
				"ALTER TABLE posts ALTER title TYPE varchar(9)":              "posts",
				"ALTER TABLE posts ALTER CONSTRAINT author_fk DEFERRABLE":    "posts",
				"ALTER TABLE posts VALIDATE CONSTRAINT place_fk":             "posts",
				"ALTER TABLE letters ADD FOREIGN KEY (id) REFERENCES places": "letters places",
				"TRUNCATE people CASCADE":                                    "letters people posts replies",
				"CREATE TABLE fresh (p int REFERENCES people)":               "people",
			} {
				touches := c.Dialect().Classify(sql).Touches
				locks, err := c.(db.Watcher).Lockable(background(t), touches)
				if err != nil {
					t.Fatalf("%s: %v", sql, err)
				}
				must(t, c, "BEGIN", sql)
				var held, taken []string
				for _, line := range all(t, look, fmt.Sprintf(`SELECT relation || ' ' || mode FROM pg_locks WHERE locktype = 'relation' AND pid = %d
					AND mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')`, c.Session().PID)) {
					oid, _, _ := strings.Cut(line, " ")
					if name := names[oid]; name != "" && !slices.Contains(held, name) {
						held = append(held, name)
					}
				}
				must(t, c, "ROLLBACK")
				for _, lock := range locks {
					_, name, _ := strings.Cut(lock, ".")
					name, _, _ = strings.Cut(name, " ")
					taken = append(taken, name)
				}
				slices.Sort(held)
				slices.Sort(taken)
				if got := strings.Join(held, " "); got != want {
					t.Errorf("%s: the server locks %s, not %s", sql, got, want)
				}
				if got := strings.Join(taken, " "); got != want {
					t.Errorf("%s: we lock %s, the server %s", sql, got, want)
				}
			}
		})
	}
}

// Lockable tables come once, by age, with the strongest lock, and lock.
func TestLockable(t *testing.T) {
	c := open(t, testdb.Postgres(t), db.Options{})
	must(t, c, `CREATE SCHEMA "S.1"`, `CREATE TABLE "S.1"."first ""one" (id int PRIMARY KEY)`, "CREATE TABLE second (id int PRIMARY KEY)", "CREATE VIEW v AS SELECT 1")
	touch := func(schema, name string, lock plan.Lock) plan.Touch {
		return plan.Touch{Table: plan.Name{Schema: schema, Name: name}, Lock: lock}
	}
	got, err := c.(db.Watcher).Lockable(background(t), []plan.Touch{
		touch("", "second", "SHARE"), touch("", "v", "ACCESS EXCLUSIVE"), touch("", "nowhere", "ACCESS EXCLUSIVE"), touch("S.1", `first "one`, "ACCESS EXCLUSIVE"),
		touch("", "second", "SHARE ROW EXCLUSIVE"), touch("public", "second", "SHARE"), touch("", "second_pkey", "ROW SHARE"), touch("pg_catalog", "pg_class", "ACCESS EXCLUSIVE"),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `LOCK TABLE ONLY "S.1"."first ""one" IN ACCESS EXCLUSIVE MODE|LOCK TABLE ONLY public.second IN SHARE ROW EXCLUSIVE MODE`
	if strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
	must(t, c, append(append([]string{"BEGIN"}, got...), "ROLLBACK")...)
}

// A count that takes too long becomes the planner's estimate, partitions included.
func TestCountEstimates(t *testing.T) {
	c := open(t, testdb.Postgres(t), db.Options{StatementTimeout: time.Hour})
	must(t, c, "CREATE TABLE p (id int, w int) PARTITION BY RANGE (id)", "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (500)", "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (500) TO (1000)",
		"INSERT INTO p SELECT i, nullif(i % 4, 0) FROM generate_series(0, 999) i", "ANALYZE p",
		"CREATE FUNCTION slow() RETURNS bool LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN true; END'", "CREATE VIEW v AS SELECT id FROM p WHERE slow()")
	for loss, want := range map[plan.Loss]db.Count{
		{Table: plan.Name{Name: "p"}}:              {Rows: 1000},
		{Table: plan.Name{Name: "p"}, Column: "w"}: {Rows: 750},
	} {
		if got, err := c.(db.Watcher).Count(background(t), loss, 0); err != nil || got != want {
			t.Errorf("%+v: %+v, %v", loss, got, err)
		}
	}
	got, err := c.(db.Watcher).Count(background(t), plan.Loss{Table: plan.Name{Name: "v"}}, time.Millisecond)
	if err != nil || got.Exact {
		t.Errorf("%+v, %v", got, err)
	}
	if got := one(t, c, "SHOW statement_timeout"); got != "1h" {
		t.Errorf("statement_timeout is %s after counting", got)
	}
}

// Every kind of object that cannot be changed in a transaction has a fingerprint.
func TestFingerprintOfEveryKind(t *testing.T) {
	c := open(t, testdb.Postgres(t), db.Options{})
	must(t, c, "CREATE TABLE t (id int PRIMARY KEY)", "CREATE SEQUENCE q", "CREATE TYPE e AS ENUM ('a')", "CREATE MATERIALIZED VIEW m AS SELECT 1 AS one")
	print := func(kind, name string) string {
		t.Helper()
		text, err := c.(db.Watcher).Fingerprint(background(t), []plan.Object{{Kind: kind, Name: plan.Name{Name: name}}})
		if err != nil {
			t.Fatalf("%s %s: %v", kind, name, err)
		}
		return text
	}
	for _, step := range []struct{ kind, name, same, text string }{
		{"type", "e", "SELECT 'a'::e", "ALTER TYPE e ADD VALUE 'b'"},
		{"sequence", "q", "SELECT nextval('q')", "ALTER SEQUENCE q INCREMENT 5"},
		{"function", "f", "SELECT 1", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"},
		{"function", "f", "SELECT f()", "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'"},
		{"schema", "s", "SELECT 1", "CREATE SCHEMA s"},
		{"extension", "plpgsql", "SELECT 1", "ALTER EXTENSION plpgsql SET SCHEMA pg_catalog; COMMENT ON EXTENSION plpgsql IS 'x'; DROP EXTENSION plpgsql CASCADE"},
		{"materialized view", "m", "SELECT * FROM m", "REFRESH MATERIALIZED VIEW m"},
		{"table", "t", "INSERT INTO t VALUES (1); ANALYZE t", "ALTER TABLE t SET (fillfactor = 50)"},
		{"table", "t", "VACUUM t", "COMMENT ON COLUMN t.id IS 'x'"},
		{"index", "t_pkey", "SELECT count(*) FROM t", "REINDEX INDEX t_pkey"},
		{"publication", "p", "SELECT 1", "CREATE PUBLICATION p FOR TABLE t"},
		{"subscription", "p", "SELECT 1", "CREATE SUBSCRIPTION p CONNECTION 'dbname=none' PUBLICATION p WITH (connect = false, slot_name = NONE)"},
		{"something else", "u", "SELECT 1", "CREATE TABLE u (id int)"},
	} {
		before := print(step.kind, step.name)
		must(t, c, strings.Split(step.same, "; ")...)
		if print(step.kind, step.name) != before {
			t.Errorf("%s: changed the fingerprint of %s %s", step.same, step.kind, step.name)
		}
		must(t, c, strings.Split(step.text, "; ")...)
		if print(step.kind, step.name) == before {
			t.Errorf("%s: did not change the fingerprint of %s %s", step.text, step.kind, step.name)
		}
	}
	must(t, c, "DROP SUBSCRIPTION p")
	for _, kind := range []string{"database", "role", "tablespace", "collation", "statistics", "event trigger", "language", "server", "aggregate", "rule"} {
		if print(kind, "x") == "" {
			t.Error(kind)
		}
	}
}

// A session that a pooler gives to others is nobody's: it has no number that means
// anything later, and nothing is set of it that would stay with the others.
func TestPooledSession(t *testing.T) {
	pooled := pooling(t, testdb.Postgres(t))
	c := open(t, pooled, db.Options{LockTimeout: 3 * time.Second, App: "bellows/test", ReadOnly: true})
	if s := c.Session(); s != (db.Session{}) {
		t.Errorf("it is known as %+v", s)
	}
	for name, want := range map[string]string{"lock_timeout": "0", "default_transaction_read_only": "off", "idle_in_transaction_session_timeout": "0",
		"application_name": "bellows/test", "TimeZone": "UTC"} {
		if got := one(t, c, "SHOW "+name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if life, err := c.(db.Watcher).Life(t.Context(), c.Session()); err != nil || life != db.Unknown {
		t.Errorf("it is %v, %v", life, err)
	}
	_, err := postgres.Driver{}.Open(t.Context(), pooled+"&lock_timeout=4s", db.Options{})
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fault.Connect || !strings.Contains(f.Hint, "a proxy stands before the server") {
		t.Errorf("a setting in the URL: %v", err)
	}
}

// A server or pooler that refuses start-up settings gets them afterwards.
func TestSettingsAfterStartUp(t *testing.T) {
	url := testdb.Postgres(t)
	refuse := refusing(t, url)
	c := open(t, refuse, db.Options{LockTimeout: 3 * time.Second, App: "bellows/test"})
	for name, want := range map[string]string{"lock_timeout": "3s", "application_name": "bellows/test", "TimeZone": "UTC"} {
		if got := one(t, c, "SHOW "+name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
