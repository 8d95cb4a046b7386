package fill_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/mysql"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/db/sqlite"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/revision"
)

// childEnv makes this test binary a working process that may be killed.
const childEnv = "BELLOWS_FILL_CHILD"

// child is what such a process does: it plans the backfill, when it is told one,
// and works on it.
type child struct {
	URL     string
	Script  revision.Script
	Fill    string // the backfill to join; "" plans Script
	Process string
	Kills   string // the point at which it kills itself
	KillAt  int    // at which time that it passes it; 0 never
	Freeze  bool   // stops itself instead, until it is told to go on
	Lease   time.Duration
	Stops   string // the point at which it freezes itself, the first time
	Workers int
	Idle    time.Duration
	Search  int64
}

func TestMain(m *testing.M) {
	if spec := os.Getenv(childEnv); spec != "" {
		os.Exit(runChild(spec))
	}
	// Each check is a backfill on a server, so there are fewer than usual; the
	// command line may ask for more with -rapid.checks.
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func runChild(text string) int {
	var c child
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		panic(err)
	}
	var mu sync.Mutex
	passed := map[string]int{}
	o := options(c.URL)
	o.Process, o.Workers, o.Idle, o.Logic.Lease, o.Search = c.Process, c.Workers, c.Idle, c.Lease, c.Search
	o.Logic.Functions = map[string]fill.Function{"double": doubles(), "picky": picky()}
	o.Point = func(name string) {
		mu.Lock()
		defer mu.Unlock()
		passed[name]++
		if name == c.Stops && passed[name] == 1 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		}
		if name == c.Kills && passed[name] == c.KillAt {
			fmt.Println("killed at", name)
			if c.Freeze {
				mu.Unlock()
				defer mu.Lock()
				_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
				return
			}
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	err := c.work(context.Background(), o)
	counts, _ := json.Marshal(passed) // a map of numbers can always be marshalled
	fmt.Printf("points %s\n", counts)
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		_, most, _ := strings.Cut(string(status), "VmHWM:")
		most, _, _ = strings.Cut(most, "\n")
		fmt.Println("memory", most)
	}
	if err != nil {
		fmt.Println("error", fault.CodeOf(err), err)
	}
	return fault.CodeOf(err).Exit()
}

func (c child) work(ctx context.Context, o fill.Options) error {
	id := c.Fill
	if id == "" {
		conn, err := open(ctx, c.URL, "")
		if err != nil {
			return err
		}
		defer conn.Close()
		f, err := fill.Plan(ctx, conn, c.Script, revision.Up, o)
		if err != nil {
			return err
		}
		id = f.ID
	}
	if _, err := fill.Work(ctx, id, o); err != nil {
		return err
	}
	return finish(ctx, c.URL, id, o)
}

