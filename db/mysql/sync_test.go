package mysql_test

import (
	"context"
	"os"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/mysql"
	"github.com/bellowsdb/bellows/db/synctest"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/internal/testdb"
)

func TestSync(t *testing.T) {
	column := func(name, kind string) dialect.SyncColumn { return dialect.SyncColumn{Name: name, Type: kind} }
	d := synctest.Database{
		Driver: mysql.Driver{},
		URL:    testdb.MariaDB,
		Merge: synctest.Change{
			Table:    "(id int PRIMARY KEY, a varchar(20), b varchar(20), c varchar(50), title text) COLLATE utf8mb4_general_ci",
			Old:      []dialect.SyncColumn{column("a", "varchar(20)"), column("b", "varchar(20)")},
			New:      []dialect.SyncColumn{column("c", "varchar(50)")},
			Forward:  []string{"CONCAT(a, '-', items.b)"},
			Backward: []string{"SUBSTRING_INDEX(c, '-', 1)", "SUBSTRING(c, LOCATE('-', c) + 1)"},
		},
		Round: synctest.Change{
			Table:    "(id int PRIMARY KEY, n decimal(8,2), m int, title text)",
			Old:      []dialect.SyncColumn{column("n", "decimal(8,2)")},
			New:      []dialect.SyncColumn{column("m", "int(11)")},
			Forward:  []string{"FLOOR(n)"},
			Backward: []string{"m"},
		},
		Widen: synctest.Change{
			Table:    "(id int PRIMARY KEY, n int, m decimal(8,2), title text)",
			Old:      []dialect.SyncColumn{column("n", "int(11)")},
			New:      []dialect.SyncColumn{column("m", "decimal(8,2)")},
			Forward:  []string{"n"},
			Backward: []string{"FLOOR(m)"},
		},
		Pair: synctest.Change{
			Old:      []dialect.SyncColumn{column("a", "varchar(20)"), {Name: "b", Type: "varchar(20)", NotNull: true, Default: "''"}},
			New:      []dialect.SyncColumn{column("c", "varchar(20)"), {Name: "d", Type: "varchar(20)", NotNull: true, Default: "''"}},
			Forward:  []string{"a", "items.b"},
			Backward: []string{"things.c", "d"},
		},
		Defaults: synctest.Change{
			Table:    "(id int PRIMARY KEY, n int DEFAULT 0, m decimal(8,2) NOT NULL DEFAULT -1, title text)",
			Old:      []dialect.SyncColumn{{Name: "n", Type: "int(11)", Default: "0"}},
			New:      []dialect.SyncColumn{{Name: "m", Type: "decimal(8,2)", NotNull: true, Default: "-1.00"}},
			Forward:  []string{"n"},
			Backward: []string{"FLOOR(m)"},
		},
		Application: func(c db.Conn, _ string) string { return userOf(c) },
		Tampers: map[string][]string{
			"a dropped trigger":  {"DROP TRIGGER bellows_1_update"},
			"a replaced trigger": {"DROP TRIGGER bellows_1_update", "CREATE TRIGGER bellows_1_update BEFORE UPDATE ON items FOR EACH ROW SET NEW.c = NEW.c"},
		},
		Spelled: func(c string) string { return "COALESCE(HEX(CAST(" + c + " AS BINARY)), 'null')" },
		Kinds: map[string]synctest.Kind{
			"int":       {Type: "int(11)", Values: []string{"0", "-1", "2147483647"}},
			"unsigned":  {Type: "bigint(20) unsigned", Values: []string{"0", "18446744073709551615", "18446744073709551614"}},
			"decimal":   {Type: "decimal(10,2)", Values: []string{"1.01", "1.02", "-1"}},
			"float":     {Type: "float", Values: []string{"1.1", "1.1000001", "-1", "0"}},
			"double":    {Type: "double", Values: []string{"0", "-1e-300", "0.3", "0.30000000000000004"}},
			"varchar":   {Type: "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", Values: []string{"'a'", "'A'", "'ä'", "'a '", "''"}},
			"latin1":    {Type: "varchar(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci", Values: []string{"'a'", "'A'", "'ä'", "'Ä'"}},
			"char":      {Type: "char(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", Values: []string{"'a'", "'A'", "'b '"}},
			"text":      {Type: "text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", Values: []string{"'a'", "'a '", "'😀'", "''"}},
			"blob":      {Type: "blob", Values: []string{"X'00'", "X'0000'", "X''", "X'FF'"}},
			"binary":    {Type: "binary(4)", Values: []string{"X'00'", "X'01'", "X'0100000A'"}},
			"varbinary": {Type: "varbinary(4)", Values: []string{"X'00'", "X'0000'", "'a'", "'A'"}},
			"date":      {Type: "date", Values: []string{"'2026-02-28'", "'2026-03-01'", "'1000-01-01'"}},
			"datetime":  {Type: "datetime(6)", Values: []string{"'2026-03-29 02:30:00'", "'2026-03-29 02:30:00.000001'", "'1000-01-01'"}},
			"timestamp": {Type: "timestamp(3) NULL", Told: "timestamp(3)", Values: []string{"'2026-03-29 02:30:00'", "'2026-03-29 02:30:00.001'"}},
			"time":      {Type: "time(2)", Values: []string{"'-01:00:00.01'", "'-01:00:00'", "'838:59:59'"}},
			"year":      {Type: "year(4)", Values: []string{"1999", "2026"}},
			"enum":      {Type: "enum('a','b','') CHARACTER SET utf8mb4", Told: "enum('a','b','')", Values: []string{"'a'", "'b'", "''"}},
			"set":       {Type: "set('a','b') CHARACTER SET utf8mb4", Told: "set('a','b')", Values: []string{"'a'", "'a,b'", "''"}},
			"bit":       {Type: "bit(3)", Values: []string{"b'000'", "b'101'", "b'111'"}},
			"json":      {Type: "json", Values: []string{`'{"a": 1}'`, `'{"a": 2}'`, `'null'`}},
			"point":     {Type: "point", Values: []string{"ST_PointFromText('POINT(1 2)')", "ST_PointFromText('POINT(1 2.0000000000000004)')", "ST_PointFromText('POINT(2 1)')"}},
		},
		Integer: "int(11)", Upsert: "ON DUPLICATE KEY UPDATE", Incoming: "VALUES(%s)",
	}
	if os.Getenv("BELLOWS_TEST_MYSQLD") == "" { // types that only MariaDB has
		d.Kinds["uuid"] = synctest.Kind{Type: "uuid", Values: []string{"'00000000-0000-0000-0000-000000000000'", "'00000000-0000-0000-0000-000000000001'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"}}
		d.Kinds["inet6"] = synctest.Kind{Type: "inet6", Values: []string{"'::1'", "'::2'", "'::'"}}
	}
	synctest.Run(t, d)
}

func userOf(c db.Conn) string {
	rows, err := c.Query(context.Background(), "SELECT USER()")
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	var user string
	for rows.Next() {
		if err := rows.Scan(&user); err != nil {
			return err.Error()
		}
	}
	return user
}
