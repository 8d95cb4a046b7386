package postgres

import "sync"

// named begins a query for objects with a schema and an owner.
func named(kind, class, column, name string) string {
	return `SELECT '` + kind + `' _k, n.nspname _s, o.` + name + ` _n, '` + class + `' _c, o.oid _id, pg_get_userbyid(o.` + column + `owner) _owner`
}

// living ends such a query.
func living(class, column string) string {
	return ` FROM ` + class + ` o JOIN ` + spaces + ` n ON n.oid = o.` + column + `namespace WHERE` + free(class, "o.oid")
}

func otherFamilies() []family {
	return append([]family{
		{sql: `SELECT 'extension' _k, e.extname _n, 'pg_extension' _c, e.oid _id, n.nspname AS schema, e.extversion AS version
			FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.oid >= 16384 AND ($1::text[] IS NULL OR true)`},
		{sql: named("collation", "pg_collation", "coll", "collname") + `, CASE o.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END AS provider,
				coalesce(to_jsonb(o)->>'colllocale', to_jsonb(o)->>'colliculocale', CASE WHEN o.collprovider = 'i' THEN o.collcollate END) AS locale,
				CASE WHEN o.collprovider = 'c' THEN o.collcollate END AS lc_collate, CASE WHEN o.collprovider = 'c' THEN o.collctype END AS lc_ctype,
				coalesce(to_jsonb(o)->>'collicurules', '') AS rules, CASE WHEN NOT o.collisdeterministic THEN 'yes' END AS nondeterministic` + living("pg_collation", "coll")},
		{sql: `SELECT 'cast' _k, format_type(o.castsource, NULL) || ' AS ' || format_type(o.casttarget, NULL) _n, 'pg_cast' _c, o.oid _id,
				nullif(o.castfunc, 0)::regprocedure AS function, CASE o.castmethod WHEN 'i' THEN 'inout' WHEN 'b' THEN 'binary' END AS method,
				CASE o.castcontext WHEN 'a' THEN 'assignment' WHEN 'i' THEN 'implicit' END AS context
			FROM pg_cast o WHERE o.oid >= 16384 AND $1::text[] IS NULL AND` + free("pg_cast", "o.oid") + `
				AND NOT EXISTS (SELECT 1 FROM pg_depend i WHERE i.classid = 'pg_cast'::regclass AND i.objid = o.oid AND i.deptype = 'i')`},
		{sql: named("operator", "pg_operator", "opr", "oprname") + `,
				CASE WHEN o.oprleft = 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END || ', ' || CASE WHEN o.oprright = 0 THEN 'NONE' ELSE format_type(o.oprright, NULL) END _a,
				o.oprcode::regproc AS function, (SELECT 'OPERATOR(' || quote_ident(m.nspname) || '.' || x.oprname || ')' FROM pg_operator x JOIN pg_namespace m ON m.oid = x.oprnamespace WHERE x.oid = o.oprcom) AS commutator,
				(SELECT 'OPERATOR(' || quote_ident(m.nspname) || '.' || x.oprname || ')' FROM pg_operator x JOIN pg_namespace m ON m.oid = x.oprnamespace WHERE x.oid = o.oprnegate) AS negator,
				nullif(o.oprrest, 0)::regproc AS restrict, nullif(o.oprjoin, 0)::regproc AS join,
				CASE WHEN o.oprcanhash THEN 'yes' END AS hashes, CASE WHEN o.oprcanmerge THEN 'yes' END AS merges` + living("pg_operator", "opr") + ` AND o.oprcode <> 0`},
		{sql: named("operator family", "pg_opfamily", "opf", "opfname") + `, a.amname _a, ` + members("pg_opfamily", "o.oid") + ` AS members
			FROM pg_opfamily o JOIN ` + spaces + ` n ON n.oid = o.opfnamespace JOIN pg_am a ON a.oid = o.opfmethod WHERE` + free("pg_opfamily", "o.oid")},
		{sql: named("operator class", "pg_opclass", "opc", "opcname") + `, a.amname _a, format_type(o.opcintype, NULL) AS type, CASE WHEN o.opcdefault THEN 'yes' END AS default,
				(SELECT quote_ident(m.nspname) || '.' || quote_ident(f.opfname) FROM pg_opfamily f JOIN pg_namespace m ON m.oid = f.opfnamespace WHERE f.oid = o.opcfamily) AS family,
				CASE WHEN o.opckeytype <> 0 THEN format_type(o.opckeytype, NULL) END AS storage, ` + members("pg_opclass", "o.oid") + ` AS members
			FROM pg_opclass o JOIN ` + spaces + ` n ON n.oid = o.opcnamespace JOIN pg_am a ON a.oid = o.opcmethod WHERE` + free("pg_opclass", "o.oid")},
		{sql: named("conversion", "pg_conversion", "con", "conname") + `, pg_encoding_to_char(o.conforencoding) AS from, pg_encoding_to_char(o.contoencoding) AS to,
				o.conproc::regproc AS function, CASE WHEN o.condefault THEN 'yes' END AS default` + living("pg_conversion", "con")},
		{sql: `SELECT 'access method' _k, o.amname _n, 'pg_am' _c, o.oid _id, CASE o.amtype WHEN 't' THEN 'table' ELSE 'index' END AS type, o.amhandler::regproc AS handler
			FROM pg_am o WHERE o.oid >= 16384 AND $1::text[] IS NULL AND` + free("pg_am", "o.oid")},
		{sql: `SELECT 'language' _k, o.lanname _n, 'pg_language' _c, o.oid _id, pg_get_userbyid(o.lanowner) _owner, o.lanacl::text _acl, CASE WHEN o.lanpltrusted THEN 'yes' END AS trusted,
				o.lanplcallfoid::regproc AS handler, nullif(o.laninline, 0)::regproc AS inline, nullif(o.lanvalidator, 0)::regproc AS validator
			FROM pg_language o WHERE o.oid >= 16384 AND $1::text[] IS NULL AND` + free("pg_language", "o.oid")},
		{sql: `SELECT 'transform' _k, format_type(o.trftype, NULL) _n, l.lanname _a, 'pg_transform' _c, o.oid _id,
				nullif(o.trffromsql, 0)::regprocedure AS "from sql", nullif(o.trftosql, 0)::regprocedure AS "to sql"
			FROM pg_transform o JOIN pg_language l ON l.oid = o.trflang WHERE $1::text[] IS NULL AND` + free("pg_transform", "o.oid")},
	}, serviceFamilies()...)
}

