package postgres_test

import (
	"fmt"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/db/synctest"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/internal/testdb"
)

func TestSync(t *testing.T) {
	for _, server := range testdb.PostgresMajors(t) {
		t.Run(fmt.Sprint(server.Major), func(t *testing.T) {
			column := func(name, kind string) dialect.SyncColumn { return dialect.SyncColumn{Name: name, Type: kind} }
			synctest.Run(t, synctest.Database{
				Driver: postgres.Driver{},
				URL:    server.Database,
				Schema: "public",
				Merge: synctest.Change{
					Table:    "(id int PRIMARY KEY, a text, b text, c text, title text)",
					Old:      []dialect.SyncColumn{column("a", "text"), column("b", "text")},
					New:      []dialect.SyncColumn{column("c", "text")},
					Forward:  []string{"a || '-' || items.b"},
					Backward: []string{"split_part(c, '-', 1)", "split_part(c, '-', 2)"},
				},
				Round: synctest.Change{
					Table:    "(id int PRIMARY KEY, n numeric(8,2), m int, title text)",
					Old:      []dialect.SyncColumn{column("n", "numeric(8,2)")},
					New:      []dialect.SyncColumn{column("m", "integer")},
					Forward:  []string{"floor(n)"},
					Backward: []string{"m"},
				},
				Widen: synctest.Change{
					Table:    "(id int PRIMARY KEY, n int, m numeric(8,2), title text)",
					Old:      []dialect.SyncColumn{column("n", "integer")},
					New:      []dialect.SyncColumn{column("m", "numeric(8,2)")},
					Forward:  []string{"n"},
					Backward: []string{"floor(m)"},
				},
				Pair: synctest.Change{
					Old:      []dialect.SyncColumn{column("a", "character varying(20)"), {Name: "b", Type: "character varying(20)", NotNull: true, Default: "''"}},
					New:      []dialect.SyncColumn{column("c", "character varying(20)"), {Name: "d", Type: "character varying(20)", NotNull: true, Default: "''"}},
					Forward:  []string{"a", "items.b"},
					Backward: []string{"things.c", "d"},
				},
				Defaults: synctest.Change{
					Table:    "(id int PRIMARY KEY, n int DEFAULT 0, m numeric(8,2) NOT NULL DEFAULT -1, title text)",
					Old:      []dialect.SyncColumn{{Name: "n", Type: "integer", Default: "0"}},
					New:      []dialect.SyncColumn{{Name: "m", Type: "numeric(8,2)", NotNull: true, Default: "'-1'::integer"}},
					Forward:  []string{"n"},
					Backward: []string{"floor(m)"},
				},
				Names: true, Application: func(_ db.Conn, name string) string { return name },
				Tampers: map[string][]string{
					"a dropped trigger":                 {"DROP TRIGGER zzzz_bellows_1_update ON items"},
					"a disabled trigger":                {"ALTER TABLE items DISABLE TRIGGER zzzz_bellows_1_update"},
					"all triggers disabled and enabled": {"ALTER TABLE items DISABLE TRIGGER USER", "ALTER TABLE items ENABLE TRIGGER USER"},
					"a replaced function":               {"CREATE OR REPLACE FUNCTION bellows_1_sync() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"},
					"a narrower trigger":                {"CREATE OR REPLACE TRIGGER zzzz_bellows_1_update BEFORE UPDATE OF a ON items FOR EACH ROW EXECUTE FUNCTION bellows_1_sync()", "ALTER TABLE items ENABLE ALWAYS TRIGGER zzzz_bellows_1_update"},
					"a function that counts nothing":    {"CREATE OR REPLACE FUNCTION bellows_1_count() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"},
				},
				Spelled: func(c string) string { return "coalesce(" + c + "::text, 'null')" },
				Kinds: map[string]synctest.Kind{
					"point":                         {Type: "point", Values: []string{"'(1,2)'", "'(1,2.0000000000000004)'", "'(1,-0)'"}},
					"json":                          {Type: "json", Values: []string{`'{"a":1}'`, `'{"a": 1}'`, `'null'`}},
					"jsonb":                         {Type: "jsonb", Values: []string{`'{"a":1}'`, `'{"a":1.0}'`, `'null'`}},
					"xml":                           {Type: "xml", Values: []string{`'<a/>'`, `'<a></a>'`, `'<a> </a>'`}},
					"float8":                        {Type: "double precision", Values: []string{"0", "'-0'", "0.3", "0.30000000000000004", "'NaN'"}},
					"float4":                        {Type: "real", Values: []string{"0.1", "0.10000001", "'-0'"}},
					"numeric":                       {Type: "numeric", Values: []string{"1.0", "1.00", "'NaN'"}},
					"numeric with a scale":          {Type: "numeric(6,2)", Values: []string{"1.001", "1.01", "-1"}},
					"text":                          {Type: "text", Values: []string{"'a'", "'A'", "'a '", "''", `'a\b'`, `'a''b'`}},
					"char":                          {Type: "character(5)", Values: []string{"'a'", "'A'", "'a b'"}},
					"varchar":                       {Type: "character varying(4)", Values: []string{"'a'", "'a '", "'abcd'"}},
					"bytea":                         {Type: "bytea", Values: []string{`'\x00'`, `'\x0000'`, `'\x'`}},
					"timestamptz":                   {Type: "timestamp with time zone", Values: []string{"'2026-03-29 01:30+00'", "'2026-03-29 01:30:00.000001+00'", "'infinity'"}},
					"timestamp with a precision":    {Type: "timestamp(0) without time zone", Values: []string{"'2026-03-29 01:30:00.4'", "'2026-03-29 01:30:01'", "'-infinity'"}},
					"date":                          {Type: "date", Values: []string{"'2026-02-28'", "'2026-03-01'", "'0001-01-01 BC'"}},
					"interval":                      {Type: "interval", Values: []string{"'1 month'", "'30 days'", "'720 hours'"}},
					"array":                         {Type: "integer[]", Values: []string{"'{1,2}'", "'{1,NULL}'", "'[0:1]={1,2}'", "'{}'"}},
					"array of texts":                {Type: "text[]", Values: []string{"'{a}'", "'{A}'", `'{"a "}'`}},
					"enum":                          {Make: []string{"CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad')"}, Type: "mood", Values: []string{"'sad'", "'ok'", "'glad'"}},
					"composite":                     {Make: []string{"CREATE TYPE pair AS (x int, y text)"}, Type: "pair", Values: []string{"'(1,a)'", "'(1,)'", "'(,)'"}},
					"domain":                        {Make: []string{"CREATE DOMAIN short AS varchar(3) CHECK (value <> 'no')"}, Type: "short", Values: []string{"'a'", "'A'", "'a  '"}},
					"uuid":                          {Type: "uuid", Values: []string{"'00000000-0000-0000-0000-000000000000'", "'00000000-0000-0000-0000-000000000001'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"}},
					"boolean":                       {Type: "boolean", Values: []string{"true", "false"}},
					"bits":                          {Type: "bit varying(4)", Values: []string{"B'0'", "B'00'", "B'1'"}},
					"range":                         {Type: "int4range", Values: []string{"'[1,3)'", "'[1,4)'", "'empty'"}},
					"a collation that ignores case": {Make: []string{"CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"}, Type: "text COLLATE nocase", Told: "text", Values: []string{"'a'", "'A'", "'b'"}},
				},
				Integer: "integer", Upsert: "ON CONFLICT (%s) DO UPDATE SET", Incoming: "excluded.%s",
			})
		})
	}
}
