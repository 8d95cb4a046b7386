package sqlite_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/sqlite"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

// drawn is a shape that a property test has thought up, as statements.
type drawn struct {
	tables map[string][]string // columns and constraints
	tails  map[string]string
	rest   []string // indexes, views, triggers
}

var tableNames, columnNames = []string{"a", "b", "Cc"}, []string{"id", "x", "y", "Zz", "w w"}

func quoted(name string) string { return `"` + name + `"` }

// drawTable thinks up the lines of a table.
func drawTable(t *rapid.T, name string) (lines []string, tail string) {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, name+label) }
	columns := columnNames[:rapid.IntRange(1, len(columnNames)).Draw(t, name+" columns")]
	key := pick(" key", "rowid", "auto", "list", "none", "without")
	for i, c := range columns {
		line := quoted(c) + " "
		switch {
		case i == 0 && (key == "rowid" || key == "auto"):
			line += "INTEGER PRIMARY KEY"
			if key == "auto" {
				line += " AUTOINCREMENT"
			}
		case i == len(columns)-1 && i > 1 && pick("generated", "", "", "yes") != "":
			line += "INT AS (" + quoted(columns[i-1]) + " || 'x')" + pick("stored", "", " STORED")
		default:
			line += pick(c+" type", "INT", "TEXT", "INTEGER", "VARCHAR(10)", "") + pick(c+" null", "", "", " NOT NULL", " NOT NULL ON CONFLICT IGNORE") +
				pick(c+" default", "", "", " DEFAULT 1", " DEFAULT 'x y'", " DEFAULT CURRENT_TIMESTAMP", " DEFAULT (1 + 1)") +
				pick(c+" collate", "", "", "", " COLLATE NOCASE") + pick(c+" unique", "", "", "", "", " UNIQUE") +
				pick(c+" check", "", "", "", " CHECK ("+quoted(c)+" <> 7)", " CONSTRAINT ok"+fmt.Sprint(i)+" CHECK ("+quoted(c)+" <> 'no')") +
				pick(c+" ref", "", "", "", " REFERENCES a (id)", " REFERENCES b (id) ON DELETE CASCADE", " REFERENCES Cc ON DELETE SET NULL")
		}
		lines = append(lines, line)
	}
	if key == "list" || key == "without" {
		lines = append(lines, "PRIMARY KEY ("+quoted(columns[0])+pick("desc", "", " DESC")+")")
	}
	last := columns[len(columns)-1]
	for _, line := range []string{pick("table check", "", "", "CHECK ("+quoted(last)+" IS NOT 9)", "CONSTRAINT named CHECK (length("+quoted(columns[0])+") < 99)"),
		pick("table unique", "", "", "UNIQUE ("+quoted(columns[0])+", "+quoted(last)+")")} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	if key == "without" {
		tail = " WITHOUT ROWID"
	}
	return lines, tail
}

// drawShape thinks up a shape; where there is one before it, each table of it is
// kept, or changed, or gone.
func drawShape(t *rapid.T, before *drawn) drawn {
	d := drawn{tables: map[string][]string{}, tails: map[string]string{}}
	for _, name := range tableNames {
		keep := before != nil && before.tables[name] != nil && rapid.IntRange(0, 2).Draw(t, "keep "+name) == 0
		switch {
		case keep:
			d.tables[name], d.tails[name] = before.tables[name], before.tails[name]
		case rapid.IntRange(0, 4).Draw(t, "has "+name) > 0:
			d.tables[name], d.tails[name] = drawTable(t, name)
		default:
			continue
		}
		first := `"` + strings.SplitN(d.tables[name][0], `"`, 3)[1] + `"`
		for i, sql := range []string{
			"CREATE INDEX i%d_%s ON %[2]s (%[3]s)", "CREATE UNIQUE INDEX u%d_%s ON %[2]s (lower(%[3]s) DESC) WHERE %[3]s > 5",
			"CREATE VIEW v%d_%s AS SELECT %[3]s FROM %[2]s", "CREATE TRIGGER t%d_%s AFTER DELETE ON %[2]s BEGIN SELECT old.%[3]s; END",
		} {
			if rapid.IntRange(0, 2).Draw(t, "rest "+name) == 0 {
				d.rest = append(d.rest, fmt.Sprintf(sql, i, name, first))
			}
		}
	}
	return d
}

func (d drawn) script() string {
	var b strings.Builder
	for _, name := range tableNames {
		if lines := d.tables[name]; lines != nil {
			fmt.Fprintf(&b, "CREATE TABLE %s (%s)%s;\n", name, strings.Join(lines, ", "), d.tails[name])
		}
	}
	for _, sql := range d.rest {
		b.WriteString(sql + ";\n")
	}
	return b.String()
}

