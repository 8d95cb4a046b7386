package replay_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/mysql"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/db/sqlite"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/compare"
	"github.com/bellowsdb/bellows/internal/replay"
	"github.com/bellowsdb/bellows/internal/run"
	"github.com/bellowsdb/bellows/internal/shadow"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/source/native"
)

var ctx = context.Background()

var runs atomic.Int64

// grounds are one of each kind of database, beside an empty one.
func grounds(t *testing.T) map[string]replay.Ground {
	name := func() string { return fmt.Sprintf("replay%d", runs.Add(1)) }
	of := func(d db.Driver, url string) replay.Ground {
		return replay.Ground{Driver: d, Beside: url, Run: name, Now: time.Now}
	}
	return map[string]replay.Ground{"postgres": of(postgres.Driver{}, testdb.Postgres(t)), "mariadb": of(mysql.Driver{}, testdb.MariaDB(t)), "sqlite": of(sqlite.Driver{}, testdb.SQLite(t))}
}

// dumped are grounds of which the database's own client knows PostgreSQL's.
func dumped(t *testing.T) map[string]replay.Ground {
	all := grounds(t)
	g := all["postgres"]
	g.Beside = testdb.DumpablePostgres(t).Database(t)
	all["postgres"] = g
	return all
}

func files(sql string) replay.Content { return replay.Files([]shadow.Text{{Name: "a.sql", SQL: sql}}) }