// finish ends the backfill as the ledger's owner would.
func finish(ctx context.Context, url, id string, o fill.Options) error {
	conn, err := open(ctx, url, "")
	if err != nil {
		return err
	}
	defer conn.Close()
	sqls, err := fill.Finish(ctx, conn, id, o)
	if err != nil {
		return err
	}
	for _, sql := range sqls {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

func (c child) command() *exec.Cmd {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	return cmd
}

// run starts the process and waits; killed tells whether SIGKILL ended it.
func (c child) run(t testing.TB) (out string, code int, killed bool) {
	t.Helper()
	b, err := c.command().CombinedOutput()
	code, killed = ending(t, err)
	return string(b), code, killed
}

func ending(t testing.TB, err error) (code int, killed bool) {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, false
	case errors.As(err, &exit):
		ws := exit.Sys().(syscall.WaitStatus)
		return exit.ExitCode(), ws.Signaled() && ws.Signal() == syscall.SIGKILL
	}
	t.Fatal(err)
	return 0, false
}

func open(ctx context.Context, url, app string) (db.Conn, error) {
	for _, d := range []db.Driver{postgres.Driver{}, mysql.Driver{}, sqlite.Driver{}} {
		for _, scheme := range d.Schemes() {
			if strings.HasPrefix(url, scheme+":") {
				return d.Open(ctx, url, db.Options{App: app})
			}
		}
	}
	return nil, errors.New("no driver for that URL")
}

func options(url string) fill.Options {
	return fill.Options{
		Open:    func(ctx context.Context, app string) (db.Conn, error) { return open(ctx, url, app) },
		Process: "test", PID: os.Getpid(), By: ledger.By{Run: "r1", Actor: "test@here", Tool: "test"},
	}
}

// engine is one kind of database.
type engine struct {
	name    string
	fresh   func(testing.TB) string
	integer string
	// counts gives the statements that make a column touched count the changes
	// of each row of a table.
	counts func(table, key string) []string
	series string // statement with %d: rows 1…n into posts (id, a)
}

func engines() []engine {
	return []engine{
		{"sqlite", testdb.SQLite, "INTEGER", func(table, key string) []string {
			return []string{"CREATE TRIGGER " + table + "_touch AFTER UPDATE OF b ON " + table + " BEGIN UPDATE " + table + " SET touched = touched + 1 WHERE " + key + " = NEW." + key + "; END"}
		}, "INSERT INTO posts (id, a) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i, i %% 1000 FROM n"},
		{"postgres", testdb.Postgres, "bigint", postgresCounts,
			"INSERT INTO posts (id, a) SELECT i, i %% 1000 FROM generate_series(1, %d) i"},
		{"mariadb", testdb.MariaDB, "bigint", func(table, key string) []string {
			return []string{"CREATE TRIGGER " + table + "_touch BEFORE UPDATE ON " + table + " FOR EACH ROW SET NEW.touched = OLD.touched + IF(NEW.a <=> OLD.a AND NEW." + key + " = OLD." + key + ", 1, 0)"}
		}, numbered},
	}
}

// digits are ten rows, and numbered makes rows of their combinations, mostNumbered
// of them: MariaDB has tables of numbers, MySQL has none.
const (
	mostNumbered = 100000

	digits   = "(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)"
	numbered = "INSERT INTO posts (id, a) SELECT i, i %% 1000 FROM (SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS i FROM " +
		digits + " a, " + digits + " b, " + digits + " c, " + digits + " e, " + digits + " f) n WHERE i <= %d"
)

func postgresCounts(table, _ string) []string {
	return []string{
		"CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.touched := OLD.touched + 1; RETURN NEW; END'",
		"CREATE TRIGGER " + table + "_touch BEFORE UPDATE OF b ON " + table + " FOR EACH ROW EXECUTE FUNCTION touch()",
	}
}

// place makes a database with a ledger and a table posts (id, a, b, touched) of
// that many rows.
func (e engine) place(t testing.TB, rows int) string {
	t.Helper()
	url := e.fresh(t)
	makeLedger(t, url)
	sqls := []string{"CREATE TABLE posts (id " + e.integer + " NOT NULL PRIMARY KEY, a " + e.integer + ", b " + e.integer + ", touched " + e.integer + " NOT NULL DEFAULT 0)"}
	if e.name == "sqlite" {
		sqls = []string{"PRAGMA journal_mode = wal", "CREATE TABLE posts (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, touched INTEGER NOT NULL DEFAULT 0)"}
	}
	sqls = append(sqls, e.counts("posts", "id")...)
	if rows > 0 {
		sqls = append(sqls, fmt.Sprintf(e.series, rows))
	}
	for made := mostNumbered; e.series == numbered && made < rows; made += mostNumbered {
		sqls = append(sqls, fmt.Sprintf("INSERT INTO posts (id, a) SELECT id + %d, a FROM posts WHERE id <= %d", made, min(mostNumbered, rows-made)))
	}
	do(t, url, sqls...)
	return url
}

func makeLedger(t testing.TB, url string) {
	t.Helper()
	c := session(t, url)
	defer c.Close()
	for _, sql := range ledger.New(c.Dialect(), "").Create() {
		if _, err := c.Exec(context.Background(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func session(t testing.TB, url string) db.Conn {
	t.Helper()
	c, err := open(context.Background(), url, "test")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func do(t testing.TB, url string, sqls ...string) {
	t.Helper()
	c := session(t, url)
	defer c.Close()
	for _, sql := range sqls {
		if _, err := c.Exec(context.Background(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// number is the first column of the first row of a query.
func number(t testing.TB, url, sql string) int64 {
	t.Helper()
	var n int64
	scan(t, url, sql, &n)
	return n
}

func text(t testing.TB, url, sql string) string {
	t.Helper()
	var s string
	scan(t, url, sql, &s)
	return s
}

func scan(t testing.TB, url, sql string, into any) {
	t.Helper()
	c := session(t, url)
	defer c.Close()
	rows, err := c.Query(context.Background(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(into); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// script is a backfill of posts.
func script(body string, change ...func(*revision.Script)) revision.Script {
	s := revision.Script{Revision: "7", Kind: revision.Backfill, Fill: &revision.FillSpec{
		Table: "posts", Rows: 50, At: fault.Pos{File: "7_fill.sql", Line: 1, Column: 1},
		Body: revision.Section{SQL: body, At: fault.Pos{File: "7_fill.sql", Line: 2, Column: 1}},
	}}
	for _, f := range change {
		f(&s)
	}
	return s
}

func check(sql string) func(*revision.Script) {
	return func(s *revision.Script) {
		s.Check = append(s.Check, revision.Section{SQL: sql, At: fault.Pos{File: "7_fill.sql", Line: 5, Column: 1}})
	}
}

func spec(change func(*revision.FillSpec)) func(*revision.Script) {
	return func(s *revision.Script) { change(s.Fill) }
}

// planned plans a backfill.
func planned(t testing.TB, url string, s revision.Script, o fill.Options) ledger.Fill {
	t.Helper()
	c := session(t, url)
	defer c.Close()
	f, err := fill.Plan(context.Background(), c, s, revision.Up, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// filled plans a backfill and works on it to its end.
func filled(t testing.TB, url string, s revision.Script, o fill.Options) fill.Report {
	t.Helper()
	f := planned(t, url, s, o)
	rep, err := fill.Work(context.Background(), f.ID, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := finish(context.Background(), url, f.ID, o); err != nil {
		t.Fatal(err)
	}
	return rep
}

// recorder keeps the events.
type recorder struct {
	mu  sync.Mutex
	all []event.Event
}

func (r *recorder) Event(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, e)
}

// of gives the recorded events of one type.
func of[T event.Event](r *recorder) []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	var some []T
	for _, e := range r.all {
		if e, ok := e.(T); ok {
			some = append(some, e)
		}
	}
	return some
}

// once demands that every row has its value and was changed exactly once.
func once(t testing.TB, url string, rows int64) {
	t.Helper()
	if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != rows {
		t.Errorf("%d of %d rows are right; %d are wrong, %d were never changed, %d more than once", n, rows,
			number(t, url, "SELECT COUNT(*) FROM posts WHERE b IS NULL OR b <> a * 2"),
			number(t, url, "SELECT COUNT(*) FROM posts WHERE touched = 0"), number(t, url, "SELECT COUNT(*) FROM posts WHERE touched > 1"))
	}
}

// table is one of the ledger's tables.
func (e engine) table(name string) string {
	if e.name == "postgres" {
		return "bellows." + name
	}
	return "bellows_" + name
}
