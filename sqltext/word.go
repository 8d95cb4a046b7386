package sqltext

import (
	"iter"
	"strings"
)

// Same tells whether a word is the keyword, which is given in capitals.
func Same(word, keyword string) bool {
	if len(word) != len(keyword) {
		return false
	}
	for i := 0; i < len(word); i++ {
		c := word[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != keyword[i] {
			return false
		}
	}
	return true
}

// Words gives keywords, in capitals and at most 24 letters long, a meaning.
type Words[K any] map[string]K

// Of is the meaning of a word in any case; the zero value for every other word.
func (w Words[K]) Of(word string) K {
	var upper [24]byte
	if len(word) > len(upper) {
		var none K
		return none
	}
	for i := 0; i < len(word); i++ {
		c := word[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		upper[i] = c
	}
	return w[string(upper[:len(word)])]
}

// Name is the identifier that the text of a Word or Quoted token spells: quotes
// taken off and doubled quotes halved. The case of a Word is left as it is, and
// so are the \xxxx of U&"…".
func Name(token string) string { return unquote(token, "\"`[") }

// Literal is what the text of a String token spells when no backslash in it has
// a meaning: quotes taken off, doubled quotes halved. A literal with a prefix
// (N'…') loses it, and of a dollar-quoted one the body is given.
func Literal(token string) string {
	if strings.HasPrefix(token, "$") {
		if n := strings.IndexByte(token[1:], '$') + 2; n > 1 && len(token) >= 2*n {
			return token[n : len(token)-n]
		}
	}
	return unquote(token, "'\"")
}

func unquote(token, quotes string) string {
	at := strings.IndexAny(token, quotes)
	if at < 0 {
		return token
	}
	end := token[at : at+1]
	if end == "[" {
		return strings.TrimSuffix(token[at+1:], "]")
	}
	body := strings.TrimSuffix(token[at+1:], end)
	return strings.ReplaceAll(body, end+end, end)
}

// All makes a sequence of a lexer: begin gives its next function, which says
// false at the end.
func All(begin func() func() (Token, bool)) iter.Seq[Token] {
	return func(yield func(Token) bool) {
		next := begin()
		for {
			t, ok := next()
			if !ok || !yield(t) {
				return
			}
		}
	}
}
