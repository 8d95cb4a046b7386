package mysql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

// say makes statements of texts, with what each locks and loses.
func (l Language) say(texts ...string) []diff.Statement {
	out := make([]diff.Statement, len(texts))
	for i, text := range texts {
		out[i].SQL = text
		if !l.Bare {
			out[i].Effect = l.Dialect.Classify(text)
		}
	}
	return out
}

// risk adds a hazard to the last of the statements.
func (l Language) risk(s []diff.Statement, code string, about schema.ID, why string) []diff.Statement {
	if !l.Bare && len(s) > 0 {
		last := &s[len(s)-1]
		last.Hazards = append(last.Hazards, diff.Hazard{Code: code, Object: about, Text: why})
	}
	return s
}

// Spell writes an action as SQL.
func (l Language) Spell(a *diff.Action, w *diff.World) []diff.Statement {
	switch a.Main.Verb {
	case diff.Drop:
		return l.drop(a.Main.Before)
	case diff.Create:
		return l.make(a.Main.After, w)
	}
	f := a.Main.After
	switch f.ID.Kind {
	case schema.View:
		return l.say("CREATE OR REPLACE " + l.viewBody(f))
	case schema.Sequence:
		return l.say("ALTER SEQUENCE " + l.Dialect.Quote(f.ID.Name) + " " + f.Get(Definition))
	}
	t := &tableChange{l: l, w: w, before: a.Main.Before, after: f, placed: map[schema.ID]bool{}}
	for _, p := range append([]diff.Part{a.Main}, a.With...) {
		t.part(p)
	}
	return t.statements()
}

func (l Language) make(f *schema.Fact, w *diff.World) []diff.Statement {
	text := l.create(w.After, f)
	switch f.ID.Kind {
	case schema.Function, schema.Procedure, schema.Trigger, schema.Event:
		return l.say(l.under(f.Get(Mode), text)...)
	case schema.Constraint:
	default:
		return l.say(text)
	}
	if w.Creates(schema.ID{Kind: schema.Table, Name: f.ID.On}) {
		return l.say(text) // there are no rows
	}
	s := l.say(text + l.sameIndex(f, w) + l.allowed(copies))
	s = l.risk(s, diff.RewritesTable, f.ID, "the server copies the table to check the foreign key, and nobody writes meanwhile"+sized(w, f.ID.On))
	return l.risk(s, diff.MayFail, f.ID, "rows that are there may point nowhere")
}

// under makes something that runs under the sql_mode with which it was made.
func (l Language) under(mode, text string) []string {
	if mode == l.Dialect.mode {
		return []string{text}
	}
	return []string{"SET SESSION sql_mode = " + l.Dialect.Literal(mode), text, "SET SESSION sql_mode = DEFAULT"}
}

// sameIndex makes the index of a new foreign key anew, under its name, when it
// may be one that the server made by itself for another foreign key: that one it
// would put another in the place of. The table is copied anyway.
func (l Language) sameIndex(key *schema.Fact, w *diff.World) string {
	for _, ix := range w.After.On(schema.Index, "", key.ID.On) {
		if len(ix.Needs) == 0 || !w.Stays(ix.ID) || ix.ID.Name == key.ID.Name || ix.Get(Columns) != schema.List(strings.Split(l.Dialect.idents(schema.Items(key.Get(Columns))), ", ")) {
			continue
		}
		if old, ok := w.Before.Find(ix.ID); ok && slices.Equal(old.Attrs, ix.Attrs) {
			return ", DROP KEY " + l.Dialect.Quote(ix.ID.Name) + ", ADD " + l.index(ix)
		}
	}
	return ""
}

func (l Language) drop(f *schema.Fact) []diff.Statement {
	d := l.Dialect
	switch f.ID.Kind {
	case schema.Table:
		return l.risk(l.say("DROP TABLE "+d.Quote(f.ID.Name)), diff.LosesTable, f.ID, "the table goes with its rows")
	case schema.Constraint:
		return l.say("ALTER TABLE " + d.Quote(f.ID.On) + " DROP FOREIGN KEY " + d.Quote(f.ID.Name) + l.allowed(l.least(atOnce, inPlace)))
	}
	return l.say("DROP " + strings.ToUpper(string(f.ID.Kind)) + " " + d.Quote(f.ID.Name))
}

