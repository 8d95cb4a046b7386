package bellows_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
)

// each makes a migration whose statements stand alone.
func each(lines ...string) map[string]string {
	return map[string]string{"1_x.sql": "-- migrate:up transaction:false mixed:true\n" + strings.Join(lines, "\n") + "\n\n-- migrate:down irreversible \"a test\"\n"}
}

// Statement by statement: a failure says how many are done; the corrected file
// continues at the failed statement; appended statements are run too.
func TestFixAndResume(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		o := another(t, url)
		o.do("CREATE TABLE log (n int)")
		try := func(lines ...string) (bellows.Report, *record, error) {
			seen := &record{}
			m := migrator(t, url, bellows.Options{Dir: writeFiles(t, each(lines...)), Sink: seen})
			rep, err := m.Up(patient(t), "heads")
			return rep, seen, err
		}
		one, two, bad, three, four := "INSERT INTO log VALUES (1);", "CREATE TABLE a (id int);", "INSERT INTO nope VALUES (3);", "INSERT INTO log VALUES (3);", "INSERT INTO log VALUES (4);"
		_, _, err := try(one, two, bad, four)
		refused(t, err, fault.CodeOf(err), "1_x.sql:4:", "2 of 4 statements are done and stay", "run the same command again")
		m := migrator(t, url, bellows.Options{Dir: writeFiles(t, each(one, two, bad, four))})
		equal(t, "states", states(t, m), "1 failed")
		found, err := m.Troubles(patient(t))
		if err != nil || len(found) != 1 || found[0].Kind != "half-done" || found[0].Done != 2 || found[0].Total != 4 || found[0].Statement != "INSERT INTO nope VALUES (3)" || found[0].Error == "" {
			t.Errorf("%+v, %v", found, err)
		}
		// What was done may not be edited; both texts are shown.
		_, _, err = try(one, "CREATE TABLE b (id int);", three)
		refused(t, err, fault.Edited, "half done", "CREATE TABLE a", "CREATE TABLE b")
		_, _, err = try(one)
		refused(t, err, fault.Edited, "half done")
		// What comes after may.
		rep, seen, err := try("-- a comment\n"+one, two, three, four, "INSERT INTO log VALUES (5);")
		if err != nil || list(rep.Applied) != "[1]" {
			t.Fatalf("%v, %v", rep, err)
		}
		if begun := events[event.MigrationStarted](seen); len(begun) != 1 || begun[0].Resumed != 2 || begun[0].Number != 1 || begun[0].Of != 1 {
			t.Errorf("begun %+v", begun)
		}
		equal(t, "log", strings.Join(column(t, url, "SELECT n FROM log ORDER BY n"), " "), "1 3 4 5")
		m = migrator(t, url, bellows.Options{Dir: writeFiles(t, each("-- a comment\n"+one, two, three, four, "INSERT INTO log VALUES (5);"))})
		equal(t, "states", states(t, m), "1 applied")
		equal(t, "journal", journal(t, m), "failure 1, resume 1, up 1")
		equal(t, "progress", o.one("SELECT count(*) FROM "+s.table("progress")), "0")
	})
}

// The session's settings of the statements that are done hold again after a crash.
func TestResumeReplaysSettings(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	another(t, url).do("CREATE SCHEMA house", "CREATE SCHEMA yard")
	lines := []string{"SET search_path = house;", "CREATE TABLE a (id int);", "SELECT set_config('search_path', 'yard', false);", "CREATE TABLE b (id int);"}
	for at := 1; ; at++ {
		dir := writeFiles(t, each(lines...))
		_, _, killed := child{URL: url, Dir: dir, Verb: "up", Target: "head", KillAt: at, KillName: "unit done"}.run(t)
		if !killed {
			break
		}
		up(t, migrator(t, url, bellows.Options{Dir: dir}))
		equal(t, "schemas", strings.Join(column(t, url, "SELECT schemaname FROM pg_tables WHERE tablename IN ('a', 'b') ORDER BY tablename"), " "), "house yard")
		another(t, url).do("DROP TABLE house.a, yard.b", "DROP SCHEMA bellows CASCADE")
	}
	up(t, migrator(t, onMariaDB.fresh(t), bellows.Options{Dir: writeFiles(t, each("CREATE TABLE a (id int);", "SET @x = 3;", "INSERT INTO a VALUES (@x + 1);"))}))
}

