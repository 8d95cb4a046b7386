package bellows_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// childEnv makes this test binary a migrating process that may be killed.
const childEnv = "BELLOWS_TEST_CHILD"

// child is what such a process does.
type child struct {
	URL, Dir, Verb, Target string
	KillAt                 int    // the point at which it kills itself; 0 never
	KillName               string // count only the points of this name
	Names                  bool   // print the name of each point
	LockWait               time.Duration
}

func TestMain(m *testing.M) {
	if spec := os.Getenv(childEnv); spec != "" {
		os.Exit(runChild(spec))
	}
	os.Exit(m.Run())
}

// runChild prints the points it passed and exits as the command line tool would.
func runChild(spec string) int {
	var c child
	if err := json.Unmarshal([]byte(spec), &c); err != nil {
		panic(err)
	}
	points := 0
	o := bellows.Options{Dir: c.Dir, LockWait: c.LockWait, Verb: c.Verb, Point: func(name string) {
		if c.KillName != "" && c.KillName != name {
			return
		}
		points++
		if c.Names {
			fmt.Println("point", name)
		}
		if points == c.KillAt {
			fmt.Println("killed at", name)
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}}
	ctx := context.Background()
	m, err := bellows.Open(ctx, c.URL, o)
	if err == nil {
		defer m.Close()
		switch verb, is := strings.CutPrefix(c.Verb, "change "); {
		case is:
			err = changeVerb(ctx, m, verb, c.Target)
		case c.Verb == "down":
			_, err = m.Down(ctx, c.Target)
		default:
			_, err = m.Up(ctx, c.Target)
		}
	}
	fmt.Println("points", points)
	if err != nil {
		fmt.Println("error", fault.CodeOf(err), err)
	}
	return fault.CodeOf(err).Exit()
}

func (c child) command() *exec.Cmd {
	spec, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(spec))
	return cmd
}

// run starts the process and waits; killed tells whether SIGKILL ended it.
func (c child) run(t testing.TB) (out string, code int, killed bool) {
	t.Helper()
	b, err := c.command().CombinedOutput()
	return outcome(t, string(b), err)
}

func outcome(t testing.TB, out string, err error) (string, int, bool) {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out, 0, false
	case errors.As(err, &exit):
		ws := exit.Sys().(syscall.WaitStatus)
		return out, exit.ExitCode(), ws.Signaled() && ws.Signal() == syscall.SIGKILL
	}
	t.Fatal(err)
	return "", 0, false
}

// kind is one kind of database with a project whose migrations show, in a table
// that no migration makes, how often each of them ran.
type kind struct {
	name  string
	fresh func(testing.TB) string
	files map[string]string
	// schema is a query whose result describes the schema.
	schema string
}

func kinds() []kind {
	return []kind{
		{"sqlite", testdb.SQLite, project("INTEGER", "CREATE INDEX people_age ON people (age)", "DROP INDEX people_age", "DROP VIEW IF EXISTS names;\nCREATE VIEW names AS SELECT who AS name FROM audit"),
			`SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'bellows%' AND name NOT LIKE 'sqlite%' ORDER BY 1`},
		{"postgres", testdb.Postgres, project("integer", "CREATE INDEX CONCURRENTLY people_age ON people (age)", "DROP INDEX CONCURRENTLY people_age", "CREATE OR REPLACE VIEW names AS SELECT who AS name FROM audit"),
			`SELECT c.relname || ' ' || c.relkind::text || ' ' || coalesce(i.indisvalid::text, '') || ' ' || coalesce((SELECT string_agg(attname || ' ' || atttypid::regtype, ',' ORDER BY attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped), '')
			 FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1`},
		{"mariadb", testdb.MariaDB, project("int", "CREATE INDEX people_age ON people (age)", "DROP INDEX people_age ON people", "CREATE OR REPLACE VIEW names AS SELECT who AS name FROM audit"),
			`SELECT CONCAT(table_name, ' ', column_name, ' ', column_type, ' ', column_key) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name NOT LIKE 'bellows%' ORDER BY 1`},
	}
}

// sharing is a kind whose small migrations share transactions, in two groups of n
// with one between them that stands alone.
func sharing(n int) kind {
	k := kinds()[0]
	k.name, k.files = "shared", map[string]string{}
	for i := range 2*n + 1 {
		sql := fmt.Sprintf("CREATE TABLE t%d (id int);\nCREATE INDEX t%d_id ON t%d (id);\nINSERT INTO t%d VALUES (%d);\n", i, i, i, i, i)
		head, back := "", fmt.Sprintf("DROP TABLE t%d;\n", i)
		if i == n {
			head = " lock_timeout:9s"
			sql, back = "INSERT INTO audit (who) VALUES ('up');\n", "INSERT INTO audit (who) VALUES ('down');\n"
		}
		k.files[fmt.Sprintf("%04d_t.sql", i+1)] = "-- migrate:up mixed:true" + head + "\n" + sql + "\n-- migrate:down mixed:true\n" + back
	}
	return k
}

