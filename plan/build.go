package plan

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/sqltext"
)

// Options change how a plan is built. The zero value is the usual.
type Options struct {
	// Text is how the server reads SQL; its File and FirstLine are not used.
	Text sqltext.Options
	// Derive gives what the phases of a change run that its file does not say, and
	// the order of it all; nil leaves that out.
	Derive func(rev revision.Revision, s revision.Script, written []Statement) ([]Statement, []string, error)
}

// Build makes the steps of the moves, in their order, by cutting and
// classifying their scripts; From and To stay empty. script gives what is known
// of a revision and is called once for each move, for no other revision.
//
// The first thing that cannot be run as written is the error, so a plan that
// was built has passed: text that cannot be cut (fault.SQLText), a statement
// that cannot run in the transaction it would be in, or schema and data in one
// native migration (fault.Finding), a way back that does not exist
// (fault.Irreversible), a check that is no query (fault.Syntax). An error of
// script or of Derive is returned as it is.
func Build(moves []revision.Move, script func(revision.ID) (revision.Revision, revision.Script, error), r Reader, o Options) (Plan, error) {
	p := Plan{Steps: make([]Step, 0, len(moves))}
	for _, m := range moves {
		rev, sc, err := script(m.ID)
		if err != nil {
			return Plan{}, err
		}
		b := builder{reader: r, text: o.Text, derive: o.Derive, step: Step{Move: m, Revision: rev, Script: sc}}
		if err := b.build(); err != nil {
			return Plan{}, err
		}
		p.Steps = append(p.Steps, b.step)
	}
	return p, nil
}

// builder makes one step.
type builder struct {
	reader Reader
	text   sqltext.Options
	derive func(revision.Revision, revision.Script, []Statement) ([]Statement, []string, error)
	step   Step
}

func (b *builder) build() error {
	if b.step.Revision.Kind == revision.Change {
		return b.change()
	}
	section, err := b.section()
	if err != nil {
		return err
	}
	if err := b.readable(b.step.Script.Down); err != nil {
		return err
	}
	if b.step.Script.Fill != nil && section != nil && strings.Contains(section.SQL, chunkMark) {
		return b.chunks(*section)
	}
	if b.step.Script.Go {
		b.step.Tx = TxOne
		return nil
	}
	if section != nil {
		if b.step.Statements, err = b.cut(*section); err != nil {
			return err
		}
		b.rebuilds()
	}
	if b.step.Move.Direction == revision.Up {
		if err := b.checks(); err != nil {
			return err
		}
	}
	if section == nil || len(b.step.Statements) == 0 {
		b.step.Tx = TxNone
		if len(b.step.Checks) > 0 {
			b.step.Tx = TxOne
		}
		return nil
	}
	if err := b.apart(*section); err != nil {
		return err
	}
	return b.transact(*section)
}

// chunkMark stands for the rows of a chunk, and chunkAny for any rows, in as
// many bytes, so that places stay right.
const (
	chunkMark = ":chunk"
	chunkAny  = "(1 =1)"
)

// chunks is a section that runs in chunks: what its statements do is known from
// the text with a condition in the place of the mark, what is shown is as written.
func (b *builder) chunks(sec revision.Section) error {
	written := sec.SQL
	sec.SQL = strings.ReplaceAll(written, chunkMark, chunkAny)
	sts, err := b.cut(sec)
	if err != nil {
		return err
	}
	for i := range sts {
		sts[i].SQL = strings.ReplaceAll(sts[i].SQL, chunkAny, chunkMark)
	}
	b.step.Statements, b.step.Tx = sts, TxChunks
	if b.step.Move.Direction != revision.Up {
		return nil
	}
	if err := b.logic(*b.step.Script.Fill); err != nil {
		return err
	}
	return b.checks()
}

// logic is the part of a backfill whose rows SQL does not work out: who does, and
// the statement that writes them. What that does is known from the text with
// parameters as the server knows them, of as many bytes; what is shown is as written.
func (b *builder) logic(f revision.FillSpec) error {
	switch {
	case f.Write == nil:
		return nil
	case f.Program != "":
		b.step.Notes = append(b.step.Notes, "rows are worked out by the program "+f.Program)
	default:
		b.step.Notes = append(b.step.Notes, "rows are worked out by the Go function "+f.Function)
	}
	masked := *f.Write
	masked.SQL = maskParams(f.Write.SQL)
	sts, err := b.cut(masked)
	if err != nil {
		return err
	}
	from := 0
	for i := range sts {
		if at := strings.Index(masked.SQL[from:], sts[i].SQL); at >= 0 {
			from += at
			sts[i].SQL = f.Write.SQL[from : from+len(sts[i].SQL)]
		}
	}
	b.step.Statements = append(b.step.Statements, sts...)
	return nil
}

// maskParams puts $01 in the place of each :name, with as many noughts as it takes.
func maskParams(sql string) string {
	out := []byte(sql)
	named := func(c byte) bool {
		return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
	}
	for i := 0; i+1 < len(out); i++ {
		if out[i] != ':' || !named(out[i+1]) || i > 0 && out[i-1] == ':' {
			continue
		}
		for out[i] = '$'; i+1 < len(out) && named(out[i+1]); i++ {
			out[i+1] = '0'
		}
		out[i] = '1'
	}
	return string(out)
}

