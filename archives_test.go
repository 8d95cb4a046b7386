package bellows_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/mysql"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/db/sqlite"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// shelf is a folder and a database whose migrations diff writes.
type shelf struct {
	t    *testing.T
	url  string
	dir  string
	conn db.Conn
	now  time.Time
}

func (s *shelf) open() *bellows.Migrator {
	s.t.Helper()
	m, err := bellows.Open(context.Background(), s.url, bellows.Options{Dir: s.dir})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { m.Close() })
	return m
}

// wants writes the migration that a schema needs.
func (s *shelf) wants(slug, sql string, archive ...string) bellows.Difference {
	s.t.Helper()
	ctx, m := context.Background(), s.open()
	d, err := m.Diff(ctx, bellows.DiffOptions{To: bellows.From{Files: []bellows.SQLFile{{Name: "schema.sql", Text: sql}}}, Archive: archive, Now: s.now})
	if err != nil {
		s.t.Fatal(err)
	}
	heads := m.Graph().Heads()
	o := bellows.DraftOptions{Slug: slug, Now: s.now}
	s.now = s.now.Add(time.Minute)
	for _, h := range heads {
		o.Parents = append(o.Parents, string(h))
	}
	drafts, err := m.Draft(ctx, d, o)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range drafts {
		if err := os.WriteFile(filepath.Join(s.dir, filepath.Base(f.Path)), []byte(f.Text), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	return d
}

func (s *shelf) exec(sql string) {
	s.t.Helper()
	if _, err := s.conn.Exec(context.Background(), sql); err != nil {
		s.t.Fatal(err)
	}
}

// rows are those of a query, as text.
func (s *shelf) rows(sql string) (all string) {
	s.t.Helper()
	rows, err := s.conn.Query(context.Background(), sql)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		values := make([]any, len(rows.Columns()))
		into := make([]any, len(values))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			s.t.Fatal(err)
		}
		all += fmt.Sprintln(values...)
	}
	return all
}

func (s *shelf) noDrift() {
	s.t.Helper()
	d, err := s.open().Drift(context.Background(), bellows.DriftOptions{})
	if err != nil || !d.Empty() {
		s.t.Errorf("drift: %v\n%s", err, d.Up.SQL())
	}
}

// What a migration archives is no difference to anybody, comes back with its rows
// on the way down, and is dropped for good only by somebody who says so; then the way
// down says why it cannot be gone.
func TestArchivesAreKeptListedAndPurged(t *testing.T) {
	for name, b := range map[string]struct {
		driver db.Driver
		url    string
	}{"postgres": {postgres.Driver{}, testdb.Postgres(t)}, "mariadb": {mysql.Driver{}, testdb.MariaDB(t)}, "sqlite": {sqlite.Driver{}, testdb.SQLite(t)}} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			s := &shelf{t: t, url: b.url, dir: t.TempDir(), now: time.Date(2026, 11, 20, 10, 15, 0, 0, time.UTC)}
			var err error
			if s.conn, err = b.driver.Open(ctx, b.url, db.Options{}); err != nil {
				t.Fatal(err)
			}
			defer s.conn.Close()
			up := func() {
				t.Helper()
				if _, err := s.open().Up(ctx, bellows.Head); err != nil {
					t.Fatal(err)
				}
			}
			const posts = "CREATE TABLE posts (id int NOT NULL PRIMARY KEY, title varchar(20) NOT NULL, author int, FOREIGN KEY (author) REFERENCES authors (id));"
			s.wants("start", posts+"CREATE TABLE authors (id int NOT NULL PRIMARY KEY, name varchar(20) NOT NULL);")
			up()
			s.exec("INSERT INTO authors VALUES (1, 'ann'), (2, 'bob')")
			s.exec("INSERT INTO posts VALUES (1, 'one', 1), (2, 'two', NULL)")
			d := s.wants("less", "-- bellows:archive authors\nCREATE TABLE posts (id int NOT NULL PRIMARY KEY);", "posts.title", "posts.author")
			if d.Class != diff.Archives || len(d.Archived) != 3 {
				t.Fatalf("%s: %v", d.Class, d.Archived)
			}
			up()
			s.noDrift()
			s.exec("INSERT INTO posts (id) VALUES (3)") // by an application that knows no titles
			if again := s.wants("nothing", "CREATE TABLE posts (id int NOT NULL PRIMARY KEY);"); !again.Empty() {
				t.Errorf("the archive is a difference:\n%s", again.Up.SQL())
			}
			s.wants("more", "CREATE TABLE posts (id int NOT NULL PRIMARY KEY, body bigint NOT NULL DEFAULT 0 CHECK (body >= 0));")
			up()
			all, err := s.open().Archives(ctx)
			if err != nil || len(all) != 3 {
				t.Fatalf("%v: %v", all, err)
			}
			for _, a := range all {
				if !strings.HasSuffix(a.RevisionName, "less") || a.At.IsZero() || a.Kind == "table" && !strings.HasSuffix(a.Name, "authors") {
					t.Errorf("listed as %+v", a)
				}
			}
			s.exec("DELETE FROM posts WHERE id = 3") // it never had a title
			if _, err := s.open().Down(ctx, "-2"); err != nil {
				t.Fatal(err)
			}
			if got := s.rows("SELECT p.id, p.title, a.name FROM posts p LEFT JOIN authors a ON a.id = p.author ORDER BY 1"); got != "1 one ann\n2 two <nil>\n" {
				t.Errorf("the rows are\n%s", got)
			}
			s.noDrift()
			up()
			s.purged(all[0].Revision)
		})
	}
}

