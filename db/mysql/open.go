// Package mysql is a hand on one MySQL or MariaDB database.
//
// Charter: opens one session, sends statements one by one, and tells what the
// server's errors mean.
// Invariant: a cancelled context never costs the session: the statement is
// killed from a second connection, and the first one lives on with its locks.
// Example: c, err := mysql.Driver{}.Open(ctx, "mysql://app@localhost/app", db.Options{}); defer c.Close()
//
// Why it is safe: one statement travels at a time, so that what the server has
// done is always known up to the last answer; every DDL commits here, and a
// second statement behind a failed one would run outside the caller's control.
package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bellowsdb/bellows/db"
	dialect "github.com/bellowsdb/bellows/dialect/mysql"
	"github.com/bellowsdb/bellows/fault"
	"github.com/go-sql-driver/mysql"
)

const (
	defaultLock    = 500 * time.Millisecond
	defaultConnect = 10 * time.Second
	// idleInTransaction protects others from us: a run that hangs between two
	// statements loses its session and with it its locks. MariaDB only.
	idleInTransaction = 60 * time.Second
	// answerTime is how long a killed statement may take to end before the
	// connection is given up.
	answerTime = 10 * time.Second
)

// Driver opens sessions. The zero value is ready.
type Driver struct{}

var _ db.Driver = Driver{}

// Schemes are mysql and mariadb. Which of the two a server is, it says itself.
func (Driver) Schemes() []string { return []string{"mysql", "mariadb"} }

// Meant is how to write a text that other programs take for
// the URL of such a database; "" when it is none.
func Meant(url string) string {
	if url = strings.ToLower(url); strings.HasPrefix(url, "mysql2:") || strings.Contains(url, "@tcp(") || strings.Contains(url, "@unix(") {
		return "mysql://…"
	}
	return ""
}

// Open opens a session. The URL's query takes the Go driver's parameters, among
// them tls=true, skip-verify or preferred, and variables of the server, which
// win over defaults that o leaves zero; socket=/path names a Unix socket. The Go
// driver's own forms are understood too: mysql://user@unix(/path)/db and
// mysql://user@tcp(host:3306)/db.
func (Driver) Open(ctx context.Context, rawURL string, o db.Options) (db.Conn, error) {
	config, err := parse(rawURL)
	if err != nil {
		return nil, err
	}
	return open(ctx, config, o)
}

func open(ctx context.Context, config *mysql.Config, o db.Options) (*conn, error) {
	if o.App != "" {
		config.ConnectionAttributes = "program_name:" + strings.ReplaceAll(o.App, ",", " ")
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, badURL("one of its parameters cannot be used")
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxIdleConns(0) // the second connection, which kills, does not stay
	limited, cancel := context.WithTimeout(ctx, cmp.Or(o.ConnectTimeout, defaultConnect))
	defer cancel()
	c := &conn{pool: pool, private: true, notice: o.Notice, database: config.DBName}
	err = c.begin(limited, config.Params, o)
	if err != nil {
		c.Close()
		return nil, connectError(limited, config, err)
	}
	return c, nil
}

// FromSQL is a hand on one connection of the caller's own pool, which must be of
// the driver github.com/go-sql-driver/mysql. Close gives it back, outside any
// transaction, with the settings it had. A cancelled context takes a second
// connection of the pool for a moment. Rows changed are counted as the pool's
// configuration says (clientFoundRows).
func FromSQL(ctx context.Context, pool *sql.DB, o db.Options) (db.Conn, error) {
	c := &conn{pool: pool, notice: o.Notice}
	err := c.begin(ctx, nil, o)
	if err == nil {
		err = c.remember(ctx)
	}
	if err != nil {
		c.Close()
		return nil, connectError(ctx, &mysql.Config{Addr: "the caller's server"}, err)
	}
	return c, nil
}

// begin takes the connection, learns who we are and makes the settings.
func (c *conn) begin(ctx context.Context, users map[string]string, o db.Options) error {
	sc, err := c.pool.Conn(ctx)
	if err != nil {
		return err
	}
	c.sql = sc
	var version, mode, host, port, database string
	row := sc.QueryRowContext(ctx, "SELECT VERSION(), @@sql_mode, CONNECTION_ID(), @@hostname, @@port, COALESCE(DATABASE(), '')")
	if err := row.Scan(&version, &mode, &c.session.PID, &host, &port, &database); err != nil {
		return err
	}
	c.database = cmp.Or(c.database, database)
	flavour := dialect.MySQL
	if strings.Contains(version, "MariaDB") {
		flavour = dialect.MariaDB
	}
	c.dialect = dialect.New(flavour, versionNumber(version)).Mode(mode)
	if err := c.born(ctx, host+":"+port); err != nil {
		return err
	}
	return c.set(ctx, users, o)
}

// setting is a variable of the session.
type setting struct{ name, value string }

func (c *conn) settings(users map[string]string, o db.Options) []setting {
	var all []setting
	orElse := func(name, given, otherwise string) {
		if _, ok := users[name]; given == "" && ok {
			return
		}
		if value := cmp.Or(given, otherwise); value != "" {
			all = append(all, setting{name, value})
		}
	}
	lock := ""
	if o.LockTimeout > 0 {
		lock = seconds(o.LockTimeout)
	}
	orElse("lock_wait_timeout", lock, seconds(defaultLock))
	orElse("innodb_lock_wait_timeout", lock, seconds(defaultLock))
	limit := ""
	if c.dialect.Flavour() == dialect.MariaDB {
		if o.StatementTimeout > 0 {
			limit = strconv.FormatFloat(o.StatementTimeout.Seconds(), 'f', 3, 64)
		}
		orElse("max_statement_time", limit, "")
		if c.dialect.Version() >= 100300 {
			orElse("idle_transaction_timeout", "", seconds(idleInTransaction))
		}
	} else {
		if o.StatementTimeout > 0 {
			limit = strconv.FormatInt(o.StatementTimeout.Milliseconds(), 10)
		}
		orElse("max_execution_time", limit, "")
	}
	return append(all, setting{"time_zone", "'+00:00'"})
}

// seconds rounds up to whole ones: the server's lock time-outs know no others.
func seconds(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}

func (c *conn) set(ctx context.Context, users map[string]string, o db.Options) error {
	var sets []string
	for _, s := range c.settings(users, o) {
		if !c.private {
			var was string
			if err := c.sql.QueryRowContext(ctx, "SELECT @@SESSION."+s.name).Scan(&was); err != nil {
				return err
			}
			if strings.HasPrefix(s.value, "'") {
				was = c.dialect.Literal(was)
			}
			c.restore = append(c.restore, "SET SESSION "+s.name+" = "+was)
		}
		sets = append(sets, s.name+" = "+s.value)
	}
	if o.App != "" { // the triggers of a change pass over what we write
		sets = append(sets, "@bellows = "+c.dialect.Literal(o.App))
		if !c.private {
			c.restore = append(c.restore, "SET @bellows = NULL")
		}
	}
	if _, err := c.sql.ExecContext(ctx, "SET SESSION "+strings.Join(sets, ", ")); err != nil {
		return err
	}
	if !o.ReadOnly {
		return nil
	}
	c.restore = append(c.restore, "SET SESSION TRANSACTION READ WRITE")
	_, err := c.sql.ExecContext(ctx, "SET SESSION TRANSACTION READ ONLY")
	return err
}

// driverForm is how the Go driver writes an address: user:password@tcp(host:port)/db.
var driverForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z]+://(?:([^:@/]*)(?::(.*))?@)?(unix|tcp)\(([^)]*)\)/?([^?]*)(?:\?(.*))?$`)
})

