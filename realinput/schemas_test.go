//go:build realinput

package realinput

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/internal/compare"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// TestSchemas loads every SQL file of the folders postgres, mariadb and sqlite of
// the folder schemas with the database's own client, and goes round with what is
// there then: inspected, loaded into an empty database, compared both ways.
func TestSchemas(t *testing.T) {
	if *folders == "" {
		t.Fatal("name the directory: make real DIR=/path/with/checkouts")
	}
	var table []string
	for _, e := range engines(t) {
		kind := strings.TrimSuffix(strings.ToLower(strings.Fields(e.name)[0]), "ql")
		files, err := filepath.Glob(filepath.Join(*folders, "schemas", kind, "*.sql"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			t.Run(filepath.Base(file)+" on "+e.name, func(t *testing.T) {
				ref := e.fresh(t)
				failed := pour(t, e, ref, file)
				facts, rest := goRound(t, e, ref)
				table = append(table, fmt.Sprintf("%-32s %-14s %6d %9d %7d %s", filepath.Base(file), e.name, facts, rest, len(failed), map[bool]string{true: "WRONG"}[t.Failed()]))
				for _, line := range failed {
					t.Logf("its own client: %s", line)
				}
			})
		}
	}
	t.Logf("\n%-32s %-14s %6s %9s %7s\n%s", "schema", "database", "facts", "undescr.", "failed", strings.Join(table, "\n"))
}

var complaint = regexp.MustCompile(`(?m)^.*(ERROR:|ERROR \d+|Parse error|Error: |Runtime error).*$`)

// pour runs a file in the database's client, which goes on behind errors, and
// gives its complaints.
func pour(t *testing.T, e engine, url, file string) []string {
	t.Helper()
	var cmd *exec.Cmd
	switch e.name {
	case "SQLite":
		cmd = exec.Command("sqlite3", strings.TrimPrefix(url, "sqlite:"), ".read "+file)
	case "MariaDB":
		sql, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		cmd = exec.Command("mariadb", append(mariadbArgs(t, url), "--force", "--comments", "--default-character-set=utf8mb4")...)
		cmd.Stdin = bytes.NewReader(sql)
	default:
		cmd = exec.Command("psql", "-X", "-q", "-f", file, url)
	}
	cmd.Env = append(os.Environ(), "LC_ALL=C", "NO_COLOR=1")
	out, _ := cmd.CombinedOutput() // what failed stands in the output
	return complaint.FindAllString(string(out), -1)
}

// goRound inspects a database, loads what it says into an empty one with the
// client, and demands that nothing differs: not the facts, in either direction,
// not what the database's own tool dumps, not what is made of the script in a
// throwaway database. It gives the numbers of facts and of things not described.
func goRound(t *testing.T, e engine, ref string) (facts, rest int) {
	t.Helper()
	ctx := context.Background()
	script, shape := inspected(t, ref)
	for _, u := range shape.Unmodelled {
		t.Logf("not described: %s %s %s", u.Kind, u.Name, u.Why)
	}
	file, loaded := filepath.Join(t.TempDir(), "schema.sql"), e.fresh(t)
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	if said := e.client(t, loaded, file); said != "" {
		t.Fatalf("what inspect says does not load: %s", said)
	}
	m, err := bellows.Open(ctx, ref, bellows.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	here, there, files := bellows.From{URL: ref}, bellows.From{URL: loaded}, bellows.From{Files: []bellows.SQLFile{{Name: "schema.sql", Text: script}}}
	for _, way := range [][2]bellows.From{{here, there}, {there, here}, {here, files}} {
		d, err := m.Diff(ctx, bellows.DiffOptions{From: way[0], To: way[1], Ignore: []string{}})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range d.Up.Changes {
			t.Errorf("it differs: %s", c.String())
		}
		if !d.Empty() {
			t.Errorf("there is something to do:\n%s", d.Up.SQL())
		}
	}
	want, got := e.dumped(t, ref), e.dumped(t, loaded)
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			t.Errorf("the dump differs:\nwant %s\n got %s", want[i], got[i])
			break
		}
	}
	if len(want) != len(got) {
		t.Errorf("the dump has %d lines, not %d", len(got), len(want))
	}
	return shape.Len(), len(shape.Unmodelled)
}

