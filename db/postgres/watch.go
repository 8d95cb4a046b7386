package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/plan"
)

// mode is one of PostgreSQL's table locks: as LOCK TABLE spells it, as pg_locks
// spells it, and the modes that it conflicts with, by their place in modes. It
// is the table "Conflicting Lock Modes" of the documentation's chapter on
// explicit locking; weaker modes come first.
type mode struct {
	name, inCatalog string
	conflicts       []int
}

var modes = [...]mode{
	{"ACCESS SHARE", "AccessShareLock", []int{7}},
	{"ROW SHARE", "RowShareLock", []int{6, 7}},
	{"ROW EXCLUSIVE", "RowExclusiveLock", []int{4, 5, 6, 7}},
	{"SHARE UPDATE EXCLUSIVE", "ShareUpdateExclusiveLock", []int{3, 4, 5, 6, 7}},
	{"SHARE", "ShareLock", []int{2, 3, 5, 6, 7}},
	{"SHARE ROW EXCLUSIVE", "ShareRowExclusiveLock", []int{2, 3, 4, 5, 6, 7}},
	{"EXCLUSIVE", "ExclusiveLock", []int{1, 2, 3, 4, 5, 6, 7}},
	{"ACCESS EXCLUSIVE", "AccessExclusiveLock", []int{0, 1, 2, 3, 4, 5, 6, 7}},
}

// shareUpdateExclusive is the weakest mode that two changes of a table's shape
// can want; below it there is nothing to order.
const shareUpdateExclusive = 3

// strength is the place of a mode in modes, -1 when there is no such mode.
func strength(lock plan.Lock) int {
	return slices.IndexFunc(modes[:], func(m mode) bool { return m.name == strings.ToUpper(string(lock)) })
}

// target is a table that will be locked.
type target struct {
	oid      int64
	name     string // quoted and qualified
	lockable bool
	strength int
}

// targets are the existing tables behind the touches, each once with its
// strongest mode, by oid. An index stands for its table; foreign keys that go with
// a table stand for the tables at their other ends.
func (c *conn) targets(ctx context.Context, touches []plan.Touch) ([]target, error) {
	byOID := map[int64]target{}
	add := func(t target, lock plan.Lock) {
		t.strength = strength(lock)
		if was, seen := byOID[t.oid]; !seen || was.strength < t.strength {
			byOID[t.oid] = t
		}
	}
	for _, touch := range touches {
		if strength(touch.Lock) < 0 || touch.Table.Name == "" {
			continue
		}
		if touch.Of != "" {
			gone, err := c.going(ctx, touch.Of, touch.Table)
			if err != nil {
				return nil, err
			}
			for _, t := range gone {
				add(t, touch.Lock)
			}
			continue
		}
		found, err := c.target(ctx, "x.oid = pg_catalog.to_regclass($1)", c.regclass(touch.Table))
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			add(t, touch.Lock)
			for _, k := range touch.Keys {
				others, err := c.others(ctx, t.oid, k)
				if err != nil {
					return nil, err
				}
				for _, o := range others {
					add(o, k.Lock)
				}
			}
		}
	}
	all := make([]target, 0, len(byOID))
	for _, t := range byOID {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b target) int { return cmp.Compare(a.oid, b.oid) })
	return all, nil
}

// target are the tables of a choice among relations. One that this user has no
// right to lock by itself is left to the statement.
func (c *conn) target(ctx context.Context, choice string, args ...any) ([]target, error) {
	query := `SELECT t.oid::text, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.relname),
			(t.relkind IN ('r', 'p') AND n.nspname <> 'pg_catalog' AND pg_catalog.has_table_privilege(t.oid, 'UPDATE, DELETE, TRUNCATE'))::text
		FROM pg_catalog.pg_class x
		LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = x.oid
		JOIN pg_catalog.pg_class t ON t.oid = coalesce(i.indrelid, x.oid)
		JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
		WHERE ` + choice
	rows, err := db.Texts(ctx, c, query, args...)
	if err != nil {
		return nil, err
	}
	var all []target
	for _, r := range rows {
		oid, err := strconv.ParseInt(r[0], 10, 64)
		if err != nil {
			return nil, err
		}
		all = append(all, target{oid: oid, name: r[1], lockable: r[2] == "true"})
	}
	return all, nil
}

