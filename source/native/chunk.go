package native

import (
	"bytes"

	"github.com/bellowsdb/bellows/source/internal/files"
)

// placeholder stands for "the rows of this chunk".
const placeholder = ":chunk"

// statement is one statement of a backfill: where its code begins and where its
// placeholders are.
type statement struct {
	start  int
	chunks []int
}

// chunked checks that each statement of a backfill has the placeholder once.
func (d *document) chunked(m *mark, o options) {
	d.wanted(m, "the statement that fills one chunk: UPDATE … WHERE … AND :chunk")
	all := statements(d.text[m.body:m.bodyEnd])
	for _, st := range all {
		switch {
		case len(st.chunks) == 0:
			d.fail(m.body+st.start, "this statement has no :chunk").
				Try("add it to the WHERE clause, so that the statement touches the rows of one chunk: … WHERE … AND :chunk")
		case len(st.chunks) > 1:
			d.fail(m.body+st.chunks[1], "this statement has :chunk %d times", len(st.chunks)).
				Try("each statement has it once")
		}
	}
	if (o.fill.Program != "" || o.fill.Function != "") && len(all) > 1 {
		d.fail(m.body+all[1].start, "with a program there is one query, not %d", len(all)).
			Try("the query reads the rows of a chunk for the program; what it answers is written by -- migrate:write")
	}
}

// unchunked checks that a write section has no placeholder.
func (d *document) unchunked(m *mark) {
	for _, st := range statements(d.text[m.body:m.bodyEnd]) {
		if len(st.chunks) > 0 {
			d.fail(m.body+st.chunks[0], "there is no :chunk in a write section").
				Try("it writes one row: name it by its key, such as WHERE id = :id")
		}
	}
}

// statements cuts text for counting placeholders. Whether a backslash escapes a
// quote differs between databases, and which one it is for is not known here:
// when the two readings differ, the one in which all is well holds.
func statements(text []byte) []statement {
	all := walk(text, plain)
	if !bytes.Contains(text, []byte("\\'")) && !bytes.Contains(text, []byte("\\\"")) {
		return all
	}
	for _, st := range all {
		if len(st.chunks) != 1 {
			return walk(text, escaped)
		}
	}
	return all
}

// reading says what a backslash in a string is.
type reading int

const (
	plain reading = iota
	escaped
)

// walk cuts text into its statements, leaving out what is only blanks and
// comments, and finds the placeholders outside of comments, strings and quoted
// names. It knows what the databases have in common, not each one's finer points.
func walk(text []byte, how reading) []statement {
	var all []statement
	st := statement{start: -1}
	for i := 0; i < len(text); {
		if text[i] == ';' {
			if st.start >= 0 {
				all = append(all, st)
			}
			st = statement{start: -1}
			i++
			continue
		}
		n, silent := skip(text[i:], how)
		if !silent && st.start < 0 {
			st.start = i
		}
		if !silent && isPlaceholder(text, i) {
			st.chunks = append(st.chunks, i)
			n = len(placeholder)
		}
		i += n
	}
	if st.start >= 0 {
		all = append(all, st)
	}
	return all
}

func isPlaceholder(text []byte, i int) bool {
	if !bytes.HasPrefix(text[i:], []byte(placeholder)) || i > 0 && text[i-1] == ':' {
		return false
	}
	end := i + len(placeholder)
	return end == len(text) || !identifier(text[end])
}

func identifier(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// skip is the length of the unit that text begins with; silent for blanks and
// comments.
func skip(text []byte, how reading) (n int, silent bool) {
	switch c := text[0]; {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
		return 1, true
	case bytes.HasPrefix(text, []byte("--")):
		return files.LineEnd(text, 0), true
	case bytes.HasPrefix(text, []byte("/*")):
		return until(text, 2, "*/"), true
	case c == '`', how == plain && (c == '\'' || c == '"'):
		return until(text, 1, string(c)), false
	case c == '\'' || c == '"':
		return untilEscaped(text), false
	case c == '$':
		return dollar(text), false
	case identifier(c):
		n = 1
		for n < len(text) && (identifier(text[n]) || text[n] == '$') {
			n++
		}
		return n, false
	}
	return 1, false
}

// until is the length up to and with the end mark, or of all.
func until(text []byte, from int, end string) int {
	if i := bytes.Index(text[from:], []byte(end)); i >= 0 {
		return from + i + len(end)
	}
	return len(text)
}

// untilEscaped is the length of a quoted text in which a backslash escapes.
func untilEscaped(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[0]:
			return i + 1
		}
	}
	return len(text)
}

// dollar is the length of a $tag$…$tag$ string, or 1.
func dollar(text []byte) int {
	n := 1
	for n < len(text) && identifier(text[n]) && (n > 1 || text[n] > '9') {
		n++
	}
	if n == len(text) || text[n] != '$' {
		return 1
	}
	return until(text, n+1, string(text[:n+1]))
}
