package fault_test

import (
	"testing"
	"time"

	"github.com/bellowsdb/bellows/fault"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "<1 ms", 999 * time.Microsecond: "<1 ms", 12345 * time.Microsecond: "12 ms", 999 * time.Millisecond: "999 ms",
		time.Second: "1.0 s", 59940 * time.Millisecond: "59.9 s", 59960 * time.Millisecond: "1 min 00 s", 125 * time.Second: "2 min 05 s",
		5 * time.Minute: "5 min 00 s", time.Hour - time.Millisecond: "1 h 00 min", 3*time.Hour + 30*time.Second: "3 h 01 min",
	} {
		if got := fault.Span(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 rows", 1: "1 row", 2: "2 rows"} {
		if got := fault.Count(n, "row"); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
