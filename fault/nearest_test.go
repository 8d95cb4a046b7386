package fault

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"up", "down", "data", "check", "backfill", "transaction", "lock_timeout"}
	for word, want := range map[string]string{
		"uo": "up", "dwon": "down", "Down": "down", "chekc": "check", "transactoin": "transaction",
		"lock-timeout": "lock_timeout", "bakfil": "backfill", "zebra": "", "": "", "x": "", "downwards": "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
