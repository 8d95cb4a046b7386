package sqltext

import (
	"iter"
	"strings"
)

// Bare is a statement without comments, with one blank between its tokens: what
// it is to the server. tokens are those of sql.
func Bare(sql string, tokens iter.Seq[Token]) string {
	var b strings.Builder
	for t := range tokens {
		if t.Kind == Space || t.Kind == Comment {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(sql[t.Start:t.End])
	}
	return b.String()
}
