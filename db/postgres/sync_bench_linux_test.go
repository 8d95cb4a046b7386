package postgres_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/db/postgres"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/internal/testdb"
)

// BenchmarkSync tells what the triggers of a change cost, in microseconds of a row,
// beside the same statement without them: time of the processor, since the machine
// may do other things meanwhile.
func BenchmarkSync(b *testing.B) {
	const rows = 50000
	c, err := postgres.Driver{}.Open(context.Background(), testdb.Postgres(b), db.Options{App: "web"})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	exec := func(statements ...string) time.Duration {
		begun := busy(b, c.Session().PID)
		for _, text := range statements {
			if _, err := c.Exec(context.Background(), text); err != nil {
				b.Fatalf("%s: %v", text, err)
			}
		}
		return busy(b, c.Session().PID) - begun
	}
	sync := postsSync()
	exec(postsTable, "INSERT INTO posts SELECT g, g, g, point(g, g) FROM generate_series(1, 50000) g")
	least := func(text string) time.Duration {
		best := time.Hour
		for range max(3, b.N) {
			exec("VACUUM posts")
			best = min(best, exec(text))
		}
		return best
	}
	for _, w := range []struct{ name, sql string }{
		{"title", "UPDATE posts SET title = 'x'"}, {"old", "UPDATE posts SET lat = lat + 1"}, {"new", "UPDATE posts SET loc = loc + point(1, 1)"},
	} {
		b.Run(w.name, func(b *testing.B) {
			off := least(w.sql)
			exec(c.Dialect().(dialect.Syncer).SyncOn(sync)...)
			on := least(w.sql)
			exec(c.Dialect().(dialect.Syncer).SyncOff(sync)...)
			b.ReportMetric(float64(off.Nanoseconds())/1e3/rows, "µs/row-without")
			b.ReportMetric(float64((on-off).Nanoseconds())/1e3/rows, "µs/row-more")
		})
	}
}

// busy is how long a process of this machine has worked.
func busy(b *testing.B, pid int64) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	words := strings.Fields(rest)
	user, _ := strconv.Atoi(words[11])
	system, _ := strconv.Atoi(words[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
