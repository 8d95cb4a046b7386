package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/plan"
)

// probes are queries that read what the catalog says of a name, one for each
// sort of thing that has a name of its own sort. $1 is the name as to_regclass
// reads it, $2 its schema or "", $3 its last part. What changes without anybody
// changing the object, such as the statistics in pg_class, is left out; whole
// rows are read otherwise, so that columns of newer servers count too.
var probes = map[string]string{
	"relation": `SELECT (pg_catalog.to_jsonb(c) - '{relpages,reltuples,relallvisible,relallfrozen,relfrozenxid,relminmxid,relhasindex,relhastriggers,relhasrules,relhassubclass}'::text[])::text,
			(SELECT pg_catalog.string_agg(a::text, ' ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid),
			(SELECT pg_catalog.string_agg(d.adnum || pg_catalog.pg_get_expr(d.adbin, d.adrelid), ' ' ORDER BY d.adnum) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = c.oid),
			(SELECT pg_catalog.string_agg((pg_catalog.to_jsonb(i) - 'indcheckxmin')::text || x.relfilenode || pg_catalog.pg_get_indexdef(i.indexrelid), ' ' ORDER BY i.indexrelid)
				FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE c.oid IN (i.indrelid, i.indexrelid)),
			(SELECT pg_catalog.string_agg(o.oid || o.conname || o.convalidated || pg_catalog.pg_get_constraintdef(o.oid), ' ' ORDER BY o.oid) FROM pg_catalog.pg_constraint o WHERE o.conrelid = c.oid),
			(SELECT pg_catalog.string_agg(t.oid || t.tgenabled || pg_catalog.pg_get_triggerdef(t.oid), ' ' ORDER BY t.oid) FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid),
			(SELECT pg_catalog.string_agg(p::text, ' ' ORDER BY p.oid) FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid),
			(SELECT pg_catalog.string_agg(r.oid || r.ev_enabled || pg_catalog.pg_get_ruledef(r.oid), ' ' ORDER BY r.oid) FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid),
			(SELECT pg_catalog.string_agg((pg_catalog.to_jsonb(h) - 'inhdetachpending')::text, ' ' ORDER BY h.inhrelid, h.inhparent) FROM pg_catalog.pg_inherits h WHERE c.oid IN (h.inhrelid, h.inhparent)),
			(SELECT pg_catalog.string_agg(e.stxname || pg_catalog.pg_get_statisticsobjdef(e.oid), ' ' ORDER BY e.oid) FROM pg_catalog.pg_statistic_ext e WHERE e.stxrelid = c.oid),
			(SELECT q::text FROM pg_catalog.pg_sequence q WHERE q.seqrelid = c.oid),
			(SELECT pg_catalog.string_agg(m.objsubid || m.description, ' ' ORDER BY m.objsubid) FROM pg_catalog.pg_description m WHERE m.objoid = c.oid AND m.classoid = 'pg_catalog.pg_class'::regclass)
		FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1) AND ($2 || $3) IS NOT NULL`,
	"routine": `SELECT pg_catalog.to_jsonb(p)::text, m.description FROM pg_catalog.pg_proc p
		LEFT JOIN pg_catalog.pg_description m ON m.objoid = p.oid AND m.classoid = 'pg_catalog.pg_proc'::regclass
		WHERE p.proname = $3 AND ` + inSchema("p.pronamespace") + ` AND $1 <> '' ORDER BY p.oid`,
	"type": `SELECT pg_catalog.to_jsonb(t)::text,
			(SELECT pg_catalog.string_agg(e.oid || e.enumlabel, ' ' ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid),
			(SELECT pg_catalog.string_agg(a::text, ' ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND t.typrelid <> 0),
			(SELECT pg_catalog.string_agg(o.conname || o.convalidated || pg_catalog.pg_get_constraintdef(o.oid), ' ' ORDER BY o.oid) FROM pg_catalog.pg_constraint o WHERE o.contypid = t.oid)
		FROM pg_catalog.pg_type t WHERE t.typname = $3 AND ` + inSchema("t.typnamespace") + ` AND $1 <> '' ORDER BY t.oid`,
	"schema":       `SELECT n::text FROM pg_catalog.pg_namespace n WHERE n.nspname = $3 AND $1 || $2 <> ''`,
	"database":     `SELECT (pg_catalog.to_jsonb(d) - '{datfrozenxid,datminmxid}'::text[])::text FROM pg_catalog.pg_database d WHERE d.datname = $3 AND $1 || $2 <> ''`,
	"role":         `SELECT r::text FROM pg_catalog.pg_roles r WHERE r.rolname = $3 AND $1 || $2 <> ''`,
	"tablespace":   `SELECT s::text FROM pg_catalog.pg_tablespace s WHERE s.spcname = $3 AND $1 || $2 <> ''`,
	"subscription": `SELECT s.oid, s.subowner, s.subenabled, s.subslotname, s.subpublications FROM pg_catalog.pg_subscription s WHERE s.subname = $3 AND $1 || $2 <> '' AND s.subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`,
	"publication": `SELECT p::text, (SELECT pg_catalog.string_agg(r::text, ' ' ORDER BY r.oid) FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid)
		FROM pg_catalog.pg_publication p WHERE p.pubname = $3 AND $1 || $2 <> ''`,
	"extension": `SELECT e::text FROM pg_catalog.pg_extension e WHERE e.extname = $3 AND $1 || $2 <> ''`,
	"collation": `SELECT c::text FROM pg_catalog.pg_collation c WHERE c.collname = $3 AND ` + inSchema("c.collnamespace") + ` AND $1 <> '' ORDER BY c.oid`,
	"statistics": `SELECT e.oid, pg_catalog.pg_get_statisticsobjdef(e.oid), e.stxname FROM pg_catalog.pg_statistic_ext e
		WHERE e.stxname = $3 AND ` + inSchema("e.stxnamespace") + ` AND $1 <> '' ORDER BY e.oid`,
	"event trigger": `SELECT t::text FROM pg_catalog.pg_event_trigger t WHERE t.evtname = $3 AND $1 || $2 <> ''`,
	"language":      `SELECT l::text FROM pg_catalog.pg_language l WHERE l.lanname = $3 AND $1 || $2 <> ''`,
	"foreign server": `SELECT s.oid, s.srvowner, s.srvtype, s.srvversion, s.srvacl, pg_catalog.md5(s.srvoptions::text)
		FROM pg_catalog.pg_foreign_server s WHERE s.srvname = $3 AND $1 || $2 <> ''`,
}

