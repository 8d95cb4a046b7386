package backfill

import (
	"fmt"
	"slices"
)

// Joint is a chunk that takes the place of others.
type Joint struct {
	Into Chunk   // the first of them, with the range and the sums of all
	Gone []int64 // the numbers of the others
}

// keep is how many done chunks are left alone, for the pace to look at.
const keep = 2 * samples

// Merge joins neighbouring done chunks into one, so that a billion rows leave a
// few rows of record. The latest are kept apart.
func Merge(chunks []Chunk) []Joint {
	var done []Chunk
	for _, c := range chunks {
		if c.State == Done && (c.Kind == Rows || c.Changed == 0) { // what a check has found is kept by itself
			done = append(done, c)
		}
	}
	if len(done) <= 2*keep {
		return nil
	}
	slices.SortFunc(done, func(a, b Chunk) int { return int(min(max(a.Seq-b.Seq, -1), 1)) })
	return joints(done[:len(done)-keep])
}

// joints chains chunks whose bounds meet.
func joints(done []Chunk) []Joint {
	type place struct {
		kind        string
		sweep, part int
		low         string
	}
	at := func(c Chunk, b Bound) place { return place{c.Kind, c.Sweep, c.Part, b.String()} }
	next := map[place]Chunk{}
	follows := map[place]bool{}
	for _, c := range done {
		next[at(c, c.Range.Low)] = c
		if c.Range.High != nil {
			follows[at(c, c.Range.High)] = true
		}
	}
	var all []Joint
	for _, c := range done {
		if c.Range.Low != nil && follows[at(c, c.Range.Low)] {
			continue // it is not the first of its chain
		}
		j := Joint{Into: c}
		for j.Into.Range.High != nil {
			n, ok := next[at(c, j.Into.Range.High)]
			if !ok {
				break
			}
			j.Into = joined(j.Into, n)
			j.Gone = append(j.Gone, n.Seq)
		}
		if len(j.Gone) > 0 {
			all = append(all, j)
		}
	}
	return all
}

func joined(a, b Chunk) Chunk {
	a.Range.High = b.Range.High
	a.Rows += b.Rows
	a.Changed += b.Changed
	a.Took += b.Took
	a.Tries += b.Tries
	a.Merged += max(b.Merged, 1)
	return a
}

// Cover proves that the chunks of one sweep over one leaf lie end to end from the
// first row to a place, or with nil beyond the last row, without gap and without
// overlap.
func Cover(chunks []Chunk, to Bound) error {
	byLow := map[string]Chunk{}
	for _, c := range chunks {
		low := c.Range.Low.String()
		if other, ok := byLow[low]; ok {
			return fmt.Errorf("chunks %d and %d both begin at %q", other.Seq, c.Seq, low)
		}
		byLow[low] = c
	}
	at := Bound(nil)
	for n := 0; ; n++ {
		if n > 0 && at.Equal(to) {
			if n != len(chunks) {
				return fmt.Errorf("%d of %d chunks lie apart from the others", len(chunks)-n, len(chunks))
			}
			return nil
		}
		c, ok := byLow[at.String()]
		if !ok || n == len(chunks) {
			return fmt.Errorf("no chunk begins at %q", at.String())
		}
		at = c.Range.High
		if at == nil && to != nil {
			return fmt.Errorf("chunk %d has no end", c.Seq)
		}
	}
}
