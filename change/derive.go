package change

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/fault"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/sqltext"
)

// Known is what a database tells of the tables of a change. The zero value: nothing.
type Known struct {
	Key         []string
	Columns     []dialect.Column
	Refs        []dialect.Reference // the foreign keys to a key that is changed
	Rows, Bytes int64               // as the server estimates; 0: it does not say
}

// Derive gives all that a change runs, phase by phase, as far as it is known, and what
// people must know of it. known asks a database, nil: there is none. written are the
// statements of its file. It is what plan.Options.Derive wants.
func Derive(l Language, writes string, known func(Spec) Known) func(revision.Revision, revision.Script, []plan.Statement) ([]plan.Statement, []string, error) {
	return func(_ revision.Revision, script revision.Script, written []plan.Statement) ([]plan.Statement, []string, error) {
		s, err := Read(l, script)
		if err != nil {
			return nil, nil, err
		}
		var k Known
		if known != nil {
			k = known(s)
		}
		st := s.begun(l, k, written)
		y := s.Sync(st, writes)
		all := append(of(written, revision.Expand), s.begins(l, y)...)
		if own := of(written, revision.Contract); len(own) > 0 {
			return append(all, s.contract(l, y, own)...), s.notes(l, st, k), nil
		}
		names := s.Names()
		ends := s.Statements(l, revision.Contract, l.Retire(s.Table, st.Old, names))
		if w, ok := l.(dialect.Widener); ok && s.Wide() {
			sqls := append([]string{w.Lagging(y, dialect.New, "", 0)}, w.Loosen(k.Refs)...)
			ends = s.Statements(l, revision.Contract, append(append(sqls, w.Widen(y, names[0])...), w.Fasten(y, k.Refs, dialect.New)...))
		}
		all = append(all, s.contract(l, y, ends)...)
		return append(all, s.Statements(l, revision.Purge, l.Discard(s.Table, named(st.Old, names)))...), s.notes(l, st, k), nil
	}
}

// begins are the statements between expand and contract.
func (s Spec) begins(l Language, y dialect.Sync) []plan.Statement {
	all := s.Statements(l, revision.Sync, l.SyncOn(y))
	all = append(all, s.Statements(l, revision.Fill, pieces(l, l.Fills(y, dialect.New)))...)
	all = append(all, s.Statements(l, revision.Verify, []string{"SELECT COUNT(*) FROM " + qualified(l, s.Table) + " WHERE NOT " + l.Agrees(y, "")})...)
	if s.Moves() {
		all = append(all, s.Statements(l, revision.Verify, []string{"SELECT COUNT(*) FROM " + qualified(l, s.Into) + " WHERE " + l.Stray(y)})...)
	}
	if p, ok := s.Prover(l); ok {
		all = append(all, s.Statements(l, revision.Verify, append(p.ProofOn(y), p.ProofCheck(y)))...)
	}
	if len(s.Holds) > 0 {
		y.Policy = dialect.NewWins
		all = append(all, s.Statements(l, revision.Hold, l.SyncPolicy(y))...)
	}
	return all
}

// Prover is the dialect, where its database can watch that both sides agree. A
// constraint sees one table; and without backward what agrees is another thing once
// somebody has written the new side.
func (s Spec) Prover(l Language) (dialect.Prover, bool) {
	p, ok := l.(dialect.Prover)
	return p, ok && len(s.Backward) > 0 && !s.Moves()
}

// begun is the state of a change that has not begun, as far as it is known.
func (s Spec) begun(l Language, k Known, written []plan.Statement) State {
	st := State{Key: k.Key}
	for _, name := range s.Old {
		c, ok := Find(k.Columns, name)
		if !ok {
			st.Old = s.unknown(l)
			break
		}
		st.Old = append(st.Old, c)
	}
	for _, name := range s.New {
		st.New = append(st.New, dialect.Column{Name: name, Type: typeIn(l, of(written, revision.Expand), name)})
	}
	return st
}

// typeIn is the type that a column gets by ADD COLUMN in some statements, as they are
// written.
func typeIn(l Language, all []plan.Statement, name string) string {
	ends := []string{",", ";", ")", "NOT", "NULL", "DEFAULT", "COMMENT", "AFTER", "FIRST", "COLLATE", "CHARACTER", "CHECK", "UNIQUE", "PRIMARY", "REFERENCES", "GENERATED", "CONSTRAINT", "AUTO_INCREMENT", "INVISIBLE"}
	for _, st := range all {
		at, from, to, depth := 0, -1, 0, 0 // at: how much of ADD [COLUMN] name was seen
		for t := range l.Tokens(st.SQL) {
			text := st.SQL[t.Start:t.End]
			switch {
			case t.Kind.Silent():
			case from >= 0 && depth == 0 && slices.Contains(ends, strings.ToUpper(text)):
				return st.SQL[from:to]
			case from >= 0 || at == 2:
				if from < 0 {
					from = t.Start
				}
				depth += strings.Count(text, "(") - strings.Count(text, ")")
				to = t.End
			case strings.EqualFold(text, "ADD"):
				at = 1
			case at == 1 && strings.EqualFold(text, "COLUMN"):
			case at == 1 && strings.EqualFold(sqltext.Name(text), name):
				at = 2
			default:
				at = 0
			}
		}
		if from >= 0 {
			return st.SQL[from:to]
		}
	}
	return untold(l, name)
}

