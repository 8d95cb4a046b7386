package sqlite

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/plan"
	"github.com/bellowsdb/bellows/schema"
)

// The versions that brought what ALTER TABLE can do.
const (
	dropColumnSince = 3035000
	constraintSince = 3053000 // ADD and DROP CONSTRAINT, ALTER COLUMN … NOT NULL
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
		return l.drop(a.Main.Before, w)
	case diff.Create:
		return l.make(a.Main.After, w)
	}
	t := newTableChange(l, w, a.Main.ID().Name)
	if s, ok := t.native(); ok {
		return s
	}
	return t.rebuild()
}

func (l Language) make(f *schema.Fact, w *diff.World) []diff.Statement {
	s := l.say(l.Dialect.create(w.After, f))
	_, there := w.Before.Find(schema.ID{Kind: schema.Table, Name: f.ID.On})
	switch {
	case f.ID.Kind == schema.Index && there:
		s = l.risk(s, diff.BuildsIndex, f.ID, "the whole table is read while nobody else can write")
		if f.Get(Unique) != "" {
			s = l.risk(s, diff.MayFail, f.ID, "rows that are there may have the same values")
		}
	case f.ID.Kind == VirtualTable:
		if content := contentOf(f); content != "" {
			if _, ok := w.Before.Find(schema.ID{Kind: schema.Table, Name: content}); ok {
				name := l.Dialect.ident(f.ID.Name)
				s = append(s, l.say("INSERT INTO "+name+" ("+name+") VALUES ('rebuild')")...)
			}
		}
	}
	return s
}

// contentOf is the table whose rows a full-text index is over; "" for none.
func contentOf(f *schema.Fact) string {
	c := codeOf(f.Get(Definition))
	if len(c) == 0 || !strings.HasPrefix(strings.ToLower(c[0].name()), "fts") {
		return ""
	}
	for i := range c {
		if c[i].is("CONTENT") && i+2 < len(c) && c[i+1].is("=") {
			return c[i+2].name()
		}
	}
	return ""
}

func (l Language) drop(f *schema.Fact, w *diff.World) []diff.Statement {
	d := l.Dialect
	switch f.ID.Kind {
	case schema.Table, VirtualTable:
		s := l.say("DROP TABLE " + d.ident(f.ID.Name))
		s = l.risk(s, diff.LosesTable, f.ID, "the table goes with its rows")
		if l.stillPointedAt(w, f.ID.Name) || tangled(w.Before, f.ID.Name) || inCircle(w.Before, f.ID.Name) {
			s = append(l.once(keysOff), s...)
		} else if slices.ContainsFunc(pointingAt(w.Before, f.ID.Name), func(k *schema.Fact) bool { return k.ID.On == f.ID.Name }) {
			s = append(l.once(deferKeys), s...)
		}
		return s
	case schema.Index, schema.Trigger:
		if f.Of == schema.Table && w.Stays(schema.ID{Kind: schema.Table, Name: f.ID.On}) && l.rebuilds(w, f.ID.On) {
			return nil // it goes with the old table
		}
	}
	return l.say("DROP " + strings.ToUpper(string(f.ID.Kind)) + " " + d.ident(f.ID.Name))
}

// deferKeys lets a table be dropped whose rows point at each other.
const deferKeys = "PRAGMA defer_foreign_keys = ON"

func (l Language) once(text string) []diff.Statement {
	s := l.say(text)
	s[0].Once = true
	return s
}

// stillPointedAt tells whether foreign keys that stay point at a table that is
// dropped. With them on, its rows would be deleted first, and theirs with them.
func (l Language) stillPointedAt(w *diff.World, table string) bool {
	return slices.ContainsFunc(pointingAt(w.Before, table), func(f *schema.Fact) bool {
		_, stays := w.After.Find(f.ID)
		return stays
	})
}

// tangled tells whether a foreign key of a table, or one that points at it, cannot
// be followed: with foreign keys on, SQLite then refuses to drop it.
func tangled(s schema.Schema, table string) bool {
	return slices.ContainsFunc(append(pointingAt(s, table), s.On(schema.Constraint, "", table)...), func(f *schema.Fact) bool {
		return f.Get(Type) == ForeignKey && !sound(s, f)
	})
}

