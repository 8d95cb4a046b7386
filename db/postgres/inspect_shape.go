package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/db"
	own "github.com/bellowsdb/bellows/dialect/postgres"
	"github.com/bellowsdb/bellows/schema"
)

var _ db.Inspector = (*conn)(nil)

// steady are the settings under which the server spells things alike whatever
// the session's own are.
var steady = []string{
	"SET LOCAL search_path = ''", "SET LOCAL TimeZone = 'UTC'", "SET LOCAL DateStyle = 'ISO'", "SET LOCAL IntervalStyle = 'postgres'",
	"SET LOCAL extra_float_digits = 1", "SET LOCAL quote_all_identifiers = off", "SET LOCAL bytea_output = 'hex'", "SET LOCAL jit = off",
	"SET LOCAL enable_nestloop = on", "SET LOCAL xmloption = 'content'",
}

// Inspect reads the shape in one snapshot with a fixed number of queries.
func (c *conn) Inspect(ctx context.Context, o db.Inspection) (s schema.Schema, err error) {
	if _, err := c.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"); err != nil {
		return schema.Schema{}, err
	}
	defer func() {
		if _, end := c.Exec(context.WithoutCancel(ctx), "ROLLBACK"); err == nil {
			err = end
		}
	}()
	items := make([]db.Item, len(steady))
	for i, sql := range steady {
		items[i].SQL = sql
	}
	if err := c.Send(ctx, items, func(int, int64) {}); err != nil {
		return schema.Schema{}, err
	}
	r := newReading(c, o)
	return r.all(ctx)
}

// catalog is a class of objects, or what we count as one, as a number: a reading of a large
// database holds a hundred thousand addresses.
type catalog uint8

// The classes that the code speaks of; others get the next numbers.
const (
	relations catalog = iota + 1
	keys
	triggers
	partitions
	ownerships
)

// address is an object as pg_depend names it.
type address struct {
	id    uint32
	sub   int32
	class catalog
}

// reading collects facts.
type reading struct {
	c       *conn
	spaces  any // the schemas to look at, as an array's text; nil for all
	leave   []string
	version int
	facts   []schema.Fact
	at      map[address]int32 // the fact at an address
	classes map[string]catalog
	texts   map[string]string // each text once
	hidden  map[string]string // of the row that is read, for those who do not keep it
	rest    []schema.Unmodelled
	links   []link
	clones  map[address]bool   // what partitions have of their parent's: it needs what theirs is
	partial map[schema.ID]bool // indexes that some partitions have no index of
}

// link is a need that the server does not keep in pg_depend.
type link struct {
	from  int32
	to    address
	child int64
}

func newReading(c *conn, o db.Inspection) *reading {
	r := &reading{c: c, leave: o.Leave, version: c.dialect.Version(), at: map[address]int32{}, clones: map[address]bool{}, partial: map[schema.ID]bool{},
		texts: map[string]string{}, hidden: map[string]string{},
		classes: map[string]catalog{"pg_class": relations, "pg_constraint": keys, "pg_trigger": triggers, "partition": partitions, "ownership": ownerships}}
	if o.Schemas != nil {
		quoted := make([]string, len(o.Schemas))
		for i, name := range o.Schemas {
			quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
		}
		r.spaces = "{" + strings.Join(quoted, ",") + "}"
	}
	return r
}

func (r *reading) all(ctx context.Context) (schema.Schema, error) {
	for _, f := range families() {
		if r.version < f.from || f.until > 0 && r.version >= f.until {
			continue
		}
		if err := r.family(ctx, f.sql); err != nil {
			return schema.Schema{}, err
		}
	}
	for _, step := range []func(context.Context) error{r.aliases, r.comments, r.needs, r.probe} {
		if err := step(ctx); err != nil {
			return schema.Schema{}, err
		}
	}
	r.tie()
	facts := r.facts
	if len(r.leave) > 0 {
		facts = r.passOver()
	}
	return schema.New(r.c.dialect.Name(), r.version, facts, r.rest...), nil
}

// each runs a query and calls do for each row, whose values are texts, empty for
// NULL, that hold until the next row.
func (r *reading) each(ctx context.Context, sql string, args []any, do func(columns []string, values [][]byte)) error {
	found, err := r.c.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer found.Close()
	columns := found.Columns()
	if raw, ok := found.(*rows); ok {
		for raw.Next() {
			do(columns, raw.RawValues())
		}
		return raw.Err()
	}
	values := make([][]byte, len(columns))
	texts := make([]*string, len(columns))
	into := make([]any, len(columns))
	for i := range into {
		into[i] = &texts[i]
	}
	for found.Next() {
		if err := found.Scan(into...); err != nil {
			return err
		}
		for i, text := range texts {
			values[i] = nil
			if text != nil {
				values[i] = []byte(*text)
			}
		}
		do(columns, values)
	}
	return found.Err()
}

