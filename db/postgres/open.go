// Package postgres is a hand on one PostgreSQL database.
//
// Charter: opens one session, sends statements in as few round trips as the
// protocol allows, and tells what the server's errors mean.
// Invariant: our settings travel in the start-up packet, so they are the
// session's defaults: whatever a script sets, RESET ALL brings them back.
// Example: c, err := postgres.Driver{}.Open(ctx, "postgres://app@localhost/app", db.Options{}); defer c.Close()
//
// Why it is safe: the hand speaks the wire protocol itself and keeps no cache of
// prepared statements, so a table may change between two queries. A cancelled
// context becomes a cancel request to the server, and the session lives on.
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	dialect "github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgtype"
)

const (
	defaultLock    = 500 * time.Millisecond
	defaultConnect = 10 * time.Second
	// idleInTransaction protects others from us: a run that hangs between two
	// statements loses its session and with it its locks.
	idleInTransaction = 60 * time.Second
	// checkClient is how often the server looks whether we are still there.
	checkClient = 10 * time.Second
	// answerTime is how long a cancelled statement may take to end before the
	// connection is given up.
	answerTime = 10 * time.Second
)

// Driver opens sessions. The zero value is ready.
type Driver struct{}

var _ db.Driver = Driver{}

// Schemes are postgres and postgresql.
func (Driver) Schemes() []string { return []string{"postgres", "postgresql"} }

// Meant is how to write a text that other programs take for
// the URL of such a database; "" when it is none.
func Meant(url string) string {
	switch url = strings.ToLower(url); {
	case strings.HasPrefix(url, "pgx"):
		return "postgres://…"
	case strings.HasPrefix(url, "jdbc:postgresql:"):
		return "postgres://user:password@host/database, without jdbc:"
	case strings.Contains(url, "host=") || strings.Contains(url, "dbname="):
		return "a URL: postgres://user:password@host:5432/database"
	}
	return ""
}

// Open opens a session. Settings in the URL's query that o leaves zero win over
// the defaults.
func (Driver) Open(ctx context.Context, rawURL string, o db.Options) (db.Conn, error) {
	config, err := parse(rawURL)
	if err != nil {
		return nil, err
	}
	return open(ctx, config, o)
}

func parse(rawURL string) (*pgconn.Config, error) {
	scheme, _, ok := strings.Cut(rawURL, "://")
	if !ok || scheme != "postgres" && scheme != "postgresql" {
		return nil, badURL("it must begin with postgres://")
	}
	config, err := pgconn.ParseConfig(rawURL)
	if err != nil {
		return nil, badURL(reason(rawURL, err))
	}
	return config, nil
}

func open(ctx context.Context, config *pgconn.Config, o db.Options) (db.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(o.ConnectTimeout, defaultConnect))
	defer cancel()
	config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: answerTime}
	}
	if o.Notice != nil {
		config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { o.Notice(n.SeverityUnlocalized, n.Message) }
	}
	pg, late, err := start(ctx, config, settings(config.RuntimeParams, o))
	if err != nil {
		return nil, connectError(ctx, config, err)
	}
	c := &conn{pg: pg, types: pgtype.NewMap(), app: o.App}
	if err := c.begin(ctx, late); err != nil {
		c.Close()
		return nil, connectError(ctx, config, err)
	}
	return c, nil
}

// carried are the settings that a proxy keeps apart for each of its clients.
var carried = [...]string{"application_name", "TimeZone", "standard_conforming_strings"}

// start connects with settings. Where the start is refused for one of them, it is
// tried with those that proxies carry, and then with none; late are the others.
func start(ctx context.Context, config *pgconn.Config, wanted map[string]string) (pg *pgconn.PgConn, late map[string]string, err error) {
	users := config.RuntimeParams
	config.RuntimeParams = maps.Clone(users)
	maps.Copy(config.RuntimeParams, wanted)
	if pg, err = pgconn.ConnectConfig(ctx, config); !refusesSettings(err) {
		return pg, nil, err
	}
	config.RuntimeParams, late = maps.Clone(users), maps.Clone(wanted)
	for _, name := range carried {
		if value, ok := wanted[name]; ok {
			config.RuntimeParams[name] = value
			delete(late, name)
		}
	}
	if pg, err = pgconn.ConnectConfig(ctx, config); !refusesSettings(err) {
		return pg, late, err
	}
	config.RuntimeParams = users
	pg, err = pgconn.ConnectConfig(ctx, config)
	return pg, wanted, err
}

