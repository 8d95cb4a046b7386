package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bellowsdb/bellows/internal/testdb"
)

// TestSchemaOnServers runs the scripts about schemas that need a server: POSTGRES,
// EMPTY and MARIADB name empty databases, LIMITED one of a user who may not make others.
func TestSchemaOnServers(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/servers",
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			t := e.T().(testing.TB)
			postgres := testdb.Postgres(t)
			e.Setenv("POSTGRES", postgres)
			e.Setenv("EMPTY", testdb.Postgres(t))
			e.Setenv("LIMITED", testdb.Restricted(t, postgres))
			e.Setenv("MARIADB", testdb.MariaDB(t))
			return os.CopyFS(filepath.Join(e.WorkDir, "posts"), os.DirFS("../../examples/posts/migrations"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exitsWith},
	})
}
