package postgres

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

// Language tells a comparison of shapes what it must know of PostgreSQL. The
// zero value is of the newest version.
type Language struct {
	Dialect Dialect
	// Bare leaves out what statements lock: for scripts that fill an empty database.
	Bare bool
}

var (
	_ diff.Language = Language{}
	_ diff.Renamer  = Language{}
	_ diff.Patient  = Language{}
	_ diff.Folder   = Language{}
)

// when is how an attribute changes: by what, or by a question.
type when func(l Language, c *diff.Change, w *diff.World) diff.How

func always(how diff.How) when {
	return func(Language, *diff.Change, *diff.World) diff.How { return how }
}

// since alters in place from a server version on.
func since(version int) when {
	return func(l Language, _ *diff.Change, _ *diff.World) diff.How {
		if l.Dialect.Version() >= version {
			return diff.Alter
		}
		return diff.Replace
	}
}

var (
	alters   = always(diff.Alter)
	replaces = always(diff.Replace)
	nothing  = always(diff.Nothing)
)

// rules tell for each kind how its attributes change. What is not there is
// replaced; the satellites are altered everywhere.
var rules = map[schema.Kind]map[string]when{
	schema.Extension: {"version": alters, "schema": alters},
	schema.Table: {"unlogged": alters, "options": alters, "toast options": alters, "tablespace": alters, "access method": since(150000),
		"row security": alters, "row security forced": alters, "of type": alters, "replica identity": alters},
	schema.ForeignTable: {"server options": alters},
	schema.Column: {"type": changedType, "collation": changedType, "not null": alters, "not null name": alters, "not null inherited": nothing,
		"not null not valid": alters, "identity": alters, "identity options": alters, "identity sequence": alters, "storage": alters, "compression": alters,
		"statistics": alters, "options": alters, "server options": alters, "inherited": nothing, "generated stored": changedExpression, "generated virtual": changedExpression},
	schema.Default:    {"expression": alters},
	schema.Ownership:  {"column": alters},
	schema.Constraint: {"not valid": changedValid, "deferrable": alters, "initially deferred": alters, "options": alters, "tablespace": alters, "parent": changedParent, "inherited": nothing, "index comment": alters},
	schema.Index:      {"options": alters, "tablespace": alters, "statistics": alters, "parent": changedParent, "invalid": changedInvalid},
	schema.Sequence: {"type": alters, "start": alters, "increment": alters, "minimum": alters, "maximum": alters, "cache": alters, "cycle": alters,
		"unlogged": since(150000)},
	schema.View:      {"options": alters, "definition": changedView},
	schema.MatView:   {"options": alters, "tablespace": alters, "toast options": alters, "access method": since(150000), "not populated": alters, "replica identity": alters},
	schema.Function:  {"definition": changedFunction, "arguments": changedFunction, "result": replaces, "language": alters, "parsed": alters, "volatility": alters},
	schema.Procedure: {"definition": changedFunction, "arguments": changedFunction, "language": alters, "parsed": alters, "volatility": alters},
	schema.Trigger:   {"definition": changedTrigger, "enabled": alters},
	schema.Rule:      {"definition": alters, "enabled": alters},
	schema.Policy:    {"roles": alters, "using": changedPolicy, "check": changedPolicy},
	schema.Enum:      {"labels": alters},
	schema.Domain:    {"default": alters, "not null": alters},
	schema.Statistics: {
		"target": alters,
	},
	replicaIdentity:             {"index": alters},
	clusterOn:                   {"index": alters},
	defaultPrivileges:           {},
	eventTrigger:                {"enabled": alters},
	publicationKind:             {"publish": alters, "via root": alters, "members": alters, "generated columns": alters},
	"server":                    {"version": alters, "options": alters},
	"foreign data wrapper":      {"options": alters, "handler": alters, "validator": alters},
	"text search dictionary":    {"options": alters},
	"text search configuration": {"mappings": alters},
}

