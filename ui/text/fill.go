package text

import (
	"fmt"
	"strings"
	"time"

	"github.com/bellowsdb/bellows/event"
)

// fill tells what happens while many rows are changed.
func (f *Face) fill(e event.Event) {
	switch e := e.(type) {
	case event.FillTried:
		f.tried(e)
	case event.FillStarted:
		f.fillStarted(e)
	case event.FillProgress:
		f.progress(e)
	case event.FillPaused:
		f.paused(e)
	case event.FillSaid:
		f.say(f.err.dim("program"), "%s", clean(e.Line))
	case event.FillPoison:
		f.say(f.err.yellow("set aside"), "%s", clean(fmt.Sprintf("%s %s: %s", e.Table, e.Key, e.Reason)))
	case event.FillTrouble:
		if f.o.Verbose {
			f.say(f.err.dim(clean(e.Action)), "%s", clean(fmt.Sprintf("chunk %d of %s, %s: %s", e.Chunk, e.Table, rows(e.Rows), e.Reason)))
		}
	case event.FillSwept:
		f.swept(e)
	case event.FillDone:
		f.fillDone(e)
	}
}

// tried says what the whole will cost, before anything is changed.
func (f *Face) tried(e event.FillTried) {
	if e.Chunks > 0 || e.BadRow == "" {
		s := fmt.Sprintf("%s: %s in %s, and rolled back", e.Table, rows(e.Rows), many(e.Chunks, "chunk"))
		switch {
		case e.Rate > 0 && e.ETA < time.Second:
			s += "; all " + rows(e.RowsTotal) + " take less than a second"
		case e.Rate > 0:
			s += fmt.Sprintf("; %s, so a worker needs %s or more for all %s", pace(int64(e.Rate)), left(e.ETA), rows(e.RowsTotal))
		}
		f.say(f.err.dim("tried"), "%s", clean(s))
	}
	if e.LogPerRow > 0 || e.Disk > 0 {
		var parts []string
		if e.LogPerRow > 0 {
			parts = append(parts, fmt.Sprintf("%s of log a row, %s in all", size(e.LogPerRow), size(e.Log)))
		}
		if e.Disk > 0 {
			parts = append(parts, "up to "+size(e.Disk)+" more disk for the table")
		}
		f.line("          " + strings.Join(parts, "; "))
	}
	f.line("          goes by: " + clean(e.Reason))
	if e.BadRow != "" {
		f.say(f.err.yellow("bad row"), "%s", clean(fmt.Sprintf("%s %s fails, and will be set aside: %s", e.Table, e.BadRow, e.BadReason)))
	}
}

func (f *Face) fillStarted(e event.FillStarted) {
	word, s := f.err.dim("backfill"), fmt.Sprintf("%s: %s", e.Table, rows(e.RowsTotal))
	if e.Resumed {
		word, s = f.err.yellow("resuming"), fmt.Sprintf("%s at %s of %s", e.Table, count(e.RowsDone), rows(e.RowsTotal))
	}
	if e.Workers > 1 {
		s += ", " + many(e.Workers, "worker")
	}
	f.say(word, "%s", clean(s))
}

// quietly is how long a backfill may go on without a line that says how far it
// is, where there is no line that moves.
const quietly = time.Minute

func (f *Face) progress(e event.FillProgress) {
	if f.o.Motion {
		f.bar = &e
		f.draw()
		return
	}
	tenth := share(e.RowsDone, e.RowsTotal) / 10
	if !f.o.Verbose && f.at == (milestone{e.ID, e.Sweep, tenth}) && (f.now().IsZero() || f.now().Sub(f.atTime) < quietly) {
		return
	}
	f.at, f.atTime = milestone{e.ID, e.Sweep, tenth}, f.now()
	f.say(f.err.dim("backfill"), "%s", clean(e.Table+"  "+strings.Join(facing(e).all(), "  ")))
}

// milestone is how far a backfill was when a line said so.
type milestone struct {
	id    string
	sweep int
	tenth int64
}

func (f *Face) paused(e event.FillPaused) {
	f.bar = nil
	if e.Why == "" {
		f.say(f.err.dim("goes on"), "%s", clean(e.Table))
		return
	}
	f.say(f.err.yellow("paused"), "%s: %s", clean(e.Table), clean(strings.TrimPrefix(e.Why, "paused; ")))
}

