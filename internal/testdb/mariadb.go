package testdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/go-sql-driver/mysql"
)

const mariadb = "mariadb"

func mariadbServer() (Server, error) {
	if raw := os.Getenv("BELLOWS_TEST_MARIADB"); raw != "" {
		return named(mariadb, raw)
	}
	r, err := mariadbRecipe()
	if err != nil {
		return Server{}, err
	}
	return r.share()
}

func mariadbRecipe() (recipe, error) {
	r := recipe{
		kind:     mariadb,
		engine:   mariadb,
		accounts: []string{"mysql", "nobody"},
		stop:     syscall.SIGKILL, // its data is thrown away, and a polite end takes a second
		files:    map[string]string{"users.sql": mariadbUsers},
		admin: func(port int) string {
			return fmt.Sprintf("mysql://%s:%s@127.0.0.1:%d/mysql", User, Password, port)
		},
	}
	if mysqld := os.Getenv(mysqldEnv); mysqld != "" {
		return mysqlRecipe(mysqld, r), nil
	}
	server, err := program("mariadbd", "mysqld")
	if err != nil {
		return recipe{}, err
	}
	initialise, err := program("mariadb-install-db", "mysql_install_db")
	if err != nil {
		return recipe{}, err
	}
	r.bin = filepath.Dir(server)
	r.commands = func(dir string, port int) [][]string { return mariadbCommands(server, initialise, dir, port) }
	return r, nil
}

// mariadbUsers is run by the server at each start, before it answers anybody.
const mariadbUsers = `CREATE USER IF NOT EXISTS ` + User + `@'%' IDENTIFIED BY '` + Password + `';
GRANT ALL PRIVILEGES ON *.* TO ` + User + `@'%' WITH GRANT OPTION;
DROP USER IF EXISTS ''@'localhost';
`

// program is the path of the first of the programs that is installed. Debian
// keeps servers where an ordinary user's PATH does not look.
func program(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
		for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/opt/homebrew/bin", "/usr/local/bin"} {
			if hasPrograms(dir, name) {
				return filepath.Join(dir, name), nil
			}
		}
	}
	return "", fmt.Errorf("no MariaDB found (%s): %sBELLOWS_TEST_MARIADB", names[0], help)
}

// mariadbCommands make the data folder unless it is there, then serve. A commit is
// handed to the operating system, so that it survives a killed server. A server that starts deletes all temporary
// tables in its folder for them, also those of others.
func mariadbCommands(server, initialise, dir string, port int) [][]string {
	data := filepath.Join(dir, "data")
	return [][]string{
		{"/bin/sh", "-c", `test -d "$2/mysql" || "$1" --no-defaults --datadir="$2" --tmpdir="$3" --auth-root-authentication-method=normal --skip-test-db`,
			"sh", initialise, data, dir},
		{server, "--no-defaults", "--datadir=" + data, "--tmpdir=" + dir,
			"--port=" + strconv.Itoa(port), "--bind-address=127.0.0.1", "--skip-name-resolve",
			"--socket=" + filepath.Join(dir, "socket"), "--pid-file=" + filepath.Join(dir, "pid"),
			"--init-file=" + filepath.Join(dir, "users.sql"),
			"--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M",
			"--innodb-flush-method=nosync", "--skip-log-bin", "--max-connections=300",
			"--character-set-server=utf8mb4"},
	}
}

// mariadbMajor asks the server; [errUnreachable] when it does not answer.
func mariadbMajor(admin string) (int, error) {
	var version string
	err := onMariaDB(admin, func(ctx context.Context, db *sql.DB) error {
		return db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version)
	})
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(version, ".")
	return strconv.Atoi(first)
}

// onMariaDB does something on a connection of its own.
func onMariaDB(raw string, do func(context.Context, *sql.DB) error) error {
	u := parse(raw)
	config := mysql.NewConfig()
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.Net, config.Addr, config.DBName = "tcp", u.Host, strings.TrimPrefix(u.Path, "/")
	config.Logger = silent{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	ctx, cancel := withLimit()
	defer cancel()
	err = do(ctx, db)
	var dial net.Error
	if errors.As(err, &dial) || errors.Is(err, mysql.ErrInvalidConn) {
		return fmt.Errorf("%w: %w", errUnreachable, err)
	}
	return err
}

// silent keeps the driver's remarks about a server that is still starting out of
// the test's output.
type silent struct{}

func (silent) Print(...any) {}

// execMariaDB runs statements, each by itself.
func execMariaDB(raw string, statements ...string) error {
	return onMariaDB(raw, func(ctx context.Context, db *sql.DB) error {
		for _, text := range statements {
			if _, err := db.ExecContext(ctx, text); err != nil {
				return err
			}
		}
		return nil
	})
}

func createMariaDB(s Server, name string) error {
	return execMariaDB(s.admin, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4")
}

func dropMariaDB(s Server, name string) error {
	return execMariaDB(s.admin, "DROP DATABASE IF EXISTS "+name)
}
