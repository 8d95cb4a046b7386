package postgres

// family reads the facts of one part of the catalog with one query. Columns
// whose names begin with an underscore tell which fact a row is about; all
// others are attributes of that name, left out where they are NULL or empty.
//
//	_k kind · _s schema · _o on · _of kind of _o · _n name · _a arguments · _i order
//	_c, _id, _sub the object's address in pg_depend · _owner, _acl · _with options inside the definition
type family struct {
	from  int // the first server version that has it
	until int // the first server version that has it no more; 0 none
	sql   string
}

// spaces are the schemas that are looked at: those of users, and of $1 when it
// is not NULL.
const spaces = `(SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
	AND ($1::text[] IS NULL OR nspname = ANY ($1::text[])))`

// theirs are the relations of users: not of extensions, not temporary.
const theirs = `(SELECT c.*, n.nspname, CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
		WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'composite' ELSE 'table' END AS kind
	FROM pg_class c JOIN ` + spaces + ` n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
		AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'))`

// free keeps what belongs to no extension.
func free(class, oid string) string {
	return ` NOT EXISTS (SELECT 1 FROM pg_depend own WHERE own.classid = '` + class + `'::regclass AND own.objid = ` + oid + ` AND own.deptype = 'e')`
}

// lines turns an array into lines.
func lines(array string) string { return `array_to_string(` + array + `, E'\n')` }

// sortedLines turns an array into sorted lines.
func sortedLines(array string) string {
	return `(SELECT string_agg(x, E'\n' ORDER BY x COLLATE "C") FROM unnest(` + array + `) x)`
}

// secret matches options whose values must not be kept anywhere.
const secret = `'^[^=]*(password|passphrase|secret|key|token)'`

// public keeps the options that are no secrets; the others are named among what is
// not modelled.
func public(options string) string {
	return `(SELECT array_agg(x) FROM unnest(` + options + `) x WHERE x !~* ` + secret + `)`
}

// collation spells a collation where it is not the type's own.
func collation(of, usual string) string {
	return `(SELECT quote_ident(cn.nspname) || '.' || quote_ident(cc.collname) FROM pg_collation cc JOIN pg_namespace cn ON cn.oid = cc.collnamespace
		WHERE cc.oid = ` + of + ` AND ` + of + ` <> ` + usual + `)`
}

// families are the queries, in an order in which what lives on something comes
// after it.
func families() []family {
	return append(append(relationFamilies(), codeFamilies()...), otherFamilies()...)
}

