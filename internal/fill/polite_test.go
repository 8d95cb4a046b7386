package fill_test

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/revision"
)

// foreground is the application: 50 updates a second of random rows.
type foreground struct {
	waits []time.Duration
	stop  chan struct{}
	done  chan error
}

const perSecond = 50

func beside(b *testing.B, url string, rows int) *foreground {
	f := &foreground{stop: make(chan struct{}), done: make(chan error, 1)}
	c := session(b, url)
	rng := rand.New(rand.NewSource(1))
	go func() {
		defer c.Close()
		tick := time.NewTicker(time.Second / perSecond)
		defer tick.Stop()
		for {
			select {
			case <-f.stop:
				f.done <- nil
				return
			case <-tick.C:
			}
			begun := time.Now()
			if _, err := c.Exec(context.Background(), fmt.Sprintf("SET lock_timeout = 0; UPDATE posts SET pad = pad WHERE id = %d", 1+rng.Intn(rows))); err != nil {
				f.done <- err
				return
			}
			f.waits = append(f.waits, time.Since(begun))
		}
	}()
	return f
}

// end gives the p99 and the longest wait in milliseconds.
func (f *foreground) end(b *testing.B) (p99, most float64) {
	close(f.stop)
	if err := <-f.done; err != nil {
		b.Fatal(err)
	}
	slices.Sort(f.waits)
	at := func(i int) float64 { return float64(f.waits[i].Microseconds()) / 1000 }
	return at(len(f.waits) * 99 / 100), at(len(f.waits) - 1)
}

// BenchmarkPolite measures what 50 updates a second of the application wait for:
// alone, beside a backfill, and beside one UPDATE of the whole table, on a server
// that flushes.
func BenchmarkPolite(b *testing.B) {
	rows := benchRows()
	for range b.N {
		url := testdb.BenchPostgres(b)
		makeLedger(b, url)
		wide(b, url, "bigint", "i", rows)
		idle := beside(b, url, rows)
		time.Sleep(10 * time.Second) // how long it is measured, not a synchronisation
		report(b, idle, "idle")

		o := options(url)
		f := planned(b, url, script("UPDATE posts SET b = a * 2 WHERE b IS NULL AND :chunk", func(s *revision.Script) { s.Fill.Rows = 0 }), o)
		busy := beside(b, url, rows)
		begun := time.Now()
		if _, err := fill.Work(context.Background(), f.ID, o); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(rows)/time.Since(begun).Seconds(), "rows/s")
		report(b, busy, "backfill")

		wide(b, url, "bigint", "i", rows)
		one := beside(b, url, rows)
		do(b, url, "UPDATE posts SET b = a * 2 WHERE b IS NULL")
		report(b, one, "one-UPDATE")
	}
}

func report(b *testing.B, f *foreground, name string) {
	p99, most := f.end(b)
	b.ReportMetric(p99, name+"-p99-ms")
	b.ReportMetric(most, name+"-max-ms")
	b.Logf("%s: %d updates, p99 %.1f ms, longest %.1f ms", name, len(f.waits), p99, most)
}
