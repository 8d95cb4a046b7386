package compare_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/compare"
	"github.com/bellowsdb/bellows/schema"
)

// A table or a column that goes is put aside, and the way back has it again with
// every row, key and default; the rows of others stay, and a comparison leaves the
// archive alone.
func TestWhatIsArchivedComesBack(t *testing.T) {
	type scene struct{ name, only, a, rows, b string }
	scenes := []scene{
		{"a table", "", "CREATE TABLE t (id int NOT NULL PRIMARY KEY, a varchar(20) DEFAULT 'x' NOT NULL, b int UNIQUE, CHECK (b > 0)); CREATE INDEX i ON t (a);",
			"INSERT INTO t (id, b) VALUES (1, 5), (2, NULL);", "CREATE TABLE u (id int);"},
		{"tables that refer to each other", "", "CREATE TABLE p (id int NOT NULL PRIMARY KEY); CREATE TABLE c (id int NOT NULL PRIMARY KEY, p int, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE); CREATE TABLE d (id int PRIMARY KEY, c int, FOREIGN KEY (c) REFERENCES c (id));",
			"INSERT INTO p VALUES (1); INSERT INTO c VALUES (7, 1); INSERT INTO d VALUES (9, 7);", "CREATE TABLE p (id int NOT NULL PRIMARY KEY); CREATE TABLE d (id int PRIMARY KEY, c int);"},
		{"columns", "", "CREATE TABLE t (id int NOT NULL PRIMARY KEY, a varchar(20) NOT NULL, b int DEFAULT 3 NOT NULL, c int); CREATE INDEX i ON t (a); CREATE UNIQUE INDEX k ON t (c);",
			"INSERT INTO t VALUES (1, 'one', 1, 1), (2, 'two', 2, NULL);", "CREATE TABLE t (id int NOT NULL PRIMARY KEY);"},
		{"a view is in the way", "", "CREATE TABLE t (id int NOT NULL PRIMARY KEY, a int); CREATE TABLE u (id int, a int); CREATE VIEW v AS SELECT t.id, u.a FROM t JOIN u ON t.id = u.id;",
			"INSERT INTO t VALUES (1, 2);", "CREATE TABLE u (id int);"},
		{"a view takes the name", "", "CREATE TABLE t (id int NOT NULL PRIMARY KEY, a int); CREATE TABLE c (t int REFERENCES t (id));",
			"INSERT INTO t VALUES (1, 2); INSERT INTO c VALUES (1);", "CREATE TABLE c (t int); CREATE VIEW t AS SELECT 1 AS id;"},
		{"a self-reference and a name with a quote", "", "CREATE TABLE x_y (id int NOT NULL PRIMARY KEY, up int, FOREIGN KEY (up) REFERENCES x_y (id));",
			"INSERT INTO x_y VALUES (1, NULL); INSERT INTO x_y VALUES (2, 1);", "CREATE TABLE u (id int);"},
		{"counters and types", "postgres", "CREATE TYPE mood AS ENUM ('a', 'b'); CREATE DOMAIN pos AS int CHECK (VALUE > 0); CREATE TABLE t (id serial PRIMARY KEY, k bigint GENERATED ALWAYS AS IDENTITY, m mood DEFAULT 'b', p pos, x int GENERATED ALWAYS AS (p * 2) STORED); CREATE INDEX e ON t (abs(p)) WHERE m = 'b'; COMMENT ON TABLE t IS 'it''s'; ALTER TABLE t ENABLE ROW LEVEL SECURITY;",
			"INSERT INTO t (p) VALUES (4), (5);", "CREATE TABLE u (id int);"},
		{"a column of a type that goes", "postgres", "CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE t (id serial PRIMARY KEY, n serial, m mood NOT NULL);",
			"INSERT INTO t (m) VALUES ('a'), ('b');", "CREATE TABLE t (id serial PRIMARY KEY);"},
		{"a partitioned table", "postgres", "CREATE TABLE t (id int, d int, PRIMARY KEY (id, d)) PARTITION BY RANGE (d); CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10); CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (20); CREATE INDEX i ON t (d);",
			"INSERT INTO t VALUES (1, 1), (2, 12);", "CREATE TABLE u (id int);"},
		{"one partition", "postgres", "CREATE TABLE t (id int, d int NOT NULL, PRIMARY KEY (id, d)) PARTITION BY RANGE (d); CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10); CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (20); CREATE INDEX i ON t (d);",
			"INSERT INTO t VALUES (1, 1), (2, 12);", "CREATE TABLE t (id int, d int NOT NULL, PRIMARY KEY (id, d)) PARTITION BY RANGE (d); CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (20); CREATE INDEX i ON t (d);"},
		{"a whole schema", "postgres", `CREATE SCHEMA s; CREATE TABLE s."A b" (id int PRIMARY KEY); CREATE TABLE t (id int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();`,
			`INSERT INTO s."A b" VALUES (1); INSERT INTO t VALUES (3);`, "CREATE TABLE u (id int);"},
		{"a counter", "mariadb", "CREATE TABLE t (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, at timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(), e enum('a','b') NOT NULL, KEY k (e));",
			"INSERT INTO t (e) VALUES ('b');", "CREATE TABLE u (id int);"},
		{"columns with behaviour", "mariadb", "CREATE TABLE t (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, k int NOT NULL, at timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(), CHECK (k < 9));",
			"INSERT INTO t (k) VALUES (4);", "CREATE TABLE t (k int NOT NULL);"},
		{"a rowid and a counter", "sqlite", "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT COLLATE NOCASE CONSTRAINT n NOT NULL ON CONFLICT IGNORE, UNIQUE (a)) STRICT; CREATE TABLE w (k TEXT PRIMARY KEY, v) WITHOUT ROWID; CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END;",
			"INSERT INTO t (a) VALUES ('x'); INSERT INTO w VALUES ('k', 1);", "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT) STRICT;"},
	}
	for name, b := range benches(t) {
		for _, s := range scenes {
			if s.only != "" && s.only != name {
				continue
			}
			t.Run(name+"/"+s.name, func(t *testing.T) {
				b.t = t
				b.archive(s.a, s.rows, s.b)
			})
		}
	}
}