// class is the number of a class.
func (r *reading) class(name []byte) catalog {
	n, ok := r.classes[string(name)]
	if !ok {
		n = catalog(len(r.classes) + 1)
		r.classes[string(name)] = n
	}
	return n
}

// address is what three values of a row name.
func (r *reading) address(v [][]byte) address {
	return address{uint32(number(v[1])), int32(number(v[2])), r.class(v[0])}
}

// text is a value as a string; short ones, which come again and again, are kept once.
func (r *reading) text(value []byte) string {
	if len(value) == 0 {
		return ""
	}
	if len(value) > 64 {
		return string(value)
	}
	if known, ok := r.texts[string(value)]; ok {
		return known
	}
	text := string(value)
	r.texts[text] = text
	return text
}

// number is a whole number that the server has written; 0 for NULL.
func number[T string | []byte](text T) (n int64) {
	if len(text) > 0 && text[0] == '-' {
		return -number(text[1:])
	}
	for i := range len(text) {
		n = n*10 + int64(text[i]-'0')
	}
	return n
}

func (r *reading) family(ctx context.Context, sql string) error {
	return r.each(ctx, sql, []any{r.spaces}, r.fact)
}

// fact makes a fact of a row.
func (r *reading) fact(columns []string, values [][]byte) {
	var f schema.Fact
	var where address
	clear(r.hidden)
	count := 0
	for i, value := range values {
		if len(value) > 0 && columns[i][0] != '_' {
			count++
		}
	}
	f.Attrs = make(schema.Attrs, 0, count)
	for i, name := range columns {
		value := values[i]
		if len(value) == 0 {
			continue
		}
		switch name {
		case "_k":
			f.ID.Kind = schema.Kind(r.text(value))
		case "_s":
			f.ID.Schema = r.text(value)
		case "_o":
			f.ID.On = r.text(value)
		case "_of":
			f.Of = schema.Kind(r.text(value))
		case "_n":
			f.ID.Name = r.text(value)
		case "_a":
			f.ID.Args = r.text(value)
		case "_i":
			f.Order = int(number(value))
		case "_c":
			where.class = r.class(value)
		case "_id":
			where.id = uint32(number(value))
		case "_sub":
			where.sub = int32(number(value))
		default:
			if name[0] != '_' {
				f.Attrs = append(f.Attrs, schema.Attr{Key: name, Value: r.text(value)})
				continue
			}
			r.hidden[name] = string(value)
		}
	}
	slices.SortFunc(f.Attrs, func(a, b schema.Attr) int { return strings.Compare(a.Key, b.Key) })
	r.add(f, where, r.hidden)
}

// add keeps a fact after it has been made like all others of its kind.
func (r *reading) add(f schema.Fact, where address, hidden map[string]string) {
	n := int32(len(r.facts))
	set := func(key, value string) { f.Attrs = f.Attrs.With(key, value) }
	if owner := hidden["_owner"]; owner != "" && f.ID.Kind != "default privileges" {
		if f.ID.Kind == schema.Namespace && f.ID.Name == "public" && (hidden["_ownerid"] == "10" || owner == "pg_database_owner") {
			set(schema.Owner, "")
		} else {
			set(schema.Owner, r.text([]byte(owner)))
		}
	}
	if acl, ok := hidden["_acl"]; ok {
		value, others := own.NormalACL(&f, r.version, hidden["_owner"]+hidden["_grantor"], acl)
		set(schema.ACL, value)
		if others {
			r.rest = append(r.rest, schema.Unmodelled{Kind: "grant", Name: f.ID.String(), Why: "it was given by a role that is not the owner"})
		}
	}
	ties := own.NormalFact(&f, hidden)
	r.facts = append(r.facts, f)
	r.facts = append(r.facts, ties...)
	r.at[where] = n
	r.tieLater(n, where, hidden)
}

// tieLater remembers what pg_depend does not tell.
func (r *reading) tieLater(n int32, where address, hidden map[string]string) {
	if rel := hidden["_rel"]; rel != "" && rel != "0" {
		r.at[address{uint32(number(rel)), 0, relations}] = n
	}
	if id := hidden["_constraint"]; id != "" && id != "0" {
		r.at[address{uint32(number(id)), 0, keys}] = n
	}
	if hidden["_partial"] != "" {
		r.partial[r.facts[n].ID] = true
	}
	parent := uint32(number(hidden["_parent"]))
	switch {
	case where.class == partitions:
		r.links = append(r.links, link{n, address{parent, 0, relations}, int64(where.id)})
	case where.class == ownerships:
		r.links = append(r.links, link{n, address{parent, int32(number(hidden["_parentsub"])), relations}, int64(where.id)})
	}
}

