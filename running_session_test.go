package bellows_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/mysql"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/db/sqlite"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/jackc/pgx/v5"
)

// asked is a migration written in Go that keeps the answer of a query, asked
// inside the migration's transaction.
func asked(id, query string, answer *string) bellows.GoMigration {
	return goMigration(id, func(ctx context.Context, tx bellows.Tx) error {
		rows, err := tx.Query(ctx, query)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(answer); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

const pgSettings = `SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN ('lock_timeout', 'statement_timeout',
	'idle_in_transaction_session_timeout', 'client_connection_check_interval', 'TimeZone', 'standard_conforming_strings', 'search_path')`

// The session of a run has the settings that were promised, and others see who it is.
func TestSessionSettings(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o := another(t, url)
	o.do("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = house, public', current_database()); END $$", "CREATE SCHEMA house")
	var settings, app string
	g := newGate()
	m := migrator(t, url, bellows.Options{LockTimeout: 321 * time.Millisecond, StatementTimeout: 7 * time.Second, Go: []bellows.GoMigration{
		asked("1", pgSettings, &settings),
		goMigration("2", func(context.Context, bellows.Tx) error { g.pass(); return nil }),
	}})
	ended := later(t, func() error { _, err := m.Up(patient(t), "heads"); return err })
	g.came(t)
	app = o.one("SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'bellows/%' AND state = 'idle in transaction'")
	run := o.one("SELECT run FROM bellows.lease")
	g.open()
	if err := ended(); err != nil {
		t.Fatal(err)
	}
	if run == "" || app != "bellows/up/"+run {
		t.Errorf("application_name is %q, the run %q", app, run)
	}
	equal(t, "settings", settings, "TimeZone=UTC client_connection_check_interval=10000 idle_in_transaction_session_timeout=60000 "+
		"lock_timeout=321 search_path=house, public standard_conforming_strings=on statement_timeout=7000")
}

// Others see the verb and the run of the session that works, in each call on it and
// after what a migration has set was reset.
func TestApplicationName(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o := another(t, url)
	var names, runs []string
	look := func(ctx context.Context, tx bellows.Tx) error {
		names = append(names, o.one("SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"))
		runs = append(runs, o.one("SELECT run FROM bellows.lease"))
		return nil
	}
	set := func(ctx context.Context, tx bellows.Tx) error {
		_, err := tx.Exec(ctx, "SET application_name = 'mine'")
		return err
	}
	all := []bellows.GoMigration{goMigration("1", look), goMigration("2", set), goMigration("3", look)}
	all[2].Down = look
	m := migrator(t, url, bellows.Options{Verb: "deploy", Go: all})
	up(t, m)
	down(t, m, "2")
	up(t, m)
	if len(names) != 4 || runs[0] != runs[1] || runs[1] == runs[2] || runs[2] == runs[3] {
		t.Fatalf("%q in the runs %q", names, runs)
	}
	for i, verb := range []string{"up", "up", "down", "up"} {
		equal(t, "the name", names[i], "bellows/"+verb+"/"+runs[i])
	}
}

// What a migration sets influences neither the next one nor the ledger, whether
// it is said with SET, with set_config as dumps do, or with another role.
func TestSettingsDoNotLeak(t *testing.T) {
	for _, tx := range []string{"", " transaction:false"} {
		t.Run("tx"+tx, func(t *testing.T) {
			t.Parallel()
			url := onPostgres.fresh(t)
			o := another(t, url)
			role := "r_" + o.one("SELECT current_database()")
			o.do("CREATE ROLE "+role, "CREATE SCHEMA house AUTHORIZATION "+role,
				"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public', current_database()); END $$")
			t.Cleanup(func() { another(t, url).do("DROP OWNED BY "+role+" CASCADE", "DROP ROLE "+role) })
			var after, user string
			text := "-- migrate:up" + tx + `
SET search_path = house;
SET standard_conforming_strings = off;
SET client_encoding = 'LATIN1';
SET timezone = 'Asia/Tokyo';
SET lock_timeout = '3s';
SELECT pg_catalog.set_config('search_path', '', false);
SET ROLE ` + role + `;
-- Straße
CREATE TABLE house.a (id int);
`
			m := migrator(t, url, bellows.Options{
				Dir: writeFiles(t, map[string]string{"1_a.sql": text, "2_b.sql": "-- migrate:up" + tx + "\nCREATE TABLE b (id int);\n", "5_c.sql": "-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY c ON b (id);\n"}),
				Go:  []bellows.GoMigration{asked("3", pgSettings, &after), asked("4", "SELECT current_user || ' ' || session_user", &user)},
			})
			up(t, m)
			equal(t, "settings", after, `TimeZone=UTC client_connection_check_interval=10000 idle_in_transaction_session_timeout=60000 `+
				`lock_timeout=500 search_path=public standard_conforming_strings=on statement_timeout=0`)
			equal(t, "user", user, testdb.User+" "+testdb.User)
			equal(t, "owner", o.one("SELECT tableowner FROM pg_tables WHERE tablename = 'a'"), role)
			equal(t, "schema", o.one("SELECT schemaname FROM pg_tables WHERE tablename = 'b'"), "public")
			if got := o.one("SELECT up_sql FROM bellows.revision WHERE id = '1'"); !strings.Contains(got, "Straße") {
				t.Errorf("the ledger holds %q", got)
			}
		})
	}
}

// A migration that fails leaves nothing of its settings either.
func TestSettingsDoNotLeakFromFailure(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o := another(t, url)
	role := "r_" + o.one("SELECT current_database()")
	o.do("CREATE ROLE " + role)
	t.Cleanup(func() { another(t, url).do("DROP ROLE " + role) })
	m := migrator(t, url, bellows.Options{Dir: writeFiles(t, map[string]string{"1_a.sql": "-- migrate:up transaction:false\nSET ROLE " + role + ";\nSELECT 1/0;\n"})})
	_, err := m.Up(patient(t), "heads")
	refused(t, err, "postgres.22012", "1_a.sql:3:")
	equal(t, "state", states(t, m), "1 failed")
	if got := o.one("SELECT error FROM bellows.revision"); !strings.Contains(got, "division by zero") {
		t.Error(got)
	}
}

// Where the database cannot reset a session, the next migration gets a new one,
// and the lock is ours all the while.
func TestFreshSessionAfterSet(t *testing.T) {
	t.Parallel()
	url := onMariaDB.fresh(t)
	var mode, database string
	m := migrator(t, url, bellows.Options{
		Dir: writeFiles(t, map[string]string{
			"1_a.sql": "-- migrate:up\nSET SESSION sql_mode = 'ANSI_QUOTES';\nSET FOREIGN_KEY_CHECKS = 0, @x = 7;\nCREATE TABLE \"a\" (id int);\n",
			"2_b.sql": "-- migrate:data\nSET @y = 1;\nINSERT INTO a VALUES (coalesce(@x, 1));\n",
		}),
		Go: []bellows.GoMigration{asked("3", "SELECT CONCAT(IF(@@foreign_key_checks, 'on', 'off'), ' ', COALESCE(@x, 'none'), ' ', COALESCE(@y, 'none'), ' ', LOCATE('ANSI_QUOTES', @@sql_mode))", &mode), asked("4", "SELECT DATABASE()", &database)},
	})
	before := another(t, url)
	up(t, m)
	equal(t, "session", mode, "on none none 0")
	equal(t, "row", before.one("SELECT id FROM a"), "1")
	equal(t, "takings of the lock", before.one("SELECT epoch FROM bellows_lease"), "1")
	down := migrator(t, url, bellows.Options{Dir: writeFiles(t, nil), LockWait: -1})
	if h, err := down.Holder(patient(t)); h != nil || err != nil {
		t.Errorf("%v, %v", h, err)
	}
}

// The same on SQLite, where a database in memory has one session only.
func TestFreshSessionAfterPragma(t *testing.T) {
	t.Parallel()
	for _, url := range []string{onSQLite.fresh(t), "sqlite::memory:"} {
		var keys string
		m := migrator(t, url, bellows.Options{
			Dir: writeFiles(t, map[string]string{"1_a.sql": "-- migrate:up transaction:false\nPRAGMA foreign_keys = OFF;\nCREATE TABLE a (id int);\n", "3_b.sql": "-- migrate:up\nCREATE TABLE b (id int);\n"}),
			Go:  []bellows.GoMigration{asked("2", "SELECT CAST(foreign_keys AS TEXT) FROM pragma_foreign_keys", &keys)},
		})
		up(t, m)
		if keys != "1" {
			t.Errorf("foreign_keys is %s", keys)
		}
		equal(t, "states", states(t, m), "1 applied, 2 applied, 3 applied")
	}
}

// Another database than the URL's cannot be chosen: the ledger would be looked
// for there.
func TestUseIsRefused(t *testing.T) {
	t.Parallel()
	url := onMariaDB.fresh(t)
	m := migrator(t, url, bellows.Options{Dir: writeFiles(t, map[string]string{"1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);\n", "2_b.sql": "-- migrate:up\nUSE mysql;\nSELECT 1;\n"})})
	_, err := m.Up(patient(t), "heads")
	refused(t, err, fault.Unsupported, "2_b.sql:2:1", "USE")
	equal(t, "states", states(t, m), "1 pending, 2 pending")
}

// A user who may not create the ledger is told so.
func TestNoRightToCreate(t *testing.T) {
	on(t, []server{onPostgres, onMariaDB}, func(t *testing.T, s server) {
		url := s.fresh(t)
		m := migrator(t, testdb.Restricted(t, url), bellows.Options{Dir: writeFiles(t, twoFiles)})
		equal(t, "states", states(t, m), "1 pending, 2 pending")
		_, err := m.Up(patient(t), "heads")
		refused(t, err, fault.Denied, "creating the ledger", "right to create")
	})
}

// A user who may only read sees the status, the history and the plan.
func TestReadersSeeTheStatus(t *testing.T) {
	on(t, []server{onPostgres, onMariaDB}, func(t *testing.T, s server) {
		url := s.fresh(t)
		up(t, migrator(t, url, bellows.Options{Dir: writeFiles(t, map[string]string{"1_a.sql": twoFiles["1_a.sql"]})}))
		m := migrator(t, testdb.ReadOnly(t, url), bellows.Options{Dir: writeFiles(t, twoFiles), ReadOnly: true})
		equal(t, "states", states(t, m), "1 applied, 2 pending")
		equal(t, "journal", journal(t, m), "up 1")
		p, err := m.PlanUp(patient(t), bellows.Request{})
		if err != nil || len(p.Plan.Steps) != 1 {
			t.Errorf("%v, %v", p.Plan.Steps, err)
		}
		_, err = m.Up(patient(t), "heads")
		if err == nil {
			t.Fatal("it could write")
		}
		equal(t, "states", states(t, m), "1 applied, 2 pending")
	})
}

// A session that was lent with settings of its own keeps them: before, between
// and after the migrations.
func TestLentSessionKeepsItsSettings(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o := another(t, url)
	role := "r_" + o.one("SELECT current_database()")
	o.do("CREATE ROLE "+role, "CREATE SCHEMA house AUTHORIZATION "+role, "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO "+role+"', current_database()); END $$")
	t.Cleanup(func() { another(t, url).do("DROP OWNED BY "+role+" CASCADE", "DROP ROLE "+role) })
	raw, err := pgx.Connect(patient(t), url)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close(context.Background())
	for _, sql := range []string{"SET search_path = house", "SET work_mem = '5MB'", "SET ROLE " + role, "SET application_name = 'it''s mine'", "SET lock_timeout = '9s'"} {
		if _, err := raw.Exec(patient(t), sql); err != nil {
			t.Fatal(err)
		}
	}
	c, err := postgres.FromPgx(patient(t), raw, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := bellows.OpenConn(patient(t), c, bellows.Options{Dir: writeFiles(t, map[string]string{
		"1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);\nSET search_path = public;\nSET work_mem = '9MB';\nRESET ROLE;\n",
		"2_b.sql": "-- migrate:up transaction:false\nCREATE TABLE b (id int);\nRESET ROLE;\n", "3_c.sql": "-- migrate:up\nCREATE TABLE c (id int);\n",
	})})
	if err != nil {
		t.Fatal(err)
	}
	up(t, m)
	equal(t, "tables", o.one("SELECT string_agg(schemaname || '.' || tablename || ' ' || (tableowner = '"+role+"'), ', ' ORDER BY tablename) FROM pg_tables WHERE tablename IN ('a', 'b', 'c')"), "house.a true, house.b true, house.c true")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	var left string
	if err := raw.QueryRow(patient(t), "SELECT current_setting('search_path') || ' ' || current_setting('work_mem') || ' ' || (current_user <> session_user) || ' ' || current_setting('application_name') || ' ' || current_setting('lock_timeout')").Scan(&left); err != nil {
		t.Fatal(err)
	}
	equal(t, "left", left, "house 5MB true it's mine 9s")
}

// The same where the database cannot reset a session, and a lent one cannot be
// replaced by a fresh one: what a migration sets, it also when it fails, is undone
// by us.
func TestLentSessionIsReset(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		driver          string
		from            func(context.Context, *sql.DB, db.Options) (db.Conn, error)
		mine, set, asks string
		want            string
	}{
		{"mysql", mysql.FromSQL, "SET SESSION sort_buffer_size = 65536, sql_mode = 'ANSI_QUOTES', @mine = 'it''s'",
			"SET SESSION sql_mode = '', foreign_key_checks = 0, sort_buffer_size = 131072, @mine = 7, @x = 8, NAMES latin1;",
			"SELECT CONCAT_WS(' ', @@sort_buffer_size, LOCATE('ANSI_QUOTES', @@sql_mode), IF(@@foreign_key_checks, 'on', 'off'), COALESCE(@mine, 'none'), COALESCE(@x, 'none'), @@character_set_client)",
			"65536 1 on it's none utf8mb4"},
		{"sqlite", sqlite.FromSQL, "PRAGMA recursive_triggers = 1",
			"PRAGMA foreign_keys = OFF;\nPRAGMA recursive_triggers = 0;\nATTACH ':memory:' AS beside;\nCREATE TEMPORARY TABLE scratch (id int);",
			"SELECT (SELECT CAST(foreign_keys AS TEXT) FROM pragma_foreign_keys) || ' ' || (SELECT recursive_triggers FROM pragma_recursive_triggers) || ' ' || (SELECT count(*) FROM pragma_database_list WHERE name = 'beside') || ' ' || (SELECT count(*) FROM sqlite_temp_master)",
			"1 1 0 0"},
	} {
		t.Run(c.driver, func(t *testing.T) {
			t.Parallel()
			pool := openPool(t, c.driver)
			pool.SetMaxOpenConns(1)
			if _, err := pool.Exec(c.mine); err != nil {
				t.Fatal(err)
			}
			conn, err := c.from(patient(t), pool, db.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var between, after string
			files := map[string]string{"1_a.sql": "-- migrate:up transaction:false\n" + c.set + "\nCREATE TABLE a (id int);\n",
				"3_c.sql": "-- migrate:up transaction:false\n" + c.set + "\nCREATE INDEX i ON nope (id);\n"}
			m, err := bellows.OpenConn(patient(t), conn, bellows.Options{Dir: writeFiles(t, files), Go: []bellows.GoMigration{asked("2", c.asks, &between)}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.Up(patient(t), "heads"); err == nil || !strings.Contains(err.Error(), "3_c.sql") {
				t.Fatal(err)
			}
			rows, err := conn.Query(patient(t), c.asks)
			if err != nil {
				t.Fatal(err)
			}
			for rows.Next() {
				if err := rows.Scan(&after); err != nil {
					t.Fatal(err)
				}
			}
			rows.Close()
			equal(t, "between", between, c.want)
			equal(t, "after a failure", after, c.want)
			if _, err := conn.Exec(patient(t), strings.Split(c.set, ";")[0]); err != nil {
				t.Fatal(err)
			}
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			want := c.want
			if c.driver == "sqlite" {
				want = "0" + want[1:] // as the pool opened it
			}
			if err := pool.QueryRow(c.asks).Scan(&after); err != nil {
				t.Fatal(err)
			}
			equal(t, "given back", after, want)
		})
	}
}

// A borrowed session is left as it was found, and a broken one is told.
func TestBorrowedSession(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o, killer := another(t, url), another(t, url)
	m, err := bellows.OpenConn(patient(t), o.Conn, bellows.Options{Dir: writeFiles(t, twoFiles), Sink: event.SinkFunc(func(event.Event) {})})
	if err != nil {
		t.Fatal(err)
	}
	up(t, m)
	equal(t, "locks", o.one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"), "0")
	pid := o.one("SELECT pg_backend_pid()")
	killer.do("SELECT pg_terminate_backend(" + pid + ")")
	_, err = m.Down(patient(t), "base")
	refused(t, err, fault.Lost, "connection")
	_, err = m.Status(patient(t))
	refused(t, err, fault.Lost)
}
