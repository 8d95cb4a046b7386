package draw

import (
	"fmt"
	"html"
	"strings"
	"unicode/utf8"

	"github.com/bellowsdb/bellows/revision"
)

// The measures of a drawing, in pixels.
const (
	margin     = 14
	rowHeight  = 26
	lanePitch  = 18
	lanesWide  = 720 // lanes are drawn closer when they would take more
	charWidth  = 7.9 // of a 13-pixel monospace font
	radius     = 5.5
	nameLimit  = 60
	legendLift = 14
)

// style has no variables and no nesting, which some viewers do not know. The
// background is painted, so that the picture can be read on any page.
const style = `
.bg{fill:#ffffff}
text{font:13px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#1f2937}
.id{fill:#6b7280}
.note{fill:#1d4ed8}
.bad{fill:#b91c1c;font-weight:bold}
path{fill:none;stroke-width:2}
.need{stroke:#9ca3af;stroke-width:1.5;stroke-dasharray:4 3}
.l0{stroke:#2563eb}.l1{stroke:#d97706}.l2{stroke:#059669}.l3{stroke:#db2777}.l4{stroke:#7c3aed}.l5{stroke:#0891b2}
circle{stroke-width:2;fill:#ffffff;stroke:#374151}
.applied{fill:#16a34a;stroke:#15803d}
.pending{stroke:#6b7280}
.failed{fill:#dc2626;stroke:#991b1b}
.edited{fill:#f97316;stroke:#c2410c}
.held{fill:#a855f7;stroke:#7e22ce}
.running{fill:#3b82f6;stroke:#1d4ed8}
.missing{stroke:#78716c;stroke-dasharray:2.5 2}
.ring{fill:none;stroke:#15803d;stroke-width:1.5}
.cross{stroke:#ffffff;stroke-width:1.8}
@media (prefers-color-scheme:dark){
.bg{fill:#0d1117}
text{fill:#e5e7eb}
.id{fill:#9ca3af}
.note{fill:#93c5fd}
.bad{fill:#fca5a5}
circle{fill:#0d1117;stroke:#d1d5db}
.applied{fill:#22c55e;stroke:#4ade80}
.failed{fill:#dc2626;stroke:#f87171}
.edited{fill:#f97316;stroke:#fdba74}
.held{fill:#a855f7;stroke:#d8b4fe}
.running{fill:#3b82f6;stroke:#93c5fd}
.pending{fill:#0d1117;stroke:#9ca3af}
.missing{fill:#0d1117;stroke:#a8a29e}
.ring{fill:none;stroke:#4ade80}
.l0{stroke:#60a5fa}.l1{stroke:#fbbf24}.l2{stroke:#34d399}.l3{stroke:#f472b6}.l4{stroke:#a78bfa}.l5{stroke:#22d3ee}
.need{stroke:#6b7280}
}
`

// SVG draws the graph as a picture that needs nothing else: the newest revision
// at the top, a lane for each branch, needs dashed, a legend below. It can be
// read on light and dark pages.
func SVG(g *revision.Graph, marks Marks) string {
	c := newCanvas(g, marks)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s">`,
		c.width, c.height, c.width, c.height, c.title)
	fmt.Fprintf(&b, "\n<style>%s</style>\n<rect class=\"bg\" width=\"%d\" height=\"%d\"/>\n", style, c.width, c.height)
	for _, l := range c.links {
		c.line(&b, l)
	}
	c.needs(&b)
	for i := range c.rows {
		c.node(&b, i)
	}
	c.legend(&b)
	b.WriteString("</svg>\n")
	return b.String()
}

// canvas is a layout with measures.
type canvas struct {
	layout
	marks         Marks
	all           []state
	pitch         float64
	textX         float64
	width, height int
	title         string
	used          map[string]bool
}

func newCanvas(g *revision.Graph, marks Marks) *canvas {
	c := &canvas{layout: arrange(g), marks: marks, all: states(), pitch: lanePitch, used: map[string]bool{}}
	for _, id := range strays(g, marks) {
		c.rows = append(c.rows, row{rev: revision.Revision{ID: id}})
	}
	c.layout.width = max(c.layout.width, 1)
	if wide := float64(c.layout.width) * lanePitch; wide > lanesWide {
		c.pitch = max(3, lanesWide/float64(c.layout.width))
	}
	c.textX = 2*margin + float64(c.layout.width)*c.pitch
	longest := 30 // the legend
	for i := range c.rows {
		id, name, note, _ := c.words(i)
		longest = max(longest, utf8.RuneCountInString(id+name+note)+4)
		c.used[stateOf(c.all, marks[c.rows[i].rev.ID]).word] = true
	}
	legend := 0
	for _, s := range c.all {
		if c.used[s.word] && s.word != "" {
			legend += len(s.word) + 5
		}
	}
	c.width = int(max(c.textX+float64(longest)*charWidth, float64(legend)*charWidth)) + margin
	c.height = 2*margin + len(c.rows)*rowHeight + legendLift + rowHeight
	c.title = fmt.Sprintf("migration graph, %d revisions", g.Len())
	if g.Len() == 1 {
		c.title = "migration graph, 1 revision"
	}
	return c
}

func (c *canvas) x(lane int) float64 { return margin + (float64(lane)+0.5)*c.pitch }
func (c *canvas) y(row int) float64  { return margin + (float64(row)+0.5)*rowHeight }

