// Package json is the face for programs: one JSON object per line.
//
// Charter: spells events, answers and failures as docs/json.md says.
// Invariant: every line is one object with "type" and "v"; the last one of a
// command is the only one with type "result"; a key, once there, keeps its
// name, its type and its meaning.
// Example: face := json.New(json.Options{Out: os.Stdout}); face.Finish(answer.Outcome{Verb: "up", Answer: run})
package json

import (
	"bytes"
	"encoding/json"
	"io"
	"time"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/ui/answer"
)

// Version is the "v" of every object.
const Version = 1

// Options say where to write. Verbose adds an object for each statement.
type Options struct {
	Out     io.Writer
	Verbose bool
}

// Face prints for programs. It is not safe for use by several goroutines.
type Face struct{ o Options }

// New makes a face.
func New(o Options) *Face { return &Face{o: o} }

// Say drops the small talk: a program reads events.
func (f *Face) Say(string, ...any) {}

// Finish prints an object for each failure, then the result, which is the last line.
func (f *Face) Finish(o answer.Outcome) {
	for _, x := range answer.Faults(o.Err) {
		f.write(failureOf(x))
	}
	h := result{Type: "result", V: Version, Verb: o.Verb, OK: o.Exit == 0, Exit: o.Exit}
	f.write(resultOf(h, o))
}

// write prints one object as one line, in one write.
func (f *Face) write(v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err == nil {
		_, _ = f.o.Out.Write(b.Bytes())
	}
}

type failure struct {
	Type    string `json:"type"`
	V       int    `json:"v"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
}

func failureOf(x answer.Fault) failure {
	f := failure{Type: "error", V: Version, Code: string(x.Code), Message: x.Message, Hint: x.Hint}
	if x.Pos != nil {
		f.File, f.Line, f.Column = x.Pos.File, x.Pos.Line, x.Pos.Column
	}
	return f
}

// list is never null.
func list[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

// words are strings of any kind as strings.
func words[T ~string](all []T) []string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = string(s)
	}
	return out
}

// convert makes a list of another kind, never null.
func convert[T, U any](all []T, f func(T) U) []U {
	out := make([]U, len(all))
	for i, x := range all {
		out[i] = f(x)
	}
	return out
}

// at is a point in time as RFC 3339 in UTC, null for none.
func at(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
	return &s
}

func clean(s string) string { return fault.Redact(s) }