// members are the operators and functions that belong to a class, or loosely to
// a family.
func members(class, oid string) string {
	return `(SELECT string_agg(x, E'\n' ORDER BY x COLLATE "C") FROM (
		SELECT 'OPERATOR ' || p.amopstrategy || ' ' || p.amopopr::regoperator || CASE WHEN p.amopsortfamily <> 0 THEN
				(SELECT ' FOR ORDER BY ' || quote_ident(m.nspname) || '.' || quote_ident(f.opfname) FROM pg_opfamily f JOIN pg_namespace m ON m.oid = f.opfnamespace WHERE f.oid = p.amopsortfamily) ELSE '' END x
			FROM pg_depend d JOIN pg_amop p ON p.oid = d.objid WHERE d.classid = 'pg_amop'::regclass AND d.refclassid = '` + class + `'::regclass AND d.refobjid = ` + oid + ` AND d.deptype IN ('i', 'a')
				AND NOT EXISTS (SELECT 1 FROM pg_depend c WHERE c.classid = d.classid AND c.objid = d.objid AND c.deptype = 'i' AND c.refclassid = 'pg_opclass'::regclass AND d.refclassid <> c.refclassid)
		UNION ALL SELECT 'FUNCTION ' || p.amprocnum || ' (' || format_type(p.amproclefttype, NULL) || ', ' || format_type(p.amprocrighttype, NULL) || ') ' || p.amproc::regprocedure
			FROM pg_depend d JOIN pg_amproc p ON p.oid = d.objid WHERE d.classid = 'pg_amproc'::regclass AND d.refclassid = '` + class + `'::regclass AND d.refobjid = ` + oid + ` AND d.deptype IN ('i', 'a')
				AND NOT EXISTS (SELECT 1 FROM pg_depend c WHERE c.classid = d.classid AND c.objid = d.objid AND c.deptype = 'i' AND c.refclassid = 'pg_opclass'::regclass AND d.refclassid <> c.refclassid)) m(x))`
}