// How looks the attributes up; the strongest answer holds.
func (l Language) How(c *diff.Change, w *diff.World) diff.How {
	how, any := diff.Nothing, false
	for _, key := range c.Keys {
		rule := replaces
		if key == schema.Comment || key == schema.Owner || key == schema.ACL {
			rule = alters
		} else if r, ok := rules[c.After.ID.Kind][key]; ok {
			rule = r
		}
		switch rule(l, c, w) {
		case diff.Replace:
			if c.After.ID.Kind == schema.Column && c.After.Of != schema.Table && c.After.Of != schema.ForeignTable && c.After.Of != schema.Composite {
				return diff.ReplaceParent
			}
			return diff.Replace
		case diff.ReplaceParent:
			return diff.ReplaceParent
		case diff.Alter:
			how, any = diff.Alter, true
		}
	}
	if !any {
		return diff.Nothing
	}
	return how
}

func changedType(_ Language, c *diff.Change, _ *diff.World) diff.How {
	switch c.After.Of {
	case schema.View, schema.MatView:
		return diff.ReplaceParent
	}
	if c.After.Get("inherited") != "" && c.Before.Get("inherited") != "" {
		return diff.Nothing // it comes with the parent's
	}
	return diff.Alter
}

// generated is the expression of a generated column.
func generated(f *schema.Fact) string { return f.Get("generated stored") + f.Get("generated virtual") }

func changedExpression(l Language, c *diff.Change, _ *diff.World) diff.How {
	switch {
	case c.Has("generated stored") && c.Has("generated virtual"):
		return diff.Replace
	case generated(c.Before) == "":
		return diff.Replace
	case generated(c.After) == "" && c.Has("generated stored"):
		return diff.Alter // DROP EXPRESSION keeps the values
	case generated(c.After) == "":
		return diff.Replace
	case l.Dialect.Version() >= 170000:
		return diff.Alter
	}
	return diff.Replace
}

func changedValid(_ Language, c *diff.Change, _ *diff.World) diff.How {
	if c.After.Get("not valid") == "" {
		return diff.Alter
	}
	return diff.Replace
}

// changedParent: an index is attached to its parent's, and only detached with
// its table.
func changedParent(_ Language, c *diff.Change, w *diff.World) diff.How {
	if c.Before.Get("parent") == "" {
		return diff.Alter
	}
	for _, link := range w.Before.On(schema.Partition, c.Before.ID.Schema, c.Before.ID.On) {
		if w.Drops(link.ID) {
			if c.After.Get("parent") == "" {
				return diff.Nothing
			}
			return diff.Alter
		}
	}
	return diff.Replace
}

func changedInvalid(_ Language, c *diff.Change, _ *diff.World) diff.How {
	if c.After.Get("invalid") == "" {
		return diff.Alter
	}
	return diff.Nothing
}

// changedView: CREATE OR REPLACE VIEW can add columns at the end, nothing else.
func changedView(_ Language, c *diff.Change, w *diff.World) diff.How {
	if c.After.ID.Kind != schema.View {
		return diff.Replace
	}
	old := w.Before.On(schema.Column, c.Before.ID.Schema, c.Before.ID.Name)
	new := w.After.On(schema.Column, c.After.ID.Schema, c.After.ID.Name)
	if len(new) < len(old) {
		return diff.Replace
	}
	for i, f := range old {
		if g := new[i]; f.ID.Name != g.ID.Name || f.Get("type") != g.Get("type") || f.Get("collation") != g.Get("collation") {
			return diff.Replace
		}
	}
	return diff.Alter
}

// changedFunction: CREATE OR REPLACE cannot rename arguments, nor take a default away.
func changedFunction(_ Language, c *diff.Change, _ *diff.World) diff.How {
	if c.Has("result") {
		return diff.Replace
	}
	if !c.Has("arguments") {
		return diff.Alter
	}
	old, new := argumentList(c.Before.Get("arguments")), argumentList(c.After.Get("arguments"))
	if len(old) != len(new) {
		return diff.Replace
	}
	for i := range old {
		a, _, had := strings.Cut(old[i], " DEFAULT ")
		b, _, has := strings.Cut(new[i], " DEFAULT ")
		if a != b || had && !has {
			return diff.Replace
		}
	}
	return diff.Alter
}

