package diesel

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source"
)

func open(files map[string]string) (source.Folder, error) {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return Open(source.Options{FS: m, Dir: "db"})
}

func TestOpen(t *testing.T) {
	f, err := open(map[string]string{
		"2018-01-14-171611_create_tables/up.sql": "CREATE TABLE a;", "2018-01-14-171611_create_tables/down.sql": "DROP TABLE a;",
		"00000000000000_setup/up.sql": "-- nothing", "00000000000000_setup/down.sql": "",
		"2019-01-14-171611_each/up.sql": "VACUUM", "2019-01-14-171611_each/metadata.toml": "run_in_transaction = false\n",
		"README.md": "x", ".git/x": "",
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range f.Revisions() {
		s, err := f.Script(r.ID)
		if err != nil {
			t.Fatal(err)
		}
		down := ""
		if s.Down != nil {
			down = s.Down.SQL + " " + s.Down.At.String()
		} else {
			down = *s.Irreversible
		}
		if r.Native || !r.Implied || r.Kind != revision.Schema {
			t.Errorf("%+v", r)
		}
		got = append(got, fmt.Sprint(r.ID, " ", r.Name, " ", r.File, " ", s.Up.SQL, " ", s.Up.Tx, " ", down))
	}
	want := `00000000000000 setup db/00000000000000_setup/up.sql -- nothing  down.sql is empty
20180114171611 create_tables db/2018-01-14-171611_create_tables/up.sql CREATE TABLE a;  DROP TABLE a; db/2018-01-14-171611_create_tables/down.sql:1:1
20190114171611 each db/2019-01-14-171611_each/up.sql VACUUM each there is no down.sql`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

func TestVersionsAreOrderedAsText(t *testing.T) {
	f, err := open(map[string]string{"10_a/up.sql": "x", "9_b/up.sql": "x"})
	if err != nil {
		t.Fatal(err)
	}
	r := f.Revisions()
	if r[0].ID != "10" || r[0].Implied || r[1].Parents[0] != "10" {
		t.Errorf("%+v", r)
	}
}

func TestProblems(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"db/1_a: there is no file up.sql in this folder":                     {"1_a/down.sql": "x"},
		"db/1_a/up.sql: this file is empty":                                  {"1_a/up.sql": ""},
		"db/_a: the folder's name has no version before the _":               {"_a/up.sql": "x"},
		"db/1_b/up.sql: id 1 is also that of db/1_a/up.sql":                  {"1_a/up.sql": "x", "1_b/up.sql": "x"},
		"db/1_a/metadata.toml:2: expected value but found \"maybe\" instead": {"1_a/up.sql": "x", "1_a/metadata.toml": "\nrun_in_transaction = maybe"},
		"db/1_a/down.sql:1:2: byte 0xe9 is not valid UTF-8":                  {"1_a/up.sql": "x", "1_a/down.sql": "x\xe9"},
	} {
		_, err := open(files)
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		} else if err.(*fault.Error).Hint == "" {
			t.Errorf("%s: no hint", want)
		}
	}
}
