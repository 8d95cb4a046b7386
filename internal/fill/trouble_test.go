package fill_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/revision"
)

// strict makes values of b above 1900 refused.
func strict(t testing.TB, e engine, url string) {
	t.Helper()
	switch e.name {
	case "sqlite":
		do(t, url, "CREATE TRIGGER posts_strict BEFORE UPDATE OF b ON posts WHEN NEW.b > 1900 BEGIN SELECT RAISE(ABORT, 'b is too large'); END")
	default:
		do(t, url, "ALTER TABLE posts ADD CONSTRAINT b_small CHECK (b <= 1900)")
	}
}

func relax(t testing.TB, e engine, url string) {
	t.Helper()
	switch e.name {
	case "sqlite":
		do(t, url, "DROP TRIGGER posts_strict")
	default:
		do(t, url, "ALTER TABLE posts DROP CONSTRAINT b_small")
	}
}

// TestPoison: bad rows are found out one by one, set aside with their reason, and
// the others done; retry and waive end the matter.
func TestPoison(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 2500)
			o := options(url)
			rec := &recorder{}
			o.Sink = rec
			// a runs to 999 over and over: 952, 953, … of each thousand are bad.
			do(t, url, "UPDATE posts SET a = 1 WHERE a > 950 AND id NOT IN (952, 1953)")
			strict(t, e, url)
			f := planned(t, url, script(double, spec(func(s *revision.FillSpec) { s.Poison = 5 })), o)
			if tried := of[event.FillTried](rec); len(tried) != 1 || tried[0].Rows == 0 {
				t.Errorf("tried %+v", tried)
			}
			_, err := fill.Work(context.Background(), f.ID, o)
			if fault.CodeOf(err) != fault.Repair || !strings.Contains(err.Error(), "2 rows are set aside") {
				t.Fatalf("%v", err)
			}
			if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != 2498 {
				t.Errorf("%d rows are right", n)
			}
			poison := of[event.FillPoison](rec)
			if len(poison) != 2 || poison[0].Key != "id=952" || poison[1].Key != "id=1953" || !strings.Contains(poison[0].Reason, "b") {
				t.Errorf("%+v", poison)
			}
			if err := finish(context.Background(), url, f.ID, o); fault.CodeOf(err) != fault.Repair {
				t.Errorf("it finishes with rows set aside: %v", err)
			}
			e.settle(t, url, f.ID, o)
		})
	}
}

// settle corrects one row set aside and waives the other.
func (e engine) settle(t *testing.T, url, id string, o fill.Options) {
	ctx := context.Background()
	c := session(t, url)
	defer c.Close()
	do(t, url, "UPDATE posts SET a = 3 WHERE id = 952")
	if err := fill.Retry(ctx, c, id, "", o); err != nil {
		t.Fatal(err)
	}
	if _, err := fill.Work(ctx, id, o); fault.CodeOf(err) != fault.Repair || !strings.Contains(err.Error(), "1 row is set aside") {
		t.Fatalf("%v", err)
	}
	if err := fill.Waive(ctx, c, id, "id=952", "x", o); fault.CodeOf(err) != fault.Missing {
		t.Errorf("a row that is done is waived: %v", err)
	}
	if err := fill.Waive(ctx, c, id, "id=1953", "it is a test", o); err != nil {
		t.Fatal(err)
	}
	if _, err := fill.Work(ctx, id, o); err != nil {
		t.Fatal(err)
	}
	list, err := fill.Poison(ctx, c, id, o)
	if err != nil || len(list) != 2 || list[0].State != ledger.PoisonFixed || list[1].State != ledger.PoisonWaived || list[1].Why != "it is a test" {
		t.Errorf("%+v, %v", list, err)
	}
	if err := finish(ctx, url, id, o); err != nil {
		t.Error(err)
	}
	if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != 2499 {
		t.Errorf("%d rows are right", n)
	}
}

