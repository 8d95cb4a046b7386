package postgres

import (
	"testing"

	"github.com/bellowsdb/bellows/sqltext/sqltexttest"
)

// ns/byte must stay the same from 1 to 100 MB: cutting is linear.
func BenchmarkSplit(b *testing.B) { sqltexttest.Bench(b, Split, benchText()) }

// benchText is a dump in small, whose rows are the greater part of it.
func benchText() []string {
	return []string{
		"-- a table\nCREATE TABLE public.t (id bigint NOT NULL, \"na;me\" text DEFAULT 'it''s', PRIMARY KEY (id));\n\n",
		"INSERT INTO t VALUES (1, 'first; row', E'a\\'b', 1.5e3), (2, 'größe', NULL, -7); /* a /* nested */ comment */\n",
		"CREATE FUNCTION f(a int) RETURNS int LANGUAGE plpgsql AS $body$\nBEGIN\n  IF a > 1 THEN RETURN 2; END IF;\n  RETURN 'x;';\nEND\n$body$;\n",
		"CREATE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END;\n",
		"COPY public.t (id, name) FROM stdin;\n1\tfirst; it's\n2\tsecond \\\\. row\n\\.\n",
		"SELECT a->>'x', b::text || ';' FROM t WHERE a @> $1 AND b <> 'x' -- trailing\n  ORDER BY 1; SELECT 2;",
	}
}