// inCircle tells whether a table points at itself by way of other tables, so that
// in no order each table goes before those it points at.
func inCircle(s schema.Schema, table string) bool {
	seen := map[string]bool{}
	var leads func(from string) bool
	leads = func(from string) bool {
		for _, f := range s.On(schema.Constraint, "", from) {
			to := f.Get(References)
			if to == table && from != table {
				return true
			}
			if to != "" && !seen[to] && to != table {
				seen[to] = true
				if leads(to) {
					return true
				}
			}
		}
		return false
	}
	return leads(table)
}

// pointingAt are the foreign keys to a table.
func pointingAt(s schema.Schema, table string) (found []*schema.Fact) {
	facts := s.Facts()
	for i := range facts {
		if facts[i].ID.Kind == schema.Constraint && facts[i].Get(References) == table {
			found = append(found, &facts[i])
		}
	}
	return found
}

// rebuilds tells whether a table that is in both shapes is written anew.
func (l Language) rebuilds(w *diff.World, table string) bool {
	t := newTableChange(l, w, table)
	if t.same() {
		return false
	}
	_, ok := t.native()
	return !ok
}

// tableChange is one table that is in both shapes.
type tableChange struct {
	l             Language
	w             *diff.World
	table         string
	before, after *schema.Fact
	columns       []diff.Change // added, removed, and those that differ
	constraints   []diff.Change
	added         map[string]bool // columns
	dropped       map[string]bool
	written       map[schema.ID]bool // constraints that are written with their column
	out           []diff.Statement
}

func newTableChange(l Language, w *diff.World, table string) *tableChange {
	t := &tableChange{l: l, w: w, table: table, added: map[string]bool{}, dropped: map[string]bool{}, written: map[schema.ID]bool{}}
	id := schema.ID{Kind: schema.Table, Name: table}
	t.before, _ = w.Before.Find(id)
	t.after, _ = w.After.Find(id)
	t.columns = differences(w, schema.Column, table)
	t.constraints = differences(w, schema.Constraint, table)
	for _, c := range t.columns {
		t.added[c.ID().Name] = c.Before == nil
		t.dropped[c.ID().Name] = c.After == nil
	}
	return t
}

// differences are the facts of a kind on a table that differ, in the order of
// the new shape, those that are gone last.
func differences(w *diff.World, kind schema.Kind, table string) (out []diff.Change) {
	before, after := w.Before.On(kind, "", table), w.After.On(kind, "", table)
	for _, f := range after {
		old, ok := w.Before.Find(f.ID)
		if !ok {
			out = append(out, diff.Change{After: f})
		} else if !slices.Equal(old.Attrs, f.Attrs) {
			out = append(out, diff.Change{Before: old, After: f})
		}
	}
	for _, f := range before {
		if _, ok := w.After.Find(f.ID); !ok {
			out = append(out, diff.Change{Before: f})
		}
	}
	return out
}

func (t *tableChange) same() bool {
	return len(t.columns) == 0 && len(t.constraints) == 0 && slices.Equal(t.before.Attrs, t.after.Attrs)
}

func (t *tableChange) version(since int) bool { return t.l.Dialect.Version() >= since }

// native are the ALTERs that do it all; false where one of the changes has none.
// Columns are added before others are dropped, for a table keeps at least one.
func (t *tableChange) native() ([]diff.Statement, bool) {
	t.out = nil
	if !slices.Equal(t.before.Attrs, t.after.Attrs) {
		return nil, false
	}
	for _, step := range []func() bool{t.dropConstraints, t.addColumns, t.dropColumns, t.alterColumns, t.addConstraints} {
		if !step() {
			return nil, false
		}
	}
	return t.out, true
}

func (t *tableChange) alter(words string) {
	t.out = append(t.out, t.l.say("ALTER TABLE "+t.l.Dialect.ident(t.table)+" "+words)...)
}

func (t *tableChange) risk(code string, about schema.ID, why string) {
	t.out = t.l.risk(t.out, code, about, why)
}

