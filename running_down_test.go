package bellows_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
)

// Down runs what was applied: the ledger's text. Where the file says otherwise
// both are shown and a choice is asked.
func TestDownFrom(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		for from, want := range map[string]string{"ledger": "old", "file": "new"} {
			url := s.fresh(t)
			another(t, url).do("CREATE TABLE log (who varchar(20))")
			text := "-- migrate:data\nINSERT INTO log (who) VALUES ('up');\n\n-- migrate:down\nINSERT INTO log (who) VALUES ('old');\n"
			dir := writeFiles(t, map[string]string{"1_a.sql": text})
			up(t, migrator(t, url, bellows.Options{Dir: dir}))
			rewrite(t, dir, "1_a.sql", strings.Replace(text, "old", "new", 1))
			m := migrator(t, url, bellows.Options{Dir: dir})
			_, err := m.Down(patient(t), "base")
			refused(t, err, fault.Edited, "1_a.sql", "('old')", "('new')", "--down-from ledger", "--down-from file")
			equal(t, "log", strings.Join(column(t, url, "SELECT who FROM log"), " "), "up")
			rep, err := m.DownWith(patient(t), bellows.Request{Target: "base", DownFrom: from})
			if err != nil || list(rep.Reverted) != "[1]" {
				t.Fatalf("%v, %v", rep, err)
			}
			equal(t, from, strings.Join(column(t, url, "SELECT who FROM log ORDER BY who"), " "), want+" up")
		}
	})
}

// Batch, steps, redo, and the order of going down.
func TestWaysDown(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		files := map[string]string{"1_a.sql": twoFiles["1_a.sql"], "2_b.sql": twoFiles["2_b.sql"], "3_c.sql": "-- migrate:up\nCREATE TABLE c (id int);\n\n-- migrate:down\nDROP TABLE c;\n"}
		m := migrator(t, url, bellows.Options{Dir: writeFiles(t, files)})
		if _, err := m.Up(patient(t), "1"); err != nil {
			t.Fatal(err)
		}
		up(t, m)
		rep, err := m.Redo(patient(t), 2, bellows.Request{})
		if err != nil || list(rep.Reverted) != "[3 2]" || list(rep.Applied) != "[2 3]" {
			t.Fatalf("%+v, %v", rep, err)
		}
		rep = down(t, m, "-1")
		equal(t, "one step", list(rep.Reverted), "[3]")
		up(t, m)
		down(t, m, "1")
		up(t, m)
		rep, err = m.DownWith(patient(t), bellows.Request{Batch: true})
		if err != nil || list(rep.Reverted) != "[3 2]" {
			t.Fatalf("batch: %+v, %v", rep, err)
		}
		rep, err = m.DownWith(patient(t), bellows.Request{Batch: true})
		if err != nil || list(rep.Reverted) != "[1]" {
			t.Fatalf("batch again: %+v, %v", rep, err)
		}
		rep, err = m.DownWith(patient(t), bellows.Request{Batch: true})
		if err != nil || len(rep.Reverted) != 0 {
			t.Fatalf("nothing left: %+v, %v", rep, err)
		}
		equal(t, "states", states(t, m), "1 reverted, 2 reverted, 3 reverted")
	})
}

// Down of several heads wants a label or an id.
func TestDownOfSeveralHeads(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		m := migrator(t, url, bellows.Options{Dir: writeFiles(t, map[string]string{
			"1_a.sql": twoFiles["1_a.sql"],
			"2_b.sql": "-- migrate:revises 1\n-- migrate:label left\n\n" + twoFiles["2_b.sql"],
			"3_c.sql": "-- migrate:revises 1\n-- migrate:label right\n\n-- migrate:up\nCREATE TABLE c (id int);\n\n-- migrate:down\nDROP TABLE c;\n",
		})})
		up(t, m)
		_, err := m.Down(patient(t), "-1")
		refused(t, err, fault.Target, "left", "right")
		equal(t, "states", states(t, m), "1 applied, 2 applied, 3 applied")
		rep := down(t, m, "left@-1")
		equal(t, "reverted", list(rep.Reverted), "[2]")
	})
}

