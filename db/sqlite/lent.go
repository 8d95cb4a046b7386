package sqlite

import (
	"context"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/db"
)

var _ db.Restorer = (*conn)(nil)

// settings are the pragmas that hold for a connection and can be read.
var settings = [...]string{
	"analysis_limit", "automatic_index", "busy_timeout", "cache_size", "cache_spill", "cell_size_check", "checkpoint_fullfsync", "defer_foreign_keys",
	"foreign_keys", "fullfsync", "ignore_check_constraints", "legacy_alter_table", "query_only", "read_uncommitted", "recursive_triggers",
	"reverse_unordered_selects", "secure_delete", "synchronous", "temp_store", "threads", "trusted_schema", "wal_autocheckpoint", "writable_schema",
}

// state is what statements can set of a connection.
type state struct {
	settings map[string]string
	attached []string // names of databases
	objects  []string // temporary tables, views and triggers: the statements that drop them
}

// remember notes the state of a connection that cannot be replaced by a fresh one.
func (c *conn) remember(ctx context.Context) (err error) {
	c.lent, err = c.state(ctx)
	return err
}

func (c *conn) state(ctx context.Context) (s state, err error) {
	s.settings = map[string]string{}
	for _, name := range settings {
		values, err := c.column(ctx, "PRAGMA "+name)
		if err != nil {
			return s, err
		}
		s.settings[name] = strings.Join(values, "")
	}
	if s.attached, err = c.column(ctx, "SELECT name FROM pragma_database_list WHERE name NOT IN ('main', 'temp')"); err != nil {
		return s, err
	}
	s.objects, err = c.column(ctx, `SELECT 'DROP ' || type || ' temp."' || replace(name, '"', '""') || '"' FROM sqlite_temp_master
		WHERE type IN ('table', 'view', 'trigger') AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY type = 'table', type`)
	return s, err
}

// column is the first column of a small result, as text.
func (c *conn) column(ctx context.Context, query string) ([]string, error) {
	rows, err := c.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			return nil, c.fail(ctx, query, err)
		}
		all = append(all, value)
	}
	return all, rows.Err()
}

// Restore sets the pragmas again that differ from when the connection was lent,
// and lets go of what was attached or made for this connection only.
func (c *conn) Restore(ctx context.Context) error {
	if c.lent.settings == nil {
		return nil
	}
	now, err := c.state(ctx)
	if err != nil {
		return err
	}
	var undo []string
	for _, drop := range now.objects {
		if !slices.Contains(c.lent.objects, drop) {
			undo = append(undo, drop)
		}
	}
	for _, name := range now.attached {
		if !slices.Contains(c.lent.attached, name) {
			undo = append(undo, "DETACH "+c.dialect.Quote(name))
		}
	}
	for _, name := range settings {
		if was := c.lent.settings[name]; was != now.settings[name] && was != "" {
			undo = append(undo, "PRAGMA "+name+" = "+was)
		}
	}
	for _, sql := range undo {
		if _, err := c.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}