func serviceFamilies() []family {
	return []family{
		{sql: `SELECT 'text search parser' _k, n.nspname _s, o.prsname _n, 'pg_ts_parser' _c, o.oid _id, o.prsstart::text AS start, o.prstoken::text AS gettoken,
				o.prsend::text AS end, nullif(o.prsheadline::oid, 0)::regproc AS headline, o.prslextype::text AS lextypes` + living("pg_ts_parser", "prs")},
		{sql: `SELECT 'text search template' _k, n.nspname _s, o.tmplname _n, 'pg_ts_template' _c, o.oid _id, nullif(o.tmplinit::oid, 0)::regproc AS init, o.tmpllexize::text AS lexize` + living("pg_ts_template", "tmpl")},
		{sql: named("text search dictionary", "pg_ts_dict", "dict", "dictname") + `, (SELECT quote_ident(m.nspname) || '.' || quote_ident(t.tmplname)
				FROM pg_ts_template t JOIN pg_namespace m ON m.oid = t.tmplnamespace WHERE t.oid = o.dicttemplate) AS template, o.dictinitoption AS options` + living("pg_ts_dict", "dict")},
		{sql: named("text search configuration", "pg_ts_config", "cfg", "cfgname") + `, (SELECT quote_ident(m.nspname) || '.' || quote_ident(p.prsname)
				FROM pg_ts_parser p JOIN pg_namespace m ON m.oid = p.prsnamespace WHERE p.oid = o.cfgparser) AS parser,
				(SELECT string_agg(w, E'\n' ORDER BY w COLLATE "C") FROM (SELECT (SELECT t.alias FROM ts_token_type(o.cfgparser) t WHERE t.tokid = m.maptokentype) || ' WITH ' || string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno)
					FROM pg_ts_config_map m WHERE m.mapcfg = o.oid GROUP BY m.maptokentype) x(w)) AS mappings` + living("pg_ts_config", "cfg")},
		{sql: `SELECT 'foreign data wrapper' _k, o.fdwname _n, 'pg_foreign_data_wrapper' _c, o.oid _id, pg_get_userbyid(o.fdwowner) _owner, o.fdwacl::text _acl,
				nullif(o.fdwhandler, 0)::regproc AS handler, nullif(o.fdwvalidator, 0)::regproc AS validator, ` + sortedLines(public("o.fdwoptions")) + ` AS options
			FROM pg_foreign_data_wrapper o WHERE $1::text[] IS NULL AND` + free("pg_foreign_data_wrapper", "o.oid")},
		{sql: `SELECT 'server' _k, o.srvname _n, 'pg_foreign_server' _c, o.oid _id, pg_get_userbyid(o.srvowner) _owner, o.srvacl::text _acl,
				f.fdwname AS wrapper, o.srvtype AS type, o.srvversion AS version, ` + sortedLines(public("o.srvoptions")) + ` AS options
			FROM pg_foreign_server o JOIN pg_foreign_data_wrapper f ON f.oid = o.srvfdw WHERE $1::text[] IS NULL AND` + free("pg_foreign_server", "o.oid")},
		{sql: `SELECT 'event trigger' _k, o.evtname _n, 'pg_event_trigger' _c, o.oid _id, pg_get_userbyid(o.evtowner) _owner, o.evtevent AS event, o.evtfoid::regproc AS function,
				` + sortedLines("o.evttags") + ` AS tags, CASE o.evtenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' END AS enabled
			FROM pg_event_trigger o WHERE $1::text[] IS NULL AND` + free("pg_event_trigger", "o.oid")},
		{until: 150000, sql: `SELECT 'publication' _k, o.pubname _n, 'pg_publication' _c, o.oid _id, pg_get_userbyid(o.pubowner) _owner, ` + publication + `,
				(SELECT string_agg('TABLE ONLY ' || quote_ident(tn.nspname) || '.' || quote_ident(t.relname), E'\n' ORDER BY tn.nspname, t.relname)
					FROM pg_publication_rel r JOIN pg_class t ON t.oid = r.prrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace WHERE r.prpubid = o.oid) AS members
			FROM pg_publication o WHERE $1::text[] IS NULL AND` + free("pg_publication", "o.oid")},
		{from: 150000, sql: `SELECT 'publication' _k, o.pubname _n, 'pg_publication' _c, o.oid _id, pg_get_userbyid(o.pubowner) _owner, ` + publication + `,
				concat_ws(E'\n', (SELECT string_agg('TABLE ONLY ' || quote_ident(tn.nspname) || '.' || quote_ident(t.relname) ||
						coalesce((SELECT ' (' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) || ')' FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = ANY (r.prattrs)), '') ||
						coalesce(' WHERE (' || pg_get_expr(r.prqual, r.prrelid) || ')', ''), E'\n' ORDER BY tn.nspname, t.relname)
					FROM pg_publication_rel r JOIN pg_class t ON t.oid = r.prrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace WHERE r.prpubid = o.oid),
					(SELECT string_agg('TABLES IN SCHEMA ' || quote_ident(sn.nspname), E'\n' ORDER BY sn.nspname) FROM pg_publication_namespace p JOIN pg_namespace sn ON sn.oid = p.pnnspid WHERE p.pnpubid = o.oid)) AS members
			FROM pg_publication o WHERE $1::text[] IS NULL AND` + free("pg_publication", "o.oid")},
		{sql: `SELECT 'default privileges' _k, n.nspname _s, pg_get_userbyid(o.defaclrole) _n, CASE o.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
				WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END _a, 'pg_default_acl' _c, o.oid _id, pg_get_userbyid(o.defaclrole) _owner, o.defaclacl::text _acl
			FROM pg_default_acl o LEFT JOIN pg_namespace n ON n.oid = o.defaclnamespace WHERE $1::text[] IS NULL OR n.nspname = ANY ($1::text[])`},
	}
}