// parse makes the Go driver's configuration of a URL.
func parse(rawURL string) (*mysql.Config, error) {
	scheme, _, ok := strings.Cut(rawURL, "://")
	if !ok || !slices.Contains(Driver{}.Schemes(), scheme) {
		return nil, badURL("it must begin with mysql:// or mariadb://")
	}
	if m := driverForm().FindStringSubmatch(rawURL); m != nil {
		for i := range m {
			if text, err := url.PathUnescape(m[i]); err == nil && i < 6 {
				m[i] = text
			}
		}
		return configure(m[6], func(c *mysql.Config) {
			c.User, c.Passwd, c.Net, c.Addr, c.DBName = m[1], m[2], m[3], m[4], m[5]
			if _, _, err := net.SplitHostPort(c.Addr); c.Net == "tcp" && err != nil {
				c.Addr = net.JoinHostPort(cmp.Or(strings.Trim(c.Addr, "[]"), "127.0.0.1"), "3306")
			}
		})
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, badURL(reason(err))
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, badURL("its port is not between 1 and 65535")
		}
	}
	name := strings.TrimPrefix(u.Path, "/")
	if strings.Contains(name, "/") {
		return nil, badURL("it names more than one database; in a password write / as %2F")
	}
	password, _ := u.User.Password()
	return configure(u.RawQuery, func(c *mysql.Config) {
		c.User, c.Passwd, c.DBName = u.User.Username(), password, name
		if c.Net == "" {
			c.Net = "tcp"
			c.Addr = net.JoinHostPort(cmp.Or(u.Hostname(), "127.0.0.1"), cmp.Or(u.Port(), "3306"))
		}
	})
}

// configure reads the parameters with the Go driver's own reader, and adds what
// must not go through it: names and passwords that it would have to quote.
func configure(query string, rest func(*mysql.Config)) (*mysql.Config, error) {
	params, err := url.ParseQuery(query)
	if err != nil {
		return nil, badURL("its parameters cannot be read")
	}
	socket := params.Get("socket")
	params.Del("socket")
	c, err := mysql.ParseDSN("tcp(127.0.0.1:3306)/?" + params.Encode())
	if err != nil {
		return nil, badURL("one of its parameters cannot be used: " + fault.Redact(err.Error()))
	}
	c.Net = ""
	if socket != "" {
		c.Net, c.Addr = "unix", socket
	}
	rest(c)
	c.Logger = &mysql.NopLogger{} // errors are told once, by us
	c.ParseTime, c.Loc = true, time.UTC
	c.MultiStatements = false
	c.InterpolateParams = true // safe with utf8mb4, and saves two round trips
	c.ClientFoundRows = true   // as the other databases count: rows met, also if the same
	if !params.Has("maxAllowedPacket") {
		c.MaxAllowedPacket = 0 // the server's
	}
	if !params.Has("charset") {
		if err := c.Apply(mysql.Charset("utf8mb4", c.Collation)); err != nil {
			return nil, badURL("its collation cannot be used")
		}
	}
	return c, nil
}

// versionNumber makes 101119 of "10.11.19-MariaDB-0+deb12u1".
func versionNumber(text string) int {
	text = strings.TrimPrefix(text, "5.5.5-") // what old proxies put before MariaDB's
	var major, minor, patch int
	if n, _ := fmt.Sscanf(text, "%d.%d.%d", &major, &minor, &patch); n < 2 {
		return 0
	}
	return major*10000 + minor*100 + patch
}
