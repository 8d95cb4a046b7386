package sqlite

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bellowsdb/bellows/schema"
	"github.com/bellowsdb/bellows/sqltext"
)

// Catalog is what a file tells of its own shape: the texts it keeps, and what
// SQLite made of them, by which our reading of the texts is checked.
type Catalog struct {
	// Objects are the rows of sqlite_schema, those of the tables to pass over
	// left out.
	Objects []Object
	// Kinds are the types of pragma table_list by the names of the tables.
	Kinds map[string]string
	// Modules are the names of the modules that this SQLite has.
	Modules map[string]bool
	Columns []Column
	Keys    []Key
	Indexes []IndexColumn
}

// Object is a row of sqlite_schema. Type is table, index, view or trigger; SQL
// is "" for an index that belongs to a constraint.
type Object struct{ Type, Name, Table, SQL string }

// Column is a row of pragma table_xinfo.
type Column struct {
	Table, Name, Type string
	NotNull           bool
	Primary           int // place in the primary key, from 1
	Hidden            int // 2 virtual, 3 stored
}

// Key is a row of pragma foreign_key_list.
type Key struct {
	Table              string
	ID                 int
	Parent, From, To   string // To is "" where the primary key is meant
	OnUpdate, OnDelete string
}

// IndexColumn is a key column's row of pragma index_xinfo, with its index.
type IndexColumn struct {
	Table, Index    string
	Unique, Partial bool
	Origin          string // c by CREATE INDEX, u by UNIQUE, pk by PRIMARY KEY
	Name            string // "" for an expression
	Desc            bool
	Collate         string
}

// Shape makes facts of a catalog. A table whose text we read differently from
// SQLite, or not at all, is unmodelled with all that lives on it.
//
// Comments inside CREATE TABLE and CREATE INDEX are no facts, and neither are
// clauses that SQLite reads and does nothing about: MATCH, ON CONFLICT of a
// CHECK, the name of a DEFAULT.
func (d Dialect) Shape(c Catalog) schema.Schema {
	b := &builder{d: d, c: c, tables: map[string]schema.ID{}, columns: map[string]map[string]string{}, out: map[string]bool{}}
	b.check = newChecks(c)
	for _, o := range c.Objects {
		if module, _ := moduleOf(codeOf(o.SQL)); module != "" && !c.Modules[module] {
			b.lost = append(b.lost, o.Name)
		}
	}
	for _, o := range c.Objects {
		if o.Type == "table" || o.Type == "view" {
			b.relation(o)
		}
	}
	for _, o := range c.Objects {
		switch o.Type {
		case "table", "view":
		case "index":
			b.index(o)
		case "trigger":
			b.trigger(o)
		default:
			b.unmodelled(o.Type, o.Name, "there is no such thing in the SQLite we know")
		}
	}
	b.resolve()
	b.viewNeeds()
	b.distinct()
	return schema.New(d.Name(), d.Version(), b.facts, b.rest...)
}

// builder makes the facts of one catalog. Names are looked up in lower case.
type builder struct {
	d       Dialect
	c       Catalog
	check   checks
	facts   []schema.Fact
	rest    []schema.Unmodelled
	tables  map[string]schema.ID         // what a name in FROM may mean
	columns map[string]map[string]string // of the tables
	out     map[string]bool              // tables that are no facts
	lost    []string                     // virtual tables whose module is missing
}

func (b *builder) unmodelled(kind, name, why string) {
	b.rest = append(b.rest, schema.Unmodelled{Kind: kind, Name: name, Why: why})
}

// own tells of what SQLite keeps for itself.
func own(name string) bool { return len(name) > 7 && strings.EqualFold(name[:7], "sqlite_") }

func (b *builder) relation(o Object) {
	lower := strings.ToLower(o.Name)
	code := codeOf(o.SQL)
	switch {
	case own(o.Name) || b.c.Kinds[o.Name] == "shadow":
		b.out[lower] = true
	case o.Type == "view":
		b.view(o, code)
	case isVirtual(code):
		b.virtual(o, code)
	case b.ofMissingModule(o.Name):
		b.out[lower] = true
		b.unmodelled("table", o.Name, "its name says that it belongs to a virtual table whose module this build has not")
	default:
		b.table(o)
	}
}

