package postgres_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	own "github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/schema"
)

// kinds make one object of each kind that the catalog knows, and say what an
// inspection must call it.
var kinds = [][2]string{
	{"CREATE SCHEMA k", "schema k"},
	{"CREATE TYPE k.mood AS ENUM ('sad', 'ok')", "enum k.mood"},
	{"CREATE DOMAIN k.dom AS int CONSTRAINT positive CHECK (VALUE > 0)", "constraint k.dom.positive"},
	{"CREATE TYPE k.comp AS (a int, b text)", "composite k.comp"},
	{"CREATE TYPE k.span AS RANGE (subtype = int)", "range k.span"},
	{"CREATE TYPE k.shell", "shell type k.shell"},
	{"CREATE TYPE k.base", "shell type k.base"},
	{"CREATE FUNCTION k.base_in(cstring) RETURNS k.base LANGUAGE internal IMMUTABLE STRICT AS 'textin'", "function k.base_in(cstring)"},
	{"CREATE FUNCTION k.base_out(k.base) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout'", "function k.base_out(k.base)"},
	{"CREATE TYPE k.base (INPUT = k.base_in, OUTPUT = k.base_out)", "base type k.base"},
	{"CREATE SEQUENCE k.seq", "sequence k.seq"},
	{"CREATE TABLE k.t (id int PRIMARY KEY, a int DEFAULT 1, b text, c int GENERATED ALWAYS AS (1) STORED, s serial)", "ownership k.t_s_seq"},
	{"CREATE TABLE k.child () INHERITS (k.t)", "partition k.child.k.t"},
	{"CREATE TABLE k.stored (a text COMPRESSION pglz, b numeric, c text, d text)", "table k.stored"},
	{"ALTER TABLE k.stored ALTER a SET STORAGE EXTERNAL, ALTER c SET STORAGE MAIN", ""},
	{"CREATE TABLE k.stores () INHERITS (k.stored)", "partition k.stores.k.stored"},
	{"ALTER TABLE k.stores ALTER a SET STORAGE EXTENDED, ALTER a SET COMPRESSION DEFAULT, ALTER b SET STORAGE PLAIN, ALTER d SET COMPRESSION pglz", ""},
	{"CREATE TABLE k.parts (id int) PARTITION BY LIST (id)", "table k.parts"},
	{"CREATE TABLE k.part PARTITION OF k.parts FOR VALUES IN (1)", "partition k.part.k.parts"},
	{"CREATE INDEX i ON k.t (a)", "index k.t.i"},
	{"ALTER TABLE k.t ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES k.t (id)", "constraint k.t.fk"},
	{"CREATE STATISTICS k.st ON a, b FROM k.t", "statistics k.st"},
	{"CREATE VIEW k.v AS SELECT 1 AS a", "view k.v"},
	{"CREATE MATERIALIZED VIEW k.m AS SELECT 1 AS a", "materialized view k.m"},
	{"CREATE RULE r AS ON INSERT TO k.v DO INSTEAD NOTHING", "rule k.v.r"},
	{"CREATE FUNCTION k.tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'", "function k.tf()"},
	{"CREATE TRIGGER tr BEFORE INSERT ON k.t FOR EACH ROW EXECUTE FUNCTION k.tf()", "trigger k.t.tr"},
	{"CREATE CONSTRAINT TRIGGER ctr AFTER INSERT ON k.t FOR EACH ROW EXECUTE FUNCTION k.tf()", "trigger k.t.ctr"},
	{"CREATE POLICY po ON k.t USING (true)", "policy k.t.po"},
	{"CREATE PROCEDURE k.pr() LANGUAGE sql AS ''", "procedure k.pr()"},
	{"CREATE AGGREGATE k.ag(int) (SFUNC = int4pl, STYPE = int)", "aggregate k.ag(integer)"},
	{"CREATE OPERATOR k.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)", "operator k.===.integer, integer"},
	{"CREATE OPERATOR FAMILY k.fam USING btree", "operator family k.fam.btree"},
	{"CREATE OPERATOR CLASS k.class FOR TYPE int USING btree AS OPERATOR 1 <, FUNCTION 1 btint4cmp(int, int)", "operator class k.class.btree"},
	{"CREATE COLLATION k.col (provider = libc, locale = 'C')", "collation k.col"},
	{"CREATE CONVERSION k.conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8", "conversion k.conv"},
	{"CREATE CAST (k.mood AS int) WITH INOUT", "cast k.mood AS integer"},
	{"CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal), TO SQL WITH FUNCTION int4recv(internal))", "transform integer.sql"},
	{"CREATE LANGUAGE lang HANDLER plpgsql_call_handler", "language lang"},
	{"CREATE ACCESS METHOD am TYPE INDEX HANDLER bthandler", "access method am"},
	{"CREATE TEXT SEARCH PARSER k.tsp (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)", "text search parser k.tsp"},
	{"CREATE TEXT SEARCH TEMPLATE k.tst (LEXIZE = dsimple_lexize)", "text search template k.tst"},
	{"CREATE TEXT SEARCH DICTIONARY k.tsd (TEMPLATE = pg_catalog.simple)", "text search dictionary k.tsd"},
	{"CREATE TEXT SEARCH CONFIGURATION k.tsc (COPY = pg_catalog.simple)", "text search configuration k.tsc"},
	{"CREATE FOREIGN DATA WRAPPER w OPTIONS (debug 'true')", "foreign data wrapper w"},
	{"CREATE SERVER sv FOREIGN DATA WRAPPER w OPTIONS (host 'h')", "server sv"},
	{"CREATE FOREIGN TABLE k.ft (a int) SERVER sv OPTIONS (x 'y')", "foreign table k.ft"},
	{"CREATE FUNCTION k.ef() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'", "function k.ef()"},
	{"CREATE EVENT TRIGGER et ON sql_drop EXECUTE FUNCTION k.ef()", "event trigger et"},
	{"CREATE PUBLICATION pub FOR TABLE k.t", "publication pub"},
	{"ALTER DEFAULT PRIVILEGES IN SCHEMA k GRANT SELECT ON TABLES TO PUBLIC", "default privileges k"},
}

