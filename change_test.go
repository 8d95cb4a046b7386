package bellows_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// swap is a change on one kind of database: two numbers become one text.
type swap struct {
	name  string
	fresh func(testing.TB) string
	table string // makes posts
	file  string
	rows  string // inserts posts 1 to 500
	agree string // counts rows that do not agree
	looks []string
	kind  string // beside the name, "" for a change within one table
}

const swapFile = `-- migrate:change table:posts old:lat,lng new:loc
-- migrate:expand
ALTER TABLE posts ADD COLUMN loc %s;
-- migrate:forward
loc = %s
-- migrate:backward
lat = %s, lng = %s
-- migrate:hold "every instance uses loc"
`

func swaps() []swap {
	rows := "INSERT INTO posts (id, lat, lng) WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT i, i * 2, i * 3 FROM n"
	return []swap{
		{"sqlite", testdb.SQLite, "CREATE TABLE posts (id INTEGER PRIMARY KEY, lat INTEGER NOT NULL, lng INTEGER NOT NULL DEFAULT 7, CHECK (id > 0))",
			fmt.Sprintf(swapFile, "TEXT", "lat || ';' || lng", "CAST(substr(loc, 1, instr(loc, ';') - 1) AS INTEGER)", "CAST(substr(loc, instr(loc, ';') + 1) AS INTEGER)"), rows,
			"SELECT count(*) FROM posts WHERE loc IS NOT lat || ';' || lng",
			[]string{"SELECT type || ' ' || name || ' ' || coalesce(replace(sql, '\"', ''), '') FROM sqlite_master WHERE tbl_name = 'posts' OR type = 'trigger' ORDER BY 1",
				"SELECT count(*) || ' ' || sum(id) FROM posts"}, ""},
		{"postgres", testdb.Postgres, "CREATE TABLE posts (id bigint PRIMARY KEY, lat integer NOT NULL, lng integer NOT NULL DEFAULT 7)",
			fmt.Sprintf(swapFile, "point", "point(lng, lat)", "loc[1]", "loc[0]"), "INSERT INTO posts (id, lat, lng) SELECT i, i * 2, i * 3 FROM generate_series(1, 500) i",
			"SELECT count(*) FROM posts WHERE loc::text IS DISTINCT FROM point(lng, lat)::text",
			[]string{"SELECT attname || ' ' || attnotnull || ' ' || coalesce(pg_get_expr(adbin, adrelid), '') FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = 'posts'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY 1",
				"SELECT tgname || tgenabled::text FROM pg_trigger WHERE tgrelid = 'posts'::regclass ORDER BY 1", "SELECT conname FROM pg_constraint WHERE conrelid = 'posts'::regclass AND contype <> 'n' ORDER BY 1",
				"SELECT proname FROM pg_proc WHERE proname LIKE 'bellows%' ORDER BY 1", "SELECT md5(string_agg(p::text, ',' ORDER BY id)) FROM posts p"}, ""},
		{"mariadb", testdb.MariaDB, "CREATE TABLE posts (id bigint PRIMARY KEY, lat integer NOT NULL, lng integer NOT NULL DEFAULT 7)",
			fmt.Sprintf(swapFile, "varchar(50)", "CONCAT(lat, ';', lng)", "CAST(SUBSTRING_INDEX(loc, ';', 1) AS SIGNED)", "CAST(SUBSTRING_INDEX(loc, ';', -1) AS SIGNED)"),
			"INSERT INTO posts (id, lat, lng) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT i, i * 2, i * 3 FROM n", "SELECT count(*) FROM posts WHERE NOT (loc <=> CONCAT(lat, ';', lng))",
			[]string{"SELECT CONCAT(column_name, ' ', column_type, ' ', is_nullable, ' ', COALESCE(column_default, '')) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'posts' ORDER BY 1",
				"SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY 1", "SELECT CONCAT(COUNT(*), ' ', SUM(id)) FROM posts"}, ""},
	}
}

// begun is a place with posts and a change of them.
func (s swap) place(t *testing.T, more ...string) (url, dir string) {
	t.Helper()
	url = s.fresh(t)
	exec1(t, url, s.table)
	exec1(t, url, s.rows)
	files := map[string]string{"1_merge.sql": s.file}
	for i := 0; i+1 < len(more); i += 2 {
		files[more[i]] = more[i+1]
	}
	return url, writeFiles(t, files)
}

func onSwaps(t *testing.T, test func(t *testing.T, s swap)) {
	for _, s := range swaps() {
		t.Run(s.name, func(t *testing.T) { test(t, s) })
	}
}

// with opens the place for one verb.
func with(t *testing.T, url, dir string, o bellows.Options, do func(ctx context.Context, m *bellows.Migrator) error) error {
	t.Helper()
	o.Dir = dir
	m, err := bellows.Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	return do(t.Context(), m)
}

func upWith(r bellows.Request) func(context.Context, *bellows.Migrator) error {
	return func(ctx context.Context, m *bellows.Migrator) error {
		_, err := m.UpWith(ctx, r)
		return err
	}
}

