package mysql

import (
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

// Folded adds the foreign keys of a table in one go: the server copies the table for
// each ALTER TABLE that adds one.
func (l Language) Folded(a, b diff.Statement) (diff.Statement, bool) {
	if a.About.Kind != schema.Constraint || b.About.Kind != schema.Constraint || a.About.On != b.About.On {
		return a, false
	}
	head, tail := "ALTER TABLE "+l.Dialect.Quote(a.About.On)+" ", l.allowed(copies)
	first, more := strings.CutSuffix(a.SQL, tail)
	second, same := strings.CutSuffix(b.SQL, tail)
	if more != same {
		return a, false
	}
	if !more {
		tail = ""
	}
	for _, sql := range []string{first, second} {
		if !strings.HasPrefix(sql, head+"ADD CONSTRAINT ") || strings.Contains(sql, ", DROP KEY ") {
			return a, false
		}
	}
	one := l.say(first + ", " + strings.TrimPrefix(second, head) + tail)[0]
	one.About = a.About
	return one, true
}
