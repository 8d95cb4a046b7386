package native

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
)

// heads reads the directives before the first section.
func (d *document) heads() {
	var seen [16]int // by form: 1 + the offset of the line that had it
	for _, m := range d.marks[:d.first()] {
		before := &seen[index(m.form)]
		if *before > 0 {
			d.fail(m.word, "%s is already in line %d", m.form.word, d.line(*before-1)).
				Try("name all of them in one line, separated by commas")
			continue
		}
		*before = m.at + 1
		if d.kind == revision.Repeatable && m.form.word != "needs" {
			d.fail(m.word, "a repeatable file has no %s", m.form.word).
				Try("it is run after all versioned ones; only versioned files have a place in the graph")
			continue
		}
		d.head(m)
	}
}

// spot is the place of an offset of the header.
func (d *document) spot(at int) revision.Spot {
	start := bytes.LastIndexByte(d.text[:at], '\n') + 1
	return revision.Spot{
		Line:   int32(1 + bytes.Count(d.text[:start], []byte{'\n'})),
		Column: int32(1 + utf8.RuneCount(d.text[start:at])),
	}
}

func (d *document) head(m mark) {
	h := &d.header
	switch m.form.word {
	case "revises":
		h.revises = true
		h.parents = d.parents(m)
	case "needs":
		for _, w := range d.list(m) {
			if need, ok := d.need(w); ok {
				h.needs = append(h.needs, need)
				h.said.Needs = append(h.said.Needs, d.spot(w.at))
			}
		}
	case "label":
		h.label = d.label(m)
	case "replaces":
		h.replaces = d.replaces(m)
	}
}

// word is one word of a line and its offset.
type word struct {
	text string
	at   int
}

// list are the comma-separated words behind a header directive, at least one.
func (d *document) list(m mark) []word {
	all := d.words[:0]
	defer func() { d.words = all[:0] }()
	rest := d.text[m.args:m.end]
	if len(bytes.TrimSpace(rest)) == 0 {
		d.fail(m.args, "%s names nothing", m.form.word).Try("write an id behind it: \"-- migrate:%s 20261119093000\"", m.form.word)
		return nil
	}
	for at := m.args; ; {
		part, _, more := bytes.Cut(d.text[at:m.end], []byte{','})
		text := bytes.TrimSpace(part)
		lead := len(part) - len(bytes.TrimLeft(part, " \t"))
		w := word{string(text), at + lead}
		switch {
		case len(text) == 0:
			d.fail(at, "there is nothing between the commas").Try("separate the ids by one comma each")
		case bytes.ContainsAny(text, " \t"):
			d.fail(w.at, "%q is not one id", text).Try("separate ids by commas")
		default:
			all = append(all, w)
		}
		if !more {
			return all
		}
		at += len(part) + 1
	}
}

func (d *document) parents(m mark) []revision.ID {
	list := d.list(m)
	if len(list) == 1 && list[0].text == "none" {
		return nil
	}
	var ids []revision.ID
	for _, w := range list {
		if w.text == "none" {
			d.fail(w.at, "none stands alone").Try("\"-- migrate:revises none\" makes a base; else name the parents")
			continue
		}
		id, ok := d.id(w)
		if !ok {
			continue
		}
		for _, other := range ids {
			if other == id {
				d.fail(w.at, "%s is named twice", id).Try("name each parent once")
			}
		}
		ids = append(ids, id)
		d.header.said.Parents = append(d.header.said.Parents, d.spot(w.at))
	}
	return ids
}

// longestID is what the ledger has room for.
const longestID = 200

// id checks that a word can be an id.
func (d *document) id(w word) (revision.ID, bool) {
	for _, c := range w.text {
		if c != '_' && c != '-' && c != '.' && !letter(c) && (c < '0' || c > '9') {
			d.fail(w.at, "%q is not an id", w.text).Try("an id is the digits that a file name begins with")
			return "", false
		}
	}
	if len(w.text) > longestID {
		d.fail(w.at, "an id of more than %d characters", longestID).Try("an id is the digits that a file name begins with")
		return "", false
	}
	if w.text == "" {
		d.fail(w.at, "an id is missing").Try("an id is the digits that a file name begins with")
		return "", false
	}
	return revision.ID(w.text), true
}

func letter(c rune) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func (d *document) need(w word) (revision.Need, bool) {
	text, phase, phased := strings.Cut(w.text, ":")
	id, ok := d.id(word{text, w.at})
	if !ok || !phased {
		return revision.Need{ID: id}, ok
	}
	phases := []string{string(revision.Expand), string(revision.Sync), string(revision.Fill), string(revision.Verify),
		string(revision.Hold), string(revision.Contract), string(revision.Purge)}
	for _, p := range phases {
		if p == phase {
			return revision.Need{ID: id, Phase: revision.Phase(p)}, true
		}
	}
	problem := d.fail(w.at+len(text)+1, "there is no phase %q", phase)
	if near := fault.Nearest(phase, phases); near != "" {
		problem.Try("did you mean %s:%s?", id, near)
	} else {
		problem.Try("the phases are %s", either(phases))
	}
	return revision.Need{}, false
}

func (d *document) label(m mark) string {
	list := d.list(m)
	if len(list) != 1 {
		if len(list) > 1 {
			d.fail(list[1].at, "a branch has one label").Try("name one")
		}
		return ""
	}
	w := list[0]
	good := letter(rune(w.text[0]))
	for _, c := range w.text {
		good = good && (letter(c) || c >= '0' && c <= '9' || c == '_' || c == '-')
	}
	if !good {
		d.fail(w.at, "%q cannot be a label", w.text).Try("a label begins with a letter and has letters, digits, _ and - only")
		return ""
	}
	switch w.text {
	case "head", "heads", "base", "current", "none":
		d.fail(w.at, "%q means something else in targets, so it cannot be a label", w.text).Try("choose another name")
		return ""
	}
	d.header.said.Label = d.spot(w.at)
	return w.text
}

func (d *document) replaces(m mark) *revision.Range {
	list := d.list(m)
	if len(list) != 1 {
		if len(list) > 1 {
			d.fail(list[1].at, "one range is replaced").Try("write \"-- migrate:replaces FIRST..LAST\"")
		}
		return nil
	}
	w := list[0]
	from, to, ok := strings.Cut(w.text, "..")
	if !ok {
		d.fail(w.at, "%q is not a range", w.text).Try("write \"-- migrate:replaces FIRST..LAST\"")
		return nil
	}
	a, okA := d.id(word{from, w.at})
	b, okB := d.id(word{to, w.at + len(from) + 2})
	if !okA || !okB {
		return nil
	}
	d.header.said.Replaces = d.spot(w.at)
	return &revision.Range{From: a, To: b}
}
