package backfill

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Member is one member of a JSON object: its name, and its value as it was written.
type Member struct {
	Name  string
	Value []byte
}

// errNoObject is what a line is that is none.
var errNoObject = errors.New("it is no JSON object")

// Members reads a line that is one JSON object, appending to dst. The values are
// parts of the line.
func Members(line []byte, dst []Member) ([]Member, error) {
	if len(line) == 0 || line[0] != '{' {
		return dst, errNoObject
	}
	if !json.Valid(line) {
		var any json.RawMessage
		return dst, fmt.Errorf("it is no JSON: %w", json.Unmarshal(line, &any))
	}
	i := blank(line, 1)
	for line[i] != '}' {
		end := stringEnd(line, i)
		name, err := memberName(line[i:end])
		if err != nil {
			return dst, err
		}
		i = blank(line, end)
		i = blank(line, i+1) // behind the colon
		end = valueEnd(line, i)
		for _, m := range dst {
			if m.Name == name {
				return dst, fmt.Errorf("it has %q twice", name)
			}
		}
		dst = append(dst, Member{name, line[i:end]})
		if i = blank(line, end); line[i] == ',' {
			i = blank(line, i+1)
		}
	}
	return dst, nil
}

func memberName(quoted []byte) (string, error) {
	for _, c := range quoted {
		if c == '\\' {
			var s string
			err := json.Unmarshal(quoted, &s)
			return s, err
		}
	}
	return string(quoted[1 : len(quoted)-1]), nil
}

// blank is the offset of the next byte that is no blank.
func blank(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r' {
		i++
	}
	return i
}

// stringEnd is the offset behind the string that begins at i.
func stringEnd(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// valueEnd is the offset behind the value that begins at i.
func valueEnd(b []byte, i int) int {
	switch b[i] {
	case '"':
		return stringEnd(b, i)
	case '{', '[':
		for depth := 0; ; i++ {
			switch b[i] {
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			case '"':
				i = stringEnd(b, i) - 1
			}
		}
	}
	for ; i < len(b); i++ {
		switch b[i] {
		case ',', '}', ']', ' ', '\t', '\n', '\r':
			return i
		}
	}
	return i
}
