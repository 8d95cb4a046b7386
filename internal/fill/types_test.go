package fill_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/revision"
)

// kind is a type with some of its values, spelled as SQL.
type kind struct {
	sql    string
	values []string
}

func kinds(engine string) []kind {
	switch engine {
	case "postgres":
		return postgresKinds()
	case "mariadb":
		return mariadbKinds()
	}
	return sqliteKinds()
}

func postgresKinds() []kind {
	return []kind{
		{"smallint", []string{"-32768", "32767", "0"}},
		{"integer", []string{"-2147483648", "2147483647"}},
		{"bigint", []string{"9007199254740991", "9007199254740993", "-9223372036854775808", "9223372036854775807"}},
		{"numeric", []string{"12.10", "-0.000000000000000000001", "123456789012345678901234567890.123456789", "'NaN'", "'Infinity'", "'-Infinity'", "1e100"}},
		{"numeric(10,2)", []string{"1.5", "-99999999.99"}},
		{"real", []string{"1.1", "'NaN'", "'-0'", "3.4028235e38", "1e-45", "16777216"}},
		{"double precision", []string{"0.1", "'Infinity'", "'-Infinity'", "'NaN'", "'-0'", "1.7976931348623157e308", "5e-324", "3", "123456789.123456789"}},
		{"boolean", []string{"true", "false"}},
		{"text", []string{"''", "'NULL'", "'a\"b\\c'", "E'line\\nend\\ttab\\u0001'", "'ünï😀'", "'{a,b}'", "'\\x41'", "'7'"}},
		{"varchar(20)", []string{"'x'", "'two  blanks '"}},
		{"char(5)", []string{"'ab'", "''"}},
		{"bytea", []string{"'\\x'", "'\\x00ff5c22'"}},
		{"date", []string{"'2026-11-19'", "'infinity'", "'-infinity'", "'0044-03-15 BC'", "'10000-01-01'"}},
		{"time", []string{"'09:30:00.123456'", "'24:00:00'"}},
		{"timetz", []string{"'09:30:00.5+02'"}},
		{"timestamp", []string{"'2026-11-19 09:30:00.123456'", "'infinity'", "'0044-03-15 10:00:00 BC'", "'10000-01-01 00:00:00'", "'2026-11-19'"}},
		{"timestamptz", []string{"'2026-11-19 09:30:00.123456+02'", "'-infinity'", "'0044-03-15 10:00:00+00 BC'", "'10000-01-01 00:00:00+00'"}},
		{"interval", []string{"'1 year 2 mons -3 days 04:05:06.789'", "'0'", "'-1 day'"}},
		{"uuid", []string{"'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"}},
		{"json", []string{`'{"b": 1,` + "\n" + ` "a": [null, "x\n"]}'`, "'null'", `'{"json": null}'`, `'"text"'`, `'{"base64": "AA=="}'`, "'[1, 2]'"}},
		{"jsonb", []string{`'{"b": 1.5, "a": {"c": "ü"}}'`, "'null'", `'{"json": 7}'`, `'"text"'`, "'true'", "'[]'", "'12345678901'"}},
		{"integer[]", []string{"'{}'", "'{1,NULL,3}'", "'{{1,2},{3,4}}'", "'[0:1]={5,6}'"}},
		{"text[]", []string{`'{"a b",NULL,"NULL","","q\"uote","back\\slash","c,d","{e}"}'`}},
		{"bytea[]", []string{`'{"\\x00ff",NULL}'`}},
		{"bigint[]", []string{"'{9007199254740993,1}'"}},
		{"timestamptz[]", []string{"'{2026-11-19 09:30:00+00,infinity}'"}},
		{"boolean[]", []string{"'{t,f,NULL}'"}},
		{"numeric[]", []string{"'{1.10,NaN}'"}},
		{"mood", []string{"'happy'", "'it''s so, so'"}},
		{"mood[]", []string{`'{happy,"it''s so, so"}'`}},
		{"cents", []string{"100"}},
		{"point", []string{"'(1.5,-2)'"}},
		{"inet", []string{"'10.0.0.1/8'", "'::1'"}},
		{"int4range", []string{"'[1,5)'", "'empty'"}},
		{"bit varying(8)", []string{"B'101'", "B''"}},
		{"bit(3)", []string{"B'101'"}},
		{"money", []string{"12.34"}},
		{"tsvector", []string{"'a fat cat'"}},
		{"xml", []string{"'<a>b</a>'"}},
		{"pair", []string{"'(1,\"a b\")'"}},
		{`"char"`, []string{"'x'"}},
		{"name", []string{"'posts'"}},
	}
}

