package backfill_test

import (
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/bellowsdb/bellows/backfill"
)

const topUnsigned = "18446744073709551615"

// TestDistance: integers of 64 bits are counted with from end to end, with and
// without a sign.
func TestDistance(t *testing.T) {
	for _, test := range []struct {
		least, most string
		far         uint64
		ok          bool
	}{
		{"0", "0", 0, true}, {"0", topUnsigned, math.MaxUint64, true}, {topUnsigned, topUnsigned, 0, true},
		{"18446744073709551614", topUnsigned, 1, true}, {"9223372036854775807", "9223372036854775808", 1, true},
		{"-9223372036854775808", "9223372036854775807", math.MaxUint64, true}, {"-9223372036854775808", "-9223372036854775807", 1, true},
		{"-1", topUnsigned, 0, false}, {"1", "0", 0, false}, {"", "1", 0, false}, {"1", "1.5", 0, false}, {"0x1", "2", 0, false},
	} {
		far, err := backfill.Distance(test.least, test.most)
		if far != test.far || (err == nil) != test.ok {
			t.Errorf("from %q to %q: %d, %v", test.least, test.most, far, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Uint64().Draw(t, "a"), rapid.Uint64().Draw(t, "b")
		a, b = min(a, b), max(a, b)
		far, err := backfill.Distance(strconv.FormatUint(a, 10), strconv.FormatUint(b, 10))
		if err != nil || far != b-a {
			t.Fatalf("%d, %v", far, err)
		}
		if to, err := backfill.Add(strconv.FormatUint(a, 10), far); err != nil || to != strconv.FormatUint(b, 10) {
			t.Fatalf("%s, %v", to, err)
		}
		c, d := rapid.Int64().Draw(t, "c"), rapid.Int64().Draw(t, "d")
		c, d = min(c, d), max(c, d)
		far, err = backfill.Distance(strconv.FormatInt(c, 10), strconv.FormatInt(d, 10))
		if err != nil || far != uint64(d)-uint64(c) {
			t.Fatalf("%d, %v", far, err)
		}
		if to, err := backfill.Add(strconv.FormatInt(c, 10), far); err != nil || to != strconv.FormatInt(d, 10) {
			t.Fatalf("%s, %v", to, err)
		}
	})
	if to, err := backfill.Add("x", 1); err == nil {
		t.Errorf("x and one is %s", to)
	}
}

// TestStep: steps are at least one value and never more than there are.
func TestStep(t *testing.T) {
	for _, test := range []struct {
		size, rows int64
		span       uint64
		step       int64
	}{
		{10, 0, 100, 10}, {10, 100, 50, 10}, {10, 100, 199, 20}, {0, 100, 50, 1}, {2, 1, 0, 2},
		{50000, 1, math.MaxUint64, math.MaxInt64}, {1, math.MaxInt64, math.MaxUint64, 2},
	} {
		if step := backfill.Step(test.size, test.rows, test.span); step != test.step {
			t.Errorf("%+v: %d", test, step)
		}
	}
}
