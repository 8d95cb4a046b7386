package draw

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bellowsdb/bellows/revision"
)

// alignLanes is up to how many lanes the words stand in one column; with more,
// they follow the lanes of their own line.
const alignLanes = 8

// strokes are the characters lines are made of.
type strokes struct{ down, across, cross, end, endOn, open, openOn string }

func strokesOf(c Charset) strokes {
	if c == ASCII {
		return strokes{"|", "-", "|", "'", "'", ".", "."}
	}
	return strokes{"│", "─", "┼", "╯", "┴", "╮", "┬"}
}

// Text draws one line for each revision, the newest at the top, with lanes for
// branches: ●─╮ is a merge, ●─╯ is where a branch begins. A revision whose file
// is gone comes last. The text ends in a newline unless there is nothing.
func Text(g *revision.Graph, marks Marks, o Options) string {
	l, all, s := arrange(g), states(), strokesOf(o.Charset)
	var b strings.Builder
	for i := range l.rows {
		r := &l.rows[i]
		lanes := l.width
		if lanes > alignLanes {
			lanes = r.reach() + 1
		}
		writeLine(&b, r, lanes, s, marks[r.rev.ID], all, o)
	}
	for _, id := range strays(g, marks) {
		r := row{rev: revision.Revision{ID: id}}
		writeLine(&b, &r, max(1, min(l.width, alignLanes)), s, marks[id], all, o)
	}
	return b.String()
}

// reach is the rightmost lane that is drawn in a row.
func (r *row) reach() int {
	return max(r.span(), len(r.lanes)-1)
}

// span is the rightmost lane that the row's own lines lead to.
func (r *row) span() int {
	last := r.col
	for _, lane := range slices.Concat(r.ends, r.opens) {
		last = max(last, lane)
	}
	return last
}

func writeLine(b *strings.Builder, r *row, lanes int, s strokes, m Mark, all []state, o Options) {
	paint := o.Paint
	if paint == nil {
		paint = func(_ Mark, text string) string { return text }
	}
	state := stateOf(all, m)
	sign := state.sign
	if o.Charset == ASCII {
		sign = state.ascii
	}
	span := r.span()
	for lane := range lanes {
		if lane == r.col {
			b.WriteString(paint(m, sign))
		} else {
			b.WriteString(r.cell(lane, span, s))
		}
		if lane >= r.col && lane < span {
			b.WriteString(s.across)
		} else {
			b.WriteByte(' ')
		}
	}
	words := clean(string(r.rev.ID))
	if r.rev.Name != "" {
		words += "  " + clean(r.rev.Name)
	}
	if n := notes(r.rev, m, state); len(n) > 0 {
		words += "  (" + strings.Join(n, ", ") + ")"
	}
	if o.Charset == ASCII {
		words = plain(words)
	}
	b.WriteByte(' ')
	b.WriteString(paint(m, words))
	b.WriteByte('\n')
}

// cell is what stands in a lane that is not the row's own.
func (r *row) cell(lane, span int, s strokes) string {
	switch {
	case slices.Contains(r.ends, lane) && lane == span:
		return s.end
	case slices.Contains(r.ends, lane):
		return s.endOn
	case slices.Contains(r.opens, lane) && lane == span:
		return s.open
	case slices.Contains(r.opens, lane):
		return s.openOn
	}
	inside, busy := lane > r.col && lane < span, lane < len(r.lanes) && r.lanes[lane]
	switch {
	case inside && busy:
		return s.cross
	case inside:
		return s.across
	case busy:
		return s.down
	}
	return " "
}

// plain writes a question mark for what is not ASCII.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return '?'
		}
		return r
	}, text)
}
