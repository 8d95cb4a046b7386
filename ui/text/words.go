package text

import (
	"strings"
	"time"

	"github.com/bellowsdb/bellows/fault"
)

// count is a number with its thousands apart: 12,408.
func count(n int64) string { return fault.Thousands(n) }

// many is a number with its noun: "1 migration", "3 migrations".
func many(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(int64(n)) + " " + noun + "s"
}

// took is a duration as people say it. The ledger keeps whole milliseconds, so
// no face tells more.
func took(d time.Duration) string { return fault.Span(d) }

// when is a point in time, in UTC, to the minute; "" for none.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// exactly is when, to the second.
func exactly(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateTime)
}

// list joins words with commas, "none" for no word.
func list(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

// past is a direction as something done.
func past(direction string) string {
	if direction == "down" {
		return "reverted"
	}
	return "applied"
}
