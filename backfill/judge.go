package backfill

import (
	"strings"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/sqltext"
)

// judge finds out whether a statement passes over rows that it has changed, and
// which rows it would still change.
func (t *tree) judge(s *Statement, at int, ref reference) {
	if ref.scope.open >= 0 || t.parent[at] != -1 || !ref.target {
		s.Repeats = t.ignoresConflicts()
		return
	}
	c := t.parts(ref)
	if c.where < 0 || at < c.where {
		return
	}
	terms := t.conjuncts(c.where, c.end)
	s.Every = len(terms) == 1 && terms[0] == [2]int{at, at + 1} && c.from < 0 && !t.joins(c)
	switch t.word(ref.scope.first) {
	case "DELETE":
		s.Repeats, s.Deletes = true, true
		s.left = t.remaining(s, ref, c, "")
	case "UPDATE":
		for _, term := range terms {
			for _, a := range t.assignments(c) {
				again, ok := t.excludes(term, a)
				if !ok {
					continue
				}
				s.Repeats, s.again = true, again
				s.left = t.remaining(s, ref, c, again)
				return
			}
		}
	}
}

// ignoresConflicts tells whether an INSERT leaves out rows that are there.
func (t *tree) ignoresConflicts() bool {
	first := t.word(0)
	if first != "INSERT" {
		return false
	}
	if t.word(1) == "IGNORE" || t.word(1) == "OR" && t.word(2) == "IGNORE" {
		return true
	}
	for i := range t.toks {
		if t.parent[i] == -1 && t.word(i) == "DO" && t.word(i+1) == "NOTHING" {
			return true
		}
	}
	return false
}

// parts are the tokens at which the clauses of an UPDATE or DELETE begin, -1
// for none; end is where its condition ends.
type parts struct{ set, from, where, end int }

func (t *tree) parts(ref reference) parts {
	c := parts{-1, -1, -1, len(t.toks)}
	for i := range t.toks {
		if t.parent[i] != -1 {
			continue
		}
		switch word := t.word(i); {
		case word == "SET" && c.set < 0:
			c.set = i
		case (word == "FROM" || word == "USING") && t.word(i-1) != "DISTINCT" && t.toks[i].Start > ref.name.end && c.where < 0:
			c.from = i
		case word == "WHERE" && c.where < 0:
			c.where = i
		case c.where >= 0 && t.endsClause(i) && c.end == len(t.toks):
			c.end = i
		}
	}
	return c
}

// joins tells whether an UPDATE or DELETE is one of several tables.
func (t *tree) joins(c parts) bool {
	end := c.where
	if c.set >= 0 {
		end = c.set
	}
	for i := range end {
		if t.word(i) == "JOIN" || t.word(i) == "," && t.parent[i] == -1 {
			return true
		}
	}
	return false
}

// conjuncts are the terms of a condition that are joined by AND, as token
// ranges; none when there is an OR among them.
func (t *tree) conjuncts(where, end int) [][2]int {
	var terms [][2]int
	start, between := where+1, false
	for i := where + 1; i < end; i++ {
		if t.parent[i] != -1 {
			continue
		}
		switch t.word(i) {
		case "OR", "XOR", "||":
			return nil
		case "BETWEEN":
			between = true
		case "AND":
			if between {
				between = false
				continue
			}
			terms = append(terms, [2]int{start, i})
			start = i + 1
		}
	}
	return append(terms, [2]int{start, end})
}

// assignment is one column = expression of a SET list.
type assignment struct {
	column   string
	from, to int // the tokens of the expression
}

func (t *tree) assignments(c parts) []assignment {
	var all []assignment
	end := c.where
	if c.from > c.set && c.from < end {
		end = c.from
	}
	for i := c.set + 1; c.set >= 0 && i < end; i++ {
		name := i
		for t.isName(i) && t.text(i+1) == "." {
			i += 2
			name = i
		}
		next := i + 1
		for next < end && !(t.parent[next] == -1 && t.text(next) == ",") {
			next++
		}
		if t.isName(name) && t.text(name+1) == "=" {
			all = append(all, assignment{sqltext.Name(t.text(name)), name + 2, next})
		}
		i = next
	}
	return all
}

// excludes tells whether a term is false for rows in which the assignment has
// been made. again is what else is true for rows that still need it.
func (t *tree) excludes(term [2]int, a assignment) (again string, ok bool) {
	i, end := term[0], term[1]
	negated := t.word(i) == "NOT"
	if negated {
		i++
	}
	for t.isName(i) && t.text(i+1) == "." {
		i += 2
	}
	if !t.isName(i) || !strings.EqualFold(sqltext.Name(t.text(i)), a.column) {
		return "", false
	}
	rest := strings.ToUpper(spelled(t.sql, t.toks[i+1:end]))
	value := spelled(t.sql, t.toks[a.from:a.to])
	upper := strings.ToUpper(value)
	switch {
	case negated:
		return "", rest == "" && upper == "TRUE" || rest == "<=> "+upper
	case rest == "IS NULL":
		return "(" + t.source(a.from, a.to) + ") IS NOT NULL", upper != "NULL"
	case rest == "":
		return "", upper == "FALSE"
	case rest == "IS DISTINCT FROM "+upper, rest == "IS NOT "+upper, rest == "<> "+upper, rest == "!= "+upper, rest == "< > "+upper:
		return "", upper != "NULL"
	}
	if old, is := strings.CutPrefix(rest, "= "); is {
		return "", a.to == a.from+1 && end == i+3 && old != upper && t.isConstant(a.from) && t.isConstant(end-1)
	}
	return "", false
}