func (f *Face) swept(e event.FillSwept) {
	switch {
	case e.Checked && e.Found > 0:
		f.say(f.err.yellow("check"), "%s: it finds %s", clean(e.Table), rows(e.Found))
	case e.Checked:
		if f.o.Verbose {
			f.say(f.err.dim("check"), "%s: it finds nothing", clean(e.Table))
		}
	case f.o.Verbose || e.Sweep > 1:
		f.say(f.err.dim("swept"), "%s: sweep %d, %s changed", clean(e.Table), e.Sweep, rows(e.Changed))
	}
}

func (f *Face) fillDone(e event.FillDone) {
	f.bar = nil
	s := fmt.Sprintf("%s: %s in %s, %s changed", e.Table, rows(e.RowsDone), many(int(e.Chunks), "chunk"), count(e.RowsChanged))
	if e.Poison > 0 {
		s += fmt.Sprintf(", %s set aside", count(e.Poison))
	}
	word := f.err.dim("done")
	switch {
	case e.State == "cancelled":
		word = f.err.yellow("cancelled")
	case e.Err != nil:
		word = f.err.yellow("stopped")
	}
	f.say(word, "%s  %s", clean(s), f.err.dim(took(e.Duration)))
}

// stats is what is said of a backfill that is at work.
type stats struct{ share, done, rate, left, chunk, workers, limit string }

func facing(e event.FillProgress) stats {
	s := stats{share: fmt.Sprintf("%d %%", share(e.RowsDone, e.RowsTotal)), done: count(e.RowsDone) + " of " + rows(e.RowsTotal), limit: e.LimitedBy}
	if e.Sweep > 1 {
		s.share = fmt.Sprintf("sweep %d", e.Sweep)
	}
	if e.Rate > 0 {
		s.rate = pace(int64(e.Rate))
	}
	if e.ETAMost > 0 {
		s.left = until(e.ETALeast, e.ETAMost) + " left"
	}
	if e.ChunkSize > 0 {
		s.chunk = "chunks of " + count(e.ChunkSize)
	}
	if e.Workers > 1 {
		s.workers = many(e.Workers, "worker")
	}
	if e.Poison > 0 {
		s.limit = strings.TrimSuffix(count(e.Poison)+" set aside, "+s.limit, ", ")
	}
	return s
}

func (s stats) all() []string {
	var all []string
	for _, x := range []string{s.share, s.done, s.rate, s.left, s.chunk, s.workers, s.limit} {
		if x != "" {
			all = append(all, x)
		}
	}
	return all
}

// The bar has at most mostBar cells, and is left out below leastBar.
const leastBar, mostBar = 6, 24

// fillLine is the line of a backfill that is at work, as wide as the terminal at
// most: what is least needed goes first.
func fillLine(e event.FillProgress, width int) string {
	s := facing(e)
	head := fmt.Sprintf("%-9s %s", "backfill", clean(e.Table))
	line := func() string { return clean(strings.Join(append([]string{head}, s.all()...), "  ")) }
	for _, least := range []*string{&s.workers, &s.chunk, &s.done, &s.left, &s.rate} {
		if cells(line()) <= width || least == &s.rate && s.limit != "" {
			break
		}
		*least = ""
	}
	if room := width - cells(line()) - 2; room >= leastBar && e.Sweep <= 1 {
		n := min(room, mostBar)
		full := int(share(e.RowsDone, e.RowsTotal)) * n / 100
		s.share = strings.Repeat("█", full) + strings.Repeat("░", n-full) + "  " + s.share
	}
	return cut(line(), width)
}

// share is how much of something is done, in percent; all is told of nothing but all.
func share(done, total int64) int64 {
	switch {
	case total <= 0:
		return 0
	case done >= total:
		return 100
	}
	return int64(float64(done) / float64(total) * 100)
}

func rows(n int64) string { return many(int(n), "row") }

func pace(n int64) string { return count(n) + " rows/s" }

// left is a time that is to come, as exact as an estimate can be.
func left(d time.Duration) string {
	switch {
	case d <= time.Second:
		return "1 s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d.Round(time.Minute)/time.Minute)
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
}

// until is a range of times that are to come.
func until(least, most time.Duration) string {
	a, b := left(least), left(most)
	if a == b {
		return a
	}
	number, unit, _ := strings.Cut(a, " ")
	if _, other, _ := strings.Cut(b, " "); unit == other {
		a = number
	}
	return a + " to " + b
}

// size is a number of bytes as people say it.
func size(n int64) string {
	units := []string{"bytes", "kB", "MB", "GB", "TB"}
	x, i := float64(n), 0
	for x >= 1000 && i < len(units)-1 {
		x, i = x/1000, i+1
	}
	if i == 0 || x >= 100 {
		return fmt.Sprintf("%.0f %s", x, units[i])
	}
	return fmt.Sprintf("%.1f %s", x, units[i])
}
