package mysql

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/bellowsdb/bellows/db"
)

var _ db.Host = Driver{}

// usual are the folders in which packages put the server and what makes its data.
var usual = [...]string{"/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/bin", "/usr/local/bin", "/usr/local/mysql/bin", "/opt/homebrew/bin",
	"/opt/homebrew/opt/mariadb*/bin", "/opt/homebrew/opt/mysql*/bin"}

// telling is what a server says of its version: "mariadbd  Ver 10.11.3-MariaDB …",
// "mysqld  Ver 8.0.36 for Linux …".
var telling = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`Ver (\d+)\.(\d+)\.(\d+)(-MariaDB)?`)
})

// Installed finds mariadbd and mysqld. A MariaDB does not stand in for a MySQL, nor
// the other way round: their schemas differ. A URL does not tell which it is, its
// server does.
func (Driver) Installed(m db.Machine, _ string, version int) (found []db.Server, looked []string) {
	folders := slices.Clone(m.Path)
	looked = append(looked, "mariadbd and mysqld in PATH")
	for _, pattern := range usual {
		folders = append(folders, m.Find(pattern)...)
		looked = append(looked, pattern)
	}
	type install struct {
		server  db.Server
		version int
	}
	var all []install
	seen := map[string]bool{}
	for _, bin := range folders {
		for _, name := range []string{"mariadbd", "mysqld"} {
			program := filepath.Join(bin, name)
			if seen[program] || !m.Runs(program) {
				continue
			}
			seen[program] = true
			text, err := m.Tells(program, "--no-defaults", "--version")
			v := telling().FindStringSubmatch(text)
			if err != nil || v == nil {
				continue
			}
			number := versionNumber(strings.Join(v[1:4], "."))
			maria := v[4] != "" || strings.Contains(text, "MariaDB")
			if version > 0 && maria != isMaria(version) {
				continue
			}
			if s, ok := serverOf(m, folders, program, maria, v[1]+"."+v[2]); ok {
				all = append(all, install{s, number})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b install) int {
		return cmp.Compare(distance(a.version, version), distance(b.version, version))
	})
	for _, i := range all {
		if !slices.ContainsFunc(found, func(s db.Server) bool { return s.Key == i.server.Key }) {
			found = append(found, i.server)
		}
	}
	return found, looked
}

// isMaria tells by the version whose server it is: MariaDB's go on from 10.
func isMaria(version int) bool { return version >= 100000 }

func distance(a, b int) int {
	if b == 0 {
		return -a // the newest
	}
	return max(a-b, b-a)
}

// serverOf is a server, where what makes its data is there, too.
func serverOf(m db.Machine, folders []string, program string, maria bool, version string) (db.Server, bool) {
	s := db.Server{Accounts: []string{"mysql", "nobody"}, Stop: int(syscall.SIGKILL), // a polite end takes a second
		URL: "mysql://shadow@unix(" + db.Folder + "/s)/mysql"}
	data := "--datadir=" + db.Folder + "/data"
	common := []string{program, "--no-defaults", data, "--tmpdir=" + db.Folder, "--socket=" + db.Folder + "/s", "--pid-file=" + db.Folder + "/pid",
		"--init-file=" + db.Folder + "/users.sql", "--skip-networking", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M"}
	if !maria {
		s.Name, s.Key = fmt.Sprintf("MySQL %s of %s", version, program), "mysql"+version
		s.Init = []string{program, "--no-defaults", "--initialize-insecure", data}
		s.Files = map[string]string{"users.sql": "CREATE USER IF NOT EXISTS shadow@localhost;\nGRANT ALL PRIVILEGES ON *.* TO shadow@localhost WITH GRANT OPTION;\n"}
		s.Serve = append(common, "--mysqlx=OFF")
		return s, true
	}
	s.Name, s.Key = fmt.Sprintf("MariaDB %s of %s", version, program), "mariadb"+version
	s.Files = map[string]string{"users.sql": "CREATE USER IF NOT EXISTS shadow@localhost IDENTIFIED BY '';\nGRANT ALL PRIVILEGES ON *.* TO shadow@localhost WITH GRANT OPTION;\n"}
	s.Serve = append(common, "--innodb-flush-method=nosync", "--innodb-log-file-size=32M", "--character-set-server=utf8mb4")
	for _, name := range []string{"mariadb-install-db", "mysql_install_db"} {
		for _, folder := range append([]string{filepath.Dir(program)}, folders...) {
			if init := filepath.Join(folder, name); m.Runs(init) {
				s.Init = []string{init, "--no-defaults", data, "--tmpdir=" + db.Folder, "--auth-root-authentication-method=normal", "--skip-test-db"}
				return s, true
			}
		}
	}
	return s, false
}

// Container is the official image of the same version.
func (Driver) Container(near string, version int) db.Container {
	maria := isMaria(version) || version == 0 && strings.HasPrefix(near, "mariadb:")
	c := db.Container{Data: "/var/lib/mysql", Port: 3306, URL: "mysql://root:" + db.Secret + "@127.0.0.1:" + db.Port + "/mysql",
		Args: []string{"--innodb-flush-log-at-trx-commit=0", "--skip-log-bin"}}
	name, tag := "mysql", "latest"
	if maria {
		name = "mariadb"
	}
	c.Env = []string{strings.ToUpper(name) + "_ROOT_PASSWORD=" + db.Secret}
	if version > 0 {
		tag = strconv.Itoa(version/10000) + "." + strconv.Itoa(version/100%100)
	}
	c.Image = "docker.io/library/" + name + ":" + tag // in full: podman need not know where it is
	return c
}

// Alike makes a database with the character set and the order of texts of the other
// one: those beside it get them.
func (d Driver) Alike(ctx context.Context, from, to string) (string, error) {
	source, name, err := besides(ctx, from)
	if err != nil {
		return to, nil // what cannot be asked is not needed before somebody says so
	}
	defer source.Close()
	rows, err := db.Texts(ctx, source, "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata WHERE schema_name = ?", name)
	if err != nil || len(rows) == 0 {
		return to, err
	}
	c, _, err := besides(ctx, to)
	if err != nil {
		return "", err
	}
	defer c.Close()
	like := "bellows_like_" + rows[0][1]
	if _, err := c.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+c.dialect.Quote(like)+" CHARACTER SET "+rows[0][0]+" COLLATE "+rows[0][1]); err != nil {
		return "", err
	}
	return d.Beside(to, like)
}
