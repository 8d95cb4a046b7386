package lint_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/dialect/mysql"
	"github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/dialect/sqlite"
	"github.com/bellowsdb/bellows/lint"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

var update = flag.Bool("update", false, "rewrite docs/findings.md")

const intro = `# Findings

What ` + "`bellows plan`" + ` and the library find in a plan before anything runs. The codes are stable.

What is meant can be allowed, with a reason, by a line above the statement, or in the head of the file for all of it:

` + "```sql" + `
-- bellows:allow index-blocks-writes "the table has forty rows"
CREATE INDEX ON settings (name);
` + "```" + `

The plan then shows it as allowed, with the reason. It is a comment to every other program, so it may stand in a folder of any format. A line that allows nothing is a finding itself. Rows in a schema migration, or DDL in a data migration, are allowed with ` + "`mixed:true`" + ` on the section, because without it they are refused.

This file is written by ` + "`go test ./lint -update`" + `.

`

func TestFindingsAreDocumented(t *testing.T) {
	const path = "../docs/findings.md"
	want := intro + lint.Table()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("docs/findings.md differs; go test ./lint -update writes it:\n%s", d)
	}
}

var pg, my, lite = postgres.New(0), mysql.New(mysql.MariaDB, 0), sqlite.New(0)

// Each case is a migration, its statements apart by " ;; ", and what is found in it.
var cases = []struct {
	d    dialect.Dialect
	tx   plan.Tx
	sql  string
	want string
}{
	{pg, plan.TxOne, "ALTER TABLE a ADD COLUMN b int", ""},
	{pg, plan.TxOne, "ALTER TABLE a DROP COLUMN b", "loses-data"},
	{pg, plan.TxOne, "DROP SCHEMA s CASCADE", "loses-data"},
	{pg, plan.TxOne, "CREATE TABLE a (id int) ;; DROP TABLE a", ""},
	{pg, plan.TxOne, "ALTER TABLE a ALTER b TYPE bigint", "rewrite-blocks"},
	{pg, plan.TxOne, "ALTER TABLE a ADD COLUMN b uuid DEFAULT gen_random_uuid()", "rewrite-blocks"},
	{pg, plan.TxOne, "ALTER TABLE a ALTER b SET NOT NULL", "scan-blocks"},
	{pg, plan.TxOne, "ALTER TABLE a ADD PRIMARY KEY (id)", "scan-blocks"},
	{pg, plan.TxOne, "CREATE INDEX ON a (b)", "index-blocks-writes"},
	{pg, plan.TxOne, "CREATE TABLE a (b int) ;; CREATE INDEX ON a (b)", ""},
	{pg, plan.TxEach, "CREATE INDEX CONCURRENTLY i ON a (b)", ""},
	{pg, plan.TxEach, "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a (b)", "index-trusted"},
	{pg, plan.TxEach, "REINDEX TABLE a", "index-blocks-writes"},
	{pg, plan.TxOne, "ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0)", "constraint-scans"},
	{pg, plan.TxOne, "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c", "constraint-scans"},
	{pg, plan.TxOne, "ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0) NOT VALID", ""},
	{pg, plan.TxOne, "ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0) NOT VALID ;; ALTER TABLE a VALIDATE CONSTRAINT c", "validate-with-add"},
	{pg, plan.TxEach, "ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0) NOT VALID ;; ALTER TABLE a VALIDATE CONSTRAINT c", ""},
	{pg, plan.TxEach, "BEGIN ;; ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0) NOT VALID ;; ALTER TABLE a VALIDATE CONSTRAINT c ;; COMMIT", "validate-with-add"},
	{pg, plan.TxOne, "ALTER TABLE a ADD b int ;; ALTER TABLE c ADD d int ;; ALTER TABLE e ADD f int", "several-heavy-locks"},
	{pg, plan.TxOne, "ALTER TABLE a ADD b int ;; ALTER TABLE a ADD c int", ""},
	{pg, plan.TxEach, "ALTER TABLE a ADD b int ;; ALTER TABLE c ADD d int", ""},
	{pg, plan.TxOne, "UPDATE a SET b = 1 ;; ALTER TABLE a ADD c int", "rows-in-schema schema-after-rows"},
	{pg, plan.TxOne, "CREATE TABLE a (id int) ;; INSERT INTO a VALUES (1) ;; ALTER TABLE b ADD c int", ""},
	{pg, plan.TxOne, "ALTER TABLE a FROBNICATE", "unparsed"},
	{my, plan.TxEach, "ALTER TABLE a ADD INDEX (b)", ""},
	{my, plan.TxEach, "CREATE INDEX i ON a (b)", ""},
	{my, plan.TxEach, "ALTER TABLE a DROP b ;; ALTER TABLE c ADD d INT", "loses-data"},
	{lite, plan.TxOne, "CREATE INDEX i ON a (b)", ""},
	{lite, plan.TxOne, "PRAGMA foreign_keys = OFF", "no-effect"},
	{lite, plan.TxOne, "DELETE FROM a", "rows-in-schema loses-data"},
}

