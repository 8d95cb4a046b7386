package sqlite_test

import (
	"context"
	"flag"
	"slices"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/dbtest"
	own "github.com/bellowsdb/bellows/dialect/sqlite"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

var update = flag.Bool("update", false, "write the plans of the scenarios anew")

func language(c db.Conn) own.Language { return own.Language{Dialect: c.Dialect().(own.Dialect)} }

// run runs a plan as a migration would: what must stand around the transaction
// around it.
func run(t testing.TB, c db.Conn, p diff.Plan) {
	t.Helper()
	exec := func(statements []diff.Statement) {
		t.Helper()
		for _, s := range statements {
			if _, err := c.Exec(context.Background(), s.SQL); err != nil {
				t.Fatalf("%s: %v\nin\n%s", s.SQL, err, p.SQL())
			}
		}
	}
	before, inside, after := language(c).Around(p)
	exec(before)
	must(t, c, "BEGIN IMMEDIATE")
	exec(inside)
	must(t, c, "COMMIT")
	exec(after)
	if got := one(t, c, "PRAGMA integrity_check"); got != "ok" {
		t.Errorf("integrity: %s", got)
	}
	if got := one(t, c, "PRAGMA foreign_keys") + one(t, c, "PRAGMA legacy_alter_table"); got != "10" {
		t.Errorf("settings that the plan has left: %s", got)
	}
}

func planned(t testing.TB, c db.Conn, a, b schema.Schema, renames []diff.Rename) diff.Plan {
	t.Helper()
	p, err := diff.Make(a, b, language(c), diff.Options{Renames: renames})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Unsolved) > 0 {
		t.Errorf("unsolved: %s", p.Unsolved)
	}
	return p
}

func same(t testing.TB, c db.Conn, what string, want schema.Schema) {
	t.Helper()
	got := inspect(t, c)
	for _, change := range diff.Compare(got, want) {
		t.Errorf("%s: %s", what, change.String())
	}
	if again := planned(t, c, got, want, nil); !again.Empty() {
		t.Errorf("%s: there is still to do\n%s", what, again.SQL())
	}
}

// Each plan makes one shape of the other, keeps the rows, and the way back
// leads back; twice.
func TestPlansLeadThereAndBack(t *testing.T) {
	all := dbtest.Scenarios(t, shapes, 60)
	for i, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			c := loaded(t, s.A)
			fresh := loaded(t, s.B)
			a, b := inspect(t, c), inspect(t, fresh)
			up, down, _, err := diff.Both(a, b, language(c), diff.Options{Renames: s.Told(t)})
			if err != nil {
				t.Fatal(err)
			}
			load(t, c, s.Rows)
			was := contents(t, c, a)
			run(t, c, up)
			same(t, c, "after the way there", b)
			kept(t, up, was, contents(t, c, b))
			if got, want := observed(t, c), observed(t, fresh); got != want {
				t.Errorf("SQLite sees\n%s\nwhere it should see\n%s", got, want)
			}
			run(t, c, down)
			same(t, c, "after the way back", a)
			run(t, c, up)
			same(t, c, "there again", b)
			all[i].Up, all[i].Down = dbtest.Written(up), dbtest.Written(down)
			if !*update && (all[i].Up != s.Up || all[i].Down != s.Down) {
				t.Errorf("other plans than in %s; look at them, then run with -update\nup:\n%sdown:\n%s", s.Archive, all[i].Up, all[i].Down)
			}
		})
	}
	if *update {
		dbtest.Rewrite(t, all)
	}
}

// contents are the values of all columns of all tables, and the numbers of the
// rows where no column is their name.
func contents(t testing.TB, c db.Conn, s schema.Schema) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	quote := c.Dialect().Quote
	for _, f := range s.Facts() {
		switch {
		case f.ID.Kind == schema.Column && f.Get("generated") == "":
			all[f.ID.On+"."+f.ID.Name] = column(t, c, "SELECT quote("+quote(f.ID.Name)+") FROM "+quote(f.ID.On))
		case f.ID.Kind == own.VirtualTable:
			all[f.ID.Name+".rowid"] = column(t, c, "SELECT rowid FROM "+quote(f.ID.Name)+" ORDER BY 1")
		case f.ID.Kind == schema.Table && f.Get("without rowid") == "" && len(s.On(schema.Constraint, "", f.ID.Name)) == 0:
			all[f.ID.Name+".rowid"] = column(t, c, "SELECT rowid FROM "+quote(f.ID.Name)+" ORDER BY 1")
		}
	}
	all["sqlite_sequence"] = column(t, c, "SELECT seq FROM sqlite_sequence WHERE EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence')")
	return all
}

// column is a result of one column; nothing when there is no such table.
func column(t testing.TB, c db.Conn, query string) (out []string) {
	t.Helper()
	rows, err := c.Query(context.Background(), query)
	if err != nil {
		if strings.Contains(err.Error(), "sqlite_sequence") {
			return nil
		}
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			t.Fatal(err)
		}
		out = append(out, value)
	}
	return out
}

// kept compares the rows of the columns that are in both shapes under one name,
// and whose values no hazard is about.
func kept(t testing.TB, p diff.Plan, was, is map[string][]string) {
	t.Helper()
	for name, values := range was {
		after, ok := is[name]
		if !ok {
			continue
		}
		lossy := slices.ContainsFunc(p.Hazards(), func(h diff.Hazard) bool {
			return h.Code == diff.LosesValues && h.Object.Path() == name || h.Code == diff.LosesTable && h.Object.Name == strings.SplitN(name, ".", 2)[0]
		})
		if name == "sqlite_sequence" {
			lossy = lossy || len(values) == 0 || len(after) == 0
		}
		if !strings.HasSuffix(name, ".rowid") {
			slices.Sort(values)
			slices.Sort(after)
		}
		if !lossy && !slices.Equal(values, after) {
			t.Errorf("%s: %q became %q", name, values, after)
		}
	}
}

// observed is what SQLite itself says of a file, without the order of columns
// and of keys.
func observed(t testing.TB, c db.Conn) string {
	t.Helper()
	var all []string
	for _, query := range []string{
		`SELECT 'column ' || m.name || '.' || x.name || ' ' || upper(replace(x.type, ' ', '')) || x."notnull" || x.pk || x.hidden || coalesce(nullif(lower(replace(trim(trim(trim(x.dflt_value, '()')), '+ "'''), ' ', '')), 'null'), '')
			FROM sqlite_master m, pragma_table_xinfo(m.name) x WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'`,
		`SELECT 'table ' || name || type || wr || strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite%'`,
		`SELECT 'key ' || m.name || ' ' || group_concat(lower(x."table") || x."from" || coalesce(lower(x."to"), '') || x.on_update || x.on_delete ORDER BY x.seq)
			FROM sqlite_master m, pragma_foreign_key_list(m.name) x WHERE m.type = 'table' GROUP BY m.name, x.id`,
		`SELECT 'index ' || m.name || CASE WHEN i.origin = 'c' THEN i.name ELSE i.origin END || i."unique" || i.partial || group_concat(coalesce(x.name, '()') || x."desc" || upper(x.coll) ORDER BY x.seqno)
			FROM sqlite_master m, pragma_index_list(m.name) i, pragma_index_xinfo(i.name) x WHERE m.type = 'table' AND x.key GROUP BY m.name, i.name`,
		`SELECT type || ' ' || trim(replace(sql, '-- the end', '')) FROM sqlite_master WHERE type IN ('view', 'trigger')`,
	} {
		all = append(all, column(t, c, query)...)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}
