package text

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// paint colours words with the sixteen colours every terminal has.
type paint struct{ on bool }

func (p paint) in(code, s string) string {
	if !p.on || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p paint) red(s string) string    { return p.in("1;31", s) }
func (p paint) green(s string) string  { return p.in("32", s) }
func (p paint) yellow(s string) string { return p.in("33", s) }
func (p paint) cyan(s string) string   { return p.in("36", s) }
func (p paint) bold(s string) string   { return p.in("1", s) }
func (p paint) dim(s string) string    { return p.in("2", s) }

// page is an answer while it is put together.
type page struct {
	strings.Builder
	paint
	width int
}

// line writes a line.
func (p *page) line(format string, args ...any) {
	fmt.Fprintf(&p.Builder, format, args...)
	p.WriteByte('\n')
}

// text writes a text and ends its last line.
func (p *page) text(s string) {
	p.WriteString(s)
	if s != "" && !strings.HasSuffix(s, "\n") {
		p.WriteByte('\n')
	}
}

// cell is one field of a table, with how to colour it; nil leaves it plain.
type cell struct {
	text  string
	color func(string) string
}

// table is rows of cells. Where the rows are too wide for the terminal, the
// columns of drop are left out, one after another, and then the widest are cut,
// but none of keep: half an id or half a time is of no use.
type table struct {
	indent string
	head   []string
	drop   []int
	keep   []int
	rows   [][]cell
}

func (t *table) row(cells ...cell) { t.rows = append(t.rows, cells) }

func plain(s string) cell { return cell{text: s} }

// table writes the rows in columns that are as wide as their widest cell.
func (p *page) table(t table) {
	if t.head != nil {
		head := make([]cell, len(t.head))
		for i, h := range t.head {
			head[i] = cell{h, p.dim}
		}
		t.rows = append([][]cell{head}, t.rows...)
	}
	widths := t.widths(p.width)
	for _, row := range t.rows {
		p.WriteString(t.render(row, widths))
		p.WriteByte('\n')
	}
}

// narrow is what a column keeps when others could be left out instead.
const narrow = 16

// widths gives each column's width, 0 for one that is left out or empty.
func (t *table) widths(limit int) []int {
	var widths []int
	for _, row := range t.rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], cells(clean(c.text)))
		}
	}
	if limit <= 0 {
		return widths
	}
	limit -= len(t.indent)
	for _, i := range t.drop {
		if i < len(widths) && total(t.least(widths)) > limit {
			widths[i] = 0
		}
	}
	for over := total(widths) - limit; over > 0; over = total(widths) - limit {
		i := t.widest(widths)
		if i < 0 || widths[i] <= 8 {
			break
		}
		widths[i] = max(8, t.next(widths, i), widths[i]-over)
	}
	return widths
}

// least is what the columns keep when others are left out.
func (t *table) least(widths []int) []int {
	least := slices.Clone(widths)
	for i, w := range widths {
		if !slices.Contains(t.keep, i) {
			least[i] = min(w, narrow)
		}
	}
	return least
}

// widest is the first of the widest columns that may be cut; -1 for none.
func (t *table) widest(widths []int) int {
	most := -1
	for i, w := range widths {
		if !slices.Contains(t.keep, i) && (most < 0 || w > widths[most]) {
			most = i
		}
	}
	return most
}

// next is the width below that of column i: the widest ones are cut evenly.
func (t *table) next(widths []int, i int) int {
	most := 0
	for j, w := range widths {
		switch {
		case j == i || slices.Contains(t.keep, j):
		case w == widths[i]:
			return w - 1
		case w < widths[i]:
			most = max(most, w)
		}
	}
	return most
}

// total is the width of a row.
func total(widths []int) int {
	sum := -2
	for _, w := range widths {
		if w > 0 {
			sum += w + 2
		}
	}
	return sum
}

func (t *table) render(row []cell, widths []int) string {
	var b strings.Builder
	b.WriteString(t.indent)
	blank := 0
	for i, c := range row {
		if widths[i] == 0 {
			continue
		}
		s := cut(clean(c.text), widths[i])
		if s != "" {
			b.WriteString(strings.Repeat(" ", blank))
			blank = 0
			if c.color != nil {
				b.WriteString(c.color(s))
			} else {
				b.WriteString(s)
			}
		}
		blank += widths[i] - cells(s) + 2
	}
	return b.String()
}

// cut shortens a text to at most width cells.
func cut(s string, width int) string {
	if cells(s) <= width {
		return s
	}
	used := 0
	for i, r := range s {
		if used+wide(r) > width-1 {
			return s[:i] + "…"
		}
		used += wide(r)
	}
	return s
}

// cells is how many cells of a terminal a text takes.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += wide(r)
	}
	return n
}

// wide is 0 for a mark that joins the letter before it, 2 for the wide letters
// of East Asian scripts and pictures, 1 for all others.
func wide(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3,
		r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60,
		r >= 0xffe0 && r <= 0xffe6, r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// clean makes a text safe to show on one line: what would move the cursor or
// speak to the terminal is shown as a blank or as "�".
func clean(s string) string {
	if strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unprintable(r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

func unprintable(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// lines is clean for a text of several lines.
func lines(s string) string {
	parts := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, l := range parts {
		parts[i] = clean(strings.ReplaceAll(l, "\t", "    "))
	}
	return strings.Join(parts, "\n")
}