const publication = `CASE WHEN o.puballtables THEN 'yes' END AS "all tables", CASE WHEN o.pubviaroot THEN 'yes' END AS "via root",
	nullif(concat_ws(', ', CASE WHEN o.pubinsert THEN 'insert' END, CASE WHEN o.pubupdate THEN 'update' END, CASE WHEN o.pubdelete THEN 'delete' END, CASE WHEN o.pubtruncate THEN 'truncate' END), 'insert, update, delete, truncate') AS publish,
	nullif(to_jsonb(o)->>'pubgencols', 'n') AS "generated columns"`

// aliases are addresses that stand for a fact with another address: what the
// server keeps beside an object and people do not see.
const aliases = `SELECT 'pg_rewrite', oid, 'pg_class', ev_class, 0 FROM pg_rewrite WHERE rulename = '_RETURN' AND oid >= 16384
	UNION ALL SELECT 'pg_attrdef', d.oid, 'pg_class', d.adrelid, d.adnum FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE a.attgenerated <> ''
	UNION ALL SELECT 'pg_class', conindid, 'pg_constraint', oid, 0 FROM pg_constraint WHERE contype IN ('p', 'u', 'x') AND conindid <> 0 AND oid >= 16384
	UNION ALL SELECT 'pg_type', t.oid, 'pg_class', t.typrelid, 0 FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid WHERE c.relkind <> 'c' AND t.oid >= 16384
	UNION ALL SELECT 'pg_type', t.typarray, 'pg_type', t.oid, 0 FROM pg_type t WHERE t.typarray >= 16384 AND t.oid >= 16384
	UNION ALL SELECT 'pg_type', r.rngmultitypid, 'pg_type', r.rngtypid, 0 FROM pg_range r WHERE r.rngtypid >= 16384
	UNION ALL SELECT 'pg_constraint', c.oid, 'pg_constraint', c.conparentid, 0 FROM pg_constraint c WHERE c.contype = 'f' AND c.conparentid <> 0
	UNION ALL SELECT 'pg_trigger', t.oid, 'pg_trigger', t.tgparentid, 0 FROM pg_trigger t WHERE t.tgparentid <> 0 AND NOT t.tgisinternal
	UNION ALL SELECT 'pg_class', d.objid, 'pg_class', d.refobjid, d.refobjsubid FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
		WHERE c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype = 'i'
	UNION ALL SELECT 'pg_constraint', c.oid, 'pg_class', c.conrelid, c.conkey[1] FROM pg_constraint c WHERE c.contype = 'n' AND c.conrelid <> 0
	UNION ALL SELECT 'pg_constraint', c.oid, 'pg_type', c.contypid, 0 FROM pg_constraint c WHERE c.contype = 'n' AND c.contypid <> 0
	UNION ALL SELECT 'pg_constraint', c.oid, 'pg_trigger', t.oid, 0 FROM pg_constraint c JOIN pg_trigger t ON t.tgconstraint = c.oid WHERE c.contype = 't'
	UNION ALL SELECT 'pg_class', c.oid, 'pg_type', c.reltype, 0 FROM pg_class c WHERE c.relkind = 'c' AND c.oid >= 16384
	UNION ALL SELECT d.classid::regclass::text, d.objid, 'pg_type', d.refobjid, 0 FROM pg_depend d WHERE d.classid IN ('pg_proc'::regclass, 'pg_cast'::regclass) AND d.refclassid = 'pg_type'::regclass AND d.deptype = 'i'`

