package fill_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/internal/fill"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/revision"
)

// wide makes a table of rows of about 150 bytes with a key of a type, and gives
// the size of its storage.
func wide(b *testing.B, url, key, value string, rows int) int64 {
	b.Helper()
	do(b, url, "SET lock_timeout = 0", "DROP TABLE IF EXISTS posts", fmt.Sprintf("CREATE TABLE posts (id %s PRIMARY KEY, a bigint, b bigint, pad text)", key),
		fmt.Sprintf("INSERT INTO posts SELECT %s, i, NULL, repeat('x', 100) FROM generate_series(1, %d) i", value, rows), "VACUUM (ANALYZE) posts", "CHECKPOINT")
	return number(b, url, "SELECT pg_relation_size('posts')")
}

func benchRows() int {
	if n, err := strconv.Atoi(os.Getenv("BELLOWS_BENCH_ROWS")); err == nil {
		return n
	}
	return 1000000
}

// BenchmarkFill compares workers with one UPDATE of the whole table, which is
// measured before and after them in the same run, on a server that flushes, and
// with as many sessions that change the same rows in plain chunks.
func BenchmarkFill(b *testing.B) {
	rows := benchRows()
	const body = "UPDATE posts SET b = a * 2 WHERE b IS NULL AND :chunk"
	keys := []struct{ name, key, value string }{{"bigint", "bigint", "i"}, {"uuid", "uuid", "gen_random_uuid()"}}
	for _, k := range keys {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/workers=%d", k.name, workers), func(b *testing.B) {
				var floor, plain, ours time.Duration
				var growth float64
				for range b.N {
					url := testdb.BenchPostgres(b)
					makeLedger(b, url)
					floor += single(b, url, k.key, k.value, rows)
					before := wide(b, url, k.key, k.value, rows)
					o := options(url)
					f := planned(b, url, script(body, func(s *revision.Script) { s.Fill.Rows, s.Fill.Workers = 0, workers }), o)
					begun := time.Now()
					rep, err := fill.Work(context.Background(), f.ID, o)
					if err != nil {
						b.Fatal(err)
					}
					ours += time.Since(begun)
					growth = float64(number(b, url, "SELECT pg_relation_size('posts')")) / float64(before)
					b.Logf("%s: %d chunks, the last of %d rows; %d rows changed", rep.Status.Strategy, rep.Status.ChunksDone, rep.Status.ChunkSize, rep.Status.RowsChanged)
					floor += single(b, url, k.key, k.value, rows)
					plain += sessions(b, url, rows, workers)
				}
				b.ReportMetric(float64(floor)/2/float64(ours), "of-one-UPDATE")
				b.ReportMetric(float64(floor)/2/float64(plain), "plain-of-one-UPDATE")
				b.ReportMetric(float64(rows*b.N)/ours.Seconds(), "rows/s")
				b.ReportMetric(growth, "heap")
			})
		}
	}
}

// sessions are how long so many sessions take to change the rows of a bigint key
// in plain chunks, without a ledger, a vacuum or a check.
func sessions(b *testing.B, url string, rows, n int) time.Duration {
	wide(b, url, "bigint", "i", rows)
	var all sync.WaitGroup
	begun := time.Now()
	for i := range n {
		all.Go(func() { chunkwise(b, url, rows/n*i, rows/n*(i+1), rows/150/n) })
	}
	all.Wait()
	return time.Since(begun)
}

func single(b *testing.B, url, key, value string, rows int) time.Duration {
	wide(b, url, key, value, rows)
	begun := time.Now()
	do(b, url, "UPDATE posts SET b = a * 2 WHERE b IS NULL")
	return time.Since(begun)
}

// BenchmarkBadRows fills 100,000 rows of which one in a hundred fails, on each kind
// of database: how long that takes, and how many transactions, when every chunk is
// split down to its bad rows, and when small ones are searched in one transaction.
func BenchmarkBadRows(b *testing.B) {
	for _, e := range engines() {
		for _, search := range []int64{1, 0} {
			b.Run(fmt.Sprint(e.name, "/search=", search), func(b *testing.B) {
				var took time.Duration
				var transactions int64
				for range b.N {
					n, t := badRows(b, e, search)
					transactions += n
					took += t
				}
				b.ReportMetric(float64(transactions)/float64(b.N), "transactions")
				b.ReportMetric(took.Seconds()/float64(b.N), "s")
			})
		}
	}
}

func badRows(b *testing.B, e engine, search int64) (transactions int64, took time.Duration) {
	const rows, bad = 100000, 1000
	url := e.place(b, rows)
	o := options(url)
	o.Search = search
	do(b, url, "UPDATE posts SET a = a - 500 WHERE a > 900")
	f := planned(b, url, script(double, poisons(bad), spec(func(s *revision.FillSpec) { s.Rows = 0 })), o)
	strict(b, e, url)
	do(b, url, fmt.Sprintf("UPDATE posts SET a = 1000 WHERE id %% %d = 7", rows/bad))
	o.Point = func(name string) {
		switch name {
		case "begun", "searching", "split", "poison", "plan begun":
			transactions++
		}
	}
	begun := time.Now()
	if _, err := fill.Work(context.Background(), f.ID, o); fault.CodeOf(err) != fault.Repair {
		b.Fatal(err)
	}
	took = time.Since(begun)
	if n := number(b, url, "SELECT COUNT(*) FROM posts WHERE b = a * 2 AND touched = 1"); n != rows-bad {
		b.Errorf("%d rows are right", n)
	}
	if n := number(b, url, "SELECT COUNT(*) FROM "+e.table("fill_poison")+" WHERE state = 'open'"); n != bad {
		b.Errorf("%d rows are set aside", n)
	}
	return transactions, took
}
