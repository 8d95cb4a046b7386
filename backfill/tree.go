package backfill

import (
	"strings"

	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/sqltext"
)

// tree is a statement as tokens, each of which knows the parenthesis it is in.
type tree struct {
	sql    string
	or     string // what else than OR means it, or ""
	toks   []sqltext.Token
	parent []int       // the token that opened the group, -1 at the top
	ends   map[int]int // the token that closes a group
}

func readTree(l Language, sql string) *tree {
	t := &tree{sql: sql, or: l.Fill().Or, ends: map[int]int{}}
	var open []int
	for tok := range l.Tokens(sql) {
		if tok.Kind.Silent() {
			continue
		}
		i := len(t.toks)
		t.toks = append(t.toks, tok)
		if t.text(i) == ")" && len(open) > 0 {
			t.ends[open[len(open)-1]] = i
			open = open[:len(open)-1]
		}
		top := -1
		if len(open) > 0 {
			top = open[len(open)-1]
		}
		t.parent = append(t.parent, top)
		if t.text(i) == "(" {
			open = append(open, i)
		}
	}
	return t
}

func (t *tree) text(i int) string {
	if i < 0 || i >= len(t.toks) {
		return ""
	}
	return t.sql[t.toks[i].Start:t.toks[i].End]
}

// word is a keyword or plain name in capitals, a sign as it is; "" for all else.
func (t *tree) word(i int) string {
	if i < 0 || i >= len(t.toks) {
		return ""
	}
	switch t.toks[i].Kind {
	case sqltext.Word:
		return strings.ToUpper(t.text(i))
	case sqltext.Punct:
		return t.text(i)
	}
	return ""
}

// close is the token that closes the group; the end of the text at the top.
func (t *tree) close(open int) int {
	if end, ok := t.ends[open]; ok {
		return end
	}
	return len(t.toks)
}

// scope is the whole statement, or a subquery in parentheses.
type scope struct{ open, first, end int }

// scopeOf is the innermost statement or subquery around a token.
func (t *tree) scopeOf(i int) scope {
	open := -1
	if i >= 0 {
		open = t.parent[i]
	}
	for open >= 0 && !t.isQuery(open) {
		open = t.parent[open]
	}
	return scope{open, open + 1, t.close(open)}
}

// isQuery tells whether the group is a statement of its own.
func (t *tree) isQuery(open int) bool {
	switch t.word(open + 1) {
	case "SELECT", "WITH", "UPDATE", "DELETE", "INSERT", "MERGE", "REPLACE":
		return true
	}
	return false
}

// reference is a table named in a FROM list or as the target of a change.
type reference struct {
	scope    scope
	name     span   // of the name with its schema
	lastSpan span   // of its last part
	last     string // its last part, without quotes
	alias    string // as written, "" for none
	target   bool   // what UPDATE or DELETE changes
}

// introduces are the words behind which a table's name stands. They may be
// followed by others of them.
var introduces = sqltext.Words[bool]{
	"UPDATE": true, "FROM": true, "JOIN": true, "INTO": true, "USING": true, "STRAIGHT_JOIN": true,
	"ONLY": true, "IGNORE": true, "LOW_PRIORITY": true, "LATERAL": true,
}

// endsList are the words behind which commas no longer separate tables.
var endsList = sqltext.Words[bool]{
	"SET": true, "WHERE": true, "ON": true, "GROUP": true, "ORDER": true, "HAVING": true, "LIMIT": true, "RETURNING": true,
	"VALUES": true, "SELECT": true, "WINDOW": true, "UNION": true, "EXCEPT": true, "INTERSECT": true, "FOR": true, "WHEN": true,
}

