package sqlite

import (
	"context"

	"github.com/bellowsdb/bellows/db"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

var _ db.Sharer = (*conn)(nil)

// Shares is true for a file on a connection of our own: to another one somebody
// may have hooked himself, and the commit in memory waits for nothing.
func (c *conn) Shares() bool { return c.shares }

// little is the size of a file, in bytes, that is read and written in no time.
const little = 4 << 20

// Little asks for the size of the file.
func (c *conn) Little(ctx context.Context) bool {
	var size int64
	query := "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
	err := c.sql.QueryRowContext(context.WithoutCancel(ctx), query).Scan(&size)
	return err == nil && size <= little
}

// Settled asks the connection's own counter of the foreign keys whose check is
// put off until COMMIT.
func (c *conn) Settled(ctx context.Context) error {
	open := 1
	err := c.sql.Raw(func(driver any) (err error) {
		if status, ok := driver.(sqlite.DBStatus); ok {
			open, _, err = status.Status(sqlite.DBStatusDeferredFKs, false)
		}
		return err
	})
	if err != nil {
		return c.fail(ctx, "", err)
	}
	if open != 0 {
		return &db.Error{Class: db.Bad, Code: code(lib.SQLITE_CONSTRAINT_FOREIGNKEY), Message: "FOREIGN KEY constraint failed", Offset: -1}
	}
	return nil
}
