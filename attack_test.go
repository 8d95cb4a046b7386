package bellows_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bellowsdb/bellows"
	_ "modernc.org/sqlite"
)

// folderOf makes a folder of its arguments: a name, a text, and so on.
func folderOf(pairs ...string) fstest.MapFS {
	f := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		f[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return f
}

func makes(id, revises, table string) string {
	return fmt.Sprintf("-- migrate:revises %s\n-- migrate:up\nCREATE TABLE %s (id int);\n-- migrate:down\nDROP TABLE %[2]s;\n", revises, table)
}

func openFile(t *testing.T, file string, files fstest.MapFS) *bellows.Migrator {
	t.Helper()
	m, err := bellows.Open(t.Context(), "sqlite:"+file, bellows.Options{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// TestSquashLeavesWhole takes a database back that applied what a squash
// replaces, after the files of that are gone: by down, by a script, by stamp.
func TestSquashLeavesWhole(t *testing.T) {
	before := folderOf("1_a.sql", makes("1", "none", "a"), "2_b.sql", makes("2", "1", "b"), "3_c.sql", makes("3", "2", "c"))
	after := folderOf("9_all.sql", `-- migrate:revises none
-- migrate:replaces 1..3
-- migrate:up
CREATE TABLE a (id int); CREATE TABLE b (id int); CREATE TABLE c (id int);
-- migrate:down
DROP TABLE c; DROP TABLE b; DROP TABLE a;
`)
	ways := map[string]func(t *testing.T, m *bellows.Migrator, file string) error{
		"down": func(t *testing.T, m *bellows.Migrator, _ string) error {
			_, err := m.Down(t.Context(), "-1")
			return err
		},
		"script": func(t *testing.T, m *bellows.Migrator, file string) error {
			p, err := m.PlanDown(t.Context(), bellows.Request{Target: "base"})
			if err != nil {
				return err
			}
			text, err := m.Script(p)
			if err != nil {
				return err
			}
			client, err := sql.Open("sqlite", file)
			if err != nil {
				return err
			}
			defer client.Close()
			_, err = client.ExecContext(t.Context(), text)
			return err
		},
		"stamp": func(t *testing.T, m *bellows.Migrator, file string) error {
			if _, err := m.Stamp(t.Context(), "base", bellows.StampOptions{}); err != nil {
				return err
			}
			client, err := sql.Open("sqlite", file)
			if err != nil {
				return err
			}
			defer client.Close()
			_, err = client.ExecContext(t.Context(), "DROP TABLE a; DROP TABLE b; DROP TABLE c")
			return err
		},
	}
	for name, back := range ways {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "app.db")
			if _, err := openFile(t, file, before).Up(t.Context(), bellows.Head); err != nil {
				t.Fatal(err)
			}
			m := openFile(t, file, after)
			s, err := m.Status(t.Context())
			if err != nil || s.Pending != 0 || !slices.Equal(s.Current, []string{"9"}) || s.Revisions[0].AppliedAt.IsZero() {
				t.Fatalf("before: %+v, %v", s, err)
			}
			if err := back(t, m, file); err != nil {
				t.Fatal(err)
			}
			s, err = m.Status(t.Context())
			if err != nil || len(s.Current) != 0 || len(s.Problems) != 0 || s.Pending != 1 {
				t.Fatalf("after: %+v, %v", s, err)
			}
			r, err := m.Up(t.Context(), bellows.Head)
			if err != nil || strings.Join(r.Applied, " ") != "9" {
				t.Fatalf("again: %+v, %v", r, err)
			}
		})
	}
}
