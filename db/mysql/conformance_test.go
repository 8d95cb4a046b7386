package mysql_test

import (
	"context"
	"database/sql"
	"net/url"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/dbtest"
	"github.com/bellowsdb/bellows/db/mysql"
	"github.com/bellowsdb/bellows/internal/testdb"
)

func TestConformance(t *testing.T) {
	dbtest.Run(t, dbtest.Database{
		Driver:   mysql.Driver{},
		URL:      testdb.MariaDB,
		Missing:  func(t testing.TB) string { return missing(t, testdb.MariaDB(t)) },
		Mark:     func(int) string { return "?" },
		Slow:     "SELECT SLEEP(60)",
		Warns:    "DROP TABLE IF EXISTS `no ``such`",
		WarnText: "no `such",
		Adopt:    adopt,
	})
}

// missing is the URL of a database with an odd name beside another one.
func missing(t testing.TB, beside string) string {
	u, err := url.Parse(beside)
	if err != nil {
		t.Fatal("not a URL")
	}
	u.Path += "_odd `n`"
	t.Cleanup(func() { mysql.Driver{}.Drop(context.Background(), u.String()) })
	return u.String()
}

func adopt(t testing.TB, raw string) (func(context.Context, db.Options) (db.Conn, error), func() string) {
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal("not a URL")
	}
	password, _ := u.User.Password()
	pool, err := sql.Open("mysql", u.User.Username()+":"+password+"@tcp("+u.Host+")"+u.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	pool.SetMaxOpenConns(1)
	settings := func() string {
		var all []string
		for _, name := range []string{"lock_wait_timeout", "innodb_lock_wait_timeout", "max_statement_time", "time_zone", "idle_transaction_timeout", "tx_read_only", "in_transaction", "sql_mode"} {
			var value string
			if err := pool.QueryRow("SELECT @@" + name).Scan(&value); err != nil {
				t.Fatal(err)
			}
			all = append(all, name+"="+value)
		}
		return strings.Join(all, " ")
	}
	return func(ctx context.Context, o db.Options) (db.Conn, error) { return mysql.FromSQL(ctx, pool, o) }, settings
}
