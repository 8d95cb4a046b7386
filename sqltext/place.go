package sqltext

import (
	"strings"
	"unicode/utf8"

	"github.com/bellowsdb/bellows/fault"
)

// bom is a byte-order mark; one at the start of a text counts as white space
// that has no width.
const bom = "\ufeff"

// excerpt is the most bytes of a source line that an error shows on either side
// of its place.
const excerpt = 100

// Places tells lines and columns of a text. Asking in rising order costs one
// pass over the text in all; asking for an earlier place starts over.
type Places struct {
	text, file string
	first      int
	at         int // the offset that line and column belong to
	line       int
	column     int
}

// NewPlaces starts at the beginning of text. Of o it uses File and FirstLine.
func NewPlaces(text string, o Options) *Places {
	p := &Places{text: text, file: o.File, first: max(o.FirstLine, 1)}
	p.rewind()
	return p
}

func (p *Places) rewind() {
	p.at, p.line, p.column = 0, p.first, 1
	if strings.HasPrefix(p.text, bom) {
		p.at = len(bom)
	}
}

// Of gives line and column of an offset, both counted from 1, the column in
// characters. A line ends with a line feed.
func (p *Places) Of(offset int) (line, column int) {
	if offset < p.at {
		p.rewind()
	}
	if offset <= p.at {
		return p.line, p.column
	}
	between := p.text[p.at:offset]
	if n := strings.Count(between, "\n"); n > 0 {
		p.line += n
		p.column = 1
		between = between[strings.LastIndexByte(between, '\n')+1:]
	}
	p.column += utf8.RuneCountInString(between)
	p.at = offset
	return p.line, p.column
}

// Pos is the place of an offset for an error, with the source line cut to a
// sane length around it.
func (p *Places) Pos(offset int) fault.Pos {
	line, column := p.Of(offset)
	return fault.Pos{File: p.file, Line: line, Column: column, Text: lineAround(p.text, offset)}
}

// lineAround is the line that holds offset, without its end, at most excerpt
// bytes to either side; what was cut off shows as an ellipsis.
func lineAround(text string, offset int) string {
	start := strings.LastIndexByte(text[:offset], '\n') + 1
	end := len(text)
	if n := strings.IndexByte(text[offset:], '\n'); n >= 0 {
		end = offset + n
	}
	head, tail := "", ""
	if offset-start > excerpt {
		head, start = "…", offset-excerpt
		for start < offset && !utf8.RuneStart(text[start]) {
			start++
		}
	}
	if end-offset > excerpt {
		tail, end = "…", offset+excerpt
		for end > offset && !utf8.RuneStart(text[end]) {
			end--
		}
	}
	line := strings.TrimPrefix(strings.TrimSuffix(text[start:end], "\r"), bom)
	return head + strings.ToValidUTF8(strings.ReplaceAll(line, "\x00", "\uFFFD"), "\uFFFD") + tail
}
