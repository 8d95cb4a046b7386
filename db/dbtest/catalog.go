package dbtest

import (
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/plan"
)

// fingerprint changes when the object does, and not otherwise.
func (s suite) fingerprint(t *testing.T) {
	c := s.open(t, s.URL(t), db.Options{})
	must(t, c, "CREATE TABLE t (id int PRIMARY KEY, w varchar(20))", "CREATE TABLE other (id int)", "CREATE VIEW v AS SELECT id FROM t")
	objects := map[string]plan.Object{
		"table": {Kind: "table", Name: plan.Name{Name: "t"}},
		"index": {Kind: "index", Name: plan.Name{Name: "t_w"}, On: plan.Name{Name: "t"}},
		"view":  {Kind: "view", Name: plan.Name{Name: "v"}},
		"none":  {Kind: "table", Name: plan.Name{Name: "nowhere"}},
	}
	read := func() map[string]string {
		t.Helper()
		all := map[string]string{}
		for name, o := range objects {
			text, err := c.(db.Watcher).Fingerprint(background(t), []plan.Object{o})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			all[name] = text
		}
		return all
	}
	last := read()
	for _, step := range []struct {
		text    string
		changes []string
	}{
		{"INSERT INTO t VALUES (1, 'a'), (2, 'b')", nil},
		{"ALTER TABLE other ADD COLUMN n int", nil},
		{"CREATE INDEX t_w ON t (w)", []string{"table", "index"}},
		{"ALTER TABLE t ADD COLUMN n int", []string{"table"}},
		{"UPDATE t SET n = 1", nil},
		{"DROP VIEW v", []string{"view"}},
		{"CREATE TABLE nowhere (id int)", []string{"none"}},
		{"DROP TABLE t", []string{"table", "index"}},
	} {
		must(t, c, step.text)
		now := read()
		want := map[string]bool{}
		for _, name := range step.changes {
			want[name] = true
		}
		for name := range objects {
			if changed := now[name] != last[name]; changed != want[name] && (name != "index" || want[name]) {
				t.Errorf("%s: fingerprint of %s changed: %v", step.text, name, changed)
			}
		}
		last = now
	}
}

// index is told of by name.
func (s suite) index(t *testing.T) {
	c := s.open(t, s.URL(t), db.Options{})
	must(t, c, "CREATE TABLE t (id int, w varchar(20))", "CREATE INDEX t_w ON t (w)")
	ctx, w := background(t), c.(db.Watcher)
	ix := plan.Index{Name: plan.Name{Name: "t_w"}, Table: plan.Name{Name: "t"}}
	got, err := w.Index(ctx, ix)
	if err != nil || !got.Exists || !got.Valid || got.Building || got.Table.Name != "t" || got.Definition == "" || len(got.Leftovers) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	ix.Name.Name = "nowhere"
	if got, err = w.Index(ctx, ix); err != nil || got.Exists || got.Valid {
		t.Errorf("%+v, %v", got, err)
	}
	if _, ok, err := w.Work(ctx, c.Session()); ok || err != nil {
		t.Errorf("work without a build: %v, %v", ok, err)
	}
}

// count counts what a loss would lose, leaves the session as it was, and knows
// what is not there.
func (s suite) count(t *testing.T) {
	ctx := background(t)
	c := s.open(t, s.URL(t), db.Options{})
	w := c.(db.Watcher)
	must(t, c, "CREATE TABLE t (id int PRIMARY KEY, w varchar(20))", "INSERT INTO t VALUES (1, 'a'), (2, NULL), (3, 'c')")
	table := plan.Name{Name: "t"}
	for _, inside := range []bool{false, true} {
		if inside {
			must(t, c, c.Dialect().Traits().BeginWrite, "INSERT INTO t VALUES (4, NULL)")
		}
		rows := int64(3)
		if inside {
			rows = 4
		}
		for loss, want := range map[plan.Loss]db.Count{
			{Table: table}:                        {Rows: rows, Exact: true},
			{Table: table, Rows: true}:            {Rows: rows, Exact: true},
			{Table: table, Column: "w"}:           {Rows: 2, Exact: true},
			{Table: table, Column: "nope"}:        {Gone: true},
			{Table: plan.Name{Name: "nowhere"}}:   {Gone: true},
			{Table: plan.Name{Name: "odd \"`na"}}: {Gone: true},
		} {
			if got, err := w.Count(ctx, loss, time.Minute); err != nil || got != want {
				t.Errorf("%+v: %+v, want %+v; %v", loss, got, want, err)
			}
		}
		if got, err := w.Count(ctx, plan.Loss{Table: table}, 0); err != nil || got.Exact || got.Gone {
			t.Errorf("without a budget: %+v, %v", got, err)
		}
	}
	must(t, c, "ROLLBACK")
	if got := one(t, c, "SELECT count(*) FROM t"); got != "3" {
		t.Errorf("counting ended the transaction: %s rows", got)
	}
}
