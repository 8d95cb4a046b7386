//go:build realinput

package realinput

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// engine is one kind of database and its client.
type engine struct {
	name  string
	words []string // in a path, they name it
	fresh func(testing.TB) string
	// client runs a file and gives what it complains about, "" when all is well.
	client func(t testing.TB, url, file string) string
	// schema describes the schema, without our tables.
	schema func(t testing.TB, url string) string
	// data gives the sorted values of each column of each table but ours.
	data func(t testing.TB, url string) map[string]string
}

func engines(t *testing.T) []engine {
	all := []engine{
		{"SQLite", []string{"sqlite"}, testdb.SQLite, sqliteClient, sqliteSchema, sqliteData},
		{"MariaDB", []string{"mysql", "mariadb"}, testdb.MariaDB, mariadbClient, mariadbSchema, mariadbData},
	}
	for _, s := range testdb.PostgresMajors(t) {
		all = append(all, engine{fmt.Sprintf("PostgreSQL %d", s.Major), []string{"postgres", "pgsql"}, inPublic(s), psql, postgresSchema, postgresData})
	}
	return all
}

// inPublic makes databases whose sessions look into the schema public alone: the
// tests' user has the name of our ledger's schema, which would come first.
func inPublic(s testdb.Server) func(testing.TB) string {
	return func(t testing.TB) string { return s.Database(t) + "&options=-csearch_path%3Dpublic" }
}

// psql runs a file as one transaction, or, when a statement in it must stand
// alone, without one.
func psql(t testing.TB, url, file string) string {
	said := run("psql", "-X", "-q", "-b", "-v", "ON_ERROR_STOP=1", "-1", "-f", file, url)
	if strings.Contains(said, "cannot run inside a transaction block") {
		return run("psql", "-X", "-q", "-b", "-v", "ON_ERROR_STOP=1", "-f", file, url)
	}
	return said
}

// run gives what a failed command said.
func run(name string, args ...string) string {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out) + err.Error()
	}
	return ""
}

// options are files with a user's password, by URL.
var options sync.Map

// loose is a database whose sessions check no foreign keys, as some projects ask
// for while they migrate.
func loose(t testing.TB) string { return testdb.MariaDB(t) + "?foreign_key_checks=0" }