// words are what is written beside a node; bad says that the note is of trouble.
func (c *canvas) words(i int) (id, name, note string, bad bool) {
	r := c.rows[i].rev
	m := c.marks[r.ID]
	s := stateOf(c.all, m)
	name = clean(r.Name)
	if utf8.RuneCountInString(name) > nameLimit {
		name = string([]rune(name)[:nameLimit-1]) + "…"
	}
	return clean(string(r.ID)), name, strings.Join(notes(r, m, s), ", "), s.mark&(Failed|Missing|Edited) != 0
}

// line draws the way from a child through its lane to the parent.
func (c *canvas) line(b *strings.Builder, l link) {
	x0, y0 := c.x(c.rows[l.child].col), c.y(l.child)
	x1, y1 := c.x(c.rows[l.parent].col), c.y(l.parent)
	lane := c.x(l.lane)
	fmt.Fprintf(b, `<path class="l%d" d="M%s %s`, l.lane%6, num(x0), num(y0))
	switch {
	case l.parent == l.child+1:
		bend(b, x0, y0, x1, y1)
	default:
		bend(b, x0, y0, lane, y0+rowHeight)
		if l.parent > l.child+2 {
			fmt.Fprintf(b, "V%s", num(y1-rowHeight))
		}
		bend(b, lane, y1-rowHeight, x1, y1)
	}
	b.WriteString("\"/>\n")
}

func bend(b *strings.Builder, x0, y0, x1, y1 float64) {
	if x0 == x1 {
		fmt.Fprintf(b, "V%s", num(y1))
		return
	}
	mid := num((y0 + y1) / 2)
	fmt.Fprintf(b, "C%s %s %s %s %s %s", num(x0), mid, num(x1), mid, num(x1), num(y1))
}

// needs draws a dashed bow, left of the lanes, to each revision that is needed.
func (c *canvas) needs(b *strings.Builder) {
	at := map[revision.ID]int{}
	for i := range c.rows {
		if len(c.rows[i].rev.Needs) > 0 && len(at) == 0 {
			for k := range c.rows {
				at[c.rows[k].rev.ID] = k
			}
		}
	}
	for i := range c.rows {
		for _, n := range c.rows[i].rev.Needs {
			k, ok := at[n.ID]
			if !ok {
				continue
			}
			x0, x1 := c.x(c.rows[i].col), c.x(c.rows[k].col)
			out := num(min(x0, x1) - min(c.pitch, margin)*0.9)
			fmt.Fprintf(b, "<path class=\"need\" d=\"M%s %sC%s %s %s %s %s %s\"/>\n",
				num(x0), num(c.y(i)), out, num(c.y(i)+rowHeight/2), out, num(c.y(k)-rowHeight/2), num(x1), num(c.y(k)))
		}
	}
}

func (c *canvas) node(b *strings.Builder, i int) {
	r := &c.rows[i]
	m := c.marks[r.rev.ID]
	s := stateOf(c.all, m)
	x, y := num(c.x(r.col)), num(c.y(i))
	id, name, note, bad := c.words(i)
	fmt.Fprintf(b, "<g><title>%s</title>", escape(strings.TrimSpace(clean(string(r.rev.ID)+" "+r.rev.Name)+" "+s.word)))
	size := num(min(radius, max(2, c.pitch*0.45)))
	if m&Current != 0 {
		fmt.Fprintf(b, `<circle class="ring" cx="%s" cy="%s" r="%s"/>`, x, y, num(radius+3.5))
	}
	fmt.Fprintf(b, `<circle class="%s" cx="%s" cy="%s" r="%s"/>`, s.word, x, y, size)
	if m&Failed != 0 {
		cx, cy := c.x(r.col), c.y(i)
		fmt.Fprintf(b, `<path class="cross" d="M%s %sL%s %sM%s %sL%s %s"/>`,
			num(cx-2.5), num(cy-2.5), num(cx+2.5), num(cy+2.5), num(cx-2.5), num(cy+2.5), num(cx+2.5), num(cy-2.5))
	}
	fmt.Fprintf(b, `<text x="%s" y="%s"><tspan class="id">%s</tspan>`, num(c.textX), num(c.y(i)+4.5), escape(id))
	if name != "" {
		fmt.Fprintf(b, `<tspan dx="10">%s</tspan>`, escape(name))
	}
	if note != "" {
		class := "note"
		if bad {
			class = "bad"
		}
		fmt.Fprintf(b, `<tspan dx="10" class="%s">%s</tspan>`, class, escape(note))
	}
	b.WriteString("</text></g>\n")
}

func (c *canvas) legend(b *strings.Builder) {
	x, y := float64(margin)+radius, float64(c.height-margin-rowHeight/2)
	for _, s := range c.all {
		if s.word == "" || !c.used[s.word] {
			continue
		}
		fmt.Fprintf(b, `<circle class="%s" cx="%s" cy="%s" r="%s"/><text class="id" x="%s" y="%s">%s</text>`+"\n",
			s.word, num(x), num(y), num(radius), num(x+12), num(y+4.5), s.word)
		x += 12 + float64(len(s.word)+3)*charWidth
	}
}

func num(f float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.1f", f), "0"), ".")
}

func escape(text string) string { return html.EscapeString(text) }