// TestFirstBadRow: without a limit the first bad row is named before anything is
// changed when it is among those tried; else the backfill stops at it, and the
// same call goes on when the row is corrected.
func TestFirstBadRow(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 900)
			strict(t, e, url)
			do(t, url, "UPDATE posts SET a = 1000 WHERE id = 7")
			c := session(t, url)
			defer c.Close()
			_, err := fill.Plan(context.Background(), c, script(double), revision.Up, options(url))
			if err == nil || !strings.Contains(err.Error(), "row id=7 of posts") || !strings.HasPrefix(err.Error(), "7_fill.sql:2") {
				t.Fatalf("%v", err)
			}
			if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE touched > 0"); n != 0 {
				t.Errorf("%d rows were changed", n)
			}
			relax(t, e, url)
			f := planned(t, url, script(double), options(url))
			strict(t, e, url)
			_, err = fill.Work(context.Background(), f.ID, options(url))
			if fault.CodeOf(err) != fault.Partial || !strings.Contains(err.Error(), "row id=7 of posts") {
				t.Fatalf("%v", err)
			}
			do(t, url, "UPDATE posts SET a = 1 WHERE id = 7")
			if _, err := fill.Work(context.Background(), f.ID, options(url)); err != nil {
				t.Fatal(err)
			}
			once(t, url, 900)
		})
	}
}

// TestLimit: a systematic mistake does not list every row.
func TestLimit(t *testing.T) {
	e := engines()[1]
	url := e.place(t, 1000)
	strict(t, e, url)
	f := planned(t, url, script("UPDATE posts SET b = 5000 WHERE :chunk", spec(func(s *revision.FillSpec) { s.Poison = 3 })), options(url))
	_, err := fill.Work(context.Background(), f.ID, options(url))
	if fault.CodeOf(err) != fault.Partial || !strings.Contains(err.Error(), "more than 3 rows failed") {
		t.Fatalf("%v", err)
	}
	c := session(t, url)
	defer c.Close()
	if list, err := fill.Poison(context.Background(), c, f.ID, options(url)); err != nil || len(list) != 4 {
		t.Errorf("%d rows are listed, %v", len(list), err)
	}
}

// TestDeferred: what fails at COMMIT only is found out, too.
func TestDeferred(t *testing.T) {
	e := engines()[1]
	url := e.place(t, 300)
	do(t, url, "CREATE TABLE allowed (b bigint PRIMARY KEY)", "INSERT INTO allowed SELECT i * 2 FROM generate_series(0, 1000) i", "DELETE FROM allowed WHERE b = 2 * 250")
	o := options(url)
	f := planned(t, url, script(double, spec(func(s *revision.FillSpec) { s.Poison = 1 })), o)
	do(t, url, "ALTER TABLE posts ADD CONSTRAINT b_allowed FOREIGN KEY (b) REFERENCES allowed DEFERRABLE INITIALLY DEFERRED")
	_, err := fill.Work(context.Background(), f.ID, o)
	if fault.CodeOf(err) != fault.Repair {
		t.Fatalf("%v", err)
	}
	if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != 299 {
		t.Errorf("%d rows are right", n)
	}
}

// TestBadInput: each is refused before anything is changed, with the place.
func TestBadInput(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 20)
			do(t, url, "CREATE VIEW seen AS SELECT * FROM posts", "CREATE TABLE bare (x "+e.integer+")", "INSERT INTO bare VALUES (1)")
			tests := []struct {
				script revision.Script
				want   string
			}{
				{script("UPDATE posts SET nope = 1 WHERE :chunk"), "nope"},
				{script("UPDATE posts SET b = f(a) WHERE :chunk"), "7_fill.sql:2"},
				{script("UPDATE nope SET b = 1 WHERE :chunk", spec(func(s *revision.FillSpec) { s.Table = "nope" })), "there is no table nope"},
				{script("UPDATE seen SET b = 1 WHERE :chunk", spec(func(s *revision.FillSpec) { s.Table = "seen" })), "seen is a view"},
				{script(double, spec(func(s *revision.FillSpec) { s.Key = []string{"b"} })), "no unique key over b"},
				{script("UPDATE posts SET b = 1 WHERE :chunk", check("SELECT id FROM nope")), "nope"},
			}
			if e.name != "sqlite" {
				tests = append(tests, struct {
					script revision.Script
					want   string
				}{script("UPDATE bare SET x = x + 1 WHERE :chunk", spec(func(s *revision.FillSpec) { s.Table = "bare" })), "table bare has no key"})
			}
			c := session(t, url)
			defer c.Close()
			for _, test := range tests {
				_, err := fill.Plan(context.Background(), c, test.script, revision.Up, options(url))
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s: %v", test.script.Fill.Body.SQL, err)
				}
				var f *fault.Error
				if errors.As(err, &f) && f.Hint == "" {
					t.Errorf("%s: no hint: %v", test.script.Fill.Body.SQL, err)
				}
			}
			if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE touched > 0"); n != 0 {
				t.Errorf("%d rows were changed", n)
			}
			has, err := ledger.New(c.Dialect(), "").HasFill(context.Background(), c)
			if err != nil || has {
				t.Errorf("something was recorded: %v, %v", has, err)
			}
		})
	}
}

