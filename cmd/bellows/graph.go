package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/ui/answer"
	"github.com/bellowsdb/bellows/ui/draw"
)

// forms are the pictures that graph can draw.
type forms struct{ dot, mermaid, svg, ascii bool }

func (f forms) name() (string, error) {
	name, n := "text", 0
	for _, x := range []struct {
		on   bool
		name string
	}{{f.dot, "dot"}, {f.mermaid, "mermaid"}, {f.svg, "svg"}} {
		if x.on {
			name, n = x.name, n+1
		}
	}
	if n > 1 || n == 1 && f.ascii {
		return "", fault.New(fault.Usage, "one picture at a time").Try("one of --dot, --mermaid, --svg, --ascii, or none for text")
	}
	return name, nil
}

func (a *app) graphVerb() *cobra.Command {
	var f forms
	cmd := a.command(verb{
		use: "graph", short: "a picture of the graph",
		long: `Draws the migrations and how they follow one another, the newest at the top, with
what the database has when there is one: as text, for Graphviz (--dot), for
Markdown (--mermaid), or as an image (--svg).`,
		example: "bellows graph\nbellows graph --mermaid",
		exits:   []int{130},
		run:     func(ctx context.Context, _ []string) (answer.Answer, error) { return a.graph(ctx, f) },
	})
	cmd.Flags().BoolVar(&f.dot, "dot", false, "in the language of Graphviz")
	cmd.Flags().BoolVar(&f.mermaid, "mermaid", false, "as a Mermaid flowchart")
	cmd.Flags().BoolVar(&f.svg, "svg", false, "as an SVG image")
	cmd.Flags().BoolVar(&f.ascii, "ascii", false, "as text without box-drawing characters")
	return cmd
}

func (a *app) graph(ctx context.Context, f forms) (answer.Answer, error) {
	form, err := f.name()
	if err != nil {
		return nil, err
	}
	m, known, err := a.reach(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	g, marks := m.Graph(), draw.Marks(nil)
	if known {
		if g, marks, err = live(ctx, m); err != nil {
			return nil, err
		}
	}
	return answer.Graph{Form: form, Picture: a.picture(form, g, marks, f)}, nil
}

// live is the graph as the database sees it, with its marks.
func live(ctx context.Context, m *bellows.Migrator) (*revision.Graph, draw.Marks, error) {
	g, applied, err := m.LiveGraph(ctx)
	if err != nil {
		return nil, nil, err
	}
	marks := draw.Of(g, revision.NewSet(applied...))
	st, err := m.Status(ctx)
	if err != nil {
		return nil, nil, err
	}
	states := map[string]draw.Mark{"running": draw.Running, "held": draw.Held, "edited": draw.Edited,
		"missing": draw.Missing, "failed": draw.Failed}
	for _, r := range st.Revisions {
		marks[revision.ID(r.ID)] |= states[r.State]
	}
	return g, marks, nil
}

func (a *app) picture(form string, g *revision.Graph, marks draw.Marks, f forms) string {
	switch form {
	case "dot":
		return draw.DOT(g, marks)
	case "mermaid":
		return draw.Mermaid(g, marks)
	case "svg":
		return draw.SVG(g, marks)
	}
	var o draw.Options
	if f.ascii {
		o.Charset = draw.ASCII
	}
	if !a.wantsJSON() && !a.flags.plain && a.colorful(a.out) {
		o.Paint = paint
	}
	return draw.Text(g, marks, o)
}

// paint colours a revision of the text picture by what is known of it.
func paint(m draw.Mark, text string) string {
	code := ""
	switch {
	case m&(draw.Failed|draw.Missing|draw.Edited) != 0:
		code = "31"
	case m&(draw.Running|draw.Held) != 0:
		code = "33"
	case m&draw.Current != 0:
		code = "1;32"
	case m&draw.Applied != 0:
		code = "32"
	}
	if code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
