package postgres

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/bellowsdb/bellows/db"
)

var _ db.Host = Driver{}

// usual are the folders in which packages put the server's programs.
var usual = [...]string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin",
	"/usr/local/opt/postgresql*/bin", "/Library/PostgreSQL/*/bin", "/Applications/Postgres.app/Contents/Versions/*/bin"}

// Installed finds initdb and postgres. The nearest is of the same major version, or
// of the next one up, or down.
func (Driver) Installed(m db.Machine, _ string, version int) (found []db.Server, looked []string) {
	folders := slices.Clone(m.Path)
	looked = append(looked, "initdb and postgres in PATH")
	for _, pattern := range usual {
		folders = append(folders, m.Find(pattern)...)
		looked = append(looked, pattern)
	}
	type install struct {
		bin   string
		major int
	}
	var all []install
	for _, bin := range folders {
		server := filepath.Join(bin, "postgres")
		if slices.ContainsFunc(all, func(i install) bool { return i.bin == bin }) || !m.Runs(server) || !m.Runs(filepath.Join(bin, "initdb")) {
			continue
		}
		text, err := m.Tells(server, "--version")
		if major := majorIn(text); err == nil && major > 0 {
			all = append(all, install{bin, major})
		}
	}
	want := version / 10000
	far := func(i install) int {
		switch {
		case want == 0:
			return -i.major // the newest
		case i.major >= want:
			return 2 * (i.major - want)
		}
		return 2*(want-i.major) + 1
	}
	slices.SortStableFunc(all, func(a, b install) int { return cmp.Compare(far(a), far(b)) })
	for _, i := range all {
		found = append(found, server(i.bin, i.major))
	}
	return found, looked
}

// majorIn reads "postgres (PostgreSQL) 15.18 (Debian …)".
func majorIn(text string) int {
	_, rest, _ := strings.Cut(text, "(PostgreSQL) ")
	end := strings.IndexFunc(rest+" ", func(r rune) bool { return r < '0' || r > '9' })
	major, _ := strconv.Atoi(rest[:min(end, len(rest))])
	return major
}

// server keeps nothing on the disk for certain, and nobody but the user of its
// folder reaches it.
func server(bin string, major int) db.Server {
	return db.Server{
		Name: fmt.Sprintf("PostgreSQL %d of %s", major, bin), Key: fmt.Sprintf("postgres%d", major),
		Accounts: []string{"postgres", "nobody"},
		Init:     []string{filepath.Join(bin, "initdb"), "-D", db.Folder + "/data", "-U", "shadow", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"},
		Serve: []string{filepath.Join(bin, "postgres"), "-D", db.Folder + "/data", "-k", db.Folder, "-c", "listen_addresses=", "-c", "unix_socket_permissions=0777",
			"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_connections=40", "-c", "shared_buffers=64MB",
			"-c", "max_locks_per_transaction=1024", "-c", "wal_level=minimal", "-c", "max_wal_senders=0"},
		Stop: int(syscall.SIGQUIT),
		URL:  "postgres://shadow@/postgres?host=" + db.Folder,
	}
}

// Container is the official image of the same major version.
func (Driver) Container(_ string, version int) db.Container {
	image := "docker.io/library/postgres:latest" // in full: podman need not know where postgres is
	if version > 0 {
		image = fmt.Sprintf("docker.io/library/postgres:%d", version/10000)
	}
	return db.Container{Image: image, Env: []string{"POSTGRES_USER=shadow", "POSTGRES_PASSWORD=" + db.Secret}, Data: "/var/lib/postgresql", Port: 5432,
		Args: []string{"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"},
		URL:  "postgres://shadow:" + db.Secret + "@127.0.0.1:" + db.Port + "/postgres?sslmode=disable"}
}

// Alike makes the roles of the other server, which grants and owners may name; they
// cannot log in.
func (d Driver) Alike(ctx context.Context, from, to string) (string, error) {
	source, err := d.Open(ctx, from, db.Options{ReadOnly: true})
	if err != nil {
		return to, nil // what cannot be asked is not needed before somebody says so
	}
	defer source.Close()
	theirs, err := db.Texts(ctx, source, "SELECT rolname FROM pg_catalog.pg_roles WHERE NOT pg_catalog.starts_with(rolname, 'pg_') ORDER BY 1")
	if err != nil {
		return "", err
	}
	c, err := d.Open(ctx, to, db.Options{})
	if err != nil {
		return "", err
	}
	defer c.Close()
	have, err := db.Texts(ctx, c, "SELECT rolname FROM pg_catalog.pg_roles")
	if err != nil {
		return "", err
	}
	for _, role := range theirs {
		if slices.ContainsFunc(have, func(r []string) bool { return r[0] == role[0] }) {
			continue
		}
		if _, err := c.Exec(ctx, "CREATE ROLE "+c.Dialect().Quote(role[0])); err != nil {
			return "", err
		}
	}
	return to, nil
}
