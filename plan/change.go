package plan

import (
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
)

// change shows a change: the statements of its file with the phase each belongs
// to, and what is derived of them. Going down is decided by how far it is, which
// only the database knows.
func (b *builder) change() error {
	b.step.Tx = TxChange
	c := b.step.Script.Change
	if c == nil {
		return fault.At(fault.Pos{File: b.step.Revision.File}, fault.Internal, "%s is a change without one", b.step.Revision.ID)
	}
	if b.step.Move.Direction == revision.Down {
		b.note(fault.Pos{}, "a change goes down by how far it is: aborted before the contract, undone and aborted after it")
		return nil
	}
	var written []Statement
	for _, s := range []struct {
		phase revision.Phase
		sec   *revision.Section
	}{{revision.Expand, &c.Expand}, {revision.Contract, c.Contract}} {
		if s.sec == nil {
			continue
		}
		step, err := b.part(*s.sec)
		if err != nil {
			return err
		}
		for _, st := range step.Statements {
			st.Phase = s.phase
			written = append(written, st)
		}
		b.step.Notes = append(b.step.Notes, step.Notes...)
	}
	b.step.Statements = written
	if err := b.readable(b.step.Script.Down); err != nil || b.derive == nil {
		return err
	}
	all, notes, err := b.derive(b.step.Revision, b.step.Script, written)
	if err != nil {
		return err
	}
	b.step.Statements = all
	b.step.Notes = append(b.step.Notes, notes...)
	return nil
}

// part is a section of a change as a step of its own.
func (b *builder) part(sec revision.Section) (Step, error) {
	p := builder{reader: b.reader, text: b.text, step: Step{Move: b.step.Move, Revision: b.step.Revision, Script: b.step.Script}}
	var err error
	if p.step.Statements, err = p.cut(sec); err != nil {
		return p.step, err
	}
	p.rebuilds()
	if len(p.step.Statements) == 0 {
		p.step.Tx = TxNone
		return p.step, nil
	}
	err = p.transact(sec)
	return p.step, err
}

// Section makes a step of one section of a change, to be carried out by itself.
func Section(rev revision.Revision, s revision.Script, sec revision.Section, r Reader) (Step, error) {
	b := builder{reader: r, step: Step{Move: revision.Move{ID: rev.ID, Direction: revision.Up}, Revision: rev, Script: s}}
	return b.part(sec)
}