func (b *builder) table(o Object) {
	facts, err := b.d.readTable(o.Name, o.SQL)
	if err == nil {
		err = b.check.table(b.d, o.Name, facts)
	}
	lower := strings.ToLower(o.Name)
	if err != nil {
		b.out[lower] = true
		b.unmodelled("table", o.Name, "with its indexes and triggers: "+err.Error())
		return
	}
	columns := map[string]string{}
	for i := range facts {
		if id := facts[i].ID; id.Kind == schema.Column {
			columns[strings.ToLower(id.Name)] = id.Name
		}
	}
	b.tables[lower], b.columns[lower] = facts[0].ID, columns
	b.facts = append(b.facts, facts...)
}

// virtual keeps the module and its arguments; what the module keeps in tables
// of its own goes with it.
func (b *builder) virtual(o Object, c code) {
	module, at := moduleOf(c)
	if !b.c.Modules[module] {
		b.out[strings.ToLower(o.Name)] = true
		b.unmodelled(string(VirtualTable), o.Name, "this build has no module "+module)
		return
	}
	b.add(VirtualTable, o.Name, schema.NewAttrs(Definition, asWrittenFrom(o.SQL, c[at:])))
}

func isVirtual(c code) bool { return len(c) > 1 && c[1].is("VIRTUAL") }

// moduleOf is the module of a CREATE VIRTUAL TABLE and where its name stands;
// "" for any other statement.
func moduleOf(c code) (module string, at int) {
	for i, w := range c {
		if isVirtual(c) && w.is("USING") && i+1 < len(c) {
			return strings.ToLower(c[i+1].name()), i + 1
		}
	}
	return "", 0
}

// asWrittenFrom is the part of a text that those words span.
func asWrittenFrom(text string, c code) string { return text[c[0].start:c[len(c)-1].end] }

// ofMissingModule tells that a table may be one that a module we have not keeps
// for its virtual table: their names begin alike.
func (b *builder) ofMissingModule(name string) bool {
	return slices.ContainsFunc(b.lost, func(virtual string) bool {
		return len(virtual) < len(name) && strings.EqualFold(name[:len(virtual)+1], virtual+"_")
	})
}

func (b *builder) add(kind schema.Kind, name string, a schema.Attrs) {
	id := schema.ID{Kind: kind, Name: name}
	b.tables[strings.ToLower(name)] = id
	b.facts = append(b.facts, schema.Fact{ID: id, Attrs: a})
}

// view keeps the text behind AS as it was written: a column without a name is
// called by the text of its expression.
func (b *builder) view(o Object, c code) {
	r := &tableReader{c: c}
	columns := ""
	if r.take("CREATE", "VIEW") {
		r.name()
		if r.peek("(") {
			columns = r.theirNames()
		}
	}
	if !r.take("AS") || r.err != nil || r.end() {
		b.out[strings.ToLower(o.Name)] = true
		b.unmodelled("view", o.Name, "with its triggers: its text is not understood")
		return
	}
	b.add(schema.View, o.Name, schema.NewAttrs(Columns, columns, Definition, asWrittenFrom(o.SQL, c[r.at:])))
}

func (b *builder) index(o Object) {
	table := strings.ToLower(o.Table)
	if o.SQL == "" || b.out[table] {
		if o.SQL != "" && (b.c.Kinds[o.Table] == "shadow" || own(o.Table)) {
			b.unmodelled("index", o.Name, "it is on "+o.Table+", which is SQLite's own")
		}
		return
	}
	on := b.tables[table]
	f, err := b.d.readIndex(o, on.Name, b.columns[table])
	if err == nil {
		err = b.check.index(f)
	}
	if err != nil {
		b.unmodelled("index", o.Name, err.Error())
		return
	}
	b.facts = append(b.facts, f)
}

// readIndex reads a CREATE INDEX.
func (d Dialect) readIndex(o Object, table string, columns map[string]string) (schema.Fact, error) {
	r := &tableReader{speller: speller{d: d, columns: columns}, c: codeOf(o.SQL)}
	r.take("CREATE")
	unique := ""
	if r.take("UNIQUE") {
		unique = Yes
	}
	r.take("INDEX")
	r.name()
	r.want("ON")
	r.name()
	terms, _ := r.terms()
	where := ""
	if r.take("WHERE") && !r.end() {
		where = r.expression(r.c[r.at:])
		r.at = len(r.c)
	}
	if !r.end() {
		r.fail("%q is not understood", r.text())
	}
	r.table = table
	return schema.Fact{ID: r.id(schema.Index, o.Name), Of: schema.Table, Needs: r.mentioned(r.c),
		Attrs: schema.NewAttrs(Named, o.Name, Unique, unique, Columns, terms, Where, where)}, r.err
}

