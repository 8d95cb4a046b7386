package postgres_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/plan"
)

// scratch is what the audited statements work on.
const scratch = `
CREATE TABLE people (id int PRIMARY KEY, n int);
CREATE TABLE posts (id bigint PRIMARY KEY, n int, m int, title text, author int, other int, parent bigint, slug text NOT NULL,
	r int4range, CONSTRAINT author_fk FOREIGN KEY (author) REFERENCES people (id), CONSTRAINT positive CHECK (n > -5));
INSERT INTO people SELECT i, i FROM generate_series(1, 10) i;
INSERT INTO posts SELECT i, i, i, 't', 1, 1, i, 's' || i, int4range(i, i + 1) FROM generate_series(1, 100) i;
ALTER TABLE posts ADD CONSTRAINT small CHECK (n < 1000) NOT VALID;
ALTER TABLE posts ADD CONSTRAINT other_fk FOREIGN KEY (other) REFERENCES people (id) NOT VALID;
CREATE UNIQUE INDEX posts_slug ON posts (slug);
CREATE UNIQUE INDEX posts_slug2 ON posts (slug, id);
CREATE INDEX posts_n ON posts (n);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER sync BEFORE INSERT ON posts FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE POLICY own ON posts USING (true);
CREATE RULE quiet AS ON DELETE TO posts DO ALSO NOTHING;
CREATE STATISTICS st (ndistinct) ON n, m FROM posts;
CREATE TABLE log (at int, n int) PARTITION BY RANGE (at);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (10);
CREATE TABLE log_2 (at int, n int);
INSERT INTO log_2 VALUES (11, 1);
CREATE INDEX log_at ON log (at);
CREATE TABLE base (n int);
CREATE TABLE heir (n int);
CREATE TABLE inherits (m int) INHERITS (base);
CREATE VIEW v AS SELECT id FROM people;
CREATE MATERIALIZED VIEW mv AS SELECT id FROM people;
CREATE UNIQUE INDEX mv_id ON mv (id);
CREATE SEQUENCE s;
CREATE SCHEMA elsewhere;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE plainly (id int GENERATED ALWAYS AS IDENTITY, n int NOT NULL, x text);
INSERT INTO plainly (n) VALUES (1);
`

// audited is one statement. unseen are the locks that only the catalog knows
// of, which [postgres.Dialect.Classify] cannot name.
type audited struct {
	sql    string
	from   int // first major version; 0 is no bound
	unseen []string
}

