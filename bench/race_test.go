package bench

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/internal/testdb"
)

const begin, commit = "BEGIN;\n", "COMMIT;\n"

// up is the command that is measured.
func up(b *testing.B, dir, url string, more ...string) []string {
	ours, _ := programs(b)
	return append([]string{ours, "up", "--dir", dir, "--url", url}, more...)
}

// psql runs a script as the client of the database would.
func psql(url, file string, more ...string) []string {
	return append([]string{"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", file, url}, more...)
}

// shell runs a script in the sqlite3 shell.
func shell(b *testing.B, url, file string) []string {
	return []string{"sqlite3", "-bail", strings.TrimPrefix(url, "sqlite:"), ".read " + file}
}

// sqliteIn is a new file whose journal is of that mode.
func sqliteIn(b *testing.B, mode string) string {
	b.Helper()
	url := testdb.SQLite(b)
	c, err := bellows.Connect(context.Background(), url)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Exec(context.Background(), "PRAGMA journal_mode = "+mode); err != nil {
		b.Fatal(err)
	}
	return url
}

// mariadb runs a script in MariaDB's client.
func mariadb(b *testing.B, raw, file string) []string {
	u, err := url.Parse(raw)
	if err != nil {
		b.Fatal(err)
	}
	password, _ := u.User.Password()
	client := "mariadb"
	if _, err := exec.LookPath(client); err != nil {
		client = "mysql"
	}
	options := filepath.Join(b.TempDir(), "client.cnf")
	write(b, options, "[client]\nuser="+u.User.Username()+"\npassword="+password+"\n")
	return []string{client, "--defaults-extra-file=" + options, "--host=" + u.Hostname(), "--port=" + u.Port(), "--protocol=tcp", strings.TrimPrefix(u.Path, "/"), "-e", "source " + file}
}

// BenchmarkApply applies 1,000 migrations, each in a transaction of its own.
// The floor is the client with the same SQL, a transaction each, in one session.
func BenchmarkApply(b *testing.B) {
	const n = 1000
	dir := folder(b, n, tables)
	each := script(b, n, tables, begin, commit)
	b.Run("postgres/each", func(b *testing.B) {
		race(b, "psql", func(b *testing.B) []string { return up(b, dir, testdb.BenchPostgres(b)) },
			func(b *testing.B) []string { return psql(testdb.BenchPostgres(b), each) })
	})
	all := script(b, n, tables, "", "")
	b.Run("postgres/single", func(b *testing.B) {
		race(b, "psql-1", func(b *testing.B) []string {
			return up(b, dir, testdb.BenchPostgres(b), "--single-transaction")
		}, func(b *testing.B) []string { return psql(testdb.BenchPostgres(b), all, "-1") })
	})
	for _, mode := range []string{"delete", "wal"} { // the usual one first
		b.Run("sqlite/"+mode, func(b *testing.B) {
			race(b, "sqlite3", func(b *testing.B) []string { return up(b, dir, sqliteIn(b, mode)) },
				func(b *testing.B) []string { return shell(b, sqliteIn(b, mode), each) })
		})
	}
	b.Run("mariadb/each", func(b *testing.B) {
		race(b, "mariadb", func(b *testing.B) []string { return up(b, dir, testdb.MariaDB(b)) },
			func(b *testing.B) []string { return mariadb(b, testdb.MariaDB(b), all) })
	})
}

