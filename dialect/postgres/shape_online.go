package postgres

import (
	"slices"
	"strings"

	"github.com/bellowsdb/bellows/diff"
	"github.com/bellowsdb/bellows/schema"
)

// What is done to a large table is said in several statements, none of which holds
// a lock that others feel while it reads or writes rows. The recipes are those of
// the lock table.

// table is what a fact lives on.
func table(f *schema.Fact) schema.ID {
	return schema.ID{Kind: f.Of, Schema: f.ID.Schema, Name: f.ID.On}
}

// large tells whether a fact lives on a large table that stays.
func (s *spelling) large(f *schema.Fact) bool { return !s.l.Bare && s.w.Large(table(f)) }

// stage says when the last statement has its turn, and what is so after it.
func (s *spelling) stage(stage diff.Stage, leaves ...schema.Fact) *diff.Statement {
	st := &s.out[len(s.out)-1]
	st.Stage, st.Leaves = stage, leaves
	return st
}

// with is a fact with other attributes.
func with(f *schema.Fact, pairs ...string) schema.Fact {
	g := *f
	for i := 0; i+1 < len(pairs); i += 2 {
		g.Attrs = g.Attrs.With(pairs[i], pairs[i+1])
	}
	return g
}

// hasChildren tells whether other tables inherit from a table or are parts of it.
func (s *spelling) hasChildren(t schema.ID) bool {
	isChild := func(f *schema.Fact) bool {
		return f.ID.Kind == schema.Partition && f.ID.Name == dotted(t.Schema, t.Name)
	}
	if slices.ContainsFunc(s.w.Users(t), isChild) {
		return true
	}
	facts := s.w.After.Facts() // sorted by kind
	at, _ := slices.BinarySearchFunc(facts, schema.Partition, func(f schema.Fact, k schema.Kind) int { return strings.Compare(string(f.ID.Kind), string(k)) })
	for ; at < len(facts) && facts[at].ID.Kind == schema.Partition; at++ {
		if isChild(&facts[at]) {
			return true
		}
	}
	return false
}

// partOfLarge tells whether an index is a part of one of a large partitioned table.
func (s *spelling) partOfLarge(f *schema.Fact) bool {
	return f.Get("parent") != "" && !s.w.Creates(table(f)) && slices.ContainsFunc(f.Needs, func(id schema.ID) bool {
		return id.Kind == schema.Index && s.w.Large(schema.ID{Kind: schema.Table, Schema: id.Schema, Name: id.On})
	})
}

// freeName is a name that no relation and no constraint of the table has.
func (s *spelling) freeName(f *schema.Fact, ending string) string {
	for {
		name := f.ID.Name
		if len(name)+len(ending) > 63 {
			name = strings.ToValidUTF8(name[:63-len(ending)], "")
		}
		name += ending
		taken := func(shape schema.Schema) bool {
			for _, kind := range []schema.Kind{schema.Table, schema.View, schema.MatView, schema.ForeignTable, schema.Sequence, schema.Composite} {
				if _, ok := shape.Find(schema.ID{Kind: kind, Schema: f.ID.Schema, Name: name}); ok {
					return true
				}
			}
			for _, kind := range []schema.Kind{schema.Index, schema.Constraint} {
				if _, ok := shape.Find(schema.ID{Kind: kind, Schema: f.ID.Schema, On: f.ID.On, Name: name}); ok {
					return true
				}
			}
			return false
		}
		if !taken(s.w.Before) && !taken(s.w.After) {
			return name
		}
		ending += "_"
	}
}

