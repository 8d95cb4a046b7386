package testdb_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bellowsdb/bellows/internal/testdb"
)

// execute runs statements on one connection and gives the first error.
func execute(raw string, statements ...string) error {
	ctx := context.Background()
	if strings.HasPrefix(raw, "postgres:") {
		c, err := pgx.Connect(ctx, raw)
		if err != nil {
			return err
		}
		defer c.Close(ctx)
		for _, text := range statements {
			if _, err := c.Exec(ctx, text); err != nil {
				return err
			}
		}
		return nil
	}
	db := openMariaDB(raw)
	defer db.Close()
	for _, text := range statements {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

func openMariaDB(raw string) *sql.DB {
	u, err := url.Parse(raw)
	if err != nil {
		panic(err)
	}
	config := mysql.NewConfig()
	config.User, config.Net, config.Addr, config.DBName = u.User.Username(), "tcp", u.Host, strings.TrimPrefix(u.Path, "/")
	config.Passwd, _ = u.User.Password()
	connector, err := mysql.NewConnector(config)
	if err != nil {
		panic(err)
	}
	return sql.OpenDB(connector)
}

func mustExecute(t *testing.T, raw string, statements ...string) {
	t.Helper()
	if err := execute(raw, statements...); err != nil {
		t.Fatal(err)
	}
}

// one reads a single value from PostgreSQL.
func one[T any](t *testing.T, raw, query string) T {
	t.Helper()
	c, err := pgx.Connect(context.Background(), raw)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	var value T
	if err := c.QueryRow(context.Background(), query).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

var engines = map[string]func(testing.TB) string{"postgres": testdb.Postgres, "mariadb": testdb.MariaDB}

func TestFreshDatabasesAreFreshAndTheirOwn(t *testing.T) {
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) {
			first, second := fresh(t), fresh(t)
			if first == second {
				t.Fatalf("two tests got the same database %s", first)
			}
			for _, raw := range []string{first, second} {
				mustExecute(t, raw, "CREATE TABLE things (id int)")
			}
			if err := execute(first, "CREATE TABLE things (id int)"); err == nil {
				t.Fatal("the table can be created twice: statements do not reach the database")
			}
		})
	}
}

func TestDatabasesAreDroppedThoughSomebodyIsConnected(t *testing.T) {
	var raw string
	var c *pgx.Conn
	t.Run("inner", func(t *testing.T) {
		raw = testdb.Postgres(t)
		var err error
		if c, err = pgx.Connect(context.Background(), raw); err != nil {
			t.Fatal(err)
		}
	})
	defer c.Close(context.Background())
	var refused *pgconn.PgError
	if err := execute(raw); !errors.As(err, &refused) || refused.Code != "3D000" {
		t.Fatalf("want 3D000, no such database; got %v", err)
	}
}

func TestTwentyAtOnce(t *testing.T) {
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) {
			var urls sync.Map
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					raw := fresh(t)
					if _, twice := urls.LoadOrStore(raw, true); twice {
						t.Errorf("%s was given twice", raw)
					}
					if err := execute(raw, "CREATE TABLE things (id int)"); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
		})
	}
}

func TestSQLiteFilesAreNewAndTheirOwn(t *testing.T) {
	first, second := testdb.SQLite(t), testdb.SQLite(t)
	if first == second {
		t.Fatalf("two tests got the same file %s", first)
	}
	path, ok := strings.CutPrefix(first, "sqlite:")
	if _, err := os.Stat(path); !ok || !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("%s: want sqlite: and a file that is not there yet, got %v", first, err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatalf("its folder cannot be written to: %v", err)
	}
}

func TestPasswordStandsInEveryURL(t *testing.T) {
	for name, fresh := range engines {
		raw := fresh(t)
		for _, u := range []string{raw, testdb.Restricted(t, raw), testdb.ReadOnly(t, raw)} {
			if !strings.Contains(u, ":"+testdb.Password+"@") {
				t.Errorf("%s: %s lacks the password", name, u)
			}
			if err := execute(strings.Replace(u, testdb.Password, "wrong", 1), "SELECT 1"); err == nil {
				t.Errorf("%s: a wrong password is accepted", name)
			}
		}
	}
}