// others are the tables at the other ends of foreign keys of the table with that
// oid; of a partition that goes with all its keys also the table it is a part of.
func (c *conn) others(ctx context.Context, oid int64, k plan.Keys) ([]target, error) {
	const columns = "ARRAY(SELECT attnum FROM pg_catalog.pg_attribute WHERE attrelid = $1 AND attname = $3)"
	const (
		out = `SELECT confrelid FROM pg_catalog.pg_constraint WHERE contype = 'f' AND conrelid = $1
			AND ($2 = '' OR conname = $2) AND ($3 = '' OR conkey && ` + columns + `)
			UNION SELECT h.inhparent FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class p ON p.oid = h.inhrelid
			WHERE h.inhrelid = $1 AND p.relispartition AND $2 = '' AND $3 = ''`
		in = `SELECT conrelid FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confrelid = $1
			AND ($2 = '' OR conindid IN (SELECT conindid FROM pg_catalog.pg_constraint WHERE conrelid = $1 AND conname = $2 AND contype IN ('p', 'u')))
			AND ($3 = '' OR confkey && ` + columns + `)`
		deep = `WITH RECURSIVE all_of (oid) AS (SELECT $1::oid UNION
				SELECT k.conrelid FROM pg_catalog.pg_constraint k JOIN all_of a ON k.confrelid = a.oid WHERE k.contype = 'f')
			SELECT oid FROM all_of WHERE $2 = '' AND $3 = ''`
	)
	if k.Refer == plan.Dependents {
		return c.dependents(ctx, "SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, $1::oid, 0", oid)
	}
	which := map[plan.Refer]string{plan.Out: out, plan.Both: out + " UNION " + in, plan.In: deep}[k.Refer]
	return c.target(ctx, "x.oid <> $1 AND x.oid IN ("+which+")", oid, k.Constraint, k.Column)
}

// going are the tables that are locked when an object goes with all that is in it
// or depends on it.
func (c *conn) going(ctx context.Context, kind string, n plan.Name) ([]target, error) {
	const named = "SELECT 'pg_catalog.%s'::pg_catalog.regclass, pg_catalog.%s($1)::oid, 0"
	switch kind {
	case "schema":
		return c.dependents(ctx, fmt.Sprintf(named, "pg_namespace", "to_regnamespace"), c.dialect.Quote(n.Name))
	case "type", "domain":
		return c.dependents(ctx, fmt.Sprintf(named, "pg_type", "to_regtype"), c.regclass(n))
	case "sequence":
		return c.dependents(ctx, fmt.Sprintf(named, "pg_class", "to_regclass"), c.regclass(n))
	case "extension":
		return c.dependents(ctx, "SELECT 'pg_catalog.pg_extension'::pg_catalog.regclass, oid, 0 FROM pg_catalog.pg_extension WHERE extname = $1", n.Name)
	case "function": // of that name, whatever its arguments
		return c.dependents(ctx, `SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0 FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
			WHERE p.proname = $1 AND CASE $2::text WHEN '' THEN pg_catalog.pg_function_is_visible(p.oid) ELSE n.nspname = $2 END`, n.Name, n.Schema)
	}
	return nil, nil
}

