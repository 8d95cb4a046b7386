package native

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	template "text/template/parse"

	"github.com/bellowsdb/bellows/fault"
)

// sheet is a template of the user's own, in the language of text/template: fields,
// conditions and a few functions. The library itself fills it in by methods that
// it finds by their names; for that the linker keeps every method of every type,
// and the whole program were a tenth larger, in memory too. All fields are texts,
// so what follows is enough.
type sheet struct{ tree *template.Tree }

// sheetFunctions are those that a template may call.
func sheetFunctions() map[string]any {
	known := map[string]any{}
	for _, name := range [...]string{"and", "or", "not", "eq", "ne", "print", "printf"} {
		known[name] = true
	}
	return known
}

// readSheet reads a template; name is for its errors.
func readSheet(name, text string) (*sheet, error) {
	tree, err := template.New(name).Parse(text, "", "", map[string]*template.Tree{}, sheetFunctions())
	if err != nil {
		return nil, err
	}
	return &sheet{tree}, nil
}

// sheetPlace is how the template library begins its errors: its own word, the
// template's name and the line.
var sheetPlace = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^template: [^:]*:(\d+): `)
})

// badSheet takes the place out of an error of [readSheet].
func badSheet(file string, err error) *fault.Error {
	pos := fault.Pos{File: file}
	text := err.Error()
	if m := sheetPlace().FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		pos.Line, _ = strconv.Atoi(m[1])
	}
	return fault.At(pos, fault.Config, "this is no template: %s", text).
		Try("see https://pkg.go.dev/text/template; the fields are %s", templateFields)
}

// templateFields is what a template may name.
const templateFields = "{{.ID}} {{.Slug}} {{.Revises}} {{.Label}} {{.Table}} {{.Old}} {{.New}} {{.Up}} {{.Down}}"

// fill gives the text with the fields in their places. file is for its errors.
func (f *sheet) fill(file string, fields map[string]string) (string, error) {
	w := filling{sheet: f, file: file, fields: fields}
	err := w.list(f.tree.Root)
	return w.out.String(), err
}

// filling is a template while it is filled in. A value is a string or a bool.
type filling struct {
	*sheet
	file   string
	fields map[string]string
	out    strings.Builder
}

func (w *filling) list(l *template.ListNode) error {
	if l == nil {
		return nil
	}
	for _, n := range l.Nodes {
		if err := w.node(n); err != nil {
			return err
		}
	}
	return nil
}

func (w *filling) node(n template.Node) error {
	switch n := n.(type) {
	case *template.TextNode:
		w.out.Write(n.Text)
		return nil
	case *template.ActionNode:
		v, err := w.pipe(n.Pipe)
		if err == nil {
			fmt.Fprint(&w.out, v)
		}
		return err
	case *template.IfNode:
		v, err := w.pipe(n.Pipe)
		switch {
		case err != nil:
			return err
		case holds(v):
			return w.list(n.List)
		}
		return w.list(n.ElseList)
	}
	return w.strange(n)
}

func (w *filling) pipe(p *template.PipeNode) (v any, err error) {
	if len(p.Decl) > 0 {
		return nil, w.strange(p)
	}
	for i, c := range p.Cmds {
		var last []any
		if i > 0 {
			last = []any{v}
		}
		if v, err = w.command(c, last); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// command gives the value of a call, or of what stands alone; last is what came
// through the pipe.
func (w *filling) command(c *template.CommandNode, last []any) (any, error) {
	name, call := c.Args[0].(*template.IdentifierNode)
	if !call {
		if len(c.Args)+len(last) > 1 {
			return nil, w.fail(c.Args[0], "%s is no function", c.Args[0])
		}
		return w.value(c.Args[0])
	}
	var args []any
	for _, n := range c.Args[1:] {
		v, err := w.value(n)
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	v, ok := apply(name.Ident, append(args, last...))
	if !ok {
		return nil, w.fail(c, "%s cannot be called with that", name)
	}
	return v, nil
}

func (w *filling) value(n template.Node) (any, error) {
	switch n := n.(type) {
	case *template.FieldNode:
		if v, ok := w.fields[n.Ident[0]]; ok && len(n.Ident) == 1 {
			return v, nil
		}
		return nil, w.fail(n, "there is no field %s", n)
	case *template.StringNode:
		return n.Text, nil
	case *template.BoolNode:
		return n.True, nil
	case *template.PipeNode:
		return w.pipe(n)
	}
	return nil, w.strange(n)
}

// apply calls a function; false when it takes other arguments.
func apply(name string, args []any) (v any, ok bool) {
	switch {
	case name == "print":
		return fmt.Sprint(args...), true
	case len(args) == 0:
		return nil, false
	case name == "printf":
		format, ok := args[0].(string)
		return fmt.Sprintf(format, args[1:]...), ok
	case name == "not":
		return !holds(args[0]), len(args) == 1
	case name == "and", name == "or":
		for _, v = range args {
			if holds(v) == (name == "or") {
				break
			}
		}
		return v, true
	case name == "ne":
		return len(args) == 2 && args[0] != args[1], len(args) == 2
	}
	for _, other := range args[1:] {
		if args[0] == other {
			return true, true
		}
	}
	return false, len(args) > 1
}

// holds tells what a value is as a condition.
func holds(v any) bool { return v != "" && v != false }

func (w *filling) strange(n template.Node) error {
	return w.fail(n, "a template for migrations has no such thing as %s", n)
}

// fail is an error at a node.
func (w *filling) fail(n template.Node, format string, args ...any) error {
	pos := fault.Pos{File: w.file}
	place, _ := w.tree.ErrorContext(n) // name:line:column
	if parts := strings.Split(place, ":"); len(parts) == 3 {
		pos.Line, _ = strconv.Atoi(parts[1])
		pos.Column, _ = strconv.Atoi(parts[2])
		pos.Column++
	}
	return fault.At(pos, fault.Config, "this template cannot be filled in: "+format, args...).
		Try("it may have fields (%s), {{if}}, {{else}}, {{end}} and the functions and, or, not, eq, ne, print, printf", templateFields)
}
