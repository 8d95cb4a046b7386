package postgres

import "github.com/bellowsdb/bellows/dialect"

var _ dialect.Identifier = Dialect{}

// Identities are the oids of tables and the numbers of their columns, which neither
// changes while the object is there. More than some hundred thousand columns would
// take a while.
func (d Dialect) Identities(self string) string {
	return `(SELECT pg_catalog.json_build_object('self', ` + d.Literal(self) + `::pg_catalog.regclass::pg_catalog.oid::pg_catalog.int8, 'all', pg_catalog.json_agg(pg_catalog.json_build_array(c.oid::pg_catalog.int8, a.n, s.nspname, c.relname, a.name)))::pg_catalog.text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT 0 AS n, '' AS name UNION ALL SELECT t.attnum, t.attname FROM pg_catalog.pg_attribute t WHERE t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped) a
WHERE c.relkind IN ('r', 'p') AND c.oid >= 16384 AND s.nspname !~ '^pg_' AND s.nspname <> 'information_schema'
AND c.relnamespace <> (SELECT o.relnamespace FROM pg_catalog.pg_class o WHERE o.oid = ` + d.Literal(self) + `::pg_catalog.regclass)
AND (SELECT m.reltuples FROM pg_catalog.pg_class m WHERE m.oid = 'pg_catalog.pg_attribute'::pg_catalog.regclass) < 200000)`
}