// dropConstraints drops those that are gone or change: checks with a name of
// their own. What is written behind a column that goes, goes with it.
func (t *tableChange) dropConstraints() bool {
	for _, c := range t.constraints {
		if c.Before == nil || t.goesWithColumn(c.Before) {
			continue
		}
		name := c.Before.Get(Named)
		if c.Before.Get(Type) != Check || name == "" || c.Before.ID.Args != "" || t.twice(name) || !t.version(constraintSince) {
			return false
		}
		t.alter("DROP CONSTRAINT " + t.l.Dialect.ident(name))
	}
	return true
}

// twice tells whether several constraints of the table have a name.
func (t *tableChange) twice(name string) bool {
	n := 0
	for _, f := range t.w.Before.On(schema.Constraint, "", t.table) {
		if strings.EqualFold(f.Get(Named), name) {
			n++
		}
	}
	return n > 1
}

func (t *tableChange) goesWithColumn(f *schema.Fact) bool {
	if f.Order == 0 || f.Get(Type) != Check && f.Get(Type) != ForeignKey {
		return false
	}
	for _, c := range t.w.Before.On(schema.Column, "", t.table) {
		if c.Order == f.Order {
			return t.dropped[c.ID.Name]
		}
	}
	return false
}

func (t *tableChange) addColumns() bool {
	for _, c := range t.columns {
		if c.Before != nil {
			continue
		}
		f := c.After
		var with []*schema.Fact
		for _, k := range t.constraints {
			if k.Before == nil && t.writtenBehind(k.After, f.ID) {
				with = append(with, k.After)
				t.written[k.After.ID] = true
			}
		}
		value := f.Get(Default)
		constant := value == "" || parenthesised(value) == value && !strings.HasPrefix(value, "CURRENT_")
		pointing := slices.ContainsFunc(with, func(k *schema.Fact) bool { return k.Get(Type) == ForeignKey })
		if f.Get(Stored) != "" || !constant || pointing && value != "" {
			return false
		}
		t.alter("ADD COLUMN " + t.l.Dialect.column(f, with))
		if f.Get(NotNull) != "" && value == "" && f.Get(Generated) == "" {
			t.risk(diff.MayFail, f.ID, "the rows that are there have no value for it")
		}
		if slices.ContainsFunc(with, func(k *schema.Fact) bool { return k.Get(Type) == Check }) {
			t.risk(diff.ScansTable, f.ID, "all rows are checked")
		}
	}
	return true
}

// writtenBehind tells whether a new constraint can be written behind a new
// column: one that is about this column alone.
func (t *tableChange) writtenBehind(f *schema.Fact, column schema.ID) bool {
	for _, id := range f.Needs {
		if id.Kind == schema.Column && id.On == t.table && id != column && f.Get(References) != t.table {
			return false
		}
	}
	switch f.Get(Type) {
	case ForeignKey:
		return f.Get(Columns) == schema.List([]string{column.Name})
	case Check:
		return slices.Contains(f.Needs, column)
	}
	return false
}

func (t *tableChange) dropColumns() bool {
	var gone []*schema.Fact
	for _, c := range t.columns {
		if c.After == nil {
			gone = append(gone, c.Before)
		}
	}
	if len(gone) > 0 && !t.version(dropColumnSince) {
		return false
	}
	for _, f := range dropOrder(gone) {
		t.alter("DROP COLUMN " + t.l.Dialect.ident(f.ID.Name))
		t.loses(f)
	}
	return true
}

// dropOrder puts generated columns before those they are made of.
func dropOrder(gone []*schema.Fact) (order []*schema.Fact) {
	for len(gone) > 0 {
		at := max(0, slices.IndexFunc(gone, func(f *schema.Fact) bool {
			return !slices.ContainsFunc(gone, func(other *schema.Fact) bool { return other != f && slices.Contains(other.Needs, f.ID) })
		}))
		order = append(order, gone[at])
		gone = slices.Delete(gone, at, at+1)
	}
	return order
}

func (t *tableChange) loses(f *schema.Fact) {
	if f.Get(Generated) == "" {
		t.risk(diff.LosesColumn, f.ID, "the column goes with its values")
	}
	if f.Get(Stored) != "" || f.Get(Generated) == "" {
		t.risk(diff.RewritesTable, f.ID, "every row is written anew")
	}
}

