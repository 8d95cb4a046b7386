package run

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/bellowsdb/bellows/db"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
)

// explain turns a server's error into a fault without a place.
func explain(err error, while string) error {
	var e *db.Error
	if !errors.As(err, &e) {
		return err
	}
	f := fault.New(e.Code, "%s", fault.Redact(e.Error())).While("%s", while).Because(err)
	if e.Class == db.Refused {
		f.Code = fault.Denied
		f.Hint = "this user may not do that; the ledger needs the right to create tables once, and to read and write them after"
	}
	if e.Hint != "" {
		f.Hint = e.Hint
	}
	return f
}

// locate turns a server's error about a statement into a fault with its place.
func locate(err error, s *plan.Statement) *fault.Error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	var e *db.Error
	if !errors.As(err, &e) {
		return fault.At(s.Pos, fault.Failed, "%s", err.Error()).Because(err)
	}
	f = fault.At(place(s, e.Offset), e.Code, "%s", fault.Redact(e.Error())).Because(err)
	f.Hint = e.Hint
	if f.Hint == "" && e.Class == db.Refused {
		f.Hint = "this user may not do that: grant the right, or use a URL with a user who has it"
	}
	return f
}

// place is where a byte offset of a statement stands in its file.
func place(s *plan.Statement, offset int) fault.Pos {
	if offset < 0 || offset > len(s.SQL) || s.At.Line == 0 {
		return withText(s.Pos, s, codeOffset(s))
	}
	pos := s.At
	before := s.SQL[:offset]
	if n := strings.Count(before, "\n"); n > 0 {
		pos.Line += n
		pos.Column = 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	} else {
		pos.Column += utf8.RuneCountInString(before)
	}
	return withText(pos, s, offset)
}

// codeOffset is the offset of the statement's code, behind its comments.
func codeOffset(s *plan.Statement) int {
	lines := s.Pos.Line - s.At.Line
	offset := 0
	for ; lines > 0; lines-- {
		i := strings.IndexByte(s.SQL[offset:], '\n')
		if i < 0 {
			return 0
		}
		offset += i + 1
	}
	return offset
}

// withText adds the source line, as far as the statement shows it.
func withText(pos fault.Pos, s *plan.Statement, offset int) fault.Pos {
	if pos.Text != "" || pos.Line == 0 {
		return pos
	}
	if pos.Line == s.Pos.Line && s.Pos.Text != "" {
		pos.Text = s.Pos.Text
		return pos
	}
	start := strings.LastIndexByte(s.SQL[:offset], '\n') + 1
	if start == 0 && s.At.Column > 1 {
		return pos
	}
	line := s.SQL[start:]
	if i := strings.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	if len(line) > 300 {
		line = line[:300]
	}
	pos.Text = strings.ToValidUTF8(line, "")
	return pos
}

// interrupted is interrupted with what this run has done so far.
func (w *work) interrupted(ctx context.Context) error {
	return interrupted(ctx, len(w.report.Applied)+len(w.report.Reverted))
}

// orInterrupted is err, or that the run was told to stop when that is its cause.
func (w *work) orInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && (classOf(err) == db.Canceled || errors.Is(err, context.Canceled)) {
		return w.interrupted(ctx)
	}
	return err
}

func doneBefore(n int) string {
	switch n {
	case 0:
		return "no migration was done before"
	case 1:
		return "1 migration was done before and is recorded"
	}
	return fault.Count(n, "migration") + " were done before and are recorded"
}

// interrupted is what a run that was told to stop gives.
func interrupted(ctx context.Context, done int) error {
	if cause := context.Cause(ctx); fault.Has(cause, fault.LockLost) {
		return cause
	}
	return fault.New(fault.Interrupted, "interrupted; %s", doneBefore(done)).
		Because(ctx.Err()).Try("the same command continues")
}