// noAlias are the words that can follow a table without being its alias.
var noAlias = sqltext.Words[bool]{
	"SET": true, "WHERE": true, "ON": true, "GROUP": true, "ORDER": true, "HAVING": true, "LIMIT": true, "RETURNING": true,
	"VALUES": true, "SELECT": true, "WINDOW": true, "UNION": true, "EXCEPT": true, "INTERSECT": true, "FOR": true, "WHEN": true,
	"JOIN": true, "INNER": true, "LEFT": true, "RIGHT": true, "FULL": true, "CROSS": true, "NATURAL": true, "STRAIGHT_JOIN": true,
	"USING": true, "FROM": true, "TABLESAMPLE": true, "PARTITION": true, "USE": true, "FORCE": true, "IGNORE": true,
	"INDEXED": true, "NOT": true, "FETCH": true, "OFFSET": true, "DEFAULT": true, "OUTER": true,
}

// references are those to a table in a scope, what is changed first.
func (t *tree) references(s scope, table plan.Name) []reference {
	var found []reference
	listing, expecting := false, false
	groups := map[int]bool{s.open: true} // parentheses that hold tables
	target := ""                         // the word that introduced the name
	for i := s.first; i < s.end; i++ {
		if !groups[t.parent[i]] {
			continue
		}
		word := t.word(i)
		switch {
		case introduces.Of(word) && !(word == "FROM" && t.word(i-1) == "DISTINCT"):
			if !expecting || word == "UPDATE" || word == "FROM" {
				target = word
			}
			listing, expecting = true, true
		case expecting && word == "OR": // UPDATE OR IGNORE
			i++
		case endsList.Of(word):
			listing, expecting = false, false
		case word == "," && listing:
			expecting, target = true, ","
		case word == "(" && expecting:
			groups[i] = !t.isQuery(i)
		case expecting && t.isName(i):
			r, next := t.reference(s, i)
			r.target = target == "UPDATE" || target == "FROM" && t.word(s.first) == "DELETE" && len(found) == 0
			if strings.EqualFold(r.last, table.Name) {
				found = append(found, r)
			}
			expecting = false
			i = next - 1
		}
	}
	return found
}

func (t *tree) isName(i int) bool {
	return i < len(t.toks) && (t.toks[i].Kind == sqltext.Word || t.toks[i].Kind == sqltext.Quoted)
}

// reference reads a name with its schema and alias, and gives the token behind.
func (t *tree) reference(s scope, i int) (reference, int) {
	r := reference{scope: s, name: span{t.toks[i].Start, t.toks[i].End}}
	for t.text(i+1) == "." && t.isName(i+2) {
		i += 2
	}
	r.name.end = t.toks[i].End
	r.lastSpan = span{t.toks[i].Start, t.toks[i].End}
	r.last = sqltext.Name(t.text(i))
	i++
	if t.text(i) == "*" {
		i++
	}
	switch {
	case t.word(i) == "AS" && t.isName(i+1):
		r.alias = t.text(i + 1)
		i += 2
	case t.isName(i) && !(t.toks[i].Kind == sqltext.Word && noAlias.Of(t.text(i))):
		r.alias = t.text(i)
		i++
	}
	return r, i
}

// clauses begin the parts of a statement.
var clauses = sqltext.Words[bool]{
	"WHERE": true, "ON": true, "SET": true, "FROM": true, "HAVING": true, "WHEN": true, "USING": true, "SELECT": true,
}

// clauseStart is the first token, in the same parentheses, of the condition that
// a token is part of.
func (t *tree) clauseStart(i, open int) int {
	for j := i - 1; j > open; j-- {
		if t.parent[j] == open && clauses.Of(t.word(j)) {
			return j + 1
		}
	}
	return open + 1
}

// endsClause tells whether a condition ends before the token.
func (t *tree) endsClause(i int) bool {
	switch t.word(i) {
	case "GROUP", "ORDER", "HAVING", "LIMIT", "RETURNING", "WINDOW", "UNION", "EXCEPT", "INTERSECT", "FOR", "WHEN", "JOIN", "LEFT", "INNER",
		"WHERE", "SET", "FETCH", "OFFSET", ";", "THEN":
		return true
	}
	return false
}
