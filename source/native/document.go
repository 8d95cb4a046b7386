package native

import (
	"strings"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source/internal/files"
)

// depth is how much of a text is kept.
type depth int

const (
	skim depth = iota // all checks, but no text: sections have no SQL and no place
	full
)

// worst is how many problems of one file are told.
const worst = 20

// document is one file while it is read. It may be used again for the next.
type document struct {
	file     string
	text     []byte
	depth    depth
	marks    []mark
	words    []word // memory for lists
	kind     revision.Kind
	header   header
	script   revision.Script
	skimmed  revision.Section // stands for every section while skimming
	problems []*fault.Error
}

// header is what the directives before the first section say.
type header struct {
	revises  bool // there was such a line
	parents  []revision.ID
	needs    []revision.Need
	label    string
	replaces *revision.Range
	said     revision.Said
}

// read takes the text apart. kind is Repeatable for such a file, else "". The
// document keeps no part of the text afterwards except, with full, its SQL.
func (d *document) read(file string, text []byte, kind revision.Kind, depth depth) {
	*d = document{file: file, text: text, depth: depth, marks: d.marks[:0], words: d.words, kind: kind}
	d.scan()
	d.heads()
	d.sections()
	d.script.Kind = d.kind
	d.text = nil
}

// describe writes what was read into a head.
func (d *document) describe(rev *revision.Revision) {
	rev.Kind = d.kind
	rev.Parents, rev.Needs = d.header.parents, d.header.needs
	rev.Label, rev.Replaces = d.header.label, d.header.replaces
	rev.Said = d.header.said
	rev.Implied = !d.header.revises && d.kind != revision.Repeatable
}

// fail notes a problem at a byte offset and returns it for its hint.
func (d *document) fail(at int, format string, args ...any) *fault.Error {
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			args[i] = short(arg)
		case []byte:
			args[i] = short(string(arg))
		}
	}
	if len(d.problems) >= worst {
		return fault.New(fault.Syntax, format, args...)
	}
	problem := fault.At(files.Place(d.file, d.text, at), fault.Syntax, format, args...)
	d.problems = append(d.problems, problem)
	return problem
}

// short is text without what is too long for a message.
func short(text string) string {
	if len(text) <= 80 {
		return text
	}
	return strings.ToValidUTF8(text[:80], "") + "…"
}

// first is the mark of the first section, or one past the last.
func (d *document) first() int {
	for i, m := range d.marks {
		if m.form == nil || !m.form.header {
			return i
		}
	}
	return len(d.marks)
}

// sections reads all marks that are not of the header.
func (d *document) sections() {
	first := d.first()
	if d.kind == revision.Repeatable {
		d.repeatable(first)
		return
	}
	if first == len(d.marks) {
		d.nothing()
		return
	}
	if m := d.marks[first]; m.form == nil {
		return // said already, and what follows cannot be judged
	} else if m.form.opens == "" {
		d.fail(m.word, "%s cannot be the first section", m.form.word).Try("%s", d.opening(m.form))
		return
	}
	d.kind = d.marks[first].form.opens
	if at := files.Code(d.text[:d.marks[first].at]); at >= 0 {
		d.fail(at, "there is SQL before the first section").
			Try("move it below the line \"-- migrate:%s\"", d.marks[first].form.word)
	}
	if d.depth == full && d.marks[first].at > 0 {
		d.script.Head = &revision.Section{SQL: string(d.text[:d.marks[first].at]), At: d.place(0)}
	}
	d.follow(first)
	d.complete(first)
}

// nothing says that a versioned file has no section.
func (d *document) nothing() {
	at := files.Code(d.text)
	switch {
	case len(strings.TrimSpace(string(d.text[:min(len(d.text), 4096)]))) == 0 && at < 0:
		d.fail(0, "this file is empty").Try("write what it does below a line \"-- migrate:up\", or remove it")
	case at < 0:
		d.fail(0, "this file has no SQL").Try("write what it does below a line \"-- migrate:up\", or remove it")
	default:
		d.fail(at, "there is SQL, but no section before it").
			Try("put a line \"-- migrate:up\" above it (or \"-- migrate:data\" for data)")
	}
}

// opening tells which directive a section that cannot be first follows.
func (d *document) opening(f *form) string {
	openers := words(func(o *form) bool { return o.opens != "" && f.belongs(o.opens) })
	return "it follows \"-- migrate:" + strings.Join(openers, "\" or \"-- migrate:") + "\""
}

// follow checks that the sections from first on may stand where they do, and
// reads each.
func (d *document) follow(first int) {
	var seen [16]int // by form: 1 + the mark that had it
	last := first
	for i := first; i < len(d.marks); i++ {
		m := &d.marks[i]
		if m.form == nil {
			continue
		}
		if !d.allowed(m, d.marks[first], d.marks[last], &seen) {
			continue
		}
		seen[index(m.form)] = i + 1
		last = i
		d.section(m)
	}
}

func index(f *form) int {
	for i := range forms {
		if f == &forms[i] {
			return i
		}
	}
	return 0
}

// allowed tells whether m may stand where it does, and says it when not.
func (d *document) allowed(m *mark, opener, last mark, seen *[16]int) bool {
	f := m.form
	switch before := seen[index(f)]; {
	case f.header:
		d.fail(m.word, "%s belongs to the header", f.word).
			Try("move the line above \"-- migrate:%s\"", opener.form.word)
	case f.opens != "" && f != opener.form:
		d.fail(m.word, "a file is of one kind; this one is %s since line %d", article(d.kind), d.line(opener.at)).
			Try("put this section into a file of its own: bellows new SLUG%s", flagOf(f.opens))
	case !f.belongs(d.kind):
		d.fail(m.word, "there is no %s in %s", f.word, article(d.kind)).Try("%s", d.opening(f))
	case before > 0 && !f.many:
		d.fail(m.word, "%s is already in line %d", f.word, d.line(d.marks[before-1].at)).
			Try("join the two sections, or put one into a file of its own")
	case f.rank < last.form.rank:
		d.fail(m.word, "%s must come before %s", f.word, last.form.word).
			Try("the order is %s", order(d.kind))
		return true
	default:
		return true
	}
	return false
}

func (d *document) line(at int) int { return files.Place(d.file, d.text, at).Line }

func article(kind revision.Kind) string {
	switch kind {
	case revision.Backfill:
		return "a backfill"
	case revision.Change:
		return "a change"
	}
	return "a " + string(kind) + " migration"
}

func flagOf(kind revision.Kind) string {
	switch kind {
	case revision.Data:
		return " --data"
	case revision.Backfill:
		return " --backfill TABLE"
	case revision.Change:
		return " --change TABLE --old A --new B"
	}
	return ""
}

func order(kind revision.Kind) string {
	var all []string
	for rank := range 8 {
		all = append(all, words(func(f *form) bool { return f.rank == rank && f.belongs(kind) })...)
	}
	return strings.Join(all, ", ")
}

func either(all []string) string {
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	return strings.Join(all[:len(all)-1], ", ") + " and " + all[len(all)-1]
}
