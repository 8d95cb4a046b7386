package backfill

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/fault"
)

// The strategies: how the end of the next chunk is found.
const (
	Arithmetic = "arithmetic" // by addition
	Probe      = "probe"      // by asking an index for the key so many rows on
	Pages      = "pages"      // by the place of storage
)

// Table is what the choice of a strategy depends on.
type Table struct {
	Keys  []Key
	Pages *Key // nil where rows cannot be addressed by their place
	Rows  int64
	Bytes int64 // the size of the storage
	// Span is the greatest less the least value of a first key that is a single
	// integer; nil unknown.
	Span *uint64
	// Why says why keys that are there cannot be used.
	Why string
}

// Wish is what the author asked for.
type Wish struct {
	Table   string
	Columns []string // the key to use; empty leaves the choice
	// Repeats: the statements pass over rows that they have changed.
	Repeats bool
	At      fault.Pos
}

// Choice is a way through a table, and why it was taken.
type Choice struct {
	Strategy string
	Key      Key
	Reason   string
}

// sparse is how many possible values there may be for each row of a key that is
// counted through.
const sparse = 4

// scattered is the correlation below which the order of a key has nothing to do
// with the order of storage.
const scattered = 0.5

// worthwhile is the size of a table from which on it matters that each chunk of
// rows that lie anywhere writes to as many pages as it has rows.
const worthwhile = 32 << 20

// Choose takes a way through a table. Without one the error says what would help.
func Choose(t Table, w Wish) (Choice, error) {
	if len(w.Columns) > 0 {
		return asked(t, w)
	}
	if len(t.Keys) == 0 {
		return keyless(t, w)
	}
	key := t.Keys[0]
	if t.Pages != nil && w.Repeats && t.Bytes >= worthwhile && key.Correlation > -scattered && key.Correlation < scattered {
		return Choice{Pages, *t.Pages, fmt.Sprintf("rows lie in no order of %s (correlation %.2f), so pages are read one after the other",
			list(key.Names()), key.Correlation)}, nil
	}
	return byKey(t, key, nameOf(key)), nil
}

func nameOf(key Key) string {
	if key.Primary {
		return "primary key " + list(key.Names())
	}
	return "unique key " + list(key.Names())
}

// byKey counts through a dense integer, and asks the index of any other key.
func byKey(t Table, key Key, what string) Choice {
	if key.Moves {
		what = "row number " + key.Columns[0].Name + ", which VACUUM may change"
	}
	one := len(key.Columns) == 1 && key.Columns[0].Integer
	switch {
	case one && t.Span != nil && t.Rows > 0 && *t.Span/sparse < uint64(t.Rows):
		return Choice{Arithmetic, key, what + ", an integer with few gaps"}
	case one && t.Span != nil && t.Rows > 0:
		return Choice{Probe, key, what + ", an integer with many gaps"}
	case len(key.Columns) > 1 && isMixed(key):
		return Choice{Probe, key, what + ", columns of different direction"}
	}
	return Choice{Probe, key, what}
}

func keyless(t Table, w Wish) (Choice, error) {
	if t.Pages != nil && w.Repeats {
		return Choice{Pages, *t.Pages, "no usable key; the statement passes over rows that it has changed, so pages can be read one after the other"}, nil
	}
	why := ""
	if t.Why != "" {
		why = " (" + t.Why + ")"
	}
	f := fault.At(w.At, fault.Unsupported, "table %s has no key by which to go through its rows%s", w.Table, why)
	if t.Pages != nil {
		return Choice{}, f.Try("add a primary key or a unique index over NOT NULL columns; or let the statement pass over rows that it has changed, such as WHERE new_column IS NULL AND :chunk, so that it can go by pages")
	}
	return Choice{}, f.Try("add a primary key, or a unique index over NOT NULL columns")
}

// asked takes the key whose columns the author named.
func asked(t Table, w Wish) (Choice, error) {
	var known []string
	for _, k := range t.Keys {
		if sameNames(k.Names(), w.Columns) {
			return byKey(t, k, "asked for: "+list(k.Names())), nil
		}
		known = append(known, "key:"+strings.Join(k.Names(), ","))
	}
	f := fault.At(w.At, fault.Unsupported, "table %s has no unique key over %s whose columns are NOT NULL", w.Table, list(w.Columns))
	if t.Pages != nil && sameNames(t.Pages.Names(), w.Columns) {
		if w.Repeats {
			return Choice{Pages, *t.Pages, "asked for: pages, one after the other"}, nil
		}
		f.Msg = "going by pages meets rows again that were changed and so moved, and the statement would change them twice"
		return Choice{}, f.Try("let the statement pass over rows that it has changed, such as WHERE new_column IS NULL AND :chunk")
	}
	if len(known) > 0 {
		return Choice{}, f.Try("these can be used: %s", strings.Join(known, " or "))
	}
	return Choice{}, f.Try("add one, or leave key out")
}

func sameNames(a, b []string) bool {
	return slices.EqualFunc(a, b, strings.EqualFold)
}

func list(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return "(" + strings.Join(names, ", ") + ")"
}

// Step is how far apart the bounds of chunks of that many rows are, for a key
// that is counted through: the rows are taken to lie evenly.
func Step(size, rows int64, span uint64) int64 {
	if rows <= 0 || span < uint64(rows) {
		return max(size, 1)
	}
	step := float64(size) * (float64(span) + 1) / float64(rows)
	if step >= math.MaxInt64 {
		return math.MaxInt64
	}
	return max(int64(step), 1)
}