// argumentList cuts at commas outside parentheses and quotes.
func argumentList(args string) []string {
	var list []string
	depth, start := 0, 0
	var quote byte
	for i := 0; i < len(args); i++ {
		switch c := args[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case c == ',' && depth == 0:
			list = append(list, strings.TrimSpace(args[start:i]))
			start = i + 1
		}
	}
	return append(list, strings.TrimSpace(args[start:]))
}

func changedTrigger(l Language, c *diff.Change, _ *diff.World) diff.How {
	if l.Dialect.Version() >= 140000 && c.After.Get("constraint") == "" && c.Before.Get("constraint") == "" {
		return diff.Alter
	}
	return diff.Replace
}

// changedPolicy: an expression can be given, not taken away.
func changedPolicy(_ Language, c *diff.Change, _ *diff.World) diff.How {
	for _, key := range []string{"using", "check"} {
		if c.Before.Get(key) != "" && c.After.Get(key) == "" {
			return diff.Replace
		}
	}
	return diff.Alter
}

// Affects tells what becomes of a fact when one that it needs changes.
func (l Language) Affects(c *diff.Change, f *schema.Fact, w *diff.World) diff.Effect {
	if w.Drops(c.ID()) {
		return l.affectedByDrop(c, f, w)
	}
	switch kind := c.After.ID.Kind; {
	case kind == schema.Column && (c.Has("type") || c.Has("collation")):
		return l.affectedByType(c, f, w)
	case kind == schema.Enum && c.Has("labels") && !onlyAdds(c):
		return affectedBySwap(f)
	}
	return diff.Keeps
}

// affectedByDrop: nearly everything must go with what it needs. A table stays
// when its column's type is swapped.
func (l Language) affectedByDrop(c *diff.Change, f *schema.Fact, w *diff.World) diff.Effect {
	if c.Before.ID.Kind == f.ID.Kind && f.Get("inherited")+f.Get("parent") != "" && leaves(f, w) {
		return diff.Keeps // it has no parent any more when that one's goes
	}
	if c.Before.ID.Kind == schema.Partition && f.ID.Kind == schema.Constraint {
		return diff.Keeps
	}
	if c.Before.ID.Kind == schema.Index && f.ID.Kind == schema.Partition || c.Before.ID.Kind == schema.Constraint && f.ID.Kind == schema.Partition {
		return diff.Keeps
	}
	if c.Before.Parent() == f.Parent() && isIndex(c.Before) && isIndex(f) {
		return diff.Keeps // they are only made in an order
	}
	return diff.Rebuilds
}

// isIndex tells whether a fact is an index, or a key that has one.
func isIndex(f *schema.Fact) bool {
	return f.ID.Kind == schema.Index || f.ID.Kind == schema.Constraint && f.Of == schema.Table && f.Get("type") != "foreign key" && f.Get("type") != "check"
}

// leaves tells whether the table of an inherited column or constraint, or of an
// attached index, is taken from its parents before they go.
func leaves(f *schema.Fact, w *diff.World) bool {
	links := w.Before.On(schema.Partition, f.ID.Schema, f.ID.On)
	for _, link := range links {
		if _, stays := w.After.Find(link.ID); stays {
			return false
		}
	}
	after, ok := w.After.Find(f.ID)
	return ok && len(links) > 0 && after.Get("inherited")+after.Get("parent") == ""
}

// affectedByType: what the server refuses to carry over when a column's type
// changes. Plain indexes and keys it builds anew itself.
func (l Language) affectedByType(c *diff.Change, f *schema.Fact, _ *diff.World) diff.Effect {
	switch f.ID.Kind {
	case schema.View, schema.MatView, schema.Rule, schema.Policy, schema.Trigger, schema.Default, publicationKind, schema.Function, schema.Procedure:
		return diff.Rebuilds
	case schema.Column:
		if generated(f) != "" {
			return diff.Rebuilds
		}
	case schema.Constraint:
		if f.Get("type") == "foreign key" && !keepsFile(c) || f.Get("type") == "check" || f.Get("type") == "exclude" {
			return diff.Rebuilds
		}
	case schema.Index:
		if def := f.Get("definition"); strings.Contains(def, " WHERE ") || strings.Contains(indexKeys(def), "(") || strings.Contains(def, "_ops") {
			return diff.Rebuilds
		}
	}
	return diff.Keeps
}

