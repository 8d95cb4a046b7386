package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"github.com/bellowsdb/bellows/db"
)

// TryLock takes the session's advisory lock of that name. It never waits: a
// session that waits for one while an index is built concurrently makes the
// build a deadlock's victim.
func (c *conn) TryLock(ctx context.Context, key string) (bool, error) {
	got, err := c.text(ctx, "SELECT pg_catalog.pg_try_advisory_lock($1)", lockKey(key))
	return got == "t", err
}

// Unlock gives the lock back; that it was not held is no error.
func (c *conn) Unlock(ctx context.Context, key string) error {
	_, err := c.text(ctx, "SELECT pg_catalog.pg_advisory_unlock($1)", lockKey(key))
	return err
}

// lockKey is the first eight bytes of the name's SHA-256. Advisory locks belong
// to one database, so equal names in two databases do not meet.
func lockKey(key string) int64 {
	sum := sha256.Sum256([]byte(key))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// Life looks for the backend in pg_stat_activity, which lists every backend's
// number to everybody, but not everybody when it began.
func (c *conn) Life(ctx context.Context, s db.Session) (db.Life, error) {
	const query = `SELECT CASE
		WHEN NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()) THEN 'hidden'
		ELSE coalesce((SELECT coalesce(` + started + `, 'hidden') FROM pg_catalog.pg_stat_activity a WHERE a.pid = $1), 'none') END`
	if s.PID == 0 {
		return db.Unknown, nil
	}
	now, err := c.text(ctx, query, s.PID)
	switch {
	case err != nil:
		return db.Unknown, err
	case now == "none":
		return db.Dead, nil
	case now == "hidden" || s.Start == "":
		return db.Unknown, nil
	case now == s.Start:
		return db.Alive, nil
	}
	return db.Dead, nil
}

// Kill ends another session, if its number still is that session's, and returns
// when the server has been told. It needs the rights of the session's user, or
// those of the role pg_signal_backend.
func (c *conn) Kill(ctx context.Context, s db.Session) error {
	const query = `SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a
		WHERE a.pid = $1 AND ($2 = '' OR ` + started + ` = $2)`
	_, err := c.text(ctx, query, s.PID, s.Start)
	return err
}
