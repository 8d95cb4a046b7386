package main

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"strings"
	"testing"
	"time"

	"github.com/bellowsdb/bellows"
	"github.com/bellowsdb/bellows/event"
	"github.com/bellowsdb/bellows/internal/testdb"
	"github.com/bellowsdb/bellows/ui/answer"
	"github.com/bellowsdb/bellows/ui/text"
)

// TestPicture draws the picture in README: what people see of plan, up and
// status on PostgreSQL, with the files of examples/posts. Only times and the
// database's name are made up.
func TestPicture(t *testing.T) {
	ctx, x := context.Background(), &screen{width: 100}
	m, err := bellows.Open(ctx, testdb.Postgres(t), bellows.Options{Dir: "../../examples/posts/migrations", Sink: clockwork(x)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	if _, err := m.Up(ctx, "create_posts"); err != nil {
		t.Fatal(err)
	}
	*x = screen{width: x.width}

	const on = "postgres://db/app"
	prompt(x, "plan")
	p, err := m.PlanUp(ctx, bellows.Request{})
	finish(t, x, answer.Outcome{Verb: "plan", Answer: answer.Plan{Preview: p, On: on}, Err: err})
	prompt(x, "up")
	report, err := m.Up(ctx, bellows.Head)
	report.Duration = 9 * time.Millisecond // to begin and to end
	for _, id := range report.Applied {
		report.Duration += ticks(id)
	}
	finish(t, x, answer.Outcome{Verb: "up", Answer: answer.Run{Report: report}, Err: err})
	prompt(x, "status")
	s, err := m.Status(ctx)
	for i := range s.Revisions {
		s.Revisions[i].AppliedAt, s.Revisions[i].Duration = time.Date(2026, 11, 20, 10, 15, 0, 0, time.UTC), ticks(s.Revisions[i].ID)
	}
	finish(t, x, answer.Outcome{Verb: "status", Answer: answer.Status{Status: s, On: on}, Err: err})
	golden(t, "../../docs/up.svg", x.svg("bellows plan, up and status on a terminal"))
}

// clockwork shows events in which each migration takes a time of its own.
func clockwork(x *screen) event.Sink {
	face := faceOn(x)
	return event.SinkFunc(func(e event.Event) {
		if done, ok := e.(event.MigrationDone); ok {
			done.Duration = ticks(done.ID)
			e = done
		}
		face.Event(e)
	})
}

// ticks is a time that is always the same.
func ticks(id string) time.Duration { return time.Duration(id[7]-'0'+2) * 2 * time.Millisecond }

func faceOn(x *screen) *text.Face {
	return text.New(text.Options{Out: lines{x}, Err: lines{x}, OutColor: true, ErrColor: true, Motion: true, Width: x.width})
}

// lines is a terminal as programs see it: a line's end goes to the next line's beginning.
type lines struct{ x *screen }

func (l lines) Write(b []byte) (int, error) {
	_, err := l.x.Write(bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")))
	return len(b), err
}

func prompt(x *screen, verb string) {
	space := "\n"
	if len(x.rows) == 0 {
		space = ""
	}
	_, _ = lines{x}.Write([]byte(space + "\x1b[2m$ \x1b[0m\x1b[1mbellows " + verb + "\x1b[0m\n"))
}

func finish(t *testing.T, x *screen, o answer.Outcome) {
	t.Helper()
	if o.Err != nil {
		t.Fatal(o.Err)
	}
	faceOn(x).Finish(o)
}

// The measures of the picture, in pixels.
const (
	cellWidth, cellHeight = 7.83, 19.0 // of a 13-pixel monospace font
	frameWidth            = 18.0
)

// pictureStyle has light and dark as the page has.
const pictureStyle = `
.bg{fill:#f8fafc;stroke:#cbd5e1}
text{font:13px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#1f2937;white-space:pre}
.s1{font-weight:bold}
.s2{fill:#6b7280}
.s32{fill:#15803d}
.s33{fill:#a16207}
.s36{fill:#0e7490}
@media (prefers-color-scheme:dark){
.bg{fill:#0d1117;stroke:#30363d}
text{fill:#e5e7eb}
.s2{fill:#9ca3af}
.s32{fill:#4ade80}
.s33{fill:#facc15}
.s36{fill:#22d3ee}
}
`

// svg draws the screen; label is for those who cannot see it.
func (s *screen) svg(label string) string {
	columns := 0
	for _, row := range s.rows {
		columns = max(columns, len(row))
	}
	width, height := float64(columns)*cellWidth+2*frameWidth, float64(len(s.rows))*cellHeight+2*frameWidth
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" role="img" aria-label="%s">`, width, height, width, height, label)
	fmt.Fprintf(&b, "\n<style>%s</style>\n<rect class=\"bg\" x=\"0.5\" y=\"0.5\" width=\"%.0f\" height=\"%.0f\" rx=\"8\"/>\n", pictureStyle, width-1, height-1)
	for y, row := range s.rows {
		for start := 0; start < len(row); {
			end := start
			for end < len(row) && row[end].style == row[start].style {
				end++
			}
			pen(&b, row[start:end], start, y)
			start = end
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// pen writes the words of a run of glyphs, each at its own place, so that columns
// stand below each other in any font.
func pen(b *strings.Builder, run []glyph, x, y int) {
	for i := 0; i < len(run); i++ {
		if run[i].letter == ' ' {
			continue
		}
		word := ""
		for j := i; j < len(run) && (run[j].letter != ' ' || j+1 < len(run) && run[j+1].letter != ' '); j++ {
			word += string(run[j].letter)
		}
		n := len([]rune(word))
		class := ""
		if run[i].style != "" {
			class = ` class="s` + run[i].style + `"`
		}
		fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%.1f\" textLength=\"%.1f\"%s>%s</text>\n", frameWidth+float64(x+i)*cellWidth, frameWidth+float64(y)*cellHeight+14, float64(n)*cellWidth, class, html.EscapeString(word))
		i += n
	}
}
