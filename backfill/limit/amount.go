package limit

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// units are thousands, as disks are sold and as the rest of this program counts.
var units = []struct {
	name  string
	bytes float64
}{{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}}

// amount reads a number of bytes.
func amount(text string) (float64, bool) {
	for _, u := range units {
		if digits, ok := strings.CutSuffix(text, u.name); ok {
			n, ok := positive(strings.TrimSpace(digits))
			return n * u.bytes, ok
		}
	}
	return 0, false
}

func positive(text string) (float64, bool) {
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && n > 0 && n < math.MaxInt64
}

// Text is an amount of a limit as people read it.
func Text(name string, amount float64) string {
	k := kindOf(name)
	if k == nil {
		return strconv.FormatFloat(amount, 'g', 4, 64)
	}
	switch k.form {
	case span:
		d := time.Duration(amount * float64(time.Second))
		if d > 10*time.Second {
			d = d.Round(time.Second)
		}
		return d.Round(10 * time.Millisecond).String()
	case bytes:
		return sized(amount)
	case rate:
		return sized(amount) + "/s"
	case share:
		return strconv.FormatFloat(math.Round(amount*100), 'f', -1, 64) + "%"
	}
	return strconv.FormatFloat(amount, 'f', -1, 64)
}

// sized is a number of bytes in the unit that keeps it short.
func sized(n float64) string {
	name, by := "B", 1.0
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if n/by < 1000 {
			break
		}
		name, by = u, by*1000
	}
	decimals := 1
	if x := n / by; x >= 100 || x == math.Trunc(x) {
		decimals = 0
	}
	return strconv.FormatFloat(n/by, 'f', decimals, 64) + name
}