// indexKeys is what stands between the outer parentheses of an index.
func indexKeys(def string) string {
	_, keys, _ := strings.Cut(def, "(")
	if end := strings.LastIndex(keys, ")"); end >= 0 {
		keys = keys[:end]
	}
	return keys
}

// affectedBySwap: columns get the new type; what has constants of the old one
// is made anew.
func affectedBySwap(f *schema.Fact) diff.Effect {
	switch f.ID.Kind {
	case schema.Column:
		if f.Of == schema.Table && generated(f) == "" {
			return diff.Spreads
		}
		return diff.Rebuilds
	case schema.Constraint:
		if kind := f.Get("type"); kind != "check" && kind != "exclude" && kind != "foreign key" {
			return diff.Keeps
		}
		return diff.Rebuilds
	case schema.Index:
		if def := f.Get("definition"); strings.Contains(def, " WHERE ") || strings.Contains(indexKeys(def), "(") {
			return diff.Rebuilds
		}
		return diff.Keeps
	case schema.Statistics, schema.Ownership, replicaIdentity, clusterOn, schema.Partition:
		return diff.Keeps
	}
	return diff.Rebuilds
}

// Home tells what is made with its table.
func (l Language) Home(f *schema.Fact, v diff.Verb, w *diff.World) diff.Home {
	if v == diff.Drop {
		if f.ID.Kind == schema.Column || f.ID.Kind == schema.Index || f.ID.Kind == schema.Partition ||
			f.ID.Kind == schema.Constraint && f.Of == schema.Table && f.Get("type") != "foreign key" && f.Get("type") != "check" {
			return diff.WithParent
		}
		return diff.WithParentIfFree
	}
	if v == diff.Modify {
		return diff.Own
	}
	switch f.ID.Kind {
	case schema.Column:
		return diff.WithParent
	case schema.Default:
		if f.Of == schema.Table || f.Of == schema.ForeignTable {
			return diff.WithParentIfFree
		}
	case schema.Partition:
		if f.Get("bound") == "" {
			return diff.WithParent
		}
	case schema.Constraint:
		return l.homeOfConstraint(f, w)
	}
	return diff.Own
}

func (l Language) homeOfConstraint(f *schema.Fact, w *diff.World) diff.Home {
	plain := f.Get("not valid") == "" && f.Get("not enforced") == ""
	if f.Of == schema.Domain && plain {
		return diff.WithParentIfFree
	}
	switch f.Get("type") {
	case "check":
		if plain {
			return diff.WithParentIfFree
		}
	case "primary key", "unique":
		if f.Get("options") == "" && f.Get("tablespace") == "" && f.Get("parent") == "" && plain && !hasTwin(f, w) {
			return diff.WithParentIfFree
		}
	}
	return diff.Own
}

// hasTwin tells whether the table has another key over the same columns: in one
// CREATE TABLE the server would make one of the two.
func hasTwin(f *schema.Fact, w *diff.World) bool {
	columns := func(f *schema.Fact) string {
		_, c, _ := strings.Cut(f.Get("definition"), "(")
		c, _, _ = strings.Cut(c, ")")
		return c
	}
	for _, g := range w.After.On(schema.Constraint, f.ID.Schema, f.ID.On) {
		if kind := g.Get("type"); g.ID != f.ID && (kind == "unique" || kind == "primary key") && columns(g) == columns(f) {
			return true
		}
	}
	return false
}

// Simple are the kinds that never need a table.
func (l Language) Simple(f *schema.Fact) bool {
	switch f.ID.Kind {
	case schema.Sequence, schema.Enum, schema.Namespace, schema.Extension, schema.Collation, schema.Range, baseTypeKind, "language", "access method", "server":
		return true
	case schema.Domain:
		return true
	}
	return false
}

