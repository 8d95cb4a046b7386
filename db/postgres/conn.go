package postgres

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	own "github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/fault"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// conn is one session.
type conn struct {
	pg      *pgconn.PgConn
	types   *pgtype.Map
	dialect own.Dialect
	session db.Session
	adopted bool
	restore map[string]string // settings of an adopted connection
	resets  []string          // statements that make them again
	app     string            // its name for others, as Options.App gave it
	closed  bool
}

var (
	_ db.Conn    = (*conn)(nil)
	_ db.Locker  = (*conn)(nil)
	_ db.Watcher = (*conn)(nil)
	_ db.Killer  = (*conn)(nil)

	_ db.Resetter = (*conn)(nil)
	_ db.Namer    = (*conn)(nil)
)

// Resets are none for a session of our own: its first settings came with its
// start, so the dialect's reset brings them back.
func (c *conn) Resets() []string { return c.resets }

// Named sets application_name. A reset would bring the first name back, so it ends
// with the new one from then on.
func (c *conn) Named(ctx context.Context, app string) error {
	if app == c.app || c.app == "" || c.adopted || c.session == (db.Session{}) {
		return nil
	}
	set := "SET application_name = " + c.dialect.Literal(app)
	if _, err := c.Exec(ctx, set); err != nil {
		return err
	}
	c.app, c.resets = app, append(plainResets(), set)
	return nil
}

// plainResets are the dialect's, one by one.
func plainResets() []string {
	return []string{"RESET SESSION AUTHORIZATION", "RESET ROLE", "RESET ALL"}
}

func (c *conn) Session() db.Session      { return c.session }
func (c *conn) Dialect() dialect.Dialect { return c.dialect }

// Exec runs one statement: as simple as psql does without arguments, so that
// nothing is prepared; by the extended protocol, unnamed, with them.
func (c *conn) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	if sql == "ROLLBACK" && c.pg.TxStatus() == 'I' {
		return -1, nil // the server would only warn that there is nothing to roll back
	}
	if len(args) == 0 {
		rows := int64(-1)
		err := c.Send(ctx, []db.Item{{SQL: sql}}, func(_ int, n int64) { rows = n })
		if err != nil {
			return -1, err
		}
		return rows, nil
	}
	values, err := encode(args)
	if err != nil {
		return -1, err
	}
	tag, err := c.pg.ExecParams(ctx, sql, values, nil, nil, nil).Close()
	if err != nil {
		return -1, c.fail(ctx, sql, err)
	}
	return affected(tag), nil
}

// Query runs one query by the extended protocol, unnamed: nothing stays
// prepared that a later change of a table could break. Results come as text.
func (c *conn) Query(ctx context.Context, sql string, args ...any) (db.Rows, error) {
	values, err := encode(args)
	if err != nil {
		return nil, err
	}
	return newRows(ctx, c, sql, c.pg.ExecParams(ctx, sql, values, nil, nil, nil))
}

// text is the first column of the first row, "" for NULL or none.
func (c *conn) text(ctx context.Context, sql string, args ...any) (string, error) {
	rows, err := c.Query(ctx, sql, args...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var value *string
	for rows.Next() {
		if err := rows.Scan(&value); err != nil {
			return "", c.fail(ctx, sql, err)
		}
	}
	if value == nil {
		return "", rows.Err()
	}
	return *value, rows.Err()
}

// Close ends the session. An adopted connection is given back instead, out of
// any transaction and with its own settings.
func (c *conn) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	if !c.adopted {
		if c.pg.IsClosed() {
			return nil
		}
		if err := c.pg.Close(ctx); err != nil {
			return c.fail(ctx, "", err)
		}
		return nil
	}
	if c.pg.IsClosed() {
		return nil
	}
	if c.pg.TxStatus() != 'I' {
		if _, err := c.Exec(ctx, "ROLLBACK"); err != nil {
			return err
		}
	}
	for name, value := range c.restore {
		if value == "" && name == "client_connection_check_interval" {
			continue // the server does not know it
		}
		if _, err := c.text(ctx, "SELECT pg_catalog.set_config($1, $2, false)", name, value); err != nil {
			return err
		}
	}
	return nil
}

// affected is the number of rows a command tag tells, -1 when it tells none.
func affected(tag pgconn.CommandTag) int64 {
	words := strings.Fields(tag.String())
	if len(words) < 2 {
		return -1
	}
	n, err := strconv.ParseInt(words[len(words)-1], 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// encode spells arguments as text; the server finds out their types from where
// they stand.
func encode(args []any) ([][]byte, error) {
	values := make([][]byte, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case nil:
		case string:
			values[i] = []byte(v)
		case []byte:
			if v != nil {
				values[i] = []byte(`\x` + hex.EncodeToString(v))
			}
		case bool:
			values[i] = strconv.AppendBool(nil, v)
		case int:
			values[i] = strconv.AppendInt(nil, int64(v), 10)
		case int64:
			values[i] = strconv.AppendInt(nil, v, 10)
		case float64:
			values[i] = strconv.AppendFloat(nil, v, 'g', -1, 64)
		case time.Time:
			values[i] = v.UTC().AppendFormat(nil, "2006-01-02T15:04:05.999999Z")
		case *string:
			if v != nil {
				values[i] = []byte(*v)
			}
		case *int64:
			if v != nil {
				values[i] = strconv.AppendInt(nil, *v, 10)
			}
		case *time.Time:
			if v != nil {
				values[i] = v.UTC().AppendFormat(nil, "2006-01-02T15:04:05.999999Z")
			}
		default:
			return nil, fault.New(fault.Internal, "argument %d: a %T cannot be sent", i+1, arg)
		}
	}
	return values, nil
}
