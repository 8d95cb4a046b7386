package postgres

import (
	"context"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
)

var _ db.Columner = (*conn)(nil)

// Columns reads pg_attribute. Values of a type are compared by how they are
// written where it has no equality of its own (point, json, xml), where its
// equality is not sameness (box, citext, a collation that is not deterministic),
// and for floating point numbers, of which zero has two.
func (c *conn) Columns(ctx context.Context, table plan.Name) ([]dialect.Column, error) {
	made := "CASE WHEN a.attidentity <> '' THEN 'identity' "
	if c.dialect.Version() >= 120000 {
		made += "WHEN a.attgenerated <> '' THEN 'generated' "
	}
	sure := "true"
	if c.dialect.Version() >= 120000 {
		sure = "coalesce((SELECT l.collisdeterministic FROM pg_catalog.pg_collation l WHERE l.oid = a.attcollation), true)"
	}
	query := `SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) ||
			CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || (SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(l.collname)
				FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace WHERE l.oid = a.attcollation) ELSE '' END,
			a.attnotnull::text, coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), ''), ` + made + ` ELSE '' END, a.attnum::text,
			(NOT ` + sure + ` OR e.oid IN ('float4'::regtype, 'float8'::regtype) OR e.typcategory = 'S' AND e.typnamespace <> 'pg_catalog'::regnamespace
				OR e.typtype NOT IN ('e', 'r', 'm', 'c') AND NOT EXISTS (SELECT FROM pg_catalog.pg_opclass o JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod
					WHERE o.opcdefault AND m.amname IN ('btree', 'hash') AND (o.opcintype = e.oid OR EXISTS (SELECT FROM pg_catalog.pg_cast k
						WHERE k.castsource = e.oid AND k.casttarget = o.opcintype AND k.castmethod = 'b' AND k.castcontext = 'i'))))::text
		FROM pg_catalog.pg_attribute a
		JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
		LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
		CROSS JOIN LATERAL (SELECT CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END AS oid) b
		JOIN pg_catalog.pg_type bt ON bt.oid = b.oid
		JOIN pg_catalog.pg_type e ON e.oid = CASE WHEN bt.typcategory = 'A' AND bt.typelem <> 0 THEN bt.typelem ELSE bt.oid END
		WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`
	rows, err := db.Texts(ctx, c, query, c.regclass(table))
	if err != nil {
		return nil, err
	}
	var out []dialect.Column
	for _, r := range rows {
		out = append(out, dialect.Column{Name: r[0], Type: r[1], NotNull: r[2] == "true", Default: r[3], Made: r[4], Known: r[5], Unequal: r[6] == "true"})
	}
	return out, nil
}
