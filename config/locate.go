package config

import (
	"strings"
	"unicode/utf8"

	"github.com/bellowsdb/bellows/fault"
)

// locate finds the places of tables and keys in a TOML text that was read
// without error, by their paths. Keys inside inline tables are not found; their
// table is.
func locate(name, text string) map[string]fault.Pos {
	places := map[string]fault.Pos{}
	var table []string
	open := "" // the quotes of a text over several lines
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, "\r")
		if open != "" {
			if _, rest, ok := strings.Cut(line, open); ok {
				open = opened(rest)
			}
			continue
		}
		body := strings.TrimLeft(strings.TrimPrefix(line, "\ufeff"), " \t")
		pos := fault.Pos{File: name, Line: i + 1, Column: utf8.RuneCountInString(line[:len(line)-len(body)]) + 1, Text: shown(line)}
		switch {
		case body == "" || body[0] == '#':
		case body[0] == '[':
			table, _ = dotted(strings.TrimLeft(body, "[ \t"))
			note(places, table, pos)
		default:
			path, rest := dotted(body)
			note(places, append(table[:len(table):len(table)], path...), pos)
			open = opened(rest)
		}
	}
	return places
}

// shown is a line as errors show it. Values are shown for keys that hold no
// secret; what stands behind any other key may be one.
func shown(line string) string {
	name, _, ok := strings.Cut(line, "=")
	if !ok {
		if strings.HasPrefix(strings.TrimLeft(line, " \t"), "[") {
			return line
		}
		return ""
	}
	if path, _ := dotted(name); len(path) > 0 {
		if k := keyOf(path[len(path)-1]); k != nil && !k.secret {
			return fault.Redact(line)
		}
	}
	return name + "= …"
}

// note keeps the first place of a path and of the tables on the way to it.
func note(places map[string]fault.Pos, path []string, pos fault.Pos) {
	for n := 1; n <= len(path); n++ {
		if _, ok := places[pathKey(path[:n])]; !ok {
			places[pathKey(path[:n])] = pos
		}
	}
}

// dotted reads a dotted key and gives what follows it.
func dotted(s string) (path []string, rest string) {
	for {
		s = strings.TrimLeft(s, " \t")
		var part string
		if s != "" && (s[0] == '"' || s[0] == '\'') {
			end := strings.IndexByte(s[1:], s[0])
			if end < 0 {
				return path, ""
			}
			part, s = s[1:1+end], s[2+end:]
		} else {
			end := strings.IndexAny(s, " \t.=]")
			if end < 0 {
				end = len(s)
			}
			part, s = s[:end], s[end:]
		}
		path = append(path, part)
		s = strings.TrimLeft(s, " \t")
		if !strings.HasPrefix(s, ".") {
			return path, s
		}
		s = s[1:]
	}
}

// opened tells which triple quotes are left open at the end of a line.
func opened(s string) string {
	for {
		i := strings.Index(s, `"""`)
		j := strings.Index(s, `'''`)
		if i < 0 && j < 0 {
			return ""
		}
		quotes, at := `"""`, i
		if i < 0 || j >= 0 && j < i {
			quotes, at = `'''`, j
		}
		_, rest, ok := strings.Cut(s[at+3:], quotes)
		if !ok {
			return quotes
		}
		s = rest
	}
}
