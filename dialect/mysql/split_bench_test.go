package mysql

import (
	"testing"

	"github.com/bellowsdb/bellows/sqltext/sqltexttest"
)

// ns/byte must stay the same from 1 to 100 MB: cutting is linear.
func BenchmarkSplit(b *testing.B) { sqltexttest.Bench(b, Split, benchText()) }

// benchText is a dump in small, with routines both with and without DELIMITER.
func benchText() []string {
	return []string{
		"/*!40101 SET NAMES utf8mb4 */;\n-- a table\nCREATE TABLE `t` (`id` bigint NOT NULL, `na;me` text, PRIMARY KEY (`id`)) /*!50100 PARTITION BY HASH (id) */;\n",
		"INSERT INTO `t` VALUES (1,'first; row','a\\'b',1.5e3),(2,'größe',NULL,-7); # comment;\n",
		"DELIMITER ;;\n/*!50003 CREATE*/ /*!50003 TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.a = 'x;'; END */;;\nDELIMITER ;\n",
		"CREATE PROCEDURE p(a INT)\nl1: BEGIN\n  DECLARE EXIT HANDLER FOR NOT FOUND BEGIN END;\n  IF a THEN CASE a WHEN 1 THEN SELECT CASE WHEN b THEN 1 END; END CASE; END IF;\n  WHILE a DO SET a = a - 1; END WHILE;\nEND;\n",
		"SELECT a->>'$.x', @b := 1 FROM t WHERE c = ? AND d <> 'x' -- trailing\n  ORDER BY 1; SELECT 2;",
	}
}
