package run_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	difference "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/sqlite"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/run"
	"github.com/bellowsdb/bellows/source"
	"github.com/bellowsdb/bellows/source/open"
)

// outcome is all that a run leaves and tells, but for times.
type outcome struct {
	Err, Hint string
	Report    run.Report
	Events    []string
	Database  []string
	Points    []string
}

// transactions is how many were committed.
func (o outcome) transactions() (n int) {
	for _, p := range o.Points {
		if p == "committed" {
			n++
		}
	}
	return n
}

// project is a folder and what the database holds before.
type project struct {
	dir    string
	before []string
	params string // more of them for the URL
	turn   time.Duration
	time   time.Duration // of a group; 0: as long as it takes
}

// folder writes migrations, which are given as the text of their files.
func folder(dir string, texts []string) error {
	for i, text := range texts {
		if i > 0 {
			text = fmt.Sprintf("-- migrate:revises %d\n\n", i) + text
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d_m.sql", i+1)), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// play runs the folder up in a new database, with groups of that size. during is
// called at each point, with how many of its name there were.
func (p project) play(group int, during func(url, name string, n int)) (outcome, error) {
	return p.playWith(context.Background(), group, during)
}

// interrupted is play, told to stop when that many migrations were recorded.
func (p project) interrupted(group, at int) (outcome, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	return p.playWith(ctx, group, func(_, name string, n int) {
		if name == "recorded" && n == at {
			cancel()
		}
	})
}

func (p project) playWith(ctx context.Context, group int, during func(url, name string, n int)) (o outcome, err error) {
	dir, err := os.MkdirTemp("", "bellows-group-")
	if err != nil {
		return o, err
	}
	defer os.RemoveAll(dir)
	url := "sqlite:" + filepath.Join(dir, "a.db") + "?_pragma=synchronous(0)" + p.params
	connect := func(ctx context.Context, app string) (db.Conn, error) {
		return sqlite.Driver{}.Open(ctx, url, db.Options{App: app})
	}
	c, err := connect(context.Background(), "")
	if err != nil {
		return o, err
	}
	defer func() { _ = c.Close() }()
	for _, sql := range p.before {
		if _, err := c.Exec(context.Background(), sql); err != nil {
			return o, fmt.Errorf("%s: %w", sql, err)
		}
	}
	files, err := open.Folder(source.Options{Dir: p.dir})
	if err != nil {
		return o, err
	}
	seen := map[string]int{}
	r := run.New(c, run.Options{Group: group, GroupTime: cmp.Or(p.time, time.Hour), Turn: p.turn, Revisions: files.Revisions(), Files: files, Ledger: "l", Open: connect, Verb: "up", Run: "r", Owner: "ada",
		Sink: event.SinkFunc(func(e event.Event) { o.Events = append(o.Events, timeless(e)) }),
		Point: func(name string) {
			seen[name]++
			o.Points = append(o.Points, name)
			if during != nil {
				during(url, name, seen[name])
			}
		}})
	report, failed := r.Up(ctx, run.Ask{Target: "head"})
	c = r.Conn()
	o.Report = report
	o.Report.Duration = 0
	if failed != nil {
		o.Err = failed.Error()
		if f := (*fault.Error)(nil); errors.As(failed, &f) {
			o.Hint = f.Hint
		}
	}
	o.Database, err = everything(c)
	return o, err
}

// timeless is an event without what the clock says.
func timeless(e event.Event) string {
	v := reflect.New(reflect.TypeOf(e)).Elem()
	v.Set(reflect.ValueOf(e))
	if d := v.FieldByName("Duration"); d.IsValid() {
		d.SetZero()
	}
	return fmt.Sprintf("%T%+v", e, v.Interface())
}

// everything is the schema and all rows but those of the lease, without times.
func everything(c db.Conn) ([]string, error) {
	out, err := lines(c, "SELECT 'schema', type, name, tbl_name, coalesce(sql, '') FROM sqlite_master ORDER BY rowid")
	if err != nil {
		return nil, err
	}
	tables, err := lines(c, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('l_lease', 'large') ORDER BY 1")
	if err != nil {
		return nil, err
	}
	for _, table := range tables {
		columns, err := lines(c, "SELECT group_concat('quote(\"' || name || '\")') FROM pragma_table_info('"+table+"') WHERE name NOT IN ('at', 'applied_at', 'failed_at', 'duration_ms')")
		if err != nil {
			return nil, err
		}
		rows, err := lines(c, "SELECT '"+table+"', rowid, "+strings.ReplaceAll(columns[0], ",", " || ', ' || ")+" FROM \""+table+"\" ORDER BY rowid")
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	return out, nil
}

func lines(c db.Conn, sql string) ([]string, error) {
	rows, err := c.Query(context.Background(), sql)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sql, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		values, into := make([]any, len(rows.Columns())), make([]any, len(rows.Columns()))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		out = append(out, strings.Trim(fmt.Sprint(values), "[]"))
	}
	return out, rows.Err()
}

// before is what the drawn migrations find: a table with rows, and references
// whose check is put off.
var before = []string{
	"CREATE TABLE old (id INTEGER PRIMARY KEY AUTOINCREMENT, v int)", "INSERT INTO old (v) VALUES (1), (2), (3)",
	"CREATE TABLE child (id INTEGER PRIMARY KEY, p int REFERENCES old (id) DEFERRABLE INITIALLY DEFERRED)",
}

// statements draws what a migration does. Most of it works, and most may be in a
// group; n is a number that no other migration has.
func statements(t *rapid.T, n int) []string {
	some := func() int { return rapid.IntRange(max(0, n-4), n).Draw(t, "which") }
	a, b, row := some(), some(), rapid.IntRange(1, 4).Draw(t, "row")
	f := fmt.Sprintf
	table := f("CREATE TABLE t%d (id INTEGER PRIMARY KEY AUTOINCREMENT, v int, p int REFERENCES t%d (id) DEFERRABLE INITIALLY DEFERRED)", n, b)
	good := [][]string{
		{table}, {table, f("CREATE INDEX i%d ON t%d (v)", n, n)}, {table, f("INSERT INTO t%d (v) VALUES (1), (2)", n)}, {f("CREATE TABLE t%d (id int, v int, p int)", n)},
		{table, f("CREATE VIEW v%d AS SELECT id FROM t%d", n, n)}, {table, f("ALTER TABLE t%d ADD COLUMN c int", n), f("UPDATE t%d SET c = 1", n)},
		{table, f("CREATE TRIGGER g%d AFTER INSERT ON t%d BEGIN INSERT INTO old (v) VALUES (new.id); END", n, n), f("INSERT INTO t%d (v) VALUES (1)", n)},
		{table, f("INSERT INTO t%d (v) VALUES (1)", n), f("INSERT INTO t%d (v) VALUES (last_insert_rowid())", n), f("INSERT INTO t%d (v) VALUES (changes())", n)},
	}
	if rapid.IntRange(0, 9).Draw(t, "good") < 8 { // small numbers are drawn more often
		return good[rapid.IntRange(0, len(good)-1).Draw(t, "choice")]
	}
	choices := [][]string{
		{table, f("INSERT INTO t%d (p) VALUES (77)", n)}, {table, table}, {f("CREATE TABLE t%d (id int)", a)},
		{table, f("INSERT INTO t%d (id) VALUES (1)", n), f("INSERT OR ROLLBACK INTO t%d (id) VALUES (1)", n)},
		{f("CREATE INDEX i%d ON t%d (v)", n, a)}, {f("CREATE UNIQUE INDEX i%d ON t%d (v)", n, a)}, {f("DROP INDEX i%d", a)},
		{f("ALTER TABLE t%d ADD COLUMN c%d int", a, b)}, {f("ALTER TABLE t%d RENAME TO t%d", a, n)}, {f("ALTER TABLE t%d RENAME COLUMN v TO w", a)},
		{f("INSERT INTO t%d (id, v) VALUES (%d, %d)", a, row, n)}, {f("INSERT OR ROLLBACK INTO t%d (id) VALUES (%d)", a, row)},
		{f("INSERT OR IGNORE INTO t%d (id, p) VALUES (%d, %d)", a, row+4, row)}, {f("INSERT INTO t%d (p) VALUES (77)", a)},
		{f("INSERT INTO t%d (id) VALUES (77)", a)}, {f("UPDATE t%d SET v = coalesce(v, 0) + 1", a)}, {f("DELETE FROM t%d WHERE id = %d", a, row)},
		{f("DELETE FROM t%d", a)}, {f("INSERT INTO t%d (v) SELECT v FROM old", a)}, {f("INSERT INTO t%d (v) VALUES (last_insert_rowid())", a)},
		{"UPDATE old SET v = v + 4"}, {f("INSERT INTO child (p) VALUES (%d)", row+2)}, {"INSERT INTO old (v) VALUES (9)"},
		{f("CREATE VIEW v%d AS SELECT id FROM t%d", n, a)}, {f("DROP VIEW v%d", a)}, {f("CREATE TABLE s%d AS SELECT * FROM old", n)},
		{f("CREATE TRIGGER g%d AFTER INSERT ON t%d BEGIN INSERT INTO old (v) VALUES (new.id); END", n, a)}, {f("DROP TRIGGER g%d", a)},
		{f("CREATE TRIGGER g%d BEFORE INSERT ON t%d WHEN new.id = %d BEGIN SELECT RAISE(ROLLBACK, 'no'); END", n, a, row)},
		{f("DROP TABLE t%d", a)}, {f("PRAGMA user_version = %d", n)}, {"CREATE TEMP TABLE x (id int)"}, {"INSERT INTO nowhere VALUES (1)"}, {"CREATE TABLE old (id int)"},
		{f("CREATE TABLE IF NOT EXISTS old (id int)"), f("INSERT INTO old (v) VALUES (%d)", n)}, {"SELECT count(*) FROM old"}, {"ANALYZE"}, nil,
	}
	return choices[rapid.IntRange(0, len(choices)-1).Draw(t, "choice")]
}

// migration draws the text of a file.
func migration(t *rapid.T, n int) string {
	first := statements(t, n)
	if rapid.IntRange(0, 3).Draw(t, "more") == 3 {
		first = append(slices.Clone(first), statements(t, n+20)...)
	}
	head := "-- migrate:up mixed:true"
	switch rapid.IntRange(0, 15).Draw(t, "head") {
	case 14:
		head += " transaction:false"
	case 15:
		head += " lock_timeout:2s"
	}
	if len(first) > 0 && rapid.IntRange(0, 7).Draw(t, "check") == 7 {
		return "-- migrate:data mixed:true\n" + strings.Join(first, ";\n") + ";\n\n-- migrate:check\nSELECT v FROM old WHERE v > 9;\n"
	}
	text := head + "\n"
	for _, sql := range first {
		text += sql + ";\n"
	}
	return text + "\n-- migrate:down\n"
}

// A run with groups leaves and tells the same as one without, to the letter,
// whatever the migrations do and wherever they fail.
func TestGroupsChangeNothing(t *testing.T) {
	shared, undone, failed := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "bellows-group-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		var texts []string
		for n := range rapid.IntRange(4, 14).Draw(t, "migrations") {
			texts = append(texts, migration(t, n))
		}
		if err := folder(dir, texts); err != nil {
			t.Fatal(err)
		}
		p := project{dir: dir, before: before, time: rapid.SampledFrom([]time.Duration{time.Hour, time.Hour, time.Millisecond}).Draw(t, "time")}
		if rapid.IntRange(0, 9).Draw(t, "large") == 9 {
			p.before = append(slices.Clone(before), "CREATE TABLE large (b blob)", "INSERT INTO large VALUES (zeroblob(5000000))")
		}
		alone, err := p.play(1, nil)
		if err != nil {
			t.Fatal(err)
		}
		grouped, err := p.play(0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if grouped.transactions() < alone.transactions() {
			shared++
		}
		if grouped.Err != "" {
			failed++
		}
		if len(grouped.Points) > len(alone.Points) {
			undone++
		}
		alone.Points, grouped.Points = nil, nil
		if d := difference.Diff(alone, grouped); d != "" {
			t.Fatalf("%s\none by one (-) and in groups (+):\n%s", strings.Join(texts, ""), d)
		}
	})
	t.Logf("%d shared a transaction, %d groups were undone, %d failed", shared, undone, failed)
	if shared < 10 || undone < 3 || failed < 10 {
		t.Errorf("%d shared a transaction, %d groups were undone, %d failed: the cases are too few to prove anything", shared, undone, failed)
	}
}

// plain writes a folder of n small migrations, and more behind them.
func plain(t *testing.T, n int, more ...string) project {
	t.Helper()
	var texts []string
	for i := range n {
		texts = append(texts, fmt.Sprintf("-- migrate:up\nCREATE TABLE t%d (id int);\n\n-- migrate:down\nDROP TABLE t%d;\n", i, i))
	}
	for _, sql := range more {
		texts = append(texts, "-- migrate:up mixed:true\n"+sql+";\n")
	}
	p := project{dir: t.TempDir(), before: before}
	if err := folder(p.dir, texts); err != nil {
		t.Fatal(err)
	}
	return p
}

// At a commit of a group everything of it becomes visible at once, and between
// two groups whoever wants to write can.
func TestOthersWriteBetweenGroups(t *testing.T) {
	p := plain(t, 150)
	var seen []string
	o, err := p.play(0, func(url, name string, n int) {
		if name != "committed" && name != "recorded" {
			return
		}
		c, err := sqlite.Driver{}.Open(context.Background(), url, db.Options{LockTimeout: time.Millisecond})
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, err = c.Exec(context.Background(), "INSERT INTO old (v) VALUES (7)")
		if free := err == nil; free != (name == "committed") {
			t.Errorf("at %s %d another writer gets: %v", name, n, err)
		}
		got, err := lines(c, "SELECT count(*) FROM l_revision")
		if err != nil {
			t.Error(err)
			return
		}
		if name == "committed" {
			seen = append(seen, got[0])
		} else if want := append([]string{"0"}, seen...)[len(seen)]; got[0] != want {
			t.Errorf("in the middle of a group others see %s migrations, want %s", got[0], want)
		}
	})
	if err != nil || o.Err != "" {
		t.Fatal(err, o.Err)
	}
	if got := strings.Join(seen, " "); got != "64 128 150" {
		t.Errorf("after the commits others saw %s", got)
	}
}

// Who waits for the file as SQLite does gets it while a run is under way.
func TestOthersGetTheirTurn(t *testing.T) {
	p := plain(t, 40)
	p.turn = time.Nanosecond
	waited := make(chan error, 1)
	o, err := p.play(5, func(url, name string, n int) {
		if name != "recorded" || n > 1 {
			return
		}
		c, err := sqlite.Driver{}.Open(context.Background(), url, db.Options{LockTimeout: time.Minute})
		if err != nil {
			t.Error(err)
			close(waited)
			return
		}
		go func() {
			defer c.Close()
			_, err := c.Exec(context.Background(), "INSERT INTO old (v) SELECT -count(*) FROM l_revision")
			waited <- err
		}()
	})
	if err := errors.Join(err, <-waited); err != nil || o.Err != "" {
		t.Fatal(err, o.Err)
	}
	for _, row := range o.Database {
		if strings.HasPrefix(row, "old") && strings.Contains(row, ", -") {
			if strings.HasSuffix(row, "-40") {
				t.Error("he had to wait for the end")
			}
			return
		}
	}
	t.Errorf("he came after the run: %v", o.Database)
}

// Where somebody writes when a group is to begin, one migration waits for him as
// ever, and the rest is not held up by it.
func TestAGroupDoesNotWait(t *testing.T) {
	p := plain(t, 20)
	var writer db.Conn
	o, err := p.play(0, func(url, name string, n int) {
		ctx := context.Background()
		switch {
		case name == "lock taken":
			c, err := sqlite.Driver{}.Open(ctx, url, db.Options{})
			if err == nil {
				_, err = c.Exec(ctx, "BEGIN IMMEDIATE")
			}
			if err != nil {
				t.Error(err)
			}
			writer = c
		case name == "recorded" && n == 1: // of the one that is about to wait
			if _, err := writer.Exec(ctx, "COMMIT"); err != nil {
				t.Error(err)
			}
			writer.Close()
		}
	})
	if err != nil || o.Err != "" {
		t.Fatal(err, o.Err)
	}
	if n := o.transactions(); n != 2 {
		t.Errorf("%d transactions: %v", n, o.Points)
	}
	alone, err := p.play(1, nil)
	if err != nil {
		t.Fatal(err)
	}
	alone.Points, o.Points = nil, nil
	if d := difference.Diff(alone, o); d != "" {
		t.Error(d)
	}
}

// Who interrupts a group gets what is done, durable and recorded, and no more.
func TestInterruptedGroup(t *testing.T) {
	for _, at := range []int{1, 2, 7} {
		var outcomes [2]outcome
		p := plain(t, 9)
		for i, group := range []int{1, 0} {
			o, err := p.interrupted(group, at)
			if err != nil {
				t.Fatal(err)
			}
			o.Points = nil
			outcomes[i] = o
		}
		if got := len(outcomes[1].Report.Applied); got != at || !strings.Contains(outcomes[1].Err, "interrupted") {
			t.Errorf("interrupted at %d: %d applied, %s", at, got, outcomes[1].Err)
		}
		if d := difference.Diff(outcomes[0].Database, outcomes[1].Database); d != "" {
			t.Errorf("interrupted at %d:\n%s", at, d)
		}
		if d := difference.Diff(outcomes[0].Events, outcomes[1].Events); d != "" {
			t.Errorf("interrupted at %d:\n%s", at, d)
		}
	}
}

// A reference that is checked at COMMIT is checked at the end of its migration,
// also where the next one would set it right.
func TestReferencesOfAMember(t *testing.T) {
	p := plain(t, 2, "CREATE TABLE a (id int PRIMARY KEY, up int REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED)",
		"INSERT INTO a VALUES (1, 2)", "INSERT INTO a VALUES (2, NULL)")
	o, err := p.play(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Report.Applied) != 3 || !strings.Contains(o.Err, "4_m.sql") || !strings.Contains(o.Err, "at COMMIT") || !strings.Contains(o.Err, "FOREIGN KEY") {
		t.Errorf("applied %v, %s", o.Report.Applied, o.Err)
	}
	p = plain(t, 2, "CREATE TABLE a (id int PRIMARY KEY, up int REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED)",
		"INSERT INTO a VALUES (1, 2); INSERT INTO a VALUES (2, NULL)", "CREATE INDEX a_up ON a (up)")
	if o, err = p.play(0, nil); err != nil || o.Err != "" || o.transactions() != 1 {
		t.Errorf("%v, %s, %d transactions", err, o.Err, o.transactions())
	}
}

// When the room is used up in the middle of a group, what there was room for stays.
func TestFullInAGroup(t *testing.T) {
	p := plain(t, 20)
	undone := 0
	for pages := 23; pages < 60; pages += 7 {
		p.params = fmt.Sprintf("&_pragma=max_page_count(%d)", pages)
		alone, err := p.play(1, nil)
		if err != nil {
			continue // there is no room for anything
		}
		grouped, err := p.play(0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(grouped.Report.Applied); n > 0 && n < 20 && len(grouped.Points) > len(alone.Points) {
			undone++
		}
		alone.Points, grouped.Points = nil, nil
		if d := difference.Diff(alone, grouped); d != "" {
			t.Errorf("%d pages, one by one (-) and in groups (+):\n%s", pages, d)
		}
	}
	if undone == 0 {
		t.Error("no group was undone")
	}
}

// A run whose lock was taken over commits no group.
func TestStolenLockCommitsNoGroup(t *testing.T) {
	p := plain(t, 5)
	var outcomes [2]outcome
	for i, group := range []int{1, 0} {
		o, err := p.play(group, func(url, name string, _ int) {
			if name != "lock taken" {
				return
			}
			c, err := sqlite.Driver{}.Open(context.Background(), url, db.Options{})
			if err == nil {
				defer c.Close()
				_, err = c.Exec(context.Background(), "UPDATE l_lease SET run = 'thief', epoch = epoch + 1")
			}
			if err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		o.Points, outcomes[i] = nil, o
	}
	if d := difference.Diff(outcomes[0], outcomes[1]); d != "" {
		t.Error(d)
	}
	if o := outcomes[1]; len(o.Report.Applied) != 0 || !strings.Contains(o.Err, "taken") {
		t.Errorf("applied %v, %s", o.Report.Applied, o.Err)
	}
}