// swaps tells whether an index or key of a large table is built anew beside the old
// one, which is dropped when the new one is there.
func (s *spelling) swaps(f *schema.Fact) bool {
	before, _ := s.w.Before.Find(f.ID)
	after, _ := s.w.After.Find(f.ID)
	if !s.large(f) || before == nil || after == nil || !s.w.Drops(f.ID) || !s.w.Creates(f.ID) || s.w.Because(f.ID) != nil {
		return false
	}
	for _, f := range []*schema.Fact{before, after} {
		if f.Get("parent") != "" || s.partitioned(f) || f.ID.Kind == schema.Constraint && !s.canBeLater(f) {
			return false
		}
	}
	return !slices.ContainsFunc(before.Needs, func(id schema.ID) bool {
		c, ok := s.w.Alters(id)
		return id.Kind == schema.Column && (s.w.Drops(id) || ok && (c.Has("type") || c.Has("collation"))) // the old one cannot stay meanwhile
	})
}

// dropIndex drops an index: of a large table while others read and write.
func (s *spelling) dropIndex(f *schema.Fact) {
	switch before, ok := s.w.Before.Find(table(f)); {
	case s.parentGoes(f), s.swaps(f):
	case s.large(f) && !s.w.Creates(f.ID) && f.Get("parent") == "" && ok && before.Get("partition key") == "":
		s.say("DROP INDEX CONCURRENTLY", name(f))
		s.stage(diff.Build)
	default:
		s.say("DROP INDEX", name(f))
	}
}

// buildIndex builds an index of a large table while others read and write.
func (s *spelling) buildIndex(unique string, f *schema.Fact, definition string) {
	called := f.ID.Name
	if s.swaps(f) {
		called = s.freeName(f, "_new")
	}
	s.say("CREATE", unique, "INDEX CONCURRENTLY", Ident(called), "ON", on(f), definition)
	s.stage(diff.Build)
	if called != f.ID.Name {
		s.say("DROP INDEX CONCURRENTLY", name(f))
		s.stage(diff.Build)
		s.say("ALTER INDEX", dotted(f.ID.Schema, called), "RENAME TO", Ident(f.ID.Name))
		s.stage(diff.Build)
	}
}

// constraintLater adds a constraint of a large table without a lock that others
// feel; false where there is no such way, or no need of it.
func (s *spelling) constraintLater(f *schema.Fact) bool {
	if s.l.Bare || f.Get("not valid") != "" || f.Get("not enforced") != "" {
		return false
	}
	switch f.Get("type") {
	case "primary key", "unique":
		return s.large(f) && s.keyLater(f)
	case "foreign key":
		if s.partitioned(f) && s.l.Dialect.Version() < 180000 || !s.large(f) && !slices.ContainsFunc(f.Needs, func(id schema.ID) bool {
			return id.On != "" && s.w.Large(schema.ID{Kind: schema.Table, Schema: id.Schema, Name: id.On})
		}) {
			return false
		}
		if _, there := s.w.Before.Find(table(f)); !there || s.w.Creates(table(f)) {
			return false // it has no rows that could be looked at
		}
	case "check":
		if !s.large(f) || s.hasChildren(table(f)) {
			return false
		}
	default:
		return false
	}
	only := ""
	if !s.partitioned(f) {
		only = "ONLY"
	}
	s.say("ALTER", word(f.Of), only, on(f), "ADD CONSTRAINT", Ident(f.ID.Name), constraintTail(f), "NOT VALID")
	s.stage(diff.NotValid, with(f, "not valid", "yes", schema.Comment, ""))
	s.say("ALTER", word(f.Of), on(f), "VALIDATE CONSTRAINT", Ident(f.ID.Name))
	s.stage(diff.Validate)
	return true
}

// domainLater adds a constraint to a domain of which a large table has columns: they
// are read in a statement of its own, so that nothing else waits for it.
func (s *spelling) domainLater(f *schema.Fact) bool {
	large := func(user *schema.Fact) bool {
		return user.ID.Kind == schema.Column && user.Of == schema.Table && s.w.Large(table(user))
	}
	if s.l.Bare || f.Get("not valid") != "" || !slices.ContainsFunc(s.w.Users(f.Parent()), large) {
		return false
	}
	s.say("ALTER DOMAIN", on(f), "ADD CONSTRAINT", Ident(f.ID.Name), constraintTail(f), "NOT VALID")
	s.stage(diff.NotValid, with(f, "not valid", "yes", schema.Comment, ""))
	s.say("ALTER DOMAIN", on(f), "VALIDATE CONSTRAINT", Ident(f.ID.Name))
	s.stage(diff.Validate)
	return true
}

