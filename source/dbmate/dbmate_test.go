package dbmate

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

const pair = "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n"

func TestOrderIsThatOfTheNames(t *testing.T) {
	f, err := open(map[string]string{"10_x.sql": pair, "9_x.sql": pair, "100-y.sql": pair, "7z.sql": pair, "a.sql": "x", "1.txt": "x", "sub/1_a.sql": pair})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range f.Revisions() {
		got = append(got, fmt.Sprintf("%s%s%v%v", r.ID, r.Name, r.Parents, r.Implied))
	}
	if want := "100y[]false 10x[100]false 7z[10]false 9x[7]false"; strings.Join(got, " ") != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
	if f, err = open(map[string]string{"10_x.sql": pair, "20_x.sql": pair}); err != nil || !f.Revisions()[1].Implied {
		t.Errorf("orders agree, but parents are written down: %v", err)
	}
}

func TestBlocks(t *testing.T) {
	f, err := open(map[string]string{"1_a.sql": "\ufeff-- note\r\n\r\n--migrate:up transaction:false other:x words\r\nSELECT 1;\r\n" +
		"--\tmigrate:down\r\nSELECT 2;\r\n  -- migrate:up\r\n"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.Script("1")
	if err != nil {
		t.Fatal(err)
	}
	if s.Up.SQL != "SELECT 1;\n" || s.Up.At.Line != 4 || s.Up.Tx != revision.TxEach {
		t.Errorf("up %+v", s.Up)
	}
	if s.Down.SQL != "SELECT 2;\n  -- migrate:up\n" || s.Down.At.Line != 6 || s.Down.Tx != revision.TxDefault {
		t.Errorf("down %+v", s.Down)
	}
	if r := f.Revisions()[0]; r.Native || r.Kind != revision.Schema {
		t.Errorf("%+v", r)
	}
}

func TestRepeatedPairsKeepPlaces(t *testing.T) {
	f, err := open(map[string]string{"1_a.sql": "-- migrate:up\nA;\n-- migrate:down\nB;\n-- migrate:up\nÄC;\n-- migrate:down\nD;\n"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.Script("1")
	if err != nil {
		t.Fatal(err)
	}
	line := func(sec *revision.Section, word string) int {
		i := strings.Index(sec.SQL, word)
		return sec.At.Line + strings.Count(sec.SQL[:i], "\n")
	}
	if got := strings.Join(strings.Fields(s.Up.SQL), " "); got != "A; ÄC;" || line(s.Up, "C;") != 6 {
		t.Errorf("up %q", s.Up.SQL)
	}
	if got := strings.Join(strings.Fields(s.Down.SQL), " "); got != "B; D;" || line(s.Down, "D;") != 8 {
		t.Errorf("down %q", s.Down.SQL)
	}
}

func TestProblems(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "db/1_a.sql:1:1: there is no \"-- migrate:up\"",
		"SELECT 1;":                            "db/1_a.sql:1:1: there is no \"-- migrate:up\"",
		"-- migrate:up\nSELECT 1;":             "db/1_a.sql:1:1: there is no \"-- migrate:down\"",
		"-- migrate:down\nx\n-- migrate:up\ny": "db/1_a.sql:1:1: the first block is a down block",
		"-- migrate:up\n-- migrate:up\n":       "db/1_a.sql:2:1: two up blocks follow each other",
		pair + "-- migrate:down\n":             "db/1_a.sql:5:1: two down blocks follow each other",
		"/* x */ SELECT 1;\n" + pair:           "db/1_a.sql:1:9: there is SQL before the first block",
		"-- migrate:up\n-- migrate:donw\n":     "db/1_a.sql:2:12: dbmate has no directive \"donw\"",
		pair + "-- migrate:up transaction:false\n-- migrate:down\n": "db/1_a.sql:5:1: blocks of one direction differ in their transaction option",
	} {
		_, err := open(map[string]string{"1_a.sql": text})
		if err == nil || err.Error() != want {
			t.Errorf("%q\ngot  %v\nwant %s", text, err, want)
		} else if err.(*fault.Error).Hint == "" {
			t.Errorf("%q: no hint", text)
		}
	}
	_, err := open(map[string]string{"1_a.sql": pair, "01_b.sql": pair})
	if fault.CodeOf(err) != fault.Graph {
		t.Errorf("got %v", err)
	}
}
