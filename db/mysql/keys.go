package mysql

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/db"
	own "github.com/bellowsdb/bellows/dialect/mysql"
	"github.com/bellowsdb/bellows/plan"
)

var _ db.Keyer = (*conn)(nil)

// Shape reads information_schema. A partitioned table needs no care: its unique
// keys hold over all partitions.
func (c *conn) Shape(ctx context.Context, table plan.Name) (s db.Shape, ok bool, err error) {
	rows, err := db.Texts(ctx, c, `SELECT table_schema, table_name, table_type, COALESCE(table_rows, 0), COALESCE(data_length, 0), @@innodb_page_size
		FROM information_schema.tables WHERE table_name = ? AND table_schema = COALESCE(NULLIF(?, ''), DATABASE())`, table.Name, table.Schema)
	if err != nil || len(rows) == 0 {
		return s, false, err
	}
	r := rows[0]
	s.Table = plan.Name{Schema: r[0], Name: r[1]}
	s.SQL = c.dialect.Quote(r[0]) + "." + c.dialect.Quote(r[1])
	switch {
	case strings.Contains(r[2], "VIEW"):
		s.Kind = "view"
		return s, true, nil
	case strings.Contains(r[2], "SEQUENCE"):
		s.Kind = "sequence"
		return s, true, nil
	}
	s.Kind = "table"
	s.Rows, _ = strconv.ParseInt(r[3], 10, 64)
	size, _ := strconv.ParseInt(r[4], 10, 64)
	s.BlockSize, _ = strconv.ParseInt(r[5], 10, 64)
	s.Blocks = size / max(s.BlockSize, 1)
	s.Keys, s.Why, err = c.keys(ctx, s.Table)
	return s, true, err
}

// keys are the unique indexes over whole columns that are never null, the
// primary key first, then the narrow ones.
func (c *conn) keys(ctx context.Context, table plan.Name) (keys []db.Key, why string, err error) {
	rows, err := db.Texts(ctx, c, `SELECT s.index_name, COALESCE(s.column_name, ''), COALESCE(c.data_type, ''), COALESCE(s.collation, ''), COALESCE(s.nullable, ''), s.index_type, COALESCE(s.sub_part, 0),
			(SELECT COUNT(*) FROM information_schema.statistics n WHERE n.table_schema = s.table_schema AND n.table_name = s.table_name AND n.index_name = s.index_name)
		FROM information_schema.statistics s
		LEFT JOIN information_schema.columns c ON c.table_schema = s.table_schema AND c.table_name = s.table_name AND c.column_name = s.column_name
		WHERE s.table_schema = ? AND s.table_name = ? AND s.non_unique = 0
		ORDER BY s.index_name <> 'PRIMARY', 8, s.index_name, s.seq_in_index`, table.Schema, table.Name)
	if err != nil {
		return nil, "", err
	}
	var bad []string
	for at := 0; at < len(rows); {
		key := db.Key{Name: rows[at][0], Primary: rows[at][0] == "PRIMARY", Correlation: 2}
		if key.Primary {
			key.Correlation = 1 // rows are stored in its order
		}
		flaw := ""
		for ; at < len(rows) && rows[at][0] == key.Name; at++ {
			r := rows[at]
			column := db.KeyColumn{Name: r[1], Kind: kindOf(r[2]), Desc: r[3] == "D"}
			column.Integer = strings.HasSuffix(r[2], "int")
			key.Columns = append(key.Columns, column)
			if flaw == "" {
				flaw = flawOf(r, column)
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

func flawOf(r []string, column db.KeyColumn) string {
	switch {
	case r[1] == "":
		return "is over an expression"
	case r[4] == "YES":
		return "allows NULL in " + r[1]
	case r[6] != "0":
		return "covers only the beginning of " + r[1]
	case r[5] != "BTREE":
		return "has no order"
	case column.Kind == "":
		return "is over " + r[1] + " of type " + r[2] + ", which is not compared as it is ordered"
	}
	return ""
}

// kindOf is how values of a data type are spelled; "" for types whose order is
// not that of their text or number: enumerations, sets, bits, single floats.
func kindOf(dataType string) string {
	switch strings.ToLower(dataType) {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "year":
		return own.KeyNumber
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext":
		return own.KeyChars
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob":
		return own.KeyBytes
	case "date", "datetime", "timestamp", "time", "uuid", "inet4", "inet6", "double":
		return own.KeyOther
	}
	return ""
}

// Blocked asks the storage engine who waits for whom. Without the right to look
// there is no answer.
func (c *conn) Blocked(ctx context.Context, ours []db.Session) ([]db.Waiting, error) {
	if len(ours) == 0 {
		return nil, nil
	}
	pids := make([]string, len(ours))
	for i, s := range ours {
		pids[i] = strconv.FormatInt(s.PID, 10)
	}
	waits := "information_schema.innodb_lock_waits"
	waiting, blocking := "w.requesting_trx_id", "w.blocking_trx_id"
	if c.dialect.Flavour() == own.MySQL && c.dialect.Version() >= 80001 {
		waits = "performance_schema.data_lock_waits"
		waiting, blocking = "w.requesting_engine_transaction_id", "w.blocking_engine_transaction_id"
	}
	query := fmt.Sprintf(`SELECT DISTINCT r.trx_mysql_thread_id, b.trx_mysql_thread_id FROM %s w
		JOIN information_schema.innodb_trx r ON r.trx_id = %s JOIN information_schema.innodb_trx b ON b.trx_id = %s
		WHERE b.trx_mysql_thread_id IN (%[4]s) AND r.trx_mysql_thread_id NOT IN (%[4]s)`, waits, waiting, blocking, strings.Join(pids, ", "))
	rows, err := db.Texts(ctx, c, query)
	if err != nil {
		return nil, err
	}
	var all []db.Waiting
	for _, r := range rows {
		var w db.Waiting
		w.PID, _ = strconv.ParseInt(r[0], 10, 64)
		w.For, _ = strconv.ParseInt(r[1], 10, 64)
		all = append(all, w)
	}
	return all, nil
}

// Cancel ends the statement of another session of this life of this server.
func (c *conn) Cancel(ctx context.Context, s db.Session) error {
	if life, err := c.Life(ctx, s); err != nil || life == db.Dead {
		return err
	}
	_, err := c.Exec(ctx, fmt.Sprintf("KILL QUERY %d", s.PID))
	return err
}
