package backfill

import (
	"slices"
	"time"
)

// The limits of a chunk's size, in rows.
const (
	FirstRows = 100
	MostRows  = 50000
	LeastRows = 1
)

// The limits of a chunk's target time.
const (
	UsualTarget = 100 * time.Millisecond
	LeastTarget = 20 * time.Millisecond
	MostTarget  = 2 * time.Second
)

const (
	growth  = 1.5 // the most by which a chunk is larger than the one before it
	samples = 10  // how many chunks the pace looks back on
	// share is how many chunks would make the whole table: a writer of the
	// application meets a locked row as often as rows are locked, however short
	// the lock is held, so a small table gets small chunks.
	share = 150
	// leastShare is the size below which the share does not press a chunk: the
	// cost of a transaction would eat the rest.
	leastShare = 50
)

// Pace is what the next chunk's size depends on. Zero values are the usual.
type Pace struct {
	Size    int64         // of the last chunk that was planned; 0 none
	First   int64         // of the first chunk
	Target  time.Duration // of one chunk
	Ceiling int64         // the most rows; 0 the usual
	Rows    int64         // of the table, 0 unknown
	Workers int           // how many change rows at once
}

// Sample is a chunk that is done.
type Sample struct {
	Rows int64
	Took time.Duration
}

// Next is how many rows the next chunk shall have, given the last chunks, oldest
// first. A chunk that took more than twice the target halves the size, one that
// took more than five times divides it by ten; else the size that the slowest
// tenth of the chunks would need to keep the target, never more than half as
// much again as before. A chunk does not get smaller than that helps: what a
// transaction costs by itself is not the rows'.
func (p Pace) Next(last []Sample) int64 {
	size := p.Size
	if size <= 0 {
		size = p.First
		if size <= 0 {
			size = FirstRows
		}
		return p.within(size)
	}
	target := p.target()
	if len(last) > samples {
		last = last[len(last)-samples:]
	}
	if len(last) == 0 {
		return p.within(size)
	}
	grown := int64(float64(size)*growth) + 1
	next := grown
	latest := last[len(last)-1]
	if cost := slowTenth(last); latest.Took > 5*target {
		next = min(size, max(latest.Rows, 1)) / 10
	} else if latest.Took > 2*target {
		next = min(size, max(latest.Rows, 1)) / 2
	} else if cost > 0 {
		next = min(grown, int64(float64(target)/cost))
	}
	return p.within(max(next, min(grown, useful(last, target))))
}

// Sizes are those of the next n chunks, planned at once.
func (p Pace) Sizes(last []Sample, n int) []int64 {
	sizes := make([]int64, 0, n)
	for range n {
		next := p.Next(last)
		if len(sizes) > 0 && next < p.Size {
			next = p.Size // one long chunk slows the pace once, not n times
		}
		sizes = append(sizes, next)
		p.Size = next
	}
	return sizes
}

func (p Pace) target() time.Duration {
	if p.Target <= 0 {
		return UsualTarget
	}
	return min(max(p.Target, LeastTarget), MostTarget)
}

// within keeps a size between the floor and the ceilings.
func (p Pace) within(size int64) int64 {
	most := int64(MostRows)
	if p.Ceiling > 0 {
		most = min(most, p.Ceiling)
	}
	if p.Rows > 0 {
		most = min(most, max(p.Rows/(share*int64(max(p.Workers, 1))), leastShare))
	}
	return max(min(size, most), LeastRows)
}

// slowTenth is the cost of a row, in nanoseconds, that nine of ten chunks keep.
func slowTenth(last []Sample) float64 {
	costs := make([]float64, len(last))
	for i, s := range last {
		costs[i] = float64(s.Took) / float64(max(s.Rows, 1))
	}
	slices.Sort(costs)
	return costs[(len(costs)*9+9)/10-1]
}

// useful is the size whose rows alone, without what a chunk costs however few it
// has, take half the target: smaller ones would hardly be done sooner. It is told
// by chunks of different sizes; 0 is not known.
func useful(last []Sample, target time.Duration) int64 {
	least, most := last[0].Rows, last[0].Rows
	var rows, took float64
	for _, s := range last {
		least, most = min(least, s.Rows), max(most, s.Rows)
		rows += float64(s.Rows) / float64(len(last))
		took += float64(s.Took) / float64(len(last))
	}
	apart := growth // so that what is by chance is not taken for a difference
	if most <= leastShare {
		apart = 1.1 // few rows: it may have withered slowly
	}
	if float64(most) < apart*float64(least) {
		return 0
	}
	var together, spread float64
	for _, s := range last {
		together += (float64(s.Rows) - rows) * (float64(s.Took) - took)
		spread += (float64(s.Rows) - rows) * (float64(s.Rows) - rows)
	}
	if together <= 0 { // the larger ones took no longer
		return int64(rows)
	}
	return int64(float64(target) / 2 * spread / together)
}
