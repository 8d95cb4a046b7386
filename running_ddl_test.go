package bellows_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
)

// The error of a migration names the right statement, with line and column,
// although all of it travels as one message.
func TestErrorPlaces(t *testing.T) {
	type place struct {
		name, text, at string
		code           fault.Code
		words          []string
	}
	everything := map[string][]place{
		"postgres": {
			{"first statement", "-- migrate:up\nSELEC 1;\nCREATE TABLE x (id int);\n", "1_x.sql:2:1", "postgres.42601", []string{"SELEC", "nothing changed"}},
			{"second statement", "-- migrate:up\nCREATE TABLE x (id int);\n\n  ALTER TABLE x\n    ADD COLUMN y nope;\nCREATE TABLE z (id int);\n", "1_x.sql:5:18", "postgres.42704", []string{"ADD COLUMN y nope", "nothing changed"}},
			{"last statement", "-- migrate:up\nCREATE TABLE x (id int);\nCREATE TABLE y (id int);\nDROP TABLE nope;", "1_x.sql:4:1", "postgres.42P01", nil},
			{"second of a line", "-- migrate:up\nCREATE TABLE x (id int); SELECT nope FROM x;\n", "1_x.sql:2:33", "postgres.42703", []string{"SELECT nope FROM x"}},
			{"without a position", "-- migrate:up\nCREATE TABLE x (id int);\n\n-- why\n/* really */ DROP TABLE nope;\n", "1_x.sql:5:14", "postgres.42P01", nil},
			{"after many-byte characters", "-- migrate:up\nCREATE TABLE \"größe\" (id int); /* 𝄞 */ SELECT 'äöü€', nope;\n", "1_x.sql:2:55", "postgres.42703", nil},
			{"CRLF", "-- migrate:up\r\nCREATE TABLE x (id int);\r\nSELECT 1,\r\n  nope;\r\n", "1_x.sql:4:3", "postgres.42703", nil},
			{"comments before", "-- migrate:up\n-- one\nCREATE TABLE x (id int);\n\n-- two; with a semicolon\n/* three\n */\nSELECT\n nope;\n", "1_x.sql:9:2", "postgres.42703", nil},
			{"in a body", "-- migrate:up\nCREATE TABLE x (id int);\nCREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n  IF nope THEN;\n  RETURN 1;\nEND $$;\n", "1_x.sql:5:15", "postgres.42601", nil},
			{"running a body", "-- migrate:up\nCREATE TABLE x (id int);\nDO $$\nBEGIN\n  INSERT INTO nope VALUES (1);\nEND $$;\n", "1_x.sql:5:15", "postgres.42P01", []string{"INSERT INTO nope"}},
			{"copied data", "-- migrate:data\nCREATE TEMPORARY TABLE x (id int);\nCOPY x FROM STDIN;\n1\nzwei\n\\.\n", "1_x.sql:3:1", "postgres.22P02", []string{"zwei"}},
			{"a cut that the server sees otherwise", "-- migrate:up\nCREATE TABLE x (id int)\nCREATE TABLE y (id int);\n", "1_x.sql:3:1", "postgres.42601", nil},
		},
		"mariadb": {
			{"second statement", "-- migrate:up\nCREATE TABLE x (id int);\n\n  ALTER TABLE x\n    MODIFY COLUMN id int AUTO_INCREMENT;\nCREATE TABLE z (id int);\n", "1_x.sql:4:3", "mysql.1075", []string{"1 of 3 statements are done"}},
			{"syntax", "-- migrate:up\nCREATE TABLE x (id int);\nSELECT 'äöü',\n  FROM;\n", "1_x.sql:4:3", "mysql.1064", nil},
			{"unknown column", "-- migrate:up\n/* 𝄞 */ SELECT 'ä', nope;\n", "1_x.sql:2:21", "mysql.1054", []string{"no statement was done"}},
		},
		"sqlite": {
			{"second statement", "-- migrate:up\nCREATE TABLE x (id int);\n\nINSERT INTO nope VALUES (1);\n", "1_x.sql:4:", "sqlite.1", []string{"nothing changed"}},
			{"syntax", "-- migrate:up\nCREATE TABLE x (id int);\nSELECT 'äöü',\n  FROM;\n", "1_x.sql:4:3", "sqlite.1", nil},
		},
	}
	everywhere(t, func(t *testing.T, s server) {
		for _, p := range everything[s.name] {
			url, seen := s.fresh(t), &record{}
			text := strings.Replace(p.text, "-- migrate:up", "-- migrate:up mixed:true", 1)
			m := migrator(t, url, bellows.Options{Dir: writeFiles(t, map[string]string{"1_x.sql": text}), Sink: seen})
			_, err := m.Up(patient(t), "heads")
			if err == nil {
				t.Errorf("%s: no error", p.name)
				continue
			}
			f := faults(err)[0]
			if f.Pos == nil || !strings.Contains(f.Pos.String(), p.at) || f.Code != p.code && !strings.HasPrefix(string(f.Code), "mysql.") {
				t.Errorf("%s: %s at %v, want %s at %s: %v", p.name, f.Code, f.Pos, p.code, p.at, err)
			}
			for _, w := range p.words {
				if !strings.Contains(said(err), w) {
					t.Errorf("%s: %q is missing in %s", p.name, w, said(err))
				}
			}
			if failed := events[event.MigrationFailed](seen); len(failed) != 1 || !errors.Is(failed[0].Err, err) && failed[0].Err.Error() != err.Error() {
				t.Errorf("%s: %v", p.name, failed)
			}
			st, err2 := m.Status(patient(t))
			if err2 != nil || !strings.Contains(st.Revisions[0].Error, p.at) {
				t.Errorf("%s: the ledger keeps %q, %v", p.name, st.Revisions[0].Error, err2)
			}
			if s.name == "mariadb" {
				continue
			}
			equal(t, p.name, st.Revisions[0].State, "pending")
			equal(t, p.name, journal(t, m), "failure 1")
		}
	})
}