// tables are the names of the tables in a throwaway database.
func tables(t *testing.T, s *replay.Stage) string {
	t.Helper()
	shape, err := s.Shape(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range shape.Facts() {
		if f.ID.Kind == schema.Table {
			names = append(names, f.ID.Name)
		}
	}
	return strings.Join(names, " ")
}

// exec runs statements in the database of that URL.
func exec(t *testing.T, d db.Driver, url string, sql ...string) {
	t.Helper()
	c, err := d.Open(ctx, url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, s := range sql {
		if _, err := c.Exec(ctx, s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// A database that is named for it must be empty, and is empty afterwards, also
// when what is done in it fails, or the one before was killed.
func TestGivenDatabaseIsEmptyAfterwards(t *testing.T) {
	for name, g := range grounds(t) {
		t.Run(name, func(t *testing.T) {
			g.Given = g.Beside
			look := func(what string, c replay.Content, want string) {
				t.Helper()
				if err := g.Use(ctx, c, func(_ context.Context, s *replay.Stage) error {
					if got := tables(t, s); got != want {
						t.Errorf("%s: the tables are %q, not %q", what, got, want)
					}
					return nil
				}); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
			}
			look("files", files("CREATE TABLE child (p int REFERENCES parent (id)); CREATE TABLE parent (id int PRIMARY KEY); CREATE VIEW v AS SELECT id FROM parent;"), "child parent")
			look("afterwards", replay.Content{}, "")
			if err := g.Use(ctx, files("CREATE TABLE a (x int); CREATE TABLE b (x nothing_like_it, CHECK (no_such_column > 0));"), nil); err == nil {
				t.Error("nonsense was loaded")
			}
			look("after a failure", replay.Content{}, "")

			// A process that is killed in the middle leaves the mark and what it made.
			func() {
				defer func() { _ = recover() }()
				_ = g.Use(ctx, files("CREATE TABLE left_over (x int)"), func(context.Context, *replay.Stage) error {
					g.Driver = broken{g.Driver} // the end cannot be reached any more
					return nil
				})
			}()
			g.Driver = g.Driver.(broken).Driver
			look("after a kill", files("CREATE TABLE mine (x int)"), "mine")

			exec(t, g.Driver, g.Given, "CREATE TABLE somebodys (x int)")
			err := g.Use(ctx, files("CREATE TABLE mine (x int)"), nil)
			if fault.CodeOf(err) != fault.Exists || !strings.Contains(err.Error(), "somebodys") {
				t.Errorf("a database with something in it was used: %v", err)
			}
			exec(t, g.Driver, g.Given, "DROP TABLE somebodys")
		})
	}
}

// broken is a driver that opens nothing.
type broken struct{ db.Driver }

func (broken) Open(context.Context, string, db.Options) (db.Conn, error) { panic("killed") }

// draft is a migration that is not written.
func draft(t *testing.T, file, text string) replay.Draft {
	t.Helper()
	rev, script, err := native.Parse(file, text)
	if err != nil {
		t.Fatal(err)
	}
	return replay.Draft{Revision: rev, Script: script}
}

// between are what there is to prove between what two texts make.
func between(t *testing.T, g replay.Ground, before, after string) replay.Proof {
	t.Helper()
	p := replay.Proof{Wanted: files(after), Ignore: []string{schema.Owner}}
	var language dialect.Dialect
	for _, side := range []struct {
		text string
		into *schema.Schema
	}{{before, &p.From}, {after, &p.To}} {
		if err := g.Use(ctx, files(side.text), func(_ context.Context, s *replay.Stage) (err error) {
			language = s.Dialect()
			*side.into, err = s.Shape(ctx)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := compare.Diff(language, p.From, p.To, diff.Options{Ignore: p.Ignore})
	if err != nil {
		t.Fatal(err)
	}
	p.Parts = r.Parts
	return p
}

// What does not do what it says is not proven, and it is told why.
func TestProof(t *testing.T) {
	const good = "-- migrate:revises none\n-- migrate:up\nCREATE TABLE a (x int);\n-- migrate:down\nDROP TABLE a;\n"
	for name, g := range dumped(t) {
		t.Run(name, func(t *testing.T) {
			p := between(t, g, "", "CREATE TABLE a (x int)")
			for _, c := range []struct{ what, text, want string }{
				{"good", good, ""},
				{"no way back", strings.Replace(good, "-- migrate:down\nDROP TABLE a;", `-- migrate:down irreversible "so"`, 1), ""},
				{"another column", strings.Replace(good, "x int", "y int", 1), "the way up does not lead where it should: "},
				{"nothing up", strings.Replace(good, "x int", "x nothing_like_it, CHECK (z > 0)", 1), "the way up fails"},
				{"nothing down", strings.Replace(good, "DROP TABLE a", "DROP TABLE b", 1), "the way back fails"},
				{"too little down", strings.Replace(good, "DROP TABLE a", "CREATE TABLE b (x int); DROP TABLE b", 1), "the way back does not lead where it should: + column "},
			} {
				p.Drafts = []replay.Draft{draft(t, "1_a.sql", c.text)}
				cert, err := g.Prove(ctx, replay.Migrations{Options: run.Options{}}, p)
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("%s: %v", c.what, err)
				}
				if !cert.Back || cert.Without != "" || cert.Dumped != (name == "postgres") {
					t.Errorf("%s: %s", c.what, cert)
				}
			}
			p.Parts[0].Leg.Up[0].SQL = "CREATE TABLE a (x int, y int)"
			if _, err := g.Prove(ctx, replay.Migrations{}, p); fault.CodeOf(err) != fault.Failed || !strings.Contains(err.Error(), "the plan is not proven") {
				t.Errorf("another statement in the plan: %v", err)
			}
		})
	}
}

// A plan that says less of a lock than the statement takes is not proven, and
// neither is one after which the database's own client sees something else.
func TestProofLooksAtLocksAndDumps(t *testing.T) {
	g := dumped(t)["postgres"]
	folder := draft(t, "1_a.sql", "-- migrate:revises none\n-- migrate:up\nCREATE TABLE a (x int);\n")
	has, err := replay.Migrations{}.With([]replay.Draft{folder})
	if err != nil {
		t.Fatal(err)
	}
	prove := func(change func(p *replay.Proof)) (compare.Certificate, error) {
		p := between(t, g, "CREATE TABLE a (x int)", "CREATE TABLE a (x bigint)")
		p.Drafts = []replay.Draft{draft(t, "2_b.sql", "-- migrate:revises 1\n"+p.Parts[0].Text())}
		change(&p)
		return g.Prove(ctx, has, p)
	}
	cert, err := prove(func(*replay.Proof) {})
	if err != nil || cert.Locked == 0 || !cert.Dumped || !cert.Back {
		t.Errorf("%s: %v", cert, err)
	}
	for want, change := range map[string]func(p *replay.Proof){
		"it takes the lock ACCESS EXCLUSIVE on public.a, and the plan says SHARE": func(p *replay.Proof) { p.Parts[0].Leg.Up[0].Effect.Touches[0].Lock = "SHARE" },
		"it writes public.a anew": func(p *replay.Proof) { p.Parts[0].Leg.Up[0].Effect.Touches[0].Rewrites = false },
		"another client sees":     func(p *replay.Proof) { p.Wanted = files("CREATE TABLE a (x bigint, y int)") },
	} {
		if _, err := prove(change); fault.CodeOf(err) != fault.Failed || !strings.Contains(err.Error(), want) {
			t.Errorf("%q, not %v", want, err)
		}
	}
}

func shape(facts ...string) schema.Schema {
	var all []schema.Fact
	for _, text := range facts {
		kind, path, _ := strings.Cut(text, " ")
		parts := strings.Split(path, ".")
		f := schema.Fact{ID: schema.ID{Kind: schema.Kind(kind), Schema: parts[0], Name: parts[len(parts)-1]}}
		if len(parts) == 3 {
			f.ID.On, f.Of = parts[1], schema.Table
		}
		all = append(all, f)
	}
	return schema.New("any", 1, all)
}

// Names in renames are as people write them, and mean one thing.
func TestRenames(t *testing.T) {
	before := shape("table a.posts", "table b.posts", "table a.old", "column a.posts.titel", "column a.old.x", "index a.old.i", "schema s", "table s.t")
	after := shape("table a.posts", "table b.posts", "table a.new", "column a.posts.title", "column a.new.y", "index a.new.i", "schema r", "table r.t")
	for _, c := range []struct{ what, renames, want string }{
		{"whole names", "a.posts.titel=a.posts.title", "column a.posts.titel > column a.posts.title"},
		{"without the schema", "posts.titel=posts.title", "column a.posts.titel > column a.posts.title"},
		{"the last part of the new name", "posts.titel=title", "column a.posts.titel > column a.posts.title"},
		{"with the kind", "column posts.titel=posts.title", "column a.posts.titel > column a.posts.title"},
		{"a column of a table that is renamed too", "old.x=new.y, old=new", "table a.old > table a.new, column a.new.x > column a.new.y"},
		{"nothing of that name", "posts.nothing=posts.title", "there is no posts.nothing in the old schema"},
		{"nothing of the new name", "posts.titel=posts.nothing", "there is no such column in the new schema"},
		{"another kind", "posts.titel=new", "there is no such column in the new schema"},
		{"several", "posts=new", "there is no such table"},
	} {
		var told []replay.Rename
		for _, text := range strings.Split(c.renames, ", ") {
			old, now, _ := strings.Cut(text, "=")
			told = append(told, replay.Rename{Old: old, New: now})
		}
		found, err := replay.Resolve(told, before, after)
		var got []string
		for _, r := range found {
			got = append(got, r.From.String()+" > "+r.To.String())
		}
		text := strings.Join(got, ", ")
		if err != nil {
			text = err.Error()
		}
		if !strings.Contains(text, c.want) {
			t.Errorf("%s: %s", c.what, text)
		}
	}
	if _, err := replay.Resolve([]replay.Rename{{Old: "x", New: "y", Pos: fault.Pos{File: "s.sql", Line: 3}}}, before, after); err == nil || !strings.Contains(err.Error(), "s.sql:3") {
		t.Errorf("a rename in a file has no place: %v", err)
	}
}

func TestDirectives(t *testing.T) {
	all, err := replay.Directives([]shadow.Text{{Name: "a.sql", SQL: "create table t (\n  -- bellows:rename t.a t.b\n  b int\n);\r\n--bellows:rename  table  old   new\r\n-- see bellows:rename\n"}})
	if err != nil || len(all) != 2 || all[0].Old != "t.a" || all[0].New != "t.b" || all[0].Pos.Line != 2 || all[1].Old != "table old" || all[1].New != "new" {
		t.Errorf("%+v %v", all, err)
	}
	for _, bad := range []string{"-- bellows:rename a", "-- bellows:rename", "-- bellows:renamed a b"} {
		if _, err := replay.Directives([]shadow.Text{{Name: "a.sql", SQL: bad}}); fault.CodeOf(err) != fault.Syntax {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
