package fill_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/revision"
)

// mostMemory is what a process of ours may have in memory, in bytes.
const mostMemory = 60 << 20

// BenchmarkMemory fills tables of 10,000 rows and of very many, and measures the
// most memory that the process has had: it does not grow with the table.
func BenchmarkMemory(b *testing.B) {
	for _, e := range engines() {
		many := benchRows()
		if e.name == "postgres" {
			e.fresh = testdb.BenchPostgres
			many *= 10
		}
		for _, rows := range []int{10000, many} {
			b.Run(fmt.Sprintf("%s/rows=%d", e.name, rows), func(b *testing.B) {
				for range b.N {
					b.StopTimer()
					url := e.fresh(b)
					makeLedger(b, url)
					e.wide(b, url, rows)
					s := script("UPDATE posts SET b = a * 2 WHERE b IS NULL AND :chunk", func(s *revision.Script) { s.Fill.Rows = 0 })
					b.StartTimer()
					begun := time.Now()
					cmd := child{URL: url, Script: s, Process: "a"}.command()
					out, err := cmd.CombinedOutput()
					if err != nil {
						b.Fatalf("%v: %s", err, out)
					}
					b.ReportMetric(float64(rows)/time.Since(begun).Seconds(), "rows/s")
					b.StopTimer()
					most := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
					b.ReportMetric(float64(most)/1e6, "MB-resident")
					if most > mostMemory {
						b.Errorf("it had %d bytes in memory", most)
					}
					if n := number(b, url, "SELECT COUNT(*) FROM posts WHERE b IS NULL OR b <> a * 2"); n != 0 {
						b.Errorf("%d rows are wrong", n)
					}
				}
			})
		}
	}
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
	}
	do(b, url, all...)
}
