package testdb

import (
	"path/filepath"
	"testing"
)

// Standby starts a server that replays what a private PostgreSQL server writes.
// It is gone at the end of the test.
func (p *Private) Standby(t testing.TB) *Private {
	t.Helper()
	r := p.recipe
	plain := r.commands
	initdb, err := filepath.EvalSymlinks(filepath.Join(r.bin, "initdb")) // beside which the other programs are
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	copied := []string{filepath.Join(filepath.Dir(initdb), "pg_basebackup"), "-d", p.AdminURL() + "&application_name=standby", "-R", "-X", "stream", "-c", "fast", "-D"}
	r.commands = func(dir string, port int) [][]string {
		all := plain(dir, port)
		all[0] = append(copied[:len(copied):len(copied)], filepath.Join(dir, "data"))
		return all
	}
	return private(t, r)
}
