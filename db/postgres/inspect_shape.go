package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
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

// address is an object as pg_depend names it.
type address struct {
	class string
	id    uint32
	sub   int32
}

// reading collects facts.
type reading struct {
	c       *conn
	spaces  any // the schemas to look at, as an array's text; nil for all
	leave   []string
	version int
	facts   []schema.Fact
	at      map[address]int32 // the fact at an address
	texts   map[string]string // each text once
	rest    []schema.Unmodelled
	links   []link
	clones  map[address]bool // what partitions have of their parent's: it needs what theirs is
}

// link is a need that the server does not keep in pg_depend.
type link struct {
	from  int32
	to    address
	child int64
}

func newReading(c *conn, o db.Inspection) *reading {
	r := &reading{c: c, leave: o.Leave, version: c.dialect.Version(), at: map[address]int32{}, clones: map[address]bool{}, texts: map[string]string{}}
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

// each runs a query and calls do for each row, whose values are texts, "" for NULL.
func (r *reading) each(ctx context.Context, sql string, args []any, do func(columns, values []string)) error {
	rows, err := r.c.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns := rows.Columns()
	values := make([]string, len(columns))
	texts := make([]*string, len(columns))
	into := make([]any, len(columns))
	for i := range into {
		into[i] = &texts[i]
	}
	for rows.Next() {
		if err := r.row(rows, into, texts, values); err != nil {
			return err
		}
		do(columns, values)
	}
	return rows.Err()
}

// row reads a row as texts, taking the bytes of the protocol where it can.
func (r *reading) row(from db.Rows, into []any, texts []*string, values []string) error {
	if raw, ok := from.(*rows); ok {
		for i, value := range raw.RawValues() {
			values[i] = r.text(value)
		}
		return nil
	}
	if err := from.Scan(into...); err != nil {
		return err
	}
	for i, text := range texts {
		values[i] = ""
		if text != nil {
			values[i] = *text
		}
	}
	return nil
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

func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // the server has written it
	return n
}

func (r *reading) family(ctx context.Context, sql string) error {
	return r.each(ctx, sql, []any{r.spaces}, r.fact)
}

// fact makes a fact of a row.
func (r *reading) fact(columns, values []string) {
	var f schema.Fact
	var where address
	hidden := map[string]string(nil)
	count := 0
	for i, value := range values {
		if value != "" && columns[i][0] != '_' {
			count++
		}
	}
	f.Attrs = make(schema.Attrs, 0, count)
	for i, name := range columns {
		value := values[i]
		if value == "" {
			continue
		}
		switch name {
		case "_k":
			f.ID.Kind = schema.Kind(value)
		case "_s":
			f.ID.Schema = value
		case "_o":
			f.ID.On = value
		case "_of":
			f.Of = schema.Kind(value)
		case "_n":
			f.ID.Name = value
		case "_a":
			f.ID.Args = value
		case "_i":
			f.Order = int(number(value))
		case "_c":
			where.class = value
		case "_id":
			where.id = uint32(number(value))
		case "_sub":
			where.sub = int32(number(value))
		default:
			if name[0] != '_' {
				f.Attrs = append(f.Attrs, schema.Attr{Key: name, Value: value})
				continue
			}
			if hidden == nil {
				hidden = map[string]string{}
			}
			hidden[name] = value
		}
	}
	slices.SortFunc(f.Attrs, func(a, b schema.Attr) int { return strings.Compare(a.Key, b.Key) })
	r.add(f, where, hidden)
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
		r.at[address{"pg_class", uint32(number(rel)), 0}] = n
	}
	if id := hidden["_constraint"]; id != "" && id != "0" {
		r.at[address{"pg_constraint", uint32(number(id)), 0}] = n
	}
	parent := uint32(number(hidden["_parent"]))
	switch {
	case where.class == "partition":
		r.links = append(r.links, link{n, address{"pg_class", parent, 0}, int64(where.id)})
	case where.class == "ownership":
		r.links = append(r.links, link{n, address{"pg_class", parent, int32(number(hidden["_parentsub"]))}, int64(where.id)})
	}
}

// find is the fact at an address, or else of the object it is a part of.
func (r *reading) find(a address) (int32, bool) {
	n, ok := r.at[a]
	if !ok && a.sub != 0 {
		n, ok = r.at[address{a.class, a.id, 0}]
	}
	return n, ok
}