// Where DDL cannot be rolled back, a process may be killed between a statement
// and the record of it. What the objects look like tells whether it took effect;
// nothing is done twice, whatever the statement.
func TestKilledAroundEveryStatement(t *testing.T) {
	t.Parallel()
	url := onMariaDB.fresh(t)
	o := another(t, url)
	sequences, dropSequence := strings.Contains(o.one("SELECT VERSION()"), "MariaDB"), "DROP SEQUENCE IF EXISTS sq"
	if !sequences {
		dropSequence = "DO 0" // MySQL has none
	}
	for _, sql := range []string{
		"CREATE TABLE t2 (id int PRIMARY KEY);",
		"ALTER TABLE t ADD COLUMN w int;",
		"ALTER TABLE t ADD COLUMN w int, DROP COLUMN v;",
		"ALTER TABLE t RENAME TO t3;",
		"RENAME TABLE t TO t3;",
		"ALTER TABLE t ADD CONSTRAINT c CHECK (v > 0);",
		"ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (v) REFERENCES p (id);",
		"DROP TABLE t;",
		"CREATE INDEX tv ON t (v);",
		"CREATE UNIQUE INDEX tv ON t (v);",
		"DROP INDEX old ON t;",
		"CREATE VIEW w AS SELECT id FROM t;",
		"DROP VIEW seen;",
		"CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.v = 1;",
		"DROP TRIGGER tg;",
		"CREATE PROCEDURE q() SELECT 1;",
		"CREATE FUNCTION fn() RETURNS int RETURN 1;",
		"DROP PROCEDURE pr;",
		"CREATE EVENT ev ON SCHEDULE EVERY 1 DAY DO SELECT 1;",
		"CREATE SEQUENCE sq;",
		"TRUNCATE TABLE p;",
		"CREATE TABLE t2 AS SELECT * FROM p;",
		"CREATE TABLE t2 LIKE t;",
		"ALTER TABLE t COMMENT = 'x';",
		"INSERT INTO p VALUES (99);",
		"UPDATE p SET id = id + 10;",
	} {
		if !sequences && strings.Contains(sql, "SEQUENCE") {
			continue
		}
		lines := []string{sql, "INSERT INTO log VALUES (1);"}
		for _, point := range []string{"intent recorded", "statement done", "unit done"} {
			reset := []string{"SET foreign_key_checks = 0", "DROP TABLE IF EXISTS t, t2, t3, p, log, bellows_lease, bellows_revision, bellows_progress, bellows_journal, bellows_meta",
				"DROP VIEW IF EXISTS w, seen", "DROP PROCEDURE IF EXISTS q", "DROP PROCEDURE IF EXISTS pr", "DROP FUNCTION IF EXISTS fn", "DROP EVENT IF EXISTS ev", dropSequence,
				"CREATE TABLE p (id int PRIMARY KEY)", "INSERT INTO p VALUES (1)", "CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, v int, KEY old (v))", "CREATE TABLE log (n int)",
				"CREATE VIEW seen AS SELECT 1", "CREATE PROCEDURE pr() SELECT 1", "CREATE TRIGGER tg BEFORE UPDATE ON t FOR EACH ROW SET NEW.v = 2"}
			o.do(reset...)
			dir := writeFiles(t, each(lines...))
			out, _, killed := child{URL: url, Dir: dir, Verb: "up", Target: "head", KillAt: 1, KillName: point}.run(t)
			if !killed {
				if point != "unit done" && (strings.HasPrefix(sql, "INSERT") || strings.HasPrefix(sql, "UPDATE")) {
					continue // shares a transaction with its record
				}
				t.Fatalf("%s at %s: not killed: %s", sql, point, out)
			}
			m := migrator(t, url, bellows.Options{Dir: dir})
			_, err := m.Up(patient(t), "heads")
			if fault.Has(err, fault.Repair) && strings.HasPrefix(sql, "TRUNCATE") && point != "unit done" {
				found, troubled := m.Troubles(patient(t))
				if troubled != nil || len(found) != 1 || !strings.Contains(strings.Join(found[0].Actions, " "), "--statement-done") {
					t.Errorf("%+v, %v", found, troubled)
				}
				fix := map[string]string{"intent recorded": "statement-undone", "statement done": "statement-done"}[point]
				if err := m.Repair(patient(t), bellows.RepairRequest{Action: fix, Revision: "1"}); err != nil {
					t.Fatal(err)
				}
				_, err = m.Up(patient(t), "heads")
				equal(t, "rows of p", o.one("SELECT count(*) FROM p"), "0")
			}
			if err != nil && !fault.Has(err, fault.Repair) {
				t.Errorf("%s killed at %s, then: %v", sql, point, err)
				continue
			}
			equal(t, sql+" at "+point, states(t, m), "1 applied")
			equal(t, sql+" at "+point, o.one("SELECT count(*) FROM log"), "1")
			if sql == "UPDATE p SET id = id + 10;" {
				equal(t, sql, o.one("SELECT id FROM p"), "11")
			}
		}
	}
}