// dependents are the tables of all that goes with some objects: the relations
// among it, and those whose columns, defaults, keys, triggers, rules or policies
// are among it. An object that is a part of another takes that with it.
func (c *conn) dependents(ctx context.Context, roots string, args ...any) ([]target, error) {
	return c.target(ctx, `x.oid IN (
		WITH RECURSIVE gone (classid, objid, sub) AS (SELECT r.* FROM (`+roots+`) r (classid, objid, sub) WHERE r.objid IS NOT NULL
			UNION SELECT d.* FROM gone g CROSS JOIN LATERAL (
				SELECT classid, objid, objsubid FROM pg_catalog.pg_depend
				WHERE refclassid = g.classid AND refobjid = g.objid AND (g.sub = 0 OR refobjsubid = g.sub)
				UNION ALL SELECT refclassid, refobjid, refobjsubid FROM pg_catalog.pg_depend
				WHERE classid = g.classid AND objid = g.objid AND (g.sub = 0 OR objsubid = g.sub) AND deptype = 'i') d),
		of (classid, objid) AS (SELECT classid::pg_catalog.regclass::text, objid FROM gone)
		SELECT objid FROM of WHERE classid = 'pg_class'
		UNION SELECT h.inhparent FROM of JOIN pg_catalog.pg_inherits h ON h.inhrelid = objid
			JOIN pg_catalog.pg_class p ON p.oid = objid WHERE classid = 'pg_class' AND p.relispartition
		UNION SELECT adrelid FROM of JOIN pg_catalog.pg_attrdef a ON a.oid = objid WHERE classid = 'pg_attrdef'
		UNION SELECT unnest(ARRAY[conrelid, confrelid]) FROM of JOIN pg_catalog.pg_constraint k ON k.oid = objid WHERE classid = 'pg_constraint'
		UNION SELECT tgrelid FROM of JOIN pg_catalog.pg_trigger t ON t.oid = objid WHERE classid = 'pg_trigger'
		UNION SELECT ev_class FROM of JOIN pg_catalog.pg_rewrite r ON r.oid = objid WHERE classid = 'pg_rewrite'
		UNION SELECT polrelid FROM of JOIN pg_catalog.pg_policy p ON p.oid = objid WHERE classid = 'pg_policy')`, args...)
}

// regclass spells a name for to_regclass: as the server reads it, by the
// session's search_path when it has no schema.
func (c *conn) regclass(n plan.Name) string {
	if n.Schema == "" {
		return c.dialect.Quote(n.Name)
	}
	return c.dialect.Quote(n.Schema) + "." + c.dialect.Quote(n.Name)
}

// Lockable are the ordinary and partitioned tables that will be locked against
// other changes of their shape, with LOCK TABLE, by oid: the same order in every
// session, and a referenced table is as a rule older than those that refer to
// it. ONLY leaves partitions to the statement itself, which may not need them.
func (c *conn) Lockable(ctx context.Context, touches []plan.Touch) ([]string, error) {
	all, err := c.targets(ctx, touches)
	if err != nil {
		return nil, err
	}
	var locks []string
	for _, t := range all {
		if t.lockable && t.strength >= shareUpdateExclusive {
			locks = append(locks, "LOCK TABLE ONLY "+t.name+" IN "+modes[t.strength].name+" MODE")
		}
	}
	return locks, nil
}

// Blockers are the sessions, and prepared transactions, that hold or await a
// lock on one of the tables, those at the other ends of their keys, or partitions that conflicts with ours, and whose
// transaction is older than the budget; a vacuum against wraparound counts at
// once, because it will not give way. A session whose age the server hides from
// us counts only with a budget of 0.
func (c *conn) Blockers(ctx context.Context, touches []plan.Touch, budget time.Duration) ([]event.Blocker, error) {
	all, err := c.targets(ctx, touches)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	var wanted []string
	for _, t := range all {
		for _, i := range modes[t.strength].conflicts {
			wanted = append(wanted, fmt.Sprintf("(%d::oid, '%s')", t.oid, modes[i].inCatalog))
		}
	}
	query := fmt.Sprintf(blockersQuery, strings.Join(wanted, ", "))
	rows, err := db.Texts(ctx, c, query, max(budget, 0).Seconds())
	if err != nil {
		return nil, err
	}
	var found []event.Blocker
	for _, r := range rows {
		pid, _ := strconv.ParseInt(r[0], 10, 64)
		age, _ := strconv.ParseFloat(r[6], 64)
		found = append(found, event.Blocker{
			PID: pid, User: r[1], App: r[2], Table: r[3], State: r[4], Query: r[5],
			Age: time.Duration(age * float64(time.Second)), Vacuum: r[7] == "t", Wrap: r[8] == "t",
		})
	}
	return found, nil
}

