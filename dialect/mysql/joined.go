package mysql

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/sqltext"
)

// joined is a table of a join, and the name that it goes by there.
type joined struct {
	table plan.Name
	alias string
}

// joinWords come behind a table of a join and are no alias of it.
var joinWords = []string{
	"JOIN", "INNER", "CROSS", "LEFT", "RIGHT", "NATURAL", "STRAIGHT_JOIN", "ON", "USING", "SET", "WHERE", "USE", "FORCE", "IGNORE",
	"PARTITION", "ORDER", "LIMIT", "FOR", "RETURNING",
}

// tables reads the tables of a join, up to one of the words or the end. What is
// no table (a query in parentheses, or one that a WITH names) is left out.
func (r *reader) tables(until ...string) []joined {
	var out []joined
	here, depth := true, 0 // a table may stand here; open parentheses
	for !r.c.End() && (depth > 0 || !slices.ContainsFunc(until, func(w string) bool { return r.c.Peek(w) })) {
		switch {
		case here && r.c.Peek("(") && r.c.Peek("(", "SELECT"), here && r.c.Peek("(", "WITH"), here && r.c.Peek("(", "VALUES"):
			r.c.Skip()
			here = false
		case here && r.c.Take("("):
			depth++
		case here:
			here = false
			if t, ok := r.joined(); ok {
				out = append(out, t)
			}
		case r.c.Take(")"):
			depth--
		case r.c.TakeAny(",", "JOIN", "STRAIGHT_JOIN") != "":
			here = true
		default:
			r.c.Skip()
		}
	}
	return out
}

// joined reads one table and its alias.
func (r *reader) joined() (joined, bool) {
	n, ok := r.c.Name()
	if !ok {
		r.c.Skip()
		return joined{}, false
	}
	t := joined{table: n, alias: n.Name}
	if r.c.Take("PARTITION") {
		r.c.Skip()
	}
	as := r.c.Take("AS")
	if as || r.c.Kind() == sqltext.Quoted || !slices.Contains(joinWords, strings.ToUpper(r.c.Text())) {
		if alias, ok := r.c.Ident(); ok {
			t.alias = alias
		}
	}
	return t, n.Schema != "" || !slices.Contains(r.queries, n.Name)
}

// named is the table that a name in a statement stands for.
func named(all []joined, n plan.Name) plan.Name {
	for _, t := range all {
		if n.Schema == "" && strings.EqualFold(t.alias, n.Name) || n == t.table {
			return t.table
		}
	}
	return n
}

// updates reads UPDATE of one table or of a join. Changed is each table of which
// a column is set, all of them when a column does not say whose it is.
func (r *reader) updates() {
	all := r.tables("SET")
	r.e.Unparsed = len(all) == 0
	for r.c.TakeAny("SET", ",") != "" {
		owner, known := r.assigned()
		for _, t := range all {
			if !known || len(all) == 1 {
				r.change(t.table)
			}
		}
		if known && len(all) > 1 {
			r.change(named(all, owner))
		}
		for !r.c.End() && !r.c.Peek(",") && !r.c.Peek("WHERE") && !r.c.Peek("ORDER") {
			r.c.Skip()
		}
	}
}

// assigned reads the column that is set, and whose it is where it says so.
func (r *reader) assigned() (owner plan.Name, known bool) {
	var parts []string
	for {
		part, ok := r.c.Ident()
		if !ok {
			break
		}
		if parts = append(parts, part); !r.c.Take(".") {
			break
		}
	}
	switch len(parts) {
	case 2:
		return plan.Name{Name: parts[0]}, true
	case 3:
		return plan.Name{Schema: parts[0], Name: parts[1]}, true
	}
	return owner, false
}

// deletes reads DELETE FROM t, DELETE t, u FROM …, and DELETE FROM t USING ….
func (r *reader) deletes() {
	first := r.c.Take("FROM")
	names := r.c.Names()
	if len(names) == 0 {
		r.e.Unparsed = true
		return
	}
	several := r.c.TakeAny("FROM", "USING") != ""
	if !several {
		r.change(names[0])
		if first && !r.c.Seek("WHERE") {
			r.e.Destroys = append(r.e.Destroys, plan.Loss{Table: names[0], Rows: true})
		}
		return
	}
	all := r.tables("WHERE")
	for _, n := range names {
		r.change(named(all, n))
	}
}
