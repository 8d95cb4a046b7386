package sqlite

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
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/plan"
)

// Blockers are never known: SQLite does not tell who holds the file.
func (c *conn) Blockers(context.Context, []plan.Touch, time.Duration) ([]event.Blocker, error) {
	return nil, nil
}

// Lockable is empty: the lock is the file's, and BEGIN IMMEDIATE takes it.
func (c *conn) Lockable(context.Context, []plan.Touch) ([]string, error) { return nil, nil }

// Work is never known: an index is built while the file is locked.
func (c *conn) Work(context.Context, db.Session) (db.IndexWork, bool, error) {
	return db.IndexWork{}, false, nil
}

// Fingerprint is a hash over the text of the objects in sqlite_master: a table
// with its indexes and triggers, other objects alone. An object that is not a
// thing of the schema, such as the database, stands for the whole schema.
func (c *conn) Fingerprint(ctx context.Context, objects []plan.Object) (string, error) {
	h := sha256.New()
	for _, o := range objects {
		where, args := "lower(name) = lower(?1)", []any{o.Name.Name}
		switch o.Kind {
		case "table", "view":
			where += " OR lower(tbl_name) = lower(?1)"
		case "index", "trigger":
		default:
			where, args = "1", nil
		}
		if o.Name.Name == "" && o.On.Name != "" {
			where, args = "lower(tbl_name) = lower(?1)", []any{o.On.Name}
		}
		schema := o.Name.Schema
		if schema == "" {
			schema = o.On.Schema
		}
		if schema != "" {
			schema = c.dialect.Quote(schema) + "."
		}
		query := "SELECT type, name, tbl_name, coalesce(sql, '') FROM " + schema + "sqlite_master WHERE " + where + " ORDER BY 1, 2"
		fmt.Fprintf(h, "%s %q %q\n", o.Kind, o.Name, o.On)
		if err := c.each(ctx, query, args, func(row [4]string) { fmt.Fprintf(h, "%q\n", row) }); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (c *conn) each(ctx context.Context, query string, args []any, f func(row [4]string)) error {
	rows, err := c.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var row [4]string
		if err := rows.Scan(&row[0], &row[1], &row[2], &row[3]); err != nil {
			return c.fail(ctx, "", err)
		}
		f(row)
	}
	return rows.Err()
}

// Index tells whether there is such an index; one that exists is valid.
func (c *conn) Index(ctx context.Context, ix plan.Index) (db.IndexState, error) {
	schema := ""
	if ix.Name.Schema != "" {
		schema = c.dialect.Quote(ix.Name.Schema) + "."
	}
	var s db.IndexState
	query := "SELECT tbl_name, coalesce(sql, '') FROM " + schema + "sqlite_master WHERE type = 'index' AND lower(name) = lower(?)"
	err := c.sql.QueryRowContext(ctx, query, ix.Name.Name).Scan(&s.Table.Name, &s.Definition)
	if errors.Is(err, sql.ErrNoRows) {
		return s, nil
	}
	if err != nil {
		return s, c.fail(ctx, query, err)
	}
	s.Table.Schema = ix.Name.Schema
	s.Exists, s.Valid = true, true
	return s, nil
}

// Count counts for at most budget; then the largest rowid stands for the number.
func (c *conn) Count(ctx context.Context, loss plan.Loss, budget time.Duration) (db.Count, error) {
	there, err := c.has(ctx, loss)
	if err != nil || !there {
		return db.Count{Gone: !there}, err
	}
	table, what := c.dialect.Quote(loss.Table.Name), "*"
	if loss.Table.Schema != "" {
		table = c.dialect.Quote(loss.Table.Schema) + "." + table
	}
	if loss.Column != "" {
		what = c.dialect.Quote(loss.Column)
	}
	var n int64
	if budget > 0 {
		short, cancel := context.WithTimeout(ctx, budget)
		defer cancel()
		query := "SELECT count(" + what + ") FROM " + table
		err := c.sql.QueryRowContext(short, query).Scan(&n)
		if err == nil {
			return db.Count{Rows: n, Exact: true}, nil
		}
		failure := c.fail(short, query, err)
		if ctx.Err() != nil || failure.Class != db.Canceled && failure.Class != db.Wait {
			return db.Count{}, failure
		}
	}
	query := "SELECT coalesce(max(rowid), 0) FROM " + table
	if err := c.sql.QueryRowContext(ctx, query).Scan(&n); err != nil {
		return db.Count{}, nil // WITHOUT ROWID: nothing is known
	}
	return db.Count{Rows: n}, nil
}

// has looks before counting: an unknown name in double quotes would be read as
// a string, and counted.
func (c *conn) has(ctx context.Context, loss plan.Loss) (bool, error) {
	query := "SELECT name FROM pragma_table_xinfo(?)"
	args := []any{loss.Table.Name}
	if loss.Table.Schema != "" {
		query, args = "SELECT name FROM pragma_table_xinfo(?, ?)", append(args, loss.Table.Schema)
	}
	rows, err := c.Query(ctx, query, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	found := false
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return false, c.fail(ctx, query, err)
		}
		found = found || loss.Column == "" || strings.EqualFold(name, loss.Column)
	}
	return found, rows.Err()
}
