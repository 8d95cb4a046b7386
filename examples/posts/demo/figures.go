package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// figure is how the requests of one stage went.
type figure struct {
	stage                string
	requests, failed     int
	median, p99, longest time.Duration
	why                  string // one of them failed
}

// figures are those of all stages under load; the first is the one before the change.
type figures []figure

func (all figures) failed() int {
	n := 0
	for _, f := range all {
		n += f.failed
	}
	return n
}

// allowed is how long the slowest request of a hundred may take in any stage: twice
// as long as before the change, and 5 ms.
func (all figures) allowed() time.Duration { return 2*all[0].p99 + 5*time.Millisecond }

// slowest is the stage with the largest p99.
func (all figures) slowest() figure {
	worst := all[0]
	for _, f := range all {
		if f.p99 > worst.p99 {
			worst = f
		}
	}
	return worst
}

// verdict says in one line what was promised, and whether it was kept.
func (all figures) verdict(lost, wrong int) string {
	kept := func(is bool) string {
		if is {
			return "kept"
		}
		return "NOT KEPT"
	}
	worst := all.slowest()
	return fmt.Sprintf("verdict: p99 at most twice idle plus 5 ms, %s: %s (%s in %q); 0 requests failed: %s; 0 posts lost or wrong: %s",
		millis(all.allowed()), kept(worst.p99 <= all.allowed()), millis(worst.p99), worst.stage, kept(all.failed() == 0), kept(lost+wrong == 0))
}

// markdown is the table as the page on changes has it.
func (all figures) markdown(rate int, verdict string) string {
	var b strings.Builder
	b.WriteString("| stage | requests | failed | median | p99 | longest |\n|---|---|---|---|---|---|\n")
	for _, f := range all {
		fmt.Fprintf(&b, "| %s | %d | %d | %s | %s | %s |\n", f.stage, f.requests, f.failed, millis(f.median), millis(f.p99), millis(f.longest))
	}
	fmt.Fprintf(&b, "\nAt %d requests a second; %s.\n", rate, verdict)
	return b.String()
}

func millis(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

// refresh puts a table into a page, between the line that names the database and
// the one that ends it.
func refresh(page, database, table string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	begin, end := "<!-- make demo: "+database+" -->\n", "<!-- end -->"
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, ended := strings.Cut(rest, end)
	if !ok || !ended {
		return fmt.Errorf("%s has no place for the figures of %s: a line %q and one %q", page, database, strings.TrimSpace(begin), end)
	}
	return os.WriteFile(page, []byte(head+begin+table+end+tail), 0o644)
}