// Names: relations and types share names, since a relation has a row type;
// constraints live on their table and keys have an index too.
func (l Language) Names(f *schema.Fact) []string {
	id := f.ID
	relation := "relation " + id.Schema + "\x00" + id.Name
	switch id.Kind {
	case schema.Table, schema.View, schema.MatView, schema.ForeignTable:
		return []string{relation, "type " + id.Schema + "\x00" + id.Name}
	case schema.Sequence, schema.Index:
		return []string{relation}
	case schema.Enum, schema.Domain, schema.Range, baseTypeKind, shellType:
		return []string{"type " + id.Schema + "\x00" + id.Name}
	case schema.Composite:
		return []string{relation, "type " + id.Schema + "\x00" + id.Name}
	case schema.Constraint:
		switch f.Get("type") {
		case "primary key", "unique", "exclude":
			if f.Get("type") == "primary key" {
				return []string{relation, "primary key " + id.Schema + "\x00" + id.On}
			}
			return []string{relation}
		}
	case schema.Function, schema.Procedure, schema.Aggregate:
		return []string{"routine " + id.Schema + "\x00" + id.Name + "\x00" + id.Args}
	case schema.Column:
		if name := id.On + "_" + id.Name + "_seq"; f.Get("identity") != "" && f.Get("identity sequence") == "" && len(name) < 64 {
			return []string{"relation " + id.Schema + "\x00" + name}
		}
	}
	return nil
}

// weights order kinds as people read a schema.
var weights = []schema.Kind{
	schema.Namespace, schema.Extension, "access method", "language", schema.Collation, shellType, schema.Enum, schema.Domain, schema.Composite, schema.Range, baseTypeKind,
	"foreign data wrapper", "server", schema.Sequence, schema.Function, schema.Procedure, schema.Aggregate, operatorKind, operatorFamily, operatorClass, castKind, "transform", "conversion",
	"text search parser", "text search template", "text search dictionary", "text search configuration",
	schema.Table, schema.ForeignTable, schema.Column, schema.Default, schema.Ownership, schema.View, schema.MatView, schema.Constraint, schema.Index,
	schema.Partition, replicaIdentity, clusterOn, schema.Statistics, schema.Rule, schema.Trigger, schema.Policy, publicationKind, eventTrigger, defaultPrivileges,
}

// weightOf is the place of each kind.
var weightOf = func() map[schema.Kind]int {
	m := map[schema.Kind]int{}
	for i, k := range weights {
		m[k] = i + 1
	}
	return m
}()

// Weight orders what may stand in any order.
func (l Language) Weight(k schema.Kind) int {
	if w, ok := weightOf[k]; ok {
		return w
	}
	return len(weights) + 1
}

// onlyAdds tells whether an enum only gets new labels.
func onlyAdds(c *diff.Change) bool {
	new := schema.Items(c.After.Get("labels"))
	for _, label := range schema.Items(c.Before.Get("labels")) {
		at := slices.Index(new, label)
		if at < 0 {
			return false
		}
		new = new[at+1:]
	}
	return true
}

// typeParts are a type's name and its modifier.
func typeParts(t string) (name, modifier string) {
	open := strings.Index(t, "(")
	if open < 0 {
		return t, ""
	}
	shut := strings.Index(t, ")")
	if shut < open {
		return t, ""
	}
	return t[:open] + t[shut+1:], t[open+1 : shut]
}

// keepsFile tells whether a change of type keeps the table as it is: the matrix
// of facts measured on servers of all versions.
func keepsFile(c *diff.Change) bool {
	if c.Has("collation") {
		return true // the table is kept, indexes on the column are not
	}
	from, a := typeParts(c.Before.Get("type"))
	to, b := typeParts(c.After.Get("type"))
	switch {
	case from == to && from == "character varying":
		return b == "" || a != "" && atMost(a, b)
	case from == "character varying" && to == "text", from == "text" && to == "character varying" && b == "", from == "cidr" && to == "inet":
		return true
	case from == to && from == "numeric":
		return b == "" || wider(a, b)
	case from == to && (strings.HasPrefix(from, "timestamp") || strings.HasPrefix(from, "time") || from == "interval" || from == "bit varying"):
		return b == "" || a != "" && atMost(a, b)
	}
	return false
}

func atMost(a, b string) bool {
	return len(a) < len(b) || len(a) == len(b) && a <= b
}

// wider tells whether numeric(a) fits into numeric(b) without being looked at.
func wider(a, b string) bool {
	if a == "" {
		return false
	}
	p, s, _ := strings.Cut(a, ",")
	q, u, _ := strings.Cut(b, ",")
	return s == u && atMost(p, q)
}
