// Package compare reads the shapes of databases, compares them and writes them
// as SQL, whatever the database is.
//
// Charter: what the verbs inspect, diff, drift and verify need, in three functions.
// Invariant: nothing here changes a database.
// Example: from, err := compare.Inspect(ctx, conn, db.Inspection{Leave: l.Own()}); r, err := compare.Diff(conn.Dialect(), from, to, diff.Options{})
package compare

import (
	"context"
	"fmt"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/schema"
)

// Inspect reads the shape of a database. What it finds and cannot describe is in
// Unmodelled; [Strict] makes an error of that.
func Inspect(ctx context.Context, c db.Conn, o db.Inspection) (schema.Schema, error) {
	i, ok := c.(db.Inspector)
	if !ok {
		return schema.Schema{}, Unknown(c.Dialect())
	}
	return i.Inspect(ctx, o)
}

// Strict is an error when something was found that no fact describes.
func Strict(s schema.Schema) error {
	if len(s.Unmodelled) == 0 {
		return nil
	}
	u := s.Unmodelled[0]
	e := fault.New(fault.Unsupported, "%s %s cannot be described", u.Kind, u.Name)
	if u.Why != "" {
		e.Msg += ": " + u.Why
	}
	if more := len(s.Unmodelled) - 1; more > 0 {
		e.Msg += fmt.Sprintf(" (and %d more)", more)
	}
	return e.Try("change it by a migration of your own; the comparison leaves it alone")
}

// Result is how one shape becomes the other, and back.
type Result struct {
	Up, Down diff.Plan
	// Class is what the way back is worth.
	Class diff.Class
	// UpFrame and DownFrame are what must be run around the plans' transactions.
	UpFrame, DownFrame Frame
	// Parts are the migrations to write, in order: one, unless the plan has stages.
	// None when the shapes are the same.
	Parts []Part
	// End is where they lead: the new shape, with what is put aside on the way, which
	// Aside names.
	End   schema.Schema
	Aside []diff.Rename
}

// Frame is a plan cut at the ends of its transaction.
type Frame struct{ Before, Inside, After []diff.Statement }

// Framer is a [diff.Language] of a database where some statements must stand
// outside the transaction.
type Framer interface {
	Around(p diff.Plan) (before, inside, after []diff.Statement)
}

// Diff plans the way from one shape to the other, and the way back. Shapes of
// different databases cannot be compared.
func Diff(d dialect.Dialect, from, to schema.Schema, o diff.Options) (Result, error) {
	shaper, ok := d.(dialect.Shaper)
	if !ok {
		return Result{}, Unknown(d)
	}
	if from.Dialect != "" && to.Dialect != "" && from.Dialect != to.Dialect {
		return Result{}, fault.New(fault.Usage, "a shape of %s cannot be compared with one of %s", from.Dialect, to.Dialect).
			Try("compare two databases of one kind")
	}
	l := shaper.Comparison()
	r, err := diff.Way(from, to, l, o)
	if err != nil {
		return Result{}, err
	}
	return Result{Up: r.Up, Down: r.Down, Class: r.Class, UpFrame: frame(l, r.Up), DownFrame: frame(l, r.Down), Parts: parts(d, l, r.Legs), End: r.End, Aside: r.Aside}, nil
}

// Carried is a wanted shape with the archives that the old one has: see [diff.Carried].
func Carried(d dialect.Dialect, before, after schema.Schema, renames []diff.Rename) schema.Schema {
	if shaper, ok := d.(dialect.Shaper); ok {
		return diff.Carried(before, after, shaper.Comparison(), renames)
	}
	return after
}

func frame(l diff.Language, p diff.Plan) Frame {
	if f, ok := l.(Framer); ok {
		before, inside, after := f.Around(p)
		return Frame{before, inside, after}
	}
	return Frame{Inside: p.Statements}
}

// Render is SQL that makes a shape in an empty database, in an order in which it
// loads.
func Render(d dialect.Dialect, s schema.Schema) (diff.Plan, error) {
	shaper, ok := d.(dialect.Shaper)
	if !ok {
		return diff.Plan{}, Unknown(d)
	}
	return diff.Make(shaper.Empty(), s, shaper.Filling(), diff.Options{})
}

// Unknown is the error of a language whose shapes are not known.
func Unknown(d dialect.Dialect) error {
	return fault.New(fault.Unsupported, "the shape of a %s database cannot be read", d.Name())
}

// Sizes are how large a database's tables are, for [diff.Options]; nil where the
// server does not know without counting.
func Sizes(ctx context.Context, c db.Conn) (diff.Sizes, error) {
	m, ok := c.(db.Measurer)
	if !ok {
		return nil, nil
	}
	return m.Sizes(ctx)
}