// effort is how much the server does for an ALTER TABLE, from least to most.
type effort int

const (
	atOnce   effort = iota // it changes what it knows of the table
	noCopy                 // it builds indexes while others write (MariaDB's NOCOPY)
	inPlace                // it writes the table anew while others write
	inShared               // it builds while others only read
	copies                 // it copies the table row by row while others only read
)

// least is the first effort on MariaDB and the second on MySQL.
func (l Language) least(maria, mysql effort) effort {
	if l.Dialect.Flavour() == MariaDB {
		return maria
	}
	return mysql
}

// allowed is the end of an ALTER TABLE that says what the server may do at most.
func (l Language) allowed(e effort) string {
	if l.Bare {
		return ""
	}
	maria := l.Dialect.Flavour() == MariaDB
	switch {
	case e == atOnce && maria:
		return ", ALGORITHM=INSTANT, LOCK=NONE"
	case e == atOnce:
		return ", ALGORITHM=INSTANT"
	case e == noCopy && maria:
		return ", ALGORITHM=NOCOPY, LOCK=NONE"
	case e == noCopy, e == inPlace:
		return ", ALGORITHM=INPLACE, LOCK=NONE"
	case e == inShared:
		return ", ALGORITHM=INPLACE, LOCK=SHARED"
	}
	return ", ALGORITHM=COPY, LOCK=SHARED"
}

// sized says how large a table is for which the effort is felt; "" for others.
func sized(w *diff.World, table string) string {
	id := schema.ID{Kind: schema.Table, Name: table}
	size, ok := w.Size(id)
	if !ok || !w.Large(id) {
		return ""
	}
	return fmt.Sprintf(": about %d rows, %d MB", size.Rows, size.Bytes>>20)
}

// tableChange collects what is done to one table.
type tableChange struct {
	l             Language
	w             *diff.World
	before, after *schema.Fact
	ahead         []string // clauses that want an ALTER of their own, before the others
	main          clauses
	virtual       clauses // new virtual columns, which stand with nothing else
	keys          clauses // new indexes
	behind        []string
	resized       bool               // real columns come or go
	demands       bool               // a column that could be null may be no more
	optioned      bool               // options of the table's own change
	tuned         bool               // the type of a column changes, or whether an index is seen
	replaced      bool               // an index goes with its columns, and comes again
	placed        map[schema.ID]bool // the new columns so far
	hazards       []diff.Hazard
}

func (t *tableChange) risk(code string, about schema.ID, why string) {
	t.hazards = append(t.hazards, diff.Hazard{Code: code, Object: about, Text: why})
}

func (t *tableChange) part(p diff.Part) {
	switch p.Fact().ID.Kind {
	case schema.Table:
		t.table(p.Change)
	case schema.Column:
		t.column(p)
	default:
		t.key(p)
	}
}

// statements are the ALTERs: one, where that makes the server do no more than
// several would. Taken apart, new columns cost nothing and indexes are built
// while others write; together they would write the whole table anew.
func (t *tableChange) statements() []diff.Statement {
	t.burdens()
	bent := t.bent()
	whole := t.main.effort() == copies || t.keys.effort() == copies || t.virtual.effort() == copies
	rebuilds := !bent && len(t.virtual.specs) == 0 && (t.main.effort() >= inPlace || t.l.Dialect.Flavour() == MySQL)
	tied := t.replaced && t.pointed()
	if whole || rebuilds || tied {
		if tied {
			t.main.atLeast(inPlace)
		}
		if tied && (bent || len(t.virtual.specs) > 0) {
			t.main.atLeast(copies)
		}
		t.main.take(&t.virtual)
		t.main.take(&t.keys)
	}
	steps := t.steps()
	var out []diff.Statement
	for _, clause := range t.ahead {
		out = append(out, t.copied(clause)...)
	}
	for _, c := range append(steps, t.virtual, t.keys) {
		out = append(out, t.alter(c)...)
	}
	for _, h := range t.hazards {
		out = t.l.risk(out, h.Code, h.Object, h.Text)
	}
	for _, clause := range t.behind {
		out = append(out, t.copied(clause)...)
	}
	return out
}

