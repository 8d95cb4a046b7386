package testdb

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const postgres = "postgres"

// help is what to do when a server is not there.
const help = "run `make deps`, or name a server in "

// install is one PostgreSQL on this machine.
type install struct {
	bin   string
	major int
}

// CacheDir is where downloaded servers are kept, for all clones of this user.
// Accounts that run servers for root cannot look into root's home.
func CacheDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/cache/bellows-testdb", nil
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "bellows-testdb"), err
}

func postgresServer() (Server, error) {
	if raw := os.Getenv("BELLOWS_TEST_POSTGRES"); raw != "" {
		return named(postgres, raw)
	}
	in, err := preferredPostgres()
	if err != nil {
		return Server{}, err
	}
	return in.recipe().share()
}

func benchPostgres() (Server, error) {
	in, err := preferredPostgres()
	if err != nil {
		return Server{}, err
	}
	r := in.recipe()
	r.kind += "-durable"
	r.commands, r.disk = in.durable, true
	return r.share()
}

// named is a server that the environment names.
func named(engine, raw string) (Server, error) {
	if _, err := url.Parse(raw); err != nil {
		return Server{}, fmt.Errorf("the URL of the %s test server cannot be read", engine)
	}
	s := Server{Engine: engine, admin: raw}
	var err error
	s.Major, err = s.engine().major(raw)
	return s, err
}

// preferredPostgres is the PostgreSQL that tests use when they ask for no major.
func preferredPostgres() (install, error) {
	found := postgresInstalls()
	want := os.Getenv("BELLOWS_TEST_POSTGRES_MAJOR")
	for _, in := range found {
		if want == "" || want == strconv.Itoa(in.major) {
			return in, nil
		}
	}
	if want != "" {
		return install{}, fmt.Errorf("no PostgreSQL %s found: run `make deps-matrix`", want)
	}
	return install{}, errors.New("no PostgreSQL found: " + help + "BELLOWS_TEST_POSTGRES")
}

func postgresMajors(want string) ([]Server, error) {
	chosen, err := chooseMajors(postgresInstalls(), want)
	if err != nil {
		return nil, err
	}
	var servers []Server
	for _, in := range chosen {
		s, err := in.recipe().share()
		if err != nil {
			return nil, err
		}
		servers = append(servers, s)
	}
	return servers, nil
}

// chooseMajors picks one install of each wanted major, oldest first.
func chooseMajors(found []install, want string) ([]install, error) {
	byMajor := map[int]install{}
	var majors []int
	for _, in := range found {
		if _, ok := byMajor[in.major]; !ok {
			byMajor[in.major] = in
			majors = append(majors, in.major)
		}
	}
	if len(majors) == 0 {
		return nil, errors.New("no PostgreSQL found: run `make deps`")
	}
	switch want {
	case "all":
	case "":
		majors = []int{slices.Min(majors), majors[0], slices.Max(majors)}
	default:
		majors = nil
		for _, word := range strings.Split(want, ",") {
			n, err := strconv.Atoi(strings.TrimSpace(word))
			if _, ok := byMajor[n]; err != nil || !ok {
				return nil, fmt.Errorf("no PostgreSQL %s found: run `make deps-matrix`", word)
			}
			majors = append(majors, n)
		}
	}
	slices.Sort(majors)
	var chosen []install
	for _, m := range slices.Compact(majors) {
		chosen = append(chosen, byMajor[m])
	}
	return chosen, nil
}

// postgresInstalls are the PostgreSQL servers on this machine: first those of the
// system, which come with all their programs, then the downloaded ones.
func postgresInstalls() []install {
	bins := filepath.SplitList(os.Getenv("PATH"))
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		bins = append(bins, strings.TrimSpace(string(out)))
	}
	bins = append(bins, newestFirst("/usr/lib/postgresql/*/bin")...)
	if dir, err := CacheDir(); err == nil {
		bins = append(bins, newestFirst(filepath.Join(dir, "postgres-*", "bin"))...)
	}
	var found []install
	seen := map[string]bool{}
	for _, bin := range bins {
		if seen[bin] || !filepath.IsAbs(bin) || !hasPrograms(bin, "initdb", "postgres") {
			continue
		}
		seen[bin] = true
		if major, err := binaryMajor(bin); err == nil {
			found = append(found, install{bin, major})
		}
	}
	return found
}