// dependencies are what objects need, as the server keeps it.
const dependencies = `SELECT classid::regclass::text, objid, objsubid, refclassid::regclass::text, refobjid, refobjsubid FROM pg_depend
	WHERE objid >= 16384 AND refobjid >= 16384 AND deptype IN ('n', 'a', 'i')
		AND NOT (deptype = 'i' AND classid = 'pg_type'::regclass) AND refclassid <> 'pg_namespace'::regclass`

const comments = `SELECT classoid::regclass::text, objoid, objsubid, description FROM pg_description WHERE objoid >= 16384 OR objoid = 2200`

// probe lists every object of users, so that those that became no fact are told.
var probe = sync.OnceValue(func() string {
	sql := `SELECT 'pg_class', c.oid FROM pg_class c JOIN ` + spaces + ` n ON n.oid = c.relnamespace WHERE c.oid >= 16384 AND c.relkind <> 't' AND` + free("pg_class", "c.oid") + `
		UNION ALL SELECT 'pg_type', t.oid FROM pg_type t JOIN ` + spaces + ` n ON n.oid = t.typnamespace WHERE t.oid >= 16384 AND` + free("pg_type", "t.oid") + `
			AND NOT EXISTS (SELECT 1 FROM pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid) AND NOT EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = t.typrelid AND (c.relkind <> 'c'))
		UNION ALL SELECT 'pg_constraint', o.oid FROM pg_constraint o JOIN ` + spaces + ` n ON n.oid = o.connamespace WHERE o.oid >= 16384
			AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND (e.classid = 'pg_class'::regclass AND e.objid = o.conrelid OR e.classid = 'pg_type'::regclass AND e.objid = o.contypid))
		UNION ALL SELECT 'pg_trigger', t.oid FROM pg_trigger t WHERE t.oid >= 16384 AND NOT t.tgisinternal AND $1::text[] IS NULL AND` + free("pg_trigger", "t.oid") + `
		UNION ALL SELECT 'pg_policy', p.oid FROM pg_policy p WHERE $1::text[] IS NULL
		UNION ALL SELECT 'pg_rewrite', r.oid FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN ` + spaces + ` n ON n.oid = c.relnamespace
			WHERE r.oid >= 16384 AND r.rulename <> '_RETURN' AND` + free("pg_class", "c.oid")
	for _, class := range [][2]string{{"pg_proc", "pronamespace"}, {"pg_operator", "oprnamespace"}, {"pg_opclass", "opcnamespace"}, {"pg_opfamily", "opfnamespace"},
		{"pg_collation", "collnamespace"}, {"pg_conversion", "connamespace"}, {"pg_ts_config", "cfgnamespace"}, {"pg_ts_dict", "dictnamespace"},
		{"pg_ts_parser", "prsnamespace"}, {"pg_ts_template", "tmplnamespace"}, {"pg_statistic_ext", "stxnamespace"}} {
		sql += ` UNION ALL SELECT '` + class[0] + `', o.oid FROM ` + class[0] + ` o JOIN ` + spaces + ` n ON n.oid = o.` + class[1] + ` WHERE o.oid >= 16384 AND` + free(class[0], "o.oid")
		if class[0] == "pg_operator" {
			sql += ` AND o.oprcode <> 0` // a name that another operator speaks of
		}
	}
	for _, class := range []string{"pg_cast", "pg_language", "pg_foreign_data_wrapper", "pg_foreign_server", "pg_user_mapping", "pg_event_trigger",
		"pg_publication", "pg_am", "pg_transform", "pg_largeobject_metadata", "pg_default_acl"} {
		least, called := "16384", class
		if class == "pg_largeobject_metadata" {
			least, called = "0", "pg_largeobject" // users choose the number, and the server names them by the other catalog
		}
		sql += ` UNION ALL SELECT '` + called + `', o.oid FROM ` + class + ` o WHERE o.oid >= ` + least + ` AND $1::text[] IS NULL AND` + free(class, "o.oid")
	}
	return sql
})