// What a CALL did cannot be told: the run asks, and takes the answer.
func TestUnknownOutcome(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"intent recorded", "statement done"} {
		url := onMariaDB.fresh(t)
		o := another(t, url)
		o.do("CREATE TABLE log (n int)", "CREATE PROCEDURE p() INSERT INTO log VALUES (1)")
		dir := writeFiles(t, each("CALL p();", "INSERT INTO log VALUES (2);"))
		_, _, killed := child{URL: url, Dir: dir, Verb: "up", Target: "head", KillAt: 1, KillName: point}.run(t)
		if !killed {
			t.Fatal("not killed")
		}
		m := migrator(t, url, bellows.Options{Dir: dir})
		for range 2 {
			_, err := m.Up(patient(t), "heads")
			refused(t, err, fault.Repair, "1_x.sql:2:1", "cannot be told", "bellows repair --statement-done 1", "--statement-undone 1")
			if fault.CodeOf(err).Exit() != 7 {
				t.Errorf("exit %d", fault.CodeOf(err).Exit())
			}
		}
		found, err := m.Troubles(patient(t))
		if err != nil || len(found) != 1 || found[0].Statement != "CALL p()" || !strings.Contains(strings.Join(found[0].Actions, " "), "--statement-undone 1") {
			t.Errorf("%+v, %v", found, err)
		}
		fix := map[string]string{"intent recorded": "statement-undone", "statement done": "statement-done"}[point]
		if err := m.Repair(patient(t), bellows.RepairRequest{Action: fix, Revision: "1"}); err != nil {
			t.Fatal(err)
		}
		refused(t, m.Repair(patient(t), bellows.RepairRequest{Action: fix, Revision: "1"}), fault.Repair, "no statement whose outcome is unknown")
		up(t, m)
		equal(t, "log", strings.Join(column(t, url, "SELECT n FROM log ORDER BY n"), " "), "1 2")
		equal(t, "journal", journal(t, m), "unlock, repair 1, resume 1, up 1")
	}
}

// A procedure that commits by itself runs, statement by statement.
func TestProcedureThatCommits(t *testing.T) {
	t.Parallel()
	url := onPostgres.fresh(t)
	o := another(t, url)
	o.do("CREATE TABLE log (n int)")
	m := migrator(t, url, bellows.Options{Dir: writeFiles(t, each(
		"CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..3 LOOP INSERT INTO log VALUES (i); COMMIT; END LOOP; END $$;",
		"CALL p();", "DO $$ BEGIN INSERT INTO log VALUES (4); COMMIT; INSERT INTO log VALUES (5); END $$;"))})
	up(t, m)
	equal(t, "log", strings.Join(column(t, url, "SELECT n FROM log ORDER BY n"), " "), "1 2 3 4 5")
}

// The author's own transactions are kept together.
func TestOwnTransactions(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		another(t, url).do("CREATE TABLE log (n int)")
		begin := map[string]string{"sqlite": "BEGIN;", "postgres": "BEGIN;", "mariadb": "START TRANSACTION;"}[s.name]
		m := migrator(t, url, bellows.Options{Dir: writeFiles(t, each("INSERT INTO log VALUES (1);", begin, "INSERT INTO log VALUES (2);", "INSERT INTO nope VALUES (3);", "COMMIT;"))})
		_, err := m.Up(patient(t), "heads")
		refused(t, err, fault.CodeOf(err), "1_x.sql:5:", "1 of 2 statements are done")
		equal(t, "log", strings.Join(column(t, url, "SELECT n FROM log"), " "), "1")
		up(t, migrator(t, url, bellows.Options{Dir: writeFiles(t, each("INSERT INTO log VALUES (1);", begin, "INSERT INTO log VALUES (2);", "INSERT INTO log VALUES (3);", "COMMIT;"))}))
		equal(t, "log", strings.Join(column(t, url, "SELECT n FROM log ORDER BY n"), " "), "1 2 3")
	})
}

