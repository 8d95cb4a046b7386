package native

import (
	"bytes"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/source/internal/files"
)

// Revise gives the text of a file with other parents: its revises line says
// them, or a new first line does. All else stays byte for byte, with its line
// ends and byte-order mark. file is its name in errors.
func Revise(file string, text []byte, parents []revision.ID) ([]byte, error) {
	ids := Draft{Parents: parents}.revises()
	at, end, problem := revisesLine(file, text)
	if problem != nil {
		return nil, problem
	}
	var out bytes.Buffer
	if end == 0 {
		mark := len(text) - len(bytes.TrimPrefix(text, []byte("\ufeff")))
		out.Write(text[:mark])
		out.WriteString("-- migrate:revises " + ids + lineEnding(text))
		out.Write(text[mark:])
		return out.Bytes(), nil
	}
	out.Write(text[:at])
	out.WriteString(" " + ids)
	out.Write(text[end:])
	return out.Bytes(), nil
}

// lineEnding is the line end that a text uses.
func lineEnding(text []byte) string {
	if i := bytes.IndexByte(text, '\n'); i > 0 && text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// revisesLine finds what follows the word in the revises line: both offsets are
// zero when there is none. It looks no further than the first section.
func revisesLine(file string, text []byte) (at, end int, problem *fault.Error) {
	for start := len(text) - len(bytes.TrimPrefix(text, []byte("\ufeff"))); start < len(text); {
		next := files.LineEnd(text, start)
		line := bytes.TrimRight(text[start:next], " \t\r")
		word, ok := directive(line)
		f := formOf(word)
		switch {
		case !ok:
		case f == nil:
			return 0, 0, fault.At(fault.Pos{File: file}, fault.Syntax, "there is no directive %q", short(string(word))).
				Try("mend the file first: bellows status tells the place")
		case !f.header:
			return 0, 0, nil
		case f.word == "revises":
			return start + bytes.Index(line, word) + len(word), start + len(line), nil
		}
		start = next + 1
	}
	return 0, 0, nil
}

// directive is the word of a directive line.
func directive(line []byte) (word []byte, ok bool) {
	rest, dashes := bytes.CutPrefix(line, []byte("--"))
	rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, " \t"), []byte("migrate:"))
	if i := bytes.IndexAny(rest, " \t"); i >= 0 {
		rest = rest[:i]
	}
	return rest, ok && dashes
}
