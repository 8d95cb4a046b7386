package ledger

import (
	"context"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/mysql"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/db/sqlite"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// everywhere gives the ledger of a fresh database of each kind.
func everywhere(t *testing.T, test func(t *testing.T, c db.Conn, l Ledger)) {
	for _, e := range []struct {
		name   string
		driver db.Driver
		fresh  func(testing.TB) string
	}{{"sqlite", sqlite.Driver{}, testdb.SQLite}, {"postgres", postgres.Driver{}, testdb.Postgres}, {"mariadb", mysql.Driver{}, testdb.MariaDB}} {
		t.Run(e.name, func(t *testing.T) {
			c, err := e.driver.Open(context.Background(), e.fresh(t), db.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			l := New(c.Dialect(), "ledger")
			for _, sql := range l.Create() {
				if _, err := c.Exec(context.Background(), sql); err != nil {
					t.Fatal(err)
				}
			}
			test(t, c, l)
		})
	}
}

// An older ledger is brought forward, step by step, once, by whoever comes
// first; until then it is said to be older, and after that too new for the
// older build.
func TestUpgrade(t *testing.T) {
	if 1+len(released) != Format {
		t.Fatalf("%d steps lead to format %d", len(released), Format)
	}
	everywhere(t, func(t *testing.T, c db.Conn, old Ledger) {
		ctx := context.Background()
		l, ran := old, ""
		l.steps = []step{
			func(l Ledger) []string {
				ran += "2"
				return []string{"CREATE TABLE IF NOT EXISTS " + l.table("novelty") + " (id int)"}
			},
			func(l Ledger) []string {
				ran += "3"
				return []string{"INSERT INTO " + l.table("novelty") + " VALUES (3)"}
			},
		}
		if ok, err := old.Exists(ctx, c); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if _, err := l.Exists(ctx, c); !Outdated(err) {
			t.Fatal(err)
		}
		if _, err := l.Read(ctx, c); !Outdated(err) {
			t.Fatal(err)
		}
		for range 2 {
			if err := l.Upgrade(ctx, c, By{Run: "r", Actor: "ada"}); err != nil {
				t.Fatal(err)
			}
		}
		if ran != "23" {
			t.Errorf("steps %q were run", ran)
		}
		if ok, err := l.Exists(ctx, c); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if _, err := old.Exists(ctx, c); !fault.Has(err, fault.LedgerNewer) {
			t.Error(err)
		}
		var n int64
		if _, err := one(ctx, c, "SELECT count(*) FROM "+l.table("novelty"), &n); err != nil || n != 1 {
			t.Error(n, err)
		}
		lines, err := l.Journal(ctx, c, 0)
		if err != nil || len(lines) != 2 || lines[1].Action != "upgrade" || lines[1].Actor != "ada" {
			t.Errorf("%+v, %v", lines, err)
		}
	})
}

// A step that fails changes nothing where DDL can be rolled back, and is done
// again where it cannot.
func TestUpgradeFails(t *testing.T) {
	everywhere(t, func(t *testing.T, c db.Conn, l Ledger) {
		ctx := context.Background()
		bad := "INSERT INTO nowhere VALUES (1)"
		l.steps = []step{func(l Ledger) []string {
			return []string{"CREATE TABLE IF NOT EXISTS " + l.table("novelty") + " (id int)", bad}
		}}
		if err := l.Upgrade(ctx, c, By{}); err == nil {
			t.Fatal("no error")
		}
		if _, err := l.Exists(ctx, c); !Outdated(err) {
			t.Fatal(err)
		}
		var n int64
		if _, err := one(ctx, c, "SELECT count(*) FROM "+l.table("novelty"), &n); err == nil && l.t.TransactionalDDL {
			t.Error("the first statement stayed")
		}
		bad = "SELECT 1"
		if err := l.Upgrade(ctx, c, By{}); err != nil {
			t.Fatal(err)
		}
		if ok, err := l.Exists(ctx, c); !ok || err != nil {
			t.Fatal(ok, err)
		}
	})
}
