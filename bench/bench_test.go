// Package bench measures the program against the database's own clients and
// against goose.
//
// Charter: ratios of wall time to a floor that is measured in the same run, turn
// by turn, and the peak memory of the program; nothing here asserts a duration.
// Invariant: what is measured is a process, from its start to its end, on a
// database that flushes to disk, made anew for each turn.
// Example: go test -run '^$' -bench NothingPending ./bench/
//
// BELLOWS_BENCH_ROUNDS is the number of turns (5), BELLOWS_BENCH_BINARY a program
// to measure instead of the one that is built from this checkout.
package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stopwatchEnv makes this test binary a small process that runs and measures a
// command: Linux counts the memory of the process that starts a program as the
// program's own, and a test binary can be larger than what is measured.
const stopwatchEnv = "BELLOWS_BENCH_STOPWATCH"

func TestMain(m *testing.M) {
	if path := os.Getenv(stopwatchEnv); path != "" {
		os.Exit(stopwatch(path, os.Args[1:]))
	}
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// measured is one turn of one command.
type measured struct {
	Wall   time.Duration
	CPU    time.Duration
	Peak   int64 // bytes
	Failed string
}

// stopwatch writes the measurement of a command to a file.
func stopwatch(path string, args []string) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = os.Stdin
	cmd.Env = slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, stopwatchEnv+"=") })
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = nil, &out
	begun := time.Now()
	err := cmd.Run()
	r := measured{Wall: time.Since(begun)}
	if err != nil {
		r.Failed = fmt.Sprintf("%v: %s", err, out.String())
	}
	if s := cmd.ProcessState; s != nil {
		r.CPU = s.UserTime() + s.SystemTime()
		if u, ok := s.SysUsage().(*syscall.Rusage); ok {
			r.Peak = peak(u)
		}
	}
	text, err := json.Marshal(r)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// measure runs a command to its end.
func measure(b *testing.B, args ...string) measured {
	b.Helper()
	path := filepath.Join(b.TempDir(), "measured")
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), stopwatchEnv+"="+path, "NO_COLOR=1")
	cmd.Dir = b.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	var r measured
	if err := json.Unmarshal(text, &r); err != nil {
		b.Fatal(err)
	}
	if r.Failed != "" {
		b.Fatalf("%s: %s", strings.Join(args[:1], " "), r.Failed)
	}
	return r
}

// contender prepares a turn, which is not measured, and gives its command.
type contender func(b *testing.B) []string

// race lets the program and a floor take turns, and reports the medians of
// milliseconds and of the ratios of neighbouring turns with their spread, the
// ratio of the best turns, which other work on the machine disturbs least, that
// of the processor's time that the two processes took (without a server's), and
// the greatest peaks of memory.
func race(b *testing.B, floorName string, ours, floor contender) {
	b.Helper()
	var mine, theirs, ratios, cpu, cpus, mem, floorMem []float64
	for i := range rounds() {
		var m, f measured
		if i%2 == 0 {
			m, f = measure(b, ours(b)...), measure(b, floor(b)...)
		} else {
			f, m = measure(b, floor(b)...), measure(b, ours(b)...)
		}
		mine, theirs = append(mine, ms(m.Wall)), append(theirs, ms(f.Wall))
		ratios = append(ratios, float64(m.Wall)/float64(f.Wall))
		cpu, cpus = append(cpu, ms(m.CPU)), append(cpus, float64(m.CPU)/float64(f.CPU))
		mem, floorMem = append(mem, float64(m.Peak)/1e6), append(floorMem, float64(f.Peak)/1e6)
	}
	b.ReportMetric(0, "ns/op") // not what is measured
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(median(cpus), "ratio-cpu")
	b.ReportMetric(slices.Min(ratios), "ratio-min")
	b.ReportMetric(slices.Max(ratios), "ratio-max")
	b.ReportMetric(slices.Min(mine)/slices.Min(theirs), "ratio-best")
	b.ReportMetric(median(mine), "ms")
	b.ReportMetric(median(cpu), "cpu-ms")
	b.ReportMetric(median(theirs), floorName+"-ms")
	b.ReportMetric(slices.Max(mem), "peak-MB")
	b.ReportMetric(slices.Max(floorMem), floorName+"-peak-MB")
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if len(v)%2 == 1 {
		return v[len(v)/2]
	}
	return (v[len(v)/2-1] + v[len(v)/2]) / 2
}

func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("BELLOWS_BENCH_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return 5
}

// built are the programs, built once.
var built struct {
	once           sync.Once
	dir            string
	bellows, goose string
	err            error
}

func programs(b *testing.B) (bellows, goose string) {
	b.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "bellows-bench-"); built.err != nil {
			return
		}
		built.goose = filepath.Join(built.dir, "goose")
		built.err = build("goose", built.goose, ".")
		if built.bellows = os.Getenv("BELLOWS_BENCH_BINARY"); built.bellows == "" && built.err == nil {
			built.bellows = filepath.Join(built.dir, "bellows")
			built.err = build("..", built.bellows, "./cmd/bellows")
		}
	})
	if built.err != nil {
		b.Fatal(built.err)
	}
	return built.bellows, built.goose
}

// build makes a program as it is released: static, stripped.
func build(dir, to, what string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", to, what)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s in %s: %w: %s", what, dir, err, out)
	}
	return nil
}