func mariadbArgs(t testing.TB, raw string) []string {
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	file, ok := options.Load(raw)
	if !ok {
		password, _ := u.User.Password()
		path := filepath.Join(t.TempDir(), "client.cnf")
		if err := os.WriteFile(path, []byte("[client]\nuser="+u.User.Username()+"\npassword="+password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		file = path
		options.Store(raw, file)
	}
	args := []string{"--defaults-extra-file=" + file.(string), "--host=" + u.Hostname(), "--port=" + u.Port(), "--protocol=tcp", strings.TrimPrefix(u.Path, "/")}
	for variable := range u.Query() {
		args = append(args, "--init-command=SET "+variable+"="+u.Query().Get(variable))
	}
	return args
}

// body finds files that make routines or triggers without the client's DELIMITER.
// Their projects send a file in one piece, and so must the client.
var body = regexp.MustCompile(`(?is)\bCREATE\s[^;]*\b(PROCEDURE|FUNCTION|TRIGGER|EVENT)\b`)

func mariadbClient(t testing.TB, raw, file string) string {
	args := append(mariadbArgs(t, raw), "--abort-source-on-error", "--comments", "--default-character-set=utf8mb4")
	sql, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if body.Match(sql) && !strings.Contains(strings.ToUpper(string(sql)), "DELIMITER") {
		args = append(args, "--delimiter=$never$")
	}
	cmd := exec.Command("mariadb", args...)
	cmd.Stdin = strings.NewReader(string(sql))
	if out, err := cmd.CombinedOutput(); err != nil {
		return string(out) + err.Error()
	}
	return ""
}

// oldShell is set once the installed sqlite3 shell has turned out to be too old.
var oldShell atomic.Bool

// sqliteClient runs a file in the sqlite3 shell, in a transaction unless it has
// one itself. When the shell is too old for a file, this one and all others are
// run as one text each on a session of the driver's, with the shell's settings.
func sqliteClient(t testing.TB, raw, file string) string {
	sql, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(sql)
	if !regexp.MustCompile(`(?im)^(BEGIN( TRANSACTION)?|COMMIT);`).MatchString(text) {
		text = "BEGIN;\n" + text + "\n;\nCOMMIT;\n"
	}
	said := ""
	if !oldShell.Load() {
		cmd := exec.Command("sqlite3", "-bail", strings.TrimPrefix(raw, "sqlite:"))
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		if err == nil {
			return ""
		}
		said = strings.TrimSpace(string(out))
	}
	c := session(t, raw)
	defer c.Close()
	if _, err := c.Exec(context.Background(), "PRAGMA foreign_keys = OFF;\n"+text); err != nil {
		return err.Error()
	}
	if said != "" {
		oldShell.Store(true)
		t.Logf("%s: the sqlite3 shell is too old: %s", file, said)
	}
	return ""
}

func session(t testing.TB, url string) db.Conn {
	c, err := bellows.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rows gives the rows of a query, their values as text.
func rows(t testing.TB, c db.Conn, sql string) [][]string {
	got, err := c.Query(context.Background(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer got.Close()
	var out [][]string
	for got.Next() {
		values := make([]*string, len(got.Columns()))
		into := make([]any, len(values))
		for i := range values {
			into[i] = &values[i]
		}
		if err := got.Scan(into...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		line := make([]string, len(values))
		for i, v := range values {
			line[i] = "NULL"
			if v != nil {
				line[i] = *v
			}
		}
		out = append(out, line)
	}
	if err := got.Err(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

func text(t testing.TB, c db.Conn, queries ...string) string {
	var b strings.Builder
	for _, q := range queries {
		for _, line := range rows(t, c, q) {
			b.WriteString(strings.Join(line, " | ") + "\n")
		}
	}
	return b.String()
}

// columns gives, for each table and column in a query's rows, its sorted values.
func columns(t testing.TB, c db.Conn, list, value string) map[string]string {
	out := map[string]string{}
	for _, row := range rows(t, c, list) {
		table, column := row[0], row[1]
		var values []string
		for _, v := range rows(t, c, "SELECT "+fmt.Sprintf(value, column)+" FROM "+table) {
			values = append(values, v[0])
		}
		slices.Sort(values)
		out[table+"."+column] = strings.Join(values, "\n")
	}
	return out
}

func sqliteSchema(t testing.TB, url string) string {
	c := session(t, url)
	defer c.Close()
	return text(t, c, `SELECT type, name, tbl_name, rtrim(sql, char(10, 13, 9, 32)) FROM sqlite_master WHERE tbl_name NOT LIKE 'bellows\_%' ESCAPE '\' AND name <> 'sqlite_sequence' ORDER BY 1, 2`,
		"SELECT user_version FROM pragma_user_version", "SELECT application_id FROM pragma_application_id", "SELECT * FROM pragma_foreign_key_check")
}

func sqliteData(t testing.TB, url string) map[string]string {
	c := session(t, url)
	defer c.Close()
	return columns(t, c, `SELECT '"' || m.name || '"', '"' || p.name || '"' FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'bellows\_%' ESCAPE '\' AND m.name <> 'sqlite_sequence'`,
		"typeof(%[1]s) || quote(%[1]s)")
}

func mariadbSchema(t testing.TB, raw string) string {
	args := append(mariadbArgs(t, raw)[:4:4], "--no-data", "--routines", "--triggers", "--events", "--skip-comments", "--compact", "--skip-dump-date")
	c := session(t, raw)
	defer c.Close()
	database := rows(t, c, "SELECT DATABASE()")[0][0]
	for _, row := range rows(t, c, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE 'bellows\\_%'") {
		args = append(args, "--ignore-table="+database+"."+row[0])
	}
	out, err := exec.Command("mariadb-dump", append(args, database)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return regexp.MustCompile(` AUTO_INCREMENT=\d+`).ReplaceAllString(strings.ReplaceAll(string(out), database, "DB"), "")
}

func mariadbData(t testing.TB, url string) map[string]string {
	c := session(t, url)
	defer c.Close()
	return columns(t, c, "SELECT CONCAT('`', table_name, '`'), CONCAT('`', column_name, '`') FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'bellows\\_%'",
		"HEX(%s)")
}

// postgresSchema is what pg_dump says, where it is not too old for the server,
// and what the catalog says.
func postgresSchema(t testing.TB, url string) string {
	return pgDump(t, url, "--schema-only") + postgresCatalog(t, url)
}

func pgDump(t testing.TB, url string, what ...string) string {
	cmd := exec.Command("pg_dump", append(what, "--exclude-schema=bellows", "-d", url)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		if strings.Contains(string(out), "server version mismatch") {
			return ""
		}
		t.Fatalf("%v: %s", err, out)
	}
	return regexp.MustCompile(`(?m)^\\(un)?restrict .*$`).ReplaceAllString(string(out), "")
}

func postgresData(t testing.TB, url string) map[string]string {
	c := session(t, url)
	defer c.Close()
	out := columns(t, c, `SELECT a.attrelid::regclass::text, quote_ident(attname) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		WHERE relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'bellows')`, "%s::text")
	for _, row := range rows(t, c, "SELECT schemaname || '.' || quote_ident(sequencename) FROM pg_sequences WHERE schemaname <> 'bellows'") {
		out["sequence "+row[0]] = text(t, c, "SELECT last_value, is_called FROM "+row[0])
	}
	return out
}

// postgresCatalog describes every object that does not come with the server,
// by the server's own functions for that.
func postgresCatalog(t testing.TB, url string) string {
	c := session(t, url)
	defer c.Close()
	const ours = "NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'bellows')"
	return text(t, c,
		"SELECT 'schema', nspname, nspacl::text, obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname "+ours+" ORDER BY 2",
		"SELECT 'relation', oid::regclass::text, relkind::text, relpersistence::text, reloptions::text, relrowsecurity, relforcerowsecurity, relacl::text, relreplident::text, obj_description(oid, 'pg_class') FROM pg_class WHERE relnamespace::regnamespace::text "+ours+" ORDER BY 2",
		`SELECT 'column', attrelid::regclass::text, attnum, attname, format_type(atttypid, atttypmod), attnotnull, attidentity::text, attgenerated::text, attstattarget, attstorage::text, pg_get_expr(adbin, adrelid), attacl::text, attoptions::text, attcollation::regcollation::text, col_description(attrelid, attnum), attisdropped
			FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE relnamespace::regnamespace::text `+ours+" AND attnum > 0 ORDER BY 2, 3",
		"SELECT 'constraint', conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid), convalidated, obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE connamespace::regnamespace::text "+ours+" ORDER BY 2, 3",
		"SELECT 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisvalid, indisunique, indisclustered FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace::regnamespace::text "+ours+" ORDER BY 2",
		"SELECT 'view', oid::regclass::text, pg_get_viewdef(oid) FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace::regnamespace::text "+ours+" ORDER BY 2",
		"SELECT 'trigger', tgrelid::regclass::text, pg_get_triggerdef(t.oid), tgenabled::text FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid WHERE NOT tgisinternal AND relnamespace::regnamespace::text "+ours+" ORDER BY 2, 3",
		"SELECT 'rule', schemaname, tablename, definition FROM pg_rules WHERE schemaname "+ours+" ORDER BY 2, 3",
		"SELECT 'policy', schemaname, tablename, policyname, roles::text, cmd, qual, with_check FROM pg_policies WHERE schemaname "+ours+" ORDER BY 2, 3, 4",
		"SELECT 'function', p.oid::regprocedure::text, CASE WHEN prokind = 'a' THEN '' ELSE pg_get_functiondef(p.oid) END, proacl::text FROM pg_proc p WHERE pronamespace::regnamespace::text "+ours+" ORDER BY 2",
		"SELECT 'type', t.oid::regtype::text, typtype::text, typnotnull, typdefault, format_type(typbasetype, typtypmod), (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid) FROM pg_type t WHERE typnamespace::regnamespace::text "+ours+" ORDER BY 2",
		"SELECT 'extension', extname, extversion FROM pg_extension ORDER BY 2",
	)
}
