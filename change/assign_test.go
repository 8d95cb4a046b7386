package change_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/dialect/mysql"
	"github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/dialect/sqlite"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
)

func section(sql string) revision.Section {
	return revision.Section{SQL: sql, At: fault.Pos{File: "1_x.sql", Line: 7, Column: 1}}
}

// Assignments are cut at the commas that stand by themselves.
func TestAssignments(t *testing.T) {
	for sql, want := range map[string]string{
		"lng = loc[0], lat = loc[1]\n":                      "lng: loc[0] 1_x.sql:7:7 | lat: loc[1] 1_x.sql:7:21",
		"-- both\na = f(b, c) -- it is, you see\n,\n b=(1)": "a: f(b, c) 1_x.sql:8:5 | b: (1) 1_x.sql:10:4",
		"a = CASE WHEN b IN (1, 2) THEN 'x, y' END":         "a: CASE WHEN b IN (1, 2) THEN 'x, y' END 1_x.sql:7:5",
		`"a, b" = ARRAY[1, 2], c = $$,$$`:                   `a, b: ARRAY[1, 2] 1_x.sql:7:10 | c: $$,$$ 1_x.sql:7:27`,
		"a = b = c":                                         "a: b = c 1_x.sql:7:5",
		"":                                                  "missing",
		"a = b,":                                            "missing",
		", a = b":                                           "missing",
		"a = ":                                              "no expression",
		"a":                                                 "no column",
		"t.a = b":                                           "no column",
		"a = b; c = d":                                      "semicolon",
		"a = b;":                                            "semicolon",
	} {
		all, err := dialect.Assignments(postgres.New(0), section(sql))
		var texts []string
		for _, a := range all {
			texts = append(texts, fmt.Sprintf("%s: %s %s", a.Column, a.SQL, a.Pos))
		}
		if got := strings.Join(texts, " | "); err == nil && got != want {
			t.Errorf("%q:\n got %s\nwant %s", sql, got, want)
		}
		if err != nil && (!strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "1_x.sql:")) {
			t.Errorf("%q: %v, want %s", sql, err, want)
		}
	}
}

// Whatever the text is, an expression is a piece of it, at its place.
func FuzzAssignments(f *testing.F) {
	for _, seed := range []string{"a = b", "a = f(b, c), d = '--' /* , */", "a = [b", "a = (b))", "`a` = \"b\"", "a = 'b", "\n\n a\n=\n1 , b = 2--"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		for _, d := range []dialect.Filler{postgres.New(0), mysql.New(mysql.MariaDB, 0), sqlite.New(0)} {
			all, err := dialect.Assignments(d, section(sql))
			if err != nil {
				if fault.CodeOf(err) != fault.Syntax {
					t.Fatal(err)
				}
				continue
			}
			rest := sql
			for _, a := range all {
				at := strings.Index(rest, a.SQL)
				if a.SQL == "" || a.Column == "" || at < 0 || a.Pos.Line < 7 {
					t.Fatalf("%q: %+v", sql, a)
				}
				rest = rest[at+len(a.SQL):]
			}
		}
	})
}