func TestRoles(t *testing.T) {
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) {
			raw := fresh(t)
			restricted, reader := testdb.Restricted(t, raw), testdb.ReadOnly(t, raw)
			mustExecute(t, raw, "CREATE TABLE things (id int)") // after the roles, on purpose
			mustExecute(t, restricted, "INSERT INTO things VALUES (1)", "SELECT * FROM things")
			mustExecute(t, reader, "SELECT * FROM things")
			for _, denied := range []struct{ url, sql string }{
				{restricted, "CREATE TABLE others (id int)"},
				{restricted, "DROP TABLE things"},
				{restricted, "ALTER TABLE things ADD n int"},
				{reader, "INSERT INTO things VALUES (2)"},
				{reader, "CREATE TABLE others (id int)"},
			} {
				if err := execute(denied.url, denied.sql); err == nil {
					t.Errorf("%s was allowed", denied.sql)
				}
			}
		})
	}
}

func TestMajorsAreWhatTheySay(t *testing.T) {
	last := 0
	for _, s := range testdb.PostgresMajors(t) {
		got := one[string](t, s.Database(t), "SHOW server_version_num")
		if !strings.HasPrefix(got, fmt.Sprint(s.Major)) || s.Major <= last {
			t.Errorf("major %d after %d has version number %s", s.Major, last, got)
		}
		last = s.Major
	}
}

func TestBenchPostgresFlushes(t *testing.T) {
	raw := testdb.BenchPostgres(t)
	for _, setting := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		if got := one[string](t, raw, "SHOW "+setting); got != "on" {
			t.Errorf("%s is %s", setting, got)
		}
	}
	if dir := one[string](t, raw, "SHOW data_directory"); strings.HasPrefix(dir, "/dev/shm") {
		t.Errorf("its data lies in memory: %s", dir)
	}
}

func TestPrivatePostgresKeepsItsDataAcrossEveryEnding(t *testing.T) {
	p := testdb.PrivatePostgres(t, 0, "work_mem=3MB")
	raw := p.Database(t)
	if got := one[string](t, raw, "SHOW work_mem"); got != "3MB" {
		t.Errorf("work_mem is %s", got)
	}
	mustExecute(t, raw, "CREATE TABLE things (id int)")
	for i, how := range []testdb.Ending{testdb.Immediate, testdb.Fast, testdb.Killed} {
		mustExecute(t, raw, "INSERT INTO things VALUES (1)")
		p.Stop(t, how)
		if err := execute(raw); err == nil {
			t.Fatal("a stopped server answers")
		}
		p.Start(t)
		if got := one[int](t, raw, "SELECT count(*) FROM things"); got != i+1 {
			t.Errorf("after ending %d: %d rows, want %d", how, got, i+1)
		}
	}
}

func TestPrivateMariaDBKeepsItsDataAcrossEveryEnding(t *testing.T) {
	p := testdb.PrivateMariaDB(t, "--max-connections=17")
	raw := p.Database(t)
	db := openMariaDB(raw)
	defer db.Close()
	var n int
	if err := db.QueryRow("SELECT @@max_connections").Scan(&n); err != nil || n != 17 {
		t.Errorf("max_connections is %d, %v", n, err)
	}
	mustExecute(t, raw, "CREATE TABLE things (id int)")
	for i, how := range []testdb.Ending{testdb.Immediate, testdb.Fast} {
		mustExecute(t, raw, "INSERT INTO things VALUES (1)")
		p.Stop(t, how)
		p.Start(t)
		if err := db.QueryRow("SELECT count(*) FROM things").Scan(&n); err != nil || n != i+1 {
			t.Errorf("after ending %d: %d rows, want %d (%v)", how, n, i+1, err)
		}
	}
}

func TestServersDoNotShareTheirTemporaryFolder(t *testing.T) {
	folders := map[string]bool{}
	for _, s := range []testdb.Server{testdb.MariaDBServer(t), testdb.PrivateMariaDB(t).Server} {
		db := openMariaDB(s.AdminURL())
		defer db.Close()
		var dir string
		if err := db.QueryRow("SELECT @@tmpdir").Scan(&dir); err != nil {
			t.Fatal(err)
		}
		folders[dir] = true
	}
	if len(folders) != 2 || folders["/tmp"] {
		t.Errorf("want two folders of their own, got %v", folders)
	}
}