func newestFirst(pattern string) []string {
	dirs, _ := filepath.Glob(pattern) // the only error is a bad pattern
	slices.Sort(dirs)
	slices.Reverse(dirs)
	return dirs
}

func hasPrograms(bin string, names ...string) bool {
	for _, name := range names {
		info, err := os.Stat(filepath.Join(bin, name))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

// binaryMajor reads "postgres (PostgreSQL) 15.18 (Debian …)".
func binaryMajor(bin string) (int, error) {
	out, err := exec.Command(filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return 0, err
	}
	_, version, _ := strings.Cut(string(out), "(PostgreSQL) ")
	digits := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		return 0, fmt.Errorf("%s tells no version: %q", bin, out)
	}
	return strconv.Atoi(version[:digits])
}

func (in install) recipe() recipe {
	return recipe{
		kind:     fmt.Sprintf("postgres%d", in.major),
		engine:   postgres,
		bin:      in.bin,
		accounts: []string{"postgres", "nobody"},
		stop:     syscall.SIGQUIT,
		commands: in.careless,
		files:    map[string]string{"pw": Password + "\n"},
		admin: func(port int) string {
			return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/postgres?sslmode=disable", User, Password, port)
		},
	}
}

// carelessSettings lose data only when the machine stops, never when the server does.
var carelessSettings = []string{"fsync=off", "full_page_writes=off", "shared_buffers=32MB"}

// careless serves without ever waiting for the disk.
func (in install) careless(dir string, port int) [][]string {
	return in.commands(dir, port, carelessSettings...)
}

// durable serves with the settings of a real server.
func (in install) durable(dir string, port int) [][]string {
	return in.commands(dir, port, "shared_buffers=128MB")
}

func (in install) commands(dir string, port int, settings ...string) [][]string {
	data := filepath.Join(dir, "data")
	initdb := []string{filepath.Join(in.bin, "initdb"), "-D", data, "-U", User,
		"--pwfile=" + filepath.Join(dir, "pw"), "--auth=scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"}
	serve := []string{filepath.Join(in.bin, "postgres"), "-D", data, "-p", strconv.Itoa(port), "-h", "127.0.0.1", "-k", dir}
	settings = append(settings, "max_connections=300", "jit=off", "timezone=UTC")
	if runtime.GOOS == "linux" {
		settings = append(settings, "dynamic_shared_memory_type=mmap") // /dev/shm is tiny in containers
	}
	for _, setting := range settings {
		serve = append(serve, "-c", setting)
	}
	return [][]string{initdb, serve}
}

// postgresMajor asks the server; [errUnreachable] when it does not answer.
func postgresMajor(admin string) (int, error) {
	var number string
	err := onPostgres(admin, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, "SHOW server_version_num").Scan(&number)
	})
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(number)
	return n / 10000, err
}

// onPostgres does something on a connection of its own.
func onPostgres(raw string, do func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := withLimit()
	defer cancel()
	c, err := pgx.Connect(ctx, raw)
	if err != nil {
		var refused *pgconn.PgError
		if errors.As(err, &refused) {
			return err
		}
		return fmt.Errorf("%w: %w", errUnreachable, err)
	}
	defer c.Close(ctx)
	return do(ctx, c)
}

// execPostgres runs statements, each by itself.
func execPostgres(raw string, statements ...string) error {
	return onPostgres(raw, func(ctx context.Context, c *pgx.Conn) error {
		for _, sql := range statements {
			if _, err := c.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
				return err
			}
		}
		return nil
	})
}

// createPostgres clones the empty template. Nobody can be connected to it, so
// clones never wait for each other. Copying files beats writing them to the log,
// the default since 15, by a factor of two.
func createPostgres(s Server, name string) error {
	sql := "CREATE DATABASE " + name + " TEMPLATE template0"
	if s.Major >= 15 {
		sql += " STRATEGY file_copy"
	}
	return execPostgres(s.admin, sql)
}

func dropPostgres(s Server, name string) error {
	return execPostgres(s.admin, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
}