// alterColumns sets and drops NOT NULL.
func (t *tableChange) alterColumns() bool {
	for _, c := range t.columns {
		if c.Before == nil || c.After == nil {
			continue
		}
		was := c.Before.Attrs.With(NotNull, "").With(NotNullName, "").With(NotNullConflict, "")
		if is := c.After.Attrs.With(NotNull, ""); !slices.Equal(was, is) || !t.version(constraintSince) {
			return false
		}
		what, set := t.l.Dialect.ident(c.After.ID.Name), c.After.Get(NotNull) != ""
		switch {
		case !set:
			t.alter("ALTER COLUMN " + what + " DROP NOT NULL")
		case c.Before.Get(NotNull) != "":
			return false // only its name or what it does on conflict goes
		default:
			t.alter("ALTER COLUMN " + what + " SET NOT NULL")
			t.risk(diff.ScansTable, c.After.ID, "all rows are checked")
			t.risk(diff.MayFail, c.After.ID, "rows that are there may have no value")
		}
	}
	return true
}

// addConstraints adds checks.
func (t *tableChange) addConstraints() bool {
	for _, c := range t.constraints {
		if c.After == nil || t.written[c.After.ID] {
			continue
		}
		if c.After.Get(Type) != Check || c.After.ID.Args != "" || !t.version(constraintSince) {
			return false
		}
		t.alter("ADD " + t.l.Dialect.constraint(c.After))
		t.risk(diff.ScansTable, c.After.ID, "all rows are checked")
		t.risk(diff.MayFail, c.After.ID, "rows that are there may not fit")
	}
	return true
}

// rebuild writes the table anew: a new table under another name, the rows into
// it, the old one dropped, the new one under its name, and all that was on the
// old one made again. The old table is never renamed: SQLite would make the
// tables that point at it follow. Old customs of ALTER TABLE are switched on for
// the rename, so that it leaves alone views and triggers that name the table.
func (t *tableChange) rebuild() []diff.Statement {
	t.out = nil
	l, d := t.l, t.l.Dialect
	between := t.freeName()
	name, new := d.ident(t.table), d.ident(between)
	if t.needsKeysOff() {
		t.out = append(t.out, l.once(keysOff)...)
		defer t.checkKeys()
	}
	made := d.createTable(t.w.After, t.after, between)
	t.out = append(t.out, l.say(made)...)
	if copied := t.copied(); copied != "" {
		insert := "INSERT INTO "
		if strings.Contains(made, " ON CONFLICT ") {
			insert = "INSERT OR ABORT INTO " // a row that does not fit must not be left out, or push out another
		}
		t.out = append(t.out, l.say(insert+new+" "+copied)...)
	}
	t.risks()
	t.out = append(t.out, l.say(t.sequence(between)...)...)
	drop := l.say("DROP TABLE " + name)
	drop[0].Effect.Destroys = t.losses()
	t.out = append(t.out, drop...)
	t.out = append(t.out, l.say("PRAGMA legacy_alter_table = ON", "ALTER TABLE "+new+" RENAME TO "+name, "PRAGMA legacy_alter_table = OFF")...)
	for _, kind := range []schema.Kind{schema.Index, schema.Trigger} {
		for _, f := range t.w.After.On(kind, "", t.table) {
			if f.Of == schema.Table && !t.w.Creates(f.ID) {
				t.out = append(t.out, l.say(d.create(t.w.After, f))...)
			}
		}
	}
	return t.out
}

// needsKeysOff tells whether foreign keys must be off: some point at the table,
// whose rows would go with it, or its own cannot be followed while it is filled.
func (t *tableChange) needsKeysOff() bool {
	if len(pointingAt(t.w.Before, t.table)) > 0 || len(pointingAt(t.w.After, t.table)) > 0 {
		return true
	}
	return slices.ContainsFunc(t.w.After.On(schema.Constraint, "", t.table), func(f *schema.Fact) bool {
		if f.Get(Type) != ForeignKey {
			return false
		}
		if _, was := t.w.Before.Find(schema.ID{Kind: schema.Table, Name: f.Get(References)}); was {
			return !sound(t.w.After, f) || !sound(t.w.Before, f)
		}
		_, old := t.w.Before.Find(f.ID) // it does not wait for its table to be made
		return old || !sound(t.w.After, f)
	})
}