const blockersQuery = `WITH RECURSIVE wanted (relation, mode) AS (
		VALUES %s
		UNION
		SELECT h.inhrelid, w.mode FROM wanted w JOIN pg_catalog.pg_inherits h ON h.inhparent = w.relation
	), holders AS (
		SELECT l.pid, coalesce(a.usename, p.owner) AS usename, coalesce(a.application_name, '') AS app,
			l.relation::regclass::text AS relation,
			CASE WHEN p.gid IS NOT NULL THEN 'prepared transaction' WHEN NOT l.granted THEN 'waiting' ELSE a.state END AS state,
			coalesce(p.gid, a.query) AS query,
			extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(p.prepared, a.xact_start, a.query_start)) AS age,
			coalesce(a.backend_type = 'autovacuum worker', false) AS vacuum,
			coalesce(a.backend_type = 'autovacuum worker' AND a.query LIKE '%%(to prevent wraparound)%%', false) AS wrap
		FROM pg_catalog.pg_locks l
		JOIN wanted w ON w.relation = l.relation AND w.mode = l.mode
		LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
		LEFT JOIN pg_catalog.pg_prepared_xacts p ON l.pid IS NULL AND l.virtualtransaction = '-1/' || p.transaction::text
		WHERE l.locktype = 'relation' AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
			AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
	)
	SELECT DISTINCT ON (age, pid) pid, usename, app, relation, state, query, age, vacuum, wrap FROM holders
	WHERE wrap OR coalesce(age, 0) >= $1::float8 ORDER BY age DESC NULLS LAST, pid, relation`

var _ db.Detacher = (*conn)(nil)

// Attachment reads pg_inherits.
func (c *conn) Attachment(ctx context.Context, table, partition plan.Name) (db.Attachment, error) {
	rows, err := db.Texts(ctx, c, `SELECT inhdetachpending::text FROM pg_catalog.pg_inherits
		WHERE inhparent = pg_catalog.to_regclass($1) AND inhrelid = pg_catalog.to_regclass($2)`, c.regclass(table), c.regclass(partition))
	switch {
	case err != nil || len(rows) == 0:
		return db.Detached, err
	case rows[0][0] == "true":
		return db.Detaching, nil
	}
	return db.Attached, nil
}

var _ db.Awaiter = (*conn)(nil)

// Awaited asks pg_blocking_pids, which does not tell which prepared transaction
// it is (0): that stands in the lock that the session waits for. Who asks is none of
// them, though his own question has a snapshot that a build may wait for.
func (c *conn) Awaited(ctx context.Context, s db.Session) ([]event.Blocker, error) {
	const query = `SELECT b.pid, coalesce(a.usename, p.owner, ''), coalesce(a.application_name, ''),
			CASE WHEN p.gid IS NOT NULL THEN 'prepared transaction' ELSE coalesce(a.state, '') END, coalesce(p.gid, a.query, ''),
			coalesce(extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(p.prepared, a.xact_start, a.query_start)), 0) AS age,
			coalesce(a.backend_type = 'autovacuum worker', false),
			coalesce(a.backend_type = 'autovacuum worker' AND a.query LIKE '%(to prevent wraparound)%', false)
		FROM pg_catalog.pg_stat_activity w
		CROSS JOIN LATERAL (SELECT DISTINCT pid FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) x (pid) WHERE x.pid <> pg_catalog.pg_backend_pid()) b
		LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid
		LEFT JOIN pg_catalog.pg_locks l ON b.pid = 0 AND l.pid = w.pid AND NOT l.granted
		LEFT JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = l.transactionid OR l.virtualxid = '-1/' || p.transaction::text
		WHERE w.pid = $1 AND w.wait_event_type = 'Lock' ORDER BY age DESC, b.pid`
	rows, err := db.Texts(ctx, c, query, s.PID)
	var found []event.Blocker
	for _, r := range rows {
		pid, _ := strconv.ParseInt(r[0], 10, 64)
		age, _ := strconv.ParseFloat(r[5], 64)
		found = append(found, event.Blocker{PID: pid, User: r[1], App: r[2], State: r[3], Query: r[4],
			Age: time.Duration(age * float64(time.Second)), Vacuum: r[6] == "t", Wrap: r[7] == "t"})
	}
	return found, err
}

// Running compares as much of the text as the server shows.
func (c *conn) Running(ctx context.Context, sql string) (db.Session, bool, error) {
	const query = `SELECT a.pid FROM pg_catalog.pg_stat_activity a
		WHERE a.datname = pg_catalog.current_database() AND a.usename = current_user AND a.state = 'active'
			AND a.pid <> pg_catalog.pg_backend_pid() AND a.query <> '' AND pg_catalog.starts_with($1, a.query)`
	rows, err := db.Texts(ctx, c, query, sql)
	if err != nil || len(rows) != 1 {
		return db.Session{}, false, err
	}
	pid, err := strconv.ParseInt(rows[0][0], 10, 64)
	return db.Session{PID: pid}, err == nil, nil
}

