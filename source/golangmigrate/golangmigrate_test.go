package golangmigrate

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source"
)

func TestParseName(t *testing.T) {
	for name, want := range map[string]string{
		"1_create_tables.up.sql":          "1 create_tables up sql",
		"000012_a.down.sql":               "12 a down sql",
		"3_.up.cql":                       "3  up cql",
		"4_a.up.b.down.sql":               "4 a.up.b down sql",
		"5_a.down.sql.up.bak":             "5 a.down.sql up bak",
		"18446744073709551615_max.up.sql": "18446744073709551615 max up sql",
		"18446744073709551616_big.up.sql": "too large",
		"1-a.up.sql":                      "no", "a_1.up.sql": "no", "1_a.sql": "no", "1_aup.sql": "no", "1_up.sql": "no", "1_a.up": "no", "": "no",
	} {
		n, ok, fits := ParseName(name)
		got := fmt.Sprintf("%d %s %s %s", n.Version, n.Slug, n.Direction, n.Ending)
		if !ok {
			got = "no"
		} else if !fits {
			got = "too large"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func open(files map[string]string) (source.Folder, error) {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return Open(source.Options{FS: m, Dir: "db"})
}

func TestOpen(t *testing.T) {
	f, err := open(map[string]string{
		"10_ten.up.sql": "SELECT 10;", "10_other.down.sql": "SELECT -10;", "9_nine.up.sql": "", "9_nine.down.sql": "",
		"11_only_up.up.sql": "-- migrate:down\nSELECT 11", "12_only_down.down.sql": "SELECT -12",
		"notes.txt": "", "sub/1_a.up.sql": "SELECT 1",
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
		down := "-"
		if s.Down != nil {
			down = fmt.Sprintf("%q %s", s.Down.SQL, s.Down.At)
		} else if s.Irreversible == nil || *s.Irreversible != NoDown {
			t.Errorf("%s: no reason", r.ID)
		}
		if s.Up.Tx != revision.TxClient || !r.Implied || r.Native || r.Kind != revision.Schema || s.Kind != revision.Schema {
			t.Errorf("%+v %+v", r, s)
		}
		got = append(got, fmt.Sprintf("%s %s %s | %q %s | %s", r.ID, r.Name, r.File, s.Up.SQL, s.Up.At, down))
	}
	want := `9 nine db/9_nine.up.sql | "" db/9_nine.up.sql:1:1 | "" db/9_nine.down.sql:1:1
10 ten db/10_ten.up.sql | "SELECT 10;" db/10_ten.up.sql:1:1 | "SELECT -10;" db/10_other.down.sql:1:1
11 only_up db/11_only_up.up.sql | "-- migrate:down\nSELECT 11" db/11_only_up.up.sql:1:1 | -
12 only_down db/12_only_down.down.sql | "" db/12_only_down.down.sql:1:1 | "SELECT -12" db/12_only_down.down.sql:1:1`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	if text, err := f.Text("10"); err != nil || text != "SELECT 10;\n-- 10_other.down.sql\nSELECT -10;" {
		t.Errorf("%q %v", text, err)
	}
}

func TestChecksumTellsTheHalvesApart(t *testing.T) {
	sum := func(up, down string) string {
		f, err := open(map[string]string{"1_a.up.sql": up, "1_a.down.sql": down})
		if err != nil {
			t.Fatal(err)
		}
		return f.Revisions()[0].Checksum
	}
	if sum("ab", "c") == sum("a", "bc") {
		t.Error("moving text between the files does not change the checksum")
	}
	if sum("a\r\n", "b") != sum("\ufeffa\n", "b") {
		t.Error("line ends or the byte-order mark change the checksum")
	}
}

func TestProblems(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"db/1_b.up.sql: up file of version 1, which is also db/01_a.up.sql":   {"01_a.up.sql": "", "1_b.up.sql": ""},
		"db/99999999999999999999_a.up.sql: the number is larger than 64 bits": {"99999999999999999999_a.up.sql": ""},
		"db/1_a.down.sql:2:1: there is a NUL byte in this file":               {"1_a.up.sql": "x", "1_a.down.sql": "\n\x00"},
		"db/1_a.up.sql:1:1: byte 0xff is not valid UTF-8":                     {"1_a.up.sql": "\xff"},
	} {
		_, err := open(files)
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		var e *fault.Error
		if err != nil && !asFault(err, &e) {
			t.Errorf("no hint: %v", err)
		}
	}
}

func asFault(err error, e **fault.Error) bool {
	f, ok := err.(*fault.Error)
	*e = f
	return ok && f.Hint != ""
}
