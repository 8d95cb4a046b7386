package postgres_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/dialect"
	own "github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/plan"
)

// postsSync is the change that the documents speak of.
func postsSync() dialect.Sync {
	float := func(name string) dialect.SyncColumn { return dialect.SyncColumn{Name: name, Type: "double precision"} }
	return dialect.Sync{
		Name: "bellows_2", Revision: "2", Table: plan.Name{Schema: "public", Name: "posts"}, Key: []string{"id"},
		Old: []dialect.SyncColumn{float("lat"), float("lng")}, New: []dialect.SyncColumn{{Name: "loc", Type: "point"}},
		Forward:  []dialect.Assignment{{Column: "loc", SQL: "point(lng, lat)"}},
		Backward: []dialect.Assignment{{Column: "lng", SQL: "loc[0]"}, {Column: "lat", SQL: "loc[1]"}},
		Policy:   dialect.Refuse, Writes: "public.writes",
	}
}

const postsTable = "CREATE TABLE posts (id int PRIMARY KEY, lat float8, lng float8, loc point, title text)"

// table is a table with sync, as a session of the application has it.
type table struct {
	t    *testing.T
	url  string
	sync dialect.Sync
	app  db.Conn
}

func newTable(t *testing.T, sync dialect.Sync, statements ...string) *table {
	url := testdb.Postgres(t)
	b := &table{t: t, url: url, sync: sync, app: openSync(t, url, "web")}
	b.must(b.app, statements...)
	b.must(b.app, b.app.Dialect().(dialect.Syncer).SyncOn(sync)...)
	return b
}

