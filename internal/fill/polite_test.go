package fill_test

import (
	"context"
	"fmt"
	"math/rand"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/db"
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
	stop := f.stop
	go func() {
		defer c.Close()
		tick := time.NewTicker(time.Second / perSecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
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

// halt ends it, if it runs.
func (f *foreground) halt(b *testing.B) {
	if f.stop == nil {
		return
	}
	close(f.stop)
	f.stop = nil
	if err := <-f.done; err != nil {
		b.Fatal(err)
	}
}

// figures are the p99 and the longest wait in milliseconds.
func (f *foreground) figures() (p99, most float64) {
	slices.Sort(f.waits)
	at := func(i int) float64 { return float64(f.waits[i].Microseconds()) / 1000 }
	return at(len(f.waits) * 99 / 100), at(len(f.waits) - 1)
}

// BenchmarkPolite measures what 50 updates a second of the application wait for, on
// a server that flushes: beside one UPDATE of the whole table, alone, beside a
// program that only counts, beside plain chunks of the same size without a ledger,
// a vacuum or a check, and beside backfills, three for each that is asked for. The
// UPDATE comes first: it makes the files of the log, of which a new server has none,
// and each of which holds up every COMMIT while it is made.
func BenchmarkPolite(b *testing.B) {
	rows := benchRows()
	url := testdb.BenchPostgres(b)
	makeLedger(b, url)
	wide(b, url, "bigint", "i", rows)
	one := beside(b, url, rows)
	do(b, url, "UPDATE posts SET b = a * 2 WHERE b IS NULL")
	report(b, one, "one-UPDATE")

	const long = 10 * time.Second // how long it is measured, not a synchronisation
	wide(b, url, "bigint", "i", rows)
	idle := beside(b, url, rows)
	time.Sleep(long)
	report(b, idle, "idle")

	counts := exec.Command("sh", "-c", "while :; do :; done")
	if err := counts.Start(); err != nil {
		b.Fatal(err)
	}
	counting := beside(b, url, rows)
	time.Sleep(long)
	report(b, counting, "counting")
	_ = counts.Process.Kill()
	_ = counts.Wait()

	plain, busy := &foreground{}, &foreground{}
	var took time.Duration
	for range 3 * b.N {
		do(b, url, "SET lock_timeout = 0", "DROP SCHEMA bellows CASCADE")
		makeLedger(b, url)
		took += politely(b, url, rows, plain, busy)
	}
	b.ReportMetric(float64(3*rows*b.N)/took.Seconds(), "rows/s")
	report(b, plain, "plain-chunks")
	report(b, busy, "backfill")
}

// politely adds what the application waits for beside plain chunks, and beside a
// backfill, and gives how long the backfill took.
func politely(b *testing.B, url string, rows int, plain, busy *foreground) time.Duration {
	wide(b, url, "bigint", "i", rows)
	f := beside(b, url, rows)
	chunkwise(b, url, 0, rows, rows/150)
	f.halt(b)
	plain.waits = append(plain.waits, f.waits...)

	wide(b, url, "bigint", "i", rows)
	o := options(url)
	planned := planned(b, url, script("UPDATE posts SET b = a * 2 WHERE b IS NULL AND :chunk", func(s *revision.Script) { s.Fill.Rows = 0 }), o)
	f = beside(b, url, rows)
	begun := time.Now()
	if _, err := fill.Work(context.Background(), planned.ID, o); err != nil {
		b.Fatal(err)
	}
	took := time.Since(begun)
	f.halt(b)
	busy.waits = append(busy.waits, f.waits...)
	return took
}

// chunkwise changes the rows behind one id up to another in transactions of so
// many, which do not wait for the disk, and nothing else.
func chunkwise(b *testing.B, url string, low, high, size int) {
	c := session(b, url)
	defer c.Close()
	for ; low < high; low += size {
		if err := c.Send(context.Background(), []db.Item{{SQL: "BEGIN"}, {SQL: "SET LOCAL synchronous_commit = off"},
			{SQL: fmt.Sprintf("UPDATE posts SET b = a * 2 WHERE b IS NULL AND id > %d AND id <= %d", low, min(low+size, high))}, {SQL: "COMMIT"}}, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func report(b *testing.B, f *foreground, name string) {
	f.halt(b)
	p99, most := f.figures()
	b.ReportMetric(p99, name+"-p99-ms")
	b.ReportMetric(most, name+"-max-ms")
	b.Logf("%s: %d updates, p99 %.1f ms, longest %.1f ms", name, len(f.waits), p99, most)
}
