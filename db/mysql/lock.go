package mysql

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/go-sql-driver/mysql"
)

// TryLock takes the session's lock of that name with GET_LOCK, without waiting.
func (c *conn) TryLock(ctx context.Context, key string) (bool, error) {
	n, err := c.number(ctx, "SELECT COALESCE(GET_LOCK(?, 0), 0)", c.lockName(key))
	return n == 1, err
}

// Unlock gives the lock back; that it was not held is no error.
func (c *conn) Unlock(ctx context.Context, key string) error {
	_, err := c.number(ctx, "SELECT COALESCE(RELEASE_LOCK(?), 0)", c.lockName(key))
	return err
}

// lockName fits the server's 64 characters. The server's locks are the same in
// all its databases, so the database is part of the name.
func (c *conn) lockName(key string) string {
	sum := sha256.Sum256([]byte(c.database + "\x00" + key))
	return "bellows." + hex.EncodeToString(sum[:24])
}

func (c *conn) number(ctx context.Context, query string, args ...any) (int64, error) {
	rows, err := c.Query(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var n int64
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, c.fail(ctx, query, err)
		}
	}
	return n, rows.Err()
}

// born notes which life of which server this is: its name, and when it started,
// by its own clock. Connection numbers begin anew with each life.
func (c *conn) born(ctx context.Context, server string) error {
	var name string
	var uptime, now int64
	err := c.sql.QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE 'Uptime'").Scan(&name, &uptime)
	if err == sql.ErrNoRows {
		return nil // not told; Life will not know
	}
	if err != nil {
		return err
	}
	if err := c.sql.QueryRowContext(ctx, "SELECT UNIX_TIMESTAMP()").Scan(&now); err != nil {
		return err
	}
	c.session.Start = server + "/" + time.Unix(now-uptime, 0).UTC().Format(time.RFC3339)
	return nil
}

// jitter is by how much two readings of one server's start may differ.
const jitter = 2 * time.Second

// Life looks for the connection among the server's. Without the right PROCESS
// only connections of one's own user are seen, and none can be called dead.
func (c *conn) Life(ctx context.Context, s db.Session) (db.Life, error) {
	server, then, ok := life(s.Start)
	here, now, hereOK := life(c.session.Start)
	if !ok || !hereOK || server != here {
		return db.Unknown, nil
	}
	if d := now.Sub(then); d > jitter || d < -jitter {
		return db.Dead, nil
	}
	n, err := c.number(ctx, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = ?", s.PID)
	if err != nil {
		return db.Unknown, err
	}
	if n > 0 {
		return db.Alive, nil
	}
	sees, err := c.seesAll(ctx)
	if err != nil || !sees {
		return db.Unknown, err
	}
	return db.Dead, nil
}

func life(start string) (server string, at time.Time, ok bool) {
	i := strings.LastIndexByte(start, '/')
	if i < 0 {
		return "", time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339, start[i+1:])
	return start[:i], at, err == nil
}

// seesAll tells whether the user has the right PROCESS.
func (c *conn) seesAll(ctx context.Context) (bool, error) {
	rows, err := c.Query(ctx, "SHOW GRANTS")
	if err != nil {
		return false, err
	}
	defer rows.Close()
	found := false
	for rows.Next() {
		var grant string
		if err := rows.Scan(&grant); err != nil {
			return false, c.fail(ctx, "", err)
		}
		rights, _, onAll := strings.Cut(grant, " ON *.* ")
		found = found || onAll && (strings.Contains(rights, "PROCESS") || strings.Contains(rights, "ALL PRIVILEGES"))
	}
	return found, rows.Err()
}

// Kill ends another session of this life of this server.
func (c *conn) Kill(ctx context.Context, s db.Session) error {
	if life, err := c.Life(ctx, s); err != nil || life == db.Dead {
		return err
	}
	_, err := c.Exec(ctx, fmt.Sprintf("KILL %d", s.PID))
	var server *mysql.MySQLError
	if errors.As(err, &server) && server.Number == 1094 {
		return nil // no such session
	}
	return err
}
