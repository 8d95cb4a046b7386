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
				Defaults: synctest.Change{
					Table:    "(id int PRIMARY KEY, n int DEFAULT 0, m numeric(8,2) NOT NULL DEFAULT -1, title text)",
					Old:      []dialect.SyncColumn{{Name: "n", Type: "integer", Default: "0"}},
					New:      []dialect.SyncColumn{{Name: "m", Type: "numeric(8,2)", NotNull: true, Default: "'-1'::integer"}},
					Forward:  []string{"n"},
					Backward: []string{"floor(m)"},
				},
				Names: true, Application: func(_ db.Conn, name string) string { return name },
				Tampers: map[string][]string{
					"a dropped trigger":                 {"DROP TRIGGER zzzz_bellows_1_sync ON items"},
					"a disabled trigger":                {"ALTER TABLE items DISABLE TRIGGER zzzz_bellows_1_sync"},
					"all triggers disabled and enabled": {"ALTER TABLE items DISABLE TRIGGER USER", "ALTER TABLE items ENABLE TRIGGER USER"},
					"a replaced function":               {"CREATE OR REPLACE FUNCTION bellows_1_sync() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"},
					"a narrower trigger":                {"CREATE OR REPLACE TRIGGER zzzz_bellows_1_sync BEFORE UPDATE OF a ON items FOR EACH ROW EXECUTE FUNCTION bellows_1_sync()", "ALTER TABLE items ENABLE ALWAYS TRIGGER zzzz_bellows_1_sync"},
					"a function that counts nothing":    {"CREATE OR REPLACE FUNCTION bellows_1_count() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"},
				},
				Upsert: "ON CONFLICT (%s) DO UPDATE SET", Incoming: "excluded.%s",
			})
		})
	}
}