func relationFamilies() []family {
	return []family{
		{sql: `SELECT 'schema' _k, n.nspname _n, 'pg_namespace' _c, n.oid _id, pg_get_userbyid(p.nspowner) _owner, p.nspacl::text _acl, p.nspowner::text _ownerid
			FROM ` + spaces + ` n JOIN pg_namespace p USING (oid) WHERE` + free("pg_namespace", "n.oid")},
		{sql: `SELECT c.kind _k, c.nspname _s, c.relname _n, 'pg_class' _c, c.oid _id, pg_get_userbyid(c.relowner) _owner, c.relacl::text _acl,
				CASE c.relpersistence WHEN 'u' THEN 'yes' END AS unlogged,
				CASE c.relkind WHEN 'p' THEN pg_get_partkeydef(c.oid) END AS "partition key",
				` + sortedLines("c.reloptions") + ` AS options,
				(SELECT ` + sortedLines("t.reloptions") + ` FROM pg_class t WHERE t.oid = c.reltoastrelid) AS "toast options",
				(SELECT s.spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace) AS tablespace,
				(SELECT m.amname FROM pg_am m WHERE m.oid = c.relam AND m.amname <> 'heap' AND c.relkind IN ('r', 'm', 'p')) AS "access method",
				CASE WHEN c.relrowsecurity THEN 'yes' END AS "row security",
				CASE WHEN c.relforcerowsecurity THEN 'yes' END AS "row security forced",
				CASE WHEN c.relkind IN ('r', 'p', 'm') THEN CASE c.relreplident WHEN 'n' THEN 'nothing' WHEN 'f' THEN 'full' WHEN 'i' THEN
					(SELECT 'index ' || x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisreplident) END END AS "replica identity",
				(SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisclustered) AS cluster,
				CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END AS "of type",
				CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END AS definition,
				CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN 'yes' END AS "not populated",
				(SELECT s.srvname FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid) AS server,
				(SELECT ` + sortedLines(public("f.ftoptions")) + ` FROM pg_foreign_table f WHERE f.ftrelid = c.oid) AS "server options"
			FROM ` + theirs + ` c WHERE c.relkind NOT IN ('S', 'c')`},
		{sql: `SELECT 'sequence' _k, c.nspname _s, c.relname _n, 'pg_class' _c, c.oid _id, pg_get_userbyid(c.relowner) _owner, c.relacl::text _acl,
				CASE c.relpersistence WHEN 'u' THEN 'yes' END AS unlogged, format_type(q.seqtypid, NULL) AS type, q.seqstart AS start,
				q.seqincrement AS increment, q.seqmin AS minimum, q.seqmax AS maximum, q.seqcache AS cache, CASE WHEN q.seqcycle THEN 'yes' END AS cycle
			FROM ` + theirs + ` c JOIN pg_sequence q ON q.seqrelid = c.oid
			WHERE NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype = 'i')`},
		{until: 180000, sql: columns("", "")},
		{from: 180000, sql: columns(`,
				CASE WHEN nn.conname <> c.relname || '_' || a.attname || '_not_null' THEN nn.conname END AS "not null name",
				CASE WHEN nn.connoinherit THEN 'yes' END AS "not null no inherit", CASE WHEN NOT nn.convalidated THEN 'yes' END AS "not null not valid",
				CASE WHEN nn.coninhcount > 0 AND NOT nn.conislocal THEN 'yes' END AS "not null inherited"`,
			`LEFT JOIN pg_constraint nn ON nn.conrelid = c.oid AND nn.contype = 'n' AND nn.conkey[1] = a.attnum`)},
		{sql: `SELECT 'default' _k, c.nspname _s, c.relname _o, c.kind _of, a.attname _n, 'pg_attrdef' _c, d.oid _id,
				pg_get_expr(d.adbin, d.adrelid) AS expression
			FROM pg_attrdef d JOIN ` + theirs + ` c ON c.oid = d.adrelid JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
			WHERE a.attgenerated = ''`},
		{sql: constraints},
		{sql: `SELECT 'constraint' _k, n.nspname _s, t.typname _o, 'domain' _of, o.conname _n, 'pg_constraint' _c, o.oid _id, 'check' AS type,
				pg_get_constraintdef(o.oid) AS definition
			FROM pg_constraint o JOIN pg_type t ON t.oid = o.contypid JOIN ` + spaces + ` n ON n.oid = t.typnamespace
			WHERE o.contype = 'c' AND` + free("pg_type", "t.oid")},
		{sql: indexes},
		{sql: `SELECT 'partition' _k, c.nspname _s, c.relname _o, c.kind _of, quote_ident(pn.nspname) || '.' || quote_ident(p.relname) _n,
				'partition' _c, c.oid _id, p.oid::int8 _sub, h.inhseqno _i, p.oid _parent, pg_get_expr(c.relpartbound, c.oid) AS bound
			FROM pg_inherits h JOIN ` + theirs + ` c ON c.oid = h.inhrelid JOIN pg_class p ON p.oid = h.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
			WHERE c.relkind <> 'S'`},
		{sql: `SELECT 'ownership' _k, c.nspname _s, c.relname _o, 'sequence' _of, 'ownership' _c, c.oid _id, d.refobjid _parent, d.refobjsubid _parentsub,
				quote_ident(tn.nspname) || '.' || quote_ident(t.relname) || '.' || quote_ident(a.attname) AS column
			FROM pg_depend d JOIN ` + theirs + ` c ON c.oid = d.objid JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace tn ON tn.oid = t.relnamespace
			JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
			WHERE c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype = 'a'`},
		{sql: `SELECT 'statistics' _k, n.nspname _s, e.stxname _n, 'pg_statistic_ext' _c, e.oid _id, pg_get_userbyid(e.stxowner) _owner,
				substr(pg_get_statisticsobjdef(e.oid), length('CREATE STATISTICS ' || quote_ident(n.nspname) || '.' || quote_ident(e.stxname) || ' ') + 1) AS definition,
				nullif(e.stxstattarget, -1) AS target
			FROM pg_statistic_ext e JOIN ` + spaces + ` n ON n.oid = e.stxnamespace WHERE` + free("pg_statistic_ext", "e.oid")},
	}
}

