package draw

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bellowsdb/bellows/schema"
)

// The measures of a picture of tables, in pixels.
const (
	lineHeight = 20
	titleLine  = 26
	boxPadding = 10
	boxGap     = 28
	columnGap  = 90
	tallest    = 1500 // of a column of boxes, where its boxes are not taller
	typeLimit  = 28
)

const entityStyle = `
.bg{fill:#ffffff}
text{font:13px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#1f2937}
.head{font-weight:bold}
.kind{fill:#6b7280}
.mark{fill:#b45309}
.box{fill:#ffffff;stroke:#6b7280}
.bar{fill:#e0e7ff;stroke:#6b7280}
.ref{fill:none;stroke:#6366f1;stroke-width:1.5}
.end{fill:#6366f1}
@media (prefers-color-scheme:dark){
.bg{fill:#0d1117}
text{fill:#e5e7eb}
.kind{fill:#9ca3af}
.mark{fill:#fbbf24}
.box{fill:#0d1117;stroke:#6b7280}
.bar{fill:#1e1b4b;stroke:#6b7280}
.ref{stroke:#818cf8}
.end{fill:#818cf8}
}
`

// box is a table with its place.
type box struct {
	entity
	rank          int
	x, y          float64
	width, height float64
	kindX         float64 // where the types begin
}