// find is the fact at an address, or else of the object it is a part of.
func (r *reading) find(a address) (int32, bool) {
	n, ok := r.at[a]
	if !ok && a.sub != 0 {
		n, ok = r.at[address{a.id, 0, a.class}]
	}
	return n, ok
}

func (r *reading) aliases(ctx context.Context) error {
	type pair struct{ from, to address }
	var open []pair
	err := r.each(ctx, aliases, nil, func(_ []string, v [][]byte) {
		open = append(open, pair{address{uint32(number(v[1])), 0, r.class(v[0])}, r.address(v[2:])})
	})
	// An alias may stand for another alias: the array of a row type. Three
	// rounds are more than the longest chain.
	for range 3 {
		for _, p := range open {
			if _, done := r.at[p.from]; done {
				continue
			}
			if n, ok := r.find(p.to); ok {
				r.at[p.from] = n
				if p.from.class == p.to.class && (p.to.class == keys || p.to.class == triggers) {
					r.clones[p.from] = true
				}
			}
		}
	}
	return err
}

func (r *reading) comments(ctx context.Context) error {
	return r.each(ctx, comments, nil, func(_ []string, v [][]byte) {
		at := r.address(v)
		n, ok := r.at[at]
		if !ok {
			return
		}
		f := &r.facts[n]
		if f.ID == (schema.ID{Kind: schema.Namespace, Name: "public"}) && string(v[3]) == own.PublicComment {
			return
		}
		if f.ID.Kind == schema.Column && at.sub == 0 {
			return // what stands behind the column, such as its sequence
		}
		key := schema.Comment
		if f.ID.Kind == schema.Constraint && at.class == relations {
			key = "index comment"
		}
		f.Attrs = f.Attrs.With(key, r.text(v[3]))
	})
}

func (r *reading) needs(ctx context.Context) error {
	err := r.each(ctx, dependencies, nil, func(_ []string, v [][]byte) {
		where := r.address(v)
		from, ok := r.find(where)
		if !ok || r.clones[where] {
			return
		}
		r.need(from, r.address(v[3:]))
	})
	for _, l := range r.links {
		r.need(l.from, l.to)
	}
	return err
}

func (r *reading) need(from int32, to address) {
	n, ok := r.find(to)
	if !ok || n == from {
		return
	}
	f, id := &r.facts[from], r.facts[n].ID
	if id == f.Parent() || slices.Contains(f.Needs, id) {
		return
	}
	// A table does not need its own parts.
	if other := &r.facts[n]; other.ID.On != "" && other.Parent() == f.ID {
		return
	}
	f.Needs = append(f.Needs, id)
}

// tie adds the needs that follow from names: an index or key of a partition
// needs that of its parent table.
func (r *reading) tie() {
	r.tieNames()
	if len(r.links) > 0 {
		on := map[schema.ID][]schema.ID{}
		late := r.lateIndexes()
		for i := range r.facts {
			f := &r.facts[i]
			if !late[f.ID] && (f.ID.Kind == schema.Index || f.ID.Kind == schema.Constraint && f.Of == schema.Table && f.Get("type") != "foreign key") {
				on[f.Parent()] = append(on[f.Parent()], f.ID)
			}
		}
		r.tieParts(on, late)
		r.tieTwins(on)
	}
	r.tieKeys()
	r.tieShells()
	r.tieCasts()
}

// tieNames ties what names an index of its table, or its parent's.
func (r *reading) tieNames() {
	byName := map[string]schema.ID{}
	naming := func(f *schema.Fact) bool { return f.Attrs.Has("parent") || f.Attrs.Has("index") }
	if !slices.ContainsFunc(r.facts, func(f schema.Fact) bool { return naming(&f) }) {
		return
	}
	for i := range r.facts {
		if id := r.facts[i].ID; id.Kind == schema.Index || id.Kind == schema.Constraint {
			byName[string(id.Kind)+own.Ident(id.Schema)+"."+own.Ident(id.Name)] = id
		}
	}
	want := func(f *schema.Fact, name string, kinds ...schema.Kind) {
		for _, kind := range kinds {
			if id, ok := byName[string(kind)+name]; ok && id != f.ID && !slices.Contains(f.Needs, id) {
				f.Needs = append(f.Needs, id)
			}
		}
	}
	for i := range r.facts {
		f := &r.facts[i]
		if parent := f.Get("parent"); parent != "" {
			want(f, parent, f.ID.Kind)
		}
		if index := f.Get("index"); index != "" {
			want(f, own.Ident(f.ID.Schema)+"."+own.Ident(index), schema.Index, schema.Constraint)
		}
	}
}

