//go:build recipes

package recipes

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows/internal/testdb"
)

// recipe is how the models of a program are printed.
type recipe struct{ name, install, exec string }

// sqlalchemy takes what is there for the python3 in PATH, or for that of the
// distribution's packages, and installs it where it is nowhere.
const sqlalchemy = `for python in "$(command -v python3)" /usr/bin/python3; do
	if "$python" -c 'import sqlalchemy' 2>/dev/null; then mkdir -p venv/bin && printf '#!/bin/sh\nexec "%s" "$@"\n' "$python" >venv/bin/python3 && chmod +x venv/bin/python3; exit; fi
done
python3 -m venv venv && venv/bin/pip install -q -r requirements.txt`

var all = []recipe{
	{"sqlalchemy", sqlalchemy, "PATH=$PWD/venv/bin:$PATH python3 print_ddl.py"},
	{"sequelize", "npm install --no-audit --no-fund --silent", "node print_ddl.js"},
	{"prisma", "npm install --no-audit --no-fund --silent", "node print_ddl.mjs"},
	{"gorm", "GOFLAGS=-mod=mod go build -o print_ddl .", "./print_ddl"},
}

// The models become a migration; once it is applied nothing differs any more.
func TestRecipes(t *testing.T) {
	program := filepath.Join(t.TempDir(), "bellows")
	run(t, ".", "go build -o '"+program+"' ../cmd/bellows")
	for _, r := range all {
		t.Run(r.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", r.name))); err != nil {
				t.Fatal(err)
			}
			run(t, dir, r.install)
			toml := fmt.Sprintf("url = %q\nschema = { exec = %q }\n", testdb.Postgres(t), r.exec)
			for name, text := range map[string]string{"bellows.toml": toml, "migrations/.keep": ""} {
				path := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			run(t, dir, program+" diff models")
			if migration := run(t, dir, "cat migrations/*_models.sql"); strings.Count(migration, "CREATE TABLE") != 2 {
				t.Errorf("not two tables:\n%s", migration)
			}
			run(t, dir, program+" up")
			if got := run(t, dir, program+" diff --check"); got != "no difference\n" {
				t.Error(got)
			}
			run(t, dir, program+" verify")
		})
	}
}

// run runs a line in a shell and gives its output.
func run(t *testing.T, dir, line string) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}
