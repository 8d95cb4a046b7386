// Package draw turns the graph of revisions into a picture: text for a
// terminal, DOT, Mermaid, SVG.
//
// Charter: pictures of a graph, with the state of each revision marked.
// Invariant: a picture is a function of the graph, the marks and the options; a
// name, whatever is in it, is text in the picture and never part of its syntax.
// Example: os.Stdout.WriteString(draw.Text(g, draw.Of(g, applied), draw.Options{}))
package draw

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/bellowsdb/bellows/revision"
)

// Mark is what is known of a revision, several at once.
type Mark uint16

// The marks. Of those that exclude each other the later one is shown.
const (
	Pending Mark = 1 << iota
	Applied
	Running
	Held
	Edited  // the file of an applied one was changed
	Missing // the file of an applied one is gone
	Failed
	Current // nothing is applied on top of it
	Head    // nothing revises it
)

// Marks holds the mark of each revision. One that is in no graph, since its file
// is gone, is drawn apart.
type Marks map[revision.ID]Mark

// Of gives the marks that follow from what is applied: pending, applied,
// current, head.
func Of(g *revision.Graph, applied revision.Set) Marks {
	m := make(Marks, g.Len())
	for r := range g.All() {
		if applied.Has(r.ID) {
			m[r.ID] = Applied
		} else {
			m[r.ID] = Pending
		}
	}
	for _, id := range g.Heads() {
		m[id] |= Head
	}
	for id := range g.Current(applied) {
		m[id] |= Current
	}
	for id := range applied {
		if _, ok := g.Lookup(id); !ok {
			m[id] = Applied | Missing
		}
	}
	return m
}

// Charset says with which characters text is drawn.
type Charset string

// The character sets.
const (
	Unicode Charset = ""
	ASCII   Charset = "ascii"
)

// Options say how to draw; the zero value is good.
type Options struct {
	Charset Charset // for [Text]
	// Paint, when set, is given the sign and the words of each revision by
	// [Text], to colour them. It must keep the text.
	Paint func(m Mark, text string) string
}

// state is how one mark is shown, in order of importance.
type state struct {
	mark        Mark
	word        string
	sign, ascii string
	fill, line  string // colours in DOT and Mermaid
}

// states gives the ways to show a revision, the most important first, and last
// the one for a revision without a mark.
func states() []state {
	return []state{
		{Failed, "failed", "✗", "X", "#fecaca", "#b91c1c"},
		{Missing, "missing", "?", "?", "#f5f5f4", "#78716c"},
		{Edited, "edited", "≠", "!", "#fed7aa", "#c2410c"},
		{Held, "held", "◆", "=", "#e9d5ff", "#7e22ce"},
		{Running, "running", "◐", "~", "#bfdbfe", "#1d4ed8"},
		{Applied, "applied", "●", "*", "#bbf7d0", "#15803d"},
		{Pending, "pending", "○", "o", "#ffffff", "#6b7280"},
		{0, "", "●", "*", "#ffffff", "#374151"},
	}
}

func stateOf(all []state, m Mark) state {
	for _, s := range all {
		if m&s.mark != 0 {
			return s
		}
	}
	return all[len(all)-1]
}

// notes are the words said of a revision besides its id and name.
func notes(r revision.Revision, m Mark, s state) []string {
	var out []string
	if s.mark&(Failed|Missing|Edited|Held|Running) != 0 {
		out = append(out, s.word)
	}
	if m&Head != 0 {
		out = append(out, "head")
	}
	if m&Current != 0 {
		out = append(out, "current")
	}
	if r.Label != "" {
		out = append(out, "label "+clean(r.Label))
	}
	if r.Replaces != nil {
		out = append(out, fmt.Sprintf("replaces %s..%s", clean(string(r.Replaces.From)), clean(string(r.Replaces.To))))
	}
	if len(r.Needs) > 0 {
		var needs []string
		for _, n := range r.Needs {
			needs = append(needs, needText(n))
		}
		out = append(out, "needs "+strings.Join(needs, " "))
	}
	return out
}

func needText(n revision.Need) string {
	if n.Phase == "" {
		return clean(string(n.ID))
	}
	return clean(string(n.ID)) + ":" + clean(string(n.Phase))
}

// strays gives what is marked and neither in the graph nor repeatable, sorted.
func strays(g *revision.Graph, marks Marks) []revision.ID {
	var out []revision.ID
	for id := range maps.Keys(marks) {
		if _, ok := g.Lookup(id); !ok {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, revision.Compare)
	return out
}

// clean makes text safe for a line: what cannot be printed is replaced.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
