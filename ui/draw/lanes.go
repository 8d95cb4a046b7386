package draw

import "github.com/bellowsdb/bellows/revision"

// row is one revision in its place, the newest first.
type row struct {
	rev   revision.Revision
	col   int
	ends  []int  // lanes that end here, all to the right of col
	opens []int  // lanes that begin here, likewise
	lanes []bool // the lanes that come by, without those that end here
}

// link is a line from a revision down to a parent, in a lane of its own.
type link struct{ child, parent, lane int }

// layout is where everything stands.
type layout struct {
	rows  []row
	links []link
	width int // lanes
}

// arrange gives each revision a row, newest first, and each line to a parent a
// lane from the child's row to the parent's. Lanes never move; one that has
// ended is used again.
func arrange(g *revision.Graph) layout {
	order := g.Order()
	at := make(map[revision.ID]int, len(order))
	for k, id := range order {
		at[id] = len(order) - 1 - k
	}
	l := layout{rows: make([]row, len(order))}
	p := placer{}
	for i := range l.rows {
		r := &l.rows[i]
		r.rev, _ = g.Lookup(order[len(order)-1-i])
		p.take(r, i)
		r.lanes = p.busy()
		p.leave(r, i, at, &l)
		l.width = max(l.width, len(p.waits))
	}
	return l
}

// placer knows for which row each lane waits, -1 for none.
type placer struct {
	waits []int
}

// take gives a row the leftmost lane that waits for it, or a free one.
func (p *placer) take(r *row, i int) {
	r.col = -1
	for lane, row := range p.waits {
		switch {
		case row != i:
		case r.col < 0:
			r.col = lane
		default:
			r.ends = append(r.ends, lane)
			p.waits[lane] = -1
		}
	}
	if r.col < 0 {
		r.col = p.free(0, nil)
	}
	p.waits[r.col] = -1
}

// free finds a lane at or right of one, which is not among those that just ended.
func (p *placer) free(from int, not []int) int {
next:
	for lane := from; lane < len(p.waits); lane++ {
		if p.waits[lane] >= 0 {
			continue
		}
		for _, n := range not {
			if n == lane {
				continue next
			}
		}
		return lane
	}
	p.waits = append(p.waits, -1)
	return len(p.waits) - 1
}

func (p *placer) busy() []bool {
	last := -1
	for lane, row := range p.waits {
		if row >= 0 {
			last = lane
		}
	}
	out := make([]bool, last+1)
	for lane := range out {
		out[lane] = p.waits[lane] >= 0
	}
	return out
}

// leave opens a lane for each parent, the first in the row's own column.
func (p *placer) leave(r *row, i int, at map[revision.ID]int, l *layout) {
	for k, id := range r.rev.Parents {
		lane := r.col
		if k > 0 {
			lane = p.free(r.col+1, r.ends)
			r.opens = append(r.opens, lane)
		}
		p.waits[lane] = at[id]
		l.links = append(l.links, link{i, at[id], lane})
	}
}