func (b bench) archive(a, rows, wanted string) {
	t := b.t
	b.exec(wanted)
	to := b.shape()
	b.clear()
	b.exec(a)
	from := b.shape()
	r, err := compare.Diff(b.c.Dialect(), from, to, diff.Options{Archive: diff.Archive{All: true, Tag: "20261120101500"}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.clear()
	if r.Class != diff.Archives || len(r.Aside) == 0 {
		t.Errorf("the way back is %s:\n%s", r.Class, r.Up.SQL())
	}
	cert, err := compare.Prove(context.Background(), compare.Proof{Clone: b.c, From: from, To: r.End, Parts: r.Parts, Aside: r.Aside})
	if err != nil || cert.Rows == 0 {
		t.Fatalf("%v (%v)\n%s\ndown:\n%s", err, cert, r.Up.SQL(), r.Down.SQL())
	}
	b.clear()
	b.exec(a + rows)
	before := b.rows(from)
	b.run(r.Up.Statements)
	carried, err := compare.Diff(b.c.Dialect(), b.shape(), carriedTo(b, to), diff.Options{})
	if err != nil || !carried.Up.Empty() {
		t.Errorf("the archive is a difference: %v\n%s", err, carried.Up.SQL())
	}
	if got := diff.Compare(diff.Unarchived(b.shape()), to); len(got) > 0 {
		t.Errorf("without the archive: %s", got[0].String())
	}
	b.run(r.Down.Statements)
	if after := b.rows(from); after != before {
		t.Errorf("rows\n%s\nbecame\n%s\nby\n%s%s", before, after, r.Up.SQL(), r.Down.SQL())
	}
	if got := diff.Compare(b.shape(), from); len(got) > 0 {
		t.Errorf("after the way back: %s", got[0].String())
	}
}

func carriedTo(b bench, to schema.Schema) schema.Schema {
	return compare.Carried(b.c.Dialect(), b.shape(), to, nil)
}

// run runs a plan as a migration would: what must stand outside a transaction first.
func (b bench) run(statements []diff.Statement) {
	b.t.Helper()
	for _, s := range statements {
		b.exec(s.SQL + ";")
	}
}

func (b bench) nothing() schema.Schema { return b.c.Dialect().(dialect.Shaper).Empty() }

// clear takes all away.
func (b bench) clear() {
	b.t.Helper()
	shape := b.shape()
	r, err := compare.Diff(b.c.Dialect(), shape, b.nothing(), diff.Options{Staging: diff.Never})
	if err != nil {
		b.t.Fatal(err)
	}
	b.run(append(append(append([]diff.Statement(nil), r.UpFrame.Before...), r.UpFrame.Inside...), r.UpFrame.After...))
	if left := diff.Compare(b.shape(), b.nothing()); len(left) > 0 {
		b.t.Fatalf("not cleared: %s", left[0].String())
	}
}

// rows are those of all tables, as text.
func (b bench) rows(s schema.Schema) string {
	b.t.Helper()
	var all strings.Builder
	for _, f := range s.Facts() {
		if f.ID.Kind != schema.Table {
			continue
		}
		name := b.c.Dialect().Quote(f.ID.Name)
		if f.ID.Schema != "" {
			name = b.c.Dialect().Quote(f.ID.Schema) + "." + name
		}
		rows, err := b.c.Query(context.Background(), "SELECT * FROM "+name+" ORDER BY 1")
		if err != nil {
			b.t.Fatal(err)
		}
		for rows.Next() {
			values := make([]any, len(rows.Columns()))
			into := make([]any, len(values))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				b.t.Fatal(err)
			}
			fmt.Fprintln(&all, f.ID.Path(), rows.Columns(), values)
		}
		rows.Close()
	}
	return all.String()
}

// What is named and does not go, or cannot be kept, is refused with the reason.
func TestWhatCannotBeArchivedIsRefused(t *testing.T) {
	b := benches(t)["sqlite"]
	b.exec("CREATE TABLE t (a int, g int GENERATED ALWAYS AS (a * 2));")
	from := b.shape()
	b.exec("CREATE TABLE u (b int); DROP TABLE t; CREATE TABLE t (a int)")
	to := b.shape()
	for want, id := range map[string]schema.ID{
		"it does not go": {Kind: schema.Table, Name: "t"},
		"this database keeps no values of such a one": {Kind: schema.Column, On: "t", Name: "g"},
	} {
		_, err := compare.Diff(b.c.Dialect(), from, to, diff.Options{Archive: diff.Archive{Names: []schema.ID{id}, Tag: "1"}})
		if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", id, err)
		}
	}
}