// fillsLong tells whether a materialized view that is made reads a large table, itself
// or through other views.
func (s *spelling) fillsLong(view schema.ID) bool {
	if s.l.Bare || !s.w.Creates(view) {
		return false
	}
	seen := map[schema.ID]bool{}
	var reads func(id schema.ID) bool
	reads = func(id schema.ID) bool {
		f, ok := s.w.After.Find(id)
		if !ok || seen[id] {
			return false
		}
		seen[id] = true
		switch id.Kind {
		case schema.Table:
			return s.w.Large(id)
		case schema.Column:
			return reads(f.Parent())
		case schema.View:
			return slices.ContainsFunc(f.Needs, reads)
		}
		return false
	}
	f, ok := s.w.After.Find(view)
	return ok && slices.ContainsFunc(f.Needs, reads)
}

// canBeLater tells whether a key can be made of an index.
func (s *spelling) canBeLater(f *schema.Fact) bool {
	def := f.Get("definition")
	return (strings.HasPrefix(def, "UNIQUE ") || strings.HasPrefix(def, "PRIMARY KEY ")) && !strings.Contains(def, " WITHOUT OVERLAPS") && f.Get("parent") == "" && !s.partitioned(f)
}

// keyLater builds the index of a key first and makes the key of it.
func (s *spelling) keyLater(f *schema.Fact) bool {
	if !s.canBeLater(f) {
		return false
	}
	kind, rest, _ := strings.Cut(f.Get("definition"), " (")
	kind, apart := strings.CutSuffix(kind, " NULLS NOT DISTINCT")
	tail := ""
	for _, words := range []string{" INITIALLY DEFERRED", " DEFERRABLE"} {
		if cut, has := strings.CutSuffix(rest, words); has {
			rest, tail = cut, words+tail
		}
	}
	definition := "(" + rest
	if apart {
		definition += " NULLS NOT DISTINCT"
	}
	if options := f.Get("options"); options != "" {
		definition += " WITH (" + optionList(strings.Split(options, "\n")) + ")"
	}
	if space := f.Get("tablespace"); space != "" {
		definition += " TABLESPACE " + Ident(space)
	}
	index, drop := f.ID.Name, ""
	if s.swaps(f) {
		index, drop = s.freeName(f, "_new"), "DROP CONSTRAINT "+Ident(f.ID.Name)+","
	}
	s.say("CREATE UNIQUE INDEX CONCURRENTLY", Ident(index), "ON", on(f), definition)
	s.stage(diff.Build)
	s.say("ALTER TABLE", on(f), drop, "ADD CONSTRAINT", Ident(f.ID.Name), kind, "USING INDEX", Ident(index)+tail)
	s.stage(diff.Build)
	return true
}

