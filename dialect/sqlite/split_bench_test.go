package sqlite

import (
	"testing"

	"github.com/bellowsdb/bellows/sqltext/sqltexttest"
)

// ns/byte must stay the same from 1 to 100 MB: cutting is linear.
func BenchmarkSplit(b *testing.B) { sqltexttest.Bench(b, Split, benchText()) }

// benchText is a dump in small.
func benchText() []string {
	return []string{
		"-- a table\nCREATE TABLE [t;] (id integer PRIMARY KEY, \"na;me\" text DEFAULT 'it''s');\n\n",
		"INSERT INTO t VALUES (1, 'first; row', x'41', 1.5e3), (2, 'größe', NULL, -7); /* a comment */\n",
		"CREATE TRIGGER x AFTER INSERT ON t WHEN new.id > 1 BEGIN\n  UPDATE t SET a = CASE WHEN new.b THEN 1 END;\n  SELECT 1;\nEND;\n",
		"SELECT a->>'$.x' FROM t WHERE b = :c AND d <> ?1 -- trailing\n  ORDER BY 1; SELECT 2;",
	}
}