// strangers names objects by their addresses.
const strangers = `SELECT i.type, i.identity FROM unnest($1::text[], $2::oid[]) u(c, o) CROSS JOIN LATERAL pg_identify_object(u.c::regclass, u.o, 0) i`

// oddities are things of users that are not rows with an address of their own,
// or that live where only the server's own things should, and that no fact describes.
const oddities = `SELECT 'security label', objtype || ' ' || objname, 'labels are not compared' FROM pg_seclabels WHERE $1::text[] IS NULL
	UNION ALL SELECT 'subscription', subname, 'its connection may hold a password' FROM pg_subscription WHERE $1::text[] IS NULL AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
	UNION ALL SELECT 'relation', c.oid::regclass::text, 'it lives in a schema of the server' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.oid >= 16384 AND n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind NOT IN ('t', 'i', 'I') AND $1::text[] IS NULL AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
	UNION ALL SELECT 'function', p.oid::regprocedure::text, 'it lives in a schema of the server' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
		WHERE p.oid >= 16384 AND n.nspname IN ('pg_catalog', 'information_schema') AND $1::text[] IS NULL AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
	UNION ALL SELECT 'index', c.oid::regclass::text, 'some partitions have no such index' FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relkind = 'I' AND NOT i.indisvalid
	UNION ALL SELECT 'partition', c.oid::regclass::text, 'its detaching is pending' FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid WHERE h.inhdetachpending
	UNION ALL SELECT 'trigger', t.tgname || ' on ' || t.tgrelid::regclass, 'it fires otherwise than the trigger of its parent table' FROM pg_trigger t JOIN pg_trigger p ON p.oid = t.tgparentid WHERE t.tgenabled <> p.tgenabled AND NOT t.tgisinternal
	UNION ALL SELECT 'constraint', o.conname || coalesce(' of ' || t.relname, ''), 'the comment on a NOT NULL constraint is not compared' FROM pg_constraint o JOIN pg_description d ON d.objoid = o.oid AND d.classoid = 'pg_constraint'::regclass LEFT JOIN pg_class t ON t.oid = o.conrelid WHERE o.contype = 'n'
	UNION ALL SELECT 'option of a server', s.srvname || '.' || split_part(x, '=', 1), 'its value may be a secret' FROM pg_foreign_server s, unnest(s.srvoptions) x WHERE x ~* ` + secret + ` AND $1::text[] IS NULL
	UNION ALL SELECT 'option of a foreign data wrapper', w.fdwname || '.' || split_part(x, '=', 1), 'its value may be a secret' FROM pg_foreign_data_wrapper w, unnest(w.fdwoptions) x WHERE x ~* ` + secret + ` AND $1::text[] IS NULL
	UNION ALL SELECT 'option of a foreign table', f.ftrelid::regclass || '.' || split_part(x, '=', 1), 'its value may be a secret' FROM pg_foreign_table f, unnest(f.ftoptions) x WHERE x ~* ` + secret + `
	UNION ALL SELECT DISTINCT 'constraint', o.conname || ' of ' || o.conrelid::regclass, 'its triggers are switched off' FROM pg_trigger t JOIN pg_constraint o ON o.oid = t.tgconstraint AND o.contype = 'f' WHERE t.tgisinternal AND t.tgenabled <> 'O'
	UNION ALL SELECT 'grant', p.oid::regprocedure::text, 'it is on a function of the server' FROM pg_proc p LEFT JOIN pg_init_privs i ON i.objoid = p.oid AND i.classoid = 'pg_proc'::regclass AND i.objsubid = 0
		WHERE p.oid < 16384 AND p.pronamespace = 'pg_catalog'::regnamespace AND p.proacl IS DISTINCT FROM i.initprivs AND $1::text[] IS NULL
	UNION ALL SELECT 'grant', c.oid::regclass::text, 'it is on a relation of the server' FROM pg_class c LEFT JOIN pg_init_privs i ON i.objoid = c.oid AND i.classoid = 'pg_class'::regclass AND i.objsubid = 0
		WHERE c.oid < 16384 AND c.relnamespace = 'pg_catalog'::regnamespace AND c.relacl IS DISTINCT FROM i.initprivs AND $1::text[] IS NULL
	UNION ALL SELECT 'grant', a.attrelid::regclass || '.' || a.attname, 'it is on a column of the server' FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
			LEFT JOIN pg_init_privs i ON i.objoid = c.oid AND i.classoid = 'pg_class'::regclass AND i.objsubid = a.attnum
		WHERE a.attacl IS NOT NULL AND c.oid < 16384 AND c.relnamespace = 'pg_catalog'::regnamespace AND a.attacl IS DISTINCT FROM i.initprivs AND $1::text[] IS NULL
	UNION ALL SELECT 'sequence', q.oid::regclass::text, CASE q.relpersistence WHEN 'u' THEN 'it is unlogged and its table is not' ELSE 'it is not unlogged as its table is' END
		FROM pg_depend d JOIN pg_class q ON q.oid = d.objid AND q.relkind = 'S' JOIN pg_class c ON c.oid = d.refobjid
		WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype = 'i' AND q.relpersistence <> c.relpersistence
			AND pg_catalog.current_setting('server_version_num')::int >= 150000
	UNION ALL SELECT 'member of an operator family', f.opfname || ' using ' || m.amname, 'the family is the server''s own' FROM pg_amop p JOIN pg_opfamily f ON f.oid = p.amopfamily JOIN pg_am m ON m.oid = f.opfmethod
		WHERE p.oid >= 16384 AND f.oid < 16384 AND $1::text[] IS NULL AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = 'pg_amop'::regclass AND e.objid = p.oid AND (e.deptype = 'e' OR e.refclassid = 'pg_opclass'::regclass AND e.deptype = 'i'))`