// Whatever two shapes are thought up: each is rendered and read back, the plan
// leads from one to the other and back, and rows either stay or were warned of.
func TestPlansOfAnyShapes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := drawShape(t, nil)
		second := drawShape(t, &first)
		c, cleanup := memory(t)
		defer cleanup()
		fresh, cleanup2 := memory(t)
		defer cleanup2()
		rapidLoad(t, c, first.script())
		rapidLoad(t, fresh, second.script())
		a, b := rapidInspect(t, c), rapidInspect(t, fresh)
		again, cleanup3 := memory(t)
		defer cleanup3()
		rapidLoad(t, again, render(c, a))
		if d := diff.Compare(a, rapidInspect(t, again)); len(d) > 0 {
			t.Fatalf("rendered:\n%s\n%v", render(c, a), d)
		}
		up, down, _, err := diff.Both(a, b, language(c), diff.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := diff.Make(b, a, language(c), diff.Options{}); err != nil {
			t.Fatal(err)
		}
		t.Logf("from\n%sto\n%s", first.script(), second.script())
		rapidRun(t, c, up, b)
		rapidRun(t, c, down, a)
		rapidRows(t, c, a)
		was := rapidRead(t, c, a)
		if err := tried(c, up); err != nil {
			if !slices.ContainsFunc(up.Hazards(), func(h diff.Hazard) bool { return h.Code == diff.MayFail }) {
				t.Fatalf("%v, of which nothing was said:\n%s", err, up.SQL())
			}
			return
		}
		for name, values := range rapidRead(t, c, b) {
			warned := slices.ContainsFunc(up.Hazards(), func(h diff.Hazard) bool {
				return (h.Code == diff.LosesValues || h.Code == diff.LosesTable) && strings.HasPrefix(name, h.Object.Path())
			})
			if old, ok := was[name]; ok && !warned && !slices.Equal(old, values) {
				t.Fatalf("%s: %q became %q by\n%s", name, old, values, up.SQL())
			}
		}
	})
}

func memory(t *rapid.T) (db.Conn, func()) {
	c, err := sqlite.Driver{}.Open(context.Background(), "sqlite::memory:", db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c, func() { c.Close() }
}

func rapidLoad(t *rapid.T, c db.Conn, script string) {
	if err := execute(c, script); err != nil {
		t.Fatal(err)
	}
}

func rapidInspect(t *rapid.T, c db.Conn) schema.Schema {
	s, err := c.(db.Inspector).Inspect(context.Background(), db.Inspection{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Unmodelled) > 0 {
		t.Fatalf("unmodelled: %v", s.Unmodelled)
	}
	return s
}

func rapidRun(t *rapid.T, c db.Conn, p diff.Plan, want schema.Schema) {
	if err := tried(c, p); err != nil {
		t.Fatalf("%v\nin\n%s", err, p.SQL())
	}
	if d := diff.Compare(rapidInspect(t, c), want); len(d) > 0 {
		t.Fatalf("%s still differs after\n%s", d[0].String(), p.SQL())
	}
}

// tried runs a plan; when it fails the shape is as before.
func tried(c db.Conn, p diff.Plan) (err error) {
	ctx := context.Background()
	before, inside, after := language(c).Around(p)
	run := func(statements []diff.Statement) {
		for _, s := range statements {
			if err == nil {
				_, err = c.Exec(ctx, s.SQL)
			}
		}
	}
	run(before)
	run([]diff.Statement{{SQL: "BEGIN IMMEDIATE"}})
	run(inside)
	run([]diff.Statement{{SQL: "COMMIT"}})
	if err != nil {
		c.Exec(ctx, "ROLLBACK")
		c.Exec(ctx, "PRAGMA foreign_keys = ON")
		c.Exec(ctx, "PRAGMA legacy_alter_table = OFF")
	}
	run(after)
	return err
}

// rapidRows puts rows where they fit.
func rapidRows(t *rapid.T, c db.Conn, s schema.Schema) {
	for _, name := range []string{"a", "b", "Cc", "a"} {
		var columns, values []string
		for _, f := range s.On(schema.Column, "", name) {
			if f.Get("generated") == "" {
				columns = append(columns, quoted(f.ID.Name))
				values = append(values, rapid.SampledFrom([]string{"1", "2", "'ab'", "NULL", "'3'"}).Draw(t, "value"))
			}
		}
		if len(columns) > 0 {
			c.Exec(context.Background(), "INSERT OR IGNORE INTO "+name+" ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(values, ", ")+")")
		}
	}
}

// rapidRead are the values of all columns, sorted.
func rapidRead(t *rapid.T, c db.Conn, s schema.Schema) map[string][]string {
	all := map[string][]string{}
	for _, f := range s.Facts() {
		if f.ID.Kind != schema.Column || f.Get("generated") != "" {
			continue
		}
		rows, err := c.Query(context.Background(), "SELECT quote("+quoted(f.ID.Name)+") FROM "+quoted(f.ID.On))
		if err != nil {
			t.Fatal(err)
		}
		values := []string{}
		for rows.Next() {
			var v string
			if err := rows.Scan(&v); err != nil {
				t.Fatal(err)
			}
			values = append(values, v)
		}
		rows.Close()
		slices.Sort(values)
		all[f.ID.On+"."+f.ID.Name] = values
	}
	return all
}