func mariadbKinds() []kind {
	return []kind{
		{"tinyint", []string{"-128", "127"}},
		{"boolean", []string{"true", "false"}},
		{"int unsigned", []string{"4294967295"}},
		{"bigint", []string{"9007199254740993", "-9223372036854775808"}},
		{"bigint unsigned", []string{"18446744073709551615", "7"}},
		{"decimal(40,10)", []string{"12.10", "-123456789012345678901234567890.1234567891"}},
		{"double", []string{"0.1", "1.7976931348623157e308", "-0.5", "3"}},
		{"varchar(50)", []string{"''", "'NULL'", `'a"b\\c'`, `'line\nend'`, "'ünï😀'", "'7'"}},
		{"char(5)", []string{"'ab'"}},
		{"longtext", []string{"'{\"a\": 1}'", "'[1]'"}},
		{"blob", []string{"X''", "X'00FF5C22'"}},
		{"varbinary(9)", []string{"X'0001'"}},
		{"bit(9)", []string{"b'101000001'"}},
		{"date", []string{"'2026-11-19'"}},
		{"time(6)", []string{"'-838:59:59'", "'09:30:00.123456'"}},
		{"datetime(6)", []string{"'2026-11-19 09:30:00.123456'", "'2026-11-19 00:00:00'"}},
		{"timestamp(6) NULL", []string{"'2026-11-19 09:30:00.5'"}},
		{"year", []string{"2026"}},
		{"enum('a','it''s')", []string{"'it''s'"}},
		{"json", []string{`'{"b": 1, "a": [null]}'`}},
		{"uuid", []string{"'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"}},
		{"inet6", []string{"'::1'"}},
		{"point", []string{"ST_GeomFromText('POINT(1 2)')"}},
	}
}

func sqliteKinds() []kind {
	return []kind{
		{"INTEGER", []string{"0", "9007199254740993", "-9223372036854775808", "'text in it'", "1.5"}},
		{"REAL", []string{"0.1", "3.0", "9e999", "-9e999", "1.7976931348623157e308", "-0.0"}},
		{"NUMERIC", []string{"12.10", "7"}},
		{"TEXT", []string{"''", "'NULL'", `'a"b\c'`, "'ünï😀'", "'7'", "'Infinity'", "'{\"a\": 1}'", "'[1]'", "X'41'"}},
		{"BLOB", []string{"X''", "X'00FF5C22'", "'text'"}},
		{"", []string{"7", "'7'", "X'37'", "0.5"}},
		{"DATETIME", []string{"'2026-11-19 09:30:00'", "'2026-11-19T09:30:00+02:00'", "1763544600", "'soon'"}},
		{"DATE", []string{"'2026-11-19'"}},
		{"BOOLEAN", []string{"1", "0"}},
	}
}

// TestTypes: values go through a program, in Python or Node, or a function in Go,
// that hands them back, and come out as they were: of the same type, to the last
// digit, NULL as NULL and empty as empty.
func TestTypes(t *testing.T) {
	interpreter(t, "python3")
	interpreter(t, "node")
	for _, e := range engines() {
		for _, by := range []string{"python3 testdata/echo.py", "node testdata/echo.mjs", ""} {
			t.Run(e.name+"/"+by, func(t *testing.T) {
				t.Parallel()
				url := e.fresh(t)
				makeLedger(t, url)
				all := kinds(e.name)
				rows := typed(t, url, e, all)
				var columns, sets []string
				for i := range all {
					columns = append(columns, fmt.Sprintf("c%d", i))
					sets = append(sets, fmt.Sprintf("d%d = :c%d", i, i))
				}
				s := byLogic("SELECT id, "+strings.Join(columns, ", ")+" FROM vals WHERE :chunk",
					"UPDATE vals SET done = 1, "+strings.Join(sets, ", ")+" WHERE id = :id")
				s.Fill.Table = "vals"
				if s.Fill.Program = by; by != "" {
					s.Fill.Function = ""
				}
				filled(t, url, s, logicOptions(url, each(func(row map[string]any) fill.Answer { return fill.Answer{Row: row} })))
				if n := number(t, url, "SELECT COUNT(*) FROM vals WHERE done = 1"); n != rows {
					t.Fatalf("%d of %d rows were written", n, rows)
				}
				for i, k := range all {
					same(t, url, e, i, k)
				}
			})
		}
	}
}

