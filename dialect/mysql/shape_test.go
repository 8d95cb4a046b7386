package mysql

import (
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

// What MySQL 8.4 shows of a table, as its manual and its test suite have it; no
// such server is at hand.
const shown = "CREATE TABLE `t` (\n" +
	"  `id` bigint unsigned NOT NULL AUTO_INCREMENT,\n" +
	"  `my_row_id` bigint unsigned NOT NULL /*!80023 INVISIBLE */,\n" +
	"  `a` varchar(20) CHARACTER SET latin1 COLLATE latin1_bin DEFAULT 'it''s, \\\\ (x' COMMENT 'a;b',\n" +
	"  `k` varchar(36) COLLATE utf8mb4_bin NOT NULL DEFAULT (uuid()),\n" +
	"  `at` timestamp(3) NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),\n" +
	"  `n` int GENERATED ALWAYS AS ((`id` * 2)) VIRTUAL,\n" +
	"  `s` int GENERATED ALWAYS AS ((`id` + 1)) STORED NOT NULL,\n" +
	"  `z` int(5) unsigned zerofill DEFAULT '00007',\n" +
	"  `flag` tinyint(1) DEFAULT '1',\n" +
	"  `g` point NOT NULL /*!80003 SRID 4326 */,\n" +
	"  `e` enum('a','b,(','it''s') DEFAULT NULL,\n" +
	"  PRIMARY KEY (`id`),\n" +
	"  UNIQUE KEY `u` (`a`(10),`n` DESC) USING BTREE COMMENT 'why',\n" +
	"  KEY `f` ((lower(`a`)),(cast(`k` as unsigned array))) /*!80000 INVISIBLE */,\n" +
	"  SPATIAL KEY `sp` (`g`),\n" +
	"  FULLTEXT KEY `w` (`a`) /*!50100 WITH PARSER `ngram` */ ,\n" +
	"  CONSTRAINT `to_p` FOREIGN KEY (`n`, `s`) REFERENCES `other`.`p` (`a`, `b`) ON DELETE SET NULL ON UPDATE CASCADE,\n" +
	"  CONSTRAINT `t_chk_1` CHECK ((`id` > 0)) /*!80016 NOT ENFORCED */\n" +
	") ENGINE=InnoDB AUTO_INCREMENT=8 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci STATS_PERSISTENT=1 COMMENT='x=1, y' /*!80016 ENCRYPTION='Y' */\n" +
	"/*!50100 PARTITION BY RANGE (`id`)\n(PARTITION p0 VALUES LESS THAN (10) ENGINE = InnoDB,\n PARTITION p1 VALUES LESS THAN MAXVALUE ENGINE = InnoDB) */"

func TestTextOfMySQL(t *testing.T) {
	facts, err := readTable("d", "t", shown)
	if err != nil {
		t.Fatal(err)
	}
	facts[0].Attrs = facts[0].Attrs.With(Collation, "utf8mb4_0900_ai_ci")
	s := schema.New("mysql", 80400, facts)
	p, err := diff.Make(schema.New("mysql", 80400, nil), s, Language{Dialect: New(MySQL, 80400), Bare: true}, diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := "CREATE TABLE `t` (\n" +
		"\t`id` bigint unsigned NOT NULL AUTO_INCREMENT,\n" +
		"\t`my_row_id` bigint unsigned NOT NULL INVISIBLE,\n" +
		"\t`a` varchar(20) CHARACTER SET latin1 COLLATE latin1_bin NULL DEFAULT 'it''s, \\\\ (x' COMMENT 'a;b',\n" +
		"\t`k` varchar(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT (uuid()),\n" +
		"\t`at` timestamp(3) NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),\n" +
		"\t`n` int GENERATED ALWAYS AS ((`id` * 2)),\n" +
		"\t`s` int GENERATED ALWAYS AS ((`id` + 1)) STORED NOT NULL,\n" +
		"\t`z` int(5) unsigned zerofill NULL DEFAULT '00007',\n" +
		"\t`flag` tinyint(1) NULL DEFAULT '1',\n" +
		"\t`g` point NOT NULL SRID 4326,\n" +
		"\t`e` enum('a','b,(','it''s') NULL,\n" +
		"\tPRIMARY KEY (`id`),\n" +
		"\tKEY `f` ((lower(`a`)), (cast(`k` as unsigned array))) INVISIBLE,\n" +
		"\tSPATIAL KEY `sp` (`g`),\n" +
		"\tUNIQUE KEY `u` (`a`(10), `n` DESC) COMMENT 'why',\n" +
		"\tFULLTEXT KEY `w` (`a`) WITH PARSER `ngram`,\n" +
		"\tCONSTRAINT `t_chk_1` CHECK ((`id` > 0)) NOT ENFORCED\n" +
		") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci ENCRYPTION='Y' STATS_PERSISTENT=1 COMMENT='x=1, y'\n" +
		"PARTITION BY RANGE (`id`) (PARTITION p0 VALUES LESS THAN (10) ENGINE = InnoDB, PARTITION p1 VALUES LESS THAN MAXVALUE ENGINE = InnoDB);\n" +
		"ALTER TABLE `t` ADD CONSTRAINT `to_p` FOREIGN KEY (`n`, `s`) REFERENCES `other`.`p` (`a`, `b`) ON DELETE SET NULL ON UPDATE CASCADE;\n"
	if got := p.SQL(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// On MySQL a column does not come or go at once while the table's own comment
// changes in the same statement.
func TestStepsOfMySQL(t *testing.T) {
	l := Language{Dialect: New(MySQL, 80400)}
	shape := func(text string) schema.Schema {
		facts, err := readTable("d", "t", text)
		if err != nil {
			t.Fatal(err)
		}
		return schema.New("mysql", 80400, facts)
	}
	a := shape("CREATE TABLE `t` (\n  `id` int NOT NULL,\n  `x` int DEFAULT NULL\n) ENGINE=InnoDB")
	b := shape("CREATE TABLE `t` (\n  `id` int NOT NULL DEFAULT '3',\n  `y` int DEFAULT NULL\n) ENGINE=InnoDB COMMENT='x'")
	p, err := diff.Make(a, b, l, diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := "ALTER TABLE `t` DROP COLUMN `x`, ADD COLUMN `y` int NULL, MODIFY COLUMN `id` int NOT NULL DEFAULT '3', ALGORITHM=INSTANT;\n" +
		"ALTER TABLE `t` COMMENT='x', ALGORITHM=INSTANT;\n"
	if got := p.SQL(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Nothing of a text that is not understood is passed over.
func TestTextNotUnderstood(t *testing.T) {
	for _, text := range []string{
		"", "CREATE TABLE `t`", "CREATE TABLE `t` (", "CREATE TABLE `t` (`a` int SPARSE)", "CREATE TABLE `t` (\n  `a` int NOT NULL SPARSE\n) ENGINE=X",
		"CREATE TABLE `t` (`a` int, CONSTRAINT `c` EXCLUDE (`a`)) ENGINE=X", "CREATE TABLE `t` (`a` int) NEW FEATURE", "CREATE TABLE `t` (`a` int, WHAT (`a`))",
		"CREATE TABLE `t` (`a` int) ENGINE=FEDERATED CONNECTION='mysql://u:secret@h/d'",
	} {
		facts, err := readTable("d", "t", text)
		if err == nil && !(strings.Contains(text, "SPARSE)") && strings.Contains(facts[1].Get(Type), "SPARSE")) {
			t.Errorf("%s is understood as %v", text, facts)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s tells the password: %v", text, err)
		}
	}
}

func FuzzReadTable(f *testing.F) {
	f.Add(shown)
	f.Add("CREATE TABLE `t` (`a` int DEFAULT, KEY `k` (, FOREIGN KEY (`a`) REFERENCES")
	f.Add("CREATE TABLE `t` (CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `p`. (`a`) ON DELETE")
	f.Add("CREATE TABLE `t` (`a` enum(")
	f.Fuzz(func(t *testing.T, text string) {
		facts, err := readTable("d", "t", text)
		if err == nil && len(facts) == 0 {
			t.Error("no fact and no error")
		}
	})
}

// What an ALTER may cost is known of types.
func TestTypes(t *testing.T) {
	l := Language{Dialect: New(MariaDB, 101100)}
	column := func(declared, collation string) *schema.Fact {
		return &schema.Fact{Attrs: schema.NewAttrs(Type, declared, Collation, collation)}
	}
	for _, c := range []struct {
		was, is, collation string
		effort             effort
		widens             bool
	}{
		{"varchar(10)", "varchar(60)", "utf8mb4_bin", atOnce, true},
		{"varchar(60)", "varchar(70)", "utf8mb4_bin", copies, true},
		{"varchar(60)", "varchar(200)", "latin1_bin", atOnce, true},
		{"varchar(64)", "varchar(300)", "utf8mb4_bin", atOnce, true},
		{"varchar(20)", "varchar(10)", "utf8mb4_bin", copies, false},
		{"int", "bigint", "", copies, true},
		{"int unsigned", "bigint", "", copies, false},
		{"bigint", "int", "", copies, false},
		{"enum('a','b')", "enum('a','b','c')", "utf8mb4_bin", atOnce, true},
		{"enum('a','c')", "enum('a','b','c')", "utf8mb4_bin", copies, true},
		{"enum('a','b')", "enum('a')", "utf8mb4_bin", copies, false},
		{"set('a')", "set('a','b')", "utf8mb4_bin", atOnce, true},
		{"set('1','2','3','4','5','6','7','8')", "set('1','2','3','4','5','6','7','8','9')", "utf8mb4_bin", copies, true},
		{"text", "longtext", "utf8mb4_bin", copies, true},
		{"date", "datetime", "", copies, false},
	} {
		if got := l.typeEffort(column(c.was, c.collation), column(c.is, c.collation)); got != c.effort {
			t.Errorf("%s to %s: effort %d, want %d", c.was, c.is, got, c.effort)
		}
		if got := widens(c.was, c.is); got != c.widens {
			t.Errorf("%s to %s: widens is %v", c.was, c.is, got)
		}
	}
}
