package mysql

import (
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
)

var _ dialect.Signaller = Dialect{}

// Signals read what the servers count. A server does not know how far those are
// behind who copy from it, only that they are there.
func (d Dialect) Signals([]plan.Name) []dialect.Signal {
	status := func(name string) string {
		if d.Flavour() == MariaDB {
			return "(SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status WHERE variable_name = '" + name + "')"
		}
		return "(SELECT CAST(variable_value AS SIGNED) FROM performance_schema.global_status WHERE variable_name = '" + name + "')"
	}
	history := "(SELECT i.count FROM information_schema.innodb_metrics i WHERE i.name = 'trx_rseg_history_len')"
	if d.Flavour() == MariaDB {
		history = status("Innodb_history_list_length")
	}
	return []dialect.Signal{
		{Limit: "replica_lag", Vital: true, Query: "SELECT CONCAT('the replica at ', p.host), NULL, NULL FROM information_schema.processlist p WHERE p.command LIKE 'Binlog Dump%'"},
		{Limit: "log_rate", Grows: true, Query: "SELECT '', " + status("Innodb_os_log_written") + ", NULL"},
		{Limit: "snapshot_age", Query: "SELECT CONCAT('session ', t.trx_mysql_thread_id), TIMESTAMPDIFF(MICROSECOND, t.trx_started, NOW(6)) / 1000000, NULL FROM information_schema.innodb_trx t " +
			"WHERE t.trx_mysql_thread_id <> CONNECTION_ID()"},
		{Limit: "history", Query: "SELECT '', " + history + ", NULL"},
		{Limit: "active_sessions", Query: "SELECT '', " + status("Threads_running") + ", @@global.max_connections DIV 2"},
	}
}

// Lag is the replica's own word for it, which is none while it does not copy.
func (d Dialect) Lag() dialect.Signal {
	query := "SHOW SLAVE STATUS"
	switch {
	case d.Flavour() == MariaDB:
		query = "SHOW ALL SLAVES STATUS"
	case d.Version() >= 80022:
		query = "SHOW REPLICA STATUS"
	}
	return dialect.Signal{Limit: "replica_lag", Vital: true, Query: query}
}