// checkKeys looks, at the end, at the foreign keys of the table and at those that
// point at it, where they can be followed.
func (t *tableChange) checkKeys() {
	own := t.w.After.On(schema.Constraint, "", t.table)
	for _, f := range append(own, pointingAt(t.w.After, t.table)...) {
		if f.Get(Type) == ForeignKey && !slices.ContainsFunc(t.w.After.On(schema.Constraint, "", f.ID.On), func(k *schema.Fact) bool {
			return k.Get(Type) == ForeignKey && !sound(t.w.After, k)
		}) {
			t.out = append(t.out, t.l.once(keysCheck+" ("+t.l.Dialect.ident(f.ID.On)+")")...)
		}
	}
}

// sound tells whether a foreign key can be followed: there is such a table, and
// the columns it points at are a key of it.
func sound(s schema.Schema, f *schema.Fact) bool {
	table := f.Get(References)
	wanted := schema.Items(f.Get(ReferenceColumns))
	same := func(key *schema.Fact) bool {
		terms := schema.Items(key.Get(Columns))
		if len(wanted) == 0 && key.Get(Type) == PrimaryKey {
			return len(terms) == len(schema.Items(f.Get(Columns)))
		}
		return len(terms) == len(wanted) && !slices.ContainsFunc(terms, func(term string) bool {
			c := codeOf(term)
			return len(c) > 2 || len(c) == 2 && !c[1].is("DESC") || !slices.Contains(wanted, c[0].name())
		})
	}
	return slices.ContainsFunc(s.On(schema.Constraint, "", table), func(k *schema.Fact) bool {
		return (k.Get(Type) == PrimaryKey || k.Get(Type) == Unique) && same(k)
	}) || slices.ContainsFunc(s.On(schema.Index, "", table), func(k *schema.Fact) bool {
		return k.Get(Unique) != "" && k.Get(Where) == "" && same(k)
	})
}

// freeName is a name that neither shape has.
func (t *tableChange) freeName() string {
	taken := map[string]bool{}
	for _, s := range []schema.Schema{t.w.Before, t.w.After} {
		for _, f := range s.Facts() {
			taken[strings.ToLower(f.ID.Name)] = true
		}
	}
	name := t.table + "_new"
	for taken[strings.ToLower(name)] {
		name += "_"
	}
	return name
}

// kept are the columns whose values go into the new table.
func (t *tableChange) kept() (names []string) {
	for _, f := range t.w.After.On(schema.Column, "", t.table) {
		if _, ok := t.w.Before.Find(f.ID); ok && f.Get(Generated) == "" {
			names = append(names, f.ID.Name)
		}
	}
	return names
}

// copied is what stands behind INSERT INTO and the new table's name; "" when the
// tables have nothing in common.
func (t *tableChange) copied() string {
	d := t.l.Dialect
	into := t.kept()
	from := slices.Clone(into)
	alias := rowidAlias(t.w.After, t.after)
	if !slices.Contains(into, alias) {
		if to, of := rowidName(t.w.After, t.after), rowidName(t.w.Before, t.before); to != "" && of != "" {
			into, from = append([]string{to}, into...), append([]string{of}, from...)
		}
	}
	if len(into) == 0 {
		return ""
	}
	return "(" + d.idents(into) + ") SELECT " + d.idents(from) + " FROM " + d.ident(t.table)
}

// rowidAlias is the column that is the number of a row; "" for none.
func rowidAlias(s schema.Schema, table *schema.Fact) string {
	if table.Get(WithoutRowid) != "" {
		return ""
	}
	for _, f := range s.On(schema.Constraint, "", table.ID.Name) {
		terms := schema.Items(f.Get(Columns))
		if f.Get(Type) != PrimaryKey || len(terms) != 1 || f.Get(NoAlias) != "" {
			continue
		}
		c, ok := s.Find(schema.ID{Kind: schema.Column, On: table.ID.Name, Name: codeOf(terms[0])[0].name()})
		if ok && c.Get(Type) == "INTEGER" {
			return c.ID.Name
		}
	}
	return ""
}

// rowidName is a name by which the number of a row can be read and written; ""
// where rows have none.
func rowidName(s schema.Schema, table *schema.Fact) string {
	if table.Get(WithoutRowid) != "" {
		return ""
	}
	taken := map[string]bool{}
	for _, f := range s.On(schema.Column, "", table.ID.Name) {
		taken[strings.ToLower(f.ID.Name)] = true
	}
	for _, name := range []string{"rowid", "_rowid_", "oid"} {
		if !taken[name] {
			return name
		}
	}
	return ""
}

