package dialect

import (
	"slices"
	"strconv"
	"strings"
)

// Words are how a dialect spells what a change asks of its tables.
type Words struct {
	Filler Filler
	Quote  func(name string) string
	// Table and Other are the tables, with their schemas, Alias and OtherAlias the
	// names by which expressions know them.
	Table, Alias, Other, OtherAlias string
	// Listed are expressions as columns of a query, under the names of the columns.
	Listed func(columns []SyncColumn, exprs []string) []string
}

func (w Words) quoted(names []string) []string {
	var out []string
	for _, name := range names {
		out = append(out, w.Quote(name))
	}
	return out
}

// TrialOf is what [Syncer.Trial] gives: the old side is computed by what the new side
// is computed to be, beside what the row has already.
func (s Sync) TrialOf(w Words, side Side, rows int) string {
	from, key := "(SELECT * FROM "+w.Table+" LIMIT "+strconv.Itoa(rows)+") AS "+w.Alias, s.Key
	columns, exprs := s.Side(side)
	if side == Old {
		list, alias := s.beside(w, exprs), w.Alias
		if s.Moves() {
			alias, key = w.OtherAlias, s.Into.Key
		}
		from = "(SELECT " + strings.Join(append(list, w.Listed(s.Side(New))...), ", ") + " FROM " + from + ") AS " + alias
	}
	return "SELECT " + strings.Join(append(w.quoted(key), w.Listed(columns, exprs)...), ", ") + " FROM " + from
}

// beside are the columns that expressions of the old side may name, without those of
// the new one.
func (s Sync) beside(w Words, exprs []string) (list []string) {
	isNew := func(name string) bool {
		return slices.ContainsFunc(s.New, func(c SyncColumn) bool { return c.Name == name })
	}
	if !s.Moves() {
		for _, name := range s.All() {
			if !isNew(name) {
				list = append(list, w.Quote(name))
			}
		}
		return list
	}
	var same []string
	for i, k := range s.Into.Key {
		here := w.Alias + "." + w.Quote(s.Key[i])
		list, same = append(list, here+" AS "+w.Quote(k)), append(same, "bellows_b."+w.Quote(k)+" = "+here)
	}
	for _, name := range s.Far().Named(w.Filler, exprs...) {
		if !isNew(name) && !slices.Contains(s.Into.Key, name) {
			list = append(list, "(SELECT bellows_b."+w.Quote(name)+" FROM "+w.Other+" AS bellows_b WHERE "+strings.Join(same, " AND ")+") AS "+w.Quote(name))
		}
	}
	return list
}

// Sets are the assignments of an UPDATE that computes a side.
func (s Sync) Sets(quote, inner func(string) string, side Side) string {
	columns, exprs := s.Side(side)
	sets := make([]string, len(columns))
	for i, c := range columns {
		sets[i] = quote(c.Name) + " = " + inner(exprs[i])
	}
	return strings.Join(sets, ", ")
}
