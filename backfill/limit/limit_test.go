package limit_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bellowsdb/bellows/backfill/limit"
)

func TestUsual(t *testing.T) {
	l, err := limit.Read()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{limit.ReplicaLag: 10, limit.ReplicaBytes: 1e9, limit.SlotBytes: 1e10, limit.Vacuum: 2, limit.DeadRows: 0.5,
		limit.History: 1e6, limit.ActiveSessions: 0, limit.WALSize: 1e9}
	for name, most := range want {
		if got, ok := l.Most[name]; !ok || got != most || l.Asked[name] {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
	if len(l.Most) != len(want) || l.SQL != "" || l.Command != "" || l.Blind || !l.Windows.All() {
		t.Errorf("%+v", l)
	}
}

// TestLayers: the stronger layer holds, off and usual are values like others.
func TestLayers(t *testing.T) {
	l, err := limit.Read(limit.Set{"replica_lag": "30s", "log_rate": "50MB/s", "sql": "SELECT 0", "dead_rows": "20%", "replicas": "a://x b://y"}, nil,
		limit.Set{"replica_lag": "1m", "log_rate": "off", "dead_rows": "usual", "vacuum": "any", "unseen": "go"})
	if err != nil {
		t.Fatal(err)
	}
	if l.Most["replica_lag"] != 60 || !l.Asked["replica_lag"] || l.Most["dead_rows"] != 0.5 || l.Asked["dead_rows"] || l.Most["vacuum"] != 1 || !l.Blind || l.SQL != "SELECT 0" || len(l.Replicas) != 2 {
		t.Errorf("%+v", l)
	}
	if _, ok := l.Most["log_rate"]; ok {
		t.Error("log_rate is off and holds")
	}
}

func TestWrongValues(t *testing.T) {
	tests := []struct{ name, value, hint string }{
		{"replica_lagg", "1s", "did you mean replica_lag?"}, {"nothing", "x", "the limits are replica_lag"},
		{"replica_lag", "10", "10s"}, {"replica_lag", "-1s", "10s"}, {"replica_bytes", "1", "1GB"}, {"replica_bytes", "1MB/s", "1GB"}, {"log_rate", "fast", "50MB/s"},
		{"dead_rows", "0.5", "50%"}, {"dead_rows", "200%", "50%"}, {"history", "0", "100"}, {"vacuum", "all", "one of them"}, {"unseen", "off", "one of them"},
		{"sql", " ", "write it"}, {"windows", "22:00", "Europe/Berlin"}, {"windows", "22:00-25:00", "Europe/Berlin"}, {"windows", "22:00-22:00", "Europe/Berlin"},
		{"windows", "22:00-06:00 Europe/Berlyn", "IANA"}, {"windows", "Mon-Foo 22:00-06:00", "Europe/Berlin"}, {"windows", "", "Europe/Berlin"},
	}
	for _, test := range tests {
		wrong, hint := limit.Check(test.name, test.value)
		if wrong == "" || !strings.Contains(hint, test.hint) {
			t.Errorf("%s %q: %q, %q", test.name, test.value, wrong, hint)
		}
		if _, err := limit.Read(limit.Set{test.name: test.value}); err == nil && limitExists(test.name) {
			t.Errorf("%s %q is read", test.name, test.value)
		}
	}
	for _, name := range limit.Names() {
		if name == "unseen" {
			continue
		}
		if wrong, _ := limit.Check(name, limit.Off); wrong != "" {
			t.Errorf("%s off: %s", name, wrong)
		}
	}
}

func limitExists(name string) bool {
	for _, n := range limit.Names() {
		if n == name {
			return true
		}
	}
	return false
}

func TestWindows(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time {
		moment, err := time.ParseInLocation("Mon 2006-01-02 15:04", text, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return moment.UTC()
	}
	tests := []struct {
		windows, at string
		open        bool
		next        string
	}{
		{"22:00-06:00 Europe/Berlin", "Fri 2026-11-20 21:59", false, "Fri 2026-11-20 22:00"},
		{"22:00-06:00 Europe/Berlin", "Fri 2026-11-20 22:00", true, ""},
		{"22:00-06:00 Europe/Berlin", "Sat 2026-11-21 05:59", true, ""},
		{"22:00-06:00 Europe/Berlin", "Sat 2026-11-21 06:00", false, "Sat 2026-11-21 22:00"},
		{"Mon-Fri 22:00-06:00 Europe/Berlin", "Sat 2026-11-21 05:00", true, ""},
		{"Mon-Fri 22:00-06:00 Europe/Berlin", "Sun 2026-11-22 05:00", false, "Mon 2026-11-23 22:00"},
		{"Fri 23:00-24:00, Sat-Sun 00:00-24:00 Europe/Berlin", "Fri 2026-11-20 23:30", true, ""},
		{"Fri 23:00-24:00, Sat-Sun 00:00-24:00 Europe/Berlin", "Mon 2026-11-23 00:00", false, "Fri 2026-11-27 23:00"},
		{"Sun-Tue 01:00-02:00 Europe/Berlin", "Mon 2026-11-23 01:30", true, ""},
		{"21:00-22:00", "Fri 2026-11-20 22:30", true, ""}, // UTC
		// On the night on which clocks are put forward, half past two does not exist.
		{"02:30-03:30 Europe/Berlin", "Sun 2027-03-28 03:15", false, "Mon 2027-03-29 02:30"},
		{"01:00-03:30 Europe/Berlin", "Sun 2027-03-28 03:15", true, ""},
		{"02:00-03:00 Europe/Berlin", "Sun 2027-03-28 03:15", false, "Mon 2027-03-29 02:00"},
	}
	for _, test := range tests {
		l, err := limit.Read(limit.Set{"windows": test.windows})
		if err != nil {
			t.Fatal(err)
		}
		open, next := l.Windows.Open(at(test.at))
		if open != test.open || !open && !next.Equal(at(test.next)) {
			t.Errorf("%s at %s: %v, next %v", test.windows, test.at, open, next.In(berlin))
		}
	}
}

// TestWindowsAlwaysOpenAgain: whatever the windows, when they are shut they tell
// a later time at which they are open.
func TestWindowsAlwaysOpenAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		begin := rapid.IntRange(0, 24*60-1).Draw(t, "begin")
		end := rapid.IntRange(0, 24*60).Filter(func(n int) bool { return n != begin }).Draw(t, "end")
		day := rapid.SampledFrom([]string{"", "Mon ", "Sat-Mon ", "Wed-Thu "}).Draw(t, "day")
		zone := rapid.SampledFrom([]string{"", " Europe/Berlin", " America/New_York", " Asia/Kathmandu", " Pacific/Apia"}).Draw(t, "zone")
		hm := func(n int) string { return time.Date(2000, 1, 1, 0, n, 0, 0, time.UTC).Format("15:04") }
		last := hm(end)
		if end == 24*60 {
			last = "24:00"
		}
		l, err := limit.Read(limit.Set{"windows": day + hm(begin) + "-" + last + zone})
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(rapid.Int64Range(1.7e9, 1.9e9).Draw(t, "at"), 0)
		open, next := l.Windows.Open(at)
		if open {
			return
		}
		if !next.After(at) || next.Sub(at) > 9*24*time.Hour {
			t.Fatalf("shut at %v, open next at %v", at, next)
		}
		if open, _ := l.Windows.Open(next); !open {
			t.Fatalf("it says it opens at %v, and does not", next)
		}
	})
}

func TestText(t *testing.T) {
	for _, test := range []struct {
		name   string
		amount float64
		want   string
	}{
		{"replica_lag", 12.3456, "12s"}, {"replica_lag", 0.123, "120ms"}, {"slot_bytes", 1.5e9, "1.5GB"}, {"slot_bytes", 999, "999B"},
		{"log_rate", 5e7, "50MB/s"}, {"dead_rows", 0.333, "33%"}, {"history", 1000000, "1000000"},
	} {
		if got := limit.Text(test.name, test.amount); got != test.want {
			t.Errorf("%s %v: %s, want %s", test.name, test.amount, got, test.want)
		}
	}
}