var audit = []audited{
	{sql: "ALTER TABLE posts ADD COLUMN a point"},
	{sql: "ALTER TABLE posts ADD COLUMN a int NOT NULL DEFAULT 1"},
	{sql: "ALTER TABLE posts ADD COLUMN a timestamptz DEFAULT now()"},
	{sql: "ALTER TABLE posts ADD COLUMN a text DEFAULT upper('x') || 'y'"},
	{sql: "ALTER TABLE posts ADD COLUMN a float8 DEFAULT random()"},
	{sql: "ALTER TABLE posts ADD COLUMN a bigserial"},
	{sql: "ALTER TABLE posts ADD COLUMN a bigint GENERATED ALWAYS AS IDENTITY"},
	{sql: "ALTER TABLE posts ADD COLUMN a int GENERATED ALWAYS AS (n * 2) STORED"},
	{sql: "ALTER TABLE posts ADD COLUMN a int GENERATED ALWAYS AS (n * 2) VIRTUAL", from: 18},
	{sql: "ALTER TABLE posts ADD COLUMN a int CHECK (a > 0)"},
	{sql: "ALTER TABLE posts ADD COLUMN a int REFERENCES people (id)"},
	{sql: "ALTER TABLE posts ADD COLUMN a int UNIQUE"},
	{sql: "ALTER TABLE posts DROP COLUMN title"},
	{sql: "ALTER TABLE posts RENAME COLUMN n TO k"},
	{sql: "ALTER TABLE posts RENAME TO articles"},
	{sql: "ALTER TABLE posts RENAME CONSTRAINT positive TO plus"},
	{sql: "ALTER INDEX posts_slug RENAME TO posts_key"},
	{sql: "ALTER INDEX posts_slug SET (fillfactor = 70)"},
	{sql: "ALTER TABLE posts ALTER n SET DEFAULT 3"},
	{sql: "ALTER TABLE posts ALTER slug DROP NOT NULL"},
	{sql: "ALTER TABLE posts ALTER n SET NOT NULL"},
	{sql: "ALTER TABLE posts ALTER title SET STORAGE EXTERNAL"},
	{sql: "ALTER TABLE posts ALTER n SET STATISTICS 500"},
	{sql: "ALTER TABLE posts ALTER n SET (n_distinct = 5)"},
	{sql: "ALTER TABLE posts ALTER n TYPE bigint"},
	{sql: "ALTER TABLE plainly ALTER id DROP IDENTITY"},
	{sql: "ALTER TABLE plainly ALTER n ADD GENERATED ALWAYS AS IDENTITY"},
	{sql: "ALTER TABLE posts ADD CHECK (n > 0)"},
	{sql: "ALTER TABLE posts ADD CHECK (n > 0) NOT VALID"},
	{sql: "ALTER TABLE posts ADD CONSTRAINT nn NOT NULL n NOT VALID", from: 18},
	{sql: "ALTER TABLE posts ADD FOREIGN KEY (n) REFERENCES people (id) NOT VALID"},
	{sql: "ALTER TABLE plainly ADD FOREIGN KEY (n) REFERENCES people (id)"},
	{sql: "ALTER TABLE posts ADD FOREIGN KEY (parent) REFERENCES posts (id)"},
	{sql: "ALTER TABLE posts VALIDATE CONSTRAINT small"},
	{sql: "ALTER TABLE posts VALIDATE CONSTRAINT other_fk", unseen: []string{"people ROW SHARE"}},
	{sql: "ALTER TABLE posts DROP CONSTRAINT positive"},
	{sql: "ALTER TABLE posts DROP CONSTRAINT author_fk", unseen: []string{"people ACCESS EXCLUSIVE"}},
	{sql: "ALTER TABLE posts ALTER CONSTRAINT author_fk DEFERRABLE"},
	{sql: "ALTER TABLE plainly ADD PRIMARY KEY (id)"},
	{sql: "ALTER TABLE posts ADD UNIQUE (m)"},
	{sql: "ALTER TABLE posts ADD EXCLUDE USING gist (r WITH &&)"},
	{sql: "ALTER TABLE posts ADD CONSTRAINT u UNIQUE USING INDEX posts_slug"},
	{sql: "ALTER TABLE posts SET (fillfactor = 70)"},
	{sql: "ALTER TABLE posts SET UNLOGGED"},
	{sql: "ALTER TABLE posts CLUSTER ON posts_slug"},
	{sql: "ALTER TABLE posts REPLICA IDENTITY FULL"},
	{sql: "ALTER TABLE posts ENABLE ROW LEVEL SECURITY"},
	{sql: "ALTER TABLE posts DISABLE TRIGGER sync"},
	{sql: "ALTER TABLE posts DISABLE RULE quiet"},
	{sql: "ALTER TABLE posts SET SCHEMA elsewhere"},
	{sql: "ALTER TABLE plainly RENAME id TO key"},
	{sql: "ALTER TABLE posts ADD COLUMN a int DEFAULT 1 REFERENCES people (id)"},
	{sql: "ALTER TABLE posts ALTER title TYPE int USING 1, ALTER n SET NOT NULL, DROP CONSTRAINT positive"},
	{sql: "ALTER TABLE posts ADD CONSTRAINT pkey2 UNIQUE (m, n), ALTER m SET STATISTICS 10"},
	{sql: "ALTER MATERIALIZED VIEW mv RENAME id TO key"},
	{sql: "ALTER TABLE posts ENABLE ALWAYS TRIGGER sync"},
	{sql: "ALTER TABLE posts FORCE ROW LEVEL SECURITY"},
	{sql: "CREATE UNIQUE INDEX ON log (at)", unseen: []string{"log_1 SHARE"}},
	{sql: "CREATE INDEX ON ONLY log (n)"},
	{sql: "DROP STATISTICS st", unseen: []string{"posts SHARE UPDATE EXCLUSIVE"}},
	{sql: "COMMENT ON VIEW v IS 'x'"},
	{sql: "CREATE TABLE fresh AS SELECT * FROM posts"},
	{sql: "SELECT id INTO fresh FROM posts"},
	{sql: "COPY posts TO STDOUT"},
	{sql: "REVOKE ALL ON posts FROM public"},
	{sql: "ALTER TABLE posts OWNER TO CURRENT_USER"},
	{sql: "ALTER TABLE heir INHERIT base"},
	{sql: "ALTER TABLE inherits NO INHERIT base"},
	{sql: "ALTER TABLE log ATTACH PARTITION log_2 FOR VALUES FROM (10) TO (20)"},
	{sql: "ALTER TABLE log DETACH PARTITION log_1"},
	{sql: "CREATE TABLE fresh (id int)"},
	{sql: "CREATE TABLE fresh (id int REFERENCES people (id))"},
	{sql: "CREATE TABLE fresh PARTITION OF log FOR VALUES FROM (30) TO (40)"},
	{sql: "CREATE TABLE fresh (k int) INHERITS (base)"},
	{sql: "CREATE TABLE fresh (LIKE people INCLUDING ALL)"},
	{sql: "DROP TABLE plainly"},
	{sql: "DROP TABLE posts", unseen: []string{"people ACCESS EXCLUSIVE"}},
	{sql: "DROP TABLE log_1", unseen: []string{"log ACCESS EXCLUSIVE"}},
	{sql: "TRUNCATE posts"},
	{sql: "CREATE INDEX ON posts (m)"},
	{sql: "DROP INDEX posts_n", unseen: []string{"posts ACCESS EXCLUSIVE"}},
	{sql: "REINDEX TABLE posts"},
	{sql: "REINDEX INDEX posts_n", unseen: []string{"posts SHARE"}},
	{sql: "CREATE TRIGGER t AFTER INSERT ON posts EXECUTE FUNCTION nothing()"},
	{sql: "CREATE OR REPLACE TRIGGER sync BEFORE INSERT ON posts FOR EACH ROW EXECUTE FUNCTION nothing()", from: 14},
	{sql: "ALTER TRIGGER sync ON posts RENAME TO sink"},
	{sql: "DROP TRIGGER sync ON posts"},
	{sql: "CREATE POLICY p ON posts USING (true)"},
	{sql: "ALTER POLICY own ON posts USING (false)"},
	{sql: "ALTER POLICY own ON posts RENAME TO p"},
	{sql: "DROP POLICY own ON posts"},
	{sql: "CREATE RULE r AS ON INSERT TO plainly DO ALSO NOTHING"},
	{sql: "DROP RULE quiet ON posts"},
	{sql: "CREATE STATISTICS st2 ON n, title FROM posts"},
	{sql: "COMMENT ON TABLE posts IS 'x'"},
	{sql: "COMMENT ON COLUMN posts.n IS 'x'"},
	{sql: "COMMENT ON INDEX posts_n IS 'x'"},
	{sql: "COMMENT ON CONSTRAINT positive ON posts IS 'x'"},
	{sql: "COMMENT ON TRIGGER sync ON posts IS 'x'"},
	{sql: "GRANT SELECT ON posts TO CURRENT_USER"},
	{sql: "CREATE VIEW w AS SELECT id FROM people"},
	{sql: "CREATE OR REPLACE VIEW v AS SELECT id FROM people"},
	{sql: "DROP VIEW v"},
	{sql: "ALTER VIEW v RENAME TO w"},
	{sql: "REFRESH MATERIALIZED VIEW mv"},
	{sql: "REFRESH MATERIALIZED VIEW CONCURRENTLY mv"},
	{sql: "DROP MATERIALIZED VIEW mv"},
	{sql: "ANALYZE posts"},
	{sql: "CLUSTER posts USING posts_slug"},
	{sql: "CREATE PUBLICATION pub FOR TABLE posts"},
	{sql: "ALTER TYPE mood ADD VALUE 'happy'"},
	{sql: "ALTER SEQUENCE s OWNED BY posts.id"},
	{sql: "INSERT INTO plainly (n) VALUES (1)"},
	{sql: "UPDATE posts SET n = n"},
	{sql: "DELETE FROM plainly"},
	{sql: "WITH gone AS (DELETE FROM plainly RETURNING n) UPDATE posts SET n = 1 FROM gone WHERE false"},
	{sql: "SELECT * FROM posts FOR UPDATE"},
	{sql: "LOCK TABLE posts IN SHARE MODE"},
	{sql: "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"},
	{sql: "CREATE OR REPLACE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"},
}