// columns is the query for columns, with more attributes and more joins.
func columns(more, join string) string {
	return `SELECT 'column' _k, c.nspname _s, c.relname _o, c.kind _of, a.attname _n, a.attnum _i, 'pg_class' _c, c.oid _id, a.attnum _sub, a.attacl::text _acl, CASE WHEN a.attacl IS NOT NULL THEN pg_get_userbyid(c.relowner) END _grantor,
				format_type(a.atttypid, a.atttypmod) AS type,
				CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0 THEN ` + collation("a.attcollation", "t.typcollation") + ` END AS collation,
				CASE WHEN a.attnotnull AND c.relkind IN ('r', 'p', 'f') THEN 'yes' END AS "not null",
				CASE WHEN a.attgenerated = 's' THEN pg_get_expr(d.adbin, d.adrelid) END AS "generated stored",
				CASE WHEN a.attgenerated = 'v' THEN pg_get_expr(d.adbin, d.adrelid) END AS "generated virtual",
				CASE WHEN NOT (c.relispartition AND pg_catalog.current_setting('server_version_num')::int >= 170000) THEN -- from then on it is the parent's
					CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END END AS identity,
				CASE WHEN a.attidentity <> '' THEN (SELECT concat_ws(E'\n', q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, q.seqcycle, format_type(q.seqtypid, NULL),
						CASE WHEN sc.relname <> c.relname || '_' || a.attname || '_seq' OR sn.nspname <> c.nspname THEN quote_ident(sn.nspname) || '.' || quote_ident(sc.relname) ELSE '' END, sc.relpersistence, sc.oid)
					FROM pg_depend sd JOIN pg_sequence q ON q.seqrelid = sd.objid JOIN pg_class sc ON sc.oid = sd.objid JOIN pg_namespace sn ON sn.oid = sc.relnamespace
					WHERE sd.classid = 'pg_class'::regclass AND sd.refclassid = 'pg_class'::regclass AND sd.refobjid = c.oid AND sd.refobjsubid = a.attnum AND sd.deptype = 'i') END AS _identity,
				CASE WHEN a.attstorage <> t.typstorage AND c.relkind IN ('r', 'p', 'm', 'f') THEN CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'x' THEN 'EXTENDED' ELSE 'MAIN' END END AS storage,
				CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END AS compression,
				nullif(a.attstattarget, -1) AS statistics, ` + lines("a.attoptions") + ` AS options, ` + lines("a.attfdwoptions") + ` AS "server options",
				CASE WHEN a.attinhcount > 0 AND NOT a.attislocal THEN 'yes' END AS inherited` + more + `
			FROM pg_attribute a JOIN ` + theirs + ` c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
			LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum AND a.attgenerated <> '' ` + join + `
			WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind <> 'S'`
}

const constraints = `SELECT 'constraint' _k, c.nspname _s, c.relname _o, c.kind _of, o.conname _n, 'pg_constraint' _c, o.oid _id, o.conindid _index,
		CASE o.contype WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' ELSE 'exclude' END AS type,
		pg_get_constraintdef(o.oid) AS definition,
		CASE WHEN o.coninhcount > 0 AND NOT o.conislocal AND o.contype = 'c' THEN 'yes' END AS inherited,
		` + `CASE WHEN o.contype IN ('p', 'u', 'x') THEN array_to_string(x.reloptions, E'\n') END AS options,
		CASE WHEN o.contype IN ('p', 'u', 'x') THEN (SELECT s.spcname FROM pg_tablespace s WHERE s.oid = x.reltablespace) END AS tablespace,
		CASE WHEN x.relkind = 'I' AND o.contype IN ('p', 'u', 'x') AND NOT (SELECT v.indisvalid FROM pg_index v WHERE v.indexrelid = x.oid) THEN 'yes' END AS _partial,
		(SELECT quote_ident(pn.nspname) || '.' || quote_ident(p.conname) FROM pg_constraint p JOIN pg_namespace pn ON pn.oid = p.connamespace WHERE p.oid = o.conparentid) AS parent
	FROM pg_constraint o JOIN ` + theirs + ` c ON c.oid = o.conrelid LEFT JOIN pg_class x ON x.oid = o.conindid AND o.contype IN ('p', 'u', 'x')
	WHERE o.contype IN ('c', 'p', 'u', 'x') OR o.contype = 'f' AND o.conparentid = 0`

