package postgres

import (
	"cmp"
	"slices"

	"github.com/multigres/multigres/go/common/parser"
	"github.com/multigres/multigres/go/common/parser/ast"

	"github.com/bellowsdb/bellows/plan"
)

// A statement longer than parseLimit, or rows longer than rowsLimit, is
// classified by its words: parsing it would cost far more than its first words tell.
const (
	parseLimit = 1 << 20
	rowsLimit  = 16 << 10
)

// Classify tells what one statement does at the dialect's version. It never
// fails: what the parser does not know is classified by its leading words and
// marked Unparsed. What only a catalog knows is taken as [locks] says.
func (d Dialect) Classify(sql string) plan.Effect {
	if len(sql) > parseLimit || len(sql) > rowsLimit && startsRows(sql) {
		return d.byWords(sql)
	}
	e, verdict := d.byTree(sql)
	switch verdict {
	case read:
		return e
	case rejected:
		e = d.byWords(sql)
		e.Unparsed = true
		return e
	}
	return d.byWords(sql)
}

// verdict is how far reading the tree came.
type verdict int

const (
	rejected verdict = iota // the parser does not know the statement
	plain                   // a statement whose words tell as much as its tree
	read                    // the effect is complete
)

// byTree parses and reads the statement; a panic of the parser, or of reading
// a tree that is not as expected, is a rejection.
func (d Dialect) byTree(sql string) (e plan.Effect, v verdict) {
	defer func() {
		if recover() != nil {
			e, v = plan.Effect{}, rejected
		}
	}()
	trees, err := parser.ParseSQL(sql)
	if err != nil || len(trees) != 1 || trees[0] == nil {
		return plan.Effect{}, rejected
	}
	r := reading{dialect: d}
	if !r.statement(trees[0]) {
		return plan.Effect{}, plain
	}
	return r.effect(), read
}

// reading collects the effect of one statement.
type reading struct {
	dialect Dialect
	e       plan.Effect
}

// effect is what was collected, strongest lock first.
func (r *reading) effect() plan.Effect {
	slices.SortStableFunc(r.e.Touches, func(a, b plan.Touch) int {
		return cmp.Compare(strength[b.Lock], strength[a.Lock])
	})
	return r.e
}

// statement reads one tree; false means that its words tell as much.
func (r *reading) statement(tree ast.Node) bool {
	return r.table(tree) || r.rows(tree) || r.index(tree) || r.other(tree) || r.session(tree)
}

// is sets verb and class.
func (r *reading) is(verb string, class plan.Class) {
	r.e.Verb, r.e.Class = verb, class
}

// touch adds what a deed does to a table.
func (r *reading) touch(n plan.Name, what deed) work {
	w := r.dialect.work(what)
	r.lock(plan.Touch{Table: n, Lock: w.lock, Scans: w.scans, Rewrites: w.rewrites})
	return w
}

// keys adds foreign keys at whose other ends a deed locks tables.
func (r *reading) keys(n plan.Name, k plan.Keys) {
	for i := range r.e.Touches {
		if o := &r.e.Touches[i]; o.Table == n && !o.Index && o.Of == "" {
			o.Keys = append(o.Keys, k)
		}
	}
}

// cascades adds the tables of all that goes with something that is dropped.
func (r *reading) cascades(kind string, n plan.Name) {
	r.lock(plan.Touch{Table: n, Lock: accessExclusive, Of: kind})
}

// ways is which foreign keys go with what a statement drops.
func ways(cascade bool) plan.Refer {
	if cascade {
		return plan.Both
	}
	return plan.Out
}

// touchIndex adds what a deed does to an index, whose table only the catalog knows.
func (r *reading) touchIndex(n plan.Name, what deed) {
	w := r.dialect.work(what)
	r.lock(plan.Touch{Table: n, Lock: w.lock, Scans: w.scans, Rewrites: w.rewrites, Index: true})
}

// lock adds a touch; of two on one table the stronger lock holds and the work adds up.
func (r *reading) lock(t plan.Touch) {
	if t.Lock == "" || t.Table.Name == "" {
		return
	}
	t.StopsReads = t.Lock == accessExclusive
	t.StopsWrites = strength[t.Lock] >= strength[share]
	for i := range r.e.Touches {
		o := &r.e.Touches[i]
		if o.Table != t.Table || o.Index != t.Index || o.Of != t.Of {
			continue
		}
		if strength[t.Lock] > strength[o.Lock] {
			o.Lock, o.StopsReads, o.StopsWrites = t.Lock, t.StopsReads, t.StopsWrites
		}
		o.Scans, o.Rewrites = o.Scans || t.Scans, o.Rewrites || t.Rewrites
		o.Keys = append(o.Keys, t.Keys...)
		return
	}
	r.e.Touches = append(r.e.Touches, t)
}

func (r *reading) object(kind string, n plan.Name) {
	r.e.Objects = append(r.e.Objects, plan.Object{Kind: kind, Name: n})
}

func (r *reading) objectOn(kind string, n, on plan.Name) {
	r.e.Objects = append(r.e.Objects, plan.Object{Kind: kind, Name: n, On: on})
}

// nameOf is a relation's name; zero for nil.
func nameOf(v *ast.RangeVar) plan.Name {
	if v == nil {
		return plan.Name{}
	}
	return plan.Name{Schema: v.SchemaName, Name: v.RelName}
}

// items are the nodes of a list, none for nil.
func items(l *ast.NodeList) []ast.Node {
	if l == nil {
		return nil
	}
	return l.Items
}

// nameIn is the name a node spells: a string, a list of strings, a type, a
// relation, or a function with arguments.
func nameIn(n ast.Node) plan.Name {
	switch n := n.(type) {
	case *ast.String:
		return plan.Name{Name: n.SVal}
	case *ast.NodeList:
		return joined(parts(n))
	case *ast.TypeName:
		return joined(parts(n.Names))
	case *ast.RangeVar:
		return nameOf(n)
	case *ast.ObjectWithArgs:
		return joined(parts(n.Objname))
	}
	return plan.Name{}
}

// parts are the strings of a list.
func parts(l *ast.NodeList) []string {
	var out []string
	for _, n := range items(l) {
		if s, ok := n.(*ast.String); ok {
			out = append(out, s.SVal)
		}
	}
	return out
}

// joined is the name of the last two parts.
func joined(parts []string) plan.Name {
	switch n := len(parts); n {
	case 0:
		return plan.Name{}
	case 1:
		return plan.Name{Name: parts[0]}
	default:
		return plan.Name{Schema: parts[n-2], Name: parts[n-1]}
	}
}

// option finds an option by name.
func option(l *ast.NodeList, name string) *ast.DefElem {
	for _, n := range items(l) {
		if d, ok := n.(*ast.DefElem); ok && d.Defname == name {
			return d
		}
	}
	return nil
}

// isOn tells whether an option is there and not switched off.
func isOn(d *ast.DefElem) bool {
	if d == nil {
		return false
	}
	switch arg := d.Arg.(type) {
	case *ast.String:
		return arg.SVal != "off" && arg.SVal != "false" && arg.SVal != "no"
	case *ast.Boolean:
		return arg.BoolVal
	case *ast.Integer:
		return arg.IVal != 0
	}
	return true
}
