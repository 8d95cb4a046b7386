package mysql

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/bellowsdb/bellows/db"
	own "github.com/bellowsdb/bellows/dialect/mysql"
)

var _ db.Restorer = (*conn)(nil)

// state is what statements can set of a session.
type state struct {
	variables map[string]string // of the server
	users     map[string]string // of the user, without the @
	role      string            // as SET ROLE wants it; "" where it is not known
}

// restless are variables that change by themselves, or with each statement.
var restless = []string{
	"timestamp", "rand_seed1", "rand_seed2", "last_insert_id", "identity", "insert_id", "error_count", "warning_count", "last_gtid",
	"in_transaction", "pseudo_thread_id", "gtid_binlog_pos", "gtid_current_pos", "gtid_binlog_state", "gtid_executed", "statement_id",
}

// remember notes the state of an adopted session.
func (c *conn) remember(ctx context.Context) (err error) {
	c.lent, err = c.state(ctx)
	return err
}

// state reads what statements can have set. What the server does not show is
// left out.
func (c *conn) state(ctx context.Context) (s state, err error) {
	if s.variables, err = c.pairs(ctx, "SHOW SESSION VARIABLES"); err != nil {
		return s, err
	}
	users := "SELECT v.variable_name, CAST(v.variable_value AS CHAR) FROM performance_schema.user_variables_by_thread v " +
		"JOIN performance_schema.threads t ON t.thread_id = v.thread_id WHERE t.processlist_id = CONNECTION_ID()"
	role := "SELECT 'role', CURRENT_ROLE()"
	if c.dialect.Flavour() == own.MariaDB {
		users = "SELECT variable_name, variable_value FROM information_schema.user_variables"
		role = "SELECT 'role', COALESCE(CURRENT_ROLE(), 'NONE')"
	}
	if s.users, err = c.pairs(ctx, users); err != nil && !isServer(err) {
		return s, err
	}
	roles, err := c.pairs(ctx, role)
	if err != nil && !isServer(err) {
		return s, err
	}
	s.role = roles["role"]
	if c.dialect.Flavour() == own.MariaDB && s.role != "" && s.role != "NONE" {
		s.role = c.dialect.Quote(s.role)
	}
	return s, nil
}

func isServer(err error) bool {
	var server *mysql.MySQLError
	return errors.As(err, &server)
}

// pairs is a result of two columns; NULL reads as "".
func (c *conn) pairs(ctx context.Context, query string) (map[string]string, error) {
	rows, err := c.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var name string
		var value *string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, c.fail(ctx, query, err)
		}
		all[strings.ToLower(name)] = ""
		if value != nil {
			all[strings.ToLower(name)] = *value
		}
	}
	return all, rows.Err()
}

// Restore sets again what differs from when the session was lent: variables of
// the server and of the user, and the role. Temporary tables stay. A session of
// our own is not restored but replaced.
func (c *conn) Restore(ctx context.Context) error {
	if c.lent.variables == nil {
		return nil
	}
	now, err := c.state(ctx)
	if err != nil {
		return err
	}
	var sets []string
	if now.role != c.lent.role && c.lent.role != "" {
		sets = append(sets, "SET ROLE "+c.lent.role)
	}
	for name, value := range now.variables {
		if was, ok := c.lent.variables[name]; ok && was != value && !slices.Contains(restless, name) {
			sets = append(sets, "SET SESSION "+name+" = "+c.spelled(name, was))
		}
	}
	for name := range now.users {
		was, ok := c.lent.users[name]
		switch {
		case !ok:
			sets = append(sets, "SET @"+c.dialect.Quote(name)+" = NULL")
		case was != now.users[name]:
			sets = append(sets, "SET @"+c.dialect.Quote(name)+" = "+c.dialect.Literal(was))
		}
	}
	for _, set := range sets {
		if _, err := c.Exec(ctx, set); err != nil && !isGlobal(err) {
			return err
		}
	}
	return nil
}

// spelled is a variable's value as SET takes it.
func (c *conn) spelled(name, value string) string {
	if _, err := strconv.ParseFloat(value, 64); err == nil {
		return value
	}
	if value == "" && strings.HasPrefix(name, "character_set") {
		return "NULL"
	}
	return c.dialect.Literal(value)
}

// isGlobal tells whether the server has no such variable of a session: somebody
// else has changed it for all.
func isGlobal(err error) bool {
	var server *mysql.MySQLError
	return errors.As(err, &server) && (server.Number == 1229 || server.Number == 1238)
}
