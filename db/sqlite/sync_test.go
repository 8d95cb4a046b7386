package sqlite_test

import (
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/sqlite"
	"github.com/bellowsdb/bellows/db/synctest"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/internal/testdb"
)

func TestSync(t *testing.T) {
	column := func(name, kind string) dialect.SyncColumn { return dialect.SyncColumn{Name: name, Type: kind} }
	synctest.Run(t, synctest.Database{
		Driver: sqlite.Driver{},
		URL:    testdb.SQLite,
		After:  true, Foreign: "PRAGMA foreign_keys = ON",
		Merge: synctest.Change{
			Table:    "(id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE, b TEXT COLLATE RTRIM, c TEXT COLLATE NOCASE, title TEXT)",
			Old:      []dialect.SyncColumn{column("a", "TEXT"), column("b", "TEXT")},
			New:      []dialect.SyncColumn{column("c", "TEXT")},
			Forward:  []string{"a || '-' || items.b"},
			Backward: []string{"substr(c, 1, instr(c, '-') - 1)", "substr(c, instr(c, '-') + 1)"},
		},
		Round: synctest.Change{
			Table:    "(id INTEGER PRIMARY KEY, n NUMERIC, m INTEGER, title TEXT)",
			Old:      []dialect.SyncColumn{column("n", "NUMERIC")},
			New:      []dialect.SyncColumn{column("m", "INTEGER")},
			Forward:  []string{"CAST(n AS INTEGER)"},
			Backward: []string{"m"},
		},
		Widen: synctest.Change{
			Table:    "(id INTEGER PRIMARY KEY, n INTEGER, m NUMERIC, title TEXT)",
			Old:      []dialect.SyncColumn{column("n", "INTEGER")},
			New:      []dialect.SyncColumn{column("m", "NUMERIC")},
			Forward:  []string{"n"},
			Backward: []string{"CAST(m AS INTEGER)"},
		},
		Pair: synctest.Change{
			Old:      []dialect.SyncColumn{column("a", "VARCHAR(20)"), {Name: "b", Type: "VARCHAR(20)", NotNull: true, Default: "''"}},
			New:      []dialect.SyncColumn{column("c", "VARCHAR(20)"), {Name: "d", Type: "VARCHAR(20)", NotNull: true, Default: "''"}},
			Forward:  []string{"a", "items.b"},
			Backward: []string{"things.c", "d"},
		},
		Defaults: synctest.Change{
			Table:    "(id INTEGER PRIMARY KEY, n INTEGER DEFAULT 0, m NUMERIC NOT NULL DEFAULT -1, title TEXT)",
			Old:      []dialect.SyncColumn{{Name: "n", Type: "INTEGER", Default: "0"}},
			New:      []dialect.SyncColumn{{Name: "m", Type: "NUMERIC", NotNull: true, Default: "-1"}},
			Forward:  []string{"n"},
			Backward: []string{"CAST(m AS INTEGER)"},
		},
		Application: func(db.Conn, string) string { return "" }, Needed: true,
		Tampers: map[string][]string{
			"a dropped trigger":  {"DROP TRIGGER bellows_1_update"},
			"a replaced trigger": {"DROP TRIGGER bellows_1_update", "CREATE TRIGGER bellows_1_update AFTER UPDATE OF a ON items BEGIN SELECT 1; END"},
		},
		Spelled: func(c string) string { return "(typeof(" + c + ") || quote(" + c + "))" },
		Kinds: map[string]synctest.Kind{
			"integer":           {Type: "INTEGER", Values: []string{"0", "-1", "9223372036854775807", "'x'", "1.5"}},
			"real":              {Type: "REAL", Values: []string{"0", "0.3", "0.30000000000000004", "'x'"}},
			"text":              {Type: "TEXT", Values: []string{"'a'", "'A'", "'a '", "''", "1", "1.5", "x'61'", "'a''b'"}},
			"text without case": {Type: "VARCHAR(10) COLLATE NOCASE", Told: "VARCHAR(10)", Values: []string{"'a'", "'A'", "'a '", "''"}},
			"blob":              {Type: "BLOB", Values: []string{"x'00'", "x'0000'", "x''", "'a'", "x'61'", "1", "1.0", "'1'"}},
			"numeric":           {Type: "DECIMAL(10,2)", Values: []string{"1", "1.5", "'x'", "x'31'", "'1.25'"}},
			"anything":          {Type: "", Values: []string{"1", "1.0", "'1'", "x'31'", "'a'", "'A'"}},
		},
		Integer: "int", Upsert: "ON CONFLICT (%s) DO UPDATE SET", Incoming: "excluded.%s",
	})
}
