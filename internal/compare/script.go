package compare

import (
	"strings"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

// Script is SQL that makes a shape in an empty database, as text for the
// database's own client as well as for us.
func Script(d dialect.Dialect, s schema.Schema) (string, error) {
	p, err := Render(d, s)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if h := head(d); h != "" {
		b.WriteString(h + "\n")
	}
	f := Frame{Inside: p.Statements}
	if shaper, ok := d.(dialect.Shaper); ok {
		f = frame(shaper.Filling(), p)
	}
	for i, st := range f.Inside {
		if i > 0 && f.Inside[i-1].About != st.About {
			b.WriteByte('\n')
		}
		b.WriteString(d.Traits().Ended(st.SQL))
	}
	return b.String(), nil
}

// head is what makes the client read the script as we would. Settings that cannot
// be made inside a transaction are about rows, which there are none of.
func head(d dialect.Dialect) string {
	var b strings.Builder
	for _, line := range strings.SplitAfter(d.Traits().ScriptHead, "\n") {
		if d.Classify(line).NoTx == "" && line != "" {
			b.WriteString(strings.TrimSuffix(line, "\n") + "\n")
		}
	}
	return b.String()
}

// Framed is a plan as a script for the database's own client: what must stand
// outside its transaction stands around it.
func Framed(d dialect.Dialect, p diff.Plan) string {
	f := Frame{Inside: p.Statements}
	if shaper, ok := d.(dialect.Shaper); ok {
		f = frame(shaper.Comparison(), p)
	}
	var b strings.Builder
	write := func(statements []diff.Statement) {
		for _, s := range statements {
			b.WriteString(d.Traits().Ended(s.SQL))
		}
	}
	write(f.Before)
	if len(f.Before)+len(f.After) > 0 {
		b.WriteString(d.Traits().Ended(d.Traits().BeginWrite))
		write(f.Inside)
		b.WriteString("COMMIT;\n")
	} else {
		write(f.Inside)
	}
	write(f.After)
	return b.String()
}
