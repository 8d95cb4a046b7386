package postgres

import (
	"context"
	"strings"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/schema"
)

var _ db.Measurer = (*conn)(nil)

// sizes reads the rows that the last VACUUM or ANALYZE has estimated, and the bytes
// as they are; of each table also its parents.
const sizes = `SELECT c.oid, CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'table' END, n.nspname, c.relname,
		CASE c.relkind WHEN 'p' THEN 0 ELSE greatest(c.reltuples, 0)::int8 END, CASE c.relkind WHEN 'p' THEN 0 ELSE pg_catalog.pg_relation_size(c.oid) END,
		(SELECT pg_catalog.string_agg(h.inhparent::text, ' ') FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid)
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'm', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`

// Sizes reads pg_class. A parent is as large as itself and its children.
func (c *conn) Sizes(ctx context.Context) (map[schema.ID]schema.Size, error) {
	rows, err := db.Texts(ctx, c, sizes)
	if err != nil {
		return nil, err
	}
	type row struct {
		id      schema.ID
		size    schema.Size
		parents []string
	}
	byID := make(map[string]*row, len(rows))
	for _, v := range rows {
		byID[v[0]] = &row{id: schema.ID{Kind: schema.Kind(v[1]), Schema: v[2], Name: v[3]}, size: schema.Size{Rows: number(v[4]), Bytes: number(v[5])}, parents: strings.Fields(v[6])}
	}
	all := make(map[schema.ID]schema.Size, len(rows))
	var add func(r *row, size schema.Size)
	add = func(r *row, size schema.Size) {
		sum := all[r.id]
		all[r.id] = schema.Size{Rows: sum.Rows + size.Rows, Bytes: sum.Bytes + size.Bytes}
		for _, parent := range r.parents {
			if p := byID[parent]; p != nil {
				add(p, size)
			}
		}
	}
	for _, r := range byID {
		if r.size.Bytes > 0 || len(r.parents) == 0 {
			add(r, r.size)
		}
	}
	return all, nil
}