// untold stands for a type that only the database knows, where a statement cannot be
// without it.
func untold(l Language, name string) string {
	if l.Traits().HoldTable == "" {
		return ""
	}
	return "/* the type of " + strings.ReplaceAll(name, "*/", "") + " */"
}

// contract is what ends the old side, and sync. In a transaction sync ends first.
// Where statements commit one by one it ends behind them, and nobody uses the tables
// from the first of them on, or from the last where that is all that can be.
func (s Spec) contract(l Language, y dialect.Sync, own []plan.Statement) []plan.Statement {
	off, t := s.Statements(l, revision.Contract, l.SyncOff(y)), l.Traits()
	if p, ok := s.Prover(l); ok {
		off = append(s.Statements(l, revision.Contract, p.ProofOff(y)), off...)
	}
	if t.HoldTable == "" {
		return append(off, own...)
	}
	last := max(0, len(own)-1)
	names := []plan.Name{s.Table}
	if Holdable(own) {
		last, names = 0, Tables(s.Table, "", own, nil)
	}
	if s.Moves() {
		names = append(names, s.Into)
	}
	var held []string
	for _, name := range names {
		held = append(held, qualified(l, name))
	}
	all := slices.Clone(own[:last])
	all = append(all, s.Statements(l, revision.Contract, []string{fmt.Sprintf(t.HoldTable, strings.Join(held, t.HoldNext))})...)
	all = append(append(all, own[last:]...), off...)
	return append(all, s.Statements(l, revision.Contract, []string{t.ReleaseTable})...)
}

// Holdable tells whether tables can be held around all of these statements: they
// alter tables that are there, and their rows.
func Holdable(all []plan.Statement) bool {
	return !slices.ContainsFunc(all, func(st plan.Statement) bool {
		e := st.Effect
		alters := e.Class == plan.Rows && !reads(st.SQL) || slices.Contains([]string{"ALTER TABLE", "CREATE INDEX", "CREATE UNIQUE INDEX", "DROP INDEX"}, e.Verb)
		return !alters || len(e.Creates) > 0 || len(e.Renames) > 0 || len(e.Touches) == 0 && len(e.Changes) == 0
	})
}

// reads tells whether a statement that changes rows may read other tables.
func reads(sql string) bool {
	sql = strings.ToUpper(sql)
	return strings.Contains(sql, "SELECT") || strings.Contains(sql, "JOIN")
}

// Tables are those that are held around statements: the change's own, what they
// touch, and others, each once. A name without a schema is one of the schema here.
func Tables(own plan.Name, here string, all []plan.Statement, others []plan.Name) []plan.Name {
	out := []plan.Name{own}
	add := func(n plan.Name) {
		if n.Schema == "" {
			n.Schema = here
		}
		if !slices.ContainsFunc(out, func(o plan.Name) bool { return o.Key() == n.Key() }) {
			out = append(out, n)
		}
	}
	for _, st := range all {
		for _, t := range st.Effect.Touches {
			if t.Of == "" {
				add(t.Table)
			}
		}
		for _, n := range st.Effect.Changes {
			add(n)
		}
	}
	for _, n := range others {
		add(n)
	}
	return out
}

// pieces are the statements of a text of ours.
func pieces(l Language, text string) []string {
	var all []string
	for p, err := range l.Split(text, sqltext.Options{}) {
		if err != nil {
			return []string{text}
		}
		if p.Kind != sqltext.Blank && p.Kind != sqltext.Note {
			all = append(all, p.Text)
		}
	}
	return all
}

func of(all []plan.Statement, phase revision.Phase) []plan.Statement {
	var out []plan.Statement
	for _, st := range all {
		if st.Phase == phase {
			out = append(out, st)
		}
	}
	return out
}

// Statements are statements of ours for a phase, classified. What they destroy
// is not counted as a loss before their phase has come.
func (s Spec) Statements(l Language, phase revision.Phase, sqls []string) []plan.Statement {
	out := make([]plan.Statement, len(sqls))
	for i, sql := range sqls {
		out[i] = plan.Statement{SQL: sql, Pos: s.Change.At, Effect: l.Classify(sql), Phase: phase, Derived: true}
	}
	return out
}