// Whichever statement fails: rolled back means nothing changed.
func TestFailureAtEveryStatement(t *testing.T) {
	on(t, []server{onSQLite, onPostgres}, func(t *testing.T, s server) {
		url := s.fresh(t)
		lines := []string{"CREATE TABLE a (id int);", "CREATE TABLE b (id int);", "ALTER TABLE a ADD COLUMN x int;", "CREATE INDEX ax ON a (x);"}
		for bad := range len(lines) + 1 {
			all := append(append(append([]string{}, lines[:bad]...), "CREATE TABLE bad (id int REFERENCES;"), lines[bad:]...)
			m := migrator(t, url, bellows.Options{Dir: writeFiles(t, map[string]string{"1_x.sql": "-- migrate:up\n" + strings.Join(all, "\n") + "\n"})})
			_, err := m.Up(patient(t), "heads")
			if err == nil || faults(err)[0].Pos == nil || faults(err)[0].Pos.Line != 2+bad {
				t.Fatalf("statement %d: %v", bad, err)
			}
			equal(t, "states", states(t, m), "1 pending")
			for _, table := range []string{"a", "b"} {
				if _, err := another(t, url).Query(patient(t), "SELECT * FROM "+table); err == nil {
					t.Errorf("statement %d failed and %s is there", bad, table)
				}
			}
		}
		m := migrator(t, url, bellows.Options{Dir: writeFiles(t, map[string]string{"1_x.sql": "-- migrate:up\n" + strings.Join(lines, "\n") + "\n"})})
		up(t, m)
		st, err := m.Status(patient(t))
		if err != nil || st.Revisions[0].State != "applied" || st.Revisions[0].Error != "" {
			t.Errorf("%+v, %v", st.Revisions, err)
		}
	})
}

// A deferred constraint fails at COMMIT: the migration is named, nothing changed.
func TestFailureAtCommit(t *testing.T) {
	on(t, []server{onSQLite, onPostgres}, func(t *testing.T, s server) {
		url := s.fresh(t)
		another(t, url).do("CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE b (a int REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED)")
		m := migrator(t, url, bellows.Options{Dir: writeFiles(t, map[string]string{"1_x.sql": "-- migrate:data\nINSERT INTO b VALUES (7);\nINSERT INTO a VALUES (8);\n"})})
		_, err := m.Up(patient(t), "heads")
		refused(t, err, fault.CodeOf(err), "1_x.sql", "COMMIT", "nothing changed")
		equal(t, "rows", another(t, url).one("SELECT (SELECT count(*) FROM a) + (SELECT count(*) FROM b)"), "0")
		equal(t, "states", states(t, m), "1 pending")
		equal(t, "journal", journal(t, m), "failure 1")
	})
}