// must fails the test for an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// phaseOf is the phase of the only change.
func phaseOf(t *testing.T, url, dir string) (c bellows.Change) {
	t.Helper()
	must(t, with(t, url, dir, bellows.Options{}, func(ctx context.Context, m *bellows.Migrator) error {
		all, err := m.Changes(ctx)
		if err == nil && len(all) > 0 {
			c = all[0]
		}
		return err
	}))
	return c
}

func wantPhase(t *testing.T, url, dir, phase string) bellows.Change {
	t.Helper()
	c := phaseOf(t, url, dir)
	if c.Phase != phase {
		t.Fatalf("the change is at %q, wanted %q: %+v", c.Phase, phase, c)
	}
	return c
}

// wantRows fails when the count that a query gives is another.
func wantRows(t *testing.T, url, sql, want string) {
	t.Helper()
	if got := column(t, url, sql); len(got) != 1 || got[0] != want {
		t.Fatalf("%s gives %v, wanted %s", sql, got, want)
	}
}

func wantCode(t *testing.T, err error, code fault.Code, words string) {
	t.Helper()
	if !fault.Has(err, code) || !strings.Contains(fmt.Sprint(err), words) {
		t.Fatalf("got %v, wanted %s with %q", err, code, words)
	}
}

const oneMerge = "1"

func req(r bellows.ChangeRequest) bellows.ChangeRequest {
	r.Revision = oneMerge
	return r
}

// A change goes from its beginning to its end, and a person stands between.
func TestChangeGoesAllTheWay(t *testing.T) {
	onSwaps(t, func(t *testing.T, s swap) {
		url, dir := s.place(t)
		none := bellows.Options{}
		must(t, with(t, url, dir, none, upWith(bellows.Request{})))
		wantPhase(t, url, dir, "backfill")
		wantCode(t, s.do(t, url, dir, "undo"), fault.Usage, "1 has not come to its contract: there is nothing to undo")
		exec1(t, url, "INSERT INTO posts (id, lat, lng) VALUES (1001, 1, 2)")
		err := with(t, url, dir, none, func(ctx context.Context, m *bellows.Migrator) error {
			return m.Contract(ctx, req(bellows.ChangeRequest{}))
		})
		wantCode(t, err, fault.Confirm, "500 of 501 rows")
		must(t, with(t, url, dir, none, upWith(bellows.Request{Wait: true})))
		c := wantPhase(t, url, dir, "hold")
		if !c.Proof.Valid || c.Proof.Rows != 501 {
			t.Fatalf("the proof is %+v", c.Proof)
		}
		wantRows(t, url, s.agree, "0")
		err = with(t, url, dir, none, func(ctx context.Context, m *bellows.Migrator) error {
			return m.Contract(ctx, req(bellows.ChangeRequest{}))
		})
		wantCode(t, err, fault.Confirm, "every instance uses loc")
		must(t, with(t, url, dir, none, func(ctx context.Context, m *bellows.Migrator) error {
			return m.Approve(ctx, req(bellows.ChangeRequest{Hold: "every instance uses loc", Why: "seen"}))
		}))
		must(t, with(t, url, dir, none, func(ctx context.Context, m *bellows.Migrator) error {
			return m.Contract(ctx, req(bellows.ChangeRequest{}))
		}))
		wantPhase(t, url, dir, "contract")
		exec1(t, url, "UPDATE posts SET loc = (SELECT loc FROM (SELECT loc FROM posts WHERE id = 1) q) WHERE id = 2")
		must(t, with(t, url, dir, none, func(ctx context.Context, m *bellows.Migrator) error { return m.Undo(ctx, req(bellows.ChangeRequest{})) }))
		wantPhase(t, url, dir, "hold")
		wantRows(t, url, "SELECT count(*) FROM posts WHERE id IN (1, 2) AND lat = 2 AND lng = 3", "2")
		wantRows(t, url, s.agree, "0")
		must(t, with(t, url, dir, none, func(ctx context.Context, m *bellows.Migrator) error {
			return m.Approve(ctx, req(bellows.ChangeRequest{Hold: "every instance uses loc"}))
		}))
		must(t, with(t, url, dir, none, func(ctx context.Context, m *bellows.Migrator) error {
			return m.Contract(ctx, req(bellows.ChangeRequest{}))
		}))
		err = with(t, url, dir, none, func(ctx context.Context, m *bellows.Migrator) error {
			return m.Purge(ctx, req(bellows.ChangeRequest{}))
		})
		wantCode(t, err, fault.Confirm, "kept until")
		must(t, with(t, url, dir, none, func(ctx context.Context, m *bellows.Migrator) error {
			return m.Purge(ctx, req(bellows.ChangeRequest{Now: true}))
		}))
		wantPhase(t, url, dir, "purge")
		exec1(t, url, "INSERT INTO posts (id, loc) SELECT 2000, loc FROM posts WHERE id = 1")
	})
}
