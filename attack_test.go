package bellows_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/revision"
	_ "modernc.org/sqlite"
)

// folderOf makes a folder of its arguments: a name, a text, and so on.
func folderOf(pairs ...string) fstest.MapFS {
	f := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		f[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return f
}

func makes(id, revises, table string) string {
	return fmt.Sprintf("-- migrate:revises %s\n-- migrate:up\nCREATE TABLE %s (id int);\n-- migrate:down\nDROP TABLE %[2]s;\n", revises, table)
}

func openFile(t *testing.T, file string, files fstest.MapFS) *bellows.Migrator {
	t.Helper()
	m, err := bellows.Open(t.Context(), "sqlite:"+file, bellows.Options{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// TestSquashLeavesWhole takes a database back that applied what a squash
// replaces, after the files of that are gone: by down, by a script, by stamp.
func TestSquashLeavesWhole(t *testing.T) {
	before := folderOf("1_a.sql", makes("1", "none", "a"), "2_b.sql", makes("2", "1", "b"), "3_c.sql", makes("3", "2", "c"))
	after := folderOf("9_all.sql", `-- migrate:revises none
-- migrate:replaces 1..3
-- migrate:up
CREATE TABLE a (id int); CREATE TABLE b (id int); CREATE TABLE c (id int);
-- migrate:down
DROP TABLE c; DROP TABLE b; DROP TABLE a;
`)
	ways := map[string]func(t *testing.T, m *bellows.Migrator, file string) error{
		"down": func(t *testing.T, m *bellows.Migrator, _ string) error {
			_, err := m.Down(t.Context(), "-1")
			return err
		},
		"script": func(t *testing.T, m *bellows.Migrator, file string) error {
			p, err := m.PlanDown(t.Context(), bellows.Request{Target: "base"})
			if err != nil {
				return err
			}
			text, err := m.Script(p)
			if err != nil {
				return err
			}
			client, err := sql.Open("sqlite", file)
			if err != nil {
				return err
			}
			defer client.Close()
			_, err = client.ExecContext(t.Context(), text)
			return err
		},
		"stamp": func(t *testing.T, m *bellows.Migrator, file string) error {
			if _, err := m.Stamp(t.Context(), "base", bellows.StampOptions{}); err != nil {
				return err
			}
			client, err := sql.Open("sqlite", file)
			if err != nil {
				return err
			}
			defer client.Close()
			_, err = client.ExecContext(t.Context(), "DROP TABLE a; DROP TABLE b; DROP TABLE c")
			return err
		},
	}
	for name, back := range ways {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "app.db")
			if _, err := openFile(t, file, before).Up(t.Context(), bellows.Head); err != nil {
				t.Fatal(err)
			}
			m := openFile(t, file, after)
			s, err := m.Status(t.Context())
			if err != nil || s.Pending != 0 || !slices.Equal(s.Current, []string{"9"}) || s.Revisions[0].AppliedAt.IsZero() {
				t.Fatalf("before: %+v, %v", s, err)
			}
			if err := back(t, m, file); err != nil {
				t.Fatal(err)
			}
			s, err = m.Status(t.Context())
			if err != nil || len(s.Current) != 0 || len(s.Problems) != 0 || s.Pending != 1 {
				t.Fatalf("after: %+v, %v", s, err)
			}
			r, err := m.Up(t.Context(), bellows.Head)
			if err != nil || strings.Join(r.Applied, " ") != "9" {
				t.Fatalf("again: %+v, %v", r, err)
			}
		})
	}
}

// TestEditsAreShown edits an applied file and lets another vanish: up shows what
// was and what is, and a repair names the revision.
func TestEditsAreShown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.db")
	files := folderOf("1_a.sql", makes("1", "none", "a"), "2_b.sql", makes("2", "1", "b"), "3_c.sql", makes("3", "2", "c"))
	if _, err := openFile(t, file, files).Up(t.Context(), bellows.Head); err != nil {
		t.Fatal(err)
	}
	files["1_a.sql"] = &fstest.MapFile{Data: []byte(makes("1", "none", "other"))}
	files["2_b.sql"] = &fstest.MapFile{Data: []byte("-- only a comment\n" + makes("2", "1", "b"))}
	delete(files, "3_c.sql")
	m := openFile(t, file, files)
	_, err := m.Up(t.Context(), bellows.Heads)
	for _, want := range []string{"1 a is applied", `in up, statement 1 was "CREATE TABLE a ( id int )"`, `and is "CREATE TABLE other ( id int )"`,
		"in down, statement 1", "only comments, blanks or directives changed", "3 c is applied, but its file is gone"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
	found, err := m.Troubles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, x := range found {
		said = append(said, x.Revision+": "+strings.Join(x.Actions, ", "))
	}
	slices.Sort(said)
	want := []string{"1: bellows repair --accept-edit 1", "2: bellows repair --accept-edit 2", "3: bellows repair --forget 3"}
	if !slices.Equal(said, want) {
		t.Errorf("repairs %q", said)
	}
}

// TestLateIsSaid applies what sorts before an applied revision, and is told.
func TestLateIsSaid(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.db")
	files := folderOf("1_a.sql", makes("1", "none", "a"), "3_c.sql", makes("3", "1", "c"))
	if _, err := openFile(t, file, files).Up(t.Context(), bellows.Head); err != nil {
		t.Fatal(err)
	}
	files["2_b.sql"] = &fstest.MapFile{Data: []byte(makes("2", "1", "b"))}
	var told []event.Warning
	m, err := bellows.Open(t.Context(), "sqlite:"+file, bellows.Options{Files: files, Sink: event.SinkFunc(func(e event.Event) {
		if w, ok := e.(event.Warning); ok {
			told = append(told, w)
		}
	})})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Up(t.Context(), bellows.Heads); err != nil {
		t.Fatal(err)
	}
	if len(told) != 1 || told[0].Code != string(fault.Order) || !strings.HasPrefix(told[0].Text, "2 b sorts before") {
		t.Errorf("told %+v", told)
	}
}

// TestLedgerInMadeSchema is a role that may create nothing in the database, for
// which an administrator made the ledger's schema.
func TestLedgerInMadeSchema(t *testing.T) {
	admin := testdb.Postgres(t)
	low := testdb.Restricted(t, admin)
	files := folderOf("1_a.sql", makes("1", "none", "app.a"))
	m := migrator(t, low, bellows.Options{Files: files})
	_, err := m.Up(patient(t), "heads")
	refused(t, err, fault.Denied, "creating the ledger")

	u, err := url.Parse(low)
	if err != nil {
		t.Fatal("not a URL")
	}
	role := `"` + u.User.Username() + `"`
	another(t, admin).do("CREATE SCHEMA bellows AUTHORIZATION "+role, "CREATE SCHEMA app AUTHORIZATION "+role)
	up(t, m)
	p, err := m.PlanUp(patient(t), bellows.Request{})
	if err != nil || len(p.Plan.Steps) != 0 {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestMayNotRead is a role that may read the ledger and nothing else: it sees a
// plan, without counts, and is denied the lock in words.
func TestMayNotRead(t *testing.T) {
	admin := testdb.Postgres(t)
	files := folderOf("1_a.sql", makes("1", "none", "public.a"))
	up(t, migrator(t, admin, bellows.Options{Files: files}))
	low := testdb.Restricted(t, admin)
	u, err := url.Parse(low)
	if err != nil {
		t.Fatal("not a URL")
	}
	role := `"` + u.User.Username() + `"`
	another(t, admin).do("REVOKE pg_read_all_data, pg_write_all_data FROM "+role,
		"GRANT USAGE ON SCHEMA public, bellows TO "+role, "GRANT SELECT ON ALL TABLES IN SCHEMA bellows TO "+role)
	m := migrator(t, low, bellows.Options{Files: files})
	p, err := m.PlanDown(patient(t), bellows.Request{Target: "base"})
	if err != nil || len(p.Losses) != 1 || p.Losses[0].Rows != -1 {
		t.Errorf("%+v, %v", p.Losses, err)
	}
	_, err = m.Down(patient(t), "base")
	refused(t, err, fault.Denied, "taking the lock", "permission denied for table lease")
}

// TestBusyFile says who writes to a file that has one writer: the run that holds
// the lease, or somebody who is not known.
func TestBusyFile(t *testing.T) {
	url, dir := onSQLite.fresh(t), writeFiles(t, twoFiles)
	g, ended := holding(t, url, bellows.Options{Dir: dir, Actor: "ada@engine"})
	writer := another(t, url)
	writer.do("BEGIN IMMEDIATE")
	m := migrator(t, url, bellows.Options{Dir: dir, LockWait: -1, LockTimeout: time.Millisecond})
	_, err := m.Up(patient(t), "heads")
	refused(t, err, fault.Locked, "another run holds the lock: ada")
	writer.do("ROLLBACK")
	g.open()
	if err := ended(); err != nil {
		t.Fatal(err)
	}
	writer.do("BEGIN IMMEDIATE")
	_, err = m.Down(patient(t), "base")
	refused(t, err, fault.Locked, "the lock cannot be had", "another program")
	writer.do("ROLLBACK")
}

// TestUserNamedLikeTheLedger is a user whose own schema would be the ledger's:
// his tables would land in it.
func TestUserNamedLikeTheLedger(t *testing.T) {
	url := testdb.Postgres(t)
	files := folderOf("1_a.sql", makes("1", "none", "a"))
	_, err := migrator(t, url, bellows.Options{Files: files, Ledger: testdb.User}).Up(patient(t), "heads")
	refused(t, err, fault.Config, "search_path=public", "ledger_schema")
	up(t, migrator(t, url+"&search_path=public", bellows.Options{Files: files, Ledger: testdb.User}))
	if where := another(t, url).one("SELECT schemaname FROM pg_tables WHERE tablename = 'a'"); where != "public" {
		t.Errorf("the table is in %s", where)
	}
}

// TestOrderOfApplication demands that the ledger knows in which order one run
// applied: what is applied last is reverted first.
func TestOrderOfApplication(t *testing.T) {
	everywhere(t, func(t *testing.T, s server) {
		files := folderOf("9_a.sql", makes("9", "none", "a"), "11_c.sql", makes("11", "9", "c"),
			"10_b.sql", "-- migrate:needs 11\n"+makes("10", "9", "b"), "12_d.sql", makes("12", "10, 11", "d"))
		m := migrator(t, s.fresh(t), bellows.Options{Files: files})
		want := []string{"9", "11", "10", "12"}
		if rep := up(t, m); !slices.Equal(rep.Applied, want) {
			t.Fatalf("applied %v", rep.Applied)
		}
		_, applied, err := m.LiveGraph(patient(t))
		if err != nil || !slices.EqualFunc(applied, want, func(a revision.ID, b string) bool { return string(a) == b }) {
			t.Errorf("the ledger says %v, %v", applied, err)
		}
	})
}

// TestTableMadeAnew makes a table anew under its old name while rows of another
// refer to it, in the ways that SQLite's manual and other tools' folders do.
func TestTableMadeAnew(t *testing.T) {
	const before = "-- migrate:up\nCREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (id INTEGER PRIMARY KEY, p int REFERENCES p(id) ON DELETE CASCADE);\n" +
		"INSERT INTO p VALUES (1); INSERT INTO c VALUES (5, 1), (6, NULL);\n"
	const anew = "CREATE TABLE p2 (id INTEGER PRIMARY KEY, more int);\nINSERT INTO p2 (id) SELECT id FROM p;\nDROP TABLE p;\nALTER TABLE p2 RENAME TO p;\n"
	for name, second := range map[string]struct {
		up     string
		single bool
	}{
		"together":   {up: "-- migrate:up mixed:true\n" + anew},
		"single":     {up: "-- migrate:up mixed:true\n" + anew, single: true},
		"each":       {up: "-- migrate:up transaction:false mixed:true\n" + anew},
		"switched":   {up: "-- migrate:up transaction:false mixed:true\nPRAGMA foreign_keys = OFF;\n" + anew + "PRAGMA foreign_keys = ON;\n"},
		"renamed":    {up: "-- migrate:up mixed:true\nPRAGMA legacy_alter_table = ON;\nALTER TABLE p RENAME TO old;\n" + strings.ReplaceAll(strings.Replace(anew, "ALTER TABLE p2 RENAME TO p;\n", "", 1), "p;", "old;") + "ALTER TABLE p2 RENAME TO p;\n"},
		"first-time": {up: "-- migrate:up mixed:true\n" + anew, single: true},
	} {
		t.Run(name, func(t *testing.T) {
			url := onSQLite.fresh(t)
			files := folderOf("1_a.sql", strings.Replace(before, "migrate:up", "migrate:up mixed:true", 1))
			if name != "first-time" {
				up(t, migrator(t, url, bellows.Options{Files: files}))
			}
			files["2_b.sql"] = &fstest.MapFile{Data: []byte(second.up)}
			m := migrator(t, url, bellows.Options{Files: files})
			if _, err := m.UpWith(patient(t), bellows.Request{Target: "heads", SingleTransaction: second.single}); err != nil {
				t.Fatal(err)
			}
			o := another(t, url)
			equal(t, "rows", o.one("SELECT group_concat(id || ':' || coalesce(p, '-')) FROM c"), "5:1,6:-")
			equal(t, "table", o.one("SELECT count(*) FROM p WHERE more IS NULL"), "1")
		})
	}
}

// TestDropLeavesRowsBehind drops a table to which rows refer: it is refused, and
// those that led nowhere before do not stand in the way of others.
func TestDropLeavesRowsBehind(t *testing.T) {
	url := onSQLite.fresh(t)
	files := folderOf("1_a.sql", "-- migrate:up\nCREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE x (id int);\n"+
		"CREATE TABLE c (id INTEGER PRIMARY KEY, p int REFERENCES p(id) ON DELETE CASCADE);\n",
		"2_b.sql", "-- migrate:up\nDROP TABLE p;\n")
	m := migrator(t, url, bellows.Options{Files: files})
	if _, err := m.Up(patient(t), "1"); err != nil {
		t.Fatal(err)
	}
	o := another(t, url)
	o.do("INSERT INTO p VALUES (1)", "INSERT INTO c VALUES (5, 1), (6, 1)")
	_, err := m.Up(patient(t), "heads")
	refused(t, err, fault.Check, "2_b.sql:2:1", "2 more rows would refer to what is not there", "table=c, rowid=5, parent=p")
	equal(t, "rows", o.one("SELECT count(*) FROM c JOIN p ON p.id = c.p"), "2")

	files["2_b.sql"] = &fstest.MapFile{Data: []byte("-- migrate:up\nDROP TABLE x;\n")}
	o.do("PRAGMA foreign_keys = OFF", "INSERT INTO c VALUES (7, 77)")
	up(t, migrator(t, url, bellows.Options{Files: files}))
}

// TestRedosAtOnce asks for the same from several goroutines: each reverts and
// applies the last migration, and never what another one is about.
func TestRedosAtOnce(t *testing.T) {
	m := migrator(t, onSQLite.fresh(t), bellows.Options{Files: folderOf("1_a.sql", makes("1", "none", "a"), "2_b.sql", makes("2", "1", "b"))})
	up(t, m)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			r, err := m.Redo(patient(t), 1, bellows.Request{})
			if err != nil || !slices.Equal(r.Applied, []string{"2"}) || !slices.Equal(r.Reverted, r.Applied) {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	all.Wait()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := m.Up(patient(t), "heads")
	refused(t, err, fault.Usage, "the migrator is closed")
}

// TestFailedDownIsRepairedDownwards offers, for a down that failed, what goes down.
func TestFailedDownIsRepairedDownwards(t *testing.T) {
	m := migrator(t, onSQLite.fresh(t), bellows.Options{Files: folderOf("1_a.sql", strings.Replace(makes("1", "none", "a"), "DROP TABLE a", "DROP TABLE nothing", 1))})
	up(t, m)
	if _, err := m.Down(patient(t), "-1"); err == nil {
		t.Fatal("no error")
	}
	found, err := m.Troubles(patient(t))
	if err != nil || len(found) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	equal(t, "actions", strings.Join(found[0].Actions, ", "), "bellows down, bellows repair --mark-reverted 1")
	equal(t, "text", found[0].Text, "reverting 1 a failed and was rolled back")
}
