package sqltext

import "strings"

// Doubled finds the end of a literal in which a quote is written twice: at
// stands after the opening quote, the end given after the closing one. Without
// a closing quote it gives the end of the text and false.
func Doubled(text string, at int, quote byte) (end int, closed bool) {
	for {
		n := strings.IndexByte(text[at:], quote)
		if n < 0 {
			return len(text), false
		}
		at += n + 1
		if at >= len(text) || text[at] != quote {
			return at, true
		}
		at++
	}
}

// Backslashed is [Doubled] for a literal in which a backslash, too, takes the
// meaning from the character behind it.
func Backslashed(text string, at int, quote byte) (end int, closed bool) {
	for at < len(text) {
		switch c := text[at]; {
		case c == '\\':
			at += 2
		case c != quote:
			at++
		case at+1 < len(text) && text[at+1] == quote:
			at += 2
		default:
			return at + 1, true
		}
	}
	return len(text), false
}

// Line is the offset of the next line feed, or the end of the text.
func Line(text string, at int) int {
	if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
		return at + n
	}
	return len(text)
}

// Block finds the end of a comment that does not nest: at stands after "/*",
// the end after "*/".
func Block(text string, at int) (end int, closed bool) {
	if n := strings.Index(text[at:], "*/"); n >= 0 {
		return at + n + 2, true
	}
	return len(text), false
}

// Nested is [Block] for comments that nest.
func Nested(text string, at int) (end int, closed bool) {
	for depth := 1; at+1 < len(text); {
		switch text[at : at+2] {
		case "/*":
			depth++
			at += 2
		case "*/":
			depth--
			at += 2
			if depth == 0 {
				return at, true
			}
		default:
			at++
		}
	}
	return len(text), false
}

// Blanks is the offset after the white space at at; a byte-order mark at the
// start of the text is white space.
func Blanks(text string, at int) int {
	if at == 0 && strings.HasPrefix(text, bom) {
		at = len(bom)
	}
	for at < len(text) && IsSpace(text[at]) {
		at++
	}
	return at
}

// IsSpace is white space as all three databases see it.
func IsSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// IsDigit is a decimal digit.
func IsDigit(c byte) bool { return c >= '0' && c <= '9' }

// IsLetter is what can begin an identifier everywhere: a letter, an underscore,
// or any byte of a character beyond ASCII.
func IsLetter(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80
}

// IsName is what can stand inside an identifier everywhere.
func IsName(c byte) bool { return IsLetter(c) || IsDigit(c) || c == '$' }

// Numeral is the offset after the numeric literal at at, which is a digit or the
// point before one. Two points in a row are not part of a number.
func Numeral(text string, at int) int {
	if text[at] == '0' && at+2 < len(text) && strings.IndexByte("xXoObB", text[at+1]) >= 0 && isHex(text[at+2]) {
		return digits(text, at+2, isHex)
	}
	at = digits(text, at, IsDigit)
	if at < len(text) && text[at] == '.' && !(at+1 < len(text) && text[at+1] == '.') {
		at = digits(text, at+1, IsDigit)
	}
	if at < len(text) && text[at]|0x20 == 'e' {
		sign := at + 1
		if sign < len(text) && (text[sign] == '+' || text[sign] == '-') {
			sign++
		}
		if sign < len(text) && IsDigit(text[sign]) {
			return digits(text, sign, IsDigit)
		}
	}
	return at
}

// Fraction tells whether the point at at begins a number such as .5: a digit
// follows, and before it stands neither a name nor another point.
func Fraction(text string, at int) bool {
	if text[at] != '.' || at+1 >= len(text) || !IsDigit(text[at+1]) {
		return false
	}
	return at == 0 || !IsName(text[at-1]) && strings.IndexByte(".\"`]", text[at-1]) < 0
}

func digits(text string, at int, is func(byte) bool) int {
	for at < len(text) && (is(text[at]) || text[at] == '_' && at+1 < len(text) && is(text[at+1])) {
		at++
	}
	return at
}

func isHex(c byte) bool { return IsDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
