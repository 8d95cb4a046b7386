package bellows_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// lazyServer is a PostgreSQL that waits for the disk, and writes there nothing
// that nobody waits for, for as long as its settings allow.
func lazyServer(t *testing.T) *testdb.Private {
	t.Helper()
	return testdb.PrivatePostgres(t, 0, "fsync=on", "wal_writer_delay=10s", "wal_writer_flush_after=1GB", "autovacuum=off")
}

// witness notes, of every write to the ledger's table of revisions, whether its
// COMMIT waits for the disk.
var witness = []string{"CREATE TABLE waits (id serial, revision text, state text, setting text)", `CREATE FUNCTION waits() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO public.waits (revision, state, setting) VALUES (NEW.id, NEW.state, current_setting('synchronous_commit'));
	RETURN NULL; END $$`,
	"CREATE CONSTRAINT TRIGGER waits AFTER INSERT OR UPDATE ON bellows.revision DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION waits()"}

// lazyFiles are migrations of every sort; 0 makes the ledger.
var lazyFiles = map[string]string{
	"0_o.sql":  "-- migrate:up\nCREATE TABLE o (id int);\n",
	"1_a.sql":  "-- migrate:up\nCREATE TABLE a (id int, n int);\n",
	"2_b.sql":  "-- migrate:up\nCREATE TABLE b (id int);\nCREATE INDEX ON b (id);\n",
	"3_c.sql":  "-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY a_id ON a (id);\nALTER TABLE a ADD COLUMN m int;\n",
	"4_d.sql":  "-- migrate:up\nCREATE TABLE d (id int);\n",
	"5_e.sql":  "-- migrate:data\nINSERT INTO a (id) VALUES (1), (2);\n",
	"6_f.sql":  "-- migrate:up\nSET synchronous_commit = local;\nCREATE TABLE f (id int);\n",
	"7_g.sql":  "-- migrate:up\nCREATE TABLE g (id int);\n",
	"8_h.sql":  "-- migrate:up\nDO $$ BEGIN PERFORM 1; END $$;\n",
	"9_i.sql":  "-- migrate:up\nCREATE TABLE i (id int);\n",
	"91_j.sql": "-- migrate:up\nCREATE TABLE j (id int);\n",
}

// wal tells how far a server has written its log to disk.
type wal struct {
	other
	end string // where the log ended when it was asked
}

// mark remembers the end of the log.
func (l *wal) mark() { l.end = l.one("SELECT pg_current_wal_insert_lsn()::text") }

// flushed tells whether the log is on disk up to the mark. An end of the log that
// is the beginning of a page counts that page's head.
func (l *wal) flushed() bool {
	return l.one("SELECT CASE WHEN pg_wal_lsn_diff('"+l.end+"', pg_current_wal_flush_lsn()) <= 64 THEN 'yes' ELSE 'no' END") == "yes"
}

// A COMMIT does not wait for the disk when nothing depends on it that could
// outlive a crash of the server; where something does, all before it is on disk.
func TestLazyCommits(t *testing.T) {
	url := lazyServer(t).Database(t)
	dir := writeFiles(t, lazyFiles)
	m := migrator(t, url, bellows.Options{Dir: dir})
	if _, err := m.Up(patient(t), "0"); err != nil {
		t.Fatal(err)
	}
	l := &wal{other: another(t, url)}
	l.do(witness...)
	l.mark()
	var early []string
	before := ""
	m = migrator(t, url, bellows.Options{Dir: dir, Sink: &record{also: func(e event.Event) {
		if s, ok := e.(event.MigrationStarted); ok {
			before = s.ID
		}
	}}, Point: func(name string) {
		switch name {
		case "committed":
			l.mark()
		case "each begin", "intent recorded", "recorded":
			if (name != "recorded" || before == "5" || before == "6" || before == "8") && !l.flushed() {
				early = append(early, before+" "+name)
			}
		}
	}})
	up(t, m)
	if !l.flushed() {
		t.Error("the run ended before its last commit was on disk")
	}
	equal(t, "begun before the disk had what was before", list(early), "[]")
	equal(t, "what each COMMIT waited for", strings.Join(column(t, url, "SELECT revision || ' ' || setting FROM waits ORDER BY id"), ", "),
		"1 off, 2 off, 3 on, 3 on, 4 off, 5 on, 6 on, 7 off, 8 on, 9 off, 91 on")
	equal(t, "the setting outside", l.one("SELECT setting FROM pg_settings WHERE name = 'synchronous_commit'"), "on")
}