func planOf(d dialect.Dialect, tx plan.Tx, sql string) plan.Plan {
	s := plan.Step{
		Move:     revision.Move{ID: "1", Direction: revision.Up},
		Revision: revision.Revision{ID: "1", Kind: revision.Schema, Native: true},
		Script:   revision.Script{Down: &revision.Section{}},
		Tx:       tx,
	}
	for one := range strings.SplitSeq(sql, " ;; ") {
		s.Statements = append(s.Statements, plan.Statement{SQL: one, Effect: d.Classify(one)})
	}
	return plan.Plan{Steps: []plan.Step{s}}
}

func TestFindings(t *testing.T) {
	for _, c := range cases {
		var got []string
		for _, f := range lint.Findings(planOf(c.d, c.tx, c.sql), c.d) {
			got = append(got, string(f.Code))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s, %s: found %v, want %q", c.d.Name(), c.sql, got, c.want)
		}
	}
}

func TestWaysBack(t *testing.T) {
	why := "the rows are gone"
	for _, c := range []struct {
		change func(*plan.Step)
		want   string
	}{
		{func(*plan.Step) {}, ""},
		{func(s *plan.Step) { s.Script.Down = nil }, "no-way-down"},
		{func(s *plan.Step) { s.Script.Down, s.Script.Irreversible = nil, &why }, "irreversible"},
		{func(s *plan.Step) { s.Script.Down, s.Move.Direction = nil, revision.Down }, ""},
		{func(s *plan.Step) { s.Script.Down, s.Revision.Kind = nil, revision.Repeatable }, ""},
		{func(s *plan.Step) { s.Script.Down, s.Script.Go = nil, true }, ""},
	} {
		p := planOf(pg, plan.TxOne, "SELECT 1")
		c.change(&p.Steps[0])
		got := ""
		for _, f := range lint.Findings(p, pg) {
			got += string(f.Code)
		}
		if got != c.want {
			t.Errorf("found %q, want %q", got, c.want)
		}
	}
}

func TestDataMigrationsAreJudgedByTheirRule(t *testing.T) {
	p := planOf(pg, plan.TxOne, "ALTER TABLE a ADD b int")
	p.Steps[0].Revision.Kind = revision.Data
	fs := lint.Findings(p, pg)
	if len(fs) != 1 || fs[0].Code != lint.SchemaInData || fs[0].Severity != lint.Warning || fs[0].Instead == "" {
		t.Errorf("found %v", fs)
	}
}

func TestEveryCodeIsFoundByACase(t *testing.T) {
	known := []string{string(lint.NoWayDown), string(lint.Irreversible), string(lint.SchemaInData), string(lint.AllowUnused)}
	for _, c := range cases {
		known = append(known, strings.Fields(c.want)...)
	}
	for _, code := range lint.Codes() {
		if !slices.Contains(known, string(code)) {
			t.Errorf("no case finds %s", code)
		}
	}
}
