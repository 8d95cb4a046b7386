package native

import (
	"bytes"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/source/internal/files"
)

// mark is a directive line. All numbers are byte offsets: at of the line, word
// and args of what follows "migrate:", end of the line's end (without its LF),
// body and bodyEnd of what follows up to the next mark.
type mark struct {
	at, word, args, end, body, bodyEnd int
	form                               *form // nil when the word is unknown
}

// scan finds the directive lines. It looks for one rare word and then at the
// line around it, so that most of a text is passed at the speed of memory.
func (d *document) scan() {
	for from := 0; ; {
		i := bytes.Index(d.text[from:], []byte("igrate"))
		if i < 0 {
			break
		}
		from = d.look(from+i-1) + 1
	}
	for from := 0; ; {
		i := bytes.Index(d.text[from:], []byte("IGRATE:"))
		if i < 0 {
			break
		}
		from += i + 1
		d.look(from - 2)
	}
	for i := range d.marks {
		d.marks[i].bodyEnd = len(d.text)
		if i+1 < len(d.marks) {
			d.marks[i].bodyEnd = d.marks[i+1].at
		}
	}
}

// look judges the line in which "migrate" begins at offset at, in any case of
// letters, and gives an offset from which to search on.
func (d *document) look(at int) int {
	next := at + len("migrate")
	if at < 0 || d.text[at]|0x20 != 'm' {
		return next - 1
	}
	dashes := files.Back(d.text, at)
	if dashes < 2 || d.text[dashes-1] != '-' || d.text[dashes-2] != '-' {
		return next - 1
	}
	start := files.Back(d.text, dashes-2)
	if start > 0 && d.text[start-1] != '\n' {
		return next - 1 // a comment behind code
	}
	end := files.LineEnd(d.text, at)
	if next >= end || d.text[next] != ':' {
		d.nearly(start, next, end)
		return next - 1
	}
	if start != dashes-2 || string(d.text[at:next]) != "migrate" {
		d.fail(dashes-2, "this looks like a directive but is a comment").
			Try("directives begin with \"-- migrate:\" in small letters at the very start of the line")
		return next
	}
	d.add(start, next+1, end)
	return end - 1
}

// nearly reports "-- migrate up": a direction that would be lost in a comment.
func (d *document) nearly(start, next, end int) {
	if next >= end {
		return
	}
	switch string(bytes.Trim(d.text[next:end], " \t:")) {
	case "up", "down":
		d.fail(start, "this looks like a directive but has no colon").Try("write \"-- migrate:%s\"", bytes.Trim(d.text[next:end], " \t:"))
	}
}

func (d *document) add(start, word, end int) {
	args := word
	for args < end && d.text[args] != ' ' && d.text[args] != '\t' {
		args++
	}
	m := mark{at: start, word: word, args: args, end: end, body: min(end+1, len(d.text))}
	m.form = formOf(d.text[word:args])
	if m.form == nil {
		d.unknown(word, args)
	}
	d.marks = append(d.marks, m)
}

func (d *document) unknown(word, args int) {
	got := string(d.text[word:args])
	all := words(func(*form) bool { return true })
	problem := d.fail(word, "there is no directive %q", got)
	if got == "" {
		problem.Msg = "a directive has no word behind migrate:"
	}
	if near := fault.Nearest(got, all); near != "" {
		problem.Try("did you mean \"-- migrate:%s\"?", near)
		return
	}
	problem.Try("the directives are %s", either(all))
}
