package bellows_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
)

// rewrite changes a file of a folder.
func rewrite(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// An edited applied migration: status shows it, up refuses with exit 6 and what
// changed; comments and blanks can be accepted, statements cannot.
func TestEditedFile(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url, dir := s.fresh(t), writeFiles(t, map[string]string{"1_a.sql": twoFiles["1_a.sql"]})
		up(t, migrator(t, url, bellows.Options{Dir: dir}))
		rewrite(t, dir, "1_a.sql", strings.ReplaceAll(twoFiles["1_a.sql"], "\n", "\r\n"))
		up(t, migrator(t, url, bellows.Options{Dir: dir})) // other line ends are no edit
		rewrite(t, dir, "2_b.sql", twoFiles["2_b.sql"])
		rewrite(t, dir, "1_a.sql", strings.Replace(twoFiles["1_a.sql"], "(id int", "(id bigint", 1))
		m := migrator(t, url, bellows.Options{Dir: dir})
		equal(t, "states", states(t, m), "1 edited, 2 pending")
		_, err := m.Up(patient(t), "heads")
		refused(t, err, fault.Edited, "1_a.sql", "1 a is applied", "--accept-edit 1", "statement 1 was", "( id int PRIMARY KEY )", "( id bigint PRIMARY KEY )")
		if fault.CodeOf(err).Exit() != 6 {
			t.Errorf("exit %d", fault.CodeOf(err).Exit())
		}
		refused(t, m.Check(patient(t)), fault.Edited, "1_a.sql")
		refused(t, m.Repair(patient(t), bellows.RepairRequest{Action: "accept-edit", Revision: "1"}), fault.Edited, "what was applied changed", "( id int PRIMARY KEY )", "( id bigint PRIMARY KEY )")
		equal(t, "states", states(t, m), "1 edited, 2 pending")
		rewrite(t, dir, "1_a.sql", "-- A comment.\n"+strings.Replace(twoFiles["1_a.sql"], "CREATE TABLE a", "/* and */ CREATE  TABLE\n  a", 1))
		m = migrator(t, url, bellows.Options{Dir: dir})
		found, err := m.Troubles(patient(t))
		if err != nil || len(found) != 1 || found[0].Kind != "edited" || found[0].Revision != "1" || !strings.Contains(strings.Join(found[0].Actions, " "), "--accept-edit 1") {
			t.Errorf("%+v, %v", found, err)
		}
		if err := m.Repair(patient(t), bellows.RepairRequest{Action: "accept-edit", Revision: "1"}); err != nil {
			t.Fatal(err)
		}
		up(t, m)
		equal(t, "states", states(t, m), "1 applied, 2 applied")
		equal(t, "journal", journal(t, m), "up 1, repair 1, up 2")
		// The way down was not run yet: it may still be corrected.
		rewrite(t, dir, "2_b.sql", strings.Replace(twoFiles["2_b.sql"], "-- migrate:down\n", "-- migrate:down\nDROP TABLE IF EXISTS absent;\n", 1))
		m = migrator(t, url, bellows.Options{Dir: dir})
		equal(t, "states", states(t, m), "1 applied, 2 edited")
		if err := m.Repair(patient(t), bellows.RepairRequest{Action: "accept-edit", Revision: "2"}); err != nil {
			t.Fatal(err)
		}
		equal(t, "states", states(t, m), "1 applied, 2 applied")
		down(t, m, "-1")
		down(t, m, "base")
	})
}

// An applied migration whose file is gone: up refuses, it can be reverted from
// the ledger, or forgotten.
func TestMissingFile(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url, dir := s.fresh(t), writeFiles(t, twoFiles)
		up(t, migrator(t, url, bellows.Options{Dir: dir}))
		remove(t, dir, "2_b.sql")
		rewrite(t, dir, "3_c.sql", "-- migrate:revises 1\n\n-- migrate:up\nCREATE TABLE c (id int);\n")
		m := migrator(t, url, bellows.Options{Dir: dir})
		equal(t, "states", states(t, m), "1 applied, 2 missing, 3 pending")
		_, err := m.Up(patient(t), "heads")
		refused(t, err, fault.Missing, "2 b is applied", "bellows down 1", "--forget 2")
		if fault.CodeOf(err).Exit() != 6 {
			t.Errorf("exit %d", fault.CodeOf(err).Exit())
		}
		refused(t, m.Repair(patient(t), bellows.RepairRequest{Action: "accept-edit", Revision: "2"}), fault.Missing, "no file")
		refused(t, m.Repair(patient(t), bellows.RepairRequest{Action: "forget", Revision: "1"}), fault.Repair, "has a file")
		rep := down(t, m, "1")
		equal(t, "reverted", list(rep.Reverted), "[2]")
		another(t, url).do("CREATE TABLE b (id int)")
		up(t, m)

		// And the other way: forgotten, its table stays.
		remove(t, dir, "3_c.sql")
		m = migrator(t, url, bellows.Options{Dir: dir})
		if err := m.Repair(patient(t), bellows.RepairRequest{Action: "forget", Revision: "3"}); err != nil {
			t.Fatal(err)
		}
		another(t, url).do("SELECT id FROM c")
		equal(t, "states", states(t, m), "1 applied")
		up(t, m)
		equal(t, "journal", journal(t, m), "up 1, up 2, down 2, up 3, repair 3")
	})
}

