package config

import (
	"strings"

	"github.com/bellowsdb/bellows/fault"
)

// expand puts variables into a value: ${NAME}, which must be set, and
// ${NAME:-text} with a text for when it is not set or empty. "$$" is one dollar
// sign; a dollar sign before anything else stands for itself.
func expand(v raw, r Request) (string, *fault.Error) {
	var b strings.Builder
	rest := v.text
	for {
		i := strings.IndexByte(rest, '$')
		if i < 0 || i+1 == len(rest) {
			return b.String() + rest, nil
		}
		b.WriteString(rest[:i])
		switch rest[i+1] {
		case '$':
			b.WriteByte('$')
			rest = rest[i+2:]
		case '{':
			body, after, closed := strings.Cut(rest[i+2:], "}")
			if !closed {
				return "", fault.At(v.pos, fault.Config, "a ${ without its }").Try("close it; a plain dollar sign before { is written $$")
			}
			text, problem := variable(body, v.pos, r)
			if problem != nil {
				return "", problem
			}
			b.WriteString(text)
			rest = after
		default:
			b.WriteByte('$')
			rest = rest[i+1:]
		}
	}
}

// variable is the value of what stands between ${ and }.
func variable(body string, pos fault.Pos, r Request) (string, *fault.Error) {
	name, fallback, has := strings.Cut(body, ":-")
	if !isName(name) {
		return "", fault.At(pos, fault.Config, "what stands in ${…} is no name of a variable").
			Try("write ${NAME} or ${NAME:-text}; a plain dollar sign before { is written $$")
	}
	if v, _, ok := r.variable(name); ok {
		return v, nil
	}
	if has {
		return fallback, nil
	}
	return "", fault.At(pos, fault.Config, "environment variable %s is not set", name).
		Try("export %s, put it into .env, or write ${%s:-text} for a default", name, name)
}

func isName(s string) bool {
	for i, c := range s {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