// Work reads pg_stat_progress_create_index, which a concurrent build fills.
func (c *conn) Work(ctx context.Context, s db.Session) (db.IndexWork, bool, error) {
	const query = `SELECT phase, current_locker_pid,
			CASE WHEN blocks_total > 0 THEN blocks_done WHEN tuples_total > 0 THEN tuples_done ELSE lockers_done END,
			CASE WHEN blocks_total > 0 THEN blocks_total WHEN tuples_total > 0 THEN tuples_total ELSE lockers_total END
		FROM pg_catalog.pg_stat_progress_create_index WHERE pid = $1`
	rows, err := db.Texts(ctx, c, query, s.PID)
	if err != nil || len(rows) == 0 {
		return db.IndexWork{}, false, err
	}
	w := db.IndexWork{Phase: rows[0][0]}
	for i, n := range []*int64{&w.WaitsFor, &w.Done, &w.Total} {
		*n, _ = strconv.ParseInt(rows[0][i+1], 10, 64)
	}
	return w, true, nil
}

// Count counts in a read-only transaction of its own, or behind a savepoint of
// the one that is open, so that its time-out ends with it.
func (c *conn) Count(ctx context.Context, loss plan.Loss, budget time.Duration) (db.Count, error) {
	there, estimate, err := c.estimate(ctx, loss)
	if err != nil || !there {
		return db.Count{Gone: !there && err == nil}, err
	}
	what := "*"
	if loss.Column != "" {
		what = c.dialect.Quote(loss.Column)
	}
	if budget.Milliseconds() <= 0 {
		return db.Count{Rows: estimate}, nil
	}
	begin, end := "BEGIN READ ONLY", "ROLLBACK"
	if c.pg.TxStatus() != 'I' {
		begin, end = "SAVEPOINT bellows_count", "ROLLBACK TO SAVEPOINT bellows_count; RELEASE SAVEPOINT bellows_count"
	}
	if _, err := c.Exec(ctx, begin+"; SET LOCAL statement_timeout = "+ms(budget)); err != nil {
		return db.Count{}, err
	}
	text, err := c.text(ctx, "SELECT count("+what+") FROM "+c.regclass(loss.Table))
	after := context.WithoutCancel(ctx)
	if _, endErr := c.Exec(after, end); endErr != nil && err == nil {
		err = endErr
	}
	if err == nil {
		n, parseErr := strconv.ParseInt(text, 10, 64)
		return db.Count{Rows: n, Exact: true}, parseErr
	}
	failure := c.fail(ctx, "", err)
	if ctx.Err() != nil || failure.Class != db.Canceled && failure.Class != db.Wait {
		return db.Count{}, err
	}
	return db.Count{Rows: estimate}, nil
}

// estimate tells whether the table and column are there, and what the planner
// believes of their number, partitions included.
func (c *conn) estimate(ctx context.Context, loss plan.Loss) (bool, int64, error) {
	const query = `WITH RECURSIVE family (oid) AS (
			SELECT pg_catalog.to_regclass($1)::oid
			UNION SELECT h.inhrelid FROM family f JOIN pg_catalog.pg_inherits h ON h.inhparent = f.oid
		)
		SELECT coalesce(sum(greatest(c.reltuples, 0) * (1 - coalesce(s.null_frac, 0))), 0)::bigint,
			count(*), count(a.attname)
		FROM family f JOIN pg_catalog.pg_class c ON c.oid = f.oid
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = $2 AND NOT a.attisdropped
		LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname
			AND s.attname = $2 AND NOT s.inherited
		WHERE c.relkind <> 'p' OR NOT EXISTS (SELECT 1 FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid)`
	rows, err := db.Texts(ctx, c, query, c.regclass(loss.Table), loss.Column)
	if err != nil || len(rows) == 0 {
		return false, 0, err
	}
	n, err := strconv.ParseInt(rows[0][0], 10, 64)
	if rows[0][1] == "0" || loss.Column != "" && rows[0][2] == "0" {
		return false, 0, err
	}
	return true, n, err
}