// --single-transaction is all or nothing, and says beforehand when it cannot be.
func TestSingleTransaction(t *testing.T) {
	on(t, []server{onSQLite, onPostgres}, func(t *testing.T, s server) {
		url := s.fresh(t)
		files := map[string]string{"1_a.sql": twoFiles["1_a.sql"], "2_b.sql": twoFiles["2_b.sql"], "3_c.sql": "-- migrate:up\nCREATE TABLE c (id int);\nSELECT nope FROM c;\n"}
		dir := writeFiles(t, files)
		m := migrator(t, url, bellows.Options{Dir: dir})
		rep, err := m.UpWith(patient(t), bellows.Request{SingleTransaction: true})
		if err == nil || len(rep.Applied) != 0 || faults(err)[0].Pos == nil || faults(err)[0].Pos.Line != 3 {
			t.Fatalf("%v, %v", rep, err)
		}
		equal(t, "states", states(t, m), "1 pending, 2 pending, 3 pending")
		files["3_c.sql"] = "-- migrate:up\nCREATE TABLE c (id int);\n"
		seen := &record{}
		m = migrator(t, url, bellows.Options{Dir: writeFiles(t, files), Sink: seen})
		rep, err = m.UpWith(patient(t), bellows.Request{SingleTransaction: true})
		if err != nil || list(rep.Applied) != "[1 2 3]" {
			t.Fatalf("%v, %v", rep, err)
		}
		equal(t, "states", states(t, m), "1 applied, 2 applied, 3 applied")
		if n := len(events[event.MigrationDone](seen)); n != 3 {
			t.Errorf("%d done", n)
		}
		files["4_d.sql"] = "-- migrate:up transaction:false\nCREATE TABLE d (id int);\n"
		m = migrator(t, url, bellows.Options{Dir: writeFiles(t, files)})
		_, err = m.UpWith(patient(t), bellows.Request{SingleTransaction: true})
		refused(t, err, fault.Unsupported, "4 d", "transaction:false", "--single-transaction")
		equal(t, "states", states(t, m), "1 applied, 2 applied, 3 applied, 4 pending")
	})
}

// Many records of one transaction are written together, and are what they would be
// one by one: also beside that of a migration which failed before, and of a text
// that is long.
func TestSingleTransactionOfMany(t *testing.T) {
	on(t, []server{onSQLite, onPostgres}, func(t *testing.T, s server) {
		url, n := s.fresh(t), 150
		files := map[string]string{}
		var applied, journaled []string
		for i := 1; i <= n; i++ {
			files[fmt.Sprintf("%d_t.sql", i)] = fmt.Sprintf("-- migrate:up\nCREATE TABLE t%d (id int);\n\n-- migrate:down\nDROP TABLE t%d;\n", i, i)
			applied, journaled = append(applied, list(i)), append(journaled, fmt.Sprintf("up %d", i))
		}
		files["70_t.sql"] += "-- " + strings.Repeat("it's long ", 30_000) + "\n"
		good := files["90_t.sql"]
		files["90_t.sql"] = "-- migrate:up\nCREATE TABLE t90 (id int);\nSELECT nope FROM t90;\n\n-- migrate:down\nDROP TABLE t90;\n"
		_, err := migrator(t, url, bellows.Options{Dir: writeFiles(t, files)}).UpWith(patient(t), bellows.Request{SingleTransaction: true})
		if err == nil {
			t.Fatal("no error")
		}
		files["90_t.sql"] = good
		m := migrator(t, url, bellows.Options{Dir: writeFiles(t, files)})
		rep, err := m.UpWith(patient(t), bellows.Request{SingleTransaction: true})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "applied", list(rep.Applied), list(applied))
		equal(t, "journal", journal(t, m), "failure 90, "+strings.Join(journaled, ", "))
		table := map[string]string{"sqlite": "bellows_", "postgres": "bellows."}[s.name]
		equal(t, "in the ledger", strings.Join(column(t, url, "SELECT id || ' ' || seq || ' ' || epoch || ' ' || COALESCE(length(down_sql), 0) FROM "+table+"revision WHERE id IN ('1', '64', '65', '90', '150') AND state = 'applied' AND applied_at IS NOT NULL ORDER BY seq"), ", "),
			"1 1 2 15, 64 64 2 16, 65 65 2 16, 90 90 2 16, 150 150 2 17")
		equal(t, "down", list(down(t, m, "148").Reverted), "[150 149]")
	})
}