const indexes = `SELECT 'index' _k, c.nspname _s, c.relname _o, c.kind _of, x.relname _n, 'pg_class' _c, x.oid _id,
		CASE WHEN i.indisunique THEN 'yes' END AS unique,
		substr(pg_get_indexdef(x.oid), length('CREATE ' || CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END || 'INDEX ' || quote_ident(x.relname) || ' ON ' ||
			CASE WHEN x.relkind = 'I' THEN 'ONLY ' ELSE '' END || quote_ident(c.nspname) || '.' || quote_ident(c.relname) || ' ') + 1) AS definition,
		array_to_string(x.reloptions, E'\n') AS options,
		(SELECT s.spcname FROM pg_tablespace s WHERE s.oid = x.reltablespace) AS tablespace,
		CASE WHEN NOT i.indisvalid AND x.relkind = 'i' THEN 'yes' END AS invalid, CASE WHEN NOT i.indisvalid AND x.relkind = 'I' THEN 'yes' END AS _partial,
		(SELECT quote_ident(pn.nspname) || '.' || quote_ident(p.relname) FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace WHERE h.inhrelid = x.oid AND x.relispartition) AS parent,
		(SELECT string_agg(ia.attnum || ' ' || ia.attstattarget, E'\n' ORDER BY ia.attnum) FROM pg_attribute ia WHERE ia.attrelid = x.oid AND ia.attstattarget >= 0) AS statistics
	FROM pg_index i JOIN ` + theirs + ` c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
	WHERE NOT EXISTS (SELECT 1 FROM pg_constraint o WHERE o.conindid = x.oid AND o.conrelid = c.oid AND o.contype IN ('p', 'u', 'x'))`

