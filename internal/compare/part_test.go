package compare_test

import (
	"context"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/mysql"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/db/sqlite"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/internal/compare"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/source/native"
	"github.com/bellowsdb/bellows/sqltext"
)

// bench is a database whose shape is changed by hand between two looks.
type bench struct {
	t *testing.T
	c db.Conn
}

func benches(t *testing.T) map[string]bench {
	open := func(d db.Driver, url string) bench {
		c, err := d.Open(context.Background(), url, db.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return bench{t, c}
	}
	return map[string]bench{"postgres": open(postgres.Driver{}, testdb.Postgres(t)), "mariadb": open(mysql.Driver{}, testdb.MariaDB(t)), "sqlite": open(sqlite.Driver{}, testdb.SQLite(t))}
}

func (b bench) exec(sql string) {
	b.t.Helper()
	for piece, err := range b.c.Dialect().Split(sql, sqltext.Options{}) {
		if err != nil {
			b.t.Fatal(err)
		}
		if piece.Text == "" {
			continue
		}
		if _, err := b.c.Exec(context.Background(), piece.Text); err != nil {
			b.t.Fatalf("%s: %v", piece.Text, err)
		}
	}
}

func (b bench) shape() schema.Schema {
	b.t.Helper()
	s, err := compare.Inspect(context.Background(), b.c, db.Inspection{})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// steps are what a run would do with the text of a migration, in one direction.
func steps(t *testing.T, d dialect.Dialect, text string, way revision.Direction) plan.Step {
	t.Helper()
	rev, script, err := native.Parse("1_a.sql", text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	p, err := plan.Build([]revision.Move{{ID: rev.ID, Direction: way}}, func(revision.ID) (revision.Revision, revision.Script, error) { return rev, script, nil }, dialect.Reader(d), plan.Options{})
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return p.Steps[0]
}

// What is written into a file is taken by those who read and run files, on every
// kind of database, and does there and back what it says.
func TestPartsAreMigrations(t *testing.T) {
	for name, b := range benches(t) {
		t.Run(name, func(t *testing.T) {
			b.t = t
			b.exec("CREATE TABLE p (id int NOT NULL PRIMARY KEY, a int); CREATE TABLE c (id int NOT NULL PRIMARY KEY, p int REFERENCES p (id), b int); INSERT INTO p VALUES (1, 1); INSERT INTO c VALUES (1, 1, 1)")
			from := b.shape()
			b.exec("DROP TABLE c; DROP TABLE p; CREATE TABLE p (id bigint NOT NULL PRIMARY KEY, a int NOT NULL); CREATE TABLE c (id int NOT NULL PRIMARY KEY, p int, b int CHECK (b > 0)); CREATE INDEX i ON c (b)")
			to := b.shape()
			b.exec("DROP TABLE c; DROP TABLE p; CREATE TABLE p (id int NOT NULL PRIMARY KEY, a int); CREATE TABLE c (id int NOT NULL PRIMARY KEY, p int REFERENCES p (id), b int); INSERT INTO p VALUES (1, 1); INSERT INTO c VALUES (1, 1, 1)")
			r, err := compare.Diff(b.c.Dialect(), from, to, diff.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Parts) != 1 || r.Parts[0].Name != "" {
				t.Fatalf("%d parts", len(r.Parts))
			}
			text := r.Parts[0].Text()
			for i, want := range []schema.Schema{to, from, to} {
				way := []revision.Direction{revision.Up, revision.Down, revision.Up}[i]
				if off := b.c.Dialect().Traits().KeysOff; off != "" {
					b.exec(off)
				}
				for _, s := range steps(t, b.c.Dialect(), text, way).Statements {
					if _, err := b.c.Exec(context.Background(), s.SQL); err != nil {
						t.Fatalf("%s: %v in\n%s", s.SQL, err, text)
					}
				}
				if left := diff.Compare(b.shape(), want); len(left) > 0 {
					t.Errorf("%v: %s in\n%s", way, left[0].String(), text)
				}
			}
			if again, err := compare.Diff(b.c.Dialect(), to, to, diff.Options{}); err != nil || len(again.Parts) != 0 {
				t.Errorf("no difference: %v %v", again.Parts, err)
			}
			if strings.Contains(text, "transaction:false") || strings.Contains(text, "foreign_keys") {
				t.Errorf("what a run does by itself is in\n%s", text)
			}
		})
	}
}