// There is no way back, for a reason; nothing is done before that is said.
func TestIrreversible(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		m := migrator(t, url, bellows.Options{Dir: writeFiles(t, map[string]string{
			"1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);\n\n-- migrate:down irreversible \"the old rows are gone\"\n", "2_b.sql": twoFiles["2_b.sql"], "3_c.sql": "-- migrate:up\nCREATE TABLE c (id int);\n",
		})})
		up(t, m)
		_, err := m.Down(patient(t), "2")
		refused(t, err, fault.Irreversible, "3 c has no way down", "migrate:down")
		if err := m.Repair(patient(t), bellows.RepairRequest{Action: "mark-reverted", Revision: "3"}); err != nil {
			t.Fatal(err)
		}
		_, err = m.Down(patient(t), "base")
		refused(t, err, fault.Irreversible, "the old rows are gone")
		equal(t, "states", states(t, m), "1 applied, 2 applied, 3 reverted")
		equal(t, "journal", journal(t, m), "up 1, up 2, up 3, repair 3")
	})
}

// Before something is destroyed it is counted, live, and asked about; a no
// leaves nothing behind.
func TestDestructiveCounts(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		o := another(t, url)
		seen := &record{}
		dir := writeFiles(t, map[string]string{
			"1_a.sql": "-- migrate:up\nCREATE TABLE a (id int PRIMARY KEY, lat int);\n\n-- migrate:down\nDROP TABLE a;\n",
			"2_b.sql": "-- migrate:up\nCREATE TABLE empty_one (id int);\nALTER TABLE a DROP COLUMN lat;\nDROP TABLE empty_one;\n\n-- migrate:down\nALTER TABLE a ADD COLUMN lat int;\n",
		})
		m := migrator(t, url, bellows.Options{Dir: dir, Sink: seen})
		if _, err := m.Up(patient(t), "1"); err != nil {
			t.Fatal(err)
		}
		o.do("INSERT INTO a VALUES (1, 5), (2, NULL), (3, 7)")
		before := journal(t, m)
		no := errors.New("no")
		var asked []event.Destroys
		_, err := m.UpWith(patient(t), bellows.Request{Approve: func(l []event.Destroys) error { asked = l; return no }})
		if !errors.Is(err, no) || len(asked) != 1 || asked[0].Column != "lat" || asked[0].Rows != 2 || !asked[0].Exact || asked[0].ID != "2" {
			t.Fatalf("%v, %+v", err, asked)
		}
		if told := events[event.Destroys](seen); len(told) != 1 || told[0] != asked[0] {
			t.Errorf("%+v", told)
		}
		equal(t, "states", states(t, m), "1 applied, 2 pending")
		equal(t, "journal", journal(t, m), before)
		if h, err := m.Holder(patient(t)); h != nil || err != nil {
			t.Errorf("%v, %v", h, err)
		}
		p, err := m.PlanUp(patient(t), bellows.Request{})
		if err != nil || len(p.Losses) != 1 || p.Losses[0] != asked[0] {
			t.Errorf("%+v, %v", p.Losses, err)
		}
		asks := 0
		yes := func(l []event.Destroys) error { asked = l; asks++; return nil }
		if _, err := m.UpWith(patient(t), bellows.Request{Approve: yes}); err != nil || asks != 1 {
			t.Fatalf("%v, asked %d times", err, asks)
		}
		if _, err := m.DownWith(patient(t), bellows.Request{Target: "base", Approve: yes}); err != nil || len(asked) != 1 || asked[0].Table != "a" || asked[0].Rows != 3 {
			t.Errorf("%v, %+v", err, asked)
		}
	})
}