// project gives the migrations of the crash tests for one kind of database.
func project(integer, createIndex, dropIndex, view string) map[string]string {
	return map[string]string{
		"1_people.sql": "-- migrate:up\nCREATE TABLE people (id " + integer + " PRIMARY KEY, name varchar(50));\nCREATE TABLE pets (id " + integer + " PRIMARY KEY);\n\n-- migrate:down\nDROP TABLE pets;\nDROP TABLE people;\n",
		"2_seed.sql": "-- migrate:data\nINSERT INTO people (id, name) VALUES (1, 'Ada'), (2, 'Grace');\nINSERT INTO audit (who) VALUES ('up 2');\n\n" +
			"-- migrate:check\nSELECT id FROM people WHERE name IS NULL;\n\n-- migrate:down\nDELETE FROM people;\nINSERT INTO audit (who) VALUES ('down 2');\n",
		"3_age.sql": "-- migrate:up transaction:false mixed:true\nALTER TABLE people ADD COLUMN age " + integer + ";\nINSERT INTO audit (who) VALUES ('up 3');\n" + createIndex + ";\nUPDATE people SET age = COALESCE(age, 0) + 1;\n\n" +
			"-- migrate:down transaction:false mixed:true\nINSERT INTO audit (who) VALUES ('down 3');\n" + dropIndex + ";\nALTER TABLE people DROP COLUMN age;\n",
		"4_towns.sql":               "-- migrate:up\nCREATE TABLE towns (id " + integer + " PRIMARY KEY);\nALTER TABLE pets ADD COLUMN town " + integer + ";\n\n-- migrate:down\nALTER TABLE pets DROP COLUMN town;\nDROP TABLE towns;\n",
		"repeatable/names_view.sql": "-- A view.\n" + view + ";\n",
	}
}

// place makes a database with the audit table, and a folder with the project.
func (k kind) place(t testing.TB) (url, dir string) {
	t.Helper()
	url, dir = k.fresh(t), writeFiles(t, k.files)
	exec1(t, url, "CREATE TABLE audit (who varchar(20))")
	return url, dir
}