// burdens makes clauses dearer on tables on which the server can do less: those
// of other engines, and those with full-text or spatial indexes.
func (t *tableChange) burdens() {
	words, places := 0, 0
	for _, s := range []schema.Schema{t.w.Before, t.w.After} {
		n := 0
		for _, f := range s.On(schema.Index, "", t.after.ID.Name) {
			switch f.Get(Sort) {
			case "FULLTEXT":
				n++
			case "SPATIAL":
				places++
			}
		}
		words = max(words, n)
	}
	if words > 0 && t.resized {
		t.main.atLeast(inShared)
	}
	if t.main.effort() == inPlace && words+places > 0 {
		t.main.atLeast(inShared)
	}
	if words > 1 && t.main.effort() == inShared || !strings.EqualFold(t.before.Get(Engine), "InnoDB") {
		t.main.atLeast(copies)
	}
	if t.l.Dialect.Flavour() == MariaDB {
		t.computed()
		t.tunes()
	}
}

// pointed tells whether a foreign key of the table, or to it, stays: then an
// index that it uses cannot be away for a moment.
func (t *tableChange) pointed() bool {
	facts := t.w.After.Facts()
	return slices.ContainsFunc(facts, func(f schema.Fact) bool {
		return f.Get(Type) == ForeignKey && (f.ID.On == t.after.ID.Name || f.Get(References) == t.after.ID.Name) && t.w.Stays(f.ID)
	})
}

// alter spells one ALTER TABLE; none without clauses. On a table that keeps its
// history, columns change in the history too.
func (t *tableChange) alter(c clauses) []diff.Statement {
	var specs []string
	for _, one := range append(c.drops, c.specs...) {
		specs = append(specs, one.sql+one.place)
	}
	if len(specs) == 0 {
		return nil
	}
	history := ""
	if t.after.Get(Versioning) != "" {
		history = "SET STATEMENT system_versioning_alter_history = KEEP FOR "
	}
	s := t.l.say(history + "ALTER TABLE " + t.l.Dialect.Quote(t.after.ID.Name) + " " + strings.Join(specs, ", ") + t.l.allowed(c.effort()))
	switch c.effort() {
	case copies:
		s = t.l.risk(s, diff.RewritesTable, t.after.ID, "the server copies the table"+sized(t.w, t.after.ID.Name))
		s = t.l.risk(s, diff.StopsWrites, t.after.ID, "writers wait until the copy is done")
	case inShared:
		s = t.l.risk(s, diff.StopsWrites, t.after.ID, "writers wait until it is done")
	case inPlace:
		s = t.l.risk(s, diff.RewritesTable, t.after.ID, "the table is written anew while others go on"+sized(t.w, t.after.ID.Name))
	}
	return s
}

// copied spells an ALTER TABLE of one clause for which the server copies the table.
func (t *tableChange) copied(clause string) []diff.Statement {
	s := t.l.say("ALTER TABLE " + t.l.Dialect.Quote(t.after.ID.Name) + " " + clause)
	s = t.l.risk(s, diff.RewritesTable, t.after.ID, "the server copies the table")
	return t.l.risk(s, diff.StopsWrites, t.after.ID, "writers wait until the copy is done")
}