// inSchema narrows to $2, or to the session's search_path when it is "".
func inSchema(column string) string {
	return column + ` IN (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE CASE WHEN $2 = '' THEN n.nspname = ANY (pg_catalog.current_schemas(true)) ELSE n.nspname = $2 END)`
}

// probesOf are the probes for a kind of object; one we do not know is looked for
// everywhere.
func probesOf(kind string) []string {
	switch kind = strings.ToLower(kind); kind {
	case "table", "index", "view", "materialized view", "sequence", "foreign table", "trigger", "policy", "rule", "constraint", "column":
		return []string{"relation"}
	case "function", "procedure", "aggregate", "routine":
		return []string{"routine"}
	case "domain":
		return []string{"type"}
	case "user", "group":
		return []string{"role"}
	case "server":
		return []string{"foreign server"}
	}
	if _, ok := probes[kind]; ok {
		return []string{kind}
	}
	var all []string
	for name := range probes {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// Fingerprint is a hash over the catalog's rows of the objects. A trigger or
// policy stands for its table.
func (c *conn) Fingerprint(ctx context.Context, objects []plan.Object) (string, error) {
	h := sha256.New()
	for _, o := range objects {
		fmt.Fprintf(h, "%s %q %q\n", o.Kind, o.Name, o.On)
		for _, name := range c.named(o) {
			for _, probe := range probesOf(o.Kind) {
				rows, err := db.Texts(ctx, c, probes[probe], c.regclass(name), name.Schema, name.Name)
				if err != nil {
					return "", err
				}
				fmt.Fprintf(h, "%s %q\n", probe, rows)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// named are the names to look an object up by. An index without a schema is in
// its table's.
func (c *conn) named(o plan.Object) []plan.Name {
	var names []plan.Name
	if o.Name.Name != "" {
		n := o.Name
		if n.Schema == "" && strings.EqualFold(o.Kind, "index") {
			n.Schema = o.On.Schema
		}
		names = append(names, n)
	}
	if o.On.Name != "" {
		names = append(names, o.On)
	}
	return names
}

// Index reads pg_index. Without a name only what is on the table is told.
func (c *conn) Index(ctx context.Context, ix plan.Index) (db.IndexState, error) {
	var s db.IndexState
	table := ix.Table
	if ix.Name.Name != "" {
		name := ix.Name
		if name.Schema == "" {
			schema, err := c.schemaOf(ctx, ix.Table)
			if err != nil {
				return s, err
			}
			name.Schema = schema
		}
		if err := c.index(ctx, name, &s); err != nil {
			return s, err
		}
	}
	if s.Exists {
		table = s.Table
	}
	var err error
	if ix.Name.Name == "" && !ix.Rebuild && !ix.Drop {
		s.Chosen, err = c.chosen(ctx, table)
		return s, err
	}
	s.Leftovers, err = c.leftovers(ctx, table, ix.Name.Name)
	return s, err
}

// schemaOf is the schema of a table, where its indexes are too; "" for none.
func (c *conn) schemaOf(ctx context.Context, table plan.Name) (string, error) {
	if table.Name == "" || table.Schema != "" {
		return table.Schema, nil
	}
	return c.text(ctx, `SELECT n.nspname FROM pg_catalog.pg_class t JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
		WHERE t.oid = pg_catalog.to_regclass($1)`, c.regclass(table))
}

func (c *conn) index(ctx context.Context, name plan.Name, s *db.IndexState) error {
	const query = `SELECT i.indisvalid AND i.indisready AND i.indislive, pg_catalog.pg_get_indexdef(i.indexrelid), n.nspname, t.relname,
			EXISTS (SELECT 1 FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
		FROM pg_catalog.pg_index i
		JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
		JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
		WHERE i.indexrelid = pg_catalog.to_regclass($1)`
	rows, err := db.Texts(ctx, c, query, c.regclass(name))
	if err != nil || len(rows) == 0 {
		return err
	}
	r := rows[0]
	s.Exists, s.Valid, s.Building = true, r[0] == "t", r[4] == "t"
	s.Definition = r[1]
	s.Table = plan.Name{Schema: r[2], Name: r[3]}
	return nil
}

// chosen are the indexes whose names end as those do that the server makes up.
func (c *conn) chosen(ctx context.Context, table plan.Name) (map[string]bool, error) {
	const query = `SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(x.relname), i.indisvalid AND i.indisready AND i.indislive
		FROM pg_catalog.pg_index i
		JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
		JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace
		WHERE i.indrelid = pg_catalog.to_regclass($1) AND x.relname ~ '_idx[0-9]*$'
			AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)`
	rows, err := db.Texts(ctx, c, query, c.regclass(table))
	found := map[string]bool{}
	for _, r := range rows {
		found[r[0]] = r[1] == "t"
	}
	return found, err
}

// leftovers are the invalid helpers that REINDEX CONCURRENTLY leaves behind when
// it fails: <index>_ccnew and, when the swap had worked, <index>_ccold, with a
// number when there are several, and with the index's name cut when it is long.
// While something is built on the table nothing is left over yet.
func (c *conn) leftovers(ctx context.Context, table plan.Name, index string) ([]string, error) {
	const query = `SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(x.relname)
		FROM pg_catalog.pg_class t
		JOIN pg_catalog.pg_index i ON i.indrelid IN (t.oid, nullif(t.reltoastrelid, 0))
		JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
		JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace
		WHERE t.oid = pg_catalog.to_regclass($1) AND NOT i.indisvalid AND x.relname ~ '_cc(new|old)[0-9]*$'
			AND ($2 = '' OR pg_catalog.starts_with($2, pg_catalog.regexp_replace(x.relname, '_cc(new|old)[0-9]*$', '')))
			AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_progress_create_index p WHERE p.relid = t.oid)
		ORDER BY 1`
	if table.Name == "" {
		return nil, nil
	}
	rows, err := db.Texts(ctx, c, query, c.regclass(table), index)
	var names []string
	for _, r := range rows {
		names = append(names, r[0])
	}
	return names, err
}
