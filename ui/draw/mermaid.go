package draw

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/bellowsdb/bellows/revision"
)

// Mermaid draws the graph as a Mermaid flowchart: an arrow from each parent to
// its child, base at the bottom, needs dotted.
func Mermaid(g *revision.Graph, marks Marks) string {
	var b strings.Builder
	b.WriteString("flowchart BT\n")
	all, names, used := states(), map[revision.ID]string{}, map[string]bool{}
	node := func(r revision.Revision) {
		m := marks[r.ID]
		s := stateOf(all, m)
		names[r.ID] = fmt.Sprintf("r%d", len(names))
		lines := captions(r, m, s)
		for i := range lines {
			lines[i] = mermaidText(lines[i])
		}
		fmt.Fprintf(&b, "  %s[\"%s\"]", names[r.ID], strings.Join(lines, "<br/>"))
		if s.word != "" {
			fmt.Fprintf(&b, ":::%s", s.word)
			used[s.word] = true
		}
		b.WriteByte('\n')
	}
	for r := range g.All() {
		node(r)
	}
	for _, id := range strays(g, marks) {
		node(revision.Revision{ID: id})
	}
	for r := range g.All() {
		for _, p := range r.Parents {
			fmt.Fprintf(&b, "  %s --> %s\n", names[p], names[r.ID])
		}
		for _, n := range r.Needs {
			fmt.Fprintf(&b, "  %s -. %s .-> %s\n", names[n.ID], mermaidText(needLabel(n)), names[r.ID])
		}
	}
	for _, s := range all {
		if used[s.word] {
			fmt.Fprintf(&b, "  classDef %s fill:%s,stroke:%s,color:#111827\n", s.word, s.fill, s.line)
		}
	}
	return b.String()
}

// mermaidText writes as entities all that could mean something to Mermaid or
// Markdown.
func mermaidText(text string) string {
	var b strings.Builder
	for _, r := range clean(text) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" _.,:/-()", r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}
