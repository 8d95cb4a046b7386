// Package schema is the shape of a database, as plain values that name each
// other and never point.
//
// Charter: what an inspection found ([Schema]), as a sorted list of [Fact]s; their
// hashes, their JSON form and the snapshot file. It knows no database: what the
// attributes of a kind mean is known to the dialect that wrote them.
// Invariant: a Schema's facts are sorted by their IDs and no two have the same
// ID, so two Schemas are compared in one walk; an attribute without a value is
// not there, so equal facts are equal values.
// Example: s := schema.New("…", 150004, facts); f, ok := s.Find(schema.ID{Kind: schema.Table, Schema: "public", Name: "posts"})
package schema

import (
	"cmp"
	"slices"
	"strings"
)

// Kind is a sort of thing in a database, in the words of its users.
type Kind string

// The kinds that more than one room needs to know. A dialect may use others:
// a kind is only a word.
const (
	Namespace    Kind = "schema"
	Extension    Kind = "extension"
	Table        Kind = "table"
	ForeignTable Kind = "foreign table"
	View         Kind = "view"
	MatView      Kind = "materialized view"
	Sequence     Kind = "sequence"
	// Column is a column of a table, view or foreign table, or an attribute of
	// a composite type.
	Column Kind = "column"
	// Default is a column's default. It is a fact of its own because it may
	// need what needs the table, such as a function.
	Default Kind = "default"
	// Ownership ties a sequence to the column it counts for.
	Ownership Kind = "ownership"
	// Partition ties a table to the table it inherits from or is a part of.
	Partition  Kind = "partition"
	Constraint Kind = "constraint"
	Index      Kind = "index"
	Trigger    Kind = "trigger"
	Rule       Kind = "rule"
	Policy     Kind = "policy"
	Statistics Kind = "statistics"
	Function   Kind = "function"
	Procedure  Kind = "procedure"
	Aggregate  Kind = "aggregate"
	Enum       Kind = "enum"
	Domain     Kind = "domain"
	Composite  Kind = "composite"
	Range      Kind = "range"
	Collation  Kind = "collation"
	Event      Kind = "event"
)

// ID names an object of one database. IDs are compared with == and may be keys
// of maps. Parts that do not apply are "".
type ID struct {
	Kind   Kind
	Schema string // where names live in schemas; for what lives on a table, the table's
	On     string // the table, view, domain or type that the object lives on
	Name   string
	// Args tells objects of one name apart: the argument types of a function.
	Args string
}

// Compare orders IDs: by kind, schema, what they live on, name.
func (id ID) Compare(other ID) int {
	if c := strings.Compare(string(id.Kind), string(other.Kind)); c != 0 {
		return c
	}
	if c := strings.Compare(id.Schema, other.Schema); c != 0 {
		return c
	}
	if c := strings.Compare(id.On, other.On); c != 0 {
		return c
	}
	if c := strings.Compare(id.Name, other.Name); c != 0 {
		return c
	}
	return strings.Compare(id.Args, other.Args)
}

// Path is the name for reading, without the kind: "public.posts.title".
func (id ID) Path() string {
	var parts []string
	for _, part := range []string{id.Schema, id.On, id.Name} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	path := strings.Join(parts, ".")
	if id.Args != "" || id.Kind == Function || id.Kind == Procedure || id.Kind == Aggregate {
		path += "(" + id.Args + ")"
	}
	return path
}

// String is the ID for reading, not for SQL: "column public.posts.title".
func (id ID) String() string { return string(id.Kind) + " " + id.Path() }

// Attr is one attribute of a fact. The value is text, normalised by the server
// or the dialect until equal things are spelled alike; it is never "".
type Attr struct{ Key, Value string }

// Attrs are the attributes of a fact, sorted by key.
type Attrs []Attr

// Get is the value of a key; "" when it is not there.
func (a Attrs) Get(key string) string {
	for i := range a {
		if a[i].Key == key {
			return a[i].Value
		}
	}
	return ""
}

// Has tells whether the key is there.
func (a Attrs) Has(key string) bool { return a.Get(key) != "" }

// NewAttrs makes attributes of pairs of key and value, in any order. Empty
// values are left out.
func NewAttrs(pairs ...string) Attrs {
	var a Attrs
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			a = append(a, Attr{pairs[i], pairs[i+1]})
		}
	}
	slices.SortFunc(a, func(x, y Attr) int { return strings.Compare(x.Key, y.Key) })
	return a
}

// With is a copy with one value set, or removed when it is "".
func (a Attrs) With(key, value string) Attrs {
	at, there := slices.BinarySearchFunc(a, key, func(x Attr, key string) int { return strings.Compare(x.Key, key) })
	n := len(a)
	if there {
		n--
	}
	if value != "" {
		n++
	}
	if n == 0 {
		return nil
	}
	out := append(make(Attrs, 0, n), a[:at]...)
	if value != "" {
		out = append(out, Attr{key, value})
	}
	if there {
		at++
	}
	return append(out, a[at:]...)
}

// The attributes that many kinds have, with one meaning everywhere: the
// satellites. A fact that is made anew gets its satellites anew, and each has
// one way of being changed.
const (
	Comment = "comment"
	Owner   = "owner"
	// ACL is the list of rights granted, one to a line; not there when they are
	// what the server gives without being asked.
	ACL = "acl"
)

