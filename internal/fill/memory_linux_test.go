package fill_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/revision"
)

// mostMemory is what a process of ours may have in memory, in bytes.
const mostMemory = 60 << 20

// BenchmarkMemory fills tables of 10,000 rows and of very many, and measures the
// most memory that the process has had: it does not grow with the table. On
// PostgreSQL the rows are worked out by SQL, by a function in Go and by programs,
// whose own memory is not counted.
func BenchmarkMemory(b *testing.B) {
	for _, e := range engines() {
		many := benchRows()
		if e.name != "postgres" {
			e.memory(b, "sql", many, script(doubleLeft))
			continue
		}
		interpreter(b, "python3")
		interpreter(b, "node")
		e.fresh = testdb.BenchPostgres
		program := func(command string) func(*revision.Script) {
			return spec(func(s *revision.FillSpec) { s.Program, s.Function = command, "" })
		}
		e.memory(b, "sql", 10*many, script(doubleLeft))
		e.memory(b, "go", 10*many, byLogic(readAll, writeOne))
		e.memory(b, "node", 10*many, byLogic(readAll, writeOne, program("node testdata/double.mjs")))
		e.memory(b, "python", many, byLogic(readAll, writeOne, program("python3 testdata/rows.py")))
	}
}

const doubleLeft = "UPDATE posts SET b = a * 2 WHERE b IS NULL AND :chunk"

// memory measures a backfill of 10,000 rows and one of many.
func (e engine) memory(b *testing.B, by string, many int, s revision.Script) {
	s.Fill.Rows = 0
	for _, rows := range []int{10000, many} {
		b.Run(fmt.Sprintf("%s/%s/rows=%d", e.name, by, rows), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				url := e.fresh(b)
				makeLedger(b, url)
				e.wide(b, url, rows)
				b.StartTimer()
				begun := time.Now()
				out, err := child{URL: url, Script: s, Process: "a"}.command().CombinedOutput()
				if err != nil {
					b.Fatalf("%v: %s", err, out)
				}
				b.ReportMetric(float64(rows)/time.Since(begun).Seconds(), "rows/s")
				b.StopTimer()
				most := resident(b, string(out))
				b.ReportMetric(float64(most)/1e6, "MB-resident")
				if most > mostMemory {
					b.Errorf("it had %d bytes in memory", most)
				}
				if n := number(b, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2"); n != int64(rows) {
					b.Errorf("%d of %d rows are right", n, rows)
				}
			}
		})
	}
}

// resident is the most memory that a process has had, in bytes, of what it printed
// at its end. Who waits for a process is told of the memory of others as well: of
// this one, which it was made from, and of its own children.
func resident(b *testing.B, out string) int64 {
	b.Helper()
	_, text, _ := strings.Cut(out, "memory ")
	text, _, _ = strings.Cut(text, " kB")
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return n << 10
}

// wide makes a table of rows of about 150 bytes.
func (e engine) wide(b *testing.B, url string, rows int) {
	create := "CREATE TABLE posts (id " + e.integer + " NOT NULL PRIMARY KEY, a " + e.integer + ", b " + e.integer + ", pad varchar(100) DEFAULT '" + strings.Repeat("x", 100) + "')"
	all := []string{create, fmt.Sprintf(e.series, rows)}
	switch e.name {
	case "sqlite":
		all = append([]string{"PRAGMA journal_mode = wal"}, all...)
	case "postgres":
		all = append(all, "VACUUM (ANALYZE) posts")
	case "mariadb": // whose series has 100,000 rows at most
		for n := 100000; n < rows; n *= 2 {
			all = append(all, fmt.Sprintf("INSERT INTO posts (id, a) SELECT id + %d, a FROM posts WHERE id + %[1]d <= %d", n, rows))
		}
	}
	do(b, url, all...)
}