// EntitySVG draws the tables of a schema as a picture that needs nothing else:
// what others refer to stands left of them. It can be read on light and dark pages.
func EntitySVG(s schema.Schema) string {
	all, refs := entities(s)
	boxes := make([]box, len(all))
	for i, e := range all {
		boxes[i] = measured(e)
	}
	rankAll(boxes, refs)
	width, height := place(boxes, refs)
	title := fmt.Sprintf("%d tables", len(all))
	if len(all) == 1 {
		title = "1 table"
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %[1]s %[2]s" role="img" aria-label="%s">`, num(width), num(height), title)
	fmt.Fprintf(&b, "\n<style>%s</style>\n<rect class=\"bg\" width=\"%s\" height=\"%s\"/>\n", entityStyle, num(width), num(height))
	for _, r := range refs {
		drawReference(&b, boxes, r)
	}
	for i := range boxes {
		boxes[i].draw(&b)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// short cuts a text that would make a box too wide.
func short(text string, limit int) string {
	text = clean(text)
	if utf8.RuneCountInString(text) > limit {
		return string([]rune(text)[:limit-1]) + "…"
	}
	return text
}

// measured is a table as wide and high as what is written in it.
func measured(e entity) box {
	names, kinds := 0, 0
	for _, c := range e.columns {
		names = max(names, utf8.RuneCountInString(short(c.name, nameLimit)))
		kinds = max(kinds, utf8.RuneCountInString(short(c.kind, typeLimit))+len(strings.Join(c.marks(), " "))+1)
	}
	b := box{entity: e, kindX: boxPadding + float64(names+2)*charWidth}
	b.width = max(b.kindX+float64(kinds)*charWidth, float64(utf8.RuneCountInString(short(e.title, nameLimit)))*charWidth*1.05+boxPadding) + boxPadding
	b.height = titleLine + float64(len(e.columns))*lineHeight + 6
	return b
}

// rankAll puts each table behind those it refers to, as far as they do not refer
// to each other in a circle.
func rankAll(boxes []box, refs []reference) {
	to := make([][]int, len(boxes))
	for _, r := range refs {
		if r.from != r.to {
			to[r.from] = append(to[r.from], r.to)
		}
	}
	const open, done = 1, 2
	state := make([]int, len(boxes))
	for first := range boxes {
		stack := []int{first}
		for len(stack) > 0 {
			i := stack[len(stack)-1]
			if state[i] == 0 {
				state[i] = open
				for _, t := range to[i] {
					if state[t] == 0 {
						stack = append(stack, t)
					}
				}
				continue
			}
			stack = stack[:len(stack)-1]
			if state[i] == done {
				continue
			}
			state[i] = done
			for _, t := range to[i] {
				if state[t] == done {
					boxes[i].rank = max(boxes[i].rank, boxes[t].rank+1)
				}
			}
		}
	}
}

// place gives each box its place, in columns by rank, near those it refers to.
func place(boxes []box, refs []reference) (width, height float64) {
	pull, pulls := make([]float64, len(boxes)), make([]float64, len(boxes))
	alone := make([]bool, len(boxes))
	ranks := 0
	for i := range boxes {
		alone[i] = true
		ranks = max(ranks, boxes[i].rank+1)
	}
	for _, r := range refs {
		alone[r.from], alone[r.to] = false, false
	}
	x := float64(margin) + columnGap/2 // room for bows
	for rank := range ranks {
		var column []int
		for i := range boxes {
			if boxes[i].rank == rank {
				column = append(column, i)
			}
		}
		for _, r := range refs {
			if boxes[r.from].rank == rank && boxes[r.to].rank < rank {
				pull[r.from] += boxes[r.to].y
				pulls[r.from]++
			}
		}
		slices.SortStableFunc(column, func(a, b int) int {
			if alone[a] != alone[b] {
				return map[bool]int{false: -1, true: 1}[alone[a]] // those that nothing refers to come last
			}
			return cmp.Compare(pull[a]/max(pulls[a], 1), pull[b]/max(pulls[b], 1))
		})
		y, widest := float64(margin), 0.0
		for _, i := range column {
			if y > margin && y+boxes[i].height > tallest {
				x, y, widest = x+widest+columnGap/3, margin, 0
			}
			boxes[i].x, boxes[i].y = x, y
			y += boxes[i].height + boxGap
			widest = max(widest, boxes[i].width)
			height = max(height, y)
		}
		x += widest + columnGap
	}
	return max(x-columnGap, 0) + margin, max(height-boxGap, 0) + margin
}

func (b *box) draw(out *strings.Builder) {
	fmt.Fprintf(out, `<g><title>%s</title><rect class="box" x="%s" y="%s" width="%s" height="%s" rx="4"/>`,
		escape(clean(b.title)), num(b.x), num(b.y), num(b.width), num(b.height))
	fmt.Fprintf(out, `<rect class="bar" x="%s" y="%s" width="%s" height="%d" rx="4"/>`, num(b.x), num(b.y), num(b.width), titleLine-4)
	fmt.Fprintf(out, "<text class=\"head\" x=\"%s\" y=\"%s\">%s</text>\n", num(b.x+boxPadding), num(b.y+16), escape(short(b.title, nameLimit)))
	for i, c := range b.columns {
		y := num(b.columnY(i) + 4.5)
		fmt.Fprintf(out, `<text x="%s" y="%s">%s</text><text class="kind" x="%s" y="%s">%s`,
			num(b.x+boxPadding), y, escape(short(c.name, nameLimit)), num(b.x+b.kindX), y, escape(short(c.kind, typeLimit)))
		if m := c.marks(); m != nil {
			fmt.Fprintf(out, `<tspan dx="8" class="mark">%s</tspan>`, strings.Join(m, " "))
		}
		out.WriteString("</text>\n")
	}
	out.WriteString("</g>\n")
}

// columnY is the middle of a column's line.
func (b *box) columnY(i int) float64 { return b.y + titleLine + (float64(i)+0.5)*lineHeight }

// drawReference draws a line from the first column of a key to the title of
// the table it is about.
func drawReference(out *strings.Builder, boxes []box, r reference) {
	from, to := &boxes[r.from], &boxes[r.to]
	y0, y1 := from.y+titleLine/2, to.y+titleLine/2-2
	for i, c := range from.columns {
		if slices.Contains(r.columns, c.name) {
			y0 = from.columnY(i)
			break
		}
	}
	x0, x1 := from.x, to.x+to.width
	out0, out1 := x0-columnGap/2, x1+columnGap/2
	switch {
	case to.x == from.x || r.from == r.to: // in the same column: a bow on its left
		x1 = to.x
		out1 = x1 - columnGap/2
	case to.x > from.x:
		x0, x1 = from.x+from.width, to.x
		out0, out1 = x0+columnGap/2, x1-columnGap/2
	}
	fmt.Fprintf(out, `<path class="ref" d="M%s %sC%s %s %s %s %s %s"/><circle class="end" cx="%s" cy="%s" r="3"/>`+"\n",
		num(x0), num(y0), num(out0), num(y0), num(out1), num(y1), num(x1), num(y1), num(x1), num(y1))
}