func writeFiles(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// session opens a session that does not belong to what is tested.
func session(t testing.TB, url string) db.Conn {
	t.Helper()
	c, err := bellows.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func exec1(t testing.TB, url, sql string) {
	t.Helper()
	c := session(t, url)
	defer c.Close()
	if _, err := c.Exec(context.Background(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// column gives the first column of a query's rows as text.
func column(t testing.TB, url, sql string) []string {
	t.Helper()
	c := session(t, url)
	defer c.Close()
	rows, err := c.Query(context.Background(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// truth is everything that must be the same however often a run was killed.
func (k kind) truth(t testing.TB, url, dir string) string {
	t.Helper()
	m, err := bellows.Open(context.Background(), url, bellows.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var s bellows.Status
	// The server may need a moment to notice that a killed process is gone.
	until(t, "nobody holds the lock", func() bool {
		if s, err = m.Status(context.Background()); err != nil {
			t.Fatal(err)
		}
		return s.Holder == nil
	})
	var b strings.Builder
	for _, r := range s.Revisions {
		fmt.Fprintln(&b, "revision", r.ID, r.State)
	}
	for _, line := range column(t, url, k.schema) {
		fmt.Fprintln(&b, "schema", line)
	}
	for _, line := range column(t, url, "SELECT who FROM audit ORDER BY who") {
		fmt.Fprintln(&b, "audit", line)
	}
	entries, err := m.Journal(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var done []string
	for _, e := range entries {
		if e.Action == "up" || e.Action == "down" {
			done = append(done, e.Action+" "+e.Revision)
		}
	}
	slices.Sort(done)
	fmt.Fprintln(&b, "journal", strings.Join(done, ", "))
	return b.String()
}

// migrate runs a migration to its end in this process.
func migrate(t testing.TB, url, dir, verb, target string) {
	t.Helper()
	m, err := bellows.Open(context.Background(), url, bellows.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if verb == "down" {
		_, err = m.Down(context.Background(), target)
	} else {
		_, err = m.Up(context.Background(), target)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestKillMatrix kills a process at every numbered point of up and of down, runs
// the same command again, and demands the state that a run gives that was never
// killed, with nothing done twice.
func TestKillMatrix(t *testing.T) {
	for _, k := range append(kinds(), sharing(5)) {
		for _, verb := range []string{"up", "down"} {
			t.Run(k.name+"/"+verb, func(t *testing.T) {
				t.Parallel()
				k.killEverywhere(t, verb)
			})
		}
	}
}

func (k kind) killEverywhere(t *testing.T, verb string) {
	target := map[string]string{"up": "head", "down": "base"}[verb]
	want := ""
	for at := 0; ; at++ {
		url, dir := k.place(t)
		if verb == "down" {
			migrate(t, url, dir, "up", "head")
		}
		out, code, killed := child{URL: url, Dir: dir, Verb: verb, Target: target, KillAt: at}.run(t)
		if at == 0 {
			if code != 0 {
				t.Fatalf("the run that is not killed failed: %s", out)
			}
			want = k.truth(t, url, dir)
			continue
		}
		if !killed {
			if at < 10 {
				t.Fatalf("only %d points: %s", at, out)
			}
			t.Logf("%d points", at-1)
			return
		}
		again, code, _ := child{URL: url, Dir: dir, Verb: verb, Target: target}.run(t)
		if code != 0 {
			t.Fatalf("%safter that the same command failed with %d: %s", out, code, again)
		}
		if got := k.truth(t, url, dir); got != want {
			t.Fatalf("%safter that and the same command again:\n%s\nwant:\n%s", out, got, want)
		}
	}
}

// TestKillSoak kills processes at random moments, also in the middle of a
// statement, until one of them is done. BELLOWS_SOAK is the number of rounds.
func TestKillSoak(t *testing.T) {
	rounds := 3
	if n, err := strconv.Atoi(os.Getenv("BELLOWS_SOAK")); err == nil {
		rounds = n
	}
	for _, k := range append(kinds(), sharing(200)) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			url, dir := k.place(t)
			migrate(t, url, dir, "up", "head")
			want := k.truth(t, url, dir)
			for seed := range rounds {
				k.soak(t, int64(seed+1), want)
			}
		})
	}
}

func (k kind) soak(t *testing.T, seed int64, want string) {
	rng := rand.New(rand.NewSource(seed))
	url, dir := k.place(t)
	kills := 0
	for {
		cmd := child{URL: url, Dir: dir, Verb: "up", Target: "head"}.command()
		var b bytes.Buffer
		cmd.Stdout, cmd.Stderr = &b, &b
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Growing patience makes an end certain on a slow machine.
		timer := time.AfterFunc(time.Duration(rng.Intn(40+10*kills))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		out, code, killed := outcome(t, b.String(), cmd.Wait())
		timer.Stop()
		if killed {
			kills++
			continue
		}
		if code != 0 {
			t.Fatalf("seed %d, after %d kills: %d: %s%s", seed, kills, code, out, b.String())
		}
		break
	}
	if got := k.truth(t, url, dir); got != want {
		t.Fatalf("seed %d, after %d kills:\n%s\nwant:\n%s", seed, kills, got, want)
	}
	t.Logf("seed %d: %d kills", seed, kills)
}

// TestManyAtOnce starts twenty processes together: every migration is applied
// once, and each process exits 0 or 5.
func TestManyAtOnce(t *testing.T) {
	for _, k := range append(kinds(), sharing(60)) {
		t.Run(k.name, func(t *testing.T) {
			url, dir := k.place(t)
			ref, refDir := k.place(t)
			migrate(t, ref, refDir, "up", "head")
			var wg sync.WaitGroup
			type result struct {
				out  string
				code int
			}
			results := make([]result, 20)
			for i := range results {
				wg.Add(1)
				go func() {
					defer wg.Done()
					// Half of them do not wait for the lock.
					wait := time.Duration(-1)
					if i%2 == 0 {
						wait = time.Minute
					}
					out, code, _ := child{URL: url, Dir: dir, Verb: "up", Target: "head", LockWait: wait}.run(t)
					results[i] = result{out, code}
				}()
			}
			wg.Wait()
			for i, r := range results {
				if r.code != 0 && (r.code != 5 || i%2 == 0) {
					t.Errorf("process %d exits %d: %s", i, r.code, r.out)
				}
			}
			if got, want := k.truth(t, url, dir), k.truth(t, ref, refDir); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// TestCommitAnswerLost cuts the connection after COMMIT went to the server and
// before its answer came back: the outcome is found out, not guessed.
func TestCommitAnswerLost(t *testing.T) {
	for _, k := range kinds()[1:] {
		t.Run(k.name, func(t *testing.T) {
			ref, refDir := k.place(t)
			migrate(t, ref, refDir, "up", "head")
			want := k.truth(t, ref, refDir)
			for nth := 0; ; nth++ {
				url, dir := k.place(t)
				wire := testdb.Proxy(t, url)
				where := []testdb.Where{testdb.AfterAnswer, testdb.BeforeServer}[nth%2]
				cut := wire.CutOn(testdb.Cut{Sent: "COMMIT", Nth: nth / 2, Where: where})
				reconnected := 0
				m, err := bellows.Open(context.Background(), wire.URL, bellows.Options{Dir: dir, Sink: event.SinkFunc(func(e event.Event) {
					if _, ok := e.(event.Reconnected); ok {
						reconnected++
					}
				})})
				if err != nil {
					t.Fatal(err)
				}
				rep, err := m.Up(context.Background(), "head")
				m.Close()
				select {
				case <-cut:
				default:
					if nth < 8 {
						t.Fatalf("only %d commits went by", nth/2)
					}
					return
				}
				if err != nil {
					t.Fatalf("COMMIT %d: %v", nth, err)
				}
				if reconnected == 0 {
					t.Errorf("COMMIT %d: the connection was cut and nobody noticed", nth)
				}
				if len(rep.Applied) != 5 {
					t.Errorf("COMMIT %d: the report names %v", nth, rep.Applied)
				}
				if got := k.truth(t, url, dir); got != want {
					t.Fatalf("COMMIT %d:\n%s\nwant:\n%s", nth, got, want)
				}
			}
		})
	}
}
