package fault

import "strings"

// Mask is what stands where a password stood.
const Mask = "xxxxx"

// secretKeys are the connection-string keys whose value is a secret, in lower case.
var secretKeys = [...]string{"password", "passwd", "pwd", "passfile", "sslpassword", "sslkey", "secret", "token", "authtoken"}

// Redact masks every password it can find in text: in URLs
// (scheme://user:password@host), in user:password@tcp(...) forms, in query
// parameters and in key=value connection strings.
func Redact(text string) string {
	return redactPairs(redactUserinfo(text))
}

// redactUserinfo masks the password of every "user:password@" it finds. A
// password may itself hold '@' or '/', so the last '@' before a blank, quote or
// the query part counts.
func redactUserinfo(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		end := strings.IndexAny(text, " \t\r\n\"'`<>")
		word, rest := text, ""
		if end >= 0 {
			word, rest = text[:end], text[end:end+1]
			text = text[end+1:]
		} else {
			text = ""
		}
		b.WriteString(maskWord(word))
		b.WriteString(rest)
	}
	return b.String()
}

func maskWord(word string) string {
	start := 0
	if i := strings.Index(word, "://"); i >= 0 {
		start = i + 3
	}
	at := strings.LastIndexByte(word, '@')
	if q := strings.IndexByte(word[start:], '?'); q >= 0 {
		if a := strings.LastIndexByte(word[:start+q], '@'); a >= 0 {
			at = a
		}
	}
	if at < start {
		return word
	}
	colon := strings.IndexByte(word[start:at], ':')
	if colon < 0 || (start == 0 && !strings.HasPrefix(word[at+1:], "tcp(") && !strings.HasPrefix(word[at+1:], "unix(")) {
		return word
	}
	return word[:start+colon+1] + Mask + word[at:]
}

// redactPairs masks the value of every key=value whose key is a secret.
func redactPairs(text string) string {
	lower := strings.ToLower(text)
	for _, key := range secretKeys {
		from := 0
		for {
			i := strings.Index(lower[from:], key+"=")
			if i < 0 {
				break
			}
			start := from + i + len(key) + 1
			if i := from + i; i > 0 && isWord(lower[i-1]) {
				from = start
				continue
			}
			end := start + valueEnd(text[start:])
			text = text[:start] + Mask + text[end:]
			lower = strings.ToLower(text)
			from = start + len(Mask)
		}
	}
	return text
}

func isWord(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
}

func valueEnd(s string) int {
	if strings.HasPrefix(s, "'") {
		if i := strings.IndexByte(s[1:], '\''); i >= 0 {
			return i + 2
		}
		return len(s)
	}
	if i := strings.IndexAny(s, " \t\r\n&\"'`<>;,)"); i >= 0 {
		return i
	}
	return len(s)
}