// lateIndexes are those that are made when the partitions are attached already:
// what some partitions have no index of, which a partition that is attached
// later would get, and what belongs to those.
func (r *reading) lateIndexes() map[schema.ID]bool {
	late := map[schema.ID]bool{}
	names := map[string]bool{}
	for id := range r.partial {
		late[id], names[own.Ident(id.Schema)+"."+own.Ident(id.Name)] = true, true
	}
	for found := len(late) > 0; found; {
		found = false
		for i := range r.facts {
			f := &r.facts[i]
			if (f.ID.Kind == schema.Index || f.ID.Kind == schema.Constraint) && !late[f.ID] && names[f.Get("parent")] {
				late[f.ID], names[own.Ident(f.ID.Schema)+"."+own.Ident(f.ID.Name)] = true, true
				found = true
			}
		}
	}
	return late
}

// tieCasts lets a cast with a function need those without one to the same type:
// what the function gives may be taken for the type by them only.
func (r *reading) tieCasts() {
	target := func(f *schema.Fact) string { _, t, _ := strings.Cut(f.ID.Name, " AS "); return t }
	for i := range r.facts {
		f := &r.facts[i]
		if f.ID.Kind != "cast" || f.Get("function") == "" {
			continue
		}
		for j := range r.facts {
			if g := &r.facts[j]; g.ID.Kind == "cast" && g.Get("method") == "binary" && target(g) == target(f) {
				f.Needs = append(f.Needs, g.ID)
			}
		}
	}
}

// tieKeys lets a foreign key to a partitioned table need its partitions: the
// server makes a part of the key for each, without which none can be dropped.
func (r *reading) tieKeys() {
	parts := map[schema.ID][]schema.ID{}
	for _, l := range r.links {
		f := &r.facts[l.from]
		if n, ok := r.find(l.to); ok && f.ID.Kind == schema.Partition && f.Get("bound") != "" {
			parts[r.facts[n].ID] = append(parts[r.facts[n].ID], f.ID)
		}
	}
	if len(parts) == 0 {
		return
	}
	for i := range r.facts {
		f := &r.facts[i]
		if f.ID.Kind != schema.Constraint || f.Get("type") != "foreign key" {
			continue
		}
		for _, id := range f.Needs {
			if id.Kind == schema.Constraint || id.Kind == schema.Index {
				f.Needs = append(f.Needs, below(parts, schema.ID{Kind: schema.Table, Schema: id.Schema, Name: id.On})...)
			}
		}
	}
}

// below are the ties of all partitions of a table, and of theirs.
func below(parts map[schema.ID][]schema.ID, table schema.ID) (all []schema.ID) {
	for _, link := range parts[table] {
		all = append(append(all, link), below(parts, schema.ID{Kind: schema.Table, Schema: link.Schema, Name: link.On})...)
	}
	return all
}

// columnsOfParts are the columns, by name, of tables that have a parent or a child.
func (r *reading) columnsOfParts() map[schema.ID]map[string]int32 {
	columns := map[schema.ID]map[string]int32{}
	for _, l := range r.links {
		if f := &r.facts[l.from]; f.ID.Kind == schema.Partition {
			columns[f.Parent()] = map[string]int32{}
			if n, ok := r.find(l.to); ok {
				columns[r.facts[n].ID] = map[string]int32{}
			}
		}
	}
	if len(columns) == 0 {
		return nil
	}
	for i := range r.facts {
		if f := &r.facts[i]; f.ID.Kind == schema.Column {
			if of := columns[f.Parent()]; of != nil {
				of[f.ID.Name] = int32(i)
			}
		}
	}
	return columns
}

// tieShells lets the functions of a type written in C need its name only: the
// type needs them.
func (r *reading) tieShells() {
	for i := range r.facts {
		if r.facts[i].ID.Kind != "base type" {
			continue
		}
		base := r.facts[i].ID
		shell := base
		shell.Kind = "shell type"
		byID := map[schema.ID]bool{}
		for _, id := range r.facts[i].Needs {
			byID[id] = true
		}
		for j := range r.facts {
			if f := &r.facts[j]; byID[f.ID] {
				if at := slices.Index(f.Needs, base); at >= 0 {
					f.Needs[at] = shell
				}
			}
		}
		r.facts[i].Needs = append(r.facts[i].Needs, shell)
		r.facts = append(r.facts, schema.Fact{ID: shell, Attrs: schema.NewAttrs("of", "base type")})
	}
}