// notNullLater makes a column of a large table NOT NULL without reading it under a
// lock that others feel; false where there is no need of it, or no such way. left
// is the column as it is meanwhile.
func (s *spelling) notNullLater(f *schema.Fact, left schema.Fact) bool {
	if !s.large(f) || s.hasChildren(table(f)) || f.Of != schema.Table || f.Get("not null no inherit") != "" || s.proven(f) {
		return false
	}
	if _, isPart := s.parents(&schema.Fact{ID: table(f)}); isPart {
		return false
	}
	if n := len(s.out); n > 0 && len(s.out[n-1].Leaves) == 0 {
		s.out[n-1].Leaves = []schema.Fact{left} // all else is done by then
	}
	if s.l.Dialect.Version() >= 180000 {
		called := f.Get("not null name")
		if called == "" {
			called = f.ID.On + "_" + f.ID.Name + "_not_null"
		}
		s.say("ALTER TABLE", on(f), "ADD CONSTRAINT", Ident(called), "NOT NULL", Ident(f.ID.Name), "NOT VALID")
		s.stage(diff.NotValid, with(&left, "not null", "yes", "not null name", f.Get("not null name"), "not null not valid", "yes"))
		s.say("ALTER TABLE", on(f), "VALIDATE CONSTRAINT", Ident(called))
		s.stage(diff.Validate)
		return true
	}
	check := &schema.Fact{ID: schema.ID{Kind: schema.Constraint, Schema: f.ID.Schema, On: f.ID.On}, Of: f.Of, Needs: []schema.ID{f.ID},
		Attrs: schema.NewAttrs("type", "check", "definition", "CHECK (("+Ident(f.ID.Name)+" IS NOT NULL))")}
	check.ID.Name = s.freeName(&schema.Fact{ID: schema.ID{Schema: f.ID.Schema, On: f.ID.On, Name: f.ID.On + "_" + f.ID.Name}}, "_not_null")
	s.say("ALTER TABLE", on(f), "ADD CONSTRAINT", Ident(check.ID.Name), "CHECK ("+Ident(f.ID.Name)+" IS NOT NULL) NOT VALID")
	s.stage(diff.NotValid, left, with(check, "not valid", "yes"))
	s.say("ALTER TABLE", on(f), "VALIDATE CONSTRAINT", Ident(check.ID.Name))
	s.stage(diff.Validate, *check)
	s.say("ALTER TABLE", on(f), "ALTER COLUMN", Ident(f.ID.Name), "SET NOT NULL")
	s.stage(diff.Tighten)
	s.say("ALTER TABLE", on(f), "DROP CONSTRAINT", Ident(check.ID.Name))
	s.stage(diff.Tighten)
	return true
}

// proven tells whether a valid CHECK says already that a column is never NULL.
func (s *spelling) proven(f *schema.Fact) bool {
	return slices.ContainsFunc(s.w.Before.On(schema.Constraint, f.ID.Schema, f.ID.On), func(k *schema.Fact) bool {
		return k.Get("type") == "check" && k.Get("not valid") == "" && k.Get("not enforced") == "" && s.w.Stays(k.ID) &&
			k.Get("definition") == "CHECK (("+Ident(f.ID.Name)+" IS NOT NULL))"
	})
}

// columnLater adds a column whose default is another one for each row to a large
// table: first the column, then its values chunk by chunk, then NOT NULL.
func (s *spelling) columnLater(f *schema.Fact, defaults map[string]string) bool {
	value := defaults[f.ID.Name]
	if !s.large(f) || value == "" || f.Of != schema.Table || f.Get("inherited") != "" || s.hasChildren(table(f)) || f.Get("identity")+generated(f)+f.Get("not null not valid") != "" {
		return false
	}
	plain := with(f, "not null", "", "not null name", "")
	one := "ALTER TABLE " + on(f) + " ADD COLUMN " + columnHead(f) + prefix(" ", columnTail(&plain, value))
	if !slices.ContainsFunc(s.l.Dialect.Classify(one).Touches, rewrites) {
		return false
	}
	s.say("ALTER TABLE", on(f), "ADD COLUMN", columnHead(f), columnTail(&plain, ""))
	s.say("ALTER TABLE", on(f), "ALTER COLUMN", Ident(f.ID.Name), "SET DEFAULT", value)
	owner, _ := s.w.After.Find(f.Parent())
	s.afterColumn(owner, &plain, defaults, false)
	s.satellites(f)
	left := []schema.Fact{plain}
	for _, p := range s.a.With {
		left = append(left, *p.After)
	}
	s.stage(diff.Add, left...)
	s.say("UPDATE", on(f), "SET", Ident(f.ID.Name), "= "+value, "WHERE", Ident(f.ID.Name), "IS NULL")
	s.stage(diff.Fill, left...)
	if f.Get("not null") != "" && !s.notNullLater(f, plain) {
		s.say("ALTER TABLE", on(f), "ALTER COLUMN", Ident(f.ID.Name), "SET NOT NULL")
		s.stage(diff.Tighten)
	}
	return true
}