// purged purges what is archived, and tries the way back then.
func (s *shelf) purged(id string) {
	t, ctx := s.t, context.Background()
	if gone, err := s.open().PurgeArchives(ctx, bellows.ArchiveRequest{}); err != nil || len(gone) != 0 {
		t.Errorf("before its time: %v, %v", gone, err)
	}
	if _, err := s.open().PurgeArchives(ctx, bellows.ArchiveRequest{Revision: id}); fault.CodeOf(err) != fault.Confirm {
		t.Errorf("before its time, by name: %v", err)
	}
	if _, err := s.open().PurgeArchives(ctx, bellows.ArchiveRequest{Revision: "nosuch"}); fault.CodeOf(err) != fault.Target {
		t.Errorf("one that is not there: %v", err)
	}
	var told []event.Destroys
	refuse := func(losses []event.Destroys) error {
		told = losses
		return fault.New(fault.Confirm, "no")
	}
	if _, err := s.open().PurgeArchives(ctx, bellows.ArchiveRequest{Now: true, Approve: refuse}); fault.CodeOf(err) != fault.Confirm || len(told) != 3 {
		t.Errorf("a person said no: %v, told of %v", err, told)
	}
	if all, err := s.open().Archives(ctx); err != nil || len(all) != 3 {
		t.Errorf("after the no: %v, %v", all, err)
	}
	gone, err := s.open().PurgeArchives(ctx, bellows.ArchiveRequest{Revision: id, Now: true})
	if err != nil || len(gone) != 3 {
		t.Fatalf("purged %v: %v", gone, err)
	}
	if all, err := s.open().Archives(ctx); err != nil || len(all) != 0 {
		t.Errorf("left: %v, %v", all, err)
	}
	s.noDrift()
	if _, err := s.open().Down(ctx, "-1"); err != nil {
		t.Fatal(err)
	}
	_, err = s.open().Down(ctx, "-1")
	if f, ok := err.(*fault.Error); !ok || !strings.Contains(f.Hint, "when the archive was purged its rows are gone for good") {
		t.Errorf("the way back after the purge: %v", err)
	}
	if got := s.rows("SELECT id FROM posts ORDER BY 1"); got != "1\n2\n" {
		t.Errorf("the rows of others: %s", got)
	}
}