// TestMidway: what is done to the table midway stops the backfill with a message
// of its own; nothing is lost, and the same call goes on when it can.
func TestMidway(t *testing.T) {
	tests := []struct {
		name, do, message, undo string
		rows                    int64
	}{
		{"renamed", "ALTER TABLE posts RENAME TO letters", "posts", "ALTER TABLE letters RENAME TO posts", 3000},
		{"column dropped", "ALTER TABLE posts DROP COLUMN a", "column", "ALTER TABLE posts ADD COLUMN a bigint; UPDATE posts SET a = id % 1000", 3000},
		{"truncated", "TRUNCATE TABLE posts", "truncated, or its rows were written anew", "", 0},
	}
	for _, e := range engines() {
		for _, test := range tests {
			if e.name == "sqlite" && test.name == "truncated" {
				continue // there is no such statement, and a DELETE is one like others
			}
			t.Run(e.name+"/"+test.name, func(t *testing.T) {
				t.Parallel()
				url := e.place(t, 3000)
				o := options(url)
				f := planned(t, url, script(double), o)
				for e.name == "mariadb" && number(t, url, "SELECT create_time < NOW() FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'posts'") == 0 {
					continue // it keeps the time to a second
				}
				chunks := 0
				o.Point = func(name string) {
					if name == "committed" {
						if chunks++; chunks == 3 {
							do(t, url, test.do) // between two transactions
						}
					}
				}
				_, err := fill.Work(context.Background(), f.ID, o)
				if fault.CodeOf(err) != fault.Partial || !strings.Contains(err.Error(), test.message) {
					t.Fatalf("%v", err)
				}
				if test.undo != "" {
					if _, err := fill.Work(context.Background(), f.ID, options(url)); err == nil {
						t.Error("it went on without it")
					}
					do(t, url, strings.Split(test.undo, "; ")...)
				}
				if _, err := fill.Work(context.Background(), f.ID, options(url)); err != nil {
					t.Fatal(err)
				}
				once(t, url, test.rows)
			})
		}
	}
}

// TestSwapped: another table with the same name is not taken for the first, not
// even when it comes between the claim of a chunk and its statement.
func TestSwapped(t *testing.T) {
	e := engines()[1]
	url := e.place(t, 1000)
	do(t, url, "CREATE TABLE other (LIKE posts INCLUDING ALL)", "INSERT INTO other (id, a) SELECT id, a FROM posts")
	o := options(url)
	f := planned(t, url, script(double), o)
	chunks := 0
	o.Point = func(name string) {
		if name == "claimed" {
			if chunks++; chunks == 3 {
				do(t, url, "BEGIN; ALTER TABLE posts RENAME TO posts_old; ALTER TABLE other RENAME TO posts; COMMIT")
			}
		}
	}
	_, err := fill.Work(context.Background(), f.ID, o)
	if err == nil || !strings.Contains(err.Error(), "another table has the name public.posts") {
		t.Fatalf("%v", err)
	}
	if n := number(t, url, "SELECT COUNT(*) FROM posts WHERE b IS NOT NULL"); n != 0 {
		t.Errorf("%d rows of the other table were changed", n)
	}
}

