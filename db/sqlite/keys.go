package sqlite

import (
	"context"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/db"
	own "github.com/bellowsdb/bellows/dialect/sqlite"
	"github.com/bellowsdb/bellows/plan"
)

var _ db.Keyer = (*conn)(nil)

// Shape reads pragma_table_list, which knows tables without a rowid.
func (c *conn) Shape(ctx context.Context, table plan.Name) (s db.Shape, ok bool, err error) {
	rows, err := db.Texts(ctx, c, "SELECT schema, name, type, wr FROM pragma_table_list WHERE lower(name) = lower(?1) AND (?2 = '' OR lower(schema) = lower(?2)) ORDER BY schema <> 'temp', schema <> 'main'",
		table.Name, table.Schema)
	if err != nil || len(rows) == 0 {
		return s, false, err
	}
	r := rows[0]
	s.Table = plan.Name{Schema: r[0], Name: r[1]}
	s.SQL = c.dialect.Quote(r[0]) + "." + c.dialect.Quote(r[1])
	s.Kind = r[2]
	if s.Kind != "table" {
		return s, true, nil
	}
	key, err := c.key(ctx, s.Table, r[3] == "1")
	if err != nil {
		return s, true, err
	}
	s.Keys = append(s.Keys, key)
	rows, err = db.Texts(ctx, c, "SELECT (SELECT page_count FROM pragma_page_count), (SELECT page_size FROM pragma_page_size)")
	if err != nil {
		return s, true, err
	}
	s.Blocks, _ = strconv.ParseInt(rows[0][0], 10, 64)
	s.BlockSize, _ = strconv.ParseInt(rows[0][1], 10, 64)
	return s, true, nil
}

// key is the one in whose order the rows are stored: the rowid, by the name of
// the column that is its alias, or the primary key of a table without one.
func (c *conn) key(ctx context.Context, table plan.Name, without bool) (db.Key, error) {
	columns, err := db.Texts(ctx, c, "SELECT name, upper(type), pk FROM pragma_table_xinfo(?1, ?2) ORDER BY pk", table.Name, table.Schema)
	if err != nil {
		return db.Key{}, err
	}
	var primary []string
	named := map[string]bool{}
	alias := ""
	for _, col := range columns {
		named[strings.ToLower(col[0])] = true
		if col[2] != "0" {
			primary = append(primary, col[0])
			alias = ""
			if len(primary) == 1 && col[1] == "INTEGER" {
				alias = col[0]
			}
		}
	}
	if !without {
		if alias != "" && c.isAlias(ctx, table, alias) {
			return db.Key{Name: "rowid", Primary: true, Correlation: 1, Columns: []db.KeyColumn{{Name: alias, Integer: true}}}, nil
		}
		for _, name := range []string{"rowid", "_rowid_", "oid"} {
			if !named[name] {
				return db.Key{Name: "rowid", Correlation: 1, Moves: true, Columns: []db.KeyColumn{{Name: name, Kind: own.KeyMoves, Integer: true}}}, nil
			}
		}
	}
	return c.primary(ctx, table, primary)
}

// isAlias tells whether the primary key is the rowid itself, and has no index
// of its own: INTEGER PRIMARY KEY DESC, by an old slip, is not.
func (c *conn) isAlias(ctx context.Context, table plan.Name, column string) bool {
	rows, err := db.Texts(ctx, c, "SELECT name FROM pragma_index_list(?1, ?2) WHERE origin = 'pk'", table.Name, table.Schema)
	return err == nil && len(rows) == 0 && column != ""
}

// primary is the primary key of a table without a rowid, with its directions.
func (c *conn) primary(ctx context.Context, table plan.Name, columns []string) (db.Key, error) {
	key := db.Key{Name: "primary key", Primary: true, Correlation: 1}
	rows, err := db.Texts(ctx, c, `SELECT x.name, x."desc" FROM pragma_index_list(?1, ?2) i, pragma_index_xinfo(i.name, ?2) x
		WHERE i.origin = 'pk' AND x.key = 1 ORDER BY x.seqno`, table.Name, table.Schema)
	if err != nil {
		return key, err
	}
	for _, r := range rows {
		key.Columns = append(key.Columns, db.KeyColumn{Name: r[0], Desc: r[1] == "1"})
	}
	if len(rows) == 0 {
		for _, name := range columns {
			key.Columns = append(key.Columns, db.KeyColumn{Name: name})
		}
	}
	return key, nil
}

// Blocked is never known: SQLite does not tell who waits for the file.
func (c *conn) Blocked(context.Context, []db.Session) ([]db.Waiting, error) { return nil, nil }

// Cancel has nothing to send: a session is a process.
func (c *conn) Cancel(context.Context, db.Session) error { return nil }