func TestLockTableIsWhatServersDo(t *testing.T) {
	for _, server := range testdb.PostgresMajors(t) {
		t.Run(fmt.Sprint("postgres", server.Major), func(t *testing.T) {
			h := newHall(t, server)
			d := postgres.New(server.Major * 10000)
			for _, a := range audit {
				if server.Major >= a.from {
					h.audit(t, d, a)
				}
			}
		})
	}
}

// hall is a scratch database with one connection, and what the server said.
type hall struct {
	url  string
	conn *pgx.Conn
	said []string
}

func newHall(t *testing.T, server testdb.Server) *hall {
	t.Helper()
	h := &hall{url: server.Database(t)}
	h.conn = h.connect(t)
	if _, err := h.conn.Exec(t.Context(), scratch); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *hall) connect(t *testing.T) *pgx.Conn {
	t.Helper()
	c, err := pgx.ParseConfig(h.url)
	if err != nil {
		t.Fatal(err)
	}
	c.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	c.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { h.said = append(h.said, n.Message) }
	conn, err := pgx.ConnectConfig(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// audit runs a statement in a transaction, reads its locks and rolls it back.
func (h *hall) audit(t *testing.T, d postgres.Dialect, a audited) {
	t.Helper()
	ctx := t.Context()
	tx, err := h.conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if _, err := tx.Exec(ctx, "SET LOCAL client_min_messages = debug1"); err != nil {
		t.Fatal(err)
	}
	before, names := relations(t, tx)
	h.said = nil
	if _, err := tx.Exec(ctx, a.sql); err != nil {
		t.Errorf("%s: %v", a.sql, err)
		return
	}
	said := h.said
	after, _ := relations(t, tx)
	locks := locksOf(t, h.conn, h.conn.PgConn().PID(), names)
	e := d.Classify(a.sql)
	compareLocks(t, a, e, locks)
	compareWork(t, a.sql, e, said, before, after)
}

// relations are the file nodes of all user relations by oid, and their names.
func relations(t *testing.T, q queryer) (nodes map[uint32]uint32, names map[uint32]string) {
	t.Helper()
	rows, err := q.Query(t.Context(), `SELECT oid, relname, coalesce(pg_relation_filenode(oid), 0) FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'i', 'I', 'v', 'm')`)
	if err != nil {
		t.Fatal(err)
	}
	nodes, names = map[uint32]uint32{}, map[uint32]string{}
	var oid, node uint32
	var name string
	_, err = pgx.ForEachRow(rows, []any{&oid, &name, &node}, func() error {
		nodes[oid], names[oid] = node, name
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return nodes, names
}

type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// locksOf are the strongest lock modes a session holds on the named relations.
func locksOf(t *testing.T, q queryer, pid uint32, names map[uint32]string) map[string]plan.Lock {
	t.Helper()
	rows, err := q.Query(t.Context(), "SELECT relation, mode FROM pg_locks WHERE locktype = 'relation' AND granted AND pid = $1", pid)
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]plan.Lock{}
	var oid uint32
	var mode string
	_, err = pgx.ForEachRow(rows, []any{&oid, &mode}, func() error {
		if name := names[oid]; name != "" && rank(spelled(mode)) > rank(held[name]) {
			held[name] = spelled(mode)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return held
}

var capital = regexp.MustCompile(`[A-Z]`)

// spelled turns AccessExclusiveLock into ACCESS EXCLUSIVE.
func spelled(mode string) plan.Lock {
	words := capital.ReplaceAllString(strings.TrimSuffix(mode, "Lock"), " $0")
	return plan.Lock(strings.ToUpper(strings.TrimSpace(words)))
}

var modes = []plan.Lock{"", "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"}

func rank(l plan.Lock) int { return slices.Index(modes, l) }

func compareLocks(t *testing.T, a audited, e plan.Effect, held map[string]plan.Lock) {
	t.Helper()
	claimed := map[string]bool{}
	for _, touch := range e.Touches {
		claimed[touch.Table.Name] = true
		if held[touch.Table.Name] != touch.Lock {
			t.Errorf("%s: %s is held on %s, not %s", a.sql, held[touch.Table.Name], touch.Table, touch.Lock)
		}
	}
	for name, lock := range held {
		seen := claimed[name] || slices.Contains(a.unseen, name+" "+string(lock))
		isIndex := strings.HasPrefix(name, "posts_") || strings.HasSuffix(name, "_pkey") || name == "mv_id" || strings.HasSuffix(name, "_at") || strings.HasSuffix(name, "_at_idx")
		if !seen && !isIndex && rank(lock) > rank("ACCESS SHARE") {
			t.Errorf("%s: holds %s on %s, of which nothing is said", a.sql, lock, name)
		}
	}
}

// compareWork compares what a statement read and wrote anew, by the server's
// own debug messages and the file nodes, with what is said of it.
func compareWork(t *testing.T, sql string, e plan.Effect, said []string, before, after map[uint32]uint32) {
	t.Helper()
	if e.Class != plan.DDL || strings.HasPrefix(sql, "CREATE TABLE") {
		return
	}
	scans, rewrites := false, false
	for _, touch := range e.Touches {
		scans, rewrites = scans || touch.Scans, rewrites || touch.Rewrites
	}
	all := strings.Join(said, "\n")
	did := strings.Contains(all, "verifying table") || strings.Contains(all, "validating foreign key") || strings.Contains(all, "building index")
	anew := strings.Contains(all, "rewriting table")
	for oid, node := range after {
		anew = anew || before[oid] != 0 && before[oid] != node
	}
	if rewrites != anew {
		t.Errorf("%s: rewrites %v, claimed %v\n%s", sql, anew, rewrites, all)
	}
	if !rewrites && scans != did {
		t.Errorf("%s: scans %v, claimed %v\n%s", sql, did, scans, all)
	}
}

// The statements that work outside transactions are stopped in the middle of
// their work by a transaction that uses the table, and their locks read then.
func TestLocksOfConcurrentStatements(t *testing.T) {
	for _, server := range testdb.PostgresMajors(t) {
		t.Run(fmt.Sprint("postgres", server.Major), func(t *testing.T) {
			h := newHall(t, server)
			d := postgres.New(server.Major * 10000)
			h.concurrent(t, d, "CREATE INDEX CONCURRENTLY late ON posts (m)")
			h.concurrent(t, d, "REINDEX TABLE CONCURRENTLY posts")
			h.concurrent(t, d, "REINDEX INDEX CONCURRENTLY late")
			h.concurrent(t, d, "DROP INDEX CONCURRENTLY late")
			for _, a := range audit {
				if e := d.Classify(a.sql); e.NoTx != "" {
					t.Errorf("%s is said to run in no transaction, and did", a.sql)
				}
			}
			for _, sql := range []string{"VACUUM posts", "CREATE INDEX CONCURRENTLY x ON posts (m)", "REINDEX SCHEMA public", "ALTER SYSTEM SET work_mem = '4MB'",
				"CREATE DATABASE x", "DROP DATABASE x", "DISCARD ALL", "CLUSTER", "DROP TABLESPACE x", "REINDEX TABLE CONCURRENTLY posts", "DROP INDEX CONCURRENTLY posts_n"} {
				h.refusesInTransaction(t, d, sql)
			}
		})
	}
}

func (h *hall) refusesInTransaction(t *testing.T, d postgres.Dialect, sql string) {
	t.Helper()
	if d.Classify(sql).NoTx == "" {
		t.Errorf("%s is said to run in a transaction", sql)
	}
	tx, err := h.conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	if _, err := tx.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "25001") {
		t.Errorf("%s in a transaction: %v", sql, err)
	}
}

// concurrent lets a statement wait for a writer and reads its locks.
func (h *hall) concurrent(t *testing.T, d postgres.Dialect, sql string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	writer, worker := h.connect(t), h.connect(t)
	tx, err := writer.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "UPDATE posts SET n = n WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	_, names := relations(t, h.conn)
	done := make(chan error, 1)
	go func() {
		_, err := worker.Exec(ctx, sql)
		done <- err
	}()
	pid := worker.PgConn().PID()
	for waiting := false; !waiting; {
		err := h.conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1 AND NOT granted)", pid).Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
	held := locksOf(t, h.conn, pid, names)
	for _, touch := range d.Classify(sql).Touches {
		if held[touch.Table.Name] != touch.Lock {
			t.Errorf("%s: %s is held on %s, not %s", sql, held[touch.Table.Name], touch.Table, touch.Lock)
		}
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("%s: %v", sql, err)
	}
}
