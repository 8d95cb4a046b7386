package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bellowsdb/bellows/internal/testdb"
)

// TestSchemaOnServers runs the scripts about schemas that need a server: POSTGRES,
// EMPTY, MARIADB and SPARE name empty databases, LIMITED and FEWRIGHTS are the first of
// each server for a user who may not make others.
// DUMPS is what a proof says of the client of the server's version.
func TestSchemaOnServers(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/servers",
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			t := e.T().(testing.TB)
			server := testdb.PostgresServer(t)
			postgres := server.Database(t)
			e.Setenv("POSTGRES", postgres)
			e.Setenv("EMPTY", testdb.Postgres(t))
			e.Setenv("LIMITED", testdb.Restricted(t, postgres))
			mariadb := testdb.MariaDB(t)
			e.Setenv("MARIADB", mariadb)
			e.Setenv("SPARE", testdb.MariaDB(t))
			e.Setenv("FEWRIGHTS", testdb.Restricted(t, mariadb))
			if server.Major < 15 {
				// What others may do there is no part of how that user is limited.
				if err := execute(postgres, "GRANT CREATE ON SCHEMA public TO PUBLIC"); err != nil {
					return err
				}
			}
			e.Setenv("DUMPS", "the database.s own dump of the schema")
			if server.Major > testdb.PgDump(t) {
				e.Setenv("DUMPS", "without the database.s own dump, whose client is not at hand")
			}
			return os.CopyFS(filepath.Join(e.WorkDir, "posts"), os.DirFS("../../examples/posts/migrations"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exitsWith},
	})
}

// TestTables keeps the picture in docs/schema.md what inspect draws.
func TestTables(t *testing.T) {
	golden(t, "../../docs/tables.svg", runLine(t, sandbox(t, "inspect"), "bellows inspect --svg"))
}

// TestWritten keeps the migration in docs/schema.md what diff writes, and the
// recipes what make recipes runs.
func TestWritten(t *testing.T) {
	dir := sandbox(t, "diff")
	runLine(t, dir, "bellows diff headlines --schema schema.sql")
	written := runLine(t, dir, "cat migrations/*_headlines.sql")
	text, err := os.ReadFile("../../docs/schema.md")
	if err != nil {
		t.Fatal(err)
	}
	// Which SQLite it was is no part of what the page shows.
	server := regexp.MustCompile(`Proven on sqlite \d+`)
	written, page := server.ReplaceAllString(written, "Proven on sqlite"), server.ReplaceAllString(string(text), "Proven on sqlite")
	shown := map[string]string{"sql": written}
	for kind, name := range map[string]string{"python": "sqlalchemy/print_ddl.py", "js": "sequelize/print_ddl.js", "javascript": "prisma/print_ddl.mjs", "go": "gorm/print_ddl.go"} {
		program, err := os.ReadFile("../../recipes/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		shown[kind] = string(program)
	}
	for kind, want := range shown {
		if !strings.Contains(page, "```"+kind+"\n"+want+"```\n") {
			t.Errorf("docs/schema.md does not show\n%s", want)
		}
	}
}