// forget takes a need away that a fact of its own stands for.
func (r *reading) forget(n int32, need schema.ID) {
	f := &r.facts[n]
	f.Needs = slices.DeleteFunc(f.Needs, func(id schema.ID) bool { return id == need })
}

// tieParts lets a tie between a table and its parent need both, with all
// indexes and constraints where it is a partition: the server matches them when
// the partition is attached. The child itself does not need its parent.
func (r *reading) tieParts(on map[schema.ID][]schema.ID, late map[schema.ID]bool) {
	columns := r.columnsOfParts()
	after := map[schema.ID][]int32{}
	for i := range r.facts {
		if f := &r.facts[i]; late[f.ID] {
			after[f.Parent()] = append(after[f.Parent()], int32(i))
		}
	}
	for _, l := range r.links {
		f := &r.facts[l.from]
		parent, ok := r.find(l.to)
		if !ok {
			continue
		}
		if f.ID.Kind == schema.Ownership {
			if n, ok := r.at[address{uint32(l.child), 0, relations}]; ok {
				r.forget(n, r.facts[parent].ID)
			}
			continue
		}
		child, up := f.Parent(), r.facts[parent].ID
		if n, ok := r.at[address{uint32(l.child), 0, relations}]; ok {
			r.forget(n, up)
		}
		for name, n := range columns[child] {
			if m, ok := columns[up][name]; ok {
				r.facts[n].Needs = append(r.facts[n].Needs, r.facts[m].ID)
			}
		}
		if f.Get("bound") != "" {
			f.Needs = append(append(f.Needs, on[child]...), on[up]...)
			for _, n := range after[up] {
				r.facts[n].Needs = append(r.facts[n].Needs, f.ID)
			}
		}
	}
}

// probe names what became no fact.
func (r *reading) probe(ctx context.Context) error {
	var classes, ids []string
	err := r.each(ctx, probe(), []any{r.spaces}, func(_ []string, v [][]byte) {
		if _, ok := r.at[address{uint32(number(v[1])), 0, r.class(v[0])}]; !ok {
			classes, ids = append(classes, string(v[0])), append(ids, string(v[1]))
		}
	})
	if err == nil && len(ids) > 0 {
		err = r.each(ctx, strangers, []any{"{" + strings.Join(classes, ",") + "}", "{" + strings.Join(ids, ",") + "}"}, func(_ []string, v [][]byte) {
			r.rest = append(r.rest, schema.Unmodelled{Kind: string(v[0]), Name: string(v[1])})
		})
	}
	if err != nil {
		return fmt.Errorf("looking for what is not modelled: %w", err)
	}
	return r.each(ctx, oddities, []any{r.spaces}, func(_ []string, v [][]byte) {
		r.rest = append(r.rest, schema.Unmodelled{Kind: string(v[0]), Name: string(v[1]), Why: string(v[2])})
	})
}

// passOver leaves out the tables of leave, what lives on them, and the schemas
// that hold nothing else.
func (r *reading) passOver() []schema.Fact {
	emptied, kept := map[string]bool{}, map[string]int{}
	gone := func(f *schema.Fact) bool {
		name := f.ID.On
		if name == "" {
			name = f.ID.Name
		}
		return f.ID.Schema != "" && slices.Contains(r.leave, r.c.dialect.Quote(f.ID.Schema)+"."+r.c.dialect.Quote(name))
	}
	table := gone
	owned := map[schema.ID]bool{} // sequences that go with a table
	for i := range r.facts {
		if f := &r.facts[i]; f.ID.Kind == schema.Ownership && slices.ContainsFunc(f.Needs, func(id schema.ID) bool { return table(&schema.Fact{ID: id}) }) {
			owned[f.Parent()] = true
		}
	}
	gone = func(f *schema.Fact) bool {
		return table(f) || owned[f.ID] || f.ID.Kind == schema.Ownership && owned[f.Parent()]
	}
	for i := range r.facts {
		f := &r.facts[i]
		switch {
		case f.ID.Schema == "":
		case gone(f):
			emptied[f.ID.Schema] = true
		default:
			kept[f.ID.Schema]++
		}
	}
	return slices.DeleteFunc(r.facts, func(f schema.Fact) bool {
		if f.ID.Kind == schema.Namespace {
			return emptied[f.ID.Name] && kept[f.ID.Name] == 0
		}
		return gone(&f)
	})
}
