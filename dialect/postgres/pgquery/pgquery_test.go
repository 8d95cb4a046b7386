package pgquery_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pg_query "github.com/pganalyze/pg_query_go/v6"

	"github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/sqltext"
	"github.com/bellowsdb/bellows/sqltext/sqltexttest"
)

// more is the environment variable that names a folder of further files, such
// as src/test/regress/sql of PostgreSQL's source.
const more = "BELLOWS_PGQUERY_FILES"

// TestAgainstPostgresParser gives each piece to PostgreSQL's own parser, which
// must see one statement in it; and where it refuses a piece, as it does many
// of a regression suite, that piece must not be half of what it takes.
func TestAgainstPostgresParser(t *testing.T) {
	files, err := filepath.Glob("../testdata/oracle/*.sql")
	if err != nil || len(files) < 5 {
		t.Fatalf("the corpus is %v (%v)", files, err)
	}
	if dir := os.Getenv(more); dir != "" {
		others, err := filepath.Glob(filepath.Join(dir, "*.sql"))
		if err != nil || len(others) == 0 {
			t.Fatalf("no files in %s: %v", dir, err)
		}
		files = append(files, others...)
	}
	var all counts
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.compare(t, file, strings.ToValidUTF8(string(data), "?"))
	}
	t.Logf("%d files: %d pieces, %d statements of one piece each, %d refused by PostgreSQL's parser, %d files that its splitter cuts at the same places",
		len(files), all.pieces, all.good, all.refused, all.same)
	if all.good == 0 || all.refused > all.pieces/10 {
		t.Error("too little was compared")
	}
}

type counts struct{ pieces, good, refused, same int }

func (c *counts) compare(t *testing.T, file, text string) {
	var valid []string
	refused := ""
	for _, sql := range pieces(t, file, text) {
		c.pieces++
		tree, err := pg_query.Parse(sql)
		switch {
		case err != nil:
			c.refused++
			if refused != "" {
				if _, err := pg_query.Parse(refused + ";" + sql); err == nil {
					t.Errorf("%s: cut in two: %s;%s", file, refused, sql)
				}
			}
			refused = sql
			continue
		case len(tree.Stmts) != 1:
			t.Errorf("%s: %d statements in one piece: %s", file, len(tree.Stmts), sql)
		default:
			c.good++
			valid = append(valid, sql)
		}
		refused = ""
	}
	c.split(t, file, valid)
}

// split joins the valid pieces again: both splitters of PostgreSQL's parser must
// cut them where we do.
func (c *counts) split(t *testing.T, file string, valid []string) {
	theirs, err := pg_query.SplitWithParser(strings.Join(valid, ";\n"), true)
	if err != nil || len(theirs) != len(valid) {
		t.Errorf("%s: %d pieces here, %d there: %v", file, len(valid), len(theirs), err)
		return
	}
	for i, sql := range theirs {
		if strings.TrimSpace(sql) != valid[i] {
			t.Errorf("%s: here %q, there %q", file, valid[i], sql)
			return
		}
	}
	c.same++
}

// pieces cuts a text without what the cutter refuses in it, such as psql's
// commands and a COPY that was never meant to work.
func pieces(t *testing.T, file, text string) []string {
	for range 5000 {
		var found []string
		var refusal error
		for st, err := range postgres.Split(text, sqltext.Options{File: file}) {
			if err != nil {
				refusal = err
				break
			}
			if st.Kind == sqltext.SQL || st.Kind == sqltext.Copy {
				found = append(found, st.Text)
			}
		}
		if refusal == nil {
			sqltexttest.Check(t, text, sqltext.Options{File: file}, postgres.Split)
			return found
		}
		var f *fault.Error
		if !errors.As(refusal, &f) {
			t.Fatal(refusal)
		}
		text = without(text, f.Pos.Line, f.Pos.Column)
	}
	t.Fatalf("%s: no end of refusals", file)
	return nil
}

// without ends the statement at a place and takes out the rest of its line.
func without(text string, line, column int) string {
	at := 0
	for ; line > 1; line-- {
		at += strings.IndexByte(text[at:], '\n') + 1
	}
	for ; column > 1; column-- {
		at++
		for at < len(text) && text[at]&0xC0 == 0x80 {
			at++
		}
	}
	end := sqltext.Line(text, at)
	return text[:at] + ";" + text[end:]
}