func (t *tree) isConstant(i int) bool {
	switch t.toks[i].Kind {
	case sqltext.String, sqltext.Number:
		return true
	case sqltext.Word:
		w := t.word(i)
		return w == "TRUE" || w == "FALSE"
	}
	return false
}

// source is the text from one token to before another.
func (t *tree) source(from, to int) string {
	return t.sql[t.toks[from].Start:t.toks[to-1].End]
}

// remaining are the rows that an UPDATE or DELETE would still change; nil where
// its text cannot be turned round: a WITH before it, words between the verb and
// the table, several tables to delete from.
func (t *tree) remaining(s *Statement, ref reference, c parts, again string) *remainder {
	first := 1
	if t.word(0) == "DELETE" {
		first = 2
	}
	name := t.toks[first].Start
	if t.word(first) == "ONLY" {
		name = t.toks[first+1].Start
	}
	if name != ref.name.start {
		return nil
	}
	stop := c.where
	for _, i := range []int{c.from, c.set} {
		if i > first {
			stop = min(stop, i)
		}
	}
	from := t.source(first, stop)
	if c.from >= 0 {
		from += ", " + t.source(c.from+1, c.where)
	}
	r := &remainder{before: " FROM " + from + " WHERE" + t.sql[t.toks[c.where].End:s.chunk.start], after: t.sql[s.chunk.end:t.toks[c.end-1].End]}
	if again != "" {
		r.after += " AND " + again
	}
	return r
}

// Query is a question that must have no rows for an answer.
type Query struct {
	Text string
	Pos  fault.Pos
	// Name qualifies the key's columns where a condition can stand; "" with
	// Carries false.
	Name string
	// Carries: a condition on the table's rows can be added.
	Carries bool
	// Derived: it was made of the backfill's own statement.
	Derived bool

	before, after string // the text around the condition
}

// SQL is the query for the rows of which the condition is true. A derived query
// gives these columns, spelled as SQL.
func (q Query) SQL(columns, condition string) string {
	switch {
	case q.Derived:
		return "SELECT " + columns + q.before + condition + q.after
	case !q.Carries || condition == "":
		return q.Text
	}
	return q.before + condition + q.after
}

// aggregates are words that make one answer of many rows.
var aggregates = sqltext.Words[bool]{
	"GROUP": true, "HAVING": true, "DISTINCT": true, "UNION": true, "EXCEPT": true, "INTERSECT": true, "LIMIT": true, "FETCH": true,
	"OFFSET": true, "OVER": true, "COUNT": true, "SUM": true, "MIN": true, "MAX": true, "AVG": true, "BOOL_AND": true, "BOOL_OR": true,
	"EVERY": true, "STRING_AGG": true, "ARRAY_AGG": true, "GROUP_CONCAT": true, "TOTAL": true, "WITH": true, "WINDOW": true,
}

// readQuery finds out whether a check can be asked of some rows only: a SELECT
// that reads the table once, row by row.
func readQuery(l Language, table plan.Name, p piece) Query {
	q := Query{Text: p.text, Pos: p.pos}
	t := readTree(l, p.text)
	top := scope{-1, 0, len(t.toks)}
	refs := t.references(top, table)
	if t.word(0) != "SELECT" || len(refs) != 1 {
		return q
	}
	c := parts{where: -1, end: len(t.toks)}
	for i := range t.toks {
		if t.parent[i] != -1 {
			continue
		}
		word := t.word(i)
		switch {
		case aggregates.Of(word) && !(word == "DISTINCT" && t.word(i-1) == "IS"):
			return q
		case word == "WHERE" && c.where < 0:
			c.where = i
		case (word == "ORDER" || word == "FOR" || word == ";") && c.end == len(t.toks):
			c.end = i
		}
	}
	q.Carries = true
	q.Name = nameIn(t, refs[0])
	rest := ""
	if c.end < len(t.toks) {
		rest = " " + t.sql[t.toks[c.end].Start:]
	}
	if c.where < 0 {
		q.before = t.source(0, c.end) + "\nWHERE "
		q.after = rest
		return q
	}
	q.before = t.sql[:t.toks[c.where].End] + " (" + t.source(c.where+1, c.end) + ") AND "
	q.after = rest
	return q
}

func nameIn(t *tree, r reference) string {
	if r.alias != "" {
		return r.alias
	}
	return t.sql[r.lastSpan.start:r.lastSpan.end]
}

// derived is the check that a statement's own condition makes.
func derived(s Statement) Query {
	return Query{Pos: s.Pos, Text: s.left.before + Placeholder + s.left.after, Name: s.name, Carries: true, Derived: true, before: s.left.before, after: s.left.after}
}