// FromPgx is a hand on the caller's own connection, such as that of a
// pgxpool.Conn. Close leaves it open, outside any transaction, with the settings
// it had. Notices go where the caller's configuration sends them, and what a
// cancelled context does is that configuration's choice too; pgx by default
// closes the connection.
func FromPgx(ctx context.Context, adopted *pgx.Conn, o db.Options) (db.Conn, error) {
	c := &conn{pg: adopted.PgConn(), types: pgtype.NewMap(), adopted: true}
	wanted := settings(nil, o)
	for name := range wanted {
		was, err := c.text(ctx, "SELECT pg_catalog.current_setting($1, true)", name)
		if err != nil {
			return nil, err
		}
		if c.restore == nil {
			c.restore = map[string]string{}
		}
		c.restore[name] = was
	}
	err := c.begin(ctx, wanted)
	if err == nil {
		err = c.remember(ctx)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// remember notes every setting that was made in an adopted session, its role too.
func (c *conn) remember(ctx context.Context) error {
	made, err := db.Texts(ctx, c, `SELECT name, pg_catalog.current_setting(name) FROM pg_catalog.pg_settings
		WHERE source = 'session' AND context IN ('user', 'superuser') AND name NOT IN ('role', 'session_authorization') AND name NOT LIKE 'transaction%'`)
	if err != nil {
		return err
	}
	role, err := c.text(ctx, "SELECT pg_catalog.current_setting('role')")
	if err != nil {
		return err
	}
	c.resets = plainResets()
	var sets []string
	for _, s := range append(made, []string{"role", role}) {
		sets = append(sets, "pg_catalog.set_config("+c.dialect.Literal(s[0])+", "+c.dialect.Literal(s[1])+", false)")
	}
	c.resets = append(c.resets, "SELECT "+strings.Join(sets, ", "))
	return nil
}

// settings are what we ask of a session, on top of what the user asks.
func settings(users map[string]string, o db.Options) map[string]string {
	s := map[string]string{
		"TimeZone":                            "UTC",
		"standard_conforming_strings":         "on",
		"idle_in_transaction_session_timeout": ms(idleInTransaction),
		"client_connection_check_interval":    ms(checkClient),
	}
	orElse := func(name string, given, otherwise time.Duration) {
		if given > 0 {
			s[name] = ms(given)
		} else if _, ok := users[name]; !ok {
			s[name] = ms(otherwise)
		}
	}
	orElse("lock_timeout", o.LockTimeout, defaultLock)
	orElse("statement_timeout", o.StatementTimeout, 0)
	if o.App != "" {
		s["application_name"] = o.App
	}
	if o.ReadOnly {
		s["default_transaction_read_only"] = "on"
	}
	return s
}

func ms(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// refusesSettings tells whether a start-up failed for a setting: an old server
// does not know one, a pooler lets none through.
func refusesSettings(err error) bool {
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		return false
	}
	switch server.Code {
	case "42704", "22023", "0A000":
		return true
	}
	return strings.Contains(server.Message, "startup parameter")
}

// begin learns who we are and makes the late settings. Not through a proxy: it
// would give the session to others with them.
func (c *conn) begin(ctx context.Context, late map[string]string) error {
	if err := c.identify(ctx); err != nil {
		return err
	}
	if c.session == (db.Session{}) {
		return nil
	}
	for name, value := range late {
		_, err := c.text(ctx, "SELECT pg_catalog.set_config($1, $2, false)", name, value)
		if err != nil && name != "client_connection_check_interval" {
			return err
		}
	}
	return nil
}

// identify asks the server who we are. A proxy answers a client with a number of
// its own, under which it takes requests to cancel.
func (c *conn) identify(ctx context.Context) error {
	rows, err := c.Query(ctx, whoami)
	if err != nil {
		return err
	}
	defer rows.Close()
	var version string
	for rows.Next() {
		if err := rows.Scan(&c.session.PID, &c.session.Start, &version); err != nil {
			return fmt.Errorf("reading the session's number: %w", err)
		}
	}
	if c.session.PID != int64(c.pg.PID()) {
		c.session = db.Session{}
	}
	n, _ := strconv.Atoi(version) // a server that spells it otherwise is taken for the newest
	c.dialect = dialect.New(n)
	return rows.Err()
}

// started spells a backend_start alike everywhere.
const started = `pg_catalog.to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

// whoami asks the function behind pg_stat_activity: a new session would first
// have to read all that this view is made of.
const whoami = `SELECT pg_catalog.pg_backend_pid(),
	coalesce((SELECT ` + started + ` FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a), ''),
	pg_catalog.current_setting('server_version_num')`
