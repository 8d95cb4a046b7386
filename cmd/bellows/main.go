// Command bellows is version control for a database's schema, and a safe way to
// change its data while it is in use.
//
// Charter: flags to options to a call to a face to an exit code. It is the only
// place that reads the environment and the clock, and that exits.
// Invariant: every command ends with exactly one outcome, printed by one face,
// and with the exit code that outcome has.
// Example: bellows up --dir migrations --url sqlite:app.db
package main

import (
	"context"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"time"
	_ "time/tzdata" // windows of backfills are in time zones, and an image may have no other file

	"golang.org/x/term"
)

func main() { os.Exit(start()) }

// collectLate lets a run that finds nothing to do end before there is garbage
// enough to collect.
func collectLate() {
	debug.SetGCPercent(250)
	runtime.SetFinalizer(new([1 << 5]byte), func(*[1 << 5]byte) { collectOften() })
}

// collectOften keeps a run that works small, from the first collection on or from
// when it has the lock: little garbage is let grow beside a small heap, as much as
// usual beside one that would have to be gone through again and again.
func collectOften() {
	const small = 8 << 20
	percent := 100
	if inUse("/gc/heap/live:bytes") < small {
		percent = 20
	}
	debug.SetGCPercent(percent)
	runtime.SetFinalizer(new([1 << 5]byte), func(*[1 << 5]byte) { collectOften() })
}

// inUse is how much memory there is of some kind.
func inUse(kind string) uint64 {
	sample := []metrics.Sample{{Name: kind}}
	if metrics.Read(sample); sample[0].Value.Kind() == metrics.KindUint64 {
		return sample[0].Value.Uint64()
	}
	return math.MaxUint64
}

// workBegins makes room for a run that has work to do: what was needed to find that
// out is given back, where it is much, and little is let grow from then on.
func workBegins() {
	const much = 2 << 20
	if inUse("/memory/classes/heap/objects:bytes") > much {
		debug.FreeOSMemory()
	}
	collectOften()
}

// start is a whole run of the program.
func start() int {
	collectLate()
	a := &app{world: process(), exit: -1}
	ctx, stop := a.interrupts(context.Background())
	defer stop()
	return a.execute(ctx)
}

// world is what a command may use of the process it runs in.
type world struct {
	args     []string
	in       *os.File
	out, err *os.File
	env      func(key string) (string, bool)
	environ  func() []string
	now      func() time.Time
	terminal func(f *os.File) bool
}

func process() world {
	return world{args: os.Args[1:], in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.LookupEnv, environ: os.Environ,
		now: time.Now, terminal: func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }}
}

// width is the terminal's width in cells; 0 when f is none.
func (w world) width(f *os.File) int {
	if !w.terminal(f) {
		return 0
	}
	if s, ok := w.env("COLUMNS"); ok {
		if n, err := strconv.Atoi(s); err == nil && n > 0 {
			return n
		}
	}
	if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
		return n
	}
	return 80
}

// moving tells whether lines of f can be written over.
func (w world) moving(f *os.File) bool {
	kind, _ := w.env("TERM")
	return w.terminal(f) && kind != "dumb"
}

// colorful tells whether f may get colour.
func (w world) colorful(f *os.File) bool {
	if !w.terminal(f) {
		return false
	}
	no, _ := w.env("NO_COLOR")
	kind, _ := w.env("TERM")
	return no == "" && kind != "dumb" && (kind != "" || runtime.GOOS == "windows")
}
