package fill_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/revision"
)

// BenchmarkFillRows compares rows that a function in Go, or a program, works out
// with one UPDATE of the whole table, measured before and after in the same run.
func BenchmarkFillRows(b *testing.B) {
	interpreter(b, "python3")
	interpreter(b, "node")
	rows := benchRows()
	for _, by := range []struct{ name, program string }{
		{"go", ""}, {"node", "node testdata/double.mjs"}, {"python", "python3 testdata/rows.py"},
	} {
		b.Run(by.name, func(b *testing.B) {
			var floor, ours time.Duration
			var growth float64
			var theirs, server, client, program float64 // seconds of processors
			for range b.N {
				url := testdb.BenchPostgres(b)
				makeLedger(b, url)
				wide(b, url, "bigint", "i", rows)
				cpu := serverTime(b, url)
				floor += single(b, url, "bigint", "i", rows)
				theirs += serverTime(b, url) - cpu
				before := wide(b, url, "bigint", "i", rows)
				s := byLogic(readAll, writeOne, func(s *revision.Script) { s.Fill.Rows = 0 })
				if s.Fill.Program = by.program; by.program != "" {
					s.Fill.Function = ""
				}
				o := logicOptions(url, doubles())
				f := planned(b, url, s, o)
				self, children := ownTime(b, syscall.RUSAGE_SELF), ownTime(b, syscall.RUSAGE_CHILDREN)
				cpu = serverTime(b, url)
				begun := time.Now()
				rep, err := fill.Work(context.Background(), f.ID, o)
				if err != nil {
					b.Fatal(err)
				}
				ours += time.Since(begun)
				server += serverTime(b, url) - cpu
				client += ownTime(b, syscall.RUSAGE_SELF) - self
				program += ownTime(b, syscall.RUSAGE_CHILDREN) - children
				growth = float64(number(b, url, "SELECT pg_relation_size('posts')")) / float64(before)
				b.Logf("%d chunks, the last of %d rows; %d rows changed", rep.Status.ChunksDone, rep.Status.ChunkSize, rep.Status.RowsChanged)
				floor += single(b, url, "bigint", "i", rows)
			}
			b.ReportMetric(float64(floor)/2/float64(ours), "of-one-UPDATE")
			b.ReportMetric(float64(rows*b.N)/ours.Seconds(), "rows/s")
			b.ReportMetric(growth, "heap")
			b.Logf("seconds of processors: %.2f of the server for one UPDATE and making its table; here %.2f of the server, %.2f of ours, %.2f of the program", theirs, server, client, program)
		})
	}
}

// ownTime is how long processors worked for this process, or for its children that
// have ended, in seconds.
func ownTime(b *testing.B, who int) float64 {
	var use syscall.Rusage
	if err := syscall.Getrusage(who, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano()).Seconds()
}

// serverTime is how long processors worked for a PostgreSQL server's sessions, in
// seconds; 0 where the system does not tell.
func serverTime(b *testing.B, url string) float64 {
	b.Helper()
	c := session(b, url)
	defer c.Close()
	self := stat(fmt.Sprint(c.Session().PID))
	if self == nil {
		return 0
	}
	master := self[1]
	all, _ := os.ReadDir("/proc")
	ticks := int64(0)
	for _, e := range all {
		fields := stat(e.Name())
		switch {
		case fields == nil:
		case e.Name() == master:
			ticks += sum(fields[13:15]) // of those that have ended
		case fields[1] == master:
			ticks += sum(fields[11:13])
		}
	}
	return float64(ticks) / 100
}

// stat are the fields of a process behind its name, from its state on.
func stat(pid string) []string {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return nil
	}
	_, rest, ok := strings.Cut(string(text), ") ")
	if !ok {
		return nil
	}
	return strings.Fields(rest)
}

func sum(fields []string) (n int64) {
	for _, f := range fields {
		i, _ := strconv.ParseInt(f, 10, 64)
		n += i
	}
	return n
}