// attachLater makes a large table a partition after a CHECK has proven that its
// rows fit, so that they are not read under the lock. The CHECK goes at the end.
func (s *spelling) attachLater(f *schema.Fact, bound string) bool {
	condition := s.boundAsCheck(f, bound)
	if condition == "" || !s.large(f) {
		return false
	}
	check := Ident(s.freeName(&schema.Fact{ID: schema.ID{Schema: f.ID.Schema, On: f.ID.On, Name: f.ID.On}}, "_fits"))
	for _, words := range []string{
		"ALTER TABLE " + on(f) + " ADD CONSTRAINT " + check + " CHECK (" + condition + ") NOT VALID",
		"ALTER TABLE " + on(f) + " VALIDATE CONSTRAINT " + check,
		"ALTER TABLE ONLY " + f.ID.Name + " ATTACH PARTITION " + on(f) + " " + bound,
		"ALTER TABLE " + on(f) + " DROP CONSTRAINT " + check,
	} {
		s.say(words)
		s.stage(diff.Validate)
	}
	return true
}

// boundAsCheck spells the bound of a partition as a condition on its one column;
// "" where it has several, or an expression, or is no range and no list.
func (s *spelling) boundAsCheck(f *schema.Fact, bound string) string {
	key := ""
	for _, id := range f.Needs {
		if parent, ok := s.w.After.Find(id); ok && id.Kind == schema.Table && parent.Get("partition key") != "" && (id.Name != f.ID.On || id.Schema != f.ID.Schema) {
			key = parent.Get("partition key")
		}
	}
	kind, column, _ := strings.Cut(strings.TrimSuffix(key, ")"), " (")
	if column == "" || strings.ContainsAny(column, "(, ") {
		return ""
	}
	if list, ok := strings.CutPrefix(bound, "FOR VALUES IN ("); ok && kind == "LIST" {
		values := argumentList(strings.TrimSuffix(list, ")"))
		if slices.Contains(values, "NULL") {
			return ""
		}
		return column + " IS NOT NULL AND " + column + " IN (" + strings.Join(values, ", ") + ")"
	}
	from, to, ok := strings.Cut(strings.TrimPrefix(bound, "FOR VALUES FROM ("), ") TO (")
	if !ok || kind != "RANGE" {
		return ""
	}
	condition := column + " IS NOT NULL"
	if from != "MINVALUE" {
		condition += " AND " + column + " >= " + from
	}
	if to = strings.TrimSuffix(to, ")"); to != "MAXVALUE" {
		condition += " AND " + column + " < " + to
	}
	return condition
}

// changeFile is the text of a change that gives a column of a large table another
// type without the lock; "" where the table is not written anew.
func (s *spelling) changeFile(c *diff.Change) string {
	f := c.After
	if !s.large(f) || f.Of != schema.Table || !c.Has("type") || keepsFile(c) || generated(f) != "" {
		return ""
	}
	fresh := f.ID.Name + "_new"
	forward := strings.TrimPrefix(using(c), "USING ")
	if forward == "" {
		forward = Ident(f.ID.Name) + "::" + f.Get("type")
	}
	return "-- migrate:change table:" + on(f) + " old:" + Ident(f.ID.Name) + " new:" + Ident(fresh) + "\n\n" +
		"-- migrate:expand\nALTER TABLE " + on(f) + " ADD COLUMN " + Ident(fresh) + " " + f.Get("type") + ";\n\n" +
		"-- migrate:forward\n" + Ident(fresh) + " = " + forward + "\n\n" +
		"-- migrate:backward\n" + Ident(f.ID.Name) + " = " + Ident(fresh) + "::" + c.Before.Get("type") + "\n\n" +
		"-- migrate:hold \"every instance reads and writes only " + fresh + "\"\n\n" +
		"-- migrate:contract\nALTER TABLE " + on(f) + " DROP COLUMN " + Ident(f.ID.Name) + ";\n"
}