// table changes what is the table's own.
func (t *tableChange) table(c *diff.Change) {
	for _, key := range c.Keys {
		value := c.After.Get(key)
		t.optioned = t.optioned || key == schema.Comment || key == Collation
		switch key {
		case schema.Comment:
			t.main.add(piece{sort: sets, sql: "COMMENT=" + t.l.Dialect.text(value)})
		case Collation:
			t.main.do(t.l.least(atOnce, inPlace), charset(value, "DEFAULT"))
		case Engine:
			t.main.do(copies, "ENGINE="+value)
		case Options:
			t.options(c)
		case PartitionBy:
			if value == "" {
				t.behind = append(t.behind, "REMOVE PARTITIONING")
			} else {
				t.behind = append(t.behind, "PARTITION BY "+value)
			}
		case Versioning:
			if value == "" {
				t.ahead = append(t.ahead, "DROP SYSTEM VERSIONING")
			} else {
				t.ahead = append(t.ahead, "ADD SYSTEM VERSIONING")
			}
		case Periods:
			t.periods(c)
		}
	}
}

// numbers are the options whose default is the number 0.
var numbers = []string{"KEY_BLOCK_SIZE", "MIN_ROWS", "MAX_ROWS", "AVG_ROW_LENGTH", "CHECKSUM", "DELAY_KEY_WRITE"}

// options sets those that changed; one that is gone goes back to the default.
func (t *tableChange) options(c *diff.Change) {
	was, is := schema.Items(c.Before.Get(Options)), schema.Items(c.After.Get(Options))
	named := map[string]bool{}
	for _, option := range is {
		name, _, _ := strings.Cut(option, "=")
		named[name] = true
		if !slices.Contains(was, option) {
			t.main.do(copies, option)
		}
	}
	for _, option := range was {
		name, _, _ := strings.Cut(option, "=")
		switch {
		case named[name]:
		case slices.Contains(numbers, name):
			t.main.do(copies, name+"=0")
		default:
			t.main.do(copies, name+"=DEFAULT")
		}
	}
}

func (t *tableChange) periods(c *diff.Change) {
	was, is := schema.Items(c.Before.Get(Periods)), schema.Items(c.After.Get(Periods))
	for _, p := range was {
		if !slices.Contains(is, p) {
			before, _, _ := strings.Cut(p, "(")
			t.main.drop(changes, copies, "DROP "+strings.TrimSpace(before))
		}
	}
	for _, p := range is {
		if !slices.Contains(was, p) {
			t.main.do(copies, "ADD "+p)
		}
	}
}

// spelled is a column's definition. Where the table gets another collation, it says
// its own: the table's may be changed before it, with it, or after it.
func (t *tableChange) spelled(f *schema.Fact) string {
	if t.before.Get(Collation) != t.after.Get(Collation) {
		return t.l.column(schema.Schema{}, f)
	}
	return t.l.column(t.w.After, f)
}

func (t *tableChange) column(p diff.Part) {
	l, d := t.l, t.l.Dialect
	switch p.Verb {
	case diff.Drop:
		e := l.dropColumnEffort(p.Before)
		if t.w.Creates(p.Before.ID) {
			e = copies
		}
		t.main.drop(dropsColumn, e, "DROP COLUMN "+d.Quote(p.Before.ID.Name))
		if p.Before.Get(Generated) == "" {
			t.risk(diff.LosesColumn, p.Before.ID, "the column goes with its values")
		}
		t.resized = t.resized || !virtual(p.Before)
	case diff.Create:
		into := &t.main
		if virtual(p.After) {
			into = &t.virtual
		} else {
			t.resized = true
		}
		into.add(piece{addsColumn, l.addColumnEffort(p.After), "ADD COLUMN " + t.spelled(p.After), t.place(p.After)})
		t.placed[p.After.ID] = true
		if p.After.Get(Check) != "" {
			t.risk(diff.MayFail, p.After.ID, "rows that are there may not fit")
		}
	case diff.Modify:
		t.modify(p)
	}
}

func (t *tableChange) modify(p diff.Part) {
	e := t.l.modifyEffort(p.Change, t.w)
	t.main.do(e, "MODIFY COLUMN "+t.spelled(p.After))
	t.demands = t.demands || p.Has(NotNull) && p.After.Get(NotNull) != ""
	t.tuned = t.tuned || p.Has(Type) || p.Has(Collation)
	switch {
	case p.Has(Type) && !widens(p.Before.Get(Type), p.After.Get(Type)), p.Has(Collation) && e > atOnce:
		t.risk(diff.LosesValues, p.After.ID, "values may be cut, or not survive")
	case p.Has(Generated):
		t.risk(diff.LosesValues, p.After.ID, "its values are computed anew")
	}
	if p.Has(NotNull) && p.After.Get(NotNull) != "" || p.Has(Check) && p.After.Get(Check) != "" {
		t.risk(diff.MayFail, p.After.ID, "rows that are there may not fit")
	}
}

