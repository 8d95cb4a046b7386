package plan

import (
	"strings"
	"unicode/utf8"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
)

// placer turns byte offsets of a section into places in its file. Offsets are
// asked for in nearly rising order, so each byte is looked at about once.
type placer struct {
	sec      revision.Section
	offset   int
	row, col int
}

func newPlacer(sec revision.Section) *placer {
	return &placer{sec: sec, row: max(sec.At.Line, 1), col: max(sec.At.Column, 1)}
}

func (p *placer) at(offset int) fault.Pos {
	offset = min(max(offset, 0), len(p.sec.SQL))
	if offset < p.offset {
		p.offset, p.row, p.col = 0, max(p.sec.At.Line, 1), max(p.sec.At.Column, 1)
	}
	passed := p.sec.SQL[p.offset:offset]
	if n := strings.Count(passed, "\n"); n > 0 {
		p.row += n
		p.col = 1
		passed = passed[strings.LastIndexByte(passed, '\n')+1:]
	}
	p.col += utf8.RuneCountInString(passed)
	p.offset = offset
	return fault.Pos{File: p.sec.At.File, Line: p.row, Column: p.col}
}

// reach is how far the ends of a source line are looked for.
const reach = 400

// line is the source line around an offset; "" when its beginning is not in
// the section or far away, cut when its end is far away.
func (p *placer) line(offset int) string {
	sql := p.sec.SQL
	offset = min(max(offset, 0), len(sql))
	low := max(0, offset-reach)
	start := low + strings.LastIndexByte(sql[low:offset], '\n') + 1
	if start == low && (low > 0 || p.sec.At.Column > 1) {
		return ""
	}
	high := min(len(sql), offset+reach)
	end := high
	if i := strings.IndexByte(sql[offset:high], '\n'); i >= 0 {
		end = offset + i
	}
	for end > offset && end < len(sql) && !utf8.RuneStart(sql[end]) {
		end--
	}
	return strings.TrimSuffix(sql[start:end], "\r")
}

// shift moves the place of an error of the cutter, which counts columns from
// the section's first byte, to the file's columns.
func (p *placer) shift(err error) error {
	f := asFault(err)
	if f == nil || f.Pos == nil || f.Pos.Line != max(p.sec.At.Line, 1) || f.Pos.Column == 0 || p.sec.At.Column <= 1 {
		return err
	}
	moved := *f
	pos := *f.Pos
	pos.Column += p.sec.At.Column - 1
	pos.Text = ""
	moved.Pos = &pos
	return &moved
}
