package backfill

import (
	"strings"
	"time"

	"github.com/bellowsdb/bellows/backfill/limit"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/sqltext"
)

// Task is what a backfill does in one direction, read and found in order.
type Task struct {
	Revision  revision.ID
	Direction revision.Direction
	Table     plan.Name // as the server folds it
	Columns   []string  // the key the author asked for
	Body      []Statement
	Checks    []Query
	Spec      revision.FillSpec
	// Lock is how long a statement may wait for a lock, Limit how long each may
	// take, CheckLimit how long a check may; 0 the usual.
	Lock, Limit, CheckLimit time.Duration
	// Logic is set where a program or a function works out the rows: then Body is
	// the query that reads them.
	Logic *Logic
}

// Repeats tells whether every statement passes over rows that it has changed.
func (t Task) Repeats() bool {
	for _, s := range t.Body {
		if !s.Repeats {
			return false
		}
	}
	return len(t.Body) > 0
}

// Placeholder stands for the rows of a chunk.
const Placeholder = ":chunk"

// Chunked tells whether a section of SQL has a placeholder anywhere, so that it
// is to be run in chunks.
func Chunked(l Language, sql string) bool {
	for t := range l.Tokens(sql) {
		if t.Kind == sqltext.Param && sql[t.Start:t.End] == Placeholder {
			return true
		}
	}
	return false
}

// Read makes a task of a script. Errors have a place: a statement without the
// placeholder or with two, one that is no change of rows, one in which the
// placeholder does not hold back the statement, or a table that is not there.
func Read(l Language, script revision.Script, direction revision.Direction) (Task, error) {
	if script.Fill == nil {
		return Task{}, fault.New(fault.Internal, "%s has no backfill", script.Revision)
	}
	t := Task{Revision: script.Revision, Direction: direction, Spec: *script.Fill, Columns: script.Fill.Key}
	section := script.Fill.Body
	if direction == revision.Down {
		if script.Down == nil {
			return t, fault.At(script.Fill.At, fault.Irreversible, "%s has no way down", script.Revision)
		}
		section = *script.Down
	}
	named := l.Classify("DELETE FROM " + t.Spec.Table).Changes
	if len(named) != 1 || !isName(l, t.Spec.Table) {
		return t, fault.At(t.Spec.At, fault.Syntax, "table:%s is no name of a table", t.Spec.Table).
			Try("write it as in SQL, such as table:posts or table:public.posts")
	}
	t.Table = named[0]
	if err := readLimits(l, t.Spec); err != nil {
		return t, err
	}
	t.Lock, t.Limit = section.LockTimeout, section.StatementTimeout
	if direction == revision.Up && script.Fill.Write != nil {
		if err := readLogic(l, &t, script); err != nil {
			return t, err
		}
		return t, t.readChecks(l, script.Check)
	}
	pieces, err := cut(l, section)
	if err != nil {
		return t, err
	}
	for _, p := range pieces {
		s, err := readStatement(l, t.Table, p)
		if err != nil {
			return t, err
		}
		s.Repeats = s.Repeats || t.Spec.Repeats
		t.Body = append(t.Body, s)
	}
	if len(t.Body) == 0 {
		return t, fault.At(section.At, fault.Syntax, "the backfill is empty").Try("write UPDATE … WHERE … AND :chunk")
	}
	if direction == revision.Down {
		return t, nil
	}
	return t, t.readChecks(l, script.Check)
}

// readLimits refuses limits that are none, and a query that would change something.
func readLimits(l Language, spec revision.FillSpec) error {
	for _, name := range limit.Shared() {
		value, ok := spec.Limits[name]
		if !ok {
			continue
		}
		if wrong, hint := limit.Check(name, value); wrong != "" {
			return fault.At(spec.At, fault.Syntax, "option %s %s, but says %q", name, wrong, value).Try("%s", hint)
		}
		if name == limit.SQL && value != limit.Off && value != limit.Usual && l.Classify(value).Class != plan.Query {
			return fault.At(spec.At, fault.Syntax, "option sql is a query, but says %q", value).
				Try("write a SELECT that gives a number above 0 while the backfill is to wait, or the number and the most it may be")
		}
	}
	return nil
}

// readChecks reads the checks of the author or, without any, derives them.
func (t *Task) readChecks(l Language, sections []revision.Section) error {
	for _, sec := range sections {
		t.CheckLimit = max(t.CheckLimit, sec.StatementTimeout)
		pieces, err := cut(l, sec)
		if err != nil {
			return err
		}
		for _, p := range pieces {
			if p.effect.Class != plan.Query {
				return fault.At(p.pos, fault.Syntax, "a check must be a query, and %s is none", verb(p)).
					Try("write a SELECT that returns no rows when all is well")
			}
			t.Checks = append(t.Checks, readQuery(l, t.Table, p))
		}
	}
	if len(t.Checks) > 0 {
		return nil
	}
	for _, s := range t.Body {
		if s.left != nil {
			t.Checks = append(t.Checks, derived(s))
		}
	}
	return nil
}

// isName tells whether a text is nothing but names joined by dots.
func isName(l Language, text string) bool {
	t := readTree(l, text)
	for i := range t.toks {
		if i%2 == 0 && !t.isName(i) || i%2 == 1 && t.text(i) != "." {
			return false
		}
	}
	return len(t.toks)%2 == 1
}

// piece is one statement of a section with its places.
type piece struct {
	text   string
	pos    fault.Pos // of its first code character
	at     func(offset int) fault.Pos
	effect plan.Effect
}

func cut(l Language, sec revision.Section) ([]piece, error) {
	o := sqltext.Options{File: sec.At.File, FirstLine: max(sec.At.Line, 1)}
	places := sqltext.NewPlaces(sec.SQL, o)
	var out []piece
	for p, err := range l.Split(sec.SQL, o) {
		if err != nil {
			return nil, err
		}
		switch p.Kind {
		case sqltext.Blank, sqltext.Note:
			continue
		case sqltext.Copy:
			return nil, fault.At(places.Pos(p.Code), fault.Syntax, "COPY data has no place in a backfill")
		}
		at := func(offset int) fault.Pos { return places.Pos(p.TextAt + offset) }
		out = append(out, piece{text: p.Text, pos: places.Pos(p.Code), at: at, effect: l.Classify(p.Text)})
	}
	return out, nil
}

func verb(p piece) string {
	if p.effect.Verb != "" {
		return p.effect.Verb
	}
	return "this"
}

// mustChangeRows refuses what has no place in a chunk's transaction.
func mustChangeRows(p piece) error {
	switch p.effect.Class {
	case plan.Rows, plan.Query, plan.Other, plan.Routine:
		return nil
	case plan.DDL:
		return fault.At(p.pos, fault.Finding, "a backfill changes rows, and %s changes the schema", verb(p)).
			Try("put it into a schema migration before this one")
	case plan.Begin, plan.Commit, plan.Rollback, plan.Savepoint:
		return fault.At(p.pos, fault.Finding, "each chunk is a transaction of its own, and %s would end it", verb(p)).Try("remove it")
	}
	return fault.At(p.pos, fault.Finding, "a backfill changes rows, and %s does not", verb(p)).Try("remove it")
}

// spelled joins tokens, silent ones left out, in capitals where they are words.
func spelled(sql string, tokens []sqltext.Token) string {
	var b strings.Builder
	for i, t := range tokens {
		if i > 0 {
			b.WriteByte(' ')
		}
		word := sql[t.Start:t.End]
		if t.Kind == sqltext.Word {
			word = strings.ToUpper(word)
		}
		b.WriteString(word)
	}
	return b.String()
}