// place is where a new column stands, if not at the end.
func (t *tableChange) place(f *schema.Fact) string {
	if t.l.Dialect.Flavour() == MySQL && t.l.Dialect.Version() < 80029 {
		return ""
	}
	all := slices.DeleteFunc(t.w.After.On(schema.Column, "", f.ID.On), func(c *schema.Fact) bool {
		return c.ID != f.ID && diff.Archived(c.ID) // it may be purged elsewhere
	})
	at := slices.IndexFunc(all, func(c *schema.Fact) bool { return c.ID == f.ID })
	if !slices.ContainsFunc(all[at:], func(c *schema.Fact) bool { return !t.w.Creates(c.ID) }) {
		return ""
	}
	for i := at - 1; i >= 0; i-- {
		if there := all[i]; !t.w.Creates(there.ID) || t.placed[there.ID] && (!virtual(there) || virtual(f)) {
			return " AFTER " + t.l.Dialect.Quote(there.ID.Name)
		}
	}
	return " FIRST"
}

// key adds, drops or changes an index, the primary key, or a check.
func (t *tableChange) key(p diff.Part) {
	l, f := t.l, p.Fact()
	check := f.ID.Kind == schema.Constraint && f.Get(Type) == Check
	if p.Verb == diff.Modify && f.ID.Kind == schema.Index && p.Only(Invisible) {
		t.tuned = true
		t.main.do(l.least(atOnce, inPlace), "ALTER INDEX "+l.Dialect.Quote(f.ID.Name)+" "+l.visibility(p.After))
		return
	}
	if p.Verb != diff.Create {
		t.dropKey(p.Before, check, p.After != nil)
	}
	if p.Verb == diff.Drop {
		return
	}
	into := &t.keys
	if check || f.ID.Kind != schema.Index {
		into = &t.main
	}
	e := l.addKeyEffort(p.After, check)
	if e == inShared && into.effort() == inShared {
		e = copies // one at a time, or none
	}
	into.do(e, "ADD "+l.constraint(p.After))
	if check || f.Get(Type) == PrimaryKey || f.Get(Unique) != "" {
		t.risk(diff.MayFail, f.ID, "rows that are there may not fit")
	}
	if !check {
		t.risk(diff.BuildsIndex, f.ID, "the whole table is read")
	}
}

// dropKey drops a key that is gone, or, when it comes again, one that changes.
func (t *tableChange) dropKey(f *schema.Fact, check, again bool) {
	name := t.l.Dialect.Quote(f.ID.Name)
	maria := t.l.Dialect.Flavour() == MariaDB
	switch {
	case check && maria:
		t.main.drop(dropsKey, atOnce, "DROP CONSTRAINT "+name)
	case check:
		t.main.drop(dropsKey, copies, "DROP CHECK "+name)
	case f.Get(Type) == PrimaryKey && again:
		t.main.drop(changes, inPlace, "DROP PRIMARY KEY")
	case f.Get(Type) == PrimaryKey:
		t.main.drop(changes, copies, "DROP PRIMARY KEY")
	case again && !t.resized:
		t.keys.drop(dropsKey, t.l.least(noCopy, inPlace), "DROP KEY "+name)
	default:
		t.replaced = t.replaced || again
		t.main.drop(dropsKey, t.l.least(noCopy, inPlace), "DROP KEY "+name)
	}
}

func (l Language) visibility(f *schema.Fact) string {
	hidden := f.Get(Invisible) != ""
	switch {
	case hidden:
		return l.hiddenWord()
	case l.Dialect.Flavour() == MariaDB:
		return "NOT IGNORED"
	}
	return "VISIBLE"
}