// A squash stands for what it replaces: on a fresh database it runs, on an old
// one it counts as applied, and going down it takes what it stands for along.
func TestSquash(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		squash := "-- migrate:replaces 1..2\n\n-- migrate:up\nCREATE TABLE a (id int PRIMARY KEY);\nCREATE TABLE b (id int PRIMARY KEY);\n\n-- migrate:down\nDROP TABLE b;\nDROP TABLE a;\n"
		after := "-- migrate:up\nCREATE TABLE c (id int);\n\n-- migrate:down\nDROP TABLE c;\n"
		both := map[string]string{"1_a.sql": twoFiles["1_a.sql"], "2_b.sql": twoFiles["2_b.sql"], "3_s.sql": squash, "4_c.sql": after}
		only := map[string]string{"3_s.sql": squash, "4_c.sql": after}
		for name, files := range map[string]map[string]string{"with the old files": both, "without them": only} {
			dir := writeFiles(t, files)
			fresh := migrator(t, s.fresh(t), bellows.Options{Dir: dir})
			equal(t, name+", fresh", list(up(t, fresh).Applied), "[3 4]")
			equal(t, name+", fresh", list(down(t, fresh, "base").Reverted), "[4 3]")
			equal(t, name+", fresh", list(up(t, fresh).Applied), "[3 4]")

			url := s.fresh(t)
			up(t, migrator(t, url, bellows.Options{Dir: writeFiles(t, twoFiles)}))
			old := migrator(t, url, bellows.Options{Dir: dir})
			equal(t, name+", old", list(up(t, old).Applied), "[4]")
			rep := down(t, old, "base")
			if got := list(rep.Reverted); got != "[4 3]" && got != "[4 2 1]" {
				t.Errorf("%s: reverted %s", name, got)
			}
			another(t, url).do("CREATE TABLE a (id int)", "DROP TABLE a")
			st, err := old.Status(patient(t))
			if err != nil || len(st.Current) != 0 || len(st.Problems) != 0 {
				t.Errorf("%s: %+v, %v", name, st, err)
			}
			equal(t, name+", old, again", list(up(t, old).Applied), "[3 4]")
		}

		// Half of what it stands for is applied: the rest of the old files runs.
		url := s.fresh(t)
		up(t, migrator(t, url, bellows.Options{Dir: writeFiles(t, map[string]string{"1_a.sql": twoFiles["1_a.sql"]})}))
		half := migrator(t, url, bellows.Options{Dir: writeFiles(t, both)})
		equal(t, "half", list(up(t, half).Applied), "[2 4]")
	})
}

// While another run reverts statement by statement, up waits for it and does
// not call it half done.
func TestUpDuringDown(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		url := s.fresh(t)
		dir := writeFiles(t, map[string]string{"1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);\n\n-- migrate:down transaction:false\nDROP TABLE a;\nSELECT 1;\n"})
		up(t, migrator(t, url, bellows.Options{Dir: dir}))
		g := newGate()
		busy := migrator(t, url, bellows.Options{Dir: dir, Point: g.at("unit done")})
		ended := later(t, func() error { _, err := busy.Down(patient(t), "base"); return err })
		g.came(t)
		waits := make(chan struct{}, 8)
		m := migrator(t, url, bellows.Options{Dir: dir, Sink: event.SinkFunc(func(e event.Event) {
			if _, ok := e.(event.LockWaiting); ok {
				waits <- struct{}{}
			}
		})})
		equal(t, "states", states(t, m), "1 running")
		var rep bellows.Report
		second := later(t, func() (err error) { rep, err = m.Up(patient(t), "heads"); return err })
		select {
		case <-waits:
		case <-patient(t).Done():
			t.Fatal("it does not wait")
		}
		g.open()
		if err := ended(); err != nil {
			t.Fatal(err)
		}
		if err := second(); err != nil || list(rep.Applied) != "[1]" {
			t.Errorf("%v, %v", rep, err)
		}
	})
}