// Fact is one thing that is so: an object, or a tie between two.
type Fact struct {
	ID ID
	// Of is the kind of what ID.On names; "" without it.
	Of Kind
	// Order is the place among siblings, from 1, where the server keeps one
	// (columns). It is no part of what is compared: see [Schema.Hash].
	Order int
	Attrs Attrs
	// Needs are the objects that must be there before this one, beside its
	// parent. They follow from the attributes and are not compared.
	Needs []ID
}

// Parent is what the fact lives in or on, and goes with; the zero ID for none.
func (f *Fact) Parent() ID {
	switch {
	case f.ID.Kind == Default:
		return ID{Kind: Column, Schema: f.ID.Schema, On: f.ID.On, Name: f.ID.Name}
	case f.ID.On != "":
		return ID{Kind: f.Of, Schema: f.ID.Schema, Name: f.ID.On}
	case f.ID.Schema != "":
		return ID{Kind: Namespace, Name: f.ID.Schema}
	}
	return ID{}
}

// Get is the value of an attribute; "" when it is not there.
func (f *Fact) Get(key string) string { return f.Attrs.Get(key) }

// Size is how large a table is, as far as the server knows. It is no fact: two
// databases of one shape differ in it.
type Size struct{ Rows, Bytes int64 }

// Unmodelled is an object that was found and that no fact describes. Nothing is
// ever passed over without being named here.
type Unmodelled struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	Why  string `json:"why,omitempty"`
}

// Schema is the shape of one database. The zero value is empty.
type Schema struct {
	// Dialect is the scheme of the database, Version its server's number.
	Dialect string
	Version int
	// Unmodelled is what no fact describes, sorted.
	Unmodelled []Unmodelled
	facts      []Fact
}

// New makes a Schema of facts in any order; it keeps the slice. Of facts with
// the same ID the first is kept, which only happens where a server holds two
// objects that its users cannot tell apart.
func New(dialect string, version int, facts []Fact, rest ...Unmodelled) Schema {
	slices.SortStableFunc(facts, func(a, b Fact) int { return a.ID.Compare(b.ID) })
	facts = slices.CompactFunc(facts, func(a, b Fact) bool { return a.ID == b.ID })
	slices.SortFunc(rest, func(a, b Unmodelled) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	return Schema{Dialect: dialect, Version: version, Unmodelled: slices.Compact(rest), facts: facts}
}

// Facts are all facts, sorted by ID. The slice must not be changed.
func (s Schema) Facts() []Fact { return s.facts }

// Len is the number of facts.
func (s Schema) Len() int { return len(s.facts) }

// Find is the fact of that ID.
func (s Schema) Find(id ID) (*Fact, bool) {
	at, ok := slices.BinarySearchFunc(s.facts, id, func(f Fact, id ID) int { return f.ID.Compare(id) })
	if !ok {
		return nil, false
	}
	return &s.facts[at], true
}

// On are the facts of a kind that live on something, in their order there.
func (s Schema) On(kind Kind, schema, on string) []*Fact {
	at, _ := slices.BinarySearchFunc(s.facts, ID{Kind: kind, Schema: schema, On: on}, func(f Fact, id ID) int { return f.ID.Compare(id) })
	var found []*Fact
	for ; at < len(s.facts); at++ {
		id := s.facts[at].ID
		if id.Kind != kind || id.Schema != schema || id.On != on {
			break
		}
		found = append(found, &s.facts[at])
	}
	slices.SortStableFunc(found, func(a, b *Fact) int { return cmp.Compare(a.Order, b.Order) })
	return found
}

// Select is a Schema with those facts only that keep says yes to. Facts are
// shared, the list is new.
func (s Schema) Select(keep func(*Fact) bool) Schema {
	out := Schema{Dialect: s.Dialect, Version: s.Version, Unmodelled: s.Unmodelled}
	for i := range s.facts {
		if keep(&s.facts[i]) {
			out.facts = append(out.facts, s.facts[i])
		}
	}
	return out
}

// Without is a Schema in which no fact has the attributes of those keys, such
// as [Owner] and [ACL] for a comparison across servers with other roles.
func (s Schema) Without(keys ...string) Schema {
	out := Schema{Dialect: s.Dialect, Version: s.Version, Unmodelled: s.Unmodelled, facts: slices.Clone(s.facts)}
	for i := range out.facts {
		f := &out.facts[i]
		if slices.ContainsFunc(f.Attrs, func(a Attr) bool { return slices.Contains(keys, a.Key) }) {
			f.Attrs = slices.DeleteFunc(slices.Clone(f.Attrs), func(a Attr) bool { return slices.Contains(keys, a.Key) })
		}
	}
	return out
}

// List joins items to one attribute value; [Items] takes it apart again.
func List(items []string) string {
	var b strings.Builder
	for i, item := range items {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(escape.Replace(item))
	}
	return b.String()
}

// Items are the items of a [List]; nil for "".
func Items(value string) []string {
	if value == "" {
		return nil
	}
	items := strings.Split(value, "\n")
	for i, item := range items {
		if strings.Contains(item, `\`) {
			items[i] = unescape.Replace(item)
		}
	}
	return items
}

var (
	escape   = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	unescape = strings.NewReplacer(`\\`, `\`, `\n`, "\n")
)