// unmodelled are things that are no facts, and what they are called.
var unmodelled = [][2]string{
	{"CREATE SUBSCRIPTION sub CONNECTION 'host=h password=hunter2' PUBLICATION p WITH (connect = false)", "subscription sub"},
	{"CREATE USER MAPPING FOR PUBLIC SERVER sv OPTIONS (user 'u', password 'hunter2')", "user mapping public"},
	{"SELECT lo_create(77)", "large object 77"},
	{"ALTER SERVER sv OPTIONS (ADD password 'hunter2')", "option of a server sv.password"},
	{"ALTER FOREIGN DATA WRAPPER w OPTIONS (ADD api_token 'hunter2')", "option of a foreign data wrapper w.api_token"},
	{"ALTER FOREIGN TABLE k.ft OPTIONS (ADD secret_key 'hunter2')", "option of a foreign table k.ft.secret_key"},
	{"ALTER TABLE k.t DISABLE TRIGGER ALL", "constraint fk of k.t"},
	{"REVOKE EXECUTE ON FUNCTION pg_catalog.pg_sleep(double precision) FROM PUBLIC", "grant pg_sleep(double precision)"},
	{"GRANT SELECT (prosrc) ON pg_catalog.pg_proc TO PUBLIC", "grant pg_proc.prosrc"},
	{"CREATE INDEX partial ON ONLY k.parts (id)", "index k.partial"},
	{"CREATE TABLE k.numbered (id int GENERATED ALWAYS AS IDENTITY)", ""},
	{"ALTER SEQUENCE k.numbered_id_seq SET UNLOGGED", ""}, // known from 15 on, and named then
	{"ALTER OPERATOR FAMILY pg_catalog.integer_ops USING btree ADD FUNCTION 1 (int4, numeric) btint4cmp(int, int)", ""},
}

