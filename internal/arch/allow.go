package arch

import (
	"go/ast"
	"go/token"
	"strings"
)

const mark = "//arch:allow"

// exception is a comment that allows what its line, or the next, does.
type exception struct {
	pos    token.Pos
	line   int
	reason string
	used   bool
}

// without leaves out the violations that an exception allows. An exception that
// gives no reason, or allows nothing, is a violation itself.
func (f *file) without(own []Violation) (found []Violation) {
	exceptions := f.exceptions()
	for _, v := range own {
		if e := matching(exceptions, v.Line); e != nil {
			e.used = true
			continue
		}
		found = append(found, v)
	}
	for _, e := range exceptions {
		switch {
		case len(strings.Fields(e.reason)) < 3:
			found = append(found, f.broken(e.pos, "allow", "write the reason as a sentence behind it", "an exception has no reason"))
		case !e.used:
			found = append(found, f.broken(e.pos, "allow", "remove it", "nothing on this line or the next needs this exception"))
		}
	}
	return found
}

func matching(exceptions []*exception, line int) *exception {
	for _, e := range exceptions {
		if e.line == line || e.line == line-1 {
			return e
		}
	}
	return nil
}

func (f *file) exceptions() (found []*exception) {
	for _, group := range f.syntax.Comments {
		for _, c := range group.List {
			if reason, ok := allowed(c); ok {
				found = append(found, &exception{pos: c.Pos(), line: f.line(c.Pos()), reason: reason})
			}
		}
	}
	return found
}

func allowed(c *ast.Comment) (reason string, ok bool) {
	return strings.CutPrefix(c.Text, mark)
}
