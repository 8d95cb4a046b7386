package change

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bellowsdb/bellows/dialect"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/revision"
	"github.com/bellowsdb/bellows/sqltext"
)

// Derive gives all that a change runs, phase by phase, as far as it is known
// without a database, and what people must know of it. written are the
// statements of its file. It is what plan.Options.Derive wants.
func Derive(l Language, writes string) func(revision.Revision, revision.Script, []plan.Statement) ([]plan.Statement, []string, error) {
	return func(_ revision.Revision, script revision.Script, written []plan.Statement) ([]plan.Statement, []string, error) {
		s, err := Read(l, script)
		if err != nil {
			return nil, nil, err
		}
		all := of(written, revision.Expand)
		y := s.Sync(State{}, writes)
		all = append(all, s.Statements(l, revision.Sync, l.SyncOn(y))...)
		all = append(all, s.Statements(l, revision.Fill, pieces(l, l.Fills(y, dialect.New)))...)
		table := qualified(l, s.Table)
		all = append(all, s.Statements(l, revision.Verify, []string{"SELECT COUNT(*) FROM " + table + " WHERE NOT " + l.Agrees(y, "")})...)
		if s.Moves() {
			all = append(all, s.Statements(l, revision.Verify, []string{"SELECT COUNT(*) FROM " + qualified(l, s.Into) + " WHERE " + l.Stray(y)})...)
		}
		if own := of(written, revision.Contract); len(own) > 0 {
			return append(all, s.contract(l, y, own)...), s.notes(), nil
		}
		old, names := s.unknown(), s.Names()
		if w, ok := l.(dialect.Widener); ok && s.Wide() {
			own := s.Statements(l, revision.Contract, append([]string{w.Lagging(y, dialect.New, "", 0)}, w.Widen(y, names[0])...))
			all = append(all, s.contract(l, y, own)...)
			return append(all, s.Statements(l, revision.Purge, l.Discard(s.Table, named(old, names)))...), s.notes(), nil
		}
		all = append(all, s.contract(l, y, s.Statements(l, revision.Contract, l.Retire(s.Table, old, names)))...)
		all = append(all, s.Statements(l, revision.Purge, l.Discard(s.Table, named(old, names)))...)
		return all, s.notes(), nil
	}
}

// contract is what ends the old side, and sync. In a transaction sync ends first.
// Where statements commit one by one it ends behind them, and nobody uses the tables
// from the first of them on, or from the last where that is all that can be.
func (s Spec) contract(l Language, y dialect.Sync, own []plan.Statement) []plan.Statement {
	off, t := s.Statements(l, revision.Contract, l.SyncOff(y)), l.Traits()
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
func (s Spec) notes() []string {
	out := []string{"a change in phases: up runs expand and sync; the rest waits for its gate"}
	if s.Moves() {
		out = append(out, "columns of "+s.Table.String()+" move to "+s.Into.String()+": what one statement writes there the other table gets; each row of "+s.Table.String()+" has one row there, or none as long as its columns hold nothing")
	}
	if len(s.Backward) == 0 {
		out = append(out, "there is no backward section: no way back after the first write to the new side")
	}
	if s.Wide() {
		out = append(out, "the contract copies the table, and the tables that refer to it by a foreign key, which it finds in the catalog; whoever uses them waits meanwhile")
	}
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
func (s Spec) unknown() []dialect.Column {
	out := make([]dialect.Column, len(s.Old))
	for i, name := range s.Old {
		out[i] = dialect.Column{Name: name}
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