// sequence carries the counter of an AUTOINCREMENT over: the rows alone would
// give one that forgets the numbers of those that were deleted.
func (t *tableChange) sequence(between string) []string {
	if !counts(t.w.Before, t.table) || !counts(t.w.After, t.table) {
		return nil
	}
	d := t.l.Dialect
	return []string{
		"DELETE FROM sqlite_sequence WHERE name = " + d.Literal(between),
		"INSERT INTO sqlite_sequence (name, seq) SELECT " + d.Literal(between) + ", seq FROM sqlite_sequence WHERE name = " + d.Literal(t.table),
	}
}

func counts(s schema.Schema, table string) bool {
	return slices.ContainsFunc(s.On(schema.Constraint, "", table), func(f *schema.Fact) bool { return f.Get(Autoincrement) != "" })
}

// losses are what the new table does not have.
func (t *tableChange) losses() (all []plan.Loss) {
	table := plan.Name{Name: t.table}
	if t.copied() == "" {
		return []plan.Loss{{Table: table, Rows: true}}
	}
	kept := t.kept()
	for _, f := range t.w.Before.On(schema.Column, "", t.table) {
		if f.Get(Generated) == "" && !slices.Contains(kept, f.ID.Name) {
			all = append(all, plan.Loss{Table: table, Column: f.ID.Name})
		}
	}
	return all
}

// risks says what may go wrong while the rows are copied.
func (t *tableChange) risks() {
	t.risk(diff.RewritesTable, t.after.ID, "every row is written anew while nobody else can write")
	for _, loss := range t.losses() {
		if loss.Column == "" {
			t.risk(diff.LosesTable, t.after.ID, "the new table has nothing in common with the old one: its rows go")
			continue
		}
		t.risk(diff.LosesColumn, schema.ID{Kind: schema.Column, On: t.table, Name: loss.Column}, "the column goes with its values")
	}
	for _, c := range t.columns {
		if c.After == nil {
			continue
		}
		was := ""
		if c.Before != nil {
			was = c.Before.Get(Type)
		}
		switch {
		case c.Before != nil && affinity(was) != affinity(c.After.Get(Type)) && c.After.Get(Generated) == "":
			t.risk(diff.LosesValues, c.After.ID, "values are turned into what the new type wants: '007' becomes 7")
		case c.After.Get(NotNull) != "" && (c.Before == nil && c.After.Get(Default) == "" || c.Before != nil && c.Before.Get(NotNull) == ""):
			t.risk(diff.MayFail, c.After.ID, "rows that are there may have no value")
		}
	}
	if t.after.Get(Strict) != "" && t.before.Get(Strict) == "" {
		t.risk(diff.MayFail, t.after.ID, "rows that are there may have values of other types")
	}
	if alias := rowidAlias(t.w.After, t.after); alias != "" && alias != rowidAlias(t.w.Before, t.before) {
		id := schema.ID{Kind: schema.Column, On: t.table, Name: alias}
		t.risk(diff.MayFail, id, "rows that are there may have values that are no integers, or the same")
		t.risk(diff.LosesValues, id, "a row without a value gets a number")
	}
	for _, c := range t.constraints {
		if c.After == nil {
			continue
		}
		if c.Before == nil || slices.ContainsFunc([]string{Columns, Expr, References, ReferenceColumns}, func(key string) bool { return c.Before.Get(key) != c.After.Get(key) }) {
			t.risk(diff.MayFail, c.After.ID, "rows that are there may not fit")
		}
	}
}

// affinity is how SQLite treats values of a declared type (section 3.1 of
// https://sqlite.org/datatype3.html).
func affinity(declared string) string {
	has := func(part string) bool { return strings.Contains(strings.ToUpper(declared), part) }
	switch {
	case has("INT"):
		return "INTEGER"
	case has("CHAR"), has("CLOB"), has("TEXT"):
		return "TEXT"
	case has("BLOB"), declared == "":
		return "BLOB"
	case has("REAL"), has("FLOA"), has("DOUB"):
		return "REAL"
	}
	return "NUMERIC"
}