// typed makes a table with two columns of each type, the first of which has each
// value in a row of its own; and one row of nulls.
func typed(t *testing.T, url string, e engine, all []kind) (rows int64) {
	t.Helper()
	if e.name == "postgres" {
		do(t, url, "CREATE TYPE mood AS ENUM ('happy', 'it''s so, so')", "CREATE DOMAIN cents AS bigint", "CREATE TYPE pair AS (a int, b text)")
	}
	var columns []string
	var inserts []string
	id := 1
	for i, k := range all {
		columns = append(columns, fmt.Sprintf("c%d %s, d%d %s", i, k.sql, i, k.sql))
		for _, v := range k.values {
			inserts = append(inserts, fmt.Sprintf("INSERT INTO vals (id, c%d) VALUES (%d, %s)", i, id, v))
			id++
		}
	}
	inserts = append(inserts, fmt.Sprintf("INSERT INTO vals (id) VALUES (%d)", id))
	do(t, url, append([]string{"CREATE TABLE vals (id " + e.integer + " NOT NULL PRIMARY KEY, done " + e.integer + ", " + strings.Join(columns, ", ") + ")"}, inserts...)...)
	return int64(id)
}

// same demands that both columns of a type hold the same, by their text.
func same(t *testing.T, url string, e engine, i int, k kind) {
	t.Helper()
	text := func(column string) string {
		c := fmt.Sprintf("%s%d", column, i)
		switch e.name {
		case "postgres":
			if k.sql == "json" { // blanks in it are not kept
				c += "::jsonb"
			}
			return c + "::text"
		case "mariadb":
			return "HEX(" + c + ")"
		}
		return "typeof(" + c + ") || quote(" + c + ")"
	}
	distinct := text("c") + " IS DISTINCT FROM " + text("d")
	switch e.name {
	case "mariadb":
		distinct = "NOT (" + text("c") + " <=> " + text("d") + ")"
	case "sqlite":
		distinct = text("c") + " IS NOT " + text("d")
	}
	c := session(t, url)
	defer c.Close()
	rows, err := c.Query(t.Context(), "SELECT id, "+text("c")+", "+text("d")+" FROM vals WHERE "+distinct)
	if err != nil {
		t.Fatalf("%s: %v", k.sql, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var was, is *string
		if err := rows.Scan(&id, &was, &is); err != nil {
			t.Fatal(err)
		}
		t.Errorf("%s: %s became %s", k.sql, shown(was), shown(is))
	}
}

func shown(s *string) string {
	if s == nil {
		return "NULL"
	}
	return fmt.Sprintf("%q", *s)
}

// TestValues: what an answer may hold for a parameter, and what it may not.
func TestValues(t *testing.T) {
	e := engines()[1]
	tests := []struct {
		kind  string
		value any
		want  string // the text of what is written, or the error
	}{
		{"bigint", "9223372036854775807", "9223372036854775807"},
		{"bigint", 3.0, "3"},
		{"bigint", true, "1"},
		{"integer[]", []int{1, 2}, "{1,2}"},
		{"text[]", []string{"a", "NULL"}, `{a,"NULL"}`},
		{"jsonb", map[string]any{"a": 1}, `{"a": 1}`},
		{"text", []int{1}, "the value of :v cannot be written: it is a list, and the statement takes text there"},
		{"bytea", []byte{1, 255}, `\x01ff`},
		{"point", map[string]int{"x": 1}, "the value of :v cannot be written: it is an object, and the statement takes point there"},
		{"integer", "seven", "invalid input syntax for type integer"},
	}
	url := e.fresh(t)
	makeLedger(t, url)
	for i, tt := range tests {
		table := fmt.Sprintf("t%d", i)
		do(t, url, fmt.Sprintf("CREATE TABLE %s (id int PRIMARY KEY, v %s)", table, tt.kind), "INSERT INTO "+table+" (id) VALUES (1)")
		s := byLogic("SELECT id FROM "+table+" WHERE :chunk", "UPDATE "+table+" SET v = :v WHERE id = :id")
		s.Revision, s.Fill.Table = revision.ID(fmt.Sprint(100+i)), table
		o := logicOptions(url, each(func(row map[string]any) fill.Answer {
			return fill.Answer{Row: map[string]any{"id": row["id"], "v": tt.value}}
		}))
		c := session(t, url)
		f, err := fill.Plan(t.Context(), c, s, revision.Up, o)
		c.Close()
		if err == nil {
			_, err = fill.Work(t.Context(), f.ID, o)
		}
		got := ""
		if err != nil {
			if got = err.Error(); !fault.Has(err, fault.Failed) && !strings.Contains(got, tt.want) {
				t.Errorf("%s: %v", tt.kind, err)
			}
		} else {
			got = text(t, url, "SELECT v::text FROM "+table)
		}
		if got != tt.want && (err == nil || !strings.Contains(got, tt.want)) {
			t.Errorf("%s: %v gave %s, not %s", tt.kind, tt.value, got, tt.want)
		}
	}
}