// BenchmarkNothingPending runs up over 5,000 applied files, whose checksums are
// compared. The floor is goose, which reads names only.
func BenchmarkNothingPending(b *testing.B) {
	const n = 5000
	dir, theirs := folder(b, n, tables), gooseFolder(b, n, tables)
	_, goose := programs(b)
	b.Run("postgres", func(b *testing.B) {
		ours, other := testdb.BenchPostgres(b), testdb.BenchPostgres(b)
		stamp(b, ours, dir)
		stampGoose(b, other, "postgres", other, n)
		race(b, "goose", func(b *testing.B) []string { return up(b, dir, ours) },
			func(*testing.B) []string { return []string{goose, "postgres", other, theirs} })
	})
	b.Run("sqlite", func(b *testing.B) {
		ours, other := testdb.SQLite(b), testdb.SQLite(b)
		file := strings.TrimPrefix(other, "sqlite:")
		stamp(b, ours, dir)
		stampGoose(b, other, "sqlite3", file, n)
		race(b, "goose", func(b *testing.B) []string { return up(b, dir, ours) },
			func(*testing.B) []string { return []string{goose, "sqlite3", file, theirs} })
	})
}

// stamp records a whole folder as applied.
func stamp(b *testing.B, url, dir string) {
	b.Helper()
	m, err := bellows.Open(context.Background(), url, bellows.Options{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Stamp(context.Background(), bellows.Heads, bellows.StampOptions{}); err != nil {
		b.Fatal(err)
	}
}

// stampGoose records the same for goose.
func stampGoose(b *testing.B, url, driver, dsn string, n int) {
	b.Helper()
	_, goose := programs(b)
	measure(b, goose, driver, dsn, gooseFolder(b, 1, tables))
	c, err := bellows.Connect(context.Background(), url)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	var rows []string
	for i := 1; i < n; i++ {
		rows = append(rows, fmt.Sprintf("(%d, true)", firstID+i))
	}
	if _, err := c.Exec(context.Background(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES "+strings.Join(rows, ", ")); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPeak tells the most memory that up takes while it applies 5,000
// migrations, and with nothing pending afterwards. They leave one table behind: what
// a database keeps of its own tables in the client's memory is not ours, see tables.
func BenchmarkPeak(b *testing.B) {
	const n = 5000
	for _, k := range []struct {
		name  string
		fresh func(testing.TB) string
		does  migration
	}{{"postgres", testdb.Postgres, flips}, {"mariadb", testdb.MariaDB, notes}, {"sqlite", testdb.SQLite, flips}, {"postgres/tables", testdb.Postgres, tables}, {"sqlite/tables", testdb.SQLite, tables}} {
		b.Run(k.name, func(b *testing.B) {
			dir, url := folder(b, n, k.does), k.fresh(b)
			applied, again := measure(b, up(b, dir, url)...), measure(b, up(b, dir, url)...)
			b.ReportMetric(0, "ns/op") // not what is measured
			b.ReportMetric(float64(applied.Peak)/1e6, "apply-peak-MB")
			b.ReportMetric(float64(again.Peak)/1e6, "nothing-peak-MB")
		})
	}
}

// BenchmarkGrowth applies folders that double in size, and runs up again with
// nothing pending: the time for each migration must not grow.
func BenchmarkGrowth(b *testing.B) {
	for _, k := range []struct {
		name  string
		fresh func(testing.TB) string
	}{{"postgres", testdb.BenchPostgres}, {"sqlite", testdb.SQLite}} {
		for _, n := range []int{1250, 2500, 5000, 10000} {
			b.Run(fmt.Sprintf("%s/%d", k.name, n), func(b *testing.B) {
				dir := folder(b, n, flips)
				url := k.fresh(b)
				applied := measure(b, up(b, dir, url)...)
				var again, mem []float64
				for range rounds() {
					m := measure(b, up(b, dir, url)...)
					again, mem = append(again, ms(m.Wall)), append(mem, float64(m.Peak)/1e6)
				}
				b.ReportMetric(0, "ns/op") // not what is measured
				b.ReportMetric(ms(applied.Wall)*1000/float64(n), "apply-µs/migration")
				b.ReportMetric(float64(applied.Peak)/1e6, "apply-peak-MB")
				b.ReportMetric(median(again)*1000/float64(n), "nothing-µs/migration")
				b.ReportMetric(median(mem), "nothing-peak-MB")
			})
		}
	}
}
