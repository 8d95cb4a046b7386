package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/plan"
)

var _ db.Keyer = (*conn)(nil)

// ctidRanges is the first version that answers ranges of ctid without reading
// the whole table.
const ctidRanges = 140000

var relkinds = map[string]string{
	"r": "table", "p": "table", "v": "view", "m": "materialized view", "f": "foreign table", "S": "sequence", "i": "index", "I": "index", "c": "type",
}

// Shape reads pg_class, pg_index, pg_stats and pg_partition_tree; the number of
// rows is the planner's, which looks at the size of the files as they are now.
func (c *conn) Shape(ctx context.Context, table plan.Name) (s db.Shape, ok bool, err error) {
	const query = `SELECT c.oid::text, n.nspname, c.relname, c.relkind::text,
			pg_catalog.pg_relation_size(c.oid)::text, pg_catalog.current_setting('block_size')
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.oid = pg_catalog.to_regclass($1)`
	rows, err := db.Texts(ctx, c, query, c.regclass(table))
	if err != nil || len(rows) == 0 {
		return s, false, err
	}
	r := rows[0]
	s.Table = plan.Name{Schema: r[1], Name: r[2]}
	s.SQL, s.Kind = c.regclass(s.Table), relkinds[r[3]]
	if s.Kind != "table" {
		return s, true, nil
	}
	size, _ := strconv.ParseInt(r[4], 10, 64)
	s.BlockSize, _ = strconv.ParseInt(r[5], 10, 64)
	s.Blocks = size / max(s.BlockSize, 1)
	if s.Keys, s.Why, err = c.keys(ctx, r[0]); err != nil {
		return s, true, err
	}
	if r[3] == "p" {
		if s.Parts, err = c.parts(ctx, r[0]); err != nil {
			return s, true, err
		}
	}
	if c.dialect.Version() >= ctidRanges {
		s.Pages = &db.Key{Name: "ctid", Columns: []db.KeyColumn{{Name: "ctid", Kind: "pg_catalog.tid"}}, Correlation: 1, Moves: true}
	}
	s.Rows, err = c.planned(ctx, s.SQL)
	return s, true, err
}

// keys are the unique indexes over plain columns that are never null, the
// primary key first, then the narrow ones. why is of those left out.
func (c *conn) keys(ctx context.Context, oid string) (keys []db.Key, why string, err error) {
	const query = `SELECT x.relname, i.indisprimary::text, a.attname,
			CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace THEN pg_catalog.format_type(a.atttypid, a.atttypmod)
				ELSE pg_catalog.quote_ident(tn.nspname) || '.' || pg_catalog.quote_ident(t.typname) END,
			(a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype))::text,
			((i.indoption[k.ord - 1] & 1) = 1)::text,
			CASE WHEN NOT i.indisvalid OR NOT i.indisready THEN 'is not valid'
				WHEN i.indpred IS NOT NULL THEN 'covers only some of the rows'
				WHEN a.attname IS NULL THEN 'is over an expression'
				WHEN NOT a.attnotnull THEN 'allows NULL in ' || a.attname
				WHEN am.amname <> 'btree' THEN 'has no order' ELSE '' END,
			(SELECT st.correlation::text FROM pg_catalog.pg_stats st WHERE st.schemaname = n.nspname AND st.tablename = r.relname
				AND st.attname = a.attname AND NOT st.inherited)
		FROM pg_catalog.pg_index i
		JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
		JOIN pg_catalog.pg_class r ON r.oid = i.indrelid
		JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
		JOIN pg_catalog.pg_am am ON am.oid = x.relam
		CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, ord)
		LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
		LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
		LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
		WHERE i.indrelid = $1::oid AND i.indisunique AND k.ord <= i.indnkeyatts
		ORDER BY i.indisprimary DESC, i.indnkeyatts, x.relname, k.ord`
	rows, err := db.Texts(ctx, c, query, oid)
	if err != nil {
		return nil, "", err
	}
	var bad []string
	for at := 0; at < len(rows); {
		key := db.Key{Name: rows[at][0], Primary: rows[at][1] == "true", Correlation: 2}
		if n, err := strconv.ParseFloat(rows[at][7], 64); err == nil {
			key.Correlation = n
		}
		flaw := ""
		for ; at < len(rows) && rows[at][0] == key.Name; at++ {
			r := rows[at]
			key.Columns = append(key.Columns, db.KeyColumn{Name: r[2], Kind: r[3], Integer: r[4] == "true", Desc: r[5] == "true"})
			if flaw == "" {
				flaw = r[6]
			}
		}
		if flaw != "" {
			bad = append(bad, "unique index "+key.Name+" "+flaw)
			continue
		}
		keys = append(keys, key)
	}
	return keys, strings.Join(bad, "; "), nil
}

