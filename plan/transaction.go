package plan

import (
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/revision"
)

// whyEach is said where each statement stands alone because of the database.
const whyEach = "this database commits at each schema statement"

// transact decides how the statements share transactions, and refuses what the
// database would refuse in the middle.
func (b *builder) transact(sec revision.Section) error {
	mode := sec.Tx
	if mode == revision.TxDefault && !b.step.Revision.Native {
		mode = revision.TxClient
	}
	switch {
	case mode == revision.TxEach:
		return b.each("transaction:false")
	case !b.reader.RollsBackDDL():
		return b.plainRows()
	case mode == revision.TxClient:
		return b.client()
	}
	return b.one()
}

// one puts all statements into one transaction.
func (b *builder) one() error {
	b.step.Tx = TxOne
	for _, st := range b.step.Statements {
		e := st.Effect
		switch {
		case e.NoTx != "" && e.Ignored && !b.step.Revision.Native:
			b.note(st.Pos, "%s has no effect here: %s", verb(st), e.NoTx)
		case e.NoTx != "":
			return fault.At(st.Pos, fault.Finding, "%s cannot run inside a transaction: %s", verb(st), e.NoTx).
				Try("%s", b.alone(e))
		case controls(e) && b.step.Revision.Native:
			return fault.At(st.Pos, fault.Finding, "%s inside the migration's own transaction", verb(st)).
				Try("leave it out: all of the section runs in one transaction; or begin and end transactions yourself after %q", "-- migrate:"+b.head()+" transaction:false")
		}
	}
	return nil
}

// alone tells where a statement belongs that cannot run in a transaction.
func (b *builder) alone(e Effect) string {
	switch {
	case !b.step.Revision.Native:
		return "put it into a migration of its own"
	case e.Ignored:
		return `begin the section with "-- migrate:` + b.head() + ` transaction:false" and write BEGIN and COMMIT around what belongs together`
	}
	return `put it alone into a migration whose section begins with "-- migrate:` + b.head() + ` transaction:false"`
}

// head is the word of the directive that begins the section.
func (b *builder) head() string {
	switch {
	case b.step.Move.Direction == revision.Down:
		return "down"
	case b.step.Revision.Kind == revision.Data:
		return "data"
	}
	return "up"
}

// each lets every statement stand alone, apart from the transactions the
// author wrote.
func (b *builder) each(why string) error {
	b.step.Tx, b.step.TxWhy = TxEach, why
	kept := make([]Statement, 0, len(b.step.Statements))
	for _, unit := range Units(b.step.Statements) {
		if unit[0].Effect.Class == Commit && !b.reader.RollsBackDDL() {
			// It goes with autocommit = 0, which dumps set to be faster.
			b.note(unit[0].Pos, "skipped: %s, because what stands before it is committed", verb(unit[0]))
			continue
		}
		kept = append(kept, unit...)
		if controls(unit[0].Effect) && unit[0].Effect.Class != Begin && b.step.Revision.Native {
			return fault.At(unit[0].Pos, fault.Finding, "%s without a BEGIN", verb(unit[0])).
				Try("leave it out, or write the BEGIN of the transaction that it ends")
		}
		if unit[0].Effect.Class != Begin {
			continue
		}
		if last := unit[len(unit)-1].Effect.Class; last != Commit && last != Rollback {
			return fault.At(unit[0].Pos, fault.Finding, "%s without a COMMIT", verb(unit[0])).
				Try("end the transaction in the same section")
		}
		for _, st := range unit {
			if e := st.Effect; e.NoTx != "" && !e.Ignored && b.reader.RollsBackDDL() {
				return fault.At(st.Pos, fault.Finding, "%s cannot run inside a transaction: %s", verb(st), e.NoTx).
					Try("move it before the BEGIN or after the COMMIT")
			}
		}
	}
	b.step.Statements = kept
	return nil
}

// plainRows is for databases that cannot roll DDL back: one transaction for a
// data migration that changes nothing but rows, each statement alone otherwise.
func (b *builder) plainRows() error {
	if b.step.Revision.Kind != revision.Data {
		return b.each(whyEach)
	}
	for _, st := range b.step.Statements {
		e := st.Effect
		if e.NoTx != "" || e.Unparsed || e.Class != Rows && e.Class != Query && e.Class != Session && e.Class != Savepoint {
			return b.each(verb(st) + " would end a transaction here")
		}
	}
	b.step.Tx = TxOne
	return nil
}

// client does as the tool that owns the folder: the text goes to the server in
// one piece, which makes it one transaction unless the text says otherwise.
func (b *builder) client() error {
	b.step.Statements = gathered(b.step.Statements)
	sts := b.step.Statements
	begins, inside := 0, 0
	for i, st := range sts {
		switch {
		case !controls(st.Effect):
		case i == 0 && st.Effect.Class == Begin, i == len(sts)-1 && st.Effect.Class == Commit:
			begins++
		default:
			inside++
		}
	}
	switch {
	case inside > 0 || begins == 1:
		return b.each("the file begins and ends transactions itself")
	case begins == 2:
		b.note(sts[0].Pos, "%s and the last %s left out: the migration runs in one transaction with its record", verb(sts[0]), verb(sts[len(sts)-1]))
		b.step.Statements = sts[1 : len(sts)-1]
		if len(b.step.Statements) == 0 {
			b.step.Tx = TxNone
			return nil
		}
	case len(sts) == 1 && sts[0].Effect.NoTx != "":
		return b.each(sts[0].Effect.NoTx)
	}
	return b.one()
}

// gathered moves each BEGIN to where the transaction really begins for a server
// that gets the text in one piece: behind the end of the one before it. A
// statement that can run in no transaction stays outside, although that server
// would refuse it.
func gathered(statements []Statement) []Statement {
	out := make([]Statement, 0, len(statements))
	from, open := 0, false
	for _, st := range statements {
		e := st.Effect
		out = append(out, st)
		switch {
		case e.Class == Begin && !open:
			copy(out[from+1:], out[from:len(out)-1])
			out[from], open = st, true
		case e.Class == Commit, e.Class == Rollback:
			from, open = len(out), false
		case !open && e.NoTx != "" && !e.Ignored:
			from = len(out)
		}
	}
	return out
}

// controls tells whether a statement begins or ends a transaction.
func controls(e Effect) bool {
	return e.Class == Begin || e.Class == Commit || e.Class == Rollback
}

// Units groups statements that must run on one session in one go: from a BEGIN
// to its COMMIT or ROLLBACK, or to the end when there is none; every other
// statement is a unit of its own. The groups share the array of statements.
func Units(statements []Statement) [][]Statement {
	var units [][]Statement
	for i := 0; i < len(statements); {
		end := i + 1
		if statements[i].Effect.Class == Begin {
			for end < len(statements) {
				end++
				if c := statements[end-1].Effect.Class; c == Commit || c == Rollback {
					break
				}
			}
		}
		units = append(units, statements[i:end:end])
		i = end
	}
	return units
}
