package bellows_test

import (
	"context"

	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// What somebody has renamed by hand in a database that has migrations is known to be a
// rename, without a word: nobody is asked, and no row is lost. What was dropped and made
// anew under another name is a question.
func TestRenamesByHandAreKnown(t *testing.T) {
	ctx := context.Background()
	s := &shelf{t: t, url: testdb.Postgres(t), dir: t.TempDir(), now: time.Date(2026, 11, 20, 10, 15, 0, 0, time.UTC)}
	var err error
	if s.conn, err = (postgres.Driver{}).Open(ctx, s.url, db.Options{}); err != nil {
		t.Fatal(err)
	}
	defer s.conn.Close()
	s.wants("start", "CREATE TABLE posts (id int PRIMARY KEY, titel text, body text); CREATE TABLE authors (id int PRIMARY KEY, name text);")
	if _, err := s.open().Up(ctx, bellows.Head); err != nil {
		t.Fatal(err)
	}
	s.exec("ALTER TABLE authors RENAME TO writers")
	s.exec("ALTER TABLE writers RENAME name TO full_name")
	s.exec("ALTER TABLE posts RENAME titel TO title")
	asked := 0
	ask := func(c bellows.Choice) ([]diff.Rename, error) {
		asked += len(c.Candidates)
		return nil, nil
	}
	look := func() bellows.Difference {
		t.Helper()
		d, err := s.open().Diff(ctx, bellows.DiffOptions{To: bellows.From{URL: s.url}, Choose: ask})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := look()
	if sql := d.Up.SQL(); asked != 0 || len(d.Renames) != 3 || strings.Contains(sql, "DROP") || strings.Count(sql, "RENAME") < 3 {
		t.Errorf("asked %d times, %v:\n%s", asked, d.Renames, sql)
	}
	found, err := s.open().Drift(ctx, bellows.DriftOptions{})
	if err != nil || len(found.Renames) != 3 || strings.Contains(found.Down.SQL(), "DROP") {
		t.Errorf("drift: %v, %v\n%s", err, found.Renames, found.Down.SQL())
	}
	s.exec("ALTER TABLE posts RENAME title TO titel")
	s.exec("ALTER TABLE posts ADD title text, DROP titel")
	if d = look(); asked == 0 || len(d.Renames) != 2 {
		t.Errorf("made anew: asked %d times, %v", asked, d.Renames)
	}
	s.copied()
}

// copied: a copy of a database has other numbers, and nothing is known there.
func (s *shelf) copied() {
	t, ctx := s.t, context.Background()
	s.exec("CREATE TABLE bellows.copy AS TABLE bellows.meta")
	s.exec("DROP TABLE bellows.meta")
	s.exec("ALTER TABLE bellows.copy RENAME TO meta")
	s.exec("ALTER TABLE bellows.meta ADD PRIMARY KEY (name)")
	d, err := s.open().Diff(ctx, bellows.DiffOptions{To: bellows.From{URL: s.url}})
	if err != nil || len(d.Renames) != 0 {
		t.Errorf("a copy: %v, %v", err, d.Renames)
	}
}