// notes are what a person must know before the change begins.
func (s Spec) notes(l Language, st State, k Known) []string {
	out := []string{"a change in phases: up runs expand and sync; the rest waits for its gate"}
	if s.Moves() {
		out = append(out, "columns of "+s.Table.String()+" move to "+s.Into.String()+": what one statement writes there the other table gets; each row of "+s.Table.String()+" has one row there, or none as long as its columns hold nothing")
	}
	if len(s.Backward) == 0 {
		out = append(out, "there is no backward section: no way back after the first write to the new side")
	}
	if _, ok := s.Prover(l); ok {
		out = append(out, "the constraint is added where forward and backward always give the same for the same row; else, and without it, the contract counts every row once more")
	}
	out = append(out, s.waits(l, st, k)...)
	if s.Change.Contract == nil {
		out = append(out, "the contract renames the old columns and keeps them for "+spelledSpan(s.Retention)+"; until then bellows change undo brings them back")
	} else {
		out = append(out, "the contract is run as written: what it drops cannot be brought back by bellows change undo")
	}
	for _, h := range s.Holds {
		text := "holds before the contract until it is approved: " + h.Name
		if h.Quiet > 0 {
			text += " (and no write to the old side for " + spelledSpan(h.Quiet) + ")"
		}
		out = append(out, text)
	}
	return out
}

// waits are notes of phases that are not online: whoever uses the table waits.
func (s Spec) waits(l Language, st State, k Known) []string {
	table := s.Table.String() + k.size()
	var whole []string
	for _, c := range st.Old {
		if c.NotNull {
			whole = append(whole, c.Name)
		}
	}
	var out []string
	switch t := l.Traits(); {
	case s.Wide():
		others := "the tables that refer to it by a foreign key, which it finds in the catalog"
		if len(k.Columns) > 0 {
			others = "no other table refers to it by a foreign key"
		}
		if len(k.Refs) > 0 {
			var names []string
			for _, r := range k.Refs {
				names = append(names, r.Table.String())
			}
			others = "the tables that refer to it: " + strings.Join(slices.Compact(names), ", ")
		}
		out = append(out, "not online: the contract copies "+table+"; "+others+"; whoever uses them waits meanwhile")
	case t.HoldTable != "" && s.Change.Contract == nil && len(whole) > 0:
		out = append(out, "not online: the contract writes "+table+" anew, because "+strings.Join(whole, ", ")+" must not be null; whoever uses it waits meanwhile")
	case t.HoldTable != "" && s.Change.Contract == nil && len(k.Columns) == 0:
		out = append(out, "not online: where an old column must not be null, the contract writes "+table+" anew; whoever uses it waits meanwhile")
	}
	if l.Traits().SingleWriter && s.Change.Contract == nil {
		out = append(out, "not online: the purge writes "+table+" anew; whoever writes to the database waits meanwhile")
	}
	return out
}

// size tells how large a table is, as far as that is known.
func (k Known) size() string {
	switch {
	case k.Rows > 0 && k.Bytes > 0:
		return fmt.Sprintf(" (about %s rows, %s MB)", fault.Thousands(k.Rows), fault.Thousands((k.Bytes+1<<20-1)>>20))
	case k.Rows > 0:
		return fmt.Sprintf(" (about %s rows)", fault.Thousands(k.Rows))
	}
	return ""
}

// spelledSpan is a duration as files spell it.
func spelledSpan(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= day && d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return d.String()
}

// unknown are the old columns as far as the file tells them.
func (s Spec) unknown(l Language) []dialect.Column {
	out := make([]dialect.Column, len(s.Old))
	for i, name := range s.Old {
		out[i] = dialect.Column{Name: name, Type: untold(l, name)}
	}
	return out
}

// Names are the names that the old columns have while they are retired.
func (s Spec) Names() []string {
	out := make([]string, len(s.Old))
	for i, name := range s.Old {
		out[i] = clipped(objectName(s.Revision)+"_"+name, 60)
	}
	return out
}

// clipped is a text of at most so many bytes, cut between characters.
func clipped(text string, n int) string {
	for at, r := range text {
		if at+utf8.RuneLen(r) > n {
			return text[:at]
		}
	}
	return text
}

// named are columns under other names.
func named(columns []dialect.Column, names []string) []dialect.Column {
	out := make([]dialect.Column, len(columns))
	for i, c := range columns {
		out[i] = c
		out[i].Name = names[i]
	}
	return out
}

func qualified(l Language, n plan.Name) string {
	if n.Schema == "" {
		return l.Quote(n.Name)
	}
	return l.Quote(n.Schema) + "." + l.Quote(n.Name)
}