// trigger keeps the text behind the name as it was written.
func (b *builder) trigger(o Object) {
	if b.out[strings.ToLower(o.Table)] {
		if b.c.Kinds[o.Table] == "shadow" {
			b.unmodelled("trigger", o.Name, "it is on "+o.Table+", which belongs to a virtual table")
		}
		return
	}
	on, ok := b.tables[strings.ToLower(o.Table)]
	r := &tableReader{c: codeOf(o.SQL)}
	if !ok || !r.take("CREATE", "TRIGGER") || r.name() == "" || r.end() {
		b.unmodelled("trigger", o.Name, "its text is not understood")
		return
	}
	b.facts = append(b.facts, schema.Fact{ID: schema.ID{Kind: schema.Trigger, On: on.Name, Name: o.Name}, Of: on.Kind,
		Attrs: schema.NewAttrs(Definition, asWrittenFrom(o.SQL, r.c[r.at:])), Needs: b.mentions(r.c[r.at:], on)})
}

// mentions are the tables and views that a text names, but for one, and those
// of their columns whose names are in it.
func (b *builder) mentions(c code, but schema.ID) (ids []schema.ID) {
	names := map[string]bool{}
	for i, w := range c {
		if w.kind != sqltext.Word && w.kind != sqltext.Quoted {
			continue
		}
		names[strings.ToLower(w.name())] = true
		if i > 0 && (c[i-1].is("AS") || c[i-1].is(".") && !isMain(c, i-2)) {
			continue
		}
		if id, ok := b.tables[strings.ToLower(w.name())]; ok && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, id := range append(ids, but) {
		for lower, column := range b.columns[strings.ToLower(id.Name)] {
			if names[lower] {
				ids = append(ids, schema.ID{Kind: schema.Column, On: id.Name, Name: column})
			}
		}
	}
	ids = slices.DeleteFunc(ids, func(id schema.ID) bool { return id == but })
	slices.SortFunc(ids, schema.ID.Compare)
	return slices.Compact(ids)
}

func isMain(c code, i int) bool { return i >= 0 && strings.EqualFold(c[i].name(), "main") }

// resolve spells the tables and columns that foreign keys point at as they were
// declared, and says that they are needed.
func (b *builder) resolve() {
	for i := range b.facts {
		f := &b.facts[i]
		to := f.Get(References)
		if to == "" {
			continue
		}
		id, ok := b.tables[strings.ToLower(to)]
		if !ok {
			continue
		}
		f.Attrs = f.Attrs.With(References, id.Name)
		if id.Name != f.ID.On {
			f.Needs = append(f.Needs, id)
		}
		names := schema.Items(f.Get(ReferenceColumns))
		for j, name := range names {
			if declared, ok := b.columns[strings.ToLower(id.Name)][strings.ToLower(name)]; ok {
				names[j] = declared
				f.Needs = append(f.Needs, schema.ID{Kind: schema.Column, On: id.Name, Name: declared})
			}
		}
		f.Attrs = f.Attrs.With(ReferenceColumns, schema.List(names))
		if f.Get(Named) == "" {
			f.ID.Name = ownName(f.Attrs)
		}
	}
}

// distinct numbers the constraints of a table that have the same name: SQLite
// lets them.
func (b *builder) distinct() {
	seen := map[schema.ID]bool{}
	for i := range b.facts {
		id := &b.facts[i].ID
		for n := 2; seen[*id]; n++ {
			id.Args = strconv.Itoa(n)
		}
		seen[*id] = true
	}
}

// viewNeeds says what the views need. A view may be made before what it needs,
// so a circle is possible; it is cut.
func (b *builder) viewNeeds() {
	at, done := map[schema.ID]int{}, map[schema.ID]int{}
	for i := range b.facts {
		if b.facts[i].ID.Kind == schema.View {
			at[b.facts[i].ID] = i
		}
	}
	var visit func(id schema.ID)
	visit = func(id schema.ID) {
		done[id] = 1
		f := &b.facts[at[id]]
		for _, need := range b.mentions(codeOf(f.Get(Definition)), id) {
			if done[need] == 1 {
				continue
			}
			if _, view := at[need]; view && done[need] == 0 {
				visit(need)
			}
			f.Needs = append(f.Needs, need)
		}
		done[id] = 2
	}
	for _, id := range slices.SortedFunc(maps.Keys(at), schema.ID.Compare) {
		if done[id] == 0 {
			visit(id)
		}
	}
}

// checks is what SQLite made of the texts.
type checks struct {
	columns map[string][]Column
	keys    map[string][]Key
	indexes map[string][]IndexColumn // by table and index
	primary map[string][]string
}

func newChecks(c Catalog) checks {
	k := checks{map[string][]Column{}, map[string][]Key{}, map[string][]IndexColumn{}, map[string][]string{}}
	for _, x := range c.Columns {
		k.columns[x.Table] = append(k.columns[x.Table], x)
	}
	for _, x := range c.Keys {
		k.keys[x.Table] = append(k.keys[x.Table], x)
	}
	for _, x := range c.Indexes {
		k.indexes[x.Table+"\x00"+x.Index] = append(k.indexes[x.Table+"\x00"+x.Index], x)
	}
	return k
}

// table compares the facts of a table with what SQLite says of it.
func (k checks) table(d Dialect, name string, facts []schema.Fact) error {
	var columns []schema.Fact
	primary, keys := map[string]bool{}, 0
	for _, f := range facts {
		switch {
		case f.ID.Kind == schema.Column:
			columns = append(columns, f)
		case f.Get(Type) == ForeignKey && f.ID.Kind == schema.Constraint:
			keys += len(schema.Items(f.Get(Columns)))
		case f.Get(Type) == PrimaryKey && f.ID.Kind == schema.Constraint:
			for _, term := range schema.Items(f.Get(Columns)) {
				primary[strings.ToLower(codeOf(term)[0].name())] = true
			}
		}
	}
	theirs := k.columns[name]
	if len(theirs) != len(columns) {
		return fmt.Errorf("we read %d columns and SQLite %d", len(columns), len(theirs))
	}
	if len(k.keys[name]) != keys {
		return fmt.Errorf("we read %d columns of foreign keys and SQLite %d", keys, len(k.keys[name]))
	}
	for i, t := range theirs {
		f := &columns[i]
		inKey := primary[strings.ToLower(t.Name)]
		switch {
		case f.ID.Name != t.Name:
			return fmt.Errorf("we read a column %s where SQLite has %s", f.ID.Name, t.Name)
		case !sameType(f.Get(Type), t.Type):
			return fmt.Errorf("column %s: we read the type %q and SQLite %q", t.Name, f.Get(Type), t.Type)
		case (f.Get(NotNull) != "") != t.NotNull && !inKey:
			return fmt.Errorf("column %s: we read NOT NULL differently from SQLite", t.Name)
		case (f.Get(Generated) != "") != (t.Hidden >= 2), (f.Get(Stored) != "") != (t.Hidden == 3):
			return fmt.Errorf("column %s: we read differently from SQLite how it is generated", t.Name)
		case inKey != (t.Primary > 0):
			return fmt.Errorf("column %s: we read differently from SQLite whether it is in the primary key", t.Name)
		}
	}
	return nil
}

// sameType compares a type as we spell it with one as SQLite does, which keeps
// blanks and takes quotes off.
func sameType(ours, theirs string) bool {
	if strings.EqualFold(ours, theirs) {
		return true
	}
	bare := func(s string) string {
		s = strings.ToUpper(strings.Join(strings.Fields(s), ""))
		return strings.NewReplacer(`"`, "", "`", "", "[", "", "]", "", "'", "").Replace(s)
	}
	a, b := bare(ours), bare(theirs)
	return a == b || strings.Contains(theirs, "/*") || strings.Contains(theirs, "--")
}

// index compares an index with what SQLite says of it.
func (k checks) index(f schema.Fact) error {
	theirs := k.indexes[f.ID.On+"\x00"+f.ID.Name]
	terms := schema.Items(f.Get(Columns))
	if len(theirs) != len(terms) {
		return fmt.Errorf("we read %d columns and SQLite %d", len(terms), len(theirs))
	}
	for i, t := range theirs {
		switch {
		case t.Unique != (f.Get(Unique) != ""), t.Partial != (f.Get(Where) != ""):
			return fmt.Errorf("we read differently from SQLite whether it is unique or partial")
		case t.Desc != strings.HasSuffix(terms[i], " DESC"):
			return fmt.Errorf("column %d: we read its direction differently from SQLite", i+1)
		case t.Name != "" && t.Name != codeOf(terms[i])[0].name():
			return fmt.Errorf("column %d: we read %s and SQLite %s", i+1, terms[i], t.Name)
		}
	}
	return nil
}
