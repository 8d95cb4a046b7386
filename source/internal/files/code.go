package files

import (
	"bytes"
	"strings"
)

// LineEnd is the offset of the end of the line that at is in, without its LF.
func LineEnd(text []byte, at int) int {
	if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(text)
}

// Back steps from at over blanks and tabs to the left.
func Back(text []byte, at int) int {
	for at > 0 && (text[at-1] == ' ' || text[at-1] == '\t') {
		at--
	}
	return at
}

// Code is the offset of the first byte of text that is neither blank nor in a
// comment, or -1. A comment that the server executes (/*! … */) counts as code,
// so does one that is never closed.
func Code(text []byte) int {
	for i := 0; i < len(text); {
		rest := text[i:]
		switch {
		case strings.IndexByte(" \t\r\n\f\v", rest[0]) >= 0:
			i++
		case rest[0] == '#', bytes.HasPrefix(rest, []byte("--")):
			i = LineEnd(text, i)
		case bytes.HasPrefix(rest, []byte("/*")) && !bytes.HasPrefix(rest, []byte("/*!")) && !bytes.HasPrefix(rest, []byte("/*M!")):
			n := bytes.Index(rest[2:], []byte("*/"))
			if n < 0 {
				return i
			}
			i += n + 4
		default:
			return i
		}
	}
	return -1
}
