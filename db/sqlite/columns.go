package sqlite

import (
	"context"
	"strings"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
)

var _ db.Columner = (*conn)(nil)

// Columns reads pragma_table_xinfo, and the indexes over each column, which
// would keep it from being dropped.
func (c *conn) Columns(ctx context.Context, table plan.Name) ([]dialect.Column, error) {
	schema := table.Schema
	if schema == "" {
		schema = "main"
	}
	rows, err := db.Texts(ctx, c, `SELECT name, type, "notnull", coalesce(dflt_value, ''), hidden, pk FROM pragma_table_xinfo(?1, ?2) ORDER BY cid`, table.Name, schema)
	if err != nil {
		return nil, err
	}
	over, err := c.indexesOver(ctx, plan.Name{Schema: schema, Name: table.Name})
	if err != nil {
		return nil, err
	}
	var out []dialect.Column
	for _, r := range rows {
		if r[4] == "1" {
			continue // of a virtual table
		}
		col := dialect.Column{Name: r[0], Type: r[1], NotNull: r[2] == "1", Default: r[3], Indexes: over[strings.ToLower(r[0])]}
		if r[4] == "2" || r[4] == "3" {
			col.Made = "generated"
		}
		out = append(out, col)
	}
	return out, nil
}

// indexesOver are the indexes with a statement of their own, by each column of
// theirs.
func (c *conn) indexesOver(ctx context.Context, table plan.Name) (map[string][]dialect.Index, error) {
	rows, err := db.Texts(ctx, c, `SELECT i.name, m.sql, coalesce(lower(x.name), '')
		FROM pragma_index_list(?1, ?2) i JOIN `+c.dialect.Quote(table.Schema)+`.sqlite_master m ON m.type = 'index' AND m.name = i.name AND m.sql IS NOT NULL
		JOIN pragma_index_info(i.name, ?2) x ORDER BY 1`, table.Name, table.Schema)
	if err != nil {
		return nil, err
	}
	over := map[string][]dialect.Index{}
	for _, r := range rows {
		if r[2] != "" {
			over[r[2]] = append(over[r[2]], dialect.Index{Name: r[0], SQL: r[1]})
		}
	}
	return over, nil
}
