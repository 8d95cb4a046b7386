package mysql

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/bellowsdb/bellows/db"
	own "github.com/bellowsdb/bellows/dialect/mysql"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/plan"
	"github.com/go-sql-driver/mysql"
)

// Lockable is empty: LOCK TABLES commits, and ends at the next transaction.
func (c *conn) Lockable(context.Context, []plan.Touch) ([]string, error) { return nil, nil }

// rowsOnly is the metadata lock under which rows are changed; it waits for
// changes of a table's shape alone.
const rowsOnly plan.Lock = "SHARED WRITE"

// Blockers are the sessions with a metadata lock on one of the tables, where the
// server tells (performance_schema.metadata_locks of MySQL 8, the plugin
// METADATA_LOCK_INFO of MariaDB), else those whose running statement names the
// table; older than the budget. Any metadata lock is in the way of a change of
// the table's shape, which needs an exclusive one at its end. On the tables that
// foreign keys lead to and from, those who write are (measured on MySQL 9.7 and
// MariaDB 10.11; MySQL wants some of them for itself alone, which is found out by trying).
func (c *conn) Blockers(ctx context.Context, touches []plan.Touch, budget time.Duration) ([]event.Blocker, error) {
	var found []event.Blocker
	seen := map[int64]bool{}
	look := func(n plan.Name, mode use) error {
		all, err := c.holders(ctx, n, mode)
		for _, b := range all {
			if b.Age >= budget && !seen[b.PID] {
				seen[b.PID] = true
				b.Table = n.String()
				if n.Schema == c.database {
					b.Table = n.Name
				}
				found = append(found, b)
			}
		}
		return err
	}
	for _, t := range touches {
		if t.Lock == "" || t.Lock == rowsOnly || t.Table.Name == "" {
			continue
		}
		n := t.Table
		n.Schema = cmp.Or(n.Schema, c.database)
		if err := look(n, anyUse); err != nil {
			return nil, err
		}
		others, err := c.related(ctx, n)
		if err != nil {
			return nil, err
		}
		for _, o := range others {
			if err := look(o, writes); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// related are the tables that foreign keys of a table lead to, and those from
// which others lead to it; none where the user may not see them.
func (c *conn) related(ctx context.Context, n plan.Name) ([]plan.Name, error) {
	query := `SELECT referenced_table_schema, referenced_table_name FROM information_schema.key_column_usage
			WHERE table_schema = ? AND table_name = ? AND referenced_table_name IS NOT NULL
		UNION SELECT table_schema, table_name FROM information_schema.key_column_usage WHERE referenced_table_schema = ? AND referenced_table_name = ?`
	args := []any{n.Schema, n.Name, n.Schema, n.Name}
	if c.dialect.Flavour() == own.MariaDB {
		// There the view above opens every table of the server.
		query = `SELECT SUBSTRING_INDEX(ref_name, '/', 1), SUBSTRING_INDEX(ref_name, '/', -1) FROM information_schema.innodb_sys_foreign WHERE for_name = ?
			UNION SELECT SUBSTRING_INDEX(for_name, '/', 1), SUBSTRING_INDEX(for_name, '/', -1) FROM information_schema.innodb_sys_foreign WHERE ref_name = ?`
		args = []any{n.Schema + "/" + n.Name, n.Schema + "/" + n.Name}
	}
	rows, err := c.Query(ctx, query, args...)
	if isServer(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []plan.Name
	for rows.Next() {
		var o plan.Name
		if err := rows.Scan(&o.Schema, &o.Name); err != nil {
			return nil, c.fail(ctx, query, err)
		}
		if o != n {
			all = append(all, o)
		}
	}
	return all, rows.Err()
}

// use is what sessions do with a table that may be in the way.
type use int

const (
	anyUse use = iota
	writes
)

const (
	sessionColumns = `p.id, COALESCE(p.user, ''), COALESCE(p.state, ''), COALESCE(p.info, ''),
		GREATEST(p.time, COALESCE(TIMESTAMPDIFF(SECOND, x.trx_started, NOW()), 0))`
	sessionTables = ` FROM information_schema.processlist p LEFT JOIN information_schema.innodb_trx x ON x.trx_mysql_thread_id = p.id`
)

// holders tries the exact sources first; a server that has one not says so by an
// error.
func (c *conn) holders(ctx context.Context, n plan.Name, mode use) ([]event.Blocker, error) {
	only := [3]string{}
	if mode == writes {
		only = [3]string{
			" AND m.lock_type NOT IN ('SHARED', 'SHARED_HIGH_PRIO', 'SHARED_READ', 'SHARED_READ_ONLY')",
			" AND m.lock_mode NOT IN ('MDL_SHARED', 'MDL_SHARED_HIGH_PRIO', 'MDL_SHARED_READ', 'MDL_SHARED_READ_ONLY')",
			" AND x.trx_rows_modified > 0",
		}
	}
	exact := []string{
		`SELECT DISTINCT ` + sessionColumns + sessionTables + `
			JOIN performance_schema.threads t ON t.processlist_id = p.id
			JOIN performance_schema.metadata_locks m ON m.owner_thread_id = t.thread_id
			WHERE m.object_type = 'TABLE' AND m.object_schema = ? AND m.object_name = ? AND p.id <> CONNECTION_ID()
				AND EXISTS (SELECT 1 FROM performance_schema.setup_instruments WHERE name = 'wait/lock/metadata/sql/mdl' AND enabled = 'YES')` + only[0],
		`SELECT DISTINCT ` + sessionColumns + sessionTables + `
			JOIN information_schema.metadata_lock_info m ON m.thread_id = p.id
			WHERE m.table_schema = ? AND m.table_name = ? AND p.id <> CONNECTION_ID()` + only[1],
	}
	for _, query := range exact {
		all, err := c.sessions(ctx, query, n.Schema, n.Name)
		switch {
		case err == nil && len(all) > 0:
			return all, nil
		case err != nil && !isServer(err):
			return nil, err
		}
	}
	return c.sessions(ctx, `SELECT DISTINCT `+sessionColumns+sessionTables+`
		WHERE p.id <> CONNECTION_ID() AND p.command <> 'Sleep' AND p.db = ? AND INSTR(LOWER(p.info), LOWER(?)) > 0`+only[2], n.Schema, n.Name)
}

func (c *conn) sessions(ctx context.Context, query string, args ...any) ([]event.Blocker, error) {
	rows, err := c.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []event.Blocker
	for rows.Next() {
		var b event.Blocker
		var age float64
		if err := rows.Scan(&b.PID, &b.User, &b.State, &b.Query, &age); err != nil {
			return nil, c.fail(ctx, query, err)
		}
		b.Age = time.Duration(age * float64(time.Second))
		all = append(all, b)
	}
	return all, rows.Err()
}

// absent are the numbers by which the server says that there is no such table,
// view, routine, trigger, event, database or user.
var absent = map[uint16]bool{1146: true, 1051: true, 1305: true, 1360: true, 1539: true, 1049: true, 1141: true, 1347: true, 4091: true, 1133: true, 3162: true, 1396: true}

// counter is what changes in SHOW CREATE TABLE while rows come in.
var counter = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(` AUTO_INCREMENT=\d+`)
})

// Fingerprint is a hash over SHOW CREATE of the objects. An index stands for
// its table.
func (c *conn) Fingerprint(ctx context.Context, objects []plan.Object) (string, error) {
	h := sha256.New()
	for _, o := range objects {
		fmt.Fprintf(h, "%s %q %q\n", o.Kind, o.Name, o.On)
		for _, query := range c.shows(o) {
			text, err := c.show(ctx, query)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(h, "%s\n%s\n", query, counter().ReplaceAllString(text, ""))
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// shows are the statements that show an object.
func (c *conn) shows(o plan.Object) []string {
	name := c.qualified(o.Name)
	var all []string
	switch kind := strings.ToLower(o.Kind); kind {
	case "table", "view", "sequence":
		all = append(all, "SHOW CREATE TABLE "+name)
	case "procedure", "function", "trigger", "event":
		all = append(all, "SHOW CREATE "+strings.ToUpper(kind)+" "+name)
	case "routine":
		all = append(all, "SHOW CREATE PROCEDURE "+name, "SHOW CREATE FUNCTION "+name)
	case "database", "schema":
		all = append(all, "SHOW CREATE DATABASE "+c.dialect.Quote(o.Name.Name))
	case "user", "role":
		all = append(all, "SHOW GRANTS FOR "+c.dialect.Quote(o.Name.Name))
	}
	if o.On.Name != "" {
		all = append(all, "SHOW CREATE TABLE "+c.qualified(o.On))
	}
	return all
}

func (c *conn) qualified(n plan.Name) string {
	if n.Schema == "" {
		return c.dialect.Quote(n.Name)
	}
	return c.dialect.Quote(n.Schema) + "." + c.dialect.Quote(n.Name)
}

// show is everything a SHOW gives, as text; "" where there is no such thing.
func (c *conn) show(ctx context.Context, query string) (string, error) {
	text, err := c.dump(ctx, query)
	var server *mysql.MySQLError
	if errors.As(err, &server) && absent[server.Number] {
		return "", nil
	}
	return text, err
}

func (c *conn) dump(ctx context.Context, query string) (string, error) {
	rows, err := c.Query(ctx, query)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var all strings.Builder
	for rows.Next() {
		values := make([]any, len(rows.Columns()))
		into := make([]any, len(values))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return "", c.fail(ctx, query, err)
		}
		for i, column := range rows.Columns() {
			if column != "Created" && !strings.Contains(column, "collation") && !strings.HasPrefix(column, "character_set") {
				fmt.Fprintf(&all, "%s: %s\n", column, values[i])
			}
		}
	}
	return all.String(), rows.Err()
}

// Index reads information_schema.statistics; an index that is there is valid.
func (c *conn) Index(ctx context.Context, ix plan.Index) (db.IndexState, error) {
	schema := ix.Table.Schema
	if schema == "" {
		schema = c.database
	}
	query := `SELECT table_name, GROUP_CONCAT(column_name ORDER BY seq_in_index SEPARATOR ', ') FROM information_schema.statistics
		WHERE table_schema = ? AND LOWER(index_name) = LOWER(?) AND (? = '' OR table_name = ?) GROUP BY table_name ORDER BY table_name LIMIT 1`
	rows, err := c.Query(ctx, query, schema, ix.Name.Name, ix.Table.Name, ix.Table.Name)
	if err != nil {
		return db.IndexState{}, err
	}
	defer rows.Close()
	var s db.IndexState
	for rows.Next() {
		if err := rows.Scan(&s.Table.Name, &s.Definition); err != nil {
			return s, c.fail(ctx, query, err)
		}
		s.Table.Schema = schema
		s.Exists, s.Valid = true, true
	}
	return s, rows.Err()
}

// Work reads the progress that MariaDB shows in its list of processes.
func (c *conn) Work(ctx context.Context, s db.Session) (db.IndexWork, bool, error) {
	if c.dialect.Flavour() != own.MariaDB {
		return db.IndexWork{}, false, nil
	}
	query := `SELECT COALESCE(state, ''), stage, max_stage, COALESCE(progress, 0) FROM information_schema.processlist WHERE id = ? AND max_stage > 0`
	rows, err := c.Query(ctx, query, s.PID)
	if err != nil {
		return db.IndexWork{}, false, err
	}
	defer rows.Close()
	var w db.IndexWork
	found := false
	for rows.Next() {
		var stage, stages int64
		var percent float64
		if err := rows.Scan(&w.Phase, &stage, &stages, &percent); err != nil {
			return w, false, c.fail(ctx, query, err)
		}
		found = true
		w.Phase = fmt.Sprintf("%s (%d/%d)", w.Phase, stage, stages)
		w.Done, w.Total = int64(percent*1000), 100_000
	}
	return w, found, rows.Err()
}

// Count counts with a limit that belongs to the one statement; then the storage
// engine's guess stands for the number.
func (c *conn) Count(ctx context.Context, loss plan.Loss, budget time.Duration) (db.Count, error) {
	what := "*"
	if loss.Column != "" {
		what = c.dialect.Quote(loss.Column)
	}
	from := "COUNT(" + what + ") FROM " + c.qualified(loss.Table)
	query := fmt.Sprintf("SELECT /*+ MAX_EXECUTION_TIME(%d) */ %s", budget.Milliseconds(), from)
	switch {
	case budget.Milliseconds() <= 0:
		query = "SELECT " + from + " LIMIT 0" // whether it is there
	case c.dialect.Flavour() == own.MariaDB:
		query = fmt.Sprintf("SET STATEMENT max_statement_time = %.3f FOR SELECT %s", budget.Seconds(), from)
	}
	n, err := c.number(ctx, query)
	var failure *db.Error
	switch {
	case err == nil && budget.Milliseconds() > 0:
		return db.Count{Rows: n, Exact: true}, nil
	case err == nil:
	case !errors.As(err, &failure):
		return db.Count{}, err
	case failure.Code == "mysql.1146" || failure.Code == "mysql.1054":
		return db.Count{Gone: true}, nil
	case ctx.Err() != nil || failure.Class != db.Canceled && failure.Class != db.Wait:
		return db.Count{}, err
	}
	schema := loss.Table.Schema
	if schema == "" {
		schema = c.database
	}
	n, err = c.number(ctx, "SELECT COALESCE(table_rows, 0) FROM information_schema.tables WHERE table_schema = ? AND table_name = ?", schema, loss.Table.Name)
	return db.Count{Rows: n}, err
}
