package run

import (
	"fmt"
	"strings"

	"github.com/bellowsdb/bellows/backfill"
	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/internal/ledger"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/sqltext"
)

// Script is a plan as text that a person can run with the database's own
// client, the ledger's writes included. firstSeq is the order of application of
// the first step; held, which may be nil, tells what the ledger holds of the
// revisions that a squash stands in for.
func Script(d dialect.Dialect, name string, p plan.Plan, by ledger.By, firstSeq int64, held func(revision.ID) []revision.ID) string {
	s := script{d: d, t: d.Traits(), led: ledger.New(d, name), by: by, held: held}
	s.line("-- From " + ids(p.From) + " to " + ids(p.To) + ".")
	s.line("-- Run it with a client that stops at the first error.")
	if s.t.ScriptHead != "" {
		s.line(s.t.ScriptHead)
	}
	s.statement(s.t.BeginWrite)
	for _, sql := range s.led.Create() {
		s.statement(sql)
	}
	s.statement("COMMIT")
	for i := range p.Steps {
		s.step(&p.Steps[i], firstSeq+int64(i))
	}
	return s.b.String()
}

type script struct {
	b   strings.Builder
	d   dialect.Dialect
	t   dialect.Traits
	led ledger.Ledger
	by  ledger.By

	held func(revision.ID) []revision.ID
}

func ids(list []revision.ID) string {
	if len(list) == 0 {
		return "base"
	}
	return strings.Join(texts(list), ", ")
}

func (s *script) line(text string) { s.b.WriteString(text + "\n") }

func (s *script) statement(sql string) { s.b.WriteString(s.t.Ended(sql)) }

func (s *script) step(st *plan.Step, seq int64) {
	s.line(fmt.Sprintf("\n-- %s %s, %s", st.Move.ID, st.Revision.Name, st.Move.Direction))
	if st.Script.Go {
		s.line("-- This migration is written in Go and cannot be run by hand.")
		return
	}
	if st.Tx == plan.TxChange {
		s.change(st, seq)
		return
	}
	loose := s.t.KeysOff != "" && firstDrop([]plan.Step{*st}) != nil
	if loose {
		s.statement(s.t.KeysOff)
		defer s.statement(s.t.KeysOn)
	}
	if st.Tx != plan.TxEach {
		s.statement(s.t.BeginWrite)
	}
	if st.Tx == plan.TxChunks {
		s.line("-- All rows in one go, which locks them all: bellows up does this in chunks.")
	}
	for i := range st.Statements {
		x := &st.Statements[i]
		if st.Tx == plan.TxChunks {
			s.statement(allRows(s.d, x.SQL))
			continue
		}
		s.statement(x.SQL)
		if isCopy(x) {
			s.line(strings.TrimSuffix(x.Data, "\n") + "\n\\.")
		}
	}
	for _, c := range st.Checks {
		s.line("-- The next query must return no rows.")
		s.statement(c.SQL)
	}
	if loose {
		s.line("-- The next query must return no rows that it did not return before.")
		s.statement(s.t.Dangling)
	}
	if st.Tx == plan.TxEach {
		s.statement(s.t.BeginWrite)
	}
	for _, sql := range s.records(st, seq) {
		s.statement(sql)
	}
	s.statement("COMMIT")
}

// change is a change in one go: by hand there are no triggers to be watched and no
// gates to wait at. What only takes the old side away is left to whoever knows
// that nobody needs it.
func (s *script) change(st *plan.Step, seq int64) {
	if st.Move.Direction == revision.Down {
		s.line("-- A change goes down by how far it is: bellows down finds that out.")
		return
	}
	s.line("-- In one go, while nobody writes the table: bellows up does this in phases, beside the application.")
	s.statement(s.t.BeginWrite)
	for _, x := range st.Statements {
		switch {
		case x.Phase == revision.Fill:
			s.statement(allRows(s.d, x.SQL))
		case x.Phase == revision.Expand, x.Phase == revision.Contract && !x.Derived:
			s.statement(x.SQL)
		}
	}
	if st.Script.Change != nil && st.Script.Change.Contract == nil {
		s.line("-- The old columns " + strings.Join(st.Script.Change.Old, ", ") + " stay; drop them when nobody needs them any more.")
	}
	for _, sql := range s.records(st, seq) {
		s.statement(sql)
	}
	s.statement("COMMIT")
}

// allRows is a statement of a backfill for all rows of its table.
func allRows(d dialect.Dialect, sql string) string {
	lang, ok := d.(dialect.Filler)
	if !ok {
		return sql
	}
	var b strings.Builder
	end := 0
	for t := range lang.Tokens(sql) {
		if t.Kind == sqltext.Param && sql[t.Start:t.End] == backfill.Placeholder {
			b.WriteString(sql[end:t.Start] + "(1 = 1)")
			end = t.End
		}
	}
	return b.String() + sql[end:]
}

func (s *script) records(st *plan.Step, seq int64) []string {
	if st.Move.Direction == revision.Down {
		out := s.led.Reverted(st.Move.ID, "down", "by script", s.by)
		if s.held == nil {
			return out
		}
		for _, old := range s.held(st.Move.ID) {
			out = append(out, s.led.Reverted(old, "down", "by script, as part of "+string(st.Move.ID), s.by)...)
		}
		return out
	}
	return s.led.Record(ledger.Done{Revision: st.Revision, Script: st.Script, State: ledger.Applied, Seq: seq, Action: "up", Detail: "by script"}, s.by)
}
