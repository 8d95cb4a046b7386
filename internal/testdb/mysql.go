package testdb

import (
	"path/filepath"
	"strconv"
)

// mysqldEnv names the program of a MySQL server that stands in for MariaDB in the
// tests of databases that speak its language. Few systems have both.
const mysqldEnv = "BELLOWS_TEST_MYSQLD"

// mysqlRecipe is how a throwaway MySQL server is made with that program.
func mysqlRecipe(server string, like recipe) recipe {
	like.kind, like.bin = "mysql", filepath.Dir(server)
	like.commands = func(dir string, port int) [][]string { return mysqlCommands(server, dir, port) }
	return like
}

// mysqlCommands make the data folder unless it is there, then serve.
func mysqlCommands(server, dir string, port int) [][]string {
	data := filepath.Join(dir, "data")
	return [][]string{
		{"/bin/sh", "-c", `test -d "$2/mysql" || "$1" --no-defaults --initialize-insecure --datadir="$2" --tmpdir="$3" --secure-file-priv=`,
			"sh", server, data, dir},
		{server, "--no-defaults", "--datadir=" + data, "--tmpdir=" + dir, "--secure-file-priv=",
			"--port=" + strconv.Itoa(port), "--bind-address=127.0.0.1", "--skip-name-resolve", "--mysqlx=OFF",
			"--socket=" + filepath.Join(dir, "socket"), "--pid-file=" + filepath.Join(dir, "pid"),
			"--init-file=" + filepath.Join(dir, "users.sql"),
			"--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M", "--innodb-redo-log-capacity=64M",
			"--skip-log-bin", "--max-connections=300", "--character-set-server=utf8mb4"},
	}
}
