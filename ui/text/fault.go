package text

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/ui/answer"
)

// most is how many failures are shown: twenty of a folder, and the line that
// counts the others.
const most = 21

// faults prints what went wrong, in one write.
func (f *Face) faults(all []answer.Fault) {
	if len(all) == 0 {
		return
	}
	var b strings.Builder
	for i, x := range all[:min(len(all), most)] {
		if i > 0 {
			b.WriteByte('\n')
		}
		f.fault(&b, x)
	}
	if rest := len(all) - most; rest > 0 {
		fmt.Fprintf(&b, "\n… and %s\n", many(rest, "more error"))
	}
	_, _ = io.WriteString(f.o.Err, fault.Redact(b.String()))
}

func (f *Face) fault(b *strings.Builder, x answer.Fault) {
	fmt.Fprintf(b, "%s %s\n", f.err.red("error:"), f.err.bold(indentRest(lines(x.Message), "  ")))
	if x.Pos != nil {
		f.place(b, *x.Pos)
	}
	if x.Hint != "" {
		fmt.Fprintf(b, "%s %s\n", f.err.cyan("hint:"), indentRest(lines(x.Hint), "  "))
	}
	fmt.Fprintf(b, "%s %s\n", f.err.dim("code:"), x.Code)
}

// place prints where: the position, the source line, a caret under the column.
func (f *Face) place(b *strings.Builder, pos fault.Pos) {
	if s := pos.String(); s != "" {
		fmt.Fprintf(b, "  at %s\n", clean(s))
	}
	if strings.TrimSpace(pos.Text) == "" || pos.Line <= 0 {
		return
	}
	source, pad := window(pos.Text, pos.Column, f.source())
	number := fmt.Sprintf("%6s", strconv.Itoa(pos.Line))
	fmt.Fprintf(b, "%s %s\n", f.err.dim(number+" |"), source)
	if pos.Column > 0 {
		fmt.Fprintf(b, "%s %s%s\n", f.err.dim("       |"), pad, f.err.red("^"))
	}
}

// source is how much of a source line is shown: as much as the terminal has
// beside the line's number and the marks of what is left out.
func (f *Face) source() int {
	if f.o.Width == 0 {
		return 100
	}
	return max(f.o.Width-13, 20)
}

// window is the part of a source line around a column (counted from 1, in
// characters) that fits the width, and what stands under it before the caret.
func window(text string, column, width int) (source, pad string) {
	runes := []rune(text)
	start, end := 0, len(runes)
	if len(runes) > width {
		start = min(max(0, column-1-width/2), max(0, len(runes)-width))
		end = min(len(runes), start+width)
	}
	source = strings.TrimRight(oneLine(string(runes[start:end])), " ")
	lead := ""
	if start > 0 {
		lead = "… "
	}
	if end < len(runes) {
		source += " …"
	}
	if column <= 0 {
		return lead + source, ""
	}
	before := string(runes[start:max(start, min(column-1, len(runes)))])
	return lead + source, strings.Repeat(" ", cells(lead)+cells(oneLine(before)))
}

// oneLine is clean, with a tab as four blanks so that a caret finds its column.
func oneLine(s string) string { return clean(strings.ReplaceAll(s, "\t", "    ")) }
