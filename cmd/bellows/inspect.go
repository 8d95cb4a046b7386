package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/ui/answer"
	"github.com/bellowsdb/bellows/ui/draw"
)

// shapeForms are the ways in which inspect can show a schema.
type shapeForms struct{ sql, mermaid, svg, snapshot bool }

func (f shapeForms) name(json bool) (string, error) {
	name, n := "sql", 0
	if json {
		name = "facts"
	}
	for _, x := range []struct {
		on   bool
		name string
	}{{f.sql, "sql"}, {f.mermaid, "mermaid"}, {f.svg, "svg"}, {f.snapshot, "snapshot"}} {
		if x.on {
			name, n = x.name, n+1
		}
	}
	if n > 1 {
		return "", fault.New(fault.Usage, "one form at a time").Try("one of --sql, --mermaid, --svg, --snapshot, or none for SQL")
	}
	return name, nil
}

func (a *app) inspectVerb() *cobra.Command {
	var f shapeForms
	var o bellows.InspectOptions
	cmd := a.command(verb{
		use: "inspect", short: "print the schema of the database",
		long: `Prints the schema of the database: as SQL that makes it anew in an empty one, in
an order in which it loads; as facts (--json); as a snapshot, a file that diff can
compare with later (--snapshot); or as a picture of tables and what refers to
what, for Markdown (--mermaid) or as an image (--svg). The tables of the ledger
are left out. It writes nothing.

What a database holds and Bellows does not describe is named on stderr.`,
		example: "bellows inspect\nbellows inspect --mermaid\nbellows inspect --snapshot > schema.json",
		exits:   []int{130},
		run:     func(ctx context.Context, _ []string) (answer.Answer, error) { return a.inspect(ctx, f, o) },
	})
	fs := cmd.Flags()
	fs.BoolVar(&f.sql, "sql", false, "as SQL, which is what it does without any of these")
	fs.BoolVar(&f.mermaid, "mermaid", false, "as a Mermaid entity diagram")
	fs.BoolVar(&f.svg, "svg", false, "as an SVG image of the tables")
	fs.BoolVar(&f.snapshot, "snapshot", false, "as a snapshot, for bellows diff")
	fs.StringSliceVar(&o.Schemas, "schemas", nil, "only these `SCHEMAS`")
	fs.BoolVar(&o.Owners, "owners", false, "say also who owns what")
	return cmd
}

// noFolder is for verbs that only look at a database.
func noFolder(o *bellows.Options) { o.ReadOnly, o.Dir = true, "" }

func (a *app) inspect(ctx context.Context, f shapeForms, o bellows.InspectOptions) (answer.Answer, error) {
	form, err := f.name(a.wantsJSON())
	if err != nil {
		return nil, err
	}
	m, s, err := a.open(ctx, noFolder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	shape, err := m.Inspect(ctx, o)
	if err != nil {
		return nil, err
	}
	text, err := shapeText(form, shape)
	return answer.Schema{Shape: shape, Form: form, Text: text, On: s.shownURL()}, err
}

// shapeText is a schema in one of the forms.
func shapeText(form string, s bellows.Shape) (string, error) {
	switch form {
	case "sql":
		return s.SQL()
	case "mermaid":
		return draw.EntityMermaid(s.Schema), nil
	case "svg":
		return draw.EntitySVG(s.Schema), nil
	case "snapshot":
		var b strings.Builder
		_, err := s.WriteTo(&b)
		return b.String(), err
	}
	return "", nil
}