func codeFamilies() []family {
	return []family{
		{sql: `SELECT CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END _k, n.nspname _s, p.proname _n,
				CASE p.prokind WHEN 'p' THEN pg_get_function_identity_arguments(p.oid) ELSE oidvectortypes(p.proargtypes) END _a,
				'pg_proc' _c, p.oid _id, pg_get_userbyid(p.proowner) _owner, p.proacl::text _acl,
				substr(pg_get_functiondef(p.oid), length('CREATE OR REPLACE ' || CASE p.prokind WHEN 'p' THEN 'PROCEDURE ' ELSE 'FUNCTION ' END || quote_ident(n.nspname) || '.' || quote_ident(p.proname)) + 1) AS definition,
				pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result, l.lanname AS language,
				CASE WHEN p.prosqlbody IS NOT NULL THEN 'yes' END AS parsed, CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' END AS volatility
			FROM pg_proc p JOIN ` + spaces + ` n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
			WHERE p.prokind <> 'a' AND` + free("pg_proc", "p.oid") + ` AND NOT EXISTS (SELECT 1 FROM pg_depend i WHERE i.classid = 'pg_proc'::regclass AND i.objid = p.oid AND i.deptype = 'i')`},
		{sql: aggregates},
		{sql: `SELECT 'trigger' _k, c.nspname _s, c.relname _o, c.kind _of, g.tgname _n, 'pg_trigger' _c, g.oid _id, g.tgconstraint _constraint,
				CASE WHEN g.tgconstraint <> 0 THEN 'yes' END AS constraint,
				substr(pg_get_triggerdef(g.oid), length('CREATE ' || CASE WHEN g.tgconstraint <> 0 THEN 'CONSTRAINT ' ELSE '' END || 'TRIGGER ' || quote_ident(g.tgname) || ' ') + 1) AS definition,
				CASE g.tgenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' END AS enabled
			FROM pg_trigger g JOIN ` + theirs + ` c ON c.oid = g.tgrelid WHERE NOT g.tgisinternal AND g.tgparentid = 0`},
		{sql: `SELECT 'rule' _k, c.nspname _s, c.relname _o, c.kind _of, r.rulename _n, 'pg_rewrite' _c, r.oid _id,
				substr(pg_get_ruledef(r.oid), length('CREATE RULE ' || quote_ident(r.rulename) || ' ') + 1) AS definition,
				CASE r.ev_enabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' END AS enabled
			FROM pg_rewrite r JOIN ` + theirs + ` c ON c.oid = r.ev_class WHERE r.rulename <> '_RETURN'`},
		{sql: `SELECT 'policy' _k, c.nspname _s, c.relname _o, c.kind _of, p.polname _n, 'pg_policy' _c, p.oid _id,
				CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' END AS command,
				CASE WHEN NOT p.polpermissive THEN 'yes' END AS restrictive,
				CASE WHEN p.polroles <> '{0}' THEN (SELECT string_agg(quote_ident(r.rolname), ', ' ORDER BY r.rolname) FROM pg_roles r WHERE r.oid = ANY (p.polroles)) END AS roles,
				pg_get_expr(p.polqual, p.polrelid) AS using, pg_get_expr(p.polwithcheck, p.polrelid) AS check
			FROM pg_policy p JOIN ` + theirs + ` c ON c.oid = p.polrelid`},
		{sql: `SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range' WHEN 'c' THEN 'composite' WHEN 'b' THEN 'base type' ELSE 'shell type' END _k,
				n.nspname _s, t.typname _n, 'pg_type' _c, t.oid _id, pg_get_userbyid(t.typowner) _owner, t.typacl::text _acl, t.typrelid _rel,
				CASE t.typtype WHEN 'e' THEN (SELECT string_agg(replace(replace(e.enumlabel, '\', '\\'), E'\n', '\n'), E'\n' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid) END AS labels,
				CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) END AS type,
				CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation AND t.typcollation <> 0 THEN ` + collation("t.typcollation", "b.typcollation") + ` END AS collation,
				CASE WHEN t.typtype = 'd' AND t.typnotnull THEN 'yes' END AS "not null",
				CASE t.typtype WHEN 'd' THEN coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault) END AS default,
				CASE t.typtype WHEN 'r' THEN format_type(r.rngsubtype, NULL) END AS subtype,
				CASE WHEN t.typtype = 'r' AND NOT o.opcdefault THEN (SELECT quote_ident(s.nspname) || '.' || quote_ident(o.opcname) FROM pg_namespace s WHERE s.oid = o.opcnamespace) END AS "operator class",
				CASE WHEN t.typtype = 'r' AND r.rngcollation <> 0 THEN ` + collation("r.rngcollation", "(SELECT st.typcollation FROM pg_type st WHERE st.oid = r.rngsubtype)") + ` END AS "range collation",
				nullif(r.rngcanonical, 0)::regproc AS canonical, nullif(r.rngsubdiff, 0)::regproc AS difference,
				CASE WHEN t.typtype = 'r' THEN (SELECT quote_ident(mn.nspname) || '.' || quote_ident(m.typname) FROM pg_type m JOIN pg_namespace mn ON mn.oid = m.typnamespace WHERE m.oid = r.rngmultitypid) END AS multirange` + baseType + `
			FROM pg_type t JOIN ` + spaces + ` n ON n.oid = t.typnamespace
			LEFT JOIN pg_type b ON b.oid = t.typbasetype LEFT JOIN pg_range r ON r.rngtypid = t.oid LEFT JOIN pg_opclass o ON o.oid = r.rngsubopc
			WHERE (t.typrelid = 0 OR EXISTS (SELECT 1 FROM pg_class k WHERE k.oid = t.typrelid AND k.relkind = 'c'))
				AND NOT EXISTS (SELECT 1 FROM pg_type el WHERE el.oid = t.typelem AND el.typarray = t.oid)
				AND t.typtype <> 'm' AND` + free("pg_type", "t.oid")},
	}
}

