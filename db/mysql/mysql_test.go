package mysql_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/mysql"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/plan"
)

func background(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func open(t testing.TB, url string, o db.Options) db.Conn {
	t.Helper()
	c, err := mysql.Driver{}.Open(background(t), url, o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func must(t testing.TB, c db.Conn, statements ...string) {
	t.Helper()
	for _, text := range statements {
		if _, err := c.Exec(background(t), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

func one(t testing.TB, c db.Conn, query string) string {
	t.Helper()
	rows, err := c.Query(background(t), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var value string
	for rows.Next() {
		if err := rows.Scan(&value); err != nil {
			t.Fatal(err)
		}
	}
	return value
}

func TestSettings(t *testing.T) {
	base := testdb.MariaDB(t)
	for name, test := range map[string]struct {
		url  string
		o    db.Options
		want string
	}{
		"ours":    {base, db.Options{}, "1 1 0.000000 60 +00:00"},
		"options": {base, db.Options{LockTimeout: 1200 * time.Millisecond, StatementTimeout: 1500 * time.Millisecond}, "2 2 1.500000 60 +00:00"},
		"the URL": {base + "?lock_wait_timeout=7", db.Options{}, "7 1 0.000000 60 +00:00"},
		"both":    {base + "?lock_wait_timeout=7", db.Options{LockTimeout: time.Second}, "1 1 0.000000 60 +00:00"},
	} {
		c := open(t, test.url, test.o)
		got := one(t, c, "SELECT CONCAT_WS(' ', @@lock_wait_timeout, @@innodb_lock_wait_timeout, @@max_statement_time, @@idle_transaction_timeout, @@time_zone)")
		if got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	app := open(t, base, db.Options{App: "bellows/up/7"})
	if got := one(t, app, "SELECT @@character_set_client"); got != "utf8mb4" {
		t.Errorf("character set %s", got)
	}
}

// A time-out of a statement is told as such, and the session lives on.
func TestStatementTimeout(t *testing.T) {
	c := open(t, testdb.MariaDB(t), db.Options{StatementTimeout: 50 * time.Millisecond})
	_, err := c.Exec(background(t), "SELECT SLEEP(60) FROM information_schema.tables")
	var e *db.Error
	if !errors.As(err, &e) || e.Class != db.Canceled || e.Code != "mysql.1969" {
		t.Errorf("%v", err)
	}
	must(t, c, "DO 0")
}

// The server's sql_mode tells how text is read.
func TestDialectOfTheSession(t *testing.T) {
	base := testdb.MariaDB(t)
	if c := open(t, base, db.Options{}); c.Dialect().Name() != "mariadb" {
		t.Errorf("dialect %s", c.Dialect().Name())
	}
	c := open(t, base+"?sql_mode="+url.QueryEscape("'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'"), db.Options{})
	must(t, c, `CREATE TABLE "a" (w varchar(20))`)
	for _, text := range []string{`it's \ "x"`, `\`} {
		if _, err := c.Exec(background(t), `INSERT INTO "a" VALUES (?)`, text); err != nil {
			t.Fatal(err)
		}
		if got := one(t, c, `SELECT w FROM "a"`); got != text {
			t.Errorf("wrote %q, read %q", text, got)
		}
		must(t, c, `DELETE FROM "a"`)
	}
}

func TestURLForms(t *testing.T) {
	base := testdb.MariaDB(t)
	socket := one(t, open(t, base, db.Options{}), "SELECT @@socket")
	if _, err := os.Stat(socket); err != nil {
		t.Fatalf("the test server has no socket that can be seen: %v", err)
	}
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal("not a URL")
	}
	user := u.User.String()
	for _, form := range []string{
		"mysql://" + user + "@unix(" + socket + ")" + u.Path,
		"mysql://" + user + "@tcp(" + u.Host + ")" + u.Path + "?parseTime=true&multiStatements=true",
		"mariadb://" + user + "@localhost" + u.Path + "?socket=" + url.QueryEscape(socket),
		"mysql://" + user + "@" + u.Host + u.Path + "?tls=preferred&multiStatements=true",
		"mysql://" + user + "@" + u.Host,
	} {
		c := open(t, form, db.Options{})
		if _, err := c.Exec(background(t), "SELECT 1; SELECT 2"); err == nil {
			t.Error("two statements in one went through")
		}
	}
	for form, why := range map[string]string{
		"mysql://" + user + "@localhost/a/b":                   "more than one database",
		"mysql://" + user + "@localhost/a?tls=nonsense":        "parameters",
		"mysql://" + user + "@localhost/a?parseTime=nonsense":  "parameters",
		"mysql://" + user + "@localhost/a?charset=utf8mb4&x=%": "parameters",
	} {
		_, err := mysql.Driver{}.Open(background(t), form, db.Options{})
		if err == nil || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), testdb.Password) {
			t.Errorf("want %q: %v", why, err != nil && strings.Contains(err.Error(), why))
		}
	}
}

// What another tool reads in a URL is no variable of the server.
func TestForeignParameters(t *testing.T) {
	for _, parameter := range []string{"x-migrations-table=done", "bogus=1"} {
		_, err := mysql.Driver{}.Open(background(t), testdb.MariaDB(t)+"?"+parameter, db.Options{})
		var f *fault.Error
		if !errors.As(err, &f) || !strings.Contains(f.Hint, "take it out of the URL") {
			t.Errorf("%s: %v", parameter, err)
		}
	}
}

// Where the server tells who holds metadata locks, blockers are exact.
func TestBlockers(t *testing.T) {
	server := testdb.PrivateMariaDB(t, "--plugin-load-add=metadata_lock_info")
	url := server.Database(t)
	a, reader := open(t, url, db.Options{}), open(t, url, db.Options{})
	must(t, a, "CREATE TABLE t (id int)", "CREATE TABLE other (id int)", "INSERT INTO t VALUES (1)")
	must(t, reader, "START TRANSACTION", "SELECT * FROM t")
	blockers := func(name string, lock plan.Lock, budget time.Duration) int {
		t.Helper()
		all, err := a.(db.Watcher).Blockers(background(t), []plan.Touch{{Table: plan.Name{Name: name}, Lock: lock}}, budget)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range all {
			if b.PID != reader.Session().PID || b.User != testdb.User || b.Table != name {
				t.Errorf("%+v", b)
			}
		}
		return len(all)
	}
	if blockers("t", "EXCLUSIVE METADATA", 0) != 1 {
		t.Error("the reader is not seen")
	}
	// A change of a table waits for who writes to those that its foreign keys lead to
	// and from, and not for who reads them.
	must(t, a, "CREATE TABLE parent (id int PRIMARY KEY)", "CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES parent (id))", "INSERT INTO parent VALUES (1)")
	writer := open(t, url, db.Options{})
	for _, around := range [][2]string{{"child", "parent"}, {"parent", "child"}} {
		for use, want := range map[string]string{"SELECT * FROM " + around[1]: "", "UPDATE " + around[1] + " SET id = id": around[1]} {
			must(t, writer, "START TRANSACTION", use)
			all, err := a.(db.Watcher).Blockers(background(t), []plan.Touch{{Table: plan.Name{Name: around[0]}, Lock: "EXCLUSIVE METADATA"}}, 0)
			got := ""
			for _, b := range all {
				got += b.Table
			}
			if err != nil || (got == "") != (want == "") { // who writes to a parent has a lock on its children, too
				t.Errorf("%s, then a change of %s: %q in the way, want %q, %v", use, around[0], got, want, err)
			}
			// The server agrees.
			_, err = a.Exec(background(t), "ALTER TABLE "+around[0]+" ADD COLUMN x int")
			if waits := err != nil; waits != (want != "") {
				t.Errorf("%s, then a change of %s: %v", use, around[0], err)
			}
			must(t, writer, "ROLLBACK")
			if err == nil {
				must(t, a, "ALTER TABLE "+around[0]+" DROP COLUMN x")
			}
		}
	}
	if blockers("other", "EXCLUSIVE METADATA", 0)+blockers("t", "SHARED WRITE", 0)+blockers("t", "EXCLUSIVE METADATA", time.Hour) != 0 {
		t.Error("blockers where there are none")
	}
}

// Without that, those count whose running statement names the table.
func TestBlockersByTheirStatement(t *testing.T) {
	url := testdb.MariaDB(t)
	a, reader := open(t, url, db.Options{}), open(t, url, db.Options{})
	must(t, a, "CREATE TABLE t_odd (id int)", "INSERT INTO t_odd VALUES (1)")
	ctx, stop := context.WithCancel(background(t))
	ended := make(chan error, 1)
	go func() {
		_, err := reader.Exec(ctx, "SELECT SLEEP(60) FROM t_odd")
		ended <- err
	}()
	touches := []plan.Touch{{Table: plan.Name{Name: "t_odd"}, Lock: "EXCLUSIVE METADATA"}}
	for {
		all, err := a.(db.Watcher).Blockers(background(t), touches, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 1 && all[0].PID == reader.Session().PID {
			break
		}
	}
	stop()
	<-ended
}

// Every kind of object that a statement may name has a fingerprint.
func TestFingerprintOfEveryKind(t *testing.T) {
	c := open(t, testdb.MariaDB(t), db.Options{})
	must(t, c, "CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, w int)")
	print := func(o plan.Object) string {
		t.Helper()
		text, err := c.(db.Watcher).Fingerprint(background(t), []plan.Object{o})
		if err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		return text
	}
	for _, step := range []struct{ kind, name, same, text string }{
		{"table", "t", "INSERT INTO t (w) VALUES (1), (2)", "ALTER TABLE t COMMENT 'x'"},
		{"index", "i", "DO 0", "CREATE INDEX i ON t (w)"},
		{"procedure", "p", "DO 0", "CREATE PROCEDURE p() SELECT 1"},
		{"function", "f", "CALL p()", "CREATE FUNCTION f() RETURNS int DETERMINISTIC RETURN 1"},
		{"trigger", "g", "DO 0", "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.w = 1"},
		{"event", "e", "DO 0", "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1"},
		{"view", "v", "DO 0", "CREATE VIEW v AS SELECT 1"},
		{"sequence", "q", "DO 0", "CREATE SEQUENCE q"},
	} {
		o := plan.Object{Kind: step.kind, Name: plan.Name{Name: step.name}}
		if step.kind == "index" {
			o.On.Name = "t"
		}
		before := print(o)
		must(t, c, step.same)
		if print(o) != before {
			t.Errorf("%s: changed the fingerprint of %s %s", step.same, step.kind, step.name)
		}
		must(t, c, step.text)
		if print(o) == before {
			t.Errorf("%s: did not change the fingerprint of %s %s", step.text, step.kind, step.name)
		}
	}
	for _, kind := range []string{"database", "user", "role", "routine", "package"} {
		print(plan.Object{Kind: kind, Name: plan.Name{Name: "nowhere"}})
	}
}

// A syntax error in a long statement is found by the line and what is quoted.
func TestPlaceInLongStatements(t *testing.T) {
	c := open(t, testdb.MariaDB(t), db.Options{})
	long := strings.Repeat("SELECT 'ä' UNION\n", 30)
	for text, want := range map[string]int{
		long + "SELECT 1 FROM FROM x " + strings.Repeat("ü", 100): len(long + "SELECT 1 FROM "),
		long + "SELECT":   len(long + "SELECT"),
		"SELECT (1 \n\n ": len("SELECT (1 \n\n "),
		"CREATE PROCEDURE p()\nBEGIN\n SELECT 1;\n SELEC 2;\nEND": len("CREATE PROCEDURE p()\nBEGIN\n SELECT 1;\n SELEC "),
	} {
		_, err := c.Exec(background(t), text)
		var e *db.Error
		if !errors.As(err, &e) || e.Offset != want {
			t.Errorf("%.40q: offset %d, want %d: %v", text, e.Offset, want, err)
		}
	}
}

// A time-out while counting leaves an estimate.
func TestCountEstimates(t *testing.T) {
	c := open(t, testdb.MariaDB(t), db.Options{})
	must(t, c, "CREATE VIEW v AS SELECT a.seq AS s FROM seq_1_to_1000000 a, seq_1_to_1000000 b WHERE a.seq <> b.seq")
	got, err := c.(db.Watcher).Count(background(t), plan.Loss{Table: plan.Name{Name: "v"}, Column: "s"}, 20*time.Millisecond)
	if err != nil || got.Exact || got.Gone {
		t.Errorf("%+v, %v", got, err)
	}
}
