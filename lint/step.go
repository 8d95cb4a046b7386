package lint

import (
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
)

func (l *linter) step(s plan.Step) {
	l.back(s)
	l.apart(s)
	for _, unit := range units(s) {
		l.unit(unit)
	}
	for _, st := range s.Statements {
		if s.Tx == plan.TxOne && st.Effect.Ignored {
			l.add(NoEffect, st.Pos, st.Effect.Verb+" does nothing inside a transaction: "+st.Effect.NoTx, "a migration without a transaction")
		}
	}
}

// units are the statements that share a transaction.
func units(s plan.Step) [][]plan.Statement {
	if s.Tx == plan.TxChange {
		return phases(s)
	}
	if s.Tx == plan.TxOne {
		return [][]plan.Statement{s.Statements}
	}
	return plan.Units(s.Statements)
}

// phases are the statements of a change that its file says, phase by phase; what
// is derived of them is ours.
func phases(s plan.Step) [][]plan.Statement {
	var out [][]plan.Statement
	for _, st := range s.Statements {
		switch {
		case st.Derived:
		case len(out) > 0 && out[len(out)-1][0].Phase == st.Phase:
			out[len(out)-1] = append(out[len(out)-1], st)
		default:
			out = append(out, []plan.Statement{st})
		}
	}
	return out
}

// back looks at the way back of a step that goes up.
func (l *linter) back(s plan.Step) {
	rev, sc := s.Revision, s.Script
	if s.Move.Direction != revision.Up || rev.Kind == revision.Repeatable || rev.Kind == revision.Change && sc.Irreversible == nil || sc.Go {
		return
	}
	at := plan.WayBack(rev, sc)
	switch {
	case sc.Irreversible != nil && *sc.Irreversible != "":
		l.add(Irreversible, at, "there is no way back: "+*sc.Irreversible, "")
	case sc.Irreversible != nil:
		l.add(Irreversible, at, "there is no way back", "")
	case sc.Down == nil && (sc.Up != nil || rev.Native):
		l.add(NoWayDown, at, "it does not say how to go back", meanings[NoWayDown].instead)
	}
}

// apart finds schema and data in one step; a plan that refuses them never gets here.
func (l *linter) apart(s plan.Step) {
	sec := s.Script.Up
	if s.Move.Direction == revision.Down {
		sec = s.Script.Down
	}
	if sec != nil && sec.Mixed {
		return // the author allowed it, and a note of the plan says so
	}
	for _, m := range plan.Mixed(s) {
		code := RowsInSchema
		if s.Revision.Kind == revision.Data {
			code = SchemaInData
		}
		l.add(code, m.Pos, m.What, "two migrations, one of each kind")
	}
}

// unit looks at the statements of one transaction.
func (l *linter) unit(sts []plan.Statement) {
	var u transaction
	for _, st := range sts {
		l.statement(st)
		if len(sts) > 1 && !l.traits.SingleWriter {
			l.together(&u, st)
		}
		l.made = append(l.made, st.Effect.Creates...)
	}
}

// statement looks at one statement alone.
func (l *linter) statement(st plan.Statement) {
	e := st.Effect
	if e.Unparsed {
		l.add(Unparsed, st.Pos, "this statement is not understood, so its locks are not known", "")
	}
	for _, loss := range e.Destroys {
		if !l.fresh(loss.Table) {
			l.add(LosesData, st.Pos, e.Verb+" loses "+loss.String(), "stop using it first; keep a copy, or rename it and drop it later")
		}
	}
	if e.Index != nil && e.Index.Trusting && !e.Index.Drop {
		l.add(IndexTrusted, st.Pos, "with IF NOT EXISTS an index that was left unfinished is taken for good",
			"leave IF NOT EXISTS out: an unfinished index is found and built again")
	}
	l.work(st)
}

// work finds what takes long under a lock, the worst first; one finding a statement.
func (l *linter) work(st plan.Statement) {
	e := st.Effect
	if e.Class != plan.DDL && e.Class != plan.Admin {
		return
	}
	for _, c := range e.Constraints {
		if scans := scanned(l.old(e.Touches), c.Table); !c.Later && !c.Validates && scans && (c.Kind == "check" || c.Kind == "foreign key") {
			l.add(ConstraintScans, st.Pos, "adding a "+c.Kind+" looks at all rows of "+c.Table.String()+" while "+waiting(e)+" wait",
				"add it NOT VALID, and validate it in a later migration")
			return
		}
	}
	for _, t := range l.old(e.Touches) {
		switch {
		case t.Rewrites && t.StopsReads:
			l.add(RewriteBlocks, st.Pos, e.Verb+" writes all of "+t.Table.String()+" anew under "+string(t.Lock)+" while reads and writes wait",
				"a new column beside the old one, filled in chunks")
		case t.Scans && t.StopsReads:
			l.add(ScanBlocks, st.Pos, e.Verb+" reads all of "+t.Table.String()+" under "+string(t.Lock)+" while reads and writes wait",
				"prove it beforehand under a weaker lock")
		case t.Scans && t.StopsWrites && l.traits.ConcurrentIndex && builds(e):
			l.add(IndexBlocksWrites, st.Pos, e.Verb+" reads all of "+t.Table.String()+" while writes wait",
				"the concurrent form, alone in a migration without a transaction")
		default:
			continue
		}
		return
	}
}

func scanned(touches []plan.Touch, table plan.Name) bool {
	for _, t := range touches {
		if t.Table == table && t.Scans && t.StopsWrites {
			return true
		}
	}
	return false
}

func waiting(e plan.Effect) string {
	if e.Strongest().StopsReads {
		return "reads and writes"
	}
	return "writes"
}

// builds tells whether a statement builds an index and nothing else.
func builds(e plan.Effect) bool {
	if e.Class == plan.Admin {
		return true
	}
	for _, o := range e.Objects {
		if o.Kind == "index" {
			return true
		}
	}
	return false
}
