package revision

import (
	"cmp"
	"strings"
	"time"
	"unicode"
)

// Compare orders ids: a run of digits counts as one number, everything else
// byte by byte, a number before any other byte, and ids that are equal so far
// (1 and 01) as text. It gives -1, 0 or 1 and is a total order, also over a mix
// of 9, 10 and 10a, or of 1.9 and 1.10.
func Compare(a, b ID) int {
	x, y := string(a), string(b)
	for {
		i := 0
		for i < len(x) && i < len(y) && x[i] == y[i] {
			i++
		}
		if !digitAt(x, i) && !digitAt(y, i) {
			if i == len(x) && i == len(y) {
				return cmp.Compare(a, b)
			}
			return cmp.Compare(x[i:], y[i:])
		}
		if end := runEnd(x, i); end > i && end == runEnd(y, i) {
			return cmp.Compare(x[i], y[i]) // as many digits: the first that differs tells
		}
		for i > 0 && digitAt(x, i-1) {
			i--
		}
		ex, ey := runEnd(x, i), runEnd(y, i)
		if ex == i || ey == i {
			return compareNoRun(x[i:], y[i:])
		}
		if c := compareNumbers(x[i:ex], y[i:ey]); c != 0 {
			return c
		}
		x, y = x[ex:], y[ey:]
	}
}

// compareNoRun compares where exactly one of the two begins with a digit.
func compareNoRun(x, y string) int {
	switch {
	case x == "":
		return -1
	case y == "":
		return 1
	case digitAt(x, 0):
		return -1
	}
	return 1
}

func digitAt(s string, i int) bool { return i < len(s) && s[i] >= '0' && s[i] <= '9' }

func runEnd(s string, i int) int {
	for digitAt(s, i) {
		i++
	}
	return i
}

// compareNumbers compares texts of digits as numbers of any length.
func compareNumbers(x, y string) int {
	x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
	if c := cmp.Compare(len(x), len(y)); c != 0 {
		return c
	}
	return cmp.Compare(x, y)
}

// Less tells whether a sorts before b, in the order of [Compare].
func Less(a, b ID) bool { return Compare(a, b) < 0 }

// NewID is the id of a file made at t: YYYYMMDDHHMMSS in UTC.
func NewID(t time.Time) ID { return ID(t.UTC().Format("20060102150405")) }

// FreeID is the id of a new file made at t: [NewID], or that of the first later
// second which no revision of the folder has, squashed ones included.
func (g *Graph) FreeID(t time.Time) ID {
	for {
		id := NewID(t)
		if !g.takes(id) {
			return id
		}
		t = t.Add(time.Second)
	}
}

func (g *Graph) takes(id ID) bool {
	if _, ok := g.find(id); ok {
		return true
	}
	if g.home == nil {
		return false
	}
	_, ok := g.home.full.find(id)
	_, replaced := g.home.replacedBy(id)
	return ok || replaced
}

// slugLimit keeps file names well under the 255 bytes file systems allow.
const slugLimit = 100

// Slug makes the name part of a file name from what a person wrote: lower case
// letters and digits joined by underscores, "AddUserEmail" and "add user-email"
// alike becoming add_user_email. It is empty when text has no letter or digit.
func Slug(text string) string {
	var b strings.Builder
	var last rune // 0 before the first word and between words
	for _, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			last = 0
			continue
		}
		humps := unicode.IsUpper(r) && last != 0 && !unicode.IsUpper(last)
		if b.Len() > 0 && (last == 0 || humps) {
			b.WriteByte('_')
		}
		if b.Len() >= slugLimit {
			break
		}
		b.WriteRune(unicode.ToLower(r))
		last = r
	}
	return strings.TrimRight(b.String(), "_")
}
