package native

import (
	"slices"

	"github.com/bellowsdb/bellows/backfill/limit"
	"github.com/bellowsdb/bellows/revision"
)

// form is what a directive looks like and where it may stand.
type form struct {
	word    string
	header  bool            // stands before the first section
	kinds   []revision.Kind // the kinds it belongs to; the first section's word decides the kind
	opens   revision.Kind   // the kind that it begins, "" for one that only follows
	rank    int             // sections stand in the order of their ranks
	many    bool            // may be repeated
	bare    string          // what a quoted text after the word is, "" for none
	options []string
}

var sectionOptions = []string{"transaction", "mixed", "lock_timeout", "statement_timeout"}

// fillOptions are those of a backfill; a change takes most of them too.
var fillOptions = append([]string{"table", "key", "rows", "target", "workers", "pause", "poison", "program", "program_timeout", "function", "lock_timeout", "statement_timeout"}, limit.Shared()...)

var changeOptions = []string{"table", "old", "new", "key", "rows", "target", "workers", "pause", "poison", "retention", "form", "into", "by"}

// forms are all directives. Nothing changes them.
var forms = []form{
	{word: "revises", header: true},
	{word: "needs", header: true},
	{word: "label", header: true},
	{word: "replaces", header: true},
	{word: "up", opens: revision.Schema, kinds: []revision.Kind{revision.Schema, revision.Repeatable}, options: sectionOptions},
	{word: "data", opens: revision.Data, kinds: []revision.Kind{revision.Data}, options: []string{"mixed", "lock_timeout", "statement_timeout"}},
	{word: "backfill", opens: revision.Backfill, kinds: []revision.Kind{revision.Backfill}, options: fillOptions},
	{word: "change", opens: revision.Change, kinds: []revision.Kind{revision.Change}, options: changeOptions},
	{word: "write", rank: 1, kinds: []revision.Kind{revision.Backfill}},
	{word: "check", rank: 2, many: true, kinds: []revision.Kind{revision.Data, revision.Backfill}, options: []string{"statement_timeout"}},
	{word: "expand", rank: 1, kinds: []revision.Kind{revision.Change}, options: []string{"transaction", "lock_timeout", "statement_timeout"}},
	{word: "forward", rank: 2, kinds: []revision.Kind{revision.Change}},
	{word: "backward", rank: 3, kinds: []revision.Kind{revision.Change}},
	{word: "hold", rank: 4, many: true, bare: "name", kinds: []revision.Kind{revision.Change}, options: []string{"quiet"}},
	{word: "contract", rank: 5, kinds: []revision.Kind{revision.Change}, options: []string{"transaction", "lock_timeout", "statement_timeout"}},
	{word: "down", rank: 6, bare: "reason", options: sectionOptions,
		kinds: []revision.Kind{revision.Schema, revision.Data, revision.Backfill, revision.Change}},
}

// formOf is the form of a directive's word, or nil.
func formOf(word []byte) *form {
	for i := range forms {
		if string(word) == forms[i].word {
			return &forms[i]
		}
	}
	return nil
}

func words(accept func(f *form) bool) []string {
	var all []string
	for i := range forms {
		if accept(&forms[i]) {
			all = append(all, forms[i].word)
		}
	}
	return all
}

func (f *form) belongs(kind revision.Kind) bool { return slices.Contains(f.kinds, kind) }