// TestCheckFails: a check that still finds rows ends in words that show them.
func TestCheckFails(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 100)
			f := planned(t, url, script("UPDATE posts SET b = a WHERE :chunk AND id <> 17", check("SELECT id, a FROM posts WHERE b IS NULL")), options(url))
			_, err := fill.Work(context.Background(), f.ID, options(url))
			if fault.CodeOf(err) != fault.Check || !strings.Contains(err.Error(), "id=17, a=17") || !strings.Contains(err.Error(), "cannot be run again") {
				t.Fatalf("%v", err)
			}
			if err := finish(context.Background(), url, f.ID, options(url)); fault.CodeOf(err) != fault.Partial {
				t.Errorf("it finishes: %v", err)
			}
			do(t, url, "UPDATE posts SET b = 1 WHERE id = 17")
			if _, err := fill.Work(context.Background(), f.ID, options(url)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestLocked: rows that the application has locked do not keep the others from
// being done, and are done when they are free.
func TestLocked(t *testing.T) {
	for _, e := range engines()[1:] {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url := e.place(t, 2000)
			o := options(url)
			rec := &recorder{}
			o.Sink = rec
			// Few rows, because each time a chunk waits for the lock it waits for a second on one of the servers.
			f := planned(t, url, script(double, spec(func(s *revision.FillSpec) { s.Rows = 4 })), o)
			c := session(t, url)
			defer c.Close()
			ctx := context.Background()
			for _, sql := range []string{"BEGIN", "SELECT id FROM posts WHERE id = 3 FOR UPDATE"} {
				if _, err := c.Exec(ctx, sql); err != nil {
					t.Fatal(err)
				}
			}
			done := make(chan error, 1)
			go func() {
				_, err := fill.Work(ctx, f.ID, o)
				done <- err
			}()
			for number(t, url, "SELECT COUNT(*) FROM posts WHERE b IS NOT NULL") < 1999 {
				select {
				case err := <-done:
					t.Fatalf("it ended: %v", err)
				case <-time.After(20 * time.Millisecond):
				}
			}
			if _, err := c.Exec(ctx, "ROLLBACK"); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			once(t, url, 2000)
			if all := of[event.FillTrouble](rec); len(all) < 3 {
				t.Errorf("%+v", all)
			}
		})
	}
}

// TestLoad: a chunk that is too much for the server is made smaller.
func TestLoad(t *testing.T) {
	e := engines()[1]
	url := e.place(t, 1000)
	o := options(url)
	rec := &recorder{}
	o.Sink = rec
	// The trigger's statement fails as if memory ran out when too many rows are changed at once.
	do(t, url, `CREATE FUNCTION heavy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF (SELECT count(*) FROM changed) > 30 THEN RAISE EXCEPTION 'out of memory' USING ERRCODE = '53200'; END IF; RETURN NULL; END $$`,
		"CREATE TRIGGER heavy AFTER UPDATE ON posts REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION heavy()")
	filled(t, url, script(double), o)
	once(t, url, 1000)
	split := 0
	for _, tr := range of[event.FillTrouble](rec) {
		if tr.Action == "split" && strings.Contains(tr.Reason, "out of memory") {
			split++
		}
	}
	if split == 0 {
		t.Error("nothing was split")
	}
}

// TestEdited: a backfill that has begun is not gone on with by another text.
func TestEdited(t *testing.T) {
	e := engines()[0]
	url := e.place(t, 10)
	f := planned(t, url, script(double), options(url))
	if g := planned(t, url, script("-- the same\nUPDATE posts SET b = a*2 WHERE :chunk"), options(url)); g.ID != f.ID {
		t.Errorf("a comment made another backfill: %s, %s", f.ID, g.ID)
	}
	c := session(t, url)
	defer c.Close()
	_, err := fill.Plan(context.Background(), c, script("UPDATE posts SET b = a * 3 WHERE :chunk"), revision.Up, options(url))
	if fault.CodeOf(err) != fault.Edited {
		t.Errorf("%v", err)
	}
	if err := fill.Cancel(context.Background(), c, f.ID, options(url)); err != nil {
		t.Fatal(err)
	}
	if g := planned(t, url, script("UPDATE posts SET b = a * 3 WHERE :chunk"), options(url)); g.ID == f.ID || g.Number != 2 {
		t.Errorf("%+v", g)
	}
}
