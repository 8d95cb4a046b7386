package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/db"
	own "github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/schema"
)

func id(kind schema.Kind, on, name string) schema.ID {
	return schema.ID{Kind: kind, Schema: "public", On: on, Name: name}
}

// TestRenames: what is renamed keeps its rows, and what speaks of it is brought
// to what the new shape says.
func TestRenames(t *testing.T) {
	const rest = "create view v as select %c as x from %t; create index i on %t (lower(%c)); alter table %t add constraint k check (%c <> ''); create policy p on %t using (%c > 'a'); create function f(%t) returns int language sql as 'select 1';"
	shape := func(table, column string) string {
		return "create table " + table + " (id serial primary key, k bigint generated always as identity, " + column + " text default 'x'); create table c (r int references " + table + ");" +
			strings.NewReplacer("%t", table, "%c", column).Replace(rest)
	}
	for name, r := range map[string]struct {
		b       string
		renames []diff.Rename
	}{
		"table":            {shape("u", "n"), []diff.Rename{{From: id(schema.Table, "", "t"), To: id(schema.Table, "", "u")}, {From: id(schema.Constraint, "u", "t_pkey"), To: id(schema.Constraint, "u", "u_pkey")}}},
		"column":           {shape("t", "m"), []diff.Rename{{From: id(schema.Column, "t", "n"), To: id(schema.Column, "t", "m")}}},
		"swapped columns":  {shape("t", "o") + "alter table t add column n text;", []diff.Rename{{From: id(schema.Column, "t", "n"), To: id(schema.Column, "t", "o")}, {From: id(schema.Column, "t", "o"), To: id(schema.Column, "t", "n")}}},
		"table and column": {shape("u", "m"), []diff.Rename{{From: id(schema.Table, "", "t"), To: id(schema.Table, "", "u")}, {From: id(schema.Column, "u", "n"), To: id(schema.Column, "u", "m")}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := testdb.PostgresServer(t)
			a, b := newShaper(t, server), newShaper(t, server)
			more := ""
			if name == "swapped columns" {
				more = "alter table t add column o text;"
			}
			a.load(shape("t", "n") + more + "insert into t (n) values ('kept');")
			b.load(r.b)
			from, to := a.inspect(), b.inspect()
			up, down, class, err := diff.Both(from, to, own.Language{Dialect: own.New(from.Version)}, diff.Options{Renames: r.renames})
			if err != nil {
				t.Fatal(err)
			}
			if class != diff.Exact {
				t.Errorf("the way back is %s after\n%s", class, up.SQL())
			}
			for _, bad := range []string{"DROP TABLE", "DROP COLUMN", "DROP INDEX", "ADD PRIMARY KEY", "DROP SEQUENCE"} {
				if strings.Contains(up.SQL(), bad) {
					t.Errorf("%s in\n%s", bad, up.SQL())
				}
			}
			a.run("up", up)
			same(t, "up", a.inspect(), to, up)
			a.run("down", down)
			same(t, "down", a.inspect(), from, down)
			var n int
			rows, err := a.conn.Query(context.Background(), "SELECT count(*) FROM t WHERE n = 'kept'")
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			for rows.Next() {
				if err := rows.Scan(&n); err != nil {
					t.Fatal(err)
				}
			}
			if n != 1 {
				t.Error("the row is gone")
			}
		})
	}
}

// TestRenamesAreAskedFor: one that nobody told of is proposed, and one that fits
// nothing is refused.
func TestRenamesAreAskedFor(t *testing.T) {
	a := schema.New("postgres", 150000, []schema.Fact{{ID: id(schema.Table, "", "t")}, {ID: id(schema.Column, "t", "a"), Of: schema.Table, Attrs: schema.NewAttrs("type", "text")}})
	b := schema.New("postgres", 150000, []schema.Fact{{ID: id(schema.Table, "", "t")}, {ID: id(schema.Column, "t", "b"), Of: schema.Table, Attrs: schema.NewAttrs("type", "text")}})
	p, err := diff.Make(a, b, own.Language{}, diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Candidates) != 1 || p.Candidates[0].To.Name != "b" {
		t.Errorf("candidates are %v", p.Candidates)
	}
	if !strings.Contains(p.SQL(), "DROP COLUMN a") || len(p.Losses()) != 1 {
		t.Errorf("without being told:\n%s%v", p.SQL(), p.Losses())
	}
	_, err = diff.Make(a, b, own.Language{}, diff.Options{Renames: []diff.Rename{{From: id(schema.Column, "t", "z"), To: id(schema.Column, "t", "b")}}})
	if fault.CodeOf(err) != fault.Usage {
		t.Errorf("a rename of nothing: %v", err)
	}
}

// TestInspectionPassesOverTheLedger leaves out tables, and their schema when it
// holds nothing else; and it can be narrowed.
func TestInspectionPassesOverTheLedger(t *testing.T) {
	s := newShaper(t, testdb.PostgresServer(t))
	s.load(`create schema bellows; create table bellows.lease (id serial primary key); create table bellows."X" (); create schema other; create table other.t (); create table t ();`)
	find := func(o db.Inspection) string {
		shape, err := s.conn.(db.Inspector).Inspect(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range shape.Facts() {
			names = append(names, f.ID.String())
		}
		return strings.Join(names, ", ")
	}
	for _, c := range []struct {
		o    db.Inspection
		want string
	}{
		{db.Inspection{Leave: []string{`"bellows"."lease"`, `"bellows"."X"`}}, "schema other, schema public, table other.t, table public.t"},
		{db.Inspection{Leave: []string{`"bellows"."lease"`, `"other"."t"`}}, "schema bellows, schema public, table bellows.X, table public.t"},
		{db.Inspection{Schemas: []string{"other"}}, "schema other, table other.t"},
	} {
		if got := find(c.o); got != c.want {
			t.Errorf("%v: %s\n want %s", c.o, got, c.want)
		}
	}
}