func inspected(t *testing.T, url string) (string, bellows.Shape) {
	t.Helper()
	m, err := bellows.Open(context.Background(), url, bellows.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	shape, err := m.Inspect(context.Background(), bellows.InspectOptions{Owners: true})
	if err != nil {
		t.Fatal(err)
	}
	script, err := shape.SQL()
	if err != nil {
		t.Fatal(err)
	}
	return script, shape
}

// dumped are the lines of what the database's own tool says of a schema: the same
// for the same schema. SQLite keeps the statements as somebody wrote them, so that
// there it is what we say.
func (e engine) dumped(t *testing.T, url string) []string {
	t.Helper()
	switch e.name {
	case "SQLite":
		script, _ := inspected(t, url)
		return strings.Split(script, "\n")
	case "MariaDB":
		return sortedKeys(e.schema(t, url))
	}
	text, _, err := (postgres.Driver{}).Dump(context.Background(), url, db.DumpOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return compare.Unordered(text)
}

// triggerHead is what stands before the body of a trigger, as somebody wrote it, with comments.
var triggerHead = regexp.MustCompile(`(?is)/\*!50003 TRIGGER .*?\bFOR\s+EACH\s+ROW\s+(--[^\n]*\n\s*)*`)

var lineComment = regexp.MustCompile(`--[^\n]*`)

var keyLine = regexp.MustCompile(`^  (UNIQUE |FULLTEXT |SPATIAL )?(KEY|CONSTRAINT) `)

// sortedKeys are the lines of a dump of MariaDB with the keys of a table in the
// order of their text, and without words that say what goes without saying.
func sortedKeys(dump string) []string {
	dump = triggerHead.ReplaceAllStringFunc(dump, func(head string) string {
		return strings.Join(strings.Fields(strings.ReplaceAll(lineComment.ReplaceAllString(head, ""), "`", "")), " ") + "\n"
	})
	lines := strings.Split(strings.NewReplacer(" ON DELETE NO ACTION", "", " ON UPDATE NO ACTION", "").Replace(dump), "\n")
	for i := 0; i < len(lines); i++ {
		from := i
		for i < len(lines) && keyLine.MatchString(lines[i]) {
			lines[i] = strings.TrimSuffix(lines[i], ",")
			i++
		}
		slices.Sort(lines[from:i])
	}
	return lines
}

// TestRegression runs PostgreSQL's own regression tests, the folder regress with
// its sql and parallel_schedule, as far as they go without the library of C
// functions that they are written for, and goes round with the database that
// they leave.
func TestRegression(t *testing.T) {
	dir := filepath.Join(*folders, "regress")
	schedule, err := os.ReadFile(filepath.Join(dir, "parallel_schedule"))
	if *folders == "" || os.IsNotExist(err) {
		t.Logf("there is no %s", dir)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range testdb.PostgresMajors(t) {
		t.Run(fmt.Sprint(s.Major), func(t *testing.T) {
			p := testdb.PrivatePostgres(t, s.Major, "max_prepared_transactions=10", "wal_level=logical", "max_locks_per_transaction=1024")
			url := p.Database(t)
			regress(t, dir, string(schedule), url)
			withoutBroken(t, url)
			named(t, url)
			e := engine{name: "PostgreSQL", fresh: p.Database, client: psql}
			facts, rest := goRound(t, e, url)
			t.Logf("%d facts, %d things not described", facts, rest)
		})
	}
}

// regress runs the files in the schedule's order, and counts the statements that
// fail: very many are meant to.
func regress(t *testing.T, dir, schedule, url string) {
	t.Helper()
	errors, meant, files := 0, 0, 0
	count := func(text []byte) int { return bytes.Count(text, []byte("ERROR:")) }
	env := append(os.Environ(), "PGTZ=America/Los_Angeles", "PGDATESTYLE=Postgres, MDY", "PG_ABS_SRCDIR="+dir, "PG_ABS_BUILDDIR="+t.TempDir(), "PG_LIBDIR="+dir, "PG_DLSUFFIX=.so", "LC_ALL=C")
	for _, line := range strings.Split(schedule, "\n") {
		tests, ok := strings.CutPrefix(line, "test:")
		// The servers' clients differ in what they can do, and a pipeline that one
		// does not know never ends.
		for _, name := range slices.DeleteFunc(strings.Fields(tests), func(n string) bool { return !ok || n == "psql_pipeline" }) {
			sql, err := os.Open(filepath.Join(dir, "sql", name+".sql"))
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("psql", "-X", "-a", "-q", "-v", "HIDE_TABLEAM=on", "-v", "HIDE_TOAST_COMPRESSION=on", url)
			cmd.Env, cmd.Stdin = env, sql
			out, _ := cmd.CombinedOutput()
			_ = sql.Close()
			errors, files = errors+count(out), files+1
			if expected, err := os.ReadFile(filepath.Join(dir, "expected", name+".out")); err == nil {
				meant += count(expected)
			}
		}
	}
	t.Logf("%d files ran; %d statements failed, of which %d are meant to", files, errors, meant)
}

// named tells what inspect names as not described, and takes away what of it
// stands in a dump of the schema.
func named(t *testing.T, url string) {
	t.Helper()
	_, shape := inspected(t, url)
	for _, u := range shape.Unmodelled {
		t.Logf("not described: %s %s %s", u.Kind, u.Name, u.Why)
	}
	c := session(t, url)
	defer c.Close()
	const likeParent = "UPDATE pg_trigger t SET tgenabled = p.tgenabled FROM pg_trigger p WHERE p.oid = t.tgparentid AND NOT t.tgisinternal AND t.tgenabled <> p.tgenabled"
	statements := []string{
		likeParent, likeParent, likeParent, // no partition is deeper
		"UPDATE pg_attribute a SET attacl = NULL WHERE attrelid < 16384 AND attacl IS NOT NULL AND NOT EXISTS (SELECT FROM pg_init_privs i WHERE objoid = attrelid AND objsubid = attnum)",
		"UPDATE pg_class q SET relpersistence = c.relpersistence FROM pg_depend d, pg_class c WHERE q.relkind = 'S' AND d.objid = q.oid AND d.refobjid = c.oid AND d.deptype = 'i' AND d.refobjsubid > 0",
	}
	for _, row := range rows(t, c, "SELECT quote_ident(subname) FROM pg_subscription JOIN pg_database d ON d.oid = subdbid WHERE datname = current_database()") {
		statements = append(statements, "ALTER SUBSCRIPTION "+row[0]+" SET (slot_name = NONE)", "DROP SUBSCRIPTION "+row[0])
	}
	for _, sql := range statements {
		if _, err := c.Exec(context.Background(), sql); err != nil {
			t.Fatal(sql, err)
		}
	}
}

// withoutBroken drops the materialized views that the server cannot describe
// itself: a version without that repair lets them be made of what a trigger sees.
func withoutBroken(t *testing.T, url string) {
	t.Helper()
	c := session(t, url)
	defer c.Close()
	for _, row := range rows(t, c, "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'm'") {
		if _, err := c.Exec(context.Background(), "SELECT pg_catalog.pg_get_viewdef('"+row[0]+"'::regclass)"); err == nil {
			continue
		}
		if _, err := c.Exec(context.Background(), "DROP MATERIALIZED VIEW "+row[0]); err != nil {
			t.Fatal(err)
		}
		t.Logf("the server cannot describe %s", row[0])
	}
}