// A build that has no files at all takes a database back to its beginning.
func TestDownWithoutFiles(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		up(t, migrator(t, url, bellows.Options{Dir: writeFiles(t, twoFiles)}))
		m := migrator(t, url, bellows.Options{Dir: writeFiles(t, nil)})
		equal(t, "states", states(t, m), "1 missing, 2 missing")
		rep := down(t, m, "base")
		equal(t, "reverted", list(rep.Reverted), "[2 1]")
		another(t, url).do("CREATE TABLE a (id int)", "CREATE TABLE b (id int)")
	})
}

// A file that sorts before an applied one is applied where the graph allows it,
// and said; --strict refuses.
func TestOutOfOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		dir := writeFiles(t, map[string]string{"1_a.sql": twoFiles["1_a.sql"], "3_c.sql": "-- migrate:revises 1\n\n-- migrate:up\nCREATE TABLE c (id int);\n"})
		up(t, migrator(t, url, bellows.Options{Dir: dir}))
		rewrite(t, dir, "2_b.sql", "-- migrate:revises 1\n\n"+twoFiles["2_b.sql"])
		strict := migrator(t, url, bellows.Options{Dir: dir, Strict: true})
		_, err := strict.Up(patient(t), "heads")
		refused(t, err, fault.Order, "2_b.sql", "2 b sorts before", "bellows rebase", "--strict")
		if fault.CodeOf(err).Exit() != 6 {
			t.Errorf("exit %d", fault.CodeOf(err).Exit())
		}
		seen := &record{}
		m := migrator(t, url, bellows.Options{Dir: dir, Sink: seen})
		st, err := m.Status(patient(t))
		if err != nil || !st.Revisions[1].OutOfOrder && !st.Revisions[2].OutOfOrder {
			t.Errorf("%+v, %v", st.Revisions, err)
		}
		p, err := m.PlanUp(patient(t), bellows.Request{})
		if err != nil || len(p.Warnings) != 1 || p.Warnings[0].Code != string(fault.Order) {
			t.Errorf("%+v, %v", p.Warnings, err)
		}
		up(t, m)
		if w := events[event.Warning](seen); len(w) != 1 || w[0].Code != string(fault.Order) || !strings.Contains(w[0].Text, "2 b sorts before") {
			t.Errorf("it was not said: %+v", w)
		}
	})
}

// A ledger that a newer build has made is refused with exit 6, by everything.
func TestNewerLedger(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		m := migrator(t, url, bellows.Options{Dir: writeFiles(t, twoFiles)})
		up(t, m)
		another(t, url).do("UPDATE " + s.table("meta") + " SET value = '99' WHERE name = 'format'")
		_, err := m.Up(patient(t), "heads")
		refused(t, err, fault.LedgerNewer, "format 99", "this build knows format 1", "newer one")
		if fault.CodeOf(err).Exit() != 6 {
			t.Errorf("exit %d", fault.CodeOf(err).Exit())
		}
		_, err = m.Status(patient(t))
		refused(t, err, fault.LedgerNewer)
		_, err = m.Down(patient(t), "base")
		refused(t, err, fault.LedgerNewer)
		_, err = m.Journal(patient(t), 0)
		refused(t, err, fault.LedgerNewer)
		_, err = m.Unlock(patient(t), "x")
		refused(t, err, fault.LedgerNewer)
	})
}

