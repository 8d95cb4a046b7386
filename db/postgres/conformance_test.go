package postgres_test

import (
	"context"
	"fmt"
	"net/url"
	"testing"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/dbtest"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/jackc/pgx/v5"
)

func TestConformance(t *testing.T) {
	for _, server := range testdb.PostgresMajors(t) {
		t.Run(fmt.Sprint(server.Major), func(t *testing.T) {
			dbtest.Run(t, dbtest.Database{
				Driver:   postgres.Driver{},
				URL:      server.Database,
				Missing:  func(t testing.TB) string { return missing(t, server.Database(t)) },
				Mark:     func(n int) string { return fmt.Sprintf("$%d", n) },
				Slow:     "SELECT pg_sleep(60)",
				Warns:    `DROP TABLE IF EXISTS "no ""such"`,
				WarnText: `no "such`,
				Adopt:    adopt,
			})
		})
	}
}

// missing is the URL of a database with an odd name beside another one.
func missing(t testing.TB, beside string) string {
	u, err := url.Parse(beside)
	if err != nil {
		t.Fatal("not a URL")
	}
	u.Path += `_odd "n"`
	t.Cleanup(func() { postgres.Driver{}.Drop(context.Background(), u.String()) })
	return u.String()
}

func adopt(t testing.TB, url string) (func(context.Context, db.Options) (db.Conn, error), func() string) {
	c, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	settings := func() string {
		var text string
		err := c.QueryRow(context.Background(), `SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings
			WHERE name ~ 'timeout|TimeZone|application|conforming|read_only|check_interval'`).Scan(&text)
		if err != nil {
			t.Fatal(err)
		}
		return text + string(c.PgConn().TxStatus())
	}
	return func(ctx context.Context, o db.Options) (db.Conn, error) { return postgres.FromPgx(ctx, c, o) }, settings
}