// parts are the leaves, by oid.
func (c *conn) parts(ctx context.Context, oid string) ([]db.Part, error) {
	const query = `SELECT n.nspname, l.relname, l.relkind::text
		FROM pg_catalog.pg_partition_tree($1::oid::regclass) p
		JOIN pg_catalog.pg_class l ON l.oid = p.relid
		JOIN pg_catalog.pg_namespace n ON n.oid = l.relnamespace
		WHERE p.isleaf AND l.relkind <> 'p' ORDER BY l.oid`
	rows, err := db.Texts(ctx, c, query, oid)
	if err != nil {
		return nil, err
	}
	parts := make([]db.Part, len(rows))
	for i, r := range rows {
		name := plan.Name{Schema: r[0], Name: r[1]}
		parts[i] = db.Part{Table: name, SQL: c.regclass(name)}
	}
	return parts, nil
}

// planned is how many rows the planner expects.
func (c *conn) planned(ctx context.Context, table string) (int64, error) {
	text, err := c.text(ctx, "EXPLAIN (FORMAT JSON) SELECT 1 FROM "+table)
	if err != nil {
		return 0, err
	}
	var plans []struct {
		Plan struct {
			Rows float64 `json:"Plan Rows"`
		}
	}
	if err := json.Unmarshal([]byte(text), &plans); err != nil || len(plans) == 0 {
		return 0, nil // a server that explains otherwise: unknown
	}
	return int64(plans[0].Plan.Rows), nil
}

// Blocked asks pg_blocking_pids of those who wait for a lock only, because each
// answer of it stops the lock tables for a moment. It is asked often: the function
// below pg_stat_activity spares the planning of that view's joins.
func (c *conn) Blocked(ctx context.Context, ours []db.Session) ([]db.Waiting, error) {
	if len(ours) == 0 {
		return nil, nil
	}
	pids := make([]string, len(ours))
	for i, s := range ours {
		pids[i] = strconv.FormatInt(s.PID, 10)
	}
	query := fmt.Sprintf(`SELECT a.pid::text, b.pid::text, CASE WHEN a.usesysid > 0 THEN pg_catalog.pg_get_userbyid(a.usesysid) ELSE '' END, coalesce(a.application_name, '')
		FROM pg_catalog.pg_stat_get_activity(NULL) a
		CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.pg_blocking_pids(a.pid)) b (pid)
		WHERE a.wait_event_type = 'Lock' AND NOT a.pid = ANY('{%[1]s}'::int[]) AND b.pid = ANY('{%[1]s}'::int[])`, strings.Join(pids, ","))
	rows, err := db.Texts(ctx, c, query)
	if err != nil {
		return nil, err
	}
	var all []db.Waiting
	for _, r := range rows {
		w := db.Waiting{User: r[2], App: r[3]}
		w.PID, _ = strconv.ParseInt(r[0], 10, 64)
		w.For, _ = strconv.ParseInt(r[1], 10, 64)
		all = append(all, w)
	}
	return all, nil
}

// Cancel sends the signal that psql's Ctrl-C sends.
func (c *conn) Cancel(ctx context.Context, s db.Session) error {
	const query = `SELECT pg_catalog.pg_cancel_backend(a.pid) FROM pg_catalog.pg_stat_activity a
		WHERE a.pid = $1 AND ($2 = '' OR ` + started + ` = $2)`
	_, err := c.text(ctx, query, s.PID, s.Start)
	return err
}
