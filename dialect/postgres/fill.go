package postgres

import (
	"iter"
	"strings"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/sqltext"
)

var _ dialect.Filler = Dialect{}

// Fill are the facts by which rows are changed in chunks.
func (d Dialect) Fill() dialect.Fill {
	return dialect.Fill{
		Begin:      []string{"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"},
		Pass:       " FOR UPDATE SKIP LOCKED",
		Refuse:     " FOR UPDATE NOWAIT",
		Within:     true,
		Idle:       "SELECT pg_catalog.set_config('idle_in_transaction_session_timeout', '%dms', true)",
		Plain:      []string{"SET LOCAL DateStyle = 'ISO, YMD'", "SET LOCAL IntervalStyle = 'iso_8601'", "SET LOCAL bytea_output = 'hex'", "SET LOCAL extra_float_digits = 3"},
		RowCompare: true,
		Tidy:       "VACUUM (SKIP_LOCKED, TRUNCATE FALSE) %s",
		Company: "SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a WHERE a.datid IS NOT NULL AND coalesce(a.backend_type, 'client backend') = 'client backend' " +
			"AND coalesce(a.application_name, '') NOT LIKE 'bellows/%' AND (a.state IS NULL OR a.state <> 'idle' OR a.state_change > pg_catalog.clock_timestamp() - interval '5 s')",
		Written:  "(pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_catalog.pg_lsn)::bigint",
		Deferred: "SET CONSTRAINTS ALL IMMEDIATE",
		Lazy: "SELECT pg_catalog.set_config('synchronous_commit', 'off', true) WHERE pg_catalog.current_setting('synchronous_standby_names') = '' " +
			"AND pg_catalog.current_setting('synchronous_commit') <> 'off'",
	}
}

// Tokens reads SQL as the server does.
func (d Dialect) Tokens(sql string) iter.Seq[sqltext.Token] { return Tokens(sql, sqltext.Options{}) }

// KeyText is the output of the type's own output function.
func (d Dialect) KeyText(column, _ string) string { return column + "::text" }

// KeyValue is read by the type's own input function; kind is the type's name.
func (d Dialect) KeyValue(text, kind string) string { return d.Literal(text) + "::" + kind }

// Identity is made of the oid, the number of the storage file and the key's
// columns as pg_attribute has them. It is asked with each chunk: the functions look
// into the server's caches, where a join of the catalog's tables would have to be
// planned each time. The caches are as new as the last lock that was taken, which
// is the table's.
func (d Dialect) Identity(table plan.Name, key []string) []string {
	name := `"` + strings.ReplaceAll(table.Schema, `"`, `""`) + `"."` + strings.ReplaceAll(table.Name, `"`, `""`) + `"`
	oid := "pg_catalog.to_regclass(" + d.Literal(name) + ")"
	names := make([]string, len(key))
	for i, k := range key {
		names[i] = d.Literal(k)
	}
	columns := "''"
	if len(names) > 0 {
		columns = "(SELECT coalesce(pg_catalog.string_agg(a.attnum || ' ' || a.atttypid || ' ' || a.atttypmod || ' ' || a.attcollation, ',' ORDER BY a.attnum), '') " +
			"FROM pg_catalog.pg_attribute a WHERE a.attrelid = " + oid + " AND NOT a.attisdropped AND a.attname IN (" + strings.Join(names, ", ") + "))"
	}
	return []string{"(" + oid + "::oid || '/' || coalesce(pg_catalog.pg_relation_filenode(" + oid + "), 0) || '/' || " + columns + ")"}
}

// Trouble follows the appendix of error codes in PostgreSQL's documentation.
func (d Dialect) Trouble(code fault.Code, _ string) dialect.Trouble {
	state := strings.TrimPrefix(string(code), "postgres.")
	switch state {
	case "40001", "40P01", "55P03", "57P01", "57P02", "57P03", "57P05", "53300", "25006", "25P03", "25P04", "gone":
		return dialect.Transient
	case "57014", "53200":
		return dialect.Load
	case "21000", "44000", "P0001", "P0002", "P0003", "P0004":
		return dialect.Row
	}
	switch state[:min(2, len(state))] {
	case "08":
		return dialect.Transient
	case "54":
		return dialect.Load
	case "22", "23", "38", "39":
		return dialect.Row
	}
	return dialect.Fatal
}