func (r *reading) aliases(ctx context.Context) error {
	type pair struct{ from, to address }
	var open []pair
	err := r.each(ctx, aliases, nil, func(_, v []string) {
		open = append(open, pair{address{v[0], uint32(number(v[1])), 0}, address{v[2], uint32(number(v[3])), int32(number(v[4]))}})
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
				r.clones[p.from] = p.from.class == p.to.class && (p.to.class == "pg_constraint" || p.to.class == "pg_trigger")
			}
		}
	}
	return err
}

func (r *reading) comments(ctx context.Context) error {
	return r.each(ctx, comments, nil, func(_, v []string) {
		at := address{v[0], uint32(number(v[1])), int32(number(v[2]))}
		n, ok := r.at[at]
		if !ok {
			return
		}
		f := &r.facts[n]
		if f.ID == (schema.ID{Kind: schema.Namespace, Name: "public"}) && v[3] == own.PublicComment {
			return
		}
		if f.ID.Kind == schema.Column && at.sub == 0 {
			return // what stands behind the column, such as its sequence
		}
		key := schema.Comment
		if f.ID.Kind == schema.Constraint && at.class == "pg_class" {
			key = "index comment"
		}
		f.Attrs = f.Attrs.With(key, v[3])
	})
}

func (r *reading) needs(ctx context.Context) error {
	err := r.each(ctx, dependencies, nil, func(_, v []string) {
		where := address{v[0], uint32(number(v[1])), int32(number(v[2]))}
		from, ok := r.find(where)
		if !ok || r.clones[where] {
			return
		}
		r.need(from, address{v[3], uint32(number(v[4])), int32(number(v[5]))})
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
	byName := map[string]schema.ID{}
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
	on := map[schema.ID][]schema.ID{}
	for i := range r.facts {
		f := &r.facts[i]
		if f.ID.Kind == schema.Index || f.ID.Kind == schema.Constraint && f.Of == schema.Table && f.Get("type") != "foreign key" {
			on[f.Parent()] = append(on[f.Parent()], f.ID)
		}
		if parent := f.Get("parent"); parent != "" {
			want(f, parent, f.ID.Kind)
		}
		if index := f.Get("index"); index != "" {
			want(f, own.Ident(f.ID.Schema)+"."+own.Ident(index), schema.Index, schema.Constraint)
		}
	}
	r.tieParts(on)
	r.tieKeys()
	r.tieShells()
	r.tieCasts()
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
func (r *reading) tieParts(on map[schema.ID][]schema.ID) {
	columns := r.columnsOfParts()
	for _, l := range r.links {
		f := &r.facts[l.from]
		parent, ok := r.find(l.to)
		if !ok {
			continue
		}
		if f.ID.Kind == schema.Ownership {
			if n, ok := r.at[address{"pg_class", uint32(l.child), 0}]; ok {
				r.forget(n, r.facts[parent].ID)
			}
			continue
		}
		child, up := f.Parent(), r.facts[parent].ID
		if n, ok := r.at[address{"pg_class", uint32(l.child), 0}]; ok {
			r.forget(n, up)
		}
		for name, n := range columns[child] {
			if m, ok := columns[up][name]; ok {
				r.facts[n].Needs = append(r.facts[n].Needs, r.facts[m].ID)
			}
		}
		if f.Get("bound") != "" {
			f.Needs = append(append(f.Needs, on[child]...), on[up]...)
		}
	}
}

// probe names what became no fact.
func (r *reading) probe(ctx context.Context) error {
	var classes, ids []string
	err := r.each(ctx, probe, []any{r.spaces}, func(_, v []string) {
		if _, ok := r.at[address{v[0], uint32(number(v[1])), 0}]; !ok {
			classes, ids = append(classes, v[0]), append(ids, v[1])
		}
	})
	if err == nil && len(ids) > 0 {
		err = r.each(ctx, strangers, []any{"{" + strings.Join(classes, ",") + "}", "{" + strings.Join(ids, ",") + "}"}, func(_, v []string) {
			r.rest = append(r.rest, schema.Unmodelled{Kind: v[0], Name: v[1]})
		})
	}
	if err != nil {
		return fmt.Errorf("looking for what is not modelled: %w", err)
	}
	return r.each(ctx, oddities, []any{r.spaces}, func(_, v []string) {
		r.rest = append(r.rest, schema.Unmodelled{Kind: v[0], Name: v[1], Why: v[2]})
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