// However a run ends, what it has committed is on disk before it says so.
func TestLazyCommitsAreFlushedAtTheEnd(t *testing.T) {
	server := lazyServer(t)
	for _, k := range []struct {
		name  string
		files map[string]string
		stop  bool
		code  fault.Code
		done  string
	}{
		{"a failure", map[string]string{"3_x.sql": "-- migrate:up\nCREATE TABLE x (id nothing);\n"}, false, "postgres.42704", "[1 2]"},
		{"an interrupt", nil, true, fault.Interrupted, "[1]"},
		{"what waits for a backfill", map[string]string{"3_fill.sql": "-- migrate:backfill table:r\nUPDATE r SET n = 1 WHERE n IS NULL AND :chunk;\n",
			"4_free.sql": "-- migrate:revises 2\n\n-- migrate:up\nCREATE TABLE s (id int);\n", "5_waits.sql": "-- migrate:revises 3\n\n-- migrate:up\nCREATE TABLE u (id int);\n"}, false, "", "[1 2 4]"},
	} {
		t.Run(k.name, func(t *testing.T) {
			url := server.Database(t)
			files := map[string]string{"1_a.sql": lazyFiles["1_a.sql"], "2_b.sql": lazyFiles["2_b.sql"]}
			for name, text := range k.files {
				files[name] = text
			}
			ctx, stop := context.WithCancel(patient(t))
			defer stop()
			l := &wal{other: another(t, url)}
			l.do("CREATE TABLE r (id int PRIMARY KEY, n int)", "INSERT INTO r (id) VALUES (1)")
			m := migrator(t, url, bellows.Options{Dir: writeFiles(t, files), Point: func(name string) {
				if name == "committed" {
					l.mark()
					if k.stop {
						stop()
					}
				}
			}})
			rep, err := m.UpWith(ctx, bellows.Request{Target: "heads", NoWait: true})
			if !l.flushed() {
				t.Error("the run ended before its last commit was on disk")
			}
			if fault.CodeOf(err) != k.code {
				t.Errorf("%v", err)
			}
			equal(t, "applied", list(rep.Applied), k.done)
		})
	}
}

// The server crashes in the middle of a run, right after a COMMIT that did not
// wait. It loses whole migrations, the last ones, or none; the same run goes on
// when the server is there again, and so does the next one.
func TestServerCrashesAfterALazyCommit(t *testing.T) {
	for _, ends := range []bool{false, true} {
		t.Run(map[bool]string{false: "the run goes on", true: "the next run"}[ends], func(t *testing.T) {
			p := lazyServer(t)
			url := p.Database(t)
			files := map[string]string{}
			for i := 1; i <= 9; i++ {
				files[fmt.Sprintf("%d_t.sql", i)] = fmt.Sprintf("-- migrate:up\nCREATE TABLE t%d (id int PRIMARY KEY);\n", i)
			}
			dir := writeFiles(t, files)
			ctx, stop := context.WithCancel(patient(t))
			defer stop()
			seen := &record{}
			commits, kept := 0, 0
			m := migrator(t, url, bellows.Options{Dir: dir, Sink: seen, Point: func(name string) {
				if name != "committed" {
					return
				}
				if commits++; commits != 6 {
					return
				}
				p.Stop(t, testdb.Immediate)
				p.Start(t)
				kept = wholePrefix(t, url)
				if ends {
					stop()
				}
			}})
			rep, err := m.Up(ctx, "heads")
			if ends {
				if err == nil {
					t.Fatal("the run was not stopped")
				}
				m = migrator(t, url, bellows.Options{Dir: dir})
				rep = up(t, m)
				equal(t, "applied by the next run", list(len(rep.Applied)), list(9-kept))
			} else {
				if err != nil {
					t.Fatal(err)
				}
				equal(t, "applied", list(rep.Applied), "[1 2 3 4 5 6 7 8 9]")
				again := slices.DeleteFunc(events[event.Warning](seen), func(w event.Warning) bool { return w.Code != "run.again" })
				// Of the sixth the answer was there: the connection is found broken with the seventh.
				if (kept < 6) != (len(again) == 1) {
					t.Errorf("%d of 6 were kept, and the run said: %v", kept, again)
				}
			}
			t.Logf("the server kept %d of 6", kept)
			equal(t, "tables", list(wholePrefix(t, url)), "9")
		})
	}
}

// wholePrefix is how many migrations are there, each with its table and its
// record, and none behind one that is not.
func wholePrefix(t *testing.T, url string) int {
	t.Helper()
	tables := column(t, url, "SELECT substr(relname, 2) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1")
	records := column(t, url, "SELECT id FROM bellows.revision WHERE state = 'applied' ORDER BY seq")
	journal := column(t, url, "SELECT revision FROM bellows.journal WHERE action = 'up' ORDER BY seq")
	equal(t, "records and tables", list(records), list(tables))
	equal(t, "journal and tables", list(journal), list(tables))
	for i, n := range tables {
		if n != list(i+1) {
			t.Errorf("a migration is missing: %v", tables)
		}
	}
	return len(tables)
}