func openSync(t *testing.T, url, app string) db.Conn {
	t.Helper()
	c, err := postgres.Driver{}.Open(context.Background(), url, db.Options{App: app, LockTimeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func (b *table) must(c db.Conn, statements ...string) {
	b.t.Helper()
	for _, text := range statements {
		if _, err := c.Exec(context.Background(), text); err != nil {
			b.t.Fatalf("%s: %v", text, err)
		}
	}
}

func (b *table) rows(query string) []string {
	b.t.Helper()
	rows, err := b.app.Query(context.Background(), query)
	if err != nil {
		b.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		values := make([]sql.NullString, len(rows.Columns()))
		dest := make([]any, len(values))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := rows.Scan(dest...); err != nil {
			b.t.Fatalf("%s: %v", query, err)
		}
		var texts []string
		for _, v := range values {
			texts = append(texts, v.String)
		}
		all = append(all, strings.Join(texts, " "))
	}
	if err := rows.Err(); err != nil {
		b.t.Fatalf("%s: %v", query, err)
	}
	return all
}

func (b *table) want(query string, want ...string) {
	b.t.Helper()
	if got := b.rows(query); !slices.Equal(got, want) {
		b.t.Errorf("%s:\n got %s\nwant %s", query, strings.Join(got, "; "), strings.Join(want, "; "))
	}
}

const (
	posts  = "SELECT id, lat, lng, loc FROM posts ORDER BY id"
	writes = "SELECT DISTINCT side, application FROM writes ORDER BY 1, 2"
)

// fires is why the trigger does not fire, or "on".
func (b *table) fires() string {
	b.t.Helper()
	seen := b.app.Dialect().(dialect.Syncer).SyncSeen(b.sync)
	return strings.Join(b.rows("SELECT s.state FROM ("+seen+") AS s (name, definition, state) WHERE s.name = 'zzzz_bellows_2_update'"), "; ")
}

func TestSyncManyWays(t *testing.T) {
	b := newTable(t, postsSync(), postsTable)
	b.must(b.app, "INSERT INTO posts (id, lat, lng) SELECT g, g, 2 * g FROM generate_series(1, 3) g")
	b.want(posts, "1 1 2 (2,1)", "2 2 4 (4,2)", "3 3 6 (6,3)")
	b.must(b.app, "UPDATE posts SET loc = v.p FROM (VALUES (1, point(7, 8)), (2, point(9, 9))) v (id, p) WHERE v.id = posts.id")
	b.must(b.app, "INSERT INTO posts (id, lat, lng) VALUES (3, 5, 5), (4, 6, 6) ON CONFLICT (id) DO UPDATE SET lat = excluded.lat, lng = excluded.lng")
	b.want(posts, "1 8 7 (7,8)", "2 9 9 (9,9)", "3 5 5 (5,5)", "4 6 6 (6,6)")
	b.must(b.app, "WITH gone AS (DELETE FROM posts WHERE id < 4 RETURNING *) INSERT INTO posts SELECT id + 10, lat, lng, loc, title FROM gone WHERE id = 1")
	b.want(posts, "4 6 6 (6,6)", "11 8 7 (7,8)")
	item := db.Item{SQL: "COPY posts (id, lat, lng) FROM STDIN", Copy: true, Data: "5\t1\t2\n6\t\\N\t3\n"}
	if err := b.app.Send(context.Background(), []db.Item{item}, nil); err != nil {
		t.Fatal(err)
	}
	b.want(posts, "4 6 6 (6,6)", "5 1 2 (2,1)", "6  3 ", "11 8 7 (7,8)")
	b.must(b.app, "SET search_path = ''", "UPDATE public.posts SET lat = 4 WHERE id = 6", "RESET search_path")
	b.must(b.app, "SET session_replication_role = replica", "UPDATE posts SET lat = 3 WHERE id = 4", "RESET session_replication_role")
	b.must(b.app, "CREATE VIEW spots AS SELECT id, loc FROM posts", "UPDATE spots SET loc = point(1, 1) WHERE id = 5")
	b.want(posts, "4 3 6 (6,3)", "5 1 1 (1,1)", "6 4 3 (3,4)", "11 8 7 (7,8)")
}

func TestSyncMerge(t *testing.T) {
	const merge = "MERGE INTO posts p USING (VALUES (1, 5, 6), (2, 7, 8)) v (id, lat, lng) ON p.id = v.id WHEN MATCHED THEN UPDATE SET lat = v.lat, lng = v.lng WHEN NOT MATCHED THEN INSERT (id, lat, lng) VALUES (v.id, v.lat, v.lng)"
	b := newTable(t, postsSync(), postsTable)
	b.must(b.app, "INSERT INTO posts (id, lat, lng) VALUES (1, 1, 1)")
	if b.app.Dialect().(own.Dialect).Version() < 150000 {
		if _, err := b.app.Exec(context.Background(), merge); err == nil {
			t.Fatal("a server that is told to know no MERGE takes one")
		}
		b.want(posts, "1 1 1 (1,1)")
		return
	}
	b.must(b.app, merge)
	b.want(posts, "1 5 6 (6,5)", "2 7 8 (8,7)")
}

func TestSyncOfAPartitionedTable(t *testing.T) {
	b := newTable(t, postsSync(), "CREATE TABLE posts (id int, lat float8, lng float8, loc point, title text, PRIMARY KEY (id)) PARTITION BY RANGE (id)",
		"CREATE TABLE low PARTITION OF posts FOR VALUES FROM (0) TO (10)", "CREATE TABLE mid PARTITION OF posts FOR VALUES FROM (10) TO (20)")
	b.must(b.app, "CREATE TABLE late PARTITION OF posts FOR VALUES FROM (20) TO (30)",
		"INSERT INTO posts (id, lat, lng) VALUES (1, 1, 2), (21, 3, 4)", "INSERT INTO mid (id, loc) VALUES (11, point(5, 6))",
		"UPDATE posts SET id = 12 WHERE id = 1", "UPDATE low SET lat = 1", "UPDATE posts SET id = 2, lat = 9 WHERE id = 21")
	b.want(posts, "2 9 4 (4,9)", "11 6 5 (5,6)", "12 1 2 (2,1)")
	if why := b.fires(); why != "on" {
		t.Error(why)
	}
	b.must(b.app, "ALTER TABLE mid DISABLE TRIGGER zzzz_bellows_2_update")
	if why := b.fires(); why != "it is not enabled on mid" {
		t.Error(why)
	}
	b.must(b.app, b.app.Dialect().(dialect.Syncer).SyncOn(b.sync)...)
	if why := b.fires(); why != "on" {
		t.Error(why)
	}
	b.must(b.app, strings.Replace(b.app.Dialect().(dialect.Syncer).Fills(b.sync, dialect.New), ":chunk", "true", 1))
}

func TestSyncBesideOtherTriggers(t *testing.T) {
	b := newTable(t, postsSync(), postsTable,
		"CREATE FUNCTION shift() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.lat := NEW.lat + 1; RETURN NEW; END'",
		"CREATE TRIGGER zz_shift BEFORE INSERT ON posts FOR EACH ROW EXECUTE FUNCTION shift()")
	b.must(b.app, "INSERT INTO posts (id, lat, lng) VALUES (1, 1, 1)")
	b.want(posts, "1 2 1 (1,2)")
	if why := b.fires(); why != "on" {
		t.Error(why)
	}
	b.must(b.app, "CREATE TRIGGER \"~last\" BEFORE INSERT OR UPDATE ON posts FOR EACH ROW EXECUTE FUNCTION shift()")
	if why := b.fires(); why != "the trigger ~last runs after it" {
		t.Error(why)
	}
	b.must(b.app, "DROP TRIGGER \"~last\" ON posts", "CREATE TABLE special (extra int) INHERITS (posts)")
	if why := b.fires(); why != "it is not on special, which inherits from the table" {
		t.Error(why)
	}
}

func TestSyncOfWhatMustNotBeNull(t *testing.T) {
	sync := postsSync()
	sync.New[0].NotNull = true
	b := newTable(t, sync, "CREATE TABLE posts (id int PRIMARY KEY, lat float8, lng float8, title text)", "INSERT INTO posts VALUES (0)",
		"ALTER TABLE posts ADD loc point", "ALTER TABLE posts ADD CHECK (loc IS NOT NULL) NOT VALID")
	b.must(b.app, "INSERT INTO posts (id, lat, lng) VALUES (1, 1, 2)", "INSERT INTO posts (id, loc) VALUES (2, point(1, 2))")
	b.want(posts, "0   ", "1 1 2 (2,1)", "2 2 1 (1,2)")
	if _, err := b.app.Exec(context.Background(), "INSERT INTO posts (id, lat) VALUES (3, 1)"); err == nil {
		t.Error("a row without the new side was taken")
	}
}

// A constraint of Agrees holds for what is written from then on, also where a row
// was not filled before; once all are filled it can be proved.
func TestSyncProvedByAConstraint(t *testing.T) {
	b := newTable(t, postsSync(), postsTable, "INSERT INTO posts (id, lat, lng) VALUES (1, 1, 2), (2, 3, 4)")
	syncer := b.app.Dialect().(dialect.Syncer)
	b.must(b.app, "ALTER TABLE posts ADD CONSTRAINT agree CHECK ("+syncer.Agrees(b.sync, "")+") NOT VALID", "UPDATE posts SET title = 'x' WHERE id = 1")
	if _, err := b.app.Exec(context.Background(), "ALTER TABLE posts VALIDATE CONSTRAINT agree"); err == nil {
		t.Error("proved before all rows were filled")
	}
	b.must(b.app, strings.Replace(syncer.Fills(b.sync, dialect.New), ":chunk", "true", 1), "ALTER TABLE posts VALIDATE CONSTRAINT agree")
	b.must(b.app, "ALTER TABLE posts DISABLE TRIGGER USER")
	if _, err := b.app.Exec(context.Background(), "UPDATE posts SET loc = point(0, -0.0) WHERE id = 1"); err == nil {
		t.Error("the constraint let by what the triggers would not")
	}
}

// A row whose expression fails can be touched; only a write of the old side fails.
func TestSyncOfARowThatFails(t *testing.T) {
	sync := postsSync()
	sync.Forward[0].SQL = "point(1 / lng, 1 / lat)"
	sync.Backward[0].SQL, sync.Backward[1].SQL = "1 / loc[0]", "1 / loc[1]"
	b := newTable(t, sync, postsTable, "INSERT INTO posts (id, lat, lng) VALUES (1, 0, 2), (2, 1, 2)")
	b.must(b.app, "UPDATE posts SET title = 'x'")
	b.want(posts, "1 0 2 ", "2 1 2 (0.5,1)")
	if _, err := b.app.Exec(context.Background(), "UPDATE posts SET lat = 0 WHERE id = 2"); err == nil {
		t.Error("an expression that fails was passed over")
	}
	b.must(b.app, "UPDATE posts SET loc = point(1, 1) WHERE id = 1")
	b.want(posts, "1 1 1 (1,1)", "2 1 2 (0.5,1)")
}

// Evidence comes from any role that may write the table, whatever else it may not.
func TestSyncEvidenceOfAnyRole(t *testing.T) {
	b := newTable(t, postsSync(), "CREATE SCHEMA shown", postsTable, "CREATE VIEW shown.spots AS SELECT id, lat, lng FROM posts")
	role := "r" + fmt.Sprint(b.app.Session().PID)
	b.must(b.app, "CREATE ROLE "+role, "REVOKE ALL ON SCHEMA public FROM PUBLIC", "GRANT USAGE ON SCHEMA shown TO "+role, "GRANT INSERT, UPDATE ON shown.spots TO "+role)
	t.Cleanup(func() { b.must(b.app, "RESET ROLE", "DROP OWNED BY "+role, "DROP ROLE "+role) })
	b.must(b.app, "SET ROLE "+role, "INSERT INTO shown.spots VALUES (1, 1, 2)", "RESET ROLE")
	b.want(posts, "1 1 2 (2,1)")
	b.want(writes, "old web")
	b.must(b.app, "CREATE TABLE other (a int)", "SET ROLE "+role)
	if _, err := b.app.Exec(context.Background(), "SELECT public.bellows_2_count()"); err == nil {
		t.Error("anybody may call the counting function")
	}
	b.must(b.app, "RESET ROLE")
}

// A statement that sets old columns to what they are is an old one.
func TestSyncEvidenceOfWhatChangesNothing(t *testing.T) {
	b := newTable(t, postsSync(), postsTable, "INSERT INTO posts (id, lat, lng, loc) VALUES (1, 1, 2, point(2, 1))")
	b.must(b.app, "UPDATE posts SET title = 'x'")
	b.want(writes)
	b.must(b.app, "UPDATE posts SET title = 'x', lat = lat")
	b.want(writes, "old web")
}

// Nobody waits for evidence, and no serializable transaction fails for it.
func TestSyncEvidenceNeverWaits(t *testing.T) {
	b := newTable(t, postsSync(), postsTable)
	other := openSync(t, b.url, "other")
	b.must(other, "BEGIN", "LOCK TABLE writes")
	b.must(b.app, "SET lock_timeout = '1ms'", "INSERT INTO posts (id, lat, lng) VALUES (1, 1, 2)")
	b.must(other, "ROLLBACK")
	b.want(posts, "1 1 2 (2,1)")
	b.must(b.app, "TRUNCATE writes")

	first, second := openSync(t, b.url, "first"), openSync(t, b.url, "first")
	for _, c := range []db.Conn{first, second} {
		b.must(c, "BEGIN ISOLATION LEVEL SERIALIZABLE")
	}
	b.must(first, "INSERT INTO posts (id, lat, lng) VALUES (2, 1, 2)")
	b.must(second, "INSERT INTO posts (id, lat, lng) VALUES (3, 1, 2)")
	b.must(first, "COMMIT")
	b.must(second, "COMMIT")
	b.want(writes, "old first")
}

// SyncPolicy waits for nobody.
func TestSyncPolicyTakesNoLock(t *testing.T) {
	b := newTable(t, postsSync(), postsTable, "INSERT INTO posts (id, lat, lng) VALUES (1, 1, 2)")
	b.must(b.app, "BEGIN", "UPDATE posts SET lat = 5", "LOCK TABLE posts")
	ours := openSync(t, b.url, "bellows/change/1")
	b.must(ours, "SET lock_timeout = '1ms'")
	sync := b.sync
	sync.Policy = dialect.NewWins
	b.must(ours, ours.Dialect().(dialect.Syncer).SyncPolicy(sync)...)
	b.must(b.app, "COMMIT", "UPDATE posts SET lat = 6, loc = point(7, 8)")
	b.want(posts, "1 8 7 (7,8)")
}
