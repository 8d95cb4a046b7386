package mysql_test

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/schema"
)

var tableNames, columnNames = []string{"a", "b"}, []string{"id", "x", "Y", "z z", "w"}

// drawTable thinks up a table.
func drawTable(t *rapid.T, name, idType, other string) string {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, name+label) }
	columns := columnNames[:rapid.IntRange(1, len(columnNames)).Draw(t, name+" columns")]
	columns = append(columns[:1:1], rapid.Permutation(columns[1:]).Draw(t, name+" order")...)
	var lines []string
	generated := false
	for i, c := range columns {
		line := "`" + c + "` "
		switch {
		case i == 0:
			line += idType + " NOT NULL" + pick("counts", "", " AUTO_INCREMENT")
		case i > 1 && !generated && pick(c+" generated", "", "", "yes") != "":
			generated = true
			line += "varchar(99) AS (concat(`" + columns[i-1] + "`, 'x'))" + pick("stored", "", "", " STORED")
		default:
			line += pick(c+" type", "int", "varchar(20)", "varchar(70) CHARACTER SET latin1", "bigint", "enum('a','b')", "enum('a','b','c')", "decimal(8,2)") +
				pick(c+" null", "", "", " NOT NULL") + pick(c+" comment", "", "", " COMMENT 'it''s'") + pick(c+" invisible", "", "", "", " INVISIBLE")
		}
		lines = append(lines, line)
	}
	lines = append(lines, "PRIMARY KEY (id)")
	last := columns[len(columns)-1]
	for _, line := range []string{
		pick("key", "", "KEY k (`"+last+"`, id)", "KEY k (id, `"+last+"` DESC)"), pick("unique", "", "", "UNIQUE KEY u (`"+last+"`)"),
		pick("check", "", "", "CONSTRAINT ok_"+name+" CHECK (id > 0)", "CONSTRAINT ok_"+name+" CHECK (id <> 7)"),
		pick("fk", "", "", "CONSTRAINT fk_"+name+" FOREIGN KEY (id) REFERENCES "+other+" (id)", "CONSTRAINT fk_"+name+" FOREIGN KEY (id) REFERENCES "+other+" (id) ON DELETE CASCADE"),
	} {
		if line != "" && !strings.Contains(line, "REFERENCES  ") {
			lines = append(lines, line)
		}
	}
	return "CREATE TABLE " + name + " (" + strings.Join(lines, ", ") + ")" + pick("tail", "", " COMMENT 'x'", " COLLATE utf8mb4_bin", " ROW_FORMAT=DYNAMIC")
}

// drawn is a shape that the test has thought up.
type drawn struct {
	script []string
	tables map[string]string
	idType string
}

func drawShape(t *rapid.T, before drawn) drawn {
	d := drawn{tables: map[string]string{}, idType: rapid.SampledFrom([]string{"int", "bigint unsigned"}).Draw(t, "id type")}
	has := map[string]bool{}
	for _, name := range tableNames {
		has[name] = rapid.IntRange(0, 4).Draw(t, "has "+name) > 0
	}
	for i, name := range tableNames {
		other := tableNames[1-i]
		if !has[other] {
			other = ""
		}
		was := before.tables[name]
		pointsAway := strings.Contains(was, "REFERENCES") && other == ""
		if !has[name] {
			continue
		}
		if was != "" && !pointsAway && before.idType == d.idType && rapid.IntRange(0, 2).Draw(t, "keep "+name) == 0 {
			d.tables[name] = was
		} else {
			d.tables[name] = drawTable(t, name, d.idType, other)
		}
		d.script = append(d.script, d.tables[name])
		for i, sql := range []string{"CREATE VIEW v%d_%[2]s AS SELECT id FROM %[2]s", "CREATE TRIGGER t%d_%[2]s BEFORE INSERT ON %[2]s FOR EACH ROW SET @x = new.id"} {
			if rapid.IntRange(0, 2).Draw(t, "rest "+name) == 0 {
				d.script = append(d.script, fmt.Sprintf(sql, i, name))
			}
		}
	}
	return d
}

// Whatever two shapes are thought up, the plan leads from one to the other and
// back, and the server does no more for an ALTER than the plan says.
func TestPlansOfAnyShapes(t *testing.T) {
	checks := flag.Lookup("rapid.checks")
	if checks.Value.String() == checks.DefValue {
		flag.Set("rapid.checks", "25")
		t.Cleanup(func() { flag.Set("rapid.checks", checks.DefValue) })
	}
	c, fresh := open(t, testdb.MariaDB(t), db.Options{}), open(t, testdb.MariaDB(t), db.Options{})
	rapid.Check(t, func(t *rapid.T) {
		first := drawShape(t, drawn{})
		second := drawShape(t, first)
		a, b := made(t, c, first.script), made(t, fresh, second.script)
		t.Logf("from\n%s\nto\n%s", strings.Join(first.script, ";\n"), strings.Join(second.script, ";\n"))
		up, err := diff.Make(a, b, language(c), diff.Options{})
		if err != nil {
			t.Fatal(err)
		}
		down, err := diff.Make(b, a, language(c), diff.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, way := range []struct {
			plan diff.Plan
			to   schema.Schema
		}{{up, b}, {down, a}, {up, b}} {
			for _, s := range way.plan.Statements {
				if _, err := c.Exec(context.Background(), s.SQL); err != nil {
					t.Fatalf("%s: %v\nof\n%s", s.SQL, err, way.plan.SQL())
				}
			}
			if d := diff.Compare(looked(t, c), way.to); len(d) > 0 {
				t.Fatalf("%s still differs after\n%s", d[0].String(), way.plan.SQL())
			}
		}
	})
}

// made empties a database and makes a shape in it, whose tables may point at each
// other. What the server refuses is no shape.
func made(t *rapid.T, c db.Conn, script []string) schema.Schema {
	must := func(sql string) {
		if _, err := c.Exec(context.Background(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	must("SET foreign_key_checks = 0")
	for _, sql := range []string{"DROP VIEW IF EXISTS v0_a", "DROP VIEW IF EXISTS v0_b", "DROP TABLE IF EXISTS a, b"} {
		must(sql)
	}
	for _, sql := range script {
		if _, err := c.Exec(context.Background(), sql); err != nil {
			must("SET foreign_key_checks = 1")
			t.Skipf("%s: %v", sql, err)
		}
	}
	must("SET foreign_key_checks = 1")
	return looked(t, c)
}

func looked(t *rapid.T, c db.Conn) schema.Schema {
	s, err := c.(db.Inspector).Inspect(context.Background(), db.Inspection{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Unmodelled) > 0 {
		t.Fatalf("unmodelled: %v", s.Unmodelled)
	}
	return s
}
