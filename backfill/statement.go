package backfill

import (
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/sqltext"
)

// Statement is one statement of a backfill, with its placeholder found.
type Statement struct {
	Text string
	Pos  fault.Pos
	At   func(offset int) fault.Pos `json:"-"`
	// Repeats: it passes over rows that it has changed, by a condition on what
	// it sets; so it may be run again over the same rows.
	Repeats bool
	// Every: it changes each row of the chunk, so what it has changed is how many
	// there were.
	Every bool
	// Deletes: it removes rows of the table.
	Deletes bool

	chunk span   // of the placeholder
	table span   // of the table's name where the placeholder holds
	name  string // by which columns are qualified there, as SQL
	alias bool   // name is an alias, which the text gives
	again string // condition beside the chunk's when it is run again, or ""
	left  *remainder
}

// remainder are the rows that a statement would still change, as the text of a
// query without its list of columns: a condition goes between before and after.
type remainder struct{ before, after string }

// span is a piece of a text.
type span struct{ start, end int }

// SQL is the statement for one chunk. part is the leaf that stands for the
// table, spelled as SQL; "" leaves the table.
func (s Statement) SQL(condition, part string) string {
	if part == "" {
		return s.Text[:s.chunk.start] + condition + s.Text[s.chunk.end:]
	}
	if !s.alias {
		part += " AS " + s.name
	}
	if s.table.start < s.chunk.start {
		return s.Text[:s.table.start] + part + s.Text[s.table.end:s.chunk.start] + condition + s.Text[s.chunk.end:]
	}
	return s.Text[:s.chunk.start] + condition + s.Text[s.chunk.end:s.table.start] + part + s.Text[s.table.end:]
}

// Name is what columns of the table are qualified with where the placeholder stands.
func (s Statement) Name() string { return s.name }

// Again is a condition that goes beside the chunk's when the statement is run
// over rows it has seen before, "" for none.
func (s Statement) Again() string { return s.again }

func readStatement(l Language, table plan.Name, p piece) (Statement, error) {
	s := Statement{Text: p.text, Pos: p.pos, At: p.at}
	if err := mustChangeRows(p); err != nil {
		return s, err
	}
	t := readTree(l, p.text)
	var found []int
	for i, tok := range t.toks {
		if tok.Kind == sqltext.Param && t.text(i) == Placeholder {
			found = append(found, i)
		}
	}
	switch {
	case len(found) == 0:
		return s, fault.At(p.pos, fault.Syntax, "this statement has no :chunk").
			Try("add it to the WHERE clause, so that the statement touches the rows of one chunk: … WHERE … AND :chunk")
	case len(found) > 1:
		return s, fault.At(p.at(t.toks[found[1]].Start), fault.Syntax, "this statement has :chunk %d times", len(found)).
			Try("each statement has it once")
	}
	at := found[0]
	s.chunk = span{t.toks[at].Start, t.toks[at].End}
	ref, err := t.holder(table, at, p)
	if err != nil {
		return s, err
	}
	if err := t.holdsBack(at, ref.scope, p); err != nil {
		return s, err
	}
	s.table, s.alias = ref.name, ref.alias != ""
	s.name = ref.alias
	if s.name == "" {
		s.name = p.text[ref.lastSpan.start:ref.lastSpan.end]
	}
	t.judge(&s, at, ref)
	return s, nil
}

// holder is the reference to the table in the part of the statement where the
// placeholder stands, or in a part around it.
func (t *tree) holder(table plan.Name, at int, p piece) (reference, error) {
	for scope := t.scopeOf(at); ; scope = t.scopeOf(scope.open) {
		refs := t.references(scope, table)
		switch {
		case len(refs) == 1, len(refs) > 1 && refs[0].target:
			return refs[0], nil
		case len(refs) > 1:
			return reference{}, fault.At(p.at(t.toks[at].Start), fault.Syntax, ":chunk may mean any of %d references to %s", len(refs), table).
				Try("put the one that is meant into a subquery of its own: … WHERE id IN (SELECT id FROM %s WHERE :chunk)", table)
		case scope.open < 0:
			return reference{}, fault.At(p.at(t.toks[at].Start), fault.Syntax, "the statement does not name %s, the table of the backfill, where :chunk stands", table).
				Try("correct table: in the directive, or put :chunk where %s is read", table)
		}
	}
}

// holdsBack refuses a placeholder that does not confine the statement: one
// beside an OR, behind a NOT, or in a statement that a LIMIT cuts short.
func (t *tree) holdsBack(at int, scope scope, p piece) error {
	inner := at
	for {
		open := t.parent[inner]
		for i := t.clauseStart(inner, open); i < t.close(open); i++ {
			if t.parent[i] != open {
				continue
			}
			if i > inner && t.endsClause(i) {
				break
			}
			if word := t.word(i); word == "OR" || word == "XOR" || word != "" && word == t.or {
				return fault.At(p.at(t.toks[i].Start), fault.Syntax, "%s beside :chunk would touch rows outside the chunk", word).
					Try("put the alternatives into parentheses: WHERE (a OR b) AND :chunk")
			}
		}
		if before := t.word(inner - 1); before == "NOT" && t.parent[inner-1] == open {
			return fault.At(p.at(t.toks[inner-1].Start), fault.Syntax, "NOT before :chunk would touch all rows but the chunk's").
				Try("write … AND :chunk")
		}
		if open <= scope.open {
			break
		}
		inner = open
	}
	for i := scope.first; i < scope.end; i++ {
		if t.parent[i] == scope.open && (t.word(i) == "LIMIT" || t.word(i) == "FETCH") {
			return fault.At(p.at(t.toks[i].Start), fault.Syntax, "%s would leave rows of the chunk out", t.word(i)).
				Try("remove it; rows: in the directive sets the size of the chunks")
		}
	}
	return nil
}

// Before tells whether an offset in the text for a chunk lies before what stands
// for the placeholder, so that it is the same in the statement's own text.
func (s Statement) Before(offset int) bool { return offset < s.chunk.start }
