package open

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/source"
)

const text = "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n"

func TestFolder(t *testing.T) {
	for _, c := range []struct {
		files, format, want string
	}{
		{"1_a.sql", "", source.Native},
		{"", "", source.Native},
		{"README.md", "", source.Native},
		{"sub/1_a.sql", "", source.Native},
		{"1_a.up.sql 1_a.down.sql", "", source.GolangMigrate},
		{"1_a.up.sql schema.sql", "", source.GolangMigrate},
		{"2020-01-01-000000_a/up.sql", "", source.Diesel},
		{"1_a.sql", source.Dbmate, source.Dbmate},
		{"1_a.up.sql 2_b.sql", source.GolangMigrate, source.GolangMigrate},
		{"1_a.up.sql 2_b.sql", "", "migrations of two formats: 1_a.up.sql is golang-migrate, 2_b.sql is bellows"},
		{"1_a/up.sql 2_b.sql", "", "two formats"},
		{"1_a/up.sql 2_b.up.sql", "", "two formats"},
		{"1_a.up.sql", source.Native, "one file holds both directions"},
		{"1_a.sql", "golang", "there is no format \"golang\""},
		{"1_a.sql", "dbmte", "there is no format \"dbmte\""},
	} {
		m := fstest.MapFS{"x": {}}
		for _, name := range strings.Fields(c.files) {
			m[name] = &fstest.MapFile{Data: []byte(text)}
		}
		f, err := Folder(source.Options{FS: m, Format: c.format})
		switch {
		case err == nil && f.Format() == c.want:
		case err != nil && strings.Contains(err.Error(), c.want):
			if err.(*fault.Error).Hint == "" {
				t.Errorf("%+v: no hint", c)
			}
		default:
			t.Errorf("%+v: got %v, %v", c, f, err)
		}
	}
}

func TestOnDisk(t *testing.T) {
	f, err := Folder(source.Options{Dir: t.TempDir()})
	if err != nil || f.Format() != source.Native || len(f.Revisions()) != 0 {
		t.Errorf("%v %v", f, err)
	}
	if _, err := Folder(source.Options{Dir: filepath.Join(t.TempDir(), "none")}); fault.CodeOf(err) != fault.File {
		t.Errorf("got %v", err)
	}
}
