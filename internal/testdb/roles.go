package testdb

import (
	"strings"
	"testing"
)

// Restricted is the URL of the same database for a user who may log in and read
// and write rows of every table, but may not create, change or drop anything.
// The user is gone at the end of the test.
func Restricted(t testing.TB, url string) string {
	t.Helper()
	return role(t, url, rights{
		postgres: []string{"GRANT pg_read_all_data, pg_write_all_data TO $role"},
		mariadb:  "SELECT, INSERT, UPDATE, DELETE",
	})
}

// ReadOnly is the URL of the same database for a user who may only read, on
// PostgreSQL in sessions that are read-only from the start. The user is gone at
// the end of the test.
func ReadOnly(t testing.TB, url string) string {
	t.Helper()
	return role(t, url, rights{
		postgres: []string{
			"GRANT pg_read_all_data TO $role",
			"ALTER ROLE $role SET default_transaction_read_only = on",
		},
		mariadb: "SELECT",
	})
}

// rights are what a role of ours may do, for each engine that has roles.
type rights struct {
	postgres []string
	mariadb  string
}

func role(t testing.TB, url string, may rights) string {
	t.Helper()
	name := freshName()
	run, make, drop := execPostgres, may.onPostgres(), []string{"DROP OWNED BY $role", "DROP ROLE $role"}
	if strings.HasPrefix(url, "mysql:") {
		run, make, drop = execMariaDB, may.onMariaDB(), []string{"DROP USER $role"}
	}
	fill := strings.NewReplacer("$role", name, "$database", databaseOf(url), "$pattern", strings.ReplaceAll(databaseOf(url), "_", `\_`))
	if err := run(url, each(make, fill.Replace)...); err != nil {
		t.Fatalf("testdb: creating user %s: %v", name, err)
	}
	t.Cleanup(func() {
		if err := run(url, each(drop, fill.Replace)...); err != nil {
			t.Errorf("testdb: dropping user %s: %v", name, err)
		}
	})
	return asUser(url, name)
}

// onPostgres also takes from everybody the right to create, which 14 still gave.
func (r rights) onPostgres() []string {
	return append([]string{
		"CREATE ROLE $role LOGIN PASSWORD '" + Password + "'",
		"REVOKE CREATE ON SCHEMA public FROM PUBLIC",
		"REVOKE CREATE, TEMPORARY ON DATABASE $database FROM PUBLIC",
	}, r.postgres...)
}

func (r rights) onMariaDB() []string {
	return []string{
		"CREATE USER $role@'%' IDENTIFIED BY '" + Password + "'",
		"GRANT " + r.mariadb + " ON `$pattern`.* TO $role@'%'",
	}
}

func each(texts []string, do func(string) string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = do(text)
	}
	return out
}