// Repeatable files are run after the versioned ones, in the order of their
// names, again when they change, and only then.
func TestRepeatables(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		another(t, url).do("CREATE TABLE log (who varchar(20))")
		say := func(who string) string { return "INSERT INTO log (who) VALUES ('" + who + "');\n" }
		dir := writeFiles(t, map[string]string{"1_a.sql": twoFiles["1_a.sql"], "2_b.sql": twoFiles["2_b.sql"], "repeatable/b.sql": say("b"), "repeatable/a.sql": say("a")})
		log := func() string { return strings.Join(column(t, url, "SELECT who FROM log"), " ") }
		m := migrator(t, url, bellows.Options{Dir: dir})
		if _, err := m.Up(patient(t), "1"); err != nil {
			t.Fatal(err)
		}
		equal(t, "before all are applied", log(), "")
		rep := up(t, m)
		equal(t, "applied", list(rep.Applied), "[2 R:a R:b]")
		equal(t, "log", log(), "a b")
		if rep := up(t, m); len(rep.Applied) != 0 {
			t.Error(rep.Applied)
		}
		equal(t, "states", states(t, m), "1 applied, 2 applied, R:a applied, R:b applied")
		rewrite(t, dir, "repeatable/a.sql", say("a2"))
		m = migrator(t, url, bellows.Options{Dir: dir})
		equal(t, "states", states(t, m), "1 applied, 2 applied, R:a pending, R:b applied")
		up(t, m)
		equal(t, "log", log(), "a b a2")
		// One that fails stays pending, with its error.
		rewrite(t, dir, "repeatable/b.sql", "INSERT INTO nope VALUES (1);\n")
		m = migrator(t, url, bellows.Options{Dir: dir})
		_, err := m.Up(patient(t), "heads")
		refused(t, err, fault.CodeOf(err), "b.sql:1:")
		rewrite(t, dir, "repeatable/b.sql", say("b2"))
		up(t, migrator(t, url, bellows.Options{Dir: dir}))
		equal(t, "log", log(), "a b a2 b2")
		// What went down may have taken something of theirs with it, so the next up
		// runs them again, as far as their files are there.
		remove(t, dir, "repeatable/a.sql")
		m = migrator(t, url, bellows.Options{Dir: dir})
		down(t, m, "base")
		up(t, m)
		equal(t, "log", log(), "a b a2 b2 b2")
	})
}

// stamp records without running anything; purge forgets, the journal does not.
func TestStamp(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url, dir := s.fresh(t), writeFiles(t, twoFiles)
		m := migrator(t, url, bellows.Options{Dir: dir, Tag: "deploy 7", Actor: "ada@engine"})
		rep, err := m.Stamp(patient(t), "1", bellows.StampOptions{})
		if err != nil || list(rep.Applied) != "[1]" {
			t.Fatalf("%v, %v", rep, err)
		}
		equal(t, "states", states(t, m), "1 applied, 2 pending")
		another(t, url).do("CREATE TABLE a (id int PRIMARY KEY)")
		rep, err = m.Stamp(patient(t), "heads", bellows.StampOptions{})
		if err != nil || list(rep.Applied) != "[2]" {
			t.Fatalf("%v, %v", rep, err)
		}
		rep, err = m.Stamp(patient(t), "base", bellows.StampOptions{})
		if err != nil || len(rep.Reverted) != 2 {
			t.Fatalf("%v, %v", rep, err)
		}
		equal(t, "states", states(t, m), "1 reverted, 2 reverted")
		rep, err = m.Stamp(patient(t), "heads", bellows.StampOptions{Purge: true})
		if err != nil || list(rep.Applied) != "[1 2]" || len(rep.Reverted) != 0 {
			t.Fatalf("%v, %v", rep, err)
		}
		rep, err = m.Stamp(patient(t), "base", bellows.StampOptions{Purge: true})
		if err != nil || list(rep.Reverted) != "[1 2]" || len(rep.Applied) != 0 {
			t.Fatalf("%v, %v", rep, err)
		}
		equal(t, "states", states(t, m), "1 pending, 2 pending")
		rep, err = m.Stamp(patient(t), "1", bellows.StampOptions{Purge: true})
		if err != nil || list(rep.Applied) != "[1]" {
			t.Fatalf("%v, %v", rep, err)
		}
		equal(t, "states", states(t, m), "1 applied, 2 pending")
		up(t, m)
		// What was stamped goes down as its file says.
		down(t, m, "base")
		equal(t, "journal", journal(t, m), "stamp 1, stamp 2, stamp 1, stamp 2, stamp, stamp 1, stamp 2, stamp, stamp, stamp 1, up 2, down 2, down 1")
		lines, err := m.Journal(patient(t), 2)
		if err != nil || len(lines) != 2 || lines[1].Revision != "1" || lines[1].Actor != "ada@engine" || lines[1].Tag != "deploy 7" || lines[1].Tool == "" || lines[1].At.IsZero() || lines[1].Run == "" {
			t.Errorf("%+v, %v", lines, err)
		}
	})
}
