package postgres

import (
	"strings"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
)

var _ dialect.Signaller = Dialect{}

// seesAll is true for roles that see what other sessions do.
const seesAll = "pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')"

// others is true for sessions of the application, in pg_stat_activity a.
const others = "a.pid <> pg_catalog.pg_backend_pid() AND coalesce(a.application_name, '') NOT LIKE 'bellows/backfill/%'"

// Signals read the views of the statistics; which of their columns a role sees
// is as the chapter on monitoring says. A standby that has replayed everything
// has no lag, and who only keeps the log replays nothing.
func (d Dialect) Signals(tables []plan.Name) []dialect.Signal {
	const standby = "'replica ' || coalesce(nullif(r.application_name, ''), r.client_addr::text, r.pid::text)"
	const standbys = " FROM pg_catalog.pg_stat_replication r WHERE r.state IS NULL OR r.state IN ('catchup', 'streaming') AND r.replay_lsn IS NOT NULL"
	of := d.among(tables)
	return []dialect.Signal{
		{Limit: "replica_lag", Vital: true, Query: "SELECT " + standby +
			", CASE WHEN r.state IS NOT NULL THEN coalesce(extract(epoch FROM r.replay_lag), 0) END, NULL" + standbys},
		{Limit: "replica_bytes", Vital: true, Query: "SELECT " + standby +
			", pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), r.replay_lsn), NULL" + standbys},
		{Limit: "slot_bytes", Query: "SELECT 'slot ' || s.slot_name, pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), s.restart_lsn), NULL " +
			"FROM pg_catalog.pg_replication_slots s WHERE s.restart_lsn IS NOT NULL"},
		{Limit: "log_rate", Grows: true, Query: "SELECT '', pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), '0/0'), NULL"},
		{Limit: "vacuum", Query: "SELECT 'autovacuum of ' || coalesce(p.relid::regclass::text, 'a table'), CASE WHEN p.relid IS NOT NULL THEN CASE WHEN a.query LIKE '%(to prevent wraparound)%' THEN 2 ELSE 1 END END, NULL " +
			"FROM pg_catalog.pg_stat_progress_vacuum p JOIN pg_catalog.pg_stat_activity a ON a.pid = p.pid " +
			"WHERE p.datname = pg_catalog.current_database() AND (p.relid IS NULL OR p.relid IN (" + of + ")) AND coalesce(a.backend_type, 'autovacuum worker') = 'autovacuum worker' " +
			"UNION ALL SELECT 'the vacuum against wraparound that ' || c.relname || ' waits for', 2, NULL FROM pg_catalog.pg_class c " +
			"WHERE c.oid IN (" + of + ") AND c.relkind = 'r' AND pg_catalog.age(c.relfrozenxid) > pg_catalog.current_setting('autovacuum_freeze_max_age')::int"},
		{Limit: "dead_rows", Query: "SELECT t.relname, CASE WHEN t.n_dead_tup < 10000 THEN 0 ELSE t.n_dead_tup / (t.n_live_tup + t.n_dead_tup)::float8 END, NULL " +
			"FROM pg_catalog.pg_stat_all_tables t WHERE t.relid IN (" + of + ")"},
		{Limit: "snapshot_age", Query: "SELECT 'session ' || a.pid || coalesce(' of ' || nullif(a.application_name, ''), ''), extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start), NULL " +
			"FROM pg_catalog.pg_stat_activity a WHERE a.xact_start IS NOT NULL AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL) AND " + others +
			" UNION ALL SELECT 'sessions of others', NULL, NULL WHERE NOT " + seesAll},
		{Limit: "active_sessions", Query: "SELECT '', CASE WHEN " + seesAll + " THEN pg_catalog.count(*) FILTER (WHERE a.state = 'active' AND a.backend_type = 'client backend' AND " + others +
			") END, pg_catalog.current_setting('max_connections')::int / 2 FROM pg_catalog.pg_stat_activity a"},
	}
}

// Lag is the age of what was replayed last, unless everything that came was.
func (d Dialect) Lag() dialect.Signal {
	return dialect.Signal{Limit: "replica_lag", Vital: true, Query: "SELECT '', CASE WHEN NOT pg_catalog.pg_is_in_recovery() OR pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn() THEN 0 " +
		"ELSE extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp()) END, NULL"}
}

// among is a list of the tables' oids for use with IN.
func (d Dialect) among(tables []plan.Name) string {
	if len(tables) == 0 {
		return "NULL"
	}
	all := make([]string, len(tables))
	for i, t := range tables {
		name := d.Quote(t.Name)
		if t.Schema != "" {
			name = d.Quote(t.Schema) + "." + name
		}
		all[i] = "pg_catalog.to_regclass(" + d.Literal(name) + ")"
	}
	return strings.Join(all, ", ")
}