// A data migration's check that returns rows rolls it back and shows them.
func TestCheckShowsRows(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		another(t, url).do("CREATE TABLE a (id int, name varchar(20))")
		text := "-- migrate:data\nINSERT INTO a VALUES (1, 'Ada'), (2, NULL), (3, NULL), (4, NULL), (5, NULL), (6, NULL), (7, NULL);\n\n" +
			"-- migrate:check\nSELECT 1 FROM a WHERE id < 0;\nSELECT id, name FROM a WHERE name IS NULL ORDER BY id;\n"
		m := migrator(t, url, bellows.Options{Dir: writeFiles(t, map[string]string{"1_x.sql": text})})
		_, err := m.Up(patient(t), "heads")
		refused(t, err, fault.Check, "1_x.sql:6:1", "id=2, name=NULL; id=3, name=NULL", "…", "nothing changed")
		equal(t, "rows", another(t, url).one("SELECT count(*) FROM a"), "0")
		equal(t, "states", states(t, m), "1 pending")
	})
}

// The time-outs that a section names hold for it and not for the next one.
func TestSectionTimeouts(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	m := migrator(t, url, bellows.Options{LockTimeout: 40 * time.Millisecond, RetryBudget: time.Millisecond, Dir: writeFiles(t, map[string]string{
		"1_a.sql": "-- migrate:up statement_timeout:50ms\nSELECT pg_sleep(60);\n",
	})})
	_, err := m.Up(patient(t), "heads")
	refused(t, err, "postgres.57014", "1_a.sql:2:1", "statement timeout", "nothing changed")
	m = migrator(t, url, bellows.Options{Dir: writeFiles(t, map[string]string{
		"1_a.sql": "-- migrate:up statement_timeout:90s lock_timeout:7s\nCREATE TABLE s AS SELECT current_setting('statement_timeout') || ' ' || current_setting('lock_timeout') AS t;\n",
		"2_b.sql": "-- migrate:data\nINSERT INTO s SELECT current_setting('statement_timeout') || ' ' || current_setting('lock_timeout');\n",
		"3_c.sql": "-- migrate:up transaction:false lock_timeout:8s mixed:true\nINSERT INTO s SELECT current_setting('statement_timeout') || ' ' || current_setting('lock_timeout');\nINSERT INTO s SELECT current_setting('statement_timeout') || ' ' || current_setting('lock_timeout');\n",
	})})
	up(t, m)
	equal(t, "settings", strings.Join(column(t, url, "SELECT t FROM s"), ", "), "90s 7s, 0 500ms, 0 8s, 0 8s")
}

// Go functions: an error, a panic and a missing function roll back and say so.
func TestGoFailures(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		another(t, url).do("CREATE TABLE a (id int)")
		for name, end := range map[string]func() error{
			"out of luck": func() error { return errors.New("out of luck") },
			"panicked":    func() error { panic("oh") },
		} {
			m := migrator(t, url, bellows.Options{LockWait: -1, Go: []bellows.GoMigration{goMigration("1", func(ctx context.Context, tx bellows.Tx) error {
				if _, err := tx.Exec(ctx, "INSERT INTO a VALUES ("+s.mark()+")", 7); err != nil {
					return err
				}
				return end()
			})}})
			_, err := m.Up(patient(t), "heads")
			refused(t, err, fault.Failed, name, "nothing changed")
			equal(t, "rows", another(t, url).one("SELECT count(*) FROM a"), "0")
			equal(t, "states", states(t, m), "1 pending")
		}
	})
}