// Every kind of object is a fact, or is named among what is not modelled; nothing
// is passed over, and no secret is kept. The facts load into an empty database.
func TestEveryKindIsAFactOrNamed(t *testing.T) {
	server := testdb.PostgresServer(t)
	a, b := newShaper(t, server), newShaper(t, server)
	for _, k := range kinds {
		a.load(k[0])
	}
	shape := a.inspect()
	found := map[string]bool{}
	for _, f := range shape.Facts() {
		found[f.ID.String()] = true
		found[string(f.ID.Kind)+" "+strings.Trim(strings.Join([]string{f.ID.Schema, f.ID.Name, f.ID.Args}, "."), ".")] = true
		found[string(f.ID.Kind)+" "+f.ID.Schema] = true
	}
	for _, k := range kinds {
		if k[1] != "" && !found[k[1]] {
			t.Errorf("%s is no fact: %s", k[1], k[0])
		}
	}
	script, err := own.Script(shape)
	if err != nil {
		t.Fatal(err)
	}
	b.load(script.SQL())
	same(t, "loaded", b.inspect(), shape, script)
	if got, want := b.dump(server), a.dump(server); got != want {
		t.Errorf("pg_dump tells another story:\n%s\nnot\n%s", got, want)
	}
	covered(t, a)

	for _, k := range unmodelled {
		if _, err := a.conn.Exec(context.Background(), k[0]); err != nil && k[1] != "" {
			t.Fatalf("%s: %v", k[0], err)
		}
	}
	more := a.read()
	for _, k := range unmodelled {
		if k[1] != "" && !slices.ContainsFunc(more.Unmodelled, func(u schema.Unmodelled) bool { return strings.HasPrefix(u.Kind+" "+u.Name, k[1]) }) {
			t.Errorf("%s is not named among %v: %s", k[1], more.Unmodelled, k[0])
		}
	}
	var text strings.Builder
	if _, err := more.WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "hunter2") {
		t.Error("a secret is kept")
	}
	if named := slices.ContainsFunc(more.Unmodelled, func(u schema.Unmodelled) bool { return u.Name == "k.numbered_id_seq" }); named != (more.Version >= 150000) {
		t.Errorf("an unlogged sequence of a logged table: %v", more.Unmodelled)
	}
	a.load("ALTER SUBSCRIPTION sub SET (slot_name = NONE); DROP SUBSCRIPTION sub") // it would keep the database
}

// An index or key that only some partitions have is made when the partitions are
// attached: before, the others would get one.
func TestIncompleteIndexes(t *testing.T) {
	server := testdb.PostgresServer(t)
	a, b := newShaper(t, server), newShaper(t, server)
	a.load(`CREATE TABLE p (a int NOT NULL, b int, c int) PARTITION BY RANGE (a);
		CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
		CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
		CREATE TABLE p3 PARTITION OF p FOR VALUES FROM (20) TO (30) PARTITION BY RANGE (a);
		CREATE TABLE p31 PARTITION OF p3 FOR VALUES FROM (20) TO (25);
		CREATE TABLE p32 PARTITION OF p3 FOR VALUES FROM (25) TO (30);
		CREATE INDEX whole ON p (c);
		ALTER TABLE ONLY p ADD CONSTRAINT k PRIMARY KEY (a);
		ALTER TABLE p1 ADD CONSTRAINT k1 PRIMARY KEY (a);
		ALTER INDEX k ATTACH PARTITION k1;
		ALTER TABLE p3 ADD CONSTRAINT k3 PRIMARY KEY (a);
		ALTER INDEX k ATTACH PARTITION k3;
		CREATE INDEX i ON ONLY p (b);
		CREATE INDEX i3 ON ONLY p3 (b);
		ALTER INDEX i ATTACH PARTITION i3;
		CREATE INDEX i31 ON p31 (b);
		ALTER INDEX i3 ATTACH PARTITION i31;`)
	shape := a.read()
	var missing []string
	for _, u := range shape.Unmodelled {
		missing = append(missing, u.Name)
	}
	if want := []string{"public.i", "public.i3", "public.k"}; !slices.Equal(missing, want) {
		t.Errorf("named as not modelled are %v, not %v", missing, want)
	}
	script, err := own.Script(shape)
	if err != nil {
		t.Fatal(err)
	}
	b.load(script.SQL())
	same(t, "loaded", b.read(), shape, script)
	if got, want := b.dump(server), a.dump(server); got != want {
		t.Errorf("pg_dump tells another story:\n%s\nnot\n%s", got, want)
	}
}

// covered fails when the server keeps a sort of object of one database that the
// list above does not have.
func covered(t *testing.T, s *shaper) {
	t.Helper()
	known := strings.Fields(`pg_am pg_amop pg_amproc pg_attrdef pg_cast pg_class pg_collation pg_constraint pg_conversion pg_default_acl pg_enum
		pg_event_trigger pg_extension pg_foreign_data_wrapper pg_foreign_server pg_language pg_largeobject_metadata pg_namespace pg_opclass pg_operator
		pg_opfamily pg_policy pg_proc pg_publication pg_publication_namespace pg_publication_rel pg_rewrite pg_statistic_ext pg_transform pg_trigger
		pg_ts_config pg_ts_dict pg_ts_parser pg_ts_template pg_type pg_user_mapping`)
	rows, err := s.conn.Query(context.Background(), `SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'oid'
		WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND NOT c.relisshared ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(known, name) {
			t.Errorf("the catalog has %s: what is in it?", name)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
