package sqltexttest

import (
	"strings"

	"github.com/bellowsdb/bellows/sqltext"
)

// Spell writes tokens as a line: the letter of each kind and the text, white
// space left out. w word, q quoted, s string, n number, p param, . punct,
// c comment, m marker.
func Spell(text string, tokens func(func(sqltext.Token) bool)) string {
	letters := map[sqltext.TokenKind]string{
		sqltext.Word: "w", sqltext.Quoted: "q", sqltext.String: "s", sqltext.Number: "n",
		sqltext.Param: "p", sqltext.Punct: ".", sqltext.Comment: "c", sqltext.Marker: "m",
	}
	var out []string
	for t := range tokens {
		if t.Kind != sqltext.Space {
			out = append(out, letters[t.Kind]+":"+text[t.Start:t.End])
		}
	}
	return strings.Join(out, " ")
}