// A failing check of a migration whose statements are done stops it there.
func TestCheckAfterStatements(t *testing.T) {
	t.Parallel()
	url := onMariaDB.fresh(t)
	another(t, url).do("CREATE TABLE a (id int)")
	// TRUNCATE commits, so this migration cannot be one transaction.
	m := migrator(t, url, bellows.Options{Dir: writeFiles(t, map[string]string{"1_x.sql": "-- migrate:data\nTRUNCATE TABLE a;\nINSERT INTO a VALUES (1);\n\n-- migrate:check\nSELECT id FROM a;\n"})})
	_, err := m.Up(patient(t), "heads")
	refused(t, err, fault.Check, "id=1", "2 of 2 statements are done")
	another(t, url).do("DELETE FROM a")
	up(t, m)
	equal(t, "states", states(t, m), "1 applied")
}

// Half done in one direction is not continued in the other.
func TestHalfDoneOtherDirection(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		down := "-- migrate:up\nCREATE TABLE a (id int);\n\n-- migrate:down transaction:false\nDROP TABLE a;\nDROP TABLE nope;\n"
		m := migrator(t, url, bellows.Options{Dir: writeFiles(t, map[string]string{"1_x.sql": down})})
		up(t, m)
		_, err := m.Down(patient(t), "base")
		if err == nil {
			t.Fatal("no error")
		}
		equal(t, "states", states(t, m), "1 failed")
		_, err = m.Up(patient(t), "heads")
		refused(t, err, fault.Repair, "half reverted", "bellows down base")
		found, err := m.Troubles(patient(t))
		if err != nil || len(found) != 1 || found[0].Actions[0] != "bellows down" {
			t.Errorf("%+v, %v", found, err)
		}
		// The ledger's down SQL is what runs; the corrected file is chosen.
		m = migrator(t, url, bellows.Options{Dir: writeFiles(t, map[string]string{"1_x.sql": strings.Replace(down, "DROP TABLE nope;", "SELECT 1;", 1)})})
		_, err = m.Down(patient(t), "base")
		refused(t, err, fault.Edited, "--down-from")
		rep, err := m.DownWith(patient(t), bellows.Request{Verb: "down", Target: "base", DownFrom: "file"})
		if err != nil || list(rep.Reverted) != "[1]" {
			t.Fatalf("%v, %v", rep, err)
		}
		equal(t, "states", states(t, m), "1 reverted")
		up(t, m)
	})
}

// Repair by hand of what is half done.
func TestRepairByHand(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		m := migrator(t, url, bellows.Options{Dir: writeFiles(t, each("CREATE TABLE a (id int);", "CREATE TABLE a (id int);"))})
		_, err := m.Up(patient(t), "heads")
		if err == nil {
			t.Fatal("no error")
		}
		if err := m.Repair(patient(t), bellows.RepairRequest{Action: "mark-applied", Revision: "1"}); err != nil {
			t.Fatal(err)
		}
		equal(t, "states", states(t, m), "1 applied")
		if rep := up(t, m); len(rep.Applied) != 0 {
			t.Error(rep)
		}
		if err := m.Repair(patient(t), bellows.RepairRequest{Action: "mark-reverted", Revision: "1"}); err != nil {
			t.Fatal(err)
		}
		equal(t, "states", states(t, m), "1 reverted")
		equal(t, "journal", journal(t, m), "failure 1, repair 1, repair 1")
		another(t, url).do("DROP TABLE a")
		_, err = m.Up(patient(t), "heads")
		if err == nil || errors.Is(err, &fault.Error{Code: fault.Repair}) {
			t.Error(err)
		}
		if err := m.Repair(patient(t), bellows.RepairRequest{Action: "mark-reverted", Revision: "1"}); err != nil {
			t.Fatal(err)
		}
		refused(t, m.Repair(patient(t), bellows.RepairRequest{Action: "dance", Revision: "1"}), fault.Usage, "dance")
		refused(t, m.Repair(patient(t), bellows.RepairRequest{Action: "mark-applied", Revision: "nope"}), fault.Target)
	})
}
