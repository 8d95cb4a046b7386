package draw

import (
	"fmt"
	"strings"

	"github.com/bellowsdb/bellows/revision"
)

// DOT draws the graph in the language of Graphviz: an edge from each parent to
// its child, base at the bottom, needs dashed.
func DOT(g *revision.Graph, marks Marks) string {
	var b strings.Builder
	b.WriteString("digraph migrations {\n\trankdir=BT;\n\tbgcolor=\"transparent\";\n")
	b.WriteString("\tnode [shape=box, style=\"rounded,filled\", fontname=\"monospace\", fontsize=11, fontcolor=\"#111827\"];\n")
	b.WriteString("\tedge [color=\"#6b7280\", fontname=\"monospace\", fontsize=9, fontcolor=\"#6b7280\"];\n")
	all := states()
	node := func(r revision.Revision) {
		m := marks[r.ID]
		s := stateOf(all, m)
		extra := ""
		if m&Current != 0 {
			extra = ", penwidth=3"
		}
		if m&Missing != 0 {
			extra += ", style=\"rounded,dashed\""
		}
		fmt.Fprintf(&b, "\t%s [label=%s, fillcolor=%q, color=%q%s];\n", dotText(string(r.ID)), dotLabel(r, m, s), s.fill, s.line, extra)
	}
	for r := range g.All() {
		node(r)
	}
	for _, id := range strays(g, marks) {
		node(revision.Revision{ID: id})
	}
	for r := range g.All() {
		for _, p := range r.Parents {
			fmt.Fprintf(&b, "\t%s -> %s;\n", dotText(string(p)), dotText(string(r.ID)))
		}
		for _, n := range r.Needs {
			fmt.Fprintf(&b, "\t%s -> %s [style=dashed, constraint=false, label=%s];\n", dotText(string(n.ID)), dotText(string(r.ID)), dotText(needLabel(n)))
		}
	}
	b.WriteString("}\n")
	return b.String()
}

func needLabel(n revision.Need) string {
	return strings.TrimSpace("needs " + string(n.Phase))
}

// captions are the lines of text in a node: id, name, the rest.
func captions(r revision.Revision, m Mark, s state) []string {
	lines := []string{clean(string(r.ID))}
	if r.Name != "" {
		lines = append(lines, clean(r.Name))
	}
	r.Needs = nil // drawn as lines
	if n := notes(r, m, s); len(n) > 0 {
		lines = append(lines, strings.Join(n, ", "))
	}
	return lines
}

func dotLabel(r revision.Revision, m Mark, s state) string {
	lines := captions(r, m, s)
	for i := range lines {
		lines[i] = dotEscape(lines[i])
	}
	return `"` + strings.Join(lines, `\n`) + `"`
}

func dotText(text string) string { return `"` + dotEscape(clean(text)) + `"` }

func dotEscape(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), `"`, `\"`)
}