// section is the SQL of the move's direction; nil when there is none to run.
func (b *builder) section() (*revision.Section, error) {
	rev, sc := b.step.Revision, b.step.Script
	if b.step.Move.Direction != revision.Down {
		if sc.Fill != nil {
			return &sc.Fill.Body, nil
		}
		return sc.Up, nil
	}
	at := WayBack(rev, sc)
	if sc.Irreversible != nil {
		why := ""
		if *sc.Irreversible != "" {
			why = ": " + *sc.Irreversible
		}
		return nil, fault.At(at, fault.Irreversible, "%s %s is declared irreversible%s", rev.ID, rev.Name, why).
			Try("write a new migration that undoes what is left to undo, and go up")
	}
	if sc.Down == nil && !sc.Go {
		hint := "write its down file"
		if rev.Native {
			hint = `add a "-- migrate:down" section, or say there is no way back: -- migrate:down irreversible "why"`
		}
		return nil, fault.At(at, fault.Irreversible, "%s %s has no way down", rev.ID, rev.Name).Try("%s", hint)
	}
	return sc.Down, nil
}

// WayBack is where a revision's file says how to go back, or that there is no
// way, or where that would stand.
func WayBack(rev revision.Revision, sc revision.Script) fault.Pos {
	switch {
	case sc.Irreversible != nil && sc.IrreversibleAt.Line > 0:
		return sc.IrreversibleAt
	case sc.Down != nil && sc.Down.At.Line > 0:
		return sc.Down.At
	case sc.Irreversible == nil && rev.Native && sc.Up != nil && sc.Up.At.Line > 0:
		return newPlacer(*sc.Up).at(len(sc.Up.SQL))
	}
	return fault.Pos{File: rev.File}
}

// cut gives the statements of a section, classified and placed. What is
// skipped is noted.
func (b *builder) cut(sec revision.Section) ([]Statement, error) {
	out := make([]Statement, 0, min(strings.Count(sec.SQL, ";"), 16))
	o := b.text
	o.File, o.FirstLine = sec.At.File, max(sec.At.Line, 1)
	place := newPlacer(sec)
	for piece, err := range b.reader.Split(sec.SQL, o) {
		if err != nil {
			return nil, place.shift(err)
		}
		switch piece.Kind {
		case sqltext.Blank:
			continue
		case sqltext.Note:
			pos := place.at(piece.Code)
			b.note(pos, "skipped: %s", short(piece.Text))
			continue
		}
		st := Statement{SQL: piece.Text, Kind: piece.Kind, LockTimeout: sec.LockTimeout, Timeout: sec.StatementTimeout}
		st.At = place.at(piece.TextAt)
		st.Pos = place.at(piece.Code)
		st.Pos.Text = place.line(piece.Code)
		if piece.Kind == sqltext.Copy {
			st.Data = sec.SQL[piece.DataStart:piece.DataEnd]
		}
		st.Effect = b.reader.Classify(piece.Text)
		if st.Effect.Skip != "" {
			b.note(st.Pos, "skipped: %s, %s", verb(st), st.Effect.Skip)
			continue
		}
		out = append(out, st)
	}
	return out, nil
}

// readable demands that the way down of what goes up can be cut: once it is
// applied it is too late to find out.
func (b *builder) readable(down *revision.Section) error {
	if down == nil || b.step.Move.Direction != revision.Up || !b.step.Revision.Native {
		return nil
	}
	o := b.text
	o.File, o.FirstLine = down.At.File, max(down.At.Line, 1)
	for _, err := range b.reader.Split(down.SQL, o) {
		if err != nil {
			return newPlacer(*down).shift(err)
		}
	}
	return nil
}

// checks cuts the check sections; each statement of them must be a query.
func (b *builder) checks() error {
	for _, sec := range b.step.Script.Check {
		sts, err := b.cut(sec)
		if err != nil {
			return err
		}
		for _, st := range sts {
			if st.Effect.Class == Query {
				continue
			}
			return fault.At(st.Pos, fault.Syntax, "a check must be a query, and %s is none", verb(st)).
				Try("write a SELECT that returns no rows when all is well")
		}
		b.step.Checks = append(b.step.Checks, sts...)
	}
	return nil
}

func (b *builder) note(at fault.Pos, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if place := at.String(); place != "" {
		text = place + ": " + text
	}
	b.step.Notes = append(b.step.Notes, text)
}

// verb is what to call a statement in a sentence.
func verb(st Statement) string {
	if st.Effect.Verb != "" {
		return st.Effect.Verb
	}
	return `"` + short(st.SQL) + `"`
}

// short is the first line of text, or the first forty characters of it.
func short(text string) string {
	n := 0
	for i, c := range text {
		if n == 40 || c == '\n' || c == '\r' {
			return text[:i] + "…"
		}
		n++
	}
	return text
}

// asFault is the fault in err's chain, or nil.
func asFault(err error) *fault.Error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	return nil
}