// baseType are the attributes of a type written in C.
const baseType = `,
	CASE WHEN t.typtype = 'b' THEN t.typinput::text END AS input, CASE WHEN t.typtype = 'b' THEN t.typoutput::text END AS output,
	CASE WHEN t.typtype = 'b' THEN nullif(t.typreceive, 0)::regproc::text END AS receive, CASE WHEN t.typtype = 'b' THEN nullif(t.typsend, 0)::regproc::text END AS send,
	CASE WHEN t.typtype = 'b' THEN nullif(t.typmodin, 0)::regproc::text END AS "modifier input", CASE WHEN t.typtype = 'b' THEN nullif(t.typmodout, 0)::regproc::text END AS "modifier output",
	CASE WHEN t.typtype = 'b' THEN nullif(t.typanalyze, 0)::regproc::text END AS analyze,
	CASE WHEN t.typtype = 'b' THEN nullif(t.typsubscript, 0)::regproc::text END AS subscript,
	CASE WHEN t.typtype = 'b' THEN CASE t.typlen WHEN -1 THEN 'variable' ELSE t.typlen::text END END AS length,
	CASE WHEN t.typtype = 'b' AND t.typbyval THEN 'yes' END AS "by value",
	CASE WHEN t.typtype = 'b' THEN CASE t.typalign WHEN 'c' THEN 'char' WHEN 's' THEN 'int2' WHEN 'i' THEN 'int4' ELSE 'double' END END AS alignment,
	CASE WHEN t.typtype = 'b' AND t.typstorage <> 'p' THEN CASE t.typstorage WHEN 'e' THEN 'external' WHEN 'x' THEN 'extended' ELSE 'main' END END AS storage,
	CASE WHEN t.typtype = 'b' AND t.typcategory <> 'U' THEN t.typcategory::text END AS category, CASE WHEN t.typtype = 'b' AND t.typispreferred THEN 'yes' END AS preferred,
	CASE WHEN t.typtype = 'b' THEN quote_literal(t.typdefault) END AS "base default", CASE WHEN t.typtype = 'b' AND t.typelem <> 0 THEN format_type(t.typelem, NULL) END AS element,
	CASE WHEN t.typtype = 'b' AND t.typdelim <> ',' THEN t.typdelim::text END AS delimiter, CASE WHEN t.typtype = 'b' AND t.typcollation <> 0 THEN 'yes' END AS collatable`

const aggregates = `SELECT 'aggregate' _k, n.nspname _s, p.proname _n,
		CASE WHEN g.aggkind = 'n' AND p.pronargs = 0 THEN '*' WHEN g.aggkind = 'n' THEN oidvectortypes(p.proargtypes) ELSE pg_get_function_identity_arguments(p.oid) END _a,
		'pg_proc' _c, p.oid _id, pg_get_userbyid(p.proowner) _owner, p.proacl::text _acl,
		CASE WHEN p.pronargs = 0 THEN '*' ELSE pg_get_function_arguments(p.oid) END AS arguments,
		CASE WHEN g.aggkind = 'h' THEN 'yes' END AS hypothetical,
		g.aggtransfn::regproc AS sfunc, format_type(g.aggtranstype, NULL) AS stype, nullif(g.aggtransspace, 0) AS sspace,
		nullif(g.aggfinalfn, 0)::regproc AS finalfunc, CASE WHEN g.aggfinalextra THEN 'yes' END AS finalfunc_extra,
		CASE WHEN g.aggfinalmodify <> CASE WHEN g.aggkind = 'n' THEN 'r' ELSE 'w' END THEN CASE g.aggfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END END AS finalfunc_modify,
		nullif(g.aggcombinefn, 0)::regproc AS combinefunc, nullif(g.aggserialfn, 0)::regproc AS serialfunc, nullif(g.aggdeserialfn, 0)::regproc AS deserialfunc,
		quote_literal(g.agginitval) AS initcond, nullif(g.aggmtransfn, 0)::regproc AS msfunc, nullif(g.aggminvtransfn, 0)::regproc AS minvfunc,
		CASE WHEN g.aggmtranstype <> 0 THEN format_type(g.aggmtranstype, NULL) END AS mstype, nullif(g.aggmtransspace, 0) AS msspace,
		nullif(g.aggmfinalfn, 0)::regproc AS mfinalfunc, CASE WHEN g.aggmfinalextra THEN 'yes' END AS mfinalfunc_extra,
		CASE WHEN g.aggmtransfn <> 0 AND g.aggmfinalmodify <> CASE WHEN g.aggkind = 'n' THEN 'r' ELSE 'w' END THEN CASE g.aggmfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END END AS mfinalfunc_modify,
		quote_literal(g.aggminitval) AS minitcond,
		(SELECT 'OPERATOR(' || quote_ident(os.nspname) || '.' || o.oprname || ')' FROM pg_operator o JOIN pg_namespace os ON os.oid = o.oprnamespace WHERE o.oid = g.aggsortop) AS sortop,
		CASE p.proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' END AS parallel
	FROM pg_proc p JOIN ` + spaces + ` n ON n.oid = p.pronamespace JOIN pg_aggregate g ON g.aggfnoid = p.oid
	WHERE NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')`
