package mysql_test

import (
	"context"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/mysql"
	"github.com/bellowsdb/bellows/db/synctest"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/internal/testdb"
)

func TestSync(t *testing.T) {
	column := func(name, kind string) dialect.SyncColumn { return dialect.SyncColumn{Name: name, Type: kind} }
	synctest.Run(t, synctest.Database{
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
			"a replaced trigger": {"CREATE OR REPLACE TRIGGER bellows_1_update BEFORE UPDATE ON items FOR EACH ROW SET NEW.c = NEW.c"},
		},
		Upsert: "ON DUPLICATE KEY UPDATE", Incoming: "VALUES(%s)",
	})
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
