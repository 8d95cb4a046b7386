package main

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// screen is what a person sees of a program: it obeys the codes that this
// program sends to a terminal, and complains of any other.
type screen struct {
	width    int
	rows     [][]glyph
	row, col int
	style    string // the colours that are on, as the numbers of the code
	left     string // a code, or a letter, of which only the beginning came
	unknown  []string
}

type glyph struct {
	letter rune
	style  string
}

// Write puts text on the screen.
func (s *screen) Write(b []byte) (int, error) {
	text := s.left + string(b)
	s.left = ""
	for text != "" {
		if text[0] == '\x1b' {
			end := strings.IndexAny(text, "mKABCDHJhl")
			if end < 0 {
				s.left = text
				break
			}
			s.obey(text[1 : end+1])
			text = text[end+1:]
			continue
		}
		if !utf8.FullRuneInString(text) {
			s.left = text
			break
		}
		r, n := utf8.DecodeRuneInString(text)
		s.put(r)
		text = text[n:]
	}
	return len(b), nil
}

func (s *screen) obey(code string) {
	switch {
	case code == "[K":
		row := s.line()
		s.rows[s.row] = row[:min(s.col, len(row))]
	case code == "[0m":
		s.style = ""
	case strings.HasPrefix(code, "[") && strings.HasSuffix(code, "m"):
		s.style = code[1 : len(code)-1]
	default:
		s.unknown = append(s.unknown, code)
	}
}

func (s *screen) line() []glyph {
	for len(s.rows) <= s.row {
		s.rows = append(s.rows, nil)
	}
	return s.rows[s.row]
}

func (s *screen) put(r rune) {
	switch {
	case r == '\r':
		s.col = 0
		return
	case r == '\n':
		s.row++
		return
	case r < ' ':
		s.unknown = append(s.unknown, strconv.QuoteRune(r))
		return
	}
	if s.col == s.width {
		s.row, s.col = s.row+1, 0
	}
	row := s.line()
	for len(row) <= s.col {
		row = append(row, glyph{letter: ' '})
	}
	row[s.col] = glyph{r, s.style}
	s.rows[s.row] = row
	s.col++
}

// text is the screen without its colours.
func (s *screen) text() string { return s.render(func(string) string { return "" }) }

// colored is the screen with its colours spelled.
func (s *screen) colored() string {
	return s.render(func(style string) string { return "{" + style + "}" })
}

func (s *screen) render(code func(style string) string) string {
	var b strings.Builder
	for _, row := range s.rows {
		style := ""
		for len(row) > 0 && row[len(row)-1] == (glyph{letter: ' '}) {
			row = row[:len(row)-1]
		}
		for _, g := range row {
			if g.style != style {
				style = g.style
				b.WriteString(code(style))
			}
			b.WriteRune(g.letter)
		}
		if style != "" {
			b.WriteString(code(""))
		}
		b.WriteByte('\n')
	}
	return b.String()
}
